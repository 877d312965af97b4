//! Which rules are everybody's problem, and which are that of a few.

use jiff::tz::TimeZone;

use super::hot_spot::Since;
use super::{Figure, Period, RuleRef};
use crate::catalog::{CallQuery, Catalog, FindingQuery};

/// Where to look.
#[derive(Debug, Clone)]
pub struct ProblemQuery {
    /// Over which calls; its time is not looked at.
    pub calls: CallQuery,
    /// Of which rules; its verdicts are not looked at. Empty: all.
    pub rules: FindingQuery,
    /// The time.
    pub period: Period,
    /// Where days begin.
    pub time_zone: TimeZone,
    /// Most problems that are told.
    pub max_problems: usize,
}

/// Whose problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// A few agents have most of it: 个别座席.
    Few,
    /// Most have it, about equally: 普遍（先查流程、话术、规则）.
    Many,
    /// Neither.
    Mixed,
    /// Too few hits to say.
    TooFew,
}

impl Spread {
    /// The word for readers.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Few => "集中于个别座席",
            Self::Many => "普遍存在（先查流程、话术与规则）",
            Self::Mixed => "介于两者之间",
            Self::TooFew => "样本不足",
        }
    }
}

/// A rule that many, or a few, break.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The rule.
    pub rule: RuleRef,
    /// Over all agents.
    pub figure: Figure,
    /// Agents with at least one hit.
    pub num_agents_hit: u64,
    /// Agents that were checked.
    pub num_agents_checked: u64,
    /// Share of the hits that the tenth of the agents with most hits has, 0 to 1.
    pub top_share: f64,
    /// The same if every agent had the common rate (mean of simulated draws): chance alone gives that much.
    pub top_share_by_chance: f64,
    /// Gini coefficient of hits over checked agents, 0 (all equal) to 1.
    pub gini: f64,
    /// The same by chance.
    pub gini_by_chance: f64,
    /// p value of Pearson's χ² test that all agents have one rate.
    pub p_value: f64,
    /// Whose problem it is.
    pub spread: Spread,
    /// Since when the rate is what it is; `None` where no change shows.
    pub since: Option<Since>,
}

/// Common problems, by number of agents with a hit.
#[must_use]
pub fn common_problems(catalog: &Catalog, query: &ProblemQuery) -> Vec<Problem> {
    let _ = (catalog, query);
    Vec::new()
}
