//! A row of a manifest as a JSON object: fields as in a table, or shaped like an upload.
//!
//! The `metadata` of an upload is handed on as it stands: whoever imports reads it as the file beside a recording.

use serde_json::{Map, Value};

use super::ItemError;
use super::fields::Field;

/// Hands every field of the object in `text` to `set`, with its name; gives its `metadata`.
pub(super) fn read(
    text: &str,
    set: &mut impl FnMut(&str, &Field, &str) -> Result<(), ItemError>,
) -> Result<Option<String>, ItemError> {
    let mut metadata = None;
    let object: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| ItemError::Row { problem: format!("it is no JSON object on one line: {error}") })?;
    for (name, value) in &object {
        match (name.as_str(), value) {
            ("metadata", Value::Object(inside)) => {
                // Who is heard on which leg depends on it.
                if let Some(direction @ Value::String(_)) = inside.get("direction") {
                    take("direction", direction, set)?;
                }
                metadata = Some(value.to_string());
            }
            ("audio", Value::Object(inside)) => {
                for (name, value) in inside {
                    take(name, value, set)?;
                }
            }
            _ => take(name, value, set)?,
        }
    }
    Ok(metadata)
}

fn take(
    name: &str,
    value: &Value,
    set: &mut impl FnMut(&str, &Field, &str) -> Result<(), ItemError>,
) -> Result<(), ItemError> {
    if let ("attributes", Value::Object(inside)) = (name, value) {
        for (name, value) in inside {
            // Attributes are shown as they are, and names of customers are not.
            let is_name = Field::named(name) == Field::CustomerName;
            let field = if is_name { Field::CustomerName } else { Field::Attribute(name.clone()) };
            set(name, &field, &scalar(name, value)?)?;
        }
        return Ok(());
    }
    let field = Field::named(name);
    let text = match (&field, value) {
        (Field::ChannelRoles, Value::Object(roles)) => {
            let pair = |(channel, role): (&String, &Value)| Ok(format!("{channel}={}", scalar(name, role)?));
            roles.iter().map(pair).collect::<Result<Vec<_>, _>>()?.join(";")
        }
        (Field::ChannelRoles, Value::Array(roles)) => {
            let pair = |role: &Value| {
                let part = |key: &str| role.get(key).map_or(Ok(String::new()), |value| scalar(name, value));
                // proto3 JSON leaves a channel of 0 out.
                let channel = part("channel")?;
                let channel = if channel.is_empty() { "0".to_owned() } else { channel };
                Ok(format!("{channel}={}", part("role")?))
            };
            roles.iter().map(pair).collect::<Result<Vec<_>, _>>()?.join(";")
        }
        (Field::Channels, Value::Array(channels)) => {
            let texts = channels.iter().map(|channel| scalar(name, channel));
            texts.collect::<Result<Vec<_>, _>>()?.join(";")
        }
        _ => scalar(name, value)?,
    };
    set(name, &field, &text)
}

fn scalar(name: &str, value: &Value) -> Result<String, ItemError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(value) => Ok(value.to_string()),
        Value::String(value) => Ok(value.clone()),
        Value::Array(_) | Value::Object(_) => {
            let problem = "must be a text, a number or true or false".to_owned();
            Err(ItemError::Field { field: name.to_owned(), problem })
        }
    }
}
