//! Chats: messages both ways, and what a chat has in place of sound.

use super::{ConvertError, duration, known, optional_text, timestamp, timestamp_from_wire};
use crate::dialogue::{
    AccountPattern, Accounts, Chat, ChatFacts, Message, MessageKind, Recalled, Response, Sent,
};
use crate::proto::v1;
use crate::types::{CallMetadata, Media, Millis, SpeakerRole};

/// Most messages of one chat.
const MAX_MESSAGES: usize = 50_000;
/// Longest text of one message, in characters.
const MAX_MESSAGE_CHARS: usize = 100_000;
/// Most patterns in one list of accounts.
const MAX_PATTERNS: usize = 1_000;
/// The latest time of a message, from the start of its chat: a year.
const MAX_OFFSET_SECS: i64 = 366 * 86_400;

/// The chat of a request with its metadata: every message has the role that it or its sender's account tells.
///
/// # Errors
/// [`ConvertError`] with the field that cannot be taken.
pub fn chat(
    metadata: Option<v1::CallMetadata>,
    messages: Vec<v1::ChatMessage>,
    accounts: Option<v1::ChatAccounts>,
) -> Result<(Chat, CallMetadata), ConvertError> {
    let mut metadata: CallMetadata = metadata.unwrap_or_default().try_into()?;
    metadata.media = Media::Chat;
    if messages.is_empty() {
        return Err(ConvertError::new("messages", "a chat has at least one message"));
    }
    if messages.len() > MAX_MESSAGES {
        let problem = format!("at most {MAX_MESSAGES} are allowed, these are {}", messages.len());
        return Err(ConvertError::new("messages", problem));
    }
    let messages: Result<Vec<_>, _> = messages.into_iter().enumerate().map(message).collect();
    let mut chat = Chat::new(messages?, metadata.started_at)
        .map_err(|error| ConvertError::new("messages", error.to_string()))?;
    chat.assign(&accounts_from_wire(accounts.unwrap_or_default())?);
    metadata.started_at = metadata.started_at.or(chat.started_at);
    Ok((chat, metadata))
}

fn message((index, wire): (usize, v1::ChatMessage)) -> Result<(Message, Sent), ConvertError> {
    let at = |name: &str| format!("messages[{index}].{name}");
    let role = match known(&at("role"), wire.role)? {
        v1::SpeakerRole::Agent => SpeakerRole::Agent,
        v1::SpeakerRole::Customer => SpeakerRole::Customer,
        v1::SpeakerRole::Bot => SpeakerRole::Bot,
        v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified => SpeakerRole::Unknown,
    };
    let kind = kind_from_wire(&at("kind"), wire.kind)?;
    if wire.text.chars().count() > MAX_MESSAGE_CHARS {
        let problem = format!("a message has at most {MAX_MESSAGE_CHARS} characters");
        return Err(ConvertError::new(&at("text"), problem));
    }
    let recalls = optional_text(&at("recalls"), wire.recalls)?;
    if kind == MessageKind::Recall && recalls.is_none() {
        return Err(ConvertError::new(&at("recalls"), "say which message is taken back"));
    }
    let sent = match (wire.time, wire.offset) {
        (Some(time), _) => Sent::At(timestamp_from_wire(&at("time"), time)?),
        (None, Some(offset)) => {
            let whole = offset.seconds.checked_mul(1_000).filter(|_| offset.seconds <= MAX_OFFSET_SECS);
            let millis = whole.map(|whole| whole + i64::from(offset.nanos / 1_000_000));
            let millis = millis.and_then(|millis| u64::try_from(millis).ok()).ok_or_else(|| {
                ConvertError::new(&at("offset"), "it counts from the start of the chat, from zero to a year")
            })?;
            Sent::After(Millis(millis))
        }
        (None, None) => Sent::Unknown,
    };
    let message = Message {
        id: optional_text(&at("message_id"), wire.message_id)?,
        sender: optional_text(&at("sender"), wire.sender)?.unwrap_or_default(),
        role,
        kind,
        text: wire.text,
        offset: None,
        reply_to: optional_text(&at("reply_to"), wire.reply_to)?,
        recalls,
    };
    Ok((message, sent))
}

/// The messages of a chat on the wire, with roles and times as resolved.
#[must_use]
pub fn messages_to_wire(chat: &Chat) -> Vec<v1::ChatMessage> {
    let message = |message: &Message| {
        let at = message.offset.zip(chat.started_at).and_then(|(offset, start)| {
            let offset = i64::try_from(offset.0).ok()?;
            start.checked_add(jiff::SignedDuration::from_millis(offset)).ok()
        });
        v1::ChatMessage {
            message_id: message.id.clone().unwrap_or_default(),
            sender: message.sender.clone(),
            role: v1::SpeakerRole::from(message.role).into(),
            kind: kind_to_wire(message.kind).into(),
            text: message.text.clone(),
            time: at.map(timestamp),
            offset: message.offset.filter(|_| at.is_none()).map(duration),
            recalls: message.recalls.clone().unwrap_or_default(),
            reply_to: message.reply_to.clone().unwrap_or_default(),
        }
    };
    chat.messages.iter().map(message).collect()
}

/// Whose accounts are whose.
///
/// # Errors
/// [`ConvertError`] with what is wrong with a pattern.
pub fn accounts_from_wire(wire: v1::ChatAccounts) -> Result<Accounts, ConvertError> {
    let list = |name: &str, texts: Vec<String>| {
        let field = format!("accounts.{name}");
        if texts.len() > MAX_PATTERNS {
            return Err(ConvertError::new(&field, format!("at most {MAX_PATTERNS} entries are allowed")));
        }
        let parse = |text: String| {
            let text = optional_text(&field, text)?.unwrap_or_default();
            AccountPattern::parse(&text).map_err(|problem| ConvertError::new(&field, problem))
        };
        texts.into_iter().map(parse).collect::<Result<Vec<_>, _>>()
    };
    Ok(Accounts {
        agents: list("agents", wire.agents)?,
        bots: list("bots", wire.bots)?,
        customers: list("customers", wire.customers)?,
    })
}

/// What a message is, on the wire.
pub(super) fn kind_to_wire(kind: MessageKind) -> v1::MessageKind {
    match kind {
        MessageKind::Text => v1::MessageKind::Text,
        MessageKind::Image => v1::MessageKind::Image,
        MessageKind::Voice => v1::MessageKind::Voice,
        MessageKind::Video => v1::MessageKind::Video,
        MessageKind::File => v1::MessageKind::File,
        MessageKind::Event => v1::MessageKind::Event,
        MessageKind::Other => v1::MessageKind::Other,
        MessageKind::Recall => v1::MessageKind::Recall,
    }
}

/// What a message is.
pub(super) fn kind_from_wire(field: &str, kind: i32) -> Result<MessageKind, ConvertError> {
    Ok(match known(field, kind)? {
        v1::MessageKind::Unspecified | v1::MessageKind::Text => MessageKind::Text,
        v1::MessageKind::Image => MessageKind::Image,
        v1::MessageKind::Voice => MessageKind::Voice,
        v1::MessageKind::Video => MessageKind::Video,
        v1::MessageKind::File => MessageKind::File,
        v1::MessageKind::Event => MessageKind::Event,
        v1::MessageKind::Other => MessageKind::Other,
        v1::MessageKind::Recall => MessageKind::Recall,
    })
}

impl From<&ChatFacts> for v1::ChatFacts {
    fn from(facts: &ChatFacts) -> Self {
        let response = |response: &Response| v1::ChatResponse {
            asked: response.asked,
            answer: response.answer,
            wait: Some(duration(response.wait)),
        };
        let recall = |recall: &Recalled| v1::ChatRecall {
            role: v1::SpeakerRole::from(recall.role).into(),
            sender: recall.sender.clone(),
            message_id: recall.message_id.clone().unwrap_or_default(),
            said_at: recall.said_at.map(duration),
            at: recall.at.map(duration),
        };
        Self {
            started_at: facts.started_at.map(timestamp),
            first_response: facts.first_response().map(duration),
            mean_response: facts.mean_response().map(duration),
            max_response: facts.max_response().map(duration),
            responses: facts.responses.iter().map(response).collect(),
            recalls: facts.recalls.iter().map(recall).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(sender: &str, text: &str, seconds: i64) -> v1::ChatMessage {
        v1::ChatMessage {
            sender: sender.to_owned(),
            text: text.to_owned(),
            time: Some(prost_types::Timestamp { seconds: 1_800_000_000 + seconds, nanos: 5_000_000 }),
            ..Default::default()
        }
    }

    #[test]
    fn messages_survive_the_wire_with_their_roles() {
        let accounts = v1::ChatAccounts { agents: vec!["kf_*".to_owned()], ..Default::default() };
        let mut explicit = wire("kf_9", "三", 7);
        explicit.role = v1::SpeakerRole::Bot.into();
        let sent = vec![wire("wm1", "一", 0), wire("kf_1", "二", 3), explicit];
        let (first, metadata) = chat(None, sent, Some(accounts)).expect("it is a chat");
        let roles: Vec<_> = first.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [SpeakerRole::Customer, SpeakerRole::Agent, SpeakerRole::Bot]);
        assert_eq!((metadata.media, metadata.started_at), (Media::Chat, first.started_at));
        let (again, _) = chat(None, messages_to_wire(&first), None).expect("it is a chat");
        assert_eq!(again, first);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_field() {
        let refused = |messages, accounts| chat(None, messages, accounts).expect_err("it is wrong").field;
        assert_eq!(refused(Vec::new(), None), "messages");
        let recall = v1::ChatMessage { kind: v1::MessageKind::Recall.into(), ..wire("a", "", 0) };
        assert_eq!(refused(vec![recall], None), "messages[0].recalls");
        let odd = v1::ChatMessage { kind: 99, ..wire("a", "", 0) };
        assert_eq!(refused(vec![wire("a", "", 0), odd], None), "messages[1].kind");
        let accounts = v1::ChatAccounts { bots: vec!["/(/".to_owned()], ..Default::default() };
        assert_eq!(refused(vec![wire("a", "", 0)], Some(accounts)), "accounts.bots");
        let early = v1::ChatMessage {
            time: None,
            offset: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
            ..wire("a", "", 0)
        };
        assert_eq!(refused(vec![early], None), "messages[0].offset");
    }
}
