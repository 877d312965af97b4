//! Follows a job with a progress bar; Ctrl-C leaves the job to the server.

use std::io::IsTerminal;
use std::time::Duration;

use tonic::Status;

use super::super::client::{ReprocessClient, ServerArgs, retry_delay};
use super::super::progress;
use crate::proto::v1;

/// Times the stream may break before the wait is given up.
const MAX_BREAKS: u32 = 6;
/// Where there is no terminal, a line is printed this often.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How following a job ended.
pub(super) enum End {
    /// The job ended or is paused.
    Reached(v1::Job),
    /// Whoever followed left.
    Left(v1::Job),
}

/// Follows `job` until it ends or is paused. A broken connection is made again.
pub(super) async fn until_end(
    client: &mut ReprocessClient,
    server: &ServerArgs,
    mut job: v1::Job,
) -> anyhow::Result<End> {
    let bar = progress::calls(&job.job_id);
    let mut last_line = tokio::time::Instant::now();
    let mut seen = |now: &v1::Job| {
        bar.set_length(counts(now).total);
        bar.set_position(num_ended(now));
        bar.set_prefix(numbers(now));
        if !std::io::stderr().is_terminal() && last_line.elapsed() >= LINE_INTERVAL {
            last_line = tokio::time::Instant::now();
            eprintln!("{}: {} of {}{}", now.job_id, num_ended(now), counts(now).total, numbers(now));
        }
    };
    let mut num_breaks = 0;
    let end = loop {
        let outcome = tokio::select! {
            outcome = one_stream(client, &mut job, &mut seen) => outcome,
            _ = tokio::signal::ctrl_c() => break End::Left(job),
        };
        let Err(status) = outcome else { break End::Reached(job) };
        num_breaks += 1;
        let delay = retry_delay(&status, num_breaks).filter(|_| num_breaks < MAX_BREAKS);
        let Some(delay) = delay else {
            bar.finish_and_clear();
            return Err(server.explain(&status));
        };
        tokio::time::sleep(delay).await;
    };
    bar.finish_and_clear();
    Ok(end)
}

/// One stream to its end; `job` is what it said last.
async fn one_stream(
    client: &mut ReprocessClient,
    job: &mut v1::Job,
    seen: &mut impl FnMut(&v1::Job),
) -> Result<(), Status> {
    let request = v1::WatchJobRequest { job_id: job.job_id.clone() };
    let mut updates = client.watch_job(request).await?.into_inner();
    while let Some(update) = updates.message().await? {
        *job = update.job.unwrap_or_default();
        seen(job);
    }
    match job.state() {
        v1::JobState::Done | v1::JobState::Cancelled | v1::JobState::Failed | v1::JobState::Paused => Ok(()),
        v1::JobState::Unspecified | v1::JobState::Listing | v1::JobState::Running => {
            Err(Status::unavailable("the server ended the stream early"))
        }
    }
}

fn counts(job: &v1::Job) -> v1::JobCounts {
    job.counts.unwrap_or_default()
}

/// How many calls are dealt with.
pub(super) fn num_ended(job: &v1::Job) -> u64 {
    let counts = counts(job);
    counts.done + counts.unchanged + counts.failed + counts.refused
}

fn numbers(job: &v1::Job) -> String {
    let counts = counts(job);
    let problems = counts.failed + counts.refused;
    let problems = if problems > 0 { format!(", {problems} failed") } else { String::new() };
    format!("{problems}, {:.1}/s{}", job.rate, remaining(job))
}

/// The time that is left, when it is known.
pub(super) fn remaining(job: &v1::Job) -> String {
    let Some(seconds) = job.remaining.map(|remaining| remaining.seconds) else { return String::new() };
    match seconds {
        0..60 => format!(", {seconds} s left"),
        60..3600 => format!(", {} min left", seconds / 60),
        _ => format!(", {} h {} min left", seconds / 3600, seconds % 3600 / 60),
    }
}
