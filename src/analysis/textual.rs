//! Judges conditions on words: from raw matches to those that count, by role, place, exclusion and guards.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use regex::Regex;

use super::MatchMode;
use super::compile::CompiledCondition;
use super::found::{Place, Reach, Said};
use super::guard;
use super::matching::{Matcher, RawHit};
use super::operator::Keyword;
use super::rule::{Condition, Quantity, Scope};
use super::script::{Script, Stream};
use super::sound::tolerances;

/// What a condition on words comes to.
#[derive(Debug, Clone, PartialEq)]
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
    matcher: &Matcher,
    hits: &[RawHit],
    compiled: &CompiledCondition,
    keyword: &Keyword,
    sieve: &Sieve<'_>,
) -> Outcome {
    let from = hits.partition_point(|hit| hit.word < compiled.words.start);
    let to = hits.partition_point(|hit| hit.word < compiled.words.end);
    let script = sieve.reach.script;
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
        let mut said = Said {
            stream: hit.stream as usize,
            from: *first as usize,
            to: *last as usize + 1,
            pattern: word.pattern.clone(),
            mode: hit.mode,
            tolerances: Vec::new(),
            score: None,
        };
        if sieve.passes(stream, &said) {
            said.tolerances = match hit.mode {
                MatchMode::Homophone => by_sound(stream, hit, &word.bare),
                MatchMode::Synonym => vec!["同义词".to_owned()],
                MatchMode::Exact
                | MatchMode::Regex
                | MatchMode::Measured
                | MatchMode::Similar
                | MatchMode::Entity => Vec::new(),
            };
            counted.push((word.slot, said));
        }
    }
    let without_times = sieve.without_times.get();
    let num_words = u32::try_from(keyword.words.len()).unwrap_or(u32::MAX);
    let any = |counted: Vec<(u32, Said)>| counted.into_iter().map(|(_, said)| said).collect();
    match keyword.quantity {
        Quantity::None if counted.is_empty() && without_times => Outcome::NoTimes,
        Quantity::None if counted.is_empty() => Outcome::Met(Vec::new()),
        Quantity::None => Outcome::NotMet,
        Quantity::Any => settle(any(counted), sieve),
        Quantity::All => settle(together(script, counted, num_words, keyword.within), sieve),
        Quantity::AtLeast(wanted) => settle(together(script, counted, wanted, keyword.within), sieve),
    }
}

/// What it took to hear a word in what is written.
fn by_sound(stream: &Stream, hit: &RawHit, word: &[char]) -> Vec<String> {
    let written = stream.bare_chars.get(hit.from as usize..hit.to as usize).unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for (meant, written) in word.iter().zip(written) {
        for name in tolerances(*meant, *written) {
            if !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

/// Judges an expression.
pub(super) fn judge_regex(regex: &Regex, sieve: &Sieve<'_>) -> Outcome {
    let mut counted = Vec::new();
    for (index, stream) in sieve.reach.script.streams.iter().enumerate() {
        if !sieve.hears(stream) && !sieve.is_tracing() {
            continue;
        }
        for found in regex.find_iter(&stream.text).filter(|found| !found.is_empty()) {
            let (from, to) = (stream.char_at_byte(found.start()), stream.char_at_byte(found.end() - 1) + 1);
            if cuts_number(stream, from, to) {
                continue;
            }
            let rewritten = stream.rewritten.get(from..to).unwrap_or_default().contains(&true);
            let said = Said {
                stream: index,
                from,
                to,
                pattern: regex.as_str().to_owned(),
                mode: if rewritten { MatchMode::Homophone } else { MatchMode::Regex },
                tolerances: if rewritten { vec!["同音词还原".to_owned()] } else { Vec::new() },
                score: None,
            };
            if sieve.passes(stream, &said) {
                counted.push(said);
            }
        }
    }
    settle(counted, sieve)
}

/// Judges matches that are found elsewhere: similar sentences, repetitions, entities.
pub(super) fn judge_said(found: impl IntoIterator<Item = Said>, sieve: &Sieve<'_>) -> Outcome {
    let script = sieve.reach.script;
    let passes =
        |said: &Said| script.streams.get(said.stream).is_some_and(|stream| sieve.passes(stream, said));
    settle(found.into_iter().filter(passes).collect(), sieve)
}

/// Whether `from..to` begins or ends inside a longer number.
fn cuts_number(stream: &Stream, from: usize, to: usize) -> bool {
    let digit = |index: Option<usize>| {
        index.and_then(|index| stream.chars.get(index)).is_some_and(char::is_ascii_digit)
    };
    (digit(Some(from)) && digit(from.checked_sub(1))) || (digit(to.checked_sub(1)) && digit(Some(to)))
}

fn settle(mut said: Vec<Said>, sieve: &Sieve<'_>) -> Outcome {
    let condition = sieve.condition;
    let enough = said.len() >= condition.count.max(1) as usize;
    if !enough || (condition.every_sentence && !in_every_sentence(&said, sieve)) {
        return if sieve.without_times.get() { Outcome::NoTimes } else { Outcome::NotMet };
    }
    said.sort_by_key(|said| (said.stream, said.from, said.to));
    Outcome::Met(said)
}

/// Whether every sentence in scope with words in it has a hit.
fn in_every_sentence(said: &[Said], sieve: &Sieve<'_>) -> bool {
    let script = sieve.reach.script;
    let hit: Vec<(u32, u32)> = said
        .iter()
        .filter_map(|said| Place::of_chars(script, said.stream, said.from, said.to))
        .map(|place| place.sentences)
        .collect();
    script.sentences.iter().enumerate().all(|(index, sentence)| {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let in_scope = sieve.condition.hears(sentence.role)
            && sentence.chars.0 < sentence.chars.1
            && sieve.reach.admits_sentence(index) == Some(true);
        !in_scope || hit.iter().any(|(first, last)| (*first..=*last).contains(&index))
    })
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

/// Why a match does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// Somebody else said it.
    OtherRole,
    /// It stands elsewhere in the call.
    OutOfPlace,
    /// It needs a time and has none.
    WithoutTime,
    /// `exclude` matches around it.
    Excluded,
    /// `left_guard` matches before it.
    LeftGuard,
    /// It is denied, asked or quoted.
    Guarded(&'static str),
}

/// Drops the matches that do not count.
#[derive(Debug)]
pub(super) struct Sieve<'a> {
    condition: &'a Condition,
    reach: &'a Reach<'a>,
    /// Whether a match was dropped only because nobody knows when it was said.
    without_times: Cell<bool>,
    /// What was dropped and why, when somebody wants to know.
    dropped: Option<RefCell<Vec<(Said, Dropped)>>>,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(condition: &'a Condition, reach: &'a Reach<'a>, tracing: bool) -> Self {
        let dropped = tracing.then(RefCell::default);
        Self { condition, reach, without_times: Cell::new(false), dropped }
    }

    /// What was dropped and why; empty unless traced.
    pub(super) fn into_dropped(self) -> Vec<(Said, Dropped)> {
        self.dropped.map(RefCell::into_inner).unwrap_or_default()
    }

    fn is_tracing(&self) -> bool {
        self.dropped.is_some()
    }

    fn hears(&self, stream: &Stream) -> bool {
        self.condition.hears(stream.role)
    }

    fn passes(&self, stream: &Stream, said: &Said) -> bool {
        let Some(why) = self.drops(stream, said) else { return true };
        if why == Dropped::WithoutTime {
            self.without_times.set(true);
        }
        if let Some(dropped) = &self.dropped {
            dropped.borrow_mut().push((said.clone(), why));
        }
        false
    }

    fn drops(&self, stream: &Stream, said: &Said) -> Option<Dropped> {
        if !self.hears(stream) {
            return Some(Dropped::OtherRole);
        }
        let place = Place::of_chars(self.reach.script, said.stream, said.from, said.to);
        match place.map_or(Some(false), |place| self.reach.admits(&place)) {
            Some(true) => {}
            Some(false) => return Some(Dropped::OutOfPlace),
            None => return Some(Dropped::WithoutTime),
        }
        if let Some(exclude) = &self.condition.exclude {
            let (from, to) = match self.condition.exclude_in {
                Scope::Sentence => stream.sentence_around(said.from, said.to),
                Scope::Turn => stream.turns_around(said.from, said.to),
                Scope::Call => (0, stream.chars.len()),
            };
            if exclude.is_match(stream.slice(from, to)) {
                return Some(Dropped::Excluded);
            }
        }
        let (from, to) = stream.sentence_around(said.from, said.to);
        let before = stream.slice(from, said.from);
        if self.condition.left_guard.as_ref().is_some_and(|guard| guard.is_match(before)) {
            return Some(Dropped::LeftGuard);
        }
        guard::blocks(self.condition.guards, before, stream.slice(said.to, to)).map(Dropped::Guarded)
    }
}
