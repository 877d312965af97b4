//! `diting analyze`.

use super::Exit;

/// What was typed after `diting analyze`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
pub(super) fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`diting analyze` is not there yet")
}
