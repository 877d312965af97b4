//! The parts of a report that a chat has in place of sound: who writes, how long customers wait, what was taken back.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp, Zoned};
use regex::{Captures, Regex};

use crate::proto::v1;

use super::{Style, label};

/// Times of a call: from its start, or times of day in a chat whose start is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    started: Option<Zoned>,
}

impl Times {
    pub(super) fn of(report: &v1::CallReport, style: &Style) -> Self {
        let chat = report.transcript.as_ref().and_then(|transcript| transcript.chat.as_ref());
        let started = chat.and_then(|chat| chat.started_at);
        let started = started.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        Self { started: started.map(|at| at.to_zoned(style.time_zone.clone())) }
    }

    /// The time `millis` after the start: `9:01:30`, a day later `+1 9:01:30`.
    pub(super) fn at(&self, millis: u64) -> String {
        let offset = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        let moment =
            self.started.as_ref().and_then(|started| started.checked_add(offset).ok().zip(Some(started)));
        let Some((moment, started)) = moment else { return label::clock(millis) };
        let days = moment.date().since(started.date()).map_or(0, |span| span.get_days());
        let time = moment.strftime("%-H:%M:%S");
        if days == 0 { time.to_string() } else { format!("+{days} {time}") }
    }

    /// `text` with its times as they are shown elsewhere.
    pub(super) fn within(&self, text: &str) -> String {
        static TIME: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(轮 |（)(?:(\d+):)?(\d+):(\d\d)\.(\d{3})").expect("it is a literal that compiles")
        });
        if self.started.is_none() {
            return label::in_tenths(text);
        }
        let shown = |found: &Captures<'_>| {
            let number = |group| found.get(group).map_or(0, |digits| digits.as_str().parse().unwrap_or(0));
            let seconds: u64 = number(2) * 3_600 + number(3) * 60 + number(4);
            format!("{}{}", &found[1], self.at(seconds.saturating_mul(1_000) + number(5)))
        };
        TIME.replace_all(text, shown).into_owned()
    }
}

/// What kind of conversation it was and how long.
pub(super) fn summary(transcript: &v1::Transcript, duration: u64) -> Vec<String> {
    let length = if duration > 0 { label::length(duration) } else { String::new() };
    vec!["文字会话".to_owned(), format!("{} 条消息", transcript.turns.len()), length]
}

/// How long the customer waited.
pub(super) fn responses(chat: &v1::ChatFacts) -> Vec<String> {
    let named = |name: &str, wait: &Option<prost_types::Duration>| {
        wait.as_ref().map(|wait| format!("{name} {}", label::length(label::millis(Some(wait)))))
    };
    let unanswered = chat.responses.iter().filter(|response| response.answer.is_none()).count();
    [
        named("首次", &chat.first_response),
        named("平均", &chat.mean_response),
        named("最长", &chat.max_response),
        (unanswered > 0).then(|| "结束时仍有消息未回复".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How many messages of whom were taken back.
pub(super) fn recalls(chat: &v1::ChatFacts) -> Vec<String> {
    let count = |role| chat.recalls.iter().filter(|recall| recall.role() == role).count();
    let roles =
        [v1::SpeakerRole::Agent, v1::SpeakerRole::Customer, v1::SpeakerRole::Bot, v1::SpeakerRole::Unknown];
    roles
        .into_iter()
        .filter(|role| count(*role) > 0)
        .map(|role| format!("{} {} 条", label::role(role), count(role)))
        .collect()
}

/// Who writes in whose role.
pub(super) fn senders(transcript: &v1::Transcript) -> Vec<String> {
    let mut named: Vec<(v1::SpeakerRole, &str)> = transcript
        .turns
        .iter()
        .filter(|turn| turn.kind() != v1::MessageKind::Event)
        .map(|turn| (turn.role(), turn.sender.as_str()))
        .collect();
    named.sort_unstable();
    named.dedup();
    named
        .into_iter()
        .map(|(role, sender)| format!("{} {sender}", role_name(role)).trim().to_owned())
        .collect()
}

/// A robot of a chat is no voice menu.
pub(super) fn role_name(role: v1::SpeakerRole) -> &'static str {
    match role {
        v1::SpeakerRole::Bot => "机器人",
        v1::SpeakerRole::Agent
        | v1::SpeakerRole::Customer
        | v1::SpeakerRole::Unknown
        | v1::SpeakerRole::Unspecified => label::role(role),
    }
}
