//! What a job's thread holds on to: what is wanted of it, whom it tells how far it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{ArchiveError, Job, JobState, JobStatus};
use crate::pipeline::Calls;

/// How often the store keeps the numbers of a job while it runs.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// What is wanted of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Run,
    Pause,
    Cancel,
    /// The process ends; the job goes on at the next start.
    Stop,
}

/// Tells the thread of a job what is wanted of it.
#[derive(Debug)]
pub(super) struct Control {
    wish: Mutex<Wish>,
    /// Interrupts a recognition that is under way.
    pub(super) interrupt: AtomicBool,
    wake: SyncSender<()>,
}

#[derive(Debug)]
struct Wish {
    wanted: Wanted,
    /// The thread has ended, or will without asking again.
    is_over: bool,
}

impl Control {
    pub(super) fn new(wake: SyncSender<()>) -> Self {
        let wish = Wish { wanted: Wanted::Run, is_over: false };
        Self { wish: Mutex::new(wish), interrupt: AtomicBool::new(false), wake }
    }

    /// Says what is wanted; false when the thread no longer asks.
    pub(super) fn want(&self, wanted: Wanted) -> bool {
        let mut wish = self.wish();
        if wish.is_over {
            return false;
        }
        wish.wanted = wanted;
        self.interrupt.store(wanted != Wanted::Run, Ordering::SeqCst);
        // OK when it is full: the thread is woken already.
        self.wake.try_send(()).ok();
        true
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.wish().wanted
    }

    /// Whether the thread takes no more wishes.
    pub(super) fn is_over(&self) -> bool {
        self.wish().is_over
    }

    /// What a job that came to `state` comes to by the last wish, after which none is taken; nothing when it is to go on.
    pub(super) fn last_word(&self, state: JobState) -> Option<JobState> {
        let mut wish = self.wish();
        let state = match (state, wish.wanted) {
            (JobState::Paused, Wanted::Run) => return None,
            (JobState::Paused, Wanted::Cancel) => JobState::Cancelled,
            (state, _) => state,
        };
        wish.is_over = true;
        Some(state)
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        // OK after a panic elsewhere: a wish is set in one step.
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job on its thread.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) calls: Arc<Calls>,
    pub(super) job: Job,
    pub(super) control: Arc<Control>,
    woken: Receiver<()>,
    status: watch::Sender<JobStatus>,
    started_at: Instant,
    /// Calls dealt with before this start.
    ended_before: u64,
    saved_at: Instant,
}

impl Run {
    pub(super) fn new(
        calls: Arc<Calls>,
        job: Job,
        control: Arc<Control>,
        woken: Receiver<()>,
        status: watch::Sender<JobStatus>,
    ) -> Self {
        let now = Instant::now();
        let ended_before = job.counts.num_ended();
        Self { calls, job, control, woken, status, started_at: now, ended_before, saved_at: now }
    }

    /// Speed is counted from here on.
    pub(super) fn start_clock(&mut self) {
        self.started_at = Instant::now();
        self.ended_before = self.job.counts.num_ended();
    }

    /// Tells the watchers how far the job is, and now and then the store.
    pub(super) fn publish(&mut self) -> Result<(), ArchiveError> {
        self.tell();
        if self.saved_at.elapsed() >= SAVE_INTERVAL {
            self.save()?;
        }
        Ok(())
    }

    /// Keeps the job as it is now; durable when it returns.
    pub(super) fn save(&mut self) -> Result<(), ArchiveError> {
        self.tell();
        self.calls.store().put_job(&self.job.id, &self.job)?;
        self.saved_at = Instant::now();
        Ok(())
    }

    fn tell(&self) {
        let counts = &self.job.counts;
        let seconds = self.started_at.elapsed().as_secs_f64();
        let number = counts.num_ended().saturating_sub(self.ended_before) as f64;
        let rate = if seconds > 0.0 { number / seconds } else { 0.0 };
        let left = counts.total.saturating_sub(counts.num_ended()) as f64;
        let remaining = (rate > 0.0 && left > 0.0)
            .then(|| Duration::try_from_secs_f64(left / rate).unwrap_or(Duration::MAX));
        self.status.send_replace(JobStatus { job: self.job.clone(), rate, remaining });
    }

    /// Waits until a call ended, something else is wanted, or `limit` is over.
    pub(super) fn wait(&self, limit: Option<Duration>) {
        let woken = match limit {
            Some(limit) => self.woken.recv_timeout(limit),
            None => self.woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match woken {
            // `control` holds a sender, so it is never disconnected while this runs.
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}
