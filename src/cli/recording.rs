//! What is typed about recordings: metadata, declarations of headerless audio, call ids made of file names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::exit::UsageError;
use crate::audio::AudioProfile;
use crate::error::{Classify, ErrorCode};
use crate::listing::call_id_of;
use crate::proto::{json, v1};
use crate::types::{AudioDeclaration, CallId, CallMetadata};

/// File names of recordings in a folder; a file that is named is taken whatever its name.
const EXTENSIONS: [&str; 49] = [
    "wav", "flac", "mp3", "mp2", "aac", "m4a", "mp4", "m4v", "mov", "mkv", "mka", "webm", "ogg", "oga",
    "opus", "aif", "aiff", "caf", "wave", "w64", "amr", "awb", "3gp", "3g2", "ul", "ulaw", "pcmu", "al",
    "alaw", "pcma", "cal", "sln", "sln8", "sln12", "sln16", "sln24", "sln32", "sln44", "sln48", "sln96",
    "sln192", "vox", "gsm", "g722", "g726-16", "g726-24", "g726-32", "g726-40", "g729",
];

/// Metadata and audio declaration as typed; they go over those of a metadata file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct RecordingArgs {
    /// The agent's job number
    #[arg(long, value_name = "ID")]
    agent_id: Option<String>,
    /// Who speaks on a channel, for example 0=agent; may be repeated
    #[arg(long = "channel-role", value_name = "CHANNEL=ROLE", value_parser = parse_channel_role)]
    channel_roles: Vec<(u32, v1::SpeakerRole)>,
    /// Channel to use when there are more than two; may be repeated
    #[arg(long = "use-channel", value_name = "CHANNEL")]
    use_channels: Vec<u32>,
    /// Audio track to use when the file has several, counted from 0
    #[arg(long, value_name = "TRACK")]
    audio_track: Option<u32>,
    /// Coding of audio without a header; needs --rate and --channels, except gsm, g722 and g729
    #[arg(long, value_enum)]
    codec: Option<Codec>,
    /// Samples per second of audio without a header
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// Interleaved channels of audio without a header
    #[arg(long, value_name = "COUNT")]
    channels: Option<u32>,
}

/// Coding of headerless audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Codec {
    /// G.711 A-law
    Alaw,
    /// G.711 µ-law
    Ulaw,
    /// Signed 16-bit little-endian PCM
    S16le,
    /// Unsigned 8-bit PCM
    U8,
    /// Signed 16-bit big-endian PCM
    S16be,
    /// G.711 A-law with every bit inverted (.cal)
    AlawInverted,
    /// Dialogic (OKI) ADPCM
    Vox,
    /// GSM 06.10, 33 bytes a frame
    Gsm,
    /// G.722 at 64 kbit/s
    G722,
    /// G.726 at 16 kbit/s, first code in the lowest bits (RFC 3551)
    #[value(name = "g726-16")]
    G726Kbit16,
    /// G.726 at 24 kbit/s, first code in the lowest bits (RFC 3551)
    #[value(name = "g726-24")]
    G726Kbit24,
    /// G.726 at 32 kbit/s, first code in the lowest bits (RFC 3551)
    #[value(name = "g726-32")]
    G726Kbit32,
    /// G.726 at 40 kbit/s, first code in the lowest bits (RFC 3551)
    #[value(name = "g726-40")]
    G726Kbit40,
    /// G.726 at 16 kbit/s, first code in the highest bits (AAL2)
    #[value(name = "aal2-g726-16")]
    Aal2G726Kbit16,
    /// G.726 at 24 kbit/s, first code in the highest bits (AAL2)
    #[value(name = "aal2-g726-24")]
    Aal2G726Kbit24,
    /// G.726 at 32 kbit/s, first code in the highest bits (AAL2)
    #[value(name = "aal2-g726-32")]
    Aal2G726Kbit32,
    /// G.726 at 40 kbit/s, first code in the highest bits (AAL2)
    #[value(name = "aal2-g726-40")]
    Aal2G726Kbit40,
    /// G.729, 10 bytes a frame
    G729,
}

fn parse_channel_role(text: &str) -> Result<(u32, v1::SpeakerRole), String> {
    let wrong = || format!("`{text}` does not read like 0=agent, 1=customer or 2=bot");
    let (channel, role) = text.split_once('=').ok_or_else(wrong)?;
    let role = match role {
        "agent" => v1::SpeakerRole::Agent,
        "customer" => v1::SpeakerRole::Customer,
        "bot" => v1::SpeakerRole::Bot,
        "unknown" => v1::SpeakerRole::Unknown,
        _ => return Err(wrong()),
    };
    Ok((channel.parse().map_err(|_| wrong())?, role))
}

impl RecordingArgs {
    /// Whether roles of channels were typed.
    pub(super) fn has_roles(&self) -> bool {
        !self.channel_roles.is_empty()
    }

    /// Refuses a typed role on a channel that the recording does not have.
    pub(super) fn check_roles(&self, audio: &AudioProfile) -> Result<(), UsageError> {
        let there = |channel: u32| channel < u32::from(audio.num_channels);
        match self.channel_roles.iter().find(|(channel, _)| !there(*channel)) {
            None => Ok(()),
            Some((channel, _)) => {
                let known: Vec<_> = (0..audio.num_channels).map(|channel| channel.to_string()).collect();
                let known = known.join(", ");
                Err(UsageError(format!("--channel-role names channel {channel}; this recording has {known}")))
            }
        }
    }

    /// The metadata of a call: `file`'s, with what was typed over it.
    pub(super) fn metadata(&self, file: Option<&Path>) -> anyhow::Result<v1::CallMetadata> {
        let mut metadata = file.map(read_metadata).transpose()?.unwrap_or_default();
        if let Some(agent_id) = &self.agent_id {
            metadata.agent_id.clone_from(agent_id);
        }
        for (channel, role) in &self.channel_roles {
            metadata.channel_roles.retain(|entry| entry.channel != *channel);
            metadata.channel_roles.push(v1::ChannelRole { channel: *channel, role: (*role).into() });
        }
        if !self.use_channels.is_empty() {
            metadata.channels.clone_from(&self.use_channels);
        }
        if self.audio_track.is_some() {
            metadata.audio_track = self.audio_track;
        }
        // Checked here too, so that a mistake is found before a byte is sent.
        CallMetadata::try_from(metadata.clone())?;
        Ok(metadata)
    }

    /// How to read the audio in `path`.
    pub(super) fn declaration(&self, path: &Path) -> anyhow::Result<v1::AudioDeclaration> {
        let is_complete = match self.codec {
            None | Some(Codec::Gsm | Codec::G722 | Codec::G729) => true,
            Some(_) => self.rate.is_some() && self.channels.is_some(),
        };
        if !is_complete {
            let problem = "--codec needs --rate and --channels; only gsm, g722 and g729 have one of each";
            return Err(UsageError(problem.to_owned()).into());
        }
        let codec = match self.codec {
            None => v1::AudioCodec::Unspecified,
            Some(Codec::Alaw) => v1::AudioCodec::Alaw,
            Some(Codec::Ulaw) => v1::AudioCodec::Ulaw,
            Some(Codec::S16le) => v1::AudioCodec::PcmS16le,
            Some(Codec::U8) => v1::AudioCodec::PcmU8,
            Some(Codec::S16be) => v1::AudioCodec::PcmS16be,
            Some(Codec::AlawInverted) => v1::AudioCodec::AlawInverted,
            Some(Codec::Vox) => v1::AudioCodec::Vox,
            Some(Codec::Gsm) => v1::AudioCodec::Gsm,
            Some(Codec::G722) => v1::AudioCodec::G722,
            Some(Codec::G726Kbit16) => v1::AudioCodec::G72616,
            Some(Codec::G726Kbit24) => v1::AudioCodec::G72624,
            Some(Codec::G726Kbit32) => v1::AudioCodec::G72632,
            Some(Codec::G726Kbit40) => v1::AudioCodec::G72640,
            Some(Codec::Aal2G726Kbit16) => v1::AudioCodec::Aal2G72616,
            Some(Codec::Aal2G726Kbit24) => v1::AudioCodec::Aal2G72624,
            Some(Codec::Aal2G726Kbit32) => v1::AudioCodec::Aal2G72632,
            Some(Codec::Aal2G726Kbit40) => v1::AudioCodec::Aal2G72640,
            Some(Codec::G729) => v1::AudioCodec::G729,
        };
        let declaration = v1::AudioDeclaration {
            file_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            codec: codec.into(),
            rate_hz: self.rate.unwrap_or_default(),
            num_channels: self.channels.unwrap_or_default(),
        };
        AudioDeclaration::try_from(declaration.clone())?;
        Ok(declaration)
    }
}

/// A metadata file that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not metadata of a call: {problem}", path.display())]
pub(super) struct MetadataError {
    path: PathBuf,
    /// What is wrong, where, and what to write instead.
    problem: String,
}

impl Classify for MetadataError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn reason(&self) -> &'static str {
        "request.invalid_field"
    }
}

fn read_metadata(file: &Path) -> anyhow::Result<v1::CallMetadata> {
    let text = fs_err::read_to_string(file)?;
    let wrong = |error| {
        let hint = json::hint::<v1::CallMetadata>(&text).map(|hint| format!("; {hint}")).unwrap_or_default();
        MetadataError { path: file.to_owned(), problem: format!("{error}{hint}") }
    };
    Ok(json::parse(&text).map_err(wrong)?)
}

/// The metadata file that lies beside `path`: `call.wav.json` for `call.wav`.
pub(super) fn sidecar(path: &Path) -> Option<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    Some(PathBuf::from(name)).filter(|file| file.is_file())
}

/// The name of `path` without its extension, as an id.
pub(super) fn call_id(path: &Path) -> anyhow::Result<CallId> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    id_of(&stem).with_context(|| format!("`{}` gives no call id", path.display()))
}

/// The id that `text` gives, with folders parted by `:`.
fn id_of(text: &str) -> anyhow::Result<CallId> {
    call_id_of(text).context("no id can be made of it")
}

/// A recording and the id it is sent under.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) call_id: CallId,
}

/// Every recording that `paths` name, folders walked in order of names.
///
/// Inside of a folder the id is the way from that folder to the file, so that folders by date may use names again. Two
/// ids that would be the same keep the extension.
pub(super) fn walk(paths: &[PathBuf]) -> anyhow::Result<Vec<Found>> {
    let mut named = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut inside = Vec::new();
            walk_folder(path, &mut inside)?;
            named.extend(inside.into_iter().map(|file| (way(path, &file), file)));
        } else {
            named.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path.clone()));
        }
    }
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let mut num_by_stem: HashMap<String, usize> = HashMap::new();
    for (name, _) in &named {
        *num_by_stem.entry(stem(name)).or_default() += 1;
    }
    let give_id = |(name, path): (String, PathBuf)| {
        let stem = stem(&name);
        let alone = num_by_stem.get(&stem).is_none_or(|number| *number == 1);
        let call_id = id_of(if alone { &stem } else { &name })
            .with_context(|| format!("`{}` gives no call id", path.display()))?;
        Ok(Found { path, call_id })
    };
    named.into_iter().map(give_id).collect()
}

/// The names that lead from `folder` to `file`.
fn way(folder: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(folder).unwrap_or(file);
    let names: Vec<_> = inside.iter().map(|name| name.to_string_lossy()).collect();
    names.join("/")
}

fn walk_folder(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        entries.push(entry?);
    }
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        // A link to a folder is not followed: it may lead back up.
        if kind.is_dir() {
            walk_folder(&path, found)?;
        } else if has_audio_extension(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn has_audio_extension(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_becomes_a_valid_id() {
        let id = |name: &str| call_id(Path::new(name)).expect("it gives an id").to_string();
        assert_eq!(id("/in/2026-11-23_agent@7.wav"), "2026-11-23_agent@7");
        assert!(id("客户 1.wav").starts_with("call___1-"));
        assert_ne!(id("张三.wav"), id("李四.wav"));
        assert!(id("-x.wav").starts_with("call-x-"));
        assert!(call_id(Path::new("/")).is_ok());
    }

    #[test]
    fn typed_facts_go_over_those_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.json");
        fs_err::write(&file, r#"{"agentId": "1", "team": "三组", "channelRoles": [{"channel": 1, "role": "SPEAKER_ROLE_AGENT"}]}"#)
            .expect("it is written");
        let args = RecordingArgs {
            agent_id: Some("2".to_owned()),
            channel_roles: vec![(1, v1::SpeakerRole::Customer)],
            ..RecordingArgs::default()
        };
        let metadata = args.metadata(Some(&file)).expect("it is metadata");
        assert_eq!((metadata.agent_id.as_str(), metadata.team.as_str()), ("2", "三组"));
        assert_eq!(metadata.channel_roles.len(), 1);
        assert_eq!(metadata.channel_roles.first().map(|entry| entry.role()), Some(v1::SpeakerRole::Customer));
    }

    #[test]
    fn a_folder_gives_its_recordings_in_order_and_a_named_file_is_always_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("sub");
        fs_err::create_dir(&inside).expect("it is made");
        for name in ["b.WAV", "a.mp3", "a.mp3.json", "notes.txt", "sub/c.opus"] {
            fs_err::write(folder.path().join(name), b"").expect("it is written");
        }
        let named = folder.path().join("notes.txt");
        let found = walk(&[folder.path().to_owned(), named]).expect("it can be read");
        let names: Vec<_> = found.iter().filter_map(|found| found.path.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.mp3", "b.WAV", "c.opus", "notes.txt"]);
        let ids: Vec<_> = found.iter().map(|found| found.call_id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "sub:c", "notes"]);
        assert_eq!(sidecar(&folder.path().join("a.mp3")), Some(folder.path().join("a.mp3.json")));
        assert_eq!(sidecar(&folder.path().join("b.WAV")), None);
    }

    #[test]
    fn names_that_folders_or_extensions_tell_apart_give_different_ids() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["20260301/0001.wav", "20260302/0001.wav", "cut.mp3", "cut.opus"] {
            let file = folder.path().join(name);
            fs_err::create_dir_all(file.parent().expect("it lies in a folder")).expect("it is made");
            fs_err::write(file, b"").expect("it is written");
        }
        let found = walk(&[folder.path().to_owned()]).expect("it can be read");
        let ids: Vec<_> = found.iter().map(|found| found.call_id.as_str()).collect();
        assert_eq!(ids, ["20260301:0001", "20260302:0001", "cut.mp3", "cut.opus"]);
    }

    #[test]
    fn a_typo_in_metadata_is_answered_with_what_can_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.json");
        let problem = |text: &str| {
            fs_err::write(&file, text).expect("it is written");
            read_metadata(&file).expect_err("it has a typo").to_string()
        };
        let field = problem(r#"{"agentid": "1"}"#);
        assert!(field.contains("did you mean `agentId`?") && field.contains("hangUpSide"), "{field}");
        let role = problem(r#"{"channelRoles": [{"channel": 0, "role": "AGENT"}]}"#);
        assert!(role.contains("did you mean `SPEAKER_ROLE_AGENT`?"), "{role}");
        let direction = problem(r#"{"direction": "in"}"#);
        assert!(direction.contains("DIRECTION_INBOUND"), "{direction}");
    }
}
