//! Walks through the finished calls of the store, newest first, and says which are chosen.

use super::Selection;
use crate::ingest::{CallRecord, CallState};
use crate::pipeline::Calls;
use crate::store::{CallFilter, CallSummary, StoreError};
use crate::types::CallId;

/// Calls looked at in one step.
pub(super) const PAGE_SIZE: usize = 200;

/// A call that was looked at.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) summary: CallSummary,
    pub(super) is_chosen: bool,
}

impl Seen {
    pub(super) fn id(&self) -> &CallId {
        &self.summary.record.id
    }

    pub(super) fn position(&self) -> (jiff::Timestamp, CallId) {
        (self.summary.record.received_at, self.id().clone())
    }
}

impl Selection {
    /// What the store can select by itself: finished calls that were received until `snapshot`.
    fn filter(&self, snapshot: jiff::Timestamp) -> CallFilter {
        CallFilter {
            received_before: Some(snapshot),
            agent_id: self.agent_id.clone(),
            rule_id: self.rule_id.clone(),
            state: Some(CallState::Done),
            ..CallFilter::default()
        }
    }

    /// How many calls are looked at in all.
    pub(super) fn total(&self, calls: &Calls, snapshot: jiff::Timestamp) -> Result<u64, StoreError> {
        calls.store().num_listed(&self.filter(snapshot))
    }

    /// The next calls behind `position`; `None` at the end.
    pub(super) fn next(
        &self,
        calls: &Calls,
        snapshot: jiff::Timestamp,
        position: Option<&(jiff::Timestamp, CallId)>,
    ) -> Result<Option<Vec<Seen>>, StoreError> {
        let filter = self.filter(snapshot);
        let mut from = position.map(|(received_at, id)| filter.after(*received_at, id));
        loop {
            let page = calls.store().list_calls(&filter, PAGE_SIZE, from.as_ref())?;
            if !page.items.is_empty() {
                let seen = page.items.into_iter().map(|summary| {
                    let is_chosen = self.matches(&summary.record);
                    Seen { summary, is_chosen }
                });
                return Ok(Some(seen.collect()));
            }
            // A page may be empty while there is a next one.
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// Whether the call began in the chosen time.
    fn matches(&self, record: &CallRecord) -> bool {
        let began_at = record.metadata.started_at.unwrap_or(record.received_at);
        self.since.is_none_or(|since| began_at >= since) && self.until.is_none_or(|until| began_at < until)
    }
}
