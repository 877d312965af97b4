//! Judges the times of recognised words by utterances whose times are known.

use serde::{Serialize, Serializer};

use super::align;
use super::align::Alignment;
use super::normalize::characters;
use crate::speech::Word;
use crate::types::{Millis, TimeSpan};

/// How far a time inside an utterance may lie outside it before it counts as misplaced.
const TOLERANCE: Millis = Millis(300);

/// An utterance of the truth: when and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) span: TimeSpan,
    pub(super) text: String,
}

/// Distances between true and recognised times, in milliseconds.
///
/// The truth marks utterances, so only the first and the last character of each have a time to compare with; of every
/// other correctly recognised character it is asked whether it lies inside its utterance, give or take 300 ms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TimeErrors {
    /// Of utterance starts.
    #[serde(serialize_with = "median")]
    pub start_ms: Vec<u64>,
    /// Of utterance ends.
    #[serde(serialize_with = "median")]
    pub end_ms: Vec<u64>,
    /// Correctly recognised characters.
    pub num_characters: u64,
    /// Those whose time is outside their utterance.
    pub num_misplaced: u64,
}

impl TimeErrors {
    /// Adds what was measured elsewhere.
    pub(super) fn extend(&mut self, other: Self) {
        self.start_ms.extend(other.start_ms);
        self.end_ms.extend(other.end_ms);
        self.num_characters += other.num_characters;
        self.num_misplaced += other.num_misplaced;
    }
}

/// The middle one of `distances`; `None` when there are none.
pub(super) fn median_of(distances: &[u64]) -> Option<u64> {
    let mut sorted = distances.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[expect(clippy::ptr_arg, reason = "serde hands over the field itself")]
fn median<S: Serializer>(distances: &Vec<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    median_of(distances).serialize(serializer)
}

/// Aligns the words of one channel with what was said on it, in order.
pub(super) fn compare(spoken: &[Spoken], words: &[&Word]) -> (Alignment, TimeErrors) {
    let (reference, owner) = join(spoken.iter().map(|utterance| utterance.text.as_str()));
    let (hypothesis, word_of) = join(words.iter().map(|word| word.text.as_str()));
    let alignment = align(&reference, &hypothesis);
    let mut errors = TimeErrors::default();
    for &(i, j) in &alignment.matches {
        let (truth, heard) = (spoken[owner[i]].span, words[word_of[j]].span);
        errors.num_characters += 1;
        let middle = Millis((heard.start.0 + heard.end.0) / 2);
        if middle + TOLERANCE < truth.start || middle > truth.end + TOLERANCE {
            errors.num_misplaced += 1;
        }
        if i == 0 || owner[i - 1] != owner[i] {
            errors.start_ms.push(truth.start.0.abs_diff(heard.start.0));
        }
        if owner.get(i + 1) != Some(&owner[i]) {
            errors.end_ms.push(truth.end.0.abs_diff(heard.end.0));
        }
    }
    (alignment, errors)
}

/// The characters of all texts, and for each the index of its text.
fn join<'a>(texts: impl Iterator<Item = &'a str>) -> (Vec<char>, Vec<usize>) {
    texts
        .enumerate()
        .flat_map(|(index, text)| characters(text).into_iter().map(move |char| (char, index)))
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(start: u64, end: u64, text: &str) -> Spoken {
        Spoken { span: TimeSpan::new(Millis(start), Millis(end)), text: text.to_owned() }
    }

    fn word(start: u64, end: u64, text: &str) -> Word {
        Word { text: text.to_owned(), span: TimeSpan::new(Millis(start), Millis(end)), confidence: 1.0 }
    }

    #[test]
    fn edges_are_compared_and_strays_counted() {
        let truth = [spoken(1000, 2000, "您好"), spoken(5000, 6000, "再见")];
        let words = [
            word(1100, 1500, "您"),
            word(1500, 1950, "好，"),
            word(4000, 4200, "再"),
            word(5500, 6200, "见。"),
        ];
        let (alignment, errors) = compare(&truth, &words.iter().collect::<Vec<_>>());
        assert_eq!(alignment.counts.errors(), 0);
        assert_eq!(errors.start_ms, [100, 1000]);
        assert_eq!(errors.end_ms, [50, 200]);
        assert_eq!((errors.num_misplaced, errors.num_characters), (1, 4));
    }

    #[test]
    fn the_median_is_of_the_sorted_distances() {
        assert_eq!(median_of(&[900, 10, 30]), Some(30));
        assert_eq!(median_of(&[]), None);
    }
}
