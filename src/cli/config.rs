//! `diting config`: checks the configuration of this machine, or shows it whole.

use super::output::emit;
use super::settings::StageArgs;
use super::{Exit, logging};
use crate::config::Config;

/// What was typed after `diting config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Says whether the configuration can be used
    Check(StageArgs),
    /// Prints every setting in force as TOML
    Show(StageArgs),
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    logging::init("warn", false);
    match args.command {
        Command::Check(stages) => {
            Config::load(&stages.layers())?;
            eprintln!("the configuration is sound");
        }
        Command::Show(stages) => {
            let config = Config::load(&stages.layers())?;
            emit(toml::to_string_pretty(&config)?.trim_end())?;
        }
    }
    Ok(Exit::Success)
}
