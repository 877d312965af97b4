//! `--offline`: the same commands without a server, over a data directory that no server has open.
//!
//! It runs the very server, on a port of this machine that nobody is told of, until the command has ended.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::super::client::ServerArgs;
use super::super::logging;
use super::super::settings::StageArgs;
use super::Exit;
use crate::app::Service;
use crate::config::Config;

/// Flags of the commands without a server.
#[derive(Debug, clap::Args)]
pub(super) struct OfflineArgs {
    /// Works without a server, over a data directory that no server has open; a job that is left goes on when this, or a
    /// server, runs there again
    #[arg(long, global = true)]
    offline: bool,
    /// Data directory of --offline [default: diting-data]
    #[arg(long, value_name = "DIR", global = true, requires = "offline")]
    data: Option<PathBuf>,
    /// Configuration file in TOML, for --offline
    #[arg(long, value_name = "FILE", global = true, requires = "offline")]
    config: Option<PathBuf>,
    /// Speech model of --offline
    #[arg(long, value_name = "NAME", global = true, requires = "offline")]
    model: Option<String>,
}

impl OfflineArgs {
    pub(super) fn is_asked_for(&self) -> bool {
        self.offline
    }
}

/// Runs `work` against a server of its own.
pub(super) async fn run(
    args: &OfflineArgs,
    work: impl AsyncFnOnce(&ServerArgs) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    logging::init("warn,whisper_rs=error,symphonia=error", false);
    let layers = StageArgs::of(args.config.clone(), args.model.clone())
        .layers()
        .flag("serve.listen", Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
        .flag("store.data_dir", args.data.clone());
    let config = Config::load(&layers)?;
    let service = Service::start(&config).await?;
    let server = ServerArgs::at(service.address());
    let stop = CancellationToken::new();
    let running = tokio::spawn(service.run(stop.clone()));
    let outcome = work(&server).await;
    stop.cancel();
    running.await.context("the server of --offline broke")??;
    outcome
}
