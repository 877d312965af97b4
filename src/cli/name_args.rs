//! What is typed about the names of files in a folder.

use jiff::tz::TimeZone;

use crate::listing::{LegRoles, LegSuffixes, ListingOptions, NamePattern};
use crate::types::time_zone;

/// How the names of files are read.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Names of files")]
pub(super) struct NameArgs {
    /// Reads facts out of names: {time:%Y%m%d_%H%M%S}_{agent_id}_{direction}_{call_id}, * for what is not needed
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub(super) names: Option<NamePattern>,
    /// Endings of names that mark the two sides of one call; may be repeated; -in,-out when not given
    #[arg(long, value_name = "IN,OUT", allow_hyphen_values = true)]
    pub(super) legs: Vec<LegSuffixes>,
    /// Takes every file for a whole call
    #[arg(long, conflicts_with = "legs")]
    pub(super) no_legs: bool,
    /// Who is heard on the first of two sides: agent or customer; the direction says it when not given
    #[arg(long, value_name = "ROLE", value_parser = leg_roles)]
    pub(super) in_is: Option<LegRoles>,
    /// Zone of times in names, for example Asia/Shanghai; that of the centre when not given
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(super) zone: Option<TimeZone>,
}

impl NameArgs {
    /// Whether anything was typed.
    pub(super) fn is_given(&self) -> bool {
        let Self { names, legs, no_legs, in_is, zone } = self;
        names.is_some() || !legs.is_empty() || *no_legs || in_is.is_some() || zone.is_some()
    }

    /// Whether what the names say depends on the clock of the centre.
    pub(super) fn needs_clock(&self) -> bool {
        self.names.is_some() && self.zone.is_none()
    }

    /// How files are listed; times without a zone are of `zone` when none was typed.
    pub(super) fn listing_options(&self, zone: &TimeZone) -> ListingOptions {
        let mut options = ListingOptions {
            name_pattern: self.names.clone(),
            time_zone: self.zone.as_ref().unwrap_or(zone).clone(),
            ..ListingOptions::default()
        };
        if self.no_legs {
            options.leg_suffixes.clear();
        } else if !self.legs.is_empty() {
            options.leg_suffixes.clone_from(&self.legs);
        }
        options.leg_roles = self.in_is.unwrap_or_default();
        options
    }
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

fn zone(text: &str) -> Result<TimeZone, String> {
    time_zone(text).ok_or_else(|| format!("`{text}` is no zone: write Asia/Shanghai or +08:00"))
}
