//! The second pass: in how many calls each term comes up, day by day and in the background, what stands beside
//! possible new words, and which words each call has.
//!
//! **Invariant**: exact for the terms given; memory is terms times days, and at most [`MAX_SKETCH`] words per call.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::candidates::{Term, TermKind, sequences};

/// Most different words of one call that are remembered, the first ones.
const MAX_SKETCH: usize = 64;
/// What stands beside a word at the end of a run.
const EDGE: char = '^';
/// Different neighbours of one possible new word that are counted; more make it no freer.
const MAX_NEIGHBOURS: usize = 512;

/// A term by its place in the list of terms.
pub(super) type TermId = u16;

/// What is remembered of one call of the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sketch {
    /// Its number in the catalog.
    pub(super) number: u32,
    /// Its day, by its place in the list of days.
    pub(super) day: u16,
    /// The words and possible new words in it, in ascending order.
    pub(super) terms: Box<[TermId]>,
}

#[derive(Debug, Default)]
struct Beside {
    before: BTreeMap<char, u32>,
    after: BTreeMap<char, u32>,
    count: u32,
}

#[derive(Debug)]
pub(super) struct Tally {
    pub(super) terms: Vec<Term>,
    ids: HashMap<String, TermId>,
    days: BTreeMap<Date, u16>,
    /// Calls of the period by day, and by day and term.
    pub(super) calls_of_days: Vec<u32>,
    daily: Vec<Vec<u32>>,
    pub(super) num_calls: u32,
    pub(super) num_background: u32,
    background: Vec<u32>,
    beside: Vec<Beside>,
    pub(super) sketches: Vec<Sketch>,
}

impl Tally {
    /// `days`: every day on which a call of the period began.
    pub(super) fn new(mut terms: Vec<Term>, days: impl IntoIterator<Item = Date>) -> Self {
        terms.truncate(usize::from(TermId::MAX));
        let days: BTreeMap<Date, u16> = days.into_iter().zip(0_u16..).collect();
        let ids = (0..).zip(&terms).map(|(id, term): (TermId, _)| (term.text.clone(), id)).collect();
        Self {
            ids,
            calls_of_days: vec![0; days.len()],
            daily: vec![vec![0; days.len()]; terms.len()],
            days,
            num_calls: 0,
            num_background: 0,
            background: vec![0; terms.len()],
            beside: terms.iter().map(|_| Beside::default()).collect(),
            terms,
            sketches: Vec::new(),
        }
    }

    /// The days in order.
    pub(super) fn days(&self) -> Vec<Date> {
        self.days.keys().copied().collect()
    }

    /// Sees a call: its number, its day when it is of the period, and the turns of its customer.
    pub(super) fn see(&mut self, number: u32, day: Option<Date>, turns: &[Vec<Vec<String>>]) {
        let mut found: Vec<TermId> = Vec::new();
        for run in turns.iter().flatten() {
            for piece in run {
                found.extend(self.ids.get(piece.as_str()));
            }
            for (from, to) in sequences(run) {
                let text = run.get(from..to).unwrap_or_default().concat();
                let Some(id) = self.ids.get(text.as_str()).copied() else { continue };
                found.push(id);
                if day.is_some() {
                    let before = from.checked_sub(1).and_then(|at| run.get(at)?.chars().next_back());
                    let after = run.get(to).and_then(|piece| piece.chars().next());
                    self.note_neighbours(id, before, after);
                }
            }
        }
        let mut seen = vec![false; self.terms.len()];
        found.retain(|id| seen.get_mut(usize::from(*id)).is_some_and(|seen| !std::mem::replace(seen, true)));
        let Some(day) = day.and_then(|day| self.days.get(&day).copied()) else {
            self.num_background += 1;
            for id in found {
                add(&mut self.background, usize::from(id));
            }
            return;
        };
        self.num_calls += 1;
        add(&mut self.calls_of_days, usize::from(day));
        for id in &found {
            if let Some(daily) = self.daily.get_mut(usize::from(*id)) {
                add(daily, usize::from(day));
            }
        }
        found.retain(|id| self.kind(*id) != Some(TermKind::Phrase));
        found.truncate(MAX_SKETCH);
        found.sort_unstable();
        self.sketches.push(Sketch { number, day, terms: found.into() });
    }

    fn kind(&self, id: TermId) -> Option<TermKind> {
        self.terms.get(usize::from(id)).map(|term| term.kind)
    }

    fn note_neighbours(&mut self, id: TermId, before: Option<char>, after: Option<char>) {
        let Some(beside) = self.beside.get_mut(usize::from(id)) else { return };
        beside.count = beside.count.saturating_add(1);
        for (side, char) in [(&mut beside.before, before), (&mut beside.after, after)] {
            let char = char.unwrap_or(EDGE);
            if side.len() < MAX_NEIGHBOURS || side.contains_key(&char) {
                *side.entry(char).or_default() += 1;
            }
        }
    }

    /// Calls of the period with a term, day by day.
    pub(super) fn daily(&self, id: TermId) -> &[u32] {
        self.daily.get(usize::from(id)).map_or(&[], Vec::as_slice)
    }

    /// Calls of the period with a term.
    pub(super) fn num_with(&self, id: TermId) -> u32 {
        self.daily(id).iter().sum()
    }

    /// Calls of the background with a term.
    pub(super) fn num_background_with(&self, id: TermId) -> u32 {
        self.background.get(usize::from(id)).copied().unwrap_or(0)
    }

    /// How often a term of several pieces was said, and how freely what stands before and after it changes, in bits.
    pub(super) fn freedom(&self, id: TermId) -> (u32, f64, f64) {
        let Some(beside) = self.beside.get(usize::from(id)) else { return (0, 0.0, 0.0) };
        (beside.count, entropy(&beside.before), entropy(&beside.after))
    }

    /// Every term with its place.
    pub(super) fn terms(&self) -> impl Iterator<Item = (TermId, &Term)> {
        (0..).zip(&self.terms)
    }

    /// The text of a term.
    pub(super) fn text(&self, id: TermId) -> &str {
        self.terms.get(usize::from(id)).map_or("", |term| &term.text)
    }
}

fn add(counts: &mut [u32], at: usize) {
    if let Some(count) = counts.get_mut(at) {
        *count += 1;
    }
}

/// The entropy of what was counted, in bits.
fn entropy(counts: &BTreeMap<char, u32>) -> f64 {
    let total: f64 = counts.values().map(|count| f64::from(*count)).sum();
    -counts.values().map(|count| f64::from(*count) / total).map(|share| share * share.log2()).sum::<f64>()
}
