//! The dialogue as it is searched: characters of every turn in one width, and what of them is to be hidden.
//!
//! **Invariant**: one character here for each of the turn's text, at the same place.

use super::MaskKind;
use crate::dialogue::{Dialogue, Turn};
use crate::types::SpeakerRole;

/// Whose voice: turns of one voice continue each other.
pub(super) type Voice = (u16, Option<u16>, u8);

/// What hides a character: the kind and the item.
pub(super) type Mark = (MaskKind, u32);

/// One turn.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) chars: Vec<char>,
    pub(super) voice: Voice,
    pub(super) role: SpeakerRole,
    pub(super) marks: Vec<Option<Mark>>,
}

impl Line {
    fn new(turn: &Turn) -> Self {
        let chars: Vec<char> = turn.text.chars().map(fold).collect();
        let role = match turn.role {
            SpeakerRole::Agent => 0,
            SpeakerRole::Customer => 1,
            SpeakerRole::Bot => 2,
            SpeakerRole::Unknown => 3,
        };
        Self {
            marks: vec![None; chars.len()],
            chars,
            voice: (turn.channel.0, turn.speaker, role),
            role: turn.role,
        }
    }

    pub(super) fn at(&self, index: usize) -> Option<char> {
        self.chars.get(index).copied()
    }

    /// The character before `index`.
    pub(super) fn before(&self, index: usize) -> Option<char> {
        index.checked_sub(1).and_then(|before| self.at(before))
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> &[char] {
        self.chars.get(from..to.min(self.chars.len())).unwrap_or_default()
    }

    /// Whether `text` stands at `index`.
    pub(super) fn has(&self, index: usize, text: &str) -> bool {
        let rest = self.chars.get(index..).unwrap_or_default();
        text.chars().enumerate().all(|(at, char)| rest.get(at) == Some(&char))
    }

    /// Whether `text` ends right before `index`.
    pub(super) fn ends_before(&self, index: usize, text: &str) -> bool {
        index.checked_sub(text.chars().count()).is_some_and(|from| self.has(from, text))
    }

    pub(super) fn is_marked(&self, index: usize) -> bool {
        self.marks.get(index).is_some_and(Option::is_some)
    }
}

/// The whole call.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) lines: Vec<Line>,
    num_items: u32,
}

impl Script {
    pub(super) fn new(dialogue: &Dialogue) -> Self {
        Self { lines: dialogue.turns.iter().map(Line::new).collect(), num_items: 0 }
    }

    /// A number for an item that was found.
    pub(super) fn item(&mut self) -> u32 {
        self.num_items += 1;
        self.num_items - 1
    }

    /// Hides characters `from..to` of a line, but for those that are hidden already.
    pub(super) fn hide(&mut self, line: usize, from: usize, to: usize, mark: Mark) {
        let Some(line) = self.lines.get_mut(line) else { return };
        let to = to.min(line.chars.len());
        let range = from.min(to)..to;
        let marks = line.marks.get_mut(range.clone()).unwrap_or_default();
        for (slot, char) in marks.iter_mut().zip(line.chars.get(range).unwrap_or_default()) {
            // What hides a character is the one thing that need not be hidden.
            if slot.is_none() && *char != super::HIDDEN {
                *slot = Some(mark);
            }
        }
    }
}

/// Full width to half width, and lower case: each character stays one.
pub(super) fn fold(char: char) -> char {
    let narrow = match char {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(char as u32 - 0xfee0).unwrap_or(char),
        '\u{3000}' => ' ',
        other => other,
    };
    narrow.to_ascii_lowercase()
}

/// Whether this is a Chinese character.
pub(super) fn is_han(char: char) -> bool {
    matches!(char, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '〇')
}
