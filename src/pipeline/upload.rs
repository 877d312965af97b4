//! A call on its way in, and the acknowledgement that it is safe.

use super::PipelineError;
use crate::ingest::{CallRecord, Origin, StagedBlob};
use crate::types::{AudioDeclaration, CallId, CallMetadata};

/// A call whose audio is still arriving. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Upload {
    pub(super) id: CallId,
    pub(super) metadata: CallMetadata,
    pub(super) declaration: AudioDeclaration,
    pub(super) origin: Origin,
    pub(super) blob: StagedBlob,
}

impl Upload {
    /// Appends bytes of the recording.
    ///
    /// # Errors
    /// [`PipelineError::Ingest`] when the recording is too large or the disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), PipelineError> {
        Ok(self.blob.write(bytes)?)
    }
}

/// A call that is safe on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The call as stored.
    pub record: CallRecord,
    /// Whether the very same call was there before.
    pub already_present: bool,
}
