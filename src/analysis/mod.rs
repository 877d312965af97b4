//! Judges a dialogue by a rule pack: findings with evidence, a score, and alerts.
//!
//! Packs are TOML texts ([`RuleSet::compile`]) whose rules carry conditions and their own tests; [`RuleSet::bank`] is
//! the pack that is part of the binary; docs/rules.md is the language. Pure: no I/O, clock, async, locks or wire types.
//! `evaluate` is a function of the dialogue, the metadata, the history given and the compiled rules; the same four give
//! the same analysis.

mod acoustic;
mod basis;
mod behaviour;
mod check;
mod coaching;
mod compile;
mod composite;
mod conduct;
mod engine;
mod entity;
mod error;
mod evidence;
mod explain;
mod expression;
mod fact;
#[cfg(test)]
mod fairness;
mod finding;
mod found;
mod guard;
mod history;
mod homophone;
mod judge;
mod matching;
mod mood;
#[cfg(test)]
mod naive;
mod normalize;
mod numeral;
mod operator;
mod pack_diff;
#[cfg(test)]
mod pack_errors;
mod pieces;
mod prefilter;
mod read;
mod read_condition;
mod read_fact;
mod read_measure;
mod read_scheme;
mod read_test;
mod read_words;
mod response;
mod risk;
mod rule;
#[cfg(test)]
mod rules_doc;
mod scene;
mod scheme;
mod scorecard;
mod script;
mod similar;
mod sound;
pub mod text;
mod textual;
mod token;
mod toml_table;
mod trace;
mod written;

pub use basis::{Cost, Decided, DimensionBasis, ManualItem, RulePrice, ScoreBasis, Settled};
pub use behaviour::{Case, CaseOutcome, Expected, TestOutcome};
pub use coaching::{Profile, Training};
pub use compile::RuleSet;
pub use error::{Diagnostic, RuleError};
pub use explain::reason_title;
pub use expression::Expr;
pub use fact::{Demand, Fact, Field};
pub use finding::{
    Analysis, ConditionResult, ConditionState, DimensionScore, Evidence, Finding, Level, MatchMode, RuleKind,
    ScorecardResult, Verdict,
};
pub use history::{History, PastCall};
pub use operator::{
    Density, Entity, EntityKind, Flow, HangUp, Keyword, Limits, LoudnessTest, Operator, Overlap, Pace,
    PastCalls, Repeat, ResponseTime, Sentiment, SentimentTest, Silence, SilenceShare, Similar, Since,
    StandardAnswer, Tolerance, WrongAnswer,
};
pub use pack_diff::{
    CallChange, CallDiff, DiffTotals, FieldChange, PackDiff, PartChange, diff_analyses, diff_packs,
};
pub use pieces::{Piece, Unit, cover, pieces, places, units};
pub use risk::{Alert, EarlierAlert, HeldBack};
pub use rule::{
    Anchor, AnchorHit, Condition, Guards, Quantity, Range, RoleScope, Rule, RuleTest, Scope, ScoreOn,
    Scoring, Side,
};
pub use scene::CallInput;
pub use scheme::{Dimension, LevelCost, RiskModel, Scheme, Signal};
pub use trace::{ConditionTrace, Part, RuleTrace};
pub use written::{WrittenCall, WrittenTurn, chat_from, dialogue_from, dialogue_of, parse_role};
