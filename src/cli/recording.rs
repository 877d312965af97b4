//! What is typed about recordings: metadata, declarations of headerless audio, call ids made of file names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::exit::UsageError;
use crate::app::{MetadataError, with_metadata_file, with_sidecars};
use crate::audio::{AudioProfile, EXTENSIONS};
use crate::error::{Classify, ErrorCode};
use crate::listing::{self, ListingProblem, call_id_of};
use crate::proto::v1;
use crate::types::{AudioDeclaration, CallId, CallMetadata, DeclaredCodec};

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
    #[arg(long, value_name = "CODEC", value_parser = codec_parser())]
    codec: Option<DeclaredCodec>,
    /// Samples per second of audio without a header
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// Interleaved channels of audio without a header
    #[arg(long, value_name = "COUNT")]
    channels: Option<u32>,
}

/// Reads the name of a coding; help shows all of them.
fn codec_parser() -> impl TypedValueParser<Value = DeclaredCodec> {
    let names = DeclaredCodec::all().map(|(_, name, about)| PossibleValue::new(name).help(about));
    PossibleValuesParser::new(names)
        .try_map(|name| DeclaredCodec::named(&name).ok_or_else(|| format!("`{name}` is no coding of audio")))
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

    /// The metadata of a call: what is known of it, over that what `given` says, or the files beside its recordings,
    /// over that what was typed.
    pub(super) fn metadata<'a>(
        &self,
        given: Option<&Path>,
        recordings: impl IntoIterator<Item = &'a Path>,
        known: &CallMetadata,
    ) -> anyhow::Result<v1::CallMetadata> {
        let read = match given {
            Some(file) => with_metadata_file(file, known),
            None => with_sidecars(recordings, known),
        };
        let mut metadata = v1::CallMetadata::from(&read.map_err(|error| match error {
            MetadataError::Unreadable(error) => anyhow::Error::from(error),
            wrong @ MetadataError::Wrong { .. } => wrong.into(),
        })?);
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
        let needs_layout = self.codec.is_some_and(|codec| !codec.has_one_layout());
        if needs_layout && (self.rate.is_none() || self.channels.is_none()) {
            let problem = "--codec needs --rate and --channels; only gsm, g722 and g729 have one of each";
            return Err(UsageError(problem.to_owned()).into());
        }
        let coding = AudioDeclaration { codec: self.codec, ..AudioDeclaration::default() };
        let codec = v1::AudioDeclaration::from(&coding).codec;
        let declaration = v1::AudioDeclaration {
            file_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            codec,
            rate_hz: self.rate.unwrap_or_default(),
            num_channels: self.channels.unwrap_or_default(),
        };
        AudioDeclaration::try_from(declaration.clone())?;
        Ok(declaration)
    }
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
    let extensions = EXTENSIONS.map(str::to_owned);
    let (mut named, mut num_ignored) = (Vec::new(), 0);
    for path in paths {
        if path.is_dir() {
            let walked = listing::walk(path, &extensions)?;
            num_ignored += walked.num_ignored;
            for problem in &walked.problems {
                eprintln!("diting: {problem} ({})", problem.reason());
            }
            let is_unreadable = |problem: &&ListingProblem| problem.cause.code() == ErrorCode::Unavailable;
            if let Some(problem) = walked.problems.iter().find(is_unreadable) {
                return Err(anyhow::Error::msg(problem.to_string()));
            }
            named.extend(walked.ways.into_iter().map(|way| (way.to_string(), path.join(&*way))));
        } else {
            named.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path.clone()));
        }
    }
    if num_ignored > 0 {
        eprintln!("diting: {num_ignored} files do not end like a recording and were passed over");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sidecar_of;

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
        let metadata = args.metadata(Some(&file), [], &CallMetadata::default()).expect("it is metadata");
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
        assert_eq!(sidecar_of(&folder.path().join("a.mp3")), Some(folder.path().join("a.mp3.json")));
        assert_eq!(sidecar_of(&folder.path().join("b.WAV")), None);
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
}
