//! Runs one call after another until the pipeline stops: takes it, runs the stages, stores what came of it.
//!
//! **Invariant**: whatever happens to a call (an error, a panic, a deletion, a full disk) the worker goes on to the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::board::{Board, Job};
use super::{CallProgress, PipelineConfig, PipelineError, Privacy, process, process_chat};
use crate::analysis::{History, PastCall, RuleSet};
use crate::error::Chain;
use crate::ingest::{BlobStore, CallRecord, CallState};
use crate::speech::Transcriber;
use crate::store::{CallFilter, CallResult, Store, StoreError};
use crate::types::Media;

/// Most calls of one customer that are looked at.
const MAX_HISTORY: usize = 500;

/// What all workers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: PipelineConfig,
    pub(super) store: Arc<Store>,
    pub(super) blobs: BlobStore,
    pub(super) transcriber: Arc<dyn Transcriber>,
    pub(super) rules: Arc<RuleSet>,
    pub(super) privacy: Arc<Privacy>,
    pub(super) board: Board,
}

impl Shared {
    /// The life of a worker thread.
    pub(super) fn work(&self) {
        while let Some(mut job) = self.board.take(&self.store) {
            // The stages are caught on their own; this is for defects in the store.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.run(&mut job)));
            let outcome = outcome.unwrap_or_else(|_| Err(PipelineError::Store(StoreError::Stopped)));
            let last = outcome.as_ref().ok().cloned().flatten();
            self.board.leave(&job, last);
            if let Err(error) = outcome {
                tracing::error!(call = %job.record.id, error = %Chain(&error), "the call waits: the machine fails it");
                self.board.pause();
            }
        }
    }

    /// Runs `job` once. Gives the state in which the call ended; `None` when it waits or is gone.
    fn run(&self, job: &mut Job) -> Result<Option<CallState>, PipelineError> {
        let num_attempts = job.record.num_attempts;
        let begun_at = Instant::now();
        let outcome = if num_attempts > self.config.max_attempts {
            Err(PipelineError::GaveUp { num_attempts })
        } else {
            job.record = match self.store.begin(&job.record) {
                Ok(begun) => begun,
                Err(StoreError::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            self.run_stages(job).and_then(|result| self.finish(&job.record, result))
        };
        match outcome {
            Ok(()) => {
                let secs = begun_at.elapsed().as_secs_f32();
                tracing::info!(call = %job.record.id, secs, "call done");
                Ok(Some(CallState::Done))
            }
            Err(PipelineError::Store(StoreError::NotFound { .. })) => Ok(None),
            Err(PipelineError::Cancelled) => {
                tracing::info!(call = %job.record.id, "call interrupted");
                self.give_back(job)?;
                Ok(None)
            }
            Err(error) if error.is_passing() => {
                self.give_back(job)?;
                Err(error)
            }
            Err(error) => {
                let failure = error.failure();
                let secs = begun_at.elapsed().as_secs_f32();
                let reason = failure.reason.as_str();
                tracing::warn!(call = %job.record.id, reason, secs, error = %Chain(&error), "call failed");
                match self.store.fail(&job.record, failure.clone()) {
                    Ok(()) => Ok(Some(CallState::Failed(failure))),
                    Err(StoreError::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// Stores a result, judged anew when other metadata came in while the call ran.
    fn finish(&self, record: &CallRecord, mut result: CallResult) -> Result<(), PipelineError> {
        let mut record = record.clone();
        loop {
            match self.store.finish(&record, &result) {
                Err(StoreError::Changed { record: changed }) => {
                    record = *changed;
                    result = self.judged_with(&record, result)?;
                }
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn run_stages(&self, job: &Job) -> Result<CallResult, PipelineError> {
        let mut state = job.record.state.clone();
        let mut progress = |reached: CallProgress| {
            if reached.state != state {
                state = reached.state.clone();
                // OK to go on without: the state in between is a courtesy, and `finish` meets the same fault.
                let duration = Some(reached.duration).filter(|duration| duration.0 > 0);
                if let Err(error) = self.store.set_state(&job.record, state.clone(), duration) {
                    tracing::debug!(call = %job.record.id, %error, "the state was not noted");
                }
            }
            self.board.publish(job, reached);
        };
        self.stages(&job.record, self.transcriber.as_ref(), &mut progress, &job.cancel)
    }

    /// Runs the stages over the recording of `record`, and catches what panics in them.
    pub(super) fn stages(
        &self,
        record: &CallRecord,
        transcriber: &dyn Transcriber,
        progress: &mut dyn FnMut(CallProgress),
        cancel: &AtomicBool,
    ) -> Result<CallResult, PipelineError> {
        let recording = &record.recording;
        if !self.blobs.contains(&recording.hash) {
            return Err(PipelineError::RecordingMissing);
        }
        let history = self.history(record, &self.rules)?;
        let metadata = self.privacy.metadata(record)?;
        let stages = || {
            let path = self.blobs.path(&recording.hash);
            if metadata.media == Media::Chat {
                let chat = self.privacy.read_chat(&path)?;
                let result =
                    process_chat(&chat, &metadata, &self.rules, history.as_ref(), &self.config, progress);
                return Ok(self.privacy.mask(result, record)?);
            }
            let result = process(
                &path,
                &recording.declaration,
                &metadata,
                transcriber,
                &self.rules,
                history.as_ref(),
                &self.config,
                progress,
                cancel,
            )?;
            Ok(self.privacy.mask(result, record)?)
        };
        catch_unwind(AssertUnwindSafe(stages)).unwrap_or(Err(PipelineError::Panicked))
    }

    /// The customer's other calls, the newest of them, when a rule counts over them and the sender named the customer.
    pub(super) fn history(
        &self,
        record: &CallRecord,
        rules: &RuleSet,
    ) -> Result<Option<History>, PipelineError> {
        let customer_ref = record.metadata.customer_ref.clone().filter(|_| rules.needs_history());
        if customer_ref.is_none() {
            return Ok(None);
        }
        let filter = CallFilter { customer_ref, ..CallFilter::default() };
        let page = self.store.list_calls(&filter, MAX_HISTORY, None)?;
        let others = page.items.into_iter().filter(|other| other.record.id != record.id);
        let calls = others.map(|other| PastCall {
            started_at: other.record.metadata.started_at.unwrap_or(other.record.received_at),
            direction: other.record.metadata.direction,
            hits: other.hit_rule_ids,
        });
        Ok(Some(History { calls: calls.collect() }))
    }

    /// The call waits again, as if it had not been begun.
    fn give_back(&self, job: &Job) -> Result<(), PipelineError> {
        match self.store.give_back(&job.record) {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
