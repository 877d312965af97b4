//! What keeps the parts from starting.

use std::path::PathBuf;

use crate::analysis::RuleError;
use crate::archive::ArchiveError;
use crate::error::{Classify, ErrorCode};
use crate::ingest::IngestError;
use crate::masking::MaskingError;
use crate::pipeline::PipelineError;
use crate::search::SearchError;
use crate::serve::ServeError;
use crate::speech::SpeechError;
use crate::speech::model::ModelError;
use crate::store::StoreError;

/// A part that does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Weights are missing or damaged.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The recogniser does not start.
    #[error(transparent)]
    Speech(#[from] SpeechError),
    /// The rule pack cannot be read.
    #[error("the rule pack `{}` cannot be read: name a `.toml` file or a folder of them", path.display())]
    PackUnreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The rule pack does not compile.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory of recordings does not open.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The masking key cannot be had.
    #[error(transparent)]
    Masking(#[from] MaskingError),
    /// The pipeline does not start.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The jobs do not start.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The text index does not start.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The service does not start, or broke.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A part panicked while it started or stopped.
    #[error("a part panicked: this is a defect, please report it with the log")]
    Panicked,
}

impl Classify for AppError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Model(error) => error.code(),
            Self::Speech(error) => error.code(),
            Self::PackUnreadable { .. } => ErrorCode::InvalidInput,
            Self::Rules(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Ingest(error) => error.code(),
            Self::Masking(error) => error.code(),
            Self::Pipeline(error) => error.code(),
            Self::Archive(error) => error.code(),
            Self::Search(error) => error.code(),
            Self::Serve(error) => error.code(),
            Self::Panicked => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Model(error) => error.reason(),
            Self::Speech(error) => error.reason(),
            Self::PackUnreadable { .. } => "rule.unreadable",
            Self::Rules(error) => error.reason(),
            Self::Store(error) => error.reason(),
            Self::Ingest(error) => error.reason(),
            Self::Masking(error) => error.reason(),
            Self::Pipeline(error) => error.reason(),
            Self::Archive(error) => error.reason(),
            Self::Search(error) => error.reason(),
            Self::Serve(error) => error.reason(),
            Self::Panicked => "app.panicked",
        }
    }
}
