//! Renders a call's report for people: text for an inspector's terminal, subtitles for a player.
//!
//! Reads nothing but the wire message, so a report looks the same whether a server sent it or `diting analyze` made it.
//! Its fixed words are Chinese, the inspectors' language. No judging here: what is shown is in the message.
//!
//! **Invariant**: colour repeats what the words already say, and no control character of the call reaches the terminal.

mod agents;
mod chat;
mod conversation;
mod findings;
mod label;
pub(super) mod layout;
mod marks;
mod srt;
mod text;

use std::io::IsTerminal;

use jiff::tz::TimeZone;

pub(super) use label::{clock, is_overruled, millis, role};
pub(super) use layout::clean;
pub use srt::render_srt;
pub use text::render_text;

/// How a report is drawn.
#[derive(Debug, Clone)]
pub struct Style {
    /// Whether to colour.
    pub colour: bool,
    /// Columns to fill; a Chinese character takes two.
    pub width: usize,
    /// Zone in which dates are shown.
    pub time_zone: TimeZone,
}

/// Columns of a report that goes to a file or a terminal that does not tell.
const DEFAULT_WIDTH: usize = 100;

/// Narrower than this, words do not fit beside times and names.
const MIN_WIDTH: usize = 50;

impl Style {
    /// Fits standard output, with times of `zone`: colour only on a terminal, and never when `NO_COLOR` is set (<https://no-color.org>).
    #[must_use]
    pub fn for_stdout(zone: &TimeZone) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let colour = std::io::stdout().is_terminal() && set("NO_COLOR").is_none();
        let columns = set("COLUMNS").and_then(|value| value.to_str()?.parse().ok());
        let width = columns.unwrap_or(DEFAULT_WIDTH).clamp(MIN_WIDTH, 160);
        Self { colour, width, time_zone: zone.clone() }
    }
}

#[cfg(test)]
mod tests;
