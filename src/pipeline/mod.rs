//! Runs one call through all stages: decode, transcribe, build the dialogue, judge, store.
//!
//! [`process()`] is the stages alone, for one file; [`Calls`] adds the store, a queue and worker threads, and is what the
//! service stands on. No wire types. Every hand-over is bounded; what happens at each limit stands next to it.
//!
//! **Invariant**: a call that was accepted ends as done or failed, or waits in the store for the next start.

mod access;
mod board;
mod calls;
mod config;
mod error;
mod export;
mod judge;
mod mask;
mod process;
mod progress;
mod rejudge;
mod upload;
mod worker;

pub use crate::store::{AccessKind, AccessRecord, AgentPart, CallResult, Masking};
pub use access::AccessRequest;
pub use calls::Calls;
pub use config::PipelineConfig;
pub use error::PipelineError;
pub use export::AudioExport;
pub use judge::{Judgement, judge};
pub use mask::{Privacy, mask};
pub use process::{process, process_chat};
pub use progress::CallProgress;
pub use rejudge::Rejudged;
pub use upload::{Accepted, Upload};
