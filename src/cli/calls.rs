//! `diting calls`.

use super::Exit;

/// What was typed after `diting calls`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
pub(super) fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`diting calls` is not there yet")
}
