//! The limits by which a dialogue is made.

use serde::{Deserialize, Serialize};

use crate::types::Millis;

/// Limits of the dialogue stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DialogueConfig {
    /// A pause of this length or more ends an utterance.
    pub pause_limit: Millis,
    /// Silences of this length or more are listed as gaps.
    pub min_gap: Millis,
    /// A speaker who goes on within this time after a back-channel (嗯, 好的) has kept the floor.
    pub hold_limit: Millis,
    /// Fewer characters than this have no pace.
    pub min_pace_chars: u32,
    /// Less speech than this has no pace.
    pub min_pace_speech: Millis,
    /// Roles found in what was said count from this confidence on, 0 to 1; below it they stay unknown.
    pub min_role_confidence: f32,
    /// Two voices on one channel are told apart from this confidence on, 0 to 1; below it the call stays as one.
    pub min_separation_confidence: f32,
    /// A stretch of such a call has a speaker from this confidence on, 0.5 to 1; below it the speaker is unknown.
    pub min_speaker_confidence: f32,
}

impl Default for DialogueConfig {
    fn default() -> Self {
        Self {
            pause_limit: Millis(700),
            min_gap: Millis(1_000),
            hold_limit: Millis(3_000),
            min_pace_chars: 10,
            min_pace_speech: Millis(1_000),
            min_role_confidence: 0.8,
            min_separation_confidence: 0.85,
            min_speaker_confidence: 0.7,
        }
    }
}
