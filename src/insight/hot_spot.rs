//! Finds what rose most against its own baseline, and claims only what chance does not explain.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::stats::Interval;
use super::{Figure, Group, Key, Period, RuleRef};
use crate::catalog::{CallQuery, FindingQuery};

/// Where to look.
#[derive(Debug, Clone)]
pub struct HotSpotQuery {
    /// Over which calls; its time is not looked at.
    pub calls: CallQuery,
    /// Of which rules; its verdicts are not looked at. Empty: all.
    pub rules: FindingQuery,
    /// The time that is looked at.
    pub window: Period,
    /// What it is held against; before the window.
    pub baseline: Period,
    /// Of what, besides all calls together; findings' groups are not looked at. Empty: teams, agents, skill groups,
    /// businesses, products and topics.
    pub by: Vec<Group>,
    /// Where days begin.
    pub time_zone: TimeZone,
    /// What it takes to claim.
    pub limits: Limits,
    /// Most hot spots that are told, claimed or not.
    pub max_spots: usize,
}

/// What it takes to claim that a rate rose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The false discovery rate at which rises are claimed.
    pub max_q: f64,
    /// At least this much higher, in rate (0.02 is two points of a percent).
    pub min_rise: f64,
    /// At least this many times as high.
    pub min_ratio: f64,
    /// At least this many checks in the window, and in the baseline.
    pub min_checked: u64,
    /// At least this many hits in the window.
    pub min_hits: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_q: 0.05, min_rise: 0.02, min_ratio: 1.3, min_checked: 30, min_hits: 5 }
    }
}

/// Since when a rate is another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Since {
    /// The first day of the new rate that fits best.
    pub day: Timestamp,
    /// The first day that fits about as well (within 1.92 of the log likelihood).
    pub earliest: Timestamp,
    /// The last day that does.
    pub latest: Timestamp,
    /// How often days in random order make as good a change.
    pub p_value: f64,
    /// The rate before.
    pub before: f64,
    /// The rate from then on.
    pub after: f64,
}

impl Since {
    /// Whether it says that the rate rose, by more than days in random order explain.
    pub(super) fn is_rise(&self) -> bool {
        self.p_value <= 0.05 && self.after > self.before
    }
}

/// A rate that rose.
#[derive(Debug, Clone, PartialEq)]
pub struct HotSpot {
    /// Of which rule.
    pub rule: RuleRef,
    /// Of what; `None`: of all calls.
    pub subject: Option<Key>,
    /// In the window.
    pub window: Figure,
    /// In the baseline.
    pub baseline: Figure,
    /// Window minus baseline, in rate.
    pub rise: f64,
    /// Its Newcombe interval at 95 %, of counts divided by `dispersion`.
    pub rise_interval: Interval,
    /// Window over baseline; `None` when the baseline has no hit.
    pub ratio: Option<f64>,
    /// How many times as much as independent calls would the counts vary; 1 or more.
    pub dispersion: f64,
    /// Fisher's exact test, one-sided, of counts divided by `dispersion`.
    pub p_value: f64,
    /// The p value after Benjamini and Hochberg over all that was tested.
    pub q_value: f64,
    /// Whether it is claimed: `q_value` and effect pass the limits, and no other claim explains it.
    pub is_claimed: bool,
    /// The claimed one, by its position in the list, that explains it: without its calls nothing significant is left.
    pub part_of: Option<usize>,
    /// Since when; for those that are claimed, where the days show it: p ≤ 0.05, and higher after.
    pub since: Option<Since>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct HotSpots {
    /// Claimed ones first, then by p value.
    pub spots: Vec<HotSpot>,
    /// How many pairs of a rule and a subject had enough calls to be tested.
    pub num_tested: u64,
    /// How it was tested, in words.
    pub statistic: &'static str,
}

/// Most parts of a claim that are named.
const MAX_PARTS: usize = 3;

impl HotSpots {
    /// What the claim at `place` explains and that rose more than it did: where whoever looks into it begins. The most
    /// risen first, at most three.
    #[must_use]
    pub fn parts_of(&self, place: usize) -> Vec<&HotSpot> {
        let Some(claim) = self.spots.get(place) else { return Vec::new() };
        let is_part = |spot: &&HotSpot| spot.part_of == Some(place) && spot.rise > claim.rise;
        let mut parts: Vec<&HotSpot> = self.spots.iter().filter(is_part).collect();
        parts.sort_by(|left, right| right.rise.total_cmp(&left.rise));
        parts.truncate(MAX_PARTS);
        parts
    }
}
