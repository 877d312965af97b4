//! Follows the changes of the store: takes in calls as they are judged, drops them as they are deleted.
//!
//! **Invariant**: how far the index is stands in the commit that took it there, so a kill repeats work and loses none.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::engine::{CallText, Engine, Fields, Writer};
use super::{Found, SearchError, TextQuery, side_by_side};
use crate::store::{Change, Store, StoreError};
use crate::types::CallId;

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
/// Most threads that read calls.
const MAX_THREADS: usize = 8;
/// Fewest calls that are worth a thread.
const MIN_CALLS: usize = 16;

#[derive(Debug)]
struct State {
    /// What questions are put to.
    engine: Arc<Engine>,
    /// It has everything up to this change. Beside the engine, so that nobody takes the one for the other's.
    current_to: u64,
    is_stopping: bool,
    is_to_begin_anew: bool,
    /// The last thing that was tried with the index failed.
    is_failing: bool,
}

#[derive(Debug)]
pub(super) struct Follower {
    store: Arc<Store>,
    dir: PathBuf,
    /// What the thread takes when it begins, and how far that is.
    writer: Mutex<Option<(Writer, u64)>>,
    state: Mutex<State>,
    changed: Condvar,
}

/// What a change means for the index.
enum Step {
    Nothing,
    /// The call has no text, or none that can be read.
    Without,
    Text(Box<CallText>),
}

/// What is to be read of a changed call.
enum Wanted<'a> {
    Nothing,
    Without,
    /// What was said, by the result of this number.
    Dialogue(&'a CallId, u32),
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
        let (engine, writer, cursor) = match opened {
            Some(opened) => opened,
            None => {
                tracing::info!("the text index is made anew");
                let (engine, writer) = Engine::create(&dir)?;
                (engine, writer, 0)
            }
        };
        // It claims nothing before its files are checked.
        let state = State {
            engine: Arc::new(engine),
            current_to: 0,
            is_stopping: false,
            is_to_begin_anew: false,
            is_failing: false,
        };
        Ok(Self {
            store,
            dir,
            writer: Mutex::new(Some((writer, cursor))),
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    pub(super) fn find(&self, query: &TextQuery) -> Result<Found, SearchError> {
        // What the engine sees when it is asked is at least that.
        let (engine, current_to) = {
            let state = self.state();
            (Arc::clone(&state.engine), state.current_to)
        };
        Ok(Found { calls: engine.find(query)?, current_to })
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

    /// Whether the index itself fails, now and until something works again.
    pub(super) fn is_failing(&self) -> bool {
        self.state().is_failing
    }

    /// Follows until it is stopped.
    pub(super) fn run(&self) {
        let opened = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut following = opened.and_then(|(writer, cursor)| self.checked(&self.engine(), writer, cursor));
        if let Some((_, cursor)) = &following {
            self.is_current_to(*cursor);
        }
        let mut may_open = false;
        while !self.state().is_stopping {
            if std::mem::take(&mut self.state().is_to_begin_anew) {
                (following, may_open) = (None, false);
            }
            let outcome = match following.as_mut() {
                Some((writer, cursor)) => self.follow(writer, cursor),
                None => self.renew(may_open).map(|new| following = Some(new)),
            };
            self.state().is_failing = outcome.is_err();
            if let Err(error) = outcome {
                tracing::error!(error = %crate::error::Chain(&error), "the text index is opened again, or made anew when it is damaged");
                (following, may_open) = (None, true);
                self.rest(PAUSE);
            }
        }
        if let Some((writer, _)) = following {
            writer.close();
        }
    }

    /// The writer of `engine`, if all that the index holds is whole.
    fn checked(&self, engine: &Engine, mut writer: Writer, cursor: u64) -> Option<(Writer, u64)> {
        if !engine.is_sound() {
            return None;
        }
        writer.remember(engine.results().ok()?);
        Some((writer, cursor))
    }

    /// Goes on from the last commit where that is allowed and whole, and else begins with an empty index.
    fn renew(&self, may_open: bool) -> Result<(Writer, u64), SearchError> {
        let opened = if may_open { Engine::open(&self.dir) } else { None };
        let opened = opened.filter(|(_, _, cursor)| *cursor <= self.store.last_change());
        let opened = opened.and_then(|(engine, writer, cursor)| {
            let (writer, cursor) = self.checked(&engine, writer, cursor)?;
            Some((engine, writer, cursor))
        });
        let (engine, writer, cursor) = match opened {
            Some(opened) => opened,
            None => {
                let (engine, writer) = Engine::create(&self.dir)?;
                (engine, writer, 0)
            }
        };
        let mut state = self.state();
        state.engine = Arc::new(engine);
        state.current_to = if state.is_to_begin_anew { 0 } else { cursor };
        self.changed.notify_all();
        Ok((writer, cursor))
    }

    /// Takes in what changed, if anything did, and commits it.
    fn follow(&self, writer: &mut Writer, cursor: &mut u64) -> Result<(), SearchError> {
        if !self.store.wait_for_change(*cursor, LOOK_EVERY) {
            return Ok(());
        }
        let started = Instant::now();
        let mut far = *cursor;
        let mut waits = false;
        while !waits {
            let changes = match self.store.changes(far, STEP) {
                Ok(changes) => changes,
                Err(error) => {
                    tracing::error!(error = %crate::error::Chain(&error), "the text index waits for the store");
                    waits = true;
                    break;
                }
            };
            if changes.is_empty() {
                break;
            }
            for (change, step) in changes.iter().zip(self.steps(writer, &changes)) {
                match step {
                    Ok(Step::Nothing) => {}
                    Ok(Step::Without) => writer.remove(change.number),
                    Ok(Step::Text(text)) => writer.put(*text)?,
                    Err(error) => {
                        let call = change.id.as_ref().map(tracing::field::display);
                        tracing::error!(call, error = %crate::error::Chain(&error), "the text index waits for the store");
                        waits = true;
                        break;
                    }
                }
                far = change.change;
            }
            if started.elapsed() >= COMMIT_AT_LEAST_EVERY || self.is_interrupted() {
                break;
            }
        }
        if far != *cursor && !self.state().is_to_begin_anew {
            let before = Instant::now();
            writer.commit(far)?;
            self.engine().reload()?;
            *cursor = far;
            self.is_current_to(far);
            self.rest(COMMIT_EVERY.max(before.elapsed() * COMMIT_SHARE).saturating_sub(started.elapsed()));
        }
        if waits {
            self.rest(PAUSE);
        }
        Ok(())
    }

    /// Tells that questions see everything up to a change.
    fn is_current_to(&self, change: u64) {
        let mut state = self.state();
        if !state.is_to_begin_anew {
            state.current_to = change;
        }
        self.changed.notify_all();
    }

    /// What each of `changes` means, in their order. Calls are read by several threads when there are many.
    fn steps(&self, writer: &Writer, changes: &[Change]) -> Vec<Result<Step, StoreError>> {
        let fields = writer.fields();
        let wanted: Vec<(u32, Wanted<'_>)> =
            changes.iter().map(|change| (change.number, self.wanted(writer, change))).collect();
        // So that a single call costs no thread.
        let num_threads = MAX_THREADS.min(wanted.len() / MIN_CALLS);
        side_by_side::each(&wanted, num_threads, |(number, wanted)| self.read(fields, *number, wanted))
    }

    fn wanted<'a>(&self, writer: &Writer, change: &'a Change) -> Wanted<'a> {
        let Some(id) = &change.id else { return Wanted::Without };
        let result = self.store.catalog().call(change.number).map_or(0, |call| call.result);
        // No result was ever there, so no document either; or the call was deleted since, which is told later. And most
        // changes are of what is said about a call, not of what was said in it.
        if result == 0 || writer.has(change.number, result) {
            return Wanted::Nothing;
        }
        Wanted::Dialogue(id, result)
    }

    fn read(&self, fields: Fields, number: u32, wanted: &Wanted<'_>) -> Result<Step, StoreError> {
        let (id, result) = match wanted {
            Wanted::Nothing => return Ok(Step::Nothing),
            Wanted::Without => return Ok(Step::Without),
            Wanted::Dialogue(id, result) => (id, *result),
        };
        match self.store.dialogue(id) {
            // The dialogue may be of a later result by now; then that is told later, and taken in again.
            Ok(Some(dialogue)) => Ok(Step::Text(Box::new(CallText::of(fields, number, result, &dialogue)))),
            Ok(None) => Ok(Step::Nothing),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                tracing::error!(call = %id, %error, "a call is not found by its text");
                Ok(Step::Without)
            }
            Err(error) => Err(error),
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
        Arc::clone(&self.state().engine)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
