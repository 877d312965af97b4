//! `diting.v1.PrivacyService`: originals for those who may see them, and recordings with what is masked silenced.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::call;
use crate::pipeline::{AccessKind, AccessRecord, AccessRequest, AudioExport, Calls, PipelineError};
use crate::proto::convert::{self, ConvertError};
use crate::proto::v1;
use crate::proto::v1::privacy_service_server::PrivacyService;
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;
use crate::serve::limits::page_size;
use crate::store::PageToken;
use crate::types::CallId;

/// Parts of a recording that are ready before the reader takes them: a second each.
const PARTS_AHEAD: usize = 4;
/// Most characters of a reason.
const MAX_REASON_CHARS: usize = 500;

/// The service over one set of calls.
#[derive(Debug)]
pub(in crate::serve) struct PrivacyApi {
    calls: Arc<Calls>,
    draining: CancellationToken,
}

impl PrivacyApi {
    /// Serves `calls` until `draining` is cancelled; then streams end.
    pub(in crate::serve) fn new(calls: Arc<Calls>, draining: CancellationToken) -> Self {
        Self { calls, draining }
    }

    /// Runs `work` where it may block.
    async fn ask<T, W>(&self, work: W) -> Result<T, RequestError>
    where
        T: Send + 'static,
        W: FnOnce(&Calls) -> Result<T, RequestError> + Send + 'static,
    {
        let calls = Arc::clone(&self.calls);
        blocking(move || work(&calls)).await
    }
}

/// The error of `outcome`, or, where the call only is not done yet, that.
fn told<T>(calls: &Calls, id: &CallId, outcome: Result<T, PipelineError>) -> Result<T, RequestError> {
    outcome.map_err(|error| {
        let missing = matches!(&error, PipelineError::Store(crate::store::StoreError::NotFound { .. }));
        let unfinished = || call::record(calls, id).ok().and_then(|record| call::not_done(&record));
        missing.then(unfinished).flatten().unwrap_or_else(|| error.into())
    })
}

/// Who asks: the token of the request's metadata, and what its fields say.
fn access(metadata: &MetadataMap, reason: String, operator: String) -> Result<AccessRequest, ConvertError> {
    if reason.chars().count() > MAX_REASON_CHARS {
        return Err(ConvertError::new("reason", format!("at most {MAX_REASON_CHARS} characters are kept")));
    }
    let operator = convert::optional_text("operator", operator)?.unwrap_or_default();
    let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
    // The name of a scheme is the same in any case (RFC 9110, 11.1).
    let token = header.and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    Ok(AccessRequest { token, reason, operator })
}

#[tonic::async_trait]
impl PrivacyService for PrivacyApi {
    type ExportAudioStream = Pin<Box<dyn Stream<Item = Result<v1::ExportAudioResponse, Status>> + Send>>;

    async fn get_unmasked_transcript(
        &self,
        request: Request<v1::GetUnmaskedTranscriptRequest>,
    ) -> Result<Response<v1::GetUnmaskedTranscriptResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let id = convert::call_id(&request.call_id).map_err(RequestError::from)?;
        let access = access(&metadata, request.reason, request.operator).map_err(RequestError::from)?;
        let result = self.ask(move |calls| told(calls, &id, calls.unmasked(&id, &access))).await?;
        let transcript = Some(convert::transcript(&result));
        Ok(Response::new(v1::GetUnmaskedTranscriptResponse { transcript }))
    }

    async fn export_audio(
        &self,
        request: Request<v1::ExportAudioRequest>,
    ) -> Result<Response<Self::ExportAudioStream>, Status> {
        let (metadata, _, request) = request.into_parts();
        let id = convert::call_id(&request.call_id).map_err(RequestError::from)?;
        let access = access(&metadata, request.reason, request.operator).map_err(RequestError::from)?;
        let silence = request.silence_masked.unwrap_or(true);
        let export = self
            .ask(move |calls| {
                let export =
                    if silence { calls.masked_audio(&id) } else { calls.unmasked_audio(&id, &access) };
                told(calls, &id, export)
            })
            .await?;
        Ok(Response::new(parts(export, self.draining.clone())))
    }

    async fn list_access(
        &self,
        request: Request<v1::ListAccessRequest>,
    ) -> Result<Response<v1::ListAccessResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let size = page_size(request.page_size).map_err(RequestError::from)?;
        let text = request.page_token;
        let token = if text.is_empty() { None } else { Some(text.parse::<PageToken>()) };
        let token = token.transpose().map_err(RequestError::from)?;
        let access = access(&metadata, String::new(), String::new()).map_err(RequestError::from)?;
        let page = self.ask(move |calls| Ok(calls.access(&access, size, token.as_ref())?)).await?;
        Ok(Response::new(v1::ListAccessResponse {
            records: page.items.iter().map(record).collect(),
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }
}

/// Decodes on a thread of its own, a few parts ahead of whoever reads; ends when that one goes.
fn parts(
    export: AudioExport,
    draining: CancellationToken,
) -> Pin<Box<dyn Stream<Item = Result<v1::ExportAudioResponse, Status>> + Send>> {
    let mut num_silenced = u32::try_from(export.num_silenced()).unwrap_or(u32::MAX);
    let (sender, mut receiver) = mpsc::channel(PARTS_AHEAD);
    // Ends by itself: at the end of the recording, or when nobody takes its parts.
    drop(tokio::task::spawn_blocking(move || {
        for part in export {
            if sender.blocking_send(part).is_err() {
                break;
            }
        }
    }));
    Box::pin(async_stream::try_stream! {
        loop {
            let part = tokio::select! {
                part = receiver.recv() => Ok(part),
                () = draining.cancelled() => Err(RequestError::ShuttingDown),
            };
            let Some(part) = part? else { break };
            let chunk = part.map_err(|error| RequestError::from(PipelineError::from(error)))?;
            yield v1::ExportAudioResponse { chunk: chunk.into(), num_silenced };
            num_silenced = 0;
        }
    })
}

fn record(record: &AccessRecord) -> v1::AccessRecord {
    let kind = match record.kind {
        AccessKind::Transcript => v1::AccessKind::Transcript,
        AccessKind::Audio => v1::AccessKind::Audio,
        AccessKind::List => v1::AccessKind::List,
    };
    v1::AccessRecord {
        at: Some(convert::timestamp(record.at)),
        holder: record.holder.clone().unwrap_or_default(),
        operator: record.operator.clone(),
        call_id: record.call_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        kind: kind.into(),
        reason: record.reason.clone(),
        refused: record.refused.clone().unwrap_or_default(),
    }
}
