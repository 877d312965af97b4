//! Runs one call through all stages: decode, transcribe, build the dialogue, judge, store.
//!
//! No wire types. Every hand-over is bounded; what happens at each limit stands next to it.

mod result;

pub use result::{CallProgress, CallResult};
