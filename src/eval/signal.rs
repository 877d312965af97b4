//! Synthesises what telephone lines carry besides speech: silence, noise, tones, music.

use std::f32::consts::TAU;

use serde::Serialize;

use crate::audio::SAMPLE_RATE_HZ;

const RATE: f32 = SAMPLE_RATE_HZ as f32;

/// A sound without words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Digital zero.
    Silence,
    /// White noise at −35 dB.
    WhiteNoise,
    /// Pink noise at −25 dB, as of a loud room.
    PinkNoise,
    /// The Chinese ring-back tone: 450 Hz, 1 s on, 4 s off.
    RingBack,
    /// The Chinese busy tone: 450 Hz, 350 ms on, 350 ms off.
    Busy,
    /// Hold music: chords, a melody with vibrato, bass and drums.
    Music,
    /// A slow lead voice with vibrato over strings, close to singing without words.
    Strings,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 7] = [
        Self::Silence,
        Self::WhiteNoise,
        Self::PinkNoise,
        Self::RingBack,
        Self::Busy,
        Self::Music,
        Self::Strings,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::WhiteNoise => "white noise",
            Self::PinkNoise => "pink noise",
            Self::RingBack => "ring-back",
            Self::Busy => "busy tone",
            Self::Music => "hold music",
            Self::Strings => "strings",
        }
    }

    /// Makes `num_samples` at 16 kHz, the same ones every time.
    #[must_use]
    pub fn samples(self, num_samples: usize) -> Vec<f32> {
        let mut noise = Noise::new();
        let mut pink = Pink::default();
        (0..num_samples)
            .map(|index| {
                let seconds = index as f32 / RATE;
                match self {
                    Self::Silence => 0.0,
                    Self::WhiteNoise => 0.018 * noise.next(),
                    Self::PinkNoise => 0.056 * pink.next(noise.next()),
                    Self::RingBack => tone_450(index, 16_000, 80_000),
                    Self::Busy => tone_450(index, 5_600, 11_200),
                    Self::Music => music(seconds, noise.next()),
                    Self::Strings => strings(seconds),
                }
            })
            .collect()
    }
}

/// 450 Hz for the first `on` samples of every `period`. 450 Hz repeats every 320 samples, which keeps the phase exact.
fn tone_450(index: usize, on: usize, period: usize) -> f32 {
    if index % period < on { 0.3 * sine(450.0, (index % 320) as f32 / RATE) } else { 0.0 }
}

fn sine(hz: f32, seconds: f32) -> f32 {
    ((hz * seconds).fract() * TAU).sin()
}

/// Frequencies of the chords C, A minor, F, G.
const CHORDS: [[f32; 3]; 4] =
    [[261.6, 329.6, 392.0], [220.0, 261.6, 329.6], [174.6, 220.0, 261.6], [196.0, 246.9, 293.7]];

/// A pentatonic tune, one note a beat.
const TUNE: [f32; 16] = [
    523.3, 587.3, 659.3, 784.0, 659.3, 587.3, 523.3, 440.0, 392.0, 440.0, 523.3, 587.3, 784.0, 659.3, 587.3,
    523.3,
];

/// One sample of a piece at 120 beats a minute.
fn music(seconds: f32, noise: f32) -> f32 {
    let beat = seconds * 2.0;
    let in_beat = beat.fract() / 2.0;
    let chord = CHORDS[(beat / 4.0) as usize % CHORDS.len()];
    let note = TUNE[beat as usize % TUNE.len()];
    let piano: f32 =
        chord.iter().map(|&hz| harmonics(hz, seconds, 6, 1.2)).sum::<f32>() * (-2.5 * in_beat).exp();
    let lead = harmonics(note, seconds + 0.0006 * sine(5.5, seconds), 5, 1.0) * (-1.5 * in_beat).exp();
    let bass = harmonics(chord[0] / 2.0, seconds, 3, 1.5);
    let kick = sine(55.0, in_beat) * (-18.0 * in_beat).exp();
    let hat = noise * (-60.0 * (beat * 2.0).fract() / 4.0).exp();
    0.06 * piano + 0.1 * lead + 0.08 * bass + 0.15 * kick + 0.03 * hat
}

/// One sample of held chords under a voice-like lead.
fn strings(seconds: f32) -> f32 {
    let chord = CHORDS[(seconds / 4.0) as usize % CHORDS.len()];
    let swell = 0.6 + 0.4 * sine(0.25, seconds);
    let pad: f32 = chord.iter().map(|&hz| harmonics(hz, seconds + 0.0004 * sine(4.8, seconds), 8, 1.0)).sum();
    let note = TUNE[(seconds / 1.5) as usize % TUNE.len()] / 2.0;
    let lead = harmonics(note, seconds + 0.0015 * sine(5.2, seconds), 10, 0.8);
    swell * (0.05 * pad + 0.12 * lead)
}

/// A note with overtones that weaken as `1 / n^decay`.
fn harmonics(hz: f32, seconds: f32, count: u8, decay: f32) -> f32 {
    (1..=count).map(f32::from).map(|n| sine(hz * n, seconds) / n.powf(decay)).sum()
}

/// White noise between −1 and 1 from a fixed seed (xorshift).
struct Noise(u32);

impl Noise {
    fn new() -> Self {
        Self(0x9e37_79b9)
    }

    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / f32::from(1u16 << 15) / 256.0 - 1.0
    }
}

/// Turns white noise into pink (Paul Kellet's economical filter).
#[derive(Default)]
struct Pink([f32; 3]);

impl Pink {
    fn next(&mut self, white: f32) -> f32 {
        let [a, b, c] = &mut self.0;
        *a = 0.99765 * *a + white * 0.099_046;
        *b = 0.963 * *b + white * 0.296_516_4;
        *c = 0.57 * *c + white * 1.052_691_3;
        (*a + *b + *c + white * 0.1848) / 3.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn signals_are_audible_bounded_and_repeatable() {
        for signal in Signal::ALL {
            let samples = signal.samples(48_000);
            assert!(samples.iter().all(|s| s.is_finite() && s.abs() <= 1.0), "{signal:?}");
            assert_eq!(samples, signal.samples(48_000), "{signal:?}");
            assert_eq!(rms(&samples) > 0.005, signal != Signal::Silence, "{signal:?}: {}", rms(&samples));
        }
    }

    #[test]
    fn ring_back_sounds_one_second_in_five() {
        let samples = Signal::RingBack.samples(160_000);
        assert!(rms(&samples[..16_000]) > 0.2);
        assert!(rms(&samples[16_000..80_000]) < 1e-6);
        assert!(rms(&samples[80_000..96_000]) > 0.2);
    }

    #[test]
    fn noise_has_no_offset() {
        for signal in [Signal::WhiteNoise, Signal::PinkNoise] {
            let samples = signal.samples(48_000);
            let mean = samples.iter().sum::<f32>() / 160_000.0;
            assert!(mean.abs() < 0.1 * rms(&samples), "{signal:?}: {mean}");
        }
    }
}
