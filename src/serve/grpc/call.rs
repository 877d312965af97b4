//! `diting.v1.CallService`: checks a request, asks, converts the answer.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{chat, findings, query, upload, watch};
use crate::ingest::{CallRecord, CallState};
use crate::pipeline::Calls;
use crate::proto::v1::call_service_server::CallService;
use crate::proto::{Report, convert, v1};
use crate::review::Reviews;
use crate::search::TextIndex;
use crate::serve::blocking::blocking;
use crate::serve::config::ServeConfig;
use crate::serve::error::RequestError;
use crate::store::{Store, StoreError};
use crate::types::{CallId, CallMetadata};

/// The service over one set of calls.
#[derive(Debug)]
pub(in crate::serve) struct CallApi {
    calls: Arc<Calls>,
    search: Arc<TextIndex>,
    reviews: Arc<Reviews>,
    config: ServeConfig,
    uploads: Arc<Semaphore>,
    draining: CancellationToken,
}

impl CallApi {
    /// Serves `calls` until `draining` is cancelled; then streams end and running requests get to their end.
    pub(in crate::serve) fn new(
        calls: Arc<Calls>,
        search: Arc<TextIndex>,
        reviews: Arc<Reviews>,
        config: ServeConfig,
        draining: CancellationToken,
    ) -> Self {
        let uploads = Arc::new(Semaphore::new(config.max_uploads));
        Self { calls, search, reviews, config, uploads, draining }
    }

    /// The record of a call that is done, and what `read` finds in the store for it.
    async fn done<T, R>(&self, call_id: &str, read: R) -> Result<(CallRecord, T), RequestError>
    where
        T: Send + 'static,
        R: Fn(&Store, &CallId) -> Result<Option<T>, StoreError> + Send + 'static,
    {
        let (id, calls) = (convert::call_id(call_id)?, Arc::clone(&self.calls));
        blocking(move || {
            let record = record(&calls, &id)?;
            if let Some(error) = not_done(&record) {
                return Err(error);
            }
            let found = read(calls.store(), &id)?.ok_or_else(|| unknown(&id))?;
            Ok((record, found))
        })
        .await
    }
}

fn unknown(id: &CallId) -> RequestError {
    StoreError::NotFound { id: id.clone() }.into()
}

pub(super) fn record(calls: &Calls, id: &CallId) -> Result<CallRecord, RequestError> {
    calls.store().call(id)?.ok_or_else(|| unknown(id))
}

pub(super) fn not_done(record: &CallRecord) -> Option<RequestError> {
    let call_id = record.id.to_string();
    let state = match &record.state {
        CallState::Done => return None,
        CallState::Failed(failure) => {
            let (reason, message) = (failure.reason.clone(), failure.message.clone());
            return Some(RequestError::CallFailed { call_id, reason, message });
        }
        CallState::Accepted => "accepted",
        CallState::Decoding => "decoding",
        CallState::Transcribing => "transcribing",
        CallState::Scoring => "scoring",
    };
    Some(RequestError::NotDone { call_id, state })
}

#[tonic::async_trait]
impl CallService for CallApi {
    type WatchCallStream = watch::Updates;

    async fn upload_call(
        &self,
        request: Request<Streaming<v1::UploadCallRequest>>,
    ) -> Result<Response<v1::UploadCallResponse>, Status> {
        let limit = self.config.max_uploads;
        let place = Arc::clone(&self.uploads).try_acquire_owned();
        let place = place.map_err(|_| RequestError::TooManyUploads { limit })?;
        let accepted = upload::receive(&self.calls, &self.config, place, request.into_inner()).await?;
        Ok(Response::new(v1::UploadCallResponse {
            call: Some((&accepted.record).into()),
            already_present: accepted.already_present,
        }))
    }

    async fn import_chat(
        &self,
        request: Request<v1::ImportChatRequest>,
    ) -> Result<Response<v1::ImportChatResponse>, Status> {
        let limit = self.config.max_uploads;
        let place = Arc::clone(&self.uploads).try_acquire_owned();
        let place = place.map_err(|_| RequestError::TooManyUploads { limit })?;
        let accepted = chat::import(&self.calls, place, request.into_inner()).await?;
        Ok(Response::new(v1::ImportChatResponse {
            call: Some((&accepted.record).into()),
            already_present: accepted.already_present,
        }))
    }

    async fn get_call(
        &self,
        request: Request<v1::GetCallRequest>,
    ) -> Result<Response<v1::GetCallResponse>, Status> {
        let id = convert::call_id(&request.get_ref().call_id).map_err(RequestError::from)?;
        let calls = Arc::clone(&self.calls);
        let record = blocking(move || record(&calls, &id)).await?;
        Ok(Response::new(v1::GetCallResponse { call: Some((&record).into()) }))
    }

    async fn get_call_report(
        &self,
        request: Request<v1::GetCallReportRequest>,
    ) -> Result<Response<v1::GetCallReportResponse>, Status> {
        let (record, result) = self.done(&request.get_ref().call_id, Store::result).await?;
        let mut report = v1::CallReport::from(Report { record: &record, result: &result });
        let reviews = Arc::clone(&self.reviews);
        let decided = blocking(move || reviews.decided(&record.id)).await?;
        if let Some((facts, review)) = decided {
            let settled = facts.settled(&result.analysis);
            convert::decided(&mut report.findings, &facts, &review, settled.as_ref());
            report.final_scorecard = settled.map(|settled| (&settled.scorecard).into());
            for (shown, part) in report.agent_parts.iter_mut().zip(&result.parts) {
                let facts = facts.of_part(&part.analysis);
                let settled = facts.settled(&part.analysis);
                convert::decided(&mut shown.findings, &facts, &review, settled.as_ref());
                shown.final_scorecard = settled.map(|settled| (&settled.scorecard).into());
            }
        }
        Ok(Response::new(v1::GetCallReportResponse { report: Some(report) }))
    }

    async fn get_transcript(
        &self,
        request: Request<v1::GetTranscriptRequest>,
    ) -> Result<Response<v1::GetTranscriptResponse>, Status> {
        let (_, result) = self.done(&request.get_ref().call_id, Store::result).await?;
        Ok(Response::new(v1::GetTranscriptResponse { transcript: Some(convert::transcript(&result)) }))
    }

    async fn list_calls(
        &self,
        request: Request<v1::ListCallsRequest>,
    ) -> Result<Response<v1::ListCallsResponse>, Status> {
        let asked = query::CallsAsked::try_from(request.into_inner())?;
        let (calls, search) = (Arc::clone(&self.calls), Arc::clone(&self.search));
        Ok(Response::new(blocking(move || asked.page(calls.store(), &search)).await?))
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        let request = request.into_inner();
        if request.call_id.is_empty() {
            let asked = findings::FindingsAsked::try_from(request)?;
            let (calls, search) = (Arc::clone(&self.calls), Arc::clone(&self.search));
            let reviews = Arc::clone(&self.reviews);
            return Ok(Response::new(blocking(move || asked.page(calls.store(), &search, &reviews)).await?));
        }
        let call_id = request.call_id.clone();
        let asked = findings::OneCall::try_from(request)?;
        let (_, analysis) = self.done(&call_id, Store::analysis).await?;
        let (id, reviews) =
            (convert::call_id(&call_id).map_err(RequestError::from)?, Arc::clone(&self.reviews));
        let decided = blocking(move || reviews.decided(&id)).await?;
        Ok(Response::new(asked.answer(&call_id, &analysis, decided.as_ref())?))
    }

    async fn watch_call(
        &self,
        request: Request<v1::WatchCallRequest>,
    ) -> Result<Response<Self::WatchCallStream>, Status> {
        let id = convert::call_id(&request.get_ref().call_id).map_err(RequestError::from)?;
        let calls = Arc::clone(&self.calls);
        let progress = blocking(move || calls.watch(&id)).await?;
        Ok(Response::new(watch::updates(progress, self.draining.clone())))
    }

    async fn update_call(
        &self,
        request: Request<v1::UpdateCallRequest>,
    ) -> Result<Response<v1::UpdateCallResponse>, Status> {
        let v1::UpdateCallRequest { call_id, metadata, update_mask } = request.into_inner();
        let id = convert::call_id(&call_id).map_err(RequestError::from)?;
        let (metadata, paths) = (metadata.unwrap_or_default(), update_mask.unwrap_or_default().paths);
        let calls = Arc::clone(&self.calls);
        let change =
            move |old: &CallMetadata| Ok::<_, RequestError>(convert::updated(old, &metadata, &paths)?);
        let record = blocking(move || calls.update_metadata(&id, change)).await?;
        Ok(Response::new(v1::UpdateCallResponse { call: Some((&record).into()) }))
    }

    async fn delete_call(
        &self,
        request: Request<v1::DeleteCallRequest>,
    ) -> Result<Response<v1::DeleteCallResponse>, Status> {
        let id = convert::call_id(&request.get_ref().call_id).map_err(RequestError::from)?;
        let calls = Arc::clone(&self.calls);
        blocking(move || calls.delete(&id)).await?;
        Ok(Response::new(v1::DeleteCallResponse {}))
    }
}
