//! Uncompressed samples: bytes of PCM, float, A-law or µ-law into frames of f32. Reads what WAV files carry and what
//! headerless files are declared to be.
//!
//! **Invariant**: reads no byte outside its region and yields whole frames only.

use std::io::{BufReader, Read};

use super::AudioError;
use super::decode::Frames;
use super::region::Region;

/// How one sample is written. Little-endian unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleFormat {
    U8,
    S16,
    S16Be,
    S24,
    S32,
    F32,
    F64,
    Alaw,
    /// Every bit inverted.
    AlawInverted,
    Ulaw,
}

impl SampleFormat {
    pub(super) fn num_bytes(self) -> usize {
        match self {
            Self::U8 | Self::Alaw | Self::AlawInverted | Self::Ulaw => 1,
            Self::S16 | Self::S16Be => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::U8 => "pcm_u8",
            Self::S16 => "pcm_s16le",
            Self::S16Be => "pcm_s16be",
            Self::S24 => "pcm_s24le",
            Self::S32 => "pcm_s32le",
            Self::F32 => "pcm_f32le",
            Self::F64 => "pcm_f64le",
            Self::Alaw => "pcm_alaw",
            Self::AlawInverted => "pcm_alaw_inverted",
            Self::Ulaw => "pcm_mulaw",
        }
    }

    /// Appends the whole frames that interleaved bytes have, for as many channels as `frames` has.
    pub(super) fn append(self, bytes: &[u8], frames: &mut Frames) {
        let sample_bytes = self.num_bytes();
        let frame_bytes = sample_bytes * frames.channels.len().max(1);
        for (index, channel) in frames.channels.iter_mut().enumerate() {
            let from = index * sample_bytes;
            channel.extend(
                bytes.chunks_exact(frame_bytes).map(|frame| self.decode(&frame[from..from + sample_bytes])),
            );
        }
    }

    fn decode(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::U8, [byte]) => (f32::from(*byte) - 128.0) / 128.0,
            (Self::S16, [low, high]) => f32::from(i16::from_le_bytes([*low, *high])) / 32_768.0,
            (Self::S16Be, [high, low]) => f32::from(i16::from_be_bytes([*high, *low])) / 32_768.0,
            (Self::S24, [low, middle, high]) => {
                i32::from_le_bytes([0, *low, *middle, *high]) as f32 / 2_147_483_648.0
            }
            (Self::S32, [b0, b1, b2, b3]) => {
                i32::from_le_bytes([*b0, *b1, *b2, *b3]) as f32 / 2_147_483_648.0
            }
            (Self::F32, [b0, b1, b2, b3]) => finite(f32::from_le_bytes([*b0, *b1, *b2, *b3])),
            (Self::F64, [b0, b1, b2, b3, b4, b5, b6, b7]) => {
                finite(f64::from_le_bytes([*b0, *b1, *b2, *b3, *b4, *b5, *b6, *b7]) as f32)
            }
            (Self::Alaw, [byte]) => f32::from(alaw_to_linear(*byte)) / 32_768.0,
            (Self::AlawInverted, [byte]) => f32::from(alaw_to_linear(!*byte)) / 32_768.0,
            (Self::Ulaw, [byte]) => f32::from(ulaw_to_linear(*byte)) / 32_768.0,
            _ => 0.0,
        }
    }
}

/// A float file may hold anything; a NaN would spread through every filter after it.
fn finite(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-8.0, 8.0) } else { 0.0 }
}

/// ITU-T G.711 A-law, 13-bit result in the top of 16 bits.
pub(super) fn alaw_to_linear(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let mantissa = i16::from(byte & 0x0f) << 4;
    let magnitude = match (byte >> 4) & 0x07 {
        0 => mantissa + 8,
        segment => (mantissa + 0x108) << (segment - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// ITU-T G.711 µ-law, 14-bit result in the top of 16 bits.
pub(super) fn ulaw_to_linear(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((i16::from(byte & 0x0f) << 3) + 0x84) << ((byte >> 4) & 0x07)) - 0x84;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

/// Frames read at a time: about a quarter of a second at 16 kHz.
const FRAMES_PER_READ: usize = 4096;

/// Interleaved samples of one format.
#[derive(Debug)]
pub(super) struct RawReader {
    source: BufReader<Region>,
    format: SampleFormat,
    num_channels: usize,
    buffer: Vec<u8>,
}

impl RawReader {
    pub(super) fn new(source: Region, format: SampleFormat, num_channels: u16) -> Self {
        let num_channels = usize::from(num_channels).max(1);
        let buffer = vec![0; FRAMES_PER_READ * num_channels * format.num_bytes()];
        Self { source: BufReader::new(source), format, num_channels, buffer }
    }

    /// Appends the next frames; `false` at the end.
    pub(super) fn read(&mut self, frames: &mut Frames) -> Result<bool, AudioError> {
        let mut filled = 0;
        while filled < self.buffer.len() {
            let count = self.source.read(&mut self.buffer[filled..])?;
            if count == 0 {
                break;
            }
            filled += count;
        }
        let frame_bytes = self.format.num_bytes() * self.num_channels;
        self.format.append(&self.buffer[..filled], frames);
        Ok(filled >= frame_bytes)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The nearest code by search: slow, and independent of how the decoder computes.
    fn nearest(sample: i16, decode: fn(u8) -> i16) -> u8 {
        (0..=255u8)
            .min_by_key(|byte| (i32::from(decode(*byte)) - i32::from(sample)).abs())
            .expect("the range is not empty")
    }

    pub(in crate::audio) fn linear_to_alaw(sample: i16) -> u8 {
        nearest(sample, alaw_to_linear)
    }

    pub(in crate::audio) fn linear_to_ulaw(sample: i16) -> u8 {
        nearest(sample, ulaw_to_linear)
    }

    #[test]
    fn g711_matches_the_values_of_the_standard() {
        // Idle codes, and the loudest codes of each sign.
        assert_eq!([0xd5, 0x55, 0xaa, 0x2a].map(alaw_to_linear), [8, -8, 32_256, -32_256]);
        assert_eq!([0xff, 0x7f, 0x80, 0x00].map(ulaw_to_linear), [0, 0, 32_124, -32_124]);
    }

    #[test]
    fn integers_of_every_width_reach_both_ends() {
        assert_eq!(SampleFormat::U8.decode(&[0]), -1.0);
        assert_eq!(SampleFormat::S16.decode(&[0x00, 0x80]), -1.0);
        assert_eq!(SampleFormat::S24.decode(&[0x00, 0x00, 0x80]), -1.0);
        assert_eq!(SampleFormat::S24.decode(&[0x00, 0x00, 0x40]), 0.5);
        assert_eq!(SampleFormat::S32.decode(&[0, 0, 0, 0x40]), 0.5);
        assert_eq!(SampleFormat::F32.decode(&f32::NAN.to_le_bytes()), 0.0);
        assert_eq!(SampleFormat::F64.decode(&0.25f64.to_le_bytes()), 0.25);
    }

    proptest! {
        #[test]
        fn companding_loses_less_than_its_step(sample in -32_000i16..32_000) {
            let step = i32::from(sample).abs() / 16 + 16;
            let alaw = alaw_to_linear(linear_to_alaw(sample));
            let ulaw = ulaw_to_linear(linear_to_ulaw(sample));
            prop_assert!((i32::from(alaw) - i32::from(sample)).abs() <= step);
            prop_assert!((i32::from(ulaw) - i32::from(sample)).abs() <= step);
        }
    }
}
