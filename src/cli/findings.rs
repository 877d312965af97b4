//! `diting findings`: asks a server about findings across calls.

use super::client::{ServerArgs, block_on};
use super::exit::UsageError;
use super::output::Format;
use super::{Exit, lists};

/// What was typed after `diting findings`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Lists findings by any mix of what is known of them and of their calls
    ///
    /// diting findings list --rule S01 --team 三组 --since 2026-11-01
    /// diting findings list --level S1 --machine-verdict hit --verdict miss      rejected by a reviewer
    #[command(verbatim_doc_comment)]
    List(Box<lists::FindingsArgs>),
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if args.format == Format::Srt {
        return Err(UsageError("findings have no --format srt".to_owned()).into());
    }
    block_on(async {
        let mut client = args.server.client()?;
        match &args.command {
            Command::List(list) => lists::findings(list, &mut client, &args.server, args.format).await,
        }
    })
}
