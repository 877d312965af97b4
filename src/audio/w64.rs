//! Finds the format and the samples inside a Sony Wave64 file: RIFF/WAVE with names of 16 bytes, lengths of 64 bits
//! that count the chunk's own header, and chunks at multiples of 8 bytes. Decodes nothing.
//!
//! **Invariant**: what it returns lies inside the file, whatever the sizes in the header say.

use std::io::{Read, Seek, SeekFrom};

use super::AudioError;
use super::wav::{Wav, from_format, read_some};

const MAX_CHUNKS: u32 = 4096;

/// Name and length of a chunk.
const HEADER_LEN: u64 = 24;

/// File header: the outer chunk's, and the name of the form.
const FILE_HEADER_LEN: u64 = 40;

/// What follows the four letters of a name that RIFF has too.
const GUID_TAIL: [u8; 12] = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Reads the header of the Wave64 file that begins at `start` of a file of `file_len` bytes.
pub(super) fn parse(file: &mut (impl Read + Seek), start: u64, file_len: u64) -> Result<Wav, AudioError> {
    let damaged = AudioError::Undecodable { container: "w64" };
    let truncated = AudioError::Truncated { container: "w64" };
    let mut format_chunk = None;
    let mut num_frames = None;
    let mut at = start + FILE_HEADER_LEN;
    for _ in 0..MAX_CHUNKS {
        file.seek(SeekFrom::Start(at))?;
        let header = read_some(file, HEADER_LEN)?;
        let (Some(name), Some(size)) = (header.get(..16), u64_at(&header, 16)) else { return Err(truncated) };
        let body = at + HEADER_LEN;
        let kind = name.strip_suffix(&GUID_TAIL);
        match kind {
            Some(b"fmt ") => {
                let bytes = read_some(file, size.saturating_sub(HEADER_LEN).min(1024))?;
                if bytes.len() < 16 {
                    return Err(truncated);
                }
                format_chunk = Some(bytes);
            }
            Some(b"fact") => num_frames = u64_at(&read_some(file, 8)?, 0).filter(|count| *count > 0),
            Some(b"data") => {
                let Some(format_chunk) = format_chunk else { return Err(damaged) };
                let left = file_len.saturating_sub(body);
                // A writer that could not seek back leaves nothing, or everything.
                let never_finished = size <= HEADER_LEN || size > u64::MAX / 2;
                let promised = if never_finished { left } else { size - HEADER_LEN };
                return from_format(format_chunk, num_frames, body, left.min(promised), promised > left)
                    .ok_or(damaged);
            }
            _ => {}
        }
        if size < HEADER_LEN {
            return Err(damaged);
        }
        let Some(next) = at.checked_add(size).and_then(|end| end.checked_next_multiple_of(8)) else {
            return Err(damaged);
        };
        if next > file_len {
            return Err(truncated);
        }
        at = next;
    }
    Err(damaged)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn chunk(name: &[u8; 4], size: u64, body: &[u8]) -> Vec<u8> {
        let mut bytes = [name.as_slice(), &GUID_TAIL, &size.to_le_bytes(), body].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn file(data_size: u64) -> Vec<u8> {
        let format = b"\x06\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0";
        let head = [0; 40].to_vec();
        [head, chunk(b"fmt ", 40, format), chunk(b"junk", 25, b"x"), chunk(b"data", data_size, &[0xd5; 96])]
            .concat()
    }

    fn parsed(bytes: &[u8]) -> Result<Wav, AudioError> {
        parse(&mut Cursor::new(bytes), 0, bytes.len() as u64)
    }

    #[test]
    fn samples_are_found_behind_other_chunks() {
        let bytes = file(24 + 96);
        let wav = parsed(&bytes).expect("it is a Wave64 file");
        assert_eq!((wav.tag, wav.num_channels, wav.rate_hz, wav.truncated), (6, 1, 8000, false));
        assert_eq!((wav.data_start + wav.data_len, wav.data_len), (bytes.len() as u64, 96));
    }

    #[test]
    fn sizes_that_a_crashed_recorder_left_mean_all_of_the_file() {
        for size in [0, 24, u64::MAX] {
            let wav = parsed(&file(size)).expect("it is a Wave64 file");
            assert_eq!((wav.data_len, wav.truncated), (96, false), "size {size:#x}");
        }
        let wav = parsed(&file(24 + 1000)).expect("it is a Wave64 file");
        assert_eq!((wav.data_len, wav.truncated), (96, true));
    }

    proptest! {
        #[test]
        fn samples_lie_inside_the_file_whatever_the_header_says(
            position in 0usize..160, value: u8, data_size: u64, cut in 0usize..300
        ) {
            let mut bytes = file(data_size);
            bytes[position] = value;
            bytes.truncate(cut);
            if let Ok(wav) = parsed(&bytes) {
                prop_assert!(wav.data_start + wav.data_len <= bytes.len() as u64);
            }
        }
    }
}
