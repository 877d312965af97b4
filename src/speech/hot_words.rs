//! Words that the operator expects (product names, cities, terms), put where the recogniser wrote their sounds with
//! other characters.
//!
//! **Invariant**: only characters change, one for one, and only where the recogniser was not sure; times and
//! confidence stay.

use pinyin::ToPinyinMulti;

/// A character this sure is what was said.
const SURE: f32 = 0.95;
/// Words this short must agree in their tones, too: toneless pairs of syllables are shared by too many words.
const SHORT: usize = 2;

/// The words, longest first.
#[derive(Debug, Clone, Default)]
pub(super) struct HotWords {
    words: Vec<Vec<char>>,
}

impl HotWords {
    /// Words of fewer than two Chinese characters, or with others in them, are passed over.
    pub(super) fn new(words: &[String]) -> Self {
        let mut words: Vec<Vec<char>> = words.iter().map(|word| word.trim().chars().collect()).collect();
        words.retain(|word: &Vec<char>| word.len() >= SHORT && word.iter().all(|c| super::words::is_han(*c)));
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        Self { words }
    }

    /// Puts the words into `text`, whose characters have these probabilities.
    pub(super) fn correct(&self, text: &mut [char], probabilities: &[f32]) {
        let mut start = 0;
        while start < text.len() {
            let found = self.words.iter().find(|word| {
                let heard = text.get(start..start + word.len());
                heard.is_some_and(|heard| {
                    let unsure = probabilities.iter().skip(start).take(word.len()).any(|p| *p < SURE);
                    heard == word.as_slice() || (unsure && sounds_like(heard, word))
                })
            });
            if let Some(word) = found {
                text[start..start + word.len()].copy_from_slice(word);
            }
            start += found.map_or(1, Vec::len);
        }
    }
}

fn sounds_like(heard: &[char], word: &[char]) -> bool {
    let with_tone = word.len() <= SHORT;
    heard.iter().zip(word).all(|(heard, meant)| heard == meant || share_a_reading(*heard, *meant, with_tone))
}

fn share_a_reading(a: char, b: char, with_tone: bool) -> bool {
    let (Some(a), Some(b)) = (a.to_pinyin_multi(), b.to_pinyin_multi()) else { return false };
    a.into_iter().any(|a| {
        b.into_iter().any(|b| {
            if with_tone { a.with_tone_num_end() == b.with_tone_num_end() } else { a.plain() == b.plain() }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn correct(words: &[&str], text: &str, probability: f32) -> String {
        let words = HotWords::new(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let mut text: Vec<char> = text.chars().collect();
        let probabilities = vec![probability; text.len()];
        words.correct(&mut text, &probabilities);
        text.into_iter().collect()
    }

    #[test]
    fn a_word_written_by_its_sound_is_put_right() {
        assert_eq!(correct(&["证监会"], "镇间会可以依照规定", 0.6), "镇间会可以依照规定");
        assert_eq!(correct(&["证监会"], "正间会可以依照规定", 0.6), "证监会可以依照规定");
        assert_eq!(correct(&["保证"], "我保正不会", 0.6), "我保证不会");
    }

    #[test]
    fn what_the_recogniser_is_sure_of_stays_and_short_words_need_their_tones() {
        assert_eq!(correct(&["证监会"], "正间会可以", 0.99), "正间会可以");
        assert_eq!(correct(&["利息"], "立系在这里", 0.5), "立系在这里");
        assert_eq!(correct(&["卡", "VIP"], "咔VIP", 0.5), "咔VIP");
    }

    #[test]
    fn the_longest_word_wins() {
        assert_eq!(correct(&["稳健", "稳健一号"], "买稳建一好吧", 0.5), "买稳健一号吧");
    }
}
