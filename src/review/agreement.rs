//! How far reviewers agree, and what each of them does.
//!
//! **Invariant**: only what two people said without knowing of each other counts as agreement.

use std::collections::BTreeMap;

use super::counts::{of_any_finding, wanted_rules};
use super::event::What;
use super::{ReviewError, Reviews};
use crate::analysis::Verdict;
use crate::catalog::{CallQuery, TimeRange};
use crate::types::{CallId, RuleId, Share};

/// Fewer pairs say too little about agreement.
pub(super) const MIN_PAIRS: u64 = 30;
/// The 97.5th percentile of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// Cohen's kappa (1960) over pairs of verdicts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// Pairs of verdicts.
    pub num_pairs: u64,
    /// Share of the pairs that are the same.
    pub observed: f64,
    /// Share that would be the same by chance.
    pub expected: f64,
    /// Agreement beyond chance, at most 1; `None` when chance alone explains all, as where everybody says the same.
    pub kappa: Option<f64>,
    /// The 95 % interval by Cohen's large-sample error.
    pub interval: Option<(f64, f64)>,
    /// Whether there are too few pairs to say anything.
    pub is_too_few: bool,
}

/// Kappa of `pairs`; `None` of none.
#[must_use]
pub fn kappa(pairs: &[(Verdict, Verdict)]) -> Option<Kappa> {
    let num_pairs = pairs.len() as u64;
    if num_pairs == 0 {
        return None;
    }
    let of = num_pairs as f64;
    let share = |wanted: &dyn Fn(&(Verdict, Verdict)) -> bool| {
        pairs.iter().filter(|pair| wanted(pair)).count() as f64 / of
    };
    let observed = share(&|pair| pair.0 == pair.1);
    let verdicts = [Verdict::Hit, Verdict::Miss, Verdict::NotApplicable];
    let chance = |verdict| share(&|pair| pair.0 == verdict) * share(&|pair| pair.1 == verdict);
    let expected: f64 = verdicts.into_iter().map(chance).sum();
    let left = 1.0 - expected;
    let kappa = (left > 1e-12).then(|| (observed - expected) / left);
    let interval = kappa.map(|kappa| {
        let error = (observed * (1.0 - observed) / (of * left * left)).max(0.0).sqrt();
        ((kappa - Z95 * error).max(-1.0), (kappa + Z95 * error).min(1.0))
    });
    Some(Kappa { num_pairs, observed, expected, kappa, interval, is_too_few: num_pairs < MIN_PAIRS })
}

/// What one reviewer did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReviewerFigures {
    /// The reviewer.
    pub reviewer: String,
    /// Calls that they were done with, each time.
    pub num_reviews: u64,
    /// Verdicts and points that they gave.
    pub num_decisions: u64,
    /// Appeals that they decided.
    pub num_appeals: u64,
    /// The middle of the seconds between taking and submitting; absent when nothing came from the queue.
    pub median_seconds: Option<u32>,
    /// Verdicts that they gave in the period and that another person replaced by another one, whenever that was.
    pub overturned: Share,
}

/// How far reviewers agree.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agreement {
    /// Calls that two people reviewed without knowing of each other.
    pub num_calls: u64,
    /// Over all rules; absent without a pair.
    pub overall: Option<Kappa>,
    /// By rule.
    pub rules: Vec<(RuleId, Kappa)>,
    /// By reviewer.
    pub reviewers: Vec<ReviewerFigures>,
    /// Calls that are left out because their history cannot be read.
    pub num_damaged: u64,
}

impl Reviews {
    /// Agreement over the calls that `query` chooses, by what was said in `period`. A finding in the question chooses
    /// rules, not calls.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn agreement(&self, query: &CallQuery, period: TimeRange) -> Result<Agreement, ReviewError> {
        let mut pairs: BTreeMap<RuleId, Vec<(Verdict, Verdict)>> = BTreeMap::new();
        let mut people: BTreeMap<String, (ReviewerFigures, Vec<u32>)> = BTreeMap::new();
        let (mut num_calls, mut num_damaged) = (0, 0);
        let wanted = wanted_rules(&self.store.catalog(), &query.finding);
        let is_wanted = |rule_id: &RuleId| wanted.as_ref().is_none_or(|wanted| wanted.contains(rule_id));
        for id in self.reviewed(&of_any_finding(query)) {
            let Some(review) = self.read_of_many(&id)? else {
                num_damaged += 1;
                continue;
            };
            let said = |by: &What| matches!(by, What::Submitted { .. } | What::Handled { .. });
            let steps = review.events.iter().filter(|event| period.contains(event.at));
            if steps.clone().any(|event| said(&event.what)) {
                num_calls += u64::from(!review.pairs.is_empty());
                for (rule_id, one, other) in review.pairs.iter().filter(|pair| is_wanted(&pair.0)) {
                    pairs.entry(rule_id.clone()).or_default().push((*one, *other));
                }
            }
            // Of what they said in the period, whenever it was replaced.
            for (name, _) in review.overturned.iter().filter(|(_, decided_at)| period.contains(*decided_at)) {
                people.entry(name.clone()).or_default().0.overturned.num += 1;
            }
            for event in steps {
                let count = people.entry(event.actor.clone()).or_default();
                match &event.what {
                    What::Submitted { took_seconds, .. } => {
                        count.0.num_reviews += 1;
                        count.1.extend(took_seconds);
                    }
                    What::Decided { .. } => {
                        count.0.num_decisions += 1;
                        count.0.overturned.of += 1;
                    }
                    What::Scored { .. } => count.0.num_decisions += 1,
                    What::Handled { .. } => count.0.num_appeals += 1,
                    What::Queued { .. }
                    | What::Assigned { .. }
                    | What::Returned { .. }
                    | What::Differed { .. }
                    | What::Appealed { .. }
                    | What::Withdrawn { .. } => {}
                }
            }
        }
        let all: Vec<_> = pairs.values().flatten().copied().collect();
        let reviewers = people.into_iter().filter(|(_, (figures, _))| {
            figures.num_reviews + figures.num_decisions + figures.num_appeals > 0
        });
        Ok(Agreement {
            num_calls,
            num_damaged,
            overall: kappa(&all),
            rules: pairs.into_iter().filter_map(|(rule, own)| Some((rule, kappa(&own)?))).collect(),
            reviewers: reviewers
                .map(|(reviewer, (figures, mut seconds))| {
                    seconds.sort_unstable();
                    let median_seconds = seconds.get(seconds.len() / 2).copied();
                    ReviewerFigures { reviewer, median_seconds, ..figures }
                })
                .collect(),
        })
    }

    /// Calls that `query` chooses and that have a history, by id.
    pub(super) fn reviewed(&self, query: &CallQuery) -> Vec<CallId> {
        let catalog = self.store.catalog();
        let chosen = catalog.chosen(query).filter(|facts| facts.annotations.review.is_some());
        let mut ids: Vec<CallId> = chosen.map(|facts| facts.id.clone()).collect();
        ids.sort();
        ids
    }
}
