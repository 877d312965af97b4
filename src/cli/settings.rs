//! What typed flags mean for the configuration.

use std::path::PathBuf;

use crate::config::Layers;

/// Flags of every command that runs the stages itself.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct StageArgs {
    /// Configuration file in TOML
    #[arg(long, env = "DITING_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Speech model
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Rule pack with its scheme; the built-in bank pack when absent
    #[arg(long, value_name = "FILE")]
    scheme: Option<PathBuf>,
}

impl StageArgs {
    /// As if these two had been typed.
    pub(super) fn of(config: Option<PathBuf>, model: Option<String>) -> Self {
        Self { config, model, scheme: None }
    }

    /// The layers of this process with these flags.
    pub(super) fn layers(&self) -> Layers {
        Layers::of_process(self.config.as_deref())
            .flag("speech.model", self.model.as_ref())
            .flag("rules.scheme", self.scheme.as_ref())
    }
}
