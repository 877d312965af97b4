//! The parts of a report that explain the score: what hit, with evidence, and what could not be judged.

use std::collections::BTreeMap;

use crate::analysis::reason_title;
use crate::proto::v1;

use super::label;
use super::layout::{Page, Piece, Tone, piece};
use super::marks;

/// Characters shown on either side of the words that hit.
const CONTEXT_CHARS: usize = 14;

/// Pieces of evidence shown for one rule; the dialogue below marks all.
const MAX_EVIDENCE: usize = 5;

/// Below this, words may not be what was said.
pub(super) const LOW_CONFIDENCE: f32 = 0.6;

/// Writes hits, first those that cost points, then how many rules could not be judged.
pub(super) fn write(page: &mut Page<'_>, findings: &[v1::Finding], turns: &[v1::Turn]) {
    let machine = |finding: &&v1::Finding| finding.verdict() == v1::Verdict::Hit;
    let hits = || findings.iter().filter(machine).filter(|finding| !label::is_overruled(finding));
    let costs = |finding: &&v1::Finding| finding.score_delta < 0.0 || finding.veto;
    let groups = [
        ("扣分", hits().filter(costs).collect::<Vec<_>>()),
        ("命中（不扣分）", hits().filter(|finding| !costs(finding)).collect()),
    ];
    for (title, group) in groups {
        if group.is_empty() {
            continue;
        }
        page.heading(&format!("{title} {} 项", group.len()));
        for finding in group {
            write_hit(page, finding, turns);
        }
    }
    let added = findings
        .iter()
        .filter(|one| one.verdict() != v1::Verdict::Hit && one.final_verdict() == v1::Verdict::Hit);
    let added: Vec<&v1::Finding> = added.collect();
    if !added.is_empty() {
        page.heading(&format!("人工认定 {} 项（机器未命中）", added.len()));
        added.iter().for_each(|finding| write_hit(page, finding, turns));
    }
    let gone: Vec<&v1::Finding> =
        findings.iter().filter(machine).filter(|one| label::is_overruled(one)).collect();
    if !gone.is_empty() {
        page.heading(&format!("人工撤销 {} 项（机器命中，不再计入）", gone.len()));
        gone.iter().for_each(|finding| write_hit(page, finding, turns));
    }
    count_not_applicable(page, findings);
}

/// What a person made of a finding, beside what the machine says.
fn write_decision(page: &mut Page<'_>, finding: &v1::Finding) {
    if finding.decision_by.is_empty() {
        return;
    }
    let counts = finding.final_verdict();
    let word = match counts {
        v1::Verdict::Hit => "命中",
        v1::Verdict::Miss => "未命中",
        v1::Verdict::NotApplicable => "不适用",
        v1::Verdict::Unspecified => return,
    };
    let (how, tone) =
        if counts == finding.verdict() { ("维持", Tone::Plain) } else { ("改判", Tone::Notice) };
    let comment = match finding.decision_comment.as_str() {
        "" => String::new(),
        comment => format!("：{comment}"),
    };
    let turn = finding.decision_turn.map_or_else(String::new, |turn| format!("，第 {} 轮", turn + 1));
    let line = [
        piece(format!("     人工{how}{word}{turn}"), tone),
        piece(format!("（{}）{comment}", finding.decision_by), Tone::Plain),
    ];
    page.line(&line, 5);
}

/// The points of a finding, and those that count where people changed them.
fn points(finding: &v1::Finding) -> String {
    let machine = label::points(finding.score_delta);
    match finding.final_score_delta.map(label::points) {
        Some(counting) if counting != machine => format!("{machine} → {counting}"),
        Some(_) | None => machine,
    }
}

/// Whether the veto of a finding counts.
fn counting_veto(finding: &v1::Finding) -> bool {
    if finding.final_score_delta.is_some() { finding.final_veto } else { finding.veto }
}

fn write_hit(page: &mut Page<'_>, finding: &v1::Finding, turns: &[v1::Turn]) {
    let (level, tone) = label::level(finding.level());
    let mut title = vec![
        piece(format!("{level} "), tone),
        piece(format!("{} {}", finding.rule_id, finding.rule_name), Tone::Strong),
        piece(format!("  {}", points(finding)), tone),
    ];
    match (finding.veto, counting_veto(finding)) {
        (_, true) => title.push(piece(" 一票否决", Tone::Bad)),
        (true, false) => title.push(piece(" 一票否决已撤销", Tone::Notice)),
        (false, false) => {}
    }
    title.push(piece(format!("  {} · {}", label::kind(finding.kind()), finding.dimension), Tone::Faint));
    page.line(&title, 5);
    write_decision(page, finding);
    if !finding.explanation.is_empty() {
        let whose = if label::is_overruled(finding) { "机器：" } else { "" };
        let text = format!("     {whose}{}", page.times().within(&finding.explanation));
        page.line(&[piece(text, Tone::Plain)], 5);
    }
    for evidence in finding.evidence.iter().take(MAX_EVIDENCE) {
        write_evidence(page, evidence, turns, tone);
    }
    let num_more = finding.evidence.len().saturating_sub(MAX_EVIDENCE);
    if num_more > 0 {
        page.line(&[piece(format!("       另有 {num_more} 处"), Tone::Faint)], 7);
    }
}

fn write_evidence(page: &mut Page<'_>, evidence: &v1::Evidence, turns: &[v1::Turn], tone: Tone) {
    let (role, measured) = (evidence.role(), evidence.mode() == v1::MatchMode::Measured);
    let at = match &evidence.start {
        Some(start) if measured => page.times().at(label::millis(Some(start))),
        Some(start) => {
            format!("第 {} 轮 {}", evidence.turn + 1, page.times().at(label::millis(Some(start))))
        }
        None => format!("第 {} 轮", evidence.turn + 1),
    };
    let mut line = vec![
        piece(format!("     · {at} "), Tone::Faint),
        // A silence is nobody's.
        piece(
            if measured && role == v1::SpeakerRole::Unknown { "" } else { label::role(role) },
            label::role_tone(role),
        ),
        piece(" ", Tone::Plain),
    ];
    let turn = turns.iter().find(|turn| turn.index == evidence.turn);
    match turn.filter(|_| evidence.char_from < evidence.char_to) {
        Some(turn) => line.extend(marks::in_context(evidence, turn, CONTEXT_CHARS, tone)),
        None if measured => line.push(piece(&evidence.text, tone)),
        None if !evidence.text.is_empty() => line.push(piece(format!("【{}】", evidence.text), tone)),
        None => {}
    }
    line.push(piece(format!("  {}", tolerance(evidence)), Tone::Faint));
    if let Some(confidence) = evidence.confidence {
        let (note, tone) = match confidence < LOW_CONFIDENCE {
            true => ("，识别存疑，请听录音", Tone::Notice),
            false => ("", Tone::Faint),
        };
        line.push(piece(format!("，识别置信度 {confidence:.2}{note}"), tone));
    }
    page.line(&line, 7);
}

/// Which tolerance let the words match, and what they matched.
fn tolerance(evidence: &v1::Evidence) -> String {
    let pattern = &evidence.pattern;
    match evidence.mode() {
        v1::MatchMode::Exact => "〔原词〕".to_owned(),
        v1::MatchMode::Synonym => format!("〔同义词，规则词“{pattern}”〕"),
        v1::MatchMode::Homophone if evidence.tolerances.is_empty() => format!("〔同音，规则词“{pattern}”〕"),
        v1::MatchMode::Homophone => {
            format!("〔近音 {}，规则词“{pattern}”〕", evidence.tolerances.join("、"))
        }
        v1::MatchMode::Similar => match evidence.similarity {
            Some(score) => format!("〔相似 {score:.2}，“{pattern}”〕"),
            None => format!("〔对照“{pattern}”〕"),
        },
        v1::MatchMode::Entity => format!("〔{pattern}〕"),
        // An expression tells an inspector nothing; the JSON report and the pack hold it.
        v1::MatchMode::Regex => "〔句式〕".to_owned(),
        v1::MatchMode::Measured => match evidence.measured.filter(|_| evidence.text.is_empty()) {
            Some(value) => format!("〔实测 {}，要求{pattern}〕", label::number(value)),
            None => format!("〔要求{pattern}〕"),
        },
        v1::MatchMode::Unspecified => format!("〔{pattern}〕"),
    }
}

/// Rules that could not be judged, by why.
fn by_reason(findings: &[v1::Finding]) -> BTreeMap<&str, Vec<&v1::Finding>> {
    let mut by_reason: BTreeMap<&str, Vec<&v1::Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.verdict() == v1::Verdict::NotApplicable) {
        by_reason.entry(&finding.not_applicable_reason).or_default().push(finding);
    }
    by_reason
}

/// Why the rules of a group could not be judged.
fn why<'a>(reason: &str, group: &[&'a v1::Finding]) -> &'a str {
    let explanation = group.first().map_or("", |finding| finding.explanation.as_str());
    reason_title(reason).unwrap_or(explanation.trim_end_matches('。'))
}

/// How many rules could not be judged, by why: not judged is neither kept nor broken, and a reader must see it.
fn count_not_applicable(page: &mut Page<'_>, findings: &[v1::Finding]) {
    let by_reason = by_reason(findings);
    let num_rules: usize = by_reason.values().map(Vec::len).sum();
    if num_rules == 0 {
        return;
    }
    let is_watch = |finding: &&&v1::Finding| finding.kind() == v1::RuleKind::Watch;
    let num_watch = by_reason.values().flatten().filter(is_watch).count();
    // The line of the score has only those that could have scored.
    let watch = if num_watch > 0 { format!("其中预警 {num_watch} 项；") } else { String::new() };
    page.heading(&format!("不适用 {num_rules} 项（{watch}不计入得分，明细在对话之后）"));
    let counts: Vec<String> = by_reason
        .iter()
        .map(|(reason, group)| format!("{} {} 项", why(reason, group), group.len()))
        .collect();
    page.line(&[piece(counts.join(" · "), Tone::Plain)], 2);
}

/// Names the rules that could not be judged, one line per reason.
pub(super) fn write_not_applicable(page: &mut Page<'_>, findings: &[v1::Finding]) {
    let by_reason = by_reason(findings);
    if by_reason.is_empty() {
        return;
    }
    page.heading("不适用的规则");
    for (reason, group) in by_reason {
        let named: Vec<String> =
            group.iter().map(|finding| format!("{} {}", finding.rule_id, finding.rule_name)).collect();
        let line: [Piece; 2] =
            [piece(format!("{}：", why(reason, &group)), Tone::Plain), piece(named.join("、"), Tone::Faint)];
        page.line(&line, 2);
    }
}
