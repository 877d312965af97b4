//! Fills a store with made-up calls, judged by the real rules and masked as real ones are.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{AppError, load_rules};
use crate::analysis::{RuleSet, dialogue_from};
use crate::config::Config;
use crate::ingest::{CallRecord, CallState, Origin, Recording};
use crate::pipeline::{CallResult, Judgement, Masking, Privacy, judge};
use crate::simulation::{SimulatedCall, Simulation};
use crate::store::Store;
use crate::types::{AudioDeclaration, ContentHash, Millis};

/// Calls that are stored in one step.
const BATCH: usize = 2_000;

/// Judges the calls of every day of `simulation` and stores them in `config.store.data_dir`, which nobody has open.
/// Calls that are there already stay. Tells `progress` of every day that is done, with its number of calls.
///
/// # Errors
/// [`AppError`] when rules, key or store cannot be had.
pub fn simulate(
    config: &Config,
    simulation: &Simulation,
    num_days: usize,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), AppError> {
    let rules = load_rules(config)?;
    let store = Store::open(&config.store)?;
    let privacy = Privacy::open(&config.masking, &config.store.data_dir)?;
    for day in 0..num_days {
        let calls = simulation.day(day);
        for batch in calls.chunks(BATCH) {
            let finished = finish_all(batch, &rules, &privacy, config)?;
            store.insert_finished(&finished)?;
        }
        progress(day, calls.len());
    }
    Ok(())
}

/// Judges and masks on every core.
fn finish_all(
    calls: &[SimulatedCall],
    rules: &Arc<RuleSet>,
    privacy: &Privacy,
    config: &Config,
) -> Result<Vec<(CallRecord, CallResult)>, AppError> {
    let num_threads = num_cpus::get().max(1);
    let share = calls.len().div_ceil(num_threads).max(1);
    let parts: Vec<Result<Vec<_>, AppError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = calls
            .chunks(share)
            .map(|part| {
                scope.spawn(move || part.iter().map(|call| finish(call, rules, privacy, config)).collect())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(AppError::Panicked))).collect()
    });
    let mut finished = Vec::with_capacity(calls.len());
    for part in parts {
        finished.extend(part?);
    }
    Ok(finished)
}

fn finish(
    call: &SimulatedCall,
    rules: &RuleSet,
    privacy: &Privacy,
    config: &Config,
) -> Result<(CallRecord, CallResult), AppError> {
    let dialogue = dialogue_from(call.turns.clone(), false, None);
    let metadata = call.metadata.clone();
    let Judgement { analysis, parts } = judge(&dialogue, &metadata, None, rules, &config.pipeline.dialogue);
    let duration = dialogue.timing.end();
    // As if it had been sent when it ended.
    let ended = metadata.started_at.and_then(|at| {
        at.checked_add(jiff::SignedDuration::from_millis(i64::try_from(duration.0).unwrap_or(i64::MAX))).ok()
    });
    let record = CallRecord {
        id: call.id.clone(),
        metadata,
        recording: Recording {
            hash: ContentHash::new(Sha256::digest(call.id.as_str()).into()),
            num_bytes: 0,
            declaration: AudioDeclaration::default(),
        },
        received_at: ended.unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        state: CallState::Done,
        num_attempts: 1,
        duration: Some(duration).filter(|duration| *duration > Millis::ZERO),
        origin: Origin::Upload,
    };
    let result =
        CallResult { audio: None, recognition: None, dialogue, analysis, parts, masking: Masking::default() };
    let result = privacy.mask(result, &record)?;
    Ok((record, result))
}

/// Whether there is anything in a data directory.
///
/// # Errors
/// [`AppError::Store`] when it cannot be looked at.
pub fn is_empty_dir(path: &Path) -> std::io::Result<bool> {
    match std::fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}
