//! Weights: which there are, where they come from, and how they become files that whisper.cpp can load.
//!
//! A model is fetched from the first source that answers, checked, converted if it has to be, and kept in the cache of
//! [`ModelStore`]. Nothing here recognises anything. No file is handed out whose structure was not checked, because
//! whisper.cpp trusts what it loads.

mod archive;
mod detector;
mod error;
mod fault;
mod ggml;
mod ggml_write;
mod http;
mod import;
mod keep;
mod layout;
mod manifest;
mod mel;
mod onnx;
mod package;
mod pull;
mod q8;
mod silero;
mod step;
mod store;
mod vocab;
mod whisper;

pub(super) use detector::read_detector;
pub use error::{FailedPull, ModelError};
pub use fault::Fault;
pub use keep::{ImportOptions, Imported, Trust};
pub use layout::Format;
pub use manifest::{Form, Made, Manifest, ModelEntry, ModelKind, Place, SourceEntry};
pub use pull::{PullOptions, Pulled};
pub use step::{Report, Step};
pub use store::{CACHE_VARIABLE, Kept, ModelStore, Record};
