//! A chat as one object with its `messages`: this program's own shape.

use serde_json::{Map, Value};

use super::{ReadOptions, of_messages, text};
use crate::dialogue::{Message, MessageKind, Sent};
use crate::proto::text_call::{TextCall, TextCallError, id_of, parse_metadata, wrong};
use crate::types::{Millis, SpeakerRole};

/// The latest time of a message, from the start of its chat: a year.
const MAX_OFFSET_MS: u64 = 366 * 86_400_000;

/// Reads a chat.
pub(super) fn parse(fields: &Map<String, Value>, options: &ReadOptions) -> Result<TextCall, TextCallError> {
    let (id, metadata) = (id_of(fields)?, parse_metadata(fields)?);
    let Some(messages) = fields.get("messages").and_then(Value::as_array) else {
        return Err(wrong("`messages` is no list"));
    };
    let one = |(index, value): (usize, &Value)| {
        message(value, options).map_err(|problem| wrong(format!("message {}: {problem}", index + 1)))
    };
    let messages = messages.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?;
    of_messages(id, metadata, messages, options)
}

fn message(value: &Value, options: &ReadOptions) -> Result<(Message, Sent), String> {
    let Some(fields) = value.as_object() else {
        return Err("a message is an object: {\"sender\": \"8021\", \"text\": \"您好\"}".to_owned());
    };
    let role = match text(fields, "role") {
        None => SpeakerRole::Unknown,
        Some(name) => options.role(&name).ok_or_else(|| {
            format!("unknown role `{name}`: agent, customer, bot or unknown; or say what it means with --role {name}=agent")
        })?,
    };
    let kind = match text(fields, "kind") {
        None => MessageKind::Text,
        Some(name) => serde_json::from_value(Value::String(name.clone())).map_err(|_| {
            format!("unknown kind `{name}`: text, image, voice, video, file, event, other or recall")
        })?,
    };
    let recalls = text(fields, "recalls");
    if kind == MessageKind::Recall && recalls.is_none() {
        return Err("`recalls` is missing: say which message is taken back".to_owned());
    }
    let said = text(fields, "text");
    if kind == MessageKind::Text && said.is_none() {
        return Err("`text` is missing or no text".to_owned());
    }
    let known = |key: &str| fields.get(key).filter(|value| !value.is_null());
    let sent = match (known("time"), known("offset_ms")) {
        (Some(time), _) => {
            Sent::At(options.moment(time).ok_or(
                "`time` must be a time such as 2026-11-23T09:00:00+08:00 or milliseconds since 1970",
            )?)
        }
        (None, Some(offset)) => {
            let millis = offset.as_u64().filter(|millis| *millis <= MAX_OFFSET_MS);
            Sent::After(Millis(millis.ok_or("`offset_ms` must be milliseconds from the start of the chat")?))
        }
        (None, None) => Sent::Unknown,
    };
    let message = Message {
        id: text(fields, "id"),
        sender: text(fields, "sender").unwrap_or_default(),
        role,
        kind,
        text: said.unwrap_or_default(),
        offset: None,
        reply_to: text(fields, "reply_to"),
        recalls,
    };
    Ok((message, sent))
}
