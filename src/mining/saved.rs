//! Runs and what they found as documents of the store: one for each run, and the finds as JSON text in pieces, because a
//! document is small.
//!
//! **Invariant**: a run is done only when all its pieces are there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::NamedTopic;
use super::outcome::{Outcome, Period, WeakSpots};
use super::{MiningError, mine};
use crate::error::{Chain, Classify};
use crate::ingest::Failure;
use crate::store::{Family, Store, StoreError, Writes};

/// Bytes of one piece; the document with it stays far below the limit.
const PIECE_BYTES: usize = 4 << 10;
/// Runs that are kept.
const MAX_RUNS: usize = 10;
/// Names that are kept, the newest.
const MAX_NAMES: usize = 500;
/// Documents that are read or written at once.
const AT_ONCE: usize = 256;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Calls are read, or what they are about is written to them.
    Running,
    /// Its finds can be had.
    Done,
    /// A person ended it.
    Cancelled,
    /// It could not go on.
    Failed(Failure),
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number: higher than that of every run before.
    pub id: u64,
    /// Of when.
    pub period: Period,
    /// Fewest calls of a topic.
    pub min_topic_calls: u32,
    /// Fewest calls of a word.
    pub min_word_calls: u32,
    /// When it was asked for.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How far.
    pub state: RunState,
    /// Calls that were read.
    pub num_read: u64,
    /// Calls to read: each of them twice.
    pub num_to_read: u64,
    /// Pieces of its finds.
    pub num_pieces: u32,
    /// How often its finds were written.
    #[serde(default)]
    pub num_written: u32,
}

fn run_key(id: u64) -> Vec<u8> {
    format!("run/{id:020}").into_bytes()
}

/// The beginning of the keys of the pieces that a run has; changed finds get others, so that the old stay whole.
fn pieces_key(run: &Run) -> String {
    format!("found/{:020}/{:010}/", run.id, run.num_written)
}

fn piece_key(run: &Run, piece: u32) -> Vec<u8> {
    format!("{}{piece:06}", pieces_key(run)).into_bytes()
}

/// Keeps a run as it is now; durable when it returns.
pub(super) fn put_run(store: &Store, run: &Run) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    writes.put(Family::Mining, &run_key(run.id), run)?;
    store.write(writes)
}

/// All runs that can be read, the newest first.
pub(super) fn runs(store: &Store) -> Result<Vec<Run>, StoreError> {
    let mut runs: Vec<Run> = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store.documents_readable::<serde_json::Value>(
            Family::Mining,
            b"run/",
            after.as_deref(),
            AT_ONCE,
        )?;
        let Some((last, _)) = page.documents.last() else { break };
        after = Some(last.clone());
        for (key, run) in page.documents {
            // One that another version wrote is left out, and is in nobody's way.
            match serde_json::from_value::<Run>(run) {
                Ok(run) => runs.push(run),
                Err(error) => tracing::error!(
                    key = %String::from_utf8_lossy(&key), %error, "a run of mining cannot be read and is left out"
                ),
            }
        }
    }
    runs.reverse();
    Ok(runs)
}

/// Keeps the finds of a run, then that it is done.
pub(super) fn put_outcome(store: &Store, run: &mut Run, outcome: &Outcome) -> Result<(), StoreError> {
    let text = serde_json::to_string(outcome)
        .map_err(|source| StoreError::Unstorable { what: "finds of mining", source })?;
    let mut pieces: Vec<&str> = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES.min(rest.len())));
        pieces.push(piece);
        rest = behind;
    }
    run.num_written += 1;
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    for (chunk, first) in pieces.chunks(AT_ONCE).zip((0..).step_by(AT_ONCE)) {
        let mut writes = Writes::default();
        for (at, piece) in chunk.iter().enumerate() {
            writes.put(Family::Mining, &piece_key(run, number(first + at)), piece)?;
        }
        store.write(writes)?;
    }
    run.num_pieces = number(pieces.len());
    put_run(store, run)
}

/// The finds of a run that is done.
pub(super) fn outcome(store: &Store, run: &Run) -> Result<Outcome, MiningError> {
    if run.state != RunState::Done {
        return Err(MiningError::NotFound { run: run.id });
    }
    let mut text = String::new();
    for piece in 0..run.num_pieces {
        let piece: Option<String> = store.document(Family::Mining, &piece_key(run, piece))?;
        text.push_str(&piece.ok_or(StoreError::Corrupt { what: "finds of mining" })?);
    }
    let found = serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what: "finds of mining" })?;
    Ok(found)
}

/// The weak spots of the newest run that is done and has days between `from` and `before`, with the number of its calls;
/// `None` where there is no such run. What they quote of deleted calls is left out.
///
/// # Errors
/// [`StoreError::Corrupt`] when they are damaged; anything the disk fails with.
pub fn weak_spots_between(
    store: &Store,
    from: Timestamp,
    before: Timestamp,
) -> Result<Option<(Run, u32, WeakSpots)>, MiningError> {
    let overlaps = |run: &Run| run.period.from < before && from < run.period.before;
    let done = runs(store)?.into_iter().filter(|run| run.state == RunState::Done);
    let Some(run) = done.into_iter().find(overlaps) else { return Ok(None) };
    let mut found = outcome(store, &run)?;
    without_deleted(store, &mut found)?;
    Ok(Some((run, found.num_calls, found.weak_spots)))
}

/// Takes what finds quote of calls that are no more out of them. A run whose finds cannot be read has failed.
pub(super) fn forget_deleted(store: &Store) -> Result<(), MiningError> {
    for mut run in runs(store)?.into_iter().filter(|run| run.state == RunState::Done) {
        let mut found = match outcome(store, &run) {
            Ok(found) => found,
            Err(MiningError::Store(
                error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. }),
            )) => {
                tracing::error!(run = run.id, error = %Chain(&error), "finds of mining cannot be read: the run has failed");
                let message = "its finds cannot be read any more: mine the period again".to_owned();
                run.state = RunState::Failed(Failure { reason: error.reason().to_owned(), message });
                put_run(store, &run)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        if without_deleted(store, &mut found)? {
            put_outcome(store, &mut run, &found)?;
        }
    }
    Ok(prune(store)?)
}

/// Takes examples of calls that are no more out of `found`. Says whether there were any.
pub(super) fn without_deleted(store: &Store, found: &mut Outcome) -> Result<bool, StoreError> {
    let mut has_any = false;
    for examples in found.examples() {
        let mut kept = Vec::with_capacity(examples.len());
        for example in examples.drain(..) {
            if store.facts(&example.call_id)?.is_some() {
                kept.push(example);
            } else {
                has_any = true;
            }
        }
        *examples = kept;
    }
    Ok(has_any)
}

/// Forgets all but the last runs, and pieces that no run has.
pub(super) fn prune(store: &Store) -> Result<(), StoreError> {
    let runs = runs(store)?;
    let (kept, gone) = runs.split_at(MAX_RUNS.min(runs.len()));
    let has_finds: Vec<String> =
        kept.iter().filter(|run| run.state == RunState::Done).map(pieces_key).collect();
    let mut writes = Writes::default();
    for run in gone {
        writes.remove(Family::Mining, &run_key(run.id));
    }
    store.write(writes)?;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page =
            store.documents_readable::<String>(Family::Mining, b"found/", after.as_deref(), AT_ONCE)?;
        let keys = page.documents.iter().map(|(key, _)| key).chain(&page.damaged);
        let Some(last) = keys.clone().max() else { return Ok(()) };
        after = Some(last.clone());
        let mut writes = Writes::default();
        for key in keys {
            if !has_finds.iter().any(|pieces| key.starts_with(pieces.as_bytes())) {
                writes.remove(Family::Mining, key);
            }
        }
        store.write(writes)?;
    }
}

/// The names that persons gave, the newest last.
pub(super) fn names(store: &Store) -> Result<Vec<NamedTopic>, StoreError> {
    Ok(store.document(Family::Mining, b"names")?.unwrap_or_default())
}

/// Keeps a name over one that was given to the same words or is the same; durable when it returns.
pub(super) fn add_name(store: &Store, named: NamedTopic) -> Result<(), StoreError> {
    let mut names = names(store)?;
    names.retain(|old| old.name != named.name && old.key_words != named.key_words);
    names.push(named);
    let surplus = names.len().saturating_sub(MAX_NAMES);
    names.drain(..surplus);
    let mut writes = Writes::default();
    writes.put(Family::Mining, b"names", &names)?;
    store.write(writes)
}

impl Run {
    /// What it is asked for, with the names that persons gave.
    pub(super) fn request(&self, names: Vec<NamedTopic>) -> mine::Request {
        mine::Request {
            period: self.period.clone(),
            min_topic_calls: self.min_topic_calls,
            min_word_calls: self.min_word_calls,
            names,
        }
    }
}
