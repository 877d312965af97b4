//! Masked calls to what a large language model of the bank's own says about them: summaries, and answers to questions.
//!
//! Off by default. An opinion is kept apart from findings and never counts in a score: it cannot be repeated, nobody
//! can say by which rule it came, and whoever speaks on a call can try to talk the model into it.
//!
//! **Invariant**: only masked text leaves, only to the configured address, only within the day's budget, which is written
//! down before it is spent; a statement is told only when every quote of it stands in the transcript.

mod config;
mod endpoint;
mod error;
mod founded;
mod opinions;

pub use config::{OpinionConfig, Question};
pub use error::OpinionError;
pub use opinions::{Opinion, Opinions, Quote, Statement};
