//! The service: gRPC with reflection and health over one set of calls.
//!
//! Shutdown order: health says NOT_SERVING, no new connection is taken, watches end, running requests get
//! `shutdown_grace_secs`; whoever owns the calls ends the pipeline afterwards.
//!
//! **Invariant**: nothing blocks the event loop; see `blocking`.

mod blocking;
mod config;
mod error;
mod grpc;
mod health;
mod limits;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;
use tonic::transport::Server as GrpcServer;
use tonic::transport::server::TcpIncoming;

pub use config::ServeConfig;

use crate::alert::Alerts;
use crate::archive::Jobs;
use crate::error::{Classify, ErrorCode};
use crate::mining::MiningRuns;
use crate::opinion::Opinions;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::proto::v1::alert_service_server::{self, AlertServiceServer};
use crate::proto::v1::call_service_server::{CallServiceServer, SERVICE_NAME};
use crate::proto::v1::centre_service_server::{self, CentreServiceServer};
use crate::proto::v1::insight_service_server::{self, InsightServiceServer};
use crate::proto::v1::opinion_service_server::{self, OpinionServiceServer};
use crate::proto::v1::privacy_service_server::{self, PrivacyServiceServer};
use crate::proto::v1::report_service_server::{self, ReportServiceServer};
use crate::proto::v1::reprocess_service_server::{self, ReprocessServiceServer};
use crate::proto::v1::review_service_server::{self, ReviewServiceServer};
use crate::proto::v1::topic_service_server::{self, TopicServiceServer};
use crate::review::Reviews;
use crate::search::TextIndex;
use grpc::{
    AlertApi, CallApi, CentreApi, InsightApi, OpinionApi, PrivacyApi, ReportApi, ReprocessApi, ReviewApi,
    TopicApi,
};

/// What is served.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Jobs and their calls.
    pub jobs: Arc<Jobs>,
    /// Finds calls by what was said.
    pub search: Arc<TextIndex>,
    /// What people decide about calls.
    pub reviews: Arc<Reviews>,
    /// What is mined of all calls.
    pub mining: Arc<MiningRuns>,
    /// What the bank's own model says.
    pub opinions: Arc<Opinions>,
    /// What somebody must know at once.
    pub alerts: Arc<Alerts>,
}

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {listen}: choose another address with --listen")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The compiled descriptors do not fit the reflection service.
    #[error("the reflection service does not start")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the gRPC transport failed")]
    Transport(#[source] tonic::transport::Error),
}

impl Classify for ServeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Listen { .. } => ErrorCode::Unavailable,
            Self::Reflection(_) | Self::Transport(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "serve.listen",
            Self::Reflection(_) => "serve.reflection",
            Self::Transport(_) => "serve.transport",
        }
    }
}

/// A service that holds its port but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    config: ServeConfig,
}

impl Server {
    /// Takes the port, before anything slow is loaded.
    ///
    /// # Errors
    /// [`ServeError::Listen`] when the address cannot be had.
    pub async fn bind(config: ServeConfig) -> Result<Self, ServeError> {
        let listen = config.listen;
        let at_address = |source| ServeError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(at_address)?;
        let address = listener.local_addr().map_err(at_address)?;
        Ok(Self { listener, address, config })
    }

    /// The address it listens on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `parts` until `stop` is cancelled and running requests have ended, or their grace has.
    ///
    /// # Errors
    /// [`ServeError::Reflection`] or [`ServeError::Transport`].
    pub async fn run(self, parts: Parts, stop: CancellationToken) -> Result<(), ServeError> {
        let Parts { jobs, search, reviews, mining, opinions, alerts } = parts;
        let calls = Arc::clone(jobs.calls());
        let grace = Duration::from_secs(self.config.shutdown_grace_secs);
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        // Most clients of today still ask for the alpha only.
        let reflection_alpha = reflection().build_v1alpha().map_err(ServeError::Reflection)?;
        let reflection = reflection().build_v1().map_err(ServeError::Reflection)?;
        let watched = health::Watched {
            calls: Arc::clone(&calls),
            alerts: Arc::clone(&alerts),
            search: Arc::clone(&search),
        };
        let (reporter, health) = tonic_health::server::health_reporter();
        let monitor = health::begin(reporter, watched).await;
        let draining = CancellationToken::new();
        let api =
            CallApi::new(Arc::clone(&calls), search, Arc::clone(&reviews), self.config, draining.clone());
        let api = CallServiceServer::new(api).max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let privacy = PrivacyServiceServer::new(PrivacyApi::new(Arc::clone(&calls), draining.clone()))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let insight = InsightServiceServer::new(InsightApi::new(Arc::clone(&jobs)))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let opinions = OpinionServiceServer::new(OpinionApi::new(opinions))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let topics = TopicServiceServer::new(TopicApi::new(mining))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let report = ReportServiceServer::new(ReportApi::new(Arc::clone(&calls), draining.clone()))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let alert = AlertServiceServer::new(AlertApi::new(alerts, draining.clone()))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let review = ReviewServiceServer::new(ReviewApi::new(reviews))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let reprocess = ReprocessServiceServer::new(ReprocessApi::new(jobs, draining.clone()))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let centre = CentreServiceServer::new(CentreApi::new(calls))
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES);
        let mut routes = RoutesBuilder::default();
        routes
            .add_service(api)
            .add_service(centre)
            .add_service(report)
            .add_service(alert)
            .add_service(reprocess)
            .add_service(privacy)
            .add_service(insight)
            .add_service(review)
            .add_service(topics)
            .add_service(opinions)
            .add_service(health)
            .add_service(reflection)
            .add_service(reflection_alpha);
        let drained = draining.clone();
        // Otherwise an answer of several frames waits 40 ms for the client's acknowledgement of the first.
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let transport = GrpcServer::builder()
            .max_concurrent_streams(Some(limits::MAX_STREAMS_PER_CONNECTION))
            .http2_keepalive_interval(Some(limits::KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(limits::KEEPALIVE_TIMEOUT))
            .add_routes(routes.routes())
            .serve_with_incoming_shutdown(incoming, drained.cancelled_owned());

        let until_grace_ends = async {
            monitor.run(stop).await;
            draining.cancel();
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            outcome = transport => outcome.map_err(ServeError::Transport),
            () = until_grace_ends => {
                tracing::warn!(secs = grace.as_secs(), "requests still ran when their grace ended");
                Ok(())
            }
        }
    }
}

/// Names under which health is asked for: the whole server, and each service.
const HEALTH_NAMES: [&str; 11] = [
    "",
    SERVICE_NAME,
    alert_service_server::SERVICE_NAME,
    centre_service_server::SERVICE_NAME,
    insight_service_server::SERVICE_NAME,
    opinion_service_server::SERVICE_NAME,
    privacy_service_server::SERVICE_NAME,
    report_service_server::SERVICE_NAME,
    reprocess_service_server::SERVICE_NAME,
    review_service_server::SERVICE_NAME,
    topic_service_server::SERVICE_NAME,
];
