//! `diting store`: looks after a data directory that no server has open.

use std::path::PathBuf;

use super::exit::UsageError;
use super::output::emit;
use super::{Exit, logging};
use crate::app;
use crate::config::{Config, Layers};

/// What was typed after `diting store`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Makes the facts of all calls and the text index anew from records, results and annotations
    ///
    /// Only while no server has the directory open. Nothing is lost when it is interrupted.
    ///
    /// diting store reindex --data /var/lib/diting
    #[command(verbatim_doc_comment)]
    Reindex {
        /// Data directory [default: diting-data]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Configuration file in TOML
        #[arg(long, env = "DITING_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    logging::init("warn", false);
    let Command::Reindex { data, config } = args.command;
    let layers = Layers::of_process(config.as_deref()).flag("store.data_dir", data);
    let config = Config::load(&layers)?;
    let dir = &config.store.data_dir;
    if !dir.is_dir() {
        let problem =
            format!("there is no data directory `{}`: name the right one with --data", dir.display());
        return Err(UsageError(problem).into());
    }
    let report = app::reindex(&config)?;
    emit(&format!("calls\t{}", report.num_calls))?;
    emit(&format!("mended\t{}", report.num_mended))?;
    emit(&format!("removed\t{}", report.num_removed))?;
    emit(&format!("damaged\t{}", report.num_damaged))?;
    emit(&format!("text\t{}", report.num_texts))?;
    if report.num_damaged > 0 {
        eprintln!("diting: {} calls cannot be read: the log names them", report.num_damaged);
        return Ok(Exit::Failure);
    }
    Ok(Exit::Success)
}
