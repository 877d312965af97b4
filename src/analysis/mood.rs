//! Tells the mood of a sentence by a lexicon: positive, negative, or neither.
//!
//! The weights of its words add up, longest words first; a negation directly before a word turns it around and halves it
//! (不满意), 很 or 太 before it makes it half as strong again. A lexicon can be read and argued with, and the same sentence
//! always gets the same mood; irony it does not hear. Pure.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// Weight, then words of it, line by line.
const LEXICON: &str = include_str!("../../models/bank/mood.txt");

/// A sentence is in a mood from this sum on.
const THRESHOLD: f64 = 0.9;

/// What a word weighs behind a negation.
const DENIED: f64 = -0.5;

/// What a word weighs behind 很 or 太.
const STRONG: f64 = 1.5;

struct Lexicon {
    automaton: AhoCorasick,
    weights: Vec<f64>,
}

static WORDS: LazyLock<Lexicon> = LazyLock::new(|| {
    let (mut words, mut weights) = (Vec::new(), Vec::new());
    for line in LEXICON.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split_whitespace();
        let Some(weight) = parts.next().and_then(|weight| weight.parse::<f64>().ok()) else { continue };
        for word in parts {
            words.push(word);
            weights.push(weight);
        }
    }
    let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&words);
    Lexicon { automaton: automaton.expect("the lexicon is part of the binary and small"), weights }
});

/// The mood of a person at one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Negative,
    Neutral,
    Positive,
}

/// The sum of the weights in normalised text.
pub(super) fn weigh(text: &str) -> f64 {
    let lexicon = &*WORDS;
    lexicon
        .automaton
        .find_iter(text)
        .map(|found| {
            let weight = lexicon.weights.get(found.pattern().as_usize()).copied().unwrap_or(0.0);
            let before = text.get(..found.start()).unwrap_or("");
            if before.ends_with(['不', '没', '别']) || before.ends_with("没有") {
                weight * DENIED
            } else if before.ends_with(['很', '太', '真'])
                || before.ends_with("非常")
                || before.ends_with("特别")
            {
                weight * STRONG
            } else {
                weight
            }
        })
        .sum()
}

/// The mood of normalised text.
pub(super) fn of(text: &str) -> Mood {
    match weigh(text) {
        sum if sum <= -THRESHOLD => Mood::Negative,
        sum if sum >= THRESHOLD => Mood::Positive,
        _ => Mood::Neutral,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moods_are_told() {
        for text in ["你们什么态度", "气死我了", "太慢了", "我不满意", "一直没解决", "我非常生气"]
        {
            assert_eq!(of(text), Mood::Negative, "{text}");
        }
        for text in ["好的谢谢", "我很满意", "太好了"] {
            assert_eq!(of(text), Mood::Positive, "{text}");
        }
        for text in ["我查一下账单", "", "卡号后四位是1234"] {
            assert_eq!(of(text), Mood::Neutral, "{text}");
        }
    }

    /// Every word at every place, longest first from the left, without an automaton.
    fn naive(text: &str) -> f64 {
        let words: Vec<(&str, f64)> = LEXICON
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| {
                let mut parts = line.split_whitespace();
                let weight: f64 = parts.next().and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
                parts.map(move |word| (word, weight)).collect::<Vec<_>>()
            })
            .collect();
        let (mut at, mut sum) = (0, 0.0);
        while at < text.len() {
            let rest = text.get(at..).expect("it stands between two characters");
            let longest =
                words.iter().filter(|(word, _)| rest.starts_with(word)).max_by_key(|(word, _)| word.len());
            let Some((word, weight)) = longest else {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            let before = text.get(..at).expect("it stands between two characters");
            let denied = ["不", "没", "别", "没有"].iter().any(|negation| before.ends_with(negation));
            let strong = ["很", "太", "真", "非常", "特别"].iter().any(|degree| before.ends_with(degree));
            sum += if denied {
                -0.5 * weight
            } else if strong {
                1.5 * weight
            } else {
                *weight
            };
            at += word.len();
        }
        sum
    }

    proptest! {
        #[test]
        fn the_automaton_weighs_what_a_naive_search_weighs(
            parts in proptest::collection::vec(
                prop_oneof![Just("不"), Just("满意"), Just("很"), Just("生气"), Just("太慢"), Just("没有"), Just("解决"),
                            Just("谢谢"), Just("您"), Just("投诉"), Just("气死"), Just("我")], 0..10),
        ) {
            let text = parts.concat();
            prop_assert!((weigh(&text) - naive(&text)).abs() < 1e-9, "{text}");
        }
    }
}
