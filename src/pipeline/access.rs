//! The way past masking: a token, a reason, and an entry in the audit record before anything is given out.

use super::export::AudioExport;
use super::{Calls, PipelineError, Privacy};
use crate::error::Classify;
use crate::ingest::CallRecord;
use crate::masking::Refusal;
use crate::store::{AccessKind, AccessRecord, CallResult, Page, PageToken, StoreError};
use crate::types::CallId;

/// Who asks for an original, and why.
#[derive(Debug, Clone, Default)]
pub struct AccessRequest {
    /// The token that was sent.
    pub token: Option<String>,
    /// Why it is needed.
    pub reason: String,
    /// For whom it is asked.
    pub operator: String,
}

impl Calls {
    /// How this process masks.
    #[must_use]
    pub fn privacy(&self) -> &Privacy {
        self.shared().privacy.as_ref()
    }

    /// The result of a call with everything as it was said; findings stay masked.
    ///
    /// # Errors
    /// [`PipelineError::Refused`]; [`PipelineError::Masking`] when the original cannot be had;
    /// [`StoreError::NotFound`] when there is no such call or it is not done.
    pub fn unmasked(&self, id: &CallId, request: &AccessRequest) -> Result<CallResult, PipelineError> {
        self.grant(Some(id), AccessKind::Transcript, request)?;
        let (record, mut result) = self.finished(id)?;
        result.dialogue = self.privacy().unseal(&result, &record)?;
        Ok(result)
    }

    /// The recording of a call as WAV, with what is masked silenced.
    ///
    /// # Errors
    /// [`PipelineError::NoAudio`], [`PipelineError::RecordingMissing`], [`PipelineError::Audio`];
    /// [`StoreError::NotFound`] when there is no such call or it is not done.
    pub fn masked_audio(&self, id: &CallId) -> Result<AudioExport, PipelineError> {
        let (record, result) = self.finished(id)?;
        // What was judged before there was masking is masked here.
        let result = self.privacy().mask(result, &record)?;
        self.export(&record, &result, true)
    }

    /// The recording of a call as WAV, all of it.
    ///
    /// # Errors
    /// [`PipelineError::Refused`], and as [`masked_audio`](Self::masked_audio).
    pub fn unmasked_audio(&self, id: &CallId, request: &AccessRequest) -> Result<AudioExport, PipelineError> {
        self.grant(Some(id), AccessKind::Audio, request)?;
        let (record, result) = self.finished(id)?;
        self.export(&record, &result, false)
    }

    /// The audit record, newest first.
    ///
    /// # Errors
    /// [`PipelineError::Refused`]; [`StoreError::PageToken`]; anything the disk fails with.
    pub fn access(
        &self,
        request: &AccessRequest,
        page_size: usize,
        from: Option<&PageToken>,
    ) -> Result<Page<AccessRecord>, PipelineError> {
        // Reading on is the same request.
        if from.is_none() {
            let reason = "access list".to_owned();
            self.grant(None, AccessKind::List, &AccessRequest { reason, ..request.clone() })?;
        } else {
            self.privacy().tokens().holder(request.token.as_deref()).map_err(PipelineError::Refused)?;
        }
        Ok(self.store().list_access(page_size, from)?)
    }

    /// Writes down that somebody asks, durably, and whether they may.
    fn grant(
        &self,
        id: Option<&CallId>,
        kind: AccessKind,
        request: &AccessRequest,
    ) -> Result<(), PipelineError> {
        let holder = self.privacy().tokens().holder(request.token.as_deref());
        let refusal = match holder {
            Ok(_) if request.reason.trim().is_empty() => Some(Refusal::NoReason),
            Ok(_) => None,
            Err(refusal) => Some(refusal),
        };
        let record = AccessRecord {
            at: jiff::Timestamp::now(),
            holder: holder.ok().map(str::to_owned),
            operator: request.operator.trim().to_owned(),
            call_id: id.cloned(),
            kind,
            reason: request.reason.trim().to_owned(),
            refused: refusal.map(|refusal| refusal.reason().to_owned()),
        };
        self.store().record_access(&record)?;
        match refusal {
            Some(refusal) => {
                let call = record.call_id.as_ref().map_or("", CallId::as_str);
                tracing::warn!(call, refused = refusal.reason(), "an original was asked for and refused");
                Err(PipelineError::Refused(refusal))
            }
            None => Ok(()),
        }
    }

    fn finished(&self, id: &CallId) -> Result<(CallRecord, CallResult), PipelineError> {
        let unknown = || StoreError::NotFound { id: id.clone() };
        let record = self.store().call(id)?.ok_or_else(unknown)?;
        let result = self.store().result(id)?.ok_or_else(unknown)?;
        Ok((record, result))
    }

    fn export(
        &self,
        record: &CallRecord,
        result: &CallResult,
        silence: bool,
    ) -> Result<AudioExport, PipelineError> {
        let shared = self.shared();
        let profile = result.audio.as_ref().ok_or(PipelineError::NoAudio)?;
        if !shared.blobs.contains(&record.recording.hash) {
            return Err(PipelineError::RecordingMissing);
        }
        let spans = if silence { result.masking.spans.as_slice() } else { &[] };
        let path = shared.blobs.path(&record.recording.hash);
        AudioExport::open(&path, record, profile, spans, &shared.config.audio)
    }
}
