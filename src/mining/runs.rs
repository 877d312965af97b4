//! Runs of mining in the background, one at a time, and what they found.
//!
//! A run reads calls from the store on a thread of its own, writes its finds as documents, then what each call is about to
//! the calls. One that was under way when the process ended has failed and can be started again; nothing of it is left.
//!
//! **Invariant**: finds are those of one whole run. What calls say they are about is written last and not all at once: a
//! process that ends then leaves some calls as they were, and the next run puts all right.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::names::NamedTopic;
use super::outcome::{BurstKind, Outcome, Period};
use super::saved::{self, Run, RunState};
use super::source::StoredCalls;
use super::{Mined, MiningError, mine};
use crate::catalog::{CallQuery, Stage, TimeRange};
use crate::error::{Chain, Classify};
use crate::ingest::Failure;
use crate::store::{Store, StoreError};
use crate::types::CallId;

/// Calls whose annotations are written between two syncs.
const AT_ONCE: usize = 500;

/// All runs of one data directory. All methods block.
#[derive(Debug)]
pub struct MiningRuns {
    store: Arc<Store>,
    zone: TimeZone,
    inner: Mutex<Inner>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Inner {
    thread: Option<JoinHandle<()>>,
    /// The finds that were asked for last.
    found: Option<((u64, u32), Arc<Outcome>)>,
    is_stopping: bool,
}

#[derive(Debug, Default)]
struct Progress {
    num_read: AtomicU64,
    num_to_read: AtomicU64,
    is_cancelled: AtomicBool,
    is_stopped: AtomicBool,
}

/// What to mine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MiningRequest {
    /// Of when.
    pub period: Period,
    /// Fewest calls of a topic; 100 when absent.
    pub min_topic_calls: Option<u32>,
    /// Fewest calls of a word; 10 when absent.
    pub min_word_calls: Option<u32>,
}

impl MiningRuns {
    /// Reads the runs of the store; those that were under way have failed, and those whose finds cannot be read. Days are those `utc_offset_minutes` east of UTC.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn start(store: Arc<Store>, utc_offset_minutes: i32) -> Result<Self, MiningError> {
        let offset = Offset::from_seconds(utc_offset_minutes.saturating_mul(60)).unwrap_or(Offset::UTC);
        match tidy(&store) {
            // What was mined is not worth a server that does not start.
            Err(MiningError::Store(
                error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. }),
            )) => {
                tracing::error!(error = %Chain(&error), "what was mined cannot be read");
            }
            outcome => outcome?,
        }
        Ok(Self { store, zone: TimeZone::fixed(offset), inner: Mutex::default(), progress: Arc::default() })
    }

    /// Begins a run.
    ///
    /// # Errors
    /// [`MiningError::Running`] while another is under way; [`MiningError::Period`]; [`MiningError::NoCalls`]; anything the
    /// disk fails with.
    pub fn mine(&self, request: MiningRequest) -> Result<Run, MiningError> {
        let MiningRequest { period, min_topic_calls, min_word_calls } = request;
        if period.from >= period.before {
            return Err(MiningError::Period { problem: "it ends before it begins" });
        }
        if period.background_from > period.from {
            return Err(MiningError::Period { problem: "its background begins after it" });
        }
        let asked = TimeRange { from: Some(period.from), before: Some(period.before) };
        let asked = CallQuery { started: asked, stages: vec![Stage::Done], ..CallQuery::default() };
        if self.store.catalog().count(&asked) == 0 {
            return Err(MiningError::NoCalls);
        }
        let mut inner = self.inner();
        if inner.is_stopping {
            return Err(MiningError::ShuttingDown);
        }
        self.settle(&mut inner)?;
        let runs = saved::runs(&self.store)?;
        let run = Run {
            id: runs.first().map_or(1, |run| run.id + 1),
            period,
            min_topic_calls: min_topic_calls.unwrap_or(100).max(1),
            min_word_calls: min_word_calls.unwrap_or(10).max(1),
            started_at: Timestamp::from_microsecond(Timestamp::now().as_microsecond())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            ended_at: None,
            state: RunState::Running,
            num_read: 0,
            num_to_read: 0,
            num_pieces: 0,
            num_written: 0,
        };
        saved::put_run(&self.store, &run)?;
        let Progress { num_read, num_to_read, is_cancelled, is_stopped: _ } = &*self.progress;
        num_read.store(0, Ordering::Relaxed);
        num_to_read.store(0, Ordering::Relaxed);
        is_cancelled.store(false, Ordering::Relaxed);
        let work = Work {
            store: Arc::clone(&self.store),
            zone: self.zone.clone(),
            progress: Arc::clone(&self.progress),
            run: run.clone(),
        };
        let thread = thread::Builder::new().name("mining".to_owned()).spawn(move || work.live());
        inner.thread = Some(thread.map_err(|source| MiningError::Threads { source })?);
        Ok(run)
    }

    /// All runs that are kept, the newest first.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn list(&self) -> Result<Vec<Run>, MiningError> {
        let mut runs = saved::runs(&self.store)?;
        for run in runs.iter_mut().filter(|run| run.state == RunState::Running) {
            run.num_read = self.progress.num_read.load(Ordering::Relaxed);
            run.num_to_read = self.progress.num_to_read.load(Ordering::Relaxed);
        }
        Ok(runs)
    }

    /// A run, the newest when `id` is absent.
    ///
    /// # Errors
    /// [`MiningError::NoRun`], [`MiningError::NotFound`]; anything the disk fails with.
    pub fn get(&self, id: Option<u64>) -> Result<Run, MiningError> {
        let mut runs = self.list()?.into_iter();
        match id {
            None => runs.next().ok_or(MiningError::NoRun),
            Some(id) => runs.find(|run| run.id == id).ok_or(MiningError::NotFound { run: id }),
        }
    }

    /// Ends the run that is under way. It says so itself when it has ended.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn cancel(&self) -> Result<Run, MiningError> {
        self.progress.is_cancelled.store(true, Ordering::Relaxed);
        self.get(None)
    }

    /// What a run found; the last that is done when `id` is absent.
    ///
    /// # Errors
    /// [`MiningError::NoRun`], [`MiningError::NotFound`]; anything the disk fails with.
    pub fn found(&self, id: Option<u64>) -> Result<(Run, Arc<Outcome>), MiningError> {
        self.found_in(&mut self.inner(), id)
    }

    fn found_in(&self, inner: &mut Inner, id: Option<u64>) -> Result<(Run, Arc<Outcome>), MiningError> {
        let mut done = saved::runs(&self.store)?.into_iter().filter(|run| run.state == RunState::Done);
        let run = match id {
            None => done.next().ok_or(MiningError::NoRun)?,
            Some(id) => done.find(|run| run.id == id).ok_or(MiningError::NotFound { run: id })?,
        };
        let mut found = match inner.found.take() {
            Some((known, found)) if known == (run.id, run.num_written) => found,
            _ => Arc::new(saved::outcome(&self.store, &run)?),
        };
        // What is deleted is not shown; it leaves the disk at the next start, or with the next run.
        saved::without_deleted(&self.store, Arc::make_mut(&mut found))?;
        inner.found = Some(((run.id, run.num_written), Arc::clone(&found)));
        Ok((run, found))
    }

    /// Names a topic of the last run; runs to come find the name again. Calls about it say so.
    ///
    /// # Errors
    /// [`MiningError::NoTopic`], [`MiningError::NameTaken`], [`MiningError::Running`]; anything the disk fails with.
    pub fn rename(&self, topic: &str, name: &str) -> Result<(Run, Arc<Outcome>), MiningError> {
        let mut inner = self.inner();
        self.settle(&mut inner)?;
        let (mut run, found) = self.found_in(&mut inner, None)?;
        let mut outcome = (*found).clone();
        if topic != name && outcome.topics.iter().any(|other| other.name == name) {
            return Err(MiningError::NameTaken { name: name.to_owned() });
        }
        let renamed = outcome.topics.iter_mut().find(|one| one.name == topic);
        let renamed = renamed.ok_or_else(|| MiningError::NoTopic { name: topic.to_owned() })?;
        name.clone_into(&mut renamed.name);
        renamed.is_named = true;
        let named = NamedTopic { name: name.to_owned(), key_words: renamed.key_words.clone() };
        for burst in &mut outcome.bursts {
            if burst.kind == BurstKind::Topic && burst.name == topic {
                name.clone_into(&mut burst.name);
            }
        }
        // Calls first: begun anew after a kill, the name finds the topic as it was.
        let about: Vec<CallId> = {
            let catalog = self.store.catalog();
            let about =
                catalog.calls().filter(|call| call.annotations.topics.iter().any(|one| **one == *topic));
            about.map(|call| call.id.clone()).collect()
        };
        for ids in about.chunks(AT_ONCE) {
            self.store.annotate_many(ids, |_, annotations| {
                for one in annotations.topics.iter_mut().filter(|one| ***one == *topic) {
                    *one = name.into();
                }
            })?;
        }
        saved::add_name(&self.store, named)?;
        saved::put_outcome(&self.store, &mut run, &outcome)?;
        let found = Arc::new(outcome);
        inner.found = Some(((run.id, run.num_written), Arc::clone(&found)));
        Ok((run, found))
    }

    /// Ends what is under way; it has failed then and can be started again.
    pub fn shutdown(&self) {
        let thread = {
            let mut inner = self.inner();
            inner.is_stopping = true;
            self.progress.is_stopped.store(true, Ordering::Relaxed);
            inner.thread.take()
        };
        if let Some(thread) = thread {
            join(thread);
        }
    }

    /// Waits for a run that is over to tidy up behind it.
    ///
    /// # Errors
    /// [`MiningError::Running`] while it is not over; anything the disk fails with.
    fn settle(&self, inner: &mut Inner) -> Result<(), MiningError> {
        if inner.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            let last = saved::runs(&self.store)?.into_iter().next();
            if let Some(run) = last.filter(|run| run.state == RunState::Running) {
                return Err(MiningError::Running { run: run.id });
            }
        }
        // It takes no lock of ours.
        inner.thread.take().into_iter().for_each(join);
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // OK after a panic elsewhere: every change is one assignment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MiningRuns {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("the thread of a run of mining ended with a panic");
    }
}

/// Ends runs that were under way when the process ended, and takes out what quotes deleted calls.
fn tidy(store: &Store) -> Result<(), MiningError> {
    for mut run in saved::runs(store)? {
        if run.state == RunState::Running {
            let message = "the server ended while it ran: start it again".to_owned();
            run.state = RunState::Failed(Failure { reason: "mining.shutting_down".to_owned(), message });
            run.ended_at = Some(Timestamp::now());
            saved::put_run(store, &run)?;
        }
    }
    saved::forget_deleted(store)
}

/// A run on its thread.
struct Work {
    store: Arc<Store>,
    zone: TimeZone,
    progress: Arc<Progress>,
    run: Run,
}

impl Work {
    fn live(mut self) {
        tracing::info!(run = self.run.id, "mining begins");
        let outcome = catch_unwind(AssertUnwindSafe(|| self.work()));
        let ended = match outcome {
            Ok(Ok(true)) => None,
            Ok(Ok(false)) if self.progress.is_stopped.load(Ordering::Relaxed) => {
                Some(RunState::Failed(failure(&MiningError::ShuttingDown)))
            }
            Ok(Ok(false)) => Some(RunState::Cancelled),
            Ok(Err(error)) => {
                tracing::error!(run = self.run.id, error = %Chain(&error), "mining failed");
                Some(RunState::Failed(failure(&error)))
            }
            Err(_) => {
                let message = "a defect ended it: please report it with the log".to_owned();
                Some(RunState::Failed(Failure { reason: "serve.panicked".to_owned(), message }))
            }
        };
        if let Some(state) = ended {
            self.run.state = state;
            self.run.ended_at = Some(Timestamp::now());
            self.run.num_read = self.progress.num_read.load(Ordering::Relaxed);
            self.run.num_pieces = 0;
            if let Err(error) = saved::put_run(&self.store, &self.run) {
                tracing::error!(run = self.run.id, error = %Chain(&error), "the end of mining is not kept");
            }
        }
        if let Err(error) = saved::forget_deleted(&self.store) {
            tracing::error!(error = %Chain(&error), "old runs of mining are not removed");
        }
        tracing::info!(run = self.run.id, "mining ends");
    }

    /// Says whether it came to an end.
    fn work(&mut self) -> Result<bool, MiningError> {
        let store = Arc::clone(&self.store);
        let calls = StoredCalls::of(&store, &self.run.period, &self.zone);
        self.run.num_to_read = 2 * calls.len() as u64;
        self.progress.num_to_read.store(self.run.num_to_read, Ordering::Relaxed);
        let request = self.run.request(saved::names(&store)?);
        let progress = Arc::clone(&self.progress);
        let goes_on = || {
            let is_over = [&progress.is_cancelled, &progress.is_stopped];
            !is_over.into_iter().any(|is_over| is_over.load(Ordering::Relaxed))
        };
        let mined = mine::mine(&calls, &request, &mut |num_read| {
            progress.num_read.store(num_read, Ordering::Relaxed);
            if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let Some(Mined { outcome, assignments }) = mined else { return Ok(false) };
        let name_of = |topic: Option<u16>| topic.and_then(|at| outcome.topics.get(usize::from(at)));
        for chunk in assignments.chunks(AT_ONCE) {
            // Not by cancelling: half of the calls would say one thing and half another.
            if progress.is_stopped.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let ids: Vec<CallId> = chunk
                .iter()
                .map(|one| calls.id(one.number).cloned())
                .collect::<Option<_>>()
                .unwrap_or_default();
            store.annotate_many(&ids, |at, annotations| {
                let Some(one) = chunk.get(at) else { return };
                annotations.topics =
                    name_of(one.topic).map(|topic| topic.name.as_str().into()).into_iter().collect();
                annotations.demands = one.demands.iter().map(|demand| demand.label().into()).collect();
            })?;
        }
        self.run.num_read = self.progress.num_read.load(Ordering::Relaxed);
        self.run.state = RunState::Done;
        self.run.ended_at = Some(Timestamp::now());
        saved::put_outcome(&store, &mut self.run, &outcome)?;
        Ok(true)
    }
}

fn failure(error: &MiningError) -> Failure {
    Failure { reason: error.reason().to_owned(), message: error.to_string() }
}
