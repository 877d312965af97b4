//! Everything with a codec: packets from a container into frames, placed on the recording's own timeline.
//!
//! Samples go where the packets' time stamps say, not where counting puts them: a lost Ogg page or a broken packet
//! leaves silence of its length, so that what follows keeps its time. Encoder delay is cut off at the start.
//!
//! **Invariant**: one call of [`PacketReader::read`] appends at most one packet or one second of silence.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::LazyLock;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;
use symphonia::default::formats;

use super::AudioError;
use super::codec::{codec_name, plain_lc, refused_name};
use super::decode::Frames;
use super::limits::{GAP_TOLERANCE, MAX_CHANNELS, MAX_GAP, MAX_IDLE_PACKETS, MAX_LEADING_GAP};
use super::sniff::Container;
use crate::types::Millis;

/// Samples that an AAC-LC encoder puts before the first of the recording.
const AAC_DELAY: u64 = 1024;

/// The same for MP3 without a LAME tag: 576 of the usual encoder and 529 of any decoder.
const MP3_DELAY: u64 = 1105;

/// The filter bank of an MP2 decoder.
const MP2_DELAY: u64 = 481;

/// Opus always decodes at this rate, whatever its header says about the original.
const OPUS_RATE_HZ: u32 = 48_000;

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut registry = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut registry);
    registry.register_audio_decoder::<symphonia_adapter_libopus::OpusDecoder>();
    registry
});

/// Why no audio came out of a container.
#[derive(Debug)]
pub(super) enum Failure {
    /// The disk failed.
    Io(io::Error),
    /// There is no audio track, or none whose codec is known.
    NoTrack,
    /// The codec is known and has no decoder.
    Codec(String),
    /// The bytes end too early.
    CutOff,
    /// The bytes contradict themselves.
    Damaged,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Error::IoError(error) = error else { return Self::Damaged };
        if error.raw_os_error().is_some() { Self::Io(error) } else { Self::CutOff }
    }
}

/// Decodes the first audio track of a container.
pub(super) struct PacketReader {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    container: Container,
    track_id: u32,
    time_base: Option<TimeBase>,
    codec: String,
    rate_hz: u32,
    num_channels: u16,
    /// Frames by the container's count, when it has one.
    promised_frames: Option<u64>,
    /// Decoded frames still to drop at the start.
    skip_left: u64,
    /// Packet durations are exact, so that the last one says where the recording ends within its packet.
    exact_durations: bool,
    /// Time stamp of the frame at `position` 0, in frames.
    origin: Option<i64>,
    /// Frames decoded so far, dropped ones included.
    position: u64,
    /// Frames handed out or queued so far.
    num_frames: u64,
    /// Frames still to come before the recording ends, whatever its last packet holds.
    end_after: Option<u64>,
    queue: VecDeque<Queued>,
    warnings: BTreeSet<&'static str>,
}

#[derive(Debug)]
enum Queued {
    Silence(u64),
    Decoded(Frames),
}

fn open_format(
    container: Container,
    stream: MediaSourceStream<'static>,
) -> Result<Box<dyn FormatReader>, Error> {
    let options = FormatOptions::default();
    Ok(match container {
        Container::Wav => Box::new(formats::WavReader::try_new(stream, options)?),
        Container::Ogg => Box::new(formats::OggReader::try_new(stream, options)?),
        Container::Flac => Box::new(formats::FlacReader::try_new(stream, options)?),
        Container::Mp4 => Box::new(formats::IsoMp4Reader::try_new(stream, options)?),
        Container::Matroska => Box::new(formats::MkvReader::try_new(stream, options)?),
        Container::Mpeg => Box::new(formats::MpaReader::try_new(stream, options)?),
        Container::Adts => Box::new(formats::AdtsReader::try_new(stream, options)?),
        Container::Aiff => Box::new(formats::AiffReader::try_new(stream, options)?),
        Container::Caf => Box::new(formats::CafReader::try_new(stream, options)?),
    })
}

/// Finds the first audio track with a decoder, in the order of the container.
fn choose_track(
    format: &dyn FormatReader,
) -> Result<(u32, AudioCodecParameters, Box<dyn AudioDecoder>), Failure> {
    let mut refused = None;
    let default_id = format.default_track(TrackType::Audio).map(|track| track.id);
    let mut tracks: Vec<_> = format.tracks().iter().collect();
    tracks.sort_by_key(|track| Some(track.id) != default_id);
    for track in tracks {
        let Some(params) = track.codec_params.as_ref().and_then(|params| params.audio()) else { continue };
        if params.codec == CODEC_ID_NULL_AUDIO {
            continue;
        }
        let mut params = params.clone();
        if params.codec == CODEC_ID_OPUS {
            params.sample_rate = Some(OPUS_RATE_HZ);
            // The adapter would cut the delay off the first packet only; it may be longer than that.
            params.extra_data = None;
        }
        if params.codec == CODEC_ID_AAC
            && let Some(plain) = params.extra_data.as_deref().and_then(plain_lc)
        {
            params.extra_data = Some(Box::new(plain));
        }
        match CODECS.make_audio_decoder(&params, &AudioDecoderOptions::default()) {
            Ok(decoder) => {
                let original = track.codec_params.as_ref().and_then(|params| params.audio());
                return Ok((track.id, original.cloned().unwrap_or(params), decoder));
            }
            Err(_) => {
                refused.get_or_insert_with(|| refused_name(&params));
            }
        }
    }
    Err(refused.map_or(Failure::NoTrack, Failure::Codec))
}

/// Samples before the recording's first, at the decoder's rate. `has_delay` says that the container knows the delay
/// and its reader cuts it off.
fn encoder_delay(params: &AudioCodecParameters, container: Container, has_delay: bool) -> u64 {
    if params.codec == CODEC_ID_AAC {
        return AAC_DELAY;
    }
    if params.codec == CODEC_ID_MP3 && !has_delay {
        return MP3_DELAY;
    }
    if params.codec == CODEC_ID_MP2 {
        return MP2_DELAY;
    }
    if params.codec != CODEC_ID_OPUS {
        return 0;
    }
    let head = params.extra_data.as_deref().unwrap_or_default();
    match head.get(10..12) {
        // The same header, but written the other way round in MP4.
        Some([first, second]) if container == Container::Mp4 => {
            u64::from(u16::from_be_bytes([*first, *second]))
        }
        Some([first, second]) => u64::from(u16::from_le_bytes([*first, *second])),
        _ => 0,
    }
}

impl PacketReader {
    /// Opens the container and decodes up to the first frame.
    pub(super) fn open(container: Container, source: Box<dyn MediaSource>) -> Result<Self, Failure> {
        let stream = MediaSourceStream::new(source, Default::default());
        let format = open_format(container, stream)?;
        let (track_id, params, decoder) = choose_track(&*format)?;
        let track = format.tracks().iter().find(|track| track.id == track_id);
        let has_delay = track.is_some_and(|track| track.delay.is_some());
        let time_base = track.and_then(|track| track.time_base);
        // Without a LAME tag the MP3 reader's count is a guess from the file's size.
        let is_counted = |track: &&Track| container != Container::Mpeg || track.delay.is_some();
        let promised_frames = track.filter(is_counted).and_then(|track| track.num_frames);
        let mut reader = Self {
            codec: codec_name(&params),
            skip_left: encoder_delay(&params, container, has_delay),
            exact_durations: container == Container::Mp4 && params.codec == CODEC_ID_AAC,
            format,
            decoder,
            container,
            track_id,
            time_base,
            rate_hz: 0,
            num_channels: 0,
            promised_frames,
            origin: None,
            position: 0,
            num_frames: 0,
            end_after: None,
            queue: VecDeque::new(),
            warnings: BTreeSet::new(),
        };
        while reader.num_frames == 0 {
            if !reader.decode_next().map_err(Failure::Io)? {
                let cut_off = reader.warnings.contains("audio.truncated");
                return Err(if cut_off { Failure::CutOff } else { Failure::Damaged });
            }
        }
        Ok(reader)
    }

    pub(super) fn codec(&self) -> &str {
        &self.codec
    }

    pub(super) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    pub(super) fn num_channels(&self) -> u16 {
        self.num_channels
    }

    /// Ends the recording after `num_frames`.
    pub(super) fn end_after(&mut self, num_frames: u64) {
        self.end_after = Some(num_frames);
    }

    pub(super) fn warn(&mut self, warning: &'static str) {
        self.warnings.insert(warning);
    }

    pub(super) fn warnings(&self) -> &BTreeSet<&'static str> {
        &self.warnings
    }

    /// Appends the next frames; `false` at the end.
    pub(super) fn read(&mut self, frames: &mut Frames) -> Result<bool, AudioError> {
        loop {
            match self.queue.pop_front() {
                Some(Queued::Silence(count)) => {
                    // At most a second at a time, so the count fits a usize.
                    let now = count.min(u64::from(self.rate_hz));
                    frames.push_silence(now as usize);
                    if count > now {
                        self.queue.push_front(Queued::Silence(count - now));
                    }
                    return Ok(true);
                }
                Some(Queued::Decoded(mut decoded)) => {
                    if let Some(left) = &mut self.end_after {
                        // Fits, because it is no more than the packet has.
                        decoded.truncate((*left).min(decoded.len() as u64) as usize);
                        *left -= decoded.len() as u64;
                    }
                    frames.append(&mut decoded);
                    return Ok(true);
                }
                None if self.decode_next()? => {}
                None => {
                    self.check_promise();
                    return Ok(false);
                }
            }
        }
    }

    fn check_promise(&mut self) {
        let tolerated = self.promised_frames.map_or(0, |promised| promised - promised / 50);
        if self.num_frames + u64::from(self.rate_hz / 2) < tolerated {
            self.warn("audio.truncated");
        }
    }

    /// Decodes packets until something is queued; `false` at the end.
    fn decode_next(&mut self) -> io::Result<bool> {
        for _ in 0..MAX_IDLE_PACKETS {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(false),
                Err(Error::ResetRequired) => match choose_track(&*self.format) {
                    // The next of several recordings in one file.
                    Ok((track_id, params, decoder)) => {
                        (self.track_id, self.decoder) = (track_id, decoder);
                        self.skip_left = encoder_delay(&params, self.container, true);
                        self.origin = None;
                        continue;
                    }
                    Err(_) => {
                        self.warn("audio.corrupt_packets");
                        return Ok(false);
                    }
                },
                Err(error) => {
                    return match Failure::from(error) {
                        Failure::Io(error) => Err(error),
                        Failure::CutOff => {
                            // A Matroska file of a live recorder has no lengths, so its end is always a surprise.
                            if self.container != Container::Matroska {
                                self.warn("audio.truncated");
                            }
                            Ok(false)
                        }
                        Failure::NoTrack | Failure::Codec(_) | Failure::Damaged => {
                            self.warn("audio.corrupt_packets");
                            Ok(false)
                        }
                    };
                }
            };
            if packet.track_id == self.track_id && self.take(&packet) {
                return Ok(true);
            }
        }
        self.warn("audio.corrupt_packets");
        Ok(false)
    }

    /// Decodes one packet and queues what it gives; whether that is anything.
    fn take(&mut self, packet: &Packet) -> bool {
        let decoded = match self.decoder.decode(packet) {
            Ok(buffer) => copy(&buffer),
            Err(error) => {
                if matches!(error, Error::ResetRequired) {
                    self.decoder.reset();
                }
                None
            }
        };
        let Some((rate_hz, mut frames)) = decoded else {
            self.warn("audio.corrupt_packets");
            return self.replace_by_silence(packet);
        };
        // At most MAX_CHANNELS, by `copy`.
        let num_channels = frames.channels.len() as u16;
        if self.rate_hz == 0 {
            (self.rate_hz, self.num_channels) = (rate_hz, num_channels);
        } else if (self.rate_hz, self.num_channels) != (rate_hz, num_channels) {
            self.warn("audio.corrupt_packets");
            return self.replace_by_silence(packet);
        }
        let trimmed = packet.trim_start.get().saturating_add(packet.trim_end.get());
        let raw_len =
            (frames.len() as u64).saturating_add(trimmed.min(frames.len() as u64 + OPUS_RATE_HZ as u64));
        self.place(packet);
        self.position += raw_len;
        if self.exact_durations && self.time_base_is_rate() {
            let duration = packet.dur.get();
            if duration > 0 && duration < frames.len() as u64 {
                frames.truncate(duration as usize);
            }
        }
        let skip = self.skip_left.min(frames.len() as u64);
        self.skip_left -= skip;
        frames.drop_front(skip as usize);
        self.num_frames += frames.len() as u64;
        let any = frames.len() > 0;
        if any {
            self.queue.push_back(Queued::Decoded(frames));
        }
        any || !self.queue.is_empty()
    }

    fn time_base_is_rate(&self) -> bool {
        self.time_base.is_some_and(|base| base.numer.get() == 1 && base.denom.get() == self.rate_hz)
    }

    /// A count of the container's ticks as frames.
    fn frames_of(&self, ticks: i64) -> Option<i64> {
        let base = self.time_base?;
        let scaled = i128::from(ticks) * i128::from(base.numer.get()) * i128::from(self.rate_hz);
        i64::try_from(scaled / i128::from(base.denom.get())).ok()
    }

    fn frames_in(&self, length: Millis) -> i64 {
        // At most ten minutes at 192 kHz.
        (length.0 * u64::from(self.rate_hz) / 1000) as i64
    }

    fn replace_by_silence(&mut self, packet: &Packet) -> bool {
        if self.rate_hz == 0 || self.origin.is_none() {
            return false;
        }
        let ticks = i64::try_from(packet.block_dur().get()).unwrap_or(0);
        let count = self.frames_of(ticks).unwrap_or(0).clamp(0, self.frames_in(MAX_LEADING_GAP));
        self.place(packet);
        self.position += count.unsigned_abs();
        self.push_silence(count.unsigned_abs())
    }

    fn push_silence(&mut self, count: u64) -> bool {
        if count > 0 {
            self.num_frames += count;
            self.queue.push_back(Queued::Silence(count));
        }
        count > 0
    }

    /// Queues silence when the packet's time stamp is later than what came before it.
    fn place(&mut self, packet: &Packet) {
        let Some(stamp) = self.frames_of(packet.pts.get()) else { return };
        let position = i64::try_from(self.position).unwrap_or(i64::MAX);
        let Some(origin) = self.origin else {
            self.origin = Some(stamp.saturating_sub(position));
            if position == 0 && stamp > 0 && stamp <= self.frames_in(MAX_LEADING_GAP) {
                self.push_silence(stamp.unsigned_abs());
            }
            return;
        };
        let gap = stamp.saturating_sub(origin).saturating_sub(position);
        if gap.abs() <= self.frames_in(GAP_TOLERANCE) {
            return;
        }
        if gap > 0 && gap <= self.frames_in(MAX_GAP) {
            self.warn("audio.decoder_gap");
            self.position += gap.unsigned_abs();
            self.push_silence(gap.unsigned_abs());
        } else if gap.abs() > i64::from(self.rate_hz) {
            // The clock was set, backwards or far ahead: count on from here.
            self.warn("audio.broken_time_stamps");
            self.origin = Some(stamp.saturating_sub(position));
        }
    }
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

impl std::fmt::Debug for PacketReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PacketReader").field("codec", &self.codec).field("position", &self.position).finish()
    }
}
