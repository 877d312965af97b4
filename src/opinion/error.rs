//! Why there is no opinion.

use std::path::PathBuf;

use crate::error::{Classify, ErrorCode};
use crate::mining::MiningError;
use crate::store::StoreError;
use crate::types::CallId;

/// Why there is no opinion. None of it says what the endpoint answered: that may quote a call.
#[derive(Debug, thiserror::Error)]
pub enum OpinionError {
    /// Nobody set it up.
    #[error(
        "opinions are off: set `opinion.enabled` and the address of the bank's own model in the configuration"
    )]
    Off,
    /// The key cannot be read.
    #[error("the key of the endpoint cannot be read from `{}`: correct `opinion.api_key_file`", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The topic cannot be had.
    #[error(transparent)]
    Mining(#[from] MiningError),
    /// It has no dialogue yet.
    #[error("call `{id}` is not done: ask again later")]
    NotDone {
        /// The call.
        id: CallId,
    },
    /// It may hold personal data.
    #[error(
        "call `{id}` is not masked, and only masked text may leave: judge it again with `diting batch rescore`"
    )]
    NotMasked {
        /// The call.
        id: CallId,
    },
    /// No question is configured.
    #[error(
        "no question is configured: write `[[opinion.question]]` with `id` and `text` in the configuration"
    )]
    NoQuestion,
    /// It does not fit one question.
    #[error("the text has {num_chars} characters, more than the {limit} that are sent at once")]
    TooLong {
        /// Its characters.
        num_chars: usize,
        /// Most characters.
        limit: usize,
    },
    /// The day's budget is spent.
    #[error(
        "the day's budget of {what} is spent: ask again tomorrow (UTC), or raise `opinion.max_{what}_a_day`"
    )]
    Budget {
        /// `calls` or `tokens`.
        what: &'static str,
    },
    /// Too much at once.
    #[error(
        "{limit} questions to the model are under way, as many as are asked at once: try again in a moment"
    )]
    Busy {
        /// Most questions at once.
        limit: usize,
    },
    /// The endpoint cannot be reached or answers no HTTP.
    #[error("the endpoint does not answer: check `opinion.url` and the model's server")]
    Unreachable(#[source] Box<ureq::Error>),
    /// It took too long.
    #[error(
        "the endpoint gave no whole answer within {secs} seconds: raise `opinion.timeout_secs`, or see why it is slow"
    )]
    Timeout {
        /// Seconds waited.
        secs: u64,
    },
    /// It answers with an error or with a redirect, which is not followed.
    #[error(
        "the endpoint answers with HTTP status {status}: check `opinion.url`, the key and the model's name"
    )]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer is longer than any answer may be.
    #[error("the endpoint's answer is longer than {limit} bytes: check what answers there")]
    TooLarge {
        /// Most bytes.
        limit: u64,
    },
    /// The answer is not of the form asked for.
    #[error(
        "the model's answer is not the JSON that was asked for ({problem}): ask again, or improve the prompt"
    )]
    BadAnswer {
        /// What is wrong, without a word of the answer.
        problem: &'static str,
    },
}

impl Classify for OpinionError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Off | Self::NotDone { .. } | Self::NotMasked { .. } | Self::NoQuestion => {
                ErrorCode::Conflict
            }
            Self::Key { .. } => ErrorCode::InvalidInput,
            Self::Store(error) => error.code(),
            Self::Mining(error) => error.code(),
            Self::TooLong { .. } => ErrorCode::LimitExceeded,
            Self::Budget { .. } => ErrorCode::LimitExceeded,
            Self::Unreachable(_) | Self::Status { .. } | Self::TooLarge { .. } | Self::BadAnswer { .. } => {
                ErrorCode::Unavailable
            }
            Self::Timeout { .. } => ErrorCode::Timeout,
            Self::Busy { .. } => ErrorCode::Busy,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Off => "opinion.off",
            Self::Key { .. } => "opinion.key",
            Self::Store(error) => error.reason(),
            Self::Mining(error) => error.reason(),
            Self::NotDone { .. } => "opinion.not_done",
            Self::NotMasked { .. } => "opinion.not_masked",
            Self::NoQuestion => "opinion.no_question",
            Self::TooLong { .. } => "opinion.too_long",
            Self::Budget { .. } => "opinion.budget",
            Self::Busy { .. } => "opinion.busy",
            Self::Unreachable(_) => "opinion.unreachable",
            Self::Timeout { .. } => "opinion.timeout",
            Self::Status { .. } => "opinion.status",
            Self::TooLarge { .. } => "opinion.too_large",
            Self::BadAnswer { .. } => "opinion.bad_answer",
        }
    }
}
