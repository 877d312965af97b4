//! `diting.v1.ReprocessService`: checks a request, tells the jobs, converts the answer.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::analysis::RuleSet;
use crate::archive::{ArchiveError, JobState, Jobs, RevisionDiff};
use crate::proto::v1::reprocess_service_server::ReprocessService;
use crate::proto::{ConvertError, convert, v1};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;
use crate::types::JobId;

/// Changes of a comparison that wait for a slow reader.
const MAX_WAITING: usize = 64;
/// Problems on a page when none is asked for, and at most.
const PAGE_SIZE: (u32, u32) = (100, 500);

type Updates<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service over the jobs of one set of calls.
#[derive(Debug)]
pub(in crate::serve) struct ReprocessApi {
    jobs: Arc<Jobs>,
    draining: CancellationToken,
}

impl ReprocessApi {
    /// Serves `jobs` until `draining` is cancelled; then streams end.
    pub(in crate::serve) fn new(jobs: Arc<Jobs>, draining: CancellationToken) -> Self {
        Self { jobs, draining }
    }

    async fn ask<T, W>(&self, work: W) -> Result<T, RequestError>
    where
        T: Send + 'static,
        W: FnOnce(&Jobs) -> Result<T, RequestError> + Send + 'static,
    {
        let jobs = Arc::clone(&self.jobs);
        blocking(move || work(&jobs)).await
    }

    async fn job(
        &self,
        id: &str,
        work: impl FnOnce(&Jobs, &JobId) -> Result<crate::archive::JobStatus, ArchiveError> + Send + 'static,
    ) -> Result<Option<v1::Job>, RequestError> {
        let id = convert::job_id(id)?;
        self.ask(move |jobs| Ok(Some(work(jobs, &id)?.into()))).await
    }
}

#[tonic::async_trait]
impl ReprocessService for ReprocessApi {
    async fn start_import(
        &self,
        request: Request<v1::StartImportRequest>,
    ) -> Result<Response<v1::StartImportResponse>, Status> {
        let spec = request.into_inner().spec.unwrap_or_default().try_into().map_err(RequestError::Field)?;
        let status = self.ask(move |jobs| Ok(jobs.import(spec)?)).await?;
        Ok(Response::new(v1::StartImportResponse { job: Some(status.into()) }))
    }

    async fn start_rescore(
        &self,
        request: Request<v1::StartRescoreRequest>,
    ) -> Result<Response<v1::StartRescoreResponse>, Status> {
        let v1::StartRescoreRequest { selection, pack } = request.into_inner();
        let selection = selection.unwrap_or_default().try_into().map_err(RequestError::Field)?;
        let pack = pack.map(convert::pack).unwrap_or_default();
        let status = self.ask(move |jobs| Ok(jobs.rescore(selection, &pack)?)).await?;
        Ok(Response::new(v1::StartRescoreResponse { job: Some(status.into()) }))
    }

    async fn start_retranscribe(
        &self,
        request: Request<v1::StartRetranscribeRequest>,
    ) -> Result<Response<v1::StartRetranscribeResponse>, Status> {
        let v1::StartRetranscribeRequest { selection, model } = request.into_inner();
        let selection = selection.unwrap_or_default().try_into().map_err(RequestError::Field)?;
        if model.is_empty() {
            return Err(RequestError::Field(ConvertError::new("model", "name a speech model")).into());
        }
        let status = self.ask(move |jobs| Ok(jobs.retranscribe(selection, model)?)).await?;
        Ok(Response::new(v1::StartRetranscribeResponse { job: Some(status.into()) }))
    }

    async fn list_jobs(
        &self,
        _request: Request<v1::ListJobsRequest>,
    ) -> Result<Response<v1::ListJobsResponse>, Status> {
        let jobs = self.ask(|jobs| Ok(jobs.list())).await?;
        Ok(Response::new(v1::ListJobsResponse { jobs: jobs.into_iter().map(Into::into).collect() }))
    }

    async fn get_job(
        &self,
        request: Request<v1::GetJobRequest>,
    ) -> Result<Response<v1::GetJobResponse>, Status> {
        let look = |jobs: &Jobs, id: &JobId| Ok(jobs.watch(id)?.borrow().clone());
        let job = self.job(&request.into_inner().job_id, look).await?;
        Ok(Response::new(v1::GetJobResponse { job }))
    }

    type WatchJobStream = Updates<v1::WatchJobResponse>;

    async fn watch_job(
        &self,
        request: Request<v1::WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        let id = convert::job_id(&request.into_inner().job_id).map_err(RequestError::Field)?;
        let mut status = self.jobs.watch(&id).map_err(RequestError::from)?;
        let draining = self.draining.clone();
        Ok(Response::new(Box::pin(async_stream::try_stream! {
            loop {
                let now = status.borrow_and_update().clone();
                // Paused is no end, but nothing more comes until somebody asks for it.
                let is_last = now.job.state.has_ended() || now.job.state == JobState::Paused;
                yield v1::WatchJobResponse { job: Some(now.into()) };
                if is_last {
                    break;
                }
                // Outside of `select!`, because the stream macro does not see a `?` inside of another macro.
                let step = tokio::select! {
                    changed = status.changed() => changed.map_err(|_| RequestError::ShuttingDown),
                    () = draining.cancelled() => Err(RequestError::ShuttingDown),
                };
                step?;
            }
        })))
    }

    async fn list_job_problems(
        &self,
        request: Request<v1::ListJobProblemsRequest>,
    ) -> Result<Response<v1::ListJobProblemsResponse>, Status> {
        let v1::ListJobProblemsRequest { job_id, page_size, page_token } = request.into_inner();
        let id = convert::job_id(&job_id).map_err(RequestError::Field)?;
        let first = match page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| {
                RequestError::Field(ConvertError::new("page_token", "it is not of this list"))
            })?,
        };
        let limit = if page_size == 0 { PAGE_SIZE.0 } else { page_size.min(PAGE_SIZE.1) };
        let (problems, next) = self.ask(move |jobs| Ok(jobs.problems(&id, first, limit as usize)?)).await?;
        Ok(Response::new(v1::ListJobProblemsResponse {
            problems: problems.into_iter().map(Into::into).collect(),
            next_page_token: next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }

    async fn pause_job(
        &self,
        request: Request<v1::PauseJobRequest>,
    ) -> Result<Response<v1::PauseJobResponse>, Status> {
        let job = self.job(&request.into_inner().job_id, Jobs::pause).await?;
        Ok(Response::new(v1::PauseJobResponse { job }))
    }

    async fn resume_job(
        &self,
        request: Request<v1::ResumeJobRequest>,
    ) -> Result<Response<v1::ResumeJobResponse>, Status> {
        let job = self.job(&request.into_inner().job_id, Jobs::resume).await?;
        Ok(Response::new(v1::ResumeJobResponse { job }))
    }

    async fn cancel_job(
        &self,
        request: Request<v1::CancelJobRequest>,
    ) -> Result<Response<v1::CancelJobResponse>, Status> {
        let job = self.job(&request.into_inner().job_id, Jobs::cancel).await?;
        Ok(Response::new(v1::CancelJobResponse { job }))
    }

    type DiffRevisionsStream = Updates<v1::DiffRevisionsResponse>;

    async fn diff_revisions(
        &self,
        request: Request<v1::DiffRevisionsRequest>,
    ) -> Result<Response<Self::DiffRevisionsStream>, Status> {
        let v1::DiffRevisionsRequest { selection, after, before } = request.into_inner();
        let selection = selection.unwrap_or_default().try_into().map_err(RequestError::Field)?;
        let diff = self
            .ask(move |jobs| {
                let compile = |pack| Ok::<_, RequestError>(Arc::new(compile(pack)?));
                let after = match after {
                    Some(after) => compile(after)?,
                    None => Arc::clone(jobs.calls().rules()),
                };
                Ok(RevisionDiff { selection, before: before.map(compile).transpose()?, after })
            })
            .await?;
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let (jobs, draining) = (Arc::clone(&self.jobs), self.draining.clone());
        tokio::task::spawn_blocking(move || {
            let outcome = jobs.diff(&diff, |event| {
                !draining.is_cancelled() && sender.blocking_send(Ok(event.into())).is_ok()
            });
            let last = match outcome {
                Ok(()) if draining.is_cancelled() => RequestError::ShuttingDown,
                Ok(()) => return,
                Err(error) => error.into(),
            };
            // OK when it fails: nobody listens any more.
            sender.blocking_send(Err(last.into())).ok();
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

fn compile(pack: v1::RulePack) -> Result<RuleSet, ArchiveError> {
    Ok(RuleSet::compile_all(&convert::pack(pack))?)
}
