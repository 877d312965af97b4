//! Figures, hot spots, improvements and problems as text for people.
//!
//! **Invariant**: every rate stands beside its counts.

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;

use super::opens::opens;
use crate::cli::report::layout::{clean, pad, pad_left};
use crate::proto::v1;
use crate::types::{Probability, time_zone};

/// Eighths of a bar.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A rate as percent; a dash without one.
pub(super) fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1}%", rate * 100.0))
}

/// A difference of rates in points of a percent.
pub(super) fn points(difference: f64) -> String {
    format!("{:+.1}", difference * 100.0)
}

/// An interval of differences.
pub(super) fn points_interval(interval: Option<&v1::InsightInterval>) -> String {
    interval.map_or_else(String::new, |one| format!("[{}, {}]", points(one.lower), points(one.upper)))
}

/// Hits of checks with the rate: `12.0% (12/100)`.
pub(super) fn rate(figure: Option<&v1::InsightFigure>) -> String {
    let Some(figure) = figure else { return "-".to_owned() };
    format!("{} ({}/{})", percent(figure.rate), figure.num_hits, figure.num_checked)
}

/// A rule by id and name.
pub(super) fn rule(rule: Option<&v1::InsightRule>) -> String {
    rule.map_or_else(String::new, |rule| clean(&format!("{} {}", rule.rule_id, rule.name)))
}

fn key(key: &v1::InsightKey) -> String {
    let text = match (key.value.is_empty(), key.name.is_empty()) {
        (true, _) => "（未知）".to_owned(),
        (false, true) => key.value.clone(),
        (false, false) => format!("{} {}", key.value, key.name),
    };
    clean(&text)
}

/// What a figure is of, with its kind: two kinds may have values that look alike.
fn subject(one: &v1::InsightKey) -> String {
    let kind = match one.group() {
        v1::InsightGroup::Rule => "规则",
        v1::InsightGroup::Dimension => "维度",
        v1::InsightGroup::Level => "级别",
        v1::InsightGroup::Agent => "座席",
        v1::InsightGroup::Team => "班组",
        v1::InsightGroup::SkillGroup => "技能组",
        v1::InsightGroup::Business => "业务",
        v1::InsightGroup::Product => "产品",
        v1::InsightGroup::Topic => "话题",
        v1::InsightGroup::Demand => "诉求",
        v1::InsightGroup::Direction => "呼叫方向",
        v1::InsightGroup::Unspecified => return key(one),
    };
    format!("{kind} {}", key(one))
}

/// The zone of an answer; UTC where it says none.
pub(super) fn zone(name: &str) -> TimeZone {
    time_zone(name).unwrap_or(TimeZone::UTC)
}

/// The day of a time on the clocks of the answer's zone.
pub(super) fn day(at: Option<&prost_types::Timestamp>, pattern: &str, zone: &TimeZone) -> String {
    let at = at.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok());
    at.map_or_else(String::new, |at| at.to_zoned(zone.clone()).strftime(pattern).to_string())
}

/// Values as small bars, from nothing to the largest.
pub(super) fn sparkline(values: &[Option<f64>]) -> String {
    let most = values.iter().flatten().fold(0.0_f64, |most, value| most.max(*value));
    let bar = |value: &Option<f64>| {
        let Some(value) = value else { return ' ' };
        // From 0 to 7 by the clamp.
        let step = if most > 0.0 { (value / most * 7.0).round().clamp(0.0, 7.0) as usize } else { 0 };
        BLOCKS.get(step).copied().unwrap_or('▁')
    };
    values.iter().map(bar).collect()
}

/// A bar of at most `columns`.
fn bar(share: f64, columns: usize) -> String {
    let filled = (share.clamp(0.0, 1.0) * columns as f64).round() as usize;
    "█".repeat(filled)
}

/// Rows in columns as wide as their widest cell; the last one is not filled up. Columns from `first_number` stand to the
/// right.
pub(super) fn table(rows: &[Vec<String>], first_number: usize) -> String {
    let num_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.as_str().width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..num_columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column + 1 == num_columns {
                cell.clone()
            } else if column >= first_number {
                pad_left(cell, *width)
            } else {
                pad(cell, *width)
            }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A tally: a table of its cells, or with a step one line for each group with a small curve.
pub(super) fn trend(answer: &v1::QueryMetricsResponse) -> String {
    let zone = zone(&answer.time_zone);
    let mut text = String::new();
    let has_time = answer.cells.iter().any(|cell| cell.start.is_some());
    let has_keys = answer.cells.iter().any(|cell| !cell.keys.is_empty());
    let head = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    if has_time && has_keys {
        let mut starts: Vec<_> =
            answer.cells.iter().filter_map(|cell| cell.start.map(|at| (at.seconds, at.nanos))).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut groups: Vec<(String, Vec<&v1::InsightCell>)> = Vec::new();
        for cell in &answer.cells {
            let name = cell.keys.iter().map(key).collect::<Vec<_>>().join(" · ");
            match groups.iter_mut().find(|group| group.0 == name) {
                Some(group) => group.1.push(cell),
                None => groups.push((name, vec![cell])),
            }
        }
        let mut rows = vec![head(&["分组", "命中", "检查", "命中率", "最近", "走势"])];
        for (name, cells) in &groups {
            let (mut hits, mut checked) = (0, 0);
            let mut curve = vec![None; starts.len()];
            let mut last = "-".to_owned();
            for cell in cells {
                let figure = cell.figure.clone().unwrap_or_default();
                hits += figure.num_hits;
                checked += figure.num_checked;
                let at = cell.start.map(|at| (at.seconds, at.nanos));
                if at.is_some() && at.as_ref() == starts.last() {
                    last = format!("{}{}", rate(cell.figure.as_ref()), star(cell));
                }
                let place = cell.start.and_then(|at| starts.binary_search(&(at.seconds, at.nanos)).ok());
                if let Some(value) = place.and_then(|place| curve.get_mut(place)) {
                    *value = figure.rate;
                }
            }
            let whole = (checked > 0).then(|| hits as f64 / checked as f64);
            rows.push(vec![
                name.clone(),
                hits.to_string(),
                checked.to_string(),
                percent(whole),
                last,
                sparkline(&curve),
            ]);
        }
        text.push_str(&table(&rows, 1));
        groups.iter().for_each(|(name, cells)| steps(&mut text, name, cells, &zone));
    } else {
        let mut rows = vec![head(&["分组", "通话", "命中", "检查", "不适用", "命中率", "其他", "均分", ""])];
        for cell in &answer.cells {
            let figure = cell.figure.clone().unwrap_or_default();
            let name = if has_time {
                format!("{}{}", day(cell.start.as_ref(), "%Y-%m-%d %H:%M", &zone), star(cell))
            } else {
                cell.keys.iter().map(key).collect::<Vec<_>>().join(" · ")
            };
            rows.push(vec![
                name,
                figure.num_calls.to_string(),
                figure.num_hits.to_string(),
                figure.num_checked.to_string(),
                figure.num_not_applicable.to_string(),
                percent(figure.rate),
                percent(cell.others_rate),
                cell.mean_score.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}")),
                bar(figure.rate.unwrap_or(0.0), 20),
            ]);
        }
        text.push_str(&table(&rows, 1));
    }
    if answer.cells.iter().any(|cell| cell.is_partial) {
        text.push_str("* 时段不完整：查询的时间只含其中一部分\n");
    }
    if answer.revisions.len() > 1 {
        text.push_str("期间规则版本有变化，变化处的升降可能来自规则：\n");
        for one in &answer.revisions {
            let from = day(one.first_call_at.as_ref(), "%Y-%m-%d", &zone);
            say!(text, "  {from} 起  {} {}  {} 通", one.scheme, one.revision, one.num_calls);
        }
    }
    say!(text, "合计 {}", rate(answer.total.as_ref()));
    text
}

/// Marks a time of which the question leaves out a part.
fn star(cell: &v1::InsightCell) -> &'static str {
    if cell.is_partial { "*" } else { "" }
}

/// The figures of one group, step by step.
fn steps(text: &mut String, name: &str, cells: &[&v1::InsightCell], zone: &TimeZone) {
    say!(text, "\n── {name}");
    let rows: Vec<Vec<String>> = cells
        .iter()
        .map(|cell| {
            let figure = cell.figure.as_ref();
            vec![
                format!("  {}{}", day(cell.start.as_ref(), "%Y-%m-%d %H:%M", zone), star(cell)),
                rate(figure),
                bar(figure.and_then(|figure| figure.rate).unwrap_or(0.0), 20),
            ]
        })
        .collect();
    text.push_str(&table(&rows, 1));
}

/// Hot spots.
pub(super) fn hot_spots(answer: &v1::ListHotSpotsResponse) -> String {
    let zone = zone(&answer.time_zone);
    let mut text = String::new();
    match (answer.num_calls, answer.num_tested) {
        (Some(0), 0) => {
            text.push_str("这段时间没有判定完成的通话，没有什么可以检验\n");
            return text;
        }
        (Some(num_calls), 0) => {
            say!(text, "这段时间有 {num_calls} 通，没有一组的检查够做检验（之前的基线也要有通话）");
            return text;
        }
        (_, _) if answer.hot_spots.is_empty() => text.push_str("没有统计上可以确认的上升\n"),
        (_, _) => {}
    }
    for (place, spot) in answer.hot_spots.iter().enumerate() {
        let whose = spot.subject.as_ref().map_or_else(|| "全部通话".to_owned(), subject);
        let mark = if spot.is_claimed { "▲" } else { "·" };
        say!(text, "{mark} {}. {}  {whose}", place + 1, rule(spot.rule.as_ref()));
        say!(
            text,
            "     {} → {}，升 {} 个百分点 {}，{}，{}，离散系数 {:.2}",
            rate(spot.baseline.as_ref()),
            rate(spot.window.as_ref()),
            points(spot.rise),
            points_interval(spot.rise_interval.as_ref()),
            Probability(spot.p_value).of('p'),
            Probability(spot.q_value).of('q'),
            spot.dispersion,
        );
        if let Some(since) = &spot.since {
            say!(
                text,
                "     起始 {}（{} 至 {}），变点 {}",
                day(since.day.as_ref(), "%m-%d", &zone),
                day(since.earliest.as_ref(), "%m-%d", &zone),
                day(since.latest.as_ref(), "%m-%d", &zone),
                Probability(since.p_value).of('p'),
            );
        }
        text.push_str(&opens(spot.window.as_ref(), "     "));
        for part in &spot.parts {
            let of = part.subject.as_ref().map_or_else(|| "全部通话".to_owned(), subject);
            say!(
                text,
                "     其中 {of}：{} → {}，升 {} 个百分点",
                rate(part.baseline.as_ref()),
                rate(part.window.as_ref()),
                points(part.rise)
            );
            text.push_str(&opens(part.window.as_ref(), "       "));
        }
        if let Some(other) = spot.part_of {
            let whole = usize::try_from(other).ok().and_then(|other| answer.hot_spots.get(other));
            match whole.is_some_and(|whole| whole.subject.is_none()) {
                true => say!(text, "     含在第 {} 条（全部通话）里，未显著超出其余通话", other + 1),
                false => say!(text, "     由第 {} 条解释：去掉其通话后不再显著", other + 1),
            }
        } else if !spot.is_claimed {
            text.push_str("     未确认：偶然即可解释，或幅度不够\n");
        }
    }
    say!(text, "共检验 {} 组。方法：{}", answer.num_tested, answer.statistic);
    text
}

/// An improvement with its effect.
pub(super) fn improvement(one: &v1::ImprovementWithEffect) -> String {
    let (improvement, effect) =
        (one.improvement.clone().unwrap_or_default(), one.effect.clone().unwrap_or_default());
    let zone = zone(&effect.time_zone);
    let words = match effect.outcome() {
        v1::ImprovementOutcome::Improved => "已改善",
        v1::ImprovementOutcome::NoEvidence => "证据不足",
        v1::ImprovementOutcome::Worse => "变差",
        v1::ImprovementOutcome::TooFew => "样本不足",
        v1::ImprovementOutcome::Unspecified => "未知",
    };
    let mut text = String::new();
    say!(text, "{}  {}  {words}", improvement.improvement_id, clean(&improvement.title));
    let scope: Vec<&str> = improvement
        .agents
        .iter()
        .chain(&improvement.teams)
        .chain(&improvement.skill_groups)
        .map(String::as_str)
        .collect();
    let scope = if scope.is_empty() { "全体".to_owned() } else { scope.join("、") };
    let rules: Vec<String> = effect.rules.iter().map(|one| rule(Some(one))).collect();
    say!(
        text,
        "  {}  {}  {}：{}",
        day(improvement.at.as_ref(), "%Y-%m-%d", &zone),
        clean(&scope),
        rules.join("、"),
        clean(&improvement.action)
    );
    for (name, compared) in [("对象", effect.treated.as_ref()), ("其他人", effect.others.as_ref())] {
        let Some(compared) = compared else { continue };
        let difference = compared.difference.map_or_else(|| "-".to_owned(), points);
        say!(
            text,
            "  {}  前 {}  后 {}  差 {difference} {}",
            pad(name, 6),
            rate(compared.before.as_ref()),
            rate(compared.after.as_ref()),
            points_interval(compared.interval.as_ref()),
        );
    }
    if let Some(did) = effect.difference_in_differences {
        let interval = points_interval(effect.difference_in_differences_interval.as_ref());
        say!(text, "  双重差分  {} {interval}", points(did));
    }
    for caution in &effect.cautions {
        say!(text, "  注意：{caution}");
    }
    if let Some(treated) = &effect.treated {
        say!(text, "  方法：{}", treated.method);
    }
    text
}

/// Common problems.
pub(super) fn problems(answer: &v1::ListCommonProblemsResponse) -> String {
    let (problems, zone) = (&answer.problems, zone(&answer.time_zone));
    let head = ["规则", "命中座席", "命中率", "前10%占比", "偶然占比", "基尼", "自", "分布"];
    let mut rows = vec![head.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    for problem in problems {
        let spread = match problem.spread() {
            v1::ProblemSpread::Few => "集中于个别座席",
            v1::ProblemSpread::Many => "普遍存在（先查流程、话术与规则）",
            v1::ProblemSpread::Mixed => "介于两者之间",
            v1::ProblemSpread::TooFew | v1::ProblemSpread::Unspecified => "样本不足",
        };
        let since = problem.since.as_ref().map(|since| day(since.day.as_ref(), "%m-%d", &zone));
        rows.push(vec![
            rule(problem.rule.as_ref()),
            format!("{}/{}", problem.num_agents_hit, problem.num_agents_checked),
            rate(problem.figure.as_ref()),
            percent(Some(problem.top_share)),
            percent(Some(problem.top_share_by_chance)),
            format!("{:.2}", problem.gini),
            since.unwrap_or_else(|| "-".to_owned()),
            spread.to_owned(),
        ]);
    }
    let note = "“前10%占比”为命中最多的一成座席所占命中；“偶然占比”为人人命中率相同时的模拟值；起始日为二项似然比变点（置换检验，Bonferroni）\n";
    let mut text = table(&rows, 1) + note;
    text.push_str("命中的通话：\n");
    for problem in problems {
        say!(text, "  {}", rule(problem.rule.as_ref()));
        text.push_str(&opens(problem.figure.as_ref(), "    "));
    }
    text
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
