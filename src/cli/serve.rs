//! `diting serve`.

use super::Exit;

/// What was typed after `diting serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
pub(super) fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`diting serve` is not there yet")
}
