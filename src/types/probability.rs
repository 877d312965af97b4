//! A p value, or a q value, as people read it.

use std::fmt;

/// Smaller ones are told as below this: what rounding in 53 bits leaves of one minus a probability, and far beyond what
/// the model behind any test holds.
const LEAST: f64 = 1e-16;

/// A p or q value from 0 to 1. It is shown with three decimals, below one in a thousand as a power of ten, and below
/// 1e-16 as that bound: never as nought, which no test can tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probability(pub f64);

impl Probability {
    /// Whether it is so small that only a bound is told.
    #[must_use]
    pub fn is_bound(self) -> bool {
        self.0 < LEAST
    }

    /// With a letter before it: `p=0.012`, `p<1e-16`.
    #[must_use]
    pub fn of(self, letter: char) -> String {
        if self.is_bound() { format!("{letter}{self}") } else { format!("{letter}={self}") }
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value < LEAST => write!(out, "<{LEAST:e}"),
            value if value < 0.001 => write!(out, "{value:.1e}"),
            value => write!(out, "{value:.3}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_never_nought() {
        let shown = |value: f64| Probability(value).of('p');
        assert_eq!(shown(0.0), "p<1e-16");
        assert_eq!(shown(f64::MIN_POSITIVE), "p<1e-16");
        assert_eq!(shown(3.21e-9), "p=3.2e-9");
        assert_eq!(shown(0.000_999), "p=1.0e-3");
        assert_eq!(shown(0.001), "p=0.001");
        assert_eq!(shown(0.049_96), "p=0.050");
        assert_eq!(shown(1.0), "p=1.000");
    }
}
