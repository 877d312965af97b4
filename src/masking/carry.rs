//! Takes what is hidden over to the same words in other turns, where nobody can say any more what was there.
//!
//! **Invariant**: no time that was to be silent is lost, also of words that are in no turn any more.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::mask::spans_of;
use super::script::Mark;
use super::{HIDDEN, MaskedSpan};
use crate::dialogue::{Dialogue, Turn};
use crate::speech::Word;
use crate::types::{ChannelIndex, Millis};

/// What tells a word, whatever turn it is in, hidden or not.
type Key = (ChannelIndex, Millis, usize);

/// What is hidden in the characters of one word of `span`.
struct Hidden {
    marks: Vec<Option<Mark>>,
    word: Word,
}

/// `spans`, which `was` hides, as they stand in `is`: the same words in other turns, as they were said or hidden. What was
/// hidden in words that are in no turn any more is behind them, with its time and no characters.
#[must_use]
pub fn carry(spans: &[MaskedSpan], was: &Dialogue, is: &Dialogue) -> Vec<MaskedSpan> {
    let mut words: HashMap<Key, VecDeque<Hidden>> = HashMap::new();
    let mut written: HashMap<u32, Vec<Option<Mark>>> = HashMap::new();
    for turn in &was.turns {
        let marks = marks_of(turn, spans);
        if turn.words.is_empty() {
            written.insert(turn.index, marks);
            continue;
        }
        let mut rest = marks.as_slice();
        for word in &turn.words {
            let (own, after) = rest.split_at(word.text.chars().count().min(rest.len()));
            rest = after;
            let hidden = Hidden { marks: own.to_vec(), word: word.clone() };
            words.entry(key(turn, word)).or_default().push_back(hidden);
        }
    }
    let mut carried = Vec::with_capacity(spans.len());
    for turn in &is.turns {
        let length = turn.text.chars().count();
        let mut marks = Vec::with_capacity(length);
        if turn.words.is_empty() {
            marks = written.remove(&turn.index).unwrap_or_default();
        }
        for word in &turn.words {
            let known = words.get_mut(&key(turn, word)).and_then(VecDeque::pop_front);
            let own = known.map_or_else(|| vec![None; word.text.chars().count()], |known| known.marks);
            marks.extend(own);
        }
        marks.resize(length, None);
        carried.extend(spans_of(turn, &marks));
    }
    let gone = spans.iter().filter(|span| span.is_heard_only()).cloned();
    carried.extend(gone.chain(unplaced(words)).map(|span| MaskedSpan { turn: turn_near(is, &span), ..span }));
    carried
}

/// Joins to `found`, which is hidden in the same dialogue, what was `known` to be.
#[must_use]
pub fn join(known: Vec<MaskedSpan>, found: Vec<MaskedSpan>) -> Vec<MaskedSpan> {
    let first = known.iter().map(|span| span.item.saturating_add(1)).max().unwrap_or(0);
    let found = found.into_iter().map(|span| MaskedSpan { item: span.item.saturating_add(first), ..span });
    let mut all: Vec<MaskedSpan> = known.into_iter().chain(found).collect();
    all.sort_by_key(|span| (span.is_heard_only(), span.turn, span.char_from));
    all
}

fn key(turn: &Turn, word: &Word) -> Key {
    // A hold may cut off a word's end, never its start.
    (turn.channel, word.span.start, word.text.chars().count())
}

/// What of `spans` is hidden in each character of `turn`.
fn marks_of(turn: &Turn, spans: &[MaskedSpan]) -> Vec<Option<Mark>> {
    let mut marks: Vec<Option<Mark>> = vec![None; turn.text.chars().count()];
    for span in spans.iter().filter(|span| span.turn == turn.index) {
        let (from, to) = (span.char_from as usize, span.char_to as usize);
        let places = marks.iter_mut().zip(turn.text.chars()).skip(from).take(to.saturating_sub(from));
        let hidden = places.filter(|(_, char)| *char == HIDDEN);
        hidden.for_each(|(mark, _)| *mark = Some((span.kind, span.item)));
    }
    marks
}

/// The hidden words that no turn took, one span for each item on each channel.
fn unplaced(words: HashMap<Key, VecDeque<Hidden>>) -> Vec<MaskedSpan> {
    let mut lost: BTreeMap<(ChannelIndex, Millis, u32), MaskedSpan> = BTreeMap::new();
    for ((channel, start, _), hidden) in words {
        for one in hidden {
            for (kind, item) in one.marks.iter().copied().flatten() {
                let time = Some(one.word.span);
                let span = MaskedSpan { kind, turn: 0, char_from: 0, char_to: 0, channel, span: time, item };
                lost.insert((channel, start, item), span);
            }
        }
    }
    lost.into_values().collect()
}

/// The last turn that begins before `span` is heard.
fn turn_near(dialogue: &Dialogue, span: &MaskedSpan) -> u32 {
    let begins = |turn: &&Turn| turn.span.map(|own| own.start) <= span.span.map(|own| own.start);
    dialogue.turns.iter().take_while(begins).last().map_or(0, |turn| turn.index)
}
