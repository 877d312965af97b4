//! `diting push`: sends recordings to a server as a recorder would, and the chats of files that hold chats.

use std::path::{Path, PathBuf};

use futures::Stream;
use indicatif::ProgressBar;
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;
use tonic::Status;

use super::client::{Client, ServerArgs, block_on, retry_delay};
use super::exit::{UsageError, describe};
use super::output::emit;
use super::recording::{self, Found, RecordingArgs};
use super::text_calls::{RoleArgs, is_text_calls};
use super::watch_folder::{self, WatchArgs};
use super::{Exit, chats, progress, watch};
use crate::proto::v1;
use crate::types::{CallId, CallMetadata};

/// Bytes in one message: throughput is flat from here to 256 KiB.
const CHUNK_BYTES: usize = 128 << 10;

/// Times one recording or chat is sent before it counts as failed.
pub(super) const MAX_ATTEMPTS: u32 = 6;

/// What was typed after `diting push`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings, or folders of them; `FILE.json` beside a recording is its metadata. Of `FILE.jsonl` every chat is sent
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Id of the call; only for a single recording. Otherwise the file's name without its extension, behind the folders
    /// that lead to it inside of a folder that is named: `push rec` sends rec/20260301/0001.wav as 20260301:0001. Where
    /// two differ only in the extension, it stays in the id
    #[arg(long, value_name = "ID")]
    call_id: Option<CallId>,
    /// Metadata of every recording, in place of the file beside it
    #[arg(long, value_name = "FILE.json")]
    metadata: Option<PathBuf>,
    #[command(flatten)]
    recording: RecordingArgs,
    #[command(flatten)]
    chats: RoleArgs,
    /// Waits until every call is done or failed
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    watching: WatchArgs,
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if args.watching.names.is_given() && !args.watching.watch {
        let problem = "names of files are read with --watch, and by `diting batch import`";
        return Err(UsageError(problem.to_owned()).into());
    }
    if args.watching.watch {
        return block_on(watch_folder::run(watch_folder::Settings {
            args: &args.watching,
            paths: &args.paths,
            metadata: args.metadata.as_deref(),
            recording: &args.recording,
            server: &args.server,
        }));
    }
    let found = recording::walk(&args.paths)?;
    if found.is_empty() {
        return Err(UsageError("there is no recording in what was named".to_owned()).into());
    }
    if args.call_id.is_some() && found.len() != 1 {
        let problem = format!("--call-id names one call, these are {} recordings", found.len());
        return Err(UsageError(problem).into());
    }
    block_on(push(&args, &found))
}

async fn push(args: &Args, found: &[Found]) -> anyhow::Result<Exit> {
    let mut client = args.server.client()?;
    let mut accepted = Vec::new();
    let mut failed = None;
    for Found { path, call_id } in found {
        if is_text_calls(path) {
            let (taken, worst) =
                chats::push(&args.chats, args.call_id.as_ref(), &args.server, &mut client, path).await?;
            accepted.extend(taken);
            failed = worst.map_or(failed, |worst| Exit::worse(failed, worst));
            continue;
        }
        let call_id = args.call_id.as_ref().unwrap_or(call_id);
        match push_one(args, &mut client, path, call_id).await {
            Ok(response) => {
                let call = response.call.unwrap_or_default();
                let word = if response.already_present { "present" } else { "accepted" };
                emit(&format!("{word}\t{}\t{}", call.call_id, path.display()))?;
                accepted.push(call.call_id);
            }
            Err(error) => {
                failed = Exit::worse(failed, Exit::of(&error));
                eprintln!("diting: {}: {}", path.display(), describe(&error));
            }
        }
    }
    if args.wait {
        for call_id in accepted {
            if !wait_for(args, &mut client, &call_id).await? {
                failed = Some(Exit::Failure);
            }
        }
    }
    Ok(failed.unwrap_or(Exit::Success))
}

/// Whether the call came to its end well.
async fn wait_for(args: &Args, client: &mut Client, call_id: &str) -> anyhow::Result<bool> {
    match watch::follow(client, &args.server, call_id).await {
        Ok(None) => {
            emit(&format!("done\t{call_id}"))?;
            Ok(true)
        }
        Ok(Some(failure)) => {
            emit(&format!("failed\t{call_id}\t{}", failure.reason))?;
            eprintln!("diting: {call_id}: {} ({})", failure.message, failure.reason);
            Ok(false)
        }
        Err(error) => {
            eprintln!("diting: {call_id}: {}", describe(&error));
            Ok(false)
        }
    }
}

async fn push_one(
    args: &Args,
    client: &mut Client,
    path: &Path,
    call_id: &CallId,
) -> anyhow::Result<v1::UploadCallResponse> {
    let metadata = args.recording.metadata(args.metadata.as_deref(), [path], &CallMetadata::default())?;
    let header = v1::UploadCallHeader {
        call_id: call_id.to_string(),
        metadata: Some(metadata),
        audio: Some(args.recording.declaration(path)?),
    };
    let mut attempt = 0;
    loop {
        let status = match send(client, &header, path).await? {
            Ok(response) => return Ok(response),
            Err(status) => status,
        };
        attempt += 1;
        let delay = retry_delay(&status, attempt).filter(|_| attempt < MAX_ATTEMPTS);
        let Some(delay) = delay else { return Err(args.server.explain(&status)) };
        tokio::time::sleep(delay).await;
    }
}

/// Sends the recording at `path` once. The outer error is this side's, the inner the server's.
pub(super) async fn send(
    client: &mut Client,
    header: &v1::UploadCallHeader,
    path: &Path,
) -> anyhow::Result<Result<v1::UploadCallResponse, Status>> {
    let file = fs_err::tokio::File::open(path).await?;
    let bar = progress::bytes(file.metadata().await?.len(), &header.call_id);
    let (broken, read_error) = oneshot::channel();
    let messages = messages(header.clone(), file, bar.clone(), broken);
    let outcome = tokio::select! {
        outcome = client.upload_call(messages) => Ok(outcome.map(tonic::Response::into_inner)),
        Ok(error) = read_error => Err(anyhow::Error::from(error)),
    };
    bar.finish_and_clear();
    outcome
}

/// The messages of one upload.
///
/// A read error goes to `broken`, and the stream then stays open: ending it would pass off half a recording as a whole.
fn messages(
    header: v1::UploadCallHeader,
    mut file: fs_err::tokio::File,
    bar: ProgressBar,
    broken: oneshot::Sender<std::io::Error>,
) -> impl Stream<Item = v1::UploadCallRequest> + Send + 'static {
    use v1::upload_call_request::Part;
    async_stream::stream! {
        yield v1::UploadCallRequest { part: Some(Part::Header(header)) };
        loop {
            let mut chunk = bytes::BytesMut::with_capacity(CHUNK_BYTES);
            match file.read_buf(&mut chunk).await {
                Ok(0) => break,
                Ok(num_bytes) => {
                    bar.inc(num_bytes as u64);
                    yield v1::UploadCallRequest { part: Some(Part::Chunk(chunk.freeze())) };
                }
                Err(error) => {
                    // Nobody listens when the server has answered already; then its answer counts.
                    broken.send(error).ok();
                    futures::future::pending::<()>().await;
                    break;
                }
            }
        }
    }
}
