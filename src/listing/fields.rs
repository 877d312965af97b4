//! The fields that a column of a manifest or a part of a name can fill.

use jiff::tz::TimeZone;

use super::values;
use crate::types::{AudioDeclaration, CallId, CallMetadata, DeclaredCodec, Direction};

/// Most characters of a text field, as over gRPC.
const MAX_TEXT_CHARS: usize = 1024;

/// Most attributes of one call, as over gRPC.
const MAX_ATTRIBUTES: usize = 64;

/// What a column or a part of a name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    /// Where the recording is.
    Path,
    /// Where the `-in` leg is: what came in from the line that was recorded.
    PathIn,
    /// Where the `-out` leg is: what was sent to it.
    PathOut,
    /// Where the leg is on which the agent speaks.
    PathAgent,
    /// Where the leg is on which the customer speaks.
    PathCustomer,
    CallId,
    AgentId,
    AgentName,
    Team,
    SkillGroup,
    StartedAt,
    Direction,
    Business,
    Product,
    CustomerRef,
    CustomerName,
    Media,
    HangUpSide,
    ChannelRoles,
    Channels,
    NumSpeakers,
    AudioTrack,
    Codec,
    RateHz,
    NumChannels,
    /// Anything else, kept under the name it has.
    Attribute(String),
}

/// Fields by the names that they are given; the first of a field is its own.
const NAMES: [(Field, &[&str]); 25] = [
    (
        Field::Path,
        &[
            "path",
            "file",
            "file_name",
            "file_path",
            "recording",
            "文件",
            "文件名",
            "文件路径",
            "录音文件",
            "录音路径",
        ],
    ),
    (Field::PathIn, &["path_in", "file_in", "in_path"]),
    (Field::PathOut, &["path_out", "file_out", "out_path"]),
    (Field::PathAgent, &["path_agent", "agent_path", "agent_file", "坐席录音"]),
    (Field::PathCustomer, &["path_customer", "customer_path", "customer_file", "客户录音"]),
    (Field::CallId, &["call_id", "id", "recording_id", "通话编号", "通话id", "流水号", "录音流水号"]),
    (Field::AgentId, &["agent_id", "agent", "工号", "坐席工号", "座席工号"]),
    (Field::AgentName, &["agent_name", "坐席姓名", "座席姓名", "坐席", "姓名"]),
    (Field::Team, &["team", "group", "班组", "团队"]),
    (Field::SkillGroup, &["skill_group", "skill", "技能组"]),
    (
        Field::StartedAt,
        &["started_at", "time", "start_time", "begin_time", "开始时间", "通话时间", "录音时间"],
    ),
    (Field::Direction, &["direction", "call_type", "呼叫方向", "呼叫类型", "方向"]),
    (Field::Business, &["business", "业务", "业务类型", "业务线"]),
    (Field::Product, &["product", "产品"]),
    (Field::CustomerRef, &["customer_ref", "customer", "客户编号", "客户号"]),
    (Field::CustomerName, &["customer_name", "客户姓名", "客户名称", "客户名"]),
    (Field::Media, &["media", "媒体", "媒体类型"]),
    (Field::HangUpSide, &["hang_up_side", "hangup_side", "挂机方"]),
    (Field::ChannelRoles, &["channel_roles", "声道角色"]),
    (Field::Channels, &["channels", "use_channels", "声道"]),
    (Field::NumSpeakers, &["num_speakers", "说话人数"]),
    (Field::AudioTrack, &["audio_track", "音轨"]),
    (Field::Codec, &["codec", "编码"]),
    (Field::RateHz, &["rate_hz", "rate", "sample_rate", "采样率"]),
    (Field::NumChannels, &["num_channels", "声道数"]),
];

impl Field {
    /// The field that `name` means; an attribute when none does.
    pub(super) fn named(name: &str) -> Self {
        let plain = name.trim().to_lowercase().replace([' ', '-', '_'], "");
        let found = NAMES.iter().find(|(_, names)| {
            names.iter().any(|name| name.chars().filter(|char| *char != '_').eq(plain.chars()))
        });
        found.map_or_else(|| Self::Attribute(name.trim().to_owned()), |(field, _)| field.clone())
    }

    /// Names that mean a field, without aliases.
    pub(super) fn own_names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter_map(|(_, names)| names.first().copied())
    }

    /// Whether it says where a recording is.
    pub(super) fn is_path(&self) -> bool {
        matches!(self, Self::Path | Self::PathIn | Self::PathOut | Self::PathAgent | Self::PathCustomer)
    }
}

/// What is known about one item so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) call_id: Option<CallId>,
    pub(super) metadata: CallMetadata,
    pub(super) declaration: AudioDeclaration,
    pub(super) paths: Paths,
    /// Metadata of a row as it stands there, as JSON.
    pub(super) beside: Option<String>,
}

/// Files of one item, as they were written.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths {
    pub(super) whole: Option<String>,
    pub(super) incoming: Option<String>,
    pub(super) outgoing: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) customer: Option<String>,
}

impl Draft {
    /// Fills `field`; an empty value says nothing.
    pub(super) fn set(&mut self, field: &Field, value: &str, zone: &TimeZone) -> Result<(), String> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        match field {
            Field::Path => self.paths.whole = Some(value.to_owned()),
            Field::PathIn => self.paths.incoming = Some(value.to_owned()),
            Field::PathOut => self.paths.outgoing = Some(value.to_owned()),
            Field::PathAgent => self.paths.agent = Some(value.to_owned()),
            Field::PathCustomer => self.paths.customer = Some(value.to_owned()),
            Field::CallId => {
                self.call_id = Some(CallId::try_new(value).map_err(|error| format!("`{value}`: {error}"))?);
            }
            Field::AgentId => self.metadata.agent_id = text(value)?,
            Field::AgentName => self.metadata.agent_name = text(value)?,
            Field::Team => self.metadata.team = text(value)?,
            Field::SkillGroup => self.metadata.skill_group = text(value)?,
            Field::StartedAt => self.metadata.started_at = Some(values::time(value, zone)?),
            Field::Direction => self.metadata.direction = Some(values::direction(value)?),
            Field::Business => self.metadata.business = text(value)?,
            Field::Product => self.metadata.product = text(value)?,
            Field::CustomerRef => self.metadata.customer_ref = text(value)?,
            // Never an attribute: those are kept and shown as they are.
            Field::CustomerName => self.metadata.customer_name = text(value)?,
            Field::Media => self.metadata.media = values::media(value)?,
            Field::HangUpSide => self.metadata.hang_up_side = Some(values::hang_up_side(value)?),
            Field::ChannelRoles => {
                self.metadata.channel_roles = values::channel_roles(value)?.into_iter().collect();
            }
            Field::Channels => self.metadata.channels = values::channels(value)?,
            Field::NumSpeakers => self.metadata.num_speakers = Some(values::positive(value)?),
            Field::AudioTrack => {
                let track = value.trim().parse();
                self.metadata.audio_track = Some(track.map_err(|_| "tracks are counted from 0".to_owned())?);
            }
            Field::Codec => self.declaration.codec = Some(values::codec(value)?),
            Field::RateHz => self.declaration.rate_hz = Some(values::positive(value)?),
            Field::NumChannels => self.declaration.num_channels = Some(values::positive(value)?),
            Field::Attribute(name) if name.is_empty() => return Err("an attribute needs a name".to_owned()),
            Field::Attribute(name) => {
                if let Some(value) = text(value)? {
                    self.metadata.attributes.insert(name.clone(), value);
                }
                if self.metadata.attributes.len() > MAX_ATTRIBUTES {
                    return Err(format!("a call has at most {MAX_ATTRIBUTES} attributes"));
                }
            }
        }
        Ok(())
    }

    /// Takes from `name` what is still unknown.
    pub(super) fn complete(&mut self, name: Self) {
        fn fill<T>(field: &mut Option<T>, other: Option<T>) {
            if field.is_none() {
                *field = other;
            }
        }
        fill(&mut self.call_id, name.call_id);
        let (own, other) = (&mut self.metadata, name.metadata);
        fill(&mut own.started_at, other.started_at);
        fill(&mut own.direction, other.direction);
        fill(&mut own.agent_id, other.agent_id);
        fill(&mut own.agent_name, other.agent_name);
        fill(&mut own.team, other.team);
        fill(&mut own.skill_group, other.skill_group);
        fill(&mut own.business, other.business);
        fill(&mut own.product, other.product);
        fill(&mut own.customer_ref, other.customer_ref);
        fill(&mut own.customer_name, other.customer_name);
        fill(&mut own.hang_up_side, other.hang_up_side);
        for (key, value) in other.attributes {
            own.attributes.entry(key).or_insert(value);
        }
    }

    /// Says what is missing of a declaration of headerless audio.
    pub(super) fn check_declaration(&self) -> Result<(), (&'static str, String)> {
        if self.declaration.codec.is_some_and(DeclaredCodec::has_one_layout) {
            return Ok(());
        }
        let missing = "is required where `codec` is filled, except for gsm, g722 and g729".to_owned();
        match (self.declaration.codec, self.declaration.rate_hz, self.declaration.num_channels) {
            (None, _, _) | (Some(_), Some(_), Some(_)) => Ok(()),
            (Some(_), None, _) => Err(("rate_hz", missing)),
            (Some(_), Some(_), None) => Err(("num_channels", missing)),
        }
    }

    pub(super) fn direction(&self) -> Option<Direction> {
        self.metadata.direction
    }
}

fn text(value: &str) -> Result<Option<String>, String> {
    let num_chars = value.chars().count();
    if num_chars > MAX_TEXT_CHARS {
        return Err(format!("at most {MAX_TEXT_CHARS} characters are allowed, this has {num_chars}"));
    }
    Ok(Some(value.to_owned()))
}
