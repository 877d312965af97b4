//! Judges a condition on words: from raw matches to those that count, by role, range, exclusion and guards.

use std::collections::BTreeMap;

use regex::Regex;

use super::MatchMode;
use super::compile::CompiledCondition;
use super::guard;
use super::matching::{Hit, Matcher};
use super::rule::{Condition, Keyword, Quantity, Scope};
use super::script::{Script, Stream};

/// Something said that counts, in characters of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) stream: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) pattern: String,
    pub(super) mode: MatchMode,
}

/// What a condition on words comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is met, by these words; none when it asks for absence.
    Met(Vec<Said>),
    /// It is not met.
    NotMet,
    /// It asks for times and the words that would meet it have none.
    NoTimes,
}

/// Judges a keyword condition by the raw matches of all rules.
pub(super) fn judge_keyword(
    script: &Script,
    matcher: &Matcher,
    hits: &[Hit],
    compiled: &CompiledCondition,
    keyword: &Keyword,
) -> Outcome {
    let from = hits.partition_point(|hit| hit.word < compiled.words.start);
    let to = hits.partition_point(|hit| hit.word < compiled.words.end);
    let mut sieve = Sieve { script, condition: &compiled.condition, without_times: false };
    let mut counted: Vec<(u32, Said)> = Vec::new();
    for hit in hits.get(from..to).unwrap_or_default() {
        let (Some(word), Some(stream)) = (matcher.word(hit), script.streams.get(hit.stream as usize)) else {
            continue;
        };
        let (Some(first), Some(last)) =
            (stream.bare.get(hit.from as usize), stream.bare.get((hit.to as usize).saturating_sub(1)))
        else {
            continue;
        };
        let said = Said {
            stream: hit.stream as usize,
            from: *first as usize,
            to: *last as usize + 1,
            pattern: word.pattern.clone(),
            mode: hit.mode,
        };
        if sieve.passes(stream, &said) {
            counted.push((word.slot, said));
        }
    }
    let without_times = sieve.without_times;
    let num_words = u32::try_from(keyword.words.len()).unwrap_or(u32::MAX);
    match keyword.quantity {
        Quantity::None if counted.is_empty() && without_times => Outcome::NoTimes,
        Quantity::None if counted.is_empty() => Outcome::Met(Vec::new()),
        Quantity::None => Outcome::NotMet,
        Quantity::Any => settle(counted.into_iter().map(|(_, said)| said).collect(), without_times),
        Quantity::All => settle(together(script, counted, num_words, keyword.within), without_times),
        Quantity::AtLeast(wanted) => settle(together(script, counted, wanted, keyword.within), without_times),
    }
}

/// Judges an expression.
pub(super) fn judge_regex(script: &Script, condition: &Condition, regex: &Regex) -> Outcome {
    let mut sieve = Sieve { script, condition, without_times: false };
    let mut counted = Vec::new();
    for (index, stream) in script.streams.iter().enumerate() {
        if !condition.hears(stream.role) {
            continue;
        }
        for found in regex.find_iter(&stream.text).filter(|found| !found.is_empty()) {
            let (from, to) = (stream.char_at_byte(found.start()), stream.char_at_byte(found.end() - 1) + 1);
            if cuts_number(stream, from, to) {
                continue;
            }
            let rewritten = stream.rewritten.get(from..to).unwrap_or_default().contains(&true);
            let mode = if rewritten { MatchMode::Homophone } else { MatchMode::Regex };
            let said = Said { stream: index, from, to, pattern: regex.as_str().to_owned(), mode };
            if sieve.passes(stream, &said) {
                counted.push(said);
            }
        }
    }
    settle(counted, sieve.without_times)
}

/// Whether `from..to` begins or ends inside a longer number.
fn cuts_number(stream: &Stream, from: usize, to: usize) -> bool {
    let digit = |index: Option<usize>| {
        index.and_then(|index| stream.chars.get(index)).is_some_and(char::is_ascii_digit)
    };
    (digit(Some(from)) && digit(from.checked_sub(1))) || (digit(to.checked_sub(1)) && digit(Some(to)))
}

fn settle(mut said: Vec<Said>, without_times: bool) -> Outcome {
    if said.is_empty() {
        return if without_times { Outcome::NoTimes } else { Outcome::NotMet };
    }
    said.sort_by_key(|said| (said.stream, said.from, said.to));
    Outcome::Met(said)
}

/// Those matches that stand together with enough different words.
fn together(script: &Script, counted: Vec<(u32, Said)>, wanted: u32, within: Scope) -> Vec<Said> {
    let mut groups: BTreeMap<(usize, usize), Vec<(u32, Said)>> = BTreeMap::new();
    for (slot, said) in counted {
        let key = match (within, script.streams.get(said.stream)) {
            (Scope::Call, _) | (_, None) => (0, 0),
            (Scope::Turn, Some(stream)) => {
                (said.stream, stream.origins.get(said.from).map_or(0, |origin| origin.turn as usize))
            }
            (Scope::Sentence, Some(stream)) => (said.stream, stream.sentence_around(said.from, said.to).0),
        };
        groups.entry(key).or_default().push((slot, said));
    }
    let mut kept = Vec::new();
    for group in groups.into_values() {
        let mut slots: Vec<u32> = group.iter().map(|(slot, _)| *slot).collect();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() >= wanted as usize {
            kept.extend(group.into_iter().map(|(_, said)| said));
        }
    }
    kept
}

/// Drops the matches that do not count.
struct Sieve<'a> {
    script: &'a Script,
    condition: &'a Condition,
    /// Whether a match was dropped only because nobody knows when it was said.
    without_times: bool,
}

impl Sieve<'_> {
    fn passes(&mut self, stream: &Stream, said: &Said) -> bool {
        if !self.condition.hears(stream.role) {
            return false;
        }
        let sentence = stream.origins.get(said.from).map_or(0, |origin| origin.sentence);
        match self.script.in_range(sentence, self.condition.role, &self.condition.range) {
            Some(true) => {}
            Some(false) => return false,
            None => {
                self.without_times = true;
                return false;
            }
        }
        if let Some(exclude) = &self.condition.exclude {
            let (from, to) = match self.condition.exclude_in {
                Scope::Sentence => stream.sentence_around(said.from, said.to),
                Scope::Turn => stream.turns_around(said.from, said.to),
                Scope::Call => (0, stream.chars.len()),
            };
            if exclude.is_match(stream.slice(from, to)) {
                return false;
            }
        }
        let (from, to) = stream.sentence_around(said.from, said.to);
        !guard::blocks(self.condition.guards, stream.slice(from, said.from), stream.slice(said.to, to))
    }
}
