//! Judges a dialogue by a rule pack: findings with evidence, and a score.
//!
//! Pure: no I/O, clock, async, locks or wire types. `evaluate` is a function of the dialogue, the metadata and the
//! compiled rules; the same three give the same analysis.

mod finding;

pub use finding::{
    Analysis, DimensionScore, Evidence, Finding, Level, MatchMode, RuleKind, ScorecardResult, Verdict,
};
