//! The service from its configuration to its end.
//!
//! Start: port, weights and rules, store, text index, pipeline, then the first answer. Stop: requests, pipeline, text
//! index, store.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{AppError, job_tools, load_rules, load_transcriber};
use crate::archive::Jobs;
use crate::config::Config;
use crate::ingest::BlobStore;
use crate::pipeline::{Calls, Privacy};
use crate::search::TextIndex;
use crate::serve::Server;
use crate::speech::Transcriber;
use crate::store::Store;

/// Everything that `diting serve` runs.
#[derive(Debug)]
pub struct Service {
    server: Server,
    jobs: Arc<Jobs>,
    search: Arc<TextIndex>,
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
        let (jobs, search) = blocking(move || {
            // Cheap and most often wrong first.
            let rules = load_rules(&config)?;
            let store = Arc::new(Store::open(&config.store)?);
            let blobs = BlobStore::open(&config.store.data_dir, &config.ingest)?;
            let transcriber = load(&config)?;
            let privacy = Privacy::open(&config.masking, &config.store.data_dir)?;
            let search = TextIndex::start(Arc::clone(&store))?;
            let calls =
                Calls::start_with(config.pipeline.clone(), store, blobs, transcriber, rules, privacy)?;
            let tools = job_tools(&config);
            Ok((Jobs::start(Arc::new(calls), archive, is_local, tools)?, search))
        })
        .await?;
        Ok(Self { server, jobs: Arc::new(jobs), search: Arc::new(search) })
    }

    /// The address it listens on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Answers until `stop` is cancelled, then ends what runs; calls that are not done go on at the next start.
    ///
    /// # Errors
    /// [`AppError`] when the transport breaks.
    pub async fn run(self, stop: CancellationToken) -> Result<(), AppError> {
        let served = self.server.run(Arc::clone(&self.jobs), Arc::clone(&self.search), stop).await;
        let (jobs, search) = (self.jobs, self.search);
        blocking(move || {
            // What is under way in the pipeline is what jobs wait for, so they go first.
            jobs.shutdown();
            jobs.calls().shutdown();
            search.stop();
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
