//! What characters sound like: syllables with tone, without, and folded by what recognisers confuse.
//!
//! Invariant: two readings that are equal with tone are equal without, and equal folded.

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::ToPinyinMulti;

use super::operator::Tolerance;

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
    /// Toneless syllables by the number in [`Reading::plain`].
    syllables: HashMap<u16, String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut names = HashMap::new();
    let mut number = |text: String| {
        let next = names.len();
        // There are about 1,600 toned syllables in all.
        *names.entry(text).or_insert(u16::try_from(next).unwrap_or(u16::MAX))
    };
    let mut readings = Vec::new();
    let mut syllables = HashMap::new();
    let mut starts = vec![0];
    for code in FIRST_HAN..=LAST_HAN {
        let multi = char::from_u32(code).and_then(|char| char.to_pinyin_multi());
        for pinyin in multi.into_iter().flatten().take(MAX_READINGS) {
            let plain = pinyin.plain();
            let reading = Reading {
                tone: number(format!("t{}", pinyin.with_tone_num_end())),
                plain: number(format!("p{plain}")),
                folded: number(format!("f{}", fold(plain))),
            };
            syllables.entry(reading.plain).or_insert_with(|| plain.to_owned());
            readings.push(reading);
        }
        starts.push(u32::try_from(readings.len()).unwrap_or(u32::MAX));
    }
    Table { readings, starts, syllables }
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

/// What it took to read one character as the other: `同音` for the same syllable, `声调` where only the tone differs,
/// else the pairs that are confused (`n/l`, `in/ing`). Nothing for the same character or for what does not sound alike.
pub(super) fn tolerances(left: char, right: char) -> Vec<&'static str> {
    if left == right {
        return Vec::new();
    }
    let mut best: Option<Vec<&'static str>> = None;
    for one in readings(left) {
        for other in readings(right) {
            let found = if one.tone == other.tone {
                vec!["同音"]
            } else if one.plain == other.plain {
                vec!["声调"]
            } else if one.folded == other.folded {
                let syllable =
                    |reading: &Reading| TABLE.syllables.get(&reading.plain).map_or("", String::as_str);
                confusions(syllable(one), syllable(other))
            } else {
                continue;
            };
            let worth = |list: &Vec<&str>| {
                (list.len(), usize::from(!matches!(list.first(), Some(&"同音" | &"声调"))))
            };
            if best.as_ref().is_none_or(|known| worth(&found) < worth(known)) {
                best = Some(found);
            }
        }
    }
    best.unwrap_or_default()
}

/// The confused pairs that tell two syllables of one folded form apart.
fn confusions(left: &str, right: &str) -> Vec<&'static str> {
    const INITIALS: [(&str, &str, &str); 6] = [
        ("zh", "z", "zh/z"),
        ("ch", "c", "ch/c"),
        ("sh", "s", "sh/s"),
        ("n", "l", "n/l"),
        ("r", "l", "r/l"),
        ("n", "r", "n/r"),
    ];
    const FINALS: [(&str, &str, &str); 3] =
        [("ing", "in", "in/ing"), ("eng", "en", "en/eng"), ("ang", "an", "an/ang")];
    let mut found = Vec::new();
    let starts = |text: &str, initial: &str| match initial {
        "z" | "c" | "s" => {
            text.starts_with(initial) && !text.get(1..).is_some_and(|rest| rest.starts_with('h'))
        }
        _ => text.starts_with(initial),
    };
    for (one, other, name) in INITIALS {
        if (starts(left, one) && starts(right, other)) || (starts(left, other) && starts(right, one)) {
            found.push(name);
        }
    }
    if left.starts_with("hu") && right.starts_with('f') || left.starts_with('f') && right.starts_with("hu") {
        found.push("hu/f");
    }
    let ends = |text: &str, ending: &str, nasal: bool| text.ends_with(ending) && text.ends_with('g') == nasal;
    for (open, closed, name) in FINALS {
        let pair = |one: &str, other: &str| ends(one, open, true) && ends(other, closed, false);
        if pair(left, right) || pair(right, left) {
            found.push(name);
        }
    }
    found
}

/// A character's sound for comparing sentences: the folded form of its most frequent reading.
pub(super) fn first_sound(char: char) -> Option<u16> {
    readings(char).first().map(|reading| reading.folded)
}

/// The syllable with the pairs that recognisers confuse made one.
fn fold(plain: &str) -> String {
    let (initial, rest) = if let Some(rest) = plain.strip_prefix("zh") {
        ("z", rest)
    } else if let Some(rest) = plain.strip_prefix("ch") {
        ("c", rest)
    } else if let Some(rest) = plain.strip_prefix("sh") {
        ("s", rest)
    } else if let Some(rest) = plain.strip_prefix(['n', 'r']) {
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
    fn what_it_took_is_told() {
        for (left, right, wanted) in [
            ('证', '正', "同音"),
            ('利', '犁', "声调"),
            ('南', '蓝', "n/l"),
            ('知', '资', "zh/z"),
            ('音', '英', "in/ing"),
            ('回', '飞', "hu/f"),
            ('然', '兰', "r/l"),
        ] {
            assert_eq!(tolerances(left, right), [wanted], "{left} {right}");
        }
        assert_eq!(tolerances('身', '生'), ["en/eng"]);
        assert_eq!(tolerances('神', '僧'), ["sh/s", "en/eng"]);
        assert!(tolerances('保', '本').is_empty());
    }

    #[test]
    fn every_reading_of_a_character_counts() {
        assert!(alike('行', '航', Tolerance::Tone));
        assert!(alike('行', '形', Tolerance::Tone));
        assert!(readings('a').is_empty());
    }
}
