//! One agent's part of a call as a dialogue of its own: the words that begin in its span, measured over that span.
//!
//! **Invariant**: [`Dialogue::places`] leads from every turn of an excerpt to the very characters in the whole call.

use super::timing::{self, Frame};
use super::{ChatFacts, Dialogue, DialogueConfig, Place, Recalled, Timing, Turn, Utterance, chat, pace};
use crate::audio::ChannelLayout;
use crate::types::{Millis, TimeSpan};

/// What is said in `span`. Times stay those of the call; turns count from 0, and their places in the call are kept.
#[must_use]
pub fn excerpt(dialogue: &Dialogue, span: TimeSpan, config: &DialogueConfig) -> Dialogue {
    let (mut turns, mut places) = (Vec::new(), Vec::new());
    for (position, turn) in dialogue.turns.iter().enumerate() {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let Some((char_from, own)) = within(turn, span, config) else { continue };
        let index = u32::try_from(turns.len()).unwrap_or(u32::MAX);
        turns.push(Turn { index, ..own });
        places.push(Place { turn: position, char_from });
    }
    let unheard: Vec<_> =
        dialogue.unheard.iter().filter(|unheard| contains(span, unheard.span.start)).cloned().collect();
    let frame = Frame::new(span, dialogue.timing.opening, &dialogue.timing.holds);
    let by_channel = dialogue.layout == Some(ChannelLayout::Stereo);
    let chat = dialogue.chat.as_ref().map(|whole| {
        let own =
            |recalled: &&Recalled| recalled.said_at.or(recalled.at).is_some_and(|at| contains(span, at));
        let recalls = whole.recalls.iter().filter(own).cloned().collect();
        ChatFacts { recalls, ..chat::measure(&turns, span, whole.started_at) }
    });
    let timing = match chat {
        Some(_) => Timing {
            duration: span.duration(),
            start: span.start,
            opening: frame.opening,
            ..Timing::default()
        },
        None => timing::measure(&turns, &unheard, &frame, by_channel, config),
    };
    Dialogue {
        timing,
        chat,
        turns,
        unheard,
        places,
        layout: dialogue.layout,
        role_source: dialogue.role_source,
        role_confidence: dialogue.role_confidence,
        separation: dialogue.separation.clone(),
        silent_channels: dialogue.silent_channels.clone(),
        goes_on: false,
    }
}

fn contains(span: TimeSpan, time: Millis) -> bool {
    span.start <= time && time < span.end
}

/// The part of `turn` that begins in `span`, and the characters before it.
fn within(turn: &Turn, span: TimeSpan, config: &DialogueConfig) -> Option<(u32, Turn)> {
    let whole = turn.span?;
    if turn.words.is_empty() || (contains(span, whole.start) && whole.end <= span.end) {
        return contains(span, whole.start).then(|| (0, turn.clone()));
    }
    let from = turn.words.partition_point(|word| word.span.start < span.start);
    let to = turn.words.partition_point(|word| word.span.start < span.end);
    let words = turn.words.get(from..to).filter(|words| !words.is_empty())?.to_vec();
    let chars_of = |words: &[crate::speech::Word]| {
        words.iter().map(|word| count(word.text.chars().count())).sum::<u32>()
    };
    let char_from = chars_of(turn.words.get(..from).unwrap_or_default());
    let utterances = turn.utterances.iter().filter_map(|utterance| {
        let (first, after) = (utterance.word_from.max(count(from)), utterance.word_to.min(count(to)));
        let own = turn.words.get(first as usize..after as usize).filter(|own| !own.is_empty())?;
        let span = own.iter().map(|word| word.span).reduce(TimeSpan::union)?;
        let chars_before = chars_of(turn.words.get(from..first as usize).unwrap_or_default());
        let num_chars = chars_of(own);
        let text: String = own.iter().map(|word| word.text.as_str()).collect();
        Some(Utterance {
            span,
            word_from: first - count(from),
            word_to: after - count(from),
            char_from: chars_before,
            char_to: chars_before + num_chars,
            chars_per_min: pace::chars_per_min(pace::num_spoken_chars(&text), span.duration(), config),
            loudness_dbfs: utterance.loudness_dbfs,
        })
    });
    let utterances: Vec<Utterance> = utterances.collect();
    let text: String = words.iter().map(|word| word.text.as_str()).collect();
    let speech = utterances.iter().fold(Millis::ZERO, |sum, one| sum + one.span.duration());
    let confidence = words.iter().map(|word| word.confidence).sum::<f32>() / words.len() as f32;
    let part = Turn {
        span: words.iter().map(|word| word.span).reduce(TimeSpan::union),
        chars_per_min: pace::chars_per_min(pace::num_spoken_chars(&text), speech, config),
        confidence: Some(confidence),
        text,
        words,
        utterances,
        ..turn.clone()
    };
    Some((char_from, part))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
