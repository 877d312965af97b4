//! What can go wrong while a recording is taken in.

use std::io;
use std::path::PathBuf;

use crate::error::{Classify, ErrorCode};

/// A recording that could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// More bytes than allowed.
    #[error("the recording is larger than {limit} bytes: raise `max_recording_bytes` or send it in parts")]
    TooLarge {
        /// Most bytes allowed.
        limit: u64,
    },
    /// No bytes at all.
    #[error("the recording is empty: send its bytes after the header")]
    Empty,
    /// Another process uses the directory.
    #[error("another process takes in calls at `{}`: stop it or choose another data directory", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// No room is left.
    #[error("the disk of the data directory is full: free some space and send the recording again")]
    DiskFull {
        /// What the system said.
        source: io::Error,
    },
    /// The disk failed.
    #[error("the recording could not be written")]
    Io {
        /// What the system said.
        source: io::Error,
    },
}

/// Whether the disk has no room left, or none for this user.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl From<io::Error> for IngestError {
    fn from(source: io::Error) -> Self {
        if is_full(&source) { Self::DiskFull { source } } else { Self::Io { source } }
    }
}

impl Classify for IngestError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::LimitExceeded,
            Self::Empty => ErrorCode::InvalidInput,
            Self::Locked { .. } | Self::DiskFull { .. } => ErrorCode::Unavailable,
            Self::Io { .. } => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "ingest.too_large",
            Self::Empty => "ingest.empty",
            Self::Locked { .. } => "ingest.locked",
            Self::DiskFull { .. } => "ingest.disk_full",
            Self::Io { .. } => "ingest.io",
        }
    }
}
