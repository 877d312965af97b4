//! Times on a recording's own timeline: whole milliseconds from its first sample, never bare floats.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Milliseconds from the start of the recording, or a length in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// The start of the recording.
    pub const ZERO: Self = Self(0);

    /// The time of sample `index` at `rate_hz` samples per second, rounded down.
    #[must_use]
    pub fn from_samples(index: u64, rate_hz: u32) -> Self {
        Self(index * 1000 / u64::from(rate_hz.max(1)))
    }

    /// Seconds, for arithmetic and display only.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        // Exact below 2^53 ms, which is 285,000 years.
        self.0 as f64 / 1000.0
    }

    /// The difference, or zero when `other` is later.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Millis {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl fmt::Display for Millis {
    /// `m:ss.mmm`, or `h:mm:ss.mmm` from one hour on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1000, self.0 % 1000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(f, "{hours}:{minutes:02}:{seconds:02}.{millis:03}")
        } else {
            write!(f, "{minutes}:{seconds:02}.{millis:03}")
        }
    }
}

/// A half-open stretch of time: `start` belongs to it, `end` does not. `start <= end` always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct TimeSpan {
    /// First millisecond inside.
    pub start: Millis,
    /// First millisecond after.
    pub end: Millis,
}

impl TimeSpan {
    /// The span from `start` to `end`; empty at `start` when `end` is earlier.
    #[must_use]
    pub fn new(start: Millis, end: Millis) -> Self {
        Self { start, end: end.max(start) }
    }

    /// Its length.
    #[must_use]
    pub fn duration(self) -> Millis {
        self.end - self.start
    }

    /// The length that both spans share.
    #[must_use]
    pub fn overlap(self, other: Self) -> Millis {
        self.end.min(other.end).saturating_sub(self.start.max(other.start))
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, end: u64) -> TimeSpan {
        TimeSpan::new(Millis(start), Millis(end))
    }

    #[test]
    fn overlap_is_the_shared_length() {
        assert_eq!(span(0, 100).overlap(span(60, 200)), Millis(40));
        assert_eq!(span(0, 100).overlap(span(100, 200)), Millis(0));
        assert_eq!(span(0, 100).overlap(span(20, 30)), Millis(10));
    }

    #[test]
    fn a_reversed_span_is_empty() {
        assert_eq!(span(50, 20).duration(), Millis::ZERO);
    }

    #[test]
    fn times_read_like_a_player_shows_them() {
        assert_eq!(Millis(61_005).to_string(), "1:01.005");
        assert_eq!(Millis(3_661_005).to_string(), "1:01:01.005");
    }
}
