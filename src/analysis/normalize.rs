//! Turns stored text into the copy that rules match on, with the way back to the stored characters.
//!
//! NFKC, lower case, simplified script, white space out, spoken digits as digits (幺二三七八 → 12378), punctuation
//! reduced to ，。？！. Never changes the stored text. Invariant: origins never decrease and point into the text.

use std::sync::LazyLock;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use unicode_normalization::UnicodeNormalization;

static SIMPLIFIED: LazyLock<OpenCC> = LazyLock::new(|| {
    OpenCC::from_config(BuiltinConfig::T2s).expect("the built-in conversion tables are part of the binary")
});

/// Fewer spoken digits in a row than this are counting words (三四五天), not a number that is read out.
const MIN_DIGIT_RUN: usize = 3;

/// One character of the copy and the index of the stored character it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Normal {
    pub(super) char: char,
    pub(super) origin: u32,
}

/// The copy of `text` that expressions run over: with punctuation.
pub(super) fn normalize(text: &str) -> Vec<Normal> {
    let simplified = simplify(text);
    let mut copy: Vec<Normal> = Vec::with_capacity(simplified.len());
    for (index, char) in simplified.into_iter().enumerate() {
        // A turn of 4 billion characters would not have fitted in memory before.
        let origin = u32::try_from(index).unwrap_or(u32::MAX);
        for part in std::iter::once(char).nfkc().flat_map(char::to_lowercase) {
            if let Some(char) = reduce(part) {
                copy.push(Normal { char, origin });
            }
        }
    }
    clean_marks(&mut copy);
    read_digits(&mut copy);
    copy
}

/// The characters of `text` that keywords are made of: no punctuation, no fillers.
pub(super) fn bare(text: &str) -> Vec<char> {
    normalize(text).into_iter().map(|normal| normal.char).filter(|char| is_bare(*char)).collect()
}

/// Whether a character of the copy takes part in keyword matching.
pub(super) fn is_bare(char: char) -> bool {
    !is_mark(char) && !matches!(char, '呃' | '嗯' | '唔')
}

/// Whether a character of the copy is punctuation.
pub(super) fn is_mark(char: char) -> bool {
    matches!(char, '，' | '。' | '？' | '！')
}

/// Whether a character of the copy ends a sentence.
pub(super) fn ends_sentence(char: char) -> bool {
    matches!(char, '。' | '？' | '！')
}

/// Simplified characters, one for each of `text`.
fn simplify(text: &str) -> Vec<char> {
    let original: Vec<char> = text.chars().collect();
    if original.iter().all(|char| is_simplified(*char)) {
        return original;
    }
    let converted: Vec<char> = SIMPLIFIED.convert(text).chars().collect();
    if converted.len() == original.len() {
        return converted;
    }
    // A phrase that changes its length would break the way back, so such a text is converted character by character.
    original
        .into_iter()
        .map(|char| {
            let mut single = [0; 4];
            SIMPLIFIED.convert(char.encode_utf8(&mut single)).chars().next().unwrap_or(char)
        })
        .collect()
}

/// Characters that the dictionary changes in phrases only: 瞭解, 藉口, 答覆.
const CHANGED_IN_PHRASES: &str = "沈牴瞭藉衹覆";

/// Whether the dictionary leaves this character as it is, alone and in every phrase. Most texts are of such characters
/// only and need not be looked up, which takes a fifth of the time of judging a call otherwise.
fn is_simplified(char: char) -> bool {
    /// A bit for each character of the basic plane, set where it is changed.
    static CHANGED: LazyLock<Vec<u64>> = LazyLock::new(|| {
        let mut changed = vec![0_u64; 1 << 10];
        for char in (0..=0xFFFF).filter_map(char::from_u32) {
            let mut single = [0; 4];
            let single = char.encode_utf8(&mut single);
            if (CHANGED_IN_PHRASES.contains(&*single) || SIMPLIFIED.convert(single) != *single)
                && let Some(bits) = changed.get_mut(char as usize / 64)
            {
                *bits |= 1 << (char as usize % 64);
            }
        }
        changed
    });
    let index = char as usize;
    CHANGED.get(index / 64).is_some_and(|bits| bits & (1 << (index % 64)) == 0)
}

/// The one form of each mark; `None` for what is dropped.
fn reduce(char: char) -> Option<char> {
    match char {
        ',' | ';' | ':' | '、' | '，' | '/' | '…' | '—' | '~' | '～' => Some('，'),
        '。' | '｡' => Some('。'),
        '?' | '？' => Some('？'),
        '!' | '！' => Some('！'),
        // Between digits a point stays and a hyphen goes; elsewhere they end or part. See `clean_marks`.
        '.' | '-' | '%' | '+' | '@' | '&' | '_' => Some(char),
        // Asked for first because it is what nearly all are, and the general question is slow.
        '\u{4E00}'..='\u{9FFF}' => Some(char),
        _ if char.is_alphanumeric() => Some(char),
        _ => None,
    }
}

/// Settles points and hyphens by their neighbours.
fn clean_marks(copy: &mut Vec<Normal>) {
    let digit_at = |copy: &[Normal], index: Option<usize>| {
        index.and_then(|index| copy.get(index)).is_some_and(|normal| normal.char.is_ascii_digit())
    };
    let mut keep = Vec::with_capacity(copy.len());
    for (index, normal) in copy.iter().enumerate() {
        let between = digit_at(copy, index.checked_sub(1)) && digit_at(copy, Some(index + 1));
        let char = match normal.char {
            '.' if between => Some('.'),
            '.' => Some('。'),
            '-' if between => None,
            '-' => Some('，'),
            other => Some(other),
        };
        keep.extend(char.map(|char| Normal { char, origin: normal.origin }));
    }
    *copy = keep;
}

/// Writes runs of spoken digits as digits, one for one.
fn read_digits(copy: &mut [Normal]) {
    let mut start = 0;
    while start < copy.len() {
        let run = copy
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(|normal| digit(normal.char).is_some())
            .count();
        if run >= MIN_DIGIT_RUN {
            for normal in copy.iter_mut().skip(start).take(run) {
                normal.char = digit(normal.char).unwrap_or(normal.char);
            }
        }
        start += run.max(1);
    }
}

fn digit(char: char) -> Option<char> {
    Some(match char {
        '0'..='9' => char,
        '零' | '〇' => '0',
        '一' | '幺' => '1',
        '二' => '2',
        '三' => '3',
        '四' => '4',
        '五' => '5',
        '六' => '6',
        '七' => '7',
        '八' => '8',
        '九' => '9',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn copy(text: &str) -> String {
        normalize(text).iter().map(|normal| normal.char).collect()
    }

    #[test]
    fn traditional_phrases_are_found_among_simplified_text() {
        for (text, simple) in [
            ("我瞭解", "我了解"),
            ("找藉口", "找借口"),
            ("請答覆", "请答复"),
            ("覆盖", "覆盖"),
            ("沈默", "沉默"),
            ("明瞭", "明了"),
        ] {
            assert_eq!(copy(text), simple);
        }
    }

    #[test]
    fn width_case_script_space_and_marks_are_made_one() {
        assert_eq!(copy("ＱＱ 資金安全、保本；保息!"), "qq资金安全，保本，保息！");
        assert_eq!(copy("收益 3.5% ... 是的."), "收益3.5%。。。是的。");
        assert_eq!(copy("“保本”"), "保本");
    }

    #[test]
    fn numbers_that_are_read_out_become_digits_and_counting_words_stay() {
        assert_eq!(copy("打幺二三七八"), "打12378");
        assert_eq!(copy("138-1234-5678"), "13812345678");
        assert_eq!(copy("三五天，一二百"), "三五天，一二百");
    }

    #[test]
    fn bare_text_has_neither_marks_nor_fillers() {
        assert_eq!(bare("保，呃，本！").into_iter().collect::<String>(), "保本");
        assert!(bare("……").is_empty());
    }

    proptest! {
        #[test]
        fn what_need_not_be_looked_up_would_not_be_changed(text in "[一-龥瞭藉覆沈牴衹解口默牾助]{1,12}") {
            let chars: Vec<char> = text.chars().collect();
            if chars.iter().all(|char| is_simplified(*char)) {
                prop_assert_eq!(SIMPLIFIED.convert(&text), text);
            }
        }

        #[test]
        fn origins_point_into_the_text_and_never_go_back(text in "\\PC{0,40}") {
            let length = text.chars().count();
            let copy = normalize(&text);
            prop_assert!(copy.iter().all(|normal| (normal.origin as usize) < length));
            prop_assert!(copy.windows(2).all(|pair| pair[0].origin <= pair[1].origin));
        }

        #[test]
        fn a_plain_character_survives_at_its_place(text in "[a-z保本理财收益]{0,40}") {
            let back: String = normalize(&text)
                .iter()
                .map(|normal| text.chars().nth(normal.origin as usize).unwrap_or('?'))
                .collect();
            prop_assert_eq!(back, text);
        }

        #[test]
        fn normalising_twice_changes_nothing(text in "[a-zA-Z0-9保本理財，。 ,.!?-]{0,40}") {
            let once = copy(&text);
            prop_assert_eq!(copy(&once), once);
        }
    }
}
