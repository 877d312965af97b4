//! A thread of alerts, and whether it gets anywhere.
//!
//! **Invariant**: a thread that ended, panicked or failed is not well until it has done something again.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::AlertError;

/// What a thread says of itself.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    is_failing: AtomicBool,
}

impl Pulse {
    /// Says whether the last thing that was tried worked.
    pub(super) fn beat(&self, worked: bool) {
        self.is_failing.store(!worked, Ordering::Relaxed);
    }

    fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }
}

/// A thread with its pulse.
#[derive(Debug)]
pub(super) struct Worker {
    pulse: Arc<Pulse>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Lets a thread do `work`, again after a panic: everything lies in the store, and goes on from there. `rest` waits
    /// before that, and says whether the process ends.
    ///
    /// # Errors
    /// [`AlertError::Threads`] when there is none to be had.
    pub(super) fn start(
        name: String,
        rest: impl Fn() -> bool + Send + 'static,
        work: impl Fn(&Pulse) + Send + 'static,
    ) -> Result<Self, AlertError> {
        let pulse = Arc::new(Pulse::default());
        let own = Arc::clone(&pulse);
        let thread = thread::Builder::new().name(name).spawn(move || kept_up(&own, &rest, &work));
        let thread = thread.map_err(|source| AlertError::Threads { source })?;
        Ok(Self { pulse, thread })
    }

    /// Whether it runs and gets anywhere.
    pub(super) fn is_well(&self) -> bool {
        !self.thread.is_finished() && !self.pulse.is_failing()
    }

    /// Waits for its end.
    pub(super) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a thread of alerts ended with a panic");
        }
    }
}

fn kept_up(pulse: &Pulse, rest: &dyn Fn() -> bool, work: &dyn Fn(&Pulse)) {
    while panic::catch_unwind(AssertUnwindSafe(|| work(pulse))).is_err() {
        pulse.beat(false);
        tracing::error!("a thread of alerts panicked, which is a defect: it begins again");
        if rest() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_that_panics_begins_again_until_the_end() {
        let (num_begun, num_rests) = (Cell::new(0), Cell::new(0));
        let work = |_: &Pulse| {
            num_begun.set(num_begun.get() + 1);
            assert!(num_begun.get() > 2, "it panics twice");
        };
        let rest = || {
            num_rests.set(num_rests.get() + 1);
            false
        };
        kept_up(&Pulse::default(), &rest, &work);
        assert_eq!((num_begun.get(), num_rests.get()), (3, 2));
        num_begun.set(0);
        kept_up(&Pulse::default(), &|| true, &work);
        assert_eq!(num_begun.get(), 1, "the process ends");
    }

    /// The thread asks what to do, and says when it is about to ask again.
    #[test]
    fn a_thread_is_well_only_while_it_gets_anywhere() {
        let ((order, orders), (tell, told)) = (mpsc::channel::<&str>(), mpsc::channel::<&str>());
        let tell_rest = tell.clone();
        let rest = move || {
            tell_rest.send("rests").expect("the test listens");
            false
        };
        let orders = std::sync::Mutex::new(orders);
        let work = move |pulse: &Pulse| {
            loop {
                match orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv() {
                    Ok("panic") => panic!("as it was told"),
                    Ok(order) => pulse.beat(order == "work"),
                    Err(_) => return,
                }
                tell.send("done").expect("the test listens");
            }
        };
        let worker = Worker::start("test".to_owned(), rest, work).expect("a thread");
        assert!(worker.is_well(), "nothing went wrong yet");
        let expected = [
            ("work", "done", true),
            ("panic", "rests", false),
            ("work", "done", true),
            ("fail", "done", false),
        ];
        for (say, answer, is_well) in expected {
            order.send(say).expect("it listens");
            assert_eq!((told.recv(), worker.is_well()), (Ok(answer), is_well), "{say}");
        }
        order.send("work").expect("it listens");
        assert_eq!(told.recv(), Ok("done"));
        drop(order);
        while !worker.thread.is_finished() {
            thread::yield_now();
        }
        assert!(!worker.is_well(), "it ended");
        worker.join();
    }
}
