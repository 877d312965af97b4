//! One stereo recording of the two sides of a call.

use std::io::Write;
use std::path::Path;

use super::JoinError;
use crate::audio::{AudioConfig, AudioStream, SAMPLE_RATE_HZ};
use crate::types::AudioDeclaration;

/// Bytes of one frame: two channels of 16 bits.
const FRAME_BYTES: u64 = 4;

/// Bytes of the header.
const HEADER_BYTES: u64 = 44;

/// Writes both legs of a call as one WAV file to `out`: 16 bits, 16 kHz, `first` on channel 0 and `second` on channel 1,
/// the shorter one with silence at its end. The same legs give the same bytes. Both are decoded twice, since the header
/// comes first and says how long they are; neither is ever held in memory. Gives the frames written.
///
/// `declaration` is how to read each leg; its `file_name` is not used, every leg has its own.
///
/// # Errors
/// [`JoinError`] when a leg cannot be decoded or has more than one channel, before anything is written; when both are too
/// long for a WAV file; and for what `out` says.
pub fn join_legs(
    first: &Path,
    second: &Path,
    declaration: &AudioDeclaration,
    config: &AudioConfig,
    out: &mut impl Write,
) -> Result<u64, JoinError> {
    let mut num_frames = 0;
    for path in [first, second] {
        let mut leg = Leg::open(path, declaration, config)?;
        let mut len = 0;
        while let Some(samples) = leg.next()? {
            len += samples.len() as u64;
        }
        num_frames = num_frames.max(len);
    }
    let data_bytes = num_frames * FRAME_BYTES;
    let data_bytes = u32::try_from(data_bytes)
        .ok()
        .filter(|_| data_bytes + HEADER_BYTES <= u64::from(u32::MAX))
        .ok_or(JoinError::TooLong)?;
    let written = |source| JoinError::Write { source };
    out.write_all(&header(data_bytes)).map_err(written)?;
    let (mut left, mut right) =
        (Leg::open(first, declaration, config)?, Leg::open(second, declaration, config)?);
    let mut num_left = num_frames;
    let mut bytes = Vec::new();
    while num_left > 0 {
        let (one, other) = (left.next()?.unwrap_or_default(), right.next()?.unwrap_or_default());
        // A file that changed since it was measured must not make the header a lie.
        let len = one.len().max(other.len()) as u64;
        let len = if len == 0 { num_left } else { len.min(num_left) };
        bytes.clear();
        for index in 0..usize::try_from(len).unwrap_or_default() {
            for samples in [&one, &other] {
                bytes.extend(to_i16(samples.get(index).copied().unwrap_or_default()).to_le_bytes());
            }
        }
        out.write_all(&bytes).map_err(written)?;
        num_left -= len;
    }
    Ok(num_frames)
}

/// A leg, decoded block by block.
struct Leg<'a> {
    path: &'a Path,
    stream: AudioStream,
}

impl<'a> Leg<'a> {
    fn open(path: &'a Path, declaration: &AudioDeclaration, config: &AudioConfig) -> Result<Self, JoinError> {
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let declaration = AudioDeclaration { file_name, ..declaration.clone() };
        let stream = AudioStream::open(path, &declaration, &[], config)
            .map_err(|source| JoinError::Leg { path: path.to_owned(), source })?;
        Ok(Self { path, stream })
    }

    /// The next samples; every block but the last has the same length.
    fn next(&mut self) -> Result<Option<Vec<f32>>, JoinError> {
        let Some(block) = self.stream.next() else { return Ok(None) };
        let mut block = block.map_err(|source| JoinError::Leg { path: self.path.to_owned(), source })?;
        let num_channels = block.channels.len();
        match (block.channels.pop(), num_channels) {
            (Some(samples), 1) => Ok(Some(samples)),
            _ => Err(JoinError::NotMono { path: self.path.to_owned(), num_channels }),
        }
    }
}

fn to_i16(sample: f32) -> i16 {
    // Saturates; NaN becomes 0.
    (sample * 32_768.0).round() as i16
}

fn header(data_bytes: u32) -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    let parts: [&[u8]; 13] = [
        b"RIFF",
        &(data_bytes + HEADER_BYTES as u32 - 8).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &2_u16.to_le_bytes(),
        &SAMPLE_RATE_HZ.to_le_bytes(),
        &(SAMPLE_RATE_HZ * FRAME_BYTES as u32).to_le_bytes(),
        &(FRAME_BYTES as u16).to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &data_bytes.to_le_bytes(),
    ];
    for (slot, byte) in header.iter_mut().zip(parts.into_iter().flatten()) {
        *slot = *byte;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Classify;

    /// A recording of `num_frames` at `rate_hz`, all of them `value`.
    fn leg(
        folder: &Path,
        name: &str,
        rate_hz: u32,
        num_channels: u16,
        num_frames: u32,
        value: i16,
    ) -> std::path::PathBuf {
        let path = folder.join(name);
        let spec = hound::WavSpec {
            channels: num_channels,
            sample_rate: rate_hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).expect("it begins");
        for _ in 0..num_frames * u32::from(num_channels) {
            writer.write_sample(value).expect("it is written");
        }
        writer.finalize().expect("it ends");
        path
    }

    fn join(first: &Path, second: &Path) -> Result<Vec<u8>, JoinError> {
        let mut out = Vec::new();
        join_legs(first, second, &AudioDeclaration::default(), &AudioConfig::default(), &mut out)?;
        Ok(out)
    }

    #[test]
    fn legs_of_other_rates_and_lengths_are_one_recording_with_true_sizes() {
        let folder = tempfile::tempdir().expect("a folder");
        let short = leg(folder.path(), "a-in.wav", 16_000, 1, 24_001, 5_000);
        let long = leg(folder.path(), "a-out.wav", 8_000, 1, 20_000, -3_000);
        let bytes = join(&short, &long).expect("it joins");
        assert_eq!(bytes, join(&short, &long).expect("it joins again"), "the same bytes");
        let mut reader = hound::WavReader::new(std::io::Cursor::new(&bytes)).expect("it is a WAV file");
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 16_000, 16));
        assert_eq!(reader.duration(), 40_000);
        assert_eq!(bytes.len(), 44 + 40_000 * 4);
        let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("it is there")).collect();
        let frames: Vec<_> = samples.chunks(2).map(|frame| (frame[0], frame[1])).collect();
        assert_eq!(frames[12_000].0, 5_000, "what needs no resampling stays as it is");
        assert!((frames[12_000].1 + 3_000).abs() < 100, "{:?}", frames[12_000]);
        assert_eq!((frames[24_000].0, frames[24_001].0, frames[39_999].0), (5_000, 0, 0));
        assert!((frames[30_000].1 + 3_000).abs() < 100, "{:?}", frames[30_000]);
        let swapped = join(&long, &short).expect("it joins");
        let mut reader = hound::WavReader::new(std::io::Cursor::new(&swapped)).expect("it is a WAV file");
        let first: Vec<i16> =
            reader.samples().take(48_002).map(|sample| sample.expect("it is there")).collect();
        assert_eq!(first[24_001], 5_000);
    }

    #[test]
    fn a_leg_that_cannot_be_used_is_told_before_anything_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let good = leg(folder.path(), "a-in.wav", 8_000, 1, 8_000, 1);
        let stereo = leg(folder.path(), "s.wav", 8_000, 2, 8_000, 1);
        let bad = folder.path().join("bad.wav");
        std::fs::write(&bad, b"no audio at all").expect("it is written");
        for (other, reason) in [
            (stereo, "archive.leg_not_mono"),
            (bad, "audio.not_audio"),
            (folder.path().join("gone.wav"), "audio.unreadable"),
        ] {
            let mut out = Vec::new();
            let error =
                join_legs(&good, &other, &AudioDeclaration::default(), &AudioConfig::default(), &mut out)
                    .expect_err("it cannot be joined");
            assert_eq!(error.reason(), reason, "{error}");
            assert!(out.is_empty());
        }
    }
}
