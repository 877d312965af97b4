//! `diting.v1.AlertService`: checks a request, asks the alerts, converts the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::page::{self, Question};
use crate::alert::{AlertFilter, AlertOutcome, AlertStory, Alerts, Step};
use crate::proto::v1::alert_service_server::AlertService;
use crate::proto::{convert, v1};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;
use crate::serve::limits::page_size;

/// Events that are read from the store at once: a slow reader holds no more.
const EVENTS_AT_ONCE: usize = 64;
/// How long nothing happens until a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Events that the filter leaves out after which the cursor is told.
const MAX_UNTOLD: u64 = 256;

type Updates = Pin<Box<dyn Stream<Item = Result<v1::WatchAlertsResponse, Status>> + Send>>;

/// The service over the alerts of one data directory.
#[derive(Debug)]
pub(in crate::serve) struct AlertApi {
    alerts: Arc<Alerts>,
    draining: CancellationToken,
}

impl AlertApi {
    /// Serves `alerts` until `draining` is cancelled; then streams end.
    pub(in crate::serve) fn new(alerts: Arc<Alerts>, draining: CancellationToken) -> Self {
        Self { alerts, draining }
    }

    async fn ask<T, W>(&self, work: W) -> Result<T, RequestError>
    where
        T: Send + 'static,
        W: FnOnce(&Alerts) -> Result<T, RequestError> + Send + 'static,
    {
        let alerts = Arc::clone(&self.alerts);
        blocking(move || work(&alerts)).await
    }

    async fn act(
        &self,
        number: u64,
        step: Step,
        actor: &str,
        note: String,
        with_members: bool,
    ) -> Result<AlertOutcome, RequestError> {
        let (actor, note) = (convert::person("actor", actor)?, convert::note(note)?);
        self.ask(move |alerts| Ok(alerts.act(number, &step, &actor, &note, with_members)?)).await
    }
}

#[tonic::async_trait]
impl AlertService for AlertApi {
    type WatchAlertsStream = Updates;

    async fn watch_alerts(
        &self,
        request: Request<v1::WatchAlertsRequest>,
    ) -> Result<Response<Self::WatchAlertsStream>, Status> {
        let v1::WatchAlertsRequest { cursor, filter, from_now } = request.into_inner();
        let filter = convert::alert_filter(filter).map_err(RequestError::from)?;
        let cursor = if from_now { *self.alerts.subscribe().borrow() } else { cursor };
        self.alerts.check_cursor(cursor).map_err(RequestError::from)?;
        let events = updates(Arc::clone(&self.alerts), cursor, filter, self.draining.clone());
        // Whoever begins now must learn where that is, or what comes while it is away is missed.
        let greeting = v1::WatchAlertsResponse { cursor, event: None, alert: None };
        let greeting = tokio_stream::iter(from_now.then_some(Ok(greeting)));
        Ok(Response::new(Box::pin(greeting.chain(events))))
    }

    async fn list_alerts(
        &self,
        request: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        let v1::ListAlertsRequest { filter, page_size: size, page_token } = request.into_inner();
        let question = Question::new("alerts", &filter.clone().unwrap_or_default());
        let filter = convert::alert_filter(filter).map_err(RequestError::from)?;
        let size = page_size(size).map_err(RequestError::from)?;
        let before = question.number(&page_token).map_err(RequestError::from)?;
        let page = self.ask(move |alerts| Ok(alerts.list(&filter, size, before)?)).await?;
        Ok(Response::new(v1::ListAlertsResponse {
            alerts: page.alerts.into_iter().map(convert::alert_view).collect(),
            next_page_token: question.token(page.next.map(page::of_number)),
            total: page.total,
            num_damaged: page.num_damaged,
        }))
    }

    async fn get_alert(
        &self,
        request: Request<v1::GetAlertRequest>,
    ) -> Result<Response<v1::GetAlertResponse>, Status> {
        let number = request.into_inner().alert_id;
        let AlertStory { view, history, num_damaged } =
            self.ask(move |alerts| Ok(alerts.get(number)?)).await?;
        Ok(Response::new(v1::GetAlertResponse {
            alert: Some(convert::alert_view(view)),
            history: history.into_iter().map(convert::alert_event).collect(),
            num_damaged,
        }))
    }

    async fn acknowledge_alert(
        &self,
        request: Request<v1::AcknowledgeAlertRequest>,
    ) -> Result<Response<v1::AcknowledgeAlertResponse>, Status> {
        let v1::AcknowledgeAlertRequest { alert_id, actor, note, with_members } = request.into_inner();
        let AlertOutcome { view, num_members, num_damaged } =
            self.act(alert_id, Step::Acknowledge, &actor, note, with_members).await?;
        let alert = Some(convert::alert_view(view));
        Ok(Response::new(v1::AcknowledgeAlertResponse { alert, num_members, num_damaged }))
    }

    async fn assign_alert(
        &self,
        request: Request<v1::AssignAlertRequest>,
    ) -> Result<Response<v1::AssignAlertResponse>, Status> {
        let v1::AssignAlertRequest { alert_id, actor, assignee, note } = request.into_inner();
        let assignee = convert::person("assignee", &assignee).map_err(RequestError::from)?;
        let outcome = self.act(alert_id, Step::Assign(assignee), &actor, note, false).await?;
        let alert = Some(convert::alert_view(outcome.view));
        Ok(Response::new(v1::AssignAlertResponse { alert }))
    }

    async fn close_alert(
        &self,
        request: Request<v1::CloseAlertRequest>,
    ) -> Result<Response<v1::CloseAlertResponse>, Status> {
        let v1::CloseAlertRequest { alert_id, actor, reason, note, with_members } = request.into_inner();
        let reason = convert::close_reason(reason).map_err(RequestError::from)?;
        let AlertOutcome { view, num_members, num_damaged } =
            self.act(alert_id, Step::Close(reason), &actor, note, with_members).await?;
        let alert = Some(convert::alert_view(view));
        Ok(Response::new(v1::CloseAlertResponse { alert, num_members, num_damaged }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let mut request = request.into_inner();
        let size = page_size(std::mem::take(&mut request.page_size)).map_err(RequestError::from)?;
        let token = std::mem::take(&mut request.page_token);
        let question = Question::new("dead letters", &request);
        let before = question.number(&token).map_err(RequestError::from)?;
        let v1::ListDeadLettersRequest { receiver, with_delivered, .. } = request;
        let receiver = convert::optional_text("receiver", receiver).map_err(RequestError::from)?;
        let page = self
            .ask(move |alerts| Ok(alerts.dead_letters(receiver.as_deref(), with_delivered, size, before)?))
            .await?;
        Ok(Response::new(v1::ListDeadLettersResponse {
            dead_letters: page.letters.into_iter().map(convert::dead_letter).collect(),
            next_page_token: question.token(page.next.map(page::of_number)),
            num_damaged: page.num_damaged,
        }))
    }

    async fn retry_dead_letter(
        &self,
        request: Request<v1::RetryDeadLetterRequest>,
    ) -> Result<Response<v1::RetryDeadLetterResponse>, Status> {
        let number = request.into_inner().dead_letter_id;
        let letter = self.ask(move |alerts| Ok(alerts.retry_dead_letter(number)?)).await?;
        Ok(Response::new(v1::RetryDeadLetterResponse { dead_letter: Some(convert::dead_letter(letter)) }))
    }

    async fn test_receiver(
        &self,
        request: Request<v1::TestReceiverRequest>,
    ) -> Result<Response<v1::TestReceiverResponse>, Status> {
        let name = request.into_inner().receiver;
        self.ask(move |alerts| Ok(alerts.test_receiver(&name)?)).await?;
        Ok(Response::new(v1::TestReceiverResponse {}))
    }
}

/// Tells every event after `cursor`, read from the store as fast as it is taken, and signs of life between.
fn updates(alerts: Arc<Alerts>, cursor: u64, filter: AlertFilter, draining: CancellationToken) -> Updates {
    let mut last = alerts.subscribe();
    Box::pin(async_stream::try_stream! {
        let (mut cursor, mut told) = (cursor, cursor);
        let filter = Arc::new(filter);
        loop {
            let newest = *last.borrow_and_update();
            while cursor < newest {
                let (source, which) = (Arc::clone(&alerts), Arc::clone(&filter));
                let page = blocking(move || source.events(cursor, &which, EVENTS_AT_ONCE)).await;
                let (events, after) = page?;
                for (event, view) in events {
                    told = event.number;
                    yield v1::WatchAlertsResponse {
                        cursor: event.number,
                        event: Some(convert::alert_event(event)),
                        alert: Some(convert::alert_view(view)),
                    };
                }
                if after == cursor {
                    break;
                }
                cursor = after;
                if draining.is_cancelled() {
                    break;
                }
            }
            // What the filter leaves out is not to be read again by whoever comes back.
            if cursor - told >= MAX_UNTOLD {
                told = cursor;
                yield v1::WatchAlertsResponse { cursor, event: None, alert: None };
            }
            // Outside of `select!`, because the stream macro does not see a `?` inside of another macro.
            let step = tokio::select! {
                changed = last.changed() => changed.map(|()| true).map_err(|_| RequestError::ShuttingDown),
                () = tokio::time::sleep(SIGN_OF_LIFE) => Ok(false),
                () = draining.cancelled() => Err(RequestError::ShuttingDown),
            };
            if !step? {
                told = cursor;
                yield v1::WatchAlertsResponse { cursor, event: None, alert: None };
            }
        }
    })
}
