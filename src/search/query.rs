//! What a person types to words that must, or must not, have been said, and by whom; and where they stand in a dialogue.
//!
//! Words are parted by spaces and must all occur, anywhere in the call. A word occurs where its characters stand side by
//! side in one turn; punctuation, fillers and spaces between them do not count. `"…"` keeps spaces in a word, `-` before
//! a word says that it must not occur, `客户:` or `客服:` before it who says it. docs/query.md tells people.
//!
//! **Invariant**: what [`TextQuery::places`] marks in a dialogue is what makes the index find its call.

use crate::analysis::{Unit, places, units};
use crate::dialogue::Dialogue;
use crate::types::SpeakerRole;

use super::SearchError;

/// Most characters of a question.
const MAX_CHARS: usize = 200;
/// Most words of a question.
const MAX_WORDS: usize = 16;

/// Who is to have said a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Speaker {
    Anybody,
    Agent,
    Customer,
}

/// One word of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) speaker: Speaker,
    pub(super) is_excluded: bool,
    pub(super) units: Vec<Unit>,
}

/// A question, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextQuery {
    pub(super) words: Vec<Wanted>,
}

/// A turn in which words of a question occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnMatch {
    /// The position of the turn in the dialogue.
    pub turn: usize,
    /// Half-open ranges of its characters, in order, none over another.
    pub ranges: Vec<(u32, u32)>,
}

impl TextQuery {
    /// Reads a question.
    ///
    /// # Errors
    /// [`SearchError::Query`] when it is too long, or a word of it has neither letter nor digit.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        if text.chars().count() > MAX_CHARS {
            return Err(SearchError::query(format!("at most {MAX_CHARS} characters are allowed")));
        }
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (word, behind) = one_word(rest)?;
            words.push(word);
            rest = behind.trim_start();
        }
        match words.len() {
            0 => Err(SearchError::query("write at least one word")),
            1..=MAX_WORDS => Ok(Self { words }),
            _ => Err(SearchError::query(format!("at most {MAX_WORDS} words are allowed"))),
        }
    }

    /// Where in `dialogue` words that must occur do, turn by turn.
    #[must_use]
    pub fn places(&self, dialogue: &Dialogue) -> Vec<TurnMatch> {
        let turns = dialogue.turns.iter().enumerate();
        let found = turns.map(|(turn, said)| {
            let text = units(&said.text);
            let wanted = self.words.iter().filter(|word| !word.is_excluded && word.speaker.is(said.role));
            let mut ranges: Vec<(u32, u32)> = wanted.flat_map(|word| places(&text, &word.units)).collect();
            ranges.sort_unstable();
            ranges.dedup_by(|next, last| {
                let is_over = next.0 <= last.1;
                if is_over {
                    last.1 = last.1.max(next.1);
                }
                is_over
            });
            TurnMatch { turn, ranges }
        });
        found.filter(|found| !found.ranges.is_empty()).collect()
    }
}

impl Speaker {
    fn is(self, role: SpeakerRole) -> bool {
        match self {
            Self::Anybody => true,
            Self::Agent => role == SpeakerRole::Agent,
            Self::Customer => role == SpeakerRole::Customer,
        }
    }
}

/// The first word of `text`, and what is behind it.
fn one_word(text: &str) -> Result<(Wanted, &str), SearchError> {
    let (mut rest, mut speaker, mut is_excluded) = (text, Speaker::Anybody, false);
    // `-客户:词` and `客户:-词` say the same.
    for _ in 0..2 {
        if let Some(behind) = rest.strip_prefix(['-', '－', '−']) {
            (rest, is_excluded) = (behind, true);
        }
        if let Some((said_by, behind)) = prefix(rest) {
            (rest, speaker) = (behind, said_by);
        }
    }
    let (word, behind) = match quoted(rest) {
        Some(inside) => inside?,
        None if let Some(name) = unknown_speaker(rest) => {
            return Err(SearchError::query(format!(
                "`{name}` is nobody who speaks: write 客户:词 or 客服:词, or \"{name}:…\" in quotation marks for these very words"
            )));
        }
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    let units = units(word);
    if units.is_empty() {
        let written = text.split_whitespace().next().unwrap_or_default();
        return Err(SearchError::query(format!("`{written}` has neither letter nor digit to look for")));
    }
    Ok((Wanted { speaker, is_excluded, units }, behind))
}

fn prefix(text: &str) -> Option<(Speaker, &str)> {
    let names = [
        ("客户", Speaker::Customer),
        ("customer", Speaker::Customer),
        ("客服", Speaker::Agent),
        ("坐席", Speaker::Agent),
        ("座席", Speaker::Agent),
        ("agent", Speaker::Agent),
    ];
    names.into_iter().find_map(|(name, speaker)| {
        let behind = text.strip_prefix(name)?.strip_prefix([':', '：'])?;
        Some((speaker, behind))
    })
}

/// A word before a colon that looks like somebody who is to have said what is behind it; a time such as 10:30 does not.
fn unknown_speaker(text: &str) -> Option<&str> {
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    let (name, behind) = word.split_once([':', '：'])?;
    let is_name = !name.is_empty() && name.chars().all(char::is_alphabetic);
    (is_name && !behind.is_empty()).then_some(name)
}

/// What stands in quotation marks at the start of `text`, and what is behind them.
fn quoted(text: &str) -> Option<Result<(&str, &str), SearchError>> {
    let marks = [('"', '"'), ('“', '”'), ('「', '」'), ('＂', '＂')];
    let (inside, end) = marks.into_iter().find_map(|(start, end)| Some((text.strip_prefix(start)?, end)))?;
    Some(inside.split_once(end).ok_or_else(|| SearchError::query(format!("the closing `{end}` is missing"))))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let query = TextQuery::parse(text).expect("it can be read");
        let words = query.words.iter().map(|word| {
            let text: String = word.units.iter().map(|unit| unit.text.as_str()).collect();
            format!("{}{:?}:{text}", if word.is_excluded { "-" } else { "" }, word.speaker)
        });
        words.collect()
    }

    #[test]
    fn words_are_read_as_documented() {
        assert_eq!(read("提前还款　利息"), ["Anybody:提前还款", "Anybody:利息"]);
        assert_eq!(read("\"提前 还款\" -投诉"), ["Anybody:提前还款", "-Anybody:投诉"]);
        assert_eq!(read("客户:投诉 客服：保本"), ["Customer:投诉", "Agent:保本"]);
        assert_eq!(read("-客户:“我要 投诉” 客户:-银监"), ["-Customer:我要投诉", "-Customer:银监"]);
        assert_eq!(read("ETC卡"), ["Anybody:etc卡"]);
        // Without a colon it is a word like any other.
        assert_eq!(read("客户 卡-号"), ["Anybody:客户", "Anybody:卡号"]);
    }

    #[test]
    fn a_speaker_that_nobody_knows_is_refused_with_those_there_are() {
        for text in ["经理:投诉", "保本 -主管：投诉", "role:投诉"] {
            let error = TextQuery::parse(text).expect_err("nobody of that name speaks").to_string();
            assert!(error.contains("客户:词 or 客服:词"), "{error}");
        }
        assert_eq!(read("\"经理:投诉\" 10:30"), ["Anybody:经理投诉", "Anybody:1030"]);
    }

    #[test]
    fn what_cannot_be_searched_for_is_refused() {
        let long = "长".repeat(MAX_CHARS + 1);
        for text in ["", "  ", "。。", "保本 ！", "\"没有结束", "客户:", "-", long.as_str()] {
            assert!(matches!(TextQuery::parse(text), Err(SearchError::Query { .. })), "{text}");
        }
        assert!(TextQuery::parse(&"词 ".repeat(MAX_WORDS + 1)).is_err());
    }
}
