//! The samples of a recording: 16 kHz, all chosen channels in step, a second at a time.
//!
//! **Invariant**: every block but the last has exactly [`BLOCK_LEN`] samples per channel, and block starts follow each
//! other without a hole.

use std::path::Path;

use super::decode::{Decoder, Frames};
use super::resample::Resampler;
use super::{AudioConfig, AudioError, Block, SAMPLE_RATE_HZ, Selection};
use crate::types::AudioDeclaration;

/// Samples per channel of a block: one second.
pub const BLOCK_LEN: usize = SAMPLE_RATE_HZ as usize;

/// Decodes a recording from front to back.
pub struct AudioStream {
    decoder: Decoder,
    resampler: Resampler,
    decoded: Frames,
    ready: Frames,
    start: u64,
    finished: bool,
    failed: bool,
}

impl AudioStream {
    /// Opens the recording at `path`. `channels` chooses and orders the channels; empty means all of one or two.
    ///
    /// # Errors
    /// [`AudioError`] when the bytes are not audio that can be decoded, when the declaration contradicts them, or when
    /// the channels are not there.
    pub fn open<'a>(
        path: &Path,
        declaration: &AudioDeclaration,
        selection: impl Into<Selection<'a>>,
        config: &AudioConfig,
    ) -> Result<Self, AudioError> {
        let decoder = Decoder::open(path, declaration, selection.into(), config)?;
        let num_channels = decoder.selected().len();
        Ok(Self {
            resampler: Resampler::new(decoder.info().rate_hz, num_channels),
            decoder,
            decoded: Frames::new(num_channels),
            ready: Frames::new(num_channels),
            start: 0,
            finished: false,
            failed: false,
        })
    }

    fn fill(&mut self) -> Result<(), AudioError> {
        while self.ready.len() < BLOCK_LEN && !self.finished {
            let more = self.decoder.read(&mut self.decoded)?;
            self.resampler.push(&mut self.decoded, &mut self.ready);
            self.decoded.clear();
            if !more {
                self.resampler.finish(&mut self.ready);
                self.finished = true;
            }
        }
        Ok(())
    }
}

impl Iterator for AudioStream {
    type Item = Result<Block, AudioError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if let Err(error) = self.fill() {
            self.failed = true;
            return Some(Err(error));
        }
        let len = self.ready.len().min(BLOCK_LEN);
        if len == 0 {
            return None;
        }
        let channels = self.ready.channels.iter().map(|channel| channel[..len].to_vec()).collect();
        self.ready.drop_front(len);
        let block = Block { start: self.start, channels };
        self.start += len as u64;
        Some(Ok(block))
    }
}

impl std::fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AudioStream").field("decoder", &self.decoder).field("start", &self.start).finish()
    }
}
