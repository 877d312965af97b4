//! What can go wrong with jobs.

use std::io;
use std::path::PathBuf;

use crate::analysis::RuleError;
use crate::error::{Classify, ErrorCode};
use crate::ingest::Failure;
use crate::listing::{ListingError, PatternError};
use crate::pipeline::PipelineError;
use crate::store::StoreError;
use crate::types::JobId;

/// A job that cannot be started, changed or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The pipeline or the store refuses.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// What there is to import cannot be found out.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The pattern of names is wrong.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// No such time zone.
    #[error("there is no time zone `{name}`: name one such as Asia/Shanghai, or an offset such as +08:00")]
    UnknownTimeZone {
        /// What was asked for.
        name: String,
    },
    /// The endings of the two sides are wrong.
    #[error("`{text}` names no two endings: {problem}")]
    LegSuffixes {
        /// What was asked for.
        text: String,
        /// What is wrong.
        problem: String,
    },
    /// The rule pack that was sent is wrong.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// No such job.
    #[error("there is no job `{id}`: ListJobs, or `diting batch list`, names them")]
    NotFound {
        /// The job asked for.
        id: JobId,
    },
    /// The job is in another state.
    #[error("job `{id}` {is}: it cannot be {wanted}")]
    WrongState {
        /// The job.
        id: JobId,
        /// What it is.
        is: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The server may not read there.
    #[error(
        "{} is outside the folders that this server may import from: add it to `archive.roots` in the server's configuration",
        path.display()
    )]
    NotAllowed {
        /// The folder or manifest.
        path: PathBuf,
    },
    /// The path is not there for the server.
    #[error("the server cannot read {}: give a path as the server's machine has it", path.display())]
    Unreadable {
        /// The folder or manifest.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server judges by other rules than when the job began.
    #[error("the server's rules were {before} when the job began and are {now} now: start a new job")]
    RulesChanged {
        /// Their revision then.
        before: String,
        /// Their revision now.
        now: String,
    },
    /// A file of chats is no longer what it was when it was listed.
    #[error("the file was changed since the job began: import it again")]
    Changed,
    /// The metadata beside a recording is wrong.
    #[error("what is said about the recording cannot be taken: {problem}")]
    Sidecar {
        /// The file, and what is wrong with it.
        problem: String,
    },
    /// A call as text has no recording that could be kept.
    #[error(
        "this is a call as text and no chat, and only chats are kept without a recording: say \"media\": \"MEDIA_CHAT\" in its metadata if it is one"
    )]
    NotAChat,
    /// The pack of a job is gone from the data directory.
    #[error("the rule pack of the job cannot be read from the data directory: start the job again")]
    PackMissing {
        /// What the system said.
        source: io::Error,
    },
    /// The speech model of a job cannot be loaded.
    #[error("the speech model `{model}` cannot be loaded: {problem}")]
    Model {
        /// The model.
        model: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// No thread could be started.
    #[error("the thread of the job could not be started")]
    Threads {
        /// What the system said.
        source: io::Error,
    },
}

impl From<StoreError> for ArchiveError {
    fn from(error: StoreError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl ArchiveError {
    /// What is stored with a job that failed of this.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure { reason: self.reason().to_owned(), message: self.to_string() }
    }
}

impl Classify for ArchiveError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Pipeline(error) => error.code(),
            Self::Listing(error) => error.code(),
            Self::Rules(error) => error.code(),
            Self::Pattern(_) | Self::UnknownTimeZone { .. } | Self::LegSuffixes { .. } => {
                ErrorCode::InvalidInput
            }
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::WrongState { .. } => ErrorCode::Conflict,
            Self::NotAllowed { .. } => ErrorCode::Forbidden,
            Self::Unreadable { .. }
            | Self::Model { .. }
            | Self::Changed
            | Self::RulesChanged { .. }
            | Self::Sidecar { .. }
            | Self::NotAChat => ErrorCode::InvalidInput,
            Self::PackMissing { .. } => ErrorCode::Internal,
            Self::Threads { .. } => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Pipeline(error) => error.reason(),
            Self::Listing(error) => error.reason(),
            Self::Rules(error) => error.reason(),
            Self::Pattern(error) => error.reason(),
            Self::UnknownTimeZone { .. } => "archive.time_zone",
            Self::LegSuffixes { .. } => "archive.leg_suffixes",
            Self::NotFound { .. } => "archive.no_job",
            Self::WrongState { .. } => "archive.wrong_state",
            Self::NotAllowed { .. } => "archive.not_allowed",
            Self::Unreadable { .. } => "archive.unreadable",
            Self::Changed => "archive.changed",
            Self::RulesChanged { .. } => "archive.rules_changed",
            Self::Sidecar { .. } => "archive.bad_metadata",
            Self::NotAChat => "archive.not_a_chat",
            Self::PackMissing { .. } => "archive.pack_missing",
            Self::Model { .. } => "archive.model",
            Self::Threads { .. } => "archive.threads",
        }
    }
}
