//! What a condition found, and whether it stands where the condition looks.
//!
//! Places are sentences of the script, or characters inside one. Invariant: a place without times is never inside or
//! outside a limit of time; that is unknown, and says so.

use super::MatchMode;
use super::rule::{Anchor, Range, RoleScope, Side};
use super::script::Script;
use crate::types::{Millis, TimeSpan};

/// Something said that counts, in characters of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) stream: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) pattern: String,
    pub(super) mode: MatchMode,
    /// What it took to match beyond the very words, for a person.
    pub(super) tolerances: Vec<String>,
    /// Similarity, 0 to 1.
    pub(super) score: Option<f32>,
}

/// One measured fact that passes a limit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// The turn it belongs to; `None` for a fact of the whole call.
    pub(super) turn: Option<u32>,
    /// The sentence it belongs to, or the one before it when it lies between two.
    pub(super) sentence: Option<u32>,
    pub(super) between: bool,
    pub(super) span: Option<TimeSpan>,
    /// The limit, for a person.
    pub(super) limit: String,
    /// The value, for a person.
    pub(super) shown: String,
    pub(super) value: f64,
}

/// One hit of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    Said(Said),
    Measured(Measured),
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// Its first and last sentence.
    pub(super) sentences: (u32, u32),
    /// Its stream and characters, for words.
    pub(super) chars: Option<(usize, usize, usize)>,
    /// Whether it lies after `sentences.1` rather than in it.
    pub(super) between: bool,
    pub(super) span: Option<TimeSpan>,
}

impl Place {
    /// The place of words.
    pub(super) fn of_chars(script: &Script, stream: usize, from: usize, to: usize) -> Option<Self> {
        let origins = &script.streams.get(stream)?.origins;
        let (first, last) =
            (origins.get(from)?.sentence, origins.get(to.saturating_sub(1).max(from))?.sentence);
        let span = |sentence: u32| script.sentences.get(sentence as usize).and_then(|sentence| sentence.span);
        let span = match (span(first), span(last)) {
            (Some(first), Some(last)) => Some(first.union(last)),
            (one, other) => one.or(other),
        };
        Some(Self { sentences: (first, last), chars: Some((stream, from, to)), between: false, span })
    }

    /// The place of a sentence.
    pub(super) fn of_sentence(script: &Script, index: u32) -> Self {
        let span = script.sentences.get(index as usize).and_then(|sentence| sentence.span);
        Self { sentences: (index, index), chars: None, between: false, span }
    }

    /// The place of a hit; `None` for a fact of the whole call.
    pub(super) fn of(script: &Script, found: &Found) -> Option<Self> {
        match found {
            Found::Said(said) => Self::of_chars(script, said.stream, said.from, said.to),
            Found::Measured(measured) => {
                let sentence = measured.sentence?;
                let span = measured.span;
                Some(Self { sentences: (sentence, sentence), chars: None, between: measured.between, span })
            }
        }
    }

    /// What it is sorted by: what comes first in the call first.
    pub(super) fn order(&self) -> (u32, bool, usize) {
        (self.sentences.0, self.between, self.chars.map_or(0, |(_, from, _)| from))
    }
}

/// The places given by another condition.
#[derive(Debug, Clone)]
pub(super) struct Anchors {
    pub(super) anchor: Anchor,
    pub(super) places: Vec<Place>,
}

/// Where a condition looks.
#[derive(Debug, Clone)]
pub(super) struct Reach<'a> {
    pub(super) script: &'a Script,
    pub(super) role: RoleScope,
    pub(super) range: &'a Range,
    pub(super) anchors: Option<Anchors>,
}

impl Reach<'_> {
    /// Whether `place` lies where the condition looks; `None` when only times could tell and there are none.
    pub(super) fn admits(&self, place: &Place) -> Option<bool> {
        let in_range = self.script.in_range(place.sentences.0, self.role, self.range);
        let Some(anchors) = &self.anchors else { return in_range };
        if in_range == Some(false) {
            return Some(false);
        }
        let mut unknown = false;
        for anchor in &anchors.places {
            match self.is_near(&anchors.anchor, anchor, place) {
                Some(true) => return in_range,
                Some(false) => {}
                None => unknown = true,
            }
        }
        if unknown { None } else { Some(false) }
    }

    /// Whether sentence `index` does.
    pub(super) fn admits_sentence(&self, index: u32) -> Option<bool> {
        self.admits(&Place::of_sentence(self.script, index))
    }

    fn is_near(&self, anchor: &Anchor, fixed: &Place, place: &Place) -> Option<bool> {
        let (before, after) = (comes_before(place, fixed), comes_before(fixed, place));
        let right_side = match anchor.side {
            Side::Before => before,
            Side::After => after,
            Side::Around => true,
        };
        if !right_side {
            return Some(false);
        }
        let rank = |index: u32| self.script.rank(index, self.role);
        // Sentences of the role from the one to the other; none when both stand in one sentence.
        let between = |earlier: &Place, later: &Place| match later.sentences.0 > earlier.sentences.1 {
            false => 0,
            true => rank(later.sentences.0).saturating_sub(rank(earlier.sentences.1)),
        };
        let back = |earlier: &Place, later: &Place| match later.sentences.0 > earlier.sentences.1 {
            false => u32::from(later.between),
            true => {
                let until = later.sentences.0 - u32::from(!later.between);
                let from = earlier.sentences.1.checked_sub(1).map_or(0, rank);
                rank(until).saturating_sub(from)
            }
        };
        let distance = if before { back(place, fixed) } else { between(fixed, place) };
        if anchor.sentences.is_some_and(|limit| distance > limit) {
            return Some(false);
        }
        let Some(within) = anchor.within else { return Some(true) };
        let (Some(one), Some(other)) = (fixed.span, place.span) else { return None };
        let apart =
            if before { one.start.saturating_sub(other.end) } else { other.start.saturating_sub(one.end) };
        Some(apart <= within)
    }
}

/// Whether `one` ends before `other` begins.
fn comes_before(one: &Place, other: &Place) -> bool {
    if let (Some((stream, _, to)), Some((other_stream, from, _))) = (one.chars, other.chars)
        && stream == other_stream
    {
        return to <= from;
    }
    match (one.between, other.between) {
        // What lies after a sentence comes after all of it.
        (false, true) => one.sentences.1 <= other.sentences.0,
        (_, _) => one.sentences.1 < other.sentences.0,
    }
}

/// Length between two times for a person.
pub(super) fn seconds(length: Millis) -> String {
    format!("{:.1} 秒", length.as_secs_f64())
}
