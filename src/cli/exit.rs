//! How a command ends: exit codes, and errors as a person reads them.

/// The exit code of a command that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything worked: 0.
    Success,
    /// It worked and found something at or over `--fail-on`, or a test failed: 1.
    Findings,
    /// Part of the work failed and was reported: 2.
    Failure,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Findings => 1,
            Exit::Failure => 2,
        })
    }
}

/// Shows `error` with its causes on standard error and gives the exit code for it.
pub fn report_failure(error: &anyhow::Error) -> Exit {
    eprintln!("diting: {error:#}");
    Exit::Failure
}
