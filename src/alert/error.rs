//! What can go wrong with alerts.

use std::io;
use std::path::PathBuf;

use super::AlertState;
use crate::error::{Classify, ErrorCode, Retry};
use crate::store::StoreError;

/// A request about alerts that cannot be answered, or alerts that do not start.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such alert.
    #[error("there is no alert {number}: ListAlerts, or `diting alerts list`, names them")]
    NotFound {
        /// The alert asked for.
        number: u64,
    },
    /// The alert is in another state.
    #[error("alert {number} is {}{by}: it cannot be {wanted}", state.name())]
    WrongState {
        /// The alert.
        number: u64,
        /// What it is.
        state: AlertState,
        /// Who made it that, and when, as words behind it; empty when nobody looked it up.
        by: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// Too much happened to it.
    #[error("alert {number} was changed {limit} times, more are not kept: close it")]
    TooManyChanges {
        /// The alert.
        number: u64,
        /// Most changes.
        limit: usize,
    },
    /// A cursor that this server never gave out.
    #[error(
        "cursor {cursor} is after the last event, {last}: it is of another server or of other data; begin again with 0"
    )]
    Cursor {
        /// The cursor.
        cursor: u64,
        /// The last event.
        last: u64,
    },
    /// No such receiver.
    #[error("there is no receiver `{name}`: the configuration names them under `alerts.receiver`")]
    NoReceiver {
        /// The receiver asked for.
        name: String,
    },
    /// No such dead letter.
    #[error("there is no dead letter {number}: ListDeadLetters, or `diting alerts dead-letters`, names them")]
    NoDeadLetter {
        /// The dead letter asked for.
        number: u64,
    },
    /// A dead letter is not dead any more.
    #[error("dead letter {number} was delivered after all: nothing is left to send")]
    Delivered {
        /// The dead letter.
        number: u64,
    },
    /// A receiver does not take a message.
    #[error("receiver `{name}` did not take it: {problem}")]
    NotTaken {
        /// The receiver.
        name: String,
        /// What went wrong; without its address.
        problem: String,
    },
    /// The file of a secret cannot be read.
    #[error("the secret of receiver `{name}` cannot be read from `{}`", path.display())]
    SecretFile {
        /// The receiver.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The address of a proxy is none.
    #[error("the `proxy` of receiver `{name}` is no address such as http://proxy.bank:3128")]
    Proxy {
        /// The receiver.
        name: String,
    },
    /// No thread could be started.
    #[error("the threads of alerts could not be started")]
    Threads {
        /// What the system said.
        source: io::Error,
    },
}

impl AlertError {
    /// Whether it is about one alert alone, which will be no better when it is tried again: others go on without it.
    pub(super) fn is_of_one_alert(&self) -> bool {
        match self {
            Self::Store(error) => !error.is_passing(),
            Self::NotFound { .. } => true,
            Self::WrongState { .. }
            | Self::TooManyChanges { .. }
            | Self::Cursor { .. }
            | Self::NoReceiver { .. }
            | Self::NoDeadLetter { .. }
            | Self::Delivered { .. }
            | Self::NotTaken { .. }
            | Self::SecretFile { .. }
            | Self::Proxy { .. }
            | Self::Threads { .. } => false,
        }
    }
}

impl Classify for AlertError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::NotFound { .. } | Self::NoReceiver { .. } | Self::NoDeadLetter { .. } => {
                ErrorCode::NotFound
            }
            Self::WrongState { .. } | Self::Delivered { .. } => ErrorCode::Conflict,
            Self::TooManyChanges { .. } => ErrorCode::LimitExceeded,
            Self::Cursor { .. } | Self::Proxy { .. } | Self::SecretFile { .. } => ErrorCode::InvalidInput,
            Self::NotTaken { .. } => ErrorCode::Unavailable,
            Self::Threads { .. } => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::NotFound { .. } => "alert.not_found",
            Self::WrongState { .. } => "alert.wrong_state",
            Self::TooManyChanges { .. } => "alert.too_many_changes",
            Self::Cursor { .. } => "alert.cursor",
            Self::NoReceiver { .. } => "alert.no_receiver",
            Self::NoDeadLetter { .. } => "alert.no_dead_letter",
            Self::Delivered { .. } => "alert.delivered",
            Self::NotTaken { .. } => "alert.not_taken",
            Self::SecretFile { .. } => "alert.secret_file",
            Self::Proxy { .. } => "alert.proxy",
            Self::Threads { .. } => "alert.threads",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::NotTaken { .. } => Retry::Later,
            Self::NotFound { .. }
            | Self::WrongState { .. }
            | Self::TooManyChanges { .. }
            | Self::Cursor { .. }
            | Self::NoReceiver { .. }
            | Self::NoDeadLetter { .. }
            | Self::Delivered { .. }
            | Self::SecretFile { .. }
            | Self::Proxy { .. }
            | Self::Threads { .. } => Retry::Never,
        }
    }
}
