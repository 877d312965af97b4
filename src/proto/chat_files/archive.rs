//! Message archives of WeCom (企业微信会话存档): one message a line, all chats of a company mixed.
//!
//! Messages of one room, or between the same two people, are one chat until nobody writes for a while.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{ReadOptions, of_messages, text};
use crate::dialogue::{Message, MessageKind, Sent};
use crate::proto::text_call::{TextCall, TextCallError, wrong};
use crate::types::{CallMetadata, SpeakerRole};

/// Longest id of a message, in bytes.
const MAX_ID_BYTES: usize = 512;

/// Longest account or room, in bytes.
const MAX_ACCOUNT_BYTES: usize = 256;

/// What a message takes besides its texts, with the room that growing lists leave free.
const HELD_BYTES: usize = 2 * size_of::<Held>() + 64;

/// A message and its place in the file.
#[derive(Debug)]
pub(super) struct Held {
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
    /// Most bytes to hold.
    max_bytes: usize,
}

impl Archive {
    pub(super) fn new(options: Arc<ReadOptions>, max_bytes: usize) -> Self {
        Self { options, chats: BTreeMap::new(), num_bytes: 0, max_bytes }
    }

    /// Takes the message of one line.
    pub(super) fn take(&mut self, line: usize, fields: &Map<String, Value>) -> Result<(), TextCallError> {
        let id = text(fields, "msgid").ok_or_else(|| wrong("`msgid` is no text"))?;
        check("msgid", &id, MAX_ID_BYTES)?;
        let action = text(fields, "action").unwrap_or_else(|| "send".to_owned());
        if action == "switch" {
            // Somebody's account moved to another company: nobody said anything.
            return Ok(());
        }
        let from = text(fields, "from").ok_or_else(|| wrong("`from` is missing or no text"))?;
        check("from", &from, MAX_ACCOUNT_BYTES)?;
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
        let num_bytes = num_bytes_held(&message)
            + if self.chats.contains_key(&parties) { 0 } else { parties.num_bytes() };
        if self.num_bytes.saturating_add(num_bytes) > self.max_bytes {
            let problem =
                format!("the messages take more than {} bytes: split the file by day", self.max_bytes);
            return Err(wrong(problem));
        }
        self.num_bytes += num_bytes;
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

    /// The messages of every chat with the line at which it begins, in that order.
    pub(super) fn chats(&mut self) -> Vec<(usize, Vec<Held>)> {
        let gap = i64::try_from(self.options.gap.0).unwrap_or(i64::MAX);
        let mut chats = Vec::new();
        for (_, mut held) in std::mem::take(&mut self.chats) {
            held.sort_by_key(|one| (one.at, one.line));
            let mut open: Vec<Held> = Vec::new();
            for one in held {
                let last = open.last().map(|last| last.at.as_millisecond());
                if last.is_some_and(|last| one.at.as_millisecond().saturating_sub(last) > gap) {
                    chats.push(std::mem::take(&mut open));
                }
                open.push(one);
            }
            chats.push(open);
        }
        let first_line = |held: Vec<Held>| Some((held.iter().map(|one| one.line).min()?, held));
        let mut chats: Vec<_> = chats.into_iter().filter_map(first_line).collect();
        chats.sort_by_key(|(line, _)| *line);
        chats
    }

    /// The chat of its messages.
    pub(super) fn chat(&self, held: Vec<Held>) -> Result<TextCall, TextCallError> {
        // The first message names the chat: it is the same in every export that has it.
        let first = held.first().and_then(|one| one.message.id.as_deref()).unwrap_or_default();
        let digest = Sha256::digest(first.as_bytes());
        let id = format!("wecom-{}", hex::encode(digest.get(..12).unwrap_or_default()));
        let messages = held.into_iter().map(|one| (one.message, Sent::At(one.at))).collect();
        of_messages(Some(id), CallMetadata::default(), messages, &self.options)
    }
}

impl Parties {
    /// What it takes as the name of a chat.
    fn num_bytes(&self) -> usize {
        let texts = match self {
            Self::Room(room) => room.len(),
            Self::Pair(one, other) => one.len() + other.len(),
        };
        texts + 2 * size_of::<(Self, Vec<Held>)>()
    }
}

/// What a message takes until the end of the file.
fn num_bytes_held(message: &Message) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let Message { id, sender, role: _, kind: _, text, offset: _, reply_to, recalls } = message;
    HELD_BYTES + optional(id) + sender.len() + text.len() + optional(reply_to) + optional(recalls)
}

/// Refuses what is too long for what it is: it would be held again and again.
fn check(name: &str, value: &str, max_bytes: usize) -> Result<(), TextCallError> {
    if value.len() <= max_bytes {
        return Ok(());
    }
    Err(wrong(format!("`{name}` has {} bytes, and at most {max_bytes} are allowed", value.len())))
}

fn parties(fields: &Map<String, Value>, from: &str) -> Result<Parties, TextCallError> {
    if let Some(room) = text(fields, "roomid").filter(|room| !room.is_empty()) {
        check("roomid", &room, MAX_ACCOUNT_BYTES)?;
        return Ok(Parties::Room(room));
    }
    let to = fields.get("tolist").and_then(Value::as_array).and_then(|to| to.first());
    let to =
        to.and_then(Value::as_str).ok_or_else(|| wrong("`tolist` names nobody, and there is no `roomid`"))?;
    check("tolist", to, MAX_ACCOUNT_BYTES)?;
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
        check("pre_msgid", &target, MAX_ID_BYTES)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn take(archive: &mut Archive, number: usize, from: &str, room: &str) -> Result<(), TextCallError> {
        let line = serde_json::json!({
            "msgid": format!("{number:0>400}"), "action": "send", "from": from, "tolist": ["8021"], "roomid": room,
            "msgtime": 1_700_000_000_000_i64, "msgtype": "text", "text": {"content": "x"},
        });
        archive.take(number, line.as_object().expect("an object"))
    }

    #[test]
    fn every_text_that_is_held_counts() {
        let max_bytes = 1 << 20;
        for (account, room) in [("a".repeat(256), String::new()), ("wm1".to_owned(), "r".repeat(250))] {
            let mut archive = Archive::new(Arc::default(), max_bytes);
            let mut number = 0;
            let error = loop {
                number += 1;
                let room = if room.is_empty() { String::new() } else { format!("{room}{number:06}") };
                if let Err(error) = take(&mut archive, number, &account, &room) {
                    break error;
                }
            };
            let texts = 401 + account.len() + room.len();
            assert!(number * texts <= max_bytes && number > 500, "{number} messages of {texts} bytes");
            assert!(error.problem.contains("split the file by day"), "{error}");
            assert!(!archive.chats().is_empty(), "what was taken is kept");
        }
    }

    #[test]
    fn an_account_that_is_none_is_refused_with_its_length() {
        let mut archive = Archive::new(Arc::default(), 1 << 20);
        let long = "x".repeat(257);
        for (from, room, name) in [(long.as_str(), "", "`from`"), ("a", long.as_str(), "`roomid`")] {
            let error = take(&mut archive, 1, from, room).expect_err("it is too long");
            assert!(error.problem.contains(name) && error.problem.contains("257"), "{error}");
        }
    }
}
