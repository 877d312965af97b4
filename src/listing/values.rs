//! Reads the values of columns and of parts of names as banks write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::types::{ChannelIndex, DeclaredCodec, Direction, HangUpSide, Media, SpeakerRole};

/// Years in which a call can have been recorded; what lies outside is a wrong column or a wrong format.
const YEARS: std::ops::RangeInclusive<i16> = 1980..=2100;

/// Ways to write a time that does not name its zone. Months, days and hours may have one digit.
const LOCAL_FORMATS: [&str; 9] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y.%m.%d %H:%M:%S%.f",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日%H时%M分%S秒",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M",
];

/// When a call began. Digits only are `yyyymmddhhmmss`, or seconds or milliseconds since 1970; a time without a zone is
/// one of `zone`.
pub(super) fn time(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let at = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        digits(text, zone)
    } else {
        let with_zone = text.parse::<Timestamp>().ok();
        with_zone.or_else(|| LOCAL_FORMATS.iter().find_map(|format| local(format, text, zone)))
    };
    let at = at.ok_or_else(|| {
        format!("`{text}` is not a time; write 2026-03-01 09:05:03 or 2026-03-01T09:05:03+08:00")
    })?;
    plausible(at, text, zone)
}

/// A time in `format`, as of `strptime`.
pub(super) fn time_in(format: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let broken = jiff::fmt::strtime::parse(format, text)
        .map_err(|_| format!("`{text}` is not a time as `{format}` describes it"))?;
    let at = broken.to_timestamp().ok();
    let at = at.or_else(|| broken.to_datetime().ok().and_then(|at| zoned(at, zone)));
    let at = at.or_else(|| {
        broken.to_date().ok().and_then(|at| zoned(at.to_datetime(jiff::civil::Time::midnight()), zone))
    });
    let at = at.ok_or_else(|| format!("`{text}` with `{format}` does not say a day"))?;
    plausible(at, text, zone)
}

fn plausible(at: Timestamp, text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if YEARS.contains(&zone.to_datetime(at).year()) {
        Ok(at)
    } else {
        Err(format!("`{text}` is {at:.0}: no call was recorded then"))
    }
}

fn digits(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    match text.len() {
        14 => local("%Y%m%d%H%M%S", text, zone),
        10 => Timestamp::from_second(text.parse().ok()?).ok(),
        13 => Timestamp::from_millisecond(text.parse().ok()?).ok(),
        _ => None,
    }
}

fn local(format: &str, text: &str, zone: &TimeZone) -> Option<Timestamp> {
    zoned(DateTime::strptime(format, text).ok()?, zone)
}

fn zoned(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(at).ok()
}

/// Names of directions and what they mean; also what a pattern takes for one.
pub(super) const DIRECTIONS: [(&str, Direction); 16] = [
    ("inbound", Direction::Inbound),
    ("outbound", Direction::Outbound),
    ("internal", Direction::Internal),
    ("incoming", Direction::Inbound),
    ("outgoing", Direction::Outbound),
    ("direction_inbound", Direction::Inbound),
    ("direction_outbound", Direction::Outbound),
    ("direction_internal", Direction::Internal),
    ("in", Direction::Inbound),
    ("out", Direction::Outbound),
    ("i", Direction::Inbound),
    ("o", Direction::Outbound),
    ("呼入", Direction::Inbound),
    ("呼出", Direction::Outbound),
    ("外呼", Direction::Outbound),
    ("内部", Direction::Internal),
];

pub(super) fn direction(text: &str) -> Result<Direction, String> {
    named(text, &DIRECTIONS, "inbound, outbound, internal, 呼入, 呼出 or 内部")
}

pub(super) fn media(text: &str) -> Result<Media, String> {
    let names = [
        ("voice", Media::Voice),
        ("audio", Media::Voice),
        ("media_voice", Media::Voice),
        ("录音", Media::Voice),
        ("语音", Media::Voice),
        ("chat", Media::Chat),
        ("text", Media::Chat),
        ("media_chat", Media::Chat),
        ("在线", Media::Chat),
        ("文本", Media::Chat),
        ("video", Media::Video),
        ("media_video", Media::Video),
        ("视频", Media::Video),
    ];
    named(text, &names, "voice, chat or video")
}

pub(super) fn hang_up_side(text: &str) -> Result<HangUpSide, String> {
    let names = [
        ("agent", HangUpSide::Agent),
        ("customer", HangUpSide::Customer),
        ("system", HangUpSide::System),
        ("hang_up_side_agent", HangUpSide::Agent),
        ("hang_up_side_customer", HangUpSide::Customer),
        ("hang_up_side_system", HangUpSide::System),
        ("caller", HangUpSide::Customer),
        ("坐席", HangUpSide::Agent),
        ("座席", HangUpSide::Agent),
        ("客服", HangUpSide::Agent),
        ("客户", HangUpSide::Customer),
        ("系统", HangUpSide::System),
    ];
    named(text, &names, "agent, customer or system")
}

pub(super) fn codec(text: &str) -> Result<DeclaredCodec, String> {
    DeclaredCodec::named(text).ok_or_else(|| {
        let names: Vec<_> = DeclaredCodec::all().map(|(_, name, _)| name).collect();
        format!("`{text}` is not known; write one of {}", names.join(", "))
    })
}

fn role(text: &str) -> Result<SpeakerRole, String> {
    let names = [
        ("agent", SpeakerRole::Agent),
        ("customer", SpeakerRole::Customer),
        ("bot", SpeakerRole::Bot),
        ("unknown", SpeakerRole::Unknown),
        ("speaker_role_agent", SpeakerRole::Agent),
        ("speaker_role_customer", SpeakerRole::Customer),
        ("speaker_role_bot", SpeakerRole::Bot),
        ("坐席", SpeakerRole::Agent),
        ("座席", SpeakerRole::Agent),
        ("客服", SpeakerRole::Agent),
        ("客户", SpeakerRole::Customer),
        ("机器人", SpeakerRole::Bot),
    ];
    named(text, &names, "agent, customer, bot or unknown")
}

fn named<T: Copy>(text: &str, names: &[(&str, T)], allowed: &str) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| format!("`{text}` is not known; write {allowed}"))
}

/// Roles of channels: `0=agent;1=customer`, parted by `;`, `,` or blanks.
pub(super) fn channel_roles(text: &str) -> Result<Vec<(ChannelIndex, SpeakerRole)>, String> {
    let parts = text.split([';', ',', '|', ' ', '；', '，']).map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (channel, name) = part
            .split_once(['=', ':'])
            .ok_or_else(|| format!("`{part}` does not read like 0=agent or 1=customer"))?;
        Ok((ChannelIndex(number(channel.trim())?), role(name.trim())?))
    };
    parts.map(pair).collect()
}

/// Channels to use: `0;2`.
pub(super) fn channels(text: &str) -> Result<Vec<ChannelIndex>, String> {
    let parts = text.split([';', ',', '|', ' ', '；', '，']).map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| number(part).map(ChannelIndex)).collect()
}

/// A whole number from 0 on.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number in the range of this field"))
}

/// A number over 0; with a fraction of nothing, as spreadsheets write it.
pub(super) fn positive<T: std::str::FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    let value: T = number(text.strip_suffix(".0").unwrap_or(text))?;
    if value > T::from(0) { Ok(value) } else { Err("must be over 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours_east(hours: i8) -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(hours))
    }

    #[test]
    fn the_same_moment_in_every_spelling() {
        let zone = hours_east(8);
        let moment: Timestamp = "2026-03-01T01:05:03Z".parse().expect("a time");
        for text in [
            "2026-03-01 09:05:03",
            "2026-03-01T09:05:03",
            "2026-3-1 9:05:03",
            "2026/3/1 9:05:03",
            "2026/03/01 09:05:03.000",
            "2026.03.01 09:05:03",
            "20260301090503",
            "2026年3月1日 9:05:03",
            "2026年03月01日09时05分03秒",
            "2026-03-01T09:05:03+08:00",
            "2026-03-01T01:05:03Z",
            "2026-03-01 02:05:03+01:00",
            "1772327103",
            "1772327103000",
        ] {
            assert_eq!(time(text, &zone), Ok(moment), "{text}");
        }
        assert_eq!(time_in("%Y%m%d_%H%M%S", "20260301_090503", &zone), Ok(moment));
        assert_eq!(time_in("%s", "1772327103", &zone), Ok(moment));
        let midnight: Timestamp = "2026-02-28T16:00:00Z".parse().expect("a time");
        assert_eq!(time_in("%Y%m%d", "20260301", &zone), Ok(midnight));
    }

    #[test]
    fn a_time_that_is_none_is_refused_with_what_to_write() {
        let zone = TimeZone::UTC;
        for text in [
            "",
            "yesterday",
            "2026-13-01 00:00:00",
            "2026-02-30 00:00:00",
            "0000000000",
            "12",
            "99999999999999",
        ] {
            assert!(time(text, &zone).is_err(), "{text}");
        }
        assert!(time("gestern", &zone).is_err_and(|problem| problem.contains("2026-03-01 09:05:03")));
    }

    #[test]
    fn names_are_taken_in_any_case_and_in_chinese() {
        assert_eq!(direction("OUT"), Ok(Direction::Outbound));
        assert_eq!(direction("呼入"), Ok(Direction::Inbound));
        assert!(direction("sideways").is_err_and(|problem| problem.contains("inbound")));
        assert_eq!(
            channel_roles("0=agent; 1=客户"),
            Ok(vec![(ChannelIndex(0), SpeakerRole::Agent), (ChannelIndex(1), SpeakerRole::Customer)])
        );
        assert!(channel_roles("agent").is_err());
        assert_eq!(positive::<u32>("8000.0"), Ok(8000));
        assert!(positive::<u32>("0").is_err() && positive::<u16>("70000").is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_reader(text in "\\PC{0,40}") {
            drop((time(&text, &TimeZone::UTC), direction(&text), channel_roles(&text), channels(&text)));
        }
    }
}
