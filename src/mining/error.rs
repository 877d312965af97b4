//! What can go wrong with runs of mining.

use crate::error::{Classify, ErrorCode};
use crate::store::StoreError;

/// A run that cannot be started, or whose finds cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MiningError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// One run at a time.
    #[error("run {run} is under way: wait for it, or cancel it with `diting topics cancel`")]
    Running {
        /// The run.
        run: u64,
    },
    /// Nothing was mined yet.
    #[error("nothing was mined yet: start a run with MineTopics, or `diting topics mine`")]
    NoRun,
    /// No such run.
    #[error("there is no run {run} with finds: the last ones are kept, `diting topics runs` names them")]
    NotFound {
        /// The run asked for.
        run: u64,
    },
    /// No such topic.
    #[error("the run has no topic `{name}`: `diting topics list` names them")]
    NoTopic {
        /// The topic asked for.
        name: String,
    },
    /// The name is another topic's.
    #[error("another topic is named `{name}`: choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The period is none.
    #[error("the period cannot be mined: {problem}")]
    Period {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No call of the period can be read: nothing would be found, and would hide what was.
    #[error(
        "no judged call began in the period: choose another one, `diting calls list` shows what there is"
    )]
    NoCalls,
    /// No thread could be started.
    #[error("the thread of the run could not be started")]
    Threads {
        /// What the system said.
        source: std::io::Error,
    },
    /// The process ends.
    #[error("the server is shutting down: start the run again later")]
    ShuttingDown,
}

impl Classify for MiningError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Running { .. } | Self::NameTaken { .. } => ErrorCode::Conflict,
            Self::NoRun | Self::NotFound { .. } | Self::NoTopic { .. } => ErrorCode::NotFound,
            Self::Period { .. } | Self::NoCalls => ErrorCode::InvalidInput,
            Self::Threads { .. } | Self::ShuttingDown => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Running { .. } => "mining.running",
            Self::NoRun => "mining.no_run",
            Self::NotFound { .. } => "mining.not_found",
            Self::NoTopic { .. } => "mining.no_topic",
            Self::NameTaken { .. } => "mining.name_taken",
            Self::Period { .. } => "mining.period",
            Self::NoCalls => "mining.no_calls",
            Self::Threads { .. } => "mining.threads",
            Self::ShuttingDown => "mining.shutting_down",
        }
    }
}
