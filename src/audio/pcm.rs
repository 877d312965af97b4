//! What decoding yields: blocks of 16 kHz samples and a profile of the whole recording.

use serde::{Deserialize, Serialize};

use crate::types::{ChannelIndex, Millis};

/// Samples per second of everything after decoding.
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// A stretch of decoded audio, all channels in step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    /// Index of the first sample at 16 kHz, from the start of the recording.
    pub start: u64,
    /// One vector per selected channel, equal lengths, −1.0 to 1.0.
    pub channels: Vec<Vec<f32>>,
}

/// Level facts of one channel over the whole recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelProfile {
    /// The channel in the recording.
    pub channel: ChannelIndex,
    /// Root mean square over the whole recording, dB relative to full scale; −120 for digital silence.
    pub rms_dbfs: f32,
    /// Highest absolute sample, dB relative to full scale.
    pub peak_dbfs: f32,
    /// Share of samples at full scale, 0 to 1.
    pub clipped: f32,
    /// Whether nothing audible was ever on it.
    pub silent: bool,
    /// Loudness of each 100 ms, dB relative to full scale, rounded; −120 for digital silence.
    pub envelope_dbfs: Vec<i8>,
}

/// How the channels of a recording relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelLayout {
    /// One channel, both speakers mixed.
    #[default]
    Mono,
    /// Two channels, one speaker each.
    Stereo,
    /// Two channels that carry the same mix: only the first is used.
    DualMono,
}

/// What a recording is, learnt by decoding all of it once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioProfile {
    /// Container as recognised, for example `wav`, `mp3`, `ogg`, `raw`.
    pub container: String,
    /// Codec as recognised, for example `pcm_alaw`, `opus`.
    pub codec: String,
    /// Rate of the recording before resampling.
    pub rate_hz: u32,
    /// Channels in the recording, selected or not.
    pub num_channels: u16,
    /// Length of the decoded audio.
    pub duration: Millis,
    /// Relation of the selected channels.
    pub layout: ChannelLayout,
    /// One profile per selected channel, in order.
    pub channels: Vec<ChannelProfile>,
    /// What was wrong but bearable, for example a truncated end; stable names such as `audio.truncated`.
    pub warnings: Vec<String>,
}
