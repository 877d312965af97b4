//! `diting batch diff`: what a rule revision would change for stored calls.

use super::super::client::{ReprocessClient, ServerArgs};
use super::super::output::{Format, emit};
use super::super::progress;
use crate::cli::Exit;
use crate::proto::{json, v1};
use v1::diff_revisions_response::Event;

/// Asks for the comparison and prints it as it comes.
pub(super) async fn run(
    client: &mut ReprocessClient,
    server: &ServerArgs,
    request: v1::DiffRevisionsRequest,
    quiet: bool,
    format: Format,
) -> anyhow::Result<Exit> {
    let explain = |status: tonic::Status| server.explain(&status);
    let mut events = client.diff_revisions(request).await.map_err(explain)?.into_inner();
    let bar = progress::calls("diff");
    let mut exit = Exit::Success;
    while let Some(response) = events.message().await.map_err(explain)? {
        if format == Format::Json {
            if !quiet || matches!(response.event, Some(Event::Totals(_))) {
                bar.suspend(|| emit(&json::to_line(&response)))?;
            }
            continue;
        }
        match response.event {
            Some(Event::Change(change)) if !quiet => bar.suspend(|| emit(&show_change(&change)))?,
            Some(Event::Change(_)) | None => {}
            Some(Event::Problem(problem)) => {
                exit = Exit::Failure;
                let failure = problem.failure.unwrap_or_default();
                bar.suspend(|| {
                    eprintln!("diting: {}: {} ({})", problem.name, failure.message, failure.reason)
                });
            }
            Some(Event::Progress(progress)) => {
                bar.set_length(progress.total);
                bar.set_position(progress.num_seen);
            }
            Some(Event::Totals(totals)) => bar.suspend(|| emit(&show_totals(&totals)))?,
        }
    }
    bar.finish_and_clear();
    Ok(exit)
}

fn show_change(change: &v1::RevisionChange) -> String {
    let score = |score: Option<f64>| score.map_or("未评分".to_owned(), |score| score.to_string());
    let mut text = format!("通话 {}", change.call_id);
    if change.score_before != change.score_after {
        text.push_str(&format!("：{} → {}", score(change.score_before), score(change.score_after)));
    }
    for rule in &change.rules {
        let side = |verdict: v1::Verdict, points: f64| match (verdict_name(verdict), points) {
            (name, 0.0) => name.to_owned(),
            (name, points) => format!("{name} {points}"),
        };
        let before = side(rule.verdict_before(), rule.points_before);
        let after = side(rule.verdict_after(), rule.points_after);
        text.push_str(&format!("\n    {}: {before} → {after}", rule.rule_id));
    }
    text
}

fn show_totals(totals: &v1::DiffTotals) -> String {
    let mut text = format!("通话：{} 通，有变化 {} 通", totals.num_calls, totals.num_changed);
    for hits in &totals.hits {
        text.push_str(&format!("\n    {}: 命中 {} → {}", hits.rule_id, hits.before, hits.after));
    }
    let (before, after) = (totals.num_broken_before, totals.num_broken_after);
    text.push_str(&format!("\n    有扣分的通话 {before} → {after}"));
    let mean = |mean: Option<f64>| mean.map_or("无".to_owned(), |mean| format!("{mean:.2}"));
    let (before, after) = (mean(totals.mean_score_before), mean(totals.mean_score_after));
    text.push_str(&format!("\n    平均分 {before} → {after}"));
    text
}

fn verdict_name(verdict: v1::Verdict) -> &'static str {
    match verdict {
        v1::Verdict::Hit => "命中",
        v1::Verdict::Miss => "未命中",
        v1::Verdict::NotApplicable => "不适用",
        v1::Verdict::Unspecified => "无此规则",
    }
}
