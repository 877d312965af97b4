//! One step in the history of a review.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::appeal::Subject;
use crate::analysis::Verdict;
use crate::types::{RuleId, Score};

/// Most characters of a comment or a reason.
pub(super) const MAX_COMMENT_CHARS: usize = 500;

/// As what somebody looks at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The first reviewer.
    First,
    /// The second reviewer, who does not see what the first one says.
    Second,
    /// Who decides where the two differ.
    Decider,
    /// Who decides about an appeal.
    Appeal,
}

impl Slot {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::First, Self::Second, Self::Decider, Self::Appeal];
}

/// How a verdict came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The machine is right.
    Confirmed,
    /// The machine is wrong: it hit and should not have, or the other way round.
    Rejected,
    /// Another verdict was named.
    Changed,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It came into the queue.
    Queued {
        /// The plan that chose it; absent when a person did, or an appeal.
        plan: Option<String>,
        /// As what it is to be looked at.
        slots: Vec<Slot>,
    },
    /// A person was told to take it.
    Assigned {
        /// As what.
        slot: Slot,
        /// Who.
        to: String,
    },
    /// Whoever had it gave it back.
    Returned {
        /// As what.
        slot: Slot,
    },
    /// A reviewer was done with it. Their decisions follow.
    Submitted {
        /// As what.
        slot: Slot,
        /// Seconds since the reviewer took it from the queue; absent when it was not from there.
        took_seconds: Option<u32>,
    },
    /// A verdict.
    Decided {
        /// As what.
        slot: Slot,
        /// The rule.
        rule_id: RuleId,
        /// What the machine said at the time.
        machine: Verdict,
        /// The revision of the scheme that the machine judged by.
        revision: String,
        /// What the person says.
        verdict: Verdict,
        /// How the two stand to each other.
        how: How,
        /// The turn where the person heard it, from 0; absent when none was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<u32>,
    },
    /// Points by hand.
    Scored {
        /// As what.
        slot: Slot,
        /// The item.
        item_id: RuleId,
        /// The points.
        points: Score,
    },
    /// Two reviewers differ; a third decides.
    Differed {
        /// What they differ about.
        rule_ids: Vec<RuleId>,
    },
    /// The agent appealed. The event's comment is the reason.
    Appealed {
        /// Number of the appeal in its call, from 1.
        number: u32,
        /// Against what.
        subject: Subject,
    },
    /// The agent took the appeal back.
    Withdrawn {
        /// The appeal.
        number: u32,
    },
    /// Somebody decided about the appeal. The event's comment is the reason.
    Handled {
        /// The appeal.
        number: u32,
        /// Whether the agent is right.
        accepted: bool,
        /// Whether this is the last word about the call.
        is_final: bool,
    },
}

/// One step: who, when, what, and what they say to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// Who, by name or number; `sampling` for the program itself.
    pub actor: String,
    /// What they say to it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// What.
    pub what: What,
}

impl Event {
    /// A step without words.
    #[must_use]
    pub fn new(at: Timestamp, actor: &str, what: What) -> Self {
        Self { at, actor: actor.to_owned(), comment: String::new(), what }
    }

    /// The same with words.
    #[must_use]
    pub fn saying(self, comment: &str) -> Self {
        Self { comment: comment.to_owned(), ..self }
    }
}
