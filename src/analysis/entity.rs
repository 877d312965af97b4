//! Finds what a text names by its form: telephone numbers, cards, amounts, dates, percentages.
//!
//! Works on the normalised copy, so spoken digits (幺三八…) are digits. Digits that are read out in groups, over pauses and
//! turns, are one number. Invariant: a card passes the Luhn check, an identity number its check digit, and no number is
//! cut out of a longer one.

use std::sync::LazyLock;

use regex::Regex;

use super::MatchMode;
use super::found::Said;
use super::numeral;
use super::operator::{Entity, EntityKind};
use super::script::{Script, Stream};

const NUMBER: &str = "[零〇一二两三四五六七八九十百千万亿点0-9.]+";

fn regex(pattern: &str) -> Regex {
    Regex::new(&pattern.replace("NUM", NUMBER))
        .expect("the expressions of entities are constants that a test compiles")
}

static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "(?:人民币)?(NUM)(?:多|来|余)?(?:块钱|块|元|圆|角|毛)|(?:人民币|金额|欠款|还款|转账)(?:是|为|了)?(NUM)",
    )
});

static PERCENT: LazyLock<Regex> = LazyLock::new(|| regex("百分之(NUM)|([0-9.]+)%|(NUM)个(?:百分)?点"));

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "(?:[0-9零〇一二三四五六七八九]{2,4}年)?(?:[0-9]{1,2}|[一二三四五六七八九十]{1,2})月(?:份)?(?:(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})(?:日|号))?|\
         [0-9零〇一二三四五六七八九]{4}年|(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})号|\
         (?:今|明|后|大后|昨|前)天|(?:上|下|这|本)?(?:个)?(?:周|星期|礼拜)[一二三四五六日天]|\
         (?:上|下|这|本)?个?月(?:底|初|末)|NUM(?:个)?(?:工作日|天)",
    )
});

/// The name of a kind for a person.
fn name(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Phone => "电话号码",
        EntityKind::IdCard => "身份证号",
        EntityKind::BankCard => "银行卡号",
        EntityKind::Amount => "金额",
        EntityKind::Date => "日期",
        EntityKind::Percent => "百分比",
    }
}

/// Everything in the script that `entity` describes.
pub(super) fn find(script: &Script, entity: &Entity) -> Vec<Said> {
    let mut found = Vec::new();
    for (index, stream) in script.streams.iter().enumerate() {
        let mut add = |kind, from, to| {
            found.push(Said {
                stream: index,
                from,
                to,
                pattern: name(kind).to_owned(),
                mode: MatchMode::Entity,
                tolerances: Vec::new(),
                score: None,
            });
        };
        let numbers = [EntityKind::Phone, EntityKind::IdCard, EntityKind::BankCard];
        if numbers.iter().any(|kind| entity.kinds.contains(kind)) {
            for (kind, from, to) in numbers_in(stream) {
                if entity.kinds.contains(&kind) {
                    add(kind, from, to);
                }
            }
        }
        let within = |value: f64| {
            entity.at_least.is_none_or(|limit| value >= limit)
                && entity.at_most.is_none_or(|limit| value <= limit)
        };
        for (kind, expression) in [(EntityKind::Amount, &AMOUNT), (EntityKind::Percent, &PERCENT)] {
            if !entity.kinds.contains(&kind) {
                continue;
            }
            for capture in expression.captures_iter(&stream.text) {
                let value = capture
                    .iter()
                    .skip(1)
                    .flatten()
                    .find_map(|number| numeral::value(number.as_str().trim_matches('.')));
                if let (Some(whole), Some(true)) = (capture.get(0), value.map(within)) {
                    add(kind, stream.char_at_byte(whole.start()), stream.char_at_byte(whole.end() - 1) + 1);
                }
            }
        }
        if entity.kinds.contains(&EntityKind::Date) {
            for date in DATE.find_iter(&stream.text) {
                add(
                    EntityKind::Date,
                    stream.char_at_byte(date.start()),
                    stream.char_at_byte(date.end() - 1) + 1,
                );
            }
        }
    }
    found.sort_by_key(|said| (said.stream, said.from, said.to));
    found
}

/// Digits without anything else between them, as a range of bare characters.
type Group = (usize, usize);

/// Telephone, identity and card numbers with their characters in the stream.
fn numbers_in(stream: &Stream) -> Vec<(EntityKind, usize, usize)> {
    let mut numbers = Vec::new();
    let chars = &stream.bare_chars;
    let mut start = 0;
    while start < chars.len() {
        let run =
            chars.get(start..).unwrap_or_default().iter().take_while(|char| char.is_ascii_digit()).count();
        if run == 0 {
            start += 1;
            continue;
        }
        let mut end = start + run;
        // The check digit of an identity card may be an X, and the X belongs to nothing else.
        let has_x =
            chars.get(end) == Some(&'x') && !chars.get(end + 1).is_some_and(char::is_ascii_alphanumeric);
        end += usize::from(has_x && run >= 17);
        let before = start.checked_sub(1).and_then(|index| chars.get(index));
        if !before.is_some_and(char::is_ascii_alphabetic) {
            take(stream, &groups(stream, start, end), &mut numbers);
        }
        start = end.max(start + 1);
    }
    numbers
}

/// The digits `from..to` in the groups in which they are read out.
fn groups(stream: &Stream, from: usize, to: usize) -> Vec<Group> {
    let mut groups = vec![(from, from + 1)];
    for index in from + 1..to {
        let apart = match (stream.bare.get(index - 1), stream.bare.get(index)) {
            (Some(one), Some(other)) => other - one > 1,
            (None, _) | (_, None) => false,
        };
        let turn = |index: usize| {
            let place = stream.bare.get(index).copied().unwrap_or(0) as usize;
            stream.origins.get(place).map_or(0, |origin| origin.turn)
        };
        match groups.last_mut() {
            Some(last) if !apart && turn(index - 1) == turn(index) => last.1 = index + 1,
            Some(_) | None => groups.push((index, index + 1)),
        }
    }
    groups
}

/// Takes the longest rows of groups that are a number, from the left.
fn take(stream: &Stream, groups: &[Group], numbers: &mut Vec<(EntityKind, usize, usize)>) {
    let mut first = 0;
    while first < groups.len() {
        let found = (first..groups.len()).rev().find_map(|last| {
            let (from, to) = (groups.get(first)?.0, groups.get(last)?.1);
            let digits = stream.bare_chars.get(from..to)?;
            let place = |index: usize| stream.bare.get(index).map(|place| *place as usize);
            Some((kind(digits)?, place(from)?, place(to - 1)? + 1, last))
        });
        match found {
            Some((kind, from, to, last)) => {
                numbers.push((kind, from, to));
                first = last + 1;
            }
            None => first += 1,
        }
    }
}

/// What `digits` are, all of them.
fn kind(digits: &[char]) -> Option<EntityKind> {
    let values: Vec<u32> = digits.iter().filter_map(|char| char.to_digit(10)).collect();
    let all_digits = values.len() == digits.len();
    if is_id_card(digits, &values) {
        return Some(EntityKind::IdCard);
    }
    if !all_digits {
        return None;
    }
    let starts = |wanted: &[u32]| values.starts_with(wanted);
    let mobile = values.len() == 11 && starts(&[1]) && values.get(1).is_some_and(|second| *second >= 3);
    let landline =
        (10..=12).contains(&values.len()) && starts(&[0]) && values.get(1).is_some_and(|second| *second > 0);
    if mobile || landline {
        return Some(EntityKind::Phone);
    }
    let card = (13..=19).contains(&values.len()) && !starts(&[0]) && passes_luhn(&values);
    card.then_some(EntityKind::BankCard)
}

/// The check of GB 11643 over 18 places; of 15 only the date is checked, they have no check digit.
fn is_id_card(digits: &[char], values: &[u32]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'x', '9', '8', '7', '6', '5', '4', '3', '2'];
    let two = |at: usize| values.get(at).zip(values.get(at + 1)).map(|(ten, one)| ten * 10 + one);
    let is_date = |month: usize| {
        two(month).is_some_and(|month| (1..=12).contains(&month))
            && two(month + 2).is_some_and(|day| (1..=31).contains(&day))
    };
    match digits.len() {
        15 => values.len() == 15 && values.first().is_some_and(|first| (1..=8).contains(first)) && is_date(8),
        18 => {
            let sum: u32 = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
            let check = CHECKS.get((sum % 11) as usize);
            values.len() >= 17 && is_date(10) && check == digits.last()
        }
        _ => false,
    }
}

fn passes_luhn(values: &[u32]) -> bool {
    let sum: u32 = values
        .iter()
        .rev()
        .enumerate()
        .map(|(index, value)| {
            if index % 2 == 0 {
                *value
            } else if *value > 4 {
                value * 2 - 9
            } else {
                value * 2
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::written::dialogue_of;

    fn found(turns: &[&str], kind: EntityKind) -> Vec<String> {
        let script = Script::new(&dialogue_of(turns, false).expect("the turns are well formed"));
        let entity = Entity { kinds: vec![kind], at_least: None, at_most: None };
        let text = |said: Said| script.streams[said.stream].chars[said.from..said.to].iter().collect();
        find(&script, &entity).into_iter().map(text).collect()
    }

    #[test]
    fn spoken_and_grouped_numbers_are_found_whole() {
        assert_eq!(found(&["客户: 我的电话是幺三八零零一三八零零零"], EntityKind::Phone), ["13800138000"]);
        assert_eq!(found(&["客户: 一三八，零零一三，八零零零"], EntityKind::Phone), ["138，0013，8000"]);
        let turns = ["客户: 6222 0212", "客服: 嗯", "客户: 3456 7894"];
        assert_eq!(found(&turns, EntityKind::BankCard).len(), 1);
        assert!(found(&["客户: 订单号是2138001380001"], EntityKind::Phone).is_empty());
        assert!(
            found(&["客服: 请打4008888888"], EntityKind::Phone).is_empty(),
            "a hotline is nobody's number"
        );
    }

    #[test]
    fn identity_numbers_are_checked() {
        assert_eq!(found(&["客户: 11010519491231002X"], EntityKind::IdCard).len(), 1);
        assert!(found(&["客户: 110105194912310021"], EntityKind::IdCard).is_empty());
        assert_eq!(found(&["客户: 110105491231002"], EntityKind::IdCard).len(), 1);
    }

    #[test]
    fn amounts_percentages_and_dates_are_found() {
        assert_eq!(found(&["客服: 您需要还三千五百元"], EntityKind::Amount), ["三千五百元"]);
        assert_eq!(found(&["客服: 收益百分之三点五"], EntityKind::Percent), ["百分之三点五"]);
        assert_eq!(found(&["客户: 我下周五还，或者十五号"], EntityKind::Date), ["下周五", "十五号"]);
        assert_eq!(found(&["客服: 三个工作日内回复"], EntityKind::Date), ["三个工作日"]);
    }

    #[test]
    fn amounts_have_a_value() {
        let script = |text: &str| Script::new(&dialogue_of(&[text], false).expect("the turn is well formed"));
        let entity = Entity { kinds: vec![EntityKind::Amount], at_least: Some(50_000.0), at_most: None };
        assert_eq!(find(&script("客户: 我转了五万块"), &entity).len(), 1);
        assert!(find(&script("客户: 我转了五百块"), &entity).is_empty());
    }

    /// The check as the standard writes it down.
    fn naive_luhn(digits: &[u32]) -> bool {
        let mut sum = 0;
        for (index, digit) in digits.iter().rev().enumerate() {
            let doubled = if index % 2 == 1 { digit * 2 } else { *digit };
            sum += doubled / 10 + doubled % 10;
        }
        sum % 10 == 0
    }

    proptest! {
        #[test]
        fn a_card_is_found_exactly_when_it_passes_the_check(
            digits in proptest::collection::vec(0_u32..10, 16),
        ) {
            let digits: Vec<u32> = digits.into_iter().enumerate().map(|(index, digit)| if index == 0 { 6 } else { digit }).collect();
            let text: String = digits.iter().map(u32::to_string).collect();
            let turn = format!("客户: 卡号是{text}");
            prop_assert_eq!(found(&[&turn], EntityKind::BankCard).len() == 1, naive_luhn(&digits));
        }

        #[test]
        fn no_text_makes_it_fail(text in "[0-9一二三幺x，。元万点月号%百分之]{0,40}") {
            let turn = format!("客户: {text}");
            for kind in [EntityKind::Phone, EntityKind::Amount, EntityKind::Percent, EntityKind::Date] {
                found(&[&turn], kind);
            }
        }
    }
}
