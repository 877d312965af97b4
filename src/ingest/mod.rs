//! Takes in a call: its record, its bytes on disk, and the guarantee that the same call twice is one call.
//!
//! **Invariant**: no decoding here; bytes are hashed and stored as they came.

mod call;

pub use call::{CallRecord, CallState, Failure, Recording};
