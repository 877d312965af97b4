//! Sends the chats of a file to a server; a line that cannot be taken is told with its number and the others go on.

use std::path::Path;

use super::client::{Client, ServerArgs, retry_delay};
use super::exit::describe;
use super::output::emit;
use super::push::MAX_ATTEMPTS;
use super::text_calls::{self, RoleArgs};
use super::{Exit, exit::UsageError};
use crate::proto::{TextCall, convert, v1};
use crate::types::CallId;

/// Largest chat that a server takes, as a message.
const MAX_REQUEST_BYTES: usize = 2 << 20;

/// Sends every chat of `path`; gives the ids of those that were taken, and what went wrong worst.
pub(super) async fn push(
    args: &RoleArgs,
    call_id: Option<&CallId>,
    server: &ServerArgs,
    client: &mut Client,
    path: &Path,
) -> anyhow::Result<(Vec<String>, Option<Exit>)> {
    if call_id.is_some() {
        let problem = "--call-id names one recording; chats of a file have ids of their own";
        return Err(UsageError(problem.to_owned()).into());
    }
    let options = args.options(server.clock().await?.zone().clone())?;
    let (mut taken, mut worst) = (Vec::new(), None);
    for next in text_calls::open(path, &options)? {
        let (line, call) = next?;
        let sent = match call {
            Ok(call) => {
                let id = text_calls::call_id(path, line, &call);
                push_one(server, client, &id, call).await
            }
            Err(error) => Err(error.into()),
        };
        match sent {
            Ok(response) => {
                let call = response.call.unwrap_or_default();
                let word = if response.already_present { "present" } else { "accepted" };
                emit(&format!("{word}\t{}\t{}:{line}", call.call_id, path.display()))?;
                taken.push(call.call_id);
            }
            Err(error) => {
                worst = Exit::worse(worst, Exit::of(&error));
                eprintln!("diting: {}: line {line}: {}", path.display(), describe(&error));
            }
        }
    }
    Ok((taken, worst))
}

async fn push_one(
    server: &ServerArgs,
    client: &mut Client,
    id: &CallId,
    call: TextCall,
) -> anyhow::Result<v1::ImportChatResponse> {
    let TextCall { metadata, chat, .. } = call;
    let Some(chat) = chat else {
        anyhow::bail!(
            "this is a call as text and no chat, and only chats are kept without a recording: say \
             \"media\": \"MEDIA_CHAT\" in its metadata if it is one"
        );
    };
    let request = v1::ImportChatRequest {
        call_id: id.to_string(),
        metadata: Some((&metadata).into()),
        messages: convert::messages_to_wire(&chat),
        accounts: None,
    };
    let num_bytes = prost::Message::encoded_len(&request);
    if num_bytes > MAX_REQUEST_BYTES {
        anyhow::bail!(
            "the chat takes {num_bytes} bytes, and a server takes {MAX_REQUEST_BYTES}: split it into several chats"
        );
    }
    let mut attempt = 0;
    loop {
        let status = match client.import_chat(request.clone()).await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) => status,
        };
        attempt += 1;
        let delay = retry_delay(&status, attempt).filter(|_| attempt < MAX_ATTEMPTS);
        let Some(delay) = delay else { return Err(server.explain(&status)) };
        tokio::time::sleep(delay).await;
    }
}
