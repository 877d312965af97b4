//! A text chat as data: messages with their senders and times, and the JSON that is kept of it.
//!
//! **Invariant**: the same messages give the same bytes, so a chat that is sent twice is one call.

mod accounts;
mod compose;

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use accounts::{AccountPattern, Accounts};
pub use compose::of_chat;
pub(super) use compose::{measure, relabel};

use crate::error::{Classify, ErrorCode};
use crate::types::{Millis, SpeakerRole};

/// Version of the JSON.
const VERSION: u16 = 1;

/// Most bytes of a chat that are read.
const MAX_BYTES: usize = 64 << 20;

/// The longest time between two messages of one chat: a year.
const MAX_OFFSET: Millis = Millis(366 * 86_400_000);

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Typed text.
    #[default]
    Text,
    /// A picture.
    Image,
    /// A voice message or voice call.
    Voice,
    /// A video.
    Video,
    /// A file.
    File,
    /// A notice of the chat system: somebody joined, agreed, was transferred.
    Event,
    /// Anything else: a card, a link, a place.
    Other,
    /// Takes back an earlier message.
    Recall,
}

impl MessageKind {
    /// What stands for it in a transcript; `None` for text.
    #[must_use]
    pub fn placeholder(self) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Image => Some("[图片]"),
            Self::Voice => Some("[语音]"),
            Self::Video => Some("[视频]"),
            Self::File => Some("[文件]"),
            Self::Event => Some("[通知]"),
            Self::Other => Some("[其他消息]"),
            Self::Recall => Some("[撤回]"),
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Its id in the chat system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The account that sent it.
    pub sender: String,
    /// In whose role.
    pub role: SpeakerRole,
    /// What it is.
    pub kind: MessageKind,
    /// What it says; of what is not text a name or caption, if there is one.
    pub text: String,
    /// When, from the start of the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Millis>,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The message that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalls: Option<String>,
}

/// When a message was sent, as its source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// At a moment.
    At(Timestamp),
    /// So long after the start of the chat.
    After(Millis),
    /// Nobody knows.
    Unknown,
}

/// A chat that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Its stored bytes are no chat.
    #[error("these bytes are no chat: {problem}; send chats with ImportChat or `diting push FILE.jsonl`")]
    Unreadable {
        /// What is wrong with them.
        problem: String,
    },
    /// It holds more than one chat can.
    #[error("the chat has more than {limit} bytes: split it")]
    TooLarge {
        /// Most bytes of one chat.
        limit: usize,
    },
    /// Its messages are too far apart.
    #[error("message {number} is sent more than a year after the first: these are several chats")]
    TooLong {
        /// Which message, from 1.
        number: usize,
    },
}

impl Classify for ChatError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unreadable { .. } | Self::TooLong { .. } => ErrorCode::InvalidInput,
            Self::TooLarge { .. } => ErrorCode::LimitExceeded,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "chat.unreadable",
            Self::TooLarge { .. } => "chat.too_large",
            Self::TooLong { .. } => "chat.too_long",
        }
    }
}

/// A text chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    version: u16,
    /// When its first message was sent.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// Its messages by time.
    pub messages: Vec<Message>,
}

impl Chat {
    /// Puts messages in order. One that has no time stays behind the one before it; a message with the id of an earlier
    /// one is the same, sent twice. Times count from the first moment that any message tells, else from `started_at`.
    ///
    /// # Errors
    /// [`ChatError::TooLong`].
    pub fn new(messages: Vec<(Message, Sent)>, started_at: Option<Timestamp>) -> Result<Self, ChatError> {
        let moments = messages.iter().filter_map(|(_, sent)| match sent {
            Sent::At(at) => Some(*at),
            Sent::After(_) | Sent::Unknown => None,
        });
        let first = moments.min().or(started_at);
        // An archive may name a recall by the very message that it takes back.
        let mut seen: HashSet<(bool, String)> = HashSet::new();
        let mut ordered: Vec<(Millis, Message)> = Vec::with_capacity(messages.len());
        let mut last = Millis::ZERO;
        for (index, (mut message, sent)) in messages.into_iter().enumerate() {
            let is_recall = message.kind == MessageKind::Recall;
            if message.id.as_ref().is_some_and(|id| !seen.insert((is_recall, id.clone()))) {
                continue;
            }
            message.offset = match (sent, first) {
                (Sent::At(at), Some(first)) => {
                    let millis = at.as_millisecond().saturating_sub(first.as_millisecond());
                    Some(Millis(u64::try_from(millis).unwrap_or(0)))
                }
                (Sent::After(offset), _) => Some(offset),
                (Sent::At(_), None) | (Sent::Unknown, _) => None,
            };
            last = message.offset.unwrap_or(last);
            if last > MAX_OFFSET {
                return Err(ChatError::TooLong { number: index + 1 });
            }
            ordered.push((last, message));
        }
        ordered.sort_by_key(|(at, _)| *at);
        let messages = ordered.into_iter().map(|(_, message)| message).collect();
        Ok(Self { version: VERSION, started_at: first, messages })
    }

    /// Gives every message whose role is not known the role of its sender's account.
    pub fn assign(&mut self, accounts: &Accounts) {
        for message in self.messages.iter_mut().filter(|message| message.role == SpeakerRole::Unknown) {
            message.role = accounts.role_of(&message.sender);
        }
    }

    /// The bytes that are kept of it.
    ///
    /// # Errors
    /// [`ChatError::TooLarge`].
    pub fn to_json(&self) -> Result<Vec<u8>, ChatError> {
        let bytes =
            serde_json::to_vec(self).map_err(|error| ChatError::Unreadable { problem: error.to_string() })?;
        if bytes.len() > MAX_BYTES {
            return Err(ChatError::TooLarge { limit: MAX_BYTES });
        }
        Ok(bytes)
    }

    /// The chat that was kept as `bytes`.
    ///
    /// # Errors
    /// [`ChatError`] when they are no chat, or too many.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ChatError> {
        if bytes.len() > MAX_BYTES {
            return Err(ChatError::TooLarge { limit: MAX_BYTES });
        }
        let chat: Self = serde_json::from_slice(bytes)
            .map_err(|error| ChatError::Unreadable { problem: error.to_string() })?;
        if chat.version != VERSION {
            let problem = format!("version {} is not known", chat.version);
            return Err(ChatError::Unreadable { problem });
        }
        if let Some(index) =
            chat.messages.iter().position(|one| one.offset.is_some_and(|offset| offset > MAX_OFFSET))
        {
            return Err(ChatError::TooLong { number: index + 1 });
        }
        Ok(chat)
    }

    /// Most bytes of one chat.
    #[must_use]
    pub fn max_bytes() -> usize {
        MAX_BYTES
    }
}

#[cfg(test)]
mod tests;
