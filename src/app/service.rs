//! The service from its configuration to its end.
//!
//! Start: port, weights and rules, store, text index, pipeline, alerts, then the first answer. Stop: requests, pipeline,
//! text index, alerts, store.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{AppError, job_tools, load_rules, load_transcriber};
use crate::alert::{Alerts, switch_on};
use crate::archive::Jobs;
use crate::config::Config;
use crate::ingest::BlobStore;
use crate::mining::MiningRuns;
use crate::opinion::Opinions;
use crate::pipeline::{Calls, Privacy};
use crate::review::{Reviews, Sampler};
use crate::search::TextIndex;
use crate::serve::{Parts, Server};
use crate::speech::Transcriber;
use crate::store::Store;

/// Everything that `diting serve` runs.
#[derive(Debug)]
pub struct Service {
    server: Server,
    parts: Parts,
    sampler: Sampler,
}

impl Service {
    /// Takes the port, loads weights and rules, opens the store and goes on with unfinished calls.
    ///
    /// # Errors
    /// [`AppError`] of the first part that does not start.
    pub async fn start(config: &Config) -> Result<Self, AppError> {
        Self::start_with(config, load_transcriber).await
    }

    /// Like [`start`](Self::start), with a transcriber from elsewhere.
    ///
    /// # Errors
    /// [`AppError`] of the first part that does not start.
    pub async fn start_with<L>(config: &Config, load: L) -> Result<Self, AppError>
    where
        L: FnOnce(&Config) -> Result<Arc<dyn Transcriber>, AppError> + Send + 'static,
    {
        let server = Server::bind(config.serve.clone()).await?;
        let (config, archive) = (config.clone(), config.archive.clone());
        let is_local = server.address().ip().is_loopback();
        let (parts, sampler) = blocking(move || {
            // Cheap and most often wrong first.
            let rules = load_rules(&config)?;
            let store = Arc::new(Store::open(&config.store)?);
            // Before the first call is run: it may alert.
            switch_on(&store)?;
            let blobs = BlobStore::open(&config.store.data_dir, &config.ingest)?;
            let transcriber = load(&config)?;
            let privacy = Privacy::open(&config.masking, &config.store.data_dir)?;
            let search = TextIndex::start(Arc::clone(&store))?;
            let mining = MiningRuns::start(Arc::clone(&store), rules.scheme().utc_offset_minutes)?;
            let mining = Arc::new(mining);
            let opinions = Opinions::open(Arc::clone(&store), Arc::clone(&mining), config.opinion.clone())?;
            let reviews = Arc::new(Reviews::open(
                Arc::clone(&store),
                config.review.clone(),
                rules.scheme().utc_offset_minutes,
            )?);
            let sampler = Sampler::start(Arc::clone(&reviews))?;
            let calls =
                Calls::start_with(config.pipeline.clone(), store, blobs, transcriber, rules, privacy)?;
            let calls = Arc::new(calls);
            let jobs = Jobs::start(Arc::clone(&calls), archive, is_local, job_tools(&config))?;
            let alerts = Alerts::start(calls, &config.alerts)?;
            let parts = Parts {
                jobs: Arc::new(jobs),
                search: Arc::new(search),
                reviews,
                mining,
                opinions: Arc::new(opinions),
                alerts: Arc::new(alerts),
            };
            Ok((parts, sampler))
        })
        .await?;
        Ok(Self { server, parts, sampler })
    }

    /// The address it listens on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The calls that it serves.
    #[must_use]
    pub fn calls(&self) -> &Arc<Calls> {
        self.parts.jobs.calls()
    }

    /// Answers until `stop` is cancelled, then ends what runs; calls that are not done go on at the next start.
    ///
    /// # Errors
    /// [`AppError`] when the transport breaks.
    pub async fn run(self, stop: CancellationToken) -> Result<(), AppError> {
        let Self { server, parts, sampler } = self;
        let served = server.run(parts.clone(), stop).await;
        blocking(move || {
            drop(sampler);
            // What is under way in the pipeline is what jobs wait for, so they go first.
            parts.mining.shutdown();
            parts.jobs.shutdown();
            parts.jobs.calls().shutdown();
            // Last: what just ended may alert, and is found by what was said.
            parts.search.stop();
            parts.alerts.shutdown();
            Ok(())
        })
        .await?;
        Ok(served?)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| AppError::Panicked)?
}
