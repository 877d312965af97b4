//! What could not be judged, and why: what every rate leaves out.

use std::collections::{BTreeMap, BTreeSet};

use super::Ground;
use super::rules::{RuleFigures, of_rule};
use crate::analysis::{Verdict, reason_title};
use crate::catalog::{CallQuery, Catalog, Stage};
use crate::ingest::CallState;
use crate::report::chart::{Chart, Plot, Unit};
use crate::report::model::{Kind, Report, Section, Table, Tile, Value};
use crate::store::{Store, StoreError};
use crate::types::{CallId, RuleId};

/// The title of the table that is filled from the store.
const REASONS: &str = "未能判定的原因";
const FAILURES: &str = "失败的原因";
/// Calls of a rule that are looked into for reasons.
const MAX_LOOKED: usize = 8;
/// Rules that pages list.
const MAX_SHOWN: usize = 12;
/// Failed calls that are looked into.
const MAX_FAILED: usize = 20_000;

/// The section.
pub(super) fn section(ground: &Ground<'_>, figures: &[RuleFigures]) -> Section {
    let mut section = Section::new("覆盖与未能判定");
    let now = &ground.now;
    let in_stages = |stages: Vec<Stage>| CallQuery { stages, ..ground.current() };
    let waiting = vec![Stage::Accepted, Stage::Decoding, Stage::Transcribing, Stage::Scoring];
    let tile = |label: &str, count: u64, calls: &CallQuery, note: &str| Tile {
        label: label.to_owned(),
        cell: Value::Count(count).opens(calls),
        note: note.to_owned(),
    };
    let of_all = |count| format!("占 {}", Value::share(count, now.num_calls).shown());
    section.tiles = vec![
        tile("已判定", now.num_done, &in_stages(vec![Stage::Done]), &of_all(now.num_done)),
        tile("失败", now.num_failed, &in_stages(vec![Stage::Failed]), &of_all(now.num_failed)),
        tile("处理中", now.num_waiting, &in_stages(waiting), &of_all(now.num_waiting)),
        Tile {
            label: "判定了但没有得分".to_owned(),
            cell: Value::Count(now.num_unscored).into(),
            note: "能判定的规则太少，不按满分计".to_owned(),
        },
    ];
    let mut gaps: Vec<&RuleFigures> = figures.iter().filter(|one| one.now.num_not_applicable > 0).collect();
    gaps.sort_by(|left, right| {
        (right.now.num_not_applicable, &left.info.id).cmp(&(left.now.num_not_applicable, &right.info.id))
    });
    let all = |one: &RuleFigures| one.now.num_checked + one.now.num_not_applicable;
    let row = |one: &&RuleFigures| {
        vec![
            Value::text(&format!("{} {}", one.info.id, one.info.name)).into(),
            Value::Count(all(one)).into(),
            Value::Count(one.now.num_not_applicable).opens(&of_rule(
                &ground.current(),
                &one.info.id,
                &[Verdict::NotApplicable],
            )),
            Value::share(one.now.num_not_applicable, all(one)).into(),
        ]
    };
    let columns = [
        ("规则", Kind::Text),
        ("判定次数", Kind::Number),
        ("未能判定", Kind::Number),
        ("占比", Kind::Number),
    ];
    let bars = gaps.iter().take(MAX_SHOWN).map(|one| {
        let counts = [
            one.now.num_hits,
            one.now.num_checked - one.now.num_hits.min(one.now.num_checked),
            one.now.num_not_applicable,
        ];
        let counts = counts.iter().map(|count| i64::try_from(*count).unwrap_or(i64::MAX)).collect();
        (format!("{} {}", one.info.id, one.info.name), counts)
    });
    section.charts.push(Chart {
        title: "未能判定最多的规则：命中、未命中与未能判定".to_owned(),
        description: "每条规则的判定次数按结果分段".to_owned(),
        unit: Unit::Count,
        plot: Plot::Stacked {
            parts: vec!["未命中".to_owned(), "命中".to_owned(), "未能判定".to_owned()],
            bars: bars
                .map(|(name, counts): (String, Vec<i64>)| {
                    let at = |index: usize| counts.get(index).copied().unwrap_or_default();
                    (name, vec![at(1), at(0), at(2)])
                })
                .collect(),
        },
    });
    section.tables = vec![
        Table { rows: gaps.iter().map(row).collect(), ..Table::new("未能判定的规则", &columns) }
            .behind_chart(),
        reasons(ground, &gaps),
        failures(ground),
    ];
    section
}

/// The table of reasons, which has no reasons yet: the moments of its cells name calls to look into.
fn reasons(ground: &Ground<'_>, gaps: &[&RuleFigures]) -> Table {
    let columns = [
        ("规则", Kind::Text),
        ("未能判定", Kind::Number),
        ("占比", Kind::Number),
        ("原因（看过的通话数）", Kind::Long),
    ];
    let note = format!("原因取自每条规则最早的 {MAX_LOOKED} 通未能判定的通话；docs/rules.md 列出全部原因。");
    let mut table = Table::new(REASONS, &columns).noted(&note);
    for one in gaps.iter().take(MAX_SHOWN) {
        let calls = of_rule(&ground.current(), &one.info.id, &[Verdict::NotApplicable]);
        table.push([
            Value::text(&format!("{} {}", one.info.id, one.info.name)).into(),
            Value::Count(one.now.num_not_applicable).opens(&calls),
            Value::share(one.now.num_not_applicable, one.now.num_checked + one.now.num_not_applicable).into(),
            Value::Nothing.opens(&calls),
        ]);
    }
    table
}

fn failures(ground: &Ground<'_>) -> Table {
    let columns = [("原因", Kind::Text), ("通话", Kind::Number)];
    let mut table = Table::new(FAILURES, &columns);
    if ground.now.num_failed > 0 {
        let calls = CallQuery { stages: vec![Stage::Failed], ..ground.current() };
        table.push([Value::Nothing.into(), Value::Count(ground.now.num_failed).opens(&calls)]);
    }
    table
}

/// Looks into calls of `catalog`, which the report was made of, for why they could not be judged. Hold no guard of the
/// store's own catalog.
///
/// # Errors
/// Anything the disk fails with.
pub(super) fn add_reasons(store: &Store, catalog: &Catalog, report: &mut Report) -> Result<(), StoreError> {
    for table in report.sections.iter_mut().flat_map(|section| &mut section.tables) {
        if table.title == REASONS {
            for row in &mut table.rows {
                let Some(cell) = row.last_mut() else { continue };
                let Some(query) = cell.origin.as_ref().map(|origin| origin.query.clone()) else { continue };
                let Some(rule) = query.finding.rules.first() else { continue };
                cell.origin = None;
                cell.value = Value::text(&why(store, catalog, &query, rule)?);
            }
        } else if table.title == FAILURES {
            let query =
                table.rows.iter().flatten().find_map(|cell| Some(cell.origin.as_ref()?.query.clone()));
            if let Some(query) = query {
                add_failures(store, catalog, table, &query)?;
            }
        }
    }
    Ok(())
}

/// The ids of the first calls of a query, by beginning. Only as many are held as are asked for.
fn first_calls(catalog: &Catalog, query: &CallQuery, limit: usize) -> Vec<CallId> {
    let mut first: BTreeSet<(jiff::Timestamp, &CallId)> = BTreeSet::new();
    for call in catalog.chosen(query) {
        let is_early =
            first.len() < limit || first.last().is_some_and(|last| (call.started_at, &call.id) < *last);
        if is_early {
            first.insert((call.started_at, &call.id));
            if first.len() > limit {
                first.pop_last();
            }
        }
    }
    first.into_iter().map(|(_, id)| id.clone()).collect()
}

fn why(store: &Store, catalog: &Catalog, query: &CallQuery, rule: &RuleId) -> Result<String, StoreError> {
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for id in first_calls(catalog, query, MAX_LOOKED) {
        let analysis = match store.analysis(&id) {
            Ok(analysis) => analysis,
            Err(StoreError::Corrupt { .. } | StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let findings = analysis.into_iter().flat_map(|analysis| analysis.findings);
        let finding = findings.into_iter().find(|one| one.rule_id == *rule);
        if let Some(reason) = finding.and_then(|one| one.not_applicable_reason) {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let mut reasons: Vec<(String, u64)> = reasons.into_iter().collect();
    reasons.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
    let texts: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{}（{count}）", reason_title(reason).unwrap_or(reason)))
        .collect();
    Ok(if texts.is_empty() { "—".to_owned() } else { texts.join("；") })
}

fn add_failures(
    store: &Store,
    catalog: &Catalog,
    table: &mut Table,
    query: &CallQuery,
) -> Result<(), StoreError> {
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let calls = first_calls(catalog, query, MAX_FAILED);
    for id in &calls {
        let reason = match store.call(id)?.map(|record| record.state) {
            Some(CallState::Failed(failure)) => failure.reason.to_string(),
            // It was tried again, or deleted, since the calls were looked at.
            _ => "此后已重试或删除".to_owned(),
        };
        *reasons.entry(reason).or_default() += 1;
    }
    let num_left = catalog.chosen(query).count().saturating_sub(calls.len());
    if num_left > 0 {
        let late = format!("未查看（只看最早的 {MAX_FAILED} 通）");
        *reasons.entry(late).or_default() += num_left as u64;
    }
    let mut reasons: Vec<(String, u64)> = reasons.into_iter().collect();
    reasons.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
    table.note = "docs/errors.md 解释每个原因。".to_owned();
    let is_one = reasons.len() == 1;
    if !is_one {
        table.note.push_str("没有按原因的筛选，各行的数打不开；上面“失败”的数打开全部失败的通话。");
    }
    table.rows.clear();
    for (reason, count) in reasons {
        let count = Value::Count(count);
        table.push([Value::text(&reason).into(), if is_one { count.opens(query) } else { count.into() }]);
    }
    Ok(())
}
