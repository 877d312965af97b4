//! Makes writes durable before they are acknowledged, many writers with one sync.
//!
//! `sled::Db::flush` hands the log to the kernel, but on Linux with `sync_file_range`, which does not reach the disk's
//! own cache; an `fsync` of the same file through a handle of our own does.
//!
//! **Invariant**: after a sync failed once, nothing is acknowledged any more. What the kernel dropped then is unknown.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::StoreError;

#[derive(Debug)]
pub(super) struct Durability {
    log: File,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Writers that asked so far.
    requested: u64,
    /// Of these, the first so many are on the disk.
    durable: u64,
    syncing: bool,
    stopped: bool,
}

impl Durability {
    /// `log` is the file that sled appends to.
    pub(super) fn new(log: File) -> Self {
        Self { log, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.state().stopped { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// Takes no more writes from now on.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    /// Returns when everything that this thread wrote to `index` is on the disk.
    ///
    /// The first to come syncs; whoever comes meanwhile waits and shares the next sync.
    pub(super) fn commit(&self, index: &sled::Db) -> Result<(), StoreError> {
        let mut state = self.state();
        state.requested += 1;
        let own = state.requested;
        loop {
            if state.durable >= own {
                return Ok(());
            }
            if state.stopped {
                return Err(StoreError::Stopped);
            }
            if state.syncing {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.syncing = true;
            let target = state.requested;
            drop(state);
            let outcome = self.sync(index);
            state = self.state();
            state.syncing = false;
            match outcome {
                Ok(()) => state.durable = target,
                Err(error) => {
                    state.stopped = true;
                    tracing::error!(error = %crate::error::Chain(&error), "the store stops: a sync failed");
                    self.changed.notify_all();
                    return Err(error);
                }
            }
            self.changed.notify_all();
        }
    }

    fn sync(&self, index: &sled::Db) -> Result<(), StoreError> {
        // A panic in sled must not leave the other writers waiting for ever.
        catch_unwind(AssertUnwindSafe(|| index.flush())).map_err(|_| StoreError::Stopped)??;
        Ok(self.log.sync_data()?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
