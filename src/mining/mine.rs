//! A whole run: calls from a source to what was found and what each call is about.
//!
//! Two passes over all calls, then a look at those that are shown as examples. The first counts words and everything
//! that needs no list of words; the second counts the terms that the first brought up.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use jiff::civil::Date;

use super::candidates::{Candidates, TermKind};
use super::demand::{DEMANDS, Demand};
use super::input::{MinedCall, MinedTurn, Source};
use super::names::{NamedTopic, name_topics};
use super::outcome::{Burst, BurstKind, DemandCount, Example, NewWord, Outcome, Period, Topic, WordCount};
use super::reading::{Heard, Words};
use super::series::{self, Days, MAX_P};
use super::stats::corrected;
use super::tally::{Sketch, Tally, TermId};
use super::topics::{self, Grouping};
use super::weak_spots::WeakSpotCounts;
use super::{keyness, reading};
use crate::analysis::text::{self, Mood};
use crate::types::SpeakerRole;

/// Least entropy on both sides of a new word, in bits.
const MIN_ENTROPY: f64 = 1.0;
/// Most words and new words that are listed.
const MAX_LISTED: (usize, usize) = (500, 200);
/// Calls shown for a find.
const NUM_EXAMPLES: usize = 3;
/// Most characters of an example.
const MAX_EXAMPLE_CHARS: usize = 80;
/// Most bursts that are listed.
const MAX_BURSTS: usize = 100;

/// What a run is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Of when.
    pub period: Period,
    /// Fewest calls of a topic.
    pub min_topic_calls: u32,
    /// Fewest calls of a word, a new word or a phrase.
    pub min_word_calls: u32,
    /// Names that persons gave to topics, the newest last.
    pub names: Vec<NamedTopic>,
}

/// What a call of the period is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its number in the catalog.
    pub number: u32,
    /// Its topic, by the place in [`Outcome::topics`].
    pub topic: Option<u16>,
    /// What its customer wants, in the order of the classes.
    pub demands: Vec<Demand>,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq)]
pub struct Mined {
    /// For people.
    pub outcome: Outcome,
    /// Of each call of the period, by number.
    pub assignments: Vec<Assignment>,
}

/// What the first pass counts besides words.
#[derive(Debug)]
struct First {
    candidates: Candidates,
    weak_spots: WeakSpotCounts,
    days: BTreeMap<Date, u32>,
    demands: BTreeMap<Demand, BTreeMap<Date, u32>>,
    examples: BTreeMap<Demand, Vec<Example>>,
    of_calls: BTreeMap<u32, Vec<Demand>>,
    num_calls: u32,
}

/// Mines. `step` is asked before each call, with the number of calls read in both passes; nothing comes of the run when
/// it breaks.
///
/// # Errors
/// What the source fails with.
pub fn mine<S: Source>(
    source: &S,
    request: &Request,
    step: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<Mined>, S::Error> {
    let mut num_read = 0;
    let mut is_broken = false;
    let mut go_on = |is_broken: &mut bool| {
        num_read += 1;
        *is_broken = step(num_read).is_break();
        if *is_broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let is_of_period = |call: &MinedCall| call.started_at >= request.period.from;

    let mut first = First::new();
    let read = |source: &S, number| Ok(source.one(number)?.map(Heard::of));
    let num_left_out = reading::in_order(source, read, |heard| {
        go_on(&mut is_broken)?;
        if is_of_period(&heard.call) {
            first.see(&heard);
        }
        ControlFlow::Continue(())
    })?;
    if is_broken {
        return Ok(None);
    }
    let rare_limit = first.candidates.rare_limit();
    let terms = first.candidates.terms(request.min_word_calls.max(1));
    first.candidates = Candidates::new();

    let mut tally = Tally::new(terms, first.days.keys().copied());
    let read = |source: &S, number| Ok(source.without_hits(number)?.map(Words::of));
    reading::in_order(source, read, |Words { call, turns }| {
        go_on(&mut is_broken)?;
        tally.see(call.number, is_of_period(&call).then_some(call.day), &turns);
        ControlFlow::Continue(())
    })?;
    if is_broken {
        return Ok(None);
    }
    Finds { request, tally, num_left_out, rare_limit }.told(first, source).map(Some)
}

impl First {
    fn new() -> Self {
        Self {
            candidates: Candidates::new(),
            weak_spots: WeakSpotCounts::new(),
            days: BTreeMap::new(),
            demands: BTreeMap::new(),
            examples: BTreeMap::new(),
            of_calls: BTreeMap::new(),
            num_calls: 0,
        }
    }

    fn see(&mut self, heard: &Heard) {
        let call = &heard.call;
        let ordinal = self.num_calls;
        self.num_calls += 1;
        *self.days.entry(call.day).or_default() += 1;
        let mut demands: BTreeMap<Demand, &MinedTurn> = BTreeMap::new();
        let turns = call.turns.iter().zip(&heard.turns);
        for (turn, heard) in turns.filter(|(turn, _)| turn.role == SpeakerRole::Customer) {
            self.candidates.see(&heard.runs, ordinal);
            if let Some(demand) = heard.demand {
                demands.entry(demand).or_insert(turn);
            }
        }
        if demands.is_empty()
            && let Some(turn) = customer_turns(call).next()
        {
            demands.insert(Demand::Other, turn);
        }
        for (demand, turn) in &demands {
            *self.demands.entry(*demand).or_default().entry(call.day).or_default() += 1;
            let examples = self.examples.entry(*demand).or_default();
            if examples.len() < NUM_EXAMPLES {
                examples.push(example(call, turn));
            }
        }
        self.of_calls.insert(call.number, demands.into_keys().collect());
        self.weak_spots.see(heard);
    }
}

/// Everything that was counted, on its way to what is told.
struct Finds<'a> {
    request: &'a Request,
    tally: Tally,
    num_left_out: u32,
    rare_limit: u32,
}

impl Finds<'_> {
    fn told<S: Source>(self, first: First, source: &S) -> Result<Mined, S::Error> {
        let tally = &self.tally;
        let freedom: Vec<(u32, f64, f64)> = tally.terms().map(|(id, _)| tally.freedom(id)).collect();
        let is_new_word: Vec<bool> = tally
            .terms()
            .zip(&freedom)
            .map(|((_, term), (_, left, right))| {
                term.kind == TermKind::NewWord && left.min(*right) >= MIN_ENTROPY
            })
            .collect();
        let is_listed: Vec<bool> = tally
            .terms()
            .zip(&is_new_word)
            .map(|((_, term), is_new)| term.kind == TermKind::Word || *is_new)
            .collect();
        // How somebody feels is no subject.
        let is_subject: Vec<bool> = tally
            .terms()
            .zip(&is_listed)
            .map(|((_, term), is_listed)| *is_listed && text::mood(&term.text) == Mood::Neutral)
            .collect();
        let grouping = topics::group(tally, &is_subject, self.request.min_topic_calls.max(1));
        let dates = tally.days();
        let days = Days { dates: &dates, calls: &tally.calls_of_days };
        let num_trends = grouping.groups.len() + DEMANDS.len();

        let mut topics = self.topics(&grouping, days, num_trends);
        name_topics(&mut topics, &self.request.names);
        let mut bursts = bursts(tally, &topics, &grouping, &is_listed, days);
        let mut new_words = self.new_words(&is_new_word, &freedom);

        let examples = Examples::find(tally, &grouping, &topics, &new_words, &bursts, &dates);
        examples.look_up(source, tally, &mut topics, &mut new_words, &mut bursts)?;

        let mut words: Vec<WordCount> = tally
            .terms()
            .filter(|(_, term)| term.kind == TermKind::Word)
            .map(|(id, term)| WordCount { word: term.text.clone(), num_calls: tally.num_with(id) })
            .collect();
        words.sort_by(|one, other| {
            other.num_calls.cmp(&one.num_calls).then_with(|| one.word.cmp(&other.word))
        });
        words.truncate(MAX_LISTED.0);

        let demands = DEMANDS.into_iter().map(|demand| {
            let by_day = first.demands.get(&demand);
            let counts: Vec<u32> = dates
                .iter()
                .map(|day| by_day.and_then(|by_day| by_day.get(day)).copied().unwrap_or(0))
                .collect();
            DemandCount {
                demand,
                num_calls: counts.iter().sum(),
                trend: series::trend(days, &counts, num_trends),
                examples: first.examples.get(&demand).cloned().unwrap_or_default(),
            }
        });
        let topic_of: BTreeMap<u32, Option<u16>> = tally
            .sketches
            .iter()
            .map(|sketch| sketch.number)
            .zip(grouping.of_calls.iter().copied())
            .collect();
        let num_unclassified = grouping.of_calls.iter().filter(|topic| topic.is_none()).count();
        let outcome = Outcome {
            period: self.request.period.clone(),
            num_calls: tally.num_calls,
            num_background: tally.num_background,
            num_left_out: self.num_left_out,
            rare_limit: self.rare_limit,
            words,
            new_words,
            key_phrases: keyness::key_phrases(tally, &is_new_word),
            bursts,
            topics,
            num_unclassified: u32::try_from(num_unclassified).unwrap_or(u32::MAX),
            demands: demands.collect(),
            weak_spots: first.weak_spots.spots(),
        };
        let assignments = first.of_calls.into_iter().map(|(number, demands)| Assignment {
            number,
            topic: topic_of.get(&number).copied().flatten(),
            demands,
        });
        Ok(Mined { outcome, assignments: assignments.collect() })
    }

    fn topics(&self, grouping: &Grouping, days: Days<'_>, num_trends: usize) -> Vec<Topic> {
        let groups = grouping.groups.iter();
        groups
            .map(|group| Topic {
                name: String::new(),
                automatic_name: String::new(),
                is_named: false,
                key_words: group.words.iter().map(|id| self.tally.text(*id).to_owned()).collect(),
                num_calls: group.num_calls,
                representatives: Vec::new(),
                trend: series::trend(days, &group.daily, num_trends),
            })
            .collect()
    }

    fn new_words(&self, is_new_word: &[bool], freedom: &[(u32, f64, f64)]) -> Vec<NewWord> {
        let terms = self.tally.terms().zip(is_new_word).zip(freedom);
        let mut found: Vec<NewWord> = terms
            .filter(|((_, is_new), _)| **is_new)
            .map(|(((id, term), _), (count, left, right))| NewWord {
                word: term.text.clone(),
                num_calls: self.tally.num_with(id),
                count: *count,
                pmi: term.pmi,
                left_entropy: *left,
                right_entropy: *right,
                examples: Vec::new(),
            })
            .collect();
        found.sort_by(|one, other| {
            other.num_calls.cmp(&one.num_calls).then_with(|| one.word.cmp(&other.word))
        });
        found.truncate(MAX_LISTED.1);
        found
    }
}

/// The bursts of topics and words.
fn bursts(
    tally: &Tally,
    topics: &[Topic],
    grouping: &Grouping,
    is_listed: &[bool],
    days: Days<'_>,
) -> Vec<Burst> {
    let of_topics = topics
        .iter()
        .zip(&grouping.groups)
        .map(|(topic, group)| (BurstKind::Topic, topic.name.as_str(), group.daily.as_slice()));
    let of_words =
        tally.terms().zip(is_listed).filter(|(_, is_listed)| **is_listed).map(|((id, term), _)| {
            let kind = if term.kind == TermKind::NewWord { BurstKind::NewWord } else { BurstKind::Word };
            (kind, term.text.as_str(), tally.daily(id))
        });
    let tested: Vec<_> = of_topics.chain(of_words).collect();
    let mut found: Vec<Burst> = tested
        .iter()
        .filter_map(|(kind, name, daily)| {
            let window = series::burst(days, daily)?;
            let p_value = corrected(window.p_value, tested.len());
            (p_value < MAX_P).then_some(())?;
            Some(Burst {
                kind: *kind,
                name: (*name).to_owned(),
                from: *days.dates.get(window.from)?,
                to: *days.dates.get(window.to)?,
                num_calls: window.num_calls,
                expected: window.expected,
                lift: f64::from(window.num_calls) / window.expected.max(0.5),
                p_value,
                examples: Vec::new(),
            })
        })
        .collect();
    found.sort_by(|one, other| {
        let key = |burst: &Burst| burst.kind != BurstKind::Topic;
        key(one)
            .cmp(&key(other))
            .then(one.p_value.total_cmp(&other.p_value))
            .then_with(|| one.name.cmp(&other.name))
    });
    found.truncate(MAX_BURSTS);
    found
}

/// Which calls are shown for what.
#[derive(Debug, Default)]
struct Examples {
    of_topics: Vec<Vec<u32>>,
    of_words: Vec<Vec<u32>>,
    of_bursts: Vec<Vec<u32>>,
}

impl Examples {
    fn find(
        tally: &Tally,
        grouping: &Grouping,
        topics: &[Topic],
        new_words: &[NewWord],
        bursts: &[Burst],
        dates: &[Date],
    ) -> Self {
        let ids: BTreeMap<&str, TermId> = tally.terms().map(|(id, term)| (term.text.as_str(), id)).collect();
        let has = |sketch: &Sketch, word: &str| {
            ids.get(word).is_some_and(|id| sketch.terms.binary_search(id).is_ok())
        };
        let first = |fits: &dyn Fn(usize, &Sketch) -> bool| -> Vec<u32> {
            let fitting = tally.sketches.iter().enumerate().filter(|(at, sketch)| fits(*at, sketch));
            fitting.map(|(_, sketch)| sketch.number).take(NUM_EXAMPLES).collect()
        };
        let of_burst = |burst: &Burst| {
            let topic = (burst.kind == BurstKind::Topic)
                .then(|| topics.iter().position(|topic| topic.name == burst.name))
                .flatten()
                .and_then(|at| u16::try_from(at).ok());
            first(&|at, sketch| {
                let is_then = dates
                    .get(usize::from(sketch.day))
                    .is_some_and(|day| (burst.from..=burst.to).contains(day));
                let is_about = match burst.kind {
                    BurstKind::Topic => topic.is_some() && grouping.of_calls.get(at) == Some(&topic),
                    BurstKind::Word | BurstKind::NewWord => has(sketch, &burst.name),
                };
                is_then && is_about
            })
        };
        Self {
            of_topics: grouping.groups.iter().map(|group| group.representatives.clone()).collect(),
            of_words: new_words.iter().map(|word| first(&|_, sketch| has(sketch, &word.word))).collect(),
            of_bursts: bursts.iter().map(of_burst).collect(),
        }
    }

    fn look_up<S: Source>(
        self,
        source: &S,
        tally: &Tally,
        topics: &mut [Topic],
        new_words: &mut [NewWord],
        bursts: &mut [Burst],
    ) -> Result<(), S::Error> {
        let lists = self.of_topics.iter().chain(&self.of_words).chain(&self.of_bursts);
        let wanted: BTreeSet<u32> = lists.flatten().copied().collect();
        let mut calls: BTreeMap<u32, MinedCall> = BTreeMap::new();
        for number in wanted {
            if let Some(call) = source.one(number)? {
                calls.insert(number, call);
            }
        }
        let shown = |numbers: &[u32], words: &[&str]| -> Vec<Example> {
            let found = numbers.iter().filter_map(|number| calls.get(number));
            found.filter_map(|call| telling(call, words)).collect()
        };
        let mut words_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (topic, numbers) in topics.iter_mut().zip(&self.of_topics) {
            let words: Vec<&str> = topic.key_words.iter().map(String::as_str).collect();
            topic.representatives = shown(numbers, &words);
            words_of.insert(topic.name.clone(), topic.key_words.clone());
        }
        for (word, numbers) in new_words.iter_mut().zip(&self.of_words) {
            word.examples = shown(numbers, &[&word.word]);
        }
        for (burst, numbers) in bursts.iter_mut().zip(&self.of_bursts) {
            let of_topic = words_of.get(&burst.name).filter(|_| burst.kind == BurstKind::Topic);
            let words: Vec<&str> = of_topic.map_or_else(
                || vec![burst.name.as_str()],
                |words| words.iter().map(String::as_str).collect(),
            );
            burst.examples = shown(numbers, &words);
        }
        debug_assert!(tally.sketches.len() == tally.num_calls as usize, "one sketch for each call");
        Ok(())
    }
}

/// The customer's turn that holds most of `words`, the first of several.
fn telling(call: &MinedCall, words: &[&str]) -> Option<Example> {
    let weighed = customer_turns(call).map(|turn| {
        let plain = text::plain(&turn.text);
        (words.iter().filter(|word| plain.contains(**word)).count(), turn)
    });
    let (_, turn) = weighed.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    Some(example(call, turn))
}

fn customer_turns(call: &MinedCall) -> impl Iterator<Item = &MinedTurn> {
    call.turns.iter().filter(|turn| turn.role == SpeakerRole::Customer)
}

/// A turn to be looked at.
pub(super) fn example(call: &MinedCall, turn: &MinedTurn) -> Example {
    let text = turn.text.chars().take(MAX_EXAMPLE_CHARS).collect();
    Example { call_id: call.id.clone(), turn: turn.index, text }
}

#[cfg(test)]
#[path = "mine_tests.rs"]
mod tests;
