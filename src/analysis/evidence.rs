//! Turns what counted into evidence: turn, stored characters, time, confidence.
//!
//! A phrase said over two turns gives one evidence in each. Invariant: `char_from..char_to` lies in the turn's text and
//! `text` is exactly those characters.

use super::found::{Measured, Said};
use super::script::Script;
use super::{Evidence, MatchMode};
use crate::dialogue::{Dialogue, Turn};
use crate::types::{ChannelIndex, SpeakerRole, TimeSpan};

/// Evidence of something said: one piece per turn that it touches.
pub(super) fn of_said(dialogue: &Dialogue, script: &Script, said: &Said) -> Vec<Evidence> {
    let Some(stream) = script.streams.get(said.stream) else { return Vec::new() };
    // Line breaks carry the origin of the character before them, so a piece never grows by one.
    let origins = stream.origins.get(said.from..said.to).unwrap_or_default();
    let mut pieces: Vec<(u32, u32, u32)> = Vec::new();
    for origin in origins {
        match pieces.last_mut() {
            Some((turn, _, to)) if *turn == origin.turn => *to = origin.char + 1,
            Some(_) | None => pieces.push((origin.turn, origin.char, origin.char + 1)),
        }
    }
    pieces
        .into_iter()
        .filter_map(|(index, from, to)| {
            let turn = dialogue.turns.get(index as usize)?;
            let (span, confidence) = heard(turn, from, to);
            let place = dialogue.place(index);
            Some(Evidence {
                turn: place.turn,
                channel: turn.channel,
                role: turn.role,
                char_from: place.char_from + from,
                char_to: place.char_from + to,
                span,
                text: turn.text.chars().skip(from as usize).take((to - from) as usize).collect(),
                pattern: said.pattern.clone(),
                mode: said.mode,
                confidence,
                measured: None,
                condition: String::new(),
                tolerances: said.tolerances.clone(),
                similarity: said.score,
            })
        })
        .collect()
}

/// Evidence of a measured fact.
pub(super) fn of_measured(dialogue: &Dialogue, fact: &Measured) -> Evidence {
    let turn = fact.turn.and_then(|index| dialogue.turns.get(index as usize));
    let end = turn.map_or(0, |turn| u32::try_from(turn.text.chars().count()).unwrap_or(u32::MAX));
    let place = fact.turn.map(|index| dialogue.place(index)).unwrap_or_default();
    let end = place.char_from.saturating_add(end);
    Evidence {
        turn: place.turn,
        channel: turn.map_or(ChannelIndex(0), |turn| turn.channel),
        role: turn.map_or(SpeakerRole::Unknown, |turn| turn.role),
        char_from: end,
        char_to: end,
        span: fact.span,
        text: fact.shown.clone(),
        pattern: fact.limit.clone(),
        mode: MatchMode::Measured,
        confidence: None,
        measured: Some(fact.value),
        condition: String::new(),
        tolerances: Vec::new(),
        similarity: None,
    }
}

/// When characters `from..to` of a turn are said, and how sure the recogniser is of them.
fn heard(turn: &Turn, from: u32, to: u32) -> (Option<TimeSpan>, Option<f32>) {
    let mut char = 0;
    let mut span: Option<TimeSpan> = None;
    let (mut sum, mut num_words) = (0.0, 0_u16);
    for word in &turn.words {
        let end = char + u32::try_from(word.text.chars().count()).unwrap_or(u32::MAX);
        if char < to && end > from {
            span = Some(span.map_or(word.span, |known| known.union(word.span)));
            sum += word.confidence;
            num_words = num_words.saturating_add(1);
        }
        char = end;
    }
    if num_words > 0 {
        return (span, Some((sum / f32::from(num_words)).clamp(0.0, 1.0)));
    }
    let utterance =
        turn.utterances.iter().find(|utterance| (utterance.char_from..utterance.char_to).contains(&from));
    (utterance.map(|utterance| utterance.span).or(turn.span), turn.confidence)
}
