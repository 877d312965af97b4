//! The end of the watch: a first signal lets the running upload finish, a second one does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Whether the end was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    asked: CancellationToken,
    at_once: CancellationToken,
    is_sending: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for signals from now on.
    pub(super) fn on_signals() -> anyhow::Result<Self> {
        let mut interrupts = signal(SignalKind::interrupt()).context("the machine delivers no signals")?;
        let mut ends = signal(SignalKind::terminate()).context("the machine delivers no signals")?;
        let stop = Self::default();
        let set = stop.clone();
        tokio::spawn(async move {
            for (token, note) in [
                (&set.asked, "ending; a second signal gives up what is being sent"),
                (&set.at_once, "gave up"),
            ] {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = ends.recv() => {}
                }
                if set.is_sending.load(Ordering::Relaxed) {
                    eprintln!("diting: {note}");
                }
                token.cancel();
            }
        });
        Ok(stop)
    }

    /// Says whether something is being sent.
    pub(super) fn set_sending(&self, is_sending: bool) {
        self.is_sending.store(is_sending, Ordering::Relaxed);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Ends when the end is asked for.
    pub(super) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Ends when the end is asked for a second time.
    pub(super) async fn at_once(&self) {
        self.at_once.cancelled().await;
    }
}
