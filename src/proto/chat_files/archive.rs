//! Message archives of WeCom (企业微信会话存档): one message a line, all chats of a company mixed.
//!
//! Messages of one room, or between the same two people, are one chat until nobody writes for a while.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{MAX_HELD_BYTES, ReadOptions, of_messages, text};
use crate::dialogue::{Message, MessageKind, Sent};
use crate::proto::text_call::{TextCall, TextCallError, wrong};
use crate::types::{CallMetadata, SpeakerRole};

/// A message and its place in the file.
#[derive(Debug)]
struct Held {
    line: usize,
    at: Timestamp,
    message: Message,
}

/// Who talks to whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Parties {
    Room(String),
    /// In the order of the alphabet.
    Pair(String, String),
}

/// The messages of a file so far.
#[derive(Debug)]
pub(super) struct Archive {
    options: Arc<ReadOptions>,
    chats: BTreeMap<Parties, Vec<Held>>,
    num_bytes: usize,
}

impl Archive {
    pub(super) fn new(options: Arc<ReadOptions>) -> Self {
        Self { options, chats: BTreeMap::new(), num_bytes: 0 }
    }

    /// Takes the message of one line.
    pub(super) fn take(&mut self, line: usize, fields: &Map<String, Value>) -> Result<(), TextCallError> {
        let id = text(fields, "msgid").ok_or_else(|| wrong("`msgid` is no text"))?;
        let action = text(fields, "action").unwrap_or_else(|| "send".to_owned());
        if action == "switch" {
            // Somebody's account moved to another company: nobody said anything.
            return Ok(());
        }
        let from = text(fields, "from").ok_or_else(|| wrong("`from` is missing or no text"))?;
        let time = fields.get("msgtime").ok_or_else(|| wrong("`msgtime` is missing"))?;
        let at =
            self.options.moment(time).ok_or_else(|| wrong("`msgtime` must be milliseconds since 1970"))?;
        let parties = parties(fields, &from)?;
        let (kind, said, recalls) = content(fields, &action, &id)?;
        let message = Message {
            id: Some(id),
            role: self.role(&from),
            sender: from,
            kind,
            text: said,
            offset: None,
            reply_to: None,
            recalls,
        };
        self.num_bytes += message.text.len() + 256;
        if self.num_bytes > MAX_HELD_BYTES {
            let problem =
                format!("the archive holds more than {MAX_HELD_BYTES} bytes: split the file by day");
            return Err(wrong(problem));
        }
        self.chats.entry(parties).or_default().push(Held { line, at, message });
        Ok(())
    }

    /// By the accounts as given; else as WeCom names them: customers begin with wm or wo, robots with wb.
    fn role(&self, account: &str) -> SpeakerRole {
        match self.options.accounts.role_of(account) {
            SpeakerRole::Unknown if account.starts_with("wm") || account.starts_with("wo") => {
                SpeakerRole::Customer
            }
            SpeakerRole::Unknown if account.starts_with("wb") => SpeakerRole::Bot,
            SpeakerRole::Unknown => SpeakerRole::Agent,
            known @ (SpeakerRole::Agent | SpeakerRole::Customer | SpeakerRole::Bot) => known,
        }
    }

    /// All chats with the lines at which they begin, in that order.
    pub(super) fn chats(&mut self) -> Vec<(usize, Result<TextCall, TextCallError>)> {
        let gap = i64::try_from(self.options.gap.0).unwrap_or(i64::MAX);
        let mut chats = Vec::new();
        for (_, mut held) in std::mem::take(&mut self.chats) {
            held.sort_by_key(|one| (one.at, one.line));
            let mut open: Vec<Held> = Vec::new();
            for one in held {
                let last = open.last().map(|last| last.at.as_millisecond());
                if last.is_some_and(|last| one.at.as_millisecond().saturating_sub(last) > gap) {
                    chats.extend(self.chat(std::mem::take(&mut open)));
                }
                open.push(one);
            }
            chats.extend(self.chat(open));
        }
        chats.sort_by_key(|(line, _)| *line);
        chats
    }

    fn chat(&self, held: Vec<Held>) -> Option<(usize, Result<TextCall, TextCallError>)> {
        let line = held.iter().map(|one| one.line).min()?;
        // The first message names the chat: it is the same in every export that has it.
        let first = held.first().and_then(|one| one.message.id.as_deref()).unwrap_or_default();
        let digest = Sha256::digest(first.as_bytes());
        let id = format!("wecom-{}", hex::encode(digest.get(..12).unwrap_or_default()));
        let messages = held.into_iter().map(|one| (one.message, Sent::At(one.at))).collect();
        Some((line, of_messages(Some(id), CallMetadata::default(), messages, &self.options)))
    }
}

fn parties(fields: &Map<String, Value>, from: &str) -> Result<Parties, TextCallError> {
    if let Some(room) = text(fields, "roomid").filter(|room| !room.is_empty()) {
        return Ok(Parties::Room(room));
    }
    let to = fields.get("tolist").and_then(Value::as_array).and_then(|to| to.first());
    let to =
        to.and_then(Value::as_str).ok_or_else(|| wrong("`tolist` names nobody, and there is no `roomid`"))?;
    let (one, other) = if from <= to { (from, to) } else { (to, from) };
    Ok(Parties::Pair(one.to_owned(), other.to_owned()))
}

/// What a message is, what it says, and which one it takes back.
fn content(
    fields: &Map<String, Value>,
    action: &str,
    id: &str,
) -> Result<(MessageKind, String, Option<String>), TextCallError> {
    let name = text(fields, "msgtype").ok_or_else(|| wrong("`msgtype` is missing or no text"))?;
    let own = fields.get(&name).or_else(|| fields.get("info")).and_then(Value::as_object);
    let field = |key: &str| own.and_then(|own| text(own, key)).unwrap_or_default();
    if action == "recall" || name == "revoke" {
        let target = field("pre_msgid");
        return Ok((
            MessageKind::Recall,
            String::new(),
            Some(if target.is_empty() { id.to_owned() } else { target }),
        ));
    }
    let (kind, said) = match name.as_str() {
        "text" => {
            let said = own.and_then(|own| text(own, "content"));
            (MessageKind::Text, said.ok_or_else(|| wrong("`text.content` is missing or no text"))?)
        }
        "markdown" => (MessageKind::Text, field("content")),
        "mixed" => (MessageKind::Text, mixed(own)),
        "image" => (MessageKind::Image, String::new()),
        "emotion" => (MessageKind::Image, "表情".to_owned()),
        "voice" => (MessageKind::Voice, String::new()),
        "meeting_voice_call" => (MessageKind::Voice, "语音通话".to_owned()),
        "video" => (MessageKind::Video, String::new()),
        "file" => (MessageKind::File, field("filename")),
        "agree" => (MessageKind::Event, "客户同意存档".to_owned()),
        "disagree" => (MessageKind::Event, "客户不同意存档".to_owned()),
        "link" | "weapp" | "news" => (MessageKind::Other, field("title")),
        "location" => (MessageKind::Other, "位置".to_owned()),
        "card" => (MessageKind::Other, "名片".to_owned()),
        other => (MessageKind::Other, other.to_owned()),
    };
    Ok((kind, said, None))
}

/// The texts of a message of texts and pictures.
fn mixed(own: Option<&Map<String, Value>>) -> String {
    let items = own.and_then(|own| own.get("item")).and_then(Value::as_array);
    let said = |item: &Value| {
        let fields = item.as_object()?;
        if text(fields, "type").as_deref() != Some("text") {
            return None;
        }
        let inner: Value = serde_json::from_str(&text(fields, "content")?).ok()?;
        inner.get("content").and_then(Value::as_str).map(str::to_owned)
    };
    items.into_iter().flatten().filter_map(said).collect::<Vec<_>>().join("\n")
}
