//! Turns samples into one short vector per 20 ms: the shape of the spectrum, its level and the pitch.
//!
//! Only the band of a telephone counts (200 to 3,600 Hz), so that a call sounds the same whatever it was recorded with.
//! No mean is taken off: the two sides of a call come through different handsets and lines, which helps to tell them apart.
//!
//! **Invariant**: frame `i` tells of the samples around `i × 20 ms`; memory is 44 bytes a frame, 8 MB an hour.

use std::f32::consts::PI;
use std::sync::Arc;

use half::f16;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::audio::SAMPLE_RATE_HZ;
use crate::types::Millis;

/// Time between two frames.
pub(super) const FRAME_MS: u64 = 20;

/// Cepstral coefficients of a frame, the level not counted.
pub(super) const NUM_CEPSTRA: usize = 19;

const HOP: usize = SAMPLE_RATE_HZ as usize * FRAME_MS as usize / 1000;
/// Samples that a frame looks at: 40 ms, three periods of the lowest pitch.
const WINDOW: usize = 640;
const FFT_LEN: usize = 1024;
const NUM_BANDS: usize = 24;
const LOWEST_HZ: f32 = 200.0;
const HIGHEST_HZ: f32 = 3_600.0;
const LOWEST_PITCH_HZ: f32 = 70.0;
const HIGHEST_PITCH_HZ: f32 = 400.0;
/// A frame is voiced from this share of periodic energy on.
const VOICED: f32 = 0.6;
/// Added to every band: about the noise of 8-bit A-law, so that digital silence is a frame like others.
const BAND_FLOOR: f32 = 1e-7;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// Mel cepstrum without the level.
    pub(super) cepstra: [f16; NUM_CEPSTRA],
    /// Energy within the band in dB, of any fixed reference.
    pub(super) level: f16,
    /// Octaves of the pitch over 70 Hz; negative where there is none.
    pub(super) pitch: f16,
}

/// The frames of one channel, in order from its start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Voice {
    pub(super) frames: Vec<Frame>,
}

impl Voice {
    /// How much of the recording it has heard.
    #[must_use]
    pub fn duration(&self) -> Millis {
        Millis(self.frames.len() as u64 * FRAME_MS)
    }
}

/// Listens to the samples of one channel as they pass.
pub struct Listener {
    analysis: Analysis,
    pending: Vec<f32>,
    voice: Voice,
}

impl Default for Listener {
    fn default() -> Self {
        // Half a window before the first sample, so that frame 0 is centred on it.
        Self { analysis: Analysis::new(), pending: vec![0.0; WINDOW / 2], voice: Voice::default() }
    }
}

impl Listener {
    /// Hears the next samples, 16 kHz, −1.0 to 1.0.
    pub fn hear(&mut self, samples: &[f32]) {
        self.pending.extend_from_slice(samples);
        let mut used = 0;
        while let Some(window) = self.pending.get(used..used + WINDOW) {
            let frame = self.analysis.frame(window);
            self.voice.frames.push(frame);
            used += HOP;
        }
        self.pending.drain(..used);
    }

    /// What was heard.
    #[must_use]
    pub fn finish(mut self) -> Voice {
        self.hear(&[0.0; WINDOW / 2]);
        self.voice
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("num_frames", &self.voice.frames.len()).finish_non_exhaustive()
    }
}

/// A band of the mel scale: its first bin and the weight of each.
struct Band {
    from: usize,
    weights: Vec<f32>,
}

struct Analysis {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    /// Autocorrelation of the window, by which that of the windowed signal is divided.
    window_correlation: Vec<f32>,
    bands: Vec<Band>,
    cosines: Vec<f32>,
    time: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    correlation: Vec<f32>,
}

impl Analysis {
    fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, backward) = (planner.plan_fft_forward(FFT_LEN), planner.plan_fft_inverse(FFT_LEN));
        let window: Vec<f32> =
            (0..WINDOW).map(|i| 0.5 - 0.5 * (2.0 * PI * (i as f32 + 0.5) / WINDOW as f32).cos()).collect();
        let mut analysis = Self {
            time: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            correlation: backward.make_output_vec(),
            forward,
            backward,
            window,
            window_correlation: Vec::new(),
            bands: bands(),
            cosines: cosines(),
        };
        analysis.transform(&[1.0; WINDOW]);
        analysis.correlate();
        analysis.window_correlation = analysis.correlation.clone();
        analysis
    }

    fn frame(&mut self, samples: &[f32]) -> Frame {
        self.transform(samples);
        let mut logs = [0.0_f32; NUM_BANDS];
        let mut energy = 0.0;
        for (band, log) in self.bands.iter().zip(&mut logs) {
            let bins = self.spectrum.iter().skip(band.from);
            let power: f32 = bins.zip(&band.weights).map(|(bin, weight)| bin.norm_sqr() * weight).sum();
            energy += power;
            *log = (power / FFT_LEN as f32 + BAND_FLOOR).ln();
        }
        let mut cepstra = [f16::ZERO; NUM_CEPSTRA];
        for (cepstrum, row) in cepstra.iter_mut().zip(self.cosines.chunks_exact(NUM_BANDS)) {
            *cepstrum = f16::from_f32(row.iter().zip(&logs).map(|(cosine, log)| cosine * log).sum());
        }
        let level = 10.0 * (energy / FFT_LEN as f32 + BAND_FLOOR).log10();
        Frame { cepstra, level: f16::from_f32(level), pitch: f16::from_f32(self.pitch().unwrap_or(-1.0)) }
    }

    /// The spectrum of `samples`.
    fn transform(&mut self, samples: &[f32]) {
        self.time.fill(0.0);
        let mean = samples.iter().sum::<f32>() / samples.len().max(1) as f32;
        // The mean is taken off speech, but not off the window itself.
        let mean = if self.window_correlation.is_empty() { 0.0 } else { mean };
        for ((sample, weight), out) in samples.iter().zip(&self.window).zip(&mut self.time) {
            *out = (sample - mean) * weight;
        }
        self.forward
            .process(&mut self.time, &mut self.spectrum)
            .expect("the buffers were made by the transform");
    }

    /// Autocorrelation from the spectrum, which it uses up.
    fn correlate(&mut self) {
        for bin in &mut self.spectrum {
            *bin = Complex::new(bin.norm_sqr(), 0.0);
        }
        self.backward
            .process(&mut self.spectrum, &mut self.correlation)
            .expect("the buffers were made by the transform");
    }

    /// Octaves over [`LOWEST_PITCH_HZ`], by the autocorrelation of the windowed signal over that of the window (Boersma 1993).
    fn pitch(&mut self) -> Option<f32> {
        // What lies above the first formants only blurs the period.
        for bin in self.spectrum.iter_mut().skip(1_200 * FFT_LEN / SAMPLE_RATE_HZ as usize) {
            *bin = Complex::default();
        }
        self.correlate();
        let (shortest, longest) = (
            (SAMPLE_RATE_HZ as f32 / HIGHEST_PITCH_HZ) as usize,
            (SAMPLE_RATE_HZ as f32 / LOWEST_PITCH_HZ) as usize,
        );
        let whole = *self.correlation.first()?;
        if whole <= f32::EPSILON {
            return None;
        }
        let window_whole = *self.window_correlation.first()?;
        let at = |lag: usize| {
            let shared = self.window_correlation.get(lag).copied().unwrap_or(0.0) / window_whole;
            self.correlation.get(lag).copied().unwrap_or(0.0) / whole / shared.max(0.05)
        };
        let mut best: Option<(usize, f32, f32)> = None;
        for lag in shortest..=longest {
            let height = at(lag);
            if height >= at(lag - 1) && height >= at(lag + 1) {
                // A period twice as long fits as well; the shorter one is meant.
                let worth = height - 0.05 * (lag as f32 / shortest as f32).log2();
                if best.is_none_or(|(_, _, most)| worth > most) {
                    best = Some((lag, height, worth));
                }
            }
        }
        let (lag, height, _) = best?;
        (height >= VOICED).then(|| (SAMPLE_RATE_HZ as f32 / lag as f32 / LOWEST_PITCH_HZ).log2().max(0.0))
    }
}

fn bands() -> Vec<Band> {
    let mel = |hz: f32| (1.0 + hz / 700.0).ln();
    let hz = |mel: f32| (mel.exp() - 1.0) * 700.0;
    let (low, high) = (mel(LOWEST_HZ), mel(HIGHEST_HZ));
    let edge = |index: usize| hz(low + (high - low) * index as f32 / (NUM_BANDS + 1) as f32);
    let bin_hz = SAMPLE_RATE_HZ as f32 / FFT_LEN as f32;
    (0..NUM_BANDS)
        .map(|index| {
            let (left, middle, right) = (edge(index), edge(index + 1), edge(index + 2));
            let (from, to) = ((left / bin_hz).ceil() as usize, (right / bin_hz).floor() as usize);
            let weight = |bin: usize| {
                let at = bin as f32 * bin_hz;
                let rise = (at - left) / (middle - left);
                let fall = (right - at) / (right - middle);
                // Higher bands count for more: speech falls off by 6 dB an octave.
                rise.min(fall).max(0.0) * (at / 1_000.0).powi(2).clamp(0.05, 10.0)
            };
            Band { from, weights: (from..=to).map(weight).collect() }
        })
        .collect()
}

fn cosines() -> Vec<f32> {
    let row = |order: usize| {
        (0..NUM_BANDS).map(move |band| {
            (PI * order as f32 * (band as f32 + 0.5) / NUM_BANDS as f32).cos()
                * (2.0 / NUM_BANDS as f32).sqrt()
        })
    };
    (1..=NUM_CEPSTRA).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(sample: impl Fn(f32) -> f32) -> Vec<Frame> {
        let mut listener = Listener::default();
        let samples: Vec<f32> = (0..16_000).map(|at| sample(at as f32 / SAMPLE_RATE_HZ as f32)).collect();
        listener.hear(&samples);
        listener.finish().frames
    }

    /// A buzz of `pitch` Hz with harmonics up to 3 kHz.
    fn buzz(pitch: f32) -> impl Fn(f32) -> f32 {
        move |secs| {
            (1..(3_000.0 / pitch) as u32).map(|n| 0.02 * (2.0 * PI * pitch * n as f32 * secs).cos()).sum()
        }
    }

    #[test]
    fn the_pitch_of_a_voice_is_found_within_a_semitone() {
        for pitch in [80.0, 110.0, 150.0, 215.0, 300.0] {
            let heard = frames(buzz(pitch));
            let expected = (pitch / LOWEST_PITCH_HZ).log2();
            for frame in heard.iter().skip(3).take(40) {
                let found = frame.pitch.to_f32();
                assert!((found - expected).abs() < 1.0 / 12.0, "{pitch} Hz: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn silence_and_a_hiss_have_no_pitch() {
        assert!(frames(|_| 0.0).iter().all(|frame| frame.pitch < f16::ZERO));
        let hiss = frames(|secs| ((secs * 16_000.0).powi(2) * 0.618).fract() * 0.1 - 0.05);
        let num_voiced = hiss.iter().filter(|frame| frame.pitch >= f16::ZERO).count();
        assert!(num_voiced < hiss.len() / 10, "{num_voiced} of {}", hiss.len());
    }

    #[test]
    fn what_lies_outside_the_telephone_band_changes_nothing() {
        let heard = frames(buzz(150.0));
        let wide = frames(|secs| buzz(150.0)(secs) + 0.1 * (2.0 * PI * 5_000.0 * secs).sin());
        for (one, other) in heard.iter().zip(&wide).skip(3).take(40) {
            for (a, b) in one.cepstra.iter().zip(&other.cepstra) {
                assert!((a.to_f32() - b.to_f32()).abs() < 0.5, "{a} and {b}");
            }
        }
    }
}
