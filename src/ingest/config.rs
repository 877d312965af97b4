//! Limits on what is taken in.

use serde::{Deserialize, Serialize};

/// Limits on what is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Most bytes of one recording. A four-hour stereo call at 8 kHz is 230 MB as A-law and 3.7 GB as 32-bit PCM at
    /// 32 kHz, so the default of 4 GiB refuses nothing that is a call.
    pub max_recording_bytes: u64,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self { max_recording_bytes: 4 << 30 }
    }
}
