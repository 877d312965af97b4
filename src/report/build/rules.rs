//! Figures of rules: how often each was checked and hit, against the period before, and whether that means anything.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Ground;
use super::words::{interval, sentence, share_change};
use crate::analysis::Verdict;
use crate::catalog::{CallQuery, FindingQuery, RuleInfo, Stage};
use crate::insight::{
    ChangeQuery, Counts, Group, HotSpotQuery, HotSpots, Limits, RateChange, Step, TallyQuery, hot_spots,
    rate_changes, tally,
};
use crate::report::model::{Cell, Kind, Scope, Section, Table, Value, hundredths, opens_hits};
use crate::report::period::Unit;
use crate::types::{Probability, RuleId};

/// Rules that a page lists.
const MAX_SHOWN: usize = 15;
/// Hot spots that are told.
const MAX_SPOTS: usize = 20;

/// A rule and its figures.
pub(super) struct RuleFigures {
    pub(super) info: RuleInfo,
    pub(super) now: Counts,
    pub(super) before: Counts,
    /// Hit rates by day.
    pub(super) days: Vec<Option<i64>>,
}

/// Every rule that judged a call of the period, most hits first.
pub(super) fn figures(ground: &Ground<'_>, rules: &FindingQuery) -> Vec<RuleFigures> {
    let days = ground.period.days();
    let now = by_rule(ground, ground.current(), rules, None);
    let before = by_rule(ground, ground.past(), rules, None);
    let daily = by_rule(ground, ground.current(), rules, Some(Step::Day));
    let mut figures: Vec<RuleFigures> = now
        .iter()
        .filter_map(|((id, _), counts)| {
            let rate = |day: &Date| {
                let counts = daily.get(&(id.clone(), Some(*day)))?;
                crate::report::model::share(counts.num_hits, counts.num_checked)
            };
            Some(RuleFigures {
                info: ground.infos.get(id)?.clone(),
                now: *counts,
                before: before.get(&(id.clone(), None)).copied().unwrap_or_default(),
                days: days.iter().map(rate).collect(),
            })
        })
        .collect();
    figures
        .sort_by(|left, right| (right.now.num_hits, &left.info.id).cmp(&(left.now.num_hits, &right.info.id)));
    figures
}

type ByRule = BTreeMap<(RuleId, Option<Date>), Counts>;

fn by_rule(ground: &Ground<'_>, calls: CallQuery, rules: &FindingQuery, step: Option<Step>) -> ByRule {
    let query = TallyQuery {
        calls,
        rules: rules.clone(),
        group_by: vec![Group::Rule],
        step,
        time_zone: ground.zone(),
    };
    // The groups are few and the cells are rules times days, so that no limit is near.
    let Ok(tally) = tally(ground.catalog, &query) else { return ByRule::new() };
    let cells = tally.cells.into_iter().filter_map(|cell| {
        let id = RuleId::try_new(cell.keys.first()?.value.as_deref()?).ok()?;
        Some(((id, cell.bucket.map(|bucket| ground.period.day_of(bucket.start))), cell.counts))
    });
    cells.collect()
}

/// The calls of `calls` with one of `verdicts` of a rule.
pub(super) fn of_rule(calls: &CallQuery, rule: &RuleId, verdicts: &[Verdict]) -> CallQuery {
    let finding =
        FindingQuery { rules: vec![rule.clone()], verdicts: verdicts.to_vec(), ..FindingQuery::default() };
    CallQuery { finding, ..calls.clone() }
}

/// How the rates of rules moved against the baseline, by rule, in words. In the reports on the whole centre and on a rule,
/// which share one family of tests over all rules and all calls, the words also say what is 显著; reports on teams and
/// agents are many, so that theirs say the interval only.
pub(super) fn changes(ground: &Ground<'_>) -> BTreeMap<RuleId, String> {
    let (Some(window), Some(baseline)) = (ground.window(), ground.baseline()) else {
        return BTreeMap::new();
    };
    let claims = match ground.scope {
        Scope::Centre | Scope::Rule(_) => true,
        Scope::Team(_) | Scope::Agent(_) => false,
    };
    let scope = if claims { &Scope::Centre } else { ground.scope };
    let query = ChangeQuery {
        calls: super::calls(scope, crate::catalog::TimeRange::default()),
        rules: FindingQuery::default(),
        window,
        baseline,
        time_zone: ground.zone(),
        limits: Limits::default(),
    };
    let words = |one: RateChange| {
        let points = |rate: f64| Value::ShareChange(hundredths(rate * 100.0)).shown();
        let change = format!(
            "{}（{} 到 {}）",
            points(one.difference),
            points(one.interval.lower),
            points(one.interval.upper)
        );
        let claim = match one.is_claimed && claims {
            true if one.difference > 0.0 => "显著上升 ",
            true => "显著下降 ",
            false => "",
        };
        (one.rule.id, format!("{claim}{change}"))
    };
    rate_changes(ground.catalog, &query).into_iter().map(words).collect()
}

/// Rules by hits: the first few on pages, all in the workbook.
pub(super) fn section(ground: &Ground<'_>, figures: &[RuleFigures]) -> Section {
    let mut section = Section::new("规则");
    let changes = changes(ground);
    let previous = ground.period.previous_name();
    let columns: [(&str, Kind); 11] = [
        ("规则", Kind::Text),
        ("级别", Kind::Text),
        ("维度", Kind::Text),
        ("检查", Kind::Number),
        ("命中", Kind::Number),
        ("命中率", Kind::Number),
        ("95% 区间", Kind::Number),
        (&format!("{previous}命中率"), Kind::Number),
        ("变化（百分点）", Kind::Number),
        ("相对基线的变化（百分点，95% 区间）", Kind::Text),
        ("各日", Kind::Spark),
    ];
    let row = |one: &RuleFigures| row(ground, one, changes.get(&one.info.id).map(String::as_str));
    let shown = figures.iter().filter(|one| one.now.num_hits > 0).take(MAX_SHOWN);
    let top = Table {
        rows: shown.map(row).collect(),
        ..Table::new("命中最多的规则", &columns)
            .noted("按命中数排序；区间是命中率的 95% Wilson 区间。相对基线的变化何时称显著、基线是什么，见口径说明。")
    };
    let all = Table { rows: figures.iter().map(row).collect(), ..Table::new("全部规则", &columns) };
    if figures.len() > top.rows.len() {
        section.paragraphs.push(format!(
            "本期共有 {} 条规则参与判定，其中 {} 条有命中；全部规则见工作簿。",
            figures.len(),
            figures.iter().filter(|one| one.now.num_hits > 0).count()
        ));
    }
    section.tables = vec![top, all.behind_chart()];
    if ground.period.days().len() < 2 {
        // There is no course over one day.
        for table in &mut section.tables {
            table.columns.pop();
            table.rows.iter_mut().for_each(|row| drop(row.pop()));
        }
    }
    section
}

fn row(ground: &Ground<'_>, one: &RuleFigures, change: Option<&str>) -> Vec<Cell> {
    let RuleFigures { info, now, before, days } = one;
    let calls = |verdicts: &[Verdict]| of_rule(&ground.current(), &info.id, verdicts);
    let rate = Value::share(now.num_hits, now.num_checked);
    let past = Value::share(before.num_hits, before.num_checked);
    let past_calls = of_rule(&ground.past(), &info.id, &[Verdict::Hit]);
    let moved = share_change(&rate, &past);
    vec![
        Value::text(&format!("{} {}", info.id, info.name)).into(),
        Value::text(info.level.name()).into(),
        Value::text(&info.dimension).into(),
        Value::Count(now.num_checked).opens(&calls(&[Verdict::Hit, Verdict::Miss])),
        Value::Count(now.num_hits).opens(&calls(&[Verdict::Hit])),
        rate.opens(&calls(&[Verdict::Hit])),
        interval(now.interval()).into(),
        if past == Value::Nothing { past.into() } else { past.opens(&past_calls) },
        moved.into(),
        change.map_or(Value::Nothing, Value::text).into(),
        Value::Spark(days.clone()).into(),
    ]
}

/// Why no rate can be held against its baseline.
fn why_nothing_is_tested(ground: &Ground<'_>, baseline: crate::insight::Period) -> String {
    let before = CallQuery { stages: vec![Stage::Done], ..ground.calls(baseline.range()) };
    let name = match ground.period.unit() {
        Unit::Day => "此前 14 日",
        Unit::Week => "此前 4 周",
        Unit::Month => "前一月",
    };
    if ground.now.num_done == 0 {
        "本期没有判定完成的通话，不作热点判断。".to_owned()
    } else if ground.catalog.chosen(&before).next().is_none() {
        format!("热点要与基线（{name}）比较，而基线里没有判定完成的通话，所以本期不作热点判断。")
    } else {
        format!(
            "样本不足，不作热点判断：没有一条规则的一个对象在本期与基线（{name}）里各有至少 {} 次检查、合计至少 {} 次命中。",
            Limits::default().min_checked,
            Limits::default().min_hits
        )
    }
}

/// What rose most against its own baseline.
pub(super) fn hot_spot_section(ground: &Ground<'_>) -> (Section, Option<HotSpots>) {
    let mut section = Section::new("热点");
    let (Some(window), Some(baseline)) = (ground.window(), ground.baseline()) else {
        return (section, None);
    };
    let spots = hot_spots(
        ground.catalog,
        &HotSpotQuery {
            calls: CallQuery { started: crate::catalog::TimeRange::default(), ..ground.current() },
            rules: FindingQuery::default(),
            window,
            baseline,
            by: Vec::new(),
            time_zone: ground.zone(),
            limits: Limits::default(),
            max_spots: MAX_SPOTS,
        },
    );
    if spots.num_tested == 0 {
        section.paragraphs.push(why_nothing_is_tested(ground, baseline));
        return (section, Some(spots));
    }
    let claimed = || spots.spots.iter().filter(|spot| spot.is_claimed);
    section.paragraphs.push(format!(
        "检验了 {} 对规则与对象，{} 对上升显著。{}",
        spots.num_tested,
        claimed().count(),
        sentence(spots.statistic)
    ));
    let mut table = Table::new(
        "显著上升的规则与对象",
        &[
            ("规则", Kind::Text),
            ("对象", Kind::Text),
            ("检查", Kind::Number),
            ("命中", Kind::Number),
            ("命中率", Kind::Number),
            ("基线命中率", Kind::Number),
            ("上升（百分点）", Kind::Number),
            ("起于", Kind::Text),
            ("q 值", Kind::Number),
        ],
    );
    for spot in claimed() {
        let rate = |counts: &Counts| Value::share(counts.num_hits, counts.num_checked);
        let (now, before) = (rate(&spot.window.counts), rate(&spot.baseline.counts));
        let subject = spot
            .subject
            .as_ref()
            .map_or_else(|| "全部通话".to_owned(), |key| format!("{} {}", key.group.label(), key.label()));
        let moved = share_change(&now, &before);
        table.push([
            Value::text(&format!("{} {}", spot.rule.id, spot.rule.name)).into(),
            Value::text(&subject).into(),
            Value::Count(spot.window.counts.num_checked).into(),
            Value::Count(spot.window.counts.num_hits).opens(&spot.window.calls),
            now.opens(&spot.window.calls),
            opens_hits(before, spot.baseline.counts.num_hits, &spot.baseline.calls),
            moved.into(),
            spot.since.map_or(Value::Nothing, |since| Value::Date(ground.period.day_of(since.day))).into(),
            Value::Probability(Probability(spot.q_value)).into(),
        ]);
    }
    section.tables.push(table);
    (section, Some(spots))
}
