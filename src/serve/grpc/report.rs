//! `diting.v1.ReportService`: makes reports and exports on a thread of their own, and sends them as they come.
//!
//! **Invariant**: what is not taken is not made: a client that leaves ends its export.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::pipeline::Calls;
use crate::proto::v1::report_service_server::ReportService;
use crate::proto::{convert, v1};
use crate::report::{self, ReportError};
use crate::serve::error::RequestError;

/// Reports that are made at once; more wait.
const MAX_REPORTS: usize = 2;
/// Exports that are under way at once, however slow their readers are; more wait.
const MAX_EXPORTS: usize = 4;
/// Bytes of a part.
const CHUNK_BYTES: usize = 256 << 10;
/// Parts that are ready before the reader takes them.
const PARTS_AHEAD: usize = 4;

type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Sender<T> = mpsc::Sender<Result<T, Status>>;

/// The service over one set of calls.
#[derive(Debug)]
pub(in crate::serve) struct ReportApi {
    calls: Arc<Calls>,
    draining: CancellationToken,
    reports: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

impl ReportApi {
    /// Serves `calls` until `draining` is cancelled; then streams end.
    pub(in crate::serve) fn new(calls: Arc<Calls>, draining: CancellationToken) -> Self {
        Self {
            calls,
            draining,
            reports: Arc::new(Semaphore::new(MAX_REPORTS)),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
        }
    }

    /// Runs `work` where it may block, when there is one of `places` for it, which it gives back; it sends what it makes.
    async fn stream<T, W>(&self, places: &Arc<Semaphore>, work: W) -> Result<Parts<T>, RequestError>
    where
        T: Send + 'static,
        W: FnOnce(&Calls, &Sender<T>, &CancellationToken, OwnedSemaphorePermit) -> Result<(), RequestError>
            + Send
            + 'static,
    {
        let place = tokio::select! {
            place = Arc::clone(places).acquire_owned() => place.map_err(|_| RequestError::ShuttingDown)?,
            () = self.draining.cancelled() => return Err(RequestError::ShuttingDown),
        };
        let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
        let (calls, draining) = (Arc::clone(&self.calls), self.draining.clone());
        drop(tokio::task::spawn_blocking(move || {
            let outcome = work(&calls, &sender, &draining, place);
            let outcome = if draining.is_cancelled() { Err(RequestError::ShuttingDown) } else { outcome };
            if let Err(error) = outcome {
                // OK when it fails: nobody listens any more.
                sender.blocking_send(Err(error.into())).ok();
            }
        }));
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}

#[tonic::async_trait]
impl ReportService for ReportApi {
    type CreateReportStream = Parts<v1::CreateReportResponse>;

    async fn create_report(
        &self,
        request: Request<v1::CreateReportRequest>,
    ) -> Result<Response<Self::CreateReportStream>, Status> {
        let (scope, period, formats) =
            convert::report_request(request.into_inner()).map_err(RequestError::from)?;
        let minutes = self.calls.rules().scheme().utc_offset_minutes;
        let period = period.resolve(minutes, jiff::Timestamp::now()).map_err(RequestError::from)?;
        let parts = self
            .stream(&self.reports, move |calls, sender, draining, place| {
                let made = report::make(calls.store(), calls.rules(), &scope, &period)?;
                let mut files = Vec::new();
                for format in formats {
                    let bytes = match format {
                        v1::ReportFormat::Xlsx => report::workbook(&made)?,
                        v1::ReportFormat::Html | v1::ReportFormat::Unspecified => {
                            report::page(&made).into_bytes()
                        }
                    };
                    files.push((convert::report_file(&made, format, &bytes), bytes));
                }
                // How long the reader takes keeps no other report back.
                drop((made, place));
                for (file, bytes) in files {
                    let head = v1::create_report_response::Part::File(file);
                    let chunks = bytes.chunks(CHUNK_BYTES).map(|chunk| chunk.to_vec().into());
                    let chunks = chunks.map(v1::create_report_response::Part::Chunk);
                    for part in std::iter::once(head).chain(chunks) {
                        let part = v1::CreateReportResponse { part: Some(part) };
                        if draining.is_cancelled() || sender.blocking_send(Ok(part)).is_err() {
                            return Ok(());
                        }
                    }
                }
                Ok(())
            })
            .await?;
        Ok(Response::new(parts))
    }

    type ExportTableStream = Parts<v1::ExportTableResponse>;

    async fn export_table(
        &self,
        request: Request<v1::ExportTableRequest>,
    ) -> Result<Response<Self::ExportTableStream>, Status> {
        let (kind, query, format) =
            convert::export_request(request.into_inner()).map_err(RequestError::from)?;
        let parts = self
            .stream(&self.exports, move |calls, sender, draining, _place| {
                let mut out = Chunks { sender, draining, held: Vec::with_capacity(CHUNK_BYTES) };
                let store = calls.store();
                let num_rows = report::export(|| store.catalog(), kind, &query, format, &mut out)?;
                io::Write::flush(&mut out).map_err(ReportError::from)?;
                let last = v1::ExportTableResponse { num_rows: Some(num_rows), ..Default::default() };
                // OK when it fails: nobody listens any more.
                sender.blocking_send(Ok(last)).ok();
                Ok(())
            })
            .await?;
        Ok(Response::new(parts))
    }
}

/// Sends what is written in parts.
struct Chunks<'a> {
    sender: &'a Sender<v1::ExportTableResponse>,
    draining: &'a CancellationToken,
    held: Vec<u8>,
}

impl Chunks<'_> {
    fn send(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.held, Vec::with_capacity(CHUNK_BYTES));
        let part = v1::ExportTableResponse { chunk: chunk.into(), num_rows: None };
        if self.draining.is_cancelled() || self.sender.blocking_send(Ok(part)).is_err() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

impl io::Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES - self.held.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
        self.held.extend_from_slice(taken);
        if self.held.len() >= CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
