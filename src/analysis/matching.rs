//! One pass of one automaton over the text finds every keyword of every rule; one pass over the sounds finds their
//! homophones.
//!
//! Yields raw matches only: ranges, guards and exclusions are judged later. Invariant: the automaton reports exactly
//! what a naive search for each keyword would, less what digit and word boundaries forbid.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::homophone::SoundIndex;
use super::operator::Tolerance;
use super::script::{Break, Script, Stream};
use super::token::stands_alone;
use super::{MatchMode, RuleError};

/// A keyword of one condition.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// As the author wrote it.
    pub(super) pattern: String,
    /// As it is searched.
    pub(super) bare: Vec<char>,
    /// Which word of its condition it is, or stands for as a synonym.
    pub(super) slot: u32,
    /// Exact or synonym.
    pub(super) mode: MatchMode,
    pub(super) tolerance: Tolerance,
    pub(super) token_boundary: bool,
}

/// A keyword found, in bare characters of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RawHit {
    pub(super) word: u32,
    pub(super) stream: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) mode: MatchMode,
}

/// All keywords of all rules, ready to search.
#[derive(Debug)]
pub(super) struct Matcher {
    words: Vec<Word>,
    /// Distinct texts; the automaton's pattern ids.
    texts: Vec<Vec<char>>,
    /// The words that are searched as each text.
    words_of: Vec<Vec<u32>>,
    automaton: AhoCorasick,
    sounds: SoundIndex,
    /// Words whose homophones are corrected before expressions run.
    confusable: Vec<Vec<char>>,
    confusable_sounds: SoundIndex,
}

impl Matcher {
    pub(super) fn new(words: Vec<Word>, confusable: &[String]) -> Result<Self, RuleError> {
        let mut texts: Vec<Vec<char>> = Vec::new();
        let mut words_of: Vec<Vec<u32>> = Vec::new();
        let mut known: HashMap<Vec<char>, usize> = HashMap::new();
        for (index, word) in words.iter().enumerate() {
            let text = *known.entry(word.bare.clone()).or_insert_with(|| {
                texts.push(word.bare.clone());
                words_of.push(Vec::new());
                texts.len() - 1
            });
            if let Some(list) = words_of.get_mut(text) {
                list.push(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        let patterns: Vec<String> = texts.iter().map(|text| text.iter().collect()).collect();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&patterns)
            .map_err(|_| RuleError::TooLarge { num_keywords: words.len() })?;
        let widest = |list: &Vec<u32>| {
            let tolerances =
                list.iter().filter_map(|word| words.get(*word as usize)).map(|word| word.tolerance);
            tolerances.max().unwrap_or(Tolerance::Exact)
        };
        let tolerances: Vec<Tolerance> = words_of.iter().map(widest).collect();
        let sounds = SoundIndex::new(texts.iter().cloned().zip(tolerances).collect());
        let confusable: Vec<Vec<char>> = confusable.iter().map(|word| super::normalize::bare(word)).collect();
        let with_tolerance = confusable.iter().map(|word| (word.clone(), Tolerance::Syllable)).collect();
        Ok(Self {
            words,
            texts,
            words_of,
            automaton,
            sounds,
            confusable,
            confusable_sounds: SoundIndex::new(with_tolerance),
        })
    }

    pub(super) fn word(&self, hit: &RawHit) -> Option<&Word> {
        self.words.get(hit.word as usize)
    }

    /// Writes confusable words over their homophones, in the text that expressions see.
    pub(super) fn restore(&self, script: &mut Script) {
        for stream in &mut script.streams {
            let mut replacements = Vec::new();
            for hit in self.confusable_sounds.find(stream) {
                let word = self.confusable.get(hit.word as usize).into_iter().flatten();
                replacements.extend((hit.from..hit.to).zip(word.copied()));
            }
            if !replacements.is_empty() {
                stream.rewrite(&replacements);
            }
        }
    }

    /// Every keyword in the script, by word, then by place. Homophones only when `by_sound`.
    pub(super) fn find(&self, script: &Script, by_sound: bool) -> Vec<RawHit> {
        let mut hits = Vec::new();
        for (index, stream) in script.streams.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            self.find_exact(stream, index, &mut hits);
            if by_sound {
                self.find_homophones(stream, index, &mut hits);
            }
        }
        hits.sort_unstable();
        hits
    }

    fn find_exact(&self, stream: &Stream, index: u32, hits: &mut Vec<RawHit>) {
        let text: String = stream.bare_chars.iter().collect();
        let mut starts = Vec::with_capacity(stream.bare_chars.len());
        starts.extend(text.char_indices().map(|(byte, _)| byte));
        for found in self.automaton.find_overlapping_iter(&text) {
            // Matches of valid text with valid text begin at a character.
            let from = starts.partition_point(|byte| *byte < found.start());
            let text_index = found.pattern().as_usize();
            let length = self.texts.get(text_index).map_or(0, Vec::len);
            let position = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
            let (from, to) = (position(from), position(from + length));
            if !digits_end(stream, from, to) {
                continue;
            }
            for word_index in self.words_of.get(text_index).into_iter().flatten() {
                let Some(word) = self.words.get(*word_index as usize) else { continue };
                let parted = stream.strongest_break(from, to) >= Break::Sentence;
                if (word.token_boundary || parted) && !stands_alone(stream.tokens(), from, to) {
                    continue;
                }
                hits.push(RawHit { word: *word_index, stream: index, from, to, mode: word.mode });
            }
        }
    }

    fn find_homophones(&self, stream: &Stream, index: u32, hits: &mut Vec<RawHit>) {
        for found in self.sounds.find(stream) {
            let text_index = found.word as usize;
            let Some(text) = self.texts.get(text_index) else { continue };
            let written = stream.bare_chars.get(found.from as usize..found.to as usize).unwrap_or_default();
            for word_index in self.words_of.get(text_index).into_iter().flatten() {
                let Some(word) = self.words.get(*word_index as usize) else { continue };
                // The index searches by the widest tolerance among the words of one text.
                let sounds = text
                    .iter()
                    .zip(written)
                    .all(|(left, right)| super::sound::alike(*left, *right, word.tolerance));
                if sounds {
                    let mode = MatchMode::Homophone;
                    hits.push(RawHit {
                        word: *word_index,
                        stream: index,
                        from: found.from,
                        to: found.to,
                        mode,
                    });
                }
            }
        }
    }
}

/// Whether a match that begins or ends with a digit or Latin letter is not the middle of a longer number or word
/// (12345 in a phone number or number plate).
fn digits_end(stream: &Stream, from: u32, to: u32) -> bool {
    let digit = |index: Option<usize>| {
        index.and_then(|index| stream.bare_chars.get(index)).is_some_and(char::is_ascii_alphanumeric)
    };
    let (from, to) = (from as usize, to as usize);
    let cut_before = digit(Some(from)) && digit(from.checked_sub(1));
    let cut_after = digit(to.checked_sub(1)) && digit(Some(to));
    !cut_before && !cut_after
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::written::dialogue_of;

    fn word(text: &str) -> Word {
        Word {
            pattern: text.to_owned(),
            bare: crate::analysis::normalize::bare(text),
            slot: 0,
            mode: MatchMode::Exact,
            tolerance: Tolerance::Exact,
            token_boundary: false,
        }
    }

    fn script(text: &str) -> Script {
        Script::new(&dialogue_of(&[&format!("客服: {text}")], false).expect("the turn is well formed"))
    }

    #[test]
    fn a_number_inside_a_longer_number_is_not_found() {
        let matcher = Matcher::new(vec![word("12345")], &[]).expect("one word fits");
        assert_eq!(matcher.find(&script("我打12345投诉"), false).len(), 1);
        assert_eq!(matcher.find(&script("打幺二三四五"), false).len(), 1);
        assert!(matcher.find(&script("我的电话是13812345678"), false).is_empty());
        assert!(matcher.find(&script("订单号12,345,678"), false).is_empty());
    }

    #[test]
    fn a_keyword_is_found_across_a_comma_and_a_filler() {
        let matcher = Matcher::new(vec![word("保本保息")], &[]).expect("one word fits");
        assert_eq!(matcher.find(&script("这个保本，呃，保息"), false).len(), 1);
    }

    #[test]
    fn confusable_words_are_restored_for_expressions() {
        let matcher = Matcher::new(vec![word("占位")], &["保证".to_owned()]).expect("one word fits");
        let mut script = script("我保正收益");
        matcher.restore(&mut script);
        assert_eq!(script.streams[0].text, "我保证收益");
        assert_eq!(script.streams[0].rewritten, [false, false, true, false, false]);
    }

    proptest! {
        #[test]
        fn the_automaton_finds_what_a_naive_search_finds(
            text in "[保本息收益，。]{0,30}",
            keywords in proptest::collection::vec("[保本息收益]{1,3}", 1..8),
        ) {
            let words: Vec<Word> = keywords.iter().map(|keyword| word(keyword)).collect();
            let matcher = Matcher::new(words, &[]).expect("eight words fit");
            let script = script(&text);
            let Some(stream) = script.streams.first() else { return Ok(()) };
            let mut naive = Vec::new();
            for (index, keyword) in keywords.iter().enumerate() {
                let keyword: Vec<char> = keyword.chars().collect();
                for (from, window) in stream.bare_chars.windows(keyword.len()).enumerate() {
                    let (from, to) = (from as u32, (from + keyword.len()) as u32);
                    let parted = stream.strongest_break(from, to) >= Break::Sentence;
                    if window == keyword && (!parted || stands_alone(stream.tokens(), from, to)) {
                        naive.push(RawHit { word: index as u32, stream: 0, from, to, mode: MatchMode::Exact });
                    }
                }
            }
            naive.sort_unstable();
            prop_assert_eq!(matcher.find(&script, false), naive);
        }
    }
}
