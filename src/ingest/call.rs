//! The record of one call: what was received, and how far its processing is.

use serde::{Deserialize, Serialize};

use crate::types::{AudioDeclaration, CallId, CallMetadata, ContentHash, JobId, Millis};

/// The immutable audio of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// SHA-256 of the bytes; also the name of the blob.
    pub hash: ContentHash,
    /// Length in bytes.
    pub num_bytes: u64,
    /// How to read it, as declared by the sender.
    pub declaration: AudioDeclaration,
}

/// Why a call could not be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable public name, for example `audio.unsupported_codec`.
    pub reason: String,
    /// What happened and what to do, for a person.
    pub message: String,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CallState {
    /// Stored and waiting.
    Accepted,
    /// The audio is being read.
    Decoding,
    /// Speech is being recognised.
    Transcribing,
    /// Rules are being judged.
    Scoring,
    /// Findings and score are stored.
    Done,
    /// It failed; the bytes are kept until the call is deleted. Sent again, it waits again.
    Failed(Failure),
}

/// Where a call comes from, which decides whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A sender waits for it: it goes before every call of an archive.
    #[default]
    Upload,
    /// A job brought it from an archive.
    Job(JobId),
}

/// One call as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The sender's name for it.
    pub id: CallId,
    /// What the sender says about it.
    pub metadata: CallMetadata,
    /// Its audio.
    pub recording: Recording,
    /// When it was acknowledged.
    pub received_at: jiff::Timestamp,
    /// How far it is.
    pub state: CallState,
    /// Times the pipeline has begun it.
    pub num_attempts: u32,
    /// Length of the audio, once known.
    pub duration: Option<Millis>,
    /// Where it comes from.
    #[serde(default)]
    pub origin: Origin,
}
