//! How calls are run.

use serde::{Deserialize, Serialize};

use crate::audio::AudioConfig;
use crate::dialogue::DialogueConfig;
use crate::types::Millis;

/// How calls are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PipelineConfig {
    /// Calls run at the same time. Two let one call decode while another is recognised.
    pub num_workers: usize,
    /// Times a call may end the process while it runs alone before it is given up. The first time does not count, for
    /// another call may have been the cause; a call that was under way then runs alone from there on.
    pub max_attempts: u32,
    /// How long a shutdown waits for calls under way before it interrupts them. They are begun again at the next start.
    pub shutdown_grace: Millis,
    /// How recordings are read.
    pub audio: AudioConfig,
    /// How turns are made.
    pub dialogue: DialogueConfig,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            num_workers: 2,
            max_attempts: 3,
            shutdown_grace: Millis(5_000),
            audio: AudioConfig::default(),
            dialogue: DialogueConfig::default(),
        }
    }
}
