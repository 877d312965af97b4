//! Progress of a call as a stream that begins with the present state and ends after the last.

use std::pin::Pin;

use futures::Stream;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::ingest::CallState;
use crate::pipeline::CallProgress;
use crate::proto::convert::{duration, failure_of, state_to_wire};
use crate::proto::v1;
use crate::serve::error::RequestError;

/// The stream of one watch.
pub(super) type Updates = Pin<Box<dyn Stream<Item = Result<v1::WatchCallResponse, Status>> + Send>>;

/// Tells every change of `progress`; a slow reader misses steps in between, never the last.
pub(super) fn updates(mut progress: Receiver<CallProgress>, draining: CancellationToken) -> Updates {
    Box::pin(async_stream::try_stream! {
        loop {
            let now = progress.borrow_and_update().clone();
            yield response(&now);
            if matches!(now.state, CallState::Done | CallState::Failed(_)) {
                break;
            }
            // Outside of `select!`, because the stream macro does not see a `?` inside of another macro.
            let step = tokio::select! {
                // Whoever tells is gone before the end: the pipeline stops.
                changed = progress.changed() => changed.map_err(|_| RequestError::ShuttingDown),
                () = draining.cancelled() => Err(RequestError::ShuttingDown),
            };
            step?;
        }
    })
}

fn response(progress: &CallProgress) -> v1::WatchCallResponse {
    let share = match progress.state {
        CallState::Scoring | CallState::Done => 1.0,
        CallState::Accepted | CallState::Decoding | CallState::Transcribing | CallState::Failed(_) => {
            let length = progress.duration.as_secs_f64();
            if length > 0.0 { (progress.processed.as_secs_f64() / length).min(1.0) } else { 0.0 }
        }
    };
    v1::WatchCallResponse {
        state: state_to_wire(&progress.state).into(),
        progress: share as f32,
        processed: Some(duration(progress.processed)),
        failure: failure_of(&progress.state),
    }
}
