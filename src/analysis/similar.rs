//! Finds sentences like a sample (相似句), and says how like.
//!
//! The measure is the cosine of two bags of characters and character pairs: pairs of neighbours weigh as much as the two
//! characters together, characters that every sentence has (的, 了, 您) a fifth; where one denies and the other does not,
//! three tenths are lost. Compared are the characters, and for what a recogniser wrote also their sounds. A sample is
//! compared with the part of a sentence that fits it best. Invariant: the index finds what comparing everything finds.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::MatchMode;
use super::found::Said;
use super::guard;
use super::normalize::{ends_sentence, is_bare};
use super::script::{Script, Stream};
use super::sound::first_sound;

/// Characters that are in any sentence.
const COMMON: &str =
    "的了是您你我他它们在这那就有个吗呢吧啊呀哦嗯呃也都还和与及或给为把被让请之其很可以要会能好";

/// What a common character weighs.
const COMMON_WEIGHT: f64 = 0.2;

/// What is left of the similarity when only one of the two denies.
const DENIAL_FACTOR: f64 = 0.7;

/// A part of a sentence may be this much longer than the sample.
const LONGEST_PART: f64 = 1.4;

/// A character or a pair of neighbours, as written or as heard.
type Feature = (u32, u32);

/// What a text is compared by.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Profile {
    weights: BTreeMap<Feature, f64>,
    norm: f64,
    denies: bool,
}

/// What a character is compared as.
fn code(char: char, by_sound: bool) -> u32 {
    // Sounds are numbered below the first code of a character.
    match first_sound(char).filter(|_| by_sound) {
        Some(sound) => u32::from(sound),
        None => 0x1_0000 + u32::from(char),
    }
}

fn weight(char: char) -> f64 {
    if COMMON.contains(char) { COMMON_WEIGHT } else { 1.0 }
}

/// The features of a text, doubles included.
fn features(chars: &[char], by_sound: bool) -> impl Iterator<Item = Feature> {
    let single = chars.iter().map(move |char| (code(*char, by_sound), 0));
    let pairs = chars.windows(2).filter_map(move |pair| match pair {
        [one, other] => Some((code(*one, by_sound), code(*other, by_sound))),
        _ => None,
    });
    single.chain(pairs)
}

/// Features of which a text must have one to reach `score`: what is left when the most widely spread are dropped as long
/// as those dropped could not reach it alone.
fn indispensable(profile: &Profile, score: f64, spread: &HashMap<Feature, u32>) -> Vec<Feature> {
    let mut features: Vec<(&Feature, &f64)> = profile.weights.iter().collect();
    features.sort_by_key(|(feature, _)| (std::cmp::Reverse(spread.get(*feature).copied()), **feature));
    let limit = (score * profile.norm).powi(2) * (1.0 - 1e-9);
    let mut dropped = 0.0;
    let mut left = Vec::new();
    for (feature, weight) in features {
        if left.is_empty() && dropped + weight * weight < limit {
            dropped += weight * weight;
        } else {
            left.push(*feature);
        }
    }
    left
}

impl Profile {
    pub(super) fn new(chars: &[char], by_sound: bool) -> Self {
        let mut weights: BTreeMap<Feature, f64> = BTreeMap::new();
        for char in chars {
            *weights.entry((code(*char, by_sound), 0)).or_default() += weight(*char) / 2.0;
        }
        for pair in chars.windows(2) {
            if let [one, other] = pair {
                let feature = (code(*one, by_sound), code(*other, by_sound));
                *weights.entry(feature).or_default() += weight(*one) + weight(*other);
            }
        }
        let norm = weights.values().map(|weight| weight * weight).sum::<f64>().sqrt();
        Self { weights, norm, denies: guard::denies(&chars.iter().collect::<String>()) }
    }

    /// How like two texts are, 0 to 1.
    pub(super) fn similarity(&self, other: &Self) -> f64 {
        if self.norm == 0.0 || other.norm == 0.0 {
            return 0.0;
        }
        let (few, many) =
            if self.weights.len() < other.weights.len() { (self, other) } else { (other, self) };
        let shared: f64 = few
            .weights
            .iter()
            .filter_map(|(feature, weight)| Some(weight * many.weights.get(feature)?))
            .sum();
        let factor = if self.denies == other.denies { 1.0 } else { DENIAL_FACTOR };
        (shared / (self.norm * other.norm)).min(1.0) * factor
    }
}

/// A sample found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SimilarHit {
    /// Index of the sample in the list given to [`SimilarIndex::new`].
    pub(super) sample: u32,
    pub(super) said: Said,
}

#[derive(Debug)]
struct Sample {
    text: String,
    length: usize,
    score: f64,
    /// As written, as heard.
    profiles: [Profile; 2],
}

/// Samples filed by those of their features that a likeness cannot do without.
#[derive(Debug, Default)]
pub(super) struct SimilarIndex {
    samples: Vec<Sample>,
    /// As written, as heard.
    by_feature: [HashMap<Feature, Vec<u32>>; 2],
}

impl SimilarIndex {
    /// Files samples, each with the similarity from which on it counts.
    pub(super) fn new(samples: &[(String, f64)]) -> Self {
        let mut index = Self::default();
        for (text, score) in samples {
            let chars = super::normalize::bare(text);
            let profiles = [Profile::new(&chars, false), Profile::new(&chars, true)];
            index.samples.push(Sample { text: text.clone(), length: chars.len(), score: *score, profiles });
        }
        for (kind, by_feature) in index.by_feature.iter_mut().enumerate() {
            let mut spread: HashMap<Feature, u32> = HashMap::new();
            for profile in index.samples.iter().filter_map(|sample| sample.profiles.get(kind)) {
                for feature in profile.weights.keys() {
                    *spread.entry(*feature).or_default() += 1;
                }
            }
            for (number, sample) in index.samples.iter().enumerate() {
                let Some(profile) = sample.profiles.get(kind) else { continue };
                for feature in indispensable(profile, sample.score, &spread) {
                    by_feature.entry(feature).or_default().push(u32::try_from(number).unwrap_or(u32::MAX));
                }
            }
        }
        index
    }

    /// The best part of every sentence for every sample that reaches its score, by sample, then by place.
    pub(super) fn find(&self, script: &Script, by_sound: bool) -> Vec<SimilarHit> {
        let mut hits = Vec::new();
        if self.samples.is_empty() {
            return hits;
        }
        for (number, stream) in script.streams.iter().enumerate() {
            for piece in pieces(stream) {
                for sample in self.possible(&piece.chars, by_sound) {
                    hits.extend(self.best(sample, stream, number, &piece, by_sound));
                }
            }
        }
        hits.sort_by_key(|hit| (hit.sample, hit.said.stream, hit.said.from));
        hits
    }

    /// Samples that a part of `chars` can be like enough: the cosine is never more than the share of the sample's own
    /// weight that is found in the sentence.
    fn possible(&self, chars: &[char], by_sound: bool) -> Vec<u32> {
        let mut possible: Vec<u32> = Vec::new();
        for (kind, by_feature) in self.by_feature.iter().enumerate().take(1 + usize::from(by_sound)) {
            let mut found: Vec<u32> = Vec::new();
            for feature in features(chars, kind == 1) {
                found.extend(by_feature.get(&feature).into_iter().flatten());
            }
            found.sort_unstable();
            found.dedup();
            if found.is_empty() {
                continue;
            }
            let there: HashSet<Feature> = features(chars, kind == 1).collect();
            possible.extend(found.into_iter().filter(|number| {
                let sample = self.samples.get(*number as usize);
                let profile = sample.and_then(|sample| Some((sample.profiles.get(kind)?, sample.score)));
                profile.is_some_and(|(profile, score)| {
                    let shared = profile.weights.iter().filter(|(feature, _)| there.contains(feature));
                    let squares: f64 = shared.map(|(_, weight)| weight * weight).sum();
                    // A hair of slack, because the sums are added in another order.
                    squares.sqrt() + 1e-9 >= score * profile.norm
                })
            }));
        }
        possible.sort_unstable();
        possible.dedup();
        possible
    }

    fn best(
        &self,
        number: u32,
        stream: &Stream,
        stream_number: usize,
        piece: &Piece,
        by_sound: bool,
    ) -> Option<SimilarHit> {
        let sample = self.samples.get(number as usize)?;
        let mut best: Option<(f64, bool, usize, usize)> = None;
        for (from, to) in parts(stream, piece, sample.length) {
            let chars = piece.chars.get(from..to).unwrap_or_default();
            for heard in [false, true].into_iter().take(1 + usize::from(by_sound)) {
                let profile = sample.profiles.get(usize::from(heard))?;
                let score = profile.similarity(&Profile::new(chars, heard));
                // Sounds are only asked where the characters are not enough.
                let better = best.is_none_or(|(known, known_heard, _, _)| {
                    let enough = known >= sample.score && !known_heard;
                    score > known + 1e-12 && !(heard && enough)
                });
                if better {
                    best = Some((score, heard, from, to));
                }
            }
        }
        let (score, heard, from, to) = best.filter(|(score, ..)| *score >= sample.score)?;
        let said = Said {
            stream: stream_number,
            from: *piece.places.get(from)?,
            to: *piece.places.get(to - 1)? + 1,
            pattern: sample.text.clone(),
            mode: MatchMode::Similar,
            tolerances: if heard { vec!["同音".to_owned()] } else { Vec::new() },
            score: Some(score as f32),
        };
        Some(SimilarHit { sample: number, said })
    }
}

/// What stands between two ends of sentences in a stream.
#[derive(Debug, Default)]
struct Piece {
    /// Its characters without marks and fillers.
    chars: Vec<char>,
    /// Where each stands in the stream.
    places: Vec<usize>,
}

fn pieces(stream: &Stream) -> Vec<Piece> {
    let mut pieces = vec![Piece::default()];
    for (place, char) in stream.chars.iter().enumerate() {
        if ends_sentence(*char) || *char == '\n' {
            pieces.push(Piece::default());
        } else if is_bare(*char)
            && let Some(piece) = pieces.last_mut()
        {
            piece.chars.push(*char);
            piece.places.push(place);
        }
    }
    pieces.retain(|piece| !piece.chars.is_empty());
    pieces
}

/// The parts of `piece` to compare with a sample of `length`: the whole, and from each clause or word on about as much
/// as the sample has.
fn parts(stream: &Stream, piece: &Piece, length: usize) -> Vec<(usize, usize)> {
    let total = piece.chars.len();
    let mut parts = vec![(0, total)];
    if (total as f64) <= length as f64 * LONGEST_PART {
        return parts;
    }
    let first =
        piece.places.first().map_or(0, |place| stream.bare.partition_point(|bare| (*bare as usize) < *place));
    // Words are cut over the whole stream, in bare characters.
    let starts: Vec<usize> = stream
        .tokens()
        .iter()
        .map(|token| token.from as usize)
        .skip_while(|from| *from < first)
        .take_while(|from| *from < first + total)
        .map(|from| from - first)
        .collect();
    let longest = ((length as f64 * LONGEST_PART) as usize).max(1);
    for (index, from) in starts.iter().enumerate() {
        let ends = starts.get(index + 1..).unwrap_or_default().iter().copied().chain([total]);
        // As long as the sample, one word less and more, and the longest that is allowed.
        let fitting: Vec<usize> = ends.take_while(|end| end - from <= longest).collect();
        let near = fitting.partition_point(|end| end - from < length);
        let picks = [near.checked_sub(1), Some(near), Some(near + 1), fitting.len().checked_sub(1)];
        let mut ends: Vec<usize> =
            picks.into_iter().flatten().filter_map(|pick| fitting.get(pick).copied()).collect();
        ends.sort_unstable();
        ends.dedup();
        parts.extend(ends.into_iter().filter(|end| end > from).map(|end| (*from, end)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::written::dialogue_of;

    fn similarity(left: &str, right: &str) -> f64 {
        let profile = |text: &str| Profile::new(&crate::analysis::normalize::bare(text), false);
        profile(left).similarity(&profile(right))
    }

    fn script(text: &str) -> Script {
        Script::new(&dialogue_of(&[&format!("客服: {text}")], false).expect("the turn is well formed"))
    }

    #[test]
    fn a_variant_is_like_and_another_sentence_is_not() {
        assert!((similarity("请问还有其他可以帮您", "请问还有其他可以帮您") - 1.0).abs() < 1e-9);
        assert!(similarity("感谢您的来电，祝您生活愉快", "感谢您来电祝您生活愉快") > 0.85);
        assert!(similarity("请问还有什么可以帮您", "请问还有其他可以帮您的吗") > 0.6);
        assert!(similarity("请问还有什么可以帮您", "我要挂失我的信用卡") < 0.1);
        assert!(similarity("这款产品保本", "这款产品不保本") < 0.7, "a denial is something else");
    }

    #[test]
    fn the_fitting_part_of_a_long_sentence_is_found_with_its_place() {
        let index = SimilarIndex::new(&[("感谢您的来电祝您生活愉快".to_owned(), 0.8)]);
        let script = script("好的那就先这样，感谢您来电，祝您生活愉快，再见，下次再联系我们");
        let hits = index.find(&script, false);
        assert_eq!(hits.len(), 1);
        let text: String = script.streams[0].chars[hits[0].said.from..hits[0].said.to].iter().collect();
        assert_eq!(text, "感谢您来电，祝您生活愉快");
    }

    #[test]
    fn what_only_sounds_alike_is_like_for_a_recogniser_and_says_so() {
        let index = SimilarIndex::new(&[("本次通话将会录音".to_owned(), 0.8)]);
        let script = script("本次通划将会录英");
        assert!(index.find(&script, false).is_empty());
        let hits = index.find(&script, true);
        assert_eq!(hits.first().map(|hit| hit.said.tolerances.clone()), Some(vec!["同音".to_owned()]));
    }

    proptest! {
        #[test]
        fn the_index_finds_what_comparing_everything_finds(
            text in "[感谢您来电祝生活愉快不，。]{0,40}",
            samples in proptest::collection::vec(("[感谢您来电祝生活愉快不]{2,10}", 50_u32..100), 1..6),
            by_sound in any::<bool>(),
        ) {
            let samples: Vec<(String, f64)> =
                samples.into_iter().map(|(text, score)| (text, f64::from(score) / 100.0)).collect();
            let index = SimilarIndex::new(&samples);
            let script = script(&text);
            let mut naive = Vec::new();
            for (number, stream) in script.streams.iter().enumerate() {
                for piece in pieces(stream) {
                    for sample in 0..samples.len() as u32 {
                        naive.extend(index.best(sample, stream, number, &piece, by_sound));
                    }
                }
            }
            naive.sort_by_key(|hit| (hit.sample, hit.said.stream, hit.said.from));
            prop_assert_eq!(index.find(&script, by_sound), naive);
        }

        #[test]
        fn similarity_is_symmetric_and_within_bounds(left in "[保本息收益不的]{0,12}", right in "[保本息收益不的]{0,12}") {
            let found = similarity(&left, &right);
            prop_assert!((0.0..=1.0).contains(&found));
            prop_assert!((found - similarity(&right, &left)).abs() < 1e-9);
        }
    }
}
