//! Turns turns into timing facts: silences, overlaps, who talks how long and how fast.
//!
//! Speech is the time of utterances, so a pause shorter than `pause_limit` belongs to the speech around it.
//!
//! **Invariant**: `silence`, the time in which anybody speaks, holds and what is quiet before the opening add up to the
//! duration.

use crate::speech::Unheard;
use crate::types::{Millis, SpeakerRole, TimeSpan};

use super::outside::{self, without};
use super::{DialogueConfig, Gap, Overlap, Timing, Turn, Utterance, pace};

/// What turns are measured over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    /// From the start of the call, or of the part that is measured, to its end.
    pub(super) span: TimeSpan,
    /// Where people begin to talk to each other.
    pub(super) opening: Millis,
    /// When the customer was on hold, in order and inside `span`.
    pub(super) holds: Vec<TimeSpan>,
}

impl Frame {
    /// The frame of `span` in a call with these facts.
    pub(super) fn new(span: TimeSpan, opening: Millis, holds: &[TimeSpan]) -> Self {
        let holds = outside::inside(holds, span);
        Self { span, opening: opening.clamp(span.start, span.end), holds }
    }
}

/// One utterance and whose it is.
#[derive(Debug, Clone, Copy)]
struct Said<'a> {
    turn: usize,
    utterance: &'a Utterance,
}

/// Measures the turns of what `frame` spans.
pub(super) fn measure(
    turns: &[Turn],
    unheard: &[Unheard],
    frame: &Frame,
    separated: bool,
    config: &DialogueConfig,
) -> Timing {
    let mut said: Vec<Said<'_>> = Vec::new();
    for (turn, own) in turns.iter().enumerate() {
        said.extend(own.utterances.iter().map(|utterance| Said { turn, utterance }));
    }
    said.sort_by_key(|said| (said.utterance.span.start, said.turn));
    let mut excluded: Vec<TimeSpan> = unheard.iter().map(|unheard| unheard.span).collect();
    excluded.extend(&frame.holds);
    excluded.push(TimeSpan::new(frame.span.start, frame.opening));
    excluded.sort_unstable();
    let (gaps, silence) = silences(&said, &excluded, frame.span, config.min_gap);
    let (agent_talk, agent_chars_per_min) = talk(turns, SpeakerRole::Agent, config);
    let (customer_talk, customer_chars_per_min) = talk(turns, SpeakerRole::Customer, config);
    Timing {
        duration: frame.span.duration(),
        gaps,
        overlaps: if separated { overlaps(turns, &said) } else { Vec::new() },
        silence,
        agent_talk,
        customer_talk,
        agent_chars_per_min,
        customer_chars_per_min,
        start: frame.span.start,
        opening: frame.opening,
        hold: frame.holds.iter().fold(Millis::ZERO, |sum, hold| sum + hold.duration()),
        holds: frame.holds.clone(),
    }
}

/// The silences of at least `min_gap` in `whole`, and all silence together. Speech that could not be made out, and what
/// else is `excluded`, breaks a silence but belongs to no turn.
fn silences(
    said: &[Said<'_>],
    excluded: &[TimeSpan],
    whole: TimeSpan,
    min_gap: Millis,
) -> (Vec<Gap>, Millis) {
    let (mut gaps, mut silence) = (Vec::new(), Millis::ZERO);
    let (mut quiet_from, mut turn_before) = (whole.start, None);
    let end = std::iter::once((whole.end, whole.end, None));
    let spans =
        said.iter().map(|said| (said.utterance.span.start, said.utterance.span.end, Some(index(said.turn))));
    for (start, end, turn) in spans.chain(end) {
        for quiet in without(excluded, TimeSpan::new(quiet_from, start)) {
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

/// Every stretch in which utterances of two channels overlap.
fn overlaps(turns: &[Turn], said: &[Said<'_>]) -> Vec<Overlap> {
    let mut overlaps = Vec::new();
    let mut under_way: Vec<Said<'_>> = Vec::new();
    for next in said {
        let span = next.utterance.span;
        under_way.retain(|earlier| earlier.utterance.span.end > span.start);
        for earlier in &under_way {
            let (Some(from), Some(to)) = (turns.get(earlier.turn), turns.get(next.turn)) else { continue };
            let shared = span.overlap(earlier.utterance.span);
            if from.channel == to.channel || shared == Millis::ZERO {
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

fn num_chars(turn: &Turn, utterance: &Utterance) -> u32 {
    let length = utterance.char_to.saturating_sub(utterance.char_from) as usize;
    let said: String = turn.text.chars().skip(utterance.char_from as usize).take(length).collect();
    pace::num_spoken_chars(&said)
}

/// Speech and pace of everybody in a role.
fn talk(turns: &[Turn], role: SpeakerRole, config: &DialogueConfig) -> (Millis, Option<f32>) {
    let (mut speech, mut num_spoken) = (Millis::ZERO, 0);
    for turn in turns.iter().filter(|turn| turn.role == role) {
        for utterance in &turn.utterances {
            speech = speech + utterance.span.duration();
            num_spoken += num_chars(turn, utterance);
        }
    }
    (speech, pace::chars_per_min(num_spoken, speech, config))
}

fn index(turn: usize) -> u32 {
    u32::try_from(turn).unwrap_or(u32::MAX)
}
