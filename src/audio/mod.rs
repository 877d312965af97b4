//! Turns the bytes of a recording into 16 kHz mono samples per channel, a block at a time.
//!
//! Two passes over the same file: `survey` learns what the recording is (length, channels, levels, dual-mono) and
//! `AudioStream` yields its samples. Neither holds more than a few blocks in memory, whatever the file's length.
//! No text, no speech and no async here.
//!
//! **Invariant**: hostile bytes give an [`AudioError`], never a panic.

mod error;
mod pcm;

pub use error::AudioError;
pub use pcm::{AudioProfile, Block, ChannelLayout, ChannelProfile, SAMPLE_RATE_HZ};
