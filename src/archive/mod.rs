//! Jobs over many calls: an archive taken in, stored calls judged or transcribed again, two rule revisions compared.
//!
//! A job runs in the server, on a thread of its own, and is kept in the store: after any kind of end it goes on where
//! it was. What is sent meanwhile goes first.
//!
//! **Invariant**: a call is taken in once, by its id and bytes, and has its old outcome or its new one whole. A rule that
//! counts over other calls counts what is stored when it is asked, so what a kill has judged again may differ in that.

mod chats;
mod config;
mod control;
mod diff;
mod error;
mod import;
mod intake;
mod job;
mod jobs;
mod packs;
mod rescore;
mod retranscribe;
mod selection;

pub use chats::{ChatReading, OpenChats, ReadChat, ReadChats};
pub use config::ArchiveConfig;
pub use diff::{DiffEvent, RevisionDiff};
pub use error::ArchiveError;
pub use job::{
    ImportSpec, ItemOutcome, Job, JobCounts, JobItem, JobProblem, JobSpec, JobState, JobStatus, RescoreSpec,
    RetranscribeSpec, Selection,
};
pub use jobs::{Jobs, LoadTranscriber, ReadBeside, ReadSidecar, Tools};
