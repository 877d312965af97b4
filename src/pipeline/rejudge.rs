//! Calls that are done, judged or transcribed again.
//!
//! **Invariant**: until the new outcome is stored whole, the call keeps the old one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::worker::Shared;
use super::{CallProgress, Calls, Judgement, PipelineError, judge};
use crate::analysis::RuleSet;
use crate::dialogue;
use crate::ingest::{CallRecord, CallState};
use crate::speech::Transcriber;
use crate::store::{CallResult, FinishedCall, StoreError};
use crate::types::{CallId, CallMetadata};

/// What came of judging one stored call again: nothing when it is gone or not done.
pub type Rejudged = Result<Option<(FinishedCall, Judgement)>, PipelineError>;

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
            let metadata = change(&record.metadata)?;
            let outcome = match record.state {
                CallState::Done => {
                    let Some(call) = store.finished_call(id).map_err(PipelineError::from)? else { continue };
                    let result = self.shared.judged_with(&call.record, &metadata, call.result)?;
                    store.replace_result(&record, &metadata, &result)
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
            match store.replace_result(&record, &record.metadata, &result) {
                Err(StoreError::Changed { record: changed }) => {
                    record = *changed;
                    result = self.shared.judged_with(&record, &record.metadata, result)?;
                }
                Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(true),
            }
        }
    }
}

impl Shared {
    fn judge_again(&self, id: &CallId, rules: &RuleSet) -> Rejudged {
        let Some(call) = self.store.finished_call(id)? else { return Ok(None) };
        let history = self.history(&call.record, rules)?;
        let (dialogue, metadata) = (&call.result.dialogue, &call.record.metadata);
        let judgement = judge(dialogue, metadata, history.as_ref(), rules, &self.config.dialogue);
        Ok(Some((call, judgement)))
    }

    /// A result as it is with other metadata: who is who, and what the rules say to that.
    pub(super) fn judged_with(
        &self,
        record: &CallRecord,
        metadata: &CallMetadata,
        result: CallResult,
    ) -> Result<CallResult, PipelineError> {
        let record = CallRecord { metadata: metadata.clone(), ..record.clone() };
        let history = self.history(&record, &self.rules)?;
        let dialogue = dialogue::relabel(&result.dialogue, metadata, &self.config.dialogue);
        let judged = judge(&dialogue, metadata, history.as_ref(), &self.rules, &self.config.dialogue);
        let Judgement { analysis, parts } = judged;
        Ok(CallResult { dialogue, analysis, parts, ..result })
    }
}
