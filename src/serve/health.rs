//! Tells the truth about readiness: SERVING only while the model is loaded, the store takes writes, and what a service
//! rests on runs.
//!
//! The server as a whole, asked for by an empty name, takes calls as long as the store does: whoever only sends them is not
//! kept off by an index that waits to be mended.
//!
//! **Invariant**: a service is SERVING only when everything that it rests on was well a moment ago.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::HEALTH_NAMES;
use super::blocking::blocking;
use super::error::RequestError;
use crate::alert::Alerts;
use crate::pipeline::Calls;
use crate::proto::v1::alert_service_server;
use crate::proto::v1::call_service_server;
use crate::search::TextIndex;

/// How often everything is asked how it is.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What services rest on.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) calls: Arc<Calls>,
    pub(super) alerts: Arc<Alerts>,
    pub(super) search: Arc<TextIndex>,
}

/// How that is. A set of calls exists only with a loaded model and an open store, so that what remains of it to be watched
/// is the store's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wellness {
    store: bool,
    alerts: bool,
    search: bool,
}

impl Watched {
    fn look(&self) -> Wellness {
        Wellness {
            store: self.calls.store().check().is_ok(),
            alerts: self.alerts.is_well(),
            search: self.search.is_well(),
        }
    }
}

impl Wellness {
    /// Whether the service of this name can do all that it is for.
    fn allows(self, name: &str) -> bool {
        let rests_on = match name {
            alert_service_server::SERVICE_NAME => self.alerts,
            // It finds calls and findings by what was said.
            call_service_server::SERVICE_NAME => self.search,
            _ => true,
        };
        self.store && rests_on
    }
}

/// Tells how the services are, for the first time: before anybody can ask, or they would hear of no such service.
pub(super) async fn begin(reporter: HealthReporter, watched: Watched) -> Monitor {
    let mut monitor = Monitor { reporter, watched, last: Wellness::default() };
    monitor.look().await;
    monitor
}

/// Keeps the health of the services up to date.
#[derive(Debug)]
pub(super) struct Monitor {
    reporter: HealthReporter,
    watched: Watched,
    last: Wellness,
}

impl Monitor {
    /// Does so until `stop`, and then says NOT_SERVING.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(CHECK_INTERVAL);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look().await;
        }
        set(&self.reporter, Wellness::default()).await;
    }

    async fn look(&mut self) {
        let watched = self.watched.clone();
        let now = blocking(move || Ok::<_, RequestError>(watched.look())).await.unwrap_or_default();
        if now != self.last {
            tracing::info!(store = now.store, alerts = now.alerts, search = now.search, "health is now");
            self.last = now;
        }
        set(&self.reporter, now).await;
    }
}

async fn set(reporter: &HealthReporter, now: Wellness) {
    for name in HEALTH_NAMES {
        let status = if now.allows(name) { ServingStatus::Serving } else { ServingStatus::NotServing };
        reporter.set_service_status(name, status).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The services that cannot do what they are for.
    fn failing(now: Wellness) -> Vec<&'static str> {
        HEALTH_NAMES.into_iter().filter(|name| !now.allows(name)).collect()
    }

    #[test]
    fn a_service_is_as_well_as_what_it_rests_on() {
        let well = Wellness { store: true, alerts: true, search: true };
        assert_eq!(failing(well), [""; 0]);
        assert_eq!(failing(Wellness { alerts: false, ..well }), ["diting.v1.AlertService"]);
        assert_eq!(failing(Wellness { search: false, ..well }), ["diting.v1.CallService"]);
        assert_eq!(failing(Wellness { store: false, ..well }), HEALTH_NAMES);
        assert_eq!(failing(Wellness::default()), HEALTH_NAMES);
    }
}
