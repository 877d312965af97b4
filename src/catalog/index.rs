//! Rows to bitmaps of calls: for every value of everything that may be asked for, the calls that have it.
//!
//! **Invariant**: the bitmaps are those of the rows as they are now, so every count is exact.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::column::Column;
use super::findings::Findings;
use super::{AgentFacts, CallFacts, ReviewState, RuleTable, Stage};
use crate::types::{Direction, Media};

/// The calls of each value.
#[derive(Debug)]
pub(super) struct Values<K>(HashMap<K, RoaringBitmap>);

impl<K> Default for Values<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Values<K> {
    fn insert(&mut self, value: K, call: u32) {
        self.0.entry(value).or_default().insert(call);
    }

    fn remove(&mut self, value: &K, call: u32) {
        if let Some(calls) = self.0.get_mut(value) {
            calls.remove(call);
            if calls.is_empty() {
                self.0.remove(value);
            }
        }
    }

    fn change(&mut self, call: u32, old: Option<K>, new: Option<K>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.remove(&old, call);
        }
        if let Some(new) = new {
            self.insert(new, call);
        }
    }

    /// The calls that have one of `wanted`.
    pub(super) fn any<'a, Q>(&self, wanted: impl IntoIterator<Item = &'a Q>) -> RoaringBitmap
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized + 'a,
    {
        let mut found = RoaringBitmap::new();
        for value in wanted {
            if let Some(calls) = self.0.get(value) {
                found |= calls;
            }
        }
        found
    }

    fn num_bytes(&self) -> usize {
        self.0.values().map(|calls| calls.serialized_size() + 64).sum()
    }
}

/// Texts of which a call may have several.
type Texts = Values<Arc<str>>;

impl Texts {
    fn change_all(&mut self, call: u32, old: &[Arc<str>], new: &[Arc<str>]) {
        if old == new {
            return;
        }
        for text in old {
            self.remove(text, call);
        }
        for text in new {
            self.insert(Arc::clone(text), call);
        }
    }
}

/// The bitmaps of all rows.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) all: RoaringBitmap,
    /// Calls with more than one agent.
    pub(super) several: RoaringBitmap,
    /// Calls where a veto counts, in the whole or in an agent's part.
    pub(super) vetoed: RoaringBitmap,
    pub(super) agents: Texts,
    pub(super) teams: Texts,
    pub(super) skill_groups: Texts,
    pub(super) businesses: Texts,
    pub(super) products: Texts,
    pub(super) topics: Texts,
    pub(super) demands: Texts,
    pub(super) directions: Values<Direction>,
    pub(super) media: Values<Media>,
    pub(super) stages: Values<Stage>,
    pub(super) reviews: Values<ReviewState>,
    pub(super) findings: Findings,
    /// Microseconds; fine buckets of 72 minutes.
    pub(super) started: Column,
    /// Microseconds.
    pub(super) received: Column,
    /// Hundredths of points, each a bucket of its own.
    pub(super) score: Column,
    /// Milliseconds; fine buckets of 4 seconds.
    pub(super) duration: Column,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            all: RoaringBitmap::new(),
            several: RoaringBitmap::new(),
            vetoed: RoaringBitmap::new(),
            agents: Texts::default(),
            teams: Texts::default(),
            skill_groups: Texts::default(),
            businesses: Texts::default(),
            products: Texts::default(),
            topics: Texts::default(),
            demands: Texts::default(),
            directions: Values::default(),
            media: Values::default(),
            stages: Values::default(),
            reviews: Values::default(),
            findings: Findings::default(),
            started: Column::new(32),
            received: Column::new(32),
            score: Column::new(0),
            duration: Column::new(12),
        }
    }
}

impl Index {
    /// Takes the row `new` of a call in the place of `old`; either may be absent. Judgements refer to `tables`.
    pub(super) fn change(
        &mut self,
        number: u32,
        old: Option<&CallFacts>,
        new: Option<&CallFacts>,
        table: impl Fn(&CallFacts) -> Option<Arc<RuleTable>>,
    ) {
        let of_agents =
            |row: Option<&CallFacts>, choose: fn(&AgentFacts) -> &Option<Arc<str>>| -> Vec<Arc<str>> {
                let agents = row.map_or(&[][..], |row| &row.agents);
                agents.iter().filter_map(|agent| choose(agent).clone()).collect()
            };
        for (values, choose) in [
            (&mut self.agents, (|agent| &agent.agent_id) as fn(&AgentFacts) -> &Option<Arc<str>>),
            (&mut self.teams, |agent| &agent.team),
            (&mut self.skill_groups, |agent| &agent.skill_group),
        ] {
            values.change_all(number, &of_agents(old, choose), &of_agents(new, choose));
        }
        self.businesses.change(
            number,
            old.and_then(|row| row.business.clone()),
            new.and_then(|row| row.business.clone()),
        );
        self.products.change(
            number,
            old.and_then(|row| row.product.clone()),
            new.and_then(|row| row.product.clone()),
        );
        let topics =
            |row: Option<&CallFacts>| row.map(|row| row.annotations.topics.clone()).unwrap_or_default();
        self.topics.change_all(number, &topics(old), &topics(new));
        let demands =
            |row: Option<&CallFacts>| row.map(|row| row.annotations.demands.clone()).unwrap_or_default();
        self.demands.change_all(number, &demands(old), &demands(new));
        self.directions.change(number, old.and_then(|row| row.direction), new.and_then(|row| row.direction));
        self.media.change(number, old.map(|row| row.media), new.map(|row| row.media));
        self.stages.change(number, old.map(|row| row.stage), new.map(|row| row.stage));
        self.reviews.change(number, old.map(CallFacts::review_state), new.map(CallFacts::review_state));
        self.findings.change(number, old.map(|row| (row, table(row))), new.map(|row| (row, table(row))));
        self.started.set(number, new.map(|row| row.started_at.as_microsecond()));
        self.received.set(number, new.map(|row| row.received_at.as_microsecond()));
        self.score.set(number, new.and_then(CallFacts::final_score).map(crate::types::Score::as_hundredths));
        let duration = new.and_then(|row| row.duration);
        self.duration.set(number, duration.map(|millis| i64::try_from(millis.0).unwrap_or(i64::MAX)));
        set(&mut self.all, number, new.is_some());
        let vetoes = |row: &CallFacts| {
            let whole = row.whole().is_some_and(|whole| whole.vetoed());
            whole || (0..row.agents.len()).any(|index| row.vetoed_for(index))
        };
        set(&mut self.vetoed, number, new.is_some_and(vetoes));
        set(&mut self.several, number, new.is_some_and(|row| row.agents.len() > 1));
    }

    /// Bytes that it takes, about.
    pub(super) fn num_bytes(&self) -> usize {
        let texts = [
            &self.agents,
            &self.teams,
            &self.skill_groups,
            &self.businesses,
            &self.products,
            &self.topics,
            &self.demands,
        ];
        let columns = [&self.started, &self.received, &self.score, &self.duration];
        texts.into_iter().map(Values::num_bytes).sum::<usize>()
            + columns.into_iter().map(Column::num_bytes).sum::<usize>()
            + self.directions.num_bytes()
            + self.media.num_bytes()
            + self.stages.num_bytes()
            + self.reviews.num_bytes()
            + self.findings.num_bytes()
    }
}

fn set(calls: &mut RoaringBitmap, call: u32, holds: bool) {
    if holds {
        calls.insert(call);
    } else {
        calls.remove(call);
    }
}
