//! What a report says, before it looks like anything: headings, sentences, numbers, charts and tables.
//!
//! **Invariant**: a number is kept as it is shown (whole counts, tenths of points, hundredths of a percent; p values, which
//! round themselves), so that no two renderings can round it differently; what is shown of a number that comes from calls can name those calls.

use jiff::civil::Date;

use super::chart::Chart;
use super::period::Period;
use crate::catalog::CallQuery;
use crate::types::{CallId, Probability, RuleId};

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Centre,
    /// A team, by its name.
    Team(String),
    /// An agent, by the job number.
    Agent(String),
    /// A rule.
    Rule(RuleId),
}

impl Scope {
    /// Its name in file names and on the wire: `centre`, `team`, `agent` or `rule`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Centre => "centre",
            Self::Team(_) => "team",
            Self::Agent(_) => "agent",
            Self::Rule(_) => "rule",
        }
    }

    /// The id of what it is about; empty for the centre.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Centre => "",
            Self::Team(id) | Self::Agent(id) => id,
            Self::Rule(id) => id.as_str(),
        }
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its title, for example 质检月报.
    pub title: String,
    /// What it is about, for a person.
    pub subject: String,
    /// What it is about.
    pub scope: Scope,
    /// The period.
    pub period: Period,
    /// Calls of its subject that began in the period.
    pub num_calls: u64,
    /// What it was made from: label and text. Never the clock.
    pub basis: Vec<(String, String)>,
    /// The most important, in sentences.
    pub summary: Vec<String>,
    /// The rest.
    pub sections: Vec<Section>,
    /// What the words mean: term and meaning.
    pub definitions: Vec<(String, String)>,
}

/// A part with a heading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Sentences under it.
    pub paragraphs: Vec<String>,
    /// Large figures.
    pub tiles: Vec<Tile>,
    /// Charts.
    pub charts: Vec<Chart>,
    /// Tables.
    pub tables: Vec<Table>,
}

impl Section {
    /// An empty section.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }
}

/// A large figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// What it counts.
    pub label: String,
    /// The figure.
    pub cell: Cell,
    /// Its change, its interval or its denominator; may be empty.
    pub note: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The heading; unique in its report.
    pub title: String,
    /// What one must know to read it; may be empty.
    pub note: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// Whether pages show it. The workbook has all: also what lies behind a chart.
    pub is_shown: bool,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(title: &str, columns: &[(&str, Kind)]) -> Self {
        let columns = columns.iter();
        Self {
            title: title.to_owned(),
            note: String::new(),
            columns: columns
                .map(|(title, kind)| Column { title: (*title).to_owned(), kind: *kind })
                .collect(),
            rows: Vec::new(),
            is_shown: true,
        }
    }

    /// The same with a note.
    #[must_use]
    pub fn noted(mut self, note: &str) -> Self {
        note.clone_into(&mut self.note);
        self
    }

    /// The same for the workbook only.
    #[must_use]
    pub fn behind_chart(mut self) -> Self {
        self.is_shown = false;
        self
    }

    /// Adds a row.
    pub fn push<const N: usize>(&mut self, row: [Cell; N]) {
        self.rows.push(row.into());
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub title: String,
    /// What stands in it.
    pub kind: Kind,
}

/// What stands in a column: how it is aligned, and how wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A short text, such as a name.
    Text,
    /// A sentence.
    Long,
    /// A number.
    Number,
    /// A small chart; only on pages.
    Spark,
}

/// One value, and the calls that it opens.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The value.
    pub value: Value,
    /// The calls behind it.
    pub origin: Option<Box<Origin>>,
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self { value, origin: None }
    }
}

impl Value {
    /// This value, which opens the calls of `query`.
    #[must_use]
    pub fn opens(self, query: &CallQuery) -> Cell {
        self.opens_said(query, "")
    }

    /// This value, which opens the calls of `query` in which `said` was said.
    #[must_use]
    pub fn opens_said(self, query: &CallQuery, said: &str) -> Cell {
        Cell { value: self, origin: Some(Box::new(Origin { query: query.clone(), said: said.to_owned() })) }
    }
}

/// A number of hits, or a rate, that opens the calls with these hits; where there is no hit there is nothing to open.
pub(in crate::report) fn opens_hits(value: Value, num_hits: u64, query: &CallQuery) -> Cell {
    if num_hits > 0 { value.opens(query) } else { value.into() }
}

/// Which calls are behind a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The calls.
    pub query: CallQuery,
    /// What was said in them, as `--text` asks for it; empty where nothing is asked.
    pub said: String,
}

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// There is none.
    Nothing,
    /// A text.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A difference of whole numbers.
    CountChange(i64),
    /// Points, in tenths.
    Points(i64),
    /// A difference of points, in tenths.
    PointsChange(i64),
    /// A share, in hundredths of a percent.
    Share(i64),
    /// A difference of shares, in hundredths of a percentage point.
    ShareChange(i64),
    /// From one share to another, in hundredths of a percent.
    ShareInterval(i64, i64),
    /// From points to points, in tenths.
    PointsInterval(i64, i64),
    /// A p or q value.
    Probability(Probability),
    /// A day.
    Date(Date),
    /// A series as a small chart, in whatever unit; only on pages.
    Spark(Vec<Option<i64>>),
    /// What was said in a call when a rule hit; `moment` puts a text in its place.
    Moment {
        /// The call.
        call: CallId,
        /// The rule.
        rule: RuleId,
        /// The agent in whose part, where it matters.
        agent: Option<String>,
    },
}

impl Value {
    /// A text, without characters that steer instead of being seen.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(clean(text))
    }

    /// The share `part` of `whole`; nothing of nothing.
    #[must_use]
    pub fn share(part: u64, whole: u64) -> Self {
        share(part, whole).map_or(Self::Nothing, Self::Share)
    }

    /// A share between 0 and 1.
    #[must_use]
    pub fn ratio(ratio: f64) -> Self {
        Self::Share(hundredths(ratio * 100.0))
    }

    /// Points.
    #[must_use]
    pub fn points(points: Option<f64>) -> Self {
        points.map_or(Self::Nothing, |points| Self::Points(tenths(points)))
    }

    /// As a page shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Nothing | Self::Spark(_) | Self::Moment { .. } => "—".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => grouped(&count.to_string()),
            Self::CountChange(change) => {
                format!("{}{}", sign(*change), grouped(&change.unsigned_abs().to_string()))
            }
            Self::Points(tenths) => fixed(*tenths, 1),
            Self::PointsChange(tenths) => format!("{}{}", sign(*tenths), fixed(tenths.saturating_abs(), 1)),
            Self::Share(share) => format!("{}%", fixed(*share, 2)),
            Self::ShareChange(share) => format!("{}{}", sign(*share), fixed(share.saturating_abs(), 2)),
            Self::ShareInterval(low, high) => format!("{}%–{}%", fixed(*low, 2), fixed(*high, 2)),
            Self::PointsInterval(low, high) => format!("{}–{}", fixed(*low, 1), fixed(*high, 1)),
            Self::Probability(value) => value.to_string(),
            Self::Date(date) => date.to_string(),
        }
    }
}

/// The share `part` of `whole` in hundredths of a percent, rounded half up; nothing of nothing.
#[must_use]
pub(in crate::report) fn share(part: u64, whole: u64) -> Option<i64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    (whole > 0).then(|| i64::try_from((part * 20_000 + whole) / (whole * 2)).unwrap_or(i64::MAX))
}

/// A number in tenths; zero when it is none.
#[must_use]
pub(in crate::report) fn tenths(number: f64) -> i64 {
    scaled(number, 10.0)
}

/// A number in hundredths; zero when it is none.
#[must_use]
pub(in crate::report) fn hundredths(number: f64) -> i64 {
    scaled(number, 100.0)
}

/// A number in units of one part of `scale`; zero when it is none.
#[must_use]
pub(in crate::report) fn scaled(number: f64, scale: f64) -> i64 {
    let scaled = (number * scale).round();
    // In range by the check, so the cast cannot truncate.
    if scaled.is_finite() && scaled.abs() < 9e15 { scaled as i64 } else { 0 }
}

/// A number of `10^-decimals` units with so many decimals.
#[must_use]
pub(in crate::report) fn fixed(units: i64, decimals: u32) -> String {
    let scale = 10_u64.pow(decimals.min(9));
    let (whole, part) = (units.unsigned_abs() / scale, units.unsigned_abs() % scale);
    let minus = if units < 0 { "-" } else { "" };
    format!("{minus}{}.{part:0width$}", grouped(&whole.to_string()), width = decimals.min(9) as usize)
}

fn sign(number: i64) -> &'static str {
    match number {
        0 => "±",
        1.. => "+",
        _ => "−",
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `text` without control characters and without those that turn the direction of what follows.
#[must_use]
pub(in crate::report) fn clean(text: &str) -> String {
    let steers = |one: char| {
        one.is_control()
            || matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || matches!(one, '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}')
    };
    text.chars().map(|one| if steers(one) { ' ' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_they_are_kept() {
        assert_eq!(Value::Count(1_234_567).shown(), "1,234,567");
        assert_eq!(Value::share(1, 3).shown(), "33.33%");
        assert_eq!(Value::share(2, 3).shown(), "66.67%");
        assert_eq!(Value::share(0, 0).shown(), "—");
        assert_eq!(Value::ShareChange(-105).shown(), "−1.05");
        assert_eq!(Value::PointsChange(3).shown(), "+0.3");
        assert_eq!(Value::points(Some(89.96)).shown(), "90.0");
        assert_eq!(Value::CountChange(0).shown(), "±0");
        assert_eq!(Value::Points(-5).shown(), "-0.5");
    }

    #[test]
    fn a_text_steers_nothing() {
        assert_eq!(Value::text("张\u{202e}三\u{0}\n"), Value::Text("张 三  ".to_owned()));
    }
}
