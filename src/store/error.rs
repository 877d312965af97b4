//! What can go wrong in the store.

use std::io;
use std::path::PathBuf;

use crate::error::{Classify, ErrorCode};
use crate::ingest::CallRecord;
use crate::ingest::is_full;
use crate::types::{CallId, ContentHash};

/// A foreign error, kept for the log.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A request that the store cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process uses the directory.
    #[error("another process uses the store in `{}`: stop it or choose another data directory", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// The index cannot be opened.
    #[error(
        "the index in `{}` cannot be opened, even without its snapshots: restore it from a backup, or move it away to begin with an empty one; recordings and results lie beside it and are untouched",
        path.display()
    )]
    Broken {
        /// The index directory.
        path: PathBuf,
        /// What sled said.
        source: Cause,
    },
    /// The disk failed once; what was acknowledged stays, nothing new is taken.
    #[error("the store takes no more writes because the disk failed: mend the disk and start again")]
    Stopped,
    /// A document is too large.
    #[error("what was to be kept has {actual} bytes compressed, more than {limit}: shorten it")]
    ValueTooLarge {
        /// Most bytes.
        limit: usize,
        /// Its bytes.
        actual: usize,
    },
    /// No such call.
    #[error("there is no call `{id}`")]
    NotFound {
        /// The call asked for.
        id: CallId,
    },
    /// The call is no longer what it was when it was read.
    #[error("call `{}` was changed meanwhile: do it again", record.id)]
    Changed {
        /// The call as it is now.
        record: Box<CallRecord>,
    },
    /// The id belongs to other bytes.
    #[error(
        "call `{id}` is already stored with other audio (sha256 {stored}): send these bytes under another id, or delete the call first"
    )]
    Conflict {
        /// The call.
        id: CallId,
        /// The bytes stored.
        stored: ContentHash,
        /// The bytes offered.
        offered: ContentHash,
    },
    /// More metadata than a record holds.
    #[error(
        "the metadata of call `{id}` takes {actual} bytes, at most {limit} are kept: send fewer or shorter attributes"
    )]
    MetadataTooLarge {
        /// The call.
        id: CallId,
        /// Most bytes, before or after compression.
        limit: usize,
        /// Bytes found.
        actual: usize,
    },
    /// A page token that was not given out for this request.
    #[error("the page token does not belong to this filter: begin again without a token")]
    PageToken,
    /// A stored value is damaged.
    #[error("the stored {what} is damaged or missing: restore it from a backup or delete the call")]
    Corrupt {
        /// What was read.
        what: &'static str,
    },
    /// A stored value comes from a later version.
    #[error(
        "the stored {what} has version {version}, which this program does not know: use the program that wrote it"
    )]
    UnknownVersion {
        /// What was read.
        what: &'static str,
        /// Its version.
        version: u8,
    },
    /// A value that would not read back as it was.
    #[error("the {what} cannot be stored")]
    Unstorable {
        /// What was to be written.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// No room is left.
    #[error("the disk of the store is full: free some space")]
    DiskFull {
        /// What the system said.
        source: io::Error,
    },
    /// The disk failed.
    #[error("the store could not read or write its files")]
    Io {
        /// What the system said.
        source: io::Error,
    },
    /// sled failed.
    #[error("the index of the store failed")]
    Index {
        /// What sled said.
        source: Cause,
    },
}

impl From<io::Error> for StoreError {
    fn from(source: io::Error) -> Self {
        if is_full(&source) { Self::DiskFull { source } } else { Self::Io { source } }
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(source) => source.into(),
            sled::Error::Corruption { .. } => Self::Corrupt { what: "index" },
            other @ (sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)) => Self::Index { source: Box::new(other) },
        }
    }
}

impl StoreError {
    /// Whether the cause is this machine and neither the call nor what is said about it: it may work later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::Broken { .. }
            | Self::Stopped
            | Self::DiskFull { .. }
            | Self::Index { .. }
            | Self::Io { .. } => true,
            Self::NotFound { .. }
            | Self::Changed { .. }
            | Self::Conflict { .. }
            | Self::MetadataTooLarge { .. }
            | Self::PageToken
            | Self::Corrupt { .. }
            | Self::UnknownVersion { .. }
            | Self::ValueTooLarge { .. }
            | Self::Unstorable { .. } => false,
        }
    }
}

impl Classify for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Changed { .. } => ErrorCode::Conflict,
            Self::Conflict { .. } => ErrorCode::AlreadyExists,
            Self::MetadataTooLarge { .. } | Self::ValueTooLarge { .. } => ErrorCode::LimitExceeded,
            Self::PageToken => ErrorCode::InvalidInput,
            Self::Locked { .. } | Self::Stopped | Self::DiskFull { .. } => ErrorCode::Unavailable,
            Self::Broken { .. }
            | Self::Corrupt { .. }
            | Self::UnknownVersion { .. }
            | Self::Unstorable { .. }
            | Self::Io { .. }
            | Self::Index { .. } => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "store.locked",
            Self::Broken { .. } => "store.broken",
            Self::Stopped => "store.stopped",
            Self::NotFound { .. } => "store.not_found",
            Self::Changed { .. } => "store.changed",
            Self::Conflict { .. } => "ingest.conflict",
            Self::MetadataTooLarge { .. } => "ingest.metadata_too_large",
            Self::PageToken => "store.page_token",
            Self::ValueTooLarge { .. } => "store.value_too_large",
            Self::Corrupt { .. } => "store.corrupt",
            Self::UnknownVersion { .. } => "store.unknown_version",
            Self::Unstorable { .. } => "store.unstorable",
            Self::DiskFull { .. } => "store.disk_full",
            Self::Io { .. } => "store.io",
            Self::Index { .. } => "store.index",
        }
    }
}
