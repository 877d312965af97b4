//! The connection of `push`, `calls` and `batch` to a server, and what its errors say to a person.

use std::time::Duration;

use anyhow::Context;
use jiff::tz::TimeZone;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::clock::Clock;
use crate::proto::v1;
use crate::proto::v1::alert_service_client::AlertServiceClient;
use crate::proto::v1::call_service_client::CallServiceClient;
use crate::proto::v1::centre_service_client::CentreServiceClient;
use crate::proto::v1::insight_service_client::InsightServiceClient;
use crate::proto::v1::opinion_service_client::OpinionServiceClient;
use crate::proto::v1::privacy_service_client::PrivacyServiceClient;
use crate::proto::v1::report_service_client::ReportServiceClient;
use crate::proto::v1::reprocess_service_client::ReprocessServiceClient;
use crate::proto::v1::review_service_client::ReviewServiceClient;
use crate::proto::v1::topic_service_client::TopicServiceClient;
use crate::types::time_zone;

/// Largest answer taken: an hour of timed words fits many times over.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// How long a connection may be silent before it is tested, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Which server to ask.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ServerArgs {
    /// Address of the server
    #[arg(
        long,
        env = "DITING_SERVER",
        default_value = "http://127.0.0.1:50051",
        value_name = "URL",
        global = true
    )]
    server: String,
}

/// A client that connects on first use.
pub(super) type Client = CallServiceClient<Channel>;

/// A client of alerts that connects on first use.
pub(super) type AlertClient = AlertServiceClient<Channel>;

/// A client of jobs that connects on first use.
pub(super) type ReprocessClient = ReprocessServiceClient<Channel>;

/// A client of figures over many calls.
pub(super) type InsightClient = InsightServiceClient<Channel>;

/// A client of reviews that connects on first use.
pub(super) type ReviewClient = ReviewServiceClient<Channel>;

impl ServerArgs {
    /// A client of the server; the connection is made, and made again, when a request needs it.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        Ok(CallServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// A client of the server's alerts, likewise.
    pub(super) fn alert_client(&self) -> anyhow::Result<AlertClient> {
        Ok(AlertServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// A client of the server's jobs, likewise.
    pub(super) fn reprocess_client(&self) -> anyhow::Result<ReprocessClient> {
        let client = ReprocessServiceClient::new(self.channel()?);
        Ok(client.max_decoding_message_size(MAX_ANSWER_BYTES).max_encoding_message_size(MAX_ANSWER_BYTES))
    }

    /// A client of figures, likewise.
    pub(super) fn insight_client(&self) -> anyhow::Result<InsightClient> {
        Ok(InsightServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// A client of the server's reviews, likewise.
    pub(super) fn review_client(&self) -> anyhow::Result<ReviewClient> {
        Ok(ReviewServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// The server at this address.
    pub(super) fn at(address: std::net::SocketAddr) -> Self {
        Self { server: format!("http://{address}") }
    }

    /// A client of reports, likewise.
    pub(super) fn report_client(&self) -> anyhow::Result<ReportServiceClient<Channel>> {
        Ok(ReportServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// The same for originals.
    pub(super) fn privacy_client(&self) -> anyhow::Result<PrivacyServiceClient<Channel>> {
        Ok(PrivacyServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// The same for topics.
    pub(super) fn topic_client(&self) -> anyhow::Result<TopicServiceClient<Channel>> {
        Ok(TopicServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// The same for opinions of a model.
    pub(super) fn opinion_client(&self) -> anyhow::Result<OpinionServiceClient<Channel>> {
        Ok(OpinionServiceClient::new(self.channel()?).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// The clock of the server's centre, by which times without a zone are read and all are shown.
    pub(super) async fn clock(&self) -> anyhow::Result<Clock> {
        self.try_clock().await?.map_err(|status| self.explain(&status))
    }

    /// The same where times are read or shown; elsewhere the server is not asked, and the clock is one that nobody looks at.
    pub(super) async fn clock_if(&self, is_needed: bool) -> anyhow::Result<Clock> {
        if is_needed { self.clock().await } else { Ok(Clock::new(TimeZone::UTC)) }
    }

    /// The same, with what the server answered instead.
    pub(super) async fn try_clock(&self) -> anyhow::Result<Result<Clock, Status>> {
        let mut client = CentreServiceClient::new(self.channel()?);
        let zone = match client.get_centre(v1::GetCentreRequest {}).await {
            Ok(answer) => answer.into_inner().time_zone,
            Err(status) => return Ok(Err(status)),
        };
        let zone =
            time_zone(&zone).with_context(|| format!("the server names a zone that is none: `{zone}`"))?;
        Ok(Ok(Clock::new(zone)))
    }

    fn channel(&self) -> anyhow::Result<Channel> {
        let url =
            if self.server.contains("://") { self.server.clone() } else { format!("http://{}", self.server) };
        let endpoint = Endpoint::from_shared(url)
            .with_context(|| format!("`{}` is not an address such as http://127.0.0.1:50051", self.server))?
            .connect_timeout(Duration::from_secs(5))
            // A server that lost its power says no goodbye.
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        Ok(endpoint.connect_lazy())
    }

    /// The error of a request to this server, for a person.
    pub(super) fn explain(&self, status: &Status) -> anyhow::Error {
        match reason(status) {
            Some(reason) => anyhow::anyhow!("{} ({reason})", status.message()),
            None if status.code() == Code::Unavailable => {
                anyhow::anyhow!(
                    "no server answers at {}: start one with `diting serve`, or name it with --server",
                    self.server
                )
            }
            None => anyhow::anyhow!("{} ({:?})", status.message(), status.code()),
        }
    }
}

/// The stable name of what went wrong, when the server gave one.
pub(super) fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// How long to wait before trying again; nothing when trying again cannot help.
pub(super) fn retry_delay(status: &Status, attempt: u32) -> Option<Duration> {
    let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let backoff = Duration::from_millis(250) * 2_u32.saturating_pow(attempt.min(6));
    match (asked, status.code()) {
        (Some(delay), _) => Some(delay.max(backoff)),
        (None, Code::Unavailable) => Some(backoff),
        (None, _) => None,
    }
}

/// Runs the asynchronous part of a command.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine refuses to start an event loop")?
        .block_on(work)
}
