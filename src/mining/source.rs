//! The calls of a period as mining sees them, read from the store one by one.
//!
//! The list of calls is made once, so that every pass sees the same; a call that is deleted meanwhile is passed over.
//! **Invariant**: nothing is locked while a call is read, and what is not masked is left out.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::input::{MinedCall, MinedTurn, RuleHit, Source};
use super::outcome::Period;
use crate::analysis::{RuleKind, Verdict};
use crate::catalog::Stage;
use crate::dialogue::MessageKind;
use crate::store::{CallResult, Store, StoreError};
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

    fn each(&mut self, see: &mut dyn FnMut(&MinedCall) -> ControlFlow<()>) -> Result<u32, StoreError> {
        let mut num_left_out = 0;
        for number in self.calls.keys().copied().collect::<Vec<u32>>() {
            match self.one(number)? {
                Some(call) => {
                    if see(&call).is_break() {
                        break;
                    }
                }
                None => num_left_out += 1,
            }
        }
        Ok(num_left_out)
    }

    fn one(&mut self, number: u32) -> Result<Option<MinedCall>, StoreError> {
        let Some((id, started_at, day)) = self.calls.get(&number) else { return Ok(None) };
        match self.store.result(id) {
            Ok(result) => Ok(result.and_then(|result| mined(number, id, *started_at, *day, result))),
            // One damaged call must not end a run over all others.
            Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                tracing::error!(call = %id, %error, "a call is left out");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn mined(
    number: u32,
    id: &CallId,
    started_at: Timestamp,
    day: Date,
    result: CallResult,
) -> Option<MinedCall> {
    if !result.masking.masked {
        return None;
    }
    let mut silences: BTreeMap<u32, Millis> = BTreeMap::new();
    for gap in &result.dialogue.timing.gaps {
        if let (Some(turn), Some(_)) = (gap.turn_before, gap.turn_after) {
            silences.insert(turn, gap.span.duration());
        }
    }
    let has_sound = result.audio.is_some();
    let last = result.dialogue.turns.len().saturating_sub(1);
    let turns: Vec<MinedTurn> = result
        .dialogue
        .turns
        .into_iter()
        .enumerate()
        .filter(|(_, turn)| turn.kind == MessageKind::Text)
        .map(|(at, turn)| MinedTurn {
            // In a chat nobody is silent, and after the last turn nothing follows. Short gaps are not listed.
            silence_after: (has_sound && at < last)
                .then(|| silences.get(&turn.index).copied().unwrap_or_default()),
            index: turn.index,
            role: turn.role,
            text: turn.text,
        })
        .collect();
    if !turns.iter().any(|turn| turn.role == SpeakerRole::Customer) {
        return None;
    }
    let hits = result.analysis.findings.into_iter().filter(|finding| {
        // What is watched for is no fault.
        finding.verdict == Verdict::Hit && finding.kind != RuleKind::Watch
    });
    let hits = hits.map(|finding| RuleHit {
        turn: finding.evidence.first().map(|evidence| evidence.turn),
        rule_id: finding.rule_id,
        rule_name: finding.rule_name,
    });
    Some(MinedCall { number, id: id.clone(), started_at, day, turns, hits: hits.collect() })
}
