//! Names of accounts in chats: many are the customer's name, or the telephone under which it is known.
//!
//! **Invariant**: accounts of agents and robots stay as they are, because late metadata names agents by them.

use std::collections::BTreeSet;

use super::script::{fold, is_han};
use super::{HIDDEN, MaskKind, names, shape, surnames};
use crate::dialogue::{Dialogue, MessageKind};
use crate::types::{CallMetadata, SpeakerRole};

/// Accounts that name nobody.
const NOBODY: [&str; 18] = [
    "客户",
    "用户",
    "顾客",
    "访客",
    "游客",
    "会员",
    "匿名",
    "匿名用户",
    "微信用户",
    "网站用户",
    "来电人",
    "本人",
    "系统",
    "系统消息",
    "系统通知",
    "机器人",
    "智能客服",
    "未知",
];

/// What stands behind a name.
const TITLES: [&str; 5] = ["先生", "女士", "小姐", "太太", "同学"];

/// The longest Chinese name that stands alone.
const MAX_NAME_CHARS: usize = 4;

/// The accounts in `dialogue` that are agents' and robots'.
pub(super) fn staff(dialogue: &Dialogue, metadata: &CallMetadata) -> BTreeSet<String> {
    let serves = |role: SpeakerRole| match role {
        SpeakerRole::Agent | SpeakerRole::Bot => true,
        SpeakerRole::Customer | SpeakerRole::Unknown => false,
    };
    // Notices of the system are the robot's, whoever they are about.
    let said = dialogue.turns.iter().filter(|turn| turn.kind != MessageKind::Event);
    let served = said.filter(|turn| serves(turn.told_role.unwrap_or(turn.role)));
    let recalls = dialogue.chat.iter().flat_map(|chat| &chat.recalls);
    let agents = recalls.filter(|recall| recall.role == SpeakerRole::Agent);
    served
        .filter_map(|turn| turn.sender.clone())
        .chain(agents.map(|recall| recall.sender.clone()))
        .chain(metadata.agent_ids().map(str::to_owned))
        .collect()
}

/// `account` with the numbers and names in it hidden, as far as `kinds` says so. `customer` is the customer's name.
pub(super) fn masked(account: &str, kinds: &[MaskKind], customer: Option<&str>) -> String {
    let chars: Vec<char> = account.chars().map(fold).collect();
    let mut hidden = vec![false; chars.len()];
    hide_numbers(&chars, kinds, |_| false, &mut hidden);
    hide_numbers(&chars, kinds, |char| matches!(char, '-' | ' '), &mut hidden);
    if kinds.contains(&MaskKind::Name) {
        hide_names(&chars, &mut hidden);
        if let Some(name) = customer {
            hide_customer(&chars, name, &mut hidden);
        }
    }
    account.chars().zip(hidden).map(|(char, hidden)| if hidden { HIDDEN } else { char }).collect()
}

/// Hides rows of digits, which `between` may part.
fn hide_numbers(chars: &[char], kinds: &[MaskKind], between: impl Fn(char) -> bool, hidden: &mut [bool]) {
    let mut row: Vec<(usize, u8)> = Vec::new();
    // One more than there are, to end the last row.
    for at in 0..=chars.len() {
        let char = chars.get(at).copied();
        let digit = char.and_then(|char| char.to_digit(10)).and_then(|digit| u8::try_from(digit).ok());
        if let Some(digit) = digit {
            row.push((at, digit));
        } else if !char.is_some_and(&between) {
            let digits: Vec<u8> = row.iter().map(|(_, digit)| *digit).collect();
            if let Some(kind) = shape::by_form(&digits).filter(|kind| kinds.contains(kind)) {
                let inner = row.iter().enumerate();
                let inner = inner.filter(|(index, _)| shape::is_hidden(kind, *index, digits.len()));
                inner.for_each(|(_, (at, _))| set(hidden, *at));
            }
            row.clear();
        }
    }
}

/// Hides what looks like a name: all of the account, or what begins with a family name.
fn hide_names(chars: &[char], hidden: &mut [bool]) {
    let mut from = 0;
    while from < chars.len() {
        let rest = chars.get(from..).unwrap_or_default();
        let length = rest.iter().take_while(|char| is_han(**char)).count();
        let run = rest.get(..length).unwrap_or_default();
        let name = without_title(run);
        let family = surnames::family(name, None);
        let is_alone =
            chars.iter().filter(|char| char.is_alphanumeric()).count() == length && !chars.contains(&HIDDEN);
        // What is left of a name that was hidden.
        let is_rest = family.is_some_and(|family| family == name.len()) && rest.get(length) == Some(&HIDDEN);
        let is_nobody = NOBODY.iter().any(|nobody| nobody.chars().eq(run.iter().copied()));
        let fits = (2..=MAX_NAME_CHARS).contains(&name.len());
        if fits && !is_rest && !is_nobody && (is_alone || family.is_some()) {
            hide_given(name, from, hidden);
        }
        from += length.max(1);
    }
}

/// Hides the customer's name wherever it stands.
fn hide_customer(chars: &[char], name: &str, hidden: &mut [bool]) {
    let name: Vec<char> = name.trim().chars().map(fold).collect();
    if name.len() < 2 {
        return;
    }
    let places = chars.windows(name.len()).enumerate().filter(|(_, window)| *window == name);
    for (from, name) in places {
        hide_given(name, from, hidden);
    }
}

fn hide_given(name: &[char], from: usize, hidden: &mut [bool]) {
    let name: String = name.iter().collect();
    let shown = names::masked(&name);
    let given = shown.chars().enumerate().filter(|(_, char)| *char == HIDDEN);
    given.for_each(|(at, _)| set(hidden, from + at));
}

fn without_title(run: &[char]) -> &[char] {
    let title = TITLES.iter().find(|title| {
        let title: Vec<char> = title.chars().collect();
        run.ends_with(&title)
    });
    let length = title.map_or(0, |title| title.chars().count());
    run.get(..run.len() - length).unwrap_or_default()
}

fn set(hidden: &mut [bool], at: usize) {
    if let Some(slot) = hidden.get_mut(at) {
        *slot = true;
    }
}
