//! The report on a rule.

use std::collections::BTreeMap;

use super::centre::{bar, intervals};
use super::words::{interval, share_change};
use super::{Ground, Parts, coverage, pass, review, rules};
use crate::analysis::Verdict;
use crate::catalog::{CallQuery, FindingQuery, TableId};
use crate::insight::{Cell as Figure, Counts, Group, Key, TallyQuery, tally};
use crate::report::chart::{Chart, Plot, Series, Unit};
use crate::report::model::{Kind, Section, Table, Tile, Value, clean, opens_hits};
use crate::report::period::short_day;
use crate::types::{CallId, RuleId};

/// Agents that pages list.
const MAX_AGENTS: usize = 20;
/// Examples.
const MAX_EXAMPLES: usize = 10;

/// Its subject, summary and sections.
pub(super) fn sections(ground: &Ground<'_>, id: &RuleId) -> Parts {
    let own = FindingQuery { rules: vec![id.clone()], ..FindingQuery::default() };
    let figures = rules::figures(ground, &own);
    let info = ground.infos.get(id);
    let name = info.map_or("", |info| info.name.as_str());
    let subject = clean(&format!("规则 {id} {name}"));
    let found = figures.first();
    let (now, before) = found.map_or_else(Default::default, |one| (one.now, one.before));
    let change = rules::changes(ground).remove(id);
    let mut summary = vec![sentence(&now, &before, change.as_deref(), ground.period.previous_name())];
    let (review, worst) = review::section(ground);
    summary.extend(worst);
    let mut overview = Section::new("概览");
    if let Some(info) = info {
        overview.paragraphs.push(clean(&format!(
            "级别 {}；维度 {}。",
            review::level_title(info.level),
            info.dimension
        )));
    }
    overview.tiles = tiles(ground, id, &now, &before);
    if let Some(one) = found.filter(|one| one.days.len() > 1) {
        let (chart, table) = days(ground, one);
        overview.charts.push(chart);
        overview.tables.push(table);
    }
    let mut sections = vec![overview, revisions(ground, id)];
    let total = crate::report::model::share(now.num_hits, now.num_checked);
    sections.push(by(ground, &own, Group::Team, "班组", total));
    sections.push(by(ground, &own, Group::Agent, "座席", total));
    sections.push(review);
    sections.push(examples(ground, id));
    sections.push(coverage::section(ground, &figures));
    (subject, summary, sections)
}

fn sentence(now: &Counts, before: &Counts, change: Option<&str>, previous: &str) -> String {
    let rate = |counts: &Counts| Value::share(counts.num_hits, counts.num_checked);
    if now.num_checked == 0 {
        return "本期没有检查到这条规则。".to_owned();
    }
    let past = rate(before);
    let past = if past == Value::Nothing { String::new() } else { format!("，{previous} {}", past.shown()) };
    format!(
        "检查 {} 次，命中 {} 次，命中率 {}（95% 区间 {}）{past}；相对基线的变化（百分点，95% 区间）：{}。",
        Value::Count(now.num_checked).shown(),
        Value::Count(now.num_hits).shown(),
        rate(now).shown(),
        interval(now.interval()).shown(),
        change.unwrap_or("没有可比的基线")
    )
}

fn tiles(ground: &Ground<'_>, id: &RuleId, now: &Counts, before: &Counts) -> Vec<Tile> {
    let calls = |verdicts: &[Verdict]| rules::of_rule(&ground.current(), id, verdicts);
    let rate = |counts: &Counts| Value::share(counts.num_hits, counts.num_checked);
    let tile = |label: &str, cell, note: String| Tile { label: label.to_owned(), cell, note };
    let moved = share_change(&rate(now), &rate(before));
    vec![
        tile(
            "检查",
            Value::Count(now.num_checked).opens(&calls(&[Verdict::Hit, Verdict::Miss])),
            String::new(),
        ),
        tile("命中", Value::Count(now.num_hits).opens(&calls(&[Verdict::Hit])), String::new()),
        tile(
            "命中率",
            rate(now).opens(&calls(&[Verdict::Hit])),
            format!("95% 区间 {}", interval(now.interval()).shown()),
        ),
        tile("变化", moved.into(), format!("百分点，较{}", ground.period.previous_name())),
        tile(
            "未能判定",
            Value::Count(now.num_not_applicable).opens(&calls(&[Verdict::NotApplicable])),
            String::new(),
        ),
    ]
}

fn days(ground: &Ground<'_>, one: &rules::RuleFigures) -> (Chart, Table) {
    let days = ground.period.days();
    let labels = days.iter().map(|day| format!("{}/{}", day.month(), day.day())).collect();
    let chart = Chart {
        title: "各日命中率".to_owned(),
        description: "命中占能判定的次数".to_owned(),
        unit: Unit::Share,
        plot: Plot::Line {
            labels,
            series: vec![Series { name: "命中率".to_owned(), values: one.days.clone() }],
            partial: Vec::new(),
        },
    };
    let mut table =
        Table::new("各日命中率", &[("日期", Kind::Text), ("命中率", Kind::Number)]).behind_chart();
    for (day, rate) in days.iter().zip(&one.days) {
        let calls = ground.calls(ground.period.day_range(*day));
        let calls = rules::of_rule(&calls, &one.info.id, &[Verdict::Hit]);
        table.push([Value::Date(*day).into(), rate.map_or(Value::Nothing, Value::Share).opens(&calls)]);
    }
    (chart, table)
}

/// What each revision of the rules made of it: where the rate jumps with the revision, the rule changed and not the agents.
fn revisions(ground: &Ground<'_>, id: &RuleId) -> Section {
    let mut section = Section::new("规则版本");
    let mut seen: BTreeMap<(String, TableId), (Counts, jiff::Timestamp)> = BTreeMap::new();
    let query = ground.current();
    for call in ground.catalog.chosen(&query) {
        let (Some(judgement), Some(table)) = (&call.judgement, ground.catalog.table_of(call)) else {
            continue;
        };
        let Some(verdict) = table.position(id).and_then(|index| call.final_verdict(table, index)) else {
            continue;
        };
        let key = (table.revision.clone(), judgement.table);
        let (counts, first) = seen.entry(key).or_insert((Counts::default(), call.started_at));
        *first = (*first).min(call.started_at);
        counts.num_calls += 1;
        match verdict {
            Verdict::Hit => {
                counts.num_hits += 1;
                counts.num_checked += 1;
            }
            Verdict::Miss => counts.num_checked += 1,
            Verdict::NotApplicable => counts.num_not_applicable += 1,
        }
    }
    let columns = [
        ("方案版本", Kind::Text),
        ("最早一通", Kind::Text),
        ("通话", Kind::Number),
        ("检查", Kind::Number),
        ("命中", Kind::Number),
        ("命中率", Kind::Number),
        ("95% 区间", Kind::Number),
    ];
    let mut table = Table::new("各版本", &columns)
        .noted("命中率随版本跳变，多半是规则改了，不是座席变了。用 diting batch rescore 可让全部通话按同一版本重判。");
    let mut rows: Vec<_> = seen.into_iter().collect();
    rows.sort_by(|left, right| (left.1.1, &left.0).cmp(&(right.1.1, &right.0)));
    for ((revision, _), (counts, first)) in rows {
        table.push([
            Value::text(&pass::short(&revision)).into(),
            Value::text(&short_day(ground.period.day_of(first))).into(),
            Value::Count(counts.num_calls).into(),
            Value::Count(counts.num_checked).into(),
            Value::Count(counts.num_hits).into(),
            Value::share(counts.num_hits, counts.num_checked).into(),
            interval(counts.interval()).into(),
        ]);
    }
    section.tables.push(table);
    section
}

/// The rule by team or by agent.
fn by(ground: &Ground<'_>, own: &FindingQuery, group: Group, title: &str, total: Option<i64>) -> Section {
    let mut section = Section::new(title);
    let calls = CallQuery { finding: FindingQuery::default(), ..ground.current() };
    let query =
        TallyQuery { calls, rules: own.clone(), group_by: vec![group], step: None, time_zone: ground.zone() };
    let mut cells: Vec<Figure> = tally(ground.catalog, &query).map(|tally| tally.cells).unwrap_or_default();
    cells.retain(|cell| cell.counts.num_checked + cell.counts.num_not_applicable > 0);
    cells
        .sort_by(|left, right| (right.counts.num_hits, &left.keys).cmp(&(left.counts.num_hits, &right.keys)));
    let columns = [
        (title, Kind::Text),
        ("检查", Kind::Number),
        ("命中", Kind::Number),
        ("命中率", Kind::Number),
        ("95% 区间", Kind::Number),
        ("未能判定", Kind::Number),
    ];
    let row = |cell: &Figure| {
        let counts = &cell.counts;
        let label = cell.keys.first().map(Key::label).unwrap_or_default();
        vec![
            Value::text(&label).into(),
            Value::Count(counts.num_checked).into(),
            opens_hits(Value::Count(counts.num_hits), counts.num_hits, &cell.calls),
            opens_hits(Value::share(counts.num_hits, counts.num_checked), counts.num_hits, &cell.calls),
            interval(counts.interval()).into(),
            Value::Count(counts.num_not_applicable).into(),
        ]
    };
    let few = cells.len() <= MAX_AGENTS;
    let shown_title =
        if few { format!("各{title}") } else { format!("命中最多的 {MAX_AGENTS} 个{title}") };
    let shown = Table {
        rows: cells.iter().take(MAX_AGENTS).map(row).collect(),
        ..Table::new(&shown_title, &columns).noted(&if few {
            String::new()
        } else {
            format!("共 {} 个，其余见工作簿。", cells.len())
        })
    };
    let bars: Vec<_> = cells
        .iter()
        .take(MAX_AGENTS)
        .filter_map(|cell| bar(&clean(&cell.keys.first().map(Key::label).unwrap_or_default()), &cell.counts))
        .collect();
    if bars.len() > 1 {
        section.charts.push(intervals(
            &if few {
                format!("各{title}命中率（95% 区间）")
            } else {
                format!(
                    "命中最多的 {MAX_AGENTS} 个{title}的命中率（95% 区间）：共 {} 个，其余见工作簿",
                    cells.len()
                )
            },
            bars,
            total.map(|at| (at, "全部")),
        ));
    }
    section.tables.push(shown);
    if !few {
        let all = Table {
            rows: cells.iter().map(row).collect(),
            ..Table::new(&format!("全部{title}"), &columns)
        };
        section.tables.push(all.behind_chart());
    }
    section
}

/// Calls with a hit, spread over the period.
fn examples(ground: &Ground<'_>, id: &RuleId) -> Section {
    let mut section = Section::new("例子");
    let query = rules::of_rule(&ground.current(), id, &[Verdict::Hit]);
    let mut calls: Vec<(jiff::Timestamp, CallId, Option<String>, Option<String>)> = ground
        .catalog
        .chosen(&query)
        .map(|call| {
            let agent = call.agents.first();
            let text = |text: Option<&std::sync::Arc<str>>| text.map(|text| text.to_string());
            (
                call.started_at,
                call.id.clone(),
                text(agent.and_then(|agent| agent.agent_id.as_ref())),
                text(agent.and_then(|agent| agent.team.as_ref())),
            )
        })
        .collect();
    calls.sort();
    let columns = [
        ("通话", Kind::Text),
        ("日期", Kind::Text),
        ("座席", Kind::Text),
        ("班组", Kind::Text),
        ("说了什么", Kind::Long),
    ];
    let mut table = Table::new("命中的例子", &columns)
        .noted("均匀取自本期全部命中。打开一通：diting calls show 通话编号。");
    let num_calls = calls.len();
    let wanted = num_calls.min(MAX_EXAMPLES);
    for index in 0..wanted {
        let Some((at, call, agent, team)) = calls.get(index * num_calls / wanted.max(1)) else { continue };
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Nothing, Value::text);
        table.push([
            Value::text(call.as_str()).into(),
            Value::text(&short_day(ground.period.day_of(*at))).into(),
            text(agent).into(),
            text(team).into(),
            Value::Moment { call: call.clone(), rule: id.clone(), agent: agent.clone() }.into(),
        ]);
    }
    section.tables.push(table);
    section
}
