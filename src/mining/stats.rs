//! The probabilities behind what mining claims.
//!
//! Pure. Invariant: a probability is a number from 0 to 1; what cannot be computed is 1, which claims nothing.

use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::erfc;

/// The chance of at least `successes` of `trials` where each comes with `chance`: the upper tail of the binomial, for
/// numbers that need not be whole (counts that overdispersion made smaller).
pub(super) fn binomial_at_least(successes: f64, trials: f64, chance: f64) -> f64 {
    if successes <= 0.0 || chance >= 1.0 {
        return 1.0;
    }
    if successes > trials || chance <= 0.0 || !(successes.is_finite() && trials.is_finite()) {
        return if successes > trials { 0.0 } else { 1.0 };
    }
    checked_beta_reg(successes, trials - successes + 1.0, chance).unwrap_or(1.0).clamp(0.0, 1.0)
}

/// The chance of a standard normal value as far from 0 as `z`, on either side.
pub(super) fn two_sided(z: f64) -> f64 {
    if z.is_finite() { erfc(z.abs() / std::f64::consts::SQRT_2).clamp(0.0, 1.0) } else { 1.0 }
}

/// The chance of a chi-squared value of one degree of freedom as large as `value`.
pub(super) fn chi_squared(value: f64) -> f64 {
    two_sided(value.max(0.0).sqrt())
}

/// `p` for the best of `tests`: Bonferroni.
pub(super) fn corrected(p: f64, tests: usize) -> f64 {
    (p * tests.max(1) as f64).min(1.0)
}

/// Dunning's log-likelihood ratio of two counts out of two totals.
pub(super) fn g2(count: f64, total: f64, other: f64, other_total: f64) -> f64 {
    if total <= 0.0 || other_total <= 0.0 {
        return 0.0;
    }
    let term = |seen: f64, expected: f64| if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
    let share = (count + other) / (total + other_total);
    let side =
        |count: f64, total: f64| term(count, total * share) + term(total - count, total * (1.0 - share));
    (2.0 * (side(count, total) + side(other, other_total))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binomial_tail_is_the_sum_of_its_terms() {
        let chance = |n: u32, p: f64, k: u32| {
            let choose = (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1));
            choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
        };
        for (n, p) in [(10, 0.3), (40, 0.05)] {
            for k in 1..=n {
                let sum: f64 = (k..=n).map(|k| chance(n, p, k)).sum();
                let got = binomial_at_least(f64::from(k), f64::from(n), p);
                assert!((got - sum).abs() < 1e-9, "{n} {p} {k}: {got} {sum}");
            }
        }
        assert_eq!((binomial_at_least(0.0, 5.0, 0.1), binomial_at_least(6.0, 5.0, 0.1)), (1.0, 0.0));
    }

    #[test]
    fn known_quantiles_come_out() {
        assert!((two_sided(1.959_964) - 0.05).abs() < 1e-6);
        assert!((chi_squared(10.827_566) - 0.001).abs() < 1e-8);
        assert!((g2(10.0, 100.0, 10.0, 100.0)).abs() < 1e-12, "the same share");
        assert!(g2(30.0, 100.0, 10.0, 100.0) > 10.83);
    }
}
