//! Jobs and comparisons of revisions on the wire.

use super::finding::verdict;
use super::{ConvertError, optional_text, timestamp, timestamp_from_wire};
use crate::analysis::{CallChange, CallDiff, DiffTotals};
use crate::archive::{
    ChatReading, DiffEvent, ImportSpec, JobCounts, JobProblem, JobSpec, JobState, JobStatus, RescoreSpec,
    RetranscribeSpec, Selection,
};
use crate::ingest::Failure;
use crate::listing::LegRoles;
use crate::proto::v1;
use crate::types::{CallId, JobId, RuleId, Score};
use v1::diff_revisions_response::Event;

/// The name of a job.
///
/// # Errors
/// [`ConvertError`] when it is none.
pub fn job_id(text: &str) -> Result<JobId, ConvertError> {
    JobId::try_new(text).map_err(|error| ConvertError::new("job_id", error.to_string()))
}

/// The files of a rule pack, with their names.
#[must_use]
pub fn pack(wire: v1::RulePack) -> Vec<(String, String)> {
    wire.files.into_iter().map(|file| (file.name, file.text)).collect()
}

impl From<JobStatus> for v1::Job {
    fn from(status: JobStatus) -> Self {
        let JobStatus { job, rate, remaining } = status;
        let failure = match &job.state {
            JobState::Failed(failure) => Some(failure_to_wire(failure)),
            JobState::Listing
            | JobState::Running
            | JobState::Paused
            | JobState::Done
            | JobState::Cancelled => None,
        };
        Self {
            job_id: job.id.as_str().to_owned(),
            state: state_to_wire(&job.state).into(),
            failure,
            created_at: Some(timestamp(job.created_at)),
            ended_at: job.ended_at.map(timestamp),
            counts: Some(job.counts.into()),
            rate,
            remaining: remaining.and_then(|remaining| remaining.try_into().ok()),
            spec: Some(spec_to_wire(job.spec)),
        }
    }
}

fn state_to_wire(state: &JobState) -> v1::JobState {
    match state {
        JobState::Listing => v1::JobState::Listing,
        JobState::Running => v1::JobState::Running,
        JobState::Paused => v1::JobState::Paused,
        JobState::Done => v1::JobState::Done,
        JobState::Cancelled => v1::JobState::Cancelled,
        JobState::Failed(_) => v1::JobState::Failed,
    }
}

fn spec_to_wire(spec: JobSpec) -> v1::job::Spec {
    match spec {
        JobSpec::Import(spec) => v1::job::Spec::Import(spec.into()),
        JobSpec::Rescore(RescoreSpec { selection, revision, pack: _ }) => {
            v1::job::Spec::Rescore(v1::RescoreSpec { selection: Some(selection.into()), revision })
        }
        JobSpec::Retranscribe(RetranscribeSpec { selection, model }) => {
            v1::job::Spec::Retranscribe(v1::RetranscribeSpec { selection: Some(selection.into()), model })
        }
    }
}

impl From<JobCounts> for v1::JobCounts {
    fn from(counts: JobCounts) -> Self {
        let JobCounts { total, running, done, changed, unchanged, failed, refused } = counts;
        Self { total, running, done, changed, unchanged, failed, refused }
    }
}

impl From<ImportSpec> for v1::ImportSpec {
    fn from(spec: ImportSpec) -> Self {
        let leg_roles = match spec.leg_roles {
            LegRoles::ByDirection => v1::LegRoles::Unspecified,
            LegRoles::InIsAgent => v1::LegRoles::InIsAgent,
            LegRoles::InIsCustomer => v1::LegRoles::InIsCustomer,
        };
        Self {
            path: spec.path.display().to_string(),
            name_pattern: spec.name_pattern.unwrap_or_default(),
            time_zone: spec.time_zone.unwrap_or_default(),
            separate_legs: spec.leg_suffixes.as_ref().is_some_and(Vec::is_empty),
            leg_suffixes: spec.leg_suffixes.unwrap_or_default(),
            leg_roles: leg_roles.into(),
            chat_gap_minutes: spec.chats.gap_minutes.unwrap_or_default(),
            chat_accounts: Some(v1::ChatAccounts {
                agents: spec.chats.agents,
                bots: spec.chats.bots,
                customers: spec.chats.customers,
            }),
        }
    }
}

impl TryFrom<v1::ImportSpec> for ImportSpec {
    type Error = ConvertError;

    fn try_from(wire: v1::ImportSpec) -> Result<Self, ConvertError> {
        let path = optional_text("spec.path", wire.path)?
            .ok_or_else(|| ConvertError::new("spec.path", "name a folder or a manifest"))?;
        let leg_roles = match super::known("spec.leg_roles", wire.leg_roles)? {
            v1::LegRoles::Unspecified => LegRoles::ByDirection,
            v1::LegRoles::InIsAgent => LegRoles::InIsAgent,
            v1::LegRoles::InIsCustomer => LegRoles::InIsCustomer,
        };
        let leg_suffixes = match (wire.separate_legs, wire.leg_suffixes.is_empty()) {
            (true, true) => Some(Vec::new()),
            (true, false) => {
                let problem = "either separate_legs or leg_suffixes, not both";
                return Err(ConvertError::new("spec.separate_legs", problem));
            }
            (false, true) => None,
            (false, false) => Some(wire.leg_suffixes),
        };
        let accounts = wire.chat_accounts.unwrap_or_default();
        // Told now and not when the first chat is read.
        super::accounts_from_wire(accounts.clone())?;
        let chats = ChatReading {
            agents: accounts.agents,
            bots: accounts.bots,
            customers: accounts.customers,
            gap_minutes: Some(wire.chat_gap_minutes).filter(|minutes| *minutes > 0),
            // That of the import, which is known when the job begins.
            time_zone: None,
        };
        Ok(Self {
            path: path.into(),
            name_pattern: optional_text("spec.name_pattern", wire.name_pattern)?,
            time_zone: optional_text("spec.time_zone", wire.time_zone)?,
            leg_suffixes,
            leg_roles,
            chats,
        })
    }
}

impl From<Selection> for v1::CallSelection {
    fn from(selection: Selection) -> Self {
        Self {
            since: selection.since.map(timestamp),
            until: selection.until.map(timestamp),
            agent_id: selection.agent_id.unwrap_or_default(),
            rule_id: selection.rule_id.map(|rule_id| rule_id.as_str().to_owned()).unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::CallSelection> for Selection {
    type Error = ConvertError;

    fn try_from(wire: v1::CallSelection) -> Result<Self, ConvertError> {
        let moment = |field, wire: Option<_>| wire.map(|wire| timestamp_from_wire(field, wire)).transpose();
        let rule_id = optional_text("selection.rule_id", wire.rule_id)?
            .map(|text| {
                RuleId::try_new(text)
                    .map_err(|error| ConvertError::new("selection.rule_id", error.to_string()))
            })
            .transpose()?;
        Ok(Self {
            since: moment("selection.since", wire.since)?,
            until: moment("selection.until", wire.until)?,
            agent_id: optional_text("selection.agent_id", wire.agent_id)?,
            rule_id,
        })
    }
}

fn failure_to_wire(failure: &Failure) -> v1::Failure {
    v1::Failure { reason: failure.reason.clone(), message: failure.message.clone() }
}

impl From<JobProblem> for v1::JobProblem {
    fn from(problem: JobProblem) -> Self {
        Self {
            name: problem.name,
            call_id: problem.call_id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            failure: Some(failure_to_wire(&problem.failure)),
        }
    }
}

impl From<DiffEvent> for v1::DiffRevisionsResponse {
    fn from(event: DiffEvent) -> Self {
        let event = match event {
            DiffEvent::Call(id, diff) => Event::Change(change_to_wire(&id, diff)),
            DiffEvent::Problem(id, reason, message) => Event::Problem(v1::JobProblem {
                name: id.as_str().to_owned(),
                call_id: id.as_str().to_owned(),
                failure: Some(v1::Failure { reason: reason.to_owned(), message }),
            }),
            DiffEvent::Progress(num_seen, total) => Event::Progress(v1::DiffProgress { num_seen, total }),
            DiffEvent::Totals(totals) => Event::Totals(totals_to_wire(&totals)),
        };
        Self { event: Some(event) }
    }
}

fn change_to_wire(id: &CallId, diff: CallDiff) -> v1::RevisionChange {
    let rule = |CallChange { rule_id, before, after }: CallChange| v1::RuleChange {
        rule_id: rule_id.as_str().to_owned(),
        verdict_before: before.map_or(v1::Verdict::Unspecified, |(side, _)| verdict(side)).into(),
        verdict_after: after.map_or(v1::Verdict::Unspecified, |(side, _)| verdict(side)).into(),
        points_before: before.map_or(0.0, |(_, points)| points.as_f64()),
        points_after: after.map_or(0.0, |(_, points)| points.as_f64()),
    };
    v1::RevisionChange {
        call_id: id.as_str().to_owned(),
        score_before: diff.score_before.map(Score::as_f64),
        score_after: diff.score_after.map(Score::as_f64),
        rules: diff.changes.into_iter().map(rule).collect(),
    }
}

fn totals_to_wire(totals: &DiffTotals) -> v1::DiffTotals {
    let mean = |number: u64, sum: Score| (number > 0).then(|| sum.as_f64() / number as f64);
    let hits = totals.hits.iter().filter(|(_, (before, after))| before != after);
    v1::DiffTotals {
        num_calls: totals.num_calls,
        num_changed: totals.num_changed,
        hits: hits
            .map(|(rule_id, (before, after))| v1::RuleHits {
                rule_id: rule_id.as_str().to_owned(),
                before: *before,
                after: *after,
            })
            .collect(),
        num_broken_before: totals.num_broken.0,
        num_broken_after: totals.num_broken.1,
        mean_score_before: mean(totals.num_scored.0, totals.sum_of_scores.0),
        mean_score_after: mean(totals.num_scored.1, totals.sum_of_scores.1),
    }
}
