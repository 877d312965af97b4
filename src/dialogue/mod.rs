//! Turns timed text per channel into a dialogue: who said what when, and how (silence, overlap, pace, loudness).
//!
//! Pure: no I/O, clock, async or locks. Times come from the segments; here they are only held inside the recording
//! and kept from running backwards.
//!
//! **Invariant**: every recognised word is in exactly one turn, in the order in which its channel said it; turns are
//! ordered by start, and those of one speaker never overlap.

mod config;
mod facts;
mod menu;
mod pace;
mod speaker;
mod timing;
mod turn;
mod utterance;

pub use config::DialogueConfig;
pub use facts::{Dialogue, Gap, Overlap, Timing, Turn, Utterance};
pub use pace::num_spoken_chars;

use crate::audio::{AudioProfile, ChannelLayout};
use crate::speech::Transcript;
pub use crate::speech::Unheard;
use crate::types::{CallMetadata, ChannelIndex};

/// Makes the dialogue of one call from what was recognised on its channels.
#[must_use]
pub fn build(
    transcript: &Transcript,
    audio: &AudioProfile,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Dialogue {
    let mut stretches = utterance::collect(transcript, audio.duration, config.pause_limit);
    let separated = audio.layout == ChannelLayout::Stereo;
    if separated {
        menu::mark(&mut stretches);
    }
    let roles = speaker::assign(&stretches, audio, metadata, config);
    let silent_channels = silent_channels(&stretches, audio);
    let loudness = pace::Loudness::new(audio);
    let mut turns = turn::build(stretches, separated, config);
    for turn in &mut turns {
        roles.apply(turn);
        pace::measure(turn, &loudness, config);
    }
    let timing = timing::measure(&turns, &transcript.unheard, audio.duration, separated, config);
    let turns = turns.into_iter().map(|open| open.turn).collect();
    Dialogue {
        turns,
        timing,
        layout: Some(audio.layout),
        role_source: roles.source,
        role_confidence: roles.confidence,
        silent_channels,
        unheard: transcript.unheard.clone(),
    }
}

/// Channels without a sound and without a word.
fn silent_channels(stretches: &[utterance::Stretch], audio: &AudioProfile) -> Vec<ChannelIndex> {
    let has_words = |channel| stretches.iter().any(|stretch| stretch.channel == channel);
    let silent = audio.channels.iter().filter(|profile| profile.silent && !has_words(profile.channel));
    silent.map(|profile| profile.channel).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
