//! A made-up call on its way: turns, what is planted in them, and how people read numbers out.

use super::random::Random;
use crate::types::SpeakerRole;

/// A planted item: its kind and every character that says it.
#[derive(Debug, Clone)]
pub(super) struct Planted {
    /// Kind, by the name that the configuration has for it.
    pub(super) kind: &'static str,
    /// How it is said, for the list of misses.
    pub(super) style: &'static str,
    /// Turn, character, and whether that must be hidden.
    pub(super) chars: Vec<(usize, usize, bool)>,
}

/// A made-up call.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub(super) turns: Vec<(SpeakerRole, String)>,
    pub(super) planted: Vec<Planted>,
    /// Turn and character of what looks like it and must stay.
    pub(super) decoys: Vec<(usize, usize)>,
}

/// A stretch of text: plain, a decoy, or part of an item.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Nothing of interest.
    Text(String),
    /// Must stay.
    Decoy(String),
    /// Characters of an item, each with whether it must be hidden; absent for what stands between.
    Item(usize, Vec<(char, Option<bool>)>),
}

pub(super) fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

impl Scene {
    /// A new item.
    pub(super) fn plant(&mut self, kind: &'static str, style: &'static str) -> usize {
        self.planted.push(Planted { kind, style, chars: Vec::new() });
        self.planted.len() - 1
    }

    pub(super) fn agent(&mut self, parts: &[Part]) {
        self.say(SpeakerRole::Agent, parts);
    }

    pub(super) fn customer(&mut self, parts: &[Part]) {
        self.say(SpeakerRole::Customer, parts);
    }

    fn say(&mut self, role: SpeakerRole, parts: &[Part]) {
        let turn = self.turns.len();
        let (mut said, mut num_chars) = (String::new(), 0);
        for part in parts {
            match part {
                Part::Text(text) => {
                    said.push_str(text);
                    num_chars += text.chars().count();
                }
                Part::Decoy(text) => {
                    for char in text.chars() {
                        said.push(char);
                        self.decoys.push((turn, num_chars));
                        num_chars += 1;
                    }
                }
                Part::Item(item, chars) => {
                    for (char, hide) in chars {
                        said.push(*char);
                        if let (Some(hide), Some(planted)) = (hide, self.planted.get_mut(*item)) {
                            planted.chars.push((turn, num_chars, *hide));
                        }
                        num_chars += 1;
                    }
                }
            }
        }
        self.turns.push((role, said));
    }
}

/// A word of an item: all of it hidden, or all of it shown.
pub(super) fn word(item: usize, text: &str, hide: bool) -> Part {
    Part::Item(item, text.chars().map(|char| (char, Some(hide))).collect())
}

/// How a number is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// 138
    Written,
    /// 幺三八
    Spoken,
    /// 一三八
    SpokenOne,
    /// 幺三八, 洞, 拐, 勾
    Radio,
    /// Either, changing on the way, as recognisers write.
    Mixed,
}

/// A number that is read out: digits, what of it must be hidden, and how it is said.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) item: usize,
    pub(super) digits: Vec<u8>,
    /// How many stay at the front and at the back.
    pub(super) keep: (usize, usize),
    pub(super) voice: Voice,
}

impl Reading {
    /// Digits `from..to`, without a pause.
    pub(super) fn piece(&self, from: usize, to: usize, random: &mut Random) -> Part {
        let mut chars = Vec::new();
        let mut spoken = random.chance(50);
        for index in from..to.min(self.digits.len()) {
            let digit = self.digits[index];
            let hide = index >= self.keep.0 && index + self.keep.1 < self.digits.len();
            if self.voice == Voice::Mixed && random.chance(25) {
                spoken = !spoken;
            }
            chars.push((self.say(digit, spoken, random), Some(hide)));
        }
        Part::Item(self.item, chars)
    }

    fn say(&self, digit: u8, spoken: bool, random: &mut Random) -> char {
        const HAN: [char; 11] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九', 'X'];
        const WRITTEN: [char; 11] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'X'];
        let at = |table: &[char]| table.get(usize::from(digit)).copied().unwrap_or('0');
        match (self.voice, digit) {
            (Voice::Written, _) => at(&WRITTEN),
            (Voice::Mixed, _) if !spoken => at(&WRITTEN),
            (Voice::Spoken | Voice::Radio | Voice::Mixed, 1) => '幺',
            (Voice::Radio, 0) => '洞',
            (Voice::Radio, 7) => '拐',
            (Voice::Radio, 9) => '勾',
            (Voice::Spoken, 0) if random.chance(15) => '〇',
            (Voice::SpokenOne, 2) if random.chance(20) => '两',
            (Voice::Spoken | Voice::SpokenOne | Voice::Radio | Voice::Mixed, _) => at(&HAN),
        }
    }

    /// The whole number in one breath, with `pauses` between its groups.
    pub(super) fn whole(&self, groups: &[usize], pauses: &[&str], random: &mut Random) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut from = 0;
        for group in groups {
            if from > 0 {
                parts.push(text(random.pick(pauses)));
            }
            parts.push(self.piece(from, from + group, random));
            from += group;
        }
        if from < self.digits.len() {
            parts.push(text(random.pick(pauses)));
            parts.push(self.piece(from, self.digits.len(), random));
        }
        parts
    }
}

/// Lengths of groups in which `count` digits are read.
pub(super) fn groups(count: usize, random: &mut Random) -> Vec<usize> {
    let mut groups = Vec::new();
    let mut left = count;
    let habit = random.below(3);
    while left > 0 {
        let next = match habit {
            0 => 4,
            1 => 3,
            _ => 2 + random.below(4),
        };
        groups.push(next.min(left));
        left -= next.min(left);
    }
    groups
}
