//! Judges a condition on measured facts of sound: silence, pace, interruptions, first response, loudness, hang-up.
//!
//! What cannot be measured is said so, with the reason; it is never a hit.

use regex::Regex;

use super::found::{Measured, Place, Reach, seconds};
use super::operator::{HangUp, LoudnessTest, Operator, Overlap, Pace, Silence, SilenceShare};
use super::response;
use super::rule::{Condition, RoleScope};
use super::script::Script;
use crate::audio::ChannelLayout;
use crate::dialogue::{Dialogue, Gap, Turn};
use crate::types::{CallMetadata, HangUpSide, Media, Millis, SpeakerRole, TimeSpan};

/// What a condition on measured facts comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Met(Vec<Measured>),
    /// It is not met; what was measured, for a person.
    NotMet(String),
    /// It cannot be measured, for this reason.
    Unmeasured(&'static str),
}

/// Everything that is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) dialogue: &'a Dialogue,
    pub(super) metadata: &'a CallMetadata,
    pub(super) script: &'a Script,
    pub(super) condition: &'a Condition,
    pub(super) reach: &'a Reach<'a>,
}

/// Levels of loudness are so many dB apart.
const LEVEL_DB: f32 = 3.0;

/// Fewer sentences with a loudness on a channel have no median worth the name.
const MIN_LOUDNESS_SENTENCES: usize = 3;

/// Judges the condition; conditions on anything but sound are never met here.
pub(super) fn judge(view: &View<'_>) -> Outcome {
    let dialogue = view.dialogue;
    if let Operator::HangUp(hang_up) = &view.condition.operator
        && hang_up.over.is_none()
    {
        // Who hung up and who spoke last is known of a chat as well.
        return judge_hang_up(view, hang_up);
    }
    if let Operator::ResponseTime(limit) = view.condition.operator {
        return response::judge(view, limit);
    }
    let Some(layout) = dialogue.layout.filter(|_| view.metadata.media != Media::Chat) else {
        return Outcome::Unmeasured("no_audio");
    };
    match &view.condition.operator {
        Operator::Silence(silence) => judge_silence(view, silence),
        Operator::SilenceShare(share) => judge_share(dialogue, share),
        Operator::Pace(pace) => judge_pace(view, pace),
        Operator::Overlap(overlap) => match layout {
            ChannelLayout::Stereo => judge_overlap(view, overlap),
            ChannelLayout::Mono | ChannelLayout::DualMono => Outcome::Unmeasured("mono"),
        },
        Operator::FirstResponse { over } => judge_first_response(dialogue, view.condition.role, *over),
        Operator::Loudness(test) => judge_loudness(view, *test),
        Operator::HangUp(hang_up) => judge_hang_up(view, hang_up),
        Operator::Keyword(_)
        | Operator::Regex(_)
        | Operator::Similar(_)
        | Operator::Repeat(_)
        | Operator::Entity(_)
        | Operator::Sentiment(_)
        | Operator::Duration(_)
        | Operator::SentenceCount(..)
        | Operator::TalkShare(_)
        | Operator::Density(_)
        | Operator::PoliteShare(..)
        | Operator::ResponseTime(_)
        | Operator::FlowBroken(_)
        | Operator::WrongAnswer(_)
        | Operator::PastCalls(_)
        | Operator::Metadata(_)
        | Operator::Rule(_) => Outcome::NotMet(String::new()),
    }
}

pub(super) fn enough(view: &View<'_>, found: Vec<Measured>) -> Outcome {
    if found.len() >= view.condition.count.max(1) as usize {
        Outcome::Met(found)
    } else {
        let limit = found.first().map(|first| format!("，{}", first.shown)).unwrap_or_default();
        Outcome::NotMet(format!("{} 处，需要 {} 处{limit}", found.len(), view.condition.count.max(1)))
    }
}

/// The sentences of a turn, first and last.
fn sentences_of(script: &Script, turn: u32) -> Option<(u32, u32)> {
    let first = script.sentences.partition_point(|sentence| sentence.turn < turn);
    let end = script.sentences.partition_point(|sentence| sentence.turn <= turn);
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    (end > first).then(|| (number(first), number(end - 1)))
}

fn judge_silence(view: &View<'_>, silence: &Silence) -> Outcome {
    let dialogue = view.dialogue;
    let mut found = Vec::new();
    let role_of = |turn: u32| dialogue.turns.get(turn as usize).map(|turn| turn.role);
    // Silence before the first and after the last word is ringing and hanging up, not a pause in the talk.
    let short = if silence.min.is_none() { changes(dialogue) } else { Vec::new() };
    for gap in if silence.min.is_none() { &short } else { &dialogue.timing.gaps } {
        let (Some(before), Some(after)) = (gap.turn_before, gap.turn_after) else { continue };
        let fits = |scope: RoleScope, turn| role_of(turn).is_some_and(|role| scope.includes(role));
        if !fits(silence.before, before) || !fits(silence.after, after) {
            continue;
        }
        let excused = excused(dialogue, silence.excuses.as_ref(), silence.excuse_turns, before);
        let least = silence.min.map(|min| if excused { min + min } else { min });
        let length = gap.span.duration();
        if least.is_some_and(|least| length < least) || silence.max.is_some_and(|most| length > most) {
            continue;
        }
        let sentence = sentences_of(view.script, before).map(|(_, last)| last);
        let limit = match (least, silence.max) {
            (Some(least), None) => format!("静音不超过 {}", seconds(least)),
            (None, Some(most)) => format!("间隔不短于 {}", seconds(most)),
            (_, _) => "静音不在此范围".to_owned(),
        };
        let measured = Measured {
            turn: Some(before),
            sentence,
            between: true,
            span: Some(gap.span),
            limit,
            shown: format!("静音 {}", seconds(length)),
            value: length.as_secs_f64(),
        };
        if is_in_reach(view, &measured) {
            found.push(measured);
        }
    }
    enough(view, found)
}

/// The time that passes at every change of speaker, which may be none; the gaps of a dialogue leave short ones out.
fn changes(dialogue: &Dialogue) -> Vec<Gap> {
    let timed: Vec<_> = dialogue.turns.iter().filter_map(|turn| Some((turn, turn.span?))).collect();
    let pairs = timed.windows(2).filter_map(|pair| match pair {
        [(before, early), (after, late)] if before.role != after.role => Some(Gap {
            span: TimeSpan::new(early.end.min(late.start), late.start),
            turn_before: Some(before.index),
            turn_after: Some(after.index),
        }),
        _ => None,
    });
    pairs.collect()
}

/// Whether a fact with a place of its own lies where the condition looks.
fn is_in_reach(view: &View<'_>, measured: &Measured) -> bool {
    let Some(sentence) = measured.sentence else { return true };
    let place = Place {
        sentences: (sentence, sentence),
        chars: None,
        between: measured.between,
        span: measured.span,
    };
    view.reach.admits(&place) == Some(true)
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

fn judge_share(dialogue: &Dialogue, share: &SilenceShare) -> Outcome {
    if dialogue.turns.is_empty() {
        return Outcome::Unmeasured("no_speech");
    }
    let duration = dialogue.timing.duration;
    if duration < share.min_call || duration == Millis::ZERO {
        return Outcome::Unmeasured("too_short");
    }
    let counts = |before: Option<u32>| {
        !before.is_some_and(|turn| excused(dialogue, share.excuses.as_ref(), share.excuse_turns, turn))
    };
    let (counted, excused): (Vec<_>, Vec<_>) =
        dialogue.timing.gaps.iter().partition(|gap| counts(gap.turn_before));
    let excused = excused.iter().fold(Millis::ZERO, |sum, gap| sum + gap.span.duration());
    let silence = dialogue.timing.silence.saturating_sub(excused);
    let percent = silence.0 as f64 * 100.0 / duration.0 as f64;
    if percent <= f64::from(share.over_percent) {
        return Outcome::NotMet(format!("静音占比 {percent:.0}%"));
    }
    // The share has no place of its own; its longest silence is where to listen.
    let longest = counted.into_iter().max_by_key(|gap| gap.span.duration());
    let most = longest.map(|gap| format!("，最长 {}", seconds(gap.span.duration()))).unwrap_or_default();
    Outcome::Met(vec![Measured {
        turn: None,
        sentence: None,
        between: false,
        span: longest.map(|gap| gap.span).or(Some(TimeSpan::new(Millis::ZERO, duration))),
        limit: format!("静音占比不超过 {}%", share.over_percent),
        shown: format!("静音占比 {percent:.0}%{most}"),
        value: percent,
    }])
}

fn judge_pace(view: &View<'_>, pace: &Pace) -> Outcome {
    let (dialogue, condition) = (view.dialogue, view.condition);
    let breaks = |chars_per_min: f32| {
        pace.faster_than.is_some_and(|limit| chars_per_min > limit)
            || pace.slower_than.is_some_and(|limit| chars_per_min < limit)
    };
    let measured = |turn, sentence, span, chars_per_min: f32| Measured {
        turn,
        sentence,
        between: false,
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
            Some(mean) if breaks(mean) => Outcome::Met(vec![measured(None, None, None, mean)]),
            Some(mean) => Outcome::NotMet(format!("每分钟 {mean:.0} 字")),
        };
    }
    let mut found = Vec::new();
    for (turn, index, sentence) in utterances(view) {
        let Some(utterance) = turn.utterances.get(index) else { continue };
        let long = num_chars(turn, utterance.char_from, utterance.char_to) >= pace.min_chars as usize;
        let in_range = view.reach.admits_sentence(sentence) == Some(true);
        if let Some(chars_per_min) = utterance.chars_per_min.filter(|pace| in_range && long && breaks(*pace))
        {
            found.push(measured(Some(turn.index), Some(sentence), Some(utterance.span), chars_per_min));
        }
    }
    enough(view, found)
}

/// The utterances of the condition's role: their turn, their index in it, their sentence.
fn utterances<'a>(view: &View<'a>) -> Vec<(&'a Turn, usize, u32)> {
    let mut found = Vec::new();
    let mut sentence = 0_u32;
    for turn in &view.dialogue.turns {
        let first = sentence;
        sentence += u32::try_from(turn.utterances.len().max(1)).unwrap_or(u32::MAX);
        if view.condition.hears(turn.role) {
            let own = (0..turn.utterances.len()).zip(first..);
            found.extend(own.map(|(index, sentence)| (turn, index, sentence)));
        }
    }
    found
}

fn num_chars(turn: &Turn, from: u32, to: u32) -> usize {
    let inside = turn.text.chars().skip(from as usize).take(to.saturating_sub(from) as usize);
    inside.filter(|char| char.is_alphanumeric()).count()
}

fn judge_overlap(view: &View<'_>, overlap: &Overlap) -> Outcome {
    let mut found = Vec::new();
    for event in &view.dialogue.timing.overlaps {
        let by_role = view
            .dialogue
            .turns
            .get(event.interrupting_turn as usize)
            .is_some_and(|turn| view.condition.role.includes(turn.role) && turn.role != SpeakerRole::Bot);
        let length = event.span.duration();
        let counts = length >= overlap.min
            && event.num_chars >= overlap.min_chars
            && event.spoken_before >= overlap.spoken_before;
        if !by_role || !counts {
            continue;
        }
        let measured = Measured {
            turn: Some(event.interrupting_turn),
            sentence: sentences_of(view.script, event.interrupting_turn).map(|(first, _)| first),
            between: false,
            span: Some(event.span),
            limit: format!("抢话 {}以上少于 {} 次", seconds(overlap.min), view.condition.count.max(1)),
            shown: format!("抢话 {}", seconds(length)),
            value: length.as_secs_f64(),
        };
        if is_in_reach(view, &measured) {
            found.push(measured);
        }
    }
    enough(view, found)
}

fn judge_first_response(dialogue: &Dialogue, role: RoleScope, over: Millis) -> Outcome {
    let first = dialogue
        .turns
        .iter()
        .filter(|turn| role.includes(turn.role))
        .find_map(|turn| turn.span.map(|span| (turn.index, span)));
    let Some((turn, span)) = first else { return Outcome::Unmeasured("too_short") };
    // A voice menu answers for nobody, and a part of a call begins when its agent comes.
    let opening = dialogue.timing.start.max(dialogue.timing.opening);
    let wait = span.start.saturating_sub(opening);
    if wait <= over {
        return Outcome::NotMet(format!("接通 {}后开口", seconds(wait)));
    }
    if dialogue.unheard.iter().any(|unheard| (opening..span.start).contains(&unheard.span.start)) {
        return Outcome::Unmeasured("unheard");
    }
    Outcome::Met(vec![Measured {
        turn: Some(turn),
        sentence: None,
        between: false,
        span: Some(TimeSpan::new(opening, span.start)),
        limit: format!("接通后 {}内开口", seconds(over)),
        shown: format!("接通 {}后开口", seconds(wait)),
        value: wait.as_secs_f64(),
    }])
}

/// Sentences with their level: 5 is the median of the channel, each level 3 dB, 1 to 10.
fn levels<'a>(view: &View<'a>) -> Result<Vec<(&'a Turn, usize, u32, i32)>, &'static str> {
    let mut by_channel: Vec<(u16, Vec<f32>)> = Vec::new();
    for turn in &view.dialogue.turns {
        let loud = turn.utterances.iter().filter_map(|utterance| utterance.loudness_dbfs);
        match by_channel.iter_mut().find(|(channel, _)| *channel == turn.channel.0) {
            Some((_, list)) => list.extend(loud),
            None => by_channel.push((turn.channel.0, loud.collect())),
        }
    }
    for (_, list) in &mut by_channel {
        list.sort_by(f32::total_cmp);
    }
    let mut found = Vec::new();
    let mut num_measured = 0;
    for (turn, index, sentence) in utterances(view) {
        let list = by_channel.iter().find(|(channel, _)| *channel == turn.channel.0).map(|(_, list)| list);
        let (Some(list), Some(loudness)) =
            (list, turn.utterances.get(index).and_then(|utterance| utterance.loudness_dbfs))
        else {
            continue;
        };
        num_measured += 1;
        if list.len() < MIN_LOUDNESS_SENTENCES || view.reach.admits_sentence(sentence) != Some(true) {
            continue;
        }
        let median = list.get((list.len() - 1) / 2).copied().unwrap_or(loudness);
        // Within 1 to 10 after the clamp, so the cast cannot truncate.
        let level = (5.0 + ((loudness - median) / LEVEL_DB).round()).clamp(1.0, 10.0) as i32;
        found.push((turn, index, sentence, level));
    }
    match (found.is_empty(), num_measured) {
        (true, 0) => Err("no_loudness"),
        (true, _) => Err("too_short"),
        (false, _) => Ok(found),
    }
}

fn judge_loudness(view: &View<'_>, test: LoudnessTest) -> Outcome {
    let levels = match levels(view) {
        Ok(levels) => levels,
        Err(reason) => return Outcome::Unmeasured(reason),
    };
    let measured =
        |(turn, index, sentence, level): &(&Turn, usize, u32, i32), limit: String, shown: String| Measured {
            turn: Some(turn.index),
            sentence: Some(*sentence),
            between: false,
            span: turn.utterances.get(*index).map(|utterance| utterance.span),
            limit,
            shown,
            value: f64::from(*level),
        };
    match test {
        LoudnessTest::AtLeast(limit) => {
            let loud = levels.iter().filter(|(.., level)| *level >= limit);
            let found = loud
                .map(|one| measured(one, format!("音量低于 {limit} 级"), format!("音量 {} 级", one.3)))
                .collect();
            enough(view, found)
        }
        LoudnessTest::AtMost(limit, share) => {
            let length = |one: &&(&Turn, usize, u32, i32)| {
                one.0.utterances.get(one.1).map_or(0, |utterance| utterance.span.duration().0)
            };
            let quiet: Vec<_> = levels.iter().filter(|(.., level)| *level <= limit).collect();
            let (part, all): (u64, u64) =
                (quiet.iter().map(length).sum(), levels.iter().map(|one| length(&one)).sum());
            let percent = part as f64 * 100.0 / (all.max(1)) as f64;
            if quiet.is_empty() || percent < share {
                return Outcome::NotMet(format!("{percent:.0}% 的话语在 {limit} 级以下"));
            }
            let found = quiet
                .into_iter()
                .map(|one| measured(one, format!("音量高于 {limit} 级"), format!("音量 {} 级", one.3)))
                .collect();
            enough(view, found)
        }
        LoudnessTest::Rise(limit) => {
            let mut found = Vec::new();
            for pair in levels.windows(2) {
                let [before, now] = pair else { continue };
                let rise = now.3 - before.3;
                if rise >= limit {
                    let (limit, shown) =
                        (format!("相邻句升高少于 {limit} 级"), format!("音量升高 {rise} 级"));
                    found.push(Measured { value: f64::from(rise), ..measured(now, limit, shown) });
                }
            }
            enough(view, found)
        }
        LoudnessTest::Span(limit) => {
            let quietest = levels.iter().map(|one| one.3).min().unwrap_or(0);
            let Some(loudest) = levels.iter().max_by_key(|one| one.3) else {
                return Outcome::Unmeasured("too_short");
            };
            let span = loudest.3 - quietest;
            if span < limit {
                return Outcome::NotMet(format!("音量跨度 {span} 级"));
            }
            let (limit, shown) = (format!("音量跨度少于 {limit} 级"), format!("音量跨度 {span} 级"));
            Outcome::Met(vec![Measured { value: f64::from(span), ..measured(loudest, limit, shown) }])
        }
    }
}

fn judge_hang_up(view: &View<'_>, hang_up: &HangUp) -> Outcome {
    if let Some(side) = hang_up.side {
        match view.metadata.hang_up_side {
            None => return Outcome::Unmeasured("metadata_absent"),
            Some(declared) if declared != side => return Outcome::NotMet("挂机方不符".to_owned()),
            Some(_) => {}
        }
    }
    let turns = view.dialogue.turns.iter();
    let last = turns.max_by_key(|turn| (turn.span.map(|span| span.end), turn.index));
    let Some(last) = last else { return Outcome::Unmeasured("no_speech") };
    if let Some(speaker) = hang_up.last_speaker
        && !speaker.includes(last.role)
    {
        return Outcome::NotMet("最后说话的不是这一方".to_owned());
    }
    let side = match hang_up.side {
        Some(HangUpSide::Agent) => "座席先挂机",
        Some(HangUpSide::Customer) => "客户先挂机",
        Some(HangUpSide::System) => "系统挂机",
        None => "",
    };
    let measured = |span, shown, value| Measured {
        turn: Some(last.index),
        sentence: None,
        between: false,
        span,
        limit: hang_up
            .over
            .map_or_else(|| "正常挂机".to_owned(), |limit| format!("最后一句后 {}内挂机", seconds(limit))),
        shown,
        value,
    };
    let Some(span) = last.span else {
        let judged = hang_up.over.is_none();
        let met = || Outcome::Met(vec![measured(None, side.to_owned(), 0.0)]);
        return if judged { met() } else { Outcome::Unmeasured("no_audio") };
    };
    if view.dialogue.unheard.iter().any(|unheard| unheard.span.end > span.end) {
        return Outcome::Unmeasured("unheard");
    }
    let tail = view.dialogue.timing.end().saturating_sub(span.end);
    if hang_up.over.is_some_and(|limit| tail <= limit) {
        return Outcome::NotMet(format!("最后一句后 {}挂机", seconds(tail)));
    }
    let after = format!("最后一句后 {}挂机", seconds(tail));
    let shown = if side.is_empty() { after } else { format!("{side}，{after}") };
    let quiet = TimeSpan::new(span.end, view.dialogue.timing.end().max(span.end));
    Outcome::Met(vec![measured(Some(quiet), shown, tail.as_secs_f64())])
}
