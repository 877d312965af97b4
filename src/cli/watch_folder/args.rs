//! What is typed about the watched folder.

use std::path::PathBuf;
use std::time::Duration;

use super::then::Then;
use crate::listing::{LegRoles, LegSuffixes, ListingOptions, NamePattern};

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
    /// Reads facts out of names: {time:%Y%m%d_%H%M%S}_{agent_id}_{direction}_{call_id}, * for what is not needed
    #[arg(long, value_name = "PATTERN", value_parser = pattern, requires = "watch")]
    pub(super) names: Option<NamePattern>,
    /// Endings of names that mark the two sides of one call; may be repeated; -in,-out when not given
    #[arg(long, value_name = "IN,OUT", requires = "watch", allow_hyphen_values = true)]
    pub(super) legs: Vec<LegSuffixes>,
    /// Takes every file for a whole call
    #[arg(long, conflicts_with = "legs", requires = "watch")]
    pub(super) no_legs: bool,
    /// Who is heard on the first of two sides: agent or customer; the direction says it when not given
    #[arg(long, value_name = "ROLE", value_parser = leg_roles, requires = "watch")]
    pub(super) in_is: Option<LegRoles>,
    /// Zone of times in names, for example Asia/Shanghai; that of this machine when not given
    #[arg(long, value_name = "ZONE", value_parser = zone, requires = "watch")]
    pub(super) zone: Option<jiff::tz::TimeZone>,
}

impl WatchArgs {
    /// How names are read.
    pub(super) fn listing_options(&self) -> ListingOptions {
        let mut options = ListingOptions { name_pattern: self.names.clone(), ..ListingOptions::default() };
        if self.no_legs {
            options.leg_suffixes.clear();
        } else if !self.legs.is_empty() {
            options.leg_suffixes.clone_from(&self.legs);
        }
        options.leg_roles = self.in_is.unwrap_or_default();
        if let Some(zone) = &self.zone {
            options.time_zone = zone.clone();
        }
        // Chats are no recordings: `UploadCall` does not take them.
        options.extensions.retain(|extension| extension != "jsonl");
        options
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 5s, 500ms or 2m");
    let read: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(read).map_err(|_| wrong())
}

fn pattern(text: &str) -> Result<NamePattern, String> {
    NamePattern::compile(text).map_err(|error| error.to_string())
}

fn leg_roles(text: &str) -> Result<LegRoles, String> {
    match text {
        "agent" => Ok(LegRoles::InIsAgent),
        "customer" => Ok(LegRoles::InIsCustomer),
        _ => Err(format!("`{text}` is neither agent nor customer")),
    }
}

fn zone(text: &str) -> Result<jiff::tz::TimeZone, String> {
    jiff::tz::TimeZone::get(text).map_err(|_| format!("`{text}` is no zone such as Asia/Shanghai"))
}
