//! Finds passwords and expiry dates that are no plain row of digits: letters in a chat, 27年9月.

use super::MaskKind;
use super::cues::{Cue, Cues};
use super::script::{Line, Script};

/// What may stand between 密码 and the password.
const LEAD: &str = "是为：: ，,叫就写的设成\"“";
/// Characters between the cue and the secret.
const MAX_LEAD: usize = 6;

pub(super) fn hide(script: &mut Script, cues: &Cues) {
    for number in 0..script.lines.len() {
        for cue in cues.of_line(number) {
            let Some(line) = script.lines.get(number) else { return };
            let mut start = cue.at;
            while start - cue.at < MAX_LEAD && line.at(start).is_some_and(|char| LEAD.contains(char)) {
                start += 1;
            }
            let end = match cue.cue {
                Cue::Password if start > cue.at => typed(line, start),
                Cue::Expiry => expiry(line, start),
                Cue::Password
                | Cue::Identity
                | Cue::Card
                | Cue::Phone
                | Cue::Code
                | Cue::CheckValue
                | Cue::Tail => None,
                Cue::Address | Cue::Name | Cue::Other => None,
            };
            if let Some(end) = end {
                let item = script.item();
                script.hide(number, start, end, (MaskKind::Password, item));
            }
        }
    }
}

/// A typed password: letters with digits or signs, at least 6.
fn typed(line: &Line, start: usize) -> Option<usize> {
    let is_part = |char: char| char.is_ascii_graphic() && !matches!(char, ',' | '"' | ';');
    let length = line.slice(start, start + 32).iter().take_while(|char| is_part(**char)).count();
    let typed = line.slice(start, start + length);
    let fits = length >= 6
        && typed.iter().any(char::is_ascii_alphabetic)
        && typed.iter().any(|char| char.is_ascii_digit() || char.is_ascii_punctuation());
    (fits && !typed.contains(&super::HIDDEN)).then_some(start + length)
}

/// 09/27, 27年9月, 二零二七年九月: of a card, which a turn about cards says.
fn expiry(line: &Line, start: usize) -> Option<usize> {
    let about_card = line.chars.contains(&'卡');
    let digit = |at: usize| line.at(at).and_then(super::lexer::digit).is_some() || line.at(at) == Some('十');
    let run = |from: usize, most: usize| (from..from + most).take_while(|at| digit(*at)).count();
    let first = run(start, 4);
    let mark = line.at(start + first)?;
    let second = run(start + first + 1, 2);
    let end = start + first + 1 + second;
    let slashed = first == 2 && second == 2 && matches!(mark, '/' | '-');
    let dated =
        matches!(first, 2 | 4) && mark == '年' && second > 0 && line.at(end) == Some('月') && !digit(end + 1);
    if !about_card || !(slashed || dated) {
        return None;
    }
    Some(end + usize::from(dated))
}
