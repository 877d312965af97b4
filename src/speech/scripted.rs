//! A transcriber that says what it was told to, for tests of everything that is not about speech.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{RecognitionSummary, Segment, SpeechError, Transcriber, Transcript};
use crate::audio::{AudioError, Block, SAMPLE_RATE_HZ};
use crate::types::{ChannelIndex, Millis};

/// Reads the audio to its end and answers with fixed segments.
#[derive(Debug, Clone, Default)]
pub struct ScriptedTranscriber {
    segments: Vec<Segment>,
}

impl ScriptedTranscriber {
    /// Answers every call with `segments`.
    #[must_use]
    pub fn new(segments: Vec<Segment>) -> Self {
        Self { segments }
    }
}

impl Transcriber for ScriptedTranscriber {
    fn transcribe(
        &self,
        blocks: &mut dyn Iterator<Item = Result<Block, AudioError>>,
        _channels: &[ChannelIndex],
        progress: &mut dyn FnMut(Millis),
        cancel: &AtomicBool,
    ) -> Result<Transcript, SpeechError> {
        for block in blocks {
            let block = block?;
            if cancel.load(Ordering::Relaxed) {
                return Err(SpeechError::Cancelled);
            }
            let num_samples = block.channels.first().map_or(0, Vec::len) as u64;
            progress(Millis::from_samples(block.start + num_samples, SAMPLE_RATE_HZ));
        }
        let summary = RecognitionSummary {
            model: self.model().to_owned(),
            language: "zh".to_owned(),
            ..RecognitionSummary::default()
        };
        Ok(Transcript { segments: self.segments.clone(), unheard: Vec::new(), summary })
    }

    fn model(&self) -> &str {
        "scripted"
    }
}
