//! Where the service listens and what it allows.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Settings of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Uploads taken at the same time; one more is told to come back.
    pub max_uploads: usize,
    /// Seconds that an upload may stand still.
    pub upload_idle_secs: u64,
    /// Seconds that running requests get to end at shutdown.
    pub shutdown_grace_secs: u64,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            // Only this machine: there is no authentication yet.
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            max_uploads: 256,
            upload_idle_secs: 60,
            shutdown_grace_secs: 20,
        }
    }
}

impl ServeConfig {
    /// What is wrong with these settings: the key and why.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let at_least_one = [
            ("serve.max_uploads", self.max_uploads as u64),
            ("serve.upload_idle_secs", self.upload_idle_secs),
        ];
        let zeros = at_least_one.into_iter().filter(|(_, value)| *value == 0);
        zeros.map(|(key, _)| (key, "must be at least 1".to_owned())).collect()
    }
}
