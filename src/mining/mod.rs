//! Many calls to what they have in common: words, new words, key phrases, trends, bursts, topics, demands, weak spots.
//!
//! Pure but for `runs`, which reads calls from the store (`source`) on a thread of its own and keeps what was found there
//! (`saved`). Every
//! method is classical and named in docs/topics.md with its thresholds: whoever doubts a find can count it again.
//!
//! **Invariant**: deterministic: the same calls give the same finds, bit by bit; memory is bounded by stated limits and
//! grows only with a short list of words per call; nothing is claimed without a statistic that is corrected for all that
//! was tested.

mod candidates;
mod clauses;
pub mod demand;
mod error;
mod input;
mod keyness;
mod lossy;
mod mine;
mod names;
mod outcome;
mod reading;
mod runs;
mod saved;
#[cfg(test)]
mod saved_tests;
mod series;
mod source;
mod stage;
mod stats;
mod tally;
mod tokens;
mod topics;
mod weak_spots;

pub use demand::Demand;
pub use error::MiningError;
pub use input::{MinedCall, MinedTurn, RuleHit, Source};
pub use mine::{Assignment, Mined, Request, mine};
pub use names::NamedTopic;
pub use outcome::{
    Burst, BurstKind, DayCount, DemandCount, Direction, Example, KeyPhrase, NewWord, Outcome, Period,
    PhraseSpot, RuleSpot, StageSpot, Topic, Trend, WeakSpots, WordCount,
};
pub use runs::{MiningRequest, MiningRuns};
pub use saved::{Run, RunState, weak_spots_between};
pub use stage::{STAGES, Stage};
