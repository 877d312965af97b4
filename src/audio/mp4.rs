//! Looks into an MP4, MOV or 3GP file for the names of its audio codecs, so that one that cannot be decoded is refused
//! by name. Reads box headers only.
//!
//! **Invariant**: looks at no more than [`MAX_BOXES`] boxes, however they nest or loop.

use std::io::{self, Read, Seek, SeekFrom};

const MAX_BOXES: u32 = 10_000;

/// What the boxes say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Sample entry of each audio track, in order.
    pub(super) audio: Vec<[u8; 4]>,
    /// Whether the table of contents was found; it may be at the end, and missing in a truncated file.
    pub(super) has_index: bool,
    /// A box promises more bytes than the file has.
    pub(super) truncated: bool,
}

/// The usual name of an audio sample entry that cannot be decoded; `None` for those worth trying.
pub(super) fn refused_codec(entry: [u8; 4]) -> Option<&'static str> {
    let name = match &entry {
        b"samr" => "amr_nb",
        b"sawb" => "amr_wb",
        b"sawp" => "amr_wb_plus",
        b"sevc" => "evrc",
        b"sqcp" | b"Qclp" | b"QclQ" => "qcelp",
        b"agsm" | b"ms\x001" => "gsm",
        b"ac-3" => "ac3",
        b"ec-3" => "eac3",
        b"ac-4" => "ac4",
        b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" => "dts",
        b"mlpa" => "truehd",
        b"ms\x00\x02" => "adpcm_ms",
        b"ms\x00\x11" => "adpcm_ima_wav",
        b"ima4" => "adpcm_ima_qt",
        b"QDM2" | b"QDMC" => "qdm2",
        b"spex" => "speex",
        b"MAC3" | b"MAC6" => "mace",
        b"wma " => "wma",
        b"enca" => "encrypted",
        _ => return None,
    };
    Some(name)
}

/// A sample entry as text: its letters, other bytes as `.`.
pub(super) fn entry_name(entry: [u8; 4]) -> String {
    entry.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect()
}

/// Walks the boxes of a file of `file_len` bytes.
pub(super) fn inspect(file: &mut (impl Read + Seek), file_len: u64) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let mut boxes_left = MAX_BOXES;
    // Ranges still to walk; a container box adds its inside.
    let mut ranges = vec![(0, file_len)];
    let mut is_audio = false;
    while let Some((mut at, end)) = ranges.pop() {
        while at + 8 <= end && boxes_left > 0 {
            boxes_left -= 1;
            let Some((kind, body, next)) = read_header(file, at, end)? else { break };
            let is_top = end == file_len;
            contents.truncated |= is_top && next > file_len;
            let inside_end = next.min(end);
            match &kind {
                b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => {
                    contents.has_index |= &kind == b"moov";
                    is_audio &= &kind != b"trak";
                    // What follows this box is walked after its inside.
                    if next < end {
                        ranges.push((next, end));
                    }
                    at = body;
                    ranges.push((at, inside_end));
                    break;
                }
                // QuickTime has a second handler further inside, for where the data is.
                b"hdlr" => is_audio |= read_four(file, body + 8)? == Some(*b"soun"),
                b"stsd" if is_audio => contents.audio.extend(read_four(file, body + 12)?),
                _ => {}
            }
            if next <= at {
                break;
            }
            at = next;
        }
    }
    Ok(contents)
}

/// Type, start of the body, and end of the box at `at`.
fn read_header(file: &mut (impl Read + Seek), at: u64, end: u64) -> io::Result<Option<([u8; 4], u64, u64)>> {
    let (Some(size), Some(kind)) = (read_four(file, at)?, read_four(file, at + 4)?) else { return Ok(None) };
    Ok(match u32::from_be_bytes(size) {
        0 => Some((kind, at + 8, end)),
        1 => {
            let (high, low) = (read_four(file, at + 8)?, read_four(file, at + 12)?);
            let (Some(high), Some(low)) = (high, low) else { return Ok(None) };
            let size = (u64::from(u32::from_be_bytes(high)) << 32) | u64::from(u32::from_be_bytes(low));
            (size >= 16).then(|| (kind, at + 16, at.saturating_add(size)))
        }
        2..=7 => None,
        size => Some((kind, at + 8, at + u64::from(size))),
    })
}

fn read_four(file: &mut (impl Read + Seek), at: u64) -> io::Result<Option<[u8; 4]>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = [0; 4];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = (8 + body.len() as u32).to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend(body);
        bytes
    }

    fn track(handler: &[u8; 4], entry: &[u8; 4]) -> Vec<u8> {
        let hdlr = boxed(b"hdlr", &[&[0; 8], handler.as_slice(), &[0; 12]].concat());
        let stsd =
            boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 16], entry.as_slice(), &[0; 8]].concat());
        let data_handler = boxed(b"hdlr", &[&[0; 8], b"alis".as_slice(), &[0; 12]].concat());
        let minf = boxed(b"minf", &[boxed(b"smhd", &[0; 8]), data_handler, boxed(b"stbl", &stsd)].concat());
        boxed(b"trak", &boxed(b"mdia", &[hdlr, minf].concat()))
    }

    fn file() -> Vec<u8> {
        let moov = boxed(b"moov", &[track(b"vide", b"avc1"), track(b"soun", b"samr")].concat());
        [boxed(b"ftyp", b"3gp4\0\0\0\0"), boxed(b"mdat", &[7; 50]), moov].concat()
    }

    fn inspected(bytes: &[u8]) -> Contents {
        inspect(&mut Cursor::new(bytes), bytes.len() as u64).expect("a cursor can be read")
    }

    #[test]
    fn the_audio_codec_of_a_video_is_named() {
        let contents = inspected(&file());
        assert_eq!(contents, Contents { audio: vec![*b"samr"], has_index: true, truncated: false });
        assert_eq!(refused_codec(*b"samr"), Some("amr_nb"));
    }

    #[test]
    fn a_cut_file_is_seen_to_be_cut() {
        let bytes = file();
        let contents = inspected(&bytes[..60]);
        assert_eq!(contents, Contents { audio: vec![], has_index: false, truncated: true });
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(position in 0usize..400, value: u8, cut in 0usize..500) {
            let mut bytes = file();
            let last = bytes.len() - 1;
            bytes[position.min(last)] = value;
            bytes.truncate(cut);
            inspected(&bytes);
        }
    }
}
