//! A recording as WAV, a second at a time, with what is masked silenced.
//!
//! 16-bit PCM at 16 kHz, whatever it was recorded as. A masked stretch is silent on every channel, because one speaker
//! is often heard on the other's. **Invariant**: memory does not grow with the recording; the length in the header is
//! the length of the data.

use std::path::Path;

use super::PipelineError;
use crate::audio::{AudioConfig, AudioError, AudioProfile, AudioStream, Block, SAMPLE_RATE_HZ};
use crate::ingest::CallRecord;
use crate::masking::MaskedSpan;
use crate::types::{Millis, TimeSpan};

/// Silenced before and after a masked stretch: the recogniser's times are no more exact.
const MARGIN: Millis = Millis(100);
const HEADER_BYTES: u32 = 36;
const BYTES_PER_SAMPLE: u32 = 2;

/// The bytes of a WAV file, in order.
#[derive(Debug)]
pub struct AudioExport {
    stream: AudioStream,
    num_channels: u16,
    /// Frames that the header promises.
    num_frames: u64,
    /// Frames given so far; nothing before the header is.
    given: Option<u64>,
    silenced: Vec<TimeSpan>,
}

impl AudioExport {
    pub(super) fn open(
        path: &Path,
        record: &CallRecord,
        profile: &AudioProfile,
        spans: &[MaskedSpan],
        config: &AudioConfig,
    ) -> Result<Self, PipelineError> {
        let channels: Vec<_> = profile.channels.iter().map(|channel| channel.channel).collect();
        let stream = AudioStream::open(path, &record.recording.declaration, &channels, config)?;
        let num_channels = u16::try_from(channels.len()).unwrap_or(u16::MAX);
        // The length is known to the millisecond, rounded down; what is left of the last one is not missed.
        let num_frames = profile.duration.0 * u64::from(SAMPLE_RATE_HZ) / 1000;
        Ok(Self { stream, num_channels, num_frames, given: None, silenced: silences(spans) })
    }

    /// How many stretches are silenced.
    #[must_use]
    pub fn num_silenced(&self) -> usize {
        self.silenced.len()
    }

    fn header(&self) -> Vec<u8> {
        let frame_bytes = u32::from(self.num_channels) * BYTES_PER_SAMPLE;
        // Longer than a WAV file can say is longer than any call.
        let data = u32::try_from(self.num_frames * u64::from(frame_bytes)).unwrap_or(u32::MAX - HEADER_BYTES);
        let mut header = Vec::new();
        header.extend_from_slice(b"RIFF");
        header.extend_from_slice(&(data.saturating_add(HEADER_BYTES)).to_le_bytes());
        header.extend_from_slice(b"WAVEfmt ");
        header.extend_from_slice(&16_u32.to_le_bytes());
        header.extend_from_slice(&1_u16.to_le_bytes());
        header.extend_from_slice(&self.num_channels.to_le_bytes());
        header.extend_from_slice(&SAMPLE_RATE_HZ.to_le_bytes());
        header.extend_from_slice(&(SAMPLE_RATE_HZ * frame_bytes).to_le_bytes());
        header.extend_from_slice(&(self.num_channels * 2).to_le_bytes());
        header.extend_from_slice(&16_u16.to_le_bytes());
        header.extend_from_slice(b"data");
        header.extend_from_slice(&data.to_le_bytes());
        header
    }

    /// The samples of a block as bytes, no more than were promised.
    fn bytes(&self, block: &Block, left: u64) -> Vec<u8> {
        let len = block.channels.first().map_or(0, Vec::len).min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut bytes = Vec::with_capacity(len * block.channels.len() * 2);
        for index in 0..len {
            let at = Millis::from_samples(block.start + index as u64, SAMPLE_RATE_HZ);
            let is_silent = self.is_silent(at);
            for channel in &block.channels {
                let sample = if is_silent { 0.0 } else { channel.get(index).copied().unwrap_or(0.0) };
                let sample = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
                bytes.extend_from_slice(&sample.to_le_bytes());
            }
        }
        bytes
    }

    fn is_silent(&self, at: Millis) -> bool {
        let next = self.silenced.partition_point(|span| span.end <= at);
        self.silenced.get(next).is_some_and(|span| span.start <= at)
    }
}

impl Iterator for AudioExport {
    type Item = Result<Vec<u8>, AudioError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(given) = self.given else {
            self.given = Some(0);
            return Some(Ok(self.header()));
        };
        let left = self.num_frames.saturating_sub(given);
        if left == 0 {
            return None;
        }
        let block = match self.stream.next() {
            Some(Ok(block)) => block,
            Some(Err(error)) => {
                self.given = Some(self.num_frames);
                return Some(Err(error));
            }
            // The resampler may give a few samples fewer than the length says.
            None => {
                self.given = Some(self.num_frames);
                let missing =
                    left.min(u64::from(SAMPLE_RATE_HZ)) as usize * usize::from(self.num_channels) * 2;
                return Some(Ok(vec![0; missing]));
            }
        };
        let bytes = self.bytes(&block, left);
        self.given = Some(given + bytes.len() as u64 / (u64::from(self.num_channels.max(1)) * 2));
        Some(Ok(bytes))
    }
}

/// The stretches with their margins, ordered and apart.
fn silences(spans: &[MaskedSpan]) -> Vec<TimeSpan> {
    let with_margin = |span: TimeSpan| TimeSpan::new(span.start.saturating_sub(MARGIN), span.end + MARGIN);
    let mut all: Vec<TimeSpan> = spans.iter().filter_map(|masked| masked.span).map(with_margin).collect();
    all.sort();
    let mut apart: Vec<TimeSpan> = Vec::new();
    for span in all {
        match apart.last_mut() {
            Some(last) if span.start <= last.end => *last = last.union(span),
            Some(_) | None => apart.push(span),
        }
    }
    apart
}
