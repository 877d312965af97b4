//! `diting config`: checks the configuration of this machine, or shows it whole.

use super::output::emit;
use super::settings::StageArgs;
use super::{Exit, logging};
use crate::app;
use crate::config::Config;
use crate::speech::model::ModelStore;

/// What was typed after `diting config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Says whether `serve` could start with it: settings, rule packs and weights, without loading the weights
    Check(StageArgs),
    /// Prints every setting in force as TOML; what is not set stands in comments
    Show(StageArgs),
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    logging::init("warn", false);
    match args.command {
        Command::Check(stages) => {
            app::check(&Config::load(&stages.layers())?)?;
            eprintln!("the configuration is sound");
        }
        Command::Show(stages) => {
            let config = Config::load(&stages.layers())?;
            emit(toml::to_string_pretty(&config)?.trim_end())?;
            if config.rules.scheme.is_none() {
                emit("# rules.scheme is not set: the built-in bank pack judges")?;
            }
            if config.masking.key_file.is_none() {
                emit("# masking.key_file is not set: the key is masking.key in the data directory")?;
            }
            if config.models.dir.is_none() {
                let models = ModelStore::open(None)?;
                emit(&format!("# models.dir is not set: weights are sought in {}", models.dir().display()))?;
            }
        }
    }
    Ok(Exit::Success)
}
