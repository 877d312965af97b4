//! Tells the truth about readiness: SERVING only while the model is loaded and the store takes writes.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::HEALTH_NAMES;
use super::blocking::blocking;
use super::error::RequestError;
use crate::pipeline::Calls;

/// How often the store is asked whether it still takes writes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the health of the service up to date until `stop`, and then says NOT_SERVING.
///
/// A set of calls exists only with a loaded model and an open store, so what remains to be watched is the store's disk.
pub(super) async fn monitor(reporter: HealthReporter, calls: Arc<Calls>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let calls = Arc::clone(&calls);
        let is_well = blocking(move || Ok::<_, RequestError>(calls.store().check().is_ok())).await;
        set(
            &reporter,
            if is_well.unwrap_or(false) { ServingStatus::Serving } else { ServingStatus::NotServing },
        )
        .await;
    }
    set(&reporter, ServingStatus::NotServing).await;
}

async fn set(reporter: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        reporter.set_service_status(name, status).await;
    }
}
