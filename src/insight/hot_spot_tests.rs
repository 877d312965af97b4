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
