//! What questions about many calls need to know of each of them, in memory: one row of facts per call, found by any mix
//! of them.
//!
//! Rows are made of a call's record, its result and what people decided about it, and of nothing else: the store keeps
//! each row beside what it was made of and can make all of them again. Every figure that anybody reports (a hit rate, an
//! agent's weak point, a trend) is counted over these rows, and so opens into the calls behind it.
//!
//! **Invariant**: no text of a conversation is here, and nothing is read or written: rows come from the store and go with
//! it.

mod column;
mod facts;
mod findings;
mod index;
mod query;
mod rows;
mod select;
#[cfg(test)]
mod select_tests;
mod table;
mod verdicts;

pub use facts::{
    AgentFacts, Annotations, CallFacts, FinalCard, FinalVerdict, HandScore, Judgement, PartCard, ReviewFacts,
    ReviewState, Stage, Standing,
};
pub use query::{CallQuery, FindingQuery, ScoreRange, TimeRange};
pub use rows::Catalog;
pub use select::{CallOrder, OrderKey, Position};
pub use table::{DimensionInfo, RuleInfo, RuleTable, TableId};
pub use verdicts::Verdicts;
