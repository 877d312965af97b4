//! Turns timed text per channel into a dialogue: who said what when, and how (silence, overlap, pace, loudness).
//!
//! Pure: no I/O, clock, async or locks. Times come from the segments; here they are only held inside the recording
//! and kept from running backwards.
//!
//! Where two people share a channel, their voices (`speaker`) say whose each word is; without them nobody can tell.
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
mod voice;

pub use config::DialogueConfig;
pub use facts::{Dialogue, Gap, Overlap, Separation, Timing, Turn, Utterance};
pub use pace::num_spoken_chars;

use crate::audio::{AudioProfile, ChannelLayout};
use crate::speaker::Voices;
use crate::speech::Transcript;
pub use crate::speech::Unheard;
use crate::types::{CallMetadata, ChannelIndex};

/// Whether the speakers of this call are to be told apart by their voices: they share a channel, and nobody said that it
/// is one person's.
#[must_use]
pub fn needs_voices(audio: &AudioProfile, metadata: &CallMetadata) -> bool {
    let one_side = audio.layout == ChannelLayout::Mono && metadata.channel_roles.len() == 1;
    audio.layout != ChannelLayout::Stereo
        && !one_side
        && metadata.num_speakers.is_none_or(|number| number == 2)
}

/// Makes the dialogue of one call from what was recognised on its channels. `voices` are those of a channel that two
/// people share.
#[must_use]
pub fn build(
    transcript: &Transcript,
    voices: Option<&Voices>,
    audio: &AudioProfile,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Dialogue {
    let mut stretches = utterance::collect(transcript, audio.duration, config.pause_limit);
    let by_channel = audio.layout == ChannelLayout::Stereo;
    let separation = if by_channel { None } else { separation(voices, audio, metadata, config) };
    let separated = by_channel || separation.as_ref().is_some_and(|separation| separation.separated);
    if let Some(voices) = voices.filter(|_| separated && !by_channel) {
        stretches = voice::tell_apart(stretches, voices, config);
    }
    if separated {
        menu::mark(&mut stretches);
    }
    let told_apart = separation.as_ref().filter(|separation| separation.separated);
    let roles = speaker::assign(&stretches, audio, told_apart, metadata, config);
    let silent_channels = silent_channels(&stretches, audio);
    let loudness = pace::Loudness::new(audio);
    let mut turns = turn::build(stretches, separated, config);
    for turn in &mut turns {
        roles.apply(turn);
        pace::measure(turn, &loudness, config);
    }
    let timing = timing::measure(&turns, &transcript.unheard, audio.duration, by_channel, config);
    let turns = turns.into_iter().map(|open| open.turn).collect();
    Dialogue {
        turns,
        timing,
        layout: Some(audio.layout),
        role_source: roles.source,
        role_confidence: roles.confidence,
        separation,
        silent_channels,
        unheard: transcript.unheard.clone(),
    }
}

/// What came of telling two voices apart on one channel.
fn separation(
    voices: Option<&Voices>,
    audio: &AudioProfile,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Option<Separation> {
    let not = |confidence, reason: &str| Separation {
        separated: false,
        confidence,
        reason: Some(reason.to_owned()),
    };
    Some(match (metadata.num_speakers, voices) {
        (Some(0 | 1), _) => not(0.0, "one_speaker"),
        (Some(3..), _) => not(0.0, "many_speakers"),
        _ if !needs_voices(audio, metadata) => return None,
        (_, None) => not(0.0, "too_little_speech"),
        (_, Some(voices)) if voices.confidence() < config.min_separation_confidence => {
            not(voices.confidence(), "unsure")
        }
        (_, Some(voices)) => Separation { separated: true, confidence: voices.confidence(), reason: None },
    })
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
