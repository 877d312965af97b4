//! Golden reports. The call is made up; what it holds is chosen to show every part of a report.

use jiff::tz::{Offset, TimeZone};

use super::*;
use crate::proto::{json, v1};

fn report() -> v1::CallReport {
    json::parse(include_str!("../../../tests/golden/report.json")).expect("the golden report is valid")
}

fn style(width: usize) -> Style {
    Style { colour: false, width, time_zone: TimeZone::fixed(Offset::constant(8)) }
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_text_report_reads_as_agreed() {
    golden("report_text", &render_text(&report(), &style(100)));
}

/// A chat of two agents over two days, with a robot, a picture and a message that was taken back.
fn chat() -> v1::CallReport {
    json::parse(include_str!("../../../tests/golden/chat.json")).expect("the golden chat is valid")
}

#[test]
fn the_text_report_of_a_chat_reads_as_agreed() {
    golden("chat_text", &render_text(&chat(), &style(100)));
    assert_eq!(render_srt(&chat()), "", "nobody speaks");
}

#[test]
fn a_chat_without_a_start_shows_times_from_its_beginning() {
    let mut report = chat();
    let facts = report.transcript.as_mut().and_then(|transcript| transcript.chat.as_mut());
    facts.expect("it is a chat").started_at = None;
    let text = render_text(&report, &style(100));
    assert!(text.contains("第 5 轮 2:30.0") && !text.contains("9:02:30"), "{text}");
}

#[test]
fn holds_and_agents_of_a_call_are_shown() {
    let mut report = report();
    report.agent_parts = chat().agent_parts;
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let timing = report.transcript.as_mut().and_then(|transcript| transcript.timing.as_mut());
    let timing = timing.expect("the golden report has one");
    timing.holds = vec![v1::TimeSpan { start: seconds(20), end: seconds(32) }];
    timing.hold = seconds(12);
    let text = render_text(&report, &style(100));
    assert!(text.contains("── 通话保持 12.0 秒 ──") && text.matches("保持").count() == 2, "{text}");
    assert!(text.contains("── 各座席") && text.contains("王芳 kf_8021"), "{text}");
}

#[test]
fn the_subtitles_read_as_agreed() {
    golden("report_srt", &render_srt(&report()));
}

#[test]
fn a_narrow_terminal_is_never_overrun() {
    use unicode_width::UnicodeWidthStr;
    let text = render_text(&report(), &style(60));
    // A closing mark may hang over the edge by its own width.
    let widest = text.lines().map(UnicodeWidthStr::width).max();
    assert!(widest <= Some(60), "{widest:?}\n{text}");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = render_text(&report(), &style(100));
    let coloured = render_text(&report(), &Style { colour: true, ..style(100) });
    assert_ne!(plain, coloured);
    let escape = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a literal");
    assert_eq!(escape.replace_all(&coloured, ""), plain);
}

#[test]
fn a_call_that_is_not_done_still_has_a_report() {
    let call = v1::Call {
        call_id: "demo-002".to_owned(),
        state: v1::CallState::Failed.into(),
        failure: Some(v1::Failure {
            reason: "audio.unsupported_codec".to_owned(),
            message: "codec `g729` cannot be decoded".to_owned(),
        }),
        ..v1::Call::default()
    };
    let report = v1::CallReport { call: Some(call), ..v1::CallReport::default() };
    let text = render_text(&report, &style(100));
    assert!(text.contains("处理失败 · codec `g729` cannot be decoded · audio.unsupported_codec"), "{text}");
    assert_eq!(render_srt(&report), "");
    assert_eq!(render_text(&v1::CallReport::default(), &style(100)).lines().count(), 1);
}

#[test]
fn a_channel_order_against_the_words_is_said_loudly() {
    let mut report = report();
    let transcript = report.transcript.as_mut().expect("the golden report has one");
    (transcript.role_source, transcript.role_confidence) = (v1::RoleSource::Metadata.into(), 0.01);
    assert!(render_text(&report, &style(100)).contains("声道可能接反"));
}

#[test]
fn a_mono_call_says_whether_its_voices_were_told_apart() {
    let mut report = report();
    let transcript = report.transcript.as_mut().expect("the golden report has one");
    transcript.layout = v1::ChannelLayout::Mono.into();
    transcript.role_source = v1::RoleSource::Voices.into();
    transcript.separation = Some(v1::Separation { separated: true, confidence: 0.97, reason: String::new() });
    for (index, turn) in transcript.turns.iter_mut().enumerate() {
        turn.speaker = (index > 0).then_some(1);
        turn.role = v1::SpeakerRole::Unknown.into();
        turn.speaker_confidence = Some(0.61);
    }
    let text = render_text(&report, &style(100));
    assert!(text.contains("单声道，按声音分离（置信度 0.97）"), "{text}");
    assert!(text.contains("说话人2") && text.contains("〔说话人存疑 0.61〕"), "{text}");
    assert!(render_srt(&report).contains("说话人2："));
    let transcript = report.transcript.as_mut().expect("the golden report has one");
    transcript.separation =
        Some(v1::Separation { separated: false, confidence: 0.4, reason: "unsure".to_owned() });
    assert!(render_text(&report, &style(100)).contains("按声音未能可靠分离（置信度 0.40）"));
}

#[test]
fn evidence_outside_its_turn_does_not_panic() {
    let mut report = report();
    for evidence in report.findings.iter_mut().flat_map(|finding| &mut finding.evidence) {
        (evidence.char_from, evidence.char_to) = (evidence.char_to + 900, u32::MAX);
    }
    assert!(!render_text(&report, &style(100)).contains("【保本保席】"));
}
