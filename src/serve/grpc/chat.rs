//! Takes one chat: its canonical bytes are stored as a recording's are.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::ingest::Origin;
use crate::pipeline::{Accepted, Calls, PipelineError};
use crate::proto::{convert, v1};
use crate::serve::blocking::blocking;
use crate::serve::error::RequestError;
use crate::types::AudioDeclaration;

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
        let bytes = chat.to_json().map_err(PipelineError::from)?;
        let mut upload = calls.begin_upload(id, metadata, AudioDeclaration::default(), Origin::Upload)?;
        upload.write(&bytes)?;
        Ok::<_, RequestError>(calls.accept(upload)?)
    })
    .await
}
