//! What is planted, and what is true.

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;

use super::people::{Agent, Slip};
use super::phrases::BURST;
use crate::types::RuleId;

/// A team that gets worse at one rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worsening {
    /// The team.
    pub team: String,
    /// The rule.
    pub rule_id: RuleId,
    /// A rule that the same omission breaks as well.
    pub also: RuleId,
    /// The first day on which it is worse.
    pub from: Date,
    /// How often the rule is broken from then on, of the calls where it can be.
    pub rate: f64,
}

/// An agent who is coached and gets better.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coaching {
    /// The agent.
    pub agent_id: String,
    /// The rule.
    pub rule_id: RuleId,
    /// The day of the coaching; better from then on.
    pub on: Date,
    /// How often the rule was broken before.
    pub rate_before: f64,
    /// How often after.
    pub rate_after: f64,
}

/// A topic that breaks out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Burst {
    /// The topic.
    pub topic: String,
    /// The word that nobody said before.
    pub word: String,
    /// The first day.
    pub from: Date,
    /// The first day after.
    pub before: Date,
    /// Share of the calls of those days.
    pub share: f64,
}

/// A rule that is wrong more often than right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WrongRule {
    /// The rule.
    pub rule_id: RuleId,
}

/// Everything that is planted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planted {
    /// A team that gets worse.
    pub worsening: Worsening,
    /// An agent who gets better.
    pub coaching: Coaching,
    /// A topic that breaks out.
    pub burst: Burst,
    /// A rule that is wrong.
    pub wrong_rule: WrongRule,
    #[serde(skip)]
    days: Days,
}

#[derive(Debug, Clone, PartialEq)]
struct Days {
    worse_from: usize,
    coached_on: usize,
    burst: std::ops::Range<usize>,
}

/// The rule that finds a slip; `None` where what the rule finds is nothing wrong.
pub(super) fn broken_rule(slip: Slip) -> Option<RuleId> {
    let id = match slip {
        Slip::Recording => "B03",
        Slip::More => "B11",
        Slip::Ending => "B12",
        Slip::Identity => "B04",
        Slip::Impatience => "L02",
        Slip::Buck => "L01",
        Slip::Silence => "A03N",
        Slip::HarmlessPromise => return None,
    };
    Some(rule(id))
}

/// The rule that is wrong.
pub(super) fn wrong_rule() -> RuleId {
    rule("L10")
}

fn rule(id: &str) -> RuleId {
    RuleId::try_new(id).expect("ids of the bank pack are valid")
}

impl Planted {
    /// Among these agents, over a month of `num_days` that begins on `first_day`.
    pub(super) fn among(agents: &[Agent], num_days: usize, first_day: Date) -> Self {
        // Days 15, 12 and 21 to 24 of a month of 30, counted from 1; in proportion in a shorter one.
        let at = |day: usize| day * num_days / 30;
        let days = Days { worse_from: at(14), coached_on: at(11), burst: at(20)..at(24) };
        let date = |day: usize| {
            let span = i64::try_from(day).unwrap_or(0).days();
            first_day.checked_add(span).unwrap_or(first_day)
        };
        let (third, last) = (agents.len() / 3, agents.len() * 4 / 5);
        let team = agents.get(third).map(|agent| agent.team.clone()).unwrap_or_default();
        let coached = agents.get(last).map(|agent| agent.id.clone()).unwrap_or_default();
        Self {
            worsening: Worsening {
                team,
                rule_id: rule("B04"),
                also: rule("B05"),
                from: date(days.worse_from),
                rate: 0.24,
            },
            coaching: Coaching {
                agent_id: coached,
                rule_id: rule("L02"),
                on: date(days.coached_on),
                rate_before: 0.45,
                rate_after: 0.04,
            },
            burst: Burst {
                topic: BURST.name.to_owned(),
                word: "云闪券".to_owned(),
                from: date(days.burst.start),
                before: date(days.burst.end),
                share: 0.08,
            },
            wrong_rule: WrongRule { rule_id: wrong_rule() },
            days,
        }
    }

    /// How often `agent` slips like this on a day.
    pub(super) fn rate(&self, agent: &Agent, slip: Slip, day: usize) -> f64 {
        let worse = &self.worsening;
        if slip == Slip::Identity && agent.team == worse.team && day >= self.days.worse_from {
            return worse.rate;
        }
        if slip == Slip::Impatience && agent.id == self.coaching.agent_id {
            let coached = day >= self.days.coached_on;
            return if coached { self.coaching.rate_after } else { self.coaching.rate_before };
        }
        agent.rate(slip)
    }

    /// Share of the calls of a day that are about the new topic.
    pub(super) fn burst_share(&self, day: usize) -> f64 {
        if self.days.burst.contains(&day) { self.burst.share } else { 0.0 }
    }
}
