//! Axes: round ticks, and which labels there is room for.

use super::Unit;

/// From the lowest to the highest tick, with round steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    /// The lowest.
    pub(super) low: i64,
    /// The highest; above the lowest.
    pub(super) high: i64,
    /// From tick to tick; at least 1.
    pub(super) step: i64,
}

impl Scale {
    /// A scale that holds all of `numbers`, with about `num_ticks` steps; from zero when `from_zero`.
    #[must_use]
    pub(super) fn of(numbers: impl Iterator<Item = i64>, from_zero: bool, num_ticks: i64) -> Self {
        let (mut low, mut high) = (i64::MAX, i64::MIN);
        for number in numbers {
            let number = number.clamp(-1_000_000_000_000, 1_000_000_000_000);
            (low, high) = (low.min(number), high.max(number));
        }
        if low > high {
            (low, high) = (0, 1);
        }
        if from_zero {
            (low, high) = (low.min(0), high.max(0));
        }
        let step = round_up((high - low).max(1), num_ticks.max(1));
        let low = low.div_euclid(step) * step;
        let mut top = high.div_euclid(step) * step;
        if top < high || top == low {
            top += step;
        }
        Self { low, high: top, step }
    }

    /// The ticks.
    pub(super) fn ticks(self) -> impl Iterator<Item = i64> {
        (0..=(self.high - self.low) / self.step).map(move |index| self.low + index * self.step)
    }

    /// Where a number lies, from 0 at the lowest to 1 at the highest.
    pub(super) fn place(self, number: i64) -> f64 {
        let number = number.clamp(self.low, self.high);
        // Both far below 2^53.
        (number - self.low) as f64 / (self.high - self.low).max(1) as f64
    }
}

impl Unit {
    /// A scale whose ticks are round numbers of this unit.
    pub(super) fn scale(self, numbers: impl Iterator<Item = i64>, from_zero: bool) -> Scale {
        Scale::of(numbers, from_zero, 5)
    }
}

/// The least of 1, 2, 5, 10, 20, 50 … of which `num_ticks` reach over `span`.
fn round_up(span: i64, num_ticks: i64) -> i64 {
    let mut decade = 1_i64;
    loop {
        for factor in [1, 2, 5] {
            let step = decade * factor;
            if step * num_ticks >= span {
                return step;
            }
        }
        decade *= 10;
    }
}

/// Which of `num_labels` labels are written, each `width` wide with `room` in all: every n-th, so that none overlap.
pub(super) fn stride(num_labels: usize, width: f64, room: f64) -> usize {
    let fitting = (room / (width + 8.0)).floor().max(1.0);
    // A count of labels on a page: far from any limit.
    let fitting = fitting as usize;
    num_labels.div_ceil(fitting).max(1)
}
