//! Turns events into what a person reads in a group: a title and lines, for one alert in full, for several one each.
//!
//! **Invariant**: nothing that was said in a call is markup, an address or a mention in the message.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::model::{Alert, CloseReason, Digest, Event, EventKind, Sample};
use crate::analysis::Level;
use crate::types::{Millis, SpeakerRole};

/// Most samples of a message about one alert.
const MAX_SAMPLES: usize = 2;
/// Most rules that are named.
const MAX_RULES: usize = 3;

/// An event with its alert.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) event: Event,
    pub(super) alert: Alert,
}

/// A message without markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// What it is about.
    pub(super) title: String,
    /// Label and value; the label is empty where the line speaks for itself.
    pub(super) lines: Vec<(String, String)>,
    /// The most urgent level in it.
    pub(super) level: Level,
}

/// What is sent to see whether a receiver works.
pub(super) fn test_message() -> Message {
    let line = ("说明".to_owned(), "这是一条测试消息，没有对应的通话。".to_owned());
    Message { title: "【测试】谛听预警通道".to_owned(), lines: vec![line], level: Level::S5 }
}

/// The message about `items`: in full for one, a line each for more.
pub(super) fn message(items: &[Item], zone: &TimeZone) -> Message {
    let level = items.iter().map(|item| item.alert.level).min().unwrap_or(Level::S5);
    match items {
        [one] => Message { title: title(one), lines: lines(one, zone), level },
        many => {
            let count = |level: Level| many.iter().filter(|item| item.alert.level == level).count();
            let levels = Level::ALL;
            let counts: Vec<String> = levels
                .into_iter()
                .filter(|level| count(*level) > 0)
                .map(|level| format!("{level:?} {} 条", count(level)))
                .collect();
            Message {
                title: format!("【预警】{} 条：{}", many.len(), counts.join("，")),
                lines: many.iter().map(|item| (String::new(), line(item, zone))).collect(),
                level,
            }
        }
    }
}

fn title(item: &Item) -> String {
    let Item { event, alert } = item;
    let (level, name) = (alert.level, plain(&alert.risk_name));
    let num_members = alert.digest.as_ref().map(|digest| digest.alerts.len());
    let of = num_members.map(|number| format!("（汇总 {number} 条）")).unwrap_or_default();
    match event.kind {
        EventKind::Raised | EventKind::HeldBack if num_members.is_some() => {
            format!("【{level:?} 预警汇总】{name}：另有 {} 条", num_members.unwrap_or_default())
        }
        EventKind::Raised | EventKind::HeldBack => format!("【{level:?} 预警】{name}"),
        EventKind::Reinstated => format!("【{level:?} 预警恢复】{name}{of}"),
        EventKind::Escalated => format!("【{level:?} 预警超时未确认】{name}{of}"),
        EventKind::Acknowledged => format!("【预警已确认】{name}{of}"),
        EventKind::Assigned => format!("【预警已分派】{name}{of}"),
        EventKind::Closed => format!("【预警已关闭】{name}{of}"),
        EventKind::Withdrawn | EventKind::Erased => format!("【预警已撤回】{name}{of}"),
    }
}

fn lines(item: &Item, zone: &TimeZone) -> Vec<(String, String)> {
    let Item { event, alert } = item;
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut put = |label, value: String| {
        if !value.is_empty() {
            lines.push((label, value));
        }
    };
    match event.kind {
        EventKind::Escalated => {
            let waited = event.at.duration_since(alert.raised_at).as_secs();
            put("提醒", format!("已 {}无人确认，请立即处理", length(waited)));
        }
        EventKind::Acknowledged
        | EventKind::Assigned
        | EventKind::Closed
        | EventKind::Withdrawn
        | EventKind::Erased
        | EventKind::Reinstated => put("处理", done(event)),
        EventKind::Raised | EventKind::HeldBack => {}
    }
    if let Some(digest) = &alert.digest {
        put("未逐条推送", reasons(digest));
        put("时段", format!("{} – {}", time(digest.since, zone), time(digest.until, zone)));
        put("明细", numbers(&digest.alerts));
    }
    if let Some(call) = &alert.call {
        put("通话", plain(call.id.as_str()));
        let within = alert.at.map(|at| format!("（通话 {} 处）", clock(at))).unwrap_or_default();
        put("时间", format!("{}{within}", time(call.started_at, zone)));
        put("座席", who(alert));
        put("业务", call.business.as_deref().map(plain).unwrap_or_default());
    }
    put("命中", rules(alert));
    for sample in alert.samples.iter().take(MAX_SAMPLES) {
        put("原话", said(sample));
    }
    put("编号", format!("{}", alert.number));
    lines.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()
}

/// One line for one event among several.
fn line(item: &Item, zone: &TimeZone) -> String {
    let Item { alert, .. } = item;
    let mut parts = vec![format!("{}（编号 {}）", title(item), alert.number)];
    if let Some(call) = &alert.call {
        parts.push(time(call.started_at, zone));
        parts.push(plain(call.id.as_str()));
        parts.push(who(alert));
    }
    if let Some(digest) = &alert.digest {
        parts.push(reasons(digest));
    }
    parts.push(alert.samples.first().map(said).unwrap_or_default());
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// Who did what with it.
fn done(event: &Event) -> String {
    let why = event.close_reason.map(CloseReason::title);
    let to = event.assignee.as_deref().filter(|_| event.kind == EventKind::Assigned);
    let parts = [
        Some(plain(&event.actor)),
        to.map(|to| format!("分派给 {}", plain(to))),
        why.map(str::to_owned),
        Some(plain(&event.note)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join("，")
}

fn reasons(digest: &Digest) -> String {
    held_back_text(digest.num_quiet, digest.num_too_many, digest.num_storm)
}

/// Why the alerts of a digest did not go out one by one: how many by the quiet interval, by the most a day, in a storm.
#[must_use]
pub fn held_back_text(num_quiet: u32, num_too_many: u32, num_storm: u32) -> String {
    let parts = [("同一客户间隔内", num_quiet), ("超过每日上限", num_too_many), ("短时过多", num_storm)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(why, number)| format!("{why} {number} 条"))
        .collect();
    parts.join("，")
}

/// Numbers as ranges, the first few of them.
fn numbers(numbers: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            Some(_) | None => ranges.push((*number, *number)),
        }
    }
    let shown: Vec<String> = ranges
        .iter()
        .take(5)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}–{last}") })
        .collect();
    let more = if ranges.len() > shown.len() { " 等" } else { "" };
    format!("编号 {}{more}", shown.join("、"))
}

fn who(alert: &Alert) -> String {
    let Some(call) = &alert.call else { return String::new() };
    let name = match (&call.agent_name, &call.agent_id) {
        (Some(name), Some(id)) => format!("{}（{}）", plain(name), plain(id)),
        (Some(one), None) | (None, Some(one)) => plain(one),
        (None, None) => String::new(),
    };
    let team = call.team.as_deref().or(call.skill_group.as_deref()).map(plain).unwrap_or_default();
    match (name.is_empty(), team.is_empty()) {
        (false, false) => format!("{name} {team}"),
        (true, _) => team,
        (_, true) => name,
    }
}

fn rules(alert: &Alert) -> String {
    let named = alert.rules.iter().take(MAX_RULES);
    let named: Vec<String> =
        named.map(|rule| format!("{} {}", plain(rule.id.as_str()), plain(&rule.name))).collect();
    let more =
        if alert.rules.len() > MAX_RULES { format!(" 等 {} 条", alert.rules.len()) } else { String::new() };
    format!("{}{more}", named.join("、"))
}

fn said(sample: &Sample) -> String {
    let role = match sample.role {
        SpeakerRole::Agent => "客服",
        SpeakerRole::Customer => "客户",
        SpeakerRole::Bot => "机器人",
        SpeakerRole::Unknown => "未知",
    };
    let at = sample.at.map(|at| format!(" {}", clock(at))).unwrap_or_default();
    format!("{role}{at}：{}", plain(&sample.quote))
}

fn clock(at: Millis) -> String {
    let (hours, minutes, seconds) = (at.0 / 3_600_000, at.0 / 60_000 % 60, at.0 / 1000 % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn length(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} 秒"),
        60..3600 => format!("{} 分钟", seconds / 60),
        _ => format!("{} 小时 {} 分钟", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `text` with what the groups take for markup, mentions or addresses in full width, and on one line.
pub(super) fn plain(text: &str) -> String {
    let full_width = |c: char| match c {
        '<' => '＜',
        '>' => '＞',
        '[' => '［',
        ']' => '］',
        '*' => '＊',
        '`' => '｀',
        '#' => '＃',
        '@' => '＠',
        '~' => '～',
        '\\' => '＼',
        '|' => '｜',
        '!' => '！',
        '"' => '＂',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(full_width).collect::<String>().replace("://", "：//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_markup_or_a_mention() {
        assert_eq!(plain("<@all> [看](http://x.y)\n**急**"), "＜＠all＞ ［看］(http：//x.y) ＊＊急＊＊");
        assert_eq!(plain("138****1234"), "138＊＊＊＊1234");
        assert_eq!(numbers(&[1, 2, 3, 7, 9, 10]), "编号 1–3、7、9–10");
        assert_eq!(numbers(&[1, 3, 5, 7, 9, 11]), "编号 1、3、5、7、9 等");
        assert_eq!(
            (length(59), length(900), length(7_260)),
            ("59 秒".into(), "15 分钟".into(), "2 小时 1 分钟".into())
        );
    }
}
