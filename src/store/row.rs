//! Turns what is stored of a call into its row of the catalog, no larger than a value in sled may be.
//!
//! **Invariant**: what a row leaves out for its size depends on the row alone, so one that is made anew is the same.

use std::sync::PoisonError;

use super::calls::MAX_VALUE_BYTES;
use super::record::StoredCall;
use super::{AgentPart, Store, StoreError, codec};
use crate::analysis::Analysis;
use crate::catalog::{Annotations, CallFacts, Judgement, RuleTable};
use crate::ingest::CallRecord;

/// Most agents of one call that a row keeps.
const MAX_AGENTS: usize = 16;
/// Most bytes of annotations in a row; the rest is for what is known of the call and one agent.
const MAX_ANNOTATIONS_BYTES: usize = 4 << 10;

/// What a judgement left, as far as rows are made of it.
pub(super) type Judged<'a> = Option<(&'a Analysis, &'a [AgentPart])>;

impl Store {
    /// The first row of a call, under a new number; and the batch that keeps it.
    pub(super) fn new_row(&self, record: &CallRecord) -> CallFacts {
        let mut next = self.feed.next.lock().unwrap_or_else(PoisonError::into_inner);
        let number = next.number;
        next.number += 1;
        bounded(CallFacts::of(number, record))
    }

    /// What a row says of a call by itself, under the number of `old` if there is one.
    fn fresh_row(&self, old: Option<&CallFacts>, stored: &StoredCall) -> CallFacts {
        let row = match old {
            Some(old) => bounded(CallFacts::of(old.number, &stored.record)),
            None => self.new_row(&stored.record),
        };
        CallFacts { result: stored.result(), ..row }
    }

    /// The row that follows `old` when the record of its call changes and its result does not.
    pub(super) fn moved_row(&self, old: Option<&CallFacts>, stored: &StoredCall) -> CallFacts {
        let mut row = self.fresh_row(old, stored);
        let Some(old) = old else { return row };
        row.judgement.clone_from(&old.judgement);
        row.annotations.clone_from(&old.annotations);
        // Fewer in a row that was too large for all of them.
        if old.judgement.is_some() {
            row.agents.truncate(old.agents.len().max(1));
        }
        if row.agents.len() == old.agents.len() {
            for (agent, before) in row.agents.iter_mut().zip(&old.agents) {
                agent.own.clone_from(&before.own);
            }
        }
        row
    }

    /// The row that follows `old` when its call was judged, and the tables that it names.
    pub(super) fn judged_row(
        &self,
        old: Option<&CallFacts>,
        stored: &StoredCall,
        annotations: Annotations,
        judged: Judged<'_>,
    ) -> (CallFacts, Vec<RuleTable>) {
        let mut row = self.fresh_row(old, stored);
        row.annotations = annotations;
        let mut tables = Vec::new();
        // What people decided stands, whatever the machine says now; score and veto follow both.
        if let Some(review) = row.annotations.review.as_mut() {
            match judged {
                Some((analysis, parts)) => {
                    review.settle(analysis, own_parts(stored, parts).iter().map(|part| &part.analysis));
                }
                None => review.unsettle(),
            }
        }
        if let Some((analysis, parts)) = judged {
            let (judgement, table) = Judgement::of(analysis);
            row.judgement = Some(judgement);
            tables.push(table);
            for (agent, part) in row.agents.iter_mut().zip(own_parts(stored, parts)) {
                let (own, table) = Judgement::of(&part.analysis);
                agent.own = Some(own);
                tables.push(table);
            }
        }
        (row, tables)
    }
}

/// The own parts of the agents of a call that several served; only the first of very many are in its row.
pub(super) fn own_parts<'a>(stored: &StoredCall, parts: &'a [AgentPart]) -> &'a [AgentPart] {
    let are_told_apart = parts.len() == stored.record.metadata.segments.len() && parts.len() > 1;
    if are_told_apart { parts.get(..MAX_AGENTS).unwrap_or(parts) } else { &[] }
}

fn bounded(mut row: CallFacts) -> CallFacts {
    row.agents.truncate(MAX_AGENTS);
    row
}

/// A row that fits into a value: without the names of agents where it would not, and then with the first agents only.
/// Texts are not cut further, because calls are found by them.
pub(super) fn within_bytes(mut row: CallFacts) -> CallFacts {
    // The change that takes the most room, so that it is the same row whatever the change.
    row.change = u64::MAX;
    let fits = |row: &CallFacts| codec::encode_row(row).len() <= MAX_VALUE_BYTES;
    if !fits(&row) {
        row.agents.iter_mut().for_each(|agent| agent.agent_name = None);
    }
    while row.agents.len() > 1 && !fits(&row) {
        row.agents.pop();
    }
    row
}

/// Annotations as they are stored.
///
/// # Errors
/// [`StoreError::ValueTooLarge`] when they leave no room in the row of their call; [`StoreError::Unstorable`].
pub(super) fn encode_annotations(annotations: &Annotations) -> Result<Vec<u8>, StoreError> {
    let value = codec::encode(annotations, "annotations")?;
    let in_row = codec::num_bytes_in_row(annotations);
    for (limit, actual) in [(MAX_VALUE_BYTES, value.len()), (MAX_ANNOTATIONS_BYTES, in_row)] {
        if actual > limit {
            return Err(StoreError::ValueTooLarge { limit, actual });
        }
    }
    Ok(value)
}
