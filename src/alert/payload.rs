//! Puts a message into the form that each kind of receiver takes.
//!
//! **Invariant**: a body is no larger than what its receiver takes.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::config::ReceiverKind;
use super::model::{Alert, Event};
use super::sign;
use super::template::{Item, Message, message, test_message};
use crate::analysis::Level;

/// Most events in one message to a program.
const MAX_EVENTS: usize = 50;
/// Most events in one message to a group: more, nobody reads.
const MAX_LINES: usize = 20;
/// Most bytes of the text of a message: 企业微信 takes 4,096, 钉钉 20,000, and 飞书 20,480 with all around it.
const MAX_BYTES: (usize, usize, usize) = (4_096, 18_000, 15_000);

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Payload {
    /// The body.
    pub(super) body: Vec<u8>,
    /// What is appended to the query of the address.
    pub(super) query: String,
    /// Headers beside the type of the content.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// How many of `items`, from the first, one message takes: at least one.
pub(super) fn num_fitting(kind: ReceiverKind, items: &[Item], zone: &TimeZone) -> usize {
    if kind == ReceiverKind::Json {
        return items.len().min(MAX_EVENTS);
    }
    let mut number = items.len().min(MAX_LINES);
    while number > 1 {
        let fits =
            items.get(..number).is_some_and(|some| text(kind, &message(some, zone)).len() <= max_bytes(kind));
        if fits {
            break;
        }
        number -= 1;
    }
    number
}

/// The payload for `items`; without any, the one that tests the receiver.
pub(super) fn payload(
    kind: ReceiverKind,
    receiver: &str,
    delivery: &str,
    items: &[Item],
    secret: Option<&str>,
    zone: &TimeZone,
    now: Timestamp,
) -> Payload {
    let message = if items.is_empty() { test_message() } else { message(items, zone) };
    let (seconds, millis) = (now.as_second(), now.as_millisecond());
    let mut payload = Payload { body: Vec::new(), query: String::new(), headers: Vec::new() };
    payload.headers.push(("x-diting-delivery", delivery.to_owned()));
    let content = bounded(text(kind, &message), max_bytes(kind));
    let value = match kind {
        ReceiverKind::Json => {
            let events: Vec<Value> = items.iter().map(event).collect();
            json!({
                "version": 1,
                "delivery": delivery,
                "receiver": receiver,
                "test": items.is_empty(),
                "events": events,
            })
        }
        ReceiverKind::Wecom => json!({ "msgtype": "markdown", "markdown": { "content": content } }),
        ReceiverKind::Dingtalk => {
            if let Some(secret) = secret {
                let sign = sign::percent_encoded(&sign::dingtalk(secret, millis));
                payload.query = format!("timestamp={millis}&sign={sign}");
            }
            json!({ "msgtype": "markdown", "markdown": { "title": message.title, "text": content } })
        }
        ReceiverKind::Feishu => {
            let mut value = json!({
                "msg_type": "interactive",
                "card": {
                    "config": { "wide_screen_mode": true },
                    "header": {
                        "template": colour(message.level),
                        "title": { "tag": "plain_text", "content": message.title },
                    },
                    "elements": [{ "tag": "markdown", "content": content }],
                },
            });
            if let (Some(secret), Some(fields)) = (secret, value.as_object_mut()) {
                fields.insert("timestamp".to_owned(), seconds.to_string().into());
                fields.insert("sign".to_owned(), sign::feishu(secret, seconds).into());
            }
            value
        }
    };
    payload.body = value.to_string().into_bytes();
    if let (ReceiverKind::Json, Some(secret)) = (kind, secret) {
        payload.headers.push(("x-diting-signature", sign::of_body(secret, seconds, &payload.body)));
    }
    payload
}

fn max_bytes(kind: ReceiverKind) -> usize {
    match kind {
        ReceiverKind::Json => usize::MAX,
        ReceiverKind::Wecom => MAX_BYTES.0,
        ReceiverKind::Dingtalk => MAX_BYTES.1,
        ReceiverKind::Feishu => MAX_BYTES.2,
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::S1 | Level::S2 => "red",
        Level::S3 => "orange",
        Level::S4 | Level::S5 => "blue",
    }
}

/// The message in the markup of a group.
fn text(kind: ReceiverKind, message: &Message) -> String {
    let Message { title, lines, level } = message;
    let is_urgent = *level <= Level::S2;
    match kind {
        ReceiverKind::Json => String::new(),
        ReceiverKind::Wecom => {
            let colour = if is_urgent { "warning" } else { "info" };
            let lines = lines.iter().map(|(label, value)| match label.as_str() {
                "" => format!("\n> {value}"),
                label => format!("\n> <font color=\"comment\">{label}</font> {value}"),
            });
            format!("**<font color=\"{colour}\">{title}</font>**{}", lines.collect::<String>())
        }
        ReceiverKind::Dingtalk => {
            let lines = lines.iter().map(|(label, value)| match label.as_str() {
                "" => format!("\n\n- {value}"),
                label => format!("\n\n> **{label}**　{value}"),
            });
            format!("#### {title}{}", lines.collect::<String>())
        }
        ReceiverKind::Feishu => {
            let lines = lines.iter().map(|(label, value)| match label.as_str() {
                "" => format!("- {value}"),
                label => format!("**{label}**　{value}"),
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// The first bytes of `text`, whole characters.
fn bounded(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        let mut end = max_bytes.saturating_sub('…'.len_utf8());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// An event with its alert as programs get it: docs/alerts.md tells the fields.
fn event(item: &Item) -> Value {
    let Item { event, alert } = item;
    let Event { number, alert: _, at, kind, actor, note, state, assignee, close_reason } = event;
    json!({
        "cursor": number,
        "at": at,
        "kind": kind,
        "actor": actor,
        "note": note,
        "state": state,
        "assignee": assignee,
        "close_reason": close_reason,
        "alert": fields(alert),
    })
}

fn fields(alert: &Alert) -> Value {
    let call = alert.call.as_ref();
    json!({
        "id": alert.number,
        "risk_id": alert.risk_id,
        "risk_name": alert.risk_name,
        "level": alert.level,
        "call_id": call.map(|call| call.id.as_str()),
        "call_started_at": call.map(|call| call.started_at),
        "at_millis": alert.at.map(|at| at.0),
        "agent_id": call.and_then(|call| call.agent_id.as_deref()),
        "agent_name": call.and_then(|call| call.agent_name.as_deref()),
        "team": call.and_then(|call| call.team.as_deref()),
        "skill_group": call.and_then(|call| call.skill_group.as_deref()),
        "business": call.and_then(|call| call.business.as_deref()),
        "customer_ref": call.and_then(|call| call.customer_ref.as_deref()),
        "rules": alert.rules,
        "samples": alert.samples.iter().map(|sample| json!({
            "rule_id": sample.rule_id,
            "role": sample.role,
            "turn": sample.turn,
            "at_millis": sample.at.map(|at| at.0),
            "text": sample.text,
            "quote": sample.quote,
        })).collect::<Vec<_>>(),
        "raised_at": alert.raised_at,
        "held_back": alert.held_back,
        "digest": alert.digest,
        "state": alert.state,
        "assignee": alert.assignee,
    })
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
