//! What can go wrong in recognition.

use std::path::PathBuf;

use whisper_rs::WhisperError;

use super::model::ModelError;
use crate::audio::AudioError;
use crate::error::{Classify, ErrorCode};

/// A failure of recognition.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The audio could not be read.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The caller gave up.
    #[error("recognition was cancelled")]
    Cancelled,
    /// The model file could not be loaded.
    #[error(
        "cannot load the speech model {path:?}: run `diting models verify`, then `diting models pull` again"
    )]
    LoadModel {
        /// The file.
        path: PathBuf,
    },
    /// The file of the voice-activity detector could not be read.
    #[error(
        "cannot load the voice-activity detector {path:?} ({source}): run `diting models verify`, then `diting models pull vad` again"
    )]
    LoadDetector {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ModelError>,
    },
    /// A setting that cannot work.
    #[error("speech setting `{setting}` is {value}, but must be {allowed}")]
    Config {
        /// Its name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        allowed: &'static str,
    },
    /// whisper.cpp failed.
    #[error("the recogniser failed at {step:?}")]
    Recognizer {
        /// What it was doing.
        step: &'static str,
        /// Its own error.
        source: WhisperError,
    },
    /// A defect in the recogniser's own code.
    #[error("the recogniser broke on this recording")]
    Panicked,
    /// No thread could be started.
    #[error("cannot start a recogniser: {source}")]
    Thread {
        /// The system's error.
        source: std::io::Error,
    },
    /// The recognisers' threads are gone.
    #[error("the recognisers have stopped")]
    Stopped,
}

impl Classify for SpeechError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Audio(error) => error.code(),
            Self::Cancelled => ErrorCode::Cancelled,
            Self::LoadModel { .. } | Self::LoadDetector { .. } | Self::Thread { .. } | Self::Stopped => {
                ErrorCode::Unavailable
            }
            Self::Config { .. } => ErrorCode::InvalidInput,
            Self::Recognizer { .. } | Self::Panicked => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Audio(error) => error.reason(),
            Self::Cancelled => "speech.cancelled",
            Self::LoadModel { .. } => "speech.load_model",
            Self::LoadDetector { .. } => "speech.load_detector",
            Self::Config { .. } => "speech.config",
            Self::Recognizer { .. } => "speech.recognizer",
            Self::Panicked => "speech.panicked",
            Self::Thread { .. } => "speech.thread",
            Self::Stopped => "speech.stopped",
        }
    }
}
