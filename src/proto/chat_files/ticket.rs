//! A chat as a ticket: `tid`, and a `dialogue` of `role`, `identity`, `words` and `begin` or `beginTime`.

use serde_json::{Map, Value};

use super::{ReadOptions, of_messages, text};
use crate::dialogue::{Message, MessageKind, Sent};
use crate::proto::text_call::{TextCall, TextCallError, parse_metadata, wrong};
use crate::types::{Millis, SpeakerRole};

/// The latest `begin`: a year.
const MAX_BEGIN_MS: u64 = 366 * 86_400_000;

/// Reads a ticket.
pub(super) fn parse(fields: &Map<String, Value>, options: &ReadOptions) -> Result<TextCall, TextCallError> {
    let id = text(fields, "tid").or_else(|| text(fields, "id")).or_else(|| text(fields, "fileName"));
    let Some(lines) = fields.get("dialogue").and_then(Value::as_array) else {
        return Err(wrong("`dialogue` is no list"));
    };
    let one = |(index, value): (usize, &Value)| {
        message(value, options).map_err(|problem| wrong(format!("dialogue {}: {problem}", index + 1)))
    };
    let messages = lines.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?;
    of_messages(id, parse_metadata(fields)?, messages, options)
}

fn message(value: &Value, options: &ReadOptions) -> Result<(Message, Sent), String> {
    let fields = value.as_object().ok_or("an entry is an object with `role` and `words`")?;
    let name = text(fields, "role").ok_or("`role` is missing or no text")?;
    let sender = text(fields, "identity").unwrap_or_else(|| name.clone());
    let by_account = options.accounts.role_of(&sender);
    let system = ["系统", "system"].contains(&name.as_str());
    let role = match options.role(&name) {
        Some(role) => role,
        None if system => SpeakerRole::Bot,
        None if by_account != SpeakerRole::Unknown => by_account,
        None => {
            return Err(format!(
                "unknown role `{name}`: 客服, 客户 or 系统; or say what it means with --role {name}=agent"
            ));
        }
    };
    let words = text(fields, "words").ok_or("`words` is missing or no text")?;
    let known = |key: &str| fields.get(key).filter(|value| !value.is_null());
    let sent = match (known("beginTime"), known("begin")) {
        (Some(time), _) => {
            Sent::At(options.moment(time).ok_or("`beginTime` must be a time such as 2026-11-23 09:00:00")?)
        }
        (None, Some(begin)) => {
            let millis = begin.as_u64().filter(|millis| *millis <= MAX_BEGIN_MS);
            Sent::After(Millis(millis.ok_or("`begin` must be milliseconds from the start of the chat")?))
        }
        (None, None) => Sent::Unknown,
    };
    let kind = if system { MessageKind::Event } else { MessageKind::Text };
    Ok((Message { sender, role, kind, text: words, ..Message::default() }, sent))
}
