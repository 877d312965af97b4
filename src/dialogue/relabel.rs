//! Applies what is learnt late about a call to its stored dialogue, without its audio: roles of channels, the agent, the
//! end of the voice menu, holds.
//!
//! The words are taken out of their turns and made into turns again by the same rules as at first. What only the audio
//! can tell stays as it is: which voice a word has, and words that an earlier hold hid.
//!
//! **Invariant**: doing it twice changes nothing more.

use std::collections::BTreeMap;

use super::utterance::{self, Stretch};
use super::voice::Voice;
use super::{
    Dialogue, DialogueConfig, Ground, Separation, Turn, chat, compose, may_need_voices, not_separated,
    not_two, pace,
};
use crate::audio::ChannelLayout;
use crate::types::{CallMetadata, ChannelIndex, Millis, SpeakerRole};

/// The dialogue that `dialogue` would have been, had its call come with `metadata`.
#[must_use]
pub fn relabel(dialogue: &Dialogue, metadata: &CallMetadata, config: &DialogueConfig) -> Dialogue {
    if dialogue.chat.is_some() {
        return chat::relabel(dialogue.clone(), metadata);
    }
    let timed = dialogue.turns.iter().all(|turn| !turn.words.is_empty());
    let Some(layout) = dialogue.layout.filter(|_| timed) else {
        return of_written(dialogue, metadata);
    };
    let separation = separation(dialogue.separation.as_ref(), layout, metadata);
    let told_apart = separation.as_ref().is_some_and(|separation| separation.separated);
    let ground = Ground {
        layout,
        channels: channels(dialogue, layout, metadata),
        silent: dialogue.silent_channels.clone(),
        duration: dialogue.timing.duration,
        loudness: pace::Loudness::kept(&dialogue.turns),
        unheard: &dialogue.unheard,
    };
    let stretches = stretches(&dialogue.turns, told_apart, config.pause_limit);
    compose(stretches, separation, &ground, metadata, config)
}

/// Written turns have the roles that were written; only the end of the voice menu says more.
fn of_written(dialogue: &Dialogue, metadata: &CallMetadata) -> Dialogue {
    let mut dialogue = dialogue.clone();
    let menu_end = metadata.ivr_end.unwrap_or_default();
    for turn in &mut dialogue.turns {
        turn.restore();
        let early = turn.span.is_some_and(|span| span.start < menu_end);
        if early && turn.role != SpeakerRole::Customer {
            turn.overrule(SpeakerRole::Bot);
        }
    }
    dialogue.timing.opening = menu_end.clamp(dialogue.timing.start, dialogue.timing.end());
    dialogue
}

/// Whether the voices count: they were told apart when the audio was heard, or nobody can any more.
fn separation(
    known: Option<&Separation>,
    layout: ChannelLayout,
    metadata: &CallMetadata,
) -> Option<Separation> {
    if layout == ChannelLayout::Stereo {
        return None;
    }
    if let Some(reason) = not_two(metadata) {
        return Some(not_separated(0.0, reason));
    }
    if !may_need_voices(layout, metadata) {
        return None;
    }
    Some(known.cloned().unwrap_or_else(|| not_separated(0.0, "unsure")))
}

/// The channels of the recording, as far as the dialogue tells.
fn channels(dialogue: &Dialogue, layout: ChannelLayout, metadata: &CallMetadata) -> Vec<ChannelIndex> {
    let spoken = dialogue.turns.iter().map(|turn| turn.channel);
    let unheard = dialogue.unheard.iter().map(|unheard| unheard.channel);
    let mut channels: Vec<ChannelIndex> =
        spoken.chain(unheard).chain(dialogue.silent_channels.iter().copied()).collect();
    channels.sort_unstable();
    channels.dedup();
    let wanted = match layout {
        ChannelLayout::Mono => 1,
        ChannelLayout::Stereo | ChannelLayout::DualMono => 2,
    };
    let usual = [ChannelIndex(0), ChannelIndex(1)];
    for channel in metadata.channels.iter().chain(&usual) {
        if channels.len() < wanted && !channels.contains(channel) {
            channels.push(*channel);
        }
    }
    channels.sort_unstable();
    channels
}

/// The utterances of `turns`, joined again where only a border that may be gone parted them.
fn stretches(turns: &[Turn], told_apart: bool, pause_limit: Millis) -> Vec<Stretch> {
    let mut by_channel: BTreeMap<ChannelIndex, Vec<Stretch>> = BTreeMap::new();
    for turn in turns {
        let voice = Voice { speaker: turn.speaker, confidence: turn.speaker_confidence };
        let voice = if told_apart { voice } else { Voice::default() };
        for utterance in &turn.utterances {
            let words = turn.words.get(utterance.word_from as usize..utterance.word_to as usize);
            let words = words.unwrap_or_default().to_vec();
            let span = utterance.span;
            let stretch =
                Stretch { channel: turn.channel, voice, span, words, automatic: false, early: false };
            by_channel.entry(turn.channel).or_default().push(stretch);
        }
    }
    let mut joined: Vec<Stretch> = Vec::new();
    for (channel, mut own) in by_channel {
        own.sort_by_key(|stretch| stretch.span);
        if !told_apart {
            let words = own.into_iter().flat_map(|stretch| stretch.words).collect();
            utterance::cut(channel, words, pause_limit, &mut joined);
            continue;
        }
        let first = joined.len();
        for stretch in own {
            let last = joined.get_mut(first..).and_then(<[Stretch]>::last_mut);
            let same = |last: &&mut Stretch| {
                last.voice.speaker.is_some()
                    && last.voice.speaker == stretch.voice.speaker
                    && stretch.span.start.saturating_sub(last.span.end) < pause_limit
            };
            match last.filter(same) {
                Some(last) => {
                    last.span = last.span.union(stretch.span);
                    last.words.extend(stretch.words);
                }
                None => joined.push(stretch),
            }
        }
    }
    joined.sort_by_key(|stretch| (stretch.span.start, stretch.channel));
    joined
}

#[cfg(test)]
mod tests;
