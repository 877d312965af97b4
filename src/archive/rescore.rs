//! Judges stored calls again, by other rules or the same, without listening to them again.

use std::sync::Arc;

use super::control::{Run, Wanted};
use super::selection::Seen;
use super::{ArchiveError, ItemOutcome, JobItem, JobState, RescoreSpec, packs};
use crate::analysis::{RuleSet, diff_analyses};
use crate::error::Classify;
use crate::ingest::Failure;
use crate::pipeline::CallResult;

/// Runs a rescoring job from where it is. Gives the state it ends in; `None` when the process ends.
pub(super) fn run(run: &mut Run, spec: &RescoreSpec) -> Result<Option<JobState>, ArchiveError> {
    let calls = Arc::clone(&run.calls);
    let rules: Arc<RuleSet> = match &spec.pack {
        Some(digest) => packs::load(calls.store().data_dir(), digest)?,
        None if spec.revision != calls.rules().revision() => {
            return Err(ArchiveError::RulesChanged {
                before: spec.revision.clone(),
                now: calls.rules().revision().to_owned(),
            });
        }
        None => Arc::clone(calls.rules()),
    };
    let snapshot = run.job.created_at;
    if run.job.state == JobState::Listing {
        run.job.counts.total = spec.selection.total(&calls, snapshot)?;
        run.job.state = JobState::Running;
        run.save()?;
    }
    run.start_clock();
    while let Some(seen) = spec.selection.next(&calls, snapshot, run.job.position.as_ref())? {
        let ids: Vec<_> = seen.iter().filter(|seen| seen.is_chosen).map(|seen| seen.id().clone()).collect();
        let (mut judged, mut num_changed, mut num_gone) = (Vec::new(), 0, 0);
        for (id, outcome) in ids.iter().zip(calls.judge_again(&ids, &rules)) {
            match outcome {
                Ok(Some((call, result))) => {
                    num_changed += u64::from(is_otherwise(&call.result, &result));
                    judged.push((call, result));
                }
                Ok(None) => num_gone += 1,
                Err(error) if error.is_passing() => return Err(error.into()),
                Err(error) => {
                    let failure = Failure { reason: error.reason().to_owned(), message: error.to_string() };
                    note_problem(run, id.as_str(), failure)?;
                }
            }
        }
        let num_replaced = calls.store().replace_findings(&judged)? as u64;
        let counts = &mut run.job.counts;
        counts.done += num_replaced;
        counts.changed += num_changed;
        // Changed or deleted meanwhile: a call that is updated is judged by the server's rules anyway.
        counts.unchanged += (seen.len() - ids.len()) as u64 + num_gone + judged.len() as u64 - num_replaced;
        run.job.position = seen.last().map(Seen::position);
        run.save()?;
        // Asked for only here, so that index and files of one step never part.
        match run.control.wanted() {
            Wanted::Run => {}
            Wanted::Pause => return Ok(Some(JobState::Paused)),
            Wanted::Cancel => return Ok(Some(JobState::Cancelled)),
            Wanted::Stop => return Ok(None),
        }
    }
    Ok(Some(JobState::Done))
}

/// Whether a call comes to another verdict, other points or another score, as a whole or for an agent.
fn is_otherwise(before: &CallResult, after: &CallResult) -> bool {
    let of_parts =
        before.parts.iter().zip(&after.parts).map(|(before, after)| (&before.analysis, &after.analysis));
    let mut pairs = std::iter::once((&before.analysis, &after.analysis)).chain(of_parts);
    before.parts.len() != after.parts.len()
        || pairs.any(|(before, after)| !diff_analyses(before, after).is_empty())
}

/// Keeps what is wrong with one call.
pub(super) fn note_problem(run: &mut Run, name: &str, failure: Failure) -> Result<(), ArchiveError> {
    let item = JobItem {
        name: name.to_owned(),
        item: None,
        private: None,
        chat: None,
        outcome: ItemOutcome::Failed(failure),
    };
    run.calls.store().put_items(&run.job.id, run.job.counts.failed, &[item])?;
    run.job.counts.failed += 1;
    Ok(())
}
