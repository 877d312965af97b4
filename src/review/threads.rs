//! The thread that lets sampling plans follow what comes in.
//!
//! **Invariant**: it ends soon after it is told to, and what it had not dealt with waits for the next start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;

use super::{ReviewError, Reviews};
use crate::error::Chain;

/// Longest sleep when nothing changes: windows of time end without a change.
const PAUSE: Duration = Duration::from_millis(500);

/// Lets plans draw as calls come in, until it is dropped.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`ReviewError::Threads`] when there is none to be had.
    pub fn start(reviews: Arc<Reviews>) -> Result<Self, ReviewError> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new().name("sampling".to_owned()).spawn(move || {
            let mut has_failed = false;
            while !told.load(Ordering::Relaxed) {
                match reviews.follow(Timestamp::now()) {
                    Ok(_) => has_failed = false,
                    Err(error) if has_failed => tracing::debug!(error = %Chain(&error), "still no sampling"),
                    Err(error) => {
                        tracing::error!(error = %Chain(&error), "sampling plans cannot go on");
                        has_failed = true;
                    }
                }
                // What was queued just now is a change too, and nothing new to a plan.
                let has_changed = reviews.store.wait_for_change(reviews.store.last_change(), PAUSE);
                tracing::trace!(has_changed, "plans look again");
            }
        });
        let thread = thread.map_err(|source| ReviewError::Threads { source })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of sampling ended with a panic");
        }
    }
}
