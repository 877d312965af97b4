//! Alerts, what happened to them, and dead letters, for a person.
//!
//! **Invariant**: no control character of a call reaches the terminal.

use crate::cli::clock::Clock;
use crate::cli::output::{Format, emit, tell_damaged};
use crate::cli::report::{clean, clock as position, millis, role};
use crate::proto::{convert, json, v1};

/// One alert on one line: number, level, state, when raised, what, who, call, words.
pub(super) fn line(alert: &v1::Alert, clock: &Clock) -> String {
    row(alert, clock.full(alert.raised_at.as_ref())).join("\t")
}

/// The same as a row of a table, with the time at which it was raised as it is to be shown.
pub(super) fn row(alert: &v1::Alert, raised_at: String) -> Vec<String> {
    let parts = [
        format!("#{}", alert.alert_id),
        level(alert.level()).to_owned(),
        state(alert),
        raised_at,
        title(alert),
        who(alert),
        clean(&alert.call_id),
        alert.samples.first().map(said).unwrap_or_default(),
    ];
    parts.into_iter().map(|part| if part.is_empty() { "-".to_owned() } else { part }).collect()
}

/// What happened, on one line.
pub(super) fn event_line(event: &v1::AlertEvent, alert: &v1::Alert, clock: &Clock) -> String {
    let what = kind(event.kind());
    let mut text = format!(
        "{}  #{} {what}  {} {}",
        clock.full(event.at.as_ref()),
        event.alert_id,
        level(alert.level()),
        title(alert)
    );
    let deed = deed(event);
    let parts = [
        deed,
        who(alert),
        clean(&alert.call_id),
        match event.kind() {
            v1::AlertEventKind::Raised
            | v1::AlertEventKind::HeldBack
            | v1::AlertEventKind::Reinstated
            | v1::AlertEventKind::Escalated => alert.samples.first().map(said).unwrap_or_default(),
            v1::AlertEventKind::Unspecified
            | v1::AlertEventKind::Acknowledged
            | v1::AlertEventKind::Assigned
            | v1::AlertEventKind::Closed
            | v1::AlertEventKind::Withdrawn
            | v1::AlertEventKind::Erased => String::new(),
        },
    ];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        text.push_str(" · ");
        text.push_str(part);
    }
    text
}

/// Everything about an alert.
pub(super) fn whole(response: &v1::GetAlertResponse, clock: &Clock) -> String {
    let alert = response.alert.clone().unwrap_or_default();
    let mut lines = vec![format!("预警 #{}  {}  {}", alert.alert_id, level(alert.level()), title(&alert))];
    let mut put = |label: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{label}  {value}"));
        }
    };
    put("状态", state(&alert));
    put("提出", clock.full(alert.raised_at.as_ref()));
    put("策略", clean(&alert.risk_id));
    if let Some(digest) = &alert.digest {
        let ids: Vec<String> = digest.alert_ids.iter().take(20).map(|id| format!("#{id}")).collect();
        let more = if digest.alert_ids.len() > ids.len() { " …" } else { "" };
        put("汇总", format!("{} 条：{}{more}", digest.alert_ids.len(), ids.join(" ")));
        put("原因", convert::held_back_text(digest));
        put("时段", format!("{} – {}", clock.full(digest.since.as_ref()), clock.full(digest.until.as_ref())));
    }
    if !alert.call_id.is_empty() {
        let at = alert.at.as_ref().map(|at| format!("（通话 {} 处）", position(millis(Some(at)))));
        put(
            "通话",
            format!(
                "{} · {}{}",
                clean(&alert.call_id),
                clock.full(alert.call_started_at.as_ref()),
                at.unwrap_or_default()
            ),
        );
        put("座席", who(&alert));
        put("业务", clean(&alert.business));
        put("客户", clean(&alert.customer_ref));
    }
    let rules: Vec<String> = alert
        .rules
        .iter()
        .map(|rule| format!("{} {}", clean(&rule.rule_id), clean(&rule.rule_name)))
        .collect();
    put("命中", rules.join("、"));
    put("负责", clean(&alert.assignee));
    for sample in &alert.samples {
        put(
            "原话",
            format!("{}  〔{}，第 {} 轮〕", said(sample), clean(&sample.rule_id), u64::from(sample.turn) + 1),
        );
    }
    lines.push("经过".to_owned());
    for event in &response.history {
        let deed = deed(event);
        let deed = if deed.is_empty() { deed } else { format!(" · {deed}") };
        lines.push(format!("      {}  {}{deed}", clock.full(event.at.as_ref()), kind(event.kind())));
    }
    lines.join("\n")
}

/// Prints an alert after somebody changed it.
pub(super) fn changed(
    alert: Option<v1::Alert>,
    num_members: u32,
    num_damaged: u32,
    clock: &Clock,
    format: Format,
) -> anyhow::Result<()> {
    let alert = alert.unwrap_or_default();
    match format {
        Format::Json => emit(&json::to_line(&alert))?,
        Format::Text | Format::Srt => {
            emit(&line(&alert, clock))?;
            if num_members > 0 {
                eprintln!("连同其中 {num_members} 条");
            }
        }
    }
    tell_damaged("条其中的预警", num_damaged.into());
    Ok(())
}

/// One dead letter as a row of a table: number, receiver, when given up as it is to be shown, tries, outcome, alerts.
pub(super) fn letter(letter: &v1::DeadLetter, at: String, clock: &Clock) -> Vec<String> {
    let alerts: Vec<String> = letter.alert_ids.iter().take(10).map(|id| format!("#{id}")).collect();
    let more = if letter.alert_ids.len() > alerts.len() { " …" } else { "" };
    let outcome = match &letter.delivered_at {
        Some(at) => format!("已补发 {}", clock.full(Some(at))),
        None => clean(&letter.problem),
    };
    vec![
        letter.dead_letter_id.to_string(),
        clean(&letter.receiver),
        at,
        format!("{} 次", letter.num_tries),
        outcome,
        format!("{}{more}", alerts.join(" ")),
    ]
}

fn title(alert: &v1::Alert) -> String {
    match &alert.digest {
        Some(digest) => format!("{}（汇总 {} 条）", clean(&alert.risk_name), digest.alert_ids.len()),
        None => clean(&alert.risk_name),
    }
}

fn who(alert: &v1::Alert) -> String {
    let name = match (alert.agent_name.is_empty(), alert.agent_id.is_empty()) {
        (false, false) => format!("{}（{}）", alert.agent_name, alert.agent_id),
        (false, true) => alert.agent_name.clone(),
        (true, _) => alert.agent_id.clone(),
    };
    let parts: Vec<&str> = [name.as_str(), &alert.team].into_iter().filter(|part| !part.is_empty()).collect();
    clean(&parts.join(" "))
}

fn said(sample: &v1::AlertSample) -> String {
    let at = sample.at.as_ref().map(|at| format!(" {}", position(millis(Some(at))))).unwrap_or_default();
    format!("{}{at}：{}", role(sample.role()), clean(&sample.quote))
}

/// Who did what, as far as the kind does not say it.
fn deed(event: &v1::AlertEvent) -> String {
    let to =
        (event.kind() == v1::AlertEventKind::Assigned).then(|| format!("分派给 {}", clean(&event.assignee)));
    let why = convert::close_reason_title(event.close_reason());
    let parts = [Some(clean(&event.actor)), to, why.map(str::to_owned), Some(clean(&event.note))];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join("，")
}

fn state(alert: &v1::Alert) -> String {
    let state = match alert.state() {
        v1::AlertState::Open => "待确认",
        v1::AlertState::Escalated => "超时未确认",
        v1::AlertState::Acknowledged => "处理中",
        v1::AlertState::Closed => "已关闭",
        v1::AlertState::Withdrawn => "已撤回",
        v1::AlertState::Unspecified => "未知",
    };
    let held = match alert.held_back() {
        v1::HeldBack::Unspecified => "",
        v1::HeldBack::Quiet => "，同一客户间隔内未推送",
        v1::HeldBack::TooMany => "，超过每日上限未推送",
        v1::HeldBack::Storm => "，短时过多未推送",
    };
    let digest =
        if alert.digest_id > 0 { format!("（汇总于 #{}）", alert.digest_id) } else { String::new() };
    format!("{state}{held}{digest}")
}

fn kind(kind: v1::AlertEventKind) -> &'static str {
    match kind {
        v1::AlertEventKind::Raised => "新预警",
        v1::AlertEventKind::HeldBack => "暂不推送",
        v1::AlertEventKind::Escalated => "超时未确认",
        v1::AlertEventKind::Acknowledged => "已确认",
        v1::AlertEventKind::Assigned => "已分派",
        v1::AlertEventKind::Closed => "已关闭",
        v1::AlertEventKind::Withdrawn => "已撤回",
        v1::AlertEventKind::Reinstated => "恢复",
        v1::AlertEventKind::Erased => "已清除原话",
        v1::AlertEventKind::Unspecified => "未知",
    }
}

fn level(level: v1::Level) -> &'static str {
    level.as_str_name().trim_start_matches("LEVEL_")
}
