//! Judges a dialogue by a rule pack: findings with evidence, and a score.
//!
//! Packs are TOML texts ([`RuleSet::compile`]) whose rules carry conditions and their own tests; [`RuleSet::bank`] is
//! the pack that is part of the binary. Pure: no I/O, clock, async, locks or wire types. `evaluate` is a function of the
//! dialogue, the metadata and the compiled rules; the same three give the same analysis.

mod acoustic;
mod behaviour;
mod compile;
mod engine;
mod error;
mod evidence;
mod explain;
#[cfg(test)]
mod fairness;
mod finding;
mod guard;
mod homophone;
mod matching;
mod normalize;
#[cfg(test)]
mod pack_errors;
mod read;
mod read_condition;
mod rule;
mod scorecard;
mod script;
mod sound;
mod textual;
mod token;
mod toml_table;

pub use behaviour::{TestOutcome, dialogue_of};
pub use compile::RuleSet;
pub use error::{Diagnostic, RuleError};
pub use finding::{
    Analysis, DimensionScore, Evidence, Finding, Level, MatchMode, RuleKind, ScorecardResult, Verdict,
};
pub use rule::{
    Condition, Dimension, Guards, Keyword, LevelCost, Operator, Overlap, Pace, Quantity, Range, RoleScope,
    Rule, RuleTest, Scheme, Scope, Silence, Tolerance,
};
