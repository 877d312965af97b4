//! Calls: records to the wire; metadata and audio declarations both ways.

use std::collections::BTreeMap;

use super::codec::{codec_from_wire, codec_to_wire};
use super::{ConvertError, duration, known, optional_text, segments, timestamp, timestamp_from_wire};
use crate::ingest::{CallRecord, CallState};
use crate::proto::v1;
use crate::types::{AudioDeclaration, CallMetadata, ChannelIndex, Direction, HangUpSide, Media, SpeakerRole};

/// Most attributes of one call.
const MAX_ATTRIBUTES: usize = 64;

impl From<&CallRecord> for v1::Call {
    fn from(record: &CallRecord) -> Self {
        Self {
            call_id: record.id.to_string(),
            metadata: Some((&record.metadata).into()),
            recording: Some(v1::Recording {
                sha256: record.recording.hash.to_string(),
                num_bytes: record.recording.num_bytes,
                declaration: Some((&record.recording.declaration).into()),
            }),
            received_at: Some(timestamp(record.received_at)),
            state: state_to_wire(&record.state).into(),
            failure: failure_of(&record.state),
            num_attempts: record.num_attempts,
            duration: record.duration.map(duration),
        }
    }
}

/// The state without its failure.
#[must_use]
pub fn state_to_wire(state: &CallState) -> v1::CallState {
    match state {
        CallState::Accepted => v1::CallState::Accepted,
        CallState::Decoding => v1::CallState::Decoding,
        CallState::Transcribing => v1::CallState::Transcribing,
        CallState::Scoring => v1::CallState::Scoring,
        CallState::Done => v1::CallState::Done,
        CallState::Failed(_) => v1::CallState::Failed,
    }
}

/// Why the call failed, if it did.
#[must_use]
pub fn failure_of(state: &CallState) -> Option<v1::Failure> {
    if let CallState::Failed(failure) = state {
        Some(v1::Failure { reason: failure.reason.clone(), message: failure.message.clone() })
    } else {
        None
    }
}

impl From<&AudioDeclaration> for v1::AudioDeclaration {
    fn from(declaration: &AudioDeclaration) -> Self {
        let codec = codec_to_wire(declaration.codec);
        Self {
            file_name: declaration.file_name.clone().unwrap_or_default(),
            codec: codec.into(),
            rate_hz: declaration.rate_hz.unwrap_or_default(),
            num_channels: declaration.num_channels.map_or(0, u32::from),
        }
    }
}

impl TryFrom<v1::AudioDeclaration> for AudioDeclaration {
    type Error = ConvertError;

    fn try_from(wire: v1::AudioDeclaration) -> Result<Self, ConvertError> {
        let codec = codec_from_wire(known("audio.codec", wire.codec)?);
        let num_channels = u16::try_from(wire.num_channels)
            .map_err(|_| ConvertError::new("audio.num_channels", "at most 65535 channels are allowed"))?;
        let needs_layout = codec.is_some_and(|codec| !codec.has_one_layout());
        if needs_layout && wire.rate_hz == 0 {
            return Err(ConvertError::new("audio.rate_hz", "is required when `audio.codec` is set"));
        }
        if needs_layout && num_channels == 0 {
            return Err(ConvertError::new("audio.num_channels", "is required when `audio.codec` is set"));
        }
        Ok(Self {
            file_name: optional_text("audio.file_name", wire.file_name)?,
            codec,
            rate_hz: (wire.rate_hz > 0).then_some(wire.rate_hz),
            num_channels: (num_channels > 0).then_some(num_channels),
        })
    }
}

impl From<&CallMetadata> for v1::CallMetadata {
    fn from(metadata: &CallMetadata) -> Self {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            started_at: metadata.started_at.map(timestamp),
            direction: direction_to_wire(metadata.direction).into(),
            media: media_to_wire(metadata.media).into(),
            agent_id: text(&metadata.agent_id),
            agent_name: text(&metadata.agent_name),
            team: text(&metadata.team),
            skill_group: text(&metadata.skill_group),
            business: text(&metadata.business),
            product: text(&metadata.product),
            customer_ref: text(&metadata.customer_ref),
            hang_up_side: hang_up_side_to_wire(metadata.hang_up_side).into(),
            channel_roles: metadata
                .channel_roles
                .iter()
                .map(|(channel, role)| v1::ChannelRole {
                    channel: channel.0.into(),
                    role: v1::SpeakerRole::from(*role).into(),
                })
                .collect(),
            channels: metadata.channels.iter().map(|channel| channel.0.into()).collect(),
            attributes: metadata.attributes.clone().into_iter().collect(),
            num_speakers: metadata.num_speakers,
            segments: metadata.segments.iter().map(Into::into).collect(),
            holds: segments::holds_to_wire(&metadata.holds),
            ivr_end: metadata.ivr_end.map(duration),
            audio_track: metadata.audio_track,
            customer_name: text(&metadata.customer_name),
        }
    }
}

impl TryFrom<v1::CallMetadata> for CallMetadata {
    type Error = ConvertError;

    fn try_from(wire: v1::CallMetadata) -> Result<Self, ConvertError> {
        let started_at =
            wire.started_at.map(|at| timestamp_from_wire("metadata.started_at", at)).transpose()?;
        Ok(Self {
            started_at,
            direction: direction_from_wire(wire.direction)?,
            media: media_from_wire(wire.media)?,
            agent_id: optional_text("metadata.agent_id", wire.agent_id)?,
            agent_name: optional_text("metadata.agent_name", wire.agent_name)?,
            team: optional_text("metadata.team", wire.team)?,
            skill_group: optional_text("metadata.skill_group", wire.skill_group)?,
            business: optional_text("metadata.business", wire.business)?,
            product: optional_text("metadata.product", wire.product)?,
            customer_ref: optional_text("metadata.customer_ref", wire.customer_ref)?,
            hang_up_side: hang_up_side_from_wire(wire.hang_up_side)?,
            channel_roles: channel_roles(wire.channel_roles)?,
            channels: channels(wire.channels)?,
            attributes: attributes(wire.attributes)?,
            num_speakers: num_speakers(wire.num_speakers)?,
            segments: segments::segments(wire.segments)?,
            holds: segments::holds(wire.holds)?,
            ivr_end: segments::ivr_end(wire.ivr_end)?,
            audio_track: wire.audio_track,
            customer_name: optional_text("metadata.customer_name", wire.customer_name)?,
            customer_name_sealed: None,
        })
    }
}

impl From<SpeakerRole> for v1::SpeakerRole {
    fn from(role: SpeakerRole) -> Self {
        match role {
            SpeakerRole::Agent => Self::Agent,
            SpeakerRole::Customer => Self::Customer,
            SpeakerRole::Bot => Self::Bot,
            SpeakerRole::Unknown => Self::Unknown,
        }
    }
}

fn num_speakers(wire: Option<u32>) -> Result<Option<u32>, ConvertError> {
    match wire {
        Some(0) => Err(ConvertError::new(
            "metadata.num_speakers",
            "at least one person speaks; leave it out instead",
        )),
        known => Ok(known),
    }
}

fn channel_index(field: &str, channel: u32) -> Result<ChannelIndex, ConvertError> {
    u16::try_from(channel).map(ChannelIndex).map_err(|_| {
        ConvertError::new(field, format!("there is no channel {channel}: channels count from 0"))
    })
}

fn channel_roles(roles: Vec<v1::ChannelRole>) -> Result<BTreeMap<ChannelIndex, SpeakerRole>, ConvertError> {
    const FIELD: &str = "metadata.channel_roles";
    let mut by_channel = BTreeMap::new();
    for entry in roles {
        let role = match known(FIELD, entry.role)? {
            v1::SpeakerRole::Agent => SpeakerRole::Agent,
            v1::SpeakerRole::Customer => SpeakerRole::Customer,
            v1::SpeakerRole::Bot => SpeakerRole::Bot,
            v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified => SpeakerRole::Unknown,
        };
        let channel = channel_index(FIELD, entry.channel)?;
        if by_channel.insert(channel, role).is_some() {
            return Err(ConvertError::new(FIELD, format!("channel {channel} is named twice")));
        }
    }
    Ok(by_channel)
}

fn channels(wire: Vec<u32>) -> Result<Vec<ChannelIndex>, ConvertError> {
    const FIELD: &str = "metadata.channels";
    let mut chosen = Vec::new();
    for channel in wire {
        let channel = channel_index(FIELD, channel)?;
        if chosen.contains(&channel) {
            return Err(ConvertError::new(FIELD, format!("channel {channel} is named twice")));
        }
        chosen.push(channel);
    }
    Ok(chosen)
}

fn attributes(
    wire: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, ConvertError> {
    const FIELD: &str = "metadata.attributes";
    let mut kept = BTreeMap::new();
    for (name, value) in wire {
        let name = optional_text(FIELD, name)?
            .ok_or_else(|| ConvertError::new(FIELD, "an attribute needs a name that is not empty"))?;
        kept.insert(name, optional_text(FIELD, value)?.unwrap_or_default());
    }
    if kept.len() > MAX_ATTRIBUTES {
        let problem = format!("at most {MAX_ATTRIBUTES} attributes are allowed, these are {}", kept.len());
        return Err(ConvertError::new(FIELD, problem));
    }
    Ok(kept)
}

pub(super) fn direction_to_wire(direction: Option<Direction>) -> v1::Direction {
    match direction {
        None => v1::Direction::Unspecified,
        Some(Direction::Inbound) => v1::Direction::Inbound,
        Some(Direction::Outbound) => v1::Direction::Outbound,
        Some(Direction::Internal) => v1::Direction::Internal,
    }
}

fn direction_from_wire(direction: i32) -> Result<Option<Direction>, ConvertError> {
    Ok(match known("metadata.direction", direction)? {
        v1::Direction::Unspecified => None,
        v1::Direction::Inbound => Some(Direction::Inbound),
        v1::Direction::Outbound => Some(Direction::Outbound),
        v1::Direction::Internal => Some(Direction::Internal),
    })
}

pub(super) fn media_to_wire(media: Media) -> v1::Media {
    match media {
        Media::Voice => v1::Media::Voice,
        Media::Chat => v1::Media::Chat,
        Media::Video => v1::Media::Video,
    }
}

fn media_from_wire(media: i32) -> Result<Media, ConvertError> {
    Ok(match known("metadata.media", media)? {
        v1::Media::Unspecified | v1::Media::Voice => Media::Voice,
        v1::Media::Chat => Media::Chat,
        v1::Media::Video => Media::Video,
    })
}

fn hang_up_side_to_wire(side: Option<HangUpSide>) -> v1::HangUpSide {
    match side {
        None => v1::HangUpSide::Unspecified,
        Some(HangUpSide::Agent) => v1::HangUpSide::Agent,
        Some(HangUpSide::Customer) => v1::HangUpSide::Customer,
        Some(HangUpSide::System) => v1::HangUpSide::System,
    }
}

fn hang_up_side_from_wire(side: i32) -> Result<Option<HangUpSide>, ConvertError> {
    Ok(match known("metadata.hang_up_side", side)? {
        v1::HangUpSide::Unspecified => None,
        v1::HangUpSide::Agent => Some(HangUpSide::Agent),
        v1::HangUpSide::Customer => Some(HangUpSide::Customer),
        v1::HangUpSide::System => Some(HangUpSide::System),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::DeclaredCodec;

    fn metadata() -> CallMetadata {
        CallMetadata {
            started_at: Some("2026-11-23T09:00:00.5Z".parse().expect("a timestamp")),
            direction: Some(Direction::Outbound),
            media: Media::Video,
            agent_id: Some("8021".to_owned()),
            team: Some("三组".to_owned()),
            hang_up_side: Some(HangUpSide::Customer),
            num_speakers: Some(2),
            audio_track: Some(1),
            channel_roles: [(ChannelIndex(0), SpeakerRole::Agent), (ChannelIndex(1), SpeakerRole::Bot)]
                .into(),
            channels: vec![ChannelIndex(1), ChannelIndex(0)],
            attributes: [("queue".to_owned(), "7".to_owned())].into(),
            ..CallMetadata::default()
        }
    }

    #[test]
    fn metadata_survives_the_wire() {
        let wire = v1::CallMetadata::from(&metadata());
        assert_eq!(CallMetadata::try_from(wire), Ok(metadata()));
        assert_eq!(CallMetadata::try_from(v1::CallMetadata::default()), Ok(CallMetadata::default()));
    }

    #[test]
    fn a_declaration_survives_the_wire() {
        let declaration = AudioDeclaration {
            file_name: Some("a.al".to_owned()),
            codec: Some(DeclaredCodec::Alaw),
            rate_hz: Some(8000),
            num_channels: Some(2),
        };
        assert_eq!(
            AudioDeclaration::try_from(v1::AudioDeclaration::from(&declaration)),
            Ok(declaration.clone())
        );
        let default = v1::AudioDeclaration::from(&AudioDeclaration::default());
        assert_eq!(AudioDeclaration::try_from(default), Ok(AudioDeclaration::default()));
    }

    #[test]
    fn a_declared_codec_needs_rate_and_channels() {
        let wire = v1::AudioDeclaration { codec: v1::AudioCodec::Ulaw.into(), ..Default::default() };
        let error = AudioDeclaration::try_from(wire.clone()).expect_err("the rate is missing");
        assert_eq!(error.field, "audio.rate_hz");
        let error = AudioDeclaration::try_from(v1::AudioDeclaration { rate_hz: 8000, ..wire })
            .expect_err("the channels are missing");
        assert_eq!(error.field, "audio.num_channels");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_field() {
        let refused = |wire: v1::CallMetadata| CallMetadata::try_from(wire).expect_err("it is wrong").field;
        let twice = vec![v1::ChannelRole { channel: 1, role: 1 }, v1::ChannelRole { channel: 1, role: 2 }];
        let default = v1::CallMetadata::default;
        assert_eq!(refused(v1::CallMetadata { direction: 99, ..default() }), "metadata.direction");
        assert_eq!(refused(v1::CallMetadata { channel_roles: twice, ..default() }), "metadata.channel_roles");
        assert_eq!(refused(v1::CallMetadata { channels: vec![70_000], ..default() }), "metadata.channels");
        let nobody = v1::CallMetadata { num_speakers: Some(0), ..default() };
        assert_eq!(refused(nobody), "metadata.num_speakers");
        assert_eq!(refused(v1::CallMetadata { team: "x".repeat(1025), ..default() }), "metadata.team");
    }
}
