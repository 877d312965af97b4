//! Counts, what they are of, and the calls behind them.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::scan::Counting;
use super::stats::{Interval, Two, wilson};
use crate::analysis::{RuleKind, Verdict};
use crate::catalog::{CallQuery, FindingQuery, TimeRange};
use crate::types::RuleId;

/// Calls judged by rules, counted. Figures of hot spots and rules' lines count what was checked only: their calls are those
/// checked, and neither N/A nor the machine's verdicts are told.
///
/// A call counts once per rule: as a hit when any part of it that is counted is a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Judged calls that were looked at, whatever their rules came to.
    pub num_calls: u64,
    /// Those of them with at least one of the hits.
    pub num_calls_hit: u64,
    /// Verdicts that were hit or miss; the denominator of every hit rate.
    pub num_checked: u64,
    /// Verdicts that were hits, a person's where there is one.
    pub num_hits: u64,
    /// Verdicts that could not be judged; in no denominator.
    pub num_not_applicable: u64,
    /// What the machine said of the same: hit or miss.
    pub machine_checked: u64,
    /// What the machine said of the same: hits.
    pub machine_hits: u64,
}

impl Counts {
    /// Hits of what was checked, 0 to 1; `None` when nothing was.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        share(self.num_hits, self.num_checked)
    }

    /// The same by the machine alone.
    #[must_use]
    pub fn machine_rate(&self) -> Option<f64> {
        share(self.machine_hits, self.machine_checked)
    }

    /// The Wilson score interval of the hit rate at 95 %; `None` when nothing was checked.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        (self.num_checked > 0).then(|| wilson(self.num_hits, self.num_checked))
    }

    /// Counts a verdict.
    pub(super) fn count(&mut self, counting: Counting) {
        let is = |verdict: Verdict, wanted: Verdict| u64::from(verdict == wanted);
        let checked = |verdict: Verdict| 1 - is(verdict, Verdict::NotApplicable);
        self.num_checked += checked(counting.verdict);
        self.num_hits += is(counting.verdict, Verdict::Hit);
        self.num_not_applicable += is(counting.verdict, Verdict::NotApplicable);
        self.machine_checked += checked(counting.machine);
        self.machine_hits += is(counting.machine, Verdict::Hit);
    }

    /// One call whose verdicts `visit` tells.
    pub(super) fn of_call(visit: impl FnOnce(&mut dyn FnMut(Counting))) -> Self {
        let mut counts = Self { num_calls: 1, ..Self::default() };
        visit(&mut |counting| counts.count(counting));
        counts.num_calls_hit = u64::from(counts.num_hits > 0);
        counts
    }

    /// Adds what `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.num_calls += other.num_calls;
        self.num_calls_hit += other.num_calls_hit;
        self.num_checked += other.num_checked;
        self.num_hits += other.num_hits;
        self.num_not_applicable += other.num_not_applicable;
        self.machine_checked += other.machine_checked;
        self.machine_hits += other.machine_hits;
    }

    /// What is left without `part`, of which everything must be counted in this.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self {
            num_calls: self.num_calls.saturating_sub(part.num_calls),
            num_calls_hit: self.num_calls_hit.saturating_sub(part.num_calls_hit),
            num_checked: self.num_checked.saturating_sub(part.num_checked),
            num_hits: self.num_hits.saturating_sub(part.num_hits),
            num_not_applicable: self.num_not_applicable.saturating_sub(part.num_not_applicable),
            machine_checked: self.machine_checked.saturating_sub(part.machine_checked),
            machine_hits: self.machine_hits.saturating_sub(part.machine_hits),
        }
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The rules by which agents are measured: not those that only watch what comes up, which say nothing of an agent's work.
#[must_use]
pub fn rules_of_agents() -> FindingQuery {
    let kinds = vec![RuleKind::Required, RuleKind::Forbidden, RuleKind::Acoustic, RuleKind::Process];
    FindingQuery { kinds, ..FindingQuery::default() }
}

/// Counts with the question that lists exactly the calls behind them: `num_calls_hit` of them where there is a hit, else
/// all `num_calls`.
///
/// A question about calls knows the verdict on a whole call only: of a call that was passed on and judged for each agent
/// apart it may list one whose hit was another agent's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figure {
    /// The counts.
    pub counts: Counts,
    /// Lists the calls with a hit; every counted call where there is none.
    pub calls: CallQuery,
}

impl Figure {
    /// What `rules` came to in the calls of `calls`.
    pub(super) fn of(counts: Counts, mut calls: CallQuery, rules: &FindingQuery) -> Self {
        if counts.num_hits > 0 {
            calls.finding =
                FindingQuery { verdicts: vec![Verdict::Hit], machine_verdicts: Vec::new(), ..rules.clone() };
        }
        Self { counts, calls }
    }

    /// What one rule came to in those calls of `calls` in which it was checked.
    pub(super) fn of_rule(two: Two, calls: CallQuery, rule: &RuleId) -> Self {
        let counts = Counts {
            num_calls: two.n,
            num_calls_hit: two.h,
            num_checked: two.n,
            num_hits: two.h,
            ..Counts::default()
        };
        Self::of_checked(
            counts,
            calls,
            &FindingQuery { rules: vec![rule.clone()], ..FindingQuery::default() },
        )
    }

    /// What `rules` together came to in those calls of `calls` in which any of them was checked.
    pub(super) fn of_checked(counts: Counts, mut calls: CallQuery, rules: &FindingQuery) -> Self {
        let verdicts =
            if counts.num_hits > 0 { vec![Verdict::Hit] } else { vec![Verdict::Hit, Verdict::Miss] };
        calls.finding = FindingQuery { verdicts, machine_verdicts: Vec::new(), ..rules.clone() };
        Self { counts, calls }
    }

    /// The question that lists every call that was looked at, with a hit or without; of a figure over the rules of
    /// somebody, not of one rule.
    #[must_use]
    pub fn all_calls(&self) -> CallQuery {
        CallQuery { finding: FindingQuery::default(), ..self.calls.clone() }
    }
}

/// By what figures are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// By rule.
    Rule,
    /// By dimension of the scorecard.
    Dimension,
    /// By level.
    Level,
    /// By agent.
    Agent,
    /// By team.
    Team,
    /// By skill group.
    SkillGroup,
    /// By line of business.
    Business,
    /// By product.
    Product,
    /// By topic; a call may have several.
    Topic,
    /// By what the customer wanted; a call may have several.
    Demand,
    /// By who called whom.
    Direction,
}

impl Group {
    /// Whether it tells findings of one call apart, not calls.
    #[must_use]
    pub fn is_of_findings(self) -> bool {
        matches!(self, Self::Rule | Self::Dimension | Self::Level)
    }

    /// Whether it tells the agents of one call apart.
    #[must_use]
    pub fn is_of_agents(self) -> bool {
        matches!(self, Self::Agent | Self::Team | Self::SkillGroup)
    }

    /// What readers call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Rule => "规则",
            Self::Dimension => "维度",
            Self::Level => "级别",
            Self::Agent => "座席",
            Self::Team => "班组",
            Self::SkillGroup => "技能组",
            Self::Business => "业务",
            Self::Product => "产品",
            Self::Topic => "话题",
            Self::Demand => "诉求",
            Self::Direction => "呼叫方向",
        }
    }
}

/// One of what a group tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// By what.
    pub group: Group,
    /// Which: an id, a name, a level (`S1`), a direction (`inbound`); `None` where the call does not say.
    pub value: Option<Arc<str>>,
    /// How it is called where `value` is an id: of a rule or an agent.
    pub name: Option<Arc<str>>,
}

impl Key {
    /// What to show: the name where there is one, then the id.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.value, &self.name) {
            (Some(value), Some(name)) => format!("{name}（{value}）"),
            (Some(value), None) => value.to_string(),
            (None, _) => "（未知）".to_owned(),
        }
    }
}

/// A rule by its id, with the name it had last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRef {
    /// Its id.
    pub id: RuleId,
    /// Its name, as of the last revision that judged.
    pub name: String,
    /// Its dimension, as of the last revision that judged.
    pub dimension: String,
}

/// From a moment until before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after.
    pub before: Timestamp,
}

impl Period {
    /// Whether `time` lies in it.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        time >= self.from && time < self.before
    }

    /// The same as a range of a question.
    #[must_use]
    pub fn range(&self) -> TimeRange {
        TimeRange { from: Some(self.from), before: Some(self.before) }
    }

    /// Its length in days of 24 hours.
    #[must_use]
    pub fn days(&self) -> f64 {
        (self.before.as_second() - self.from.as_second()) as f64 / 86_400.0
    }
}

/// How sure a reader may be that two rates differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Enough to say so.
    Clear,
    /// Chance alone may explain it.
    None,
    /// Too few calls to say anything.
    TooFew,
}
