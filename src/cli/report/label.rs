//! Chinese words for the wire's names, and numbers as people read them.

use std::sync::LazyLock;

use regex::Regex;

use crate::proto::v1;

use super::layout::Tone;

/// Who talks.
pub(in crate::cli) fn role(role: v1::SpeakerRole) -> &'static str {
    match role {
        v1::SpeakerRole::Agent => "客服",
        v1::SpeakerRole::Customer => "客户",
        v1::SpeakerRole::Bot => "语音菜单",
        v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified => "未知",
    }
}

/// Who says a turn: the role, else which of the voices that were told apart.
pub(super) fn speaker(turn: &v1::Turn) -> String {
    match (turn.role(), turn.speaker) {
        (v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified, Some(speaker)) => {
            format!("说话人{}", speaker.saturating_add(1))
        }
        (known, _) => role(known).to_owned(),
    }
}

/// The tone of what a role says.
pub(super) fn role_tone(role: v1::SpeakerRole) -> Tone {
    match role {
        v1::SpeakerRole::Agent => Tone::Agent,
        v1::SpeakerRole::Customer => Tone::Customer,
        v1::SpeakerRole::Bot | v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified => Tone::Plain,
    }
}

/// Where roles come from.
pub(super) fn role_source(source: v1::RoleSource) -> &'static str {
    match source {
        v1::RoleSource::Metadata => "随录音声明",
        v1::RoleSource::Evidence => "由话语内容判断",
        v1::RoleSource::Voices => "按声音分离后由话语内容判断",
        v1::RoleSource::Unknown | v1::RoleSource::Unspecified => "无法判断",
    }
}

/// How channels relate.
pub(super) fn layout(layout: v1::ChannelLayout) -> &'static str {
    match layout {
        v1::ChannelLayout::Mono => "单声道（双方混在一起）",
        v1::ChannelLayout::Stereo => "双声道（一方一路）",
        v1::ChannelLayout::DualMono => "双声道但内容相同（双方混在一起）",
        v1::ChannelLayout::Unspecified => "无音频",
    }
}

/// How channels relate, and whether the voices of a mixed one were told apart.
pub(super) fn channels(transcript: &v1::Transcript) -> String {
    let mixed = layout(transcript.layout());
    let Some(separation) = &transcript.separation else { return mixed.to_owned() };
    let confidence = separation.confidence;
    if separation.separated {
        let carrier = match transcript.layout() {
            v1::ChannelLayout::DualMono => "双声道但内容相同",
            v1::ChannelLayout::Mono | v1::ChannelLayout::Stereo | v1::ChannelLayout::Unspecified => "单声道",
        };
        return format!("{carrier}，按声音分离（置信度 {confidence:.2}）");
    }
    match separation.reason.as_str() {
        "unsure" => format!("{mixed} · 按声音未能可靠分离（置信度 {confidence:.2}），不区分说话人"),
        "too_little_speech" => format!("{mixed} · 语音太少，未按声音分离"),
        "one_speaker" => "单声道（声明只有一人说话）".to_owned(),
        "many_speakers" => format!("{mixed} · 声明多于两人，未按声音分离"),
        _ => mixed.to_owned(),
    }
}

/// Who called whom.
pub(super) fn direction(direction: v1::Direction) -> Option<&'static str> {
    match direction {
        v1::Direction::Inbound => Some("呼入"),
        v1::Direction::Outbound => Some("呼出"),
        v1::Direction::Internal => Some("内部通话"),
        v1::Direction::Unspecified => None,
    }
}

/// How far a call is.
pub(super) fn state(state: v1::CallState) -> &'static str {
    match state {
        v1::CallState::Accepted => "已接收，等待处理",
        v1::CallState::Decoding => "正在解码",
        v1::CallState::Transcribing => "正在转写",
        v1::CallState::Scoring => "正在评分",
        v1::CallState::Done => "已完成",
        v1::CallState::Failed => "处理失败",
        v1::CallState::Unspecified => "未知",
    }
}

/// How much a rule matters.
pub(super) fn level(level: v1::Level) -> (&'static str, Tone) {
    match level {
        v1::Level::S1 => ("S1", Tone::Bad),
        v1::Level::S2 => ("S2", Tone::Bad),
        v1::Level::S3 => ("S3", Tone::Notice),
        v1::Level::S4 => ("S4", Tone::Notice),
        v1::Level::S5 => ("S5", Tone::Faint),
        v1::Level::Unspecified => ("--", Tone::Faint),
    }
}

/// Whether a person decided another verdict than the machine's.
pub(in crate::cli) fn is_overruled(finding: &v1::Finding) -> bool {
    finding.final_verdict() != v1::Verdict::Unspecified && finding.final_verdict() != finding.verdict()
}

/// What a rule is for.
pub(super) fn kind(kind: v1::RuleKind) -> &'static str {
    match kind {
        v1::RuleKind::Required => "必说",
        v1::RuleKind::Forbidden => "禁说",
        v1::RuleKind::Acoustic => "声学",
        v1::RuleKind::Process => "流程",
        v1::RuleKind::Watch => "预警",
        v1::RuleKind::Unspecified => "其他",
    }
}

/// Why a call has no score, when the name is a known one.
pub(super) fn unscored(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "role_unknown" => "无法确定谁是座席",
        "role_disputed" => "声明的角色与话语相反",
        "too_little_judged" => "可判断的规则太少",
        "too_little_speech" => "座席说话太少",
        _ => return None,
    })
}

/// What was wrong with a recording but bearable.
pub(super) fn warning(name: &str) -> Option<&'static str> {
    Some(match name {
        "audio.truncated" => "录音结尾不完整",
        "audio.corrupt_packets" => "录音有损坏的片段",
        "audio.decoder_gap" => "录音中间有缺失",
        "audio.broken_time_stamps" => "录音的时间戳有错",
        "audio.clipping" => "录音有削波失真",
        _ => return None,
    })
}

/// A time or length in milliseconds; negative and absurd ones are held at the ends.
pub(in crate::cli) fn millis(duration: Option<&prost_types::Duration>) -> u64 {
    let Some(duration) = duration else { return 0 };
    let seconds = u64::try_from(duration.seconds).unwrap_or(0);
    let nanos = u64::try_from(duration.nanos).unwrap_or(0).min(999_999_999);
    seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}

/// A time as a player shows it, in tenths: `1:02.3`.
pub(in crate::cli) fn clock(millis: u64) -> String {
    let (tenths, seconds) = (millis % 1000 / 100, millis / 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{tenths}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}.{tenths}"),
    }
}

/// `text` with its times cut to tenths, as [`clock`] shows them: `第 3 轮 0:18.452` becomes `第 3 轮 0:18.4`.
pub(super) fn in_tenths(text: &str) -> String {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(轮 [0-9:]+\.[0-9])[0-9]{2}").expect("it is a literal that compiles"));
    TIME.replace_all(text, "$1").into_owned()
}

/// A length for people: `12.3 秒`, `5 分 48 秒`.
pub(super) fn length(millis: u64) -> String {
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{}.{} 秒", seconds, millis % 1000 / 100),
        (0, minutes) => format!("{minutes} 分 {seconds:02} 秒"),
        (hours, minutes) => format!("{hours} 小时 {minutes:02} 分"),
    }
}

/// Points or a measured value with at most two decimals and none for nothing.
pub(super) fn number(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    // Adding zero turns −0 into 0.
    format!("{}", rounded + 0.0)
}

/// Points with their sign.
pub(super) fn points(value: f64) -> String {
    match number(value.abs()) {
        size if value < 0.0 => format!("−{size}"),
        size if value > 0.0 => format!("+{size}"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_read_well() {
        assert_eq!(clock(62_340), "1:02.3");
        assert_eq!(clock(3_600_000), "1:00:00.0");
        assert_eq!((length(12_340), length(348_000)), ("12.3 秒".to_owned(), "5 分 48 秒".to_owned()));
        assert_eq!(
            (points(-20.0), points(0.5), points(-0.0)),
            ("−20".to_owned(), "+0.5".to_owned(), "0".to_owned())
        );
        assert_eq!(number(1.0 / 3.0), "0.33");
        assert_eq!(in_tenths("说了“0:18.452”（第 3 轮 1:00:18.452）"), "说了“0:18.452”（第 3 轮 1:00:18.4）");
    }

    #[test]
    fn hostile_durations_do_not_overflow() {
        let wild = prost_types::Duration { seconds: i64::MAX, nanos: i32::MIN };
        assert_eq!(millis(Some(&wild)), u64::MAX);
        assert_eq!(millis(Some(&prost_types::Duration { seconds: -5, nanos: 0 })), 0);
    }
}
