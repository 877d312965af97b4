//! The `diting` command: parses arguments, runs, maps the outcome to an exit code.

use std::process::ExitCode;

use clap::Parser;
use diting::cli;

fn main() -> ExitCode {
    let args = match cli::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { cli::Exit::BadUsage.into() } else { ExitCode::SUCCESS };
            // A closed pipe is the only way this fails, and there is nobody left to tell.
            error.print().ok();
            return code;
        }
    };
    cli::run(args).unwrap_or_else(|error| cli::report_failure(&error)).into()
}
