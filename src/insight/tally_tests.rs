//! Tallies against counting out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::catalog::{AgentFacts, Annotations, FinalVerdict, Judgement, ReviewFacts, RuleTable};
use crate::insight::made::{DAY, Month, START, agent, at, call, rule_id, rule_name, table as made_table};
use crate::types::RuleId;

fn query(group_by: &[Group], step: Option<Step>) -> TallyQuery {
    TallyQuery {
        calls: CallQuery::default(),
        rules: FindingQuery::default(),
        group_by: group_by.to_vec(),
        step,
        time_zone: TimeZone::UTC,
    }
}

fn verdict() -> impl Strategy<Value = Option<Verdict>> {
    prop::sample::select(vec![Some(Verdict::Hit), Some(Verdict::Miss), Some(Verdict::NotApplicable), None])
}

/// A call: verdicts of three rules, agent, day, and what a person says of the first rule.
type Row = (Vec<Option<Verdict>>, usize, i64, Option<Verdict>);

fn calls() -> impl Strategy<Value = Vec<Row>> {
    let one = (prop::collection::vec(verdict(), 3), 0_usize..4, 0_i64..20, verdict());
    prop::collection::vec(one, 0..30)
}

fn catalog_of(rows: &[Row]) -> (Catalog, RuleTable) {
    let table = made_table(3, "1-made");
    let mut catalog = Catalog::default();
    catalog.add_table(table.clone());
    for (number, (verdicts, index, day, decided)) in rows.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let mut row = call(number, &table, verdicts, agent(*index, index / 2));
        row.started_at = at(*day);
        if let Some(verdict) = decided {
            let finals = vec![FinalVerdict { rule_id: rule_id(0), verdict: *verdict }];
            row.annotations.review = Some(Box::new(ReviewFacts { finals, ..ReviewFacts::default() }));
        }
        catalog.put(row);
    }
    (catalog, table)
}

proptest! {
    #[test]
    fn cells_are_what_counting_out_gives(rows in calls()) {
        let (catalog, table) = catalog_of(&rows);
        let tally = tally(&catalog, &query(&[Group::Rule, Group::Agent], Some(Step::Day))).unwrap();
        let mut naive: BTreeMap<(String, String, i64), (u64, u64, u64)> = BTreeMap::new();
        for call in catalog.calls() {
            for (index, rule) in table.rules.iter().enumerate() {
                let Some(verdict) = call.final_verdict(&table, index) else { continue };
                let agent = call.agents[0].agent_id.as_deref().unwrap().to_owned();
                let day = (call.started_at.as_second() - START) / DAY;
                let counts = naive.entry((rule.id.as_str().to_owned(), agent, day)).or_default();
                counts.0 += u64::from(verdict == Verdict::Hit);
                counts.1 += u64::from(verdict != Verdict::NotApplicable);
                counts.2 += u64::from(verdict == Verdict::NotApplicable);
            }
        }
        let mut told = BTreeMap::new();
        for cell in &tally.cells {
            let text = |index: usize| cell.keys[index].value.as_deref().unwrap().to_owned();
            let day = (cell.bucket.unwrap().start.as_second() - START) / DAY;
            let counts = &cell.counts;
            told.insert((text(0), text(1), day), (counts.num_hits, counts.num_checked, counts.num_not_applicable));
            // A cell opens into exactly its calls with a hit.
            if counts.num_hits > 0 {
                prop_assert_eq!(catalog.chosen(&cell.calls).count() as u64, cell.counts.num_calls_hit);
            }
        }
        prop_assert_eq!(told, naive);
        let of_total = if tally.total.num_hits > 0 { tally.total.num_calls_hit } else { tally.total.num_calls };
        prop_assert_eq!(catalog.chosen(&tally.calls).count() as u64, of_total);
    }

    #[test]
    fn parts_add_up_to_the_whole(rows in calls()) {
        let (catalog, _) = catalog_of(&rows);
        for step in [None, Some(Step::Day), Some(Step::Week), Some(Step::Month)] {
            for groups in [&[][..], &[Group::Rule], &[Group::Team], &[Group::Level, Group::Agent]] {
                let tally = tally(&catalog, &query(groups, step)).unwrap();
                let mut sum = Counts::default();
                tally.cells.iter().for_each(|cell| sum.add(&cell.counts));
                // Calls are in one cell for each slot of findings.
                sum.num_calls = tally.total.num_calls;
                sum.num_calls_hit = tally.total.num_calls_hit;
                prop_assert_eq!(sum, tally.total, "{:?} {:?}", step, groups);
                for cell in &tally.cells {
                    let counts = &cell.counts;
                    prop_assert!(counts.num_hits <= counts.num_checked);
                    prop_assert!(cell.counts.num_calls_hit <= counts.num_calls);
                    let same = tally.cells.iter().filter(|other| {
                        let of = |cell: &Cell| {
                            let keys = cell.keys.iter().filter(|key| key.group.is_of_findings());
                            (cell.bucket, keys.cloned().collect::<Vec<_>>())
                        };
                        of(other) == of(cell)
                    });
                    let whole: u64 = same.map(|other| other.counts.num_checked).sum();
                    prop_assert_eq!(cell.others.num_checked + counts.num_checked, whole);
                }
            }
        }
    }
}

/// A call that was passed on: verdicts of the whole call, and each agent with those of the own part, where it has one.
type Passed = (Vec<Option<Verdict>>, Vec<(usize, Option<Vec<Option<Verdict>>>)>);

fn passed_on() -> impl Strategy<Value = Vec<Passed>> {
    let verdicts = || prop::collection::vec(verdict(), 3);
    let agents = prop::collection::vec((0_usize..5, prop::option::of(verdicts())), 1..4);
    prop::collection::vec((verdicts(), agents), 0..25)
}

/// What the agents of a call at `indexes` come to together, by rule: the worst verdict of their parts.
fn together(call: &crate::catalog::CallFacts, indexes: &[usize]) -> Vec<Option<Verdict>> {
    let own = |index: &usize| call.agents[*index].own.as_ref();
    let mut judgements: Vec<&Judgement> = indexes.iter().filter_map(own).collect();
    if indexes.iter().any(|index| own(index).is_none()) {
        judgements.extend(&call.judgement);
    }
    let verdict = |judgement: &&Judgement, rule: usize| {
        judgement.verdicts.iter().find(|(index, _)| *index == rule).map(|(_, verdict)| verdict)
    };
    (0..3).map(|rule| judgements.iter().filter_map(|one| verdict(one, rule)).min()).collect()
}

proptest! {
    #[test]
    fn others_are_the_parts_of_all_others_also_where_calls_were_passed_on(calls in passed_on()) {
        let table = made_table(3, "1-made");
        let mut catalog = Catalog::default();
        catalog.add_table(table.clone());
        for (number, (whole, agents)) in calls.iter().enumerate() {
            let mut row = call(u32::try_from(number).unwrap(), &table, whole, agent(0, 0));
            let judged = row.judgement.clone().unwrap();
            let own = |verdicts: &Vec<Option<Verdict>>| Judgement {
                verdicts: verdicts.iter().copied().collect(),
                ..judged.clone()
            };
            // Two agents of one team each; the same agent may come twice.
            let parts = agents.iter().map(|(index, part)| AgentFacts {
                own: part.as_ref().map(own),
                ..agent(*index, index / 2)
            });
            row.agents = parts.collect();
            catalog.put(row);
        }
        for group in [Group::Agent, Group::Team, Group::SkillGroup] {
            // Counted out, part by part: whose, and what.
            let mut parts: Vec<(String, Vec<Option<Verdict>>)> = Vec::new();
            for call in catalog.calls() {
                let mut of: BTreeMap<String, Vec<usize>> = BTreeMap::new();
                for index in 0..call.agents.len() {
                    let value = agent_value(group, call, index).unwrap().to_string();
                    of.entry(value).or_default().push(index);
                }
                parts.extend(of.into_iter().map(|(value, indexes)| (value, together(call, &indexes))));
            }
            let tally = tally(&catalog, &query(&[group, Group::Rule], None)).unwrap();
            for cell in &tally.cells {
                let own = cell.keys[0].value.as_deref().unwrap();
                let rule = (0..3).find(|rule| Some(&*rule_name(*rule)) == cell.keys[1].value.as_deref()).unwrap();
                let others = || parts.iter().filter(|(value, _)| *value != own);
                let with = |wanted: &[Verdict]| {
                    let has = |(_, verdicts): &&(String, Vec<Option<Verdict>>)| {
                        verdicts[rule].is_some_and(|verdict| wanted.contains(&verdict))
                    };
                    others().filter(has).count() as u64
                };
                let counted = (
                    cell.others.num_calls,
                    cell.others.num_hits,
                    cell.others.num_checked,
                    cell.others.num_not_applicable,
                );
                let expected = (
                    others().count() as u64,
                    with(&[Verdict::Hit]),
                    with(&[Verdict::Hit, Verdict::Miss]),
                    with(&[Verdict::NotApplicable]),
                );
                prop_assert_eq!(counted, expected, "{:?} {} {}", group, own, rule);
            }
        }
    }
}

#[test]
fn each_agent_of_a_transferred_call_has_the_own_verdict() {
    let table = made_table(1, "1-made");
    let mut catalog = Catalog::default();
    catalog.add_table(table.clone());
    let mut row = call(0, &table, &[Some(Verdict::Hit)], agent(0, 0));
    let own = |verdict| {
        Some(Judgement { verdicts: [Some(verdict)].into_iter().collect(), ..row.judgement.clone().unwrap() })
    };
    row.agents = vec![
        AgentFacts { own: own(Verdict::Hit), ..agent(0, 0) },
        AgentFacts { own: own(Verdict::Miss), ..agent(1, 0) },
    ];
    catalog.put(row.clone());
    let hits = |catalog: &Catalog, groups: &[Group]| -> Vec<(String, u64, u64)> {
        let tally = tally(catalog, &query(groups, None)).unwrap();
        let cells = tally.cells.into_iter();
        cells
            .map(|cell| {
                let value = cell.keys.first().and_then(|key| key.value.as_deref()).unwrap_or_default();
                (value.to_owned(), cell.counts.num_hits, cell.counts.num_checked)
            })
            .collect()
    };
    assert_eq!(hits(&catalog, &[Group::Agent]), [("a0000".to_owned(), 1, 1), ("a0001".to_owned(), 0, 1)]);
    // One call of one team counts once.
    assert_eq!(hits(&catalog, &[Group::Team]), [("t00".to_owned(), 1, 1)]);
    // What a person takes back is taken back from the agent, what one adds is laid on nobody.
    let review = |verdict| Annotations {
        review: Some(Box::new(ReviewFacts {
            finals: vec![FinalVerdict { rule_id: rule_id(0), verdict }],
            ..ReviewFacts::default()
        })),
        ..Annotations::default()
    };
    row.annotations = review(Verdict::Miss);
    catalog.put(row.clone());
    assert_eq!(hits(&catalog, &[Group::Agent]), [("a0000".to_owned(), 0, 1), ("a0001".to_owned(), 0, 1)]);
    row.annotations = review(Verdict::Hit);
    catalog.put(row);
    assert_eq!(hits(&catalog, &[Group::Agent]), [("a0000".to_owned(), 1, 1), ("a0001".to_owned(), 0, 1)]);
    assert_eq!(hits(&catalog, &[]), [(String::new(), 1, 1)]);
}

#[test]
fn days_and_hours_are_those_of_the_zone_and_of_its_changes() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let bucket = |step, text: &str| {
        let at: Timestamp = text.parse().unwrap();
        let bucket = Clock::new(Some(step), zone.clone(), TimeRange::default()).bucket(at).unwrap();
        (bucket.start.to_string(), bucket.end.to_string())
    };
    // On the first of November 2026 the day has 25 hours, and one o'clock comes twice.
    let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
    assert_eq!(
        bucket(Step::Day, "2026-11-01T12:00:00Z"),
        pair("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z")
    );
    assert_eq!(
        bucket(Step::Hour, "2026-11-01T05:30:00Z"),
        pair("2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z")
    );
    assert_eq!(
        bucket(Step::Hour, "2026-11-01T06:30:00Z"),
        pair("2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z")
    );
    assert_eq!(
        bucket(Step::Week, "2026-11-01T06:30:00Z"),
        pair("2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z")
    );
    assert_eq!(
        bucket(Step::Month, "2026-11-01T03:00:00Z"),
        pair("2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z")
    );
}

#[test]
fn a_rule_keeps_its_figures_over_revisions_and_the_change_is_marked() {
    let (mut old, new) = (made_table(2, "1-old"), made_table(3, "2-new"));
    old.rules[0].name = "旧名".to_owned();
    let mut catalog = Catalog::default();
    catalog.add_table(old.clone());
    catalog.add_table(new.clone());
    for (number, table) in [&old, &old, &new].into_iter().enumerate() {
        let verdicts = vec![Some(Verdict::Hit); table.rules.len()];
        let mut row = call(u32::try_from(number).unwrap(), table, &verdicts, agent(0, 0));
        row.started_at = at(i64::try_from(number).unwrap());
        catalog.put(row);
    }
    let tally = tally(&catalog, &query(&[Group::Rule], None)).unwrap();
    let told: Vec<_> =
        tally.cells.iter().map(|cell| (cell.keys[0].label(), cell.counts.num_checked)).collect();
    let name = |rule: usize| format!("规则{rule}（{}）", rule_name(rule));
    assert_eq!(told, [(name(0), 3), (name(1), 3), (name(2), 1)]);
    let marks: Vec<_> = tally.revisions.iter().map(|one| (one.revision.as_str(), one.num_calls)).collect();
    assert_eq!(marks, [("1-old", 2), ("2-new", 1)]);
    assert_eq!(tally.revisions[1].first_call_at, at(2));
}

#[test]
fn what_asks_for_too_much_is_refused() {
    let catalog = Month { num_agents: 2, num_days: 2, ..Month::default() }.make(|_, rate| rate);
    for groups in [&[Group::Rule, Group::Rule][..], &[Group::Rule, Group::Agent, Group::Team, Group::Product]]
    {
        assert_eq!(tally(&catalog, &query(groups, None)), Err(TallyError::Groups));
    }
    let mut cut = query(&[], Some(Step::Day));
    cut.calls.started.from = Some(Timestamp::from_second(START + 3600).unwrap());
    let cells = tally(&catalog, &cut).unwrap().cells;
    assert_eq!(cells.iter().map(|cell| cell.bucket.unwrap().is_partial).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn the_total_opens_into_the_hits_of_the_rules_that_were_asked_for() {
    let hit_on = |day| (vec![Some(Verdict::Hit), Some(Verdict::Miss), Some(Verdict::Miss)], 0, day, None);
    let miss = (vec![Some(Verdict::Miss), Some(Verdict::Hit), Some(Verdict::Miss)], 1, 2, None);
    let (catalog, _) = catalog_of(&[hit_on(0), hit_on(1), miss]);
    let asked = |rules: Vec<RuleId>| {
        let query = query(&[Group::Rule], None);
        let rules = FindingQuery { rules, ..FindingQuery::default() };
        let tally = tally(&catalog, &TallyQuery { rules, ..query }).unwrap();
        (catalog.chosen(&tally.calls).count(), tally)
    };
    let (num_calls, of_rule) = asked(vec![rule_id(0)]);
    assert_eq!((num_calls, of_rule.total.num_hits), (2, 2));
    assert_eq!(of_rule.calls, of_rule.cells[0].calls, "the only cell opens into the same");
    // Of all rules, the calls with any hit, here all three; of a rule without a hit, those that were looked at.
    assert_eq!(asked(Vec::new()).0, 3);
    assert_eq!(asked(vec![rule_id(2)]).0, 3);
}
