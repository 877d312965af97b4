//! Turns 16 kHz samples per channel into timed text: voice activity, packing, Whisper, gates against invented text.
//!
//! Knows channels but not who speaks on them; no store, no wire types, no async.

mod bench;
mod config;
mod decode;
mod error;
mod gate;
mod heads;
mod hot_words;
pub mod model;
mod recognize;
mod scripted;
mod segment;
mod vad;
mod whisper;
mod window;
mod words;

use std::sync::atomic::AtomicBool;

pub use bench::{BenchResult, bench_model};
pub use config::{SpeechConfig, VadConfig};
pub use error::SpeechError;
pub use scripted::ScriptedTranscriber;
pub use segment::{RecognitionSummary, Segment, Transcript, Unheard, Word};
pub use whisper::WhisperTranscriber;

use crate::audio::{AudioError, Block};
use crate::types::{ChannelIndex, Millis};

/// Turns the audio of one call into text. Shared by all calls; safe to use from several threads at once.
pub trait Transcriber: Send + Sync + std::fmt::Debug {
    /// Recognises what is said in `blocks`.
    ///
    /// `channels` names the channel of each vector in a block; `progress` is told how much of the recording's timeline
    /// is done. Setting `cancel` ends the work early.
    ///
    /// # Errors
    /// The first error of `blocks`; [`SpeechError::Cancelled`]; anything the recogniser fails with.
    fn transcribe(
        &self,
        blocks: &mut dyn Iterator<Item = Result<Block, AudioError>>,
        channels: &[ChannelIndex],
        progress: &mut dyn FnMut(Millis),
        cancel: &AtomicBool,
    ) -> Result<Transcript, SpeechError>;

    /// Name of the model, for example `small`.
    fn model(&self) -> &str;
}
