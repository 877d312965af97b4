//! Takes one chat: its canonical bytes are stored sealed, otherwise as a recording's are.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::ingest::Origin;
use crate::pipeline::{Accepted, Calls};
use crate::proto::{convert, v1};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;

/// Makes the chat of a request durable.
pub(super) async fn import(
    calls: &Arc<Calls>,
    place: OwnedSemaphorePermit,
    request: v1::ImportChatRequest,
) -> Result<Accepted, RequestError> {
    let id = convert::call_id(&request.call_id)?;
    let (chat, metadata) = convert::chat(request.metadata, request.messages, request.accounts)?;
    let calls = Arc::clone(calls);
    blocking(move || {
        let _place = place;
        calls.accept_chat(id, metadata, &chat, Origin::Upload)
    })
    .await
}
