//! `diting serve`: runs the service until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::settings::StageArgs;
use super::{Exit, logging};
use crate::app::Service;
use crate::config::Config;

/// Exit code of a second signal to stop: 128 and the number of SIGINT, as shells tell it.
const SECOND_SIGNAL: i32 = 130;

/// What was typed after `diting serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    stages: StageArgs,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Data directory [default: diting-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Recognisers side by side, of one thread each [default: one for every core]
    #[arg(long, value_name = "COUNT")]
    recognizers: Option<usize>,
    /// Writes the address here once requests are answered
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Logs as one JSON object per line
    #[arg(long)]
    log_json: bool,
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    // The recogniser tells the size of every buffer at this level, the decoder every part of a file.
    logging::init("info,whisper_rs=warn,symphonia=warn", args.log_json);
    let layers = args
        .stages
        .layers()
        .flag("serve.listen", args.listen)
        .flag("store.data_dir", args.data)
        .flag("speech.num_recognizers", args.recognizers);
    let config = Config::load(&layers)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the machine refuses to start an event loop")?
        .block_on(serve(&config, args.ready_file.as_deref()))?;
    Ok(Exit::Success)
}

async fn serve(config: &Config, ready_file: Option<&Path>) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let (terminate, interrupt) = (listen_for(SignalKind::terminate())?, listen_for(SignalKind::interrupt())?);
    tokio::spawn(stop_on(terminate, interrupt, stop.clone()));

    let service = Service::start(config).await?;
    let address = service.address();
    eprintln!("listening on {address}");
    if let Some(file) = ready_file {
        write_ready_file(file, address)?;
    }
    let outcome = service.run(stop).await;
    if let Some(file) = ready_file {
        // Gone already when someone else tidied up.
        fs_err::remove_file(file).ok();
    }
    tracing::info!("stopped");
    Ok(outcome?)
}

fn listen_for(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("the machine refuses to deliver signals")
}

#[expect(clippy::exit, reason = "whoever asks twice does not want to wait for threads")]
async fn stop_on(mut terminate: Signal, mut interrupt: Signal, stop: CancellationToken) {
    let mut told = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    told().await;
    tracing::info!("stopping: what runs gets its grace; a second signal ends at once");
    stop.cancel();
    told().await;
    // OK without the rest of the grace: what was accepted is on the disk.
    tracing::warn!("told twice to stop: ending at once");
    std::process::exit(SECOND_SIGNAL);
}

/// The file appears whole or not at all, so that a script may read it as soon as it exists.
fn write_ready_file(file: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(draft, "{address}")?;
    draft.persist(file).with_context(|| format!("`{}` cannot be written", file.display()))?;
    Ok(())
}
