//! What is typed about recordings: metadata, declarations of headerless audio, call ids made of file names.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use crate::proto::{json, v1};
use crate::types::{AudioDeclaration, CallId, CallMetadata};

/// Longest id made of a file name.
const MAX_ID_CHARS: usize = 128;

/// File names of recordings in a folder; a file that is named is taken whatever its name.
const EXTENSIONS: [&str; 19] = [
    "wav", "flac", "mp3", "mp2", "aac", "m4a", "mp4", "m4v", "mov", "mkv", "mka", "webm", "ogg", "oga",
    "opus", "aif", "aiff", "caf", "wave",
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
    /// Coding of audio without a header; needs --rate and --channels
    #[arg(long, value_enum, requires = "rate", requires = "channels")]
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
        // Checked here too, so that a mistake is found before a byte is sent.
        CallMetadata::try_from(metadata.clone())?;
        Ok(metadata)
    }

    /// How to read the audio in `path`.
    pub(super) fn declaration(&self, path: &Path) -> anyhow::Result<v1::AudioDeclaration> {
        let codec = match self.codec {
            None => v1::AudioCodec::Unspecified,
            Some(Codec::Alaw) => v1::AudioCodec::Alaw,
            Some(Codec::Ulaw) => v1::AudioCodec::Ulaw,
            Some(Codec::S16le) => v1::AudioCodec::PcmS16le,
            Some(Codec::U8) => v1::AudioCodec::PcmU8,
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

fn read_metadata(file: &Path) -> anyhow::Result<v1::CallMetadata> {
    let text = fs_err::read_to_string(file)?;
    json::parse(&text).with_context(|| format!("`{}` is not metadata of a call", file.display()))
}

/// The metadata file that lies beside `path`: `call.wav.json` for `call.wav`.
pub(super) fn sidecar(path: &Path) -> Option<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    Some(PathBuf::from(name)).filter(|file| file.is_file())
}

/// The name of `path` without its extension, with `_` for every character that an id may not have.
pub(super) fn call_id(path: &Path) -> anyhow::Result<CallId> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut id: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-:@".contains(c) { c } else { '_' })
        .take(MAX_ID_CHARS)
        .collect();
    if !id.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        id = format!("call{id}").chars().take(MAX_ID_CHARS).collect();
    }
    CallId::try_new(id).with_context(|| format!("`{}` gives no call id", path.display()))
}

/// Every recording that `paths` name, folders walked in order of names.
pub(super) fn walk(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk_folder(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
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
        assert_eq!(id("客户 1.wav"), "call___1");
        assert_eq!(id("-x.wav"), "call-x");
        assert_eq!(id(&format!("{}.wav", "长".repeat(200))).len(), MAX_ID_CHARS);
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
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.mp3", "b.WAV", "c.opus", "notes.txt"]);
        assert_eq!(sidecar(&folder.path().join("a.mp3")), Some(folder.path().join("a.mp3.json")));
        assert_eq!(sidecar(&folder.path().join("b.WAV")), None);
    }
}
