//! How an archive is listed.

use jiff::tz::TimeZone;

use super::legs::{LegRoles, LegSuffixes};
use super::pattern::NamePattern;

/// Endings of files that are taken for recordings or chats, in lower case. Files that are named in a manifest are taken
/// whatever their name.
pub const RECORDING_EXTENSIONS: [&str; 49] = [
    "wav", "wave", "flac", "mp3", "mp2", "aac", "m4a", "mp4", "m4v", "mov", "mkv", "mka", "webm", "ogg",
    "oga", "opus", "aif", "aiff", "aifc", "caf", "w64", "rf64", "gsm", "ul", "ulaw", "pcmu", "al", "alaw",
    "pcma", "cal", "vox", "g722", "g729", "sln", "sln8", "sln12", "sln16", "sln24", "sln32", "sln44",
    "sln48", "sln96", "sln192", "amr", "awb", "3gp", "3g2", "v3", "jsonl",
];

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
    /// The zone of times that do not say theirs.
    pub time_zone: TimeZone,
    /// Endings of files to take from a folder, without the dot, in lower case.
    pub extensions: Vec<String>,
}

impl Default for ListingOptions {
    fn default() -> Self {
        Self {
            name_pattern: None,
            leg_suffixes: vec![LegSuffixes::default()],
            leg_roles: LegRoles::default(),
            time_zone: TimeZone::system(),
            extensions: RECORDING_EXTENSIONS.map(str::to_owned).to_vec(),
        }
    }
}
