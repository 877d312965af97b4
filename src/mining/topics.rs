//! Words that come up in the same calls to topics, and calls to the topic that they are about.
//!
//! Two words belong together when they share calls more often than chance lets them: normalised pointwise mutual
//! information (NPMI) over calls, where G² is significant at one in a thousand. Words are joined bottom up by average
//! linkage: the two groups whose words have the highest mean NPMI become one, while that is at least [`MIN_LINK`]. A
//! group of two or more words is a topic. A call is about the topic whose words in it weigh most (by inverse call
//! frequency), if it has two of them or one of the three most telling; else it is unclassified. Topics with too few calls
//! are dropped, their calls unclassified. Words of more than [`MAX_SHARE`] of all calls make no topic, nor do stop words and words of the
//! lexicon of moods.
//!
//! **Invariant**: a call is about one topic at most; ties go to the earlier word, topic and call, so the same calls
//! give the same topics.

use std::collections::{BTreeMap, BTreeSet};

use super::stats::g2;
use super::tally::{Sketch, Tally, TermId};

/// Least mean NPMI of two groups that become one.
const MIN_LINK: f64 = 0.25;
/// Least G² of two words: a probability of 0.001.
const MIN_G2: f64 = 10.83;
/// Fewest calls that two words must share.
const MIN_SHARED: u32 = 5;
/// Largest share of calls that a word of a topic may be in.
const MAX_SHARE: f64 = 0.3;
/// Most words that topics are made of, the most frequent.
const MAX_WORDS: usize = 1_200;
/// Words of a topic of which one is enough.
const NUM_CORE: usize = 3;
/// Calls that show what a topic is.
const NUM_REPRESENTATIVES: usize = 3;
/// Most words that a topic lists.
const MAX_KEY_WORDS: usize = 20;

/// A topic as numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Its words, the most telling first.
    pub(super) words: Vec<TermId>,
    pub(super) num_calls: u32,
    pub(super) daily: Vec<u32>,
    /// Numbers of the calls that are closest to it.
    pub(super) representatives: Vec<u32>,
}

/// The topics, the most frequent first, and the topic of each call in the order of the sketches.
#[derive(Debug)]
pub(super) struct Grouping {
    pub(super) groups: Vec<Group>,
    pub(super) of_calls: Vec<Option<u16>>,
}

/// Makes topics of at least `min_calls` calls. `may_be_word`: which terms are words at all.
pub(super) fn group(tally: &Tally, may_be_word: &[bool], min_calls: u32) -> Grouping {
    let num_calls = f64::from(tally.num_calls);
    let mut words: Vec<(TermId, u32)> = tally
        .terms()
        .filter(|(id, _)| may_be_word.get(usize::from(*id)).copied().unwrap_or(false))
        .map(|(id, _)| (id, tally.num_with(id)))
        .filter(|(_, with)| *with >= MIN_SHARED && f64::from(*with) <= MAX_SHARE * num_calls)
        .collect();
    words.sort_by_key(|(id, with)| (std::cmp::Reverse(*with), *id));
    words.truncate(MAX_WORDS);
    words.sort_unstable();
    let links = links(tally, &words);
    let mut groups: Vec<Vec<TermId>> = join(words.len(), &links)
        .into_iter()
        .filter(|members| members.len() > 1)
        .map(|members| telling_first(&members, &words, &links))
        .collect();
    // A group whose calls turn out too few takes none from the others.
    loop {
        let grouping = assign(tally, &groups);
        let enough: Vec<bool> = grouping.groups.iter().map(|group| group.num_calls >= min_calls).collect();
        if enough.iter().all(|enough| *enough) {
            return sorted(grouping);
        }
        let mut enough = enough.into_iter();
        groups.retain(|_| enough.next().unwrap_or(false));
    }
}

/// NPMI of every two words that belong together, by their places in `words`, the lesser first.
fn links(tally: &Tally, words: &[(TermId, u32)]) -> BTreeMap<(u16, u16), f64> {
    let place = |id: TermId| words.binary_search_by_key(&id, |(id, _)| *id).ok();
    let mut shared = vec![0_u32; words.len() * words.len()];
    for sketch in &tally.sketches {
        let places: Vec<usize> = sketch.terms.iter().filter_map(|id| place(*id)).collect();
        for (at, one) in places.iter().enumerate() {
            for other in places.iter().skip(at + 1) {
                if let Some(count) = shared.get_mut(one * words.len() + other) {
                    *count += 1;
                }
            }
        }
    }
    let total = f64::from(tally.num_calls);
    let mut links = BTreeMap::new();
    for (at, both) in shared.into_iter().enumerate() {
        if both < MIN_SHARED {
            continue;
        }
        let (one, other) = (at / words.len(), at % words.len());
        let (Some((_, a)), Some((_, b))) = (words.get(one), words.get(other)) else { continue };
        let (both, a, b) = (f64::from(both), f64::from(*a), f64::from(*b));
        let npmi = if both >= total { 1.0 } else { (both * total / (a * b)).ln() / -(both / total).ln() };
        if npmi > 0.0 && g2(both, a, b - both, total - a) >= MIN_G2 {
            let key = (u16::try_from(one), u16::try_from(other));
            if let (Ok(one), Ok(other)) = key {
                links.insert((one, other), npmi);
            }
        }
    }
    links
}

/// Average linkage: groups of places.
fn join(num_words: usize, links: &BTreeMap<(u16, u16), f64>) -> Vec<Vec<u16>> {
    let mut members: BTreeMap<u16, Vec<u16>> =
        (0..u16::try_from(num_words).unwrap_or(u16::MAX)).map(|place| (place, vec![place])).collect();
    let mut beside: BTreeMap<u16, BTreeMap<u16, f64>> = BTreeMap::new();
    for ((one, other), npmi) in links {
        beside.entry(*one).or_default().insert(*other, *npmi);
        beside.entry(*other).or_default().insert(*one, *npmi);
    }
    let size = |members: &BTreeMap<u16, Vec<u16>>, group: u16| members.get(&group).map_or(1, Vec::len) as f64;
    loop {
        let mut best: Option<(f64, u16, u16)> = None;
        for (one, others) in &beside {
            for (other, sum) in others.range(one + 1..) {
                let mean = sum / (size(&members, *one) * size(&members, *other));
                if mean >= MIN_LINK && best.is_none_or(|(highest, _, _)| mean > highest) {
                    best = Some((mean, *one, *other));
                }
            }
        }
        let Some((_, one, other)) = best else { break };
        let joined = members.remove(&other).unwrap_or_default();
        members.entry(one).or_default().extend(joined);
        for (third, sum) in beside.remove(&other).unwrap_or_default() {
            let Some(others) = beside.get_mut(&third) else { continue };
            others.remove(&other);
            if third != one {
                *others.entry(one).or_default() += sum;
                *beside.entry(one).or_default().entry(third).or_default() += sum;
            }
        }
    }
    members.into_values().collect()
}

/// The words of a group: those that belong to the others most, and are said in many calls, first.
fn telling_first(members: &[u16], words: &[(TermId, u32)], links: &BTreeMap<(u16, u16), f64>) -> Vec<TermId> {
    let mut weighed: Vec<(f64, TermId)> = members
        .iter()
        .filter_map(|place| {
            let (id, with) = words.get(usize::from(*place))?;
            let to_others = members.iter().filter(|other| *other != place);
            let belongs: f64 =
                to_others.filter_map(|other| links.get(&(*place.min(other), *place.max(other)))).sum();
            Some((belongs * f64::from(*with).ln(), *id))
        })
        .collect();
    weighed.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    weighed.into_iter().map(|(_, id)| id).collect()
}

fn assign(tally: &Tally, groups: &[Vec<TermId>]) -> Grouping {
    let rarity =
        |id: TermId| (f64::from(tally.num_calls) / f64::from(tally.num_with(id).max(1))).ln().max(0.01);
    // Of each word: its group, and whether it is enough alone.
    let mut homes: BTreeMap<TermId, (usize, bool)> = BTreeMap::new();
    for (at, words) in groups.iter().enumerate() {
        homes.extend(words.iter().enumerate().map(|(place, id)| (*id, (at, place < NUM_CORE))));
    }
    let lengths: Vec<f64> =
        groups.iter().map(|words| words.iter().map(|id| rarity(*id).powi(2)).sum::<f64>().sqrt()).collect();
    let num_days = tally.calls_of_days.len();
    let mut found: Vec<Group> = groups
        .iter()
        .map(|words| Group {
            words: words.clone(),
            num_calls: 0,
            daily: vec![0; num_days],
            representatives: Vec::new(),
        })
        .collect();
    let mut closest: Vec<BTreeSet<(Closeness, u32)>> = vec![BTreeSet::new(); groups.len()];
    let mut of_calls = Vec::with_capacity(tally.sketches.len());
    for sketch in &tally.sketches {
        let Some((at, weight, length)) = best(sketch, &homes, groups.len(), &rarity) else {
            of_calls.push(None);
            continue;
        };
        of_calls.push(u16::try_from(at).ok());
        if let (Some(group), Some(closest), Some(own)) =
            (found.get_mut(at), closest.get_mut(at), lengths.get(at))
        {
            group.num_calls += 1;
            if let Some(count) = group.daily.get_mut(usize::from(sketch.day)) {
                *count += 1;
            }
            closest.insert((Closeness(-weight / (length * own)), sketch.number));
            if closest.len() > NUM_REPRESENTATIVES {
                closest.pop_last();
            }
        }
    }
    for (group, closest) in found.iter_mut().zip(closest) {
        group.representatives = closest.into_iter().map(|(_, number)| number).collect();
    }
    Grouping { groups: found, of_calls }
}

/// The group that a call is about, the square weight of its words there, and the length of the call's own vector.
fn best(
    sketch: &Sketch,
    homes: &BTreeMap<TermId, (usize, bool)>,
    num_groups: usize,
    rarity: &impl Fn(TermId) -> f64,
) -> Option<(usize, f64, f64)> {
    let mut scores = vec![(0.0, 0_u32, false, 0.0); num_groups];
    let mut length = 0.0;
    for id in &sketch.terms {
        let weight = rarity(*id);
        let Some((at, is_core)) = homes.get(id) else { continue };
        length += weight * weight;
        if let Some((score, num_words, has_core, square)) = scores.get_mut(*at) {
            *score += weight;
            *num_words += 1;
            *has_core |= is_core;
            *square += weight * weight;
        }
    }
    let able = scores.into_iter().enumerate().filter(|(_, (_, words, has_core, _))| *words > 1 || *has_core);
    let best = able.reduce(|best, next| if next.1.0 > best.1.0 { next } else { best })?;
    Some((best.0, best.1.3, length.sqrt()))
}

/// The most frequent topic first.
fn sorted(grouping: Grouping) -> Grouping {
    let mut order: Vec<usize> = (0..grouping.groups.len()).collect();
    order.sort_by_key(|at| {
        grouping.groups.get(*at).map(|group| (std::cmp::Reverse(group.num_calls), group.words.clone()))
    });
    let mut places = vec![0_u16; order.len()];
    for (new, old) in (0..).zip(&order) {
        if let Some(place) = places.get_mut(*old) {
            *place = new;
        }
    }
    let groups = order.iter().filter_map(|at| grouping.groups.get(*at).cloned());
    let of_calls = grouping.of_calls.into_iter();
    Grouping {
        groups: groups
            .map(|mut group| {
                group.words.truncate(MAX_KEY_WORDS);
                group
            })
            .collect(),
        of_calls: of_calls.map(|at| at.and_then(|at| places.get(usize::from(at)).copied())).collect(),
    }
}

/// A closeness that can be put in order; all are finite.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Closeness(f64);

impl Eq for Closeness {}

impl PartialOrd for Closeness {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Closeness {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
