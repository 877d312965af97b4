//! Transcribes stored calls again with another model, one at a time and only while nothing else waits.

use std::sync::Arc;

use super::control::{Run, Wanted};
use super::jobs::LoadTranscriber;
use super::rescore::note_problem;
use super::{ArchiveError, JobState, RetranscribeSpec};
use crate::error::Classify;
use crate::ingest::Failure;
use crate::pipeline::{CallProgress, PipelineError};

/// Runs the job from where it is. Gives the state it ends in; `None` when the process ends.
pub(super) fn run(
    run: &mut Run,
    spec: &RetranscribeSpec,
    load: &LoadTranscriber,
) -> Result<Option<JobState>, ArchiveError> {
    let calls = Arc::clone(&run.calls);
    let snapshot = run.job.created_at;
    if run.job.state == JobState::Listing {
        run.job.counts.total = spec.selection.total(&calls, snapshot)?;
        run.job.state = JobState::Running;
        run.save()?;
    }
    let transcriber =
        load(&spec.model).map_err(|problem| ArchiveError::Model { model: spec.model.clone(), problem })?;
    run.start_clock();
    while let Some(page) = spec.selection.next(&calls, snapshot, run.job.position.as_ref())? {
        for seen in page {
            let id = seen.id();
            loop {
                match run.control.wanted() {
                    Wanted::Run => {}
                    Wanted::Pause => return Ok(Some(JobState::Paused)),
                    Wanted::Cancel => return Ok(Some(JobState::Cancelled)),
                    Wanted::Stop => return Ok(None),
                }
                if calls.store().unfinished_calls(1, |_| false)?.is_empty() {
                    break;
                }
                run.wait(None);
            }
            let recognition =
                calls.store().finished_call(id).map(|call| call.and_then(|call| call.result.recognition));
            let has_other_model = match recognition {
                Ok(recognition) => {
                    recognition.is_some_and(|recognition| recognition.model != transcriber.model())
                }
                // Damaged: what it was is lost, and the recording may give it back.
                Err(error) if error.code() == crate::error::ErrorCode::Internal => true,
                Err(error) => return Err(error.into()),
            };
            let mut progress = |_: CallProgress| {};
            let outcome = if seen.is_chosen && has_other_model {
                calls.transcribe_again(id, transcriber.as_ref(), &mut progress, &run.control.interrupt)
            } else {
                Ok(false)
            };
            match outcome {
                Ok(true) => {
                    run.job.counts.done += 1;
                    run.job.counts.changed += 1;
                }
                Ok(false) => run.job.counts.unchanged += 1,
                Err(PipelineError::Cancelled) => {
                    run.save()?;
                    return Ok(match run.control.wanted() {
                        // Told to go on while it gave up: this call comes again, as it is the first behind the position.
                        Wanted::Run | Wanted::Pause => Some(JobState::Paused),
                        Wanted::Cancel => Some(JobState::Cancelled),
                        Wanted::Stop => None,
                    });
                }
                Err(error) if error.is_passing() => return Err(error.into()),
                Err(error) => {
                    let failure = Failure { reason: error.reason().to_owned(), message: error.to_string() };
                    note_problem(run, id.as_str(), failure)?;
                }
            }
            run.job.position = Some(seen.position());
            run.save()?;
        }
    }
    Ok(Some(JobState::Done))
}
