//! Finds names of customers: told (我叫…), addressed (…先生), asked for, and every later occurrence of the same.
//!
//! The family name stays. Names of agents are nobody's secret: what an agent says of themselves, and the `agent_name` of
//! the metadata, stay whole.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::MaskKind;
use super::cues::{Cue, Cues};
use super::script::{Line, Script, is_han};
use super::surnames;
use crate::types::{CallMetadata, SpeakerRole};

const TITLES: [&str; 20] = [
    "先生", "女士", "小姐", "太太", "阿姨", "师傅", "大爷", "大姐", "同志", "老板", "医生", "老师", "经理",
    "主任", "警官", "律师", "法官", "教授", "护士", "队长",
];

/// What stands right before a name and says that it is one.
const STRONG: [&str; 31] = [
    "我叫",
    "名字",
    "姓名",
    "名叫",
    "户名",
    "持卡人",
    "收款人",
    "付款人",
    "联系人",
    "借款人",
    "担保人",
    "推荐人",
    "户主",
    "投保人",
    "被保险人",
    "受益人",
    "开户人",
    "申请人",
    "汇款人",
    "本名",
    "大名",
    "叫做",
    "法人",
    "寄件人",
    "收件人",
    "代办人",
    "监护人",
    "委托人",
    "经办人",
    "爱人叫",
    "抬头",
];

/// The same, but much else stands behind it too: the name must end where the phrase does.
const WEAK: [&str; 12] =
    ["我是", "您是", "你是", "请问是", "叫", "核实是", "这里是", "找", "是不是", "确认是", "姓", "是"];

/// Who is called something: 我叫, 爱人叫. Behind anything else 叫 calls for a thing (叫车).
const BEFORE_CALLED: &str = "我他她名字人妈爸子女友事公婆弟妹哥姐生太娘爷奶舅姨叔姓王";

/// What ends a name behind a weak cue.
const ENDS: [&str; 22] = [
    "本人",
    "吗",
    "对吗",
    "对吧",
    "是吧",
    "是吗",
    "吧",
    "啊",
    "呀",
    "先生",
    "女士",
    "小姐",
    "没错",
    "对的",
    "您好",
    "你好",
    "的家",
    "的电话",
    "对不对",
    "嘛",
    "哈",
    "这个人",
];

/// Before what an agent says of themselves.
const STAFF: [&str; 14] = [
    "银行", "客服", "经理", "专员", "工号", "公司", "中心", "部门", "保险", "坐席", "顾问", "催收", "柜员",
    "我行",
];

/// Longest stretch in which a staff word is sought before a name.
const STAFF_REACH: usize = 16;
/// Names of one call that are sought everywhere.
const MAX_NAMES: usize = 32;
/// Turns after a name in which its characters are explained (建设的建).
const SPELLING: usize = 5;

/// A name: family and given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    family: Vec<char>,
    given: Vec<char>,
    item: u32,
    line: usize,
}

pub(super) fn hide(script: &mut Script, cues: &Cues, metadata: &CallMetadata) {
    let agent: Vec<char> = metadata.agent_name.as_deref().unwrap_or_default().trim().chars().collect();
    let mut names: Vec<Name> = Vec::new();
    names.extend(declared(metadata, script));
    for number in 0..script.lines.len() {
        in_line(script, cues, number, &agent, &mut names);
    }
    everywhere(script, &names);
    spelled(script, &names);
}

/// The customer's name as the sender gives it.
fn declared(metadata: &CallMetadata, script: &mut Script) -> Option<Name> {
    let chars: Vec<char> =
        metadata.customer_name.as_deref()?.trim().chars().filter(|char| *char != super::HIDDEN).collect();
    if chars.len() < 2 {
        return None;
    }
    let family = surnames::family(&chars, None).unwrap_or(1).min(chars.len() - 1);
    let (family, given) = chars.split_at(family);
    Some(Name { family: family.to_vec(), given: given.to_vec(), item: script.item(), line: 0 })
}

fn in_line(script: &mut Script, cues: &Cues, number: usize, agent: &[char], names: &mut Vec<Name>) {
    let mut at = 0;
    while let Some(line) = script.lines.get(number) {
        if at >= line.chars.len() {
            return;
        }
        let found = (!line.is_marked(at)).then(|| name_at(line, cues, number, at)).flatten();
        let Some((family, given)) = found else {
            at += 1;
            continue;
        };
        let (from, to) = (at + family, at + family + given);
        at = to.max(at + 1);
        let whole = line.slice(from - family, to);
        if given == 0 || whole == agent {
            continue;
        }
        let (own, behind) = whole.split_at(family);
        let known =
            names.iter().rev().take(MAX_NAMES).find(|name| name.family == own && name.given == behind);
        let (own, behind) = (own.to_vec(), behind.to_vec());
        let item = match known {
            Some(known) => known.item,
            None => {
                let item = script.item();
                names.push(Name { family: own, given: behind, item, line: number });
                item
            }
        };
        script.hide(number, from, to, (MaskKind::Name, item));
    }
}

/// Lengths of the family and the given name that begin at `at`, if a name does.
fn name_at(line: &Line, cues: &Cues, number: usize, at: usize) -> Option<(usize, usize)> {
    let chars = line.slice(at, at + 6);
    let family = surnames::family(chars, line.before(at))?;
    let rest = chars.get(family..)?;
    if title_at(line, at + family) {
        return None;
    }
    let most = surnames::given(rest);
    if let Some(given) = (1..=most).find(|given| title_at(line, at + family + given)) {
        return (!surnames::is_word(chars)).then_some((family, given));
    }
    if most == 0 {
        return given_after_family(line, at, family);
    }
    let cue = cue_before(line, at);
    if cue.is_some() && is_staff(line, at, cue == Some("我是") || cue == Some("我叫") || cue == Some("姓"))
    {
        return None;
    }
    match cue {
        Some(cue) if STRONG.contains(&cue) => {
            (!surnames::is_word(chars)).then(|| (family, whole_given(line, at + family, most)))
        }
        Some(_) => {
            let given = (1..=most).rev().find(|given| ends_at(line, at + family + given))?;
            let two = family + given == 2;
            let unlikely = surnames::is_word(chars)
                || two && surnames::is_unlikely(chars)
                || line.ends_before(at, "不是");
            (!unlikely).then_some((family, given))
        }
        None => {
            if !answers(line, cues, number, at) || surnames::is_word(chars) {
                return None;
            }
            let given = (1..=most).rev().find(|given| ends_at(line, at + family + given))?;
            Some((family, given))
        }
    }
}

/// A given name of `most` characters, shorter when the second begins a new word.
fn whole_given(line: &Line, from: usize, most: usize) -> usize {
    if most == 2 && title_at(line, from + 1) { 1 } else { most }
}

/// 我姓王，叫建国 / 我姓王名建国: the given name stands alone, so nothing is hidden at the family name itself.
fn given_after_family(line: &Line, at: usize, family: usize) -> Option<(usize, usize)> {
    if !line.ends_before(at, "姓") {
        return None;
    }
    let mut next = at + family;
    while line.at(next).is_some_and(|char| matches!(char, '，' | ',' | ' ' | '名' | '叫' | '字' | '、'))
    {
        next += 1;
    }
    if next == at + family || !matches!(line.before(next), Some('叫' | '名' | '字')) {
        return None;
    }
    let given = surnames::given(line.slice(next, next + 2));
    // As if the words between belonged to the family name, which stays.
    (given > 0 && ends_at(line, next + given)).then_some((next - at, given))
}

fn title_at(line: &Line, at: usize) -> bool {
    static FIRST: LazyLock<Vec<char>> =
        LazyLock::new(|| letters(TITLES.iter().map(|title| title.chars().next())));
    line.at(at).is_some_and(|char| FIRST.binary_search(&char).is_ok())
        && TITLES.iter().any(|title| line.has(at, title))
}

/// Whether a phrase ends at `at`.
fn ends_at(line: &Line, at: usize) -> bool {
    match line.at(at) {
        None => true,
        Some(char) if !is_han(char) && !char.is_ascii_alphanumeric() && char != super::HIDDEN => true,
        Some(_) => ENDS.iter().any(|end| line.has(at, end)),
    }
}

/// Sorted, for a first look: nearly every place of a call is turned down by it.
fn letters(found: impl Iterator<Item = Option<char>>) -> Vec<char> {
    let mut letters: Vec<char> = found.flatten().collect();
    letters.sort_unstable();
    letters.dedup();
    letters
}

/// The cue that ends right before `at`, past 是, ： and the like.
fn cue_before(line: &Line, at: usize) -> Option<&'static str> {
    static LAST: LazyLock<Vec<char>> = LazyLock::new(|| {
        let last = |cue: &&str| cue.chars().last();
        letters(
            STRONG.iter().map(last).chain(WEAK.iter().map(last)).chain("是叫为：: 写的，".chars().map(Some)),
        )
    });
    if line.before(at).is_none_or(|char| LAST.binary_search(&char).is_err()) {
        return None;
    }
    let calls = |cue: &str| {
        let before = at.checked_sub(1).and_then(|call| line.before(call));
        cue != "叫" || before.is_none_or(|char| !is_han(char) || BEFORE_CALLED.contains(char))
    };
    if let Some(cue) =
        STRONG.iter().chain(&WEAK).find(|cue| line.ends_before(at, cue) && **cue != "是" && calls(cue))
    {
        return Some(cue);
    }
    let mut back = at;
    while at - back < 4
        && line
            .before(back)
            .is_some_and(|char| matches!(char, '是' | '叫' | '为' | '：' | ':' | ' ' | '写' | '的' | '，'))
    {
        back -= 1;
    }
    if let Some(cue) = STRONG.iter().find(|cue| line.ends_before(back, cue)) {
        return Some(cue);
    }
    // 是王建国本人吗: 是 alone, at the front of what is said.
    let front = at.checked_sub(1).filter(|_| line.ends_before(at, "是"))?;
    let opens = front == 0 || line.before(front).is_some_and(|char| !is_han(char));
    opens.then_some("是")
}

/// Whether it is an agent who names themselves, or one of the bank's people.
fn is_staff(line: &Line, at: usize, of_self: bool) -> bool {
    if of_self && matches!(line.role, SpeakerRole::Agent | SpeakerRole::Bot) {
        return true;
    }
    if line.role == SpeakerRole::Customer || !of_self {
        return false;
    }
    let before = line.slice(at.saturating_sub(STAFF_REACH), at);
    let says = |word: &str| {
        let word: Vec<char> = word.chars().collect();
        before.windows(word.len()).any(|window| window == word)
    };
    STAFF.iter().any(|word| says(word))
}

/// Whether what begins at `at` answers a question for the name.
fn answers(line: &Line, cues: &Cues, number: usize, at: usize) -> bool {
    let lead = line.slice(0, at);
    let is_lead = lead.len() <= 6
        && lead.iter().all(|char| !is_han(*char) || "嗯啊哦呃额好的对是叫我姓免贵就那哎诶".contains(*char));
    if !is_lead {
        return false;
    }
    (1..=2).any(|wait| {
        number
            .checked_sub(wait)
            .is_some_and(|asked| cues.of_line(asked).iter().any(|cue| cue.cue == Cue::Name))
    })
}

/// Every other place where a known name stands whole.
fn everywhere(script: &mut Script, names: &[Name]) {
    let names: Vec<&Name> = names.iter().take(MAX_NAMES).collect();
    if names.is_empty() {
        return;
    }
    let texts = names.iter().map(|name| name.family.iter().chain(&name.given).collect::<String>());
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts);
    // Cannot fail for so few short words; without it the names were hidden where they were found.
    let Ok(matcher) = built else { return };
    let mut text = String::new();
    for number in 0..script.lines.len() {
        text.clear();
        text.extend(script.lines.get(number).map_or(&[][..], |line| &line.chars));
        let hits: Vec<(usize, usize)> = matcher
            .find_iter(&text)
            .map(|hit| {
                (text.get(..hit.start()).map_or(0, |before| before.chars().count()), hit.pattern().as_usize())
            })
            .collect();
        for (at, index) in hits {
            if let Some(name) = names.get(index) {
                let from = at + name.family.len();
                script.hide(number, from, from + name.given.len(), (MaskKind::Name, name.item));
            }
        }
    }
}

/// 建设的建，国家的国: explains the characters of a name.
fn spelled(script: &mut Script, names: &[Name]) {
    for name in names.iter().take(MAX_NAMES) {
        for number in name.line..(name.line + SPELLING).min(script.lines.len()) {
            let Some(line) = script.lines.get(number) else { continue };
            let explained = |at: usize| {
                let (one, two) = (line.at(at.checked_sub(2)?)?, line.at(at - 1)?);
                let char = line.at(at + 1)?;
                (line.at(at) == Some('的') && name.given.contains(&char) && (one == char || two == char))
                    .then_some(at)
            };
            let places: Vec<usize> = (2..line.chars.len()).filter_map(explained).collect();
            for at in places {
                script.hide(number, at - 2, at, (MaskKind::Name, name.item));
                script.hide(number, at + 1, at + 2, (MaskKind::Name, name.item));
            }
        }
    }
}

/// `name` with the given name hidden.
pub(super) fn masked(name: &str) -> String {
    let chars: Vec<char> = name.trim().chars().collect();
    let family = surnames::family(&chars, None).unwrap_or(1).min(chars.len().saturating_sub(1));
    chars.iter().enumerate().map(|(at, char)| if at < family { *char } else { super::HIDDEN }).collect()
}
