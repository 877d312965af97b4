//! Everything with a codec: packets from a container into frames, placed on the recording's own timeline.
//!
//! Samples go where the packets' time stamps say, not where counting puts them: a lost Ogg page or a broken packet
//! leaves silence of its length, so that what follows keeps its time. Encoder delay is cut off at the start.
//!
//! **Invariant**: one call of [`PacketReader::read`] appends at most one packet or one second of silence.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, Track};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;
use symphonia::default::formats;

use super::AudioError;
use super::decode::Frames;
use super::limits::{GAP_TOLERANCE, MAX_GAP, MAX_IDLE_PACKETS, MAX_LEADING_GAP};
use super::sniff::Container;
use super::tracks::{self, Chosen, OPUS_RATE_HZ, PacketDecoder, Skip, Wanted};
use crate::types::Millis;

/// Why no audio came out of a container.
#[derive(Debug)]
pub(super) enum Failure {
    /// The disk failed.
    Io(io::Error),
    /// There is no audio track, or none whose codec is known.
    NoTrack,
    /// The codec is known and has no decoder.
    Codec(String),
    /// The track that is wanted does not exist.
    NoSuchTrack { wanted: u32, num_tracks: usize },
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
    decoder: PacketDecoder,
    container: Container,
    track_id: u32,
    time_base: Option<TimeBase>,
    codec: String,
    rate_hz: u32,
    num_channels: u16,
    /// Frames by the container's count, when it has one.
    promised_frames: Option<u64>,
    /// Frames to drop at the start, until the rate is known.
    skip: Option<Skip>,
    /// Decoded frames still to drop at the start.
    skip_left: u64,
    /// Silence before the first sample by the container, in milliseconds.
    lead_ms: u64,
    /// Earliest time of another track's packets before the first of this, in milliseconds.
    others_start_ms: Option<i64>,
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

/// Runs the library, which checks less than it should in a few places: where it panics, the file is damaged.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Error::DecodeError("the library panicked")))
}

fn open_format(
    container: Container,
    stream: MediaSourceStream<'static>,
) -> Result<Box<dyn FormatReader>, Error> {
    let options = FormatOptions::default();
    Ok(match container {
        // Wave64 is read by `w64`; only what lies inside gets here.
        Container::Wav | Container::W64 => Box::new(formats::WavReader::try_new(stream, options)?),
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

impl PacketReader {
    /// Opens the container and decodes up to the first frame.
    pub(super) fn open(
        container: Container,
        source: Box<dyn MediaSource>,
        wanted: Wanted<'_>,
    ) -> Result<Self, Failure> {
        let stream = MediaSourceStream::new(source, Default::default());
        let format = guarded(|| open_format(container, stream))?;
        let Chosen { id: track_id, codec, decoder, skip, lead_ms, is_aac } =
            tracks::choose(&*format, container, wanted)?;
        let track = format.tracks().iter().find(|track| track.id == track_id);
        let time_base = track.and_then(|track| track.time_base);
        // Without a LAME tag the MP3 reader's count is a guess from the file's size.
        let is_counted = |track: &&Track| container != Container::Mpeg || track.delay.is_some();
        let promised_frames = track.filter(is_counted).and_then(|track| track.num_frames);
        let mut reader = Self {
            codec,
            skip: Some(skip),
            skip_left: 0,
            lead_ms,
            others_start_ms: None,
            exact_durations: container == Container::Mp4 && is_aac,
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
            let packet = match guarded(|| self.format.next_packet()) {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(self.flush()),
                Err(Error::ResetRequired) => {
                    match tracks::choose(&*self.format, self.container, Wanted::default()) {
                        // The next of several recordings in one file.
                        Ok(chosen) => {
                            (self.track_id, self.decoder) = (chosen.id, chosen.decoder);
                            self.skip = Some(chosen.skip);
                            self.origin = None;
                            continue;
                        }
                        Err(_) => {
                            self.warn("audio.corrupt_packets");
                            return Ok(false);
                        }
                    }
                }
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
                        Failure::NoTrack
                        | Failure::Codec(_)
                        | Failure::NoSuchTrack { .. }
                        | Failure::Damaged => {
                            self.warn("audio.corrupt_packets");
                            Ok(false)
                        }
                    };
                }
            };
            if packet.track_id != self.track_id {
                self.pass_over(&packet);
            } else if self.take(&packet) {
                return Ok(true);
            }
        }
        self.warn("audio.corrupt_packets");
        Ok(false)
    }

    fn flush(&mut self) -> bool {
        let Some(frames) =
            self.decoder.flush().filter(|frames| frames.channels.len() == usize::from(self.num_channels))
        else {
            return false;
        };
        self.num_frames += frames.len() as u64;
        self.queue.push_back(Queued::Decoded(frames));
        true
    }

    /// Decodes one packet and queues what it gives; whether that is anything.
    fn take(&mut self, packet: &Packet) -> bool {
        let Some((rate_hz, mut frames)) = self.decoder.decode(packet) else {
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
        if let Some(skip) = self.skip.take() {
            self.skip_left = self.frames_to_skip(skip);
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

    fn frames_to_skip(&self, skip: Skip) -> u64 {
        let frames = match skip {
            Skip::Frames(frames) => frames,
            Skip::AacCore { frames, core_rate_hz } => {
                frames * u64::from(self.rate_hz)
                    / u64::from(if core_rate_hz == 0 { self.rate_hz } else { core_rate_hz })
            }
            Skip::Ticks(ticks) => u64::try_from(self.frames_of(ticks).unwrap_or(0)).unwrap_or(0),
        };
        // More than a few seconds is not a delay but a cut, which stays in.
        frames.min(2 * u64::from(self.rate_hz)) + self.decoder.delay()
    }

    /// Notes where another track begins, so that this one can be placed beside it.
    fn pass_over(&mut self, packet: &Packet) {
        if self.origin.is_some() {
            return;
        }
        let track = self.format.tracks().iter().find(|track| track.id == packet.track_id);
        let Some(base) = track.and_then(|track| track.time_base) else { return };
        let ms =
            i128::from(packet.pts.get()) * 1000 * i128::from(base.numer.get()) / i128::from(base.denom.get());
        let Ok(ms) = i64::try_from(ms) else { return };
        self.others_start_ms = Some(self.others_start_ms.map_or(ms, |earliest| earliest.min(ms)));
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

    /// Frames between the start of the recording and its first packet.
    fn leading_gap(&self, stamp: i64) -> u64 {
        if stamp <= self.frames_in(MAX_LEADING_GAP) {
            return u64::try_from(stamp).unwrap_or(0);
        }
        // Cut out of a longer stream, but the picture says where this begins.
        let start = self.others_start_ms.map(|ms| i128::from(ms) * i128::from(self.rate_hz) / 1000);
        let gap = start.map_or(0, |start| i128::from(stamp) - start);
        u64::try_from(gap).ok().filter(|gap| *gap <= self.frames_in(MAX_GAP).unsigned_abs()).unwrap_or(0)
    }

    /// Queues silence when the packet's time stamp is later than what came before it.
    fn place(&mut self, packet: &Packet) {
        let Some(stamp) = self.frames_of(packet.pts.get()) else { return };
        let position = i64::try_from(self.position).unwrap_or(i64::MAX);
        let Some(origin) = self.origin else {
            self.origin = Some(stamp.saturating_sub(position));
            if position == 0 {
                let lead = Millis(self.lead_ms).min(MAX_GAP);
                if lead.0 < self.lead_ms {
                    self.warn("audio.broken_time_stamps");
                }
                let gap = self.leading_gap(stamp);
                // Time stamps count what the encoder put before the first sample, and the picture's count with them.
                let stays = self.container == Container::Matroska
                    && self.codec != "opus"
                    && (gap > 0 || self.format.tracks().len() > 1);
                let skipped = if stays { self.skip_left } else { 0 };
                self.push_silence(self.frames_in(lead).unsigned_abs() + gap + skipped);
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

impl std::fmt::Debug for PacketReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PacketReader").field("codec", &self.codec).field("position", &self.position).finish()
    }
}
