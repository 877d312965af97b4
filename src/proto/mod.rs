//! The wire types, generated from `proto/`, and the only conversions between them and the domain.
//!
//! **Invariant**: nothing is judged or looked up here; what cannot be converted is an [`ConvertError`] that names the field.

mod chat_files;
pub mod convert;
pub mod json;
mod mask;
mod text_call;

pub use chat_files::{ReadOptions, TextCalls, read_text_calls, text_call_id};
pub use convert::{ConvertError, Report};
pub use mask::ReadMask;
pub use text_call::{TextCall, TextCallError};

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("diting.v1");
}

/// The compiled descriptors of every file in `proto/`, for reflection and the JSON mapping.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/diting_descriptors.bin"));
