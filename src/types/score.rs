//! Points of a scorecard.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Points; a deduction is negative. Kept in hundredths so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(i64);

impl Score {
    /// No points.
    pub const ZERO: Self = Self(0);

    /// Whole points.
    #[must_use]
    pub fn from_points(points: i32) -> Self {
        Self(i64::from(points) * 100)
    }

    /// Points with up to two decimals; more are rounded, `None` when not finite or beyond ±1e9.
    #[must_use]
    pub fn from_f64(points: f64) -> Option<Self> {
        // In range by the check, so the cast cannot truncate.
        (points.is_finite() && points.abs() <= 1e9).then(|| Self((points * 100.0).round() as i64))
    }

    /// Points as a number for display and the wire.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// Points in hundredths, exact: for indexes and orders.
    #[must_use]
    pub const fn as_hundredths(self) -> i64 {
        self.0
    }

    /// The value held between `lower` and `upper`.
    #[must_use]
    pub fn clamp_between(self, lower: Self, upper: Self) -> Self {
        Self(self.0.clamp(lower.0, upper.0.max(lower.0)))
    }
}

impl Add for Score {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Score {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Score {
    fn sum<I: Iterator<Item = Self>>(scores: I) -> Self {
        scores.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_f64())
    }
}
