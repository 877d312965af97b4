//! Says whether what was done against a weakness helped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::stats::Interval;
use super::{Figure, Period, RuleRef};
use crate::catalog::Catalog;
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
    /// Whom it was done for: job numbers. All three lists empty: everybody.
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
    /// All others at the same times; `None` when it was done for everybody.
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

/// How `improvement` stands at `now`.
#[must_use]
pub fn effect(catalog: &Catalog, improvement: &Improvement, now: Timestamp) -> Effect {
    let _ = (catalog, improvement, now);
    unimplemented!()
}
