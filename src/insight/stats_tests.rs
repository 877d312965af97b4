//! Statistics against values from textbooks and from counting out.

use proptest::prelude::*;

use super::*;

fn two(h: u64, n: u64) -> Two {
    Two { n, h }
}

fn near(left: f64, right: f64, by: f64) {
    assert!((left - right).abs() <= by, "{left} is not {right}");
}

#[test]
fn wilson_is_that_of_newcombe_1998() {
    // Newcombe (1998), two-sided confidence intervals for the single proportion, table I.
    for (hits, n, lower, upper) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        let interval = wilson(hits, n);
        near(interval.lower, lower, 5e-5);
        near(interval.upper, upper, 5e-5);
    }
}

#[test]
fn newcombe_is_that_of_his_table() {
    // Newcombe (1998), interval estimation for the difference between independent proportions, method 10.
    for (one, other, lower, upper) in [
        (two(56, 70), two(48, 80), 0.0524, 0.3339),
        (two(9, 10), two(3, 10), 0.1705, 0.8090),
        (two(5, 56), two(0, 29), -0.0381, 0.1926),
    ] {
        let interval = newcombe(one, other);
        near(interval.lower, lower, 5e-5);
        near(interval.upper, upper, 5e-5);
    }
}

#[test]
fn fisher_tastes_tea() {
    // The lady tasting tea: 3 of 4 right against 1 of 4: 17/70; all right: 1/70.
    near(ln_fisher(two(3, 4), two(1, 4)).exp(), 17.0 / 70.0, 1e-12);
    near(ln_fisher(two(4, 4), two(0, 4)).exp(), 1.0 / 70.0, 1e-12);
    near(ln_fisher(two(0, 4), two(4, 4)).exp(), 1.0, 1e-12);
}

#[test]
fn benjamini_and_hochberg_as_in_their_paper() {
    // Benjamini and Hochberg (1995), section 4.1: fifteen p values, four are rejected at 0.05.
    let p = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
        0.6528, 0.7590, 1.0,
    ];
    let q = benjamini_hochberg(&p, 15);
    assert_eq!(q.iter().filter(|q| **q <= 0.05).count(), 4);
    near(q[3], 0.0095 * 15.0 / 4.0, 1e-12);
    // Tests that are not told raise every q value.
    assert!(benjamini_hochberg(&p, 30)[3] > 0.05);
}

#[test]
fn a_change_is_found_on_its_day_and_none_in_steady_days() {
    let days: Vec<Two> = (0..30).map(|day| two(if day < 12 { 5 } else { 15 }, 100)).collect();
    let split = change_point(&days).expect("there is one");
    assert_eq!((split.day, split.near), (12, (12, 12)));
    assert!(split.p_value <= 0.002, "{}", split.p_value);
    let steady: Vec<Two> = (0..30).map(|_| two(5, 100)).collect();
    assert!(change_point(&steady).expect("it is looked for").p_value > 0.9);
    assert!(change_point(&[two(1, 2); 3]).is_none());
}

#[test]
fn dispersion_is_one_for_independent_calls_and_more_for_moods() {
    let mut draw = Draw::new(7);
    let calm: Vec<_> =
        (0..2000).map(|_| (two(draw.binomial(40, 0.1), 40), two(draw.binomial(40, 0.1), 40))).collect();
    near(dispersion(calm.into_iter()), 1.0, 0.12);
    let moody: Vec<_> = (0..2000)
        .map(|_| {
            let rates = [draw.unit() * 0.4, draw.unit() * 0.4];
            (two(draw.binomial(40, rates[0]), 40), two(draw.binomial(40, rates[1]), 40))
        })
        .collect();
    assert!(dispersion(moody.into_iter()) > 2.0);
}

#[test]
fn clusters_widen_what_they_share() {
    // Half of the agents always hit, the others never: forty calls of two agents know little more than two calls.
    let alike: Vec<_> = (0..20).map(|i| (two(if i % 2 == 0 { 20 } else { 0 }, 20), two(0, 0))).collect();
    let other: Vec<_> = (0..20).map(|i| (two(0, 0), two(if i % 2 == 0 { 20 } else { 0 }, 20))).collect();
    let all: Vec<_> = alike.into_iter().chain(other).collect();
    let (difference, error, df) = clustered(&all).expect("there are clusters");
    near(difference, 0.0, 1e-12);
    // Independent calls would give 0.035; clusters give sqrt(2 * 0.25 / 20).
    near(error, 0.158 * (40.0_f64 / 39.0).sqrt(), 1e-3);
    near(df, 39.0, 0.0);
}

#[test]
fn welch_is_that_of_a_textbook() {
    let of = |values: &[f64]| {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.add(*value));
        moments
    };
    let one = of(&[27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]);
    let other =
        of(&[27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4]);
    let (difference, interval) = one.against(&other).expect("there are values");
    near(difference, -2.1667, 1e-3);
    // t = -2.46, df = 24.99: the interval does not reach zero.
    near(interval.lower, -3.9833, 5e-3);
    near(interval.upper, -0.3500, 5e-3);
}

#[test]
fn gini_and_top_tenth_at_their_ends() {
    near(gini(&mut [5, 5, 5, 5]), 0.0, 1e-12);
    near(gini(&mut [0, 0, 0, 8]), 0.75, 1e-12);
    near(top_tenth(&[0, 0, 0, 0, 0, 0, 0, 0, 2, 6]), 0.75, 1e-12);
}

proptest! {
    #[test]
    fn fisher_adds_up(n1 in 1_u64..40, n2 in 1_u64..40, hits in 0_u64..40) {
        let hits = hits.min(n1 + n2);
        let (least, most) = (hits.saturating_sub(n2), hits.min(n1));
        // P(X >= k) falls with k, and begins with 1.
        let tails: Vec<f64> =
            (least..=most).map(|k| ln_fisher(two(k, n1), two(hits - k, n2)).exp()).collect();
        prop_assert!((tails[0] - 1.0).abs() < 1e-9);
        prop_assert!(tails.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12));
        let other = ln_fisher(two(hits - least, n2), two(least, n1)).exp();
        // The other side's tail at its largest is one point of the same distribution.
        let last = tails.get(1).map_or(1.0, |next| 1.0 - next);
        prop_assert!((other - last).abs() < 1e-9, "{other} {last}");
    }

    #[test]
    fn intervals_hold_their_rates(h1 in 0_u64..50, m1 in 1_u64..50, h2 in 0_u64..50, m2 in 1_u64..50) {
        let (one, other) = (two(h1, h1 + m1), two(h2, h2 + m2));
        let wilson = wilson(one.h, one.n);
        prop_assert!(wilson.lower <= one.rate() && one.rate() <= wilson.upper);
        let (there, back) = (newcombe(one, other), newcombe(other, one));
        prop_assert!((there.lower + back.upper).abs() < 1e-12);
        prop_assert!(there.lower <= one.rate() - other.rate() && one.rate() - other.rate() <= there.upper);
    }
}
