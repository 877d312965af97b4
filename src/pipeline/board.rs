//! What runs at the moment and who watches it: the only state of the pipeline that lives in memory.
//!
//! The queue itself is the store. The board holds as many running calls as there are workers, and one sender per call
//! that somebody watches.
//!
//! A call that was under way when the process ended, which its record tells by an attempt that nobody took back, is a
//! suspect: it runs alone, so that one call that ends the process takes no other with it and is known at last.
//!
//! **Invariant**: a call runs at most once at a time; nothing runs beside a suspect; a call that was deleted is never
//! spoken of again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{CallProgress, PipelineError};
use crate::ingest::{CallRecord, CallState};
use crate::store::{Store, StoreError};
use crate::types::{CallId, Millis};

/// How long a worker waits after the store failed.
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
    /// A call came in, a call left, or the end is near.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: HashMap<CallId, Running>,
    /// What runs is a suspect.
    is_alone: bool,
    watched: HashMap<CallId, watch::Sender<CallProgress>>,
    /// Whoever waits for any call to end.
    listeners: Vec<SyncSender<()>>,
    stopping: bool,
}

impl State {
    fn tell_listeners(&mut self) {
        self.listeners.retain(|listener| match listener.try_send(()) {
            // Full: it has not heard of the last one yet and will hear of both at once.
            Ok(()) | Err(TrySendError::Full(())) => true,
            Err(TrySendError::Disconnected(())) => false,
        });
    }
}

#[derive(Debug)]
struct Running {
    cancel: Arc<AtomicBool>,
    progress: CallProgress,
}

/// A call that a worker took.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) record: CallRecord,
    pub(super) cancel: Arc<AtomicBool>,
}

impl Board {
    /// Waits for an unfinished call that nobody runs, sent ones before those of archives, each oldest first; `None` when
    /// the pipeline stops.
    pub(super) fn take(&self, store: &Store) -> Option<Job> {
        let mut state = self.state();
        loop {
            if state.stopping {
                return None;
            }
            if state.is_alone {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            match store.unfinished_calls(1, |id| state.running.contains_key(id)) {
                Ok(mut records) => {
                    // A suspect is the oldest of its queue, so no other call of that queue begins until it has had its
                    // turn.
                    let next =
                        records.pop().filter(|record| record.num_attempts == 0 || state.running.is_empty());
                    if let Some(record) = next {
                        state.is_alone = record.num_attempts > 0;
                        let cancel = Arc::new(AtomicBool::new(false));
                        let progress = current(&record);
                        state.running.insert(record.id.clone(), Running { cancel: cancel.clone(), progress });
                        return Some(Job { record, cancel });
                    }
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Err(error) => {
                    tracing::error!(error = %crate::error::Chain(&error), "the queue cannot be read");
                    drop(state);
                    self.pause();
                    state = self.state();
                }
            }
        }
    }

    /// Tells waiting workers that there may be something to do.
    pub(super) fn notify(&self) {
        // The lock orders this after a worker's look into the store and its falling asleep.
        let _state = self.state();
        self.changed.notify_all();
    }

    /// Waits for a while, or until the pipeline stops.
    pub(super) fn pause(&self) {
        let end = Instant::now() + PAUSE;
        let mut state = self.state();
        while !state.stopping {
            let Some(rest) = end.checked_duration_since(Instant::now()) else { return };
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells the watchers of a running call how far it is.
    pub(super) fn publish(&self, job: &Job, progress: CallProgress) {
        let mut state = self.state();
        if job.cancel.load(Ordering::Relaxed) {
            return;
        }
        if let Some(sender) = state.watched.get(&job.record.id) {
            sender.send_replace(progress.clone());
        }
        if let Some(running) = state.running.get_mut(&job.record.id) {
            running.progress = progress;
        }
    }

    /// Ends a job; `last` is what its watchers hear in the end, if the call itself ended.
    pub(super) fn leave(&self, job: &Job, last: Option<CallState>) {
        let mut state = self.state();
        let running = state.running.remove(&job.record.id);
        // Nothing runs beside a suspect, so if there was one, it is this.
        state.is_alone = false;
        let is_deleted = job.cancel.load(Ordering::Relaxed) && !state.stopping;
        if let Some(last) = last.filter(|_| !is_deleted)
            && let Some(sender) = state.watched.remove(&job.record.id)
        {
            let reached = running.map_or_else(|| current(&job.record), |running| running.progress);
            sender.send_replace(CallProgress { state: last, ..reached });
        }
        state.tell_listeners();
        self.changed.notify_all();
    }

    /// Sends to `listener` whenever calls ended or were deleted since it last received, until it is dropped.
    pub(super) fn add_listener(&self, listener: SyncSender<()>) {
        self.state().listeners.push(listener);
    }

    /// Follows a call: its state now, then every change, at last done or failed.
    pub(super) fn watch(
        &self,
        store: &Store,
        id: &CallId,
    ) -> Result<watch::Receiver<CallProgress>, PipelineError> {
        let mut state = self.state();
        // Read under the lock: a worker that finishes the call meanwhile finds the new sender, or is read as finished.
        let record = store.call(id)?.ok_or_else(|| StoreError::NotFound { id: id.clone() })?;
        if matches!(record.state, CallState::Done | CallState::Failed(_)) {
            return Ok(watch::channel(current(&record)).1);
        }
        state.watched.retain(|_, sender| sender.receiver_count() > 0);
        if let Some(sender) = state.watched.get(id) {
            return Ok(sender.subscribe());
        }
        let progress = match state.running.get(id) {
            Some(running) if !running.cancel.load(Ordering::Relaxed) => running.progress.clone(),
            Some(_) | None => current(&record),
        };
        let (sender, receiver) = watch::channel(progress);
        state.watched.insert(id.clone(), sender);
        Ok(receiver)
    }

    /// Interrupts a call that was deleted and tells its watchers.
    pub(super) fn deleted(&self, id: &CallId) {
        let mut state = self.state();
        if let Some(running) = state.running.get(id) {
            running.cancel.store(true, Ordering::Relaxed);
        }
        if let Some(sender) = state.watched.remove(id) {
            let failed = CallState::Failed(PipelineError::Deleted.failure());
            sender.send_modify(|progress| progress.state = failed);
        }
        state.tell_listeners();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Lets no more calls begin, waits up to `grace` for those under way, then interrupts them.
    pub(super) fn stop(&self, grace: Duration) {
        let mut state = self.state();
        state.stopping = true;
        self.changed.notify_all();
        let is_running = |state: &mut State| !state.running.is_empty();
        let waited = self.changed.wait_timeout_while(state, grace, is_running);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        for running in state.running.values() {
            running.cancel.store(true, Ordering::Relaxed);
        }
        // Whoever still watches hears that nothing more comes.
        state.watched.clear();
        state.tell_listeners();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // OK after a panic elsewhere: every change is a single insertion, removal or flag.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn current(record: &CallRecord) -> CallProgress {
    let duration = record.duration.unwrap_or(Millis::ZERO);
    let processed = if record.state == CallState::Done { duration } else { Millis::ZERO };
    CallProgress { state: record.state.clone(), processed, duration }
}
