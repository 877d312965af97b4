//! Turns the bytes of a recording into 16 kHz mono samples per channel, a block at a time.
//!
//! Two passes over the same file: `survey` learns what the recording is (length, channels, levels, dual-mono) and
//! `AudioStream` yields its samples. Neither holds more than a few blocks in memory, whatever the file's length.
//! No text, no speech and no async here.
//!
//! On the way from bytes to samples: `sniff` says what the bytes are or refuses them by name, `probe` opens the reader
//! for them (`wav`, `w64` and `raw` for uncompressed samples, `frame` for codecs of telephone systems, `packets` and
//! `tracks` for everything in a container with packets), `decode` pulls frames,
//! `channels` and `level` look at them, `resample` brings them to 16 kHz.
//!
//! **Invariant**: hostile bytes give an [`AudioError`], never a panic.

mod channels;
mod codec;
mod declared;
mod decode;
mod error;
mod extensions;
mod frame;
mod he_aac;
mod level;
mod limits;
mod mkv;
mod mp4;
mod mpeg;
mod mute;
mod packets;
mod pcm;
mod probe;
mod raw;
mod region;
mod resample;
mod sniff;
mod stream;
mod survey;
#[cfg(test)]
mod tests;
mod tracks;
mod w64;
mod wav;

pub use channels::Selection;
pub use error::AudioError;
pub use extensions::EXTENSIONS;
pub use limits::AudioConfig;
pub use mute::Muted;
pub use pcm::{AudioProfile, Block, ChannelLayout, ChannelProfile, SAMPLE_RATE_HZ};
pub use stream::{AudioStream, BLOCK_LEN};
pub use survey::survey;
