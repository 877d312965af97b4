//! Limits that the wire contract states and that no setting moves.

use std::time::Duration;

use crate::proto::ConvertError;

/// Most bytes in one chunk of an upload.
pub(super) const MAX_CHUNK_BYTES: usize = 1 << 20;

/// Largest request message; a chunk with its envelope fits twice, so that one slightly too large gets a clear error.
pub(super) const MAX_MESSAGE_BYTES: usize = 2 * MAX_CHUNK_BYTES;

/// Requests under way on one connection.
pub(super) const MAX_STREAMS_PER_CONNECTION: u32 = 256;

/// How often a silent connection is asked whether it lives: a dead recorder must not hold an upload open.
pub(super) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// How long it may take to answer.
pub(super) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Most items in a page.
const MAX_PAGE_SIZE: u32 = 500;

/// Items in a page when the request does not say.
const DEFAULT_PAGE_SIZE: u32 = 50;

/// The page size that a request asks for.
pub(super) fn page_size(asked: u32) -> Result<usize, ConvertError> {
    match asked {
        0 => Ok(DEFAULT_PAGE_SIZE as usize),
        1..=MAX_PAGE_SIZE => Ok(asked as usize),
        _ => Err(ConvertError::new(
            "page_size",
            format!("a page has at most {MAX_PAGE_SIZE} items, not {asked}"),
        )),
    }
}
