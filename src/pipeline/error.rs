//! What can go wrong while calls are taken in and run.

use std::io;

use crate::audio::AudioError;
use crate::dialogue::ChatError;
use crate::error::{Classify, ErrorCode, Retry};
use crate::ingest::{Failure, IngestError};
use crate::masking::{MaskingError, Refusal};
use crate::speech::SpeechError;
use crate::store::StoreError;

/// A call that could not be taken in or run.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The recording could not be taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The recording could not be read.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The chat could not be read.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// Speech could not be recognised.
    #[error(transparent)]
    Speech(SpeechError),
    /// Whoever asked for it gave up, or the call was deleted.
    #[error("the call was interrupted")]
    Cancelled,
    /// The call was deleted while somebody watched it.
    #[error("the call was deleted")]
    Deleted,
    /// The audio file is gone.
    #[error(
        "the audio of the call is missing from the data directory: restore it from a backup, or delete the call and send it again"
    )]
    RecordingMissing,
    /// It ended the process too often while it ran alone.
    #[error(
        "the call was begun {num_attempts} times, at last alone, and the program ended each time: look at its recording, then delete the call or send it again"
    )]
    GaveUp {
        /// Times it was begun.
        num_attempts: u32,
    },
    /// A defect in this program.
    #[error("the call met a defect of the program: report it with the log of the server")]
    Panicked,
    /// No thread could be started.
    #[error("worker threads could not be started")]
    Threads {
        /// What the system said.
        source: io::Error,
    },
    /// The original of what is masked cannot be kept or had.
    #[error(transparent)]
    Masking(MaskingError),
    /// Somebody asked for an original and may not see it.
    #[error(transparent)]
    Refused(Refusal),
    /// The call has no recording.
    #[error("the call has no recording (a chat has none, nor has a made-up call): ask for its transcript")]
    NoAudio,
    /// The process is ending.
    #[error("the server is shutting down: send the call again when it is back")]
    ShuttingDown,
}

impl From<SpeechError> for PipelineError {
    fn from(error: SpeechError) -> Self {
        match error.code() {
            ErrorCode::Cancelled => Self::Cancelled,
            ErrorCode::InvalidInput
            | ErrorCode::UnsupportedMedia
            | ErrorCode::LimitExceeded
            | ErrorCode::NotFound
            | ErrorCode::AlreadyExists
            | ErrorCode::Conflict
            | ErrorCode::Unauthenticated
            | ErrorCode::Forbidden
            | ErrorCode::Busy
            | ErrorCode::Unavailable
            | ErrorCode::Timeout
            | ErrorCode::Internal => Self::Speech(error),
        }
    }
}

impl PipelineError {
    /// What is stored with a call that failed of this.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure { reason: self.reason().to_owned(), message: self.to_string() }
    }

    /// Whether the cause is this machine and not the call, which should wait and be tried again.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => error.is_passing(),
            Self::Ingest(_)
            | Self::Audio(_)
            | Self::Chat(_)
            | Self::Speech(_)
            | Self::Cancelled
            | Self::Deleted
            | Self::RecordingMissing
            | Self::GaveUp { .. }
            | Self::Panicked
            | Self::Masking(_)
            | Self::Refused(_)
            | Self::NoAudio
            | Self::Threads { .. }
            | Self::ShuttingDown => self.retry() != Retry::Never,
        }
    }
}

impl Classify for PipelineError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Ingest(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Audio(error) => error.code(),
            Self::Chat(error) => error.code(),
            Self::Speech(error) => error.code(),
            Self::Masking(error) => error.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::NoAudio => ErrorCode::Conflict,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Deleted => ErrorCode::NotFound,
            Self::RecordingMissing | Self::GaveUp { .. } | Self::Panicked => ErrorCode::Internal,
            Self::Threads { .. } | Self::ShuttingDown => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Ingest(error) => error.reason(),
            Self::Store(error) => error.reason(),
            Self::Audio(error) => error.reason(),
            Self::Chat(error) => error.reason(),
            Self::Speech(error) => error.reason(),
            Self::Masking(error) => error.reason(),
            Self::Refused(refusal) => refusal.reason(),
            Self::NoAudio => "privacy.no_audio",
            Self::Cancelled => "pipeline.cancelled",
            Self::Deleted => "pipeline.deleted",
            Self::RecordingMissing => "pipeline.recording_missing",
            Self::GaveUp { .. } => "pipeline.gave_up",
            Self::Panicked => "pipeline.panicked",
            Self::Threads { .. } => "pipeline.threads",
            Self::ShuttingDown => "pipeline.shutting_down",
        }
    }
}
