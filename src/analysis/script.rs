//! Lays a dialogue out for matching: one stream of normalised text per speaker, with the way back to turns.
//!
//! A phrase that a speaker says over two turns is found, because turns of one speaker that only a backchannel (嗯, 好的)
//! parts are joined; others are kept apart by a line break, which no keyword and no `.` matches.
//! Invariant: every character of a stream but the line breaks comes from one stored character.

use std::cell::OnceCell;

use super::normalize::{ends_sentence, is_bare, is_mark, normalize};
use super::rule::{Range, RoleScope};
use super::token::{self, Token};
use crate::dialogue::{Dialogue, MessageKind, Turn};
use crate::types::{ChannelIndex, Millis, SpeakerRole, TimeSpan};

/// A stretch of others' speech with more characters than this ends the phrase that was under way.
const MAX_BACKCHANNEL_CHARS: usize = 6;

/// A longer pause between two turns of one speaker ends the phrase that was under way.
const MAX_JOIN_PAUSE: Millis = Millis(5_000);

/// What keeps two turns apart.
const LINE_BREAK: char = '\n';

/// Where a character of a stream is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    /// Index in `Dialogue::turns`.
    pub(super) turn: u32,
    /// Character in the turn's text.
    pub(super) char: u32,
    /// Index in `Script::sentences`.
    pub(super) sentence: u32,
}

/// How strongly two neighbouring characters are parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Break {
    /// Not at all, or by a comma or filler.
    None,
    /// By the end of a sentence.
    Sentence,
    /// They stand in different turns.
    Turn,
}

/// All that one speaker says.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) role: SpeakerRole,
    pub(super) channel: ChannelIndex,
    /// Normalised text with punctuation and line breaks.
    pub(super) chars: Vec<char>,
    pub(super) origins: Vec<Origin>,
    /// The same as text for expressions; homophones of confusable words are written as those words.
    pub(super) text: String,
    /// Byte of each character in `text`, and its length.
    bytes: Vec<u32>,
    /// Which characters of `text` were rewritten.
    pub(super) rewritten: Vec<bool>,
    /// Indexes in `chars` of the characters that keywords are made of, and of the line breaks.
    pub(super) bare: Vec<u32>,
    pub(super) bare_chars: Vec<char>,
    /// What parts each bare character from the one before.
    breaks: Vec<Break>,
    tokens: OnceCell<Vec<Token>>,
}

/// What rules call a sentence (句): an utterance, counted per role and over all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sentence {
    pub(super) role: SpeakerRole,
    pub(super) span: Option<TimeSpan>,
    /// Index in `Dialogue::turns`.
    pub(super) turn: u32,
    /// Index in `Script::streams`.
    pub(super) stream: usize,
    /// Its characters in the stream: from, to. Equal when nothing is left of it.
    pub(super) chars: (usize, usize),
    /// Sentences of each role up to this one, itself included; see `role_index`.
    up_to: [u32; 4],
}

/// A dialogue laid out for matching.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) streams: Vec<Stream>,
    pub(super) sentences: Vec<Sentence>,
    /// From where people talk to each other to the end.
    talk: TimeSpan,
}

fn role_index(role: SpeakerRole) -> usize {
    match role {
        SpeakerRole::Agent => 0,
        SpeakerRole::Customer => 1,
        SpeakerRole::Bot => 2,
        SpeakerRole::Unknown => 3,
    }
}

impl Script {
    /// Lays out `dialogue`.
    pub(super) fn new(dialogue: &Dialogue) -> Self {
        let timing = &dialogue.timing;
        let talk = TimeSpan::new(timing.start.max(timing.opening), timing.end());
        let mut script = Self { streams: Vec::new(), sentences: Vec::new(), talk };
        // Per stream: the last turn in it and the characters that others have said since.
        let mut last: Vec<(Option<TimeSpan>, usize)> = Vec::new();
        for (index, turn) in dialogue.turns.iter().enumerate() {
            let stream = script.stream_of(turn);
            last.resize(script.streams.len(), (None, 0));
            // A placeholder stands for a picture or a file: nobody said its words.
            let text = if turn.kind == MessageKind::Text { normalize(&turn.text) } else { Vec::new() };
            let num_chars = text.iter().filter(|normal| !is_mark(normal.char)).count();
            for (other, since) in last.iter_mut().enumerate() {
                if other != stream {
                    since.1 += num_chars;
                }
            }
            let joined = last.get(stream).is_some_and(|(span, since)| {
                let pause = match (span, turn.span) {
                    (Some(before), Some(now)) => now.start.saturating_sub(before.end),
                    (None, _) | (_, None) => Millis::ZERO,
                };
                *since <= MAX_BACKCHANNEL_CHARS && pause <= MAX_JOIN_PAUSE
            });
            let first_sentence = script.sentences.len();
            let turn_index = u32::try_from(index).unwrap_or(u32::MAX);
            script.add_sentences(turn, turn_index, stream);
            if let Some(stream) = script.streams.get_mut(stream) {
                stream.part(joined);
                for normal in text {
                    let sentence = sentence_at(turn, first_sentence, normal.origin);
                    if let Some(sentence) = script.sentences.get_mut(sentence as usize) {
                        let (from, to) = &mut sentence.chars;
                        if from == to {
                            *from = stream.chars.len();
                        }
                        *to = stream.chars.len() + 1;
                    }
                    stream.push(normal.char, Origin { turn: turn_index, char: normal.origin, sentence });
                }
            }
            if let Some(entry) = last.get_mut(stream) {
                *entry = (turn.span, 0);
            }
        }
        for stream in &mut script.streams {
            stream.finish();
        }
        script
    }

    fn stream_of(&mut self, turn: &Turn) -> usize {
        let known =
            self.streams.iter().position(|stream| stream.role == turn.role && stream.channel == turn.channel);
        known.unwrap_or_else(|| {
            self.streams.push(Stream::new(turn.role, turn.channel));
            self.streams.len() - 1
        })
    }

    fn add_sentences(&mut self, turn: &Turn, turn_index: u32, stream: usize) {
        let spans: Vec<Option<TimeSpan>> = if turn.utterances.is_empty() {
            vec![turn.span]
        } else {
            turn.utterances.iter().map(|utterance| Some(utterance.span)).collect()
        };
        for span in spans {
            let mut up_to = self.sentences.last().map_or([0; 4], |last| last.up_to);
            if let Some(count) = up_to.get_mut(role_index(turn.role)) {
                *count += 1;
            }
            let chars = (0, 0);
            self.sentences.push(Sentence { role: turn.role, span, turn: turn_index, stream, chars, up_to });
        }
    }

    /// Sentences that `scope` counts up to `index`, that one included.
    pub(super) fn rank(&self, index: u32, scope: RoleScope) -> u32 {
        let Some(sentence) = self.sentences.get(index as usize) else { return self.total(scope) };
        counted(&sentence.up_to, scope)
    }

    /// Sentences that `scope` counts in the whole call.
    pub(super) fn total(&self, scope: RoleScope) -> u32 {
        self.sentences.last().map_or(0, |last| counted(&last.up_to, scope))
    }

    /// Whether sentence `index` lies in `range` as seen by `scope`; `None` when only times could tell and there
    /// are none.
    pub(super) fn in_range(&self, index: u32, scope: RoleScope, range: &Range) -> Option<bool> {
        if range.is_everywhere() {
            return Some(true);
        }
        let Some(sentence) = self.sentences.get(index as usize) else { return Some(false) };
        let scope = match (range.of_all, scope.includes(sentence.role)) {
            (false, true) => scope,
            // A speaker whose role nobody knows is counted among all.
            (true, _) | (false, false) => RoleScope::Any,
        };
        let (position, total) = (self.rank(index, scope).saturating_sub(1), self.total(scope));
        if in_counts(position, total, range) {
            return Some(true);
        }
        let percent = range.percent.map(|(from, to)| (from / 100.0, to / 100.0));
        let timed = range.first.is_some() || range.last.is_some() || range.time.is_some();
        let talk = self.talk;
        let Some(span) = sentence.span.filter(|_| talk.duration() > Millis::ZERO) else {
            if let Some((from, to)) = percent {
                let (start, end) = (f64::from(position), f64::from(position) + 1.0);
                let total = f64::from(total);
                return Some(end > from * total && start < to * total);
            }
            let counted = range.first_sentences.is_some()
                || range.last_sentences.is_some()
                || range.sentences.is_some();
            return if timed && !counted { None } else { Some(false) };
        };
        // What is said before, a menu says: no place in the talk is its.
        if span.end <= talk.start && talk.start > Millis::ZERO {
            return Some(false);
        }
        let (start, end) = (span.start.saturating_sub(talk.start), span.end.saturating_sub(talk.start));
        let length = talk.duration().0 as f64;
        let by_time = range.first.is_some_and(|limit| start < limit)
            || range.last.is_some_and(|limit| span.end + limit > talk.end)
            || range.time.is_some_and(|(from, to)| end > from && start < to)
            || percent
                .is_some_and(|(from, to)| end.0 as f64 > from * length && (start.0 as f64) < to * length);
        Some(by_time)
    }
}

fn counted(up_to: &[u32; 4], scope: RoleScope) -> u32 {
    match scope {
        RoleScope::Agent => up_to[0],
        RoleScope::Customer => up_to[1],
        RoleScope::Bot => up_to[2],
        RoleScope::Any => up_to.iter().sum(),
    }
}

/// Whether the sentence at `position` of `total` lies in a range of counted sentences.
fn in_counts(position: u32, total: u32, range: &Range) -> bool {
    let from_start = |number: i64| if number < 0 { i64::from(total) + number } else { number - 1 };
    range.first_sentences.is_some_and(|limit| position < limit)
        || range.last_sentences.is_some_and(|limit| total - position <= limit)
        || range
            .sentences
            .is_some_and(|(from, to)| (from_start(from)..=from_start(to)).contains(&i64::from(position)))
}

fn sentence_at(turn: &Turn, first: usize, char: u32) -> u32 {
    let inside = turn.utterances.partition_point(|utterance| utterance.char_to <= char);
    let inside = inside.min(turn.utterances.len().saturating_sub(1));
    u32::try_from(first + inside).unwrap_or(u32::MAX)
}

impl Stream {
    fn new(role: SpeakerRole, channel: ChannelIndex) -> Self {
        Self {
            role,
            channel,
            chars: Vec::new(),
            origins: Vec::new(),
            text: String::new(),
            bytes: Vec::new(),
            rewritten: Vec::new(),
            bare: Vec::new(),
            bare_chars: Vec::new(),
            breaks: Vec::new(),
            tokens: OnceCell::new(),
        }
    }

    fn part(&mut self, joined: bool) {
        if let (false, Some(origin)) = (joined, self.origins.last().copied()) {
            self.chars.push(LINE_BREAK);
            self.origins.push(origin);
        }
    }

    fn push(&mut self, char: char, origin: Origin) {
        self.chars.push(char);
        self.origins.push(origin);
    }

    /// Derives the views from the characters.
    fn finish(&mut self) {
        let mut parted = Break::None;
        let mut previous: Option<u32> = None;
        for (index, (char, origin)) in self.chars.iter().zip(&self.origins).enumerate() {
            if ends_sentence(*char) {
                parted = parted.max(Break::Sentence);
            }
            if !is_bare(*char) {
                continue;
            }
            if previous.is_some_and(|turn| turn != origin.turn) {
                parted = Break::Turn;
            }
            previous = Some(origin.turn);
            self.bare.push(u32::try_from(index).unwrap_or(u32::MAX));
            self.bare_chars.push(*char);
            self.breaks.push(parted);
            parted = Break::None;
        }
        self.rewritten = vec![false; self.chars.len()];
        self.write_text();
    }

    /// Writes `replacements` (bare index, character) over the text that expressions see.
    pub(super) fn rewrite(&mut self, replacements: &[(u32, char)]) {
        let mut changed = self.chars.clone();
        for (position, char) in replacements {
            let Some(index) = self.bare.get(*position as usize).map(|index| *index as usize) else {
                continue;
            };
            if let (Some(slot), Some(flag)) = (changed.get_mut(index), self.rewritten.get_mut(index))
                && *slot != *char
            {
                *slot = *char;
                *flag = true;
            }
        }
        std::mem::swap(&mut self.chars, &mut changed);
        self.write_text();
        std::mem::swap(&mut self.chars, &mut changed);
    }

    fn write_text(&mut self) {
        self.text.clear();
        self.bytes.clear();
        for char in &self.chars {
            self.bytes.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
            self.text.push(*char);
        }
        self.bytes.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// The character of `text` that begins at or holds `byte`.
    pub(super) fn char_at_byte(&self, byte: usize) -> usize {
        self.bytes.partition_point(|start| (*start as usize) <= byte).saturating_sub(1)
    }

    /// The text between two characters.
    pub(super) fn slice(&self, from: usize, to: usize) -> &str {
        let (Some(from), Some(to)) = (self.bytes.get(from), self.bytes.get(to)) else { return "" };
        self.text.get(*from as usize..*to as usize).unwrap_or("")
    }

    /// The strongest break inside bare characters `from..to`.
    pub(super) fn strongest_break(&self, from: u32, to: u32) -> Break {
        let inside = self.breaks.get(from as usize + 1..to as usize).unwrap_or_default();
        inside.iter().copied().max().unwrap_or(Break::None)
    }

    /// The words of the bare characters.
    pub(super) fn tokens(&self) -> &[Token] {
        self.tokens.get_or_init(|| token::cut(&self.bare_chars.iter().collect::<String>()))
    }

    /// The characters of the sentence around `at`, as a range of `chars`.
    pub(super) fn sentence_around(&self, from: usize, to: usize) -> (usize, usize) {
        let ends = |char: &char| ends_sentence(*char) || *char == LINE_BREAK;
        let before = self.chars.get(..from).unwrap_or_default();
        let start = before.iter().rposition(ends).map_or(0, |index| index + 1);
        let after = self.chars.get(to..).unwrap_or_default();
        let end = after.iter().position(ends).map_or(self.chars.len(), |index| to + index + 1);
        (start, end)
    }

    /// The characters of the turns that `from..to` touches, as a range of `chars`.
    pub(super) fn turns_around(&self, from: usize, to: usize) -> (usize, usize) {
        let turn_of = |index: usize| self.origins.get(index).map_or(0, |origin| origin.turn);
        let (first, last) = (turn_of(from), turn_of(to.saturating_sub(1).max(from)));
        let start = self.origins.partition_point(|origin| origin.turn < first);
        let end = self.origins.partition_point(|origin| origin.turn <= last);
        (start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::written::dialogue_of;

    fn script(turns: &[&str]) -> Script {
        Script::new(&dialogue_of(turns, false).expect("the turns are well formed"))
    }

    #[test]
    fn a_backchannel_does_not_part_a_phrase_and_a_real_answer_does() {
        let joined = script(&["客服: 这款产品是保", "客户: 嗯", "客服: 本的"]);
        assert_eq!(joined.streams[0].text, "这款产品是保本的");
        let parted = script(&["客服: 这款产品是保", "客户: 你等一下我没有听清楚", "客服: 本的"]);
        assert_eq!(parted.streams[0].text, "这款产品是保\n本的");
    }

    #[test]
    fn every_character_knows_where_it_is_stored() {
        let script = script(&["客服: 您 好，保", "客户: 嗯", "客服: 本"]);
        let stream = &script.streams[0];
        let origins: Vec<_> = stream.origins.iter().map(|origin| (origin.turn, origin.char)).collect();
        assert_eq!(stream.text, "您好，保本");
        assert_eq!(origins, [(0, 0), (0, 2), (0, 3), (0, 4), (2, 0)]);
        assert_eq!(stream.strongest_break(2, 4), Break::Turn);
        assert_eq!(stream.strongest_break(0, 3), Break::None);
    }
}
