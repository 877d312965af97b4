//! Calls that are done, judged or transcribed again.
//!
//! **Invariant**: until the new outcome is stored whole, the call keeps the old one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::worker::Shared;
use super::{CallProgress, Calls, PipelineError, judge};
use crate::analysis::RuleSet;
use crate::dialogue::{self, Dialogue};
use crate::ingest::{CallRecord, CallState};
use crate::speech::Transcriber;
use crate::store::{CallResult, FinishedCall, StoreError};
use crate::types::{CallId, CallMetadata};

/// What came of judging one stored call again: the call, and its result as it would be stored. Nothing when it is gone or
/// not done.
pub type Rejudged = Result<Option<(FinishedCall, CallResult)>, PipelineError>;

impl Calls {
    /// Judges calls by `rules` over their stored dialogues, on all cores, and stores nothing. One outcome for each id,
    /// in the same order.
    #[must_use]
    pub fn judge_again(&self, ids: &[CallId], rules: &RuleSet) -> Vec<Rejudged> {
        let next = AtomicUsize::new(0);
        let outcomes: Mutex<Vec<(usize, Rejudged)>> = Mutex::default();
        let work = || {
            while let Some((index, id)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                ids.get(index).map(|id| (index, id))
            } {
                let one = catch_unwind(AssertUnwindSafe(|| self.shared.judge_again(id, rules)));
                let one = one.unwrap_or(Err(PipelineError::Panicked));
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, one));
            }
        };
        thread::scope(|scope| {
            for _ in 1..num_cpus::get().min(ids.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Changes what is said about a call by `change`, and judges it anew when it is done; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such call; anything the disk fails with; what `change` gives.
    pub fn update_metadata<E: From<PipelineError>>(
        &self,
        id: &CallId,
        change: impl Fn(&CallMetadata) -> Result<CallMetadata, E>,
    ) -> Result<CallRecord, E> {
        let Shared { store, .. } = self.shared.as_ref();
        loop {
            let record = store
                .call(id)
                .and_then(|record| record.ok_or_else(|| StoreError::NotFound { id: id.clone() }));
            let record = record.map_err(PipelineError::from)?;
            let metadata = self.shared.sealed(&record, change(&record.metadata)?)?;
            let outcome = match record.state {
                CallState::Done => {
                    let Some(call) = store.finished_call(id).map_err(PipelineError::from)? else { continue };
                    if call.record != record {
                        continue;
                    }
                    let changed = CallRecord { metadata: metadata.clone(), ..record };
                    let result = self.shared.judged_with(&changed, call.result.clone())?;
                    store.replace_result(&call, &metadata, &result)
                }
                CallState::Accepted
                | CallState::Decoding
                | CallState::Transcribing
                | CallState::Scoring
                | CallState::Failed(_) => store.replace_metadata(&record, &metadata),
            };
            match outcome {
                // It went on meanwhile.
                Err(StoreError::Changed { .. }) => {}
                outcome => return Ok(outcome.map_err(PipelineError::from)?),
            }
        }
    }

    /// Transcribes and judges a call that is done once more; it keeps its old transcript until the new one is complete.
    /// Gives false when there is no such call or it is not done.
    ///
    /// # Errors
    /// [`PipelineError`] of the stage that failed; [`PipelineError::Cancelled`] when `cancel` was set.
    pub fn transcribe_again(
        &self,
        id: &CallId,
        transcriber: &dyn Transcriber,
        progress: &mut dyn FnMut(CallProgress),
        cancel: &AtomicBool,
    ) -> Result<bool, PipelineError> {
        let Shared { store, .. } = self.shared.as_ref();
        let Some(mut record) = store.call(id)?.filter(|record| record.state == CallState::Done) else {
            return Ok(false);
        };
        let mut result = self.shared.stages(&record, transcriber, progress, cancel)?;
        loop {
            let Some(old) =
                store.finished_call(id)?.filter(|old| old.record.received_at == record.received_at)
            else {
                return Ok(false);
            };
            if old.record.metadata != record.metadata {
                record = old.record.clone();
                result = self.shared.judged_with(&record, result)?;
            }
            match store.replace_result(&old, &record.metadata, &result) {
                // It was judged or updated meanwhile.
                Err(StoreError::Changed { .. }) => {}
                Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(true),
            }
        }
    }
}

impl Shared {
    /// `metadata` as it may be stored with `record`. A name that is as it was shown is not known any better now.
    fn sealed(&self, record: &CallRecord, mut metadata: CallMetadata) -> Result<CallMetadata, PipelineError> {
        if metadata.customer_name == record.metadata.customer_name {
            metadata.customer_name_sealed.clone_from(&record.metadata.customer_name_sealed);
            return Ok(metadata);
        }
        Ok(self.privacy.seal_name(metadata, &record.id, record.received_at)?)
    }

    fn judge_again(&self, id: &CallId, rules: &RuleSet) -> Rejudged {
        let Some(call) = self.store.finished_call(id)? else { return Ok(None) };
        let history = self.history(&call.record, rules)?;
        let result = self.privacy.judge_again(call.result.clone(), &call.record, |dialogue, metadata| {
            judge(dialogue, metadata, history.as_ref(), rules, &self.config.dialogue)
        })?;
        Ok(Some((call, result)))
    }

    /// A result as it is with the metadata of `record`: who is who, and what the rules say to that.
    pub(super) fn judged_with(
        &self,
        record: &CallRecord,
        result: CallResult,
    ) -> Result<CallResult, PipelineError> {
        let history = self.history(record, &self.rules)?;
        let relabel = |said: &Dialogue, metadata: &CallMetadata| {
            dialogue::relabel(said, metadata, &self.config.dialogue)
        };
        let judge = |dialogue: &Dialogue, metadata: &CallMetadata| {
            judge(dialogue, metadata, history.as_ref(), &self.rules, &self.config.dialogue)
        };
        Ok(self.privacy.tell(result, record, relabel, judge)?)
    }
}
