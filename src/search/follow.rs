//! Follows the changes of the store: takes in calls as they are judged, drops them as they are deleted.
//!
//! **Invariant**: how far the index is stands in the commit that took it there, so a kill repeats work and loses none.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::engine::{Engine, Writer};
use super::{Found, SearchError, TextQuery};
use crate::store::{Change, Store, StoreError};

/// Shortest time between two commits. A call is found about so long after its end.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
/// Of the time, commits take at most one part in so many.
const COMMIT_SHARE: u32 = 10;
/// Longest time between two commits while there is a backlog.
const COMMIT_AT_LEAST_EVERY: Duration = Duration::from_secs(20);
/// How often a thread that waits for changes looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(2);
/// Changes taken in one step.
const STEP: usize = 256;

#[derive(Debug, Default)]
struct State {
    /// Questions see everything up to this change.
    current_to: u64,
    is_stopping: bool,
    is_to_begin_anew: bool,
}

#[derive(Debug)]
pub(super) struct Follower {
    store: Arc<Store>,
    dir: PathBuf,
    engine: RwLock<Arc<Engine>>,
    /// What the thread takes when it begins.
    writer: Mutex<Option<Writer>>,
    state: Mutex<State>,
    changed: Condvar,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl Follower {
    pub(super) fn open(store: Arc<Store>) -> Result<Self, SearchError> {
        let dir = store.data_dir().join("search");
        // Further than the store: the store was restored from a backup.
        let opened = Engine::open(&dir).filter(|(_, _, cursor)| *cursor <= store.last_change());
        let (engine, writer, current_to) = match opened {
            Some(opened) => opened,
            None => {
                tracing::info!("the text index is made anew");
                let (engine, writer) = Engine::create(&dir)?;
                (engine, writer, 0)
            }
        };
        Ok(Self {
            store,
            dir,
            engine: RwLock::new(Arc::new(engine)),
            writer: Mutex::new(Some(writer)),
            state: Mutex::new(State { current_to, ..State::default() }),
            changed: Condvar::new(),
        })
    }

    pub(super) fn find(&self, query: &TextQuery) -> Result<Found, SearchError> {
        // Before the question: what it sees is at least that.
        let current_to = self.current_to();
        Ok(Found { calls: self.engine().find(query)?, current_to })
    }

    pub(super) fn current_to(&self) -> u64 {
        self.state().current_to
    }

    pub(super) fn wait_for(&self, change: u64, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut state = self.state();
        while state.current_to < change {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(super) fn begin_anew(&self) {
        let mut state = self.state();
        state.is_to_begin_anew = true;
        state.current_to = 0;
        self.changed.notify_all();
    }

    pub(super) fn num_texts(&self) -> u64 {
        self.engine().num_texts()
    }

    pub(super) fn num_bytes(&self) -> Result<u64, SearchError> {
        self.engine().num_bytes()
    }

    pub(super) fn stop(&self) {
        self.state().is_stopping = true;
        self.changed.notify_all();
    }

    /// Follows until it is stopped.
    pub(super) fn run(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut writer = writer.filter(|_| self.engine().is_sound());
        let mut cursor = if writer.is_some() { self.current_to() } else { 0 };
        while !self.state().is_stopping {
            if std::mem::take(&mut self.state().is_to_begin_anew) {
                writer = None;
            }
            let outcome = match writer.as_mut() {
                Some(writer) => self.follow(writer, &mut cursor),
                None => self.renew().map(|new| {
                    writer = Some(new);
                    cursor = 0;
                }),
            };
            if let Err(error) = outcome {
                tracing::error!(error = %crate::error::Chain(&error), "the text index is made anew");
                writer = None;
                self.rest(PAUSE);
            }
        }
        if let Some(writer) = writer {
            writer.close();
        }
    }

    /// Begins with an empty index.
    fn renew(&self) -> Result<Writer, SearchError> {
        let (engine, writer) = Engine::create(&self.dir)?;
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(engine);
        self.state().current_to = 0;
        Ok(writer)
    }

    /// Takes in what changed, if anything did, and commits it.
    fn follow(&self, writer: &mut Writer, cursor: &mut u64) -> Result<(), SearchError> {
        if !self.store.wait_for_change(*cursor, LOOK_EVERY) {
            return Ok(());
        }
        let started = Instant::now();
        let mut far = *cursor;
        loop {
            let changes = match self.store.changes(far, STEP) {
                Ok(changes) => changes,
                Err(error) => {
                    tracing::error!(error = %crate::error::Chain(&error), "the text index waits for the store");
                    self.rest(PAUSE);
                    break;
                }
            };
            let Some(last) = changes.last() else { break };
            let next = last.change;
            for change in changes {
                self.take(writer, &change)?;
            }
            far = next;
            if started.elapsed() >= COMMIT_AT_LEAST_EVERY {
                break;
            }
            if self.is_interrupted() {
                break;
            }
        }
        if far == *cursor || self.state().is_to_begin_anew {
            return Ok(());
        }
        let before = Instant::now();
        writer.commit(far)?;
        self.engine().reload()?;
        *cursor = far;
        {
            let mut state = self.state();
            if !state.is_to_begin_anew {
                state.current_to = far;
            }
            self.changed.notify_all();
        }
        self.rest(COMMIT_EVERY.max(before.elapsed() * COMMIT_SHARE).saturating_sub(started.elapsed()));
        Ok(())
    }

    /// Takes in one call as it is now.
    fn take(&self, writer: &mut Writer, change: &Change) -> Result<(), SearchError> {
        let Some(id) = &change.id else {
            writer.remove(change.number);
            return Ok(());
        };
        let has_text = self.store.catalog().call(change.number).is_some_and(|call| call.judgement.is_some());
        if !has_text {
            // No result was ever there, so no document either; or it was deleted since, which is told later.
            return Ok(());
        }
        match self.store.dialogue(id) {
            Ok(Some(dialogue)) => writer.put(change.number, &dialogue),
            Ok(None) => Ok(()),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                tracing::error!(call = %id, %error, "a call is not found by its text");
                writer.remove(change.number);
                Ok(())
            }
            Err(error) => Err(SearchError::engine(error)),
        }
    }

    fn is_interrupted(&self) -> bool {
        let state = self.state();
        state.is_stopping || state.is_to_begin_anew
    }

    /// Waits, unless it is to end.
    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !state.is_stopping && !state.is_to_begin_anew {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
