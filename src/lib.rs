//! `diting` listens to every call of a call centre on the centre's own machines: it decodes recordings, transcribes
//! them, separates the speakers, judges every turn by rules, scores the call and stores what it found.
//!
//! One call passes through the modules in this order: [`ingest`] takes its bytes, [`audio`] decodes them, [`speech`]
//! recognises words, [`speaker`] tells the voices of a shared channel apart, [`dialogue`] makes turns of all, [`analysis`] judges, [`store`] keeps, with the facts of every call in [`catalog`], [`search`] finds calls by what was said, [`pipeline`] runs it all;
//! [`proto`] speaks to the outside. ARCHITECTURE.md tells who may import whom.

pub mod analysis;
pub mod app;
pub mod archive;
pub mod audio;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod dialogue;
pub mod error;
pub mod eval;
pub mod ingest;
pub mod insight;
pub mod listing;
pub mod masking;
pub mod pipeline;
pub mod proto;
pub mod report;
pub mod search;
pub mod serve;
pub mod speaker;
pub mod speech;
pub mod store;
pub mod types;
