//! What is kept of an alert and of each thing that happened to it, and which steps its life may take.
//!
//! **Invariant**: pure; a step that a state does not allow changes nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AlertError;
use crate::analysis::{HeldBack as HeldByModel, Level};
use crate::types::{CallId, Millis, RuleId, SpeakerRole};

/// Most things that may happen to one alert.
pub(super) const MAX_EVENTS: usize = 200;
/// Most alerts in one digest.
pub(super) const MAX_MEMBERS: usize = 1_000;

/// A rule that an alert rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRule {
    /// The rule.
    pub id: RuleId,
    /// Its name at the time.
    pub name: String,
}

/// Words of the call that fulfil an alert, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The rule that they hit.
    pub rule_id: RuleId,
    /// Who said them.
    pub role: SpeakerRole,
    /// The turn, from 0.
    pub turn: u32,
    /// When in the call; absent without times.
    pub at: Option<Millis>,
    /// The words.
    pub text: String,
    /// The same within what was said around them, in 【】.
    pub quote: String,
}

/// Why an alert did not go out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBack {
    /// Another one for the same customer went out within the quiet interval of the risk model.
    Quiet,
    /// As many as the risk model may have a day for the same customer went out.
    TooMany,
    /// Too many of the risk model came at once.
    Storm,
}

impl From<HeldByModel> for HeldBack {
    fn from(held: HeldByModel) -> Self {
        match held {
            HeldByModel::Quiet => Self::Quiet,
            HeldByModel::TooMany => Self::TooMany,
        }
    }
}

/// The alerts of one risk model that were held back within one interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Their numbers, at most 1,000.
    pub alerts: Vec<u64>,
    /// Held back by the quiet interval.
    pub num_quiet: u32,
    /// Held back by the number a day.
    pub num_too_many: u32,
    /// Held back because too many came at once.
    pub num_storm: u32,
    /// When the first was raised.
    pub since: Timestamp,
    /// When the last was raised.
    pub until: Timestamp,
}

/// How far an alert is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody looked at it.
    #[default]
    Open,
    /// Nobody looked at it in time.
    Escalated,
    /// Somebody looks at it.
    Acknowledged,
    /// It is dealt with, for good.
    Closed,
    /// The call no longer fulfils the risk model, or was deleted.
    Withdrawn,
}

impl AlertState {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Escalated => "escalated",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Why an alert was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It was as the alert says.
    Confirmed,
    /// It was not.
    FalseAlarm,
    /// Another alert is about the same.
    Duplicate,
    /// It was dealt with.
    Handled,
}

impl CloseReason {
    /// What people read.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Confirmed => "属实",
            Self::FalseAlarm => "误报",
            Self::Duplicate => "重复",
            Self::Handled => "已处理",
        }
    }
}

/// A risk model that a call fulfilled, or a digest of those that did not go out one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Its number, from 1.
    pub number: u64,
    /// The call; absent for a digest.
    pub call: Option<AlertCall>,
    /// The risk model.
    pub risk_id: String,
    /// Its name at the time.
    pub risk_name: String,
    /// How urgent.
    pub level: Level,
    /// When in the call it was fulfilled; absent without times.
    pub at: Option<Millis>,
    /// The rules that it rests on.
    pub rules: Vec<AlertRule>,
    /// What was said; empty when the call was deleted.
    pub samples: Vec<Sample>,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it was last open without anybody looking at it: the deadline counts from here.
    pub open_since: Timestamp,
    /// Why it did not go out by itself; absent when it did.
    pub held_back: Option<HeldBack>,
    /// What it holds, for a digest.
    pub digest: Option<Digest>,
    /// How far it is dealt with.
    pub state: AlertState,
    /// Who has it.
    pub assignee: Option<String>,
    /// Why it was closed, and what was said then.
    pub closed: Option<(CloseReason, String)>,
    /// All that happened to it, by number.
    pub events: Vec<u64>,
}

/// The call of an alert, as far as an alert tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertCall {
    /// The call.
    pub id: CallId,
    /// Its number in the catalog, by which its deletion is told.
    pub number: u32,
    /// When it was acknowledged: a call that was deleted and sent again is another one.
    pub received_at: Timestamp,
    /// When it began.
    pub started_at: Timestamp,
    /// The job number of the agent in whose part it was.
    pub agent_id: Option<String>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// The agent's team.
    pub team: Option<String>,
    /// The agent's skill group.
    pub skill_group: Option<String>,
    /// The line of business.
    pub business: Option<String>,
    /// The customer, hashed by the sender.
    pub customer_ref: Option<String>,
    /// What tells the customer from others where `customer_ref` is cut: a digest of the whole.
    #[serde(default)]
    pub customer_key: Option<String>,
    /// Which result of the call was looked at last; 0 when it was not kept.
    #[serde(default)]
    pub result: u32,
}

impl AlertCall {
    /// What tells the customer from others.
    pub(super) fn customer_key(&self) -> Option<&str> {
        self.customer_key.as_deref().or(self.customer_ref.as_deref())
    }
}

impl Alert {
    /// When it happened: within its call, where there are times.
    pub(super) fn occurred_at(&self) -> Timestamp {
        let started_at = self.call.as_ref().map_or(self.raised_at, |call| call.started_at);
        let within = i64::try_from(self.at.unwrap_or_default().0).unwrap_or(i64::MAX);
        let at = started_at.as_millisecond().saturating_add(within);
        Timestamp::from_millisecond(at).unwrap_or(started_at)
    }

    /// The agent's team, where there is one.
    #[must_use]
    pub fn team(&self) -> Option<&str> {
        self.call.as_ref().and_then(|call| call.team.as_deref())
    }
}

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It was raised and goes out.
    Raised,
    /// It was raised and waits for a digest.
    HeldBack,
    /// Nobody acknowledged it in time.
    Escalated,
    /// Somebody acknowledged it.
    Acknowledged,
    /// Somebody was given it.
    Assigned,
    /// It was closed.
    Closed,
    /// The call no longer fulfils the risk model, or was deleted.
    Withdrawn,
    /// The call fulfils it again.
    Reinstated,
    /// The call was deleted, and with it the samples.
    Erased,
}

/// One thing that happened to an alert. Never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the stream of all events, from 1.
    pub number: u64,
    /// The alert.
    pub alert: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Who did it; empty: the program.
    pub actor: String,
    /// What they said.
    pub note: String,
    /// The state after it.
    pub state: AlertState,
    /// Who had the alert after it.
    pub assignee: Option<String>,
    /// Why it was closed.
    pub close_reason: Option<CloseReason>,
}

/// A step in the life of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Somebody looks at it.
    Acknowledge,
    /// Somebody gets it.
    Assign(String),
    /// Nobody looked at it in time.
    Escalate,
    /// It is dealt with.
    Close(CloseReason),
    /// The call no longer fulfils the risk model.
    Withdraw,
    /// The call fulfils it again.
    Reinstate,
    /// The call was deleted.
    Erase,
}

impl Step {
    /// What happens to the alert by it, and what is asked for in messages.
    fn names(&self) -> (EventKind, &'static str) {
        match self {
            Self::Acknowledge => (EventKind::Acknowledged, "acknowledged"),
            Self::Assign(_) => (EventKind::Assigned, "assigned"),
            Self::Escalate => (EventKind::Escalated, "escalated"),
            Self::Close(_) => (EventKind::Closed, "closed"),
            Self::Withdraw => (EventKind::Withdrawn, "withdrawn"),
            Self::Reinstate => (EventKind::Reinstated, "reinstated"),
            Self::Erase => (EventKind::Erased, "erased"),
        }
    }
}

/// The state after `step`; `None` when the state does not allow it.
fn state_after(state: AlertState, step: &Step) -> Option<AlertState> {
    use AlertState::{Acknowledged, Closed, Escalated, Open, Withdrawn};
    match (state, step) {
        (Open | Escalated, Step::Acknowledge) => Some(Acknowledged),
        (Open | Escalated | Acknowledged, Step::Assign(_)) => Some(Acknowledged),
        (Open, Step::Escalate) => Some(Escalated),
        (Open | Escalated | Acknowledged, Step::Close(_)) => Some(Closed),
        (Open | Escalated | Acknowledged, Step::Withdraw) => Some(Withdrawn),
        (Withdrawn, Step::Reinstate) => Some(Open),
        // What people decided stays; what nobody has dealt with needs nobody any more.
        (Closed, Step::Erase) => Some(Closed),
        (_, Step::Erase) => Some(Withdrawn),
        (
            _,
            Step::Acknowledge
            | Step::Assign(_)
            | Step::Escalate
            | Step::Close(_)
            | Step::Withdraw
            | Step::Reinstate,
        ) => None,
    }
}

/// Takes `step` with `alert`, as event `number`.
///
/// # Errors
/// [`AlertError::WrongState`], [`AlertError::TooManyChanges`]; then nothing is changed.
pub(super) fn take(
    alert: &mut Alert,
    step: &Step,
    number: u64,
    at: Timestamp,
    actor: &str,
    note: &str,
) -> Result<Event, AlertError> {
    let (kind, wanted) = step.names();
    let wrong =
        || AlertError::WrongState { number: alert.number, state: alert.state, by: String::new(), wanted };
    let state = state_after(alert.state, step).ok_or_else(wrong)?;
    // There is always room to close it, and for what the program does itself.
    let is_last = matches!(step, Step::Close(_) | Step::Erase | Step::Withdraw);
    if alert.events.len() >= MAX_EVENTS && !is_last {
        return Err(AlertError::TooManyChanges { number: alert.number, limit: MAX_EVENTS });
    }
    alert.state = state;
    let mut close_reason = None;
    match step {
        Step::Assign(to) => alert.assignee = Some(to.clone()),
        Step::Close(reason) => {
            close_reason = Some(*reason);
            alert.closed = Some((*reason, note.to_owned()));
        }
        Step::Reinstate => alert.open_since = at,
        Step::Erase => alert.samples.clear(),
        Step::Acknowledge | Step::Escalate | Step::Withdraw => {}
    }
    alert.events.push(number);
    Ok(Event {
        number,
        alert: alert.number,
        at,
        kind,
        actor: actor.to_owned(),
        note: note.to_owned(),
        state,
        assignee: alert.assignee.clone(),
        close_reason,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::alert;
    use super::*;

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Acknowledge),
            "[a-c]".prop_map(Step::Assign),
            Just(Step::Escalate),
            Just(Step::Close(CloseReason::Handled)),
            Just(Step::Close(CloseReason::FalseAlarm)),
            Just(Step::Withdraw),
            Just(Step::Reinstate),
            Just(Step::Erase),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_the_history_explains_the_alert(
            steps in prop::collection::vec(any_step(), 0..300),
        ) {
            let mut alert = alert(7);
            let mut history: Vec<Event> = Vec::new();
            for (index, step) in steps.iter().enumerate() {
                let before = alert.clone();
                let number = 2 + index as u64;
                match take(&mut alert, step, number, Timestamp::UNIX_EPOCH, "a", "n") {
                    Ok(event) => {
                        prop_assert_eq!(event.state, alert.state);
                        prop_assert_eq!(&event.assignee, &alert.assignee);
                        // Closed is closed for good, and only who closes gives a reason.
                        if before.state == AlertState::Closed {
                            prop_assert_eq!(event.kind, EventKind::Erased);
                            prop_assert_eq!(&alert.closed, &before.closed);
                        }
                        prop_assert_eq!(event.close_reason.is_some(), event.kind == EventKind::Closed);
                        history.push(event);
                    }
                    Err(AlertError::WrongState { .. } | AlertError::TooManyChanges { .. }) => {
                        prop_assert_eq!(&alert, &before);
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            let numbers: Vec<u64> = history.iter().map(|event| event.number).collect();
            prop_assert_eq!(&alert.events[1..], &numbers[..]);
            let last = history.last().map_or(AlertState::Open, |event| event.state);
            prop_assert_eq!(alert.state, last);
            prop_assert_eq!(alert.closed.is_some(), alert.state == AlertState::Closed);
            let escalations = history.iter().filter(|event| event.kind == EventKind::Escalated).count();
            let openings = history.iter().filter(|event| event.kind == EventKind::Reinstated).count() + 1;
            prop_assert!(escalations <= openings, "each opening escalates once at most");
        }
    }

    #[test]
    fn a_closed_alert_says_what_it_is() {
        let mut alert = alert(7);
        let at = Timestamp::UNIX_EPOCH;
        take(&mut alert, &Step::Close(CloseReason::Handled), 2, at, "a", "n").expect("it is open");
        let error = take(&mut alert, &Step::Acknowledge, 3, at, "b", "").expect_err("it is closed");
        assert_eq!(error.to_string(), "alert 7 is closed: it cannot be acknowledged");
    }
}
