//! The text report: what the call is, its score with what it lost, then every word.

use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use crate::proto::v1;

use super::chat::{self, Times};
use super::layout::{Page, Piece, Tone, pad, pad_left, piece};
use super::{Style, agents, conversation, findings, label};

/// Columns of the names at the left of the header.
const NAME_COLUMNS: usize = 6;

/// Renders a report for an inspector.
#[must_use]
pub fn render_text(report: &v1::CallReport, style: &Style) -> String {
    let mut page = Page::new(style, Times::of(report, style));
    let call = report.call.clone().unwrap_or_default();
    write_call(&mut page, &call);
    if let Some(transcript) = &report.transcript {
        write_recording(&mut page, &call, transcript);
        write_roles(&mut page, transcript);
    }
    let turns = report.transcript.as_ref().map_or(&[][..], |transcript| &transcript.turns);
    if let Some(scorecard) = &report.scorecard {
        write_score(&mut page, scorecard, &report.findings, report.final_scorecard.as_ref());
    }
    agents::write(&mut page, &report.agent_parts);
    findings::write(&mut page, &report.findings, turns);
    if let Some(transcript) = &report.transcript {
        page.heading("对话");
        let counting: Vec<v1::Finding> =
            report.findings.iter().filter(|finding| !label::is_overruled(finding)).cloned().collect();
        conversation::write(&mut page, transcript, &counting);
    }
    findings::write_not_applicable(&mut page, &report.findings);
    page.into_text()
}

fn fact(page: &mut Page<'_>, name: &str, facts: &[String], tone: Tone) {
    let facts: Vec<&str> = facts.iter().map(String::as_str).filter(|fact| !fact.is_empty()).collect();
    if facts.is_empty() {
        return;
    }
    let line = [piece(pad(name, NAME_COLUMNS), Tone::Faint), piece(facts.join(" · "), tone)];
    page.line(&line, NAME_COLUMNS);
}

fn write_call(page: &mut Page<'_>, call: &v1::Call) {
    let metadata = call.metadata.clone().unwrap_or_default();
    let started = metadata.started_at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    let zone = page.style().time_zone.clone();
    let started =
        started.map(|at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()).unwrap_or_default();
    let title = [
        piece(
            pad(if metadata.media() == v1::Media::Chat { "会话" } else { "通话" }, NAME_COLUMNS),
            Tone::Faint,
        ),
        piece(&call.call_id, Tone::Strong),
        piece(if started.is_empty() { String::new() } else { format!(" · {started}") }, Tone::Plain),
    ];
    page.line(&title, NAME_COLUMNS);
    let direction = label::direction(metadata.direction()).unwrap_or_default().to_owned();
    let agent = format!("{} {}", metadata.agent_name, metadata.agent_id).trim().to_owned();
    fact(page, "座席", &[agent, metadata.team, metadata.skill_group], Tone::Plain);
    fact(page, "业务", &[direction, metadata.business, metadata.product], Tone::Plain);
    if !matches!(call.state(), v1::CallState::Done | v1::CallState::Unspecified) {
        let failure = call.failure.clone().unwrap_or_default();
        let tone = if call.state() == v1::CallState::Failed { Tone::Bad } else { Tone::Notice };
        fact(page, "状态", &[label::state(call.state()).to_owned(), failure.message, failure.reason], tone);
    }
}

fn write_recording(page: &mut Page<'_>, call: &v1::Call, transcript: &v1::Transcript) {
    let declaration = call.recording.as_ref().and_then(|recording| recording.declaration.as_ref());
    let file_name = declaration.map(|declaration| declaration.file_name.clone()).unwrap_or_default();
    let timing = transcript.timing.clone().unwrap_or_default();
    let duration = label::millis(timing.duration.as_ref());
    if let Some(facts) = &transcript.chat {
        fact(page, "渠道", &chat::summary(transcript, duration), Tone::Plain);
        fact(page, "响应", &chat::responses(facts), Tone::Plain);
        fact(page, "撤回", &chat::recalls(facts), Tone::Notice);
        return;
    }
    let mut warnings = Vec::new();
    if let Some(audio) = &transcript.audio {
        let format = format!("{}/{}", audio.container, audio.codec);
        let rate = format!("{} Hz", audio.rate_hz);
        let channels = format!("{} 声道", audio.num_channels);
        fact(page, "录音", &[file_name, label::length(duration), format, rate, channels], Tone::Plain);
        let named = |name: &String| label::warning(name).map_or_else(|| name.clone(), str::to_owned);
        warnings.extend(audio.warnings.iter().map(named));
    }
    fact(page, "声道", &[label::channels(transcript)], Tone::Plain);
    for channel in &transcript.silent_channels {
        warnings.push(format!("声道 {channel} 全程无声"));
    }
    let counted = |counts: &std::collections::HashMap<String, u32>| counts.values().sum::<u32>();
    let redone = match counted(&transcript.redecoded) {
        0 => String::new(),
        number => format!("重新识别 {number} 段"),
    };
    let dropped = match counted(&transcript.dropped) {
        0 => String::new(),
        number => format!("丢弃疑似臆造 {number} 段"),
    };
    fact(
        page,
        "模型",
        &[transcript.model.clone(), transcript.language.clone(), redone, dropped],
        Tone::Plain,
    );
    write_timing(page, &timing, duration);
    fact(page, "注意", &warnings, Tone::Notice);
}

fn write_timing(page: &mut Page<'_>, timing: &v1::Timing, duration: u64) {
    if duration == 0 {
        return;
    }
    let percent = |millis: u64| (millis.saturating_mul(100).saturating_add(duration / 2)) / duration;
    let share = |millis: u64| format!("{} ({}%)", label::length(millis), percent(millis));
    let talk = |name: &str, millis: u64, pace: Option<f32>| match (millis, pace) {
        (0, _) => String::new(),
        (millis, Some(pace)) => format!("{name} {}，{pace:.0} 字/分", share(millis)),
        (millis, None) => format!("{name} {}", share(millis)),
    };
    let overlapped = match timing.overlaps.len() {
        0 => String::new(),
        number => format!("同时说话 {number} 次"),
    };
    let facts = [
        talk("客服", label::millis(timing.agent_talk.as_ref()), timing.agent_chars_per_min),
        talk("客户", label::millis(timing.customer_talk.as_ref()), timing.customer_chars_per_min),
        format!("静音 {}", share(label::millis(timing.silence.as_ref()))),
        match label::millis(timing.hold.as_ref()) {
            0 => String::new(),
            hold => format!("保持 {}", share(hold)),
        },
        overlapped,
    ];
    fact(page, "时间", &facts, Tone::Plain);
}

fn write_roles(page: &mut Page<'_>, transcript: &v1::Transcript) {
    let mut named: Vec<(u32, Option<u32>, v1::SpeakerRole)> =
        transcript.turns.iter().map(|turn| (turn.channel, turn.speaker, turn.role())).collect();
    named.sort_unstable();
    named.dedup();
    let source = transcript.role_source();
    if transcript.chat.is_some() {
        named.clear();
    }
    let told_apart = transcript.separation.as_ref().is_some_and(|separation| separation.separated);
    let mut facts: Vec<String> = named
        .iter()
        .filter_map(|(channel, speaker, role)| match speaker {
            Some(speaker) => Some(format!("说话人{} {}", speaker.saturating_add(1), label::role(*role))),
            // Turns of nobody in particular are no party of the call.
            None if told_apart => None,
            None => Some(format!("声道 {channel} {}", label::role(*role))),
        })
        .collect();
    if transcript.chat.is_some() {
        facts = chat::senders(transcript);
    }
    facts.push(match source {
        v1::RoleSource::Metadata if transcript.chat.is_some() => "由账号或随录信息确定".to_owned(),
        v1::RoleSource::Evidence | v1::RoleSource::Voices => {
            format!("{}，把握 {:.2}", label::role_source(source), transcript.role_confidence)
        }
        v1::RoleSource::Metadata | v1::RoleSource::Unknown | v1::RoleSource::Unspecified => {
            label::role_source(source).to_owned()
        }
    });
    fact(page, "角色", &facts, Tone::Plain);
    if source == v1::RoleSource::Metadata && transcript.role_confidence < 0.5 {
        fact(page, "注意", &["话语内容与声明的角色相反，声道可能接反".to_owned()], Tone::Bad);
    }
}

fn write_score(
    page: &mut Page<'_>,
    scorecard: &v1::ScorecardResult,
    findings: &[v1::Finding],
    decided: Option<&v1::ScorecardResult>,
) {
    page.heading("得分");
    let tone = if !scorecard.scored {
        Tone::Notice
    } else if scorecard.vetoed || scorecard.score < scorecard.full * 0.6 {
        Tone::Bad
    } else if scorecard.score < scorecard.full {
        Tone::Notice
    } else {
        Tone::Good
    };
    let mut line: Vec<Piece> = if scorecard.scored {
        vec![
            piece(label::number(scorecard.score), tone),
            piece(format!(" / {}", label::number(scorecard.full)), Tone::Plain),
        ]
    } else {
        let why = label::unscored(&scorecard.unscored_reason).unwrap_or(&scorecard.unscored_reason);
        vec![piece("未评分", tone), piece(format!("（{why}）"), Tone::Plain)]
    };
    if scorecard.vetoed {
        line.push(piece("  一票否决", Tone::Bad));
    }
    if let Some(decided) = decided {
        let score = if decided.scored { label::number(decided.score) } else { "未评分".to_owned() };
        let veto = match (scorecard.vetoed, decided.vetoed) {
            (_, true) => "，一票否决",
            (true, false) => "，一票否决已撤销",
            (false, false) => "",
        };
        line.push(piece(format!("  人工复核后 {score}{veto}"), Tone::Strong));
    }
    // What counts, beside the score that counts; without a decision as the table adds up. Watch rules are in no dimension.
    let counting = |finding: &v1::Finding| match label::is_overruled(finding) {
        true => finding.final_verdict(),
        false => finding.verdict(),
    };
    let count = |verdict, watch| {
        let of_verdict = findings.iter().filter(|finding| counting(finding) == verdict);
        of_verdict.filter(|finding| (finding.kind() == v1::RuleKind::Watch) == watch).count()
    };
    let counts = format!(
        "  命中 {}，通过 {}，不适用 {}；预警 {}",
        count(v1::Verdict::Hit, false),
        count(v1::Verdict::Miss, false),
        count(v1::Verdict::NotApplicable, false),
        count(v1::Verdict::Hit, true)
    );
    line.push(piece(counts, Tone::Plain));
    line.push(piece(format!("  {} {}", scorecard.scheme, scorecard.revision), Tone::Faint));
    page.line(&line, 2);
    write_dimensions(page, &scorecard.dimensions, decided.map_or(&[], |decided| &decided.dimensions));
}

/// The dimensions, and beside what the machine gives what counts where people decided.
fn write_dimensions(page: &mut Page<'_>, dimensions: &[v1::DimensionScore], decided: &[v1::DimensionScore]) {
    if dimensions.is_empty() {
        return;
    }
    let widest = dimensions.iter().map(|dimension| dimension.name.width()).max().unwrap_or(0).max(4);
    let row = |cells: [String; 5]| cells.iter().map(|cell| pad_left(cell, 8)).collect::<String>();
    let mut head = row(["得分", "满分", "检查", "命中", "不适用"].map(str::to_owned));
    if !decided.is_empty() {
        head.push_str(&pad_left("复核后", 8));
    }
    page.line(&[piece(format!("  {}{head}", pad("维度", widest)), Tone::Faint)], 2);
    for dimension in dimensions {
        let score = |one: &v1::DimensionScore| match one.num_checked {
            0 => "–".to_owned(),
            _ => label::number(one.score),
        };
        let mut cells = row([
            score(dimension),
            label::number(dimension.full),
            dimension.num_checked.to_string(),
            dimension.num_hit.to_string(),
            dimension.num_not_applicable.to_string(),
        ]);
        if let Some(decided) = decided.iter().find(|decided| decided.name == dimension.name) {
            cells.push_str(&pad_left(&score(decided), 8));
        }
        let tone = if dimension.score < dimension.full { Tone::Notice } else { Tone::Plain };
        page.line(&[piece(format!("  {}{cells}", pad(&dimension.name, widest)), tone)], 2);
    }
}
