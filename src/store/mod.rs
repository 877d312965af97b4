//! Keeps calls, dialogues, findings and scores in one data directory, with indexes by time, agent, rule and state.
//!
//! The only module that names sled. What is small and asked for by index lies in sled (`index/`); what is large, a
//! call's dialogue and findings, lies in one file per call (`results/`); audio lies outside (see `ingest`). Every value
//! is versioned, compressed and checksummed. docs/adr/001-store-engine.md tells why, and what sled needs to be safe.
//!
//! **Invariant**: no sled type in the public API; a write that was acknowledged survives a power cut.

mod access;
mod bulk;
mod calls;
mod codec;
mod config;
mod delete;
mod documents;
mod durability;
mod error;
mod facts;
mod jobs;
mod keys;
mod open;
mod query;
mod record;
mod results;
mod rewrite;
mod row;
mod said;
#[cfg(test)]
mod tests;
mod token;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

pub use access::{AccessKind, AccessRecord};
pub use calls::Inserted;
pub use config::StoreConfig;
pub use documents::{Family, Readable, Writes};
pub use error::StoreError;
pub use facts::{Change, Reindexed};
pub use query::{CallFilter, CallSummary, Page, readable};
pub use record::{AgentPart, CallResult, Masking};
pub use rewrite::FinishedCall;
pub use said::{Said, SaidHit, SaidTurn};
pub use token::PageToken;

use crate::catalog::Catalog;
use crate::types::CallId;
use durability::Durability;
use facts::Feed;
use results::ResultFiles;

const NUM_LOCKS: usize = 64;

/// Everything known about the calls of one data directory. One process, one `Store`; shared by all threads.
///
/// All methods block; none may be called from an async task.
#[derive(Debug)]
pub struct Store {
    index: sled::Db,
    durability: Durability,
    results: ResultFiles,
    /// Reading, changing and writing one call excludes itself; different calls rarely share a lock.
    locks: [Mutex<()>; NUM_LOCKS],
    catalog: RwLock<Catalog>,
    feed: Feed,
    data_dir: PathBuf,
    /// Last, so that it is released when sled has let go of its files.
    _lock: std::fs::File,
}

impl Store {
    /// Opens the store in `config.data_dir`, creating it when missing and mending what a crash left.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it; [`StoreError::Broken`] when the index cannot be read even
    /// after mending; [`StoreError::Io`] or [`StoreError::DiskFull`] when the disk refuses.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let parts = open::open(config)?;
        let store = Self {
            index: parts.index,
            durability: parts.durability,
            results: parts.results,
            locks: std::array::from_fn(|_| Mutex::new(())),
            catalog: RwLock::default(),
            feed: Feed::default(),
            data_dir: config.data_dir.clone(),
            _lock: parts.lock,
        };
        store.finish_deletions()?;
        let is_whole = store.load_catalog()?;
        if !is_whole || !parts.has_rows {
            tracing::info!("the facts of all calls are made anew");
            let report = store.reindex()?;
            tracing::info!(?report, "the facts of all calls are made");
            open::note_layout(&store.index, &store.durability)?;
        }
        Ok(store)
    }

    /// Whether the store still takes writes; it stops for good when the disk failed once.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when it no longer does.
    pub fn check(&self) -> Result<(), StoreError> {
        self.durability.check()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Returns when everything written before is on the disk; many callers share one sync.
    fn commit(&self) -> Result<(), StoreError> {
        self.durability.commit(&self.index)
    }

    /// Applies `batch` in one step. A failure stops the store: sled answers nothing after one, and may panic.
    fn apply(&self, batch: sled::Batch) -> Result<(), StoreError> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.index.apply_batch(batch)));
        let outcome = outcome.map_err(|_| StoreError::Stopped).and_then(|outcome| Ok(outcome?));
        if let Err(error) = &outcome {
            tracing::error!(error = %crate::error::Chain(error), "the store stops: a write failed");
            self.durability.stop();
        }
        outcome
    }

    fn guard(&self, id: &CallId) -> MutexGuard<'_, ()> {
        let bucket = crc32c::crc32c(id.as_str().as_bytes()) as usize % NUM_LOCKS;
        // OK after a panic elsewhere: the lock guards no data, and batches are atomic.
        self.locks[bucket].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
