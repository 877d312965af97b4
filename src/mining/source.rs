//! The calls of a period as mining sees them, read from the store one by one.
//!
//! The list of calls is made once, so that every pass sees the same; a call that is deleted meanwhile is passed over.
//! **Invariant**: nothing is locked while a call is read, and what is not masked is left out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::input::{MinedCall, MinedTurn, RuleHit, Source};
use super::outcome::Period;
use crate::analysis::RuleKind;
use crate::catalog::Stage;
use crate::dialogue::MessageKind;
use crate::store::{Said, Store, StoreError};
use crate::types::{CallId, Millis, SpeakerRole};

/// Calls of a store.
#[derive(Debug)]
pub(super) struct StoredCalls<'a> {
    store: &'a Store,
    calls: BTreeMap<u32, (CallId, Timestamp, Date)>,
}

impl<'a> StoredCalls<'a> {
    /// The calls that are done and began in the period or its background; days are those of `zone`.
    pub(super) fn of(store: &'a Store, period: &Period, zone: &TimeZone) -> Self {
        let catalog = store.catalog();
        let span = period.background_from.min(period.from)..period.before;
        let calls = catalog
            .calls()
            .filter(|call| call.stage == Stage::Done && span.contains(&call.started_at))
            .map(|call| {
                let day = call.started_at.to_zoned(zone.clone()).date();
                (call.number, (call.id.clone(), call.started_at, day))
            });
        let calls = calls.collect();
        Self { store, calls }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The id of a call.
    pub(super) fn id(&self, number: u32) -> Option<&CallId> {
        self.calls.get(&number).map(|(id, _, _)| id)
    }
}

impl Source for StoredCalls<'_> {
    type Error = StoreError;

    fn numbers(&self) -> Vec<u32> {
        self.calls.keys().copied().collect()
    }

    fn one(&self, number: u32) -> Result<Option<MinedCall>, StoreError> {
        self.read(number, true)
    }

    fn without_hits(&self, number: u32) -> Result<Option<MinedCall>, StoreError> {
        self.read(number, false)
    }
}

impl StoredCalls<'_> {
    fn read(&self, number: u32, with_hits: bool) -> Result<Option<MinedCall>, StoreError> {
        let Some((id, started_at, day)) = self.calls.get(&number) else { return Ok(None) };
        match self.store.said(id, with_hits) {
            Ok(said) => Ok(said.and_then(|said| mined(number, id, *started_at, *day, said))),
            // One damaged call must not end a run over all others.
            Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                tracing::error!(call = %id, %error, "a call is left out");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn mined(number: u32, id: &CallId, started_at: Timestamp, day: Date, said: Said) -> Option<MinedCall> {
    if !said.masked {
        return None;
    }
    let mut silences: BTreeMap<u32, Millis> = BTreeMap::new();
    for gap in &said.gaps {
        if let (Some(turn), Some(_)) = (gap.turn_before, gap.turn_after) {
            silences.insert(turn, gap.span.duration());
        }
    }
    let last = said.turns.len().saturating_sub(1);
    let turns: Vec<MinedTurn> = said
        .turns
        .into_iter()
        .enumerate()
        .filter(|(_, turn)| turn.kind == MessageKind::Text)
        .map(|(at, turn)| MinedTurn {
            // In a chat nobody is silent, and after the last turn nothing follows. Short gaps are not listed.
            silence_after: (said.has_sound && at < last)
                .then(|| silences.get(&turn.index).copied().unwrap_or_default()),
            index: turn.index,
            role: turn.role,
            text: turn.text,
        })
        .collect();
    if !turns.iter().any(|turn| turn.role == SpeakerRole::Customer) {
        return None;
    }
    // What is watched for is no fault.
    let hits = said.hits.into_iter().filter(|hit| hit.kind != RuleKind::Watch);
    let hits = hits.map(|hit| RuleHit { turn: hit.turn, rule_id: hit.rule_id, rule_name: hit.rule_name });
    Some(MinedCall { number, id: id.clone(), started_at, day, turns, hits: hits.collect() })
}
