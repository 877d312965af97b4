//! What reports on a team and on an agent share: scores beside others and the past, rules that stand out, weeks.

use super::Ground;
use super::centre::{bar, intervals, score};
use super::words::{interval, points_interval, sentence};
use crate::insight::{Counts, ReviewOutcomes, RuleLine, ScoreLine, TrendPoint};
use crate::report::chart::{Chart, Interval, Plot, Series, Unit};
use crate::report::model::{Cell, Kind, Report, Section, Table, Tile, Value, hundredths, opens_hits, tenths};
use crate::report::moment::cut;
use crate::report::period::short_day;
use crate::types::Probability;

/// The title of the section that gets its examples later.
const WEAK: &str = "弱项";

/// Scores and dimensions beside those of `others` and of the time before.
pub(super) fn scores(lines: &[ScoreLine], others: &str, previous: &str) -> Section {
    let mut section = Section::new("得分与维度");
    let columns = [
        ("维度", Kind::Text),
        ("满分", Kind::Number),
        ("本期", Kind::Number),
        ("95% 区间", Kind::Number),
        (others, Kind::Number),
        ("相差", Kind::Number),
        ("相差的 95% 区间", Kind::Text),
        (previous, Kind::Number),
        ("变化", Kind::Number),
        ("变化的 95% 区间", Kind::Text),
    ];
    let mut table = Table::new("得分与维度", &columns)
        .noted("相差与变化附 Welch 95% 区间；区间含 0 的写“不能确定”，偶然就可以解释。");
    let mut rows = Vec::new();
    for line in lines {
        let name = line.dimension.clone().unwrap_or_else(|| "总分".to_owned());
        let difference = |against: &Option<(f64, crate::insight::Interval)>| {
            let change =
                against.as_ref().map_or(Value::Nothing, |(value, _)| Value::PointsChange(tenths(*value)));
            let words = against.as_ref().map_or(Value::Nothing, |(_, interval)| {
                let shown = |end: f64| Value::PointsChange(tenths(end)).shown();
                let sure = interval.lower > 0.0 || interval.upper < 0.0;
                let doubt = if sure { "" } else { "，不能确定" };
                Value::Text(format!("{} 到 {}{doubt}", shown(interval.lower), shown(interval.upper)))
            });
            (change, words)
        };
        let (apart, apart_words) = difference(&line.against_others);
        let (moved, moved_words) = difference(&line.against_past);
        table.push([
            Value::text(&name).into(),
            Value::points(Some(line.full)).into(),
            score(&line.own).into(),
            points_interval(line.own.interval.map(|one| within(one, line.full))).into(),
            score(&line.others).into(),
            apart.into(),
            apart_words.into(),
            score(&line.past).into(),
            moved.into(),
            moved_words.into(),
        ]);
        // As a share of the full points, so that dimensions of different size stand on one scale.
        if let (Some(mean), Some(interval)) = (line.own.mean, line.own.interval)
            && line.full > 0.0
        {
            let share = |points: f64| hundredths((points / line.full * 100.0).clamp(0.0, 100.0));
            let others = line.others.mean.map(share);
            let is_marked = others.is_some_and(|others| share(interval.upper) < others);
            let others =
                others.map_or_else(String::new, |share| format!("（{}）", Value::Share(share).shown()));
            rows.push(Interval {
                name: format!("{name}{others}"),
                low: share(interval.lower),
                value: share(mean),
                high: share(interval.upper),
                is_marked,
            });
        }
    }
    if !rows.is_empty() {
        section.charts.push(Chart {
            title: format!("各维度得分率与 95% 区间（括号里是{others}）"),
            description: "得分占满分的比例；明确低于对照的用橙色菱形标出".to_owned(),
            unit: Unit::Share,
            plot: Plot::Intervals { rows, reference: None, marked: format!("整个区间低于{others}") },
        });
    }
    section.tables.push(table);
    section
}

/// What of an interval can be: the t interval of a few calls reaches beyond the points that there are.
fn within(interval: crate::insight::Interval, full: f64) -> crate::insight::Interval {
    let held = |points: f64| points.clamp(0.0, full.max(0.0));
    crate::insight::Interval { lower: held(interval.lower), upper: held(interval.upper) }
}

/// An empty section, in which [`add_weak`] writes.
pub(super) fn weak_section(too_few: bool, statistic: &str) -> Section {
    let mut section = Section::new(WEAK);
    if too_few {
        section.paragraphs.push("样本不足：通话太少，不作弱项与强项的判断。".to_owned());
    } else {
        section.paragraphs.push(sentence(statistic));
    }
    section
}

/// Writes rules that are hit more often than by others, with what was said. After the examples were fetched.
pub(super) fn add_weak(report: &mut Report, weak: &[RuleLine], too_few: bool) {
    let zone = report.period.zone().clone();
    let Some(section) = report.sections.iter_mut().find(|section| section.title == WEAK) else { return };
    if weak.is_empty() {
        if !too_few {
            section.paragraphs.push("没有明显高于对照的规则。".to_owned());
        }
        return;
    }
    section.tables.push(lines("明显高于对照的规则", weak));
    let mut examples = Table::new(
        "例子",
        &[
            ("规则", Kind::Text),
            ("通话", Kind::Text),
            ("日期", Kind::Text),
            ("位置", Kind::Text),
            ("说了什么", Kind::Long),
        ],
    )
    .noted("打开一通：diting calls show 通话编号。");
    for line in weak {
        for moment in &line.moments {
            let day = zone.to_datetime(moment.started_at).date();
            let words = if moment.text.is_empty() { &moment.explanation } else { &moment.text };
            examples.push([
                Value::text(&format!("{} {}", line.rule.id, line.rule.name)).into(),
                Value::text(moment.call_id.as_str()).into(),
                Value::text(&short_day(day)).into(),
                moment.at.map_or(Value::Nothing, |at| Value::text(&at.to_string())).into(),
                Value::Text(cut(words)).into(),
            ]);
        }
    }
    if !examples.rows.is_empty() {
        section.tables.push(examples);
    }
}

/// Rules beside those of others.
pub(super) fn lines(title: &str, lines: &[RuleLine]) -> Table {
    let columns = [
        ("规则", Kind::Text),
        ("维度", Kind::Text),
        ("检查", Kind::Number),
        ("命中", Kind::Number),
        ("命中率", Kind::Number),
        ("对照命中率", Kind::Number),
        ("相差（百分点）", Kind::Number),
        ("相差的 95% 区间", Kind::Text),
        ("q 值", Kind::Number),
    ];
    let mut table = Table::new(title, &columns);
    for line in lines {
        let counts = &line.own.counts;
        let points = |rate: f64| Value::ShareChange(hundredths(rate * 100.0));
        let words =
            format!("{} 到 {}", points(line.interval.lower).shown(), points(line.interval.upper).shown());
        table.push([
            Value::text(&format!("{} {}", line.rule.id, line.rule.name)).into(),
            Value::text(&line.rule.dimension).into(),
            Value::Count(counts.num_checked).into(),
            opens_hits(Value::Count(counts.num_hits), counts.num_hits, &line.own.calls),
            opens_hits(Value::share(counts.num_hits, counts.num_checked), counts.num_hits, &line.own.calls),
            Value::share(line.others.counts.num_hits, line.others.counts.num_checked).into(),
            points(line.difference).into(),
            Value::Text(words).into(),
            Value::Probability(Probability(line.q_value)).into(),
        ]);
    }
    table
}

/// The weeks as lines and a table.
pub(super) fn weeks(ground: &Ground<'_>, trend: &[TrendPoint], own: &str, others: &str) -> Option<Section> {
    if trend.len() < 2 {
        return None;
    }
    let mut section = Section::new("各周");
    let day = |point: &TrendPoint| ground.period.day_of(point.bucket.start);
    let labels: Vec<String> =
        trend.iter().map(|point| format!("{}/{}", day(point).month(), day(point).day())).collect();
    let partial: Vec<bool> = trend.iter().map(|one| one.bucket.is_partial).collect();
    let cut = if partial.contains(&true) {
        "（空心点与点线：只有部分日子属于本期的周）"
    } else {
        ""
    };
    let points = |mean: Option<f64>| mean.map(tenths);
    section.charts.push(Chart {
        title: format!("各周平均分{cut}"),
        description: format!("{own}与{others}"),
        unit: Unit::Points,
        plot: Plot::Line {
            labels,
            series: vec![
                Series {
                    name: own.to_owned(),
                    values: trend.iter().map(|one| points(one.mean_score)).collect(),
                },
                Series {
                    name: others.to_owned(),
                    values: trend.iter().map(|one| points(one.others_mean_score)).collect(),
                },
            ],
            partial,
        },
    });
    let columns = [
        ("周（周一）", Kind::Text),
        ("已判定", Kind::Number),
        ("平均分", Kind::Number),
        ("对照平均分", Kind::Number),
        ("命中率", Kind::Number),
        ("对照命中率", Kind::Number),
        ("完整", Kind::Text),
    ];
    let mut table = Table::new("各周", &columns).behind_chart();
    let rate = |counts: &Counts| Value::share(counts.num_hits, counts.num_checked);
    for point in trend {
        table.push([
            Value::Date(day(point)).into(),
            Value::Count(point.counts.num_calls).into(),
            Value::points(point.mean_score).into(),
            Value::points(point.others_mean_score).into(),
            rate(&point.counts).into(),
            rate(&point.others).into(),
            Value::text(if point.bucket.is_partial { "不完整" } else { "完整" }).into(),
        ]);
    }
    section.tables.push(table);
    Some(section)
}

/// What people decided about somebody's findings.
pub(super) fn reviews(outcomes: &ReviewOutcomes) -> Section {
    let mut section = Section::new("人工复核");
    let tile = |label: &str, count: u64| Tile {
        label: label.to_owned(),
        cell: Value::Count(count).into(),
        note: String::new(),
    };
    section.tiles = vec![
        tile("复核过的通话", outcomes.num_reviewed),
        tile("维持的命中", outcomes.num_confirmed),
        tile("驳回的命中", outcomes.num_rejected),
        tile("补判的命中", outcomes.num_added),
        tile("申诉待裁", outcomes.num_appealed),
    ];
    section
}

/// A chart of members by calls with a hit.
pub(super) fn members(rows: Vec<(String, Counts)>, reference: Option<(i64, &str)>) -> Option<Chart> {
    let bars: Vec<Interval> = rows.iter().filter_map(|(name, counts)| bar(name, counts)).collect();
    (bars.len() > 1).then(|| intervals("各座席的规则命中率（95% 区间）", bars, reference))
}

/// A rate with its interval, for a row.
pub(super) fn rate_cells(counts: &Counts) -> [Cell; 2] {
    [Value::share(counts.num_hits, counts.num_checked).into(), interval(counts.interval()).into()]
}
