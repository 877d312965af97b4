//! The audio tracks of a container: which there are, which one is used, and what decodes it.
//!
//! **Invariant**: a track that is chosen by number is used or refused, never replaced by another.

use std::sync::LazyLock;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::packet::Packet;

use super::codec::{codec_name, refused_name};
use super::declared::{Coding, Layout};
use super::decode::Frames;
use super::frame::{FrameDecoder, decode_packet};
use super::he_aac::{self, HeAac};
use super::limits::MAX_CHANNELS;
use super::packets::{Failure, guarded};
use super::raw::SampleFormat;
use super::sniff::Container;

/// Samples that an AAC encoder puts before the first of the recording, at the rate of the core.
const AAC_DELAY: u64 = 1024;

/// The same for MP3 without a LAME tag: 576 of the usual encoder and 529 of any decoder.
const MP3_DELAY: u64 = 1105;

/// The filter bank of an MP2 decoder.
const MP2_DELAY: u64 = 481;

/// Opus always decodes at this rate, whatever its header says about the original.
pub(super) const OPUS_RATE_HZ: u32 = 48_000;

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut registry = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut registry);
    registry.register_audio_decoder::<symphonia_adapter_libopus::OpusDecoder>();
    registry
});

/// What turns packets into samples.
pub(super) enum PacketDecoder {
    Library(Box<dyn AudioDecoder>),
    HeAac(HeAac),
    /// AAC whose first packet says whether it has an upper band.
    Undecided(HeAac, Box<dyn AudioDecoder>),
    Frames(Box<dyn FrameDecoder>, u32),
    Samples {
        format: SampleFormat,
        num_channels: usize,
        rate_hz: u32,
    },
}

impl PacketDecoder {
    /// Rate and frames of a packet; `None` when it is damaged.
    pub(super) fn decode(&mut self, packet: &Packet) -> Option<(u32, Frames)> {
        match self {
            Self::Library(decoder) => by_library(&mut **decoder, packet),
            Self::HeAac(decoder) => decoder.decode(&packet.data),
            Self::Undecided(_, _) => self.decide(packet),
            Self::Frames(decoder, rate_hz) => {
                let mut samples = Vec::new();
                let num_bad = decode_packet(&mut **decoder, &packet.data, &mut samples);
                let channel = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
                (num_bad == 0 && !samples.is_empty())
                    .then_some((*rate_hz, Frames { channels: vec![channel] }))
            }
            Self::Samples { format, num_channels, rate_hz } => {
                let mut frames = Frames::new(*num_channels);
                format.append(&packet.data, &mut frames);
                (frames.len() > 0).then_some((*rate_hz, frames))
            }
        }
    }

    fn decide(&mut self, packet: &Packet) -> Option<(u32, Frames)> {
        // Stands in for a moment only; it decodes nothing.
        let nothing = Self::Samples { format: SampleFormat::S16, num_channels: 0, rate_hz: 0 };
        let Self::Undecided(mut he_aac, mut library) = std::mem::replace(self, nothing) else { return None };
        let with_upper_band = he_aac.decode(&packet.data).filter(|_| he_aac.has_upper_band());
        if with_upper_band.is_some() {
            *self = Self::HeAac(he_aac);
            return with_upper_band;
        }
        let plain = by_library(&mut *library, packet);
        *self = if plain.is_some() { Self::Library(library) } else { Self::Undecided(he_aac, library) };
        plain
    }

    /// What the decoder still holds after the last packet.
    pub(super) fn flush(&mut self) -> Option<Frames> {
        if let Self::HeAac(decoder) = self { decoder.flush() } else { None }
    }

    /// Frames that the decoder itself puts before the first, known after the first packet.
    pub(super) fn delay(&self) -> u64 {
        match self {
            Self::Library(_) | Self::Undecided(_, _) | Self::Frames(_, _) | Self::Samples { .. } => 0,
            Self::HeAac(decoder) => decoder.delay(),
        }
    }
}

fn by_library(decoder: &mut dyn AudioDecoder, packet: &Packet) -> Option<(u32, Frames)> {
    let decoded = guarded(|| Ok(copy(&decoder.decode(packet)?)));
    decoded.unwrap_or_else(|error| {
        if matches!(error, Error::ResetRequired) {
            decoder.reset();
        }
        None
    })
}

/// Frames to drop at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// At the rate of the decoder's output.
    Frames(u64),
    /// At the rate of the AAC core, which may be half of that of the output.
    AacCore { frames: u64, core_rate_hz: u32 },
    /// Ticks of the track's time base, by its edit list.
    Ticks(i64),
}

/// The track that is used.
pub(super) struct Chosen {
    pub(super) id: u32,
    pub(super) codec: String,
    pub(super) decoder: PacketDecoder,
    pub(super) skip: Skip,
    /// Silence before the track's first sample by its edit list, in milliseconds.
    pub(super) lead_ms: u64,
    pub(super) is_aac: bool,
}

/// What the container's header says about an audio track, beyond what its reader knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) id: u32,
    pub(super) is_default: bool,
    /// The name of the codec.
    pub(super) codec: String,
    /// Whether that codec is known to have no decoder.
    pub(super) is_refused: bool,
    /// How its packets are decoded, when that is up to us.
    pub(super) layout: Option<Layout>,
    /// Time before its first sample, in milliseconds.
    pub(super) lead_ms: u64,
    /// The first of its samples that is played, in ticks of the track.
    pub(super) first_tick: Option<i64>,
}

/// What is known about the tracks before the container's reader is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    /// Chosen by the sender, from 0.
    pub(super) track: Option<u32>,
    /// Audio tracks in order; empty when the reader knows all.
    pub(super) hints: &'a [Hint],
}

/// Chooses a track: the one that is wanted, else the container's default, else the first that has a decoder.
pub(super) fn choose(
    format: &dyn FormatReader,
    container: Container,
    wanted: Wanted<'_>,
) -> Result<Chosen, Failure> {
    let is_audio = |track: &&Track| {
        let known = track.codec_params.as_ref().and_then(|params| params.audio());
        known.is_some_and(|params| params.codec != CODEC_ID_NULL_AUDIO)
    };
    let mut tracks: Vec<(&Track, Option<&Hint>)> = if wanted.hints.is_empty() {
        format.tracks().iter().filter(is_audio).map(|track| (track, None)).collect()
    } else {
        let known = |track: &Track, hint: &Hint| track.id == hint.id;
        let pairs =
            wanted.hints.iter().map(|hint| (format.tracks().iter().find(|track| known(track, hint)), hint));
        pairs.filter_map(|(track, hint)| Some((track?, Some(hint)))).collect()
    };
    if let Some(wanted) = wanted.track {
        let num_tracks = tracks.len();
        let chosen = usize::try_from(wanted).ok().and_then(|index| tracks.get(index).copied());
        let Some(chosen) = chosen else { return Err(Failure::NoSuchTrack { wanted, num_tracks }) };
        tracks = vec![chosen];
    } else if wanted.hints.is_empty() {
        let default = format.default_track(TrackType::Audio).map(|track| track.id);
        tracks.sort_by_key(|(track, _)| Some(track.id) != default);
    } else {
        tracks.sort_by_key(|(_, hint)| !hint.is_some_and(|hint| hint.is_default));
    }
    let mut refused = None;
    for (track, hint) in tracks {
        match open(track, hint, container) {
            Ok(chosen) => return Ok(chosen),
            Err(codec) => {
                refused.get_or_insert(codec);
            }
        }
    }
    Err(refused.map_or(Failure::NoTrack, Failure::Codec))
}

/// A decoder for the track, or the name of its codec.
fn open(track: &Track, hint: Option<&Hint>, container: Container) -> Result<Chosen, String> {
    if let Some(refused) = hint.filter(|hint| hint.is_refused) {
        return Err(refused.codec.clone());
    }
    let lead_ms = hint.map_or(0, |hint| hint.lead_ms);
    let edited = hint.and_then(|hint| hint.first_tick).map(Skip::Ticks);
    if let Some(Layout { coding, rate_hz, num_channels }) = hint.and_then(|hint| hint.layout) {
        let decoder = match coding {
            Coding::Samples(format) => {
                PacketDecoder::Samples { format, num_channels: usize::from(num_channels), rate_hz }
            }
            Coding::Frames(codec) => {
                PacketDecoder::Frames(codec.decoder(), codec.fixed_rate_hz().unwrap_or(rate_hz))
            }
        };
        let (id, codec) = (track.id, coding.name().to_owned());
        return Ok(Chosen {
            id,
            codec,
            decoder,
            skip: edited.unwrap_or(Skip::Frames(0)),
            lead_ms,
            is_aac: false,
        });
    }
    let Some(original) = track.codec_params.as_ref().and_then(|params| params.audio()) else {
        return Err(hint.map_or_else(|| "unknown".to_owned(), |hint| hint.codec.clone()));
    };
    if original.codec == CODEC_ID_NULL_AUDIO {
        return Err(hint.map_or_else(|| "unknown".to_owned(), |hint| hint.codec.clone()));
    }
    let mut params = original.clone();
    if params.codec == CODEC_ID_OPUS {
        params.sample_rate = Some(OPUS_RATE_HZ);
        // The adapter would cut the delay off the first packet only; it may be longer than that.
        params.extra_data = None;
    }
    let is_aac = params.codec == CODEC_ID_AAC;
    let config = if is_aac { he_aac::config(&params) } else { None };
    let he_aac = config.as_deref().and_then(HeAac::open);
    let declared = config.as_deref().is_some_and(he_aac::is_declared);
    let library = CODECS.make_audio_decoder(&params, &AudioDecoderOptions::default());
    let decoder = match (he_aac, library) {
        (Some(he_aac), _) if declared => PacketDecoder::HeAac(he_aac),
        (Some(he_aac), Ok(library)) => PacketDecoder::Undecided(he_aac, library),
        (Some(he_aac), Err(_)) => PacketDecoder::HeAac(he_aac),
        (None, Ok(library)) => PacketDecoder::Library(library),
        (None, Err(_)) => return Err(refused_name(&params)),
    };
    let skip = edited.unwrap_or_else(|| encoder_delay(original, container, track.delay.is_some()));
    Ok(Chosen { id: track.id, codec: codec_name(original), decoder, skip, lead_ms, is_aac })
}

/// Samples before the recording's first. `has_delay` says that the container knows the delay and its reader cuts it
/// off.
fn encoder_delay(params: &AudioCodecParameters, container: Container, has_delay: bool) -> Skip {
    if params.codec == CODEC_ID_AAC {
        let core_rate_hz = he_aac::core_rate_hz(params).unwrap_or(0);
        return Skip::AacCore { frames: AAC_DELAY, core_rate_hz };
    }
    if params.codec == CODEC_ID_MP3 && !has_delay {
        return Skip::Frames(MP3_DELAY);
    }
    if params.codec == CODEC_ID_MP2 {
        return Skip::Frames(MP2_DELAY);
    }
    if params.codec != CODEC_ID_OPUS {
        return Skip::Frames(0);
    }
    let head = params.extra_data.as_deref().unwrap_or_default();
    Skip::Frames(match head.get(10..12) {
        // The same header, but written the other way round in MP4.
        Some([first, second]) if container == Container::Mp4 => {
            u64::from(u16::from_be_bytes([*first, *second]))
        }
        Some([first, second]) => u64::from(u16::from_le_bytes([*first, *second])),
        _ => 0,
    })
}

/// The frames of a decoded packet; `None` when they make no sense.
fn copy(buffer: &GenericAudioBufferRef<'_>) -> Option<(u32, Frames)> {
    let rate_hz = buffer.spec().rate();
    let num_channels = buffer.num_planes();
    if rate_hz == 0 || num_channels == 0 || num_channels > usize::from(MAX_CHANNELS) {
        return None;
    }
    let mut channels = vec![Vec::new(); num_channels];
    buffer.copy_to_vecs_planar::<f32>(&mut channels);
    for sample in channels.iter_mut().flatten() {
        // A damaged packet may decode to anything; a NaN would spread through every filter after it.
        *sample = if sample.is_finite() { sample.clamp(-8.0, 8.0) } else { 0.0 };
    }
    Some((rate_hz, Frames { channels }))
}
