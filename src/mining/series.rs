//! Counts day by day to trends and bursts.
//!
//! A **trend** is the Cochran–Armitage test of the share of calls over the days, its variance widened by how much days
//! differ beyond chance (Pearson's χ² over its degrees of freedom, at least 1; weekdays that differ count as that).
//!
//! A **burst** is a temporal scan: every window of one to seven days is asked whether its calls are too many, given all
//! calls with the thing and the share that the days outside of the window have on working days and on weekends (the
//! share of each pulled to that of both, as if by [`PRIOR`] more finds). The test is the conditional binomial; counts are divided by the dispersion of the
//! days outside when that is above 1. The window with the least probability is the burst, if that stays below
//! [`MAX_P`] after it was multiplied by the number of windows and of things tested (Bonferroni), if it holds at least
//! [`MIN_CALLS`] calls, and if these are at least [`MIN_LIFT`] times what was to be expected.
//!
//! Pure. **Invariant**: fewer than [`MIN_DAYS`] days claim nothing.

use jiff::civil::{Date, Weekday};

use super::outcome::{DayCount, Direction, Trend};
use super::stats::{binomial_at_least, corrected, two_sided};

/// Fewest days on which there are calls.
pub(super) const MIN_DAYS: usize = 10;
/// Longest burst.
const MAX_WINDOW_DAYS: i32 = 7;
/// Fewest calls of a burst.
const MIN_CALLS: u32 = 10;
/// Least number of times what was to be expected.
const MIN_LIFT: f64 = 2.0;
/// Most probability, corrected, of a burst and of a trend that is told.
pub(super) const MAX_P: f64 = 0.01;
/// Finds that speak for the share of all days against that of a kind of days.
const PRIOR: f64 = 5.0;

/// The days of a period: when, and how many calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days<'a> {
    pub(super) dates: &'a [Date],
    pub(super) calls: &'a [u32],
}

/// Days on which something came up too often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) from: usize,
    /// The last day.
    pub(super) to: usize,
    pub(super) num_calls: u32,
    pub(super) expected: f64,
    /// Corrected for the windows, not yet for what else was tested.
    pub(super) p_value: f64,
}

/// Calls and finds on working days and on weekends.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    calls: [f64; 2],
    finds: [f64; 2],
}

impl Sums {
    fn minus(self, other: Self) -> Self {
        let mut left = self;
        for class in 0..2 {
            left.calls[class] -= other.calls[class];
            left.finds[class] -= other.finds[class];
        }
        left
    }

    fn add(&mut self, day: &Day) {
        self.calls[day.class] += day.calls;
        self.finds[day.class] += day.finds;
    }

    fn num_finds(self) -> f64 {
        self.finds[0] + self.finds[1]
    }

    /// The share of each kind of days.
    fn shares(self) -> [f64; 2] {
        let share = (self.num_finds() + 0.5) / (self.calls[0] + self.calls[1] + 1.0);
        let weight = PRIOR / share;
        [0, 1].map(|class| (self.finds[class] + PRIOR) / (self.calls[class] + weight))
    }
}

#[derive(Debug, Clone, Copy)]
struct Day {
    /// 0: a working day, 1: a weekend.
    class: usize,
    calls: f64,
    finds: f64,
}

fn days_of(days: Days<'_>, finds: &[u32]) -> Vec<Day> {
    let rows = days.dates.iter().zip(days.calls).zip(finds);
    rows.map(|((date, calls), finds)| {
        let is_weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        Day { class: usize::from(is_weekend), calls: f64::from(*calls), finds: f64::from(*finds) }
    })
    .collect()
}

/// The days on which `finds` are most too many, if they are at all.
pub(super) fn burst(days: Days<'_>, finds: &[u32]) -> Option<Window> {
    let rows = days_of(days, finds);
    if rows.len() < MIN_DAYS {
        return None;
    }
    let mut all = Sums::default();
    rows.iter().for_each(|day| all.add(day));
    let (mut best, mut num_windows): (Option<(Window, f64)>, usize) = (None, 0);
    for (from, first) in days.dates.iter().enumerate() {
        let mut inside = Sums::default();
        for (to, (last, day)) in days.dates.iter().zip(&rows).enumerate().skip(from) {
            let length = first.until(*last).map_or(i32::MAX, |span| span.get_days());
            if length >= MAX_WINDOW_DAYS {
                break;
            }
            inside.add(day);
            // At least two thirds of the days say what is usual.
            if (to + 1 - from) * 3 > rows.len() {
                break;
            }
            num_windows += 1;
            let Some(found) = too_many(&rows, (from, to), inside, all) else { continue };
            // Of windows so improbable that the machine has no number for it, the one that says most.
            if best.is_none_or(|(best, most)| (found.p_value, -found.evidence) < (best.p_value, -most)) {
                let num_calls = finds.get(from..=to).unwrap_or_default().iter().sum();
                let TooMany { p_value, expected, evidence } = found;
                best = Some((Window { from, to, num_calls, expected, p_value }, evidence));
            }
        }
    }
    best.map(|(best, _)| Window { p_value: corrected(best.p_value, num_windows), ..best })
}

/// What speaks for a burst in a window.
struct TooMany {
    /// How probable so many finds are by chance.
    p_value: f64,
    /// How many were to be expected.
    expected: f64,
    /// Log-likelihood ratio of the share of the finds in the window against that of its calls.
    evidence: f64,
}

/// What speaks for a burst in a window; nothing when its finds are too few to matter.
fn too_many(rows: &[Day], (from, to): (usize, usize), inside: Sums, all: Sums) -> Option<TooMany> {
    let found = inside.num_finds();
    if found < f64::from(MIN_CALLS) {
        return None;
    }
    let outside = all.minus(inside);
    let shares = outside.shares();
    let expect = |sums: Sums| sums.calls[0] * shares[0] + sums.calls[1] * shares[1];
    // What the days outside had, scaled to the calls of the window.
    let (within, without) = (expect(inside), expect(outside));
    let expected = (outside.num_finds() * within / without).max(0.0);
    if found < MIN_LIFT * expected {
        return None;
    }
    let chance = within / (within + without);
    let others = rows.iter().enumerate().filter(|(at, _)| !(from..=to).contains(at));
    let mut excess = Dispersion::default();
    others.for_each(|(_, day)| excess.add(day.finds, day.calls * shares[day.class]));
    let dispersion = excess.factor(2);
    let p_value = binomial_at_least(found / dispersion, all.num_finds() / dispersion, chance);
    let term =
        |part: f64, share: f64| if part > 0.0 { part * (part / all.num_finds() / share).ln() } else { 0.0 };
    let evidence = term(found, chance) + term(outside.num_finds(), 1.0 - chance);
    Some(TooMany { p_value, expected, evidence })
}

/// How much counts differ from what was expected, against what chance lets them.
#[derive(Debug, Default)]
struct Dispersion {
    chi_squared: f64,
    num_days: usize,
}

impl Dispersion {
    fn add(&mut self, found: f64, expected: f64) {
        if expected > 0.0 {
            self.chi_squared += (found - expected).powi(2) / expected;
            self.num_days += 1;
        }
    }

    fn factor(&self, num_fitted: usize) -> f64 {
        let freedom = self.num_days.saturating_sub(num_fitted);
        if freedom == 0 { 1.0 } else { (self.chi_squared / freedom as f64).max(1.0) }
    }
}

/// Where the share goes, of `num_tests` trends that are tested.
pub(super) fn trend(days: Days<'_>, finds: &[u32], num_tests: usize) -> Trend {
    let rows = days_of(days, finds);
    let counts = days.dates.iter().zip(days.calls).zip(finds).map(|((day, of_calls), num_calls)| DayCount {
        day: *day,
        num_calls: *num_calls,
        of_calls: *of_calls,
    });
    let z = if rows.len() < MIN_DAYS { 0.0 } else { slope(days.dates, &rows) };
    let p_value = corrected(two_sided(z), num_tests);
    let direction = match z {
        _ if p_value > MAX_P => Direction::Steady,
        z if z > 0.0 => Direction::Rising,
        _ => Direction::Falling,
    };
    Trend { days: counts.collect(), direction, p_value }
}

/// The statistic of Cochran and Armitage in standard deviations.
fn slope(dates: &[Date], rows: &[Day]) -> f64 {
    let Some(first) = dates.first() else { return 0.0 };
    let times = dates.iter().map(|date| first.until(*date).map_or(0.0, |span| f64::from(span.get_days())));
    let (mut calls, mut finds, mut moment, mut square, mut covered) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let timed: Vec<(f64, &Day)> = times.zip(rows).collect();
    for (time, day) in &timed {
        calls += day.calls;
        finds += day.finds;
        moment += time * day.calls;
        square += time * time * day.calls;
        covered += time * day.finds;
    }
    let share = finds / calls.max(1.0);
    let spread = square - moment * moment / calls.max(1.0);
    if finds < f64::from(MIN_CALLS) || share >= 1.0 || spread <= 0.0 {
        return 0.0;
    }
    let rise = (covered - moment * share) / spread;
    let mean = moment / calls;
    let mut dispersion = Dispersion::default();
    for (time, day) in &timed {
        // Against the rising line, so that the trend itself does not count as dispersion.
        let expected = day.calls * (share + rise * (time - mean)).clamp(share / 10.0, 1.0);
        dispersion.add(day.finds, expected);
    }
    let variance = share * (1.0 - share) * spread * dispersion.factor(2);
    (covered - moment * share) / variance.sqrt()
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
