//! Finds numbers that are personal data: read out at once or in groups, over several turns, with the other's echo.
//!
//! Groups of digits of one voice form a row as long as nothing but fillers, and the other's listening, stands between
//! them. In a row, stretches of whole groups are sought that are an identity number, a card or a telephone number by
//! their form; a row that answers to a cue (卡号是…) may be wrong in a digit. Invariant: linear in the length of the call.

use std::ops::RangeInclusive;

use super::MaskKind;
use super::cues::{Answered, Cue, Cues};
use super::echo::Known;
use super::lexer::{Digit, Token, tokens};
use super::script::{Script, Voice};
use super::shape;
use crate::types::SpeakerRole;

/// Digits of a row without anything between them.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) digits: Vec<Digit>,
    pub(super) line: usize,
    pub(super) taken: bool,
}

/// Groups that continue each other.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) groups: Vec<Group>,
}

impl Row {
    /// Ways tried from each of its groups; few in a row that no person reads out, where they are many.
    fn limit(&self) -> u32 {
        if self.groups.len() > MAX_GROUPS { MAX_DIGITS as u32 } else { MAX_STEPS }
    }

    /// Adds digits; those that follow the last without anything between them (138零零) are the same group.
    fn add(&mut self, digits: Vec<Digit>, line: usize) {
        let touches = |last: &Group| {
            last.line == line
                && last.digits.last().zip(digits.first()).is_some_and(|(last, first)| last.to == first.from)
        };
        match self.groups.last_mut().filter(|last| touches(last)) {
            Some(last) => last.digits.extend(digits),
            None => self.groups.push(Group { digits, line, taken: false }),
        }
    }
}

/// Turns between two groups of one number.
const MAX_TURNS_BETWEEN: usize = 6;
/// Characters without meaning that may stand between two groups over a turn.
const MAX_LOOSE: usize = 6;
/// A turn with more than this is no listening.
const MAX_LISTENING: usize = 24;
/// No number is longer.
const MAX_DIGITS: usize = 24;
/// Groups that a person reads out in a row, at most.
const MAX_GROUPS: usize = 200;
/// Numbers before in which an echo is sought at once.
const MAX_NEAR: usize = 16;
/// Characters between a cue and its number.
const MAX_FROM_CUE: usize = 24;
/// Digits of a long number that is said at once.
const WHOLE_DIGITS: RangeInclusive<usize> = 15..=19;
/// Ways tried to leave out what was said twice.
const MAX_STEPS: u32 = 96;

/// Hides every number.
pub(super) fn hide(script: &mut Script, cues: &Cues, wanted: &[MaskKind]) {
    let mut rows = rows(script, cues);
    let mut known: Vec<Known> = Vec::new();
    for row in &mut rows {
        for groups in row.groups.chunk_by_mut(|one, other| one.line == other.line) {
            whole(groups, script, cues, wanted, &mut known);
        }
        whole(&mut row.groups, script, cues, wanted, &mut known);
        super::echo::hide(script, std::slice::from_mut(row), last_of(&known));
        find(row, script, cues, wanted, false, &mut known);
    }
    // Before anything is taken for a number by its cue alone: an echo in pieces is none of its own.
    known.sort_by_key(|number| number.first_line);
    super::echo::hide(script, &mut rows, &known);
    let mut by_cue: Vec<Known> = Vec::new();
    for row in &mut rows {
        super::echo::hide(script, std::slice::from_mut(row), last_of(&by_cue));
        find(row, script, cues, wanted, true, &mut by_cue);
    }
    by_cue.sort_by_key(|number| number.first_line);
    super::echo::hide(script, &mut rows, &by_cue);
}

/// Finds what is a long number by itself, in one turn or in the whole row, before echoes are sought: one of its groups may
/// be the tail of an earlier number by chance, and is no echo then.
fn whole(
    groups: &mut [Group],
    script: &mut Script,
    cues: &Cues,
    wanted: &[MaskKind],
    known: &mut Vec<Known>,
) {
    let digits: Vec<u8> = groups.iter().flat_map(|group| &group.digits).map(|digit| digit.value).collect();
    if groups.len() < 2 || !WHOLE_DIGITS.contains(&digits.len()) || groups.iter().any(|group| group.taken) {
        return;
    }
    match shape::by_form(&digits) {
        Some(MaskKind::IdCard | MaskKind::BankCard) => {}
        Some(MaskKind::Phone | MaskKind::Name | MaskKind::Address | MaskKind::Code | MaskKind::Password)
        | None => return,
    }
    let mut row = Row { groups: groups.to_vec() };
    find(&mut row, script, cues, wanted, false, known);
    for (group, found) in groups.iter_mut().zip(row.groups) {
        group.taken |= found.taken;
    }
}

/// The numbers found last: what a row may repeat.
fn last_of(known: &[Known]) -> &[Known] {
    known.get(known.len().saturating_sub(MAX_NEAR)..).unwrap_or_default()
}

/// The end of a row so far.
struct Open {
    voice: Voice,
    row: usize,
    line: usize,
    /// What the row answers to.
    cue: Option<Cue>,
}

fn rows(script: &Script, cues: &Cues) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut last_long = None;
    for (number, line) in script.lines.iter().enumerate() {
        let has_digit = line.chars.iter().any(|char| super::lexer::digit(*char).is_some() || *char == 'x');
        if !has_digit {
            if line.chars.len() > MAX_LISTENING {
                last_long = Some(number);
            }
            continue;
        }
        open.retain(|end| number - end.line <= MAX_TURNS_BETWEEN);
        let position = open.iter().position(|end| end.voice == line.voice);
        let end = position.map(|position| open.swap_remove(position));
        // The row that the next group continues; nothing when something stood between.
        let end = end.filter(|end| last_long.is_none_or(|long| long <= end.line));
        let end = end.filter(|end| !cues.asks_else(end.line, number, end.cue));
        let mut answered = end.as_ref().and_then(|end| end.cue);
        let mut row = end.map(|end| end.row);
        let (mut loose, mut last, mut end) = (0, None, 0);
        for token in tokens(line, number) {
            match token {
                Token::Filler => {}
                Token::Other => {
                    loose += 1;
                    if last.is_some() || loose > MAX_LOOSE {
                        row = None;
                    }
                }
                Token::Quantity => (row, last, loose) = (None, None, MAX_LOOSE + 1),
                Token::Digits(digits) => {
                    let start = digits.first().map_or(0, |digit| digit.from as usize);
                    if cues.parts(number, end, start) {
                        row = None;
                    }
                    end = digits.last().map_or(end, |digit| digit.to as usize);
                    let index = row.unwrap_or_else(|| {
                        rows.push(Row::default());
                        answered = cues.before(number, start).map(|answered| answered.cue);
                        rows.len() - 1
                    });
                    if let Some(row) = rows.get_mut(index) {
                        row.add(digits, number);
                    }
                    (row, last, loose) = (Some(index), Some(index), 0);
                }
            }
        }
        if let Some(row) = last.filter(|_| loose <= MAX_LOOSE) {
            open.push(Open { voice: line.voice, row, line: number, cue: answered });
        }
    }
    rows
}

/// What a stretch of groups was found to be.
struct Hit {
    kind: MaskKind,
    /// First group after it.
    end: usize,
    /// Its digits, without what was said twice.
    digits: Vec<Digit>,
}

fn find(
    row: &mut Row,
    script: &mut Script,
    cues: &Cues,
    wanted: &[MaskKind],
    by_cue: bool,
    known: &mut Vec<Known>,
) {
    let mut first = 0;
    while first < row.groups.len() {
        if row.groups.get(first).is_some_and(|group| group.taken) {
            first += 1;
            continue;
        }
        let Some(hit) = at(row, first, script, cues, by_cue) else {
            first += if by_cue { hotline(row, first).unwrap_or(1) } else { 1 };
            continue;
        };
        let (from, to) = (first, hit.end);
        first = hit.end;
        if !wanted.contains(&hit.kind) {
            continue;
        }
        let item = script.item();
        let mark = (hit.kind, item);
        let values: Vec<u8> = hit.digits.iter().map(|digit| digit.value).collect();
        for (index, digit) in hit.digits.iter().enumerate() {
            if shape::is_hidden(hit.kind, index, values.len()) {
                script.hide(digit.line as usize, digit.from as usize, digit.to as usize, mark);
            }
        }
        let mut last_line = 0;
        for group in row.groups.iter_mut().take(to).skip(from) {
            // What was said twice is left to the echo, which knows where in the number it stands.
            group.taken = group.digits.iter().all(|digit| hit.digits.contains(digit));
            last_line = group.line;
        }
        let first_line = row.groups.get(from).map_or(0, |group| group.line);
        let lines = hit.digits.iter().map(|digit| digit.line as usize).collect();
        known.push(Known { kind: hit.kind, item, values, lines, first_line, last_line });
    }
}

/// The number that begins with group `first`.
fn at(row: &Row, first: usize, script: &Script, cues: &Cues, by_cue: bool) -> Option<Hit> {
    let group = row.groups.get(first)?;
    let start = group.digits.first()?;
    let cue = cues.before(group.line, start.from as usize);
    // The cue of another number of the same turn says nothing about this one.
    let here = (group.line, start.from as usize);
    if cue.is_some_and(|cue| cue.cue == Cue::Other && cue.line == here.0 && cue.at + 5 >= here.1) {
        return None;
    }
    if by_cue {
        return by_cue_at(row, first, cue?, here);
    }
    if let Some(kind) = shape::by_form(&values(&group.digits)) {
        return Some(Hit { kind, end: first + 1, digits: group.digits.clone() });
    }
    let mut search = Search { row, cue: cue.map(|cue| cue.cue), steps: 0, limit: row.limit(), best: None };
    search.extend(first, Vec::new());
    let best = search.best.map(|(_, hit)| hit);
    let end = best.as_ref().map_or(first, |hit| hit.end);
    if end == row.groups.len() {
        return best;
    }
    // A form that is a part of what was asked for is chance: a digit of the whole was misheard.
    // Who asked and now says digits repeats the answer, in pieces that are nothing by themselves.
    let line = |number: usize| script.lines.get(number);
    let asked_self = cue.is_some_and(|cue| {
        let (asked, said) = (line(cue.line), line(here.0));
        let same = asked.map(|line| line.voice) == said.map(|line| line.voice);
        cue.line != here.0 && same && said.is_some_and(|line| line.role != SpeakerRole::Unknown)
    });
    let whole =
        cue.filter(|_| !asked_self).and_then(|cue| Some((cue.cue, by_cue_at(row, first, cue, here)?)));
    let whole = whole.filter(|(cue, hit)| hit.end > end && shape::is_usual(*cue, hit.digits.len()));
    whole.map(|(_, hit)| hit).or(best)
}

/// The number that answers to `cue` and begins with group `first`, which stands at `here`.
fn by_cue_at(row: &Row, first: usize, cue: Answered, here: (usize, usize)) -> Option<Hit> {
    let is_secret = matches!(cue.cue, Cue::Code | Cue::Password | Cue::CheckValue);
    if !is_secret && hotline(row, first).is_some() {
        return None;
    }
    // A cue is about the first number after it, or after another that was found.
    let before = first.checked_sub(1).and_then(|before| row.groups.get(before));
    let is_first = before.is_none_or(|before| {
        let end = before.digits.last().map_or(0, |digit| digit.to as usize);
        before.taken || (before.line, end) <= (cue.line, cue.at)
    });
    let is_near = cue.line != here.0 || cue.at + MAX_FROM_CUE >= here.1;
    if is_first && is_near { by_cue(row, first, cue.cue) } else { None }
}

fn values(digits: &[Digit]) -> Vec<u8> {
    digits.iter().map(|digit| digit.value).collect()
}

struct Search<'a> {
    row: &'a Row,
    cue: Option<Cue>,
    steps: u32,
    limit: u32,
    best: Option<(usize, Hit)>,
}

impl Search<'_> {
    /// Goes on from `so_far` with group `next`, with and without what was said twice.
    fn extend(&mut self, next: usize, so_far: Vec<Digit>) {
        self.steps += 1;
        let Some(group) = self.row.groups.get(next).filter(|group| !group.taken) else { return };
        // 400 820 8820 belongs to nobody and is no part of anything.
        let is_hotline = so_far.is_empty() && hotline(self.row, next).is_some();
        if is_hotline && group.digits.len() != 5 && group.digits.len() != 6 {
            return;
        }
        if self.steps > self.limit || so_far.len() + group.digits.len() > MAX_DIGITS {
            return;
        }
        if is_repeat(&so_far, &group.digits) {
            self.extend(next + 1, so_far.clone());
        }
        // 010-64214657，010-64214658 are two.
        if is_restart(&so_far, &group.digits) && shape::by_form(&values(&so_far)).is_none() {
            self.extend(next, Vec::new());
        }
        let mut digits = so_far;
        digits.extend(&group.digits);
        let all = values(&digits);
        if let Some(kind) = shape::by_form(&all) {
            let ends_row = self.row.groups.get(next + 1).is_none_or(|next| next.taken);
            let rank = shape::rank(kind, self.cue, all.len(), ends_row);
            if self.best.as_ref().is_none_or(|(best, _)| rank > *best) {
                self.best = Some((rank, Hit { kind, end: next + 1, digits: digits.clone() }));
            }
        }
        self.extend(next + 1, digits);
    }
}

/// Whether `group` says again what ends `so_far`.
fn is_repeat(so_far: &[Digit], group: &[Digit]) -> bool {
    group.len() <= so_far.len()
        && so_far.iter().rev().zip(group.iter().rev()).all(|(one, other)| one.value == other.value)
        && (group.len() > 1
            || so_far.last().is_some_and(|last| group.iter().all(|digit| digit.line != last.line)))
}

/// Whether `group` begins the number anew.
fn is_restart(so_far: &[Digit], group: &[Digit]) -> bool {
    let shared = so_far.len().min(group.len());
    shared >= 2 && so_far.iter().zip(group).take(shared).all(|(one, other)| one.value == other.value)
}

/// A row that answers to a cue, with a digit too many or too few, or without a form of its own: all of it, or as many
/// of its turns as make one.
fn by_cue(row: &Row, first: usize, cue: Cue) -> Option<Hit> {
    let mut digits: Vec<Digit> = Vec::new();
    let mut best = None;
    for (index, group) in row.groups.iter().enumerate().skip(first) {
        // 85221234,85221111 are two telephones.
        let is_next = cue == Cue::Phone && digits.len() >= 7 && group.digits.len() >= 7;
        if index > first && group.taken || is_next || digits.len() > MAX_DIGITS {
            break;
        }
        let ends_turn = row.groups.get(index + 1).is_none_or(|next| {
            next.line != group.line || cue == Cue::Phone && next.digits.len() >= 7 && group.digits.len() >= 7
        });
        let again = digits.len() >= 3 && group.digits.len() >= 3 && is_repeat(&digits, &group.digits);
        if !again {
            if is_restart(&digits, &group.digits) && digits.len() >= 3 && group.digits.len() > digits.len() {
                digits.clear();
            }
            digits.extend(&group.digits);
        }
        if ends_turn && let Some(kind) = shape::by_cue(cue, &values(&digits)) {
            best = Some(Hit { kind, end: index + 1, digits: digits.clone() });
        }
    }
    best
}

/// How many groups, from `first` on, are a company's number.
fn hotline(row: &Row, first: usize) -> Option<usize> {
    let line = row.groups.get(first)?.line;
    let mut all = Vec::new();
    let groups = row.groups.iter().skip(first).take(3).take_while(|group| group.line == line);
    groups.enumerate().find_map(|(count, group)| {
        all.extend(values(&group.digits));
        (shape::is_hotline(&all) && (count == 0 || all.len() == 10)).then_some(count + 1)
    })
}
