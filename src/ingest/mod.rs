//! Takes in a call: its record, its bytes on disk, and the guarantee that the same bytes are kept once.
//!
//! **Invariant**: no decoding here; bytes are hashed and stored as they came, and a blob under its final name is whole.

mod blob;
mod call;
mod config;
mod error;
pub(crate) mod files;

pub use blob::{BlobStore, SealedBlob, StagedBlob};
pub use call::{CallRecord, CallState, Failure, Origin, Recording};
pub use config::IngestConfig;
pub use error::IngestError;
pub(crate) use error::is_full;
