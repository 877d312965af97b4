//! What a row of digits is by its form, and what of it stays visible.

use super::MaskKind;
use super::cues::Cue;
use super::lexer::X;

/// Whether digit `index` of `length` is hidden.
pub(super) fn is_hidden(kind: MaskKind, index: usize, length: usize) -> bool {
    let (front, back) = kind.keeps();
    // Of what is shorter than it should be, less stays: at least half is hidden.
    let (front, back) = if length >= front + back + 4 || front + back == 0 {
        (front, back)
    } else {
        (front.min(length / 4), back.min(length / 4))
    };
    index >= front && index + back < length
}

/// What `digits`, all of them, are by their form alone.
pub(super) fn by_form(digits: &[u8]) -> Option<MaskKind> {
    if is_identity(digits) {
        return Some(MaskKind::IdCard);
    }
    if digits.contains(&X) {
        return None;
    }
    let digits = without_country(digits);
    if is_mobile(digits) || is_landline(digits) {
        return Some(MaskKind::Phone);
    }
    let card =
        (13..=19).contains(&digits.len()) && matches!(digits.first(), Some(3..=6 | 9)) && passes_luhn(digits);
    card.then_some(MaskKind::BankCard)
}

/// Which of two readings is meant: what the cue says, the surer form, the usual length, and what ends where the row does.
pub(super) fn rank(kind: MaskKind, cue: Option<Cue>, length: usize, ends_row: bool) -> usize {
    let fits = matches!(
        (kind, cue),
        (MaskKind::IdCard, Some(Cue::Identity))
            | (MaskKind::BankCard, Some(Cue::Card))
            | (MaskKind::Phone, Some(Cue::Phone))
    );
    let form = match kind {
        MaskKind::IdCard if length == 18 => 20,
        MaskKind::BankCard if length == 16 || length == 19 => 5,
        MaskKind::Phone => 5,
        MaskKind::BankCard if length > 16 => 3,
        MaskKind::IdCard | MaskKind::BankCard => 0,
        MaskKind::Name | MaskKind::Address | MaskKind::Code | MaskKind::Password => 0,
    };
    (form + usize::from(fits) * 4 + usize::from(ends_row) * 4) * 100 + length
}

/// What a row is that answers to `cue`; its form may be wrong in a digit.
pub(super) fn by_cue(cue: Cue, digits: &[u8]) -> Option<MaskKind> {
    let length = digits.len();
    let is_secret = matches!(cue, Cue::Code | Cue::Password | Cue::CheckValue);
    if !is_secret && is_date(digits) || !(is_secret && length == 6) && is_hotline(digits) {
        return None;
    }
    match cue {
        Cue::Identity => (8..=22).contains(&length).then_some(MaskKind::IdCard),
        Cue::Card => (8..=23).contains(&length).then_some(MaskKind::BankCard),
        Cue::Phone if length >= 13 => (length <= 23).then_some(MaskKind::BankCard),
        Cue::Phone => (7..=12).contains(&length).then_some(MaskKind::Phone),
        Cue::Code => (4..=8).contains(&length).then_some(MaskKind::Code),
        Cue::Password => (4..=12).contains(&length).then_some(MaskKind::Password),
        Cue::CheckValue | Cue::Tail => (length == 3 || length == 4).then_some(MaskKind::Password),
        Cue::Expiry => (length == 4 && is_expiry(digits)).then_some(MaskKind::Password),
        Cue::Address | Cue::Name | Cue::Other => None,
    }
}

/// Whether what answers to `cue` has the length that it should, give or take a digit.
pub(super) fn is_usual(cue: Cue, length: usize) -> bool {
    match cue {
        Cue::Identity => (17..=19).contains(&length),
        Cue::Card => (15..=20).contains(&length),
        Cue::Phone => (10..=12).contains(&length),
        Cue::Code | Cue::Password | Cue::CheckValue | Cue::Tail | Cue::Expiry => false,
        Cue::Other | Cue::Name | Cue::Address => false,
    }
}

/// 0927 or 2709.
fn is_expiry(digits: &[u8]) -> bool {
    let two = |at: usize| digits.get(at).zip(digits.get(at + 1)).map_or(99, |(ten, one)| ten * 10 + one);
    let fits = |month: u8, year: u8| (1..=12).contains(&month) && (20..=45).contains(&year);
    fits(two(0), two(2)) || fits(two(2), two(0))
}

fn without_country(digits: &[u8]) -> &[u8] {
    for country in [&[8, 6][..], &[0, 0, 8, 6]] {
        if let Some(rest) = digits.strip_prefix(country)
            && is_mobile(rest)
        {
            return rest;
        }
    }
    digits
}

fn is_mobile(digits: &[u8]) -> bool {
    digits.len() == 11 && matches!(digits, [1, 3..=9, ..])
}

/// 010 and 02x have eight digits behind them, the rest seven or eight.
fn is_landline(digits: &[u8]) -> bool {
    let (area, own) = match digits {
        [0, 1, 0, own @ ..] | [0, 2, _, own @ ..] => (3, own),
        [0, 3..=9, _, _, own @ ..] => (4, own),
        _ => return false,
    };
    let fits = if area == 3 { own.len() == 8 } else { matches!(own.len(), 7 | 8) };
    fits && matches!(own.first(), Some(2..=8))
}

/// 95588, 4008208820, 10086: a company's.
pub(super) fn is_hotline(digits: &[u8]) -> bool {
    match digits.len() {
        5 | 6 => matches!(digits, [9, 5 | 6, ..] | [1, 0 | 2, ..]),
        8..=10 if matches!(digits, [4 | 8, 0, 0, ..]) => true,
        8..=9 => matches!(digits, [9, 5 | 6, ..]),
        _ => false,
    }
}

/// 20240315.
fn is_date(digits: &[u8]) -> bool {
    let two = |at: usize| digits.get(at).zip(digits.get(at + 1)).map_or(0, |(ten, one)| ten * 10 + one);
    digits.len() == 8 && matches!(two(0), 19 | 20) && (1..=12).contains(&two(4)) && (1..=31).contains(&two(6))
}

/// 18 places with a date of birth in them, or 15 as before 1999. The check digit is not asked for: one digit misheard
/// must not leave the rest in the open.
fn is_identity(digits: &[u8]) -> bool {
    let two = |at: usize| digits.get(at).zip(digits.get(at + 1)).map_or(0, |(ten, one)| ten * 10 + one);
    let day_at = |month: usize| (1..=12).contains(&two(month)) && (1..=31).contains(&two(month + 2));
    let region =
        matches!(two(0), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81 | 82 | 83);
    let is_number = |digits: &[u8]| !digits.contains(&X);
    match digits.len() {
        18 => {
            let (body, _) = digits.split_at(17);
            region && is_number(body) && matches!(two(6), 19 | 20) && day_at(10)
        }
        15 => region && is_number(digits) && day_at(8) && !passes_luhn(digits),
        _ => false,
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let mut sum = 0_u32;
    for (index, digit) in digits.iter().rev().enumerate() {
        let value = u32::from(*digit);
        sum += match (index % 2, value) {
            (0, _) => value,
            (_, 5..) => value * 2 - 9,
            (_, _) => value * 2,
        };
    }
    sum.is_multiple_of(10)
}
