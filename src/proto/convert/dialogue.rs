//! Transcripts of reports back into dialogues, so that a call that was judged can be judged again.

use super::chat::kind_from_wire;
use super::{ConvertError, known, timestamp_from_wire};
use crate::audio::ChannelLayout;
use crate::dialogue::{
    ChatFacts, Dialogue, Gap, Overlap, Recalled, Response, Separation, Timing, Turn, Utterance,
};
use crate::proto::v1;
use crate::speech::{Unheard, Word};
use crate::types::{ChannelIndex, Millis, RoleSource, SpeakerRole, TimeSpan};

/// The dialogue of a transcript.
///
/// # Errors
/// [`ConvertError`] for a channel, role or layout that there is not.
pub fn dialogue_from_wire(transcript: v1::Transcript) -> Result<Dialogue, ConvertError> {
    let layout = match known("transcript.layout", transcript.layout)? {
        v1::ChannelLayout::Unspecified => None,
        v1::ChannelLayout::Mono => Some(ChannelLayout::Mono),
        v1::ChannelLayout::Stereo => Some(ChannelLayout::Stereo),
        v1::ChannelLayout::DualMono => Some(ChannelLayout::DualMono),
    };
    let role_source = match known("transcript.role_source", transcript.role_source)? {
        v1::RoleSource::Metadata => RoleSource::Metadata,
        v1::RoleSource::Evidence => RoleSource::Evidence,
        v1::RoleSource::Voices => RoleSource::Voices,
        v1::RoleSource::Unknown | v1::RoleSource::Unspecified => RoleSource::Unknown,
    };
    let turns: Vec<Turn> = transcript.turns.into_iter().map(turn).collect::<Result<_, _>>()?;
    let silent: Result<Vec<_>, _> = transcript.silent_channels.into_iter().map(channel).collect();
    let unheard: Result<Vec<Unheard>, ConvertError> = transcript
        .unheard
        .into_iter()
        .map(|one| {
            let span = span(one.start.as_ref(), one.end.as_ref()).unwrap_or_default();
            Ok(Unheard { channel: channel(one.channel)?, span, reason: one.reason })
        })
        .collect();
    Ok(Dialogue {
        timing: timing(transcript.timing.unwrap_or_default(), &turns),
        turns,
        layout,
        role_source,
        role_confidence: transcript.role_confidence,
        silent_channels: silent?,
        unheard: unheard?,
        separation: transcript.separation.map(|one| Separation {
            separated: one.separated,
            confidence: one.confidence,
            reason: (!one.reason.is_empty()).then_some(one.reason),
        }),
        chat: transcript.chat.map(chat).transpose()?,
        places: Vec::new(),
        goes_on: false,
    })
}

fn channel(index: u32) -> Result<ChannelIndex, ConvertError> {
    let index = u16::try_from(index).map(ChannelIndex);
    index.map_err(|_| ConvertError::new("transcript.turns.channel", "there are at most 65,536 channels"))
}

fn millis(duration: &prost_types::Duration) -> Millis {
    let seconds = u64::try_from(duration.seconds).unwrap_or(0).min(u64::MAX / 2_000);
    Millis(seconds * 1_000 + u64::try_from(duration.nanos).unwrap_or(0) / 1_000_000)
}

fn span(start: Option<&prost_types::Duration>, end: Option<&prost_types::Duration>) -> Option<TimeSpan> {
    Some(TimeSpan::new(millis(start?), millis(end?)))
}

fn millis_span(start: Option<&prost_types::Duration>, end: Option<&prost_types::Duration>) -> TimeSpan {
    span(start, end).unwrap_or_default()
}

fn turn(wire: v1::Turn) -> Result<Turn, ConvertError> {
    let role = role("transcript.turns.role", wire.role)?;
    let mut words = Vec::with_capacity(wire.words.len());
    for word in wire.words {
        let span = span(word.start.as_ref(), word.end.as_ref()).unwrap_or_default();
        words.push(Word { text: word.text, span, confidence: word.confidence });
    }
    let utterances = wire.utterances.iter().map(|one| utterance(one, &words)).collect();
    Ok(Turn {
        index: wire.index,
        channel: channel(wire.channel)?,
        speaker: wire.speaker.and_then(|speaker| u16::try_from(speaker).ok()),
        speaker_confidence: wire.speaker_confidence,
        role,
        span: span(wire.start.as_ref(), wire.end.as_ref()),
        text: wire.text,
        utterances,
        words,
        confidence: wire.confidence,
        chars_per_min: wire.chars_per_min,
        loudness_dbfs: wire.loudness_dbfs,
        kind: kind_from_wire("transcript.turns.kind", wire.kind)?,
        sender: (!wire.sender.is_empty()).then_some(wire.sender),
        told_role: None,
    })
}

fn chat(wire: v1::ChatFacts) -> Result<ChatFacts, ConvertError> {
    let response = |one: v1::ChatResponse| Response {
        asked: one.asked,
        answer: one.answer,
        wait: one.wait.as_ref().map_or(Millis::ZERO, millis),
    };
    let recall = |one: v1::ChatRecall| {
        Ok(Recalled {
            role: role("transcript.chat.recalls.role", one.role)?,
            sender: one.sender,
            message_id: (!one.message_id.is_empty()).then_some(one.message_id),
            said_at: one.said_at.as_ref().map(millis),
            at: one.at.as_ref().map(millis),
        })
    };
    Ok(ChatFacts {
        started_at: wire
            .started_at
            .map(|at| timestamp_from_wire("transcript.chat.started_at", at))
            .transpose()?,
        responses: wire.responses.into_iter().map(response).collect(),
        recalls: wire.recalls.into_iter().map(recall).collect::<Result<_, ConvertError>>()?,
    })
}

fn role(field: &str, role: i32) -> Result<SpeakerRole, ConvertError> {
    Ok(match known(field, role)? {
        v1::SpeakerRole::Agent => SpeakerRole::Agent,
        v1::SpeakerRole::Customer => SpeakerRole::Customer,
        v1::SpeakerRole::Bot => SpeakerRole::Bot,
        v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified => SpeakerRole::Unknown,
    })
}

fn utterance(wire: &v1::Utterance, words: &[Word]) -> Utterance {
    // The wire counts characters; words follow from them, because the text is the words, joined.
    let mut end = 0;
    let ends: Vec<u32> = words
        .iter()
        .map(|word| {
            end += u32::try_from(word.text.chars().count()).unwrap_or(u32::MAX);
            end
        })
        .collect();
    let word_at = |char: u32| u32::try_from(ends.partition_point(|end| *end <= char)).unwrap_or(u32::MAX);
    Utterance {
        span: span(wire.start.as_ref(), wire.end.as_ref()).unwrap_or_default(),
        word_from: word_at(wire.char_from),
        word_to: word_at(wire.char_to),
        char_from: wire.char_from,
        char_to: wire.char_to,
        chars_per_min: wire.chars_per_min,
        loudness_dbfs: wire.loudness_dbfs,
    }
}

fn timing(wire: v1::Timing, turns: &[Turn]) -> Timing {
    let length = |duration: &Option<prost_types::Duration>| duration.as_ref().map_or(Millis::ZERO, millis);
    Timing {
        duration: length(&wire.duration),
        gaps: wire
            .gaps
            .iter()
            .map(|gap| Gap {
                span: span(gap.start.as_ref(), gap.end.as_ref()).unwrap_or_default(),
                turn_before: gap.turn_before,
                turn_after: gap.turn_after,
            })
            .collect(),
        overlaps: wire.overlaps.iter().map(|one| overlap(one, turns)).collect(),
        silence: length(&wire.silence),
        agent_talk: length(&wire.agent_talk),
        customer_talk: length(&wire.customer_talk),
        agent_chars_per_min: wire.agent_chars_per_min,
        customer_chars_per_min: wire.customer_chars_per_min,
        start: Millis::ZERO,
        opening: length(&wire.opening),
        holds: wire.holds.iter().map(|hold| millis_span(hold.start.as_ref(), hold.end.as_ref())).collect(),
        hold: length(&wire.hold),
    }
}

/// The wire leaves out what follows from the utterances: who had spoken how long, and how much was said over it.
fn overlap(wire: &v1::Overlap, turns: &[Turn]) -> Overlap {
    let shared = span(wire.start.as_ref(), wire.end.as_ref()).unwrap_or_default();
    let under_way = |turn: u32| {
        let turn = turns.get(turn as usize)?;
        let utterance = turn.utterances.iter().find(|one| one.span.overlap(shared) > Millis::ZERO);
        utterance.map(|utterance| (turn, utterance))
    };
    let begun = under_way(wire.turn).map_or(shared.start, |(_, utterance)| utterance.span.start);
    let num_chars = under_way(wire.interrupting_turn).map_or(0, |(turn, utterance)| {
        let length = utterance.char_to.saturating_sub(utterance.char_from) as usize;
        let said = turn.text.chars().skip(utterance.char_from as usize).take(length);
        u32::try_from(said.filter(|char| char.is_alphanumeric()).count()).unwrap_or(u32::MAX)
    });
    Overlap {
        span: shared,
        turn: wire.turn,
        interrupting_turn: wire.interrupting_turn,
        spoken_before: shared.start.saturating_sub(begun),
        num_chars,
    }
}
