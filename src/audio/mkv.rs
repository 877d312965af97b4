//! Looks into a Matroska or WebM file for its audio tracks: which is the default, and what those are whose codec the
//! library does not know. Reads the start of the file only.
//!
//! **Invariant**: reads at most a megabyte and looks at no more than [`MAX_ELEMENTS`] elements.

use std::io::{self, Read, Seek, SeekFrom};

use super::declared::{Coding, Layout};
use super::limits::MAX_CHANNELS;
use super::tracks::Hint;
use super::wav;

/// Bytes in which the tracks are described; attached pictures come later in what writers write.
const MAX_HEAD: u64 = 1024 * 1024;

const MAX_ELEMENTS: u32 = 10_000;

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const CLUSTER: u32 = 0x1f43_b675;
const NUMBER: u32 = 0xd7;
const KIND: u32 = 0x83;
const FLAG_DEFAULT: u32 = 0x88;
const CODEC: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;

/// `KIND` of audio.
const AUDIO: u64 = 2;

/// An id or a length: its value without the marker, with all its bits, and its number of bytes.
fn number(bytes: &[u8]) -> Option<(u64, u64, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let rest = bytes.get(1..len)?;
    if len > 8 {
        return None;
    }
    let marked = rest.iter().fold(u64::from(first), |value, byte| (value << 8) | u64::from(*byte));
    Some((marked & !(1 << (7 * len)), marked, len))
}

/// An element's id and body, and what follows it. An unknown length reaches to the end.
fn element(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (_, id, id_len) = number(bytes)?;
    let rest = bytes.get(id_len..)?;
    let (size, _, size_len) = number(rest)?;
    let rest = rest.get(size_len..)?;
    let is_unknown = size == (1 << (7 * size_len)) - 1;
    let len = if is_unknown { rest.len() } else { usize::try_from(size).ok()?.min(rest.len()) };
    let (body, after) = rest.split_at(len);
    Some((u32::try_from(id).ok()?, body, after))
}

fn unsigned(body: &[u8]) -> u64 {
    body.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// What Windows' description of a codec says, when ours decodes it.
fn layout(format_chunk: &[u8]) -> Option<Layout> {
    let wav = wav::from_format(format_chunk.to_vec(), None, 0, 0, false)?;
    let coding = match wav.sample_format() {
        Some(format) => Coding::Samples(format),
        None => Coding::Frames(wav.frame_codec().filter(|_| wav.num_channels == 1)?),
    };
    let is_sound = (1..=MAX_CHANNELS).contains(&wav.num_channels) && wav.rate_hz > 0;
    is_sound.then_some(Layout { coding, rate_hz: wav.rate_hz, num_channels: wav.num_channels })
}

/// An audio track; `None` for others.
fn track(mut body: &[u8], elements_left: &mut u32) -> Option<Hint> {
    let (mut hint, mut kind, mut private) = (Hint { is_default: true, ..Hint::default() }, 0, &[][..]);
    while let Some((id, inside, after)) = element(body) {
        *elements_left = elements_left.checked_sub(1)?;
        match id {
            NUMBER => hint.id = u32::try_from(unsigned(inside)).ok()?,
            KIND => kind = unsigned(inside),
            FLAG_DEFAULT => hint.is_default = unsigned(inside) != 0,
            CODEC => {
                let text = inside.iter().filter(|byte| byte.is_ascii_graphic()).take(64);
                hint.codec = text.map(|byte| char::from(byte.to_ascii_lowercase())).collect();
            }
            CODEC_PRIVATE => private = inside,
            _ => {}
        }
        body = after;
    }
    if hint.codec == "a_ms/acm" {
        hint.layout = layout(private);
        if let Some(wav) = wav::from_format(private.to_vec(), None, 0, 0, false) {
            hint.codec = wav::tag_name(wav.tag);
        }
    }
    (kind == AUDIO).then_some(hint)
}

/// The audio tracks of a file, in order.
pub(super) fn inspect(file: &mut (impl Read + Seek)) -> io::Result<Vec<Hint>> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    file.take(MAX_HEAD).read_to_end(&mut head)?;
    let (mut hints, mut elements_left) = (Vec::new(), MAX_ELEMENTS);
    let mut rest = head.as_slice();
    while let Some((id, inside, after)) = element(rest) {
        let Some(left) = elements_left.checked_sub(1) else { break };
        elements_left = left;
        rest = match id {
            SEGMENT | TRACKS => inside,
            CLUSTER => break,
            TRACK => {
                hints.extend(track(inside, &mut elements_left));
                after
            }
            _ => after,
        };
    }
    Ok(hints)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::audio::raw::SampleFormat;

    fn tagged(id: &[u8], body: &[u8]) -> Vec<u8> {
        [id, &[0x40 | (body.len() >> 8) as u8, body.len() as u8], body].concat()
    }

    fn file() -> Vec<u8> {
        let entry = |number: u8, kind: u8, codec: &[u8], more: &[u8]| {
            let fields = [tagged(&[0xd7], &[number]), tagged(&[0x83], &[kind]), tagged(&[0x86], codec)];
            tagged(&[0xae], &[fields.concat().as_slice(), more].concat())
        };
        let alaw = tagged(&[0x63, 0xa2], b"\x06\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0");
        let tracks = [
            entry(1, 1, b"V_MPEG4", b""),
            entry(2, 2, b"A_AAC", &tagged(&[0x88], &[0])),
            entry(3, 2, b"A_MS/ACM", &alaw),
        ];
        let tracks = tagged(&[0x16, 0x54, 0xae, 0x6b], &tracks.concat());
        let unknown = [0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        [tagged(&[0x1a, 0x45, 0xdf, 0xa3], b"\x42\x86\x81\x01"), unknown.to_vec(), tracks].concat()
    }

    fn inspected(bytes: &[u8]) -> Vec<Hint> {
        inspect(&mut Cursor::new(bytes)).expect("a cursor can be read")
    }

    #[test]
    fn audio_tracks_are_found_with_their_flags_and_codecs() {
        let hints = inspected(&file());
        let short: Vec<_> =
            hints.iter().map(|hint| (hint.id, hint.is_default, hint.codec.as_str())).collect();
        assert_eq!(short, [(2, false, "a_aac"), (3, true, "pcm_alaw")]);
        let alaw = Layout { coding: Coding::Samples(SampleFormat::Alaw), rate_hz: 8000, num_channels: 1 };
        assert_eq!(hints.last().and_then(|hint| hint.layout), Some(alaw));
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(
            changes in proptest::collection::vec((0usize..200, any::<u8>()), 0..6), cut in 0usize..300
        ) {
            let mut bytes = file();
            let last = bytes.len() - 1;
            for (position, value) in changes {
                bytes[position.min(last)] = value;
            }
            bytes.truncate(cut);
            inspected(&bytes);
        }
    }
}
