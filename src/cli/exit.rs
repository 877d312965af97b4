//! How a command ends: exit codes, and errors as a person reads them.

use std::io::ErrorKind;

use crate::analysis::RuleError;
use crate::app::{AppError, MetadataError};
use crate::audio::AudioError;
use crate::config::ConfigError;
use crate::error::Classify;
use crate::eval::EvalError;
use crate::ingest::IngestError;
use crate::listing::{JoinError, ListingError};
use crate::pipeline::PipelineError;
use crate::proto::{ConvertError, TextCallError};
use crate::speech::SpeechError;
use crate::speech::model::ModelError;

/// Flags that make no sense together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

/// The exit code of a command that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything worked: 0.
    Success,
    /// It worked and found something at or over `--fail-on`, or a test failed: 1.
    Findings,
    /// Part of the work failed and was reported: 2.
    Failure,
    /// Flags, configuration, metadata or rules that make no sense: 64, as in `sysexits.h`.
    BadUsage,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Findings => 1,
            Exit::Failure => 2,
            Exit::BadUsage => 64,
        })
    }
}

/// Shows `error` with its causes on standard error and gives the exit code for it.
pub fn report_failure(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        // Whoever reads has seen enough, as with `| head`.
        return Exit::Success;
    }
    eprintln!("diting: {}", describe(error));
    Exit::of(error)
}

impl Exit {
    /// Of two failures of a list the one to end with: a real failure says more than bad usage.
    pub(super) fn worse(first: Option<Self>, second: Self) -> Option<Self> {
        Some(if first == Some(Self::Failure) { Self::Failure } else { second })
    }

    /// The exit code for `error`.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        let is_usage = error.chain().any(|cause| {
            cause.is::<UsageError>()
                || cause.is::<ConfigError>()
                || cause.is::<ConvertError>()
                || cause.is::<MetadataError>()
                || cause.is::<RuleError>()
                || matches!(cause.downcast_ref(), Some(SpeechError::Config { .. }))
                || matches!(
                    cause.downcast_ref(),
                    Some(ModelError::Unknown { .. } | ModelError::BadName { .. })
                )
                || matches!(
                    cause.downcast_ref(),
                    Some(
                        AppError::Rules(_)
                            | AppError::PackUnreadable { .. }
                            | AppError::Speech(SpeechError::Config { .. })
                            | AppError::Model(ModelError::Unknown { .. } | ModelError::BadName { .. })
                    )
                )
        });
        if is_usage { Self::BadUsage } else { Self::Failure }
    }
}

/// `error` with its causes and, in parentheses, its stable name.
pub(super) fn describe(error: &anyhow::Error) -> String {
    match reason(error) {
        Some(reason) => format!("{error:#} ({reason})"),
        None => format!("{error:#}"),
    }
}

/// The stable name of the outermost error that has one. What a server said carries its own in the text.
fn reason(error: &anyhow::Error) -> Option<&'static str> {
    macro_rules! first_of {
        ($cause:expr; $($kind:ty),*) => {
            None$(.or_else(|| $cause.downcast_ref::<$kind>().map(Classify::reason)))*
        };
    }
    error.chain().find_map(|cause| {
        first_of!(cause; AppError, ConfigError, ConvertError, MetadataError, PipelineError, EvalError, RuleError,
            ModelError, SpeechError, AudioError, IngestError, TextCallError, ListingError, JoinError)
    })
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    })
}
