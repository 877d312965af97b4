//! What is told while a call runs.

use crate::ingest::CallState;
use crate::types::Millis;

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
