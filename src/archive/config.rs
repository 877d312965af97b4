//! Settings of jobs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of jobs, section `archive` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Folders that import jobs may read, themselves and all below. Empty: any folder, as long as the server listens on
    /// this machine alone; none otherwise.
    pub roots: Vec<PathBuf>,
    /// Most calls of one import that wait in the pipeline or run in it. Pausing the job lets these end.
    pub max_waiting: usize,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self { roots: Vec::new(), max_waiting: 8 }
    }
}
