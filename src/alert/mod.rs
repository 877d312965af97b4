//! Turns what risk models find in judged calls into alerts, follows each until somebody has dealt with it, and brings
//! them to whoever must know: as a stream of events with a cursor, and to receivers over HTTP.
//!
//! One thread follows the changes of the store ([`switch_on`] says from when on) and watches deadlines; each receiver has
//! a thread and a place of its own, so that one that fails keeps no other waiting. Everything lies in the store before it
//! is told.
//!
//! **Invariant**: an alert is stored once for each call and risk model and told at least once, however the process ends;
//! what is damped is stored too and is in a digest.

mod alerts;
mod book;
mod config;
mod dead;
mod deliver;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod follow;
mod http;
mod model;
mod payload;
mod pulse;
mod raise;
mod receiver;
mod shared;
mod sign;
mod template;

pub use alerts::{AlertFilter, AlertOutcome, AlertPage, AlertStory, AlertView, Alerts, DeadLetterPage};
pub use config::{AlertsConfig, Hidden, ReceiverConfig, ReceiverKind, RetryConfig};
pub use dead::DeadLetter;
pub use error::AlertError;
pub use follow::switch_on;
pub use model::{
    Alert, AlertCall, AlertRule, AlertState, CloseReason, Digest, Event, EventKind, HeldBack, Sample, Step,
};
pub use template::held_back_text;
