//! Says what the bytes of a file are by looking at them: a container to open, a codec to refuse by name, or nothing
//! known. The file's name counts only for headerless audio, where there is nothing else.
//!
//! **Invariant**: reads at most a megabyte, whatever the file's size.

use std::io::{Read, Seek, SeekFrom};

use super::AudioError;
use super::declared::{self, Layout};
use super::frame::FrameCodec;
use super::mpeg::{self, FrameKind};

/// How far junk may reach before the first MPEG frame.
const MAX_JUNK: u64 = 1024 * 1024;

/// Tags in a row before the audio.
const MAX_TAGS: u32 = 8;

/// A container that has a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Wav,
    Ogg,
    Flac,
    Mp4,
    Matroska,
    Mpeg,
    Adts,
    Aiff,
    Caf,
    W64,
}

impl Container {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Mp4 => "mp4",
            Self::Matroska => "matroska",
            Self::Mpeg => "mp3",
            Self::Adts => "adts",
            Self::Aiff => "aiff",
            Self::Caf => "caf",
            Self::W64 => "w64",
        }
    }
}

/// What the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A container with a reader, beginning at this byte.
    Readable(Container, u64),
    /// AMR frames after the file's first line, beginning at this byte.
    Amr(FrameCodec, u64),
    /// Headerless audio, by the file's extension.
    Headerless(Layout),
    /// A codec without a decoder.
    RefusedCodec(String),
    /// A container without a reader.
    RefusedContainer(&'static str),
    /// A tag with too little after it.
    OnlyTag,
    /// Nothing known.
    Unknown,
}

/// How a Sony Wave64 file begins: a GUID whose first four letters are those of RIFF.
const W64_RIFF: &[u8] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";

fn starts(head: &[u8], at: usize, signature: &[u8]) -> bool {
    head.get(at..at + signature.len()) == Some(signature)
}

/// What the first bytes say, by signature alone.
pub(super) fn by_signature(head: &[u8]) -> Content {
    let codec = |name: &str| Content::RefusedCodec(name.to_owned());
    let is_riff = ["RIFF", "RF64", "BW64"].iter().any(|name| starts(head, 0, name.as_bytes()));
    if is_riff && starts(head, 8, b"WAVE") {
        return if is_act(head) {
            Content::RefusedContainer("act")
        } else {
            Content::Readable(Container::Wav, 0)
        };
    }
    if is_riff && starts(head, 8, b"QLCM") {
        // The codec's GUID follows the version in the format chunk.
        return if starts(head, 22, &[0x41, 0x6d, 0x7f, 0x5e]) { codec("qcelp") } else { codec("evrc") };
    }
    if is_riff && starts(head, 8, b"AVI ") {
        return Content::RefusedContainer("avi");
    }
    if starts(head, 0, b"OggS") {
        return match ogg_codec(head) {
            Some(name) => codec(name),
            None => Content::Readable(Container::Ogg, 0),
        };
    }
    if starts(head, 4, b"ftyp") || starts(head, 4, b"styp") {
        return Content::Readable(Container::Mp4, 0);
    }
    // Older than MP4: the same boxes without a file type, which the reader insists on.
    let boxes: [&[u8]; 6] = [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"];
    if boxes.iter().any(|kind| starts(head, 4, kind)) {
        return Content::RefusedContainer("quicktime");
    }
    let readable: [(&[u8], Container); 3] = [
        (b"fLaC", Container::Flac),
        (&[0x1a, 0x45, 0xdf, 0xa3], Container::Matroska),
        (b"caff", Container::Caf),
    ];
    if let Some((_, container)) = readable.iter().find(|(signature, _)| starts(head, 0, signature)) {
        return Content::Readable(*container, 0);
    }
    if starts(head, 0, b"FORM") && (starts(head, 8, b"AIFF") || starts(head, 8, b"AIFC")) {
        return Content::Readable(Container::Aiff, 0);
    }
    if starts(head, 0, W64_RIFF) {
        return Content::Readable(Container::W64, 0);
    }
    for (line, narrow) in [(b"#!AMR\n".as_slice(), true), (b"#!AMR-WB\n", false)] {
        if starts(head, 0, line) {
            let codec = if narrow { FrameCodec::AmrNb } else { FrameCodec::AmrWb };
            return Content::Amr(codec, line.len() as u64);
        }
    }
    let codecs: [(&[u8], &str); 15] = [
        (b"#!AMR", "amr with several channels"),
        (b"#!SILK", "silk"),
        (b"\x02#!SILK", "silk"),
        (b"#!iLBC", "ilbc"),
        (b".ra\xfd", "realaudio"),
        (b".RMF", "realmedia"),
        (&[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11], "wma"),
        (b"\x02dss", "dss"),
        (b"\x03ds2", "dss"),
        (b"\x0b\x77", "ac3"),
        (b"ADIF", "aac_adif"),
        (b"MAC ", "ape"),
        (b"wvpk", "wavpack"),
        (b"TTA1", "tta"),
        (b"MPCK", "musepack"),
    ];
    if let Some((_, name)) = codecs.iter().find(|(signature, _)| starts(head, 0, signature)) {
        return codec(name);
    }
    let containers: [(&[u8], &'static str); 14] = [
        (b"RIFX", "rifx"),
        (b".snd", "au"),
        (b"NIST_1A", "sphere"),
        (b"FLV\x01", "flv"),
        (&[0x06, 0x0e, 0x2b, 0x34], "mxf"),
        (&[0xd4, 0xc3, 0xb2, 0xa1], "pcap"),
        (&[0xa1, 0xb2, 0xc3, 0xd4], "pcap"),
        (&[0x0a, 0x0d, 0x0d, 0x0a], "pcapng"),
        (&[0x00, 0x00, 0x01, 0xba], "mpeg_ps"),
        (b"Creative Voice File", "voc"),
        (b"PK\x03\x04", "zip"),
        (&[0x1f, 0x8b], "gzip"),
        (b"%PDF", "pdf"),
        // RealMedia data that begins with Audible's chunk table.
        (&[0x00, 0x57, 0xee, 0xb9, 0x57, 0x90, 0x75, 0x36], "audible"),
    ];
    if let Some((_, name)) = containers.iter().find(|(signature, _)| starts(head, 0, signature)) {
        return Content::RefusedContainer(name);
    }
    if (0..4).all(|packet| head.get(packet * 188) == Some(&0x47)) {
        return Content::RefusedContainer("mpeg_ts");
    }
    Content::Unknown
}

/// The voice recorders' ACT format hides G.729 behind the header of an ordinary WAV file.
fn is_act(head: &[u8]) -> bool {
    let is_zero = |range: std::ops::Range<usize>| {
        head.get(range).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
    };
    is_zero(44..256) && head.get(256) == Some(&0x84) && is_zero(264..512)
}

/// The codec of an Ogg file that has no stream with a decoder; `None` when one is there or none is recognised.
fn ogg_codec(head: &[u8]) -> Option<&'static str> {
    const BEGINS_STREAM: u8 = 2;
    let mut refused = None;
    let mut at = 0;
    while starts(head, at, b"OggS") && head.get(at + 5).is_some_and(|flags| flags & BEGINS_STREAM != 0) {
        let num_segments = usize::from(*head.get(at + 26)?);
        let body = at + 27 + num_segments;
        let len: usize = head.get(at + 27..body)?.iter().map(|segment| usize::from(*segment)).sum();
        let readable: [&[u8]; 3] = [b"OpusHead", b"\x01vorbis", b"\x7fFLAC"];
        if readable.iter().any(|signature| starts(head, body, signature)) {
            return None;
        }
        let named: [(&[u8], &'static str); 4] = [
            (b"Speex   ", "speex"),
            (b"PCM     ", "ogg_pcm"),
            (b"CELT    ", "celt"),
            (b"\x80theora", "theora"),
        ];
        if let Some((_, name)) = named.iter().find(|(signature, _)| starts(head, body, signature)) {
            refused = Some(*name);
        }
        at = body + len;
    }
    refused
}

/// Endings that promise headerless bytes of a codec without a decoder, and that codec.
pub(super) const REFUSED: [(&str, &str); 8] = [
    ("g723", "g723_1"),
    ("g723sf", "g723_1"),
    ("ilbc", "ilbc"),
    ("silk", "silk"),
    ("slk", "silk"),
    ("sil", "silk"),
    ("siren7", "siren"),
    ("siren14", "siren"),
];

/// The codec without a decoder that a file extension promises for headerless bytes.
fn refused_by_extension(extension: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(known, _)| *known == extension).map(|(_, codec)| *codec)
}

/// Bytes of an ID3v2 tag at the start of `head`, its own header included.
fn id3_len(head: &[u8]) -> Option<u64> {
    let [b'I', b'D', b'3', _, _, flags, size @ ..] = head.get(..10)? else { return None };
    let size = size.iter().fold(0u64, |sum, byte| (sum << 7) | u64::from(byte & 0x7f));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}

/// Looks at the file of `file_len` bytes; `extension` is its own, lower case.
pub(super) fn sniff(
    file: &mut (impl Read + Seek),
    file_len: u64,
    extension: Option<&str>,
) -> Result<Content, AudioError> {
    let mut start = 0;
    let mut head = read_at(file, start, 4096)?;
    for _ in 0..MAX_TAGS {
        let Some(len) = id3_len(&head) else { break };
        start += len;
        if start >= file_len {
            return Ok(Content::OnlyTag);
        }
        head = read_at(file, start, 4096)?;
    }
    let layout = extension.and_then(declared::by_extension).filter(|_| start == 0);
    match by_signature(&head) {
        Content::Readable(container, _) => return Ok(Content::Readable(container, start)),
        Content::Amr(codec, line) => return Ok(Content::Amr(codec, start + line)),
        Content::Unknown => {}
        // Signatures of two bytes are too short to overrule a name.
        Content::RefusedCodec(_) if layout.is_some() && starts(&head, 0, b"\x0b\x77") => {}
        Content::RefusedContainer(_) if layout.is_some() && starts(&head, 0, &[0x1f, 0x8b]) => {}
        refused @ (Content::RefusedCodec(_)
        | Content::RefusedContainer(_)
        | Content::Headerless(_)
        | Content::OnlyTag) => return Ok(refused),
    }
    if let Some(layout) = layout
        && !matches!(mpeg::find_chain(&head, false), Some((0, _)))
    {
        return Ok(Content::Headerless(layout));
    }
    if let Some(codec) = extension.and_then(refused_by_extension) {
        return Ok(Content::RefusedCodec(codec.to_owned()));
    }
    let bytes = read_at(file, start, MAX_JUNK)?;
    let at_end = start + bytes.len() as u64 >= file_len;
    Ok(match mpeg::find_chain(&bytes, at_end) {
        Some((at, FrameKind::Mpeg)) => Content::Readable(Container::Mpeg, start + at as u64),
        Some((at, FrameKind::Adts)) => Content::Readable(Container::Adts, start + at as u64),
        None if start > 0 => Content::OnlyTag,
        None => Content::Unknown,
    })
}

/// Whether a Matroska file's segment promises more bytes than the file has. A live recorder promises nothing.
pub(super) fn is_matroska_cut_off(file: &mut (impl Read + Seek), file_len: u64) -> Result<bool, AudioError> {
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    let head = read_at(file, 0, 4096)?;
    let Some(at) = head.windows(4).position(|window| window == SEGMENT) else { return Ok(false) };
    let Some(first) = head.get(at + 4).copied().filter(|first| *first != 0) else { return Ok(false) };
    // The number of leading zeros says how many bytes follow.
    let num_more = first.leading_zeros() as usize;
    let body = at + 5 + num_more;
    let Some(more) = head.get(at + 5..body) else { return Ok(false) };
    let ones = 0x7f >> num_more;
    let is_unknown = first & ones == ones && more.iter().all(|byte| *byte == 0xff);
    let size = more.iter().fold(u64::from(first & ones), |size, byte| (size << 8) | u64::from(*byte));
    Ok(!is_unknown && (body as u64).saturating_add(size) > file_len)
}

fn read_at(file: &mut (impl Read + Seek), at: u64, count: u64) -> Result<Vec<u8>, AudioError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn sniffed(bytes: &[u8], extension: Option<&str>) -> Content {
        sniff(&mut Cursor::new(bytes), bytes.len() as u64, extension).expect("a cursor can be read")
    }

    #[test]
    fn containers_are_told_by_their_bytes_and_not_by_their_name() {
        assert_eq!(sniffed(b"RIFF\0\0\0\0WAVEfmt ", Some("mp3")), Content::Readable(Container::Wav, 0));
        assert_eq!(sniffed(b"\0\0\0\x18ftypM4A ", None), Content::Readable(Container::Mp4, 0));
        assert_eq!(sniffed(b"ID3\x03\0\0\0\0\0\x05abcdefLaC", None), Content::Readable(Container::Flac, 15));
        assert_eq!(sniffed(b"#!AMR\n\x3c", Some("wav")), Content::Amr(FrameCodec::AmrNb, 6));
        assert_eq!(sniffed(b"#!AMR-WB\n\x3c", Some("gsm")), Content::Amr(FrameCodec::AmrWb, 9));
    }

    #[test]
    fn headerless_audio_is_named_by_its_extension_only_when_nothing_else_helps() {
        assert_eq!(sniffed(&[0x12; 500], Some("silk")), Content::RefusedCodec("silk".to_owned()));
        let alaw = declared::by_extension("alaw").expect("it is known");
        assert_eq!(sniffed(&[0xd5; 500], Some("alaw")), Content::Headerless(alaw));
        assert_eq!(sniffed(&[0x0b, 0x77, 0xd5, 0xd5], Some("alaw")), Content::Headerless(alaw));
        assert_eq!(sniffed(b"fLaC\x80\0\0\x22", Some("alaw")), Content::Readable(Container::Flac, 0));
        assert_eq!(sniffed(&[0xd5; 500], Some("pcm")), Content::Unknown);
        assert_eq!(sniffed(&[0; 500], None), Content::Unknown);
    }

    #[test]
    fn a_tag_alone_is_only_a_tag() {
        assert_eq!(sniffed(b"ID3\x03\0\0\0\0\x10\x05abcde", None), Content::OnlyTag);
        assert_eq!(sniffed(b"ID3\x03\0\0\0\0\0\x05abcde\xff\xfb\x90\x00", None), Content::OnlyTag);
    }

    #[test]
    fn an_ogg_file_with_speex_only_is_refused_and_one_with_opus_is_not() {
        let page = |payload: &[u8]| {
            let mut page = b"OggS\0\x02".to_vec();
            page.extend([0; 20]);
            page.extend([1, payload.len() as u8]);
            page.extend(payload);
            page
        };
        let speex = page(b"Speex   1.2");
        assert_eq!(sniffed(&speex, None), Content::RefusedCodec("speex".to_owned()));
        let both = [speex, page(b"OpusHead\x01")].concat();
        assert_eq!(sniffed(&both, None), Content::Readable(Container::Ogg, 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_something(bytes in proptest::collection::vec(any::<u8>(), 0..2000), prefix in 0usize..6) {
            let prefixes: [&[u8]; 6] = [b"", b"OggS", b"ID3", b"RIFF", b"\xff\xfb", b"\0\0\0\x10ftyp"];
            sniffed(&[prefixes[prefix], &bytes].concat(), None);
        }
    }
}
