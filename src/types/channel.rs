//! Audio channels and who speaks on them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One audio track of a recording, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelIndex(pub u16);

impl fmt::Display for ChannelIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Who talks. A mono call has one channel and two speakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeakerRole {
    /// The bank's side (座席).
    Agent,
    /// The caller or the person called (客户).
    Customer,
    /// A voice menu or robot (机器人): never scored as the agent.
    Bot,
    /// Not known: rules that need a role answer N/A.
    #[default]
    Unknown,
}

/// Where the roles of a call come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleSource {
    /// The sender declared them (`channel_roles`).
    Metadata,
    /// Found in what was said: opening phrases, institution, job number.
    Evidence,
    /// The same on one channel, whose two speakers were told apart by their voices first.
    Voices,
    /// Neither: every role is [`SpeakerRole::Unknown`].
    #[default]
    Unknown,
}
