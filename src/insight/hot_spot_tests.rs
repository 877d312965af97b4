//! Hot spots over months with a known truth: what is planted is found, and nothing else is claimed.

use jiff::tz::TimeZone;

use super::made::{Month, at, days, rule_id};
use super::{Group, HotSpotQuery, HotSpots, Limits, hot_spots};
use crate::catalog::{CallQuery, Catalog, FindingQuery};

fn look(catalog: &Catalog) -> HotSpots {
    let query = HotSpotQuery {
        calls: CallQuery::default(),
        rules: FindingQuery::default(),
        window: days(21, 28),
        baseline: days(0, 21),
        by: Vec::new(),
        time_zone: TimeZone::UTC,
        limits: Limits::default(),
        max_spots: 500,
    };
    hot_spots(catalog, &query)
}

/// What is claimed: rule and subject.
fn claims(found: &HotSpots) -> Vec<(String, Option<String>)> {
    let claimed = found.spots.iter().filter(|spot| spot.is_claimed);
    claimed
        .map(|spot| {
            let subject = spot.subject.as_ref().and_then(|key| key.value.as_deref()).map(str::to_owned);
            (spot.rule.id.as_str().to_owned(), subject)
        })
        .collect()
}

#[test]
fn in_months_without_change_nearly_nothing_is_claimed() {
    // The false discovery rate of 0.05 bounds the share of such months with any claim. Of 50 months, more than 7 would
    // come with a chance below 0.6 % if it were exactly so; it is less, because tests of counts are conservative.
    for (moods, seeds) in [(0.0, 0..50), (0.8, 50..100)] {
        let with_claims = seeds
            .filter(|seed| {
                let month = Month { seed: 1_000 + seed, moods, ..Month::default() };
                !claims(&look(&month.make(|_, rate| rate))).is_empty()
            })
            .count();
        assert!(with_claims <= 7, "{with_claims} of 50 months with moods of {moods}");
    }
}

#[test]
fn a_rule_that_worsens_for_one_team_is_claimed_of_the_team_and_of_nothing_else() {
    for seed in 0..10 {
        let month = Month { seed, calls_a_day: 6, ..Month::default() };
        let catalog =
            month.make(
                |place, rate| {
                    if place.rule == 2 && place.team == 3 && place.day >= 21 { 3.0 * rate } else { rate }
                },
            );
        let found = look(&catalog);
        assert_eq!(claims(&found), [("R02".to_owned(), Some("t03".to_owned()))], "seed {seed}");
        let spot = &found.spots[0];
        let since = spot.since.as_ref().expect("it has a beginning");
        assert!((19..=23).any(|day| at(day) == since.day), "{}", since.day);
        assert!(since.p_value < 0.01, "{since:?}");
        assert!(spot.q_value < 0.05 && spot.rise_interval.lower > 0.0, "{spot:?}");
        // The figure opens into exactly its hits.
        let opened = catalog.chosen(&spot.window.calls).count();
        assert_eq!(opened as u64, spot.window.counts.num_hits);
    }
}

#[test]
fn a_rise_of_all_is_claimed_once_of_all() {
    let month = Month { seed: 3, calls_a_day: 6, ..Month::default() };
    let catalog =
        month.make(|place, rate| if place.rule == 3 && place.day >= 21 { 1.8 * rate } else { rate });
    let found = look(&catalog);
    assert_eq!(claims(&found), [("R03".to_owned(), None)]);
    let explained = found.spots.iter().filter(|spot| spot.part_of == Some(0)).count();
    assert!(explained > 0, "its parts are told as parts");
}

#[test]
fn one_agent_that_worsens_is_told_from_the_team() {
    let month = Month { seed: 4, calls_a_day: 12, ..Month::default() };
    let catalog = month
        .make(|place, rate| if place.rule == 2 && place.agent == 17 && place.day >= 21 { 0.6 } else { rate });
    assert_eq!(claims(&look(&catalog)), [("R02".to_owned(), Some("a0017".to_owned()))]);
}

#[test]
fn a_fall_is_no_hot_spot() {
    let month = Month { seed: 5, calls_a_day: 6, ..Month::default() };
    let catalog =
        month.make(|place, rate| if place.rule == 3 && place.day >= 21 { 0.2 * rate } else { rate });
    assert_eq!(claims(&look(&catalog)), []);
}

#[test]
fn the_same_calls_give_the_same_answer() {
    let month = Month { seed: 6, ..Month::default() };
    let make = || look(&month.make(|place, rate| if place.day > 20 { 2.0 * rate } else { rate }));
    assert_eq!(make(), make());
    let by = vec![Group::Rule];
    let query = HotSpotQuery {
        calls: CallQuery::default(),
        rules: FindingQuery { rules: vec![rule_id(2)], ..FindingQuery::default() },
        window: days(21, 28),
        baseline: days(0, 21),
        by,
        time_zone: TimeZone::UTC,
        limits: Limits::default(),
        max_spots: 500,
    };
    let catalog = month.make(|_, rate| rate);
    let found = hot_spots(&catalog, &query);
    assert!(found.spots.iter().all(|spot| spot.rule.id == rule_id(2)));
}

#[test]
fn a_rise_is_not_taken_for_how_much_counts_vary_by_nature() {
    // One of four teams rises to four times the rate: the more calls, the clearer.
    for calls_a_day in [6, 30] {
        let month = Month { seed: 12, calls_a_day, spread: 0.0, ..Month::default() };
        let catalog =
            month.make(
                |place, rate| {
                    if place.rule == 1 && place.team == 3 && place.day >= 21 { 4.0 * rate } else { rate }
                },
            );
        let found = look(&catalog);
        assert_eq!(claims(&found), [("R01".to_owned(), Some("t03".to_owned()))]);
        assert!(found.spots[0].dispersion < 1.5, "{} with {calls_a_day}", found.spots[0].dispersion);
        // Everybody rises.
        let catalog =
            month.make(|place, rate| if place.rule == 1 && place.day >= 21 { 4.0 * rate } else { rate });
        let found = look(&catalog);
        assert_eq!(claims(&found), [("R01".to_owned(), None)]);
        assert!(found.spots[0].dispersion < 1.5, "{} with {calls_a_day}", found.spots[0].dispersion);
    }
}

#[test]
fn what_one_rise_explains_does_not_let_chance_pass_beside_it() {
    // A team's rise is also one of its agents and products, a dozen significant tests of one cause. Counted as discoveries
    // they would let chance pass in every third month. Of 40 months, more than 5 would come with a chance below 1.5 %
    // if one in twenty had another claim.
    let with_others = (0..40)
        .filter(|seed| {
            let month = Month { seed: 5_000 + seed, calls_a_day: 10, spread: 0.0, ..Month::default() };
            let catalog = month.make(|place, rate| {
                if place.rule == 1 && place.team == 3 && place.day >= 21 { 6.0 * rate } else { rate }
            });
            let found = claims(&look(&catalog));
            assert_eq!(found.first(), Some(&("R01".to_owned(), Some("t03".to_owned()))), "seed {seed}");
            found.len() > 1
        })
        .count();
    assert!(with_others <= 5, "{with_others} of 40");
}

/// The same calls with other products, by call.
fn with_products(catalog: &Catalog, product: impl Fn(&crate::catalog::CallFacts) -> String) -> Catalog {
    let mut copy = Catalog::default();
    catalog.tables().for_each(|table| copy.add_table(crate::catalog::RuleTable::clone(table)));
    for call in catalog.calls() {
        let mut call = call.clone();
        call.product = Some(product(&call).into());
        call.business = call.product.clone();
        copy.put(call);
    }
    copy
}

#[test]
fn one_cause_is_one_claim_also_over_rules() {
    // A team omits what two rules ask for, and sells mostly one product, which others sell as well.
    let month = Month { seed: 12, calls_a_day: 12, ..Month::default() };
    let made = month.make(|place, rate| match (place.rule, place.team, place.day) {
        (2, 3, 21..) => 5.0 * rate,
        (3, 3, 21..) => 1.8 * rate,
        _ => rate,
    });
    let catalog = with_products(&made, |call| {
        let is_of_team = call.agents[0].team.as_deref() == Some("t03");
        let is_card = if is_of_team { call.number % 10 != 0 } else { call.number % 10 == 0 };
        if is_card { "信用卡" } else { "贷款" }.to_owned()
    });
    let found = look(&catalog);
    let claims = claims(&found);
    assert!(claims.contains(&("R02".to_owned(), Some("t03".to_owned()))), "{claims:?}");
    for (rule, subject) in &claims {
        let is_of_team = subject.as_deref().is_some_and(|one| one == "t03" || one >= "a0030");
        assert!(is_of_team && ["R02", "R03"].contains(&rule.as_str()), "{claims:?}");
    }
    let tested = |group: Group| {
        found.spots.iter().filter(|spot| spot.subject.as_ref().is_some_and(|key| key.group == group)).count()
    };
    assert!(tested(Group::Business) > 0 && tested(Group::Product) == 0, "the same calls are tested once");
}

#[test]
fn a_product_that_is_another_one_for_every_call_costs_nothing() {
    let month = Month { seed: 13, ..Month::default() };
    let made = month.make(|_, rate| rate);
    let serial = with_products(&made, |call| format!("流水{}", call.number));
    let plain = with_products(&made, |_| "产品".to_owned());
    assert_eq!(look(&serial), look(&plain), "no serial number is a subject");
    let calls = CallQuery::default();
    let revisions = super::scan::Revisions::of(&serial, &calls);
    let (slots, rules) = super::cube::rule_slots(&revisions, &FindingQuery::default());
    let mut cube = super::cube::Cube::new(rules, 2);
    cube.fill(&serial, &calls, &slots, &[Group::Team, Group::Product], |_| 30, |_| Some(0));
    assert_eq!(cube.subjects.len(), 5, "all calls and four teams");
}

/// What the few calls of a skill group do that are not of the team that is most of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Few {
    StayAsTheyAre,
    Rise,
    /// So much that, by how counts vary, the team's rise is less sure than the group's, and stands out of it.
    Fall,
}

#[test]
fn a_team_and_a_skill_group_of_nearly_the_same_calls_are_claimed_once() {
    for (seed, few) in
        (0..3).flat_map(|seed| [Few::StayAsTheyAre, Few::Rise, Few::Fall].map(|few| (seed, few)))
    {
        let month = Month { seed: 9_000 + seed, calls_a_day: 20, spread: 0.0, ..Month::default() };
        let made = month.make(|place, rate| match (place.rule, place.team, place.agent, place.day >= 21) {
            (2, 3, _, true) => 3.0 * rate,
            (2, _, 4..13, is_window) => match few {
                Few::StayAsTheyAre => rate,
                Few::Rise if is_window => 3.0 * rate,
                Few::Rise => rate,
                Few::Fall if is_window => 0.1,
                Few::Fall => 0.8,
            },
            _ => rate,
        });
        let mut catalog = Catalog::default();
        made.tables().for_each(|table| catalog.add_table(crate::catalog::RuleTable::clone(table)));
        for call in made.calls() {
            let mut call = call.clone();
            let agent = &mut call.agents[0];
            let is_few = agent.agent_id.as_deref().is_some_and(|id| ("a0004".."a0013").contains(&id));
            let is_of_group = is_few || agent.team.as_deref() == Some("t03");
            agent.skill_group = Some(if is_of_group { "专席" } else { "其他" }.into());
            if !is_few || call.number % 18 == 0 {
                catalog.put(call);
            }
        }
        let found = look(&catalog);
        let of = |value: &str| {
            let is_it = |spot: &&super::HotSpot| {
                let subject = spot.subject.as_ref().and_then(|key| key.value.as_deref());
                spot.rule.id == rule_id(2) && subject == Some(value)
            };
            found.spots.iter().find(is_it).expect("both rose")
        };
        let (team, group) = (of("t03"), of("专席"));
        assert!(group.is_claimed || few != Few::Fall, "seed {seed}: the group is the surer");
        assert_ne!(team.is_claimed, group.is_claimed, "seed {seed}, {few:?}");
        let (claimed, other) = if team.is_claimed { (team, group) } else { (group, team) };
        let by = other.part_of.and_then(|index| found.spots.get(index));
        assert_eq!(by.map(|spot| &spot.subject), Some(&claimed.subject), "seed {seed}, {few:?}");
    }
}
