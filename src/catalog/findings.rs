//! Verdicts of all calls to bitmaps: for every rule, by the level and the dimension that it had, the calls of each verdict
//! of the machine, and those where a person decided.
//!
//! The verdict that counts is made of the two, so a decision costs one bit and not a second set of bitmaps.
//!
//! **Invariant**: a decision stands here only where the machine gave a verdict of the same rule.

use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{CallFacts, FindingQuery, RuleInfo, RuleTable};
use crate::analysis::{Level, RuleKind, Verdict};
use crate::types::RuleId;

const VERDICTS: [Verdict; 3] = [Verdict::Hit, Verdict::Miss, Verdict::NotApplicable];

/// A rule as far as findings are chosen by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Variant {
    id: RuleId,
    kind: RuleKind,
    level: Level,
    dimension: String,
}

/// The calls that were judged by a rule, by verdict.
#[derive(Debug)]
struct OfRule {
    info: RuleInfo,
    machine: [RoaringBitmap; 3],
    /// Calls where a person decided, by what was decided.
    decided: [RoaringBitmap; 3],
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    places: HashMap<Variant, usize>,
    rules: Vec<OfRule>,
}

/// A row and the table of its judgement.
type Judged<'a> = Option<(&'a CallFacts, Option<Arc<RuleTable>>)>;

fn slot(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Hit => 0,
        Verdict::Miss => 1,
        Verdict::NotApplicable => 2,
    }
}

impl Findings {
    pub(super) fn change(&mut self, call: u32, old: Judged<'_>, new: Judged<'_>) {
        let says = |judged: &Judged<'_>| {
            let finals = judged.as_ref().and_then(|(row, _)| row.annotations.review.as_ref());
            let finals = finals.map(|review| review.finals.clone()).unwrap_or_default();
            (judged.as_ref().and_then(|(row, _)| row.judgement.clone()), finals)
        };
        if says(&old) == says(&new) {
            return;
        }
        self.mark(call, old, |calls, call| {
            calls.remove(call);
        });
        self.mark(call, new, |calls, call| {
            calls.insert(call);
        });
    }

    fn mark(&mut self, call: u32, judged: Judged<'_>, mark: fn(&mut RoaringBitmap, u32)) {
        let Some((row, Some(table))) = judged else { return };
        let Some(judgement) = &row.judgement else { return };
        let finals = row.annotations.review.as_ref().map_or(&[][..], |review| &review.finals);
        for (rule, machine) in table
            .rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| Some((rule, judgement.verdicts.get(index)?)))
        {
            let place = self.place(rule);
            let Some(of_rule) = self.rules.get_mut(place) else { continue };
            if let Some(calls) = of_rule.machine.get_mut(slot(machine)) {
                mark(calls, call);
            }
            if let Some(decided) = finals.iter().find(|decided| decided.rule_id == rule.id)
                && let Some(calls) = of_rule.decided.get_mut(slot(decided.verdict))
            {
                mark(calls, call);
            }
        }
    }

    fn place(&mut self, rule: &RuleInfo) -> usize {
        let variant = Variant {
            id: rule.id.clone(),
            kind: rule.kind,
            level: rule.level,
            dimension: rule.dimension.clone(),
        };
        let next = self.rules.len();
        let place = *self.places.entry(variant).or_insert(next);
        if place == next {
            self.rules.push(OfRule {
                info: rule.clone(),
                machine: Default::default(),
                decided: Default::default(),
            });
        }
        place
    }

    /// Bytes that they take, about.
    pub(super) fn num_bytes(&self) -> usize {
        let bitmaps = self.rules.iter().flat_map(|of_rule| of_rule.machine.iter().chain(&of_rule.decided));
        bitmaps.map(RoaringBitmap::serialized_size).sum()
    }

    /// Calls with a finding that `query` chooses.
    pub(super) fn calls(&self, query: &FindingQuery) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        for of_rule in self.rules.iter().filter(|of_rule| query.wants_rule(&of_rule.info)) {
            of_rule.each(query, |calls| found |= calls);
        }
        found
    }

    /// How many findings of the calls in `set` `query` chooses.
    pub(super) fn count(&self, query: &FindingQuery, set: &RoaringBitmap) -> u64 {
        let mut number = 0;
        for of_rule in self.rules.iter().filter(|of_rule| query.wants_rule(&of_rule.info)) {
            of_rule.each(query, |calls| number += calls.intersection_len(set));
        }
        number
    }
}

impl OfRule {
    /// Gives the calls whose finding of this rule `query` chooses, in disjoint sets.
    fn each(&self, query: &FindingQuery, mut give: impl FnMut(&RoaringBitmap)) {
        let [hit, miss, not_applicable] = &self.decided;
        let nobody_decided = hit.is_empty() && miss.is_empty() && not_applicable.is_empty();
        for (machine, calls) in VERDICTS.into_iter().zip(&self.machine) {
            if calls.is_empty() {
                continue;
            }
            if query.wants_verdict(machine, machine) {
                if nobody_decided {
                    give(calls);
                } else {
                    give(&(((calls - hit) - miss) - not_applicable));
                }
            }
            for (counting, decided) in VERDICTS.into_iter().zip(&self.decided) {
                if !decided.is_empty() && query.wants_verdict(counting, machine) {
                    give(&(calls & decided));
                }
            }
        }
    }
}
