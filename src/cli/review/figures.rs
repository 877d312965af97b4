//! How right rules are and how far reviewers agree, as tables or JSON.

use super::super::output::{Format, emit, tell_damaged};
use super::show::level;
use crate::proto::{json, v1};

fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

fn interval(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{:.1}–{:.1}%", low * 100.0, high * 100.0),
        (_, _) => "–".to_owned(),
    }
}

/// Prints the counts of rules.
pub(super) fn counts(rules: &[v1::RuleCountInfo], format: Format) -> anyhow::Result<()> {
    if format != Format::Json && !rules.is_empty() {
        emit(
            "规则\t级别\t名称\t检查\t命中\t命中率\t待复核\t已复核\t未复核\t复核率\t准确率\t95%区间\t真实违规\t查出率\t问题数",
        )?;
    }
    for rule in rules {
        if format == Format::Json {
            emit(&json::to_line(rule))?;
            continue;
        }
        let cells = [
            rule.rule_id.clone(),
            level(rule.level()).to_owned(),
            rule.rule_name.clone(),
            rule.check_number.to_string(),
            rule.hit_number.to_string(),
            percent(rule.hit_rate),
            rule.pre_review_number.to_string(),
            rule.review_number.to_string(),
            rule.un_review_number.to_string(),
            percent(rule.review_rate),
            percent(rule.review_accuracy_rate),
            interval(rule.review_accuracy_low, rule.review_accuracy_high),
            rule.real_violation_number.to_string(),
            percent(rule.hit_real_violation_rate),
            rule.problem_number.to_string(),
        ];
        emit(&cells.join("\t"))?;
    }
    Ok(())
}

fn kappa(agreement: &v1::Agreement) -> String {
    let observed = format!("{} 对，一致 {:.1}%", agreement.num_pairs, agreement.observed * 100.0);
    match (agreement.kappa, agreement.kappa_low, agreement.kappa_high) {
        (_, _, _) if agreement.too_few => format!("{observed}；不足 30 对，还不能下结论"),
        (Some(kappa), Some(low), Some(high)) => {
            format!("{observed}；κ = {kappa:.2}（95% 区间 {low:.2} 至 {high:.2}）")
        }
        (_, _, _) => format!("{observed}；各人结论全都相同，κ 无意义"),
    }
}

/// Prints agreement.
pub(super) fn agreement(answer: &v1::GetReviewerAgreementResponse, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(emit(&json::to_line(answer))?);
    }
    emit(&format!("双人背靠背复核 {} 通", answer.num_calls))?;
    tell_damaged("通复核过的通话", answer.num_damaged);
    if let Some(overall) = &answer.overall {
        emit(&format!("全部规则：{}", kappa(overall)))?;
    }
    for rule in &answer.rules {
        emit(&format!("  {}：{}", rule.rule_id, kappa(&rule.agreement.unwrap_or_default())))?;
    }
    if !answer.reviewers.is_empty() {
        emit("复核人\t复核\t判定\t处理申诉\t用时中位数\t被改判")?;
    }
    for one in &answer.reviewers {
        let median = one.median_time.as_ref().map_or("–".to_owned(), |time| format!("{} 秒", time.seconds));
        let share = (one.num_verdicts > 0).then(|| one.num_overturned as f64 / one.num_verdicts as f64);
        let cells = [
            one.reviewer.clone(),
            one.num_reviews.to_string(),
            one.num_decisions.to_string(),
            one.num_appeals.to_string(),
            median,
            format!("{}（{}）", one.num_overturned, percent(share)),
        ];
        emit(&cells.join("\t"))?;
    }
    Ok(())
}
