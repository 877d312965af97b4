//! What a job is: what was asked, how far it is, what went wrong with which file or call.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ChatReading;
use crate::ingest::Failure;
use crate::listing::{ArchiveItem, LegRoles};
use crate::types::{CallId, JobId};

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name, given by the server.
    pub id: JobId,
    /// What it does.
    pub spec: JobSpec,
    /// When it was asked for.
    pub created_at: jiff::Timestamp,
    /// When it ended.
    pub ended_at: Option<jiff::Timestamp>,
    /// How far it is.
    pub state: JobState,
    /// The same in numbers.
    pub counts: JobCounts,
    /// The last call that is dealt with, for jobs that walk through the store.
    pub position: Option<(jiff::Timestamp, CallId)>,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobSpec {
    /// Takes in the recordings of a folder or manifest.
    Import(ImportSpec),
    /// Judges stored calls again.
    Rescore(RescoreSpec),
    /// Transcribes stored calls again.
    Retranscribe(RetranscribeSpec),
}

/// What to import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportSpec {
    /// A folder, or a manifest file.
    pub path: PathBuf,
    /// What is in the names, see [`NamePattern`](crate::listing::NamePattern).
    #[serde(default)]
    pub name_pattern: Option<String>,
    /// The zone of times that do not say theirs, for example `Asia/Shanghai` or `+08:00`; the centre's when a job
    /// begins without one.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Endings of names that mark the two sides of one call; `-in` and `-out` when absent, none when empty.
    #[serde(default)]
    pub leg_suffixes: Option<Vec<String>>,
    /// Who is heard on which side.
    #[serde(default)]
    pub leg_roles: LegRoles,
    /// How files of chats are read.
    #[serde(default)]
    pub chats: ChatReading,
}

/// Which calls to judge again, by what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RescoreSpec {
    /// Which.
    pub selection: Selection,
    /// Digest of a rule pack that was sent with the job; the server's own pack when absent.
    pub pack: Option<String>,
    /// The revision that the calls are judged by, to show.
    pub revision: String,
}

/// Which calls to transcribe again, with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetranscribeSpec {
    /// Which.
    pub selection: Selection,
    /// The speech model, for example `small`. Calls that it transcribed already are left out.
    pub model: String,
}

/// Chooses finished calls. Every field that is set must match.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// The call began at or after; when that is not known, it was received then.
    pub since: Option<jiff::Timestamp>,
    /// The call began before, likewise.
    pub until: Option<jiff::Timestamp>,
    /// The agent's job number.
    pub agent_id: Option<String>,
    /// A rule that hit.
    pub rule_id: Option<crate::types::RuleId>,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Finds out what there is to do.
    Listing,
    /// Does it.
    Running,
    /// Was told to wait; goes on when told.
    Paused,
    /// Did everything, apart from what its problems tell.
    Done,
    /// Was told to end before.
    Cancelled,
    /// Could not go on.
    Failed(Failure),
}

impl JobState {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Done | Self::Cancelled | Self::Failed(_) => true,
            Self::Listing | Self::Running | Self::Paused => false,
        }
    }
}

/// How far a job is, in numbers of calls. What is neither of the last six waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobCounts {
    /// All there are.
    pub total: u64,
    /// In the pipeline at the moment.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Of these, how many came out otherwise than they were.
    pub changed: u64,
    /// Nothing to do: stored before, not chosen, or already as asked.
    pub unchanged: u64,
    /// Taken in, and failed in the pipeline; or could not be judged or transcribed.
    pub failed: u64,
    /// Not taken in.
    pub refused: u64,
}

impl JobCounts {
    /// How many are dealt with.
    #[must_use]
    pub fn num_ended(&self) -> u64 {
        self.done + self.unchanged + self.failed + self.refused
    }
}

/// A job and how fast it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct JobStatus {
    /// The job.
    pub job: Job,
    /// Calls dealt with a second, since it was started or resumed.
    pub rate: f64,
    /// Time until the end at this rate; absent until it is known.
    pub remaining: Option<Duration>,
}

/// What became of one thing that a job had to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobItem {
    /// What it is about, for a person: a path, a row of a manifest or a call id.
    pub name: String,
    /// What to take in; absent where there is nothing to take in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ArchiveItem>,
    /// What the archive says about it that may name the customer, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<String>,
    /// Which chat of its file it is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<u64>,
    /// How far it is.
    pub outcome: ItemOutcome,
}

/// How far one thing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemOutcome {
    /// Nothing was done yet.
    Waiting,
    /// The call is stored, and not done yet.
    Accepted,
    /// The call is done.
    Done,
    /// The call was stored before the job.
    AlreadyPresent,
    /// The call failed in the pipeline, or could not be judged or transcribed again.
    Failed(Failure),
    /// It was not taken in.
    Refused(Failure),
}

/// A file, row or call that a job could not deal with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobProblem {
    /// The file, row or call.
    pub name: String,
    /// The call, when it has an id.
    pub call_id: Option<CallId>,
    /// Why.
    pub failure: Failure,
}

impl JobItem {
    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn problem(&self) -> Option<JobProblem> {
        match &self.outcome {
            ItemOutcome::Failed(failure) | ItemOutcome::Refused(failure) => Some(JobProblem {
                name: self.name.clone(),
                call_id: self.item.as_ref().map(|item| item.call_id.clone()),
                failure: failure.clone(),
            }),
            ItemOutcome::Waiting
            | ItemOutcome::Accepted
            | ItemOutcome::Done
            | ItemOutcome::AlreadyPresent => None,
        }
    }
}
