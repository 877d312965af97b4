//! Questions to bitmaps: which calls a query chooses, how many, and a page of them in an order.
//!
//! **Invariant**: gives exactly the calls that [`CallQuery::matches`].

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::column::{Column, Place};
use super::facts::kept;
use super::{CallFacts, CallQuery, Catalog, FindingQuery, ScoreRange, TimeRange};
use crate::types::{Millis, Score};

/// Sets up to this size are asked call by call whether they lie in a range.
const FEW: u64 = 20_000;

/// What calls are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderKey {
    /// When the call began.
    #[default]
    Started,
    /// When it was acknowledged.
    Received,
    /// The score that counts.
    Score,
    /// The length of its audio.
    Duration,
}

/// An order of calls. Those with the same value follow by their number in the catalog, in the same direction; those
/// without a value come last, whatever the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallOrder {
    /// By what.
    pub key: OrderKey,
    /// Whether the highest or latest comes first.
    pub descending: bool,
}

impl Default for CallOrder {
    fn default() -> Self {
        Self { key: OrderKey::Started, descending: true }
    }
}

/// Where a call stands in an order; stays right when other calls come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its value: microseconds, hundredths of points or milliseconds; absent when it has none.
    pub key: Option<i64>,
    /// Its number in the catalog.
    pub number: u32,
}

/// A range of the numbers of a column, both ends included.
struct Range<'a> {
    column: &'a Column,
    from: i64,
    to: i64,
}

impl Catalog {
    /// The calls that `query` chooses, by number.
    #[must_use]
    pub fn select(&self, query: &CallQuery) -> RoaringBitmap {
        self.selected(query).into_owned()
    }

    /// How many calls `query` chooses.
    #[must_use]
    pub fn count(&self, query: &CallQuery) -> u64 {
        self.selected(query).len()
    }

    /// How many findings of the calls in `set` a query chooses; hits when it sets nothing.
    #[must_use]
    pub fn count_findings(&self, query: &FindingQuery, set: &RoaringBitmap) -> u64 {
        self.index.findings.count(query, set)
    }

    /// The first `size` calls of `set` in an order, those behind `after` only.
    #[must_use]
    pub fn page(
        &self,
        set: &RoaringBitmap,
        order: CallOrder,
        after: Option<Position>,
        size: usize,
    ) -> Vec<u32> {
        let after = after.map(|position| Place { key: position.key, call: position.number });
        self.column(order.key).page(set, order.descending, after, size)
    }

    /// Where a call stands in an order.
    #[must_use]
    pub fn position(&self, number: u32, order: CallOrder) -> Position {
        Position { key: self.column(order.key).get(number), number }
    }

    /// The calls that `query` chooses, by number.
    pub fn chosen<'a>(&'a self, query: &CallQuery) -> impl Iterator<Item = &'a CallFacts> + use<'a> {
        self.select(query).into_iter().filter_map(|number| self.call(number))
    }

    fn column(&self, key: OrderKey) -> &Column {
        match key {
            OrderKey::Started => &self.index.started,
            OrderKey::Received => &self.index.received,
            OrderKey::Score => &self.index.score,
            OrderKey::Duration => &self.index.duration,
        }
    }

    fn selected(&self, query: &CallQuery) -> Cow<'_, RoaringBitmap> {
        let mut found: Option<RoaringBitmap> = None;
        for set in self.sets(query) {
            match &mut found {
                Some(found) => *found &= set,
                None => found = Some(set),
            }
            if found.as_ref().is_some_and(RoaringBitmap::is_empty) {
                break;
            }
        }
        for Range { column, from, to } in self.ranges(query) {
            match &mut found {
                Some(found) if found.len() <= FEW => {
                    let within = found.iter().filter(|call| column.is_within(*call, from, to));
                    *found = within.collect();
                }
                Some(found) => *found &= column.range(from, to),
                None => found = Some(column.range(from, to)),
            }
        }
        let Some(mut found) = found else { return Cow::Borrowed(&self.index.all) };
        let num_of_agents = [&query.agents, &query.teams, &query.skill_groups];
        if num_of_agents.into_iter().filter(|wanted| !wanted.is_empty()).count() > 1 {
            // Each may be another agent's.
            for number in &found & &self.index.several {
                let served = self.call(number).is_some_and(|call| query.served(call));
                if !served {
                    found.remove(number);
                }
            }
        }
        if query.vetoed {
            // The veto may be of another agent's part.
            let vetoes = |number: &u32| self.call(*number).is_some_and(|call| query.vetoes(call));
            found = found.iter().filter(vetoes).collect();
        }
        Cow::Owned(found)
    }

    /// A set of calls for each list of values that is asked for; cheap ones first.
    fn sets<'a>(&'a self, query: &'a CallQuery) -> impl Iterator<Item = RoaringBitmap> + 'a {
        let texts = [
            (&self.index.agents, &query.agents),
            (&self.index.teams, &query.teams),
            (&self.index.skill_groups, &query.skill_groups),
            (&self.index.products, &query.products),
            (&self.index.businesses, &query.businesses),
        ];
        // Rows keep these whole.
        let said = [(&self.index.topics, &query.topics), (&self.index.demands, &query.demands)];
        let said = said.into_iter().filter(|(_, wanted)| !wanted.is_empty());
        let said = said.map(|(values, wanted)| values.any(wanted.iter().map(String::as_str)));
        let texts = texts.into_iter().filter(|(_, wanted)| !wanted.is_empty());
        let texts = texts.map(|(values, wanted)| values.any(wanted.iter().map(|one| kept(one))));
        let reviews = (!query.reviews.is_empty()).then(|| self.index.reviews.any(&query.reviews));
        let stages = (!query.stages.is_empty()).then(|| self.index.stages.any(&query.stages));
        let media = (!query.media.is_empty()).then(|| self.index.media.any(&query.media));
        let directions = (!query.directions.is_empty()).then(|| self.index.directions.any(&query.directions));
        let vetoed = query.vetoed.then(|| self.index.vetoed.clone());
        let findings = std::iter::once(&query.finding).filter(|finding| !finding.is_empty());
        let findings = findings.map(|finding| self.index.findings.calls(finding));
        texts
            .chain(said)
            .chain(vetoed)
            .chain(reviews)
            .chain(stages)
            .chain(media)
            .chain(directions)
            .chain(findings)
    }

    fn ranges<'a>(&'a self, query: &CallQuery) -> impl Iterator<Item = Range<'a>> + use<'a> {
        let index = &self.index;
        let time = |column: &'a Column, range: TimeRange| {
            let from = range.from.map_or(i64::MIN, rounded_up);
            // The column has whole microseconds only, and so do the rows.
            let to = range.before.map_or(i64::MAX, |before| rounded_up(before).saturating_sub(1));
            (range != TimeRange::default()).then_some(Range { column, from, to })
        };
        let score = (query.score != ScoreRange::default()).then(|| Range {
            column: &index.score,
            from: query.score.min.map_or(i64::MIN, Score::as_hundredths),
            to: query.score.max.map_or(i64::MAX, Score::as_hundredths),
        });
        let millis = |millis: Millis| i64::try_from(millis.0).unwrap_or(i64::MAX);
        let duration = (query.min_duration.is_some() || query.max_duration.is_some()).then(|| Range {
            column: &index.duration,
            from: query.min_duration.map_or(i64::MIN, millis),
            to: query.max_duration.map_or(i64::MAX, millis),
        });
        let (started, received) =
            (time(&index.started, query.started), time(&index.received, query.received));
        [started, received, score, duration].into_iter().flatten()
    }
}

/// Microseconds of the first whole one at or after a time.
fn rounded_up(time: jiff::Timestamp) -> i64 {
    let micros = time.as_microsecond();
    let is_whole = time.as_nanosecond() == i128::from(micros) * 1000;
    // `as_microsecond` drops what is less, towards zero.
    if is_whole || time.as_nanosecond() < 0 { micros } else { micros + 1 }
}
