//! The dialogue as data: turns, utterances and timing facts.

use serde::{Deserialize, Serialize};

use super::chat::MessageKind;
use crate::audio::ChannelLayout;
use crate::speech::{Unheard, Word};
use crate::types::{ChannelIndex, Millis, RoleSource, SpeakerRole, TimeSpan};

/// Speech of one speaker without a pause of `pause_limit` or more: what rules call a sentence (句).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    /// When it was said.
    pub span: TimeSpan,
    /// First word in [`Turn::words`].
    pub word_from: u32,
    /// First word after.
    pub word_to: u32,
    /// First character in [`Turn::text`].
    pub char_from: u32,
    /// First character after.
    pub char_to: u32,
    /// Characters that count for pace (no punctuation) per minute; absent when too short to say.
    pub chars_per_min: Option<f32>,
    /// Loudness in dB relative to full scale; absent without audio.
    pub loudness_dbfs: Option<f32>,
}

/// Everything one speaker says until another takes the floor (话轮).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Turn {
    /// Position in the dialogue, from 0.
    pub index: u32,
    /// Where it was heard.
    pub channel: ChannelIndex,
    /// Which of the voices on the channel, from 0, where several were told apart; absent where nobody could tell, and on
    /// a channel with one voice.
    #[serde(default)]
    pub speaker: Option<u16>,
    /// How sure that is, 0 to 1.
    #[serde(default)]
    pub speaker_confidence: Option<f32>,
    /// Who says it.
    pub role: SpeakerRole,
    /// From its first to its last word. Absent in a chat without times.
    pub span: Option<TimeSpan>,
    /// What is said; the texts of `words`, joined, when there are words.
    pub text: String,
    /// Timed words; empty without audio.
    pub words: Vec<Word>,
    /// Its utterances in order; together they cover the text.
    pub utterances: Vec<Utterance>,
    /// Mean confidence of its words, 0 to 1; absent when the text was typed.
    pub confidence: Option<f32>,
    /// Characters that count for pace, per minute of speech; absent when too short to say.
    pub chars_per_min: Option<f32>,
    /// Loudness in dB relative to full scale; absent without audio.
    pub loudness_dbfs: Option<f32>,
    /// What it is; anything but text, in a chat, is a placeholder that rules do not read.
    #[serde(default)]
    pub kind: MessageKind,
    /// The account that sent it; absent but in a chat.
    #[serde(default)]
    pub sender: Option<String>,
    /// The role that its source told, where metadata told another since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_role: Option<SpeakerRole>,
}

impl Turn {
    /// Gives it the role that metadata tells, and keeps what its source told.
    pub(super) fn overrule(&mut self, role: SpeakerRole) {
        if self.role != role {
            self.told_role = self.told_role.or(Some(self.role));
            self.role = role;
        }
    }

    /// Gives it back the role that its source told.
    pub(super) fn restore(&mut self) {
        self.role = self.told_role.take().unwrap_or(self.role);
    }
}

/// A stretch in which nobody speaks (静音).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When.
    pub span: TimeSpan,
    /// The turn before; absent at the start of the call.
    pub turn_before: Option<u32>,
    /// The turn after; absent at the end of the call.
    pub turn_after: Option<u32>,
}

/// A stretch in which two speakers speak at once. Only ever found on separated channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// When.
    pub span: TimeSpan,
    /// The turn that was under way.
    pub turn: u32,
    /// The turn that began over it.
    pub interrupting_turn: u32,
    /// How long the speaker under way had been speaking when the other began.
    pub spoken_before: Millis,
    /// Characters of the interrupting utterance, punctuation not counted.
    pub num_chars: u32,
}

/// Whether the speakers of one channel were told apart by their voices (说话人分离).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// Whether they were: then turns have a speaker.
    pub separated: bool,
    /// How sure it is that there are two voices and that each word has its own, 0 to 1.
    pub confidence: f32,
    /// Why not, when not: `unsure`, `too_little_speech`, `one_speaker`, `many_speakers`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Timing facts of the whole call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Length of the recording.
    pub duration: Millis,
    /// Silences of at least one second, in order; the start and the end of the call included.
    pub gaps: Vec<Gap>,
    /// Overlaps in order. Empty on mono, where [`Dialogue::layout`] says that they could not be judged.
    pub overlaps: Vec<Overlap>,
    /// Time in which nobody speaks.
    pub silence: Millis,
    /// Speech of the agent.
    pub agent_talk: Millis,
    /// Speech of the customer.
    pub customer_talk: Millis,
    /// Mean pace of the agent in characters per minute; absent when the agent said too little.
    pub agent_chars_per_min: Option<f32>,
    /// Mean pace of the customer in characters per minute; absent when the customer said too little.
    pub customer_chars_per_min: Option<f32>,
    /// Where what is measured begins: zero but for one agent's part of a call.
    #[serde(default)]
    pub start: Millis,
    /// Where people begin to talk to each other: the end of the voice menu, else `start`. Rules count the first seconds
    /// from here, and what is quiet before is no silence.
    #[serde(default)]
    pub opening: Millis,
    /// When the customer was on hold, in order: neither silence nor talk.
    #[serde(default)]
    pub holds: Vec<TimeSpan>,
    /// How long that was altogether.
    #[serde(default)]
    pub hold: Millis,
}

impl Timing {
    /// Where what is measured ends.
    #[must_use]
    pub fn end(&self) -> Millis {
        self.start + self.duration
    }
}

/// How long a customer waited in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The first message that waited for an answer.
    pub asked: u32,
    /// The agent's message that answered; absent when the chat ended without.
    pub answer: Option<u32>,
    /// How long it took, or how long it was till the chat ended.
    pub wait: Millis,
}

/// A message that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recalled {
    /// Whose message.
    pub role: SpeakerRole,
    /// The account that had sent it.
    pub sender: String,
    /// Its id in the chat system.
    pub message_id: Option<String>,
    /// When it was sent, from the start of the chat.
    pub said_at: Option<Millis>,
    /// When it was taken back.
    pub at: Option<Millis>,
}

/// What a chat has in place of sound.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChatFacts {
    /// When its first message was sent.
    pub started_at: Option<jiff::Timestamp>,
    /// How long the customer waited each time.
    pub responses: Vec<Response>,
    /// Messages that were taken back, which are in no turn.
    pub recalls: Vec<Recalled>,
}

impl ChatFacts {
    /// How long the customer waited for the first answer.
    #[must_use]
    pub fn first_response(&self) -> Option<Millis> {
        self.responses.first().filter(|response| response.answer.is_some()).map(|response| response.wait)
    }

    /// How long the customer waited for an answer on average.
    #[must_use]
    pub fn mean_response(&self) -> Option<Millis> {
        let waits: Vec<u64> = self.answered().map(|wait| wait.0).collect();
        let number = u64::try_from(waits.len()).ok().filter(|number| *number > 0)?;
        Some(Millis(waits.iter().sum::<u64>() / number))
    }

    /// How long the customer waited for an answer at most.
    #[must_use]
    pub fn max_response(&self) -> Option<Millis> {
        self.answered().max()
    }

    fn answered(&self) -> impl Iterator<Item = Millis> {
        self.responses.iter().filter(|response| response.answer.is_some()).map(|response| response.wait)
    }
}

/// Where a turn of an excerpt stands in the whole call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The turn.
    pub turn: u32,
    /// Characters of that turn before those of the excerpt.
    pub char_from: u32,
}

/// One call as a conversation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Dialogue {
    /// Turns ordered by start; turns of different speakers may overlap, those of one speaker never do.
    pub turns: Vec<Turn>,
    /// Silence, overlap, pace, talk.
    pub timing: Timing,
    /// How the channels relate; absent without audio.
    pub layout: Option<ChannelLayout>,
    /// Where the roles come from.
    pub role_source: RoleSource,
    /// How sure the roles are, 0 to 1; 1 when declared, below one half when what is said contradicts that.
    pub role_confidence: f32,
    /// Whether the speakers of a mixed channel were told apart; absent where channels tell, or where nobody tried.
    #[serde(default)]
    pub separation: Option<Separation>,
    /// Channels on which nothing was ever heard.
    pub silent_channels: Vec<ChannelIndex>,
    /// Speech that could not be made out, ordered by start: no turn tells it, and it is not silence.
    #[serde(default)]
    pub unheard: Vec<Unheard>,
    /// What a chat has in place of sound; absent for a recording.
    #[serde(default)]
    pub chat: Option<ChatFacts>,
    /// Of one agent's part of a call: where each turn stands in the whole. Empty for a whole call.
    #[serde(skip)]
    pub places: Vec<Place>,
    /// Of one agent's part of a call: whether the call goes on with another agent.
    #[serde(skip)]
    pub goes_on: bool,
}

impl Dialogue {
    /// Where the turn at position `turn` stands in the whole call.
    #[must_use]
    pub fn place(&self, turn: u32) -> Place {
        self.places.get(turn as usize).copied().unwrap_or(Place { turn, char_from: 0 })
    }

    /// Whether what is said contradicts the roles that the sender declared.
    #[must_use]
    pub fn has_disputed_roles(&self) -> bool {
        self.role_source == RoleSource::Metadata && self.role_confidence < 0.5
    }
}
