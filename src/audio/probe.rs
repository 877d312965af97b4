//! Opens a recording: from its bytes and what the sender declares about them to a reader of frames.
//!
//! Decodes no more than the first packet. Truncated files get a second chance with a reader that may not seek.
//!
//! **Invariant**: an opened recording has a rate within 4 to 192 kHz and at least one channel.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use fs_err::File;

use super::AudioError;
use super::declared::{self, Coding, Layout};
use super::decode::Source;
use super::frame::{FrameCodec, FrameReader};
use super::limits::{MAX_CHANNELS, RATES_HZ};
use super::packets::{Failure, PacketReader};
use super::raw::{RawReader, SampleFormat};
use super::region::Region;
use super::sniff::{self, Container, Content};
use super::tracks::Wanted;
use super::wav::{self, Wav};
use super::{mkv, mp4, w64};
use crate::types::AudioDeclaration;

/// A recording ready to be decoded.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) container: &'static str,
    pub(super) codec: String,
    pub(super) rate_hz: u32,
    pub(super) num_channels: u16,
    /// The highest value that the codec can write.
    pub(super) full_scale: f32,
    /// Frames to come, when that is certain.
    pub(super) num_frames: Option<u64>,
    pub(super) warnings: BTreeSet<&'static str>,
    pub(super) source: Source,
}

impl Opened {
    fn checked(self) -> Result<Self, AudioError> {
        if !RATES_HZ.contains(&self.rate_hz) {
            return Err(AudioError::UnsupportedRate { rate_hz: self.rate_hz });
        }
        if self.num_channels == 0 || self.num_channels > MAX_CHANNELS {
            return Err(AudioError::Undecodable { container: self.container });
        }
        Ok(self)
    }
}

/// Opens the recording at `path`; `track` is the audio track that is wanted, from 0.
pub(super) fn open(
    path: &Path,
    declaration: &AudioDeclaration,
    track: Option<u32>,
) -> Result<Opened, AudioError> {
    let mut file = File::open(path)?;
    let file_len = file.metadata()?.len();
    if file_len == 0 {
        return Err(AudioError::Empty);
    }
    if let Some(layout) = declared::by_declaration(declaration)? {
        let content = sniff::sniff(&mut file, file_len, None)?;
        check_headerless(layout, &content)?;
        return only_track(headerless(file, file_len, layout)?, track)?.checked();
    }
    let extension = extension(declaration, path);
    let opened = match sniff::sniff(&mut file, file_len, extension.as_deref())? {
        Content::Readable(Container::Wav, start) => {
            let wav = wav::parse(&mut file, start, file_len)?;
            only_track(open_wav(path, file, &wav, "wav")?, track)?
        }
        Content::Readable(Container::W64, start) => {
            let wav = w64::parse(&mut file, start, file_len)?;
            only_track(open_wav(path, file, &wav, "w64")?, track)?
        }
        Content::Readable(container, start) => open_packets(path, file, container, start, file_len, track)?,
        Content::Amr(codec, start) => {
            let stretch = Stretch { start, len: file_len.saturating_sub(start) };
            only_track(frames("amr", file, codec, 8000, stretch, None)?, track)?
        }
        Content::Headerless(layout) => only_track(headerless(file, file_len, layout)?, track)?,
        Content::RefusedCodec(codec) => return Err(AudioError::UnsupportedCodec { codec }),
        Content::RefusedContainer(container) => return Err(AudioError::UnsupportedContainer { container }),
        Content::OnlyTag => return Err(AudioError::Truncated { container: "mp3" }),
        Content::Unknown => return Err(AudioError::NotAudio),
    };
    opened.checked()
}

fn only_track(opened: Opened, track: Option<u32>) -> Result<Opened, AudioError> {
    match track {
        None | Some(0) => Ok(opened),
        Some(track) => Err(AudioError::NoSuchTrack { track, num_tracks: 1, container: opened.container }),
    }
}

fn extension(declaration: &AudioDeclaration, path: &Path) -> Option<String> {
    let name = declaration.file_name.as_deref().map_or(path, Path::new);
    name.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase)
}

/// Refuses a declaration that the bytes contradict.
fn check_headerless(layout: Layout, content: &Content) -> Result<(), AudioError> {
    let found = match content {
        Content::Readable(container, _) => Some(container.name()),
        Content::RefusedContainer(container) => Some(*container),
        Content::Amr(_, _) => Some("amr"),
        Content::OnlyTag => Some("mp3"),
        // Signatures of two bytes are too short to overrule what the sender says.
        Content::RefusedCodec(_) | Content::Headerless(_) | Content::Unknown => None,
    };
    match found {
        Some(found) => Err(AudioError::WrongDeclaration { declared: layout.coding.name(), found }),
        None => Ok(()),
    }
}

fn headerless(file: File, file_len: u64, layout: Layout) -> Result<Opened, AudioError> {
    let stretch = Stretch { start: 0, len: file_len };
    match layout.coding {
        Coding::Samples(format) => raw("raw", file, format, layout.rate_hz, layout.num_channels, stretch),
        Coding::Frames(codec) => frames("raw", file, codec, layout.rate_hz, stretch, None),
    }
}

/// Where the coded samples are.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: u64,
    len: u64,
}

/// `rate_hz` counts where the codec has no rate of its own; `num_samples` says where the last frame ends.
fn frames(
    container: &'static str,
    file: File,
    codec: FrameCodec,
    rate_hz: u32,
    stretch: Stretch,
    num_samples: Option<u64>,
) -> Result<Opened, AudioError> {
    if stretch.len == 0 {
        return Err(AudioError::Empty);
    }
    let most = codec.num_samples(stretch.len);
    let region = Region::new(file, stretch.start, stretch.len)?;
    Ok(Opened {
        container,
        codec: codec.name().to_owned(),
        rate_hz: codec.fixed_rate_hz().unwrap_or(rate_hz),
        num_channels: 1,
        full_scale: 1.0,
        num_frames: most.map(|most| num_samples.map_or(most, |count| most.min(count))),
        warnings: BTreeSet::new(),
        source: Source::Frames(Box::new(FrameReader::new(region, codec, num_samples))),
    })
}

fn raw(
    container: &'static str,
    file: File,
    format: SampleFormat,
    rate_hz: u32,
    num_channels: u16,
    stretch: Stretch,
) -> Result<Opened, AudioError> {
    let frame_bytes = format.num_bytes() as u64 * u64::from(num_channels);
    let num_frames = stretch.len / frame_bytes.max(1);
    if num_frames == 0 {
        return Err(AudioError::Empty);
    }
    let region = Region::new(file, stretch.start, stretch.len)?;
    Ok(Opened {
        container,
        codec: format.name().to_owned(),
        rate_hz,
        num_channels,
        full_scale: full_scale(format),
        num_frames: Some(num_frames),
        warnings: BTreeSet::new(),
        source: Source::Raw(RawReader::new(region, format, num_channels)),
    })
}

fn full_scale(format: SampleFormat) -> f32 {
    match format {
        SampleFormat::U8 => 127.0 / 128.0,
        SampleFormat::Alaw | SampleFormat::AlawInverted => 32_256.0 / 32_768.0,
        SampleFormat::Ulaw => 32_124.0 / 32_768.0,
        SampleFormat::S16
        | SampleFormat::S16Be
        | SampleFormat::S24
        | SampleFormat::S32
        | SampleFormat::F32
        | SampleFormat::F64 => 1.0,
    }
}

fn open_wav(path: &Path, file: File, wav: &Wav, container: &'static str) -> Result<Opened, AudioError> {
    if wav.num_channels == 0 || wav.num_channels > MAX_CHANNELS {
        return Err(AudioError::Undecodable { container });
    }
    if wav.data_len == 0 {
        return Err(if wav.truncated { AudioError::Truncated { container } } else { AudioError::Empty });
    }
    let stretch = Stretch { start: wav.data_start, len: wav.data_len };
    let mut opened = if let Some(format) = wav.sample_format() {
        raw(container, file, format, wav.rate_hz, wav.num_channels, stretch)?
    } else if let Some(codec) = wav.frame_codec() {
        if wav.num_channels != 1 {
            let codec = format!("{} with {} channels", codec.name(), wav.num_channels);
            return Err(AudioError::UnsupportedCodec { codec });
        }
        // The last frame is padded; only the `fact` chunk says where the recording ends in it.
        let num_samples = wav.num_frames.filter(|_| !wav.truncated);
        frames(container, file, codec, wav.rate_hz, stretch, num_samples)?
    } else {
        match wav.tag {
            wav::TAG_ADPCM_MS | wav::TAG_ADPCM_IMA => open_adpcm(path, wav)?,
            wav::TAG_MP2 | wav::TAG_MP3 => {
                let end = wav.data_start + wav.data_len;
                open_packets(path, file, Container::Mpeg, wav.data_start, end, None)?
            }
            tag if wav::is_uncompressed(tag) => return Err(AudioError::Undecodable { container }),
            tag => return Err(AudioError::UnsupportedCodec { codec: wav::tag_name(tag) }),
        }
    };
    opened.container = container;
    if wav.truncated {
        opened.warnings.insert("audio.truncated");
    }
    Ok(opened)
}

/// ADPCM goes to the library's WAV reader behind a header of ours, so that wrong sizes in the file do not reach it.
fn open_adpcm(path: &Path, wav: &Wav) -> Result<Opened, AudioError> {
    let format_len = u32::try_from(wav.format_chunk.len()).unwrap_or(0);
    let data_len = u32::try_from(wav.data_len).unwrap_or(u32::MAX);
    let mut header = b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec();
    header.extend(format_len.to_le_bytes());
    header.extend(&wav.format_chunk);
    if format_len % 2 == 1 {
        header.push(0);
    }
    header.extend(b"data");
    header.extend(data_len.to_le_bytes());
    let region =
        Region::new(File::open(path)?, wav.data_start, wav.data_len)?.with_prefix(header).unseekable();
    let mut reader =
        PacketReader::open(Container::Wav, Box::new(region), Wanted::default()).map_err(|failure| {
            match failure {
                Failure::Codec(_) => AudioError::UnsupportedCodec { codec: wav::tag_name(wav.tag) },
                failure @ (Failure::Io(_)
                | Failure::NoTrack
                | Failure::NoSuchTrack { .. }
                | Failure::CutOff
                | Failure::Damaged) => refuse(failure, Container::Wav),
            }
        })?;
    if let (Some(num_frames), false) = (wav.num_frames, wav.truncated) {
        // The last block is padded; only the `fact` chunk says where the recording ends in it.
        reader.end_after(num_frames);
    }
    Ok(from_packets(Container::Wav, reader))
}

fn open_packets(
    path: &Path,
    mut file: File,
    container: Container,
    start: u64,
    end: u64,
    track: Option<u32>,
) -> Result<Opened, AudioError> {
    let contents = if container == Container::Mp4 { Some(mp4::inspect(&mut file, end)?) } else { None };
    let hints = match &contents {
        Some(contents) => contents.hints(),
        None if container == Container::Matroska => mkv::inspect(&mut file)?,
        None => Vec::new(),
    };
    let wanted = Wanted { track, hints: &hints };
    let len = end.saturating_sub(start);
    let region = || -> Result<Region, AudioError> { Ok(Region::new(File::open(path)?, start, len)?) };
    let first = match PacketReader::open(container, Box::new(region()?), wanted) {
        Ok(mut reader) => {
            if container == Container::Matroska && sniff::is_matroska_cut_off(&mut file, end)? {
                reader.warn("audio.truncated");
            }
            return Ok(from_packets(container, reader));
        }
        Err(failure @ (Failure::Io(_) | Failure::Codec(_) | Failure::NoSuchTrack { .. })) => {
            return Err(refuse(failure, container));
        }
        Err(failure) => failure,
    };
    if let Ok(mut reader) = PacketReader::open(container, Box::new(region()?.unseekable()), wanted) {
        reader.warn("audio.truncated");
        return Ok(from_packets(container, reader));
    }
    let is_cut_off = match container {
        Container::Mp4 => contents.as_ref().is_some_and(|contents| contents.truncated),
        Container::Matroska => sniff::is_matroska_cut_off(&mut file, end)?,
        // Not among the promised formats, and its reader gives up on good files.
        Container::Caf => return Err(AudioError::UnsupportedContainer { container: "caf" }),
        Container::Wav
        | Container::W64
        | Container::Ogg
        | Container::Flac
        | Container::Mpeg
        | Container::Adts
        | Container::Aiff => false,
    };
    if is_cut_off {
        return Err(AudioError::Truncated { container: container.name() });
    }
    match hints.into_iter().next() {
        Some(hint) if matches!(first, Failure::NoTrack) => {
            Err(AudioError::UnsupportedCodec { codec: hint.codec })
        }
        _ => Err(refuse(first, container)),
    }
}

fn from_packets(container: Container, reader: PacketReader) -> Opened {
    Opened {
        container: container.name(),
        codec: reader.codec().to_owned(),
        rate_hz: reader.rate_hz(),
        num_channels: reader.num_channels(),
        full_scale: 1.0,
        num_frames: None,
        warnings: BTreeSet::new(),
        source: Source::Packets(Box::new(reader)),
    }
}

fn refuse(failure: Failure, container: Container) -> AudioError {
    let container = container.name();
    match failure {
        Failure::Io(error) => AudioError::Io(error),
        Failure::NoTrack => AudioError::NoAudioTrack { container },
        Failure::Codec(codec) => AudioError::UnsupportedCodec { codec },
        Failure::NoSuchTrack { wanted: track, num_tracks } => {
            AudioError::NoSuchTrack { track, num_tracks, container }
        }
        Failure::CutOff => AudioError::Truncated { container },
        Failure::Damaged => AudioError::Undecodable { container },
    }
}
