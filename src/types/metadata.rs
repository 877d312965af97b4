//! What the sender says about a call and its audio. Everything is optional: an absent fact makes rules answer N/A.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChannelIndex, Millis, SpeakerRole, TimeSpan};

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
    /// Audio track to use, counted from 0, when the file has several. The file's default when absent.
    pub audio_track: Option<u32>,
    /// The customer's name, where the sender gives it: hidden wherever it is said. Kept and shown with the family name
    /// only.
    pub customer_name: Option<String>,
    /// The whole of it, sealed with the masking key.
    pub customer_name_sealed: Option<String>,
    /// Anything else worth keeping; rules may refer to it.
    pub attributes: BTreeMap<String, String>,
    /// Who served the customer when, ordered by start and apart: more than one after a transfer (转接). Empty: one agent
    /// throughout.
    pub segments: Vec<AgentSegment>,
    /// When the customer was put on hold (保持), ordered by start and apart: what sounds then is music, not speech.
    pub holds: Vec<TimeSpan>,
    /// When the voice menu (IVR) ends and a person takes the call: nothing before it counts as the agent's.
    pub ivr_end: Option<Millis>,
}

/// One agent's stretch of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentSegment {
    /// The agent's job number (工号).
    pub agent_id: Option<String>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// The agent's team (班组).
    pub team: Option<String>,
    /// The skill group (技能组).
    pub skill_group: Option<String>,
    /// The agent takes the call.
    pub start: Millis,
    /// The agent leaves it; absent: when the next agent comes, or at the end.
    pub end: Option<Millis>,
}

impl CallMetadata {
    /// The span of every segment in a call that lasts `duration`.
    #[must_use]
    pub fn segment_spans(&self, duration: Millis) -> Vec<TimeSpan> {
        let starts = self.segments.iter().skip(1).map(|next| next.start).chain([duration]);
        let spans = self.segments.iter().zip(starts);
        spans.map(|(own, next)| TimeSpan::new(own.start, own.end.unwrap_or(next.max(own.start)))).collect()
    }

    /// Job numbers of everybody who served in the call, each once.
    pub fn agent_ids(&self) -> impl Iterator<Item = &str> {
        let declared =
            self.agent_id.iter().chain(self.segments.iter().filter_map(|one| one.agent_id.as_ref()));
        let mut told: Vec<&str> = Vec::new();
        declared.map(String::as_str).filter(move |id| {
            let first = !told.contains(id);
            told.push(id);
            first
        })
    }
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
    /// Signed 16-bit big-endian PCM.
    PcmS16Be,
    /// G.711 A-law with every bit inverted, as Voxtron's `.cal` files have it.
    AlawInverted,
    /// Dialogic (OKI) ADPCM, 4 bits a sample, one channel.
    Vox,
    /// GSM 06.10 full rate, 33 bytes a frame, 8 kHz, one channel.
    Gsm,
    /// G.722 at 64 kbit/s, 16 kHz, one channel.
    G722,
    /// G.726, one channel.
    G726(G726Rate, BitOrder),
    /// G.729, 10 bytes a frame, 8 kHz, one channel.
    G729,
}

impl DeclaredCodec {
    /// Whether it has only one rate and one channel, so that neither needs to be declared.
    #[must_use]
    pub fn has_one_layout(self) -> bool {
        match self {
            Self::Gsm | Self::G722 | Self::G729 => true,
            Self::Alaw
            | Self::Ulaw
            | Self::PcmS16Le
            | Self::PcmU8
            | Self::PcmS16Be
            | Self::AlawInverted
            | Self::Vox
            | Self::G726(_, _) => false,
        }
    }
}

/// Bit rate of G.726 at 8 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum G726Rate {
    /// 16 kbit/s, 2 bits a sample.
    Kbit16,
    /// 24 kbit/s, 3 bits a sample.
    Kbit24,
    /// 32 kbit/s, 4 bits a sample.
    Kbit32,
    /// 40 kbit/s, 5 bits a sample.
    Kbit40,
}

impl G726Rate {
    /// Bits of a sample, 2 to 5.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Kbit16 => 2,
            Self::Kbit24 => 3,
            Self::Kbit32 => 4,
            Self::Kbit40 => 5,
        }
    }
}

/// Which end of a byte the first code is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BitOrder {
    /// In the least significant bits, as RFC 3551 packs G.726 for RTP.
    LeastFirst,
    /// In the most significant bits, as ITU-T I.366.2 packs G.726 for AAL2.
    MostFirst,
}

/// How to read audio that has no header; also the name it came under.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AudioDeclaration {
    /// File name as the sender had it: a hint for the container, never a path.
    pub file_name: Option<String>,
    /// Set for headerless audio; then `rate_hz` and `num_channels` are required, except for a codec that has only one
    /// rate and one channel.
    pub codec: Option<DeclaredCodec>,
    /// Samples per second of one channel.
    pub rate_hz: Option<u32>,
    /// Interleaved channels.
    pub num_channels: Option<u16>,
}
