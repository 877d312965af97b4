//! What running a call yields, and what is told while it runs.

use serde::{Deserialize, Serialize};

use crate::analysis::Analysis;
use crate::audio::AudioProfile;
use crate::dialogue::Dialogue;
use crate::ingest::CallState;
use crate::speech::RecognitionSummary;
use crate::types::Millis;

/// Everything learnt about one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallResult {
    /// What the recording is; absent for a chat.
    pub audio: Option<AudioProfile>,
    /// How it was recognised; absent for a chat.
    pub recognition: Option<RecognitionSummary>,
    /// Who said what when.
    pub dialogue: Dialogue,
    /// Findings and score.
    pub analysis: Analysis,
}

/// How far a call is, as told to whoever watches it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallProgress {
    /// The state.
    pub state: CallState,
    /// Audio recognised so far.
    pub processed: Millis,
    /// Length of the audio; zero until known.
    pub duration: Millis,
}
