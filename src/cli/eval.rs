//! `diting eval`.

use super::Exit;

/// What was typed after `diting eval`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
pub(super) fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`diting eval` is not there yet")
}
