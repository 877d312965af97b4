//! Alerts, their events and dead letters to the wire; filters and what people say from it.

use jiff::Timestamp;

use super::finding::level;
use super::{ConvertError, call_id, duration, known, optional_text, timestamp, timestamp_from_wire};
use crate::alert::{
    Alert, AlertFilter, AlertState, AlertView, CloseReason, DeadLetter, Digest, Event, EventKind, HeldBack,
};
use crate::analysis::Level;
use crate::proto::v1;
use crate::types::person_name;

/// Most characters of a note.
const MAX_NOTE_CHARS: usize = 500;
/// Most values in one field of a filter.
const MAX_VALUES: usize = 100;

/// An alert.
#[must_use]
pub fn alert_view(view: AlertView) -> v1::Alert {
    let AlertView { alert, digest_of } = view;
    let Alert { number, call, risk_id, risk_name, at, raised_at, held_back, digest, state, .. } = alert;
    let (close_reason, close_note) = alert.closed.unzip();
    let rules = alert.rules.into_iter();
    let samples = alert.samples.into_iter().map(|sample| v1::AlertSample {
        rule_id: sample.rule_id.to_string(),
        role: v1::SpeakerRole::from(sample.role).into(),
        turn: sample.turn,
        at: sample.at.map(duration),
        text: sample.text,
        quote: sample.quote,
    });
    let mut wire = v1::Alert {
        alert_id: number,
        risk_id,
        risk_name,
        level: level(alert.level).into(),
        at: at.map(duration),
        rules: rules
            .map(|rule| v1::AlertRule { rule_id: rule.id.to_string(), rule_name: rule.name })
            .collect(),
        samples: samples.collect(),
        raised_at: Some(timestamp(raised_at)),
        held_back: held_back.map_or(v1::HeldBack::Unspecified, held_to_wire).into(),
        digest_id: digest_of.unwrap_or_default(),
        digest: digest.map(digest_to_wire),
        state: state_to_wire(state).into(),
        assignee: alert.assignee.unwrap_or_default(),
        close_reason: close_reason.map_or(v1::CloseReason::Unspecified, reason_to_wire).into(),
        close_note: close_note.unwrap_or_default(),
        ..v1::Alert::default()
    };
    if let Some(call) = call {
        wire.call_id = call.id.to_string();
        wire.call_started_at = Some(timestamp(call.started_at));
        wire.agent_id = call.agent_id.unwrap_or_default();
        wire.agent_name = call.agent_name.unwrap_or_default();
        wire.team = call.team.unwrap_or_default();
        wire.skill_group = call.skill_group.unwrap_or_default();
        wire.business = call.business.unwrap_or_default();
        wire.customer_ref = call.customer_ref.unwrap_or_default();
    }
    wire
}

fn digest_to_wire(digest: Digest) -> v1::AlertDigest {
    let Digest { alerts, num_quiet, num_too_many, num_storm, since, until } = digest;
    v1::AlertDigest {
        alert_ids: alerts,
        num_quiet,
        num_too_many,
        num_storm,
        since: Some(timestamp(since)),
        until: Some(timestamp(until)),
    }
}

/// Why the alerts of a digest did not go out one by one, in the words of the messages to receivers.
#[must_use]
pub fn held_back_text(digest: &v1::AlertDigest) -> String {
    crate::alert::held_back_text(digest.num_quiet, digest.num_too_many, digest.num_storm)
}

/// Why an alert was closed, in the same words; nothing when it was not.
#[must_use]
pub fn close_reason_title(reason: v1::CloseReason) -> Option<&'static str> {
    close_reason(reason.into()).ok().map(CloseReason::title)
}

/// An event.
#[must_use]
pub fn alert_event(event: Event) -> v1::AlertEvent {
    let Event { number, alert, at, kind, actor, note, state, assignee, close_reason } = event;
    v1::AlertEvent {
        cursor: number,
        alert_id: alert,
        at: Some(timestamp(at)),
        kind: kind_to_wire(kind).into(),
        actor,
        note,
        state: state_to_wire(state).into(),
        assignee: assignee.unwrap_or_default(),
        close_reason: close_reason.map_or(v1::CloseReason::Unspecified, reason_to_wire).into(),
    }
}

/// A dead letter.
#[must_use]
pub fn dead_letter(letter: DeadLetter) -> v1::DeadLetter {
    v1::DeadLetter {
        dead_letter_id: letter.number,
        receiver: letter.receiver,
        at: Some(timestamp(letter.at)),
        num_tries: letter.num_tries,
        problem: letter.problem,
        cursors: letter.events,
        alert_ids: letter.alerts,
        delivered_at: letter.delivered_at.map(timestamp),
    }
}

/// Which alerts are asked for; all without a filter.
///
/// # Errors
/// [`ConvertError`] names the field under `filter`.
pub fn alert_filter(wire: Option<v1::AlertFilter>) -> Result<AlertFilter, ConvertError> {
    let v1::AlertFilter {
        states,
        levels,
        risk_ids,
        teams,
        agent_id,
        call_id: call,
        since,
        until,
        without_held_back,
    } = wire.unwrap_or_default();
    let sizes = [
        ("filter.states", states.len()),
        ("filter.levels", levels.len()),
        ("filter.risk_ids", risk_ids.len()),
        ("filter.teams", teams.len()),
    ];
    if let Some((field, _)) = sizes.into_iter().find(|(_, size)| *size > MAX_VALUES) {
        return Err(ConvertError::new(field, format!("at most {MAX_VALUES} values are taken")));
    }
    let time = |field: &str, at: Option<prost_types::Timestamp>| -> Result<Option<Timestamp>, ConvertError> {
        at.map(|at| timestamp_from_wire(field, at)).transpose()
    };
    Ok(AlertFilter {
        states: states.into_iter().map(state_from_wire).collect::<Result<_, _>>()?,
        levels: levels.into_iter().map(level_from_wire).collect::<Result<_, _>>()?,
        risk_ids,
        teams,
        agent_id: optional_text("filter.agent_id", agent_id)?,
        call_id: optional_text("filter.call_id", call)?
            .map(|call| call_id(&call))
            .transpose()
            .map_err(|error| ConvertError { field: "filter.call_id".to_owned(), ..error })?,
        since: time("filter.since", since)?,
        until: time("filter.until", until)?,
        without_held_back,
    })
}

/// The name of a person in `field`.
///
/// # Errors
/// [`ConvertError`] when it is empty or too long.
pub fn person(field: &str, name: &str) -> Result<String, ConvertError> {
    person_name(name).map(str::to_owned).map_err(|problem| ConvertError::new(field, problem))
}

/// What is to be remembered, from field `note`.
///
/// # Errors
/// [`ConvertError`] when it is too long.
pub fn note(text: String) -> Result<String, ConvertError> {
    if text.chars().count() > MAX_NOTE_CHARS {
        return Err(ConvertError::new("note", format!("at most {MAX_NOTE_CHARS} characters are kept")));
    }
    Ok(text)
}

/// Why an alert is closed, from field `reason`.
///
/// # Errors
/// [`ConvertError`] when none is given.
pub fn close_reason(value: i32) -> Result<CloseReason, ConvertError> {
    match known("reason", value)? {
        v1::CloseReason::Confirmed => Ok(CloseReason::Confirmed),
        v1::CloseReason::FalseAlarm => Ok(CloseReason::FalseAlarm),
        v1::CloseReason::Duplicate => Ok(CloseReason::Duplicate),
        v1::CloseReason::Handled => Ok(CloseReason::Handled),
        v1::CloseReason::Unspecified => Err(ConvertError::new("reason", "say why it is closed")),
    }
}

fn state_from_wire(value: i32) -> Result<AlertState, ConvertError> {
    match known("filter.states", value)? {
        v1::AlertState::Open => Ok(AlertState::Open),
        v1::AlertState::Escalated => Ok(AlertState::Escalated),
        v1::AlertState::Acknowledged => Ok(AlertState::Acknowledged),
        v1::AlertState::Closed => Ok(AlertState::Closed),
        v1::AlertState::Withdrawn => Ok(AlertState::Withdrawn),
        v1::AlertState::Unspecified => {
            Err(ConvertError::new("filter.states", "name a state; leave the field empty for all"))
        }
    }
}

fn level_from_wire(value: i32) -> Result<Level, ConvertError> {
    match known("filter.levels", value)? {
        v1::Level::S1 => Ok(Level::S1),
        v1::Level::S2 => Ok(Level::S2),
        v1::Level::S3 => Ok(Level::S3),
        v1::Level::S4 => Ok(Level::S4),
        v1::Level::S5 => Ok(Level::S5),
        v1::Level::Unspecified => {
            Err(ConvertError::new("filter.levels", "name a level; leave the field empty for all"))
        }
    }
}

fn state_to_wire(state: AlertState) -> v1::AlertState {
    match state {
        AlertState::Open => v1::AlertState::Open,
        AlertState::Escalated => v1::AlertState::Escalated,
        AlertState::Acknowledged => v1::AlertState::Acknowledged,
        AlertState::Closed => v1::AlertState::Closed,
        AlertState::Withdrawn => v1::AlertState::Withdrawn,
    }
}

fn held_to_wire(held: HeldBack) -> v1::HeldBack {
    match held {
        HeldBack::Quiet => v1::HeldBack::Quiet,
        HeldBack::TooMany => v1::HeldBack::TooMany,
        HeldBack::Storm => v1::HeldBack::Storm,
    }
}

fn reason_to_wire(reason: CloseReason) -> v1::CloseReason {
    match reason {
        CloseReason::Confirmed => v1::CloseReason::Confirmed,
        CloseReason::FalseAlarm => v1::CloseReason::FalseAlarm,
        CloseReason::Duplicate => v1::CloseReason::Duplicate,
        CloseReason::Handled => v1::CloseReason::Handled,
    }
}

fn kind_to_wire(kind: EventKind) -> v1::AlertEventKind {
    match kind {
        EventKind::Raised => v1::AlertEventKind::Raised,
        EventKind::HeldBack => v1::AlertEventKind::HeldBack,
        EventKind::Escalated => v1::AlertEventKind::Escalated,
        EventKind::Acknowledged => v1::AlertEventKind::Acknowledged,
        EventKind::Assigned => v1::AlertEventKind::Assigned,
        EventKind::Closed => v1::AlertEventKind::Closed,
        EventKind::Withdrawn => v1::AlertEventKind::Withdrawn,
        EventKind::Reinstated => v1::AlertEventKind::Reinstated,
        EventKind::Erased => v1::AlertEventKind::Erased,
    }
}
