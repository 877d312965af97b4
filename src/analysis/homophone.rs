//! Finds words by their sound: what the recogniser wrote with other characters (犁息 for 利息).
//!
//! Every word is filed under the sounds of its first two characters, so the text is passed over once however many
//! words there are. A find must look like a misspelling, not like other words that happen to sound alike.

use std::collections::HashMap;

use super::operator::Tolerance;
use super::script::Stream;
use super::sound::{alike, readings};
use super::token::{frequency, has_clean_edges};

/// A word of the dictionary seen this often was meant, not misheard: it is never taken for a homophone.
const COMMON_WORD: usize = 40;

/// Words up to this length must share a character with what is written; longer ones rarely sound alike by chance.
const MAX_CHARS_TO_SHARE: usize = 3;

/// A word found by its sound, in bare characters of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SoundHit {
    /// Index of the word in the list given to [`SoundIndex::new`].
    pub(super) word: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Words filed by sound.
#[derive(Debug, Default)]
pub(super) struct SoundIndex {
    words: Vec<(Vec<char>, Tolerance)>,
    by_sound: HashMap<(u16, u16), Vec<u32>>,
}

impl SoundIndex {
    /// Files words of at least two Chinese characters; others, and those without tolerance, can never be found.
    pub(super) fn new(words: Vec<(Vec<char>, Tolerance)>) -> Self {
        let mut by_sound: HashMap<(u16, u16), Vec<u32>> = HashMap::new();
        for (index, (chars, tolerance)) in words.iter().enumerate() {
            let audible = chars.len() >= 2 && chars.iter().all(|char| !readings(*char).is_empty());
            if *tolerance == Tolerance::Exact || !audible {
                continue;
            }
            for key in keys(chars) {
                by_sound.entry(key).or_default().push(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        Self { words, by_sound }
    }

    /// Every homophone in `stream`, in order; the very characters of a word are not reported.
    pub(super) fn find(&self, stream: &Stream) -> Vec<SoundHit> {
        let mut hits = Vec::new();
        if self.by_sound.is_empty() {
            return hits;
        }
        let chars = &stream.bare_chars;
        for from in 0..chars.len() {
            let rest = chars.get(from..).unwrap_or_default();
            let mut found: Vec<u32> = keys(rest)
                .into_iter()
                .filter_map(|key| self.by_sound.get(&key))
                .flatten()
                .copied()
                .filter(|word| self.sounds_like(*word, rest))
                .collect();
            found.sort_unstable();
            found.dedup();
            for word in found {
                let length = self.words.get(word as usize).map_or(0, |(chars, _)| chars.len());
                let position = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
                let hit = SoundHit { word, from: position(from), to: position(from + length) };
                if self.is_plausible(stream, hit) {
                    hits.push(hit);
                }
            }
        }
        hits
    }

    fn sounds_like(&self, word: u32, text: &[char]) -> bool {
        let Some((chars, tolerance)) = self.words.get(word as usize) else { return false };
        let Some(written) = text.get(..chars.len()) else { return false };
        written != chars.as_slice()
            && chars.iter().zip(written).all(|(left, right)| alike(*left, *right, *tolerance))
    }

    /// Whether what is written can be a misspelling: whole words are covered, none of them common in its own right.
    fn is_plausible(&self, stream: &Stream, hit: SoundHit) -> bool {
        let Some((chars, _)) = self.words.get(hit.word as usize) else { return false };
        let written = stream.bare_chars.get(hit.from as usize..hit.to as usize).unwrap_or_default();
        let shares = chars.iter().zip(written).any(|(left, right)| left == right);
        if chars.len() <= MAX_CHARS_TO_SHARE && !shares {
            return false;
        }
        let tokens = stream.tokens();
        if !has_clean_edges(tokens, hit.from, hit.to) {
            return false;
        }
        let first = tokens.partition_point(|token| token.to <= hit.from);
        tokens.iter().skip(first).take_while(|token| token.from < hit.to).all(|token| {
            let (from, to) = ((token.from - hit.from) as usize, (token.to - hit.from) as usize);
            let same = chars.get(from..to) == written.get(from..to);
            same || to - from < 2
                || written
                    .get(from..to)
                    .is_some_and(|word| frequency(&word.iter().collect::<String>()) < COMMON_WORD)
        })
    }
}

/// Every pair of folded syllables that the first two characters can have.
fn keys(chars: &[char]) -> Vec<(u16, u16)> {
    let [first, second, ..] = chars else { return Vec::new() };
    let mut keys = Vec::new();
    for one in readings(*first) {
        for other in readings(*second) {
            let key = (one.folded(), other.folded());
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::script::Script;
    use crate::analysis::written::dialogue_of;

    fn found(word: &str, tolerance: Tolerance, text: &str) -> bool {
        let dialogue = dialogue_of(&[&format!("客服: {text}")], false).expect("the turn is well formed");
        let index = SoundIndex::new(vec![(word.chars().collect(), tolerance)]);
        !index.find(&Script::new(&dialogue).streams[0]).is_empty()
    }

    #[test]
    fn the_recognisers_misspellings_are_found() {
        assert!(found("保证", Tolerance::Syllable, "我向您保正没有问题"));
        assert!(found("利息", Tolerance::Syllable, "每个月的犁息是多少"));
        assert!(found("本金", Tolerance::Syllable, "您的笨金不会少"));
    }

    #[test]
    fn words_in_their_own_right_are_not_misspellings() {
        assert!(!found("起诉", Tolerance::Syllable, "他倾诉了很久"));
        assert!(!found("期限", Tolerance::Syllable, "前线的消息"));
        assert!(!found("保本", Tolerance::Syllable, "您投保本来就是自愿的"));
        assert!(!found("保证", Tolerance::Syllable, "这个报政府了"));
    }

    #[test]
    fn the_word_itself_is_not_its_own_homophone() {
        assert!(!found("保证", Tolerance::Folded, "我保证"));
        assert!(!found("保证", Tolerance::Exact, "我保正"));
    }
}
