//! What judging knows of Chinese text, for others that read dialogues: words, plain spelling, mood.
//!
//! Pure. Invariant: the same text gives the same answer as it does where rules are judged.

use super::{mood, normalize, token};

/// How a person feels at one sentence, by the lexicon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    /// Annoyed, worried, angry.
    Negative,
    /// Neither.
    Neutral,
    /// Content, thankful.
    Positive,
}

/// `text` as rules read it: simplified, lower case, without white space, ，。？！ as its only punctuation.
#[must_use]
pub fn plain(text: &str) -> String {
    normalize::normalize(text).into_iter().map(|normal| normal.char).collect()
}

/// The words of `text` in order; together they are the text. Unknown words come in their pieces.
#[must_use]
pub fn words(text: &str) -> Vec<&str> {
    token::words(text)
}

/// Whether the dictionary has `word`.
#[must_use]
pub fn is_word(word: &str) -> bool {
    token::frequency(word) > 0
}

/// The mood of plain text.
#[must_use]
pub fn mood(plain: &str) -> Mood {
    match mood::of(plain) {
        mood::Mood::Negative => Mood::Negative,
        mood::Mood::Neutral => Mood::Neutral,
        mood::Mood::Positive => Mood::Positive,
    }
}
