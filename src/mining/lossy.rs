//! Counts in how many calls things come up, in bounded memory: lossy counting (Manku and Motwani, 2002).
//!
//! Where more things are seen than there is room for, those that can have come up in no more calls than a limit are
//! dropped, and the limit rises by one each time.
//!
//! **Invariant**: never more than `room` things; whatever came up in more than [`limit`](Lossy::limit) calls is there.

use std::collections::HashMap;

/// How often one thing came up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Calls with it since it was last dropped.
    pub(super) num_calls: u32,
    /// How often, in these.
    pub(super) count: u32,
    /// Calls in which it may have come up before.
    missed: u32,
    last_call: u32,
}

#[derive(Debug)]
pub(super) struct Lossy {
    seen: HashMap<Box<str>, Seen>,
    room: usize,
    limit: u32,
}

impl Lossy {
    pub(super) fn new(room: usize) -> Self {
        Self { seen: HashMap::new(), room, limit: 0 }
    }

    /// Sees `what` in the call of ordinal number `call`, which never falls.
    pub(super) fn see(&mut self, what: &str, call: u32) {
        if let Some(seen) = self.seen.get_mut(what) {
            seen.num_calls += u32::from(seen.last_call != call);
            seen.count = seen.count.saturating_add(1);
            seen.last_call = call;
            return;
        }
        while self.seen.len() >= self.room {
            self.limit += 1;
            let limit = self.limit;
            self.seen.retain(|_, seen| seen.num_calls + seen.missed > limit);
        }
        let seen = Seen { num_calls: 1, count: 1, missed: self.limit, last_call: call };
        self.seen.insert(what.into(), seen);
    }

    /// What came up in no more calls than this may be missing.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn get(&self, what: &str) -> Option<Seen> {
        self.seen.get(what).copied()
    }

    /// What came up in at least `num_calls` calls, most calls first.
    pub(super) fn frequent(&self, num_calls: u32) -> Vec<(&str, Seen)> {
        let mut found: Vec<(&str, Seen)> = self
            .seen
            .iter()
            .filter(|(_, seen)| seen.num_calls >= num_calls)
            .map(|(what, seen)| (&**what, *seen))
            .collect();
        found.sort_by(|(one, a), (other, b)| b.num_calls.cmp(&a.num_calls).then(one.cmp(other)));
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_frequent_is_never_lost_and_there_is_never_more_than_room(
            calls in proptest::collection::vec(proptest::collection::vec(0..40_u8, 0..6), 0..60),
        ) {
            let mut lossy = Lossy::new(12);
            let mut exact: BTreeMap<String, u32> = BTreeMap::new();
            for (call, things) in calls.iter().enumerate() {
                for thing in things {
                    lossy.see(&thing.to_string(), call as u32);
                    prop_assert!(lossy.seen.len() <= 12);
                }
                let mut once = things.clone();
                once.sort_unstable();
                once.dedup();
                for thing in once {
                    *exact.entry(thing.to_string()).or_default() += 1;
                }
            }
            for (thing, num_calls) in exact {
                let seen = lossy.get(&thing).map_or(0, |seen| seen.num_calls);
                prop_assert!(seen <= num_calls);
                prop_assert!(num_calls <= lossy.limit() || seen > 0, "{thing} of {num_calls} is lost");
            }
        }
    }
}
