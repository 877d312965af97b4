//! Counts of each rule by each subject (all calls, a team, an agent, a product…) and time, for tests over all of them.
//!
//! **Invariant**: one pass over the rows that are asked for; subjects are in the order of group and value.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::scan::{Part, Slots, agent_value, agents_of, names_agents, values_of};
use super::stats::Two;
use super::tally::Clock;
use super::{Group, Key, Period, RuleRef};
use crate::analysis::Verdict;
use crate::catalog::{CallFacts, CallQuery, Catalog, FindingQuery, Judgement, TableId};
use crate::types::Score;

/// What rates are of: all calls (`None`), or those of one value of a group.
pub(super) type Subject = Option<(Group, Arc<str>)>;

/// One side of a call: all of it or some agents' parts, the subjects that it counts for, and where in time.
pub(super) struct Side {
    pub(super) part: Part,
    pub(super) subjects: Vec<Subject>,
}

/// What counts of a call where its agents are not told apart: the parts of those who are asked for, or the whole.
pub(super) fn whole_of(query: &CallQuery, call: &CallFacts) -> Part {
    let is_one = call.agents.len() == 1;
    if is_one || names_agents(query) { Part::Agents(agents_of(query, call)) } else { Part::Whole }
}

/// What counts of a judged call where it is asked for by `query`.
#[derive(Debug, Clone, PartialEq)]
pub struct CountedCall<'a> {
    /// The judgements: the whole call's, or those of the own parts of the agents who are asked for.
    pub judgements: Vec<&'a Judgement>,
    /// The one score that the call gives, in points: the mean of its parts', a person's for the whole; `None` without any.
    pub score: Option<f64>,
    /// Whether a veto counts in it.
    pub vetoed: bool,
    /// The points of each dimension that count, and the table that they are of; `None` without a score.
    pub dimensions: Option<(TableId, &'a [Score])>,
}

/// The judgements and the score of `call` that every figure over `query` counts.
#[must_use]
pub fn counted_call<'a>(query: &CallQuery, call: &'a CallFacts) -> CountedCall<'a> {
    let part = whole_of(query, call);
    let judgements = part.judgements(call).map(|(judgement, _)| judgement).collect();
    CountedCall {
        judgements,
        score: part.score(call),
        vetoed: part.vetoed(call),
        dimensions: part.dimensions(call),
    }
}

/// Takes a call apart into sides so that every subject of `groups` sees its own: the whole for all calls and the groups of
/// calls, each agent's part for the groups of agents.
pub(super) fn sides(query: &CallQuery, groups: &[Group], call: &CallFacts) -> Vec<Side> {
    let agents = agents_of(query, call);
    let mut whole: Vec<Subject> = vec![None];
    for group in groups.iter().filter(|group| !group.is_of_agents()) {
        let values = values_of(*group, call).into_iter().flatten();
        whole.extend(values.map(|value| Some((*group, value))));
    }
    let is_one = call.agents.len() == 1;
    let mut sides = Vec::with_capacity(2);
    let mut apart: BTreeMap<(Group, Arc<str>), Vec<usize>> = BTreeMap::new();
    for group in groups.iter().filter(|group| group.is_of_agents()) {
        for index in &agents {
            if let Some(value) = agent_value(*group, call, *index) {
                if is_one {
                    whole.push(Some((*group, value)));
                } else {
                    apart.entry((*group, value)).or_default().push(*index);
                }
            }
        }
    }
    let part = whole_of(query, call);
    sides.push(Side { part, subjects: whole });
    for (subject, agents) in apart {
        sides.push(Side { part: Part::Agents(agents), subjects: vec![Some(subject)] });
    }
    sides
}

/// The place of a window in a cube that has one and a baseline.
pub(super) const WINDOW: usize = 0;
/// The place of a baseline.
pub(super) const BASELINE: usize = 1;

/// The place of a call of `at`; `None` on neither side.
pub(super) fn side_of(window: Period, baseline: Period, at: Timestamp) -> Option<usize> {
    if window.contains(at) { Some(WINDOW) } else { baseline.contains(at).then_some(BASELINE) }
}

/// Which calls and verdicts are counted.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) calls: &'a CallQuery,
    pub(super) slots: &'a Slots,
}

/// Counts by day: each day on which there is a call is a place.
pub(super) struct Days {
    pub(super) starts: Vec<Timestamp>,
    pub(super) cube: Cube,
}

impl Days {
    /// The days of `clock` on which calls of `source` are that `within` takes, with the subjects of `groups`.
    pub(super) fn of(
        source: Source<'_>,
        rules: Vec<RuleRef>,
        groups: &[Group],
        min_calls: impl Fn(Group) -> u64,
        mut clock: Clock,
        within: impl Fn(Timestamp) -> bool,
    ) -> Self {
        let Source { catalog, calls, slots } = source;
        let mut starts = BTreeSet::new();
        for call in catalog.chosen(calls).filter(|call| within(call.started_at)) {
            starts.extend(clock.bucket(call.started_at).map(|day| day.start));
        }
        let starts: Vec<Timestamp> = starts.into_iter().collect();
        let mut cube = Cube::new(rules, starts.len());
        cube.fill(catalog, calls, slots, groups, min_calls, |call| {
            let day = clock.bucket(call.started_at).filter(|_| within(call.started_at))?;
            starts.binary_search(&day.start).ok()
        });
        Self { starts, cube }
    }
}

/// Counts by subject, rule and one more place (window or baseline, an even day or an odd one, a day).
#[derive(Debug)]
pub(super) struct Cube {
    pub(super) rules: Vec<RuleRef>,
    pub(super) subjects: Vec<Subject>,
    index: HashMap<Subject, usize>,
    num_places: usize,
    counts: Vec<Vec<Two>>,
    /// Names of agents, as of their last call.
    names: HashMap<Arc<str>, (Timestamp, Arc<str>)>,
}

impl Cube {
    pub(super) fn new(rules: Vec<RuleRef>, num_places: usize) -> Self {
        let (subjects, index, counts, names) = (Vec::new(), HashMap::new(), Vec::new(), HashMap::new());
        Self { rules, subjects, index, num_places, counts, names }
    }

    /// Counts the chosen calls of `query` at the place that `place` gives them, if any. Subjects with fewer calls than
    /// `min_calls` says of their group get no cells: values are free text, and may be another one for every call.
    pub(super) fn fill(
        &mut self,
        catalog: &Catalog,
        query: &CallQuery,
        slots: &Slots,
        groups: &[Group],
        min_calls: impl Fn(Group) -> u64,
        mut place: impl FnMut(&CallFacts) -> Option<usize>,
    ) {
        let mut num_calls: HashMap<Subject, u64> = HashMap::new();
        for call in catalog.chosen(query) {
            if place(call).is_some_and(|place| place < self.num_places) {
                for subject in sides(query, groups, call).into_iter().flat_map(|side| side.subjects) {
                    *num_calls.entry(subject).or_default() += 1;
                }
            }
        }
        num_calls.retain(|subject, num| subject.as_ref().is_none_or(|one| *num >= min_calls(one.0)));
        let (mut verdicts, num_places): (Vec<(usize, bool)>, _) = (Vec::new(), self.num_places);
        for call in catalog.chosen(query) {
            let Some(place) = place(call).filter(|place| *place < self.num_places) else { continue };
            self.note_names(call);
            for side in sides(query, groups, call) {
                verdicts.clear();
                slots.visit(catalog, call, &side.part, |slot, counting| match counting.verdict {
                    Verdict::Hit => verdicts.push((slot, true)),
                    Verdict::Miss => verdicts.push((slot, false)),
                    Verdict::NotApplicable => {}
                });
                for subject in side.subjects.into_iter().filter(|one| num_calls.contains_key(one)) {
                    let cells = self.cells_of(subject);
                    for (rule, is_hit) in &verdicts {
                        if let Some(cell) = cells.get_mut(rule * num_places + place) {
                            cell.n += 1;
                            cell.h += u64::from(*is_hit);
                        }
                    }
                }
            }
        }
    }

    fn cells_of(&mut self, subject: Subject) -> &mut Vec<Two> {
        let size = self.rules.len() * self.num_places;
        let next = self.counts.len();
        let index = *self.index.entry(subject.clone()).or_insert(next);
        if index == next {
            self.subjects.push(subject);
            self.counts.push(vec![Two::default(); size]);
        }
        self.counts.get_mut(index).expect("an index of a subject is that of its counts")
    }

    fn note_names(&mut self, call: &CallFacts) {
        for agent in &call.agents {
            let (Some(id), Some(name)) = (&agent.agent_id, &agent.agent_name) else { continue };
            match self.names.get_mut(id) {
                Some(known) if known.0 >= call.started_at => {}
                Some(known) => *known = (call.started_at, Arc::clone(name)),
                None => {
                    self.names.insert(Arc::clone(id), (call.started_at, Arc::clone(name)));
                }
            }
        }
    }

    /// The name of an agent.
    pub(super) fn name(&self, agent_id: &str) -> Option<&Arc<str>> {
        self.names.get(agent_id).map(|known| &known.1)
    }

    /// The key of a subject; `None` of all calls.
    pub(super) fn key(&self, subject: &Subject) -> Option<Key> {
        let (group, value) = subject.as_ref()?;
        let name = self.name(value).filter(|_| *group == Group::Agent).cloned();
        Some(Key { group: *group, value: Some(Arc::clone(value)), name })
    }

    /// The count of a subject that has one.
    pub(super) fn get(&self, subject: &Subject, rule: usize, place: usize) -> Two {
        let index = self.index.get(subject);
        let cells = index.and_then(|index| self.counts.get(*index));
        cells.and_then(|cells| cells.get(rule * self.num_places + place)).copied().unwrap_or_default()
    }

    /// The counts of a subject over all places.
    pub(super) fn places(&self, subject: &Subject, rule: usize) -> Vec<Two> {
        (0..self.num_places).map(|place| self.get(subject, rule, place)).collect()
    }

    /// All calls and its subjects of the groups that are wanted, in order, without those whose calls came to the same in
    /// everything as those of one before: they are the same calls, and would be tested twice.
    pub(super) fn distinct(&self, wanted: impl Fn(Group) -> bool) -> Vec<&Subject> {
        let all = self.subjects.iter().zip(&self.counts);
        let mut all: Vec<(&Subject, &Vec<Two>)> =
            all.filter(|(subject, _)| subject.as_ref().is_none_or(|one| wanted(one.0))).collect();
        all.sort_unstable_by_key(|(subject, _)| *subject);
        let mut known: HashSet<&Vec<Two>> = HashSet::new();
        all.retain(|(_, counts)| known.insert(counts));
        all.into_iter().map(|(subject, _)| subject).collect()
    }

    /// Its subjects of a group, in the order of their values.
    pub(super) fn of_group(&self, group: Group) -> Vec<&Subject> {
        let of_group = |subject: &&Subject| subject.as_ref().is_some_and(|subject| subject.0 == group);
        let mut subjects: Vec<&Subject> = self.subjects.iter().filter(of_group).collect();
        subjects.sort_unstable();
        subjects
    }
}

/// The slots of single rules, in the order of `rules`.
pub(super) fn rule_slots(revisions: &super::scan::Revisions, wanted: &FindingQuery) -> (Slots, Vec<RuleRef>) {
    let slots = Slots::new(revisions, wanted, &[Group::Rule]);
    let rules = slots.keys.iter().filter_map(|keys| {
        let value = keys.first()?.value.as_deref()?;
        Some(revisions.rule_or_id(&crate::types::RuleId::try_new(value).ok()?))
    });
    let rules = rules.collect();
    (slots, rules)
}
