//! Counts hits, checks and rates by any mix of groups and time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::scan::{
    Counting, Part, Revisions, Slots, agent_value, agents_of, names_agents, narrow, values_of,
};
use super::stats::Moments;
use super::{Counts, Group, Key, RuleRef};
use crate::analysis::Verdict;
use crate::catalog::{CallFacts, CallQuery, Catalog, FindingQuery, Stage, TableId, TimeRange};

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
    #[error(
        "that would be more than {MAX_CELLS} figures: ask for fewer groups, a coarser step or fewer calls"
    )]
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
    /// Calls with a score; of an agent the score of the own part.
    pub num_scored: u64,
    /// The mean of their scores in points; `None` without any.
    pub mean_score: Option<f64>,
    /// The counts of the others: of the same rule, dimension or level and the same time, whoever and whatever else. Of a
    /// call that was passed on to somebody else the other's part is among them. Everything of a time without the own is
    /// exactly that: each part of a call is counted once in it, and once in each cell that it belongs to.
    pub others: Counts,
    /// The mean score of the others; `None` without any.
    pub others_mean_score: Option<f64>,
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
    /// Lists the calls of the total: those with a hit, or all counted calls where there is none.
    pub calls: CallQuery,
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
    let mut groups = query.group_by.clone();
    groups.sort_unstable();
    groups.dedup();
    if groups.len() != query.group_by.len() || groups.len() > MAX_GROUPS {
        return Err(TallyError::Groups);
    }
    let revisions = Revisions::of(catalog, &query.calls);
    let of_findings: Vec<Group> =
        query.group_by.iter().copied().filter(|group| group.is_of_findings()).collect();
    let mut count = Count {
        query,
        slots: Slots::new(&revisions, &query.rules, &of_findings),
        splits_agents: query.group_by.iter().any(|group| group.is_of_agents()),
        places: HashMap::new(),
        cells: Vec::new(),
        totals: BTreeMap::new(),
        total: Counts::default(),
        names: HashMap::new(),
        clock: Clock::new(query.step, query.time_zone.clone(), query.calls.started),
    };
    for call in catalog.chosen(&query.calls) {
        count.add(catalog, call)?;
    }
    let total = count.total;
    let calls = count.question(&[], None, total.num_hits == 0);
    let rules = revisions.rules(&query.rules);
    Ok(Tally { cells: count.into_cells()?, total, calls, revisions: revisions.list, rules })
}

/// What a cell is of, but for findings.
type Place = (Option<Bucket>, Vec<Option<Arc<str>>>);

/// The count as it grows.
struct Count<'q> {
    query: &'q TallyQuery,
    slots: Slots,
    splits_agents: bool,
    places: HashMap<Place, usize>,
    cells: Vec<Sums>,
    /// Everything of a time, whoever it is of.
    totals: BTreeMap<Option<Bucket>, Sums>,
    total: Counts,
    /// Of agents, as of their last call.
    names: HashMap<Arc<str>, (Timestamp, Arc<str>)>,
    clock: Clock,
}

/// The sums of one place.
#[derive(Debug, Clone, Default)]
struct Sums {
    num_calls: u64,
    scores: Moments,
    /// By slot.
    slots: Vec<(Counts, u64)>,
}

impl Sums {
    /// Counts one side of one call.
    fn add(&mut self, side: &Counted, num_slots: usize) {
        self.num_calls += 1;
        if let Some(score) = side.score {
            self.scores.add(score);
        }
        self.slots.resize(num_slots, Default::default());
        for (slot, counting) in &side.verdicts {
            if let Some((counts, _)) = self.slots.get_mut(*slot) {
                counts.count(*counting);
            }
        }
        for slot in &side.hit {
            if let Some((_, num_hit)) = self.slots.get_mut(*slot) {
                *num_hit += 1;
            }
        }
    }
}

/// What one side of one call comes to.
#[derive(Debug, Default)]
struct Counted {
    score: Option<f64>,
    verdicts: Vec<(usize, Counting)>,
    /// Slots with a hit, each once.
    hit: Vec<usize>,
}

impl Count<'_> {
    fn add(&mut self, catalog: &Catalog, call: &CallFacts) -> Result<(), TallyError> {
        if call.judgement.is_none() {
            return Ok(());
        }
        let bucket = self.clock.bucket(call.started_at);
        let agents = if self.splits_agents || names_agents(&self.query.calls) {
            Some(agents_of(&self.query.calls, call))
        } else {
            None
        };
        // Agents of one side count together.
        let mut sides: Vec<(Vec<Option<Arc<str>>>, Part)> = Vec::new();
        match agents {
            None => sides.push((self.agent_values(call, 0), Part::Whole)),
            Some(agents) => {
                for index in agents {
                    let values = self.agent_values(call, index);
                    match sides.iter_mut().find(|side| side.0 == values) {
                        Some((_, Part::Agents(known))) => known.push(index),
                        Some((_, Part::Whole)) => {}
                        None => sides.push((values, Part::Agents(vec![index]))),
                    }
                }
            }
        }
        for (values, part) in sides {
            let side = self.counted(catalog, call, &part);
            side.verdicts.iter().for_each(|(_, counting)| self.total.count(*counting));
            self.total.num_calls += 1;
            self.total.num_calls_hit += u64::from(!side.hit.is_empty());
            let num_slots = self.slots.len();
            self.totals.entry(bucket).or_default().add(&side, num_slots);
            for values in self.places_of(call, values) {
                let next = self.cells.len();
                let place = *self.places.entry((bucket, values)).or_insert(next);
                if place == next {
                    if next.saturating_mul(num_slots.max(1)) > 10 * MAX_CELLS {
                        return Err(TallyError::TooManyCells);
                    }
                    self.cells.push(Sums::default());
                }
                if let Some(cell) = self.cells.get_mut(place) {
                    cell.add(&side, num_slots);
                }
            }
        }
        Ok(())
    }

    fn counted(&self, catalog: &Catalog, call: &CallFacts, part: &Part) -> Counted {
        let mut side = Counted { score: part.score(call), ..Counted::default() };
        self.slots.visit(catalog, call, part, |slot, counting| {
            side.verdicts.push((slot, counting));
            if counting.verdict == Verdict::Hit {
                side.hit.push(slot);
            }
        });
        side.hit.sort_unstable();
        side.hit.dedup();
        side
    }

    fn agent_values(&mut self, call: &CallFacts, index: usize) -> Vec<Option<Arc<str>>> {
        if let Some(agent) = call.agents.get(index)
            && let (Some(id), Some(name)) = (&agent.agent_id, &agent.agent_name)
        {
            match self.names.get_mut(id) {
                Some(known) if known.0 > call.started_at => {}
                Some(known) => *known = (call.started_at, Arc::clone(name)),
                None => {
                    self.names.insert(Arc::clone(id), (call.started_at, Arc::clone(name)));
                }
            }
        }
        self.query.group_by.iter().map(|group| agent_value(*group, call, index)).collect()
    }

    /// Every mix of the values of a call, in the order of `group_by`.
    fn places_of(&self, call: &CallFacts, values: Vec<Option<Arc<str>>>) -> Vec<Vec<Option<Arc<str>>>> {
        let mut places = vec![values];
        for (index, group) in self.query.group_by.iter().enumerate() {
            if group.is_of_findings() || group.is_of_agents() {
                continue;
            }
            let choices = values_of(*group, call);
            places = places
                .into_iter()
                .flat_map(|place| {
                    choices.iter().map(move |choice| {
                        let mut place = place.clone();
                        if let Some(value) = place.get_mut(index) {
                            value.clone_from(choice);
                        }
                        place
                    })
                })
                .collect();
        }
        places
    }

    fn into_cells(self) -> Result<Vec<Cell>, TallyError> {
        let mut cells = Vec::new();
        for ((bucket, values), place) in &self.places {
            let (Some(sums), Some(all)) = (self.cells.get(*place), self.totals.get(bucket)) else { continue };
            for (slot, of_findings) in self.slots.keys.iter().enumerate() {
                let (Some(own), Some(whole)) = (sums.slots.get(slot), all.slots.get(slot)) else { continue };
                let told = own.0.num_checked + own.0.num_not_applicable + own.0.machine_checked;
                if told == 0 && !of_findings.is_empty() {
                    continue;
                }
                let mut of_findings = of_findings.iter();
                let keys = self.query.group_by.iter().zip(values).filter_map(|(group, value)| {
                    if group.is_of_findings() {
                        return of_findings.next().cloned();
                    }
                    let named = value.as_ref().filter(|_| *group == Group::Agent);
                    let name = named.and_then(|id| self.names.get(id)).map(|known| Arc::clone(&known.1));
                    Some(Key { group: *group, value: value.clone(), name })
                });
                let keys: Vec<Key> = keys.collect();
                let counts = Counts { num_calls: sums.num_calls, num_calls_hit: own.1, ..own.0 };
                let whole = Counts { num_calls: all.num_calls, num_calls_hit: whole.1, ..whole.0 };
                cells.push(Cell {
                    calls: self.question(&keys, *bucket, counts.num_hits == 0),
                    keys,
                    bucket: *bucket,
                    counts,
                    num_scored: sums.scores.num,
                    mean_score: sums.scores.mean(),
                    others: whole.without(&counts),
                    others_mean_score: all.scores.without(&sums.scores).mean(),
                });
                if cells.len() > MAX_CELLS {
                    return Err(TallyError::TooManyCells);
                }
            }
        }
        cells.sort_by(|left, right| (left.bucket, &left.keys).cmp(&(right.bucket, &right.keys)));
        Ok(cells)
    }

    /// Lists the calls of a cell: those with a hit, or all where there is none.
    fn question(&self, keys: &[Key], bucket: Option<Bucket>, has_no_hit: bool) -> CallQuery {
        let mut calls = self.query.calls.clone();
        let rules = &self.query.rules;
        if !has_no_hit {
            let FindingQuery { rules, dimensions, levels, kinds, verdicts: _, machine_verdicts: _ } = rules;
            calls.finding.rules.clone_from(rules);
            calls.finding.dimensions.clone_from(dimensions);
            calls.finding.levels.clone_from(levels);
            calls.finding.kinds.clone_from(kinds);
            calls.finding.verdicts = vec![Verdict::Hit];
        }
        for key in keys.iter().filter(|key| !(has_no_hit && key.group.is_of_findings())) {
            narrow(&mut calls, key);
        }
        if let Some(bucket) = bucket {
            let started = &mut calls.started;
            started.from = Some(started.from.map_or(bucket.start, |from| from.max(bucket.start)));
            started.before = Some(started.before.map_or(bucket.end, |before| before.min(bucket.end)));
        }
        calls.stages = vec![Stage::Done];
        calls
    }
}

/// The day of `at` on the clocks of `zone`, counted from 1970.
pub(super) fn local_day(at: Timestamp, zone: &TimeZone) -> i64 {
    (at.as_second() + i64::from(zone.to_offset(at).seconds())).div_euclid(86_400)
}

/// Gives each moment its bucket, asking the calendar once a quarter of an hour: no zone changes its clock in between.
#[derive(Debug)]
pub(super) struct Clock {
    step: Option<Step>,
    zone: TimeZone,
    asked: TimeRange,
    known: HashMap<i64, Option<Bucket>>,
}

impl Clock {
    pub(super) fn new(step: Option<Step>, zone: TimeZone, asked: TimeRange) -> Self {
        Self { step, zone, asked, known: HashMap::new() }
    }

    /// `None` without a step, and at the ends of time.
    pub(super) fn bucket(&mut self, at: Timestamp) -> Option<Bucket> {
        let step = self.step?;
        let quarter = at.as_second().div_euclid(900);
        if let Some(known) = self.known.get(&quarter) {
            return *known;
        }
        let bucket = self.ask(step, at);
        self.known.insert(quarter, bucket);
        bucket
    }

    fn ask(&self, step: Step, at: Timestamp) -> Option<Bucket> {
        let local = at.to_zoned(self.zone.clone());
        let (start, end) = match step {
            Step::Hour => {
                // Counted from the start of the clock's hour, so that an hour that comes twice is two.
                let into = i64::from(local.minute()) * 60 + i64::from(local.second());
                let start = Timestamp::from_second(at.as_second() - into).ok()?;
                (start, Timestamp::from_second(start.as_second() + 3600).ok()?)
            }
            Step::Day => {
                let start = local.start_of_day().ok()?;
                (start.timestamp(), start.tomorrow().ok()?.start_of_day().ok()?.timestamp())
            }
            Step::Week => {
                let days = i64::from(local.weekday().to_monday_zero_offset());
                let start = local.checked_sub(jiff::Span::new().days(days)).ok()?.start_of_day().ok()?;
                (start.timestamp(), start.checked_add(jiff::Span::new().days(7)).ok()?.timestamp())
            }
            Step::Month => {
                let start = local.first_of_month().ok()?.start_of_day().ok()?;
                (start.timestamp(), start.checked_add(jiff::Span::new().months(1)).ok()?.timestamp())
            }
        };
        let is_partial = self.asked.from.is_some_and(|from| from > start)
            || self.asked.before.is_some_and(|before| before < end);
        Some(Bucket { start, end, is_partial })
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
