//! Reports on agents and teams, and common problems, over months with a known truth.

use jiff::tz::TimeZone;

use super::made::{Month, days, rule_id, table};
use super::*;
use crate::analysis::{RuleKind, RuleSet, Verdict};
use crate::catalog::{CallQuery, Catalog, FinalVerdict, FindingQuery, ReviewFacts, ReviewState};

fn month(seed: u64) -> Month {
    Month { seed, calls_a_day: 5, spread: 0.0, ..Month::default() }
}

fn query() -> ReportQuery {
    ReportQuery::new(days(0, 28), TimeZone::UTC)
}

/// A pack whose rules are those of the made months.
fn pack() -> RuleSet {
    let mut text = "version = 2\n".to_owned();
    for rule in 0..12 {
        text += &format!(
            "[[rule]]\nid = \"R{rule:02}\"\nname = \"n\"\nkind = \"forbidden\"\nlevel = \"S3\"\n\
             dimension = \"服务规范\"\nhits = [\"客服: 保本\"]\nmisses = [\"客服: 您好\"]\n\
             [[rule.condition]]\nkeyword = {{ any = [\"保本\"] }}\n"
        );
    }
    text += "[[profile]]\nlabel = \"环节遗漏\"\nrules = [\"R02\", \"R05\"]\n\
             [[profile]]\nlabel = \"抢话\"\nrules = [\"R07\"]\n\
             [[training]]\ntitle = \"开场\"\nmaterial = \"手册\"\ntext = \"练习\"\nrules = [\"R02\"]\n";
    RuleSet::compile("pack.toml", &text).unwrap()
}

fn report(catalog: &Catalog, agent: &str) -> AgentReport {
    agent_report(catalog, &pack(), agent, &query()).unwrap()
}

#[test]
fn a_weak_agent_gets_the_weakness_the_label_and_the_hint_and_others_get_none() {
    let catalog = month(1).make(|place, rate| if place.rule == 2 && place.agent == 13 { 0.4 } else { rate });
    let weak = report(&catalog, "a0013");
    let ids = |lines: &[RuleLine]| lines.iter().map(|line| line.rule.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&weak.weak), [rule_id(2)]);
    let line = &weak.weak[0];
    assert!(line.q_value < 0.001 && line.interval.lower > 0.1 && line.difference > 0.2);
    assert_eq!(catalog.chosen(&line.own.calls).count() as u64, line.own.counts.num_hits);
    let labels: Vec<_> = weak.labels.iter().map(|label| label.label.as_str()).collect();
    assert_eq!(labels, ["环节遗漏"]);
    assert_eq!((weak.hints.len(), weak.hints[0].title.as_str()), (1, "开场"));
    assert_eq!(weak.team.as_deref(), Some("t01"));
    assert_eq!(weak.rank.unwrap().place, 10, "the last of ten");
    assert!(weak.scores[0].against_others.unwrap().1.upper < 0.0);
    assert_eq!(weak.trend.len(), 4);
    assert_eq!(weak.trend.iter().map(|point| point.counts.num_calls).sum::<u64>(), 140);
    let others = (0..40).filter(|agent| *agent != 13).map(|agent| report(&catalog, &format!("a{agent:04}")));
    let told = others.filter(|one| !one.weak.is_empty() || !one.labels.is_empty()).count();
    assert!(told <= 1, "{told} of 39 agents without a weakness");
}

#[test]
fn a_strength_is_told_and_a_name_that_is_not_there_has_no_report() {
    let catalog = month(2).make(|place, rate| if place.rule == 3 && place.agent == 5 { 0.02 } else { rate });
    let strong = report(&catalog, "a0005");
    assert_eq!(strong.strengths.iter().map(|line| line.rule.id.clone()).collect::<Vec<_>>(), [rule_id(3)]);
    assert!(strong.weak.is_empty());
    assert!(agent_report(&catalog, &pack(), "nobody", &query()).is_none());
    assert!(team_report(&catalog, "nobody", &query()).is_none());
    assert_eq!(agents(&catalog, &query()).len(), 40);
}

#[test]
fn with_few_calls_nothing_is_said() {
    let few = Month { num_days: 3, ..month(3) };
    let catalog = few.make(|place, rate| if place.agent == 1 { 0.9 } else { rate });
    let one = report(&catalog, "a0001");
    assert!(one.too_few && one.weak.is_empty() && one.labels.is_empty() && one.rank.is_none());
}

#[test]
fn a_weak_team_is_told_from_a_team_with_one_weak_agent() {
    let catalog = month(4).make(|place, rate| match (place.rule, place.team, place.agent) {
        (3, 2, _) => 2.0 * rate,
        // One agent lifts the whole team's figures.
        (6, 1, 15) => 0.9,
        _ => rate,
    });
    let told = |team: &str| {
        let report = team_report(&catalog, team, &query()).unwrap();
        report.weak.iter().map(|line| line.rule.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told("t02"), [rule_id(3)]);
    assert_eq!(told("t01"), []);
    assert_eq!(team_report(&catalog, "t01", &query()).unwrap().members.len(), 10);
}

#[test]
fn what_people_decided_is_counted() {
    let mut catalog = month(5).make(|_, rate| rate);
    let mut wanted = (0, 0);
    let calls: Vec<_> =
        catalog.calls().filter(|call| call.agents[0].agent_id.as_deref() == Some("a0000")).cloned().collect();
    for mut call in calls.into_iter().take(20) {
        let machine = call.judgement.as_ref().unwrap().verdicts.get(3).unwrap();
        wanted.0 += u64::from(machine == Verdict::Hit);
        wanted.1 += 1;
        let finals = vec![FinalVerdict { rule_id: rule_id(3), verdict: Verdict::Miss }];
        call.annotations.review =
            Some(Box::new(ReviewFacts { state: ReviewState::Reviewed, finals, ..ReviewFacts::default() }));
        catalog.put(call);
    }
    let reviews = report(&catalog, "a0000").reviews;
    assert_eq!((reviews.num_rejected, reviews.num_reviewed, reviews.num_confirmed), (wanted.0, wanted.1, 0));
    assert!(wanted.0 > 0);
}

#[test]
fn a_problem_of_all_is_told_from_that_of_a_few() {
    let catalog = month(6).make(|place, rate| match (place.rule, place.agent) {
        (3, _) if place.day >= 14 => 2.0 * rate,
        (2, 0..4) => 0.6,
        (2, _) => 0.02,
        _ => rate,
    });
    let query = ProblemQuery {
        calls: CallQuery::default(),
        rules: FindingQuery::default(),
        period: days(0, 28),
        time_zone: TimeZone::UTC,
        max_problems: 20,
    };
    let problems = common_problems(&catalog, &query);
    assert_eq!(problems.len(), 12);
    let of = |rule: usize| problems.iter().find(|one| one.rule.id == rule_id(rule)).unwrap();
    let (all, few) = (of(3), of(2));
    assert_eq!((all.spread, all.num_agents_hit), (Spread::Many, 40));
    assert_eq!(all.since.unwrap().day, super::made::at(14));
    assert!((all.top_share - all.top_share_by_chance).abs() < 0.05, "{all:?}");
    assert_eq!(few.spread, Spread::Few);
    assert!(few.top_share > 0.6 && few.gini > few.gini_by_chance + 0.2 && few.since.is_none(), "{few:?}");
    assert_eq!(of(7).spread, Spread::Many, "{:?}", of(7));
    assert!(problems.windows(2).all(|pair| pair[0].num_agents_hit >= pair[1].num_agents_hit));
}

#[test]
fn of_an_agent_who_served_two_teams_the_others_are_the_others_of_the_team() {
    // a0005 moves from t00 to t01 on day 15 and is weak in R02 everywhere.
    let made = month(7).make(|place, rate| if place.rule == 2 && place.agent == 5 { 0.6 } else { rate });
    let mut catalog = Catalog::default();
    made.tables().for_each(|table| catalog.add_table(crate::catalog::RuleTable::clone(table)));
    let (mut others, mut num_calls) = ((0, 0), 0);
    for call in made.calls() {
        let mut call = call.clone();
        let agent = &mut call.agents[0];
        if agent.agent_id.as_deref() == Some("a0005") && call.started_at >= super::made::at(15) {
            agent.team = Some("t01".into());
        } else if agent.agent_id.as_deref() != Some("a0005") && agent.team.as_deref() == Some("t00") {
            let verdict = call.judgement.as_ref().unwrap().verdicts.get(2).unwrap();
            others.0 += u64::from(verdict == Verdict::Hit);
            others.1 += u64::from(verdict != Verdict::NotApplicable);
            num_calls += 1;
        }
        catalog.put(call);
    }
    let moved = report(&catalog, "a0005");
    assert_eq!(moved.team.as_deref(), Some("t00"), "that of most of the calls");
    let line = moved.weak.iter().find(|line| line.rule.id == rule_id(2)).unwrap();
    assert_eq!((line.others.counts.num_hits, line.others.counts.num_checked), others);
    assert_eq!(moved.scores[0].others.num_calls, num_calls);
    // And a team is held against all calls of the other teams, that agent's among them.
    let team = team_report(&catalog, "t01", &query()).unwrap();
    let all = catalog.calls().count() as u64;
    assert_eq!(team.scores[0].others.num_calls, all - team.scores[0].own.num_calls);
}

#[test]
fn the_time_before_a_month_is_the_month_before_it() {
    let zone = crate::types::time_zone("+08:00").unwrap();
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let past = |from: &str, before: &str| {
        let period = super::Period { from: at(from), before: at(before) };
        let past = ReportQuery::new(period, zone.clone()).past;
        (past.from, past.before)
    };
    let march = ("2026-03-01T00:00:00+08:00", "2026-04-01T00:00:00+08:00");
    assert_eq!(past(march.0, march.1), (at("2026-02-01T00:00:00+08:00"), at(march.0)));
    let quarter = past("2026-01-01T00:00:00+08:00", "2026-04-01T00:00:00+08:00");
    assert_eq!(quarter.0, at("2025-10-01T00:00:00+08:00"));
    // No whole months: as long a time.
    let week = past("2026-03-02T00:00:00+08:00", "2026-03-09T00:00:00+08:00");
    assert_eq!(week, (at("2026-02-23T00:00:00+08:00"), at("2026-03-02T00:00:00+08:00")));
    let utc = past("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    assert_eq!(utc.0, at("2026-01-29T00:00:00Z"), "not a month on these clocks");
}

#[test]
fn a_rule_that_fell_has_no_beginning() {
    let catalog =
        month(8).make(|place, rate| if place.rule == 3 && place.day >= 14 { 0.3 * rate } else { rate });
    let query = ProblemQuery {
        calls: CallQuery::default(),
        rules: FindingQuery::default(),
        period: days(0, 28),
        time_zone: TimeZone::UTC,
        max_problems: 20,
    };
    let problems = common_problems(&catalog, &query);
    let fell = problems.iter().find(|one| one.rule.id == rule_id(3)).unwrap();
    assert!(fell.since.is_none(), "{:?}", fell.since);
}

/// The same calls by rules of which those from `first` on only watch.
fn watching(made: &Catalog, first: usize) -> Catalog {
    let mut table = table(12, "1-watching");
    table.rules.iter_mut().skip(first).for_each(|rule| rule.kind = RuleKind::Watch);
    let mut catalog = Catalog::default();
    catalog.add_table(table.clone());
    for mut call in made.calls().cloned() {
        call.judgement.as_mut().unwrap().table = table.id();
        catalog.put(call);
    }
    catalog
}

/// How many calls a figure opens, and how many findings of them it is chosen by.
fn opened(catalog: &Catalog, calls: &CallQuery) -> (u64, u64) {
    let of = |call| calls.finding.positions(call, catalog.table_of(call).unwrap()).count() as u64;
    let chosen: Vec<u64> = catalog.chosen(calls).map(of).collect();
    (chosen.len() as u64, chosen.iter().sum())
}

#[test]
fn every_figure_of_people_opens_the_calls_that_it_counts_and_rules_that_only_watch_are_in_none() {
    let weak = |place: super::made::Place| matches!((place.rule, place.agent), (2 | 5, 13));
    let made = month(9).make(|place, rate| match place.rule {
        11 => 0.9,
        _ if weak(place) => 0.5,
        _ => rate,
    });
    let catalog = watching(&made, 10);
    let one = report(&catalog, "a0013");
    let (mut num_checked, mut num_hits) = (0, 0);
    for call in catalog.calls().filter(|call| call.agents[0].agent_id.as_deref() == Some("a0013")) {
        let verdicts = || (0..10).filter_map(|rule| call.judgement.as_ref().unwrap().verdicts.get(rule));
        num_checked += verdicts().filter(|verdict| *verdict != Verdict::NotApplicable).count() as u64;
        num_hits += verdicts().filter(|verdict| *verdict == Verdict::Hit).count() as u64;
    }
    let counts = one.calls.counts;
    assert_eq!((counts.num_checked, counts.num_hits), (num_checked, num_hits), "without rules 10 and 11");
    let label = &one.labels.iter().find(|label| label.label == "环节遗漏").expect("it has both rules").own;
    assert!(label.counts.num_hits > label.counts.num_calls_hit, "some calls have both: {:?}", label.counts);
    assert!(one.weak.iter().all(|line| line.rule.id != rule_id(11)));
    let team = team_report(&catalog, "t01", &query()).unwrap();
    let member = agents(&catalog, &query()).swap_remove(13);
    let past = &one.against_past;
    for figure in [&one.calls, label, &one.weak[0].own, &team.calls, &member.calls, &past.after] {
        let Figure { counts, calls } = figure;
        assert_eq!(opened(&catalog, calls), (counts.num_calls_hit, counts.num_hits), "{calls:?}");
        assert!(counts.num_hits > 0);
    }
    assert_eq!(opened(&catalog, &one.calls.all_calls()).0, 140);
    assert_eq!((one.calls.counts.num_calls, past.before.counts.num_calls), (140, 0));
    // Of what was never hit, the calls that were checked.
    let clean = watching(&month(9).make(|_, _| 0.0), 10);
    let none = report(&clean, "a0013").calls;
    assert_eq!((none.counts.num_hits, opened(&clean, &none.calls).0), (0, 140));
}

#[test]
fn the_others_of_a_label_are_those_that_were_tested_also_where_they_served_another_team() {
    // a0007 helps t01 in the last week, and misses R02 there only; a0005 is weak in R02 and alone hits R07.
    let made = month(10).make(|place, rate| match (place.rule, place.agent) {
        (2, 5) => 0.6,
        (7, 5) => 0.5,
        (7, _) => 0.0,
        (2, 7) if place.day >= 21 => 0.9,
        (2, 7) => 0.0,
        _ => rate,
    });
    let mut catalog = Catalog::default();
    made.tables().for_each(|table| catalog.add_table(crate::catalog::RuleTable::clone(table)));
    let mut wanted = Counts::default();
    for call in made.calls() {
        let mut call = call.clone();
        let agent = &mut call.agents[0];
        let is_other = agent.agent_id.as_deref() != Some("a0005") && agent.team.as_deref() == Some("t00");
        if agent.agent_id.as_deref() == Some("a0007") && call.started_at >= super::made::at(21) {
            agent.team = Some("t01".into());
        }
        if is_other {
            let verdicts = [2, 5].map(|rule| call.judgement.as_ref().unwrap().verdicts.get(rule).unwrap());
            let num = |wanted: &dyn Fn(Verdict) -> bool| {
                verdicts.into_iter().filter(|one| wanted(*one)).count() as u64
            };
            let (num_checked, num_hits) =
                (num(&|one| one != Verdict::NotApplicable), num(&|one| one == Verdict::Hit));
            wanted.add(&Counts {
                num_calls: u64::from(num_checked > 0),
                num_calls_hit: u64::from(num_hits > 0),
                num_checked,
                num_hits,
                ..Counts::default()
            });
        }
        catalog.put(call);
    }
    let labels = report(&catalog, "a0005").labels;
    let of = |label: &str| labels.iter().find(|one| one.label == label).expect("it is given");
    let missed = of("环节遗漏");
    assert_eq!(missed.others.counts, wanted);
    let rate = |figure: &Figure| figure.counts.rate().unwrap();
    assert_eq!(missed.ratio.unwrap(), rate(&missed.own) / rate(&missed.others));
    // Nobody else hits R07: the calls in which it was checked open, the agent's own among them.
    let cut_in = of("抢话");
    assert_eq!((cut_in.others.counts.num_hits, cut_in.ratio), (0, None));
    let in_team = |call: &&crate::catalog::CallFacts| call.agents[0].team.as_deref() == Some("t00");
    let checked = |call: &&crate::catalog::CallFacts| {
        call.judgement.as_ref().unwrap().verdicts.get(7) != Some(Verdict::NotApplicable)
    };
    let num_of_team = catalog.calls().filter(in_team).filter(checked).count() as u64;
    assert_eq!(opened(&catalog, &cut_in.others.calls).0, num_of_team);
}
