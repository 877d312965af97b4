//! The one place where work that blocks leaves the event loop.

use super::error::RequestError;

/// Runs `work` on a thread that may block.
///
/// # Errors
/// The error of `work`; [`RequestError::Panicked`] when it panics.
pub(super) async fn blocking<T, E, W>(work: W) -> Result<T, RequestError>
where
    T: Send + 'static,
    E: Into<RequestError> + Send + 'static,
    W: FnOnce() -> Result<T, E> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err(RequestError::Panicked),
    }
}
