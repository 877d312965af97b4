//! Other findings, or another result, for calls that are done.
//!
//! **Invariant**: whenever the machine stops, a result file is whole: as it was, or as it was to become.

use super::calls::within_limits;
use super::record::StoredCall;
use super::{CallResult, Store, StoreError};
use crate::ingest::{CallRecord, CallState};
use crate::types::{CallId, CallMetadata};

/// A call that is done, with its result as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedCall {
    /// The record.
    pub record: CallRecord,
    /// The result.
    pub result: CallResult,
    /// What lies behind the findings in the result file.
    rest: Vec<u8>,
    /// Which of the call's results it is.
    number: u32,
}

impl FinishedCall {
    /// Whether the call is still what it was when it was read.
    fn is(&self, stored: &StoredCall) -> bool {
        stored.record == self.record && stored.num_results == self.number
    }
}

/// Whether there is a result that must change with the metadata.
fn has_result(state: &CallState) -> bool {
    match state {
        CallState::Done => true,
        CallState::Accepted
        | CallState::Decoding
        | CallState::Transcribing
        | CallState::Scoring
        | CallState::Failed(_) => false,
    }
}

impl Store {
    /// A call with its result; `None` when there is no such call or it is not done.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; anything the disk fails with.
    pub fn finished_call(&self, id: &CallId) -> Result<Option<FinishedCall>, StoreError> {
        let _guard = self.guard(id);
        match self.stored(id)? {
            Some(stored) if stored.has_result && stored.record.state == CallState::Done => {
                let (result, rest) = self.results.read_with_rest(&stored.result_name())?;
                Ok(Some(FinishedCall { record: stored.record, result, rest, number: stored.num_results }))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Gives many calls other findings over the same dialogue; durable when it returns, with two syncs for all of them.
    /// Gives how many there were: a call that was deleted or changed since it was read is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Unstorable`] when findings would not read back; anything the disk fails with. Then some of the
    /// calls have their new findings and the others their old ones.
    pub fn replace_findings(&self, calls: &[(FinishedCall, CallResult)]) -> Result<usize, StoreError> {
        self.check()?;
        let mut staged = Vec::new();
        for (call, result) in calls {
            let is_of_one = call.result.parts.is_empty() && result.parts.is_empty();
            let file = if is_of_one && call.result.masking == result.masking {
                self.results.stage_findings(&result.analysis, &call.rest)?
            } else {
                self.results.stage(result)?
            };
            staged.push((call, result, file));
        }
        self.results.sync()?;
        let mut num_replaced = 0;
        for (call, result, file) in staged {
            let _guard = self.guard(&call.record.id);
            let Some(old) = self.stored(&call.record.id)?.filter(|old| call.is(old)) else { continue };
            let judged = self.judged(&old, old.record.clone(), result)?;
            self.results.replace(file, &old.result_name())?;
            self.apply_judged(judged)?;
            num_replaced += 1;
        }
        self.results.sync()?;
        self.commit()?;
        Ok(num_replaced)
    }

    /// Gives a call that is done another result and other metadata; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it is no longer what `old` says; [`StoreError::NotFound`] when it is gone;
    /// [`StoreError::MetadataTooLarge`]; [`StoreError::Unstorable`]; anything the disk fails with.
    pub fn replace_result(
        &self,
        old: &FinishedCall,
        metadata: &CallMetadata,
        result: &CallResult,
    ) -> Result<CallRecord, StoreError> {
        self.check()?;
        let record = {
            let _guard = self.guard(&old.record.id);
            let stored = self.current(&old.record)?;
            if !old.is(&stored) {
                return Err(StoreError::Changed { record: Box::new(stored.record) });
            }
            let mut record = CallRecord { metadata: metadata.clone(), ..old.record.clone() };
            record.duration = result.audio.as_ref().map(|audio| audio.duration).or(record.duration);
            within_limits(&record)?;
            let judged = self.judged(&stored, record.clone(), result)?;
            self.results.write(&stored.result_name(), result)?;
            self.apply_judged(judged)?;
            record
        };
        self.commit()?;
        Ok(record)
    }

    /// Gives a call that is not done other metadata; durable when it returns. Whoever runs the call at that moment
    /// hears of it when it ends.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it is no longer what `old` says; [`StoreError::NotFound`] when it is gone;
    /// [`StoreError::MetadataTooLarge`]; anything the disk fails with.
    pub fn replace_metadata(
        &self,
        old: &CallRecord,
        metadata: &CallMetadata,
    ) -> Result<CallRecord, StoreError> {
        within_limits(&CallRecord { metadata: metadata.clone(), ..old.clone() })?;
        let record = self.change(old, |stored| {
            if !has_result(&stored.record.state) && stored.record.metadata == old.metadata {
                stored.record.metadata = metadata.clone();
            }
        })?;
        self.commit()?;
        if record.metadata == *metadata {
            Ok(record)
        } else {
            Err(StoreError::Changed { record: Box::new(record) })
        }
    }
}
