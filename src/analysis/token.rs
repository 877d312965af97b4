//! Where Chinese words begin and end, so that a keyword inside other words (投**保本**来) is told from the word itself.
//!
//! Segmentation is jieba's with a domain dictionary and without guessing of unknown words: the same text always
//! gives the same words. Invariant: tokens cover the text in order without gaps.

use std::sync::LazyLock;

use jieba_rs::Jieba;

/// Words of banking that the general dictionary lacks, one a line.
const DOMAIN_WORDS: &str = include_str!("../../models/bank/words.txt");

static JIEBA: LazyLock<Jieba> = LazyLock::new(|| {
    let mut jieba = Jieba::new();
    for word in DOMAIN_WORDS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        jieba.add_word(word, None, None);
    }
    jieba
});

/// A word as a half-open range of character indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Cuts `text` into words.
pub(super) fn cut(text: &str) -> Vec<Token> {
    let index = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
    JIEBA
        .cut(text, false)
        .into_iter()
        .map(|token| Token { from: index(token.start), to: index(token.end) })
        .collect()
}

/// How often the dictionary has seen `word`; 0 when it is no word.
pub(super) fn frequency(word: &str) -> usize {
    if JIEBA.has_word(word) { JIEBA.suggest_freq(word) } else { 0 }
}

/// Whether `word` stands in the dictionary.
pub(super) fn is_word(word: &str) -> bool {
    JIEBA.has_word(word)
}

/// Whether `from..to` stands as words of its own: no token reaches over its start, and none that begins inside
/// reaches over its end. A longer word that begins with it (保本型) counts.
pub(super) fn stands_alone(tokens: &[Token], from: u32, to: u32) -> bool {
    let over_start = covering(tokens, from).is_some_and(|token| token.from < from);
    let over_end =
        to > from && covering(tokens, to - 1).is_some_and(|token| token.to > to && token.from > from);
    !over_start && !over_end
}

/// Whether both ends of `from..to` are word boundaries.
pub(super) fn has_clean_edges(tokens: &[Token], from: u32, to: u32) -> bool {
    let starts = covering(tokens, from).is_none_or(|token| token.from == from);
    let ends = to == from || covering(tokens, to - 1).is_none_or(|token| token.to == to);
    starts && ends
}

fn covering(tokens: &[Token], position: u32) -> Option<Token> {
    let after = tokens.partition_point(|token| token.to <= position);
    tokens.get(after).copied().filter(|token| token.from <= position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(text: &str, word: &str) -> bool {
        let byte = text.find(word).unwrap_or_default();
        let from = text.get(..byte).map_or(0, |before| before.chars().count()) as u32;
        stands_alone(&cut(text), from, from + word.chars().count() as u32)
    }

    #[test]
    fn a_keyword_inside_other_words_does_not_stand_alone() {
        assert!(alone("这款产品保本", "保本"));
        assert!(alone("我们承诺保本保息", "保本"));
        assert!(!alone("您投保本来就是自愿的", "保本"));
        assert!(!alone("上下班时间", "下班"));
    }

    #[test]
    fn tokens_cover_the_text() {
        let text = "您好请问有什么可以帮您";
        let tokens = cut(text);
        assert_eq!(tokens.first().map(|token| token.from), Some(0));
        assert_eq!(tokens.last().map(|token| token.to), Some(text.chars().count() as u32));
        assert!(tokens.windows(2).all(|pair| pair[0].to == pair[1].from));
    }
}
