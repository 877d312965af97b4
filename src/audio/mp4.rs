//! Looks into an MP4, MOV or 3GP file for its audio tracks: their codecs, so that one that cannot be decoded is refused
//! by name, and their edit lists, which say when a track begins. Reads box headers and a few fields only.
//!
//! **Invariant**: looks at no more than [`MAX_BOXES`] boxes, however they nest or loop.

use std::io::{self, Read, Seek, SeekFrom};

use super::declared::{Coding, Layout};
use super::frame::FrameCodec;
use super::limits::MAX_CHANNELS;
use super::raw::SampleFormat;
use super::tracks::Hint;

const MAX_BOXES: u32 = 10_000;

/// An audio track.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AudioTrack {
    pub(super) id: u32,
    /// The sample entry.
    pub(super) codec: [u8; 4],
    pub(super) num_channels: u16,
    pub(super) rate_hz: u32,
    /// Time before its first sample, in milliseconds, by empty edits.
    pub(super) lead_ms: u64,
    /// The first of its samples that is played, in ticks of the track, when an edit says so.
    pub(super) first_tick: Option<i64>,
}

/// What the boxes say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// In order.
    pub(super) audio: Vec<AudioTrack>,
    /// Whether the table of contents was found; it may be at the end, and missing in a truncated file.
    pub(super) has_index: bool,
    /// A box promises more bytes than the file has.
    pub(super) truncated: bool,
}

impl Contents {
    /// The audio tracks; the first is the default.
    pub(super) fn hints(&self) -> Vec<Hint> {
        let hint = |(index, track): (usize, &AudioTrack)| Hint {
            id: track.id,
            is_default: index == 0,
            codec: refused_codec(track.codec).map_or_else(|| entry_name(track.codec), str::to_owned),
            is_refused: refused_codec(track.codec).is_some(),
            layout: track.layout(),
            lead_ms: track.lead_ms,
            first_tick: track.first_tick,
        };
        self.audio.iter().enumerate().map(hint).collect()
    }
}

impl AudioTrack {
    /// How its packets are decoded, when the library does not know the sample entry.
    fn layout(&self) -> Option<Layout> {
        let coding = match &self.codec {
            b"samr" => Coding::Frames(FrameCodec::AmrNb),
            b"sawb" => Coding::Frames(FrameCodec::AmrWb),
            b"alaw" => Coding::Samples(SampleFormat::Alaw),
            b"ulaw" => Coding::Samples(SampleFormat::Ulaw),
            _ => return None,
        };
        let has_frames = matches!(coding, Coding::Frames(_));
        let is_sound = (1..=MAX_CHANNELS).contains(&self.num_channels) && self.rate_hz > 0;
        (has_frames || is_sound).then_some(Layout {
            coding,
            rate_hz: self.rate_hz,
            num_channels: self.num_channels,
        })
    }
}

/// The usual name of an audio sample entry that cannot be decoded; `None` for those worth trying.
fn refused_codec(entry: [u8; 4]) -> Option<&'static str> {
    let name = match &entry {
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
fn entry_name(entry: [u8; 4]) -> String {
    entry.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect()
}

/// Edits looked at: empty ones, then the first that plays something.
const MAX_EDITS: u64 = 16;

/// Walks the boxes of a file of `file_len` bytes.
pub(super) fn inspect(file: &mut (impl Read + Seek), file_len: u64) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let mut boxes_left = MAX_BOXES;
    // Ranges still to walk; a container box adds its inside.
    let mut ranges = vec![(0, file_len)];
    let mut is_audio = false;
    let mut track = AudioTrack::default();
    let mut movie_rate = 0;
    while let Some((mut at, end)) = ranges.pop() {
        while at + 8 <= end && boxes_left > 0 {
            boxes_left -= 1;
            let Some((kind, body, next)) = read_header(file, at, end)? else { break };
            let is_top = end == file_len;
            contents.truncated |= is_top && next > file_len;
            let inside_end = next.min(end);
            match &kind {
                b"moov" | b"trak" | b"edts" | b"mdia" | b"minf" | b"stbl" => {
                    contents.has_index |= &kind == b"moov";
                    if &kind == b"trak" {
                        (is_audio, track) = (false, AudioTrack::default());
                    }
                    // What follows this box is walked after its inside.
                    if next < end {
                        ranges.push((next, end));
                    }
                    at = body;
                    ranges.push((at, inside_end));
                    break;
                }
                b"mvhd" | b"tkhd" => {
                    let at = body + wide(file, body, 12, 20)?;
                    let field = read_u32(file, at)?;
                    *(if &kind == b"mvhd" { &mut movie_rate } else { &mut track.id }) = field;
                }
                b"elst" => {
                    read_edits(file, body, movie_rate, &mut track)?;
                    // The order of boxes is free.
                    if let Some(known) = contents.audio.iter_mut().find(|known| known.id == track.id) {
                        (known.lead_ms, known.first_tick) = (track.lead_ms, track.first_tick);
                    }
                }
                // QuickTime has a second handler further inside, for where the data is.
                b"hdlr" => is_audio |= read_four(file, body + 8)? == Some(*b"soun"),
                b"stsd" if is_audio => {
                    if let Some(codec) = read_four(file, body + 12)? {
                        // Behind the entry's own header; the rate has 16 bits of fraction.
                        let channels = read_u32(file, body + 32)? >> 16;
                        track.num_channels = u16::try_from(channels).unwrap_or(0);
                        track.rate_hz = read_u32(file, body + 40)? >> 16;
                        contents.audio.push(AudioTrack { codec, ..track });
                    }
                }
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

/// `narrow`, or `wider` when the box has times of 64 bits.
fn wide(file: &mut (impl Read + Seek), body: u64, narrow: u64, wider: u64) -> io::Result<u64> {
    Ok(if read_u32(file, body)? >> 24 == 1 { wider } else { narrow })
}

/// Empty edits delay the track; the first other edit says with which sample it begins.
fn read_edits(
    file: &mut (impl Read + Seek),
    body: u64,
    movie_rate: u32,
    track: &mut AudioTrack,
) -> io::Result<()> {
    let time_len = wide(file, body, 4, 8)?;
    let num_edits = u64::from(read_u32(file, body + 4)?).min(MAX_EDITS);
    let mut time = |at: u64| -> io::Result<i64> {
        let high = read_u32(file, at)?.cast_signed();
        if time_len == 4 {
            return Ok(i64::from(high));
        }
        Ok((i64::from(high) << 32) | i64::from(read_u32(file, at + 4)?))
    };
    let mut lead = 0u64;
    for index in 0..num_edits {
        let at = body + 8 + index * (2 * time_len + 4);
        let (duration, start) = (time(at)?, time(at + time_len)?);
        if start >= 0 {
            track.first_tick = Some(start);
            break;
        }
        // Durations of 32 bits have no sign.
        let duration = if time_len == 4 { duration & 0xffff_ffff } else { duration };
        lead = lead.saturating_add(u64::try_from(duration).unwrap_or(0));
    }
    track.lead_ms = lead.saturating_mul(1000).checked_div(u64::from(movie_rate)).unwrap_or(0);
    Ok(())
}

fn read_u32(file: &mut (impl Read + Seek), at: u64) -> io::Result<u32> {
    Ok(read_four(file, at)?.map_or(0, u32::from_be_bytes))
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
        let tkhd = boxed(b"tkhd", &[[0; 12], [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0]].concat());
        // Two seconds of nothing, then from the 1024th tick.
        let edits = [0u32, 2, 2000, u32::MAX, 0x1_0000, 5000, 1024, 0x1_0000];
        let elst = boxed(b"elst", &edits.map(u32::to_be_bytes).concat());
        let hdlr = boxed(b"hdlr", &[&[0; 8], handler.as_slice(), &[0; 12]].concat());
        let stsd = boxed(
            b"stsd",
            &[
                &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 16],
                entry.as_slice(),
                &[0; 16],
                &[0, 2, 0, 16, 0, 0, 0, 0, 0x1f, 0x40, 0, 0],
            ]
            .concat(),
        );
        let data_handler = boxed(b"hdlr", &[&[0; 8], b"alis".as_slice(), &[0; 12]].concat());
        let minf = boxed(b"minf", &[boxed(b"smhd", &[0; 8]), data_handler, boxed(b"stbl", &stsd)].concat());
        boxed(b"trak", &[tkhd, boxed(b"edts", &elst), boxed(b"mdia", &[hdlr, minf].concat())].concat())
    }

    fn file() -> Vec<u8> {
        let mvhd = boxed(b"mvhd", &[[0; 12], [0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 0, 0, 0]].concat());
        let moov = boxed(b"moov", &[mvhd, track(b"vide", b"avc1"), track(b"soun", b"samr")].concat());
        [boxed(b"ftyp", b"3gp4\0\0\0\0"), boxed(b"mdat", &[7; 50]), moov].concat()
    }

    fn inspected(bytes: &[u8]) -> Contents {
        inspect(&mut Cursor::new(bytes), bytes.len() as u64).expect("a cursor can be read")
    }

    #[test]
    fn the_audio_codec_of_a_video_is_named() {
        let contents = inspected(&file());
        let audio = AudioTrack {
            id: 7,
            codec: *b"samr",
            num_channels: 2,
            rate_hz: 8000,
            lead_ms: 2000,
            first_tick: Some(1024),
        };
        assert_eq!(contents, Contents { audio: vec![audio], has_index: true, truncated: false });
        assert_eq!(refused_codec(*b"sawp"), Some("amr_wb_plus"));
    }

    #[test]
    fn a_cut_file_is_seen_to_be_cut() {
        let bytes = file();
        let contents = inspected(&bytes[..60]);
        assert_eq!(contents, Contents { audio: vec![], has_index: false, truncated: true });
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(position in 0usize..700, value: u8, cut in 0usize..800) {
            let mut bytes = file();
            let last = bytes.len() - 1;
            bytes[position.min(last)] = value;
            bytes.truncate(cut);
            inspected(&bytes);
        }
    }
}
