//! Work on many things by several threads, in the order of the things.
//!
//! **Invariant**: what comes out is what one thread would give; a panic of one is a panic of all.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does `work` with each of `things`, by at most `max_threads` and as many as there are cores. Whoever is free takes the
/// next, so what takes longest should stand first.
pub(super) fn each<T: Sync, U: Send>(
    things: &[T],
    max_threads: usize,
    work: impl Fn(&T) -> U + Sync,
) -> Vec<U> {
    let num_threads = thread::available_parallelism().map_or(1, NonZero::get).min(max_threads);
    if num_threads < 2 {
        return things.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return done };
            done.push((at, work(thing)));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..num_threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_the_order_of_the_things() {
        for (num_things, max_threads) in [(0, 4), (1, 4), (1_000, 0), (1_000, 1), (1_000, 4)] {
            let things: Vec<usize> = (0..num_things).collect();
            let doubled: Vec<usize> = things.iter().map(|thing| 2 * thing).collect();
            assert_eq!(each(&things, max_threads, |thing| 2 * thing), doubled);
        }
    }

    #[test]
    #[should_panic = "the fiftieth"]
    fn a_panic_is_passed_on() {
        let things: Vec<u32> = (0..100).collect();
        each(&things, 4, |thing| assert_ne!(*thing, 50, "the fiftieth"));
    }
}
