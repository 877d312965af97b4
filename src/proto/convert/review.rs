//! Reviews: what requests ask for, checked.

use prost::Message;

use super::{CallChoice, ConvertError, call_choice, known, optional_text, timestamp_from_wire};
use crate::analysis::Verdict;
use crate::catalog::{CallQuery, TimeRange};
use crate::proto::v1;
use crate::review::{Choice, Mode, Plan, Slot, Verb, Window};
use crate::types::{RuleId, Score};

/// A rule or item named in `field`.
///
/// # Errors
/// [`ConvertError`] when it is no id.
pub fn rule_id(field: &str, text: String) -> Result<RuleId, ConvertError> {
    RuleId::try_new(text).map_err(|error| ConvertError::new(field, error.to_string()))
}

/// A period.
///
/// # Errors
/// [`ConvertError`] for a time out of range.
pub fn period(
    field: &str,
    from: Option<prost_types::Timestamp>,
    before: Option<prost_types::Timestamp>,
) -> Result<TimeRange, ConvertError> {
    let time = |at: Option<_>| at.map(|at| timestamp_from_wire(field, at)).transpose();
    Ok(TimeRange { from: time(from)?, before: time(before)? })
}

/// Points in `field`.
///
/// # Errors
/// [`ConvertError`] when they are no number of points.
pub fn points(field: &str, points: f64) -> Result<Score, ConvertError> {
    Score::from_f64(points).ok_or_else(|| ConvertError::new(field, "is no number of points"))
}

/// A verdict, when one is named.
///
/// # Errors
/// [`ConvertError`] for a value that is none.
pub fn some_verdict(field: &str, value: i32) -> Result<Option<Verdict>, ConvertError> {
    Ok(match known(field, value)? {
        v1::Verdict::Hit => Some(Verdict::Hit),
        v1::Verdict::Miss => Some(Verdict::Miss),
        v1::Verdict::NotApplicable => Some(Verdict::NotApplicable),
        v1::Verdict::Unspecified => None,
    })
}

/// As what somebody looks at a call, when that is named.
///
/// # Errors
/// [`ConvertError`] for a value that is none.
pub fn slot(value: i32) -> Result<Option<Slot>, ConvertError> {
    Ok(match known("slot", value)? {
        v1::ReviewSlot::Unspecified => None,
        v1::ReviewSlot::First => Some(Slot::First),
        v1::ReviewSlot::Second => Some(Slot::Second),
        v1::ReviewSlot::Decider => Some(Slot::Decider),
        v1::ReviewSlot::Appeal => Some(Slot::Appeal),
    })
}

/// Which calls.
///
/// # Errors
/// [`ConvertError`] names the field that makes no sense.
pub fn selection(wire: v1::CallFilter) -> Result<CallQuery, ConvertError> {
    let CallChoice { query, text } = call_choice(wire)?;
    match text {
        None => Ok(query),
        Some(_) => Err(ConvertError::new("selection.text", "reviews are not chosen by what was said")),
    }
}

/// What a reviewer says about a rule.
///
/// # Errors
/// [`ConvertError`] names the field that makes no sense.
pub fn choice(wire: v1::ReviewChoice) -> Result<Choice, ConvertError> {
    let named = some_verdict("choices.verdict", wire.verdict)?;
    let verb = match (known("choices.verb", wire.verb)?, named) {
        (v1::ReviewVerb::Confirm, None) => Verb::Confirm,
        (v1::ReviewVerb::Reject, None) => Verb::Reject,
        (v1::ReviewVerb::Change, Some(verdict)) => Verb::Change(verdict),
        (v1::ReviewVerb::Change, None) => {
            return Err(ConvertError::new("choices.verdict", "say which verdict is right"));
        }
        (v1::ReviewVerb::Confirm | v1::ReviewVerb::Reject, Some(_)) => {
            return Err(ConvertError::new("choices.verdict", "is only for REVIEW_VERB_CHANGE"));
        }
        (v1::ReviewVerb::Unspecified, _) => {
            return Err(ConvertError::new("choices.verb", "say whether the machine is right"));
        }
    };
    let rule_id = rule_id("choices.rule_id", wire.rule_id)?;
    Ok(Choice { rule_id, verb, turn: wire.turn, comment: wire.comment })
}

/// A plan as it is asked for.
///
/// # Errors
/// [`ConvertError`] names the field that makes no sense.
pub fn plan(wire: v1::ReviewPlan) -> Result<Plan, ConvertError> {
    let selection_told = wire.selection.clone().unwrap_or_default();
    let mode = match known("plan.mode", wire.mode)? {
        v1::SamplingMode::Unspecified | v1::SamplingMode::All => Mode::All,
        v1::SamplingMode::Proportion => Mode::Proportion(wire.proportion),
        v1::SamplingMode::PerAgent => Mode::PerAgent(wire.number),
        v1::SamplingMode::PerTeam => Mode::PerTeam(wire.number),
        v1::SamplingMode::Number => Mode::Number(wire.number),
    };
    let window = match known("plan.window", wire.window)? {
        v1::SamplingWindow::Unspecified | v1::SamplingWindow::Day => Window::Day,
        v1::SamplingWindow::Week => Window::Week,
        v1::SamplingWindow::Month => Window::Month,
    };
    Ok(Plan {
        id: optional_text("plan.plan_id", wire.plan_id)?
            .ok_or_else(|| ConvertError::new("plan.plan_id", "name the plan"))?,
        title: wire.title,
        query: selection(wire.selection.unwrap_or_default())?,
        told: hex::encode(selection_told.encode_to_vec()),
        mode,
        window,
        seed: wire.seed,
        double_share: wire.double_share,
        priority: wire.priority,
        is_continuous: wire.continuous,
        is_active: !wire.paused,
        created_at: jiff::Timestamp::UNIX_EPOCH,
    })
}

/// The question of a plan as it was asked.
pub(super) fn told(plan: &Plan) -> v1::CallFilter {
    let bytes = hex::decode(&plan.told).unwrap_or_default();
    v1::CallFilter::decode(bytes.as_slice()).unwrap_or_default()
}
