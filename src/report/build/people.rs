//! The reports on a team and on an agent.

use super::person::{self, rate_cells};
use super::words::points_interval;
use super::{Ground, Parts, centre, coverage, of_agents, review, rules};
use crate::insight::{
    self, AgentReport, Label, Rank, ReportQuery, RuleRef, TeamReport, agent_report, team_report,
};
use crate::report::model::{Kind, Section, Table, Value, clean, opens_hits};

/// The report on a team, and what it is made of; without the latter when it has no judged call in the period.
pub(super) fn team(ground: &Ground<'_>, name: &str) -> (Parts, Option<TeamReport>) {
    let subject = format!("班组 {}", clean(name));
    let figures = rules::figures(ground, &of_agents());
    let mut summary = centre::first_sentence(ground);
    let mut sections = vec![centre::overview(ground)];
    let report = query(ground).and_then(|query| team_report(ground.catalog, name, &query));
    if let Some(report) = &report {
        sections.push(person::scores(&report.scores, "中心其他班组", ground.period.previous_name()));
        sections.push(person::weak_section(report.too_few, report.statistic));
        if !report.strengths.is_empty() {
            let mut section = Section::new("强项");
            section.tables.push(person::lines("明显低于对照的规则", &report.strengths));
            sections.push(section);
        }
        sections.push(members(report));
        sections.extend(person::weeks(ground, &report.trend, "本班组", "其他班组"));
        summary.extend(weak_sentence(report.weak.iter().map(|line| &line.rule), report.too_few));
    }
    sections.push(rules::section(ground, &figures));
    let (reviewed, worst) = review::section(ground);
    summary.extend(worst);
    sections.push(reviewed);
    sections.push(coverage::section(ground, &figures));
    ((subject, summary, sections), report)
}

/// The report on an agent, likewise.
pub(super) fn agent(ground: &Ground<'_>, id: &str) -> (Parts, Option<AgentReport>) {
    let figures = rules::figures(ground, &of_agents());
    let mut summary = centre::first_sentence(ground);
    let mut sections = vec![centre::overview(ground)];
    let report = query(ground).and_then(|query| agent_report(ground.catalog, ground.rules, id, &query));
    let mut subject = format!("座席 {}", clean(id));
    if let Some(report) = &report {
        if let Some(name) = &report.agent_name {
            subject = format!("{} {}", subject, clean(name));
        }
        if let Some(team) = &report.team {
            subject = format!("{subject} · {}", clean(team));
        }
        summary.extend(report.rank.map(rank_sentence));
        summary.extend(weak_sentence(report.weak.iter().map(|line| &line.rule), report.too_few));
        sections.push(person::scores(&report.scores, "班组其他人", ground.period.previous_name()));
        sections.push(person::weak_section(report.too_few, report.statistic));
        sections.extend(profile(report));
        if !report.strengths.is_empty() {
            let mut section = Section::new("强项");
            section.tables.push(person::lines("明显低于对照的规则", &report.strengths));
            sections.push(section);
        }
        sections.extend(person::weeks(ground, &report.trend, "本人", "班组其他人"));
        sections.push(person::reviews(&report.reviews));
    }
    sections.push(rules::section(ground, &figures));
    sections.push(coverage::section(ground, &figures));
    ((subject, summary, sections), report)
}

fn query(ground: &Ground<'_>) -> Option<ReportQuery> {
    Some(ReportQuery::new(ground.window()?, ground.zone()))
}

fn rank_sentence(rank: Rank) -> String {
    format!(
        "平均分在班组 {} 人中排第 {}；考虑区间，真实名次在第 {} 到第 {} 之间。",
        rank.of, rank.place, rank.best, rank.worst
    )
}

fn weak_sentence<'a>(rules: impl Iterator<Item = &'a RuleRef>, too_few: bool) -> Option<String> {
    if too_few {
        return Some("样本不足，不作弱项判断。".to_owned());
    }
    let names: Vec<String> = rules.take(3).map(|rule| format!("“{}”", rule.name)).collect();
    Some(if names.is_empty() {
        "没有明显高于对照的规则。".to_owned()
    } else {
        clean(&format!("明显高于对照的规则：{}。", names.join("、")))
    })
}

/// Labels and hints.
fn profile(report: &AgentReport) -> Option<Section> {
    if report.labels.is_empty() && report.hints.is_empty() {
        return None;
    }
    let mut section = Section::new("画像与培训建议");
    let names = |rules: &[RuleRef]| {
        let names: Vec<String> = rules.iter().map(|rule| format!("{} {}", rule.id, rule.name)).collect();
        Value::text(&names.join("、"))
    };
    let mut labels = Table::new(
        "画像标签",
        &[
            ("标签", Kind::Text),
            ("有命中的通话", Kind::Number),
            ("命中（次）", Kind::Number),
            ("命中率", Kind::Number),
            ("95% 区间", Kind::Number),
            ("对照命中率", Kind::Number),
            ("来自规则", Kind::Long),
        ],
    )
    .noted("一通通话可以命中同一标签的几条规则，所以次数可能多于通数；命中率是命中的次数占检查的次数，不含预警类规则。打开的是有命中的通话。");
    for Label { label, rules, own, others, .. } in &report.labels {
        let [rate, interval] = rate_cells(&own.counts);
        labels.push([
            Value::text(label).into(),
            opens_hits(Value::Count(own.counts.num_calls_hit), own.counts.num_hits, &own.calls),
            Value::Count(own.counts.num_hits).into(),
            rate,
            interval,
            Value::share(others.counts.num_hits, others.counts.num_checked).into(),
            names(rules).into(),
        ]);
    }
    let mut hints = Table::new(
        "培训建议",
        &[("培训", Kind::Text), ("做什么", Kind::Long), ("材料", Kind::Text), ("针对规则", Kind::Long)],
    );
    for hint in &report.hints {
        hints.push([
            Value::text(&hint.title).into(),
            Value::text(&hint.text).into(),
            Value::text(&hint.material).into(),
            names(&hint.rules).into(),
        ]);
    }
    section.tables.extend([labels, hints].into_iter().filter(|table| !table.rows.is_empty()));
    Some(section)
}

fn members(report: &TeamReport) -> Section {
    let mut section = Section::new("座席");
    let mut table = Table::new(
        "本班组座席",
        &[
            ("工号", Kind::Text),
            ("姓名", Kind::Text),
            ("已判定", Kind::Number),
            ("平均分", Kind::Number),
            ("平均分 95% 区间", Kind::Number),
            ("名次（可能）", Kind::Text),
            ("规则命中率", Kind::Number),
            ("命中率 95% 区间", Kind::Number),
        ],
    )
    .noted("按工号。名次后的括号是区间所允许的名次；通话太少的不排名。规则命中率不含预警类规则。");
    let mut bars = Vec::new();
    for member in &report.members {
        let counts = &member.calls.counts;
        let name = member.agent_name.as_deref().unwrap_or_default();
        let rank = member.rank.map_or(Value::Nothing, |rank| {
            Value::Text(format!("{}（{}–{}）", rank.place, rank.best, rank.worst))
        });
        let [rate, interval] = rate_cells(counts);
        table.push([
            Value::text(&member.agent_id).into(),
            Value::text(name).into(),
            Value::Count(counts.num_calls).opens(&member.calls.all_calls()),
            centre::score(&member.score).into(),
            points_interval(member.score.interval).into(),
            rank.into(),
            rate,
            interval,
        ]);
        bars.push((clean(&format!("{} {name}", member.agent_id)), *counts));
    }
    let total: insight::Counts = report.calls.counts;
    let reference = crate::report::model::share(total.num_hits, total.num_checked);
    section.charts.extend(person::members(bars, reference.map(|at| (at, "班组"))));
    section.tables.push(table);
    section
}
