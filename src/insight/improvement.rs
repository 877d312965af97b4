//! Says whether what was done against a weakness helped.

//!
//! Every figure is counted from the calls as they are now, so it is up to date by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::scan::{Part, Revisions, Slots, agents_of};
use super::stats::{Interval, Two, clustered, newcombe, t_quantile};
use super::tally::local_day;
use super::{Counts, Figure, Period, RuleRef};
use crate::catalog::{CallQuery, Catalog, FindingQuery, Stage};
use crate::types::RuleId;

/// An improvement: what was done, about which rules, for whom, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Improvement {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The rules that it is about; at least one.
    pub rules: Vec<RuleId>,
    /// Whom it was done for: job numbers. All of the three lists that are set must hold of the same agent; all empty:
    /// everybody.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Whom it was done for: teams.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Whom it was done for: skill groups.
    #[serde(default)]
    pub skill_groups: Vec<String>,
    /// What was done.
    pub action: String,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// Days before that are compared.
    pub before_days: u32,
    /// Days after that are compared.
    pub after_days: u32,
    /// Who wrote it down.
    pub created_by: String,
    /// When it was written down.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub created_at: Timestamp,
}

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The rate fell, by more than chance explains: 已改善.
    Improved,
    /// Chance alone may explain the difference: 证据不足.
    NoEvidence,
    /// The rate rose, by more than chance explains: 变差.
    Worse,
    /// Too few calls before or after: 样本不足.
    TooFew,
}

impl Outcome {
    /// The word for readers.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Improved => "已改善",
            Self::NoEvidence => "证据不足",
            Self::Worse => "变差",
            Self::TooFew => "样本不足",
        }
    }

    /// The word for programs and English readers.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::NoEvidence => "no evidence",
            Self::Worse => "worse",
            Self::TooFew => "too few calls",
        }
    }
}

/// Why a figure does not prove what it seems to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caution {
    /// The time after is not over: the words may still change.
    NotOver,
    /// The rate before was itself above the rate in the time before that: some of the fall is regression to the mean.
    RegressionToTheMean,
    /// The others moved as well: the difference in differences includes zero.
    OthersMovedToo,
    /// There is nobody who was left out, so nothing to compare with.
    NoControl,
    /// The rules' revision changed between before and after.
    RevisionChanged,
}

impl Caution {
    /// What it says to readers.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NotOver => "观察期未满，结论可能变化",
            Self::RegressionToTheMean => "改进前一段本来就偏高，回落可能部分属于向均值回归",
            Self::OthersMovedToo => "未参加改进的人同期也有类似变化，不能归因于本项措施",
            Self::NoControl => "没有可对照的其他人，不能排除整体变化",
            Self::RevisionChanged => "前后规则版本不同，差异可能来自规则修订",
        }
    }
}

/// Two rates and what lies between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Before.
    pub before: Figure,
    /// After.
    pub after: Figure,
    /// After minus before, in rate; `None` when one of them has nothing checked.
    pub difference: Option<f64>,
    /// Its interval at 95 %.
    pub interval: Option<Interval>,
    /// How the interval was made, in words.
    pub method: &'static str,
}

/// How an improvement stands, from the calls as they are now.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The rules by their names.
    pub rules: Vec<RuleRef>,
    /// The time before.
    pub before: Period,
    /// The time after, as far as it has come.
    pub after: Period,
    /// Whether the time after is over.
    pub is_over: bool,
    /// Those it was done for.
    pub treated: Comparison,
    /// All others at the same times; their questions list the calls of everybody, because none lists all but some. `None` when it was done for everybody.
    pub others: Option<Comparison>,
    /// The treated's difference minus the others'.
    pub difference_in_differences: Option<f64>,
    /// Its interval at 95 %: the two variances added.
    pub did_interval: Option<Interval>,
    /// What can be said of the treated's difference.
    pub outcome: Outcome,
    /// What that does not prove.
    pub cautions: Vec<Caution>,
}

/// At least so many checks before and after, and so many hits in both together.
pub(super) const MIN_CHECKED: u64 = 30;
const MIN_HITS: u64 = 5;
/// Agents that must have calls before and after, for differences between agents to be the measure of chance.
const MIN_AGENTS: usize = 10;

impl Improvement {
    fn is_for_all(&self) -> bool {
        self.agents.is_empty() && self.teams.is_empty() && self.skill_groups.is_empty()
    }

    /// Chooses those it was done for.
    fn whom(&self) -> CallQuery {
        CallQuery {
            agents: self.agents.clone(),
            teams: self.teams.clone(),
            skill_groups: self.skill_groups.clone(),
            ..CallQuery::default()
        }
    }

    /// All the time that is looked at.
    #[must_use]
    pub fn span(&self) -> Period {
        let (earlier, _, after) = self.periods();
        Period { from: earlier.from, before: after.before }
    }

    /// Days before and after as periods; half a day is never cut, because days are of 24 hours from the moment itself.
    fn periods(&self) -> (Period, Period, Period) {
        let shift = |days: i64| {
            let seconds = self.at.as_second().saturating_add(days.saturating_mul(86_400));
            Timestamp::from_second(seconds).unwrap_or(if days < 0 { Timestamp::MIN } else { Timestamp::MAX })
        };
        let (before, after) = (i64::from(self.before_days), i64::from(self.after_days));
        let from = shift(-before);
        (
            Period { from: shift(-2 * before), before: from },
            Period { from, before: self.at },
            Period { from: self.at, before: shift(after) },
        )
    }
}

/// How `improvement` stands at `now`, counted from the calls as they are; `zone` says where an agent's days begin.
#[must_use]
pub fn effect(catalog: &Catalog, improvement: &Improvement, zone: &TimeZone, now: Timestamp) -> Effect {
    let (earlier, before, after) = improvement.periods();
    let mut calls = CallQuery { started: improvement.span().range(), ..CallQuery::default() };
    calls.stages = vec![Stage::Done];
    let wanted = FindingQuery { rules: improvement.rules.clone(), ..FindingQuery::default() };
    let revisions = Revisions::of(catalog, &calls);
    let slots = Slots::new(&revisions, &wanted, &[]);
    let whom = improvement.whom();
    let (mut treated, mut others) = (Sample::default(), Sample::default());
    let mut earlier_count = Two::default();
    for call in catalog.chosen(&calls) {
        let place = [earlier, before, after].iter().position(|period| period.contains(call.started_at));
        let is_treated = agents_of(&whom, call);
        let is_other: Vec<usize> =
            (0..call.agents.len()).filter(|index| !is_treated.contains(index)).collect();
        for (sample, agents, counts_earlier) in
            [(&mut treated, is_treated, true), (&mut others, is_other, false)]
        {
            let Some(place) = place.filter(|_| !agents.is_empty()) else { continue };
            let agent = agents.first().and_then(|index| call.agents.get(*index)?.agent_id.clone());
            let part = Part::Agents(agents);
            let counts =
                Counts::of_call(|count| slots.visit(catalog, call, &part, |_, counting| count(counting)));
            match place {
                0 if counts_earlier => {
                    earlier_count = earlier_count.plus(two(&counts));
                }
                0 => {}
                _ => sample.add(agent, local_day(call.started_at, zone), place == 2, &counts),
            }
        }
    }
    let scope = |sample: &Sample, is_treated: bool| {
        let mut own = calls.clone();
        if is_treated {
            own.agents.clone_from(&improvement.agents);
            own.teams.clone_from(&improvement.teams);
            own.skill_groups.clone_from(&improvement.skill_groups);
        }
        sample.compare(own, &wanted, before, after)
    };
    let (own, own_variance) = scope(&treated, true);
    let control = (!improvement.is_for_all()).then(|| scope(&others, false));
    let did = control.as_ref().and_then(|(control, variance)| {
        let difference = own.difference? - control.difference?;
        let variance = own_variance? + (*variance)?;
        Some((difference, Interval::around(difference, t_quantile(1e6) * variance.sqrt())))
    });
    let outcome = outcome(&own);
    let is_over = now >= after.before;
    let mut cautions = Vec::new();
    if !is_over {
        cautions.push(Caution::NotOver);
    }
    let [before_two, others_before] = [&treated, &others].map(|sample| two(&sample.before));
    let was_high = if earlier_count.n >= MIN_CHECKED {
        newcombe(before_two, earlier_count).lower > 0.0
    } else {
        others_before.n >= MIN_CHECKED && newcombe(before_two, others_before).lower > 0.0
    };
    if was_high {
        cautions.push(Caution::RegressionToTheMean);
    }
    match &control {
        None => cautions.push(Caution::NoControl),
        Some((control, _)) if control.interval.is_none() => cautions.push(Caution::NoControl),
        Some(_) => {}
    }
    if matches!(outcome, Outcome::Improved | Outcome::Worse)
        && did.is_some_and(|(_, interval)| interval.lower <= 0.0 && interval.upper >= 0.0)
    {
        cautions.push(Caution::OthersMovedToo);
    }
    if revisions.changed(before, after) {
        cautions.push(Caution::RevisionChanged);
    }
    cautions.sort_unstable();
    Effect {
        rules: improvement.rules.iter().map(|id| revisions.rule_or_id(id)).collect(),
        before,
        after,
        is_over,
        treated: own,
        others: control.map(|(control, _)| control),
        difference_in_differences: did.map(|did| did.0),
        did_interval: did.map(|did| did.1),
        outcome,
        cautions,
    }
}

fn outcome(own: &Comparison) -> Outcome {
    let [before, after] = [own.before.counts, own.after.counts];
    let is_enough = before.num_checked >= MIN_CHECKED
        && after.num_checked >= MIN_CHECKED
        && before.num_hits + after.num_hits >= MIN_HITS;
    match own.interval.filter(|_| is_enough) {
        None => Outcome::TooFew,
        Some(interval) if interval.upper < 0.0 => Outcome::Improved,
        Some(interval) if interval.lower > 0.0 => Outcome::Worse,
        Some(_) => Outcome::NoEvidence,
    }
}

pub(super) fn two(counts: &Counts) -> Two {
    Two { n: counts.num_checked, h: counts.num_hits }
}

/// An agent, and the day on the clocks of the zone.
type AgentDay = (Option<Arc<str>>, i64);

/// Counts before and after, with the clusters in which calls may be alike.
#[derive(Debug, Default)]
pub(super) struct Sample {
    before: Counts,
    after: Counts,
    agents: BTreeMap<Option<Arc<str>>, (Two, Two)>,
    agent_days: BTreeMap<AgentDay, (Two, Two)>,
}

impl Sample {
    pub(super) fn add(&mut self, agent: Option<Arc<str>>, day: i64, is_after: bool, counts: &Counts) {
        let whole = if is_after { &mut self.after } else { &mut self.before };
        whole.add(counts);
        let clusters =
            [self.agents.entry(agent.clone()).or_default(), self.agent_days.entry((agent, day)).or_default()];
        for cluster in clusters {
            let side = if is_after { &mut cluster.1 } else { &mut cluster.0 };
            *side = side.plus(two(counts));
        }
    }

    /// The comparison of `rules`, and the variance of its difference.
    pub(super) fn compare(
        &self,
        calls: CallQuery,
        rules: &FindingQuery,
        before: Period,
        after: Period,
    ) -> (Comparison, Option<f64>) {
        let figure = |counts: Counts, period: Period| {
            let mut calls = calls.clone();
            calls.started = period.range();
            Figure::of(counts, calls, rules)
        };
        let both = self.agents.values().filter(|pair| pair.0.n > 0 && pair.1.n > 0).count();
        let (clusters, method): (Vec<(Two, Two)>, _) = if both >= MIN_AGENTS {
            (self.agents.values().copied().collect(), BY_AGENT)
        } else {
            (self.agent_days.values().copied().collect(), BY_AGENT_DAY)
        };
        let [one, other] = [two(&self.after), two(&self.before)];
        let used: Vec<(Two, Two)> = clusters.into_iter().filter(|pair| pair.0.n + pair.1.n > 0).collect();
        let num = |choose: fn(&(Two, Two)) -> u64| used.iter().filter(|pair| choose(pair) > 0).count();
        let df = num(|pair| pair.0.n).min(num(|pair| pair.1.n)).saturating_sub(1).max(1) as f64;
        let robust = clustered(&used);
        let plain = newcombe(one, other);
        let difference = (one.n > 0 && other.n > 0).then(|| one.rate() - other.rate());
        let interval = difference.map(|difference| match robust {
            Some((_, error, _)) => {
                let half = t_quantile(df) * error;
                // The wider one at each end: few hits make the robust variance too small.
                Interval {
                    lower: plain.lower.min(difference - half),
                    upper: plain.upper.max(difference + half),
                }
            }
            None => plain,
        });
        let floor = (plain.width() / 2.0 / t_quantile(1e6)).powi(2);
        let variance = difference.map(|_| robust.map_or(floor, |(_, error, _)| (error * error).max(floor)));
        let comparison = Comparison {
            before: figure(self.before, before),
            after: figure(self.after, after),
            difference,
            interval,
            method,
        };
        (comparison, variance)
    }
}

const BY_AGENT: &str =
    "两比例之差 95% 区间：取 Newcombe 区间与按座席聚类的稳健方差（比率线性化，CR1，t 分布）两者中较宽的一端";
const BY_AGENT_DAY: &str = "两比例之差 95% 区间：取 Newcombe 区间与按座席×日聚类的稳健方差（比率线性化，CR1，t 分布）两者中较宽的一端";

#[cfg(test)]
#[path = "improvement_tests.rs"]
mod tests;
