//! Any sample rate to 16 kHz, all channels in step.
//!
//! **Invariant**: n frames in give exactly n × 16000 / rate frames out (rounded to nearest), without the filter's
//! delay: sample times are those of the recording.

use audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler as _};

use super::SAMPLE_RATE_HZ;
use super::decode::Frames;

/// Frames per transform, as a share of a second: 20 ms. Images stay below −160 dB and speech flat to its edge.
const CHUNKS_PER_SEC: u32 = 50;

/// Converts a stream of frames to 16 kHz.
pub(super) struct Resampler {
    rate_hz: u32,
    /// `None` when the frames are at 16 kHz already.
    filter: Option<Fft<f32>>,
    waiting: Frames,
    output: Vec<Vec<f32>>,
    delay_left: usize,
    num_frames_in: u64,
    num_frames_out: u64,
}

impl Resampler {
    /// `rate_hz` is one of `RATES_HZ`, `num_channels` at least one.
    pub(super) fn new(rate_hz: u32, num_channels: usize) -> Self {
        let filter = (rate_hz != SAMPLE_RATE_HZ).then(|| {
            let chunk = chunk_len(rate_hz);
            Fft::new(rate_hz as usize, SAMPLE_RATE_HZ as usize, chunk, num_channels, FixedSync::Both).expect(
                "rates and chunk are over zero, because the rate is checked when a recording is opened",
            )
        });
        let delay_left = filter.as_ref().map_or(0, |filter| filter.output_delay());
        let num_out = filter.as_ref().map_or(0, |filter| filter.output_frames_max());
        Self {
            rate_hz,
            filter,
            waiting: Frames::new(num_channels),
            output: vec![vec![0.0; num_out]; num_channels],
            delay_left,
            num_frames_in: 0,
            num_frames_out: 0,
        }
    }

    /// Takes `input` and appends to `output` what is finished.
    pub(super) fn push(&mut self, input: &mut Frames, output: &mut Frames) {
        self.num_frames_in += input.len() as u64;
        if self.filter.is_none() {
            self.num_frames_out += input.len() as u64;
            output.append(input);
            return;
        }
        self.waiting.append(input);
        self.run(output, None);
    }

    /// Appends what is still inside; the resampler is used up then.
    pub(super) fn finish(&mut self, output: &mut Frames) {
        let Some(filter) = &self.filter else { return };
        let chunk = filter.input_frames_next();
        let due = rescale(self.num_frames_in, self.rate_hz);
        while self.num_frames_out < due {
            // Silence pushes the rest out of the filter.
            for channel in &mut self.waiting.channels {
                let len = channel.len();
                channel.resize(len.max(chunk), 0.0);
            }
            self.run(output, Some(due));
        }
    }

    fn run(&mut self, output: &mut Frames, due: Option<u64>) {
        let Some(filter) = &mut self.filter else { return };
        let num_channels = self.waiting.channels.len();
        let chunk = filter.input_frames_next();
        let mut used = 0;
        while self.waiting.len() - used >= chunk {
            let piece: Vec<Vec<f32>> =
                self.waiting.channels.iter().map(|channel| channel[used..used + chunk].to_vec()).collect();
            used += chunk;
            let num_out = self.output.first().map_or(0, Vec::len);
            let input = SequentialSliceOfVecs::new(&piece, num_channels, chunk)
                .expect("every channel of the piece has a chunk of frames");
            let mut buffer = SequentialSliceOfVecs::new_mut(&mut self.output, num_channels, num_out)
                .expect("the output is made with this size");
            let (_, written) = filter
                .process_into_buffer(&input, &mut buffer, None)
                .expect("both buffers have the sizes that the filter asks for");
            let skip = self.delay_left.min(written);
            self.delay_left -= skip;
            let mut keep = written - skip;
            if let Some(due) = due {
                // What is left is less than a recording, far below a usize.
                keep = keep.min((due - self.num_frames_out) as usize);
            }
            for (to, from) in output.channels.iter_mut().zip(&self.output) {
                to.extend_from_slice(&from[skip..skip + keep]);
            }
            self.num_frames_out += keep as u64;
            if due == Some(self.num_frames_out) {
                break;
            }
        }
        self.waiting.drop_front(used);
    }
}

/// Frames that go into one transform: a multiple of the shortest stretch that is a whole number of frames at both
/// rates, and even at both, because the filter's delay is half of it and must be whole to be cut off exactly.
fn chunk_len(rate_hz: u32) -> usize {
    let common = gcd(rate_hz, SAMPLE_RATE_HZ);
    let shortest = rate_hz / common;
    let any_odd = shortest % 2 == 1 || (SAMPLE_RATE_HZ / common) % 2 == 1;
    let step = if any_odd { 2 * shortest } else { shortest };
    ((rate_hz / CHUNKS_PER_SEC).div_ceil(step).max(1) * step) as usize
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Length at 16 kHz of `num_frames` at `rate_hz`, rounded to nearest.
pub(super) fn rescale(num_frames: u64, rate_hz: u32) -> u64 {
    let rate = u64::from(rate_hz.max(1));
    (num_frames * u64::from(SAMPLE_RATE_HZ) + rate / 2) / rate
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tone(frequency_hz: f32, rate_hz: u32, num_frames: usize) -> Vec<f32> {
        // In f64, because f32 cannot hold the phase of a long tone.
        let step = std::f64::consts::TAU * f64::from(frequency_hz) / f64::from(rate_hz);
        (0..num_frames).map(|index| (0.5 * (step * index as f64).sin()) as f32).collect()
    }

    fn resampled(samples: &[f32], rate_hz: u32, piece: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate_hz, 1);
        let mut output = Frames::new(1);
        for part in samples.chunks(piece) {
            resampler.push(&mut Frames { channels: vec![part.to_vec()] }, &mut output);
        }
        resampler.finish(&mut output);
        output.channels.remove(0)
    }

    fn power(samples: &[f32]) -> f64 {
        samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len().max(1) as f64
    }

    #[test]
    fn a_tone_stays_where_it_was() {
        for rate_hz in [8000, 11_025, 22_050, 44_100, 48_000] {
            let input = tone(440.0, rate_hz, rate_hz as usize * 2);
            let output = resampled(&input, rate_hz, 1000);
            let wanted = tone(440.0, SAMPLE_RATE_HZ, output.len());
            assert_eq!(output.len(), 32_000);
            for (index, (is, should)) in output.iter().zip(&wanted).enumerate().skip(800).take(30_000) {
                assert!((is - should).abs() < 0.01, "{rate_hz} Hz, sample {index}: {is} instead of {should}");
            }
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_gone() {
        let output = resampled(&tone(12_000.0, 48_000, 48_000), 48_000, 4096);
        assert!(power(&output[500..15_500]) < 1e-8);
    }

    #[test]
    fn audio_at_16_khz_passes_unchanged() {
        let input = tone(440.0, SAMPLE_RATE_HZ, 5000);
        assert_eq!(resampled(&input, SAMPLE_RATE_HZ, 999), input);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_length_is_exact_and_the_energy_kept(
            rate_hz in prop_oneof![Just(8000u32), Just(6000), Just(44_100), 4000u32..192_000],
            num_frames in 0usize..40_000,
            piece in 1usize..5000,
        ) {
            let input = tone(500.0, rate_hz, num_frames);
            let output = resampled(&input, rate_hz, piece);
            prop_assert_eq!(output.len() as u64, rescale(num_frames as u64, rate_hz));
            if num_frames as u32 > rate_hz / 4 {
                prop_assert!((power(&output) / power(&input) - 1.0).abs() < 0.05);
            }
        }
    }
}
