//! Changes over months with a known truth, in both directions.

use jiff::tz::TimeZone;

use super::made::{Month, days, rule_id};
use super::{ChangeQuery, Limits, RateChange, rate_changes};
use crate::catalog::{CallQuery, Catalog, FindingQuery};

fn look(catalog: &Catalog) -> Vec<RateChange> {
    let query = ChangeQuery {
        calls: CallQuery::default(),
        rules: FindingQuery::default(),
        window: days(21, 28),
        baseline: days(0, 21),
        time_zone: TimeZone::UTC,
        limits: Limits::default(),
    };
    rate_changes(catalog, &query)
}

#[test]
fn in_months_without_change_nearly_nothing_is_claimed_either_way() {
    for (moods, seeds) in [(0.0, 0..50), (0.8, 50..100)] {
        let with_claims = seeds
            .filter(|seed| {
                let month = Month { seed: 2_000 + seed, moods, ..Month::default() };
                look(&month.make(|_, rate| rate)).iter().any(|one| one.is_claimed)
            })
            .count();
        assert!(with_claims <= 7, "{with_claims} of 50 months with moods of {moods}");
    }
}

#[test]
fn a_rise_and_a_fall_are_claimed_and_nothing_else() {
    let month = Month { seed: 3, calls_a_day: 6, ..Month::default() };
    let catalog = month.make(|place, rate| match place.rule {
        2 if place.day >= 21 => 3.0 * rate,
        5 if place.day >= 21 => rate / 4.0,
        _ => rate,
    });
    let found = look(&catalog);
    let claimed: Vec<_> = found
        .iter()
        .filter(|one| one.is_claimed)
        .map(|one| (one.rule.id.clone(), one.difference > 0.0))
        .collect();
    assert_eq!(claimed, [(rule_id(2), true), (rule_id(5), false)]);
    assert!(
        found.iter().all(|one| one.interval.lower <= one.difference && one.difference <= one.interval.upper)
    );
}
