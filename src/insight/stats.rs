//! Statistics over counts, each by its name; docs/tracking.md says what each is used for.
//!
//! Counts in, figures out. **Invariant**: the same counts give the same figures; where chance is drawn, it is drawn from a
//! fixed seed.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};
use statrs::function::factorial::ln_factorial;

use crate::types::Share;

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// From a value to a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

impl Interval {
    /// `centre` plus and minus `half`.
    #[must_use]
    pub fn around(centre: f64, half: f64) -> Self {
        Self { lower: centre - half, upper: centre + half }
    }

    /// How far it reaches.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }
}

/// Hits of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Two {
    pub(super) n: u64,
    pub(super) h: u64,
}

impl Two {
    pub(super) fn rate(self) -> f64 {
        if self.n == 0 { 0.0 } else { self.h as f64 / self.n as f64 }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { n: self.n + other.n, h: self.h + other.h }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self { n: self.n.saturating_sub(other.n), h: self.h.saturating_sub(other.h) }
    }

    /// Rao and Scott's effective counts: as many independent calls as know as much.
    pub(super) fn effective(self, dispersion: f64) -> Self {
        // Rounded, below the counts themselves.
        let shrink = |count: u64| (count as f64 / dispersion.max(1.0)).round() as u64;
        let n = shrink(self.n);
        Self { n, h: shrink(self.h).min(n) }
    }
}

/// The Wilson score interval of `hits` of `n` at 95 %; 0 to 1 without any.
#[must_use]
pub(super) fn wilson(hits: u64, n: u64) -> Interval {
    let (lower, upper) = Share { num: hits, of: n }.wilson().unwrap_or((0.0, 1.0));
    Interval { lower, upper }
}

/// Newcombe's interval (his method 10, of two Wilson intervals) of the rate of `one` minus that of `other`, at 95 %.
pub(super) fn newcombe(one: Two, other: Two) -> Interval {
    let (p1, p2) = (one.rate(), other.rate());
    let (w1, w2) = (wilson(one.h, one.n), wilson(other.h, other.n));
    if one.n == 0 || other.n == 0 {
        return Interval { lower: -1.0, upper: 1.0 };
    }
    let difference = p1 - p2;
    let lower = ((p1 - w1.lower).powi(2) + (w2.upper - p2).powi(2)).sqrt();
    let upper = ((w1.upper - p1).powi(2) + (p2 - w2.lower).powi(2)).sqrt();
    Interval { lower: difference - lower, upper: difference + upper }
}

/// Fisher's exact test, one-sided: the natural logarithm of the chance that `one` has so many hits or more when both have
/// the same rate and as many hits together.
pub(super) fn ln_fisher(one: Two, other: Two) -> f64 {
    let (n, hits) = (one.n + other.n, one.h + other.h);
    let ln_choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    if one.n == 0 || other.n == 0 || one.h == 0 {
        return 0.0;
    }
    let last = hits.min(one.n);
    let ln_first = ln_choose(one.n, one.h) + ln_choose(other.n, other.h) - ln_choose(n, hits);
    // Each term from the one before; far terms are lost in rounding anyway.
    let (mut sum, mut term) = (1.0, 1.0);
    for k in one.h..last {
        let left = (one.n - k) as f64 * (hits - k) as f64;
        let right = (k + 1) as f64 * (other.n + k + 1 - hits) as f64;
        term *= left / right;
        sum += term;
        if term < 1e-12 * sum && left < right {
            break;
        }
    }
    (ln_first + sum.ln()).min(0.0)
}

/// How likely a standard normal is at least `z`.
pub(super) fn normal_above(z: f64) -> f64 {
    Normal::standard().sf(z)
}

/// The 97.5 % quantile of Student's t; of few degrees of freedom that of one.
pub(super) fn t_quantile(df: f64) -> f64 {
    StudentsT::new(0.0, 1.0, df.max(1.0)).map_or(Z, |t| t.inverse_cdf(0.975))
}

/// How likely Student's t of so many degrees of freedom is at least `t`.
pub(super) fn t_above(t: f64, df: f64) -> f64 {
    StudentsT::new(0.0, 1.0, df.max(1.0)).map_or(1.0, |distribution| distribution.sf(t))
}

/// How likely χ² of so many degrees of freedom is at least `square`.
pub(super) fn chi_square_above(square: f64, df: f64) -> f64 {
    ChiSquared::new(df.max(1.0)).map_or(1.0, |distribution| distribution.sf(square))
}

/// Woolf's test whether the odds of `rise` (after, before) grew more than those of `rest`: one-sided p value, with half a
/// call added to every cell (Haldane, Anscombe) and the variance multiplied by `dispersion`.
pub(super) fn grew_more(rise: (Two, Two), rest: (Two, Two), dispersion: f64) -> f64 {
    let ln_odds = |two: Two| {
        let (hit, miss) = (two.h as f64 + 0.5, (two.n - two.h) as f64 + 0.5);
        ((hit / miss).ln(), 1.0 / hit + 1.0 / miss)
    };
    let [a, b, c, d] = [rise.0, rise.1, rest.0, rest.1].map(ln_odds);
    let variance = (a.1 + b.1 + c.1 + d.1) * dispersion.max(1.0);
    normal_above((a.0 - b.0 - c.0 + d.0) / variance.sqrt())
}

/// Benjamini and Hochberg's q values of p values, in their order; `num_tests` may count more than are given, which stand
/// for p values of 1.
pub(super) fn benjamini_hochberg(p_values: &[f64], num_tests: u64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    let p = |index: &usize| p_values.get(*index).copied().unwrap_or(1.0);
    order.sort_by(|left, right| p(left).total_cmp(&p(right)));
    let num_tests = num_tests.max(p_values.len() as u64) as f64;
    let mut q_values = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, index) in order.iter().enumerate().rev() {
        least = least.min(p(index) * num_tests / (rank + 1) as f64);
        if let Some(q) = q_values.get_mut(*index) {
            *q = least;
        }
    }
    q_values
}

/// Pearson's χ² of one table against independent calls: `None` without a hit, a miss, or a call on either side.
pub(super) fn pearson(one: Two, other: Two) -> Option<f64> {
    let both = one.plus(other);
    let p = both.rate();
    if one.n == 0 || other.n == 0 || both.h == 0 || both.h == both.n {
        return None;
    }
    let variance = p * (1.0 - p) * (1.0 / one.n as f64 + 1.0 / other.n as f64);
    // With one degree of freedom its mean is N / (N - 1), exactly, given the margins.
    let n = both.n as f64;
    Some((one.rate() - other.rate()).powi(2) / variance * (n - 1.0) / n)
}

/// The variance that counts show over that of independent calls, from many tables of which each should show no
/// difference: the mean of their χ², each held to 10.83 so that a few real changes do not hide themselves. At least 1.
pub(super) fn dispersion(tables: impl Iterator<Item = (Two, Two)>) -> f64 {
    let (mut sum, mut num) = (0.0, 0_u32);
    for square in tables.filter_map(|(one, other)| pearson(one, other)) {
        sum += square.min(10.83);
        num += 1;
    }
    if num < 10 { 1.0 } else { (sum / f64::from(num)).max(1.0) }
}

/// χ² of cells against their common rate, and its degrees of freedom; cells without a call do not count.
pub(super) fn homogeneity(cells: &[Two]) -> Option<(f64, f64)> {
    let whole = cells.iter().fold(Two::default(), |sum, cell| sum.plus(*cell));
    let p = whole.rate();
    let used: Vec<&Two> = cells.iter().filter(|cell| cell.n > 0).collect();
    if used.len() < 2 || p <= 0.0 || p >= 1.0 {
        return None;
    }
    let part = |cell: &&Two| (cell.h as f64 - cell.n as f64 * p).powi(2) / (cell.n as f64 * p * (1.0 - p));
    Some((used.iter().map(part).sum(), (used.len() - 1) as f64))
}

/// Difference of two ratios over the same clusters (before, after), its standard error by the cluster-robust variance of
/// a ratio (Taylor linearisation, CR1), and degrees of freedom. `None` with fewer than two clusters.
pub(super) fn clustered(clusters: &[(Two, Two)]) -> Option<(f64, f64, f64)> {
    let sum = |choose: fn(&(Two, Two)) -> Two| {
        clusters.iter().map(choose).fold(Two::default(), |sum, two| sum.plus(two))
    };
    let (before, after) = (sum(|pair| pair.0), sum(|pair| pair.1));
    if clusters.len() < 2 || before.n == 0 || after.n == 0 {
        return None;
    }
    let residual = |two: Two, whole: Two| (two.h as f64 - whole.rate() * two.n as f64) / whole.n as f64;
    let squares: f64 =
        clusters.iter().map(|pair| (residual(pair.1, after) - residual(pair.0, before)).powi(2)).sum();
    let num = clusters.len() as f64;
    let variance = squares * num / (num - 1.0);
    Some((after.rate() - before.rate(), variance.sqrt(), num - 1.0))
}

/// Numbers that look random and are the same every time (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Hits of `n` independent calls: for few expected ones by counting the gaps between hits, else by the normal
    /// approximation.
    pub(super) fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if p <= 0.0 || n == 0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        let (mean, spread) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
        if mean > 50.0 {
            let (radius, angle) = (self.unit(), self.unit());
            let normal = (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
            return (mean + spread * normal).round().clamp(0.0, n as f64) as u64;
        }
        let ln_miss = (1.0 - p).ln();
        let (mut hits, mut position) = (0, 0.0);
        loop {
            position += ((1.0 - self.unit()).ln() / ln_miss).floor() + 1.0;
            if position > n as f64 {
                return hits;
            }
            hits += 1;
        }
    }
}

/// The split of days at which the binomial likelihood ratio is largest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// The first day of the new rate.
    pub(super) day: usize,
    /// The first day within 1.92 of the best log likelihood, and the last.
    pub(super) near: (usize, usize),
    pub(super) before: Two,
    pub(super) after: Two,
    pub(super) p_value: f64,
}

const NUM_PERMUTATIONS: u32 = 999;

/// Where the rate of a series of days changed: binomial likelihood ratio, with the p value of 999 permutations of the
/// days. `None` with fewer than four days that have calls, or no hit, or nothing but hits.
pub(super) fn change_point(days: &[Two]) -> Option<Split> {
    let ratios = likelihood_ratios(days)?;
    let best = |ratios: &[(usize, f64)]| {
        ratios
            .iter()
            .copied()
            .fold((0, f64::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best })
    };
    let (day, ratio) = best(&ratios);
    let near: Vec<usize> = ratios.iter().filter(|one| one.1 >= ratio - 1.92).map(|one| one.0).collect();
    let mut shuffled = days.to_vec();
    let mut draw = Draw::new(0x5eed);
    let mut as_good = 1_u32;
    for _ in 0..NUM_PERMUTATIONS {
        for index in (1..shuffled.len()).rev() {
            // Below the length, so the cast loses nothing.
            let other = (draw.next() % (index as u64 + 1)) as usize;
            shuffled.swap(index, other);
        }
        let other = likelihood_ratios(&shuffled).map_or(f64::NEG_INFINITY, |ratios| best(&ratios).1);
        as_good += u32::from(other >= ratio - 1e-9);
    }
    let sum = |days: &[Two]| days.iter().fold(Two::default(), |sum, day| sum.plus(*day));
    let (before, after) = days.split_at(day);
    Some(Split {
        day,
        near: (near.first().copied().unwrap_or(day), near.last().copied().unwrap_or(day)),
        before: sum(before),
        after: sum(after),
        p_value: f64::from(as_good) / f64::from(NUM_PERMUTATIONS + 1),
    })
}

/// For every day that a new rate may begin with, how much better two rates fit than one.
fn likelihood_ratios(days: &[Two]) -> Option<Vec<(usize, f64)>> {
    let whole = days.iter().fold(Two::default(), |sum, day| sum.plus(*day));
    if days.iter().filter(|day| day.n > 0).count() < 4 || whole.h == 0 || whole.h == whole.n {
        return None;
    }
    let ln = |two: Two| {
        let part = |count: u64| {
            if count == 0 { 0.0 } else { count as f64 * (count as f64 / two.n as f64).ln() }
        };
        part(two.h) + part(two.n - two.h)
    };
    let mut before = Two::default();
    let mut ratios = Vec::with_capacity(days.len());
    for (index, pair) in days.windows(2).enumerate() {
        let (Some(day), Some(next)) = (pair.first(), pair.last()) else { continue };
        before = before.plus(*day);
        let after = whole.minus(before);
        if before.n > 0 && after.n > 0 && next.n > 0 {
            ratios.push((index + 1, ln(before) + ln(after) - ln(whole)));
        }
    }
    (!ratios.is_empty()).then_some(ratios)
}

/// Sums from which mean and variance come.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Moments {
    pub(super) num: u64,
    sum: f64,
    squares: f64,
}

impl Moments {
    pub(super) fn add(&mut self, value: f64) {
        self.num += 1;
        self.sum += value;
        self.squares += value * value;
    }

    /// Both together.
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self { num: self.num + other.num, sum: self.sum + other.sum, squares: self.squares + other.squares }
    }

    /// What is left without `part`, which is a part of it.
    pub(super) fn without(&self, part: &Self) -> Self {
        Self {
            num: self.num.saturating_sub(part.num),
            sum: self.sum - part.sum,
            squares: self.squares - part.squares,
        }
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.num > 0).then(|| self.sum / self.num as f64)
    }

    /// The variance of the mean; `None` with fewer than two.
    pub(super) fn mean_variance(&self) -> Option<f64> {
        let (num, mean) = (self.num as f64, self.mean()?);
        (self.num > 1).then(|| ((self.squares / num - mean * mean).max(0.0) * num / (num - 1.0)) / num)
    }

    /// Student's t interval of the mean at 95 %.
    pub(super) fn interval(&self) -> Option<Interval> {
        let half = t_quantile(self.num as f64 - 1.0) * self.mean_variance()?.sqrt();
        Some(Interval::around(self.mean()?, half))
    }

    /// The difference of two means with Welch's interval at 95 %.
    pub(super) fn against(&self, other: &Self) -> Option<(f64, Interval)> {
        let difference = self.mean()? - other.mean()?;
        let (own, others) = (self.mean_variance()?, other.mean_variance()?);
        let sum = own + others;
        let part = |variance: f64, num: u64| variance * variance / (num as f64 - 1.0);
        let df = sum * sum / (part(own, self.num) + part(others, other.num)).max(f64::MIN_POSITIVE);
        Some((difference, Interval::around(difference, t_quantile(df) * sum.sqrt())))
    }
}

/// Gini coefficient of counts, 0 to 1; the counts are sorted by it.
pub(super) fn gini(counts: &mut [u64]) -> f64 {
    counts.sort_unstable();
    let (num, sum) = (counts.len() as f64, counts.iter().sum::<u64>() as f64);
    if sum == 0.0 {
        return 0.0;
    }
    let weighted: f64 =
        counts.iter().enumerate().map(|(index, count)| (index + 1) as f64 * *count as f64).sum();
    (2.0 * weighted / (num * sum) - (num + 1.0) / num).max(0.0)
}

/// Share of the sum that the largest tenth of sorted counts has.
pub(super) fn top_tenth(sorted: &[u64]) -> f64 {
    let sum: u64 = sorted.iter().sum();
    let top: u64 = sorted.iter().rev().take(sorted.len().div_ceil(10)).sum();
    if sum == 0 { 0.0 } else { top as f64 / sum as f64 }
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
