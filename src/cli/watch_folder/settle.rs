//! Whether a file is complete: its size and time have not changed for a while.

use std::collections::HashMap;
use std::fs::Metadata;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Size in bytes.
    pub(super) size: u64,
    /// Time of the last change, in nanoseconds since 1970; 0 where the file system keeps none.
    pub(super) mtime_ns: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let since =
            metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let mtime_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or_default();
        Self { size: metadata.len(), mtime_ns }
    }
}

/// Files that were seen and not yet sent, with when their state began.
#[derive(Debug)]
pub(super) struct Settling {
    wait: Duration,
    seen: HashMap<Box<str>, Seen>,
    round: u64,
}

#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    since: Instant,
    round: u64,
}

impl Settling {
    /// `wait` is how long a state must last.
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, seen: HashMap::new(), round: 0 }
    }

    /// Whether the file at `way` is complete, which is in the state `stamp` at `now`.
    pub(super) fn is_complete(&mut self, way: &str, stamp: Stamp, now: Instant) -> bool {
        let round = self.round;
        let fresh = || Seen { stamp, since: now, round };
        if let Some(seen) = self.seen.get_mut(way) {
            if seen.stamp != stamp {
                *seen = fresh();
            }
            seen.round = round;
            return now.duration_since(seen.since) >= self.wait;
        }
        self.seen.insert(way.into(), fresh());
        self.wait.is_zero()
    }

    /// How long the file at `way` has been in its state.
    pub(super) fn age(&self, way: &str, now: Instant) -> Duration {
        self.seen.get(way).map_or(Duration::ZERO, |seen| now.duration_since(seen.since))
    }

    /// Ends a look at all files: those that were not looked at are gone.
    pub(super) fn end_round(&mut self) {
        let round = self.round;
        self.seen.retain(|_, seen| seen.round == round);
        self.round += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(size: u64, mtime_ns: i64) -> Stamp {
        Stamp { size, mtime_ns }
    }

    #[test]
    fn a_file_is_complete_when_nothing_changed_for_long_enough() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut settling = Settling::new(Duration::from_secs(5));
        assert!(!settling.is_complete("a", stamp(1, 1), at(0)));
        assert!(!settling.is_complete("a", stamp(1, 1), at(4)));
        assert!(!settling.is_complete("a", stamp(2, 1), at(5)), "it grew");
        assert!(!settling.is_complete("a", stamp(2, 2), at(9)), "it was written again");
        assert!(!settling.is_complete("a", stamp(2, 2), at(13)));
        assert!(settling.is_complete("a", stamp(2, 2), at(14)));
        assert_eq!(settling.age("a", at(14)), Duration::from_secs(5));
    }

    #[test]
    fn a_file_that_went_and_came_back_begins_again() {
        let start = Instant::now();
        let mut settling = Settling::new(Duration::from_secs(5));
        settling.is_complete("a", stamp(1, 1), start);
        settling.end_round();
        settling.end_round();
        assert!(!settling.is_complete("a", stamp(1, 1), start + Duration::from_secs(9)));
        assert!(Settling::new(Duration::ZERO).is_complete("a", stamp(1, 1), start));
    }
}
