//! Calls of a source to what is counted of them, read on several threads and shown in order.
//!
//! Reading, decoding and cutting into words are most of the work of a run and know nothing of other calls; only what
//! counts must see calls one after the other.
//!
//! **Invariant**: calls are shown in the order of their numbers, each once, however many threads there are; at most
//! [`MAX_THREADS`] times three chunks of calls are in memory.

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::demand::{self, Demand};
use super::input::{MinedCall, Source};
use super::tokens;
use crate::analysis::text::{self, Mood};
use crate::types::SpeakerRole;

/// Threads that read, where there are so many cores: one run is not to take a server from everything else.
const MAX_THREADS: usize = 4;
/// Calls that a thread reads before it hands them over.
const CHUNK: usize = 16;

/// A call and what its turns come to.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) call: MinedCall,
    /// One of each of its turns.
    pub(super) turns: Vec<HeardTurn>,
}

/// What one turn comes to.
#[derive(Debug)]
pub(super) struct HeardTurn {
    pub(super) plain: String,
    /// Of a customer: stretches of pieces, as `tokens` cuts them.
    pub(super) runs: Vec<Vec<String>>,
    /// Of a customer: what is wanted.
    pub(super) demand: Option<Demand>,
    /// Of a customer: of bad mood, or a complaint.
    pub(super) is_bad: bool,
}

impl Heard {
    /// Everything that is counted of a call.
    pub(super) fn of(call: MinedCall) -> Self {
        let turns = call.turns.iter().map(|turn| {
            let plain = text::plain(&turn.text);
            if turn.role != SpeakerRole::Customer {
                return HeardTurn { plain, runs: Vec::new(), demand: None, is_bad: false };
            }
            let demand = demand::of_plain(plain.clone());
            let is_bad = text::mood(&plain) == Mood::Negative || demand == Some(Demand::Complaint);
            HeardTurn { runs: tokens::runs_of(&plain), demand, is_bad, plain }
        });
        Self { turns: turns.collect(), call }
    }
}

/// The words of a call's customers, turn by turn, with its number and time.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) call: MinedCall,
    pub(super) turns: Vec<Vec<Vec<String>>>,
}

impl Words {
    pub(super) fn of(mut call: MinedCall) -> Self {
        let turns = std::mem::take(&mut call.turns);
        let of_customers = turns.iter().filter(|turn| turn.role == SpeakerRole::Customer);
        Self { turns: of_customers.map(|turn| tokens::runs(&turn.text)).collect(), call }
    }
}

/// What a thread hands over: the calls of one chunk, `None` for those that cannot be shown, up to an error.
type Chunk<T, E> = Result<Vec<Option<T>>, E>;

/// Reads every call of `source` by `read` and shows it, until `see` breaks. Gives how many could not be shown.
pub(super) fn in_order<S: Source, T: Send>(
    source: &S,
    read: impl Fn(&S, u32) -> Result<Option<T>, S::Error> + Sync,
    mut see: impl FnMut(T) -> ControlFlow<()>,
) -> Result<u32, S::Error> {
    let numbers = source.numbers();
    let num_threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let num_chunks = numbers.len().div_ceil(CHUNK);
    let (numbers, read) = (&numbers, &read);
    thread::scope(|scope| {
        let inboxes: Vec<_> = (0..num_threads)
            .map(|first| {
                let (outbox, inbox) = sync_channel::<Chunk<T, S::Error>>(1);
                scope.spawn(move || {
                    for chunk in numbers.chunks(CHUNK).skip(first).step_by(num_threads) {
                        let read: Chunk<T, S::Error> =
                            chunk.iter().map(|number| read(source, *number)).collect();
                        let has_failed = read.is_err();
                        // Nobody listens any more when what sees the calls has had enough.
                        if outbox.send(read).is_err() || has_failed {
                            return;
                        }
                    }
                });
                inbox
            })
            .collect();
        let mut num_left_out = 0;
        for inbox in inboxes.iter().cycle().take(num_chunks) {
            // A thread that panicked sends nothing; the scope passes its panic on.
            let Ok(chunk) = inbox.recv() else { break };
            for call in chunk? {
                let Some(call) = call else {
                    num_left_out += 1;
                    continue;
                };
                if see(call).is_break() {
                    return Ok(num_left_out);
                }
            }
        }
        Ok(num_left_out)
    })
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
