//! The first pass: which words, phrases and possible new words come up often enough to be looked at.
//!
//! A possible new word is a sequence of two or more pieces, two to six characters, without a stop word in it, that the
//! dictionary does not have. Its cohesion is the least pointwise mutual information over all ways to part it:
//! `log2(p(ab) / (p(a)·p(b)))`, by occurrences among all pieces. A sequence with a single character in it, where jieba
//! fell apart, needs [`MIN_PMI`]; one of whole words, which may only be neighbours, needs [`MIN_PMI_OF_WORDS`].
//!
//! **Invariant**: memory is bounded by the rooms; whatever is in enough calls is found.

use super::lossy::Lossy;
use super::tokens;
use crate::analysis::text;

/// Different words, and different sequences of pieces, that are counted at once.
const ROOM: (usize, usize) = (300_000, 600_000);
/// Longest sequence in characters and in pieces.
const MAX_CHARS: usize = 6;
/// Least cohesion of a sequence with a single character in it, in bits.
const MIN_PMI: f64 = 4.0;
/// Least cohesion of a sequence of whole words, in bits.
const MIN_PMI_OF_WORDS: f64 = 7.0;
/// Most words, possible new words and phrases that go on, the most frequent first.
const MAX_TERMS: (usize, usize, usize) = (5_000, 1_000, 2_000);

/// What a term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TermKind {
    Word,
    /// A possible new word, and its cohesion in bits.
    NewWord,
    /// Two words that stand together.
    Phrase,
}

/// A word, phrase or possible new word that is looked at closely.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) kind: TermKind,
    pub(super) pmi: f64,
}

#[derive(Debug)]
pub(super) struct Candidates {
    words: Lossy,
    sequences: Lossy,
    num_pieces: u64,
}

impl Candidates {
    pub(super) fn new() -> Self {
        Self { words: Lossy::new(ROOM.0), sequences: Lossy::new(ROOM.1), num_pieces: 0 }
    }

    /// Sees one turn of a customer in the call of this ordinal number.
    pub(super) fn see(&mut self, runs: &[Vec<String>], call: u32) {
        for run in runs {
            for piece in run {
                self.words.see(piece, call);
                self.num_pieces += 1;
            }
            for (from, to) in sequences(run) {
                let pieces = run.get(from..to).unwrap_or_default();
                self.sequences.see(&pieces.concat(), call);
            }
        }
    }

    /// What came up in no more calls than this may be missing.
    pub(super) fn rare_limit(&self) -> u32 {
        self.words.limit().max(self.sequences.limit())
    }

    /// Everything in at least `min_calls` calls that deserves a closer look: words, possible new words, phrases.
    pub(super) fn terms(&self, min_calls: u32) -> Vec<Term> {
        let words = self.words.frequent(min_calls);
        let words = words.into_iter().filter(|(word, _)| tokens::is_content(word)).take(MAX_TERMS.0);
        let mut terms: Vec<Term> =
            words.map(|(word, _)| Term { text: word.to_owned(), kind: TermKind::Word, pmi: 0.0 }).collect();
        let (mut new_words, mut phrases) = (Vec::new(), Vec::new());
        for (text, seen) in self.sequences.frequent(min_calls) {
            if text::is_word(text) {
                continue;
            }
            let pieces = text::words(text);
            let has_single = pieces.iter().any(|piece| piece.chars().nth(1).is_none());
            let pmi = self.pmi(&pieces, f64::from(seen.count));
            let least = if has_single { MIN_PMI } else { MIN_PMI_OF_WORDS };
            if pmi >= least {
                new_words.push(Term { text: text.to_owned(), kind: TermKind::NewWord, pmi });
            } else if pieces.len() == 2 && pieces.iter().all(|piece| tokens::is_content(piece)) {
                phrases.push(Term { text: text.to_owned(), kind: TermKind::Phrase, pmi });
            }
        }
        terms.extend(new_words.into_iter().take(MAX_TERMS.1));
        terms.extend(phrases.into_iter().take(MAX_TERMS.2));
        terms
    }

    fn pmi(&self, pieces: &[&str], count: f64) -> f64 {
        let total = self.num_pieces.max(1) as f64;
        let seen = |part: &[&str]| {
            let text = part.concat();
            let seen = if part.len() == 1 { self.words.get(&text) } else { self.sequences.get(&text) };
            f64::from(seen.map_or(1, |seen| seen.count)).max(count)
        };
        (1..pieces.len())
            .map(|at| {
                let (left, right) = pieces.split_at(at);
                (count * total / (seen(left) * seen(right))).log2()
            })
            .fold(f64::INFINITY, f64::min)
    }
}

/// The sequences of a run that may be a new word or a phrase, as ranges of pieces.
pub(super) fn sequences(run: &[String]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for from in 0..run.len() {
        let mut num_chars = 0;
        for (to, piece) in run.iter().enumerate().skip(from) {
            num_chars += piece.chars().count();
            if num_chars > MAX_CHARS || tokens::is_stop(piece) {
                break;
            }
            if to > from {
                found.push((from, to + 1));
            }
        }
    }
    found
}
