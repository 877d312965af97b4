//! How loud a channel is: over the whole recording, at its peak, and for each tenth of a second.
//!
//! Measured on the samples as decoded, before resampling, because a filter hides clipping.

use super::ChannelProfile;
use crate::types::ChannelIndex;

/// What is written for digital silence, in dB relative to full scale.
const FLOOR_DBFS: f32 = -120.0;

/// A channel whose loudest tenth of a second is below this carries nothing that can be heard: the idle noise of a
/// G.711 line is at −68, a whisper at −50.
const AUDIBLE_DBFS: i8 = -60;

/// Power as dB relative to a full-scale square wave.
pub(super) fn power_to_dbfs(power: f64) -> f32 {
    if power <= 1e-12 { FLOOR_DBFS } else { (10.0 * power.log10()) as f32 }
}

/// Measures one channel.
#[derive(Debug)]
pub(super) struct LevelMeter {
    window_len: usize,
    clip_level: f32,
    energy: f64,
    window_energy: f64,
    window_filled: usize,
    num_samples: u64,
    num_clipped: u64,
    peak: f32,
    envelope_dbfs: Vec<i8>,
}

impl LevelMeter {
    /// `full_scale` is the highest value that the recording's codec can write.
    pub(super) fn new(rate_hz: u32, full_scale: f32) -> Self {
        Self {
            window_len: (rate_hz / 10).max(1) as usize,
            clip_level: full_scale * 0.999,
            energy: 0.0,
            window_energy: 0.0,
            window_filled: 0,
            num_samples: 0,
            num_clipped: 0,
            peak: 0.0,
            envelope_dbfs: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        for sample in samples {
            let magnitude = sample.abs();
            self.peak = self.peak.max(magnitude);
            self.num_clipped += u64::from(magnitude >= self.clip_level);
            self.window_energy += f64::from(*sample) * f64::from(*sample);
            self.window_filled += 1;
            if self.window_filled == self.window_len {
                self.close_window();
            }
        }
        self.num_samples += samples.len() as u64;
    }

    fn close_window(&mut self) {
        let power = self.window_energy / self.window_filled.max(1) as f64;
        // Between −120 and about +18 by construction.
        self.envelope_dbfs.push(power_to_dbfs(power).round() as i8);
        self.energy += self.window_energy;
        self.window_energy = 0.0;
        self.window_filled = 0;
    }

    pub(super) fn finish(mut self, channel: ChannelIndex) -> ChannelProfile {
        if self.window_filled > 0 {
            self.close_window();
        }
        let num_samples = self.num_samples.max(1) as f64;
        let loudest = self.envelope_dbfs.iter().copied().max().unwrap_or(i8::MIN);
        ChannelProfile {
            channel,
            rms_dbfs: power_to_dbfs(self.energy / num_samples),
            peak_dbfs: power_to_dbfs(f64::from(self.peak) * f64::from(self.peak)),
            clipped: (self.num_clipped as f64 / num_samples) as f32,
            silent: loudest < AUDIBLE_DBFS,
            envelope_dbfs: self.envelope_dbfs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(samples: &[f32]) -> ChannelProfile {
        let mut meter = LevelMeter::new(8000, 1.0);
        meter.push(samples);
        meter.finish(ChannelIndex(0))
    }

    #[test]
    fn a_square_wave_at_full_scale_is_zero_db_and_clipped() {
        let samples: Vec<f32> = (0..8000).map(|index| if index % 20 < 10 { 1.0 } else { -1.0 }).collect();
        let profile = profile(&samples);
        assert_eq!((profile.rms_dbfs, profile.peak_dbfs, profile.clipped), (0.0, 0.0, 1.0));
        assert_eq!(profile.envelope_dbfs, vec![0; 10]);
        assert!(!profile.silent);
    }

    #[test]
    fn idle_noise_is_silence_and_one_loud_moment_is_not() {
        let mut samples = vec![8.0 / 32_768.0; 8000];
        assert!(profile(&samples).silent);
        samples[4000..4800].fill(0.1);
        let loud = profile(&samples);
        assert!(!loud.silent);
        assert_eq!(loud.envelope_dbfs[5], -20);
        assert_eq!(loud.envelope_dbfs[4], -72);
    }

    #[test]
    fn no_samples_are_digital_silence() {
        let profile = profile(&[]);
        assert_eq!((profile.rms_dbfs, profile.silent, profile.envelope_dbfs.len()), (-120.0, true, 0));
    }
}
