//! The report on the whole centre.

use super::words::{against, interval, points_change, share_change};
use super::{Ground, Parts, beside, coverage, of_agents, pass, review, rules, topics};
use crate::catalog::{CallQuery, ScoreRange, Stage};
use crate::insight::{
    Cell as Figure, Counts, Group, HotSpots, Key, Mean, ProblemQuery, ReportQuery, TallyQuery, agents,
    common_problems, tally,
};
use crate::report::chart::{Chart, Interval, Plot, Series, Unit};
use crate::report::model::{Kind, Section, Table, Tile, Value, opens_hits};
use crate::report::period::short_day;
use crate::types::Score;

/// Rows of a chart.
const MAX_BARS: usize = 24;
/// Common problems that are told.
const MAX_PROBLEMS: usize = 15;

/// Its subject, summary and sections.
pub(super) fn sections(ground: &Ground<'_>) -> Parts {
    let mut summary = first_sentence(ground);
    // About as much work on either side.
    let (((spots, found), problems, roster), (mut sections, teams, rest, worst)) = beside(
        || (rules::hot_spot_section(ground), problems(ground), roster(ground)),
        || {
            let figures = rules::figures(ground, &of_agents());
            let (review, worst) = review::section(ground);
            let mut sections = vec![overview(ground), rules::section(ground, &figures)];
            sections.extend(dimensions(ground));
            let rest = [review, topics::section(ground), coverage::section(ground, &figures)];
            (sections, teams(ground), rest, worst)
        },
    );
    summary.extend(found.as_ref().map(spot_sentence));
    summary.extend(worst);
    let mut teams = teams;
    teams.tables.push(roster);
    sections.extend([teams, spots, problems]);
    sections.extend(rest);
    ("全中心".to_owned(), summary, sections)
}

/// How many calls and how they scored, in a sentence.
pub(super) fn first_sentence(ground: &Ground<'_>) -> Vec<String> {
    let now = &ground.now;
    if now.num_calls == 0 {
        return vec!["本期没有通话。".to_owned()];
    }
    let mut line = format!(
        "共 {} 通通话，判定完成 {} 通（{}）",
        Value::Count(now.num_calls).shown(),
        Value::Count(now.num_done).shown(),
        Value::share(now.num_done, now.num_calls).shown()
    );
    match (now.mean(), now.median()) {
        (Value::Nothing, _) | (_, Value::Nothing) => line.push_str("，没有一通有得分"),
        (mean, median) => line.push_str(&format!("；平均分 {}，中位数 {}", mean.shown(), median.shown())),
    }
    line.push_str(&format!("；一票否决 {} 通。", Value::Count(now.num_vetoed).shown()));
    vec![line]
}

fn spot_sentence(spots: &HotSpots) -> String {
    let claimed: Vec<String> = spots
        .spots
        .iter()
        .filter(|spot| spot.is_claimed)
        .take(3)
        .map(|spot| {
            let subject = spot.subject.as_ref().map_or_else(|| "全部通话".to_owned(), Key::label);
            let rate = |counts: &Counts| Value::share(counts.num_hits, counts.num_checked).shown();
            format!(
                "{subject}的“{}”从 {} 升到 {}",
                spot.rule.name,
                rate(&spot.baseline.counts),
                rate(&spot.window.counts)
            )
        })
        .collect();
    if spots.num_tested == 0 {
        "没有可比的基线或样本不足，不作热点判断。".to_owned()
    } else if claimed.is_empty() {
        "没有相对基线显著上升的规则。".to_owned()
    } else {
        crate::report::model::clean(&format!("显著上升：{}。", claimed.join("；")))
    }
}

/// Tiles, the distribution of scores, and the days.
pub(super) fn overview(ground: &Ground<'_>) -> Section {
    let Ground { now, before, period, .. } = ground;
    let mut section = Section::new("概览");
    let previous = period.previous_name();
    let done = CallQuery { stages: vec![Stage::Done], ..ground.current() };
    let hits = CallQuery { finding: of_agents(), ..ground.current() };
    let vetoed = CallQuery { vetoed: true, ..ground.current() };
    let count_change = |now: u64, before: u64| {
        let change = i64::try_from(now).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX);
        if before == 0 { Value::Nothing } else { Value::CountChange(change) }
    };
    let share = |pass: &pass::Pass| Value::share(pass.num_hit, pass.num_done);
    let tile = |label: &str, cell, note: String| Tile { label: label.to_owned(), cell, note };
    section.tiles = vec![
        tile(
            "通话",
            Value::Count(now.num_calls).opens(&ground.current()),
            against(previous, &count_change(now.num_calls, before.num_calls), " 通"),
        ),
        tile(
            "已判定",
            Value::Count(now.num_done).opens(&done),
            format!("占 {}", Value::share(now.num_done, now.num_calls).shown()),
        ),
        tile(
            "平均分",
            now.mean().into(),
            against(previous, &points_change(&now.mean(), &before.mean()), " 分"),
        ),
        tile(
            "中位数",
            now.median().into(),
            format!("{} 通有得分", Value::Count(now.scores.len() as u64).shown()),
        ),
        tile(
            "有命中的通话",
            share(now).opens(&hits),
            against(previous, &share_change(&share(now), &share(before)), " 百分点"),
        ),
        tile(
            "一票否决",
            Value::Count(now.num_vetoed).opens(&vetoed),
            against(previous, &count_change(now.num_vetoed, before.num_vetoed), " 通"),
        ),
    ];
    let days = period.days();
    if days.len() > 1 {
        let labels: Vec<String> = days.iter().map(|day| format!("{}/{}", day.month(), day.day())).collect();
        let of_day = |day| now.days.get(&day).copied().unwrap_or_default();
        let mean = |day: &jiff::civil::Date| {
            let mean = pass::mean(of_day(*day).sum, of_day(*day).num_scored);
            if let Value::Points(tenths) = mean { Some(tenths) } else { None }
        };
        let hit_share = |day: &jiff::civil::Date| {
            crate::report::model::share(of_day(*day).num_hit, of_day(*day).num_done)
        };
        let counts = |day: &jiff::civil::Date| i64::try_from(of_day(*day).num_calls).unwrap_or(i64::MAX);
        let line = |title: &str, unit, name: &str, values: Vec<Option<i64>>| Chart {
            title: title.to_owned(),
            description: format!("{}，{}", title, period.title()),
            unit,
            plot: Plot::Line {
                labels: labels.clone(),
                series: vec![Series { name: name.to_owned(), values }],
                partial: Vec::new(),
            },
        };
        section.charts.push(line("各日平均分", Unit::Points, "平均分", days.iter().map(mean).collect()));
        section.charts.push(line(
            "各日有命中的通话占比",
            Unit::Share,
            "有命中的通话占已判定",
            days.iter().map(hit_share).collect(),
        ));
        section.charts.push(Chart {
            title: "各日通话数".to_owned(),
            description: "每日开始的通话".to_owned(),
            unit: Unit::Count,
            plot: Plot::Histogram {
                bars: labels.iter().cloned().zip(days.iter().map(counts)).collect(),
                axis: "日".to_owned(),
            },
        });
        section.tables.push(by_day(ground, &days));
    }
    section.charts.push(Chart {
        title: "得分分布".to_owned(),
        description: "各分数段的通话数".to_owned(),
        unit: Unit::Count,
        plot: Plot::Histogram {
            bars: now
                .histogram()
                .into_iter()
                .map(|(name, _, _, count)| (name, i64::try_from(count).unwrap_or(i64::MAX)))
                .collect(),
            axis: "得分".to_owned(),
        },
    });
    section.tables.push(distribution(ground));
    section
}

fn by_day(ground: &Ground<'_>, days: &[jiff::civil::Date]) -> Table {
    let columns = [
        ("日期", Kind::Text),
        ("通话", Kind::Number),
        ("已判定", Kind::Number),
        ("有得分", Kind::Number),
        ("平均分", Kind::Number),
        ("有命中的通话", Kind::Number),
        ("占已判定", Kind::Number),
    ];
    let mut table = Table::new("各日", &columns).behind_chart();
    for day in days {
        let one = ground.now.days.get(day).copied().unwrap_or_default();
        let calls = ground.calls(ground.period.day_range(*day));
        let done = CallQuery { stages: vec![Stage::Done], ..calls.clone() };
        let hits = CallQuery { finding: of_agents(), ..calls.clone() };
        table.push([
            Value::Date(*day).into(),
            Value::Count(one.num_calls).opens(&calls),
            Value::Count(one.num_done).opens(&done),
            Value::Count(one.num_scored).into(),
            pass::mean(one.sum, one.num_scored).into(),
            Value::Count(one.num_hit).opens(&hits),
            Value::share(one.num_hit, one.num_done).into(),
        ]);
    }
    table
}

fn distribution(ground: &Ground<'_>) -> Table {
    let mut table =
        Table::new("得分分布", &[("得分", Kind::Text), ("通话", Kind::Number), ("占比", Kind::Number)])
            .behind_chart();
    let whole = ground.now.scores.len() as u64;
    for (name, low, high, count) in ground.now.histogram() {
        let points = |points: i64| i32::try_from(points).ok().map(Score::from_points);
        // Ranges end before the next begins; points have two decimals.
        let max = points(high).and_then(|high| Some(high - Score::from_f64(0.01)?));
        let score = ScoreRange { min: points(low), max };
        let calls = CallQuery { score, ..ground.current() };
        table.push([
            Value::text(&name).into(),
            Value::Count(count).opens(&calls),
            Value::share(count, whole).into(),
        ]);
    }
    table
}

/// Mean points of each dimension.
fn dimensions(ground: &Ground<'_>) -> Option<Section> {
    let mut section = Section::new("维度");
    let columns = [
        ("维度", Kind::Text),
        ("满分", Kind::Number),
        ("平均分", Kind::Number),
        ("得分率", Kind::Number),
        (&*format!("{}平均分", ground.period.previous_name()), Kind::Number),
        ("变化（分）", Kind::Number),
    ];
    let mut table = Table::new("各维度平均分", &columns);
    for (name, (sum, count, full)) in &ground.now.dimensions {
        let now = pass::mean(*sum, *count);
        let before = ground
            .before
            .dimensions
            .get(name)
            .map_or(Value::Nothing, |(sum, count, _)| pass::mean(*sum, *count));
        let change = points_change(&now, &before);
        let whole = u64::try_from(*full).unwrap_or_default() * count;
        table.push([
            Value::text(name).into(),
            pass::mean(*full, 1).into(),
            now.into(),
            Value::share(u64::try_from(*sum).unwrap_or_default(), whole).into(),
            before.into(),
            change.into(),
        ]);
    }
    if table.rows.is_empty() {
        return None;
    }
    section.tables.push(table);
    section.charts.extend(heat(ground));
    Some(section)
}

/// How often the rules of each dimension hit, by team.
fn heat(ground: &Ground<'_>) -> Option<Chart> {
    let cells = counted(ground, ground.current(), vec![Group::Team, Group::Dimension]);
    let name = |cell: &Figure, index: usize| cell.keys.get(index).map(Key::label);
    let mut columns: Vec<String> = ground.now.dimensions.keys().cloned().collect();
    columns.retain(|column| cells.iter().any(|cell| name(cell, 1).as_ref() == Some(column)));
    let mut rows: Vec<String> = cells.iter().filter_map(|cell| name(cell, 0)).collect();
    rows.sort();
    rows.dedup();
    let of = if rows.len() > MAX_BARS {
        format!("（按班组名前 {MAX_BARS} 个，共 {} 个）", rows.len())
    } else {
        String::new()
    };
    rows.truncate(MAX_BARS);
    let rate = |row: &str, column: &str| {
        let cell = cells
            .iter()
            .find(|cell| name(cell, 0).as_deref() == Some(row) && name(cell, 1).as_deref() == Some(column))?;
        crate::report::model::share(cell.counts.num_hits, cell.counts.num_checked)
    };
    let rows: Vec<(String, Vec<Option<i64>>)> = rows
        .into_iter()
        .map(|row| (row.clone(), columns.iter().map(|column| rate(&row, column)).collect()))
        .collect();
    (rows.len() > 1 && !columns.is_empty()).then(|| Chart {
        title: format!("各班组、各维度的命中率{of}"),
        description: "颜色越深命中率越高".to_owned(),
        unit: Unit::Share,
        plot: Plot::Heat { columns, rows },
    })
}

/// Cells of a question over rules of agents, without time.
pub(super) fn counted(ground: &Ground<'_>, calls: CallQuery, group_by: Vec<Group>) -> Vec<Figure> {
    let query = TallyQuery { calls, rules: of_agents(), group_by, step: None, time_zone: ground.zone() };
    tally(ground.catalog, &query).map(|tally| tally.cells).unwrap_or_default()
}

/// Calls with a hit among those that were judged, as counts with an interval.
pub(super) fn calls_hit(cell: &Figure) -> Counts {
    Counts {
        num_calls: cell.counts.num_calls,
        num_checked: cell.counts.num_calls,
        num_hits: cell.counts.num_calls_hit,
        ..Counts::default()
    }
}

fn teams(ground: &Ground<'_>) -> Section {
    let mut section = Section::new("班组");
    let now = counted(ground, ground.current(), vec![Group::Team]);
    let before = counted(ground, ground.past(), vec![Group::Team]);
    let columns = [
        ("班组", Kind::Text),
        ("已判定", Kind::Number),
        ("平均分", Kind::Number),
        (&*format!("{}平均分", ground.period.previous_name()), Kind::Number),
        ("有命中的通话", Kind::Number),
        ("占比", Kind::Number),
        ("95% 区间", Kind::Number),
    ];
    let mut table = Table::new("各班组", &columns)
        .noted("占比是有命中的通话占已判定的比例。区间大幅重叠的班组分不出先后。");
    let mut bars = Vec::new();
    for cell in &now {
        let key = cell.keys.first();
        let past = before.iter().find(|one| one.keys.first() == key);
        let counts = calls_hit(cell);
        let team = key.and_then(|key| key.value.as_deref());
        let calls = |finding| CallQuery {
            teams: team.map(str::to_owned).into_iter().collect(),
            finding,
            stages: vec![Stage::Done],
            ..ground.current()
        };
        let label = key.map(Key::label).unwrap_or_default();
        // No filter finds calls that say no team.
        let opens =
            |value: Value, finding| if team.is_some() { value.opens(&calls(finding)) } else { value.into() };
        table.push([
            Value::text(&label).into(),
            opens(Value::Count(counts.num_calls), crate::catalog::FindingQuery::default()),
            Value::points(cell.mean_score).into(),
            Value::points(past.and_then(|past| past.mean_score)).into(),
            opens(Value::Count(counts.num_hits), of_agents()),
            Value::share(counts.num_hits, counts.num_checked).into(),
            interval(counts.interval()).into(),
        ]);
        bars.extend(bar(&label, &counts));
    }
    let total = crate::report::model::share(ground.now.num_hit, ground.now.num_done);
    if bars.len() > 1 {
        section.charts.push(intervals(
            "各班组有命中的通话占比（95% 区间）",
            bars,
            total.map(|total| (total, "中心")),
        ));
    }
    section.tables.push(table);
    section
}

/// A row of a chart of intervals.
pub(super) fn bar(label: &str, counts: &Counts) -> Option<Interval> {
    let (Value::ShareInterval(low, high), Value::Share(value)) =
        (interval(counts.interval()), Value::share(counts.num_hits, counts.num_checked))
    else {
        return None;
    };
    Some(Interval { name: label.to_owned(), low, value, high, is_marked: false })
}

/// Rows with their intervals, those that lie wholly above the reference marked.
pub(super) fn intervals(title: &str, mut rows: Vec<Interval>, reference: Option<(i64, &str)>) -> Chart {
    rows.sort_by(|left, right| (right.value, &left.name).cmp(&(left.value, &right.name)));
    let of = if rows.len() > MAX_BARS {
        format!("：前 {MAX_BARS} 个，共 {} 个；其余见下表", rows.len())
    } else {
        String::new()
    };
    rows.truncate(MAX_BARS);
    for row in &mut rows {
        row.is_marked = reference.is_some_and(|(at, _)| row.low > at);
    }
    let marked = reference.map_or_else(String::new, |(_, name)| format!("整个区间高于{name}（虚线）"));
    let mark = if marked.is_empty() { String::new() } else { format!("；{marked}的用橙色菱形标出") };
    Chart {
        title: format!("{title}{of}"),
        description: format!("点是比率，横线是 95% 区间{mark}"),
        unit: Unit::Share,
        plot: Plot::Intervals { rows, reference: reference.map(|(at, name)| (at, name.to_owned())), marked },
    }
}

/// Every agent; for the workbook only, because a page of names in an order invites to read more into it than is there.
fn roster(ground: &Ground<'_>) -> Table {
    let columns = [
        ("工号", Kind::Text),
        ("姓名", Kind::Text),
        ("班组", Kind::Text),
        ("已判定", Kind::Number),
        ("平均分", Kind::Number),
        ("95% 区间", Kind::Number),
    ];
    let mut table = Table::new("座席名单", &columns).behind_chart();
    let Some(period) = ground.window() else { return table };
    for member in agents(ground.catalog, &ReportQuery::new(period, ground.zone())) {
        table.push([
            Value::text(&member.agent_id).into(),
            member.agent_name.as_deref().map_or(Value::Nothing, Value::text).into(),
            member.team.as_deref().map_or(Value::Nothing, Value::text).into(),
            Value::Count(member.calls.counts.num_calls).opens(&member.calls.all_calls()),
            score(&member.score).into(),
            super::words::points_interval(member.score.interval).into(),
        ]);
    }
    table
}

/// A mean score.
pub(super) fn score(mean: &Mean) -> Value {
    Value::points(mean.mean)
}

/// Whose problem each rule is.
fn problems(ground: &Ground<'_>) -> Section {
    let mut section = Section::new("共性问题");
    let columns = [
        ("规则", Kind::Text),
        ("命中率", Kind::Number),
        ("有命中的座席", Kind::Number),
        ("被检查的座席", Kind::Number),
        ("前一成座席占命中", Kind::Number),
        ("偶然时应占", Kind::Number),
        ("判断", Kind::Text),
        ("起于", Kind::Text),
    ];
    let mut table = Table::new("涉及座席最多的规则", &columns).noted(
        "普遍存在的问题先查流程、话术和规则本身；集中于个别座席的做个别辅导。“偶然时应占”是全员同一命中率时，前一成座席因偶然也会占到的份额。",
    );
    let Some(period) = ground.window() else { return section };
    let query = ProblemQuery {
        calls: CallQuery { started: crate::catalog::TimeRange::default(), ..ground.current() },
        rules: of_agents(),
        period,
        time_zone: ground.zone(),
        max_problems: MAX_PROBLEMS,
    };
    for one in common_problems(ground.catalog, &query) {
        let counts = &one.figure.counts;
        table.push([
            Value::text(&format!("{} {}", one.rule.id, one.rule.name)).into(),
            opens_hits(Value::share(counts.num_hits, counts.num_checked), counts.num_hits, &one.figure.calls),
            Value::Count(one.num_agents_hit).into(),
            Value::Count(one.num_agents_checked).into(),
            Value::ratio(one.top_share).into(),
            Value::ratio(one.top_share_by_chance).into(),
            Value::text(one.spread.label()).into(),
            one.since
                .map_or(Value::Nothing, |since| Value::text(&short_day(ground.period.day_of(since.day))))
                .into(),
        ]);
    }
    section.tables.push(table);
    section
}

#[cfg(test)]
#[path = "centre_tests.rs"]
mod tests;
