//! What can be wrong with a request, apart from what the stages say.

use crate::archive::ArchiveError;
use crate::error::{Classify, ErrorCode, Retry};
use crate::pipeline::PipelineError;
use crate::proto::ConvertError;
use crate::report::ReportError;
use crate::search::SearchError;
use crate::store::StoreError;

/// A request that could not be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// A field cannot be taken as it is.
    #[error(transparent)]
    Field(#[from] ConvertError),
    /// The pipeline refused or failed.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A job refused or failed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A report or an export could not be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A search failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Its results are asked for before there are any.
    #[error("call `{call_id}` is not done, it is {state}: watch it, or ask again later")]
    NotDone {
        /// The call.
        call_id: String,
        /// How far it is.
        state: &'static str,
    },
    /// Its results are asked for, and there will never be any.
    #[error("call `{call_id}` failed and has no results: {message} ({reason})")]
    CallFailed {
        /// The call.
        call_id: String,
        /// Why, as a stable name.
        reason: String,
        /// Why, for a person.
        message: String,
    },
    /// An upload that begins without its header.
    #[error("the first message of an upload must be its header")]
    HeaderMissing,
    /// An upload with a header in the middle.
    #[error("an upload has one header, as its first message")]
    HeaderRepeated,
    /// A message of an upload without content.
    #[error("a message of an upload carries a header or a chunk, this one carries neither")]
    PartMissing,
    /// A chunk over the limit.
    #[error("a chunk has at most {limit} bytes: send smaller chunks")]
    ChunkTooLarge {
        /// Most bytes of a chunk.
        limit: usize,
    },
    /// Too many uploads at once.
    #[error("{limit} uploads are under way, as many as this server takes at once: try again in a moment")]
    TooManyUploads {
        /// Most uploads at once.
        limit: usize,
    },
    /// An upload that stands still.
    #[error("nothing came for {secs} seconds: send the whole upload again")]
    Stalled {
        /// Seconds waited.
        secs: u64,
    },
    /// The connection broke during an upload.
    #[error("the upload broke off: send the whole upload again")]
    BrokenOff,
    /// The service is ending.
    #[error("the server is shutting down: try again in a moment")]
    ShuttingDown,
    /// A defect.
    #[error("a worker thread panicked")]
    Panicked,
}

impl Classify for RequestError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Field(error) => error.code(),
            Self::Pipeline(error) => error.code(),
            Self::Archive(error) => error.code(),
            Self::Report(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Search(error) => error.code(),
            Self::NotDone { .. } | Self::CallFailed { .. } => ErrorCode::Conflict,
            Self::HeaderMissing | Self::HeaderRepeated | Self::PartMissing | Self::ChunkTooLarge { .. } => {
                ErrorCode::InvalidInput
            }
            Self::TooManyUploads { .. } => ErrorCode::Busy,
            Self::Stalled { .. } => ErrorCode::Timeout,
            Self::BrokenOff => ErrorCode::Cancelled,
            Self::ShuttingDown => ErrorCode::Unavailable,
            Self::Panicked => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Field(error) => error.reason(),
            Self::Pipeline(error) => error.reason(),
            Self::Archive(error) => error.reason(),
            Self::Report(error) => error.reason(),
            Self::Store(error) => error.reason(),
            Self::Search(error) => error.reason(),
            Self::NotDone { .. } => "call.not_done",
            Self::CallFailed { .. } => "call.failed",
            Self::HeaderMissing => "upload.header_missing",
            Self::HeaderRepeated => "upload.header_repeated",
            Self::PartMissing => "upload.part_missing",
            Self::ChunkTooLarge { .. } => "upload.chunk_too_large",
            Self::TooManyUploads { .. } => "upload.too_many",
            Self::Stalled { .. } => "upload.stalled",
            Self::BrokenOff => "upload.broken_off",
            Self::ShuttingDown => "serve.shutting_down",
            Self::Panicked => "serve.panicked",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Pipeline(error) => error.retry(),
            Self::Archive(error) => error.retry(),
            Self::Report(error) => error.retry(),
            Self::Store(error) => error.retry(),
            Self::Search(error) => error.retry(),
            Self::NotDone { .. } | Self::TooManyUploads { .. } | Self::ShuttingDown => Retry::After(1000),
            Self::Stalled { .. } | Self::BrokenOff => Retry::Later,
            Self::Field(_)
            | Self::CallFailed { .. }
            | Self::HeaderMissing
            | Self::HeaderRepeated
            | Self::PartMissing
            | Self::ChunkTooLarge { .. }
            | Self::Panicked => Retry::Never,
        }
    }
}
