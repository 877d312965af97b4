//! Shares: so many of so many, and how sure that is.

use serde::{Deserialize, Serialize};

/// The 97.5th percentile of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// How many.
    pub num: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// As a part of one; `None` of nothing.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.num as f64 / self.of as f64)
    }

    /// The 95 % interval of Wilson (1927), from 0 to 1; `None` of nothing.
    #[must_use]
    pub fn wilson(self) -> Option<(f64, f64)> {
        let (rate, of) = (self.rate()?, self.of as f64);
        let square = Z95 * Z95;
        let middle = (rate + square / (2.0 * of)) / (1.0 + square / of);
        let spread = rate * (1.0 - rate) / of + square / (4.0 * of * of);
        let half = Z95 * spread.max(0.0).sqrt() / (1.0 + square / of);
        // At the ends both are exact; rounding would leave the rate outside.
        let low = if self.num == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if self.num >= self.of { 1.0 } else { (middle + half).min(1.0) };
        Some((low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_gives_what_tables_give() {
        let (low, high) = Share { num: 8, of: 10 }.wilson().expect("of ten");
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        let (low, high) = Share { num: 0, of: 10 }.wilson().expect("of ten");
        assert!(low == 0.0 && (high - 0.2775).abs() < 1e-4, "{low} {high}");
        for of in 1..=2000 {
            let (none, all) = (Share { num: 0, of }.wilson(), Share { num: of, of }.wilson());
            assert_eq!(none.map(|ends| ends.0), Some(0.0), "{of}");
            assert_eq!(all.map(|ends| ends.1), Some(1.0), "{of}");
        }
        assert_eq!(Share::default().wilson(), None);
    }
}
