//! Sampling plans: which calls are to be looked at, and which of them are drawn.
//!
//! **Invariant**: the draw depends on plan, seed and calls alone: drawn again, the same calls come out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ReviewError;
use crate::catalog::{CallFacts, CallQuery};
use crate::types::CallId;

/// Which of the chosen calls are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every one.
    All,
    /// This share of them, 0 to 1.
    Proportion(f64),
    /// So many of each agent in each window.
    PerAgent(u32),
    /// So many of each team in each window.
    PerTeam(u32),
    /// So many in each window.
    Number(u32),
}

impl Mode {
    /// Whether it draws a number, and so must know all calls of a window.
    #[must_use]
    pub fn is_quota(self) -> bool {
        match self {
            Self::PerAgent(_) | Self::PerTeam(_) | Self::Number(_) => true,
            Self::All | Self::Proportion(_) => false,
        }
    }
}

/// Over which time a number is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A day.
    #[default]
    Day,
    /// A week, from Monday.
    Week,
    /// A month.
    Month,
}

impl Window {
    /// When the window that `time` lies in begins, in a zone so many minutes ahead of UTC.
    #[must_use]
    pub fn start(self, time: Timestamp, offset_minutes: i32) -> Timestamp {
        let zone = Offset::from_seconds(offset_minutes * 60).unwrap_or(Offset::UTC).to_time_zone();
        let day = time.to_zoned(zone.clone()).date();
        let first = match self {
            Self::Day => day,
            Self::Week => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                day.checked_sub(jiff::Span::new().days(back)).unwrap_or(day)
            }
            Self::Month => day.first_of_month(),
        };
        first.to_zoned(zone).map_or(time, |zoned| zoned.timestamp())
    }
}

/// A sampling plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name, by which it is known; same characters as a call id.
    pub id: String,
    /// What it is for.
    pub title: String,
    /// Which calls.
    pub query: CallQuery,
    /// The question as it was asked, to be shown as it was; no meaning here.
    #[serde(default)]
    pub told: String,
    /// Which of them.
    pub mode: Mode,
    /// Over which time numbers are drawn.
    pub window: Window,
    /// Makes other draws.
    pub seed: u64,
    /// Share of the drawn calls that two people look at without knowing of each other, 0 to 1.
    pub double_share: f64,
    /// Higher goes first among calls of one level.
    pub priority: u32,
    /// Whether it draws by itself as calls come in, or only when told.
    pub is_continuous: bool,
    /// Whether it draws at all.
    pub is_active: bool,
    /// When it was made.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub created_at: Timestamp,
}

/// What a run of a plan came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanRun {
    /// Calls that the plan is about.
    pub num_chosen: u64,
    /// Of these, how many had come into the queue or been reviewed before.
    pub num_known: u64,
    /// Calls that came into the queue.
    pub num_queued: u64,
}

/// A call that may be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) id: CallId,
    /// Of which group the number is drawn.
    pub(super) group: (Timestamp, String),
    /// Whether this very plan drew it before.
    pub(super) is_drawn: bool,
}

impl Plan {
    /// Whether its numbers make sense.
    ///
    /// # Errors
    /// [`ReviewError::Field`].
    pub fn check(&self) -> Result<(), ReviewError> {
        let wrong = |field, problem: &str| Err(ReviewError::Field { field, problem: problem.to_owned() });
        if CallId::try_new(self.id.as_str()).is_err() || self.id.len() > 64 {
            return wrong("plan.plan_id", "is no name: at most 64 letters, digits, `.`, `_`, `-`");
        }
        if self.title.chars().count() > 200 {
            return wrong("plan.title", "is too long: at most 200 characters are kept");
        }
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        match self.mode {
            Mode::Proportion(share) if !is_share(share) => {
                wrong("plan.proportion", "is no share from 0 to 1")
            }
            Mode::PerAgent(0) | Mode::PerTeam(0) | Mode::Number(0) => {
                wrong("plan.number", "is 0: say how many calls are drawn")
            }
            Mode::All | Mode::Proportion(_) | Mode::PerAgent(_) | Mode::PerTeam(_) | Mode::Number(_) => {
                if is_share(self.double_share) {
                    Ok(())
                } else {
                    wrong("plan.double_share", "is no share from 0 to 1")
                }
            }
        }
    }

    /// Whether it draws by itself as calls come in.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.is_active && self.is_continuous
    }

    /// The place of a call in the draw, evenly spread; `what` makes independent draws.
    fn rank(&self, what: &str, id: &CallId) -> u64 {
        let mut digest = Sha256::new();
        for part in [what.as_bytes(), self.id.as_bytes(), &self.seed.to_be_bytes(), id.as_str().as_bytes()] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finalize();
        let (bytes, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        u64::from_be_bytes(*bytes)
    }

    fn lies_below(&self, what: &str, id: &CallId, share: f64) -> bool {
        (self.rank(what, id) as f64) < share * 2.0_f64.powi(64)
    }

    /// Whether two people are to look at a call.
    #[must_use]
    pub fn is_double(&self, id: &CallId) -> bool {
        self.lies_below("double", id, self.double_share)
    }

    /// The group of a call. A transferred call is of its first agent.
    pub(super) fn group(&self, call: &CallFacts, offset_minutes: i32) -> (Timestamp, String) {
        let start = self.window.start(call.started_at, offset_minutes);
        let first = call.agents.first();
        let name = match self.mode {
            Mode::PerAgent(_) => first.and_then(|agent| agent.agent_id.as_deref()),
            Mode::PerTeam(_) => first.and_then(|agent| agent.team.as_deref()),
            Mode::All | Mode::Proportion(_) | Mode::Number(_) => None,
        };
        (start, name.unwrap_or_default().to_owned())
    }

    /// Draws. What this plan drew before counts towards its numbers and is not drawn again.
    pub(super) fn draw(&self, candidates: Vec<Candidate>) -> Vec<CallId> {
        let number = match self.mode {
            Mode::All => return fresh(candidates).collect(),
            Mode::Proportion(share) => {
                return fresh(candidates).filter(|id| self.lies_below("draw", id, share)).collect();
            }
            Mode::PerAgent(number) | Mode::PerTeam(number) | Mode::Number(number) => number as usize,
        };
        let mut groups: BTreeMap<(Timestamp, String), Vec<Candidate>> = BTreeMap::new();
        for candidate in candidates {
            groups.entry(candidate.group.clone()).or_default().push(candidate);
        }
        let mut drawn = Vec::new();
        for (_, group) in groups {
            let num_before = group.iter().filter(|candidate| candidate.is_drawn).count();
            let mut ranked: Vec<_> = fresh(group).map(|id| (self.rank("draw", &id), id)).collect();
            ranked.sort();
            drawn.extend(ranked.into_iter().take(number.saturating_sub(num_before)).map(|(_, id)| id));
        }
        drawn
    }
}

fn fresh(candidates: Vec<Candidate>) -> impl Iterator<Item = CallId> {
    candidates.into_iter().filter(|candidate| !candidate.is_drawn).map(|candidate| candidate.id)
}
