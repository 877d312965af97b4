//! Where the store lies and how much memory it may use.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the store lies and how much memory it may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The data directory: recordings, results and index. It belongs to one process at a time.
    pub data_dir: PathBuf,
    /// Memory for sled's page cache, in bytes. A guide, not a bound: a scan of everything passes it for a while.
    pub cache_bytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { data_dir: PathBuf::from("diting-data"), cache_bytes: 128 << 20 }
    }
}
