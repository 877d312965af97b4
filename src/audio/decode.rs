//! Pulls frames at the recording's own rate from whichever reader the recording needs, keeps the chosen channels and
//! enforces the length limit.
//!
//! **Invariant**: one call of [`Decoder::read`] appends at most a few seconds, so that memory does not depend on the
//! length of the recording.

use std::collections::BTreeSet;
use std::path::Path;

use super::channels::{Selection, select};
use super::frame::FrameReader;
use super::packets::PacketReader;
use super::probe::{self, Opened};
use super::raw::RawReader;
use super::{AudioConfig, AudioError};
use crate::types::{AudioDeclaration, ChannelIndex, Millis};

/// Samples of all channels, one vector each, equal lengths.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Frames {
    pub(super) channels: Vec<Vec<f32>>,
}

impl Frames {
    pub(super) fn new(num_channels: usize) -> Self {
        Self { channels: vec![Vec::new(); num_channels] }
    }

    pub(super) fn len(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    pub(super) fn clear(&mut self) {
        self.channels.iter_mut().for_each(Vec::clear);
    }

    /// Moves all frames of `other` to the end of this.
    pub(super) fn append(&mut self, other: &mut Self) {
        for (to, from) in self.channels.iter_mut().zip(&mut other.channels) {
            to.append(from);
        }
    }

    pub(super) fn drop_front(&mut self, count: usize) {
        for channel in &mut self.channels {
            channel.drain(..count.min(channel.len()));
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.channels.iter_mut().for_each(|channel| channel.truncate(len));
    }

    pub(super) fn push_silence(&mut self, count: usize) {
        for channel in &mut self.channels {
            channel.resize(channel.len() + count, 0.0);
        }
    }
}

/// What reads the frames.
#[derive(Debug)]
pub(super) enum Source {
    /// Uncompressed samples.
    Raw(RawReader),
    /// Frames of a codec, without a container of packets.
    Frames(Box<FrameReader>),
    /// Anything that needs a container of packets.
    Packets(Box<PacketReader>),
}

/// A recording while it is decoded.
#[derive(Debug)]
pub(super) struct Decoder {
    opened: Opened,
    selected: Vec<ChannelIndex>,
    all: Frames,
    num_frames: u64,
    limit: Millis,
    max_frames: u64,
    ended: bool,
}

impl Decoder {
    pub(super) fn open(
        path: &Path,
        declaration: &AudioDeclaration,
        selection: Selection<'_>,
        config: &AudioConfig,
    ) -> Result<Self, AudioError> {
        let opened = probe::open(path, declaration, selection.track)?;
        let selected = select(selection.channels, opened.num_channels)?;
        let limit = config.max_duration;
        let max_frames = u64::from(opened.rate_hz).saturating_mul(limit.0) / 1000;
        if opened.num_frames.is_some_and(|num_frames| num_frames > max_frames) {
            return Err(AudioError::TooLong { limit });
        }
        let all = Frames::new(usize::from(opened.num_channels));
        Ok(Self { opened, selected, all, num_frames: 0, limit, max_frames, ended: false })
    }

    pub(super) fn info(&self) -> &Opened {
        &self.opened
    }

    pub(super) fn selected(&self) -> &[ChannelIndex] {
        &self.selected
    }

    /// Frames read so far, at the recording's rate.
    pub(super) fn num_frames(&self) -> u64 {
        self.num_frames
    }

    /// What was wrong but bearable up to here.
    pub(super) fn warnings(&self) -> BTreeSet<&'static str> {
        let mut warnings = self.opened.warnings.clone();
        match &self.opened.source {
            Source::Raw(_) => {}
            Source::Frames(frames) => warnings.extend(frames.warnings()),
            Source::Packets(packets) => warnings.extend(packets.warnings()),
        }
        warnings
    }

    /// Appends the next frames of the chosen channels; `false` at the end.
    pub(super) fn read(&mut self, frames: &mut Frames) -> Result<bool, AudioError> {
        if self.ended {
            return Ok(false);
        }
        self.all.clear();
        let more = match &mut self.opened.source {
            Source::Raw(raw) => raw.read(&mut self.all)?,
            Source::Frames(reader) => reader.read(&mut self.all)?,
            Source::Packets(packets) => packets.read(&mut self.all)?,
        };
        self.num_frames += self.all.len() as u64;
        if self.num_frames > self.max_frames {
            return Err(AudioError::TooLong { limit: self.limit });
        }
        self.ended = !more;
        let container = self.opened.container;
        if let Source::Frames(reader) = &self.opened.source
            && self.ended
            && self.num_frames > 0
            && !reader.any_good()
        {
            return Err(AudioError::Undecodable { container });
        }
        if self.ended && self.num_frames == 0 {
            return Err(match &self.opened.source {
                Source::Raw(_) => AudioError::Empty,
                Source::Frames(reader) if reader.warnings().contains("audio.truncated") => {
                    AudioError::Truncated { container }
                }
                Source::Frames(_) => AudioError::Empty,
                Source::Packets(packets) if packets.warnings().contains("audio.truncated") => {
                    AudioError::Truncated { container }
                }
                Source::Packets(_) => AudioError::Undecodable { container },
            });
        }
        for (to, channel) in frames.channels.iter_mut().zip(&self.selected) {
            if let Some(from) = self.all.channels.get(usize::from(channel.0)) {
                to.extend_from_slice(from);
            }
        }
        Ok(more)
    }
}
