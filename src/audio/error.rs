//! What can be wrong with a recording.

use crate::error::{Classify, ErrorCode};

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// A codec that cannot be decoded.
    #[error("audio codec `{codec}` is not supported: convert the recording to WAV, MP3, FLAC, Opus or AAC")]
    UnsupportedCodec {
        /// Its name.
        codec: String,
    },
}

impl Classify for AudioError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnsupportedCodec { .. } => ErrorCode::UnsupportedMedia,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::UnsupportedCodec { .. } => "audio.unsupported_codec",
        }
    }
}
