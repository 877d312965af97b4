//! One call's way through the store: accepted, begun, advanced, finished or failed.
//!
//! Each step reads the record under the call's lock, changes it, and writes record and indexes in one batch.
//!
//! **Invariant**: a call stands in the index of exactly the state, agent, time and rules that its record names; it
//! stands in the queue while it is unfinished.

use sled::Batch;

use super::record::{StoredCall, hit_rule_ids};
use super::{CallResult, Store, StoreError, codec, keys};
use crate::analysis::Analysis;
use crate::catalog::{CallFacts, RuleTable};
use crate::dialogue::Dialogue;
use crate::ingest::{CallRecord, CallState, Failure};
use crate::types::{CallId, Millis, RuleId};

/// Most bytes of a value in sled. A leaf holds up to 17 values and goes to a file that sled never syncs when it passes
/// 128 KiB, so all of them together must stay below.
pub(super) const MAX_VALUE_BYTES: usize = 6 << 10;
/// Most bytes of a record as it is accepted; the rest is room for a failure and the rules that hit.
const MAX_ACCEPTED_BYTES: usize = 4 << 10;
/// Most bytes of the same before compression: a page of 500 records stays within 16 MB, however well they compress.
const MAX_RAW_BYTES: usize = 32 << 10;
/// Most characters of a failure's message that are kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// The outcome of inserting a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is new.
    New,
    /// The same bytes were stored under this id before; this is the record. A call that had failed waits again.
    Same(Box<CallRecord>),
}

/// A call's new outcome, ready to be applied.
pub(super) struct Judged {
    batch: Batch,
    old_row: Option<CallFacts>,
    row: CallFacts,
    tables: Vec<RuleTable>,
}

impl Store {
    /// Inserts an accepted call; durable when it returns. The same id with the same bytes is the same call; when that
    /// had failed, it waits again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id belongs to other bytes; [`StoreError::MetadataTooLarge`]; anything the
    /// disk fails with.
    pub fn insert_call(&self, record: &CallRecord) -> Result<Inserted, StoreError> {
        self.check()?;
        let outcome = {
            let _guard = self.guard(&record.id);
            match self.stored(&record.id)? {
                None => {
                    self.insert_new(record)?;
                    Inserted::New
                }
                Some(stored) if stored.record.recording.hash == record.recording.hash => {
                    Inserted::Same(Box::new(self.retry(stored)?))
                }
                Some(StoredCall { record: stored, .. }) => {
                    return Err(StoreError::Conflict {
                        id: record.id.clone(),
                        stored: stored.recording.hash,
                        offered: record.recording.hash,
                    });
                }
            }
        };
        // Also for the same call again: the one who inserted it may still be waiting for the disk.
        self.commit()?;
        Ok(outcome)
    }

    /// Lets a failed call wait again; leaves any other as it is.
    fn retry(&self, old: StoredCall) -> Result<CallRecord, StoreError> {
        let mut new = old.clone();
        if let CallState::Failed(_) = old.record.state {
            new.record.state = CallState::Accepted;
            // What was under suspicion of ending the process stays so, and runs alone.
            new.record.num_attempts = u32::from(old.record.num_attempts > 1);
            let value = codec::encode(&new, "call")?;
            let old_row = self.row(&new.record.id)?;
            let row = self.moved_row(old_row.as_ref(), &new);
            self.apply_with(replaced(&old, &new, value), old_row.as_ref(), row)?;
        }
        Ok(new.record)
    }

    fn insert_new(&self, record: &CallRecord) -> Result<(), StoreError> {
        let stored = StoredCall::new(record.clone());
        let value = codec::encode(&stored, "call")?;
        within_limits_as(record, &value)?;
        let mut batch = Batch::default();
        batch.insert(keys::call(&record.id), value);
        for key in index_keys(&stored) {
            batch.insert(key, &[]);
        }
        self.apply_with(batch, None, self.new_row(record))
    }

    /// The record of a call; `None` when there is no such call.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; anything the disk fails with.
    pub fn call(&self, id: &CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.stored(id)?.map(|stored| stored.record))
    }

    /// The result of a call; `None` when there is no such call or it is not done.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; anything the disk fails with.
    pub fn result(&self, id: &CallId) -> Result<Option<CallResult>, StoreError> {
        self.read_result(id, |name| self.results.read(name))
    }

    /// Findings and score of a call without its dialogue; `None` when there is no such call or it is not done.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; anything the disk fails with.
    pub fn analysis(&self, id: &CallId) -> Result<Option<Analysis>, StoreError> {
        self.read_result(id, |name| self.results.read_analysis(name))
    }

    /// Who said what in a call; `None` when there is no such call or it is not done.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; anything the disk fails with.
    pub fn dialogue(&self, id: &CallId) -> Result<Option<Dialogue>, StoreError> {
        self.read_result(id, |name| self.results.read_dialogue(name))
    }

    pub(super) fn read_result<T>(
        &self,
        id: &CallId,
        read: impl Fn(&str) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        // The lock keeps a deletion from taking the file between the two reads.
        let _guard = self.guard(id);
        match self.stored(id)? {
            Some(stored) if stored.has_result => read(&stored.result_name()).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Counts one more attempt at `record` and moves it to [`CallState::Decoding`]; durable when it returns, so that
    /// a call that kills the process is counted too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call is gone; anything the disk fails with.
    pub fn begin(&self, record: &CallRecord) -> Result<CallRecord, StoreError> {
        let begun = self.change(record, |stored| {
            stored.record.num_attempts += 1;
            stored.record.state = CallState::Decoding;
        })?;
        self.commit()?;
        Ok(begun)
    }

    /// Takes back an attempt that was given up for no fault of the call, which waits again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call is gone; anything the disk fails with.
    pub fn give_back(&self, record: &CallRecord) -> Result<(), StoreError> {
        self.change(record, |stored| {
            stored.record.num_attempts = stored.record.num_attempts.saturating_sub(1);
            stored.record.state = CallState::Accepted;
        })?;
        self.commit()
    }

    /// Moves a call to another state, and notes the length of its audio when it became known. Not waited for: after a
    /// power cut the call is begun again anyway.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call is gone; anything the disk fails with.
    pub fn set_state(
        &self,
        record: &CallRecord,
        state: CallState,
        duration: Option<Millis>,
    ) -> Result<(), StoreError> {
        self.change(record, |stored| {
            stored.record.state = state;
            stored.record.duration = duration.or(stored.record.duration);
        })?;
        Ok(())
    }

    /// Stores the result of a call and moves it to [`CallState::Done`]; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call is gone; [`StoreError::Changed`] when other metadata came in meanwhile;
    /// [`StoreError::Unstorable`] when the result would not read back; anything the disk fails with.
    pub fn finish(&self, record: &CallRecord, result: &CallResult) -> Result<(), StoreError> {
        self.check()?;
        {
            let _guard = self.guard(&record.id);
            let old = self.current(record)?;
            if old.record.metadata != record.metadata {
                return Err(StoreError::Changed { record: Box::new(old.record) });
            }
            let mut record = old.record.clone();
            record.state = CallState::Done;
            record.duration = result.audio.as_ref().map(|audio| audio.duration).or(record.duration);
            // Before the batch: a record never names a file that is not there.
            let judged = self.judged(&old, record, result)?;
            self.results.write(&old.result_name(), result)?;
            self.apply_judged(judged)?;
        }
        self.commit()
    }

    /// The batch that replaces `old` by a call with this record and this outcome. To be made before the result file is
    /// written, because the rules that hit before may stand only there.
    pub(super) fn judged(
        &self,
        old: &StoredCall,
        record: CallRecord,
        result: &CallResult,
    ) -> Result<Judged, StoreError> {
        let CallResult { analysis, parts, .. } = result;
        let hits = hit_rule_ids(analysis);
        let (new, value) = StoredCall::judged(record, result, old.result().wrapping_add(1))?;
        let old_hits = self.hits(old)?;
        let mut batch = replaced(old, &new, value);
        let entry = |rule: &RuleId| keys::indexed(&keys::rule(rule), old.record.received_at, &old.record.id);
        for rule in old_hits.iter().filter(|rule| !hits.contains(rule)) {
            batch.remove(entry(rule));
        }
        for rule in &hits {
            batch.insert(entry(rule), &[]);
        }
        let old_row = self.row(&new.record.id)?;
        let (row, tables) = self.judged_row(
            old_row.as_ref(),
            &new,
            self.annotations(&new.record.id)?,
            Some((analysis, parts)),
        );
        Ok(Judged { batch, old_row, row, tables })
    }

    /// Applies what [`judged`](Self::judged) made, after the result file is written.
    pub(super) fn apply_judged(&self, judged: Judged) -> Result<(), StoreError> {
        let Judged { batch, old_row, row, tables } = judged;
        self.keep_tables(tables)?;
        self.apply_with(batch, old_row.as_ref(), row)
    }

    /// Moves a call to [`CallState::Failed`]; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call is gone; anything the disk fails with.
    pub fn fail(&self, record: &CallRecord, failure: Failure) -> Result<(), StoreError> {
        let message = failure.message.chars().take(MAX_MESSAGE_CHARS).collect();
        let failure = Failure { message, ..failure };
        self.change(record, |stored| stored.record.state = CallState::Failed(failure))?;
        self.commit()
    }

    pub(super) fn stored(&self, id: &CallId) -> Result<Option<StoredCall>, StoreError> {
        self.index.get(keys::call(id))?.map(|value| codec::decode(&value, "call")).transpose()
    }

    /// The rules that a stored call hit.
    pub(super) fn hits(&self, stored: &StoredCall) -> Result<Vec<RuleId>, StoreError> {
        match &stored.hit_rule_ids {
            Some(ids) => Ok(ids.clone()),
            None if stored.has_result => {
                Ok(hit_rule_ids(&self.results.read_analysis(&stored.result_name())?))
            }
            None => Ok(Vec::new()),
        }
    }

    /// The stored call that `record` is a copy of. A call that was deleted and sent again is another one.
    pub(super) fn current(&self, record: &CallRecord) -> Result<StoredCall, StoreError> {
        self.stored(&record.id)?
            .filter(|stored| stored.record.received_at == record.received_at)
            .ok_or_else(|| StoreError::NotFound { id: record.id.clone() })
    }

    pub(super) fn change(
        &self,
        record: &CallRecord,
        change: impl FnOnce(&mut StoredCall),
    ) -> Result<CallRecord, StoreError> {
        self.check()?;
        let _guard = self.guard(&record.id);
        let old = self.current(record)?;
        let mut new = old.clone();
        change(&mut new);
        let value = codec::encode(&new, "call")?;
        let old_row = self.row(&new.record.id)?;
        let row = self.moved_row(old_row.as_ref(), &new);
        self.apply_with(replaced(&old, &new, value), old_row.as_ref(), row)?;
        Ok(new.record)
    }
}

/// The batch that replaces `old` by `new` in every index but that of rules.
fn replaced(old: &StoredCall, new: &StoredCall, value: Vec<u8>) -> Batch {
    let mut batch = Batch::default();
    batch.insert(keys::call(&old.record.id), value);
    let (from, to) = (index_keys(old), index_keys(new));
    for key in from.iter().filter(|key| !to.contains(key)) {
        batch.remove(key.as_slice());
    }
    for key in to.iter().filter(|key| !from.contains(key)) {
        batch.insert(key.as_slice(), &[]);
    }
    batch
}

/// Whether a record is small enough to be accepted.
pub(super) fn within_limits(record: &CallRecord) -> Result<(), StoreError> {
    within_limits_as(record, &codec::encode(&StoredCall::new(record.clone()), "call")?)
}

fn within_limits_as(record: &CallRecord, value: &[u8]) -> Result<(), StoreError> {
    let raw_len = codec::raw_len(value).unwrap_or(usize::MAX);
    for (limit, actual) in [(MAX_RAW_BYTES, raw_len), (MAX_ACCEPTED_BYTES, value.len())] {
        if actual > limit {
            return Err(StoreError::MetadataTooLarge { id: record.id.clone(), limit, actual });
        }
    }
    Ok(())
}

/// Every index entry of a call but those of rules.
pub(super) fn index_keys(stored: &StoredCall) -> Vec<Vec<u8>> {
    let CallRecord { id, received_at, recording, metadata, state, .. } = &stored.record;
    let mut keys = vec![
        keys::indexed(keys::TIME, *received_at, id),
        keys::indexed(&keys::state(state), *received_at, id),
        keys::blob_of(&recording.hash, id),
    ];
    if let Some(customer_ref) = &metadata.customer_ref {
        keys.push(keys::indexed(&keys::customer(customer_ref), *received_at, id));
    }
    for agent_id in metadata.agent_ids() {
        keys.push(keys::indexed(&keys::agent(agent_id), *received_at, id));
    }
    if !is_finished(state) {
        keys.push(keys::queued(&stored.record));
    }
    keys
}

pub(super) fn is_finished(state: &CallState) -> bool {
    match state {
        CallState::Done | CallState::Failed(_) => true,
        CallState::Accepted | CallState::Decoding | CallState::Transcribing | CallState::Scoring => false,
    }
}
