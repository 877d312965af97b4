//! Reports over a small call centre: the same bytes, the same numbers everywhere, and harmless names.

mod book;
mod fixture;

use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;
use crate::analysis::{Finding, RuleSet, Verdict};
use crate::catalog::CallQuery;
use crate::store::Store;
use crate::types::RuleId;
use fixture::{Made, Outcome, call, keep, open};

fn month() -> Period {
    Period::new(Unit::Month, date(2026, 3, 1), "Asia/Shanghai").expect("a month")
}

fn rules() -> RuleSet {
    RuleSet::bank()
}

fn scopes() -> Vec<Scope> {
    vec![
        Scope::Centre,
        Scope::Team("理财销售组".to_owned()),
        Scope::Agent("8103".to_owned()),
        Scope::Rule(RuleId::try_new("S02").expect("an id")),
    ]
}

fn is_done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done(_))
}

fn all_bytes(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for scope in scopes() {
        let report = make(store, &rules(), &scope, &month()).expect("a report");
        files.insert(format!("{}.html", scope.kind()), page(&report).into_bytes());
        files.insert(format!("{}.xlsx", scope.kind()), workbook(&report).expect("a workbook"));
    }
    for kind in [TableKind::Calls, TableKind::Findings] {
        for (name, format) in [("csv", ExportFormat::Csv { bom: true }), ("parquet", ExportFormat::Parquet)] {
            let mut bytes = Vec::new();
            export(|| store.catalog(), kind, &CallQuery::default(), format, &mut bytes).expect("an export");
            files.insert(format!("{}.{name}", kind.name()), bytes);
        }
    }
    files
}

fn differing(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    left.iter()
        .filter(|(name, bytes)| right.get(*name) != Some(*bytes))
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let mut calls: Vec<Made> = (0..400).map(|number| call(number, 90)).collect();
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let store = open(one.path());
    keep(&store, &calls, 1);
    let first = all_bytes(&store);
    assert_eq!(differing(&first, &all_bytes(&store)), Vec::<String>::new(), "the same store");
    store.reindex().expect("rows are made anew");
    assert_eq!(differing(&first, &all_bytes(&store)), Vec::<String>::new(), "after reindex");
    calls.reverse();
    let reversed = open(other.path());
    keep(&reversed, &calls, 8);
    assert_eq!(differing(&first, &all_bytes(&reversed)), Vec::<String>::new(), "in another order");
}

#[test]
fn a_later_call_changes_nothing_of_a_period_that_is_over() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let calls: Vec<Made> = (0..150).map(|number| call(number, 88)).collect();
    keep(&store, &calls, 8);
    let running = page(&make(&store, &rules(), &Scope::Centre, &month()).expect("a report"));
    assert!(running.contains("数据截至"), "nobody knows whether the month is over");
    assert!(!running.contains("期间未满"), "the calls may simply end there");
    let april = |number| {
        let mut later = call(number, 1);
        let at: jiff::Timestamp = "2026-04-02T03:00:00Z".parse().expect("a time");
        later.record.metadata.started_at = Some(at);
        later.record.received_at = at;
        later
    };
    keep(&store, &[april(1000)], 1);
    let over = page(&make(&store, &rules(), &Scope::Centre, &month()).expect("a report"));
    assert!(!over.contains("数据截至"));
    // By then a rule has another name and another level, under a revision whose text comes last.
    let mut renamed = april(1001);
    renamed.outcome =
        (0..).find_map(|number| Some(call(number, 1).outcome).filter(is_done)).expect("one is done");
    if let Outcome::Done(result) = &mut renamed.outcome {
        result.analysis.scorecard.revision = "99+zz".to_owned();
        result.analysis.findings.iter_mut().for_each(|one| one.rule_name = "改了名".to_owned());
    }
    keep(&store, &[renamed], 1);
    assert_eq!(over, page(&make(&store, &rules(), &Scope::Centre, &month()).expect("a report")));
}

#[test]
fn every_number_of_the_page_is_in_the_workbook() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let calls: Vec<Made> = (0..300).map(|number| call(number, 90)).collect();
    keep(&store, &calls, 8);
    for scope in scopes() {
        let report = make(&store, &rules(), &scope, &month()).expect("a report");
        book::compare(&report);
    }
}

#[test]
fn a_number_opens_as_many_calls_as_it_says() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let calls: Vec<Made> = (0..300).map(|number| call(number, 90)).collect();
    keep(&store, &calls, 8);
    let mut num_opened = 0;
    for scope in scopes() {
        let report = make(&store, &rules(), &scope, &month()).expect("a report");
        let catalog = store.catalog();
        let tables = report.sections.iter().flat_map(|section| &section.tables);
        let tiles =
            report.sections.iter().flat_map(|section| &section.tiles).map(|tile| (&tile.label, &tile.cell));
        let cells =
            tables.flat_map(|table| table.rows.iter().flatten().map(move |cell| (&table.title, cell)));
        for (place, cell) in cells.chain(tiles) {
            let (Value::Count(count), Some(origin)) = (&cell.value, &cell.origin) else { continue };
            let found = catalog.chosen(&origin.query).count() as u64;
            assert_eq!(found, *count, "{:?} {place}: {}", scope, origin.command());
            num_opened += 1;
        }
    }
    assert!(num_opened > 100, "{num_opened}");
}

#[test]
fn the_report_on_a_rule_has_the_reviews_of_its_own_hits() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let calls: Vec<Made> = (0..600).map(|number| call(number, 90)).collect();
    keep(&store, &calls, 8);
    let reviewed = |scope: &Scope| {
        let report = make(&store, &rules(), scope, &month()).expect("a report");
        let section = report.sections.into_iter().find(|section| section.title == "人工复核");
        let section = section.expect("it has the section");
        let tile = section.tiles.iter().find(|tile| tile.label == "已复核").expect("some were reviewed");
        (tile.cell.value.clone(), section.paragraphs.concat())
    };
    let hits = calls.iter().filter(|made| {
        let Outcome::Done(result) = &made.outcome else { return false };
        let is_hit = |one: &Finding| one.rule_id.as_str() == "S02" && one.verdict == Verdict::Hit;
        made.review.is_some()
            && month().range().contains(made.record.received_at)
            && result.analysis.findings.iter().any(is_hit)
    });
    let (own, told) = reviewed(&Scope::Rule(RuleId::try_new("S02").expect("an id")));
    assert_eq!(own, Value::Count(hits.count() as u64));
    assert!(told.contains("不是全中心的"), "{told}");
    assert_ne!(own, reviewed(&Scope::Centre).0);
}

#[test]
fn a_rule_is_called_what_its_last_call_called_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let mut calls: Vec<Made> = (0..100).map(|number| call(number, 90)).collect();
    for made in &mut calls {
        let Outcome::Done(result) = &mut made.outcome else { continue };
        let is_late = made.record.received_at >= "2026-03-10T00:00:00Z".parse().expect("a time");
        // Version 10 comes after version 9, and before it as text.
        result.analysis.scorecard.revision = if is_late { "10-aa" } else { "9-bb" }.to_owned();
        for one in result.analysis.findings.iter_mut().filter(|one| one.rule_id.as_str() == "S02") {
            one.rule_name = if is_late { "新名字" } else { "旧名字" }.to_owned();
        }
    }
    keep(&store, &calls, 1);
    let report = make(&store, &rules(), &Scope::Rule(RuleId::try_new("S02").expect("an id")), &month());
    assert_eq!(report.expect("a report").subject, "规则 S02 新名字");
}

#[test]
fn the_failures_of_the_page_add_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let mut calls: Vec<Made> = (0..300).map(|number| call(number, 90)).collect();
    calls.iter_mut().step_by(10).for_each(|made| {
        made.outcome = Outcome::Failed;
        made.review = None;
    });
    keep(&store, &calls, 8);
    let report = make(&store, &rules(), &Scope::Centre, &month()).expect("a report");
    let mut tables = report.sections.iter().flat_map(|section| &section.tables);
    let table = tables.find(|table| table.title == "失败的原因").expect("the table");
    let counts = table.rows.iter().filter_map(|row| {
        let Value::Count(count) = row.last()?.value else { return None };
        Some(count)
    });
    let counts: Vec<u64> = counts.collect();
    assert_eq!(counts.len(), 2, "two reasons");
    let query = CallQuery {
        stages: vec![crate::catalog::Stage::Failed],
        started: month().range(),
        ..CallQuery::default()
    };
    assert_eq!(counts.iter().sum::<u64>(), store.catalog().chosen(&query).count() as u64);
    assert!(table.rows.iter().flatten().all(|cell| cell.origin.is_none()), "no filter knows reasons");
}

#[test]
fn weak_spots_are_in_the_reports_on_the_centre_and_on_teams_once_something_was_mined() {
    use crate::mining::{MiningRequest, MiningRuns, Period as Mined};
    let dir = tempfile::tempdir().expect("a folder");
    let store = std::sync::Arc::new(open(dir.path()));
    keep(&store, &(0..60).map(|number| call(number, 90)).collect::<Vec<Made>>(), 8);
    let titled = |scope: &Scope, period: &Period| {
        let report = make(&store, &rules(), scope, period).expect("a report");
        report.sections.iter().any(|section| section.title == "话术与流程的薄弱环节")
    };
    let has_any = |period: &Period| scopes().iter().map(|scope| titled(scope, period)).collect::<Vec<_>>();
    assert_eq!(has_any(&month()), [false; 4]);
    let range = month().range();
    let (from, before) = (range.from.expect("it begins"), range.before.expect("it ends"));
    let runs = MiningRuns::start(std::sync::Arc::clone(&store), 480).expect("it starts");
    let period = Mined { from, before, background_from: from };
    let request = MiningRequest { period, min_topic_calls: None, min_word_calls: None };
    runs.mine(request).expect("it begins");
    while runs.get(None).expect("it is there").ended_at.is_none() {
        std::thread::yield_now();
    }
    assert_eq!(has_any(&month()), [true, true, false, false]);
    let day = Period::new(Unit::Day, date(2026, 3, 2), "Asia/Shanghai").expect("a day");
    assert!(!titled(&Scope::Centre, &day), "a day is too short");
    let later = Period::new(Unit::Month, date(2026, 9, 1), "Asia/Shanghai").expect("a month");
    assert!(!titled(&Scope::Centre, &later), "nothing was mined of it");
    book::compare(&make(&store, &rules(), &Scope::Centre, &month()).expect("a report"));
}

#[test]
fn where_nothing_can_be_held_against_a_baseline_the_hot_spots_say_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    keep(&store, &(0..300).map(|number| call(number, 90)).collect::<Vec<Made>>(), 8);
    let words = |period: &Period| {
        let report = make(&store, &rules(), &Scope::Centre, period).expect("a report");
        let section = report.sections.iter().find(|one| one.title == "热点").expect("the section");
        (section.paragraphs.concat(), section.tables.len(), report.summary.concat())
    };
    let first = store.catalog().calls().map(|call| call.started_at).min().expect("there are calls");
    let earliest = Period::at(Unit::Month, first, "Asia/Shanghai").expect("a month");
    let (text, num_tables, summary) = words(&earliest);
    assert!(text.contains("基线（前一月）") && text.contains("基线里没有判定完成的通话"), "{text}");
    assert!(summary.contains("不作热点判断"), "{summary}");
    assert_eq!(num_tables, 0);
    let (text, ..) = words(&Period::new(Unit::Month, date(2027, 1, 1), "Asia/Shanghai").expect("a month"));
    assert_eq!(text, "本期没有判定完成的通话，不作热点判断。");
}

#[test]
fn alerts_are_counted_for_the_calls_of_the_period_by_level() {
    use crate::alert::{Alert, AlertCall, AlertState, fixture};
    use crate::analysis::Level;
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let calls: Vec<Made> = (0..150).map(|number| call(number, 90)).collect();
    keep(&store, &calls, 8);
    let titles = |report: &Report| report.sections.iter().map(|one| one.title.clone()).collect::<Vec<_>>();
    let without = make(&store, &rules(), &Scope::Centre, &month()).expect("a report");
    assert!(!titles(&without).contains(&"预警".to_owned()), "nobody watches");
    let states = [AlertState::Open, AlertState::Closed, AlertState::Escalated, AlertState::Withdrawn];
    let mut writes = crate::store::Writes::default();
    let mut wanted = std::collections::BTreeMap::new();
    for (number, made) in (1..).zip(calls.iter().take(40)) {
        let at = made.record.received_at;
        let call = AlertCall {
            team: made.record.metadata.team.clone(),
            ..fixture::call(made.record.id.clone(), at)
        };
        let alert = Alert {
            call: Some(call),
            level: if number % 2 == 0 { Level::S1 } else { Level::S2 },
            raised_at: at,
            open_since: at,
            state: states[number as usize % 4],
            ..fixture::alert(number)
        };
        if month().range().contains(at) {
            *wanted.entry((alert.level, alert.state)).or_insert(0_u64) += 1;
        }
        writes.put(crate::store::Family::Alert, &number.to_be_bytes(), &alert).expect("it is small");
    }
    store.write(writes).expect("it is kept");
    let counts = |scope: Scope| {
        let report = make(&store, &rules(), &scope, &month()).expect("a report");
        let section = report.sections.iter().find(|one| one.title == "预警").expect("the section").clone();
        let rows = section.tables.into_iter().flat_map(|table| table.rows);
        let count = |cell: &Cell| if let Value::Count(count) = cell.value { Some(count) } else { None };
        rows.map(|row| row.iter().filter_map(count).collect::<Vec<u64>>()).collect::<Vec<_>>()
    };
    let of = |level, state| wanted.get(&(level, state)).copied().unwrap_or_default();
    // Even numbers are open (4 of 4) or escalated, odd ones closed or withdrawn.
    let s1 = of(Level::S1, AlertState::Open) + of(Level::S1, AlertState::Escalated);
    let (closed, withdrawn) = (of(Level::S2, AlertState::Closed), of(Level::S2, AlertState::Withdrawn));
    assert_eq!(counts(Scope::Centre), [vec![s1, s1, 0, 0], vec![closed + withdrawn, 0, closed, withdrawn]]);
    let of_team: u64 = counts(Scope::Team("夜班组".to_owned())).iter().filter_map(|row| row.first()).sum();
    assert!(of_team < s1 + closed + withdrawn, "{of_team}");
    // One more, of which nothing can be read: the others are counted all the same.
    let mut writes = crate::store::Writes::default();
    writes.put(crate::store::Family::Alert, &999_u64.to_be_bytes(), &7_u8).expect("it is small");
    store.write(writes).expect("it is kept");
    assert_eq!(counts(Scope::Centre), [vec![s1, s1, 0, 0], vec![closed + withdrawn, 0, closed, withdrawn]]);
    let report = make(&store, &rules(), &Scope::Centre, &month()).expect("a report");
    let section = report.sections.iter().find(|one| one.title == "预警").expect("the section");
    assert!(section.paragraphs.iter().any(|told| told.contains("1 条预警的记录已损坏")), "{section:?}");
}

#[test]
fn names_do_no_harm() {
    let names = [
        "<script>alert(1)</script>",
        "=HYPERLINK(\"http://evil\",\"x\")",
        "+1+1",
        "@SUM(A1)",
        "\"><img src=x onerror=alert(1)>",
        "\u{202e}倒写",
        "😀很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字",
    ];
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let calls: Vec<Made> = (0..140)
        .map(|number| {
            let mut made = call(number, 90);
            let name = names[number as usize % names.len()];
            made.record.metadata.agent_name = Some(name.to_owned());
            made.record.metadata.team = Some(name.to_owned());
            made.record.metadata.agent_id = Some(name.to_owned());
            if let Outcome::Done(result) = &mut made.outcome {
                for finding in &mut result.analysis.findings {
                    finding.rule_name = name.to_owned();
                    finding.evidence.iter_mut().for_each(|evidence| evidence.text = name.to_owned());
                }
            }
            made
        })
        .collect();
    keep(&store, &calls, 8);
    let named = names
        .iter()
        .take(2)
        .flat_map(|name| [Scope::Team((*name).to_owned()), Scope::Agent((*name).to_owned())]);
    for scope in named.chain([Scope::Centre]) {
        let report = make(&store, &rules(), &scope, &month()).expect("a report");
        let page = page(&report);
        for harm in ["<script", "<img", "http://evil\"", "\u{202e}"] {
            assert!(!page.contains(harm), "{harm}");
        }
        // Nothing is fetched from anywhere, and no link leaves the page.
        for link in page.split("href=\"").skip(1) {
            assert!(link.starts_with('#'), "{link:.40}");
        }
        book::assert_no_formulas(&workbook(&report).expect("a workbook"));
    }
}

#[test]
fn little_gives_a_report_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let centre = |store: &Store| make(store, &rules(), &Scope::Centre, &month()).expect("a report");
    let empty = centre(&store);
    assert_eq!(empty.summary.first().map(String::as_str), Some("本期没有通话。"));
    assert!(!page(&empty).contains("NaN"));
    workbook(&empty).expect("a workbook");
    assert!(matches!(
        make(&store, &rules(), &Scope::Team("没有".to_owned()), &month()),
        Err(ReportError::Unknown { kind: "team", .. })
    ));
    // One call in which nothing could be judged.
    let mut one =
        (0..).map(|number| call(number, 1)).find(|one| matches!(one.outcome, Outcome::Done(_))).expect("one");
    let at: jiff::Timestamp = "2026-03-10T03:00:00Z".parse().expect("a time");
    one.record.metadata.started_at = Some(at);
    one.record.received_at = at;
    if let Outcome::Done(result) = &mut one.outcome {
        for finding in &mut result.analysis.findings {
            finding.verdict = crate::analysis::Verdict::NotApplicable;
            finding.not_applicable_reason = Some("mono".to_owned());
        }
        result.analysis.scorecard.scored = false;
    }
    keep(&store, &[one], 1);
    for scope in [Scope::Centre, Scope::Rule(RuleId::try_new("S02").expect("an id"))] {
        let report = make(&store, &rules(), &scope, &month()).expect("a report");
        let page = page(&report);
        assert!(!page.contains("NaN"));
        assert!(page.contains("单声道，无法区分双方（1）"), "the reason is told");
        book::compare(&report);
    }
}

#[test]
fn only_the_centre_s_one_family_of_tests_says_what_is_significant() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    // In March the job number is told by nobody any more.
    let mut calls: Vec<Made> = (0..400).map(|number| call(number, 90)).collect();
    for made in calls.iter_mut().filter(|made| month().range().contains(made.record.received_at)) {
        let Outcome::Done(result) = &mut made.outcome else { continue };
        for one in result.analysis.findings.iter_mut().filter(|one| one.rule_id.as_str() == "A01") {
            one.verdict = crate::analysis::Verdict::Hit;
        }
    }
    keep(&store, &calls, 8);
    let text = |scope: Scope| {
        let report = make(&store, &rules(), &scope, &month()).expect("a report");
        let tables = report.sections.iter().filter(|one| one.title == "规则").flat_map(|one| &one.tables);
        let cells = tables.flat_map(|table| table.rows.iter().flatten()).map(|cell| cell.value.shown());
        report.summary.iter().cloned().chain(cells).collect::<Vec<_>>().join("\n")
    };
    assert!(text(Scope::Centre).contains("显著上升 +"));
    assert!(text(Scope::Rule(RuleId::try_new("A01").expect("an id"))).contains("显著上升 +"));
    for scope in [Scope::Team("理财销售组".to_owned()), Scope::Agent("8103".to_owned())] {
        let text = text(scope);
        assert!(!text.contains("显著"), "{text}");
        assert!(text.contains(" 到 +"), "the change has its interval");
    }
}

#[test]
fn a_report_has_its_parts() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let calls: Vec<Made> = (0..300).map(|number| call(number, 90)).collect();
    keep(&store, &calls, 8);
    let mut outline = String::new();
    for scope in scopes() {
        let report = make(&store, &rules(), &scope, &month()).expect("a report");
        outline.push_str(&format!("{} · {}\n", report.title, report.subject));
        for section in &report.sections {
            outline.push_str(&format!("  {}\n", section.title));
            for chart in &section.charts {
                outline.push_str(&format!("    图 {}\n", chart.title));
            }
            for table in &section.tables {
                let columns: Vec<&str> = table.columns.iter().map(|column| column.title.as_str()).collect();
                outline.push_str(&format!("    表 {}：{}\n", table.title, columns.join(" | ")));
            }
        }
    }
    insta::assert_snapshot!(outline);
}
