//! What waits to be looked at, and who has it.
//!
//! **Invariant**: at any time at most one person has a task.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::Slot;
use crate::analysis::Level;
use crate::types::CallId;

/// A call, and as what it is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId {
    /// The call.
    pub call_id: CallId,
    /// As what.
    pub slot: Slot,
}

impl TaskId {
    /// The key of its document: begins with the call, as what goes with a call must.
    pub(super) fn key(&self) -> Vec<u8> {
        let slot = match self.slot {
            Slot::First => b'1',
            Slot::Second => b'2',
            Slot::Decider => b'3',
            Slot::Appeal => b'a',
        };
        let mut key = self.call_id.as_str().as_bytes().to_vec();
        key.extend([0, slot]);
        key
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = match self.slot {
            Slot::First => "first",
            Slot::Second => "second",
            Slot::Decider => "decider",
            Slot::Appeal => "appeal",
        };
        write!(f, "{}/{slot}", self.call_id)
    }
}

/// Who has a task for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The reviewer.
    pub reviewer: String,
    /// Since when.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub since: Timestamp,
    /// Until when, unless the reviewer goes on with it.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub until: Timestamp,
}

/// A task of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Which.
    pub id: TaskId,
    /// The plan that chose the call.
    pub plan: Option<String>,
    /// The most severe level among the hits.
    pub level: Option<Level>,
    /// The plan's priority: higher goes first within a level.
    pub priority: u32,
    /// Since when it waits.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub queued_at: Timestamp,
    /// Who has it, or had it until the lease ran out.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// Who alone may take it; anybody when absent.
    #[serde(default)]
    pub assigned_to: Option<String>,
}

impl Task {
    /// Who has it at a time.
    #[must_use]
    pub fn holder(&self, now: Timestamp) -> Option<&str> {
        self.lease.as_ref().filter(|lease| lease.until > now).map(|lease| lease.reviewer.as_str())
    }

    /// Gives it to a reviewer, or lets the one who has it go on.
    pub(super) fn take(&mut self, reviewer: &str, minutes: u32, now: Timestamp) {
        let until = now.saturating_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(now);
        match &mut self.lease {
            Some(lease) if lease.reviewer == reviewer && lease.until > now => lease.until = until,
            Some(_) | None => {
                self.lease = Some(Lease { reviewer: reviewer.to_owned(), since: now, until });
            }
        }
    }

    /// Where it stands in the line: the more severe level first, then appeals, then the plan's priority, then what waits
    /// longer.
    #[must_use]
    pub fn place(&self) -> Place {
        let level = self.level.and_then(|level| Level::ALL.iter().position(|known| *known == level));
        let level = level.and_then(|level| u8::try_from(level).ok()).unwrap_or(u8::MAX);
        let mut place = vec![level, u8::from(self.id.slot != Slot::Appeal)];
        place.extend((u32::MAX - self.priority).to_be_bytes());
        // Times before 1970 sort before the others.
        place.extend((self.queued_at.as_microsecond() ^ i64::MIN).to_be_bytes());
        place.extend(self.id.key());
        Place(place)
    }
}

/// Where a task stands in the line. It never changes, and is no other task's. The one that is less goes first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(Vec<u8>);

impl Place {
    /// The place that these bytes are, whether anybody stands there or not.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// It as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
