//! Domain to wire, and back where a request carries it.
//!
//! To the wire nothing can fail; from the wire everything is checked, and an error names the field as the sender wrote
//! it (`metadata.channel_roles`).

mod alert;
mod call;
mod chat;
mod codec;
mod dialogue;
mod filter;
mod finding;
mod insight;
mod job;
mod people;
mod report;
mod review;
mod review_to_wire;
mod segments;
mod time;
mod topic;
mod transcript;
mod update;

pub use alert::{
    alert_event, alert_filter, alert_view, close_reason, close_reason_title, dead_letter, held_back_text,
    note, person,
};
pub use call::{failure_of, state_to_wire};
pub use chat::{accounts_from_wire, chat, messages_to_wire};
pub use dialogue::dialogue_from_wire;
pub use filter::{
    CallChoice, call_choice, call_order, calls_command, filter_to_wire, findings_command, review_to_wire,
};
pub use finding::{Report, finding, finding_of_row};
pub use insight::{groups_from_wire, scope_from_wire, step_from_wire, tally};
pub use job::{job_id, pack};
pub use people::improvement_from_wire;
pub use report::{export_request, report_file, report_request};
pub use review::{choice, period, plan, points, rule_id, selection, slot, some_verdict};
pub use review_to_wire::{appeal, decided, review, review_state, review_task};
pub use time::{duration, timestamp, timestamp_from_wire};
pub use topic::{all, topic_to_wire};
pub use transcript::{text_match, transcript};
pub use update::updated;

use crate::error::{Classify, ErrorCode};
use crate::types::CallId;

/// Longest text in one field of a request, in characters.
const MAX_TEXT_CHARS: usize = 1024;

/// A field of a request that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {problem}")]
pub struct ConvertError {
    /// The field's path, for example `metadata.channel_roles`.
    pub field: String,
    /// What is wrong with it and what to send instead.
    pub problem: String,
}

impl ConvertError {
    /// Says that `field` has `problem`.
    #[must_use]
    pub fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }
}

impl Classify for ConvertError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn reason(&self) -> &'static str {
        "request.invalid_field"
    }
}

/// Reads a call id from field `call_id`.
///
/// # Errors
/// [`ConvertError`] when the text breaks the rules of [`CallId`].
pub fn call_id(text: &str) -> Result<CallId, ConvertError> {
    CallId::try_new(text).map_err(|error| ConvertError::new("call_id", error.to_string()))
}

/// The text of `field`, or nothing when it is empty.
///
/// # Errors
/// [`ConvertError`] when it is longer than 1024 characters.
pub fn optional_text(field: &str, text: String) -> Result<Option<String>, ConvertError> {
    let num_chars = text.chars().count();
    if num_chars > MAX_TEXT_CHARS {
        let problem = format!("at most {MAX_TEXT_CHARS} characters are allowed, this has {num_chars}");
        return Err(ConvertError::new(field, problem));
    }
    Ok((!text.is_empty()).then_some(text))
}

/// The value of an enum `field`.
fn known<E: TryFrom<i32>>(field: &str, value: i32) -> Result<E, ConvertError> {
    E::try_from(value).map_err(|_| ConvertError::new(field, format!("{value} is not a value of this enum")))
}
