//! Settings of reviews.

use serde::{Deserialize, Serialize};

/// Settings of reviews, section `review` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewConfig {
    /// How long a reviewer has a call for themselves before it goes back, in minutes.
    pub lease_minutes: u32,
    /// How long after a decision an agent may appeal against it, in days.
    pub appeal_days: u32,
}

impl ReviewConfig {
    /// Settings that cannot be, with their keys.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !(1..=24 * 60).contains(&self.lease_minutes) {
            problems.push(("review.lease_minutes", "is not between 1 and 1440".to_owned()));
        }
        problems
    }
}

impl Default for ReviewConfig {
    fn default() -> Self {
        Self { lease_minutes: 30, appeal_days: 7 }
    }
}
