//! Calls as JSON, one on a line: written down by a person or a chat system, or a report that `diting` printed.
//!
//! A written line has `id`, `metadata` and `turns` (`role`, `text`, and where known `begin_ms`, `end_ms`,
//! `loudness_dbfs`); a report is the JSON of a `CallReport` with its transcript. Conversion only: nothing is judged here.

use serde_json::{Map, Value};

use super::convert::{ConvertError, dialogue_from_wire};
use super::{json, v1};
use crate::analysis::{WrittenTurn, chat_from, dialogue_from};
use crate::dialogue::{Chat, Dialogue, DialogueConfig, of_chat, relabel};
use crate::error::{Classify, ErrorCode};
use crate::types::{CallMetadata, Media, Millis, SpeakerRole, TimeSpan};

/// The latest time in a line: a day.
const MAX_MILLIS: u64 = 86_400_000;

/// A line that cannot be taken as a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TextCallError {
    /// What is wrong, and where in the line.
    pub problem: String,
}

impl Classify for TextCallError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn reason(&self) -> &'static str {
        "call.bad_line"
    }
}

impl From<ConvertError> for TextCallError {
    fn from(error: ConvertError) -> Self {
        Self { problem: error.to_string() }
    }
}

pub(super) fn wrong(problem: impl Into<String>) -> TextCallError {
    TextCallError { problem: problem.into() }
}

/// A call that needs no recording to be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct TextCall {
    /// Its id, when the line has one.
    pub id: Option<String>,
    /// What the sender declared.
    pub metadata: CallMetadata,
    /// Who said what when.
    pub dialogue: Dialogue,
    /// The chat, when it is one.
    pub chat: Option<Chat>,
}

/// The object of one line.
pub(super) fn object(line: &str) -> Result<Map<String, Value>, TextCallError> {
    let value: Value = serde_json::from_str(line).map_err(|error| {
        wrong(format!("this is no JSON: {error}").replace(" at line 1 column", ", column"))
    })?;
    let Value::Object(fields) = value else {
        return Err(wrong("a call is an object: {\"id\": …, \"turns\": […]}"));
    };
    Ok(fields)
}

/// The id that a line has.
pub(super) fn id_of(fields: &Map<String, Value>) -> Result<Option<String>, TextCallError> {
    match fields.get("id").or_else(|| fields.get("callId")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(wrong("`id` must be text")),
    }
}

/// Reads a call whose turns somebody wrote down.
pub(super) fn parse_written(
    fields: &Map<String, Value>,
    role: impl Fn(&str) -> Option<SpeakerRole>,
) -> Result<TextCall, TextCallError> {
    let id = id_of(fields)?;
    let mut metadata = parse_metadata(fields)?;
    let Some(turns) = fields.get("turns").and_then(Value::as_array) else {
        let near = fields.keys().find(|name| name.to_lowercase().contains("turn"));
        let hint = near.map(|name| format!(", there is `{name}`")).unwrap_or_default();
        return Err(wrong(format!("`turns` is missing or no list{hint}")));
    };
    let turns: Result<Vec<WrittenTurn>, TextCallError> =
        turns.iter().enumerate().map(|(index, turn)| parse_turn(index, turn, &role)).collect();
    if metadata.media == Media::Chat {
        let chat = chat_from(turns?, &metadata).map_err(|error| wrong(error.to_string()))?;
        metadata.started_at = metadata.started_at.or(chat.started_at);
        let dialogue = of_chat(&chat, &metadata);
        return Ok(TextCall { id, metadata, dialogue, chat: Some(chat) });
    }
    let written = dialogue_from(turns?, false, None);
    let dialogue = relabel(&written, &metadata, &DialogueConfig::default());
    Ok(TextCall { id, metadata, dialogue, chat: None })
}

pub(super) fn parse_metadata(fields: &Map<String, Value>) -> Result<CallMetadata, TextCallError> {
    let Some(metadata) = fields.get("metadata").filter(|value| !value.is_null()) else {
        return Ok(CallMetadata::default());
    };
    let text = metadata.to_string();
    let wire: v1::CallMetadata = json::parse(&text).map_err(|error| {
        let hint = json::hint::<v1::CallMetadata>(&text).map(|hint| format!("; {hint}")).unwrap_or_default();
        wrong(format!("`metadata`: {error}{hint}"))
    })?;
    Ok(wire.try_into()?)
}

fn parse_turn(
    index: usize,
    turn: &Value,
    role: impl Fn(&str) -> Option<SpeakerRole>,
) -> Result<WrittenTurn, TextCallError> {
    let at = |problem: String| wrong(format!("turn {}: {problem}", index + 1));
    let Some(fields) = turn.as_object() else {
        return Err(at("a turn is an object: {\"role\": \"agent\", \"text\": \"您好\"}".to_owned()));
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let name = text("role").ok_or_else(|| at("`role` is missing or no text".to_owned()))?;
    let role = role(name).ok_or_else(|| {
        at(format!("unknown role `{name}`: agent, customer, bot or unknown; or say what it means with --role {name}=agent"))
    })?;
    let said = text("text").ok_or_else(|| at("`text` is missing or no text".to_owned()))?;
    let time = |key: &str| match fields.get(key).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) if (0.0..=MAX_MILLIS as f64).contains(&number) => Ok(Some(Millis(number as u64))),
            Some(_) | None => Err(at(format!("`{key}` must be milliseconds from 0 to {MAX_MILLIS}"))),
        },
    };
    let span = match (time("begin_ms")?, time("end_ms")?) {
        (None, None) => None,
        (Some(begin), Some(end)) if end >= begin => Some(TimeSpan::new(begin, end)),
        (Some(begin), Some(end)) => {
            return Err(at(format!("it ends ({}) before it begins ({})", end.0, begin.0)));
        }
        (Some(_), None) => return Err(at("`begin_ms` is there and `end_ms` is not".to_owned())),
        (None, Some(_)) => return Err(at("`end_ms` is there and `begin_ms` is not".to_owned())),
    };
    let loudness_dbfs = fields.get("loudness_dbfs").and_then(Value::as_f64).map(|level| level as f32);
    Ok(WrittenTurn { role, span, loudness_dbfs, text: said.to_owned() })
}

pub(super) fn parse_report(line: &str) -> Result<TextCall, TextCallError> {
    let report: v1::CallReport =
        json::parse(line).map_err(|error| wrong(format!("this report cannot be read: {error}")))?;
    let call = report.call.unwrap_or_default();
    let metadata = call.metadata.unwrap_or_default().try_into()?;
    let dialogue = dialogue_from_wire(report.transcript.unwrap_or_default())?;
    let id = Some(call.call_id).filter(|id| !id.is_empty());
    Ok(TextCall { id, metadata, dialogue, chat: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::{ReadOptions, read_text_calls};

    fn parse(line: &str) -> Result<TextCall, TextCallError> {
        let options =
            ReadOptions { roles: vec![("left".to_owned(), SpeakerRole::Agent)], ..ReadOptions::default() };
        let line = line.replace('\n', "");
        let mut calls = read_text_calls(line.as_bytes(), &options);
        calls.next().expect("there is a line").expect("memory is read").1
    }

    #[test]
    fn a_written_line_is_read_with_times_and_metadata() {
        let call = parse(
            r#"{"id": "c1", "file": "x", "metadata": {"direction": "DIRECTION_OUTBOUND"},
                "turns": [{"role": "left", "text": "您好", "begin_ms": 0, "end_ms": 900}, {"role": "客户", "text": "喂"}]}"#,
        )
        .expect("it is well formed");
        assert_eq!(call.id.as_deref(), Some("c1"));
        assert_eq!(call.dialogue.turns[0].span, Some(TimeSpan::new(Millis(0), Millis(900))));
        assert_eq!(call.dialogue.turns[1].role, SpeakerRole::Customer);
        assert!(call.metadata.direction.is_some());
    }

    #[test]
    fn mistakes_are_told_with_their_turn() {
        for (line, wanted) in [
            ("{", "no JSON"),
            ("[]", "an object"),
            (r#"{"id": "a"}"#, "`turns` is missing"),
            (r#"{"turn": []}"#, "there is `turn`"),
            (r#"{"turns": [{"text": "a"}]}"#, "turn 1: `role` is missing"),
            (r#"{"turns": [{"role": "right", "text": "a"}]}"#, "turn 1: unknown role `right`"),
            (
                r#"{"turns": [{"role": "agent", "text": "a", "begin_ms": 5, "end_ms": 1}]}"#,
                "before it begins",
            ),
            (r#"{"turns": [{"role": "agent", "text": "a", "begin_ms": 5}]}"#, "`end_ms` is not"),
            (r#"{"turns": [], "metadata": {"agent": "7"}}"#, "did you mean"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.problem.contains(wanted), "{line}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_fail(line in "(\\PC|\\{|\"turns\":|\\[|\"role\": \"agent\"|\\}|\\]){0,30}") {
            for next in read_text_calls(line.as_bytes(), &ReadOptions::default()) {
                let (_, call) = next.expect("memory is read");
                prop_assert!(call.map_err(|error| error.problem.is_empty()) != Err(true));
            }
        }
    }
}
