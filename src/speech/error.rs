//! What can go wrong in recognition.

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
}

impl Classify for SpeechError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Audio(error) => error.code(),
            Self::Cancelled => ErrorCode::Cancelled,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Audio(error) => error.reason(),
            Self::Cancelled => "speech.cancelled",
        }
    }
}
