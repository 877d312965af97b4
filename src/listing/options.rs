//! How an archive is listed.

use jiff::tz::TimeZone;

use super::legs::{LegRoles, LegSuffixes};
use super::pattern::NamePattern;
use crate::audio::EXTENSIONS;

/// The ending of files of chats.
pub(super) const CHAT_EXTENSION: &str = "jsonl";

/// How an archive is listed.
#[derive(Debug, Clone)]
pub struct ListingOptions {
    /// Reads call id, agent, time and more out of names. Without it only the id comes from the name. In a manifest it
    /// fills what the columns leave empty, and a name that does not fit is no problem there.
    pub name_pattern: Option<NamePattern>,
    /// Endings of names that mark the two sides of one call. Empty: every file is a call of its own.
    pub leg_suffixes: Vec<LegSuffixes>,
    /// Who is heard on which side.
    pub leg_roles: LegRoles,
    /// The zone of times that do not say theirs; UTC by default, as nothing here knows the centre's.
    pub time_zone: TimeZone,
    /// Endings of files to take from a folder, without the dot, in lower case. Files that are named in a manifest are
    /// taken whatever their name.
    pub extensions: Vec<String>,
}

impl Default for ListingOptions {
    fn default() -> Self {
        Self {
            name_pattern: None,
            leg_suffixes: vec![LegSuffixes::default()],
            leg_roles: LegRoles::default(),
            time_zone: TimeZone::UTC,
            extensions: EXTENSIONS.iter().copied().chain([CHAT_EXTENSION]).map(str::to_owned).collect(),
        }
    }
}
