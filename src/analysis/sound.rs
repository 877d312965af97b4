//! What characters sound like: syllables with tone, without, and folded by what recognisers confuse.
//!
//! Invariant: two readings that are equal with tone are equal without, and equal folded.

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::ToPinyinMulti;

use super::rule::Tolerance;

/// Readings kept per character. More are rare or literary and only make false alarms.
const MAX_READINGS: usize = 3;

const FIRST_HAN: u32 = 0x4E00;
const LAST_HAN: u32 = 0x9FFF;

/// One way to read a character; each number names a syllable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    tone: u16,
    plain: u16,
    folded: u16,
}

impl Reading {
    pub(super) fn folded(self) -> u16 {
        self.folded
    }

    fn alike(self, other: Self, tolerance: Tolerance) -> bool {
        match tolerance {
            Tolerance::Exact => false,
            Tolerance::Tone => self.tone == other.tone,
            Tolerance::Syllable => self.plain == other.plain,
            Tolerance::Folded => self.folded == other.folded,
        }
    }
}

struct Table {
    readings: Vec<Reading>,
    /// Where the readings of a character begin, from U+4E00 on; one more entry than characters.
    starts: Vec<u32>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut names = HashMap::new();
    let mut number = |text: String| {
        let next = names.len();
        // There are about 1,600 toned syllables in all.
        *names.entry(text).or_insert(u16::try_from(next).unwrap_or(u16::MAX))
    };
    let mut readings = Vec::new();
    let mut starts = vec![0];
    for code in FIRST_HAN..=LAST_HAN {
        let multi = char::from_u32(code).and_then(|char| char.to_pinyin_multi());
        for pinyin in multi.into_iter().flatten().take(MAX_READINGS) {
            let plain = pinyin.plain();
            readings.push(Reading {
                tone: number(format!("t{}", pinyin.with_tone_num_end())),
                plain: number(format!("p{plain}")),
                folded: number(format!("f{}", fold(plain))),
            });
        }
        starts.push(u32::try_from(readings.len()).unwrap_or(u32::MAX));
    }
    Table { readings, starts }
});

/// How a character can be read; empty for what is not Chinese.
pub(super) fn readings(char: char) -> &'static [Reading] {
    let Some(index) = u32::from(char).checked_sub(FIRST_HAN).map(|index| index as usize) else { return &[] };
    let (Some(from), Some(to)) = (TABLE.starts.get(index), TABLE.starts.get(index + 1)) else { return &[] };
    TABLE.readings.get(*from as usize..*to as usize).unwrap_or_default()
}

/// Whether two characters can sound alike.
pub(super) fn alike(left: char, right: char, tolerance: Tolerance) -> bool {
    left == right
        || readings(left).iter().any(|one| readings(right).iter().any(|other| one.alike(*other, tolerance)))
}

/// The syllable with the pairs that recognisers confuse made one.
fn fold(plain: &str) -> String {
    let (initial, rest) = if let Some(rest) = plain.strip_prefix("zh") {
        ("z", rest)
    } else if let Some(rest) = plain.strip_prefix("ch") {
        ("c", rest)
    } else if let Some(rest) = plain.strip_prefix("sh") {
        ("s", rest)
    } else if let Some(rest) = plain.strip_prefix('n') {
        ("l", rest)
    } else if let Some(rest) = plain.strip_prefix("hu") {
        // hui/fei and hun/fen differ in the written vowel as well.
        match rest {
            "i" => ("f", "ei"),
            "n" => ("f", "en"),
            "" => ("f", "u"),
            other => ("f", other),
        }
    } else {
        ("", plain)
    };
    let rest = match rest.strip_suffix('g') {
        Some(open) if open.ends_with("in") || open.ends_with("en") || open.ends_with("an") => open,
        Some(_) | None => rest,
    };
    format!("{initial}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recognisers_spellings_sound_like_the_words_meant() {
        for (meant, written) in [("保证", "保正"), ("利息", "犁息"), ("本金", "笨金")] {
            for (left, right) in meant.chars().zip(written.chars()) {
                assert!(alike(left, right, Tolerance::Syllable), "{left} {right}");
            }
        }
        assert!(!alike('保', '本', Tolerance::Folded));
    }

    #[test]
    fn folding_joins_only_the_pairs_that_are_confused() {
        for (left, right) in [("zhi", "zi"), ("nan", "lan"), ("xing", "xin"), ("huan", "fan"), ("hui", "fei")]
        {
            assert_eq!(fold(left), fold(right), "{left} {right}");
        }
        for (left, right) in [("bao", "biao"), ("gong", "gon"), ("he", "fe"), ("lin", "lan")] {
            assert_ne!(fold(left), fold(right), "{left} {right}");
        }
    }

    #[test]
    fn every_reading_of_a_character_counts() {
        assert!(alike('行', '航', Tolerance::Tone));
        assert!(alike('行', '形', Tolerance::Tone));
        assert!(readings('a').is_empty());
    }
}
