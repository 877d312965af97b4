//! What is typed about the watched folder.

use std::path::PathBuf;
use std::time::Duration;

use super::super::name_args::NameArgs;
use super::then::Then;

/// How `diting push --watch` looks at its folder.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Watching a folder")]
pub(in crate::cli) struct WatchArgs {
    /// Keeps looking into the folder and sends every recording that is complete
    #[arg(long, conflicts_with_all = ["call_id", "wait"])]
    pub(in crate::cli) watch: bool,
    /// Handles what is there, waits for nothing new, and ends with 2 if some of it failed
    #[arg(long, requires = "watch")]
    pub(super) once: bool,
    /// A file is complete when its size and time have not changed for so long
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration, requires = "watch")]
    pub(super) settle: Duration,
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, requires = "watch")]
    pub(super) interval: Duration,
    /// A file is complete when one with this ending lies beside it (x.wav.ok for x.wav), and not before
    #[arg(long, value_name = ".ENDING", requires = "watch")]
    pub(super) done_suffix: Option<String>,
    /// Folder that remembers what was sent; .diting-push in the watched folder when not given
    #[arg(long, value_name = "FOLDER", requires = "watch")]
    pub(super) state: Option<PathBuf>,
    /// What becomes of a file that was sent: keep, delete, move=FOLDER or rename=.done
    #[arg(long, value_name = "WHAT", default_value = "keep", requires = "watch")]
    pub(super) then: Then,
    #[command(flatten)]
    pub(in crate::cli) names: NameArgs,
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 5s, 500ms or 2m");
    let read: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(read).map_err(|_| wrong())
}
