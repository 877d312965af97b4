//! Sends clean speech through a telephone line: 8 kHz and A-law, then back to 16 kHz.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::audio::SAMPLE_RATE_HZ;

const LINE_RATE_HZ: usize = 8000;
const CHUNK_FRAMES: usize = 160;

/// What remains of `samples` (16 kHz, −1.0 to 1.0) after a telephone line; of the same length, give or take a sample.
#[must_use]
pub fn through_telephone(samples: &[f32]) -> Vec<f32> {
    let mut line = resample(samples, SAMPLE_RATE_HZ as usize, LINE_RATE_HZ);
    for sample in &mut line {
        *sample = decode_alaw(encode_alaw(*sample));
    }
    resample(&line, LINE_RATE_HZ, SAMPLE_RATE_HZ as usize)
}

fn resample(samples: &[f32], from_hz: usize, to_hz: usize) -> Vec<f32> {
    if samples.is_empty() {
        return Vec::new();
    }
    let mut resampler = Fft::<f32>::new(from_hz, to_hz, CHUNK_FRAMES, 1, FixedSync::Both)
        .expect("two fixed rates and one channel are valid");
    let input =
        InterleavedSlice::new(samples, 1, samples.len()).expect("one channel has as many frames as samples");
    let output = resampler
        .process_all(&input, samples.len(), None)
        .expect("the adapter holds every frame that is announced");
    output.take_data()
}

/// A-law as ITU-T G.711 defines it, on the 13-bit scale: sign, three bits of segment, four of step, even bits inverted.
fn encode_alaw(sample: f32) -> u8 {
    let linear = (sample * 4096.0).floor().clamp(-4096.0, 4095.0) as i16;
    let (sign, magnitude) = if linear >= 0 { (0x80, linear) } else { (0, -linear - 1) };
    let segment = (magnitude >> 5).checked_ilog2().map_or(0, |log| log as i16 + 1);
    let step = if segment < 2 { magnitude >> 1 } else { magnitude >> segment } & 0x0f;
    let code = u8::try_from(sign | (segment << 4) | step).expect("sign, segment and step fill eight bits");
    code ^ 0x55
}

fn decode_alaw(code: u8) -> f32 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = i16::from(code & 0x0f);
    let magnitude = if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) };
    let linear = if code & 0x80 == 0 { -magnitude } else { magnitude };
    f32::from(linear) / 4096.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alaw_codes_are_those_of_the_standard() {
        // G.711 table 1a: the smallest and the largest code of each sign.
        assert_eq!(encode_alaw(0.0), 0xd5);
        assert_eq!(encode_alaw(1.0), 0xaa);
        assert_eq!(encode_alaw(-1.0), 0x2a);
        assert_eq!(encode_alaw(-0.0001), 0x55);
        assert!((decode_alaw(0xaa) - 4032.0 / 4096.0).abs() < f32::EPSILON);
    }

    #[test]
    fn every_code_survives_a_second_passage() {
        for code in 0..=u8::MAX {
            assert_eq!(encode_alaw(decode_alaw(code)), code);
        }
    }

    #[test]
    fn the_line_keeps_speech_and_cuts_what_is_above() {
        let tone = |hz: f32| -> Vec<f32> {
            (0u16..16_000)
                .map(|i| 0.5 * (f32::from(i) / 16_000.0 * hz * std::f32::consts::TAU).sin())
                .collect()
        };
        let energy = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>();
        let kept = through_telephone(&tone(1000.0));
        assert!(kept.len().abs_diff(16_000) <= 1);
        assert!((energy(&kept) / energy(&tone(1000.0)) - 1.0).abs() < 0.02);
        assert!(energy(&through_telephone(&tone(6000.0))) < 0.001 * energy(&tone(6000.0)));
        assert!(through_telephone(&[]).is_empty());
    }
}
