//! Runs one call through all stages: decode, transcribe, build the dialogue, judge, store.
//!
//! No wire types. Every hand-over is bounded; what happens at each limit stands next to it.

mod progress;

pub use crate::store::CallResult;
pub use progress::CallProgress;
