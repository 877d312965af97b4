//! What can go wrong in a search.

use crate::error::{Classify, ErrorCode};

/// A search that cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The question cannot be read.
    #[error("the text to search for cannot be read: {problem}")]
    Query {
        /// What is wrong and what to write instead.
        problem: String,
    },
    /// The index failed.
    #[error("the text index failed; it is made anew from the store when it is damaged: ask again later")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No thread could be had.
    #[error("the thread of the text index does not start")]
    Thread(#[source] std::io::Error),
}

impl SearchError {
    pub(super) fn engine(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Engine(source.into())
    }

    pub(super) fn query(problem: impl Into<String>) -> Self {
        Self::Query { problem: problem.into() }
    }
}

impl Classify for SearchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Query { .. } => ErrorCode::InvalidInput,
            Self::Engine(_) => ErrorCode::Unavailable,
            Self::Thread(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Query { .. } => "search.query",
            Self::Engine(_) => "search.engine",
            Self::Thread(_) => "search.thread",
        }
    }
}
