//! Reads files of calls that are written down as text or exported from a chat system, as JSON, one object a line.
//!
//! The shape of each line is told by its fields: calls and reports of this program ([`super::text_call`]), chats as a list
//! of `messages`, tickets with a `dialogue` of `words`, and message archives with a `msgid` on every line. All but the last
//! are read without holding more than one line; an archive's messages are held until its end, because those of one chat
//! may stand anywhere.
//!
//! **Invariant**: a line that cannot be taken is told with its number, and the others go on.

mod archive;
mod messages;
mod ticket;

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::text_call::{self, TextCall, TextCallError, wrong};
use crate::analysis::{Scheme, parse_role};
use crate::dialogue::{Accounts, Chat, Message, Sent, of_chat};
use crate::listing::call_id_of;
use crate::types::{CallId, CallMetadata, Media, Millis, SpeakerRole};

/// Longest line: an hour of dialogue with the time of every word takes about a megabyte.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Most bytes that an archive's messages take until its end.
const MAX_HELD_BYTES: usize = 512 << 20;

/// How such files are read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Names of roles beyond those that are known, with what they mean.
    pub roles: Vec<(String, SpeakerRole)>,
    /// Whose accounts are whose.
    pub accounts: Accounts,
    /// Two messages of the same people further apart than this are two chats.
    pub gap: Millis,
    /// Zone of times that name none; that of the default scheme by default.
    pub time_zone: TimeZone,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            roles: Vec::new(),
            accounts: Accounts::default(),
            gap: Millis(6 * 3_600_000),
            time_zone: Scheme::default().time_zone(),
        }
    }
}

impl ReadOptions {
    /// The role that a name means.
    fn role(&self, name: &str) -> Option<SpeakerRole> {
        let given = self.roles.iter().find(|(known, _)| known == name).map(|(_, role)| *role);
        given.or_else(|| parse_role(name))
    }

    /// The moment that a text or a number of milliseconds since 1970 means.
    fn moment(&self, value: &Value) -> Option<Timestamp> {
        if let Some(millis) = value.as_i64() {
            return Timestamp::from_millisecond(millis).ok();
        }
        let text = value.as_str()?.trim();
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(at);
        }
        let local: DateTime = text.replace('/', "-").parse().ok()?;
        Some(local.to_zoned(self.time_zone.clone()).ok()?.timestamp())
    }
}

/// Reads all calls and chats of `source`.
pub fn read_text_calls<R: BufRead>(source: R, options: &ReadOptions) -> TextCalls<R> {
    let options = Arc::new(options.clone());
    TextCalls {
        source,
        options: Arc::clone(&options),
        line: 0,
        archive: archive::Archive::new(options, MAX_HELD_BYTES),
        rest: None,
    }
}

/// What one line is.
enum Line {
    /// A whole call.
    Call(Box<TextCall>),
    /// A message of an archive; its chat comes at the end.
    Kept,
}

/// The calls of a file with the numbers of their lines, from 1; for a chat of an archive, of its first message.
pub struct TextCalls<R> {
    source: R,
    options: Arc<ReadOptions>,
    line: usize,
    archive: archive::Archive,
    /// The chats of an archive, once all lines are read.
    rest: Option<std::vec::IntoIter<(usize, Vec<archive::Held>)>>,
}

impl<R> std::fmt::Debug for TextCalls<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextCalls").field("line", &self.line).finish_non_exhaustive()
    }
}

impl<R: BufRead> TextCalls<R> {
    /// The next line without its end; `None` at the end of the file.
    fn next_line(&mut self) -> io::Result<Option<Result<String, TextCallError>>> {
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if read as u64 == MAX_LINE_BYTES && bytes.last() != Some(&b'\n') {
            self.source.skip_until(b'\n')?;
            return Ok(Some(Err(wrong(format!("the line has more than {MAX_LINE_BYTES} bytes")))));
        }
        Ok(Some(String::from_utf8(bytes).map_err(|_| wrong("the line is not UTF-8"))))
    }

    fn parse(&mut self, text: &str) -> Result<Line, TextCallError> {
        let fields = text_call::object(text)?;
        let call = if fields.contains_key("transcript") {
            text_call::parse_report(text)?
        } else if fields.contains_key("msgid") {
            self.archive.take(self.line, &fields)?;
            return Ok(Line::Kept);
        } else if fields.contains_key("messages") {
            messages::parse(&fields, &self.options)?
        } else if fields.contains_key("dialogue") {
            ticket::parse(&fields, &self.options)?
        } else {
            text_call::parse_written(&fields, |name| self.options.role(name))?
        };
        Ok(Line::Call(Box::new(call)))
    }
}

impl<R: BufRead> Iterator for TextCalls<R> {
    /// Number of the line, and its call.
    type Item = io::Result<(usize, Result<TextCall, TextCallError>)>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.rest.is_none() {
            let line = match self.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => {
                    self.rest = Some(self.archive.chats().into_iter());
                    break;
                }
                Err(error) => return Some(Err(error)),
            };
            let parsed = match line {
                Ok(text) if text.trim().is_empty() => continue,
                // A byte order mark is what some editors put first.
                Ok(text) => self.parse(text.trim_start_matches('\u{feff}').trim()),
                Err(error) => Err(error),
            };
            match parsed {
                Ok(Line::Kept) => {}
                Ok(Line::Call(call)) => return Some(Ok((self.line, Ok(*call)))),
                Err(error) => return Some(Ok((self.line, Err(error)))),
            }
        }
        let (line, held) = self.rest.as_mut()?.next()?;
        Some(Ok((line, self.archive.chat(held))))
    }
}

/// The id of a call: its own, with a digest where an id cannot hold it; else made of `way`, which leads to its file, parted
/// by `/` and without extension, and of its line.
#[must_use]
pub fn text_call_id(way: &str, line: usize, call: &TextCall) -> CallId {
    let own = call.id.as_deref().map(str::trim).filter(|id| !id.is_empty());
    let id = match own {
        Some(own) => CallId::try_new(own).ok().or_else(|| call_id_of(own)),
        // Standard input has no name.
        None if way == "-" => None,
        None => call_id_of(&format!("{way}:{line}")),
    };
    id.unwrap_or_else(|| {
        CallId::try_new(format!("line:{line}")).expect("letters, a colon and digits make an id")
    })
}

/// A chat as a call: roles by account where messages have none, the agent when there is one.
fn of_messages(
    id: Option<String>,
    metadata: CallMetadata,
    messages: Vec<(Message, Sent)>,
    options: &ReadOptions,
) -> Result<TextCall, TextCallError> {
    let mut chat = Chat::new(messages, metadata.started_at).map_err(|error| wrong(error.to_string()))?;
    chat.assign(&options.accounts);
    let mut metadata = CallMetadata { media: Media::Chat, ..metadata };
    metadata.started_at = metadata.started_at.or(chat.started_at);
    if metadata.agent_id.is_none() && metadata.segments.is_empty() {
        let served = chat.messages.iter().filter(|message| message.role == SpeakerRole::Agent);
        let mut agents: Vec<&str> = served.map(|message| message.sender.as_str()).collect();
        agents.sort_unstable();
        agents.dedup();
        if let [only] = agents[..] {
            metadata.agent_id = Some(only.to_owned()).filter(|account| !account.is_empty());
        }
    }
    let dialogue = of_chat(&chat, &metadata);
    Ok(TextCall { id, metadata, dialogue, chat: Some(chat) })
}

/// A field as text, if it is text or a number.
fn text(fields: &Map<String, Value>, key: &str) -> Option<String> {
    match fields.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
