//! What one recording may cost: its length, and how long a decoder may run without giving a sample.
//!
//! **Invariant**: every loop over a recording's bytes ends by one of these, whatever the bytes are.

use serde::{Deserialize, Serialize};

use crate::types::Millis;

/// Lowest and highest sample rate that is decoded, in Hz.
pub(super) const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Channels that a container may have, chosen from or not.
pub(super) const MAX_CHANNELS: u16 = 64;

/// Packets in a row that give no sample of the chosen track before the recording counts as ended. A video of 400
/// seconds at 25 pictures a second has as many before its audio starts.
pub(super) const MAX_IDLE_PACKETS: u32 = 10_000;

/// Longest hole in the time stamps that is filled with silence; a longer one is a broken time stamp.
pub(super) const MAX_GAP: Millis = Millis(10 * 60 * 1000);

/// Longest silence put before the first sample when its time stamp is late. A later start is an offset of a stream
/// that was cut out of a longer one.
pub(super) const MAX_LEADING_GAP: Millis = Millis(10_000);

/// Difference between time stamps and decoded samples that is left alone: recorders stamp packets by arrival.
pub(super) const GAP_TOLERANCE: Millis = Millis(100);

/// How recordings are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AudioConfig {
    /// Longest recording that is accepted, in milliseconds of decoded audio. Also what stops a small file that
    /// unpacks to days of silence.
    pub max_duration: Millis,
}

impl Default for AudioConfig {
    fn default() -> Self {
        Self { max_duration: Millis(6 * 60 * 60 * 1000) }
    }
}
