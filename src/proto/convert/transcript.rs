//! Dialogues to the wire.

use super::chat::kind_to_wire;
use super::duration;
use crate::audio::{AudioProfile, ChannelLayout};
use crate::dialogue::{Dialogue, Gap, MessageKind, Overlap, Separation, Timing, Turn, Utterance};
use crate::masking::{MaskKind, MaskedSpan};
use crate::pipeline::CallResult;
use crate::proto::v1;
use crate::speech::{Unheard, Word};
use crate::types::{Millis, RoleSource, TimeSpan};

/// Who said what when in `result`, and what the recording is.
#[must_use]
pub fn transcript(result: &CallResult) -> v1::Transcript {
    let dialogue: &Dialogue = &result.dialogue;
    let recognition = result.recognition.clone().unwrap_or_default();
    v1::Transcript {
        turns: dialogue.turns.iter().map(Into::into).collect(),
        timing: Some((&dialogue.timing).into()),
        layout: layout(dialogue.layout).into(),
        role_source: role_source(dialogue.role_source).into(),
        role_confidence: dialogue.role_confidence,
        silent_channels: dialogue.silent_channels.iter().map(|channel| channel.0.into()).collect(),
        model: recognition.model,
        language: recognition.language,
        speech: result.recognition.as_ref().map(|recognition| duration(recognition.speech)),
        redecoded: recognition.redecoded.into_iter().collect(),
        dropped: recognition.dropped.into_iter().collect(),
        audio: result.audio.as_ref().map(Into::into),
        unheard: dialogue.unheard.iter().map(Into::into).collect(),
        separation: dialogue.separation.as_ref().map(Into::into),
        chat: dialogue.chat.as_ref().map(Into::into),
        masked_spans: result.masking.spans.iter().map(Into::into).collect(),
    }
}

/// A turn in which words that were looked for stand at `ranges`.
#[must_use]
pub fn text_match(turn: &Turn, ranges: &[(u32, u32)]) -> v1::TextMatch {
    v1::TextMatch {
        turn: turn.index,
        role: v1::SpeakerRole::from(turn.role).into(),
        start: turn.span.map(|span| duration(span.start)),
        text: turn.text.clone(),
        ranges: ranges.iter().map(|(from, to)| v1::CharRange { from: *from, to: *to }).collect(),
    }
}

impl From<&MaskedSpan> for v1::MaskedSpan {
    fn from(masked: &MaskedSpan) -> Self {
        let (start, end) = masked.span.map_or((None, None), bounds);
        let kind = match masked.kind {
            MaskKind::IdCard => v1::MaskKind::IdCard,
            MaskKind::BankCard => v1::MaskKind::BankCard,
            MaskKind::Phone => v1::MaskKind::Phone,
            MaskKind::Name => v1::MaskKind::Name,
            MaskKind::Address => v1::MaskKind::Address,
            MaskKind::Code => v1::MaskKind::Code,
            MaskKind::Password => v1::MaskKind::Password,
        };
        Self {
            kind: kind.into(),
            turn: masked.turn,
            char_from: masked.char_from,
            char_to: masked.char_to,
            channel: masked.channel.0.into(),
            start,
            end,
            item: masked.item,
        }
    }
}

impl From<&Separation> for v1::Separation {
    fn from(separation: &Separation) -> Self {
        Self {
            separated: separation.separated,
            confidence: separation.confidence,
            reason: separation.reason.clone().unwrap_or_default(),
        }
    }
}

impl From<&Unheard> for v1::Unheard {
    fn from(unheard: &Unheard) -> Self {
        let (start, end) = bounds(unheard.span);
        Self { channel: unheard.channel.0.into(), start, end, reason: unheard.reason.clone() }
    }
}

/// A length that is there.
fn some_length(length: Millis) -> Option<prost_types::Duration> {
    (length > Millis::ZERO).then(|| duration(length))
}

/// A span on the wire.
pub(super) fn span_to_wire(span: TimeSpan) -> v1::TimeSpan {
    let (start, end) = bounds(span);
    v1::TimeSpan { start, end }
}

/// Start and end of a span.
fn bounds(span: TimeSpan) -> (Option<prost_types::Duration>, Option<prost_types::Duration>) {
    (Some(duration(span.start)), Some(duration(span.end)))
}

impl From<&Turn> for v1::Turn {
    fn from(turn: &Turn) -> Self {
        let (start, end) = turn.span.map_or((None, None), bounds);
        Self {
            index: turn.index,
            channel: turn.channel.0.into(),
            role: v1::SpeakerRole::from(turn.role).into(),
            start,
            end,
            text: turn.text.clone(),
            words: turn.words.iter().map(Into::into).collect(),
            utterances: turn.utterances.iter().map(Into::into).collect(),
            confidence: turn.confidence,
            chars_per_min: turn.chars_per_min,
            loudness_dbfs: turn.loudness_dbfs,
            speaker: turn.speaker.map(Into::into),
            speaker_confidence: turn.speaker_confidence,
            // A recording's turns are all speech, so nothing need be said.
            kind: if turn.kind == MessageKind::Text { 0 } else { kind_to_wire(turn.kind).into() },
            sender: turn.sender.clone().unwrap_or_default(),
        }
    }
}

impl From<&Word> for v1::Word {
    fn from(word: &Word) -> Self {
        let (start, end) = bounds(word.span);
        Self { text: word.text.clone(), start, end, confidence: word.confidence }
    }
}

impl From<&Utterance> for v1::Utterance {
    fn from(utterance: &Utterance) -> Self {
        let (start, end) = bounds(utterance.span);
        Self {
            start,
            end,
            char_from: utterance.char_from,
            char_to: utterance.char_to,
            chars_per_min: utterance.chars_per_min,
            loudness_dbfs: utterance.loudness_dbfs,
        }
    }
}

impl From<&Timing> for v1::Timing {
    fn from(timing: &Timing) -> Self {
        Self {
            duration: Some(duration(timing.duration)),
            gaps: timing.gaps.iter().map(Into::into).collect(),
            overlaps: timing.overlaps.iter().map(Into::into).collect(),
            silence: Some(duration(timing.silence)),
            agent_talk: Some(duration(timing.agent_talk)),
            customer_talk: Some(duration(timing.customer_talk)),
            agent_chars_per_min: timing.agent_chars_per_min,
            customer_chars_per_min: timing.customer_chars_per_min,
            opening: some_length(timing.opening),
            holds: timing.holds.iter().map(|hold| span_to_wire(*hold)).collect(),
            hold: some_length(timing.hold),
        }
    }
}

impl From<&Gap> for v1::Gap {
    fn from(gap: &Gap) -> Self {
        let (start, end) = bounds(gap.span);
        Self { start, end, turn_before: gap.turn_before, turn_after: gap.turn_after }
    }
}

impl From<&Overlap> for v1::Overlap {
    fn from(overlap: &Overlap) -> Self {
        let (start, end) = bounds(overlap.span);
        Self { start, end, turn: overlap.turn, interrupting_turn: overlap.interrupting_turn }
    }
}

impl From<&AudioProfile> for v1::AudioInfo {
    fn from(profile: &AudioProfile) -> Self {
        let channels = profile.channels.iter().map(|channel| v1::ChannelInfo {
            channel: channel.channel.0.into(),
            rms_dbfs: channel.rms_dbfs,
            peak_dbfs: channel.peak_dbfs,
            clipped: channel.clipped,
            silent: channel.silent,
        });
        Self {
            container: profile.container.clone(),
            codec: profile.codec.clone(),
            rate_hz: profile.rate_hz,
            num_channels: profile.num_channels.into(),
            channels: channels.collect(),
            warnings: profile.warnings.clone(),
        }
    }
}

fn layout(layout: Option<ChannelLayout>) -> v1::ChannelLayout {
    match layout {
        None => v1::ChannelLayout::Unspecified,
        Some(ChannelLayout::Mono) => v1::ChannelLayout::Mono,
        Some(ChannelLayout::Stereo) => v1::ChannelLayout::Stereo,
        Some(ChannelLayout::DualMono) => v1::ChannelLayout::DualMono,
    }
}

fn role_source(source: RoleSource) -> v1::RoleSource {
    match source {
        RoleSource::Metadata => v1::RoleSource::Metadata,
        RoleSource::Evidence => v1::RoleSource::Evidence,
        RoleSource::Voices => v1::RoleSource::Voices,
        RoleSource::Unknown => v1::RoleSource::Unknown,
    }
}
