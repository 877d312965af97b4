//! A list to a table for people, or to lines for scripts.
//!
//! **Invariant**: only a terminal sees a heading; elsewhere every line is a row, its fields parted by tabs.

use std::io::{self, IsTerminal};

use unicode_width::UnicodeWidthStr;

use super::clock::Clock;
use super::output::emit;

/// Rows below a heading.
#[derive(Debug)]
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    is_terminal: bool,
}

impl Table {
    /// An empty table for standard output.
    pub(super) fn new<T: Into<String>>(head: impl IntoIterator<Item = T>) -> Self {
        let head = head.into_iter().map(Into::into).collect();
        Self { head, rows: Vec::new(), is_terminal: io::stdout().is_terminal() }
    }

    /// A time in a column whose heading names the zone: without a heading it names the zone itself; `-` when not known.
    pub(super) fn time(&self, clock: &Clock, at: Option<&prost_types::Timestamp>) -> String {
        let text = if self.is_terminal { clock.second(at) } else { clock.full(at) };
        if text.is_empty() { "-".to_owned() } else { text }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Prints it; nothing when it has no row.
    pub(super) fn print(&self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        if self.is_terminal {
            return aligned(&self.head, &self.rows).iter().try_for_each(|line| emit(line));
        }
        self.rows.iter().try_for_each(|row| emit(&row.join("\t")))
    }
}

fn aligned(head: &[String], rows: &[Vec<String>]) -> Vec<String> {
    let all = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| all().filter_map(|row| row.get(column)).map(|text| text.width()).max().unwrap_or(0))
        .collect();
    let line = |row: &[String]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text}{}", " ".repeat(width.saturating_sub(text.width()))));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_also_in_chinese() {
        let row = |texts: [&str; 3]| texts.map(str::to_owned).to_vec();
        let head = row(["通话", "组", "分"]);
        let lines = aligned(&head, &[row(["c1", "三组", "80"]), row(["call-22", "-", "7.5"])]);
        assert_eq!(lines, ["通话     组    分", "c1       三组  80", "call-22  -     7.5"]);
    }

    #[test]
    fn a_time_names_its_zone_where_no_heading_does() {
        let clock = Clock::new(crate::types::time_zone("+08:00").expect("a zone"));
        let at = prost_types::Timestamp { seconds: 0, nanos: 0 };
        let of = |is_terminal| Table { head: Vec::new(), rows: Vec::new(), is_terminal };
        assert_eq!(of(true).time(&clock, Some(&at)), "1970-01-01 08:00:00");
        assert_eq!(of(false).time(&clock, Some(&at)), "1970-01-01 08:00:00 +08:00");
        assert_eq!(of(true).time(&clock, None), "-");
    }
}
