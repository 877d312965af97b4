//! `diting models`.

use super::Exit;

/// What was typed after `diting models`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
pub(super) fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`diting models` is not there yet")
}
