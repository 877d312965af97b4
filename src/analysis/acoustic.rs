//! Judges a condition on measured facts: silence, pace, interruptions, first response.
//!
//! What cannot be measured is said so, with the reason; it is never a hit.

use regex::Regex;

use super::rule::{Condition, Operator, Overlap, Pace, RoleScope, Silence};
use super::script::Script;
use crate::audio::ChannelLayout;
use crate::dialogue::{Dialogue, Turn};
use crate::types::{Media, Millis, SpeakerRole, TimeSpan};

/// One measured fact that breaks a limit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// The turn it belongs to; `None` for a fact of the whole call.
    pub(super) turn: Option<u32>,
    pub(super) span: Option<TimeSpan>,
    /// The limit, for a person.
    pub(super) limit: String,
    /// The value, for a person.
    pub(super) shown: String,
    pub(super) value: f64,
}

/// What a condition on measured facts comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Met(Vec<Measured>),
    NotMet,
    /// It cannot be measured, for this reason.
    Unmeasured(&'static str),
}

/// Judges `condition`; conditions on words are never met here.
pub(super) fn judge(dialogue: &Dialogue, script: &Script, media: Media, condition: &Condition) -> Outcome {
    let Some(layout) = dialogue.layout.filter(|_| media != Media::Chat) else {
        return Outcome::Unmeasured("no_audio");
    };
    match &condition.operator {
        Operator::Silence(silence) => judge_silence(dialogue, silence),
        Operator::SilenceShare { over_percent, min_call, excuses, excuse_turns } => {
            let counts = |before: Option<u32>| {
                !before.is_some_and(|turn| excused(dialogue, excuses.as_ref(), *excuse_turns, turn))
            };
            judge_share(dialogue, *over_percent, *min_call, counts)
        }
        Operator::Pace(pace) => judge_pace(dialogue, script, condition, pace),
        Operator::Overlap(overlap) => match layout {
            ChannelLayout::Stereo => judge_overlap(dialogue, condition.role, overlap),
            ChannelLayout::Mono | ChannelLayout::DualMono => Outcome::Unmeasured("mono"),
        },
        Operator::FirstResponse { over } => judge_first_response(dialogue, condition.role, *over),
        Operator::Keyword(_) | Operator::Regex(_) => Outcome::NotMet,
    }
}

fn enough(found: Vec<Measured>, count: u32) -> Outcome {
    if found.len() >= count as usize && !found.is_empty() { Outcome::Met(found) } else { Outcome::NotMet }
}

fn seconds(length: Millis) -> String {
    format!("{:.1} 秒", length.as_secs_f64())
}

fn judge_silence(dialogue: &Dialogue, silence: &Silence) -> Outcome {
    let mut found = Vec::new();
    // Silence before the first and after the last word is ringing and hanging up, not a pause in the talk.
    for gap in &dialogue.timing.gaps {
        let (Some(before), Some(_)) = (gap.turn_before, gap.turn_after) else { continue };
        let limit = if excused(dialogue, silence.excuses.as_ref(), silence.excuse_turns, before) {
            silence.min + silence.min
        } else {
            silence.min
        };
        let length = gap.span.duration();
        if length >= limit {
            found.push(Measured {
                turn: Some(before),
                span: Some(gap.span),
                limit: format!("静音不超过 {}", seconds(limit)),
                shown: format!("静音 {}", seconds(length)),
                value: length.as_secs_f64(),
            });
        }
    }
    enough(found, silence.count)
}

/// Whether the agent asked for patience shortly before.
fn excused(dialogue: &Dialogue, excuses: Option<&Regex>, excuse_turns: u32, turn_before: u32) -> bool {
    let Some(excuses) = excuses else { return false };
    let until = turn_before as usize + 1;
    let first = until.saturating_sub(excuse_turns as usize);
    let turns = dialogue.turns.get(first..until.min(dialogue.turns.len())).unwrap_or_default();
    turns.iter().filter(|turn| turn.role != SpeakerRole::Customer).any(|turn| {
        let text: String = super::normalize::normalize(&turn.text).iter().map(|normal| normal.char).collect();
        excuses.is_match(&text)
    })
}

/// `counts` tells by the turn before a silence whether it is held against the call.
fn judge_share(
    dialogue: &Dialogue,
    over_percent: f32,
    min_call: Millis,
    counts: impl Fn(Option<u32>) -> bool,
) -> Outcome {
    if dialogue.turns.is_empty() {
        return Outcome::Unmeasured("no_speech");
    }
    let duration = dialogue.timing.duration;
    if duration < min_call || duration == Millis::ZERO {
        return Outcome::Unmeasured("too_short");
    }
    let (counted, excused): (Vec<_>, Vec<_>) =
        dialogue.timing.gaps.iter().partition(|gap| counts(gap.turn_before));
    let excused = excused.iter().fold(Millis::ZERO, |sum, gap| sum + gap.span.duration());
    let silence = dialogue.timing.silence.saturating_sub(excused);
    let percent = silence.0 as f64 * 100.0 / duration.0 as f64;
    if percent <= f64::from(over_percent) {
        return Outcome::NotMet;
    }
    // The share has no place of its own; its longest silence is where to listen.
    let longest = counted.into_iter().max_by_key(|gap| gap.span.duration());
    let most = longest.map(|gap| format!("，最长 {}", seconds(gap.span.duration()))).unwrap_or_default();
    Outcome::Met(vec![Measured {
        turn: None,
        span: longest.map(|gap| gap.span).or(Some(TimeSpan::new(Millis::ZERO, duration))),
        limit: format!("静音占比不超过 {over_percent}%"),
        shown: format!("静音占比 {percent:.0}%{most}"),
        value: percent,
    }])
}

fn judge_pace(dialogue: &Dialogue, script: &Script, condition: &Condition, pace: &Pace) -> Outcome {
    let breaks = |chars_per_min: f32| {
        pace.faster_than.is_some_and(|limit| chars_per_min > limit)
            || pace.slower_than.is_some_and(|limit| chars_per_min < limit)
    };
    let measured = |turn, span, chars_per_min: f32| Measured {
        turn,
        span,
        limit: match (pace.faster_than, pace.slower_than) {
            (Some(limit), _) => format!("语速不快于每分钟 {limit} 字"),
            (None, Some(limit)) => format!("语速不慢于每分钟 {limit} 字"),
            (None, None) => String::new(),
        },
        shown: format!("每分钟 {chars_per_min:.0} 字"),
        value: f64::from(chars_per_min),
    };
    if pace.average {
        let mean = match condition.role {
            RoleScope::Customer => dialogue.timing.customer_chars_per_min,
            RoleScope::Agent | RoleScope::Bot | RoleScope::Any => dialogue.timing.agent_chars_per_min,
        };
        return match mean {
            None => Outcome::Unmeasured("too_short"),
            Some(mean) if breaks(mean) => Outcome::Met(vec![measured(None, None, mean)]),
            Some(_) => Outcome::NotMet,
        };
    }
    let mut found = Vec::new();
    let mut sentence = 0_u32;
    for turn in &dialogue.turns {
        let first = sentence;
        sentence += u32::try_from(turn.utterances.len().max(1)).unwrap_or(u32::MAX);
        if !condition.role.includes(turn.role) {
            continue;
        }
        for (index, utterance) in turn.utterances.iter().enumerate() {
            let position = first + u32::try_from(index).unwrap_or(u32::MAX);
            let in_range = script.in_range(position, condition.role, &condition.range) == Some(true);
            let long = num_chars(turn, utterance.char_from, utterance.char_to) >= pace.min_chars as usize;
            let Some(chars_per_min) =
                utterance.chars_per_min.filter(|pace| in_range && long && breaks(*pace))
            else {
                continue;
            };
            found.push(measured(Some(turn.index), Some(utterance.span), chars_per_min));
        }
    }
    enough(found, pace.count)
}

fn num_chars(turn: &Turn, from: u32, to: u32) -> usize {
    let inside = turn.text.chars().skip(from as usize).take(to.saturating_sub(from) as usize);
    inside.filter(|char| char.is_alphanumeric()).count()
}

fn judge_overlap(dialogue: &Dialogue, role: RoleScope, overlap: &Overlap) -> Outcome {
    let mut found = Vec::new();
    for event in &dialogue.timing.overlaps {
        let by_role = dialogue
            .turns
            .get(event.interrupting_turn as usize)
            .is_some_and(|turn| role.includes(turn.role) && turn.role != SpeakerRole::Bot);
        let length = event.span.duration();
        let counts = length >= overlap.min
            && event.num_chars >= overlap.min_chars
            && event.spoken_before >= overlap.spoken_before;
        if by_role && counts {
            found.push(Measured {
                turn: Some(event.interrupting_turn),
                span: Some(event.span),
                limit: format!("抢话 {}以上少于 {} 次", seconds(overlap.min), overlap.count),
                shown: format!("抢话 {}", seconds(length)),
                value: length.as_secs_f64(),
            });
        }
    }
    enough(found, overlap.count)
}

fn judge_first_response(dialogue: &Dialogue, role: RoleScope, over: Millis) -> Outcome {
    let first = dialogue
        .turns
        .iter()
        .filter(|turn| role.includes(turn.role))
        .find_map(|turn| turn.span.map(|span| (turn.index, span)));
    let Some((turn, span)) = first else { return Outcome::Unmeasured("too_short") };
    if span.start <= over {
        return Outcome::NotMet;
    }
    if dialogue.unheard.iter().any(|unheard| unheard.span.start < span.start) {
        return Outcome::Unmeasured("unheard");
    }
    Outcome::Met(vec![Measured {
        turn: Some(turn),
        span: Some(TimeSpan::new(Millis::ZERO, span.start)),
        limit: format!("接通后 {}内开口", seconds(over)),
        shown: format!("接通 {}后开口", seconds(span.start)),
        value: span.start.as_secs_f64(),
    }])
}
