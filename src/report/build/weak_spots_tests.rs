//! What is told of a run of mining, and what its numbers open.

use jiff::civil::date;

use super::*;
use crate::mining::{Example, RuleSpot, RunState, Stage};
use crate::types::{CallId, Millis, RuleId};

fn month() -> Period {
    Period::new(Unit::Month, date(2026, 3, 1), "Asia/Shanghai").expect("a month")
}

fn run(period: &Period) -> Run {
    let range = period.range();
    let (from, before) = (range.from.expect("it begins"), range.before.expect("it ends"));
    Run {
        id: 7,
        period: crate::mining::Period { from, before, background_from: from },
        min_topic_calls: 100,
        min_word_calls: 10,
        started_at: before,
        ended_at: Some(before),
        state: RunState::Done,
        num_read: 2_000,
        num_to_read: 2_000,
        num_pieces: 1,
        num_written: 1,
    }
}

fn spots(num_questions: u32) -> WeakSpots {
    let example = |turn| Example {
        call_id: CallId::try_new("c1").expect("an id"),
        turn,
        text: "请问您的开户行是哪家".to_owned(),
    };
    let rule = RuleSpot {
        rule_id: RuleId::try_new("B04").expect("an id"),
        rule_name: "抢话".to_owned(),
        num_calls: 12,
        examples: vec![example(3)],
    };
    let silence = |number: u32| PhraseSpot {
        phrase: if number == 0 {
            "请问您的开户行是哪家".to_owned()
        } else {
            format!("问题{number}")
        },
        num_said: 60 + number,
        num_followed: 30,
        base_rate: 0.05,
        p_value: 0.0,
        mean_silence: Some(Millis(7_400)),
        examples: vec![example(8)],
    };
    WeakSpots {
        stages: vec![StageSpot {
            stage: Stage::Handling,
            num_turns: 4_000,
            num_hits: 50,
            hits_per_thousand: 12.5,
            lift: 1.6,
            rules: vec![rule],
        }],
        num_hits_nowhere: 9,
        silences: (0..num_questions).map(silence).collect(),
        ..WeakSpots::default()
    }
}

fn commands(section: &Section) -> Vec<String> {
    let cells = section.tables.iter().flat_map(|table| &table.rows).flatten();
    cells.filter_map(|cell| Some(cell.origin.as_ref()?.command())).collect()
}

#[test]
fn numbers_open_what_was_said_and_the_rules() {
    let section = told(&run(&month()), 1_000, &spots(1), None, &month(), |_| 31);
    let time = "--since 2026-02-28T16:00:00Z --before 2026-03-31T16:00:00Z";
    assert_eq!(
        commands(&section),
        [
            format!("diting calls list {time} --rule B04 --verdict hit"),
            format!("diting calls list {time} --text '客服:请问您的开户行是哪家'"),
        ]
    );
    let [basis, quiet, _] = &section.paragraphs[..] else { panic!("{:?}", section.paragraphs) };
    assert!(basis.contains("2026-03-01 至 2026-03-31），全中心 1,000 通通话"), "{basis}");
    assert!(!basis.contains("不同") && basis.contains("diting weak-spots --run 7"), "{basis}");
    assert!(quiet.starts_with("没有超出偶然的：座席话后客户情绪变差；"), "{quiet}");
    let shown: Vec<String> = section
        .tables
        .iter()
        .flat_map(|table| &table.rows)
        .map(|row| row.iter().map(|cell| cell.value.shown()).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        shown,
        [
            "处理 4,000 50 12.5 1.6",
            "处理 B04 抢话 12 31",
            "请问您的开户行是哪家 60 30 50.00% 5.00% 7.4 <1e-16 c1",
        ]
    );
}

#[test]
fn a_page_has_the_first_phrases_and_the_workbook_all() {
    let section = told(&run(&month()), 1_000, &spots(12), None, &month(), |_| 31);
    let tables: Vec<_> =
        section.tables.iter().map(|table| (&*table.title, table.rows.len(), table.is_shown)).collect();
    assert_eq!(tables[2..4], [("座席问后长时间静音", 10, true), ("座席问后长时间静音（全部）", 12, false)]);
}

#[test]
fn a_team_is_told_whose_numbers_they_are_and_another_period_is_named() {
    let week = Period::new(Unit::Week, date(2026, 3, 4), "Asia/Shanghai").expect("a week");
    let section = told(&run(&month()), 1_000, &spots(1), Some("一组 甲"), &week, |_| 31);
    assert!(section.paragraphs[0].contains("与本报告的期间不同"), "{:?}", section.paragraphs);
    assert!(section.paragraphs[1].ends_with("在命令后面加 --team '一组 甲'。"), "{:?}", section.paragraphs);
}

#[test]
fn calls_that_the_report_does_not_rest_on_are_opened_and_not_counted() {
    let week = Period::new(Unit::Week, date(2026, 3, 4), "Asia/Shanghai").expect("a week");
    let shown = |report: &Period, num_opened: &dyn Fn(&CallQuery) -> u64| {
        let section = told(&run(&month()), 1_000, &spots(1), None, report, num_opened);
        assert!(commands(&section)[0].ends_with(" --rule B04 --verdict hit"));
        (section.tables[1].rows[0][3].value.shown(), section.tables[1].note.contains("不写通数"))
    };
    // March goes on after the week, or begins before its baseline.
    let unasked = |_: &CallQuery| panic!("calls of other times are not counted");
    assert_eq!(shown(&week, &unasked), ("打开".to_owned(), true));
    let late = Period::new(Unit::Week, date(2026, 4, 8), "Asia/Shanghai").expect("a week");
    assert_eq!(shown(&late, &unasked), ("打开".to_owned(), true));
    // All of March is in the baseline of April.
    let april = Period::new(Unit::Month, date(2026, 4, 1), "Asia/Shanghai").expect("a month");
    assert_eq!(shown(&april, &|_| 31), ("31".to_owned(), false));
}
