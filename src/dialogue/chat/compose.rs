//! Makes a dialogue of a chat: a turn for each message, and response times where a call has silences.
//!
//! **Invariant**: what was taken back is in no turn; what is not text is a placeholder that rules do not read.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::super::facts::{ChatFacts, Dialogue, Recalled, Response, Timing, Turn, Utterance};
use super::{Chat, Message, MessageKind};
use crate::types::{CallMetadata, ChannelIndex, Millis, RoleSource, SpeakerRole, TimeSpan};

/// The dialogue of `chat`: each message a turn of one utterance, in order of time.
#[must_use]
pub fn of_chat(chat: &Chat, metadata: &CallMetadata) -> Dialogue {
    let said = chat.messages.iter().filter(|message| message.kind != MessageKind::Recall);
    let by_id: HashMap<&str, &Message> =
        said.filter_map(|message| Some((message.id.as_deref()?, message))).collect();
    let mut recalls: BTreeMap<Option<&str>, Vec<Recalled>> = BTreeMap::new();
    for recall in chat.messages.iter().filter(|message| message.kind == MessageKind::Recall) {
        let target = recall.recalls.as_deref();
        let original = target.and_then(|id| by_id.get(id));
        let noted = Recalled {
            // A notice of the system may stand for the sender.
            role: original.map_or(recall.role, |message| message.role),
            sender: original.map_or(&recall.sender, |message| &message.sender).clone(),
            message_id: recall.recalls.clone(),
            said_at: original.and_then(|message| message.offset),
            at: recall.offset,
        };
        recalls.entry(target).or_default().push(noted);
    }
    let mut turns: Vec<Turn> = Vec::with_capacity(chat.messages.len());
    for message in &chat.messages {
        let taken_back = message.id.as_deref().is_some_and(|id| recalls.contains_key(&Some(id)));
        if message.kind != MessageKind::Recall && !taken_back {
            turns.push(turn(count(turns.len()), message));
        }
    }
    let end = chat.messages.iter().filter_map(|message| message.offset).max().unwrap_or_default();
    let mut recalls: Vec<Recalled> = recalls.into_values().flatten().collect();
    recalls.sort_by_key(|recall| recall.at);
    let timing = Timing { duration: end, ..Timing::default() };
    let dialogue = Dialogue {
        turns,
        timing,
        chat: Some(ChatFacts { recalls, ..measure(&[], TimeSpan::default(), chat.started_at) }),
        ..Dialogue::default()
    };
    relabel(dialogue, metadata)
}

fn turn(index: u32, message: &Message) -> Turn {
    let text = match message.kind.placeholder() {
        None => message.text.clone(),
        Some(placeholder) if message.text.is_empty() => placeholder.to_owned(),
        Some(placeholder) => format!("{placeholder} {}", message.text),
    };
    // What the system itself says is nobody's.
    let role = if message.kind == MessageKind::Event { SpeakerRole::Bot } else { message.role };
    let span = message.offset.map(|at| TimeSpan::new(at, at));
    let utterance = span.map(|span| Utterance {
        span,
        word_from: 0,
        word_to: 0,
        char_from: 0,
        char_to: count(text.chars().count()),
        chars_per_min: None,
        loudness_dbfs: None,
    });
    Turn {
        index,
        role,
        span,
        text,
        utterances: utterance.into_iter().collect(),
        kind: message.kind,
        sender: Some(message.sender.clone()).filter(|sender| !sender.is_empty()),
        ..Turn::default()
    }
}

/// Gives the turns of a chat the roles that `metadata` tells beyond the messages, and measures it.
pub(in crate::dialogue) fn relabel(mut dialogue: Dialogue, metadata: &CallMetadata) -> Dialogue {
    let served = |sender: &Option<String>| {
        sender.as_deref().is_some_and(|sender| metadata.agent_ids().any(|id| id == sender))
    };
    for turn in &mut dialogue.turns {
        turn.restore();
        if turn.role == SpeakerRole::Unknown && served(&turn.sender) {
            turn.overrule(SpeakerRole::Agent);
        }
        let early = metadata.ivr_end.is_some_and(|end| turn.span.is_some_and(|span| span.start < end));
        if early && turn.role != SpeakerRole::Customer {
            turn.overrule(SpeakerRole::Bot);
        }
        // As in a call of two channels: what two sides say never runs together.
        turn.channel = ChannelIndex(u16::from(turn.role == SpeakerRole::Customer));
    }
    let known = dialogue.turns.iter().all(|turn| turn.role != SpeakerRole::Unknown);
    (dialogue.role_source, dialogue.role_confidence) =
        if known { (RoleSource::Metadata, 1.0) } else { (RoleSource::Unknown, 0.0) };
    let span = TimeSpan::new(dialogue.timing.start, dialogue.timing.end());
    dialogue.timing.opening = metadata.ivr_end.unwrap_or_default().clamp(span.start, span.end);
    if let Some(chat) = dialogue.chat.take() {
        let measured = measure(&dialogue.turns, span, chat.started_at);
        dialogue.chat = Some(ChatFacts { recalls: chat.recalls, ..measured });
    }
    dialogue
}

/// How long customers wait for an answer in `turns` of a chat that lasts for `span`.
///
/// A wait begins with the first message that nobody has answered, or when a robot hands the customer over; it ends with
/// the agent's next message, whatever its kind, or with the chat.
pub(in crate::dialogue) fn measure(
    turns: &[Turn],
    span: TimeSpan,
    started_at: Option<Timestamp>,
) -> ChatFacts {
    let mut responses = Vec::new();
    let mut asked: Option<(u32, Millis)> = None;
    for (position, turn) in turns.iter().enumerate() {
        let Some(at) = turn.span.map(|span| span.start) else { continue };
        match turn.role {
            SpeakerRole::Customer => asked = asked.or(Some((count(position), at))),
            SpeakerRole::Bot if turn.kind == MessageKind::Event => {}
            SpeakerRole::Bot => asked = asked.map(|(turn, _)| (turn, at)),
            SpeakerRole::Agent => {
                if let Some((question, since)) = asked.take() {
                    let wait = at.saturating_sub(since);
                    responses.push(Response { asked: question, answer: Some(count(position)), wait });
                }
            }
            SpeakerRole::Unknown => asked = None,
        }
    }
    if let Some((question, since)) = asked {
        let wait = span.end.saturating_sub(since);
        responses.push(Response { asked: question, answer: None, wait });
    }
    ChatFacts { started_at, responses, recalls: Vec::new() }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
