//! Turns turns into timing facts: silences, overlaps, who talks how long and how fast.
//!
//! Speech is the time of utterances, so a pause shorter than `pause_limit` belongs to the speech around it.
//!
//! **Invariant**: `silence` and the time in which anybody speaks add up to the duration.

use crate::speech::Unheard;
use crate::types::{Millis, SpeakerRole, TimeSpan};

use super::turn::OpenTurn;
use super::{DialogueConfig, Gap, Overlap, Timing, Utterance, pace};

/// One utterance and whose it is.
#[derive(Debug, Clone, Copy)]
struct Said<'a> {
    turn: usize,
    utterance: &'a Utterance,
}

/// Measures the turns of a call of length `duration`.
pub(super) fn measure(
    turns: &[OpenTurn],
    unheard: &[Unheard],
    duration: Millis,
    separated: bool,
    config: &DialogueConfig,
) -> Timing {
    let mut said: Vec<Said<'_>> = Vec::new();
    for (turn, open) in turns.iter().enumerate() {
        said.extend(open.turn.utterances.iter().map(|utterance| Said { turn, utterance }));
    }
    said.sort_by_key(|said| (said.utterance.span.start, said.turn));
    let (gaps, silence) = silences(&said, unheard, duration, config.min_gap);
    let (agent_talk, agent_chars_per_min) = talk(turns, SpeakerRole::Agent, config);
    let (customer_talk, customer_chars_per_min) = talk(turns, SpeakerRole::Customer, config);
    Timing {
        duration,
        gaps,
        overlaps: if separated { overlaps(turns, &said) } else { Vec::new() },
        silence,
        agent_talk,
        customer_talk,
        agent_chars_per_min,
        customer_chars_per_min,
    }
}

/// The silences of at least `min_gap`, and all silence together. Speech that could not be made out breaks a silence but
/// belongs to no turn.
fn silences(said: &[Said<'_>], unheard: &[Unheard], duration: Millis, min_gap: Millis) -> (Vec<Gap>, Millis) {
    let (mut gaps, mut silence) = (Vec::new(), Millis::ZERO);
    let (mut quiet_from, mut turn_before) = (Millis::ZERO, None);
    let end = std::iter::once((duration, duration, None));
    let spans =
        said.iter().map(|said| (said.utterance.span.start, said.utterance.span.end, Some(index(said.turn))));
    for (start, end, turn) in spans.chain(end) {
        for quiet in without(unheard, TimeSpan::new(quiet_from, start)) {
            silence = silence + quiet.duration();
            if quiet.duration() >= min_gap && quiet.duration() > Millis::ZERO {
                gaps.push(Gap { span: quiet, turn_before, turn_after: turn });
            }
        }
        if end > quiet_from || turn_before.is_none() {
            (quiet_from, turn_before) = (end.max(quiet_from), turn);
        }
    }
    (gaps, silence)
}

/// What is left of `quiet` outside `unheard`.
fn without(unheard: &[Unheard], quiet: TimeSpan) -> Vec<TimeSpan> {
    let mut left = Vec::new();
    let mut from = quiet.start;
    for spoken in unheard.iter().map(|unheard| unheard.span).filter(|span| span.overlap(quiet) > Millis::ZERO)
    {
        left.push(TimeSpan::new(from, spoken.start));
        from = from.max(spoken.end);
    }
    if from <= quiet.end {
        left.push(TimeSpan::new(from, quiet.end));
    }
    left
}

/// Every stretch in which utterances of two channels overlap.
fn overlaps(turns: &[OpenTurn], said: &[Said<'_>]) -> Vec<Overlap> {
    let mut overlaps = Vec::new();
    let mut under_way: Vec<Said<'_>> = Vec::new();
    for next in said {
        let span = next.utterance.span;
        under_way.retain(|earlier| earlier.utterance.span.end > span.start);
        for earlier in &under_way {
            let (Some(from), Some(to)) = (turns.get(earlier.turn), turns.get(next.turn)) else { continue };
            let shared = span.overlap(earlier.utterance.span);
            if from.turn.channel == to.turn.channel || shared == Millis::ZERO {
                continue;
            }
            overlaps.push(Overlap {
                span: TimeSpan::new(span.start, span.start + shared),
                turn: index(earlier.turn),
                interrupting_turn: index(next.turn),
                spoken_before: span.start - earlier.utterance.span.start,
                num_chars: num_chars(to, next.utterance),
            });
        }
        under_way.push(*next);
    }
    overlaps
}

fn num_chars(open: &OpenTurn, utterance: &Utterance) -> u32 {
    let words =
        open.turn.words.get(utterance.word_from as usize..utterance.word_to as usize).unwrap_or_default();
    pace::num_spoken_chars(&words.iter().map(|word| word.text.as_str()).collect::<String>())
}

/// Speech and pace of everybody in a role.
fn talk(turns: &[OpenTurn], role: SpeakerRole, config: &DialogueConfig) -> (Millis, Option<f32>) {
    let (mut speech, mut num_spoken) = (Millis::ZERO, 0);
    for open in turns.iter().filter(|open| open.turn.role == role) {
        for utterance in &open.turn.utterances {
            speech = speech + utterance.span.duration();
            num_spoken += num_chars(open, utterance);
        }
    }
    (speech, pace::chars_per_min(num_spoken, speech, config))
}

fn index(turn: usize) -> u32 {
    u32::try_from(turn).unwrap_or(u32::MAX)
}
