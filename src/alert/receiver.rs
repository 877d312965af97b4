//! A receiver as it is used: its settings, its secret, its connection.
//!
//! **Invariant**: its address and its secret go nowhere but to it.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ureq::Agent;

use super::AlertError;
use super::config::ReceiverConfig;
use super::http::{self, NotTaken};
use super::payload::payload;
use super::template::Item;

/// A receiver as it is used.
pub(super) struct Receiver {
    pub(super) config: ReceiverConfig,
    secret: Option<String>,
    agent: Agent,
    /// In which messages to people tell times.
    pub(super) zone: TimeZone,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Receiver {
    /// A receiver by its settings.
    ///
    /// # Errors
    /// [`AlertError::SecretFile`] and [`AlertError::Proxy`].
    pub(super) fn new(config: ReceiverConfig, zone: TimeZone) -> Result<Self, AlertError> {
        let secret = match (&config.secret, &config.secret_file) {
            (Some(secret), _) => Some(secret.reveal().to_owned()),
            (None, Some(path)) => {
                let wrong =
                    |source| AlertError::SecretFile { name: config.name.clone(), path: path.clone(), source };
                Some(std::fs::read_to_string(path).map_err(wrong)?.trim().to_owned())
            }
            (None, None) => None,
        };
        let agent = http::agent(&config)?;
        Ok(Self { config, secret, agent, zone })
    }

    /// Sends `items` as one message; without any, one that tests the receiver.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(super) fn post(&self, delivery: &str, items: &[Item]) -> Result<(), NotTaken> {
        let (config, secret) = (&self.config, self.secret.as_deref());
        let payload =
            payload(config.kind, &config.name, delivery, items, secret, &self.zone, Timestamp::now());
        http::post(&self.agent, config, &payload)
    }

    /// The error that tells `problem`.
    pub(super) fn not_taken(&self, problem: &str) -> AlertError {
        AlertError::NotTaken { name: self.config.name.clone(), problem: problem.to_owned() }
    }
}
