//! Hides what repeats a number that was found: the agent's read-back in pieces, a group said twice.
//!
//! A piece is laid over the number, so that of a repeated tail the same digits stay visible as of the number itself.

use std::ops::Range;

use super::MaskKind;
use super::lexer::Digit;
use super::numbers::Row;
use super::script::Script;
use super::shape;

/// A number that was found.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) kind: MaskKind,
    pub(super) item: u32,
    pub(super) values: Vec<u8>,
    /// The line of each digit.
    pub(super) lines: Vec<usize>,
    pub(super) first_line: usize,
    pub(super) last_line: usize,
}

/// Turns before and after a number in which pieces of it are sought.
const REACH: usize = 8;
/// Numbers in reach that are tried.
const MAX_NEAR: usize = 16;
/// Turns back in which a short piece must have been said.
const JUST_BEFORE: usize = 2;
/// A turn in which a single digit repeats what was said has no more characters.
const MAX_SHORT: usize = 10;
/// A piece that is shorter says nothing about its number.
const MIN_PIECE: usize = 4;

/// Hides the pieces of `known`, ordered by first line, in what is left of `rows`.
pub(super) fn hide(script: &mut Script, rows: &mut [Row], known: &[Known]) {
    for row in rows {
        if row.groups.iter().all(|group| group.taken) {
            continue;
        }
        // Never a part of another's turn in a number: so the whole first, then turns, then groups.
        let all: Vec<_> =
            row.groups.iter().filter(|group| !group.taken).flat_map(|group| &group.digits).copied().collect();
        let (first, last) = match (row.groups.first(), row.groups.last()) {
            (Some(first), Some(last)) => (first.line, last.line),
            (None, _) | (_, None) => continue,
        };
        let from = known.partition_point(|number| number.first_line + 64 < first);
        let near =
            known.iter().skip(from).take_while(|number| number.first_line <= last + REACH).take(MAX_NEAR);
        for number in near.filter(|number| first <= number.last_line + REACH) {
            if all.len() >= MIN_PIECE && lay_over(script, number, &all, 0..number.values.len()) {
                row.groups.iter_mut().for_each(|group| group.taken = true);
                break;
            }
            for groups in row.groups.chunk_by_mut(|one, other| one.line == other.line) {
                let said: Vec<Digit> = groups
                    .iter()
                    .filter(|group| !group.taken)
                    .flat_map(|group| &group.digits)
                    .copied()
                    .collect();
                if said.len() >= MIN_PIECE && lay_over(script, number, &said, 0..number.values.len()) {
                    groups.iter_mut().for_each(|group| group.taken = true);
                }
            }
            for group in row.groups.iter_mut().filter(|group| !group.taken) {
                // What was said just before is repeated there, however short it is.
                let is_short = group.digits.len() > 1
                    || script.lines.get(group.line).is_some_and(|line| line.chars.len() <= MAX_SHORT);
                let just = (0..=JUST_BEFORE)
                    .filter(|_| is_short)
                    .find_map(|turns| number.said_in(group.line.checked_sub(turns)?));
                group.taken = just.is_some_and(|said| lay_over(script, number, &group.digits, said))
                    || group.digits.len() >= MIN_PIECE
                        && lay_over(script, number, &group.digits, 0..number.values.len());
            }
        }
    }
}

impl Known {
    /// Which of its digits are said in a line, if any are.
    fn said_in(&self, line: usize) -> Option<Range<usize>> {
        let from = self.lines.iter().position(|said| *said == line)?;
        let to = self.lines.iter().rposition(|said| *said == line)?;
        Some(from..to + 1)
    }
}

/// Whether `piece` is a part of digits `within` of `number`; then it is hidden like that part.
fn lay_over(script: &mut Script, number: &Known, piece: &[Digit], within: Range<usize>) -> bool {
    let (length, first) = (piece.len(), within.start);
    let Some(values) = number.values.get(within) else { return false };
    if length == 0 || length > values.len() {
        return false;
    }
    let mut found = false;
    for (offset, part) in values.windows(length).enumerate().map(|(at, part)| (first + at, part)) {
        if !part.iter().zip(piece).all(|(value, digit)| *value == digit.value) {
            continue;
        }
        found = true;
        for (index, digit) in piece.iter().enumerate() {
            if shape::is_hidden(number.kind, offset + index, number.values.len()) {
                script.hide(
                    digit.line as usize,
                    digit.from as usize,
                    digit.to as usize,
                    (number.kind, number.item),
                );
            }
        }
    }
    found
}
