//! Jobs and their problems for a person, or as JSON.

use super::super::client::{ReprocessClient, ServerArgs};
use super::super::output::{Format, emit};
use super::follow::{num_ended, remaining};
use crate::proto::{json, v1};

/// Problems asked for at once.
const PAGE_SIZE: u32 = 500;

/// Prints every job on one line.
pub(super) fn list(jobs: &[v1::Job], format: Format) -> anyhow::Result<()> {
    if format == Format::Text && !jobs.is_empty() {
        emit("JOB\tSTATE\tDONE\tWHAT")?;
    }
    for job in jobs {
        let total = job.counts.unwrap_or_default().total;
        match format {
            Format::Json => emit(&json::to_line(job))?,
            Format::Text | Format::Srt => {
                let (state, what) = (state_name(job.state()), what(job));
                emit(&format!("{}\t{state}\t{} of {total}\t{what}", job.job_id, num_ended(job)))?;
            }
        }
    }
    Ok(())
}

/// Prints one job.
pub(super) fn job(job: &v1::Job, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        emit(&json::to_line(job))?;
        return Ok(());
    }
    let counts = job.counts.unwrap_or_default();
    emit(&format!("{}: {}", job.job_id, state_name(job.state())))?;
    emit(&format!("  {}", what(job)))?;
    let waiting = counts.total.saturating_sub(num_ended(job) + counts.running);
    let numbers = [
        ("done", counts.done),
        ("came out otherwise", counts.changed),
        ("nothing to do", counts.unchanged),
        ("failed", counts.failed),
        ("not taken in", counts.refused),
        ("running", counts.running),
        ("waiting", waiting),
    ];
    let numbers = numbers.iter().filter(|(_, number)| *number > 0);
    let numbers: Vec<_> = numbers.map(|(name, number)| format!("{number} {name}")).collect();
    let numbers = if numbers.is_empty() { "nothing".to_owned() } else { numbers.join(", ") };
    emit(&format!("  of {} calls: {numbers}", counts.total))?;
    if job.rate > 0.0 {
        emit(&format!("  {:.1} calls a second{}", job.rate, remaining(job)))?;
    }
    if let Some(failure) = &job.failure {
        emit(&format!("  {} ({})", failure.message, failure.reason))?;
    }
    Ok(())
}

/// Prints what a job could not deal with.
pub(super) async fn problems(
    client: &mut ReprocessClient,
    server: &ServerArgs,
    job_id: &str,
    format: Format,
) -> anyhow::Result<()> {
    let mut page_token = String::new();
    let mut is_first = true;
    loop {
        let request =
            v1::ListJobProblemsRequest { job_id: job_id.to_owned(), page_size: PAGE_SIZE, page_token };
        let page = client.list_job_problems(request).await;
        let page = page.map_err(|status| server.explain(&status))?.into_inner();
        for problem in page.problems {
            if format == Format::Json {
                emit(&json::to_line(&problem))?;
                continue;
            }
            if is_first {
                emit("FILE OR CALL\tREASON\tWHAT TO DO")?;
            }
            is_first = false;
            let failure = problem.failure.unwrap_or_default();
            emit(&format!("{}\t{}\t{}", problem.name, failure.reason, failure.message))?;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}

fn what(job: &v1::Job) -> String {
    match &job.spec {
        Some(v1::job::Spec::Import(spec)) => format!("import of {}", spec.path),
        Some(v1::job::Spec::Rescore(spec)) => format!("rescoring by {}", spec.revision),
        Some(v1::job::Spec::Retranscribe(spec)) => format!("transcribing with {}", spec.model),
        None => "unknown".to_owned(),
    }
}

fn state_name(state: v1::JobState) -> &'static str {
    match state {
        v1::JobState::Unspecified => "unknown",
        v1::JobState::Listing => "listing",
        v1::JobState::Running => "running",
        v1::JobState::Paused => "paused",
        v1::JobState::Done => "done",
        v1::JobState::Cancelled => "cancelled",
        v1::JobState::Failed => "failed",
    }
}
