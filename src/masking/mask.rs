//! Hides what was found: one `*` for each character, in the text and in its words.

use serde::{Deserialize, Serialize};

use super::cues::Cues;
use super::script::{Line, Mark, Script};
use super::{HIDDEN, MaskKind, MaskedSpan, MaskingConfig, accounts, address, names, numbers};
use crate::dialogue::{Dialogue, Turn};
use crate::types::{CallMetadata, TimeSpan};

/// Unhidden characters between two hidden ones that do not part them: what separates digits.
const MAX_BETWEEN: usize = 3;

/// Hides personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masker {
    kinds: Vec<MaskKind>,
}

/// A dialogue that was masked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Masked {
    /// The dialogue as it may be stored and shown.
    pub dialogue: Dialogue,
    /// What is hidden, by turn and place.
    pub spans: Vec<MaskedSpan>,
    /// The characters that were hidden.
    pub originals: Originals,
}

/// Hidden characters by turn and place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Originals(Vec<Original>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Original {
    /// The turn, or among the recalls which.
    turn: u32,
    char_from: u32,
    text: String,
    #[serde(default)]
    place: Place,
}

/// Where something was hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// In the text of a turn.
    #[default]
    Text,
    /// In the account that sent a turn.
    Sender,
    /// In the account that took a message back.
    Recall,
}

impl Originals {
    /// Whether nothing was hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the hidden characters back into `dialogue`.
    pub fn put_back(&self, dialogue: &mut Dialogue) {
        for account in self.0.iter().filter(|one| one.place != Place::Text) {
            let slot = match account.place {
                Place::Text => None,
                Place::Sender => {
                    turn_at(dialogue, account.turn).map(|turn| turn.sender.get_or_insert_default())
                }
                Place::Recall => {
                    let recalls = dialogue.chat.as_mut().map(|chat| &mut chat.recalls);
                    let recall = recalls.and_then(|recalls| recalls.get_mut(account.turn as usize));
                    recall.map(|recall| &mut recall.sender)
                }
            };
            if let Some(slot) = slot {
                slot.clone_from(&account.text);
            }
        }
        let pieces: Vec<&Original> = self.0.iter().filter(|one| one.place == Place::Text).collect();
        for pieces in pieces.chunk_by(|one, other| one.turn == other.turn) {
            let Some(turn) = pieces.first().and_then(|first| turn_at(dialogue, first.turn)) else { continue };
            let mut chars: Vec<char> = turn.text.chars().collect();
            for piece in pieces {
                let slots = chars.iter_mut().skip(piece.char_from as usize);
                slots.zip(piece.text.chars()).for_each(|(slot, char)| *slot = char);
            }
            replace(turn, |at, char| chars.get(at).copied().unwrap_or(char));
        }
    }
}

/// The turn with this index, which is nearly always its place.
fn turn_at(dialogue: &mut Dialogue, index: u32) -> Option<&mut Turn> {
    let place = match dialogue.turns.get(index as usize) {
        Some(turn) if turn.index == index => index as usize,
        Some(_) | None => dialogue.turns.iter().position(|turn| turn.index == index)?,
    };
    dialogue.turns.get_mut(place)
}

impl Masker {
    /// Hides what `config` names.
    #[must_use]
    pub fn new(config: &MaskingConfig) -> Self {
        Self { kinds: config.kinds.clone() }
    }

    /// Whether it hides anything at all.
    #[must_use]
    pub fn hides(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// Masks `dialogue`. `metadata` names the customer, who is hidden wherever named, and the agent, who is not.
    #[must_use]
    pub fn mask(&self, dialogue: Dialogue, metadata: &CallMetadata) -> Masked {
        if self.kinds.is_empty() {
            return Masked { dialogue, ..Masked::default() };
        }
        let mut dialogue = dialogue;
        let accounts = self.mask_accounts(&mut dialogue, metadata);
        let mut script = Script::new(&dialogue);
        let cues = Cues::new(&script);
        numbers::hide(&mut script, &cues, &self.kinds);
        if self.kinds.contains(&MaskKind::Password) {
            super::secrets::hide(&mut script, &cues);
        }
        if self.kinds.contains(&MaskKind::Address) {
            address::hide(&mut script, &cues);
        }
        if self.kinds.contains(&MaskKind::Name) {
            names::hide(&mut script, &cues, metadata);
        }
        let mut masked = apply(dialogue, &script);
        masked.originals.0.extend(accounts);
        masked
    }

    /// Hides the names of accounts that are not agents' or robots', and gives what they were.
    fn mask_accounts(&self, dialogue: &mut Dialogue, metadata: &CallMetadata) -> Vec<Original> {
        let staff = accounts::staff(dialogue, metadata);
        let mut originals = Vec::new();
        let mut mask = |turn: u32, account: &mut String, place: Place| {
            if staff.contains(account) {
                return;
            }
            let shown = accounts::masked(account, &self.kinds, metadata.customer_name.as_deref());
            if shown != *account {
                let text = std::mem::replace(account, shown);
                originals.push(Original { turn, char_from: 0, text, place });
            }
        };
        for turn in &mut dialogue.turns {
            if let Some(sender) = turn.sender.as_mut() {
                mask(turn.index, sender, Place::Sender);
            }
        }
        let recalls = dialogue.chat.iter_mut().flat_map(|chat| &mut chat.recalls);
        for (index, recall) in (0..).zip(recalls) {
            mask(index, &mut recall.sender, Place::Recall);
        }
        originals
    }

    /// `name` with everything but the family name hidden, as it is kept with the record of a call.
    #[must_use]
    pub fn mask_name(&self, name: &str) -> String {
        if !self.kinds.contains(&MaskKind::Name) {
            return name.to_owned();
        }
        names::masked(name)
    }
}

fn apply(mut dialogue: Dialogue, script: &Script) -> Masked {
    let (mut spans, mut originals) = (Vec::new(), Vec::new());
    for (turn, line) in dialogue.turns.iter_mut().zip(&script.lines) {
        if line.marks.iter().all(Option::is_none) {
            continue;
        }
        let chars: Vec<char> = turn.text.chars().collect();
        originals.extend(hidden(turn.index, &chars, line));
        replace(turn, |at, char| if line.is_marked(at) { HIDDEN } else { char });
        spans.extend(spans_of(turn, &line.marks));
    }
    Masked { dialogue, spans, originals: Originals(originals) }
}

/// The hidden characters of a line, one piece for each row of them.
fn hidden(turn: u32, chars: &[char], line: &Line) -> Vec<Original> {
    let mut pieces: Vec<Original> = Vec::new();
    let mut goes_on = false;
    for (at, char) in chars.iter().enumerate() {
        let marked = line.is_marked(at);
        match pieces.last_mut() {
            Some(piece) if marked && goes_on => piece.text.push(*char),
            Some(_) | None if marked => {
                let char_from = u32::try_from(at).unwrap_or(u32::MAX);
                pieces.push(Original { turn, char_from, text: char.to_string(), place: Place::Text });
            }
            Some(_) | None => {}
        }
        goes_on = marked;
    }
    pieces
}

/// Exchanges characters of a turn by their place, in its text and in its words alike.
fn replace(turn: &mut Turn, change: impl Fn(usize, char) -> char) {
    turn.text = turn.text.chars().enumerate().map(|(at, char)| change(at, char)).collect();
    let mut at = 0;
    for word in &mut turn.words {
        let from = at;
        at += word.text.chars().count();
        if word.text.chars().enumerate().any(|(index, char)| change(from + index, char) != char) {
            word.text =
                word.text.chars().enumerate().map(|(index, char)| change(from + index, char)).collect();
        }
    }
}

/// The marked characters of a turn, put together by item.
pub(super) fn spans_of(turn: &Turn, marks: &[Option<Mark>]) -> Vec<MaskedSpan> {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut spans: Vec<MaskedSpan> = Vec::new();
    for (at, mark) in marks.iter().enumerate() {
        let Some((kind, item)) = *mark else { continue };
        match spans.last_mut() {
            Some(last) if last.item == item && at <= last.char_to as usize + MAX_BETWEEN => {
                last.char_to = place(at + 1)
            }
            Some(_) | None => spans.push(MaskedSpan {
                kind,
                turn: turn.index,
                char_from: place(at),
                char_to: place(at + 1),
                channel: turn.channel,
                span: None,
                item,
            }),
        }
    }
    let mut ends = Vec::with_capacity(turn.words.len());
    for word in &turn.words {
        let before: usize = ends.last().copied().unwrap_or(0);
        ends.push(before + word.text.chars().count());
    }
    for span in &mut spans {
        span.span = heard(turn, &ends, span.char_from as usize, span.char_to as usize);
    }
    spans
}

/// When characters `from..to` of a turn are said, whose words end at `ends`; the whole turn when it has none.
fn heard(turn: &Turn, ends: &[usize], from: usize, to: usize) -> Option<TimeSpan> {
    let first = ends.partition_point(|end| *end <= from);
    let after = ends.partition_point(|end| *end < to) + 1;
    let words = turn.words.get(first..after.min(turn.words.len())).unwrap_or_default();
    words.iter().map(|word| word.span).reduce(TimeSpan::union).or(turn.span)
}
