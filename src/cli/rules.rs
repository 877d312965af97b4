//! `diting rules`.

use super::Exit;

/// What was typed after `diting rules`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
pub(super) fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`diting rules` is not there yet")
}
