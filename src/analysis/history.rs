//! What the archive knows of the same customer, as an input to judging, and the counters over it.
//!
//! Pure: whoever runs the analysis fetches the earlier calls. Invariant: this call is always counted last, so that the
//! third call of a day is known to be the third however often it is judged.

use jiff::Timestamp;

use super::fact::local_start;
use super::operator::{PastCalls, Since};
use crate::types::{CallMetadata, Direction, Millis, RuleId};

/// Earlier calls of the same customer, in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The calls; this one is not among them.
    pub calls: Vec<PastCall>,
}

/// An earlier call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCall {
    /// When it began.
    pub started_at: Timestamp,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The rules that hit in it.
    pub hits: Vec<RuleId>,
}

/// What counting comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// So many, this call included; 0 when this call is not such a call.
    Calls(u32),
    /// It cannot be counted, for this reason.
    Unknown(&'static str),
}

/// Counts the calls that `wanted` describes, this one included. `hit_now` tells whether its rule hit in this call.
pub(super) fn count(
    wanted: &PastCalls,
    history: Option<&History>,
    metadata: &CallMetadata,
    utc_offset_minutes: i32,
    hit_now: bool,
) -> Counted {
    let Some(history) = history else { return Counted::Unknown("no_history") };
    let (Some(now), Some(local)) = (metadata.started_at, local_start(metadata, utc_offset_minutes)) else {
        return Counted::Unknown("metadata_absent");
    };
    if let Some(direction) = wanted.direction {
        match metadata.direction {
            None => return Counted::Unknown("metadata_absent"),
            Some(own) if own != direction => return Counted::Calls(0),
            Some(_) => {}
        }
    }
    if wanted.rule.is_some() && !hit_now {
        return Counted::Calls(0);
    }
    let is_recent = |at: Timestamp| match wanted.since {
        _ if at > now => false,
        Since::Within(length) => {
            Millis(u64::try_from(now.as_millisecond() - at.as_millisecond()).unwrap_or(0)) < length
        }
        Since::Today => {
            let other = CallMetadata { started_at: Some(at), ..CallMetadata::default() };
            local_start(&other, utc_offset_minutes).is_some_and(|other| other.date() == local.date())
        }
    };
    let counts = |call: &&PastCall| {
        is_recent(call.started_at)
            && wanted.direction.is_none_or(|direction| call.direction == Some(direction))
            && wanted.rule.as_ref().is_none_or(|rule| call.hits.contains(rule))
    };
    let earlier = history.calls.iter().filter(counts).count();
    Counted::Calls(u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + minutes * 60).expect("it is in range")
    }

    fn wanted(since: Since, direction: Option<Direction>) -> PastCalls {
        PastCalls { at_least: 3, since, direction, rule: None }
    }

    proptest! {
        #[test]
        fn counting_is_what_a_naive_loop_counts(
            calls in proptest::collection::vec((-4_000_i64..100, any::<bool>()), 0..12),
            hours in 1_u64..60,
            outbound_only in any::<bool>(),
        ) {
            let direction = |outbound| if outbound { Direction::Outbound } else { Direction::Inbound };
            let history = History {
                calls: calls
                    .iter()
                    .map(|(minutes, outbound)| PastCall {
                        started_at: at(*minutes),
                        direction: Some(direction(*outbound)),
                        hits: Vec::new(),
                    })
                    .collect(),
            };
            let metadata = CallMetadata {
                started_at: Some(at(0)),
                direction: Some(Direction::Outbound),
                ..CallMetadata::default()
            };
            let filter = outbound_only.then_some(Direction::Outbound);
            let since = Since::Within(Millis(hours * 3_600_000));
            let found = count(&wanted(since, filter), Some(&history), &metadata, 480, false);
            let mut naive = 1;
            for (minutes, outbound) in &calls {
                if *minutes <= 0 && -minutes * 60 < hours as i64 * 3_600 && (!outbound_only || *outbound) {
                    naive += 1;
                }
            }
            prop_assert_eq!(found, Counted::Calls(naive));
        }
    }

    #[test]
    fn what_is_not_known_is_not_counted() {
        let metadata = CallMetadata { started_at: Some(at(0)), ..CallMetadata::default() };
        let wanted = wanted(Since::Today, Some(Direction::Outbound));
        assert_eq!(count(&wanted, None, &metadata, 480, false), Counted::Unknown("no_history"));
        let history = History::default();
        assert_eq!(
            count(&wanted, Some(&history), &metadata, 480, false),
            Counted::Unknown("metadata_absent")
        );
        let inbound = CallMetadata { direction: Some(Direction::Inbound), ..metadata };
        assert_eq!(count(&wanted, Some(&history), &inbound, 480, false), Counted::Calls(0));
    }
}
