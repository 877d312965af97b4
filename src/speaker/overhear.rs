//! Listens to blocks of audio on their way to the recogniser, so that a recording is decoded once.

use super::frames::{Listener, Voice};
use crate::audio::{AudioError, Block};

/// Passes blocks on unchanged and listens to their first channel, when asked to.
pub struct Overheard<'a> {
    blocks: &'a mut dyn Iterator<Item = Result<Block, AudioError>>,
    listener: Option<Listener>,
}

impl<'a> Overheard<'a> {
    /// Listens to `blocks` if `listens`.
    pub fn new(blocks: &'a mut dyn Iterator<Item = Result<Block, AudioError>>, listens: bool) -> Self {
        Self { blocks, listener: listens.then(Listener::default) }
    }

    /// The voice of all blocks that passed; `None` when it did not listen.
    #[must_use]
    pub fn finish(self) -> Option<Voice> {
        self.listener.map(Listener::finish)
    }
}

impl Iterator for Overheard<'_> {
    type Item = Result<Block, AudioError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.blocks.next();
        if let (Some(listener), Some(Ok(block))) = (&mut self.listener, &next) {
            listener.hear(block.channels.first().map_or(&[], Vec::as_slice));
        }
        next
    }
}

impl std::fmt::Debug for Overheard<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overheard").field("listener", &self.listener).finish_non_exhaustive()
    }
}
