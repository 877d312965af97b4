//! Text to the pieces by which a search finds it, and a search word to the pieces that stand for it.
//!
//! A text is a row of units: a Chinese character each, or a run of letters or digits. What the recogniser adds as it
//! likes (punctuation, fillers, the script, the case, the form of digits) is folded away as for rules. A text's pieces
//! are every word of jieba's dictionary that stands anywhere in it, however the sentence would be cut, and every two
//! neighbours. So a word of the dictionary is one piece, and any other string is a few that overlap or touch: what is
//! found never depends on where jieba would cut. Cutting by context misses 还款 in 提前还款 on one day and not on another.
//!
//! **Invariant**: a text has all pieces of [`cover`] of some units at the right places exactly if it holds those units in
//! a row.

use super::normalize::{is_bare, normalize};
use super::token;

/// Most units of a dictionary word that is a piece of its own.
const MAX_WORD_UNITS: usize = 6;

/// A Chinese character, or a run of letters or digits, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// As it is compared: simplified, lower case.
    pub text: String,
    /// Whether it is one Chinese character.
    pub is_chinese: bool,
    /// First character of the text.
    pub from: u32,
    /// First character after.
    pub to: u32,
}

/// A piece and the unit that it begins with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// Its place among the units, from 0.
    pub at: usize,
    /// What is looked up.
    pub text: String,
}

/// The units of a text.
#[must_use]
pub fn units(text: &str) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut may_grow = false;
    for normal in normalize(text) {
        let char = normal.char;
        if !is_bare(char) || !char.is_alphanumeric() {
            may_grow = false;
            continue;
        }
        let (from, to) = (normal.origin, normal.origin.saturating_add(1));
        let is_chinese =
            matches!(char, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}');
        match units.last_mut().filter(|_| may_grow && !is_chinese) {
            Some(last) if last.is_chinese => {
                units.push(Unit { text: char.to_string(), is_chinese, from, to })
            }
            Some(last) => {
                last.text.push(char);
                last.to = last.to.max(to);
            }
            None => units.push(Unit { text: char.to_string(), is_chinese, from, to }),
        }
        may_grow = !is_chinese;
    }
    units
}

/// Every piece of a text but its single characters, by place.
#[must_use]
pub fn pieces(units: &[Unit]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(units.len() * 2);
    for (at, unit) in units.iter().enumerate() {
        let rest = units.get(at..).unwrap_or_default();
        if !unit.is_chinese {
            pieces.push(Piece { at, text: unit.text.clone() });
        }
        if let [first, second, ..] = rest {
            pieces.push(Piece { at, text: pair(first, second) });
        }
        let mut word = unit.text.clone();
        for (index, next) in rest.iter().enumerate().take(MAX_WORD_UNITS).skip(1) {
            if !(unit.is_chinese && next.is_chinese) {
                break;
            }
            word.push_str(&next.text);
            if index > 1 && token::is_word(&word) {
                pieces.push(Piece { at, text: word.clone() });
            }
        }
    }
    pieces
}

/// The fewest pieces that stand for all of `units` in a row, by place. One unit alone is a piece of its own.
#[must_use]
pub fn cover(units: &[Unit]) -> Vec<Piece> {
    if let [only] = units {
        return vec![Piece { at: 0, text: only.text.clone() }];
    }
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < units.len() {
        let rest = units.get(at..).unwrap_or_default();
        let word = (3..=MAX_WORD_UNITS.min(rest.len())).rev().find_map(|length| {
            let word = rest.get(..length)?;
            let text: String = word.iter().map(|unit| unit.text.as_str()).collect();
            (word.iter().all(|unit| unit.is_chinese) && token::is_word(&text)).then_some((length, text))
        });
        match (word, rest) {
            (Some((length, text)), _) => {
                pieces.push(Piece { at, text });
                at += length;
            }
            (None, [first, second, ..]) => {
                pieces.push(Piece { at, text: pair(first, second) });
                at += 2;
            }
            (None, _) => {
                // The last unit alone: with the one before it.
                if let Some([first, second]) = at.checked_sub(1).and_then(|before| units.get(before..=at)) {
                    pieces.push(Piece { at: at - 1, text: pair(first, second) });
                }
                at += 1;
            }
        }
    }
    pieces
}

/// Where `wanted` stands in `units`, as half-open ranges of characters of the text, in order, none over another.
#[must_use]
pub fn places(units: &[Unit], wanted: &[Unit]) -> Vec<(u32, u32)> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(window) = units.get(at..at + wanted.len()).filter(|window| !window.is_empty()) {
        let is_same = window.iter().zip(wanted).all(|(unit, wanted)| unit.text == wanted.text);
        if let (true, [first, .., last] | [first @ last]) = (is_same, window) {
            places.push((first.from, last.to));
            at += wanted.len();
        } else {
            at += 1;
        }
    }
    places
}

/// Two neighbours as one text. A space keeps 3 and 5 apart from 35.
fn pair(first: &Unit, second: &Unit) -> String {
    if first.is_chinese && second.is_chinese {
        format!("{}{}", first.text, second.text)
    } else {
        format!("{} {}", first.text, second.text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn texts(units: &[Unit]) -> Vec<&str> {
        units.iter().map(|unit| unit.text.as_str()).collect()
    }

    /// Whether a text is found by the pieces of a search, as an index would.
    fn is_found(text: &str, wanted: &str) -> bool {
        let (units, wanted) = (units(text), units(wanted));
        let mut known: BTreeSet<Piece> = pieces(&units).into_iter().collect();
        known.extend(units.iter().enumerate().map(|(at, unit)| Piece { at, text: unit.text.clone() }));
        let cover = cover(&wanted);
        (0..units.len()).any(|start| {
            cover
                .iter()
                .all(|piece| known.contains(&Piece { at: start + piece.at, text: piece.text.clone() }))
        })
    }

    #[test]
    fn what_the_recogniser_adds_is_folded_away() {
        assert_eq!(texts(&units("我要，提前还款。")), ["我", "要", "提", "前", "还", "款"]);
        assert_eq!(texts(&units("辦ETC 卡")), ["办", "etc", "卡"]);
        assert_eq!(texts(&units("尾号幺二三七")), ["尾", "号", "1237"]);
        assert_eq!(texts(&units("3.5%")), ["3", "5"]);
        assert_eq!(texts(&units("VIP客户95588")), ["vip", "客", "户", "95588"]);
    }

    #[test]
    fn a_part_of_a_word_is_found_wherever_jieba_would_cut() {
        for wanted in ["提前还款", "前还", "提前", "还款", "款", "我要提前还款", "前还款"]
        {
            assert!(is_found("我要提前还款行吗", wanted), "{wanted}");
        }
        for wanted in ["还提前", "提还", "款我", "还款后"] {
            assert!(!is_found("我要提前还款行吗", wanted), "{wanted}");
        }
        assert!(is_found("尾号是 1237", "1237") && !is_found("尾号是 1237", "123"));
        assert!(is_found("提前，嗯，还款", "提前还款"));
    }

    #[test]
    fn places_are_those_of_the_stored_text() {
        let text = "您好，提前 还款可以，提前还款。";
        let found = places(&units(text), &units("提前还款"));
        let chars: Vec<char> = text.chars().collect();
        let found: Vec<String> =
            found.iter().map(|(from, to)| chars[*from as usize..*to as usize].iter().collect()).collect();
        assert_eq!(found, ["提前 还款", "提前还款"]);
        assert!(places(&units(text), &[]).is_empty());
    }

    proptest! {
        #[test]
        fn found_is_what_stands_there(text in "[提前还款保本息a1 ，]{0,16}", wanted in "[提前还款保本息a1]{1,5}") {
            let (all, some) = (units(&text), units(&wanted));
            prop_assume!(!some.is_empty());
            let is_there = all.windows(some.len()).any(|window| texts(window) == texts(&some));
            prop_assert_eq!(is_found(&text, &wanted), is_there);
            prop_assert_eq!(!places(&all, &some).is_empty(), is_there);
        }
    }
}
