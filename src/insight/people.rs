//! What the reports on agents and teams are made of.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::improvement::Comparison;
use super::stats::Interval;
use super::tally::Bucket;
use super::{Counts, Evidence, Figure, Period, RuleRef};
use crate::types::{CallId, Millis};

/// A mean over calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Of how many calls.
    pub num_calls: u64,
    /// The mean; `None` without any.
    pub mean: Option<f64>,
    /// Student's t interval at 95 %; `None` with fewer than two calls.
    pub interval: Option<Interval>,
}

/// A score of somebody beside those that it is held against.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreLine {
    /// The dimension; `None`: the whole score.
    pub dimension: Option<String>,
    /// Points it starts with.
    pub full: f64,
    /// In the time asked for.
    pub own: Mean,
    /// The others: of an agent the rest of the team, of a team the rest of the centre.
    pub others: Mean,
    /// In the time before, as long.
    pub past: Mean,
    /// Own minus others, with Welch's interval at 95 %.
    pub against_others: Option<(f64, Interval)>,
    /// Own minus past, with Welch's interval at 95 %.
    pub against_past: Option<(f64, Interval)>,
}

/// A moment in a call, to listen to.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The call.
    pub call_id: CallId,
    /// When the call began.
    pub started_at: Timestamp,
    /// The turn; `None` for what should have been said and was not.
    pub turn: Option<u32>,
    /// When in the call.
    pub at: Option<Millis>,
    /// The words, masked; empty where nothing was said.
    pub text: String,
    /// Why the rule hit.
    pub explanation: String,
}

/// A rule in which somebody differs from those that they are held against.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleLine {
    /// The rule.
    pub rule: RuleRef,
    /// Own.
    pub own: Figure,
    /// Others.
    pub others: Figure,
    /// Own minus others, in rate.
    pub difference: f64,
    /// Its Newcombe interval at 95 %.
    pub interval: Interval,
    /// One-sided p value.
    pub p_value: f64,
    /// After Benjamini and Hochberg over every agent (or team) and rule of the centre.
    pub q_value: f64,
    /// Example moments, three at most, of different days where there are; empty for strengths.
    pub moments: Vec<Moment>,
}

/// What people decided about somebody's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReviewOutcomes {
    /// Calls that somebody decided about.
    pub num_reviewed: u64,
    /// The machine's hits that a person let stand.
    pub num_confirmed: u64,
    /// The machine's hits that a person took back.
    pub num_rejected: u64,
    /// Hits that a person added.
    pub num_added: u64,
    /// Calls whose agent appealed and that wait for a decision.
    pub num_appealed: u64,
}

/// A week.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendPoint {
    /// The week.
    pub bucket: Bucket,
    /// Own counts over the rules that are no watch rules.
    pub counts: Counts,
    /// Own mean score.
    pub mean_score: Option<f64>,
    /// The others' mean score.
    pub others_mean_score: Option<f64>,
    /// The others' counts.
    pub others: Counts,
}

/// A label of the profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The label, for example 环节遗漏.
    pub label: String,
    /// The rules that gave it.
    pub rules: Vec<RuleRef>,
    /// Own, over the rules of the label.
    pub own: Figure,
    /// Others.
    pub others: Figure,
    /// Own over others.
    pub ratio: Option<f64>,
    /// One-sided p value.
    pub p_value: f64,
    /// Whether it is given.
    pub evidence: Evidence,
}

/// A hint for training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What to train.
    pub title: String,
    /// Where it stands.
    pub material: String,
    /// What to do.
    pub text: String,
    /// The weak rules that it is for.
    pub rules: Vec<RuleRef>,
}

/// A place among others, as sure as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// 1 is the highest mean score.
    pub place: u32,
    /// The best place that the intervals leave open.
    pub best: u32,
    /// The worst.
    pub worst: u32,
    /// Of how many with enough calls.
    pub of: u32,
}

/// The report on one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentReport {
    /// The job number.
    pub agent_id: Arc<str>,
    /// The name.
    pub agent_name: Option<Arc<str>>,
    /// The team of most of the calls.
    pub team: Option<Arc<str>>,
    /// The time.
    pub period: Period,
    /// Where its days begin.
    pub time_zone: TimeZone,
    /// All judged calls, over the rules that are no watch rules.
    pub calls: Figure,
    /// Whether there are too few calls for labels and weak rules: 样本不足.
    pub too_few: bool,
    /// The whole score, then the dimensions.
    pub scores: Vec<ScoreLine>,
    /// Place in the team; `None` without a team or with too few calls.
    pub rank: Option<Rank>,
    /// Rules hit more often than by the team, strongest first.
    pub weak: Vec<RuleLine>,
    /// Rules hit less often than by the team, strongest first.
    pub strengths: Vec<RuleLine>,
    /// Labels that are given.
    pub labels: Vec<Label>,
    /// Training.
    pub hints: Vec<Hint>,
    /// Reviews.
    pub reviews: ReviewOutcomes,
    /// By week.
    pub trend: Vec<TrendPoint>,
    /// The rules that are no watch rules together, against the time before, as long.
    pub against_past: Comparison,
    /// How it was tested, in words.
    pub statistic: &'static str,
}

/// One agent on the list of a team.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The job number.
    pub agent_id: Arc<str>,
    /// The name.
    pub agent_name: Option<Arc<str>>,
    /// The team of most of the calls.
    pub team: Option<Arc<str>>,
    /// All judged calls, over the rules that are no watch rules.
    pub calls: Figure,
    /// The score.
    pub score: Mean,
    /// Place by score in the team; `None` with too few calls.
    pub rank: Option<Rank>,
}

/// The report on one team.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamReport {
    /// The team.
    pub team: Arc<str>,
    /// The time.
    pub period: Period,
    /// Where its days begin.
    pub time_zone: TimeZone,
    /// All judged calls, over the rules that are no watch rules.
    pub calls: Figure,
    /// Whether there are too few calls.
    pub too_few: bool,
    /// The whole score, then the dimensions.
    pub scores: Vec<ScoreLine>,
    /// Rules hit more often than by the rest of the centre.
    pub weak: Vec<RuleLine>,
    /// Rules hit less often.
    pub strengths: Vec<RuleLine>,
    /// Reviews.
    pub reviews: ReviewOutcomes,
    /// By week.
    pub trend: Vec<TrendPoint>,
    /// Its agents, by job number.
    pub members: Vec<Member>,
    /// How it was tested, in words.
    pub statistic: &'static str,
}
