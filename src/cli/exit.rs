//! How a command ends: exit codes, and errors as a person reads them.

use std::io::ErrorKind;

use crate::app::AppError;
use crate::config::ConfigError;
use crate::proto::ConvertError;

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
    eprintln!("diting: {error:#}");
    let is_usage = error.chain().any(|cause| {
        cause.is::<ConfigError>()
            || cause.is::<ConvertError>()
            || matches!(cause.downcast_ref(), Some(AppError::Rules(_) | AppError::PackUnreadable { .. }))
    });
    if is_usage { Exit::BadUsage } else { Exit::Failure }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    })
}
