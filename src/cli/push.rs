//! `diting push`.

use super::Exit;

/// What was typed after `diting push`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
pub(super) fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`diting push` is not there yet")
}
