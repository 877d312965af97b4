//! How reports, summaries and findings are printed.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::report::{Style, is_overruled, render_srt, render_text};
use crate::proto::{json, v1};
use crate::types::Millis;

/// How to print a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For a person
    #[default]
    Text,
    /// One line of proto3 JSON per item
    Json,
    /// Subtitles, one per turn
    Srt,
}

/// Prints everything about one call, with times of `zone`.
pub(super) fn print_report(report: &v1::CallReport, format: Format, zone: &TimeZone) -> io::Result<()> {
    match format {
        Format::Json => emit(&json::to_line(report)),
        Format::Text => emit(render_text(report, &Style::for_stdout(zone)).trim_end()),
        Format::Srt => emit(render_srt(report).trim_end()),
    }
}

/// Writes `text` and a line end to standard output. An error, unlike a panic, lets a closed pipe end quietly.
pub(super) fn emit(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Says on standard error that something is left out because the server cannot read it.
pub(super) fn tell_damaged(what: &str, number: u64) {
    if number > 0 {
        eprintln!("另有 {number} {what}已损坏，无法读取：服务器日志里有它们的编号");
    }
}

/// One finding on one line: call, verdict, level, rule, points, first evidence.
pub(super) fn finding_line(finding: &v1::Finding) -> String {
    let level = finding.level().as_str_name().trim_start_matches("LEVEL_");
    let verdict =
        verdict_name(if is_overruled(finding) { finding.final_verdict() } else { finding.verdict() });
    let points = finding.final_score_delta.unwrap_or(finding.score_delta);
    format!(
        "{}\t{verdict}\t{level}\t{}\t{}\t{points}\t{}",
        finding.call_id,
        finding.rule_id,
        finding.rule_name,
        finding_place(finding)
    )
}

/// Where a finding was heard: as a person told, where their verdict is another one than the machine's.
pub(super) fn finding_place(finding: &v1::Finding) -> String {
    if is_overruled(finding) {
        let turn = finding.decision_turn.map_or_else(String::new, |turn| format!("第 {} 轮 ", turn + 1));
        return format!("{turn}人工（{}）{}", finding.decision_by, finding.decision_comment);
    }
    let Some(evidence) = finding.evidence.first() else { return finding.explanation.clone() };
    let start = evidence.start.as_ref();
    let start = start.map_or_else(String::new, |start| format!("{} ", time(Some(start))));
    format!("{start}{}", evidence.text)
}

/// A verdict in a word.
pub(super) fn verdict_name(verdict: v1::Verdict) -> &'static str {
    match verdict {
        v1::Verdict::Hit => "hit",
        v1::Verdict::Miss => "miss",
        v1::Verdict::NotApplicable => "n/a",
        v1::Verdict::Unspecified => "unknown",
    }
}

fn time(duration: Option<&prost_types::Duration>) -> String {
    let Some(duration) = duration else { return "-".to_owned() };
    let seconds = u64::try_from(duration.seconds).unwrap_or_default();
    let millis = u64::try_from(duration.nanos).unwrap_or_default() / 1_000_000;
    Millis(seconds * 1000 + millis).to_string()
}
