//! What a customer says to pieces that can be counted: runs of jieba's words without marks, masked text and digits.
//!
//! **Invariant**: no piece holds a masked character, a digit or a mark.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::analysis::text;

/// Words that say nothing about what a call is about.
static STOP_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("../../models/bank/stop_words.txt").lines();
    lines.filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
});

/// Most pieces of one turn that are counted: nobody says more at once that a list of words would gain from.
const MAX_PIECES: usize = 2_000;

/// Stretches of pieces that stand together in `turn`.
pub(super) fn runs(turn: &str) -> Vec<Vec<String>> {
    runs_of(&text::plain(turn))
}

/// The same of a turn that is plain already.
pub(super) fn runs_of(plain: &str) -> Vec<Vec<String>> {
    let mut room = MAX_PIECES;
    let mut runs = Vec::new();
    for part in plain.split(|char: char| !counts(char)) {
        let mut run = Vec::new();
        for piece in text::words(part) {
            if room == 0 {
                break;
            }
            room -= 1;
            run.push(piece.to_owned());
        }
        if !run.is_empty() {
            runs.push(run);
        }
    }
    runs
}

fn counts(char: char) -> bool {
    char.is_alphabetic()
}

/// Whether a piece may be counted as a word.
pub(super) fn is_content(piece: &str) -> bool {
    piece.chars().nth(1).is_some() && !is_stop(piece)
}

/// Whether a piece says nothing.
pub(super) fn is_stop(piece: &str) -> bool {
    STOP_WORDS.contains(piece)
}

/// The content words of a text, in order.
pub(super) fn content_words(turn: &str) -> Vec<String> {
    runs(turn).into_iter().flatten().filter(|piece| is_content(piece)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_text_digits_and_marks_part_runs() {
        let runs = runs("我的信用卡****1234，额度不够");
        assert_eq!(runs.len(), 2, "{runs:?}");
        assert!(runs.iter().flatten().all(|piece| !piece.contains(['*', '1', '，'])));
        assert!(is_content("信用卡") && !is_content("请问") && !is_content("我"));
    }
}
