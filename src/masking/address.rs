//! Finds where somebody lives: from the district on everything is hidden, province and city stay.
//!
//! An address begins at a city, or at a district or road behind a cue (住在…), and goes on for as long as pieces with
//! the endings of addresses (路, 号, 小区, 栋, 单元) follow each other. Places of the public (a branch, a hospital) are none.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::MaskKind;
use super::cues::{Cue, Cues};
use super::places::{CITIES, PROVINCES};
use super::script::{Line, Script, Voice, is_han};

/// Endings of the pieces of an address. What ends in one of `HOUSE` names a house or a part of one.
const AREA: [&str; 16] = [
    "自治县",
    "新区",
    "开发区",
    "高新区",
    "街道",
    "社区",
    "村委会",
    "区",
    "县",
    "旗",
    "市",
    "镇",
    "乡",
    "村",
    "屯",
    "庄",
];
const ROAD: [&str; 28] = [
    "大街",
    "大道",
    "胡同",
    "东路",
    "西路",
    "南路",
    "北路",
    "路",
    "街",
    "道",
    "巷",
    "弄",
    "小区",
    "花园",
    "公寓",
    "大厦",
    "广场",
    "新村",
    "家园",
    "名都",
    "花苑",
    "苑",
    "园",
    "城",
    "府",
    "湾",
    "家属院",
    "宿舍",
];
const HOUSE: [&str; 17] = [
    "号院", "号楼", "号", "栋", "幢", "座", "单元", "室", "楼", "层", "房", "户", "门", "弄", "巷", "组",
    "队",
];

/// No piece of an address holds these.
const NEVER: &str = "我你您他她它们的了吗呢吧啊呀哦嗯是不有没要想说这那就也还都跟给把被让对去请问先什么怎哪谁但因所如或且与及之很太最更再又只刚已将会能该得着过元块钱址从到";

/// Behind an address: then it is no home.
const PUBLIC: [&str; 16] = [
    "支行",
    "分行",
    "网点",
    "营业厅",
    "营业部",
    "分理处",
    "银行",
    "医院",
    "法院",
    "派出所",
    "公安局",
    "机场",
    "火车站",
    "大学",
    "地铁站",
    "站",
];
/// Before one, likewise.
const PUBLIC_BEFORE: [&str; 12] =
    ["网点", "支行", "分行", "我行", "营业厅", "营业部", "总行", "公司位于", "门店", "店在", "柜台", "景点"];

/// Longest piece of an address, its ending not counted.
const MAX_PIECE: usize = 8;
/// Most pieces of one address.
const MAX_PIECES: usize = 24;
/// Turns that a question for the address waits for.
const MAX_WAIT: usize = 4;
/// How far back in its turn a cue counts.
const CUE_REACH: usize = 14;

static MATCHER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(PROVINCES.iter().chain(&CITIES))
        .expect("three hundred short names make an automaton")
});

/// What an address is made of so far.
#[derive(Debug, Clone, Copy, Default)]
struct Pieces {
    num: usize,
    num_roads: usize,
    num_houses: usize,
    end: usize,
}

/// An address that was found, for what continues it in a later turn.
struct Last {
    voice: Voice,
    line: usize,
    item: u32,
}

pub(super) fn hide(script: &mut Script, cues: &Cues) {
    let mut text = String::new();
    let mut last: Option<Last> = None;
    for number in 0..script.lines.len() {
        let Some(line) = script.lines.get(number) else { return };
        let asked = asked_for(cues, number);
        let continues =
            last.as_ref().filter(|last| last.voice == line.voice && number - last.line <= MAX_WAIT);
        let own_cue = cues.of_line(number).iter().any(|cue| cue.cue == Cue::Address);
        if !own_cue && !asked && continues.is_none() && !line.chars.iter().any(|char| is_telling(*char)) {
            continue;
        }
        text.clear();
        text.extend(&line.chars);
        let found = in_line(line, &text, cues, number, asked, continues.is_some());
        let voice = line.voice;
        let mut item = continues.map(|last| last.item);
        for (from, to, begins) in found {
            let own = match item.filter(|_| !begins) {
                Some(item) => item,
                None => script.item(),
            };
            item = Some(own);
            script.hide(number, from, to, (MaskKind::Address, own));
            last = Some(Last { voice, line: number, item: own });
        }
    }
}

/// Whether a line without a cue may hold an address for this character.
fn is_telling(char: char) -> bool {
    matches!(
        char,
        '路' | '街'
            | '区'
            | '县'
            | '镇'
            | '村'
            | '号'
            | '楼'
            | '室'
            | '栋'
            | '幢'
            | '巷'
            | '弄'
            | '苑'
            | '园'
            | '道'
            | '座'
    )
}

/// Whether the turns before asked for an address.
fn asked_for(cues: &Cues, number: usize) -> bool {
    (1..=MAX_WAIT).any(|wait| {
        number
            .checked_sub(wait)
            .is_some_and(|asked| cues.of_line(asked).iter().any(|cue| cue.cue == Cue::Address))
    })
}

/// The stretches to hide, each with whether it begins an address.
fn in_line(
    line: &Line,
    text: &str,
    cues: &Cues,
    number: usize,
    asked: bool,
    continues: bool,
) -> Vec<(usize, usize, bool)> {
    let mut found: Vec<(usize, usize, bool)> = Vec::new();
    let mut done = 0;
    let cued = |at: usize| {
        asked
            || cues
                .between(number, at.saturating_sub(CUE_REACH), at)
                .iter()
                .any(|cue| cue.cue == Cue::Address)
    };
    if continues && !cities(text).any(|(_, end)| !is_road(line, end)) {
        let start = skip_lead(line, 0);
        let pieces = pieces(line, start);
        if pieces.num > 0 && !is_public(line, start, pieces.end) {
            done = with_rest(line, pieces.end);
            found.push((start, done, false));
        }
    }
    for (char, end) in cities(text) {
        if char < done || is_road(line, end) {
            continue;
        }
        let start = after_city(line, end);
        let pieces = pieces(line, start);
        let is_named = pieces.num >= 2 && pieces.num_houses + pieces.num_roads > 0;
        let is_address = is_named || pieces.num > 0 && cued(char);
        if is_address && !is_public(line, char, pieces.end) {
            done = with_rest(line, pieces.end);
            found.push((start, done, true));
        }
    }
    for start in starts(line, cues, number, asked) {
        if start < done {
            continue;
        }
        let pieces = pieces(line, start);
        if pieces.num > 0
            && (pieces.num_roads + pieces.num_houses > 0 || pieces.num >= 2)
            && !is_public(line, start, pieces.end)
        {
            found.push((start, pieces.end, true));
            done = pieces.end;
        }
    }
    for (start, pieces) in without_city(line, done) {
        if start >= done && !is_public(line, start, pieces.end) {
            found.push((start, pieces.end, true));
            done = pieces.end;
        }
    }
    found
}

/// Cities and provinces in a text, from and to, in characters.
fn cities(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let (mut byte, mut char) = (0, 0);
    MATCHER.find_iter(text).map(move |hit| {
        char += text.get(byte..hit.start()).map_or(0, |passed| passed.chars().count());
        byte = hit.start();
        (char, char + text.get(hit.range()).map_or(0, |name| name.chars().count()))
    })
}

/// Whether the city that ends at `end` only names a road: 南京路, 中山北路.
fn is_road(line: &Line, end: usize) -> bool {
    ["路", "街", "大道", "大街", "东路", "西路", "南路", "北路", "中路", "一路", "二路", "三路"]
        .iter()
        .any(|road| line.has(end, road))
}

/// Where an address without a city may begin: behind a cue, or at the front of an answer.
fn starts(line: &Line, cues: &Cues, number: usize, asked: bool) -> Vec<usize> {
    let own = cues.of_line(number).iter().filter(|cue| cue.cue == Cue::Address);
    let mut starts: Vec<usize> = own.map(|cue| skip_lead(line, cue.at)).collect();
    if asked {
        starts.push(skip_lead(line, 0));
    }
    starts.sort_unstable();
    starts
}

/// Past fillers, marks, and what leads over to an address.
fn skip_lead(line: &Line, mut at: usize) -> usize {
    loop {
        let lead = ["那个", "就是", "然后", "现在", "登记", "写的", "是在", "寄到", "送到", "我家", "在"]
            .iter()
            .find(|lead| line.has(at, lead));
        if let Some(lead) = lead {
            at += lead.chars().count();
            continue;
        }
        match line.at(at) {
            Some(char) if "嗯啊哦呃额是对好的我你您为寄，,。：: 、到就".contains(char) => {
                at += 1
            }
            Some(_) | None => return at,
        }
    }
}

/// Past 省, 市 and a second place that continues the first: 广东省深圳市.
fn after_city(line: &Line, mut at: usize) -> usize {
    for _ in 0..3 {
        for ending in
            ["维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "自治州", "省", "市", "地区", "盟"]
        {
            if line.has(at, ending) {
                at += ending.chars().count();
                break;
            }
        }
        let separated = at + usize::from(matches!(line.at(at), Some(' ' | '，' | ',')));
        let next = CITIES
            .iter()
            .chain(&PROVINCES)
            .filter(|name| line.has(separated, name))
            .map(|name| name.chars().count())
            .max();
        // 南京路 in 上海 is a road.
        let Some(length) = next.filter(|length| !is_road(line, separated + length)) else {
            return at;
        };
        at = separated + length;
    }
    at
}

/// The pieces that follow each other from `start` on.
fn pieces(line: &Line, start: usize) -> Pieces {
    let mut pieces = Pieces { end: start, ..Pieces::default() };
    let mut at = start;
    while pieces.num < MAX_PIECES
        && let Some((end, kind)) = piece(line, at)
    {
        pieces.num += 1;
        pieces.num_roads += usize::from(kind == Ending::Road);
        pieces.num_houses += usize::from(kind == Ending::House);
        pieces.end = end;
        at = end;
        while matches!(line.at(at), Some(' ' | '，' | ',' | '、' | '-' | '的' | '嗯' | '呃')) {
            at += 1;
        }
    }
    // 3单元501: the door may stand bare.
    if pieces.num_houses > 0 {
        let digits =
            (pieces.end..pieces.end + 5).take_while(|at| line.at(*at).is_some_and(is_number)).count();
        let behind = line.at(pieces.end + digits);
        if (2..=4).contains(&digits) && !behind.is_some_and(|char| "元块万千百个年月日天点".contains(char))
        {
            pieces.end += digits;
        }
    }
    pieces
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Area,
    Road,
    House,
}

/// The end of the piece that begins at `start`, and what it is.
fn piece(line: &Line, start: usize) -> Option<(usize, Ending)> {
    let digits = (start..start + 6).take_while(|at| line.at(*at).is_some_and(is_number)).count();
    if let Some(ending) = longest(line, start + digits, &HOUSE).filter(|_| digits > 0) {
        return Some((start + digits + ending, Ending::House));
    }
    if ["知道", "市区", "详细", "路线", "高速", "公路", "附近", "市中心"]
        .iter()
        .any(|word| line.has(start, word))
    {
        return None;
    }
    for at in start + 1..=start + MAX_PIECE {
        let inner = line.at(at - 1)?;
        if !(is_han(inner) || inner.is_ascii_alphanumeric()) || NEVER.contains(inner) {
            return None;
        }
        if matches!(inner, '年' | '月') && line.before(at - 1).is_some_and(is_number) {
            return None;
        }
        // A number inside belongs to the piece that it begins: 万科城3栋.
        let digits = (at..at + 6).take_while(|at| line.at(*at).is_some_and(is_number)).count();
        if digits > 0
            && at > start + 1
            && let Some(length) = longest(line, at + digits, &HOUSE)
        {
            return Some((at + digits + length, Ending::House));
        }
        let road = longest(line, at, &ROAD);
        let area = longest(line, at, &AREA);
        match (road, area) {
            (Some(road), area) if area.is_none_or(|area| area <= road) => {
                return Some((at + road, Ending::Road));
            }
            (_, Some(area)) => return Some((at + area, Ending::Area)),
            (_, None) => {}
        }
    }
    None
}

/// The longest of `endings` at `at`, in characters.
fn longest(line: &Line, at: usize, endings: &[&str]) -> Option<usize> {
    endings.iter().filter(|ending| line.has(at, ending)).map(|ending| ending.chars().count()).max()
}

fn is_number(char: char) -> bool {
    char.is_ascii_alphanumeric() || "零〇一二三四五六七八九十百幺两甲乙丙丁".contains(char)
}

/// A home without an ending that ends what is said: …八十八号保利香槟国际.
fn with_rest(line: &Line, end: usize) -> usize {
    let asks = |at: usize| {
        ["是吧", "是吗", "可以", "对吗", "对吧", "就行", "吗", "吧", "还是"]
            .iter()
            .any(|end| line.has(at, end))
    };
    let is_part =
        |at: &usize| line.at(*at).is_some_and(|char| is_han(char) && !NEVER.contains(char)) && !asks(*at);
    let length = (end..end + MAX_PIECE).take_while(is_part).count();
    let is_end = asks(end + length)
        || line.at(end + length).is_none_or(|char| !is_han(char) && !char.is_ascii_alphanumeric());
    if is_end { end + length } else { end }
}

/// Addresses that name neither city nor cue: a road or a home with a house behind it.
fn without_city(line: &Line, from: usize) -> Vec<(usize, Pieces)> {
    let mut found = Vec::new();
    let mut at = from;
    while at < line.chars.len() {
        if !line.at(at).is_some_and(is_telling) {
            at += 1;
            continue;
        }
        let opens = |char: char| is_han(char) && !NEVER.contains(char) && !"在住到于往从上下".contains(char);
        let back = (1..=4)
            .take_while(|back| at.checked_sub(*back).and_then(|at| line.at(at)).is_some_and(opens))
            .count();
        let start = at - back;
        let pieces = pieces(line, start);
        if back >= 2 && pieces.num >= 3 && pieces.num_roads > 0 && pieces.num_houses > 0
            || back >= 2 && pieces.num >= 3 && pieces.num_houses > 1
        {
            at = pieces.end;
            found.push((start, pieces));
        } else {
            at += 1;
        }
    }
    found
}

/// Whether `from..to` is where the public goes.
fn is_public(line: &Line, from: usize, to: usize) -> bool {
    let behind = (to..to + 4).any(|at| PUBLIC.iter().any(|word| line.has(at, word)));
    let before =
        (from.saturating_sub(12)..from).any(|at| PUBLIC_BEFORE.iter().any(|word| line.has(at, word)));
    behind || before
}
