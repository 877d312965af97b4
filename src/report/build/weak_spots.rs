//! Where scripts and processes are weak, as the last run of mining over the period found it.

use super::words::short_period;
use crate::analysis::Verdict;
use crate::catalog::{CallQuery, Catalog, FindingQuery, TimeRange};
use crate::mining::{MiningError, PhraseSpot, Run, StageSpot, WeakSpots, weak_spots_between};
use crate::report::ReportError;
use crate::report::model::{Cell, Kind, Scope, Section, Table, Value, hundredths, tenths};
use crate::report::period::{Period, Unit};
use crate::store::Store;
use crate::types::Probability;

/// Phrases of a kind that a page shows; the workbook has all.
const MAX_SHOWN: usize = 10;
/// Rules of a stage that are told.
const MAX_RULES: usize = 3;

/// A list of phrases: what it is, who says them, what is counted behind them.
struct Kinds<'a> {
    title: &'static str,
    note: &'static str,
    said: &'static str,
    followed: &'static str,
    role: &'static str,
    spots: &'a [PhraseSpot],
}

/// The section, in the reports of weeks and months on the centre and on teams, where a run of mining has days of the
/// period. Calls are counted in `catalog`, the report's own. Hold no guard of the store's.
///
/// # Errors
/// Anything the disk fails with.
pub(super) fn section(
    store: &Store,
    catalog: &Catalog,
    scope: &Scope,
    period: &Period,
) -> Result<Option<Section>, ReportError> {
    let team = match scope {
        Scope::Centre => None,
        Scope::Team(team) => Some(team.as_str()),
        Scope::Agent(_) | Scope::Rule(_) => return Ok(None),
    };
    let range = period.range();
    let (Some(from), Some(before)) = (range.from, range.before) else { return Ok(None) };
    if period.unit() == Unit::Day {
        return Ok(None);
    }
    let found = match weak_spots_between(store, from, before) {
        Ok(found) => found,
        Err(MiningError::Store(error)) => return Err(error.into()),
        // What was mined may be gone by now, and is not worth a report that is not made.
        Err(error) => {
            tracing::error!(error = %crate::error::Chain(&error), "a report is made without weak spots");
            None
        }
    };
    let num_opened = |calls: &CallQuery| catalog.chosen(calls).count() as u64;
    Ok(found.map(|(run, num_calls, spots)| told(&run, num_calls, &spots, team, period, num_opened)))
}

fn told(
    run: &Run,
    num_calls: u32,
    spots: &WeakSpots,
    team: Option<&str>,
    period: &Period,
    num_opened: impl Fn(&CallQuery) -> u64,
) -> Section {
    let mut section = Section::new("话术与流程的薄弱环节");
    let mined = TimeRange { from: Some(run.period.from), before: Some(run.period.before) };
    let other = if mined == period.range() { "" } else { "，与本报告的期间不同" };
    section.paragraphs.push(format!(
        "取自第 {} 次话题分析（{}{other}），全中心 {} 通通话。说的是什么话之后常跟着什么，不是原因；全部内容：diting weak-spots --run {}。",
        run.id,
        short_period(period, run.period.from, run.period.before),
        Value::Count(u64::from(num_calls)).shown(),
        run.id
    ));
    if let Some(team) = team {
        section.paragraphs.push(crate::report::model::clean(&format!(
            "这些数字是全中心的，不是本班组的；要看本班组的通话，在命令后面加 --team {}。",
            crate::report::origin::quoted(team)
        )));
    }
    let calls = CallQuery { started: mined, ..CallQuery::default() };
    section.tables.push(stages(&spots.stages, spots.num_hits_nowhere));
    // Of a run that goes beyond the report, the number would change with calls that the report has nothing of.
    let facts = super::facts_range(period);
    let is_within = facts.from.is_some_and(|from| from <= run.period.from)
        && facts.before.is_some_and(|before| run.period.before <= before);
    section.tables.push(rules_of_stages(&spots.stages, &calls, is_within.then_some(num_opened)));
    let lists = kinds(spots);
    let quiet: Vec<&str> = lists.iter().filter(|list| list.spots.is_empty()).map(|list| list.title).collect();
    if !quiet.is_empty() {
        section.paragraphs.push(format!("没有超出偶然的：{}。", quiet.join("；")));
    }
    if quiet.len() < lists.len() {
        section.paragraphs.push(
            "下面各表里，说过的次数打开说过这几个字的通话；措辞相近的合并计数，所以两者不必相等。例是其后确实如此的一通：diting calls show 通话编号。"
                .to_owned(),
        );
    }
    for list in lists.iter().filter(|list| !list.spots.is_empty()) {
        section.tables.push(phrases(list, list.title, MAX_SHOWN, &calls));
        if list.spots.len() > MAX_SHOWN {
            let title = format!("{}（全部）", list.title);
            section.tables.push(phrases(list, &title, usize::MAX, &calls).behind_chart());
        }
    }
    section
}

fn kinds(spots: &WeakSpots) -> [Kinds<'_>; 4] {
    [
        Kinds {
            title: "座席问后长时间静音",
            note: "静音从 5 秒起算。等得久的，先看要查什么、系统要等多久。",
            said: "问过（次）",
            followed: "其后静音（次）",
            role: "客服",
            spots: &spots.silences,
        },
        Kinds {
            title: "座席话后客户情绪变差",
            note: "客户前一句并无不满，座席说了这句话之后，下一句带有不满或投诉。",
            said: "说过（次）",
            followed: "其后变差（次）",
            role: "客服",
            spots: &spots.turns_for_the_worse,
        },
        Kinds {
            title: "座席的问题客户答不清楚",
            note: "客户回答不清楚、不知道、什么意思等。问法要改，或者先说明要问的是什么。",
            said: "问过（次）",
            followed: "答不清楚（次）",
            role: "客服",
            spots: &spots.unclear_to_customers,
        },
        Kinds {
            title: "客户的问题座席答不清楚",
            note: "座席回答不清楚、不知道等。知识库或培训里缺的，先从这里补。",
            said: "问过（次）",
            followed: "答不清楚（次）",
            role: "客户",
            spots: &spots.unclear_to_agents,
        },
    ]
}

/// How often rules hit in each stage.
fn stages(stages: &[StageSpot], num_nowhere: u64) -> Table {
    let columns = [
        ("环节", Kind::Text),
        ("话轮", Kind::Number),
        ("命中", Kind::Number),
        ("每千轮命中", Kind::Number),
        ("为整体的倍数", Kind::Number),
    ];
    let note = format!(
        "一次命中按它第一处证据所在的环节计；另有 {} 次命中没有位置（整通都没有说），不在表里。",
        Value::Count(num_nowhere).shown()
    );
    let mut table = Table::new("各环节的命中", &columns).noted(&note);
    for spot in stages {
        table.push([
            Value::text(spot.stage.label()).into(),
            Value::Count(spot.num_turns).into(),
            Value::Count(spot.num_hits).into(),
            Value::Points(tenths(spot.hits_per_thousand)).into(),
            Value::Points(tenths(spot.lift)).into(),
        ]);
    }
    table
}

/// The rules that hit most in each stage, and in how many calls of the run's period anywhere, where `num_opened` may count
/// them.
fn rules_of_stages(
    stages: &[StageSpot],
    calls: &CallQuery,
    num_opened: Option<impl Fn(&CallQuery) -> u64>,
) -> Table {
    let columns = [
        ("环节", Kind::Text),
        ("规则", Kind::Text),
        ("在此环节命中的通话", Kind::Number),
        ("任一环节命中的通话", Kind::Number),
    ];
    let more = if num_opened.is_some() {
        ""
    } else {
        "话题分析的期间超出本报告，以后还会变，所以这里不写通数。"
    };
    let mut table = Table::new("各环节命中最多的规则", &columns).noted(&format!(
        "在此环节命中的通话由话题分析时数出，没有按环节的筛选，打不开；能打开的是同一期间该规则在任一环节命中的通话，按现在的判定。{more}"
    ));
    for spot in stages {
        for rule in spot.rules.iter().take(MAX_RULES) {
            let finding = FindingQuery {
                rules: vec![rule.rule_id.clone()],
                verdicts: vec![Verdict::Hit],
                ..FindingQuery::default()
            };
            let anywhere = CallQuery { finding, ..calls.clone() };
            table.push([
                Value::text(spot.stage.label()).into(),
                Value::text(&format!("{} {}", rule.rule_id, rule.rule_name)).into(),
                Value::Count(u64::from(rule.num_calls)).into(),
                num_opened
                    .as_ref()
                    .map_or_else(|| Value::text("打开"), |num_opened| Value::Count(num_opened(&anywhere)))
                    .opens(&anywhere),
            ]);
        }
    }
    table
}

fn phrases(list: &Kinds<'_>, title: &str, most: usize, calls: &CallQuery) -> Table {
    let has_silence = list.spots.iter().any(|spot| spot.mean_silence.is_some());
    let mut columns = vec![
        ("话", Kind::Text),
        (list.said, Kind::Number),
        (list.followed, Kind::Number),
        ("占比", Kind::Number),
        ("其余的占比", Kind::Number),
    ];
    if has_silence {
        columns.push(("平均静音（秒）", Kind::Number));
    }
    columns.extend([("p 值", Kind::Number), ("例（通话编号）", Kind::Text)]);
    let more = if list.spots.len() > most {
        format!("共 {} 句，这里是最确定的 {most} 句，其余见工作簿。", list.spots.len())
    } else {
        String::new()
    };
    let note = format!("{}{more}", list.note);
    let mut table = Table::new(title, &columns).noted(&note);
    for spot in list.spots.iter().take(most) {
        let mut row = vec![
            Value::text(&spot.phrase).into(),
            opens(Value::Count(u64::from(spot.num_said)), list.role, &spot.phrase, calls),
            Value::Count(u64::from(spot.num_followed)).into(),
            Value::share(u64::from(spot.num_followed), u64::from(spot.num_said)).into(),
            Value::Share(hundredths(spot.base_rate * 100.0)).into(),
        ];
        if has_silence {
            let seconds = spot.mean_silence.map(|mean| mean.0 as f64 / 1000.0);
            row.push(Value::points(seconds).into());
        }
        row.push(Value::Probability(Probability(spot.p_value)).into());
        let example = spot.examples.first();
        row.push(example.map_or(Value::Nothing, |one| Value::text(one.call_id.as_str())).into());
        table.rows.push(row);
    }
    table
}

/// A number that opens the calls in which `role` said `phrase`; what a search would not take as it is opens nothing.
fn opens(value: Value, role: &str, phrase: &str, calls: &CallQuery) -> Cell {
    if phrase.is_empty() || !phrase.chars().all(char::is_alphanumeric) {
        return value.into();
    }
    value.opens_said(calls, &format!("{role}:{phrase}"))
}

#[cfg(test)]
#[path = "weak_spots_tests.rs"]
mod tests;
