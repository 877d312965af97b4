//! What the sender says about a call and its audio. Everything is optional: an absent fact makes rules answer N/A.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChannelIndex, SpeakerRole};

/// The medium of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// A telephone recording.
    #[default]
    Voice,
    /// A text chat: no acoustics.
    Chat,
    /// A video recording; its audio track is judged.
    Video,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The customer called (呼入).
    Inbound,
    /// The bank called (呼出).
    Outbound,
    /// Between employees.
    Internal,
}

/// Who ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HangUpSide {
    /// The agent hung up first.
    Agent,
    /// The customer hung up first.
    Customer,
    /// The system ended it.
    System,
}

/// Facts about a call from the telephone system, as declared by the sender.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CallMetadata {
    /// When the call began.
    pub started_at: Option<jiff::Timestamp>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The medium.
    pub media: Media,
    /// The agent's job number (工号).
    pub agent_id: Option<String>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// The agent's team (班组).
    pub team: Option<String>,
    /// The skill group (技能组).
    pub skill_group: Option<String>,
    /// The line of business, for example `credit_card` or `wealth`.
    pub business: Option<String>,
    /// The product spoken about.
    pub product: Option<String>,
    /// A reference to the customer, hashed by the sender.
    pub customer_ref: Option<String>,
    /// Who ended the call.
    pub hang_up_side: Option<HangUpSide>,
    /// Role of each channel, when the recorder knows it.
    pub channel_roles: BTreeMap<ChannelIndex, SpeakerRole>,
    /// People who speak on the recording. Two when absent; 1 is a monologue.
    pub num_speakers: Option<u32>,
    /// Channels to use when the recording has more than two. Empty: all of one or two.
    pub channels: Vec<ChannelIndex>,
    /// The customer's name, where the sender gives it: hidden wherever it is said. Kept and shown with the family name
    /// only.
    pub customer_name: Option<String>,
    /// The whole of it, sealed with the masking key.
    pub customer_name_sealed: Option<String>,
    /// Anything else worth keeping; rules may refer to it.
    pub attributes: BTreeMap<String, String>,
}

/// The coding of samples in a file that has no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredCodec {
    /// G.711 A-law, 8 bits a sample.
    Alaw,
    /// G.711 µ-law, 8 bits a sample.
    Ulaw,
    /// Signed 16-bit little-endian PCM.
    PcmS16Le,
    /// Unsigned 8-bit PCM.
    PcmU8,
}

/// How to read audio that has no header; also the name it came under.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AudioDeclaration {
    /// File name as the sender had it: a hint for the container, never a path.
    pub file_name: Option<String>,
    /// Set for headerless audio; then `rate_hz` and `num_channels` are required.
    pub codec: Option<DeclaredCodec>,
    /// Samples per second of one channel.
    pub rate_hz: Option<u32>,
    /// Interleaved channels.
    pub num_channels: Option<u16>,
}
