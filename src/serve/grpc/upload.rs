//! Takes one upload from its stream: header first, then chunks, each written before the next is read.
//!
//! **Invariant**: an upload that ends in any way but well leaves nothing; only `accept` makes it a call.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tonic::{Code, Streaming};

use crate::ingest::Origin;
use crate::pipeline::{Accepted, Calls, Upload};
use crate::proto::{convert, v1};
use crate::serve::blocking::blocking;
use crate::serve::config::ServeConfig;
use crate::serve::error::RequestError;
use crate::serve::limits::MAX_CHUNK_BYTES;
use v1::upload_call_request::Part;

/// An upload and its place among those allowed at once, which is free again when its last byte is gone: the fields
/// are dropped in this order, on whichever thread had the upload when its client went away.
struct Placed {
    upload: Upload,
    _place: OwnedSemaphorePermit,
}

/// Receives the whole upload and makes it durable.
pub(super) async fn receive(
    calls: &Arc<Calls>,
    config: &ServeConfig,
    place: OwnedSemaphorePermit,
    mut parts: Streaming<v1::UploadCallRequest>,
) -> Result<Accepted, RequestError> {
    let Some(Part::Header(header)) = next(&mut parts, config).await? else {
        return Err(RequestError::HeaderMissing);
    };
    let mut placed = begin(calls, place, header).await?;
    while let Some(part) = next(&mut parts, config).await? {
        let Part::Chunk(chunk) = part else { return Err(RequestError::HeaderRepeated) };
        if chunk.len() > MAX_CHUNK_BYTES {
            return Err(RequestError::ChunkTooLarge { limit: MAX_CHUNK_BYTES });
        }
        placed = blocking(move || placed.upload.write(&chunk).map(|()| placed)).await?;
    }
    // The transport shows a stream that its client cancelled as one that ended. Before anything is accepted, this gives
    // way once: the transport then drops this future if the client is gone, and half a recording is never a call.
    tokio::task::yield_now().await;
    let calls = Arc::clone(calls);
    blocking(move || {
        let Placed { upload, _place } = placed;
        calls.accept(upload)
    })
    .await
}

async fn begin(
    calls: &Arc<Calls>,
    place: OwnedSemaphorePermit,
    header: v1::UploadCallHeader,
) -> Result<Placed, RequestError> {
    let id = convert::call_id(&header.call_id)?;
    let metadata = header.metadata.unwrap_or_default().try_into()?;
    let declaration = header.audio.unwrap_or_default().try_into()?;
    let calls = Arc::clone(calls);
    blocking(move || {
        let upload = calls.begin_upload(id, metadata, declaration, Origin::Upload)?;
        Ok::<_, RequestError>(Placed { upload, _place: place })
    })
    .await
}

/// The next part; nothing at the end of the stream.
async fn next(
    parts: &mut Streaming<v1::UploadCallRequest>,
    config: &ServeConfig,
) -> Result<Option<Part>, RequestError> {
    let secs = config.upload_idle_secs;
    let message = tokio::time::timeout(Duration::from_secs(secs), parts.message())
        .await
        .map_err(|_| RequestError::Stalled { secs })?;
    match message {
        Ok(None) => Ok(None),
        Ok(Some(message)) => message.part.map(Some).ok_or(RequestError::PartMissing),
        // The transport refuses what is far over the limit before it is read.
        Err(status) if status.code() == Code::OutOfRange => {
            Err(RequestError::ChunkTooLarge { limit: MAX_CHUNK_BYTES })
        }
        Err(_) => Err(RequestError::BrokenOff),
    }
}
