//! Holds each rule's hit rate over a time against its own baseline, in both directions at once.
//!
//! **Invariant**: every rule that has enough calls is in one family of two-sided tests, whichever way it went; a claim takes
//! a change that matters besides.

use jiff::tz::TimeZone;

use super::cube::{BASELINE, Cube, Days, Source, WINDOW, rule_slots, side_of};
use super::scan::Revisions;
use super::stats::{Interval, Two, benjamini_hochberg, dispersion, homogeneity, ln_fisher, newcombe};
use super::tally::{Clock, Step};
use super::{Group, Limits, Period, RuleRef};
use crate::catalog::{CallQuery, Catalog, FindingQuery};

/// What is held against what.
#[derive(Debug, Clone)]
pub struct ChangeQuery {
    /// Over which calls; its time is not looked at.
    pub calls: CallQuery,
    /// Of which rules; its verdicts are not looked at. Empty: all.
    pub rules: FindingQuery,
    /// The time that is looked at.
    pub window: Period,
    /// What it is held against; before the window.
    pub baseline: Period,
    /// Where days begin.
    pub time_zone: TimeZone,
    /// What it takes to claim; `min_ratio` and `min_hits` are those of the higher side.
    pub limits: Limits,
}

/// The change of one rule's rate.
#[derive(Debug, Clone, PartialEq)]
pub struct RateChange {
    /// Of which rule.
    pub rule: RuleRef,
    /// Window minus baseline, in rate.
    pub difference: f64,
    /// Its Newcombe interval at 95 %, of counts divided by how much more than independent calls they vary.
    pub interval: Interval,
    /// Fisher's exact test in the direction that was seen, doubled; `None` with too few calls to test.
    pub p_value: Option<f64>,
    /// The p value after Benjamini and Hochberg over all rules that were tested; 1 where none was.
    pub q_value: f64,
    /// Whether it is claimed: `q_value` and effect pass the limits.
    pub is_claimed: bool,
}

/// The changes of all rules that were checked on both sides, in the order of their ids.
#[must_use]
pub fn rate_changes(catalog: &Catalog, query: &ChangeQuery) -> Vec<RateChange> {
    let ChangeQuery { window, baseline, rules, limits, .. } = query;
    let (from, before) = (window.from.min(baseline.from), window.before.max(baseline.before));
    let mut calls = query.calls.clone();
    calls.started = Period { from, before }.range();
    let (slots, rules) = rule_slots(&Revisions::of(catalog, &calls), rules);
    let mut cube = Cube::new(rules.clone(), 2);
    cube.fill(
        catalog,
        &calls,
        &slots,
        &[Group::Agent],
        |_| 1,
        |call| side_of(*window, *baseline, call.started_at),
    );
    let clock = Clock::new(Some(Step::Day), query.time_zone.clone(), Default::default());
    let source = Source { catalog, calls: &calls, slots: &slots };
    let days = Days::of(source, rules.clone(), &[], |_| 1, clock, |at| baseline.contains(at));
    let agents = cube.of_group(Group::Agent);
    let mut changes: Vec<RateChange> = Vec::new();
    for (index, rule) in rules.into_iter().enumerate() {
        let (now, past) = (cube.get(&None, index, WINDOW), cube.get(&None, index, BASELINE));
        if now.n == 0 || past.n == 0 {
            continue;
        }
        let by_day = homogeneity(&days.cube.places(&None, index));
        let by_day = by_day.filter(|(_, df)| *df >= 6.0).map_or(1.0, |(square, df)| square / df);
        let pairs = agents.iter().map(|one| (cube.get(one, index, WINDOW), cube.get(one, index, BASELINE)));
        let spread = by_day.max(dispersion(pairs)).max(1.0);
        let effective = (now.effective(spread), past.effective(spread));
        let has_risen = now.rate() > past.rate();
        let p_value = (now.n.min(past.n) >= limits.min_checked).then(|| {
            let (high, low) = if has_risen { effective } else { (effective.1, effective.0) };
            (2.0 * ln_fisher(high, low).exp()).min(1.0)
        });
        let difference = now.rate() - past.rate();
        let interval = newcombe(effective.0, effective.1);
        let (high, low) = if has_risen { (now, past) } else { (past, now) };
        let is_claimed = matters(high, low, limits);
        changes.push(RateChange { rule, difference, interval, p_value, q_value: 1.0, is_claimed });
    }
    let tested: Vec<f64> = changes.iter().filter_map(|one| one.p_value).collect();
    let q_values = benjamini_hochberg(&tested, tested.len() as u64);
    for (one, q_value) in changes.iter_mut().filter(|one| one.p_value.is_some()).zip(q_values) {
        one.q_value = q_value;
    }
    for one in &mut changes {
        one.is_claimed &= one.p_value.is_some() && one.q_value <= limits.max_q;
    }
    changes.sort_by(|left, right| left.rule.id.cmp(&right.rule.id));
    changes
}

/// Whether the difference is one to act on: as for hot spots, whichever side is the higher.
fn matters(high: Two, low: Two, limits: &Limits) -> bool {
    high.h >= limits.min_hits
        && high.rate() - low.rate() >= limits.min_rise
        && high.rate() >= limits.min_ratio * low.rate()
}
