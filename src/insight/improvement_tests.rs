//! Effects of improvements on calls with a known truth.

use super::*;
use crate::insight::made::{Month, at, days, rule_id};

fn coaching(agents: &[&str]) -> Improvement {
    Improvement {
        id: "imp-1".to_owned(),
        title: "辅导".to_owned(),
        rules: vec![rule_id(3)],
        agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
        teams: Vec::new(),
        skill_groups: Vec::new(),
        action: "一对一".to_owned(),
        at: at(12),
        before_days: 12,
        after_days: 14,
        created_by: "组长".to_owned(),
        created_at: at(12),
    }
}

fn month(seed: u64) -> Month {
    Month { seed, calls_a_day: 12, num_rules: 4, ..Month::default() }
}

#[test]
fn an_agent_coached_on_day_twelve_improved_and_nobody_else_did() {
    for seed in 0..5 {
        let catalog = month(seed).make(|place, rate| {
            if place.rule == 3 && place.agent == 7 { if place.day < 12 { 0.4 } else { 0.1 } } else { rate }
        });
        let effect_of = |agent: &str| effect(&catalog, &coaching(&[agent]), &TimeZone::UTC, at(30));
        let coached = effect_of("a0007");
        assert_eq!(coached.outcome, Outcome::Improved, "seed {seed}");
        let interval = coached.treated.interval.unwrap();
        assert!(interval.lower <= -0.3 && -0.3 <= interval.upper, "{interval:?}");
        let did = coached.did_interval.unwrap();
        assert!(did.upper < 0.0 && coached.is_over, "{did:?}");
        assert!(coached.cautions.contains(&Caution::RegressionToTheMean), "who was chosen was the worst");
        assert_eq!(
            catalog.chosen(&coached.treated.before.calls).count() as u64,
            coached.treated.before.counts.num_hits
        );
        let early = effect(&catalog, &coaching(&["a0007"]), &TimeZone::UTC, at(20));
        assert!(early.cautions.contains(&Caution::NotOver));
    }
}

#[test]
fn without_an_effect_the_words_are_wrong_about_as_often_as_they_say() {
    // 5 % are told as improved or worse by chance: of 400, 36 or more would come with a chance below 0.1 %.
    let mut num_told = 0;
    for seed in 0..10 {
        let catalog = Month { calls_a_day: 6, ..month(100 + seed) }.make(|_, rate| rate);
        for agent in 0..40 {
            let outcome =
                effect(&catalog, &coaching(&[&format!("a{agent:04}")]), &TimeZone::UTC, at(30)).outcome;
            num_told += u32::from(matches!(outcome, Outcome::Improved | Outcome::Worse));
        }
    }
    assert!(num_told <= 35, "{num_told} of 400");
}

#[test]
fn a_group_of_agents_whose_calls_are_alike_is_judged_by_agents() {
    // Every agent's rate moves as one from before to after: the calls are many, the agents are not.
    let mut num_told = 0;
    for seed in 0..60 {
        let catalog = Month { num_agents: 12, calls_a_day: 10, ..month(500 + seed) }.make(|place, rate| {
            let is_high =
                (place.agent as u64 * 7919 + seed * 104_729 + u64::from(place.day >= 12)).is_multiple_of(2);
            if is_high { 2.0 * rate } else { 0.4 * rate }
        });
        let effect = effect(&catalog, &coaching(&[]), &TimeZone::UTC, at(30));
        assert!(effect.treated.method.contains("按座席聚类"));
        assert!(effect.others.is_none() && effect.cautions.contains(&Caution::NoControl));
        num_told += u32::from(matches!(effect.outcome, Outcome::Improved | Outcome::Worse));
    }
    assert!(num_told <= 9, "{num_told} of 60");
}

#[test]
fn what_moves_for_all_is_not_laid_on_the_coaching() {
    let catalog =
        month(3).make(|place, rate| if place.rule == 3 && place.day >= 12 { 0.3 * rate } else { rate });
    let mut improvement = coaching(&[]);
    improvement.teams = vec!["t01".to_owned()];
    let effect = effect(&catalog, &improvement, &TimeZone::UTC, at(30));
    assert_eq!(effect.outcome, Outcome::Improved);
    assert!(effect.cautions.contains(&Caution::OthersMovedToo), "{effect:?}");
    let few = Month { num_agents: 2, num_days: 14, calls_a_day: 1, ..month(1) }.make(|_, rate| rate);
    assert_eq!(super::effect(&few, &coaching(&["a0001"]), &TimeZone::UTC, at(30)).outcome, Outcome::TooFew);
    assert_eq!(effect.before, days(0, 12));
}
