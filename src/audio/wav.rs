//! Finds the format and the samples inside a RIFF/WAVE file, as recorders really write them: sizes of 0 or
//! 0xFFFFFFFF when the recorder crashed or streamed, RF64, junk before and after. Decodes nothing.
//!
//! **Invariant**: what it returns lies inside the file, whatever the sizes in the header say.

use std::io::{Read, Seek, SeekFrom};

use super::AudioError;
use super::frame::FrameCodec;
use super::raw::SampleFormat;
use crate::types::{BitOrder, G726Rate};

/// Chunks looked at before the samples; a real file has a handful.
const MAX_CHUNKS: u32 = 4096;

/// A size at or over this in a smaller file is a placeholder of a writer that could not seek back.
const PLACEHOLDER_SIZE: u64 = 0x7fff_f000;

/// What a WAV file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wav {
    /// Format tag, the sub-format's for `WAVE_FORMAT_EXTENSIBLE`.
    pub(super) tag: u16,
    pub(super) num_channels: u16,
    pub(super) rate_hz: u32,
    pub(super) block_align: u16,
    pub(super) bits: u16,
    /// The `fmt ` chunk as it was.
    pub(super) format_chunk: Vec<u8>,
    /// Frames by the `fact` chunk.
    pub(super) num_frames: Option<u64>,
    /// Where the samples begin in the file, and their length.
    pub(super) data_start: u64,
    pub(super) data_len: u64,
    /// The header promised more samples than the file has.
    pub(super) truncated: bool,
}

impl Wav {
    /// The codec of frames; `None` when the samples are uncompressed or another codec's.
    pub(super) fn frame_codec(&self) -> Option<FrameCodec> {
        frame_codec(self.tag, self.bits)
    }

    /// The layout of uncompressed samples; `None` when a codec is needed.
    pub(super) fn sample_format(&self) -> Option<SampleFormat> {
        let channels = self.num_channels.max(1);
        // The container's width, not the number of valid bits, says how samples are laid out.
        let width = match self.block_align / channels {
            0 => self.bits.div_ceil(8),
            width => width,
        };
        match (self.tag, width) {
            (TAG_PCM, 1) => Some(SampleFormat::U8),
            (TAG_PCM, 2) => Some(SampleFormat::S16),
            (TAG_PCM, 3) => Some(SampleFormat::S24),
            (TAG_PCM, 4) => Some(SampleFormat::S32),
            (TAG_FLOAT, 4) => Some(SampleFormat::F32),
            (TAG_FLOAT, 8) => Some(SampleFormat::F64),
            (TAG_ALAW, 1) => Some(SampleFormat::Alaw),
            (TAG_ULAW, 1) => Some(SampleFormat::Ulaw),
            _ => None,
        }
    }
}

/// The codec of frames of one channel, when ours decodes the tag.
fn frame_codec(tag: u16, bits: u16) -> Option<FrameCodec> {
    match tag {
        // Dialogic's and OKI's own.
        0x0010 | 0x0017 => Some(FrameCodec::Vox),
        0x0031 => Some(FrameCodec::GsmWav49),
        0x0065 | 0x028f => Some(FrameCodec::G722),
        0x0083 | 0x0133 => Some(FrameCodec::G729),
        0x0014 | 0x0040 | 0x0045 | 0x0064 => {
            let rate = match bits {
                2 => G726Rate::Kbit16,
                3 => G726Rate::Kbit24,
                4 => G726Rate::Kbit32,
                5 => G726Rate::Kbit40,
                _ => return None,
            };
            // As ffmpeg and Microsoft's ACM codecs pack it.
            Some(FrameCodec::G726(rate, BitOrder::MostFirst))
        }
        _ => None,
    }
}

const TAG_PCM: u16 = 0x0001;
pub(super) const TAG_ADPCM_MS: u16 = 0x0002;
const TAG_FLOAT: u16 = 0x0003;
const TAG_ALAW: u16 = 0x0006;
const TAG_ULAW: u16 = 0x0007;
pub(super) const TAG_ADPCM_IMA: u16 = 0x0011;
pub(super) const TAG_MP2: u16 = 0x0050;
pub(super) const TAG_MP3: u16 = 0x0055;
const TAG_EXTENSIBLE: u16 = 0xfffe;

/// Whether a tag stands for samples that need no codec; their width may still be impossible.
pub(super) fn is_uncompressed(tag: u16) -> bool {
    [TAG_PCM, TAG_FLOAT, TAG_ALAW, TAG_ULAW].contains(&tag)
}

/// The usual name of a format tag.
pub(super) fn tag_name(tag: u16) -> String {
    let name = match tag {
        TAG_PCM => "pcm",
        TAG_ADPCM_MS => "adpcm_ms",
        TAG_FLOAT => "pcm_float",
        TAG_ALAW => "pcm_alaw",
        TAG_ULAW => "pcm_mulaw",
        TAG_ADPCM_IMA => "adpcm_ima_wav",
        0x0010 | 0x0017 => "adpcm_ima_oki",
        0x0014 | 0x0040 | 0x0045 | 0x0064 => "g726",
        0x0020 => "adpcm_yamaha",
        0x0022 => "truespeech",
        0x0031 | 0x0032 => "gsm",
        0x0038 | 0x0057 => "amr_nb",
        0x0042 | 0xa100 => "g723_1",
        TAG_MP2 => "mp2",
        TAG_MP3 => "mp3",
        0x0058 => "amr_wb",
        0x0065 | 0x028f => "g722",
        0x0083 | 0x0133 | 0xa10a => "g729",
        0x0092 | 0x2000 => "ac3",
        0x00ff | 0x1600 | 0x1610 | 0xa106 => "aac",
        0x0130 => "sipr",
        0x0160 => "wmav1",
        0x0161 => "wmav2",
        0x0162 => "wmapro",
        0x0163 => "wmalossless",
        0x0270 => "atrac3",
        0x028e => "siren",
        0x0402 => "imc",
        0x566f | 0x674f..=0x6771 => "vorbis",
        0x704f => "opus",
        0xa109 => "speex",
        0xf1ac => "flac",
        _ => return format!("wav_0x{tag:04x}"),
    };
    name.to_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Reads up to `count` bytes.
pub(super) fn read_some(file: &mut impl Read, count: u64) -> Result<Vec<u8>, AudioError> {
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the bytes after an empty data chunk are a proper list of chunks: then the file really has no samples.
fn is_chunk_list(file: &mut (impl Read + Seek), mut at: u64, end: u64) -> Result<bool, AudioError> {
    for _ in 0..MAX_CHUNKS {
        if at == end {
            return Ok(true);
        }
        file.seek(SeekFrom::Start(at))?;
        let header = read_some(file, 8)?;
        let Some(size) = u32_at(&header, 4) else { return Ok(false) };
        let has_name = header.iter().take(4).all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ');
        at += 8 + u64::from(size) + u64::from(size % 2);
        if !has_name || at > end + 1 {
            return Ok(false);
        }
        at = at.min(end);
    }
    Ok(false)
}

/// Reads the header of the RIFF/WAVE file that begins at `start` of a file of `file_len` bytes.
pub(super) fn parse(file: &mut (impl Read + Seek), start: u64, file_len: u64) -> Result<Wav, AudioError> {
    let damaged = AudioError::Undecodable { container: "wav" };
    let truncated = AudioError::Truncated { container: "wav" };
    let mut format_chunk: Option<Vec<u8>> = None;
    let mut num_frames = None;
    let mut size_64 = None;
    let mut at = start + 12;
    for _ in 0..MAX_CHUNKS {
        file.seek(SeekFrom::Start(at))?;
        let header = read_some(file, 8)?;
        let (Some(name), Some(size)) = (header.get(0..4), u32_at(&header, 4)) else {
            return Err(if format_chunk.is_none() && at < file_len { damaged } else { truncated });
        };
        let body = at + 8;
        match name {
            b"fmt " => {
                let bytes = read_some(file, u64::from(size.min(1024)))?;
                if bytes.len() < 16 {
                    return Err(if body + u64::from(size) > file_len { truncated } else { damaged });
                }
                format_chunk = Some(bytes);
            }
            b"ds64" => {
                let bytes = read_some(file, 28)?;
                size_64 = bytes.get(8..16).and_then(|size| size.try_into().ok()).map(u64::from_le_bytes);
            }
            b"fact" => {
                num_frames = u32_at(&read_some(file, 4)?, 0)
                    .filter(|count| *count > 0 && *count < u32::MAX)
                    .map(u64::from);
            }
            b"data" => {
                let Some(format_chunk) = format_chunk else { return Err(damaged) };
                let left = file_len.saturating_sub(body);
                let promised = match (size, size_64) {
                    (u32::MAX, Some(size)) => size,
                    _ => u64::from(size),
                };
                let never_finished = promised >= PLACEHOLDER_SIZE && promised > left;
                let data_len = if promised == 0 && is_chunk_list(file, body, file_len)? {
                    return Err(AudioError::Empty);
                } else if promised == 0 {
                    left
                } else {
                    left.min(promised)
                };
                let truncated = promised > left && !never_finished;
                return from_format(format_chunk, num_frames, body, data_len, truncated).ok_or(damaged);
            }
            _ => {}
        }
        at = body + u64::from(size) + u64::from(size % 2);
    }
    Err(damaged)
}

/// `None` when the format chunk is too short.
pub(super) fn from_format(
    format_chunk: Vec<u8>,
    num_frames: Option<u64>,
    data_start: u64,
    data_len: u64,
    truncated: bool,
) -> Option<Wav> {
    let mut tag = u16_at(&format_chunk, 0)?;
    if tag == TAG_EXTENSIBLE {
        // The first two bytes of the sub-format's GUID are the tag.
        tag = u16_at(&format_chunk, 24)?;
    }
    Some(Wav {
        tag,
        num_channels: u16_at(&format_chunk, 2)?,
        rate_hz: u32_at(&format_chunk, 4)?,
        block_align: u16_at(&format_chunk, 12)?,
        bits: u16_at(&format_chunk, 14)?,
        format_chunk,
        num_frames,
        data_start,
        data_len,
        truncated,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn file(riff_size: u32, data_size: u32, samples: &[u8], after: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF".to_vec();
        bytes.extend(riff_size.to_le_bytes());
        bytes.extend(b"WAVEfmt \x10\0\0\0\x06\0\x02\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x08\0data");
        bytes.extend(data_size.to_le_bytes());
        bytes.extend(samples);
        bytes.extend(after);
        bytes
    }

    fn parsed(bytes: &[u8]) -> Result<Wav, AudioError> {
        parse(&mut Cursor::new(bytes), 0, bytes.len() as u64)
    }

    #[test]
    fn an_ordinary_header_is_believed() {
        let wav = parsed(&file(42, 6, &[1, 2, 3, 4, 5, 6], b"LIST\0\0\0\0")).expect("it is a WAV file");
        assert_eq!((wav.tag, wav.num_channels, wav.rate_hz), (6, 2, 8000));
        assert_eq!((wav.data_start, wav.data_len, wav.truncated), (44, 6, false));
        assert_eq!(wav.sample_format(), Some(SampleFormat::Alaw));
    }

    #[test]
    fn sizes_that_a_crashed_recorder_left_mean_all_of_the_file() {
        for size in [0, u32::MAX, 0x7fff_ffff, 0x7fff_f000] {
            let wav = parsed(&file(size, size, &[0xd5; 100], b"")).expect("it is a WAV file");
            assert_eq!((wav.data_len, wav.truncated), (100, false), "size {size:#x}");
        }
    }

    #[test]
    fn fewer_samples_than_promised_is_a_truncated_file() {
        let wav = parsed(&file(1036, 1000, &[0xd5; 100], b"")).expect("it is a WAV file");
        assert_eq!((wav.data_len, wav.truncated), (100, true));
    }

    #[test]
    fn a_header_with_nothing_after_it_is_empty() {
        assert!(matches!(parsed(&file(36, 0, b"", b"")), Err(AudioError::Empty)));
        assert!(matches!(parsed(&file(48, 0, b"", b"LIST\x04\0\0\0abcd")), Err(AudioError::Empty)));
    }

    proptest! {
        #[test]
        fn samples_lie_inside_the_file_whatever_the_header_says(
            position in 0usize..60, value: u8, data_size: u32, cut in 0usize..160
        ) {
            let mut bytes = file(142, data_size, &[7; 100], b"fact\x04\0\0\0\x32\0\0\0");
            bytes[position] = value;
            bytes.truncate(cut.max(12));
            if let Ok(wav) = parsed(&bytes) {
                prop_assert!(wav.data_start + wav.data_len <= bytes.len() as u64);
            }
        }
    }
}
