//! Follows a call on a server until it is done or failed.

use tonic::Status;

use super::client::{Client, ServerArgs, retry_delay};
use super::progress;
use crate::proto::v1;

/// Times the stream may break before the wait is given up.
const MAX_BREAKS: u32 = 6;

/// Waits for the end of a call, with a progress bar; gives its failure, if it failed.
pub(super) async fn follow(
    client: &mut Client,
    server: &ServerArgs,
    call_id: &str,
) -> anyhow::Result<Option<v1::Failure>> {
    let bar = progress::audio(call_id);
    bar.set_length(1000);
    let outcome = each(client, server, call_id, |update| {
        bar.set_prefix(state_name(update.state()));
        // Between 0 and 1, so the cast keeps it; a bar needs no more than three digits.
        bar.set_position((f64::from(update.progress.clamp(0.0, 1.0)) * 1000.0) as u64);
        Ok(())
    })
    .await;
    bar.finish_and_clear();
    Ok(outcome?.failure)
}

/// Hands every update to `seen` and gives the last one. A broken connection is made again.
pub(super) async fn each(
    client: &mut Client,
    server: &ServerArgs,
    call_id: &str,
    mut seen: impl FnMut(&v1::WatchCallResponse) -> anyhow::Result<()>,
) -> anyhow::Result<v1::WatchCallResponse> {
    let mut num_breaks = 0;
    loop {
        let status = match until_end(client, call_id, &mut seen).await? {
            Ok(last) => return Ok(last),
            Err(status) => status,
        };
        num_breaks += 1;
        let delay = retry_delay(&status, num_breaks).filter(|_| num_breaks < MAX_BREAKS);
        let Some(delay) = delay else { return Err(server.explain(&status)) };
        tokio::time::sleep(delay).await;
    }
}

/// One stream to its end. The outer error is this side's, the inner the server's.
async fn until_end(
    client: &mut Client,
    call_id: &str,
    seen: &mut impl FnMut(&v1::WatchCallResponse) -> anyhow::Result<()>,
) -> anyhow::Result<Result<v1::WatchCallResponse, Status>> {
    let request = v1::WatchCallRequest { call_id: call_id.to_owned() };
    let mut updates = match client.watch_call(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return Ok(Err(status)),
    };
    loop {
        match updates.message().await {
            Ok(Some(update)) => {
                seen(&update)?;
                if matches!(update.state(), v1::CallState::Done | v1::CallState::Failed) {
                    return Ok(Ok(update));
                }
            }
            Ok(None) => return Ok(Err(Status::unavailable("the server ended the stream early"))),
            Err(status) => return Ok(Err(status)),
        }
    }
}

/// The state as a person reads it.
pub(super) fn state_name(state: v1::CallState) -> &'static str {
    match state {
        v1::CallState::Unspecified => "unknown",
        v1::CallState::Accepted => "accepted",
        v1::CallState::Decoding => "decoding",
        v1::CallState::Transcribing => "transcribing",
        v1::CallState::Scoring => "scoring",
        v1::CallState::Done => "done",
        v1::CallState::Failed => "failed",
    }
}
