//! Turns timed text per channel into a dialogue: who said what when, and how (silence, overlap, pace, loudness).
//!
//! Pure: no I/O, clock, async or locks. Times come from the segments; here they are only held inside the recording
//! and kept from running backwards.
//!
//! Where two people share a channel, their voices (`speaker`) say whose each word is; without them nobody can tell.
//!
//! **Invariant**: every recognised word outside a hold is in exactly one turn, in the order in which its channel said it; turns are
//! ordered by start, and those of one speaker never overlap.

mod chat;
mod config;
mod excerpt;
mod facts;
mod menu;
mod outside;
mod pace;
mod relabel;
mod speaker;
mod timing;
mod turn;
mod utterance;
mod voice;

pub use chat::{AccountPattern, Accounts, Chat, ChatError, Message, MessageKind, Sent, of_chat};
pub use config::DialogueConfig;
pub use excerpt::excerpt;
pub use facts::{
    ChatFacts, Dialogue, Gap, Overlap, Place, Recalled, Response, Separation, Timing, Turn, Utterance,
};
pub use pace::num_spoken_chars;
pub use relabel::relabel;

use crate::audio::{AudioProfile, ChannelLayout};
use crate::speaker::Voices;
use crate::speech::Transcript;
pub use crate::speech::Unheard;
use crate::types::{CallMetadata, ChannelIndex, Millis, TimeSpan};
use timing::Frame;
use utterance::Stretch;

/// Whether the speakers of this call are to be told apart by their voices: they share a channel, and nobody said that it
/// is one person's.
#[must_use]
pub fn needs_voices(audio: &AudioProfile, metadata: &CallMetadata) -> bool {
    may_need_voices(audio.layout, metadata)
}

fn may_need_voices(layout: ChannelLayout, metadata: &CallMetadata) -> bool {
    let one_side = layout == ChannelLayout::Mono && metadata.channel_roles.len() == 1;
    layout != ChannelLayout::Stereo && !one_side && metadata.num_speakers.is_none_or(|number| number == 2)
}

/// What is known of the recording of a dialogue.
#[derive(Debug)]
struct Ground<'a> {
    layout: ChannelLayout,
    /// Channels in use, whether or not anything was said on them.
    channels: Vec<ChannelIndex>,
    /// Those on which nothing audible is.
    silent: Vec<ChannelIndex>,
    duration: Millis,
    loudness: pace::Loudness<'a>,
    unheard: &'a [Unheard],
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
    let separation = if by_channel { None } else { separation(voices, audio.layout, metadata, config) };
    let separated = separation.as_ref().is_some_and(|separation| separation.separated);
    if let Some(voices) = voices.filter(|_| separated) {
        stretches = voice::tell_apart(stretches, voices, config);
    }
    let silent = audio.channels.iter().filter(|profile| profile.silent);
    let ground = Ground {
        layout: audio.layout,
        channels: audio.channels.iter().map(|profile| profile.channel).collect(),
        silent: silent.map(|profile| profile.channel).collect(),
        duration: audio.duration,
        loudness: pace::Loudness::new(audio),
        unheard: &transcript.unheard,
    };
    compose(stretches, separation, &ground, metadata, config)
}

/// Makes a dialogue of utterances, each of which is one speaker's if channels or voices tell.
fn compose(
    stretches: Vec<Stretch>,
    separation: Option<Separation>,
    ground: &Ground<'_>,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Dialogue {
    let by_channel = ground.layout == ChannelLayout::Stereo;
    let told_apart = separation.as_ref().filter(|separation| separation.separated);
    let separated = by_channel || told_apart.is_some();
    let mut stretches = outside::clip(stretches, metadata);
    if separated {
        menu::mark(&mut stretches);
    }
    let roles = speaker::assign(&stretches, ground, told_apart, metadata, config);
    let silent_channels = silent_channels(&stretches, &ground.silent);
    let mut open_turns = turn::build(stretches, separated, config);
    for turn in &mut open_turns {
        roles.apply(turn);
        pace::measure(turn, &ground.loudness, config);
    }
    let turns: Vec<Turn> = open_turns.into_iter().map(|open| open.turn).collect();
    let unheard = outside::heard_outside(ground.unheard, &metadata.holds);
    let whole = TimeSpan::new(Millis::ZERO, ground.duration);
    let opening = metadata.ivr_end.unwrap_or(Millis::ZERO);
    let frame = Frame::new(whole, opening, &metadata.holds);
    Dialogue {
        timing: timing::measure(&turns, &unheard, &frame, by_channel, config),
        turns,
        layout: Some(ground.layout),
        role_source: roles.source,
        role_confidence: roles.confidence,
        separation,
        silent_channels,
        unheard,
        chat: None,
        places: Vec::new(),
        goes_on: false,
    }
}

/// What came of telling two voices apart on one channel.
fn separation(
    voices: Option<&Voices>,
    layout: ChannelLayout,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Option<Separation> {
    Some(match (not_two(metadata), voices) {
        (Some(reason), _) => not_separated(0.0, reason),
        (None, _) if !may_need_voices(layout, metadata) => return None,
        (None, None) => not_separated(0.0, "too_little_speech"),
        (None, Some(voices)) if voices.confidence() < config.min_separation_confidence => {
            not_separated(voices.confidence(), "unsure")
        }
        (None, Some(voices)) => Separation { separated: true, confidence: voices.confidence(), reason: None },
    })
}

/// Why two voices cannot be told apart in a call of so many speakers as declared.
fn not_two(metadata: &CallMetadata) -> Option<&'static str> {
    match metadata.num_speakers {
        Some(0 | 1) => Some("one_speaker"),
        Some(3..) => Some("many_speakers"),
        Some(2) | None => None,
    }
}

fn not_separated(confidence: f32, reason: &str) -> Separation {
    Separation { separated: false, confidence, reason: Some(reason.to_owned()) }
}

/// Channels without a sound and without a word.
fn silent_channels(stretches: &[Stretch], silent: &[ChannelIndex]) -> Vec<ChannelIndex> {
    let has_words = |channel| stretches.iter().any(|stretch| stretch.channel == channel);
    silent.iter().copied().filter(|channel| !has_words(*channel)).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
