//! What often follows a question or a phrase: counts per clause, and which of them stand out.
//!
//! Questions that are worded alike are one: a question joins the first of those known that shares at least
//! [`MIN_LIKE`] of all content words of both (Jaccard), so 请问您的手机号码是多少 and 您手机号码多少 are counted together.
//! A phrase stands out when it was said at least [`MIN_SAID`] times and followed at least [`MIN_FOLLOWED`] times, at least
//! [`MIN_LIFT`] times the share of all others, and the binomial probability of that, corrected (Bonferroni) for all that
//! were said so often, is below [`MAX_P`].
//!
//! **Invariant**: at most [`ROOM`] different clauses; those that come up first after that are counted in the base only.

use std::collections::HashMap;

use super::outcome::{Example, PhraseSpot};
use super::series::MAX_P;
use super::stats::{binomial_at_least, corrected};
use super::tokens;
use crate::types::Millis;

const ROOM: usize = 20_000;
const MIN_LIKE: f64 = 0.6;
const MIN_SAID: u32 = 20;
const MIN_FOLLOWED: u32 = 5;
const MIN_LIFT: f64 = 1.5;
const MAX_SPOTS: usize = 50;
const NUM_EXAMPLES: usize = 3;

#[derive(Debug, Default)]
struct Clause {
    phrase: String,
    num_said: u32,
    num_followed: u32,
    silence: u64,
    examples: Vec<Example>,
}

/// Clauses and what followed them.
#[derive(Debug, Default)]
pub(super) struct Clauses {
    joins: bool,
    known: Vec<Clause>,
    by_phrase: HashMap<String, usize>,
    /// Of clauses that join: those with a content word.
    by_word: HashMap<String, Vec<usize>>,
    words: Vec<Vec<String>>,
    num_said: u64,
    num_followed: u64,
}

impl Clauses {
    /// Clauses that are counted as they are.
    pub(super) fn verbatim() -> Self {
        Self::default()
    }

    /// Clauses that are counted together with those worded alike.
    pub(super) fn alike() -> Self {
        Self { joins: true, ..Self::default() }
    }

    /// Counts a clause. `followed`: what is looked for came after it, here, with a silence so long.
    pub(super) fn say(&mut self, phrase: &str, followed: Option<(Option<Millis>, Example)>) {
        self.num_said += 1;
        self.num_followed += u64::from(followed.is_some());
        let Some(at) = self.place(phrase) else { return };
        let Some(clause) = self.known.get_mut(at) else { return };
        clause.num_said += 1;
        if let Some((silence, example)) = followed {
            clause.num_followed += 1;
            clause.silence += silence.unwrap_or_default().0;
            if clause.examples.len() < NUM_EXAMPLES {
                clause.examples.push(example);
            }
        }
    }

    fn place(&mut self, phrase: &str) -> Option<usize> {
        if let Some(at) = self.by_phrase.get(phrase) {
            return Some(*at);
        }
        let mut words = if self.joins { tokens::content_words(phrase) } else { Vec::new() };
        words.sort_unstable();
        words.dedup();
        let like = if words.is_empty() { None } else { self.like(&words) };
        if self.by_phrase.len() >= ROOM {
            return like;
        }
        let at = like.unwrap_or_else(|| {
            let at = self.known.len();
            self.known.push(Clause { phrase: phrase.to_owned(), ..Clause::default() });
            for word in &words {
                self.by_word.entry(word.clone()).or_default().push(at);
            }
            self.words.push(words);
            at
        });
        self.by_phrase.insert(phrase.to_owned(), at);
        Some(at)
    }

    /// The first clause that is worded alike.
    fn like(&self, words: &[String]) -> Option<usize> {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for at in words.iter().filter_map(|word| self.by_word.get(word)).flatten() {
            *shared.entry(*at).or_default() += 1;
        }
        let alike = shared.into_iter().filter(|(at, shared)| {
            let all = words.len() + self.words.get(*at).map_or(0, Vec::len) - shared;
            *shared as f64 >= MIN_LIKE * all as f64
        });
        alike.map(|(at, _)| at).min()
    }

    /// The clauses that stand out, the surest first.
    pub(super) fn spots(&self, has_silence: bool) -> Vec<PhraseSpot> {
        let often: Vec<&Clause> = self.known.iter().filter(|clause| clause.num_said >= MIN_SAID).collect();
        let mut spots: Vec<PhraseSpot> = Vec::new();
        for clause in &often {
            let (said, followed) = (f64::from(clause.num_said), f64::from(clause.num_followed));
            let others = self.num_said as f64 - said;
            if clause.num_followed < MIN_FOLLOWED || others < f64::from(MIN_SAID) {
                continue;
            }
            // One find more than there were, so that a base of nothing is not proof of everything.
            let base_rate = (self.num_followed as f64 - followed + 1.0) / (others + 1.0);
            let p_value = corrected(binomial_at_least(followed, said, base_rate), often.len());
            if followed / said < MIN_LIFT * base_rate || p_value >= MAX_P {
                continue;
            }
            spots.push(PhraseSpot {
                phrase: clause.phrase.clone(),
                num_said: clause.num_said,
                num_followed: clause.num_followed,
                base_rate,
                p_value,
                mean_silence: has_silence
                    .then(|| Millis(clause.silence / u64::from(clause.num_followed.max(1)))),
                examples: clause.examples.clone(),
            });
        }
        spots.sort_by(|one, other| {
            one.p_value.total_cmp(&other.p_value).then_with(|| one.phrase.cmp(&other.phrase))
        });
        spots.truncate(MAX_SPOTS);
        spots
    }
}
