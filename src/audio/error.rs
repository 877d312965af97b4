//! What can be wrong with a recording, each case by name.

use crate::error::{Classify, ErrorCode};
use crate::types::{ChannelIndex, Millis};

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The file could not be opened or read.
    #[error("the recording could not be read from disk")]
    Io(#[from] std::io::Error),
    /// No bytes, or a header without samples.
    #[error("the recording is empty: it has no samples")]
    Empty,
    /// Nothing in it looks like audio.
    #[error(
        "the file is not audio in any known format: headerless audio needs its codec, rate and channels declared"
    )]
    NotAudio,
    /// The file ends before the first sample can be decoded.
    #[error("the {container} file is cut off before any audio can be decoded: send the complete file")]
    Truncated {
        /// The container as recognised.
        container: &'static str,
    },
    /// Recognised, complete, and still nothing in it can be decoded.
    #[error("the {container} file is damaged: no audio in it can be decoded")]
    Undecodable {
        /// The container as recognised.
        container: &'static str,
    },
    /// A codec that cannot be decoded.
    #[error("audio codec `{codec}` is not supported: {}", way_out(.codec))]
    UnsupportedCodec {
        /// Its name.
        codec: String,
    },
    /// A container that cannot be opened.
    #[error(
        "container `{container}` is not supported: convert the recording to WAV, MP3, FLAC, Opus or AAC, for example with `ffmpeg -i IN -c:a flac OUT.flac`"
    )]
    UnsupportedContainer {
        /// Its name.
        container: &'static str,
    },
    /// A video or an empty container.
    #[error("the {container} file has no audio track")]
    NoAudioTrack {
        /// The container as recognised.
        container: &'static str,
    },
    /// A sample rate outside 4 to 192 kHz.
    #[error("a sample rate of {rate_hz} Hz is not supported: 4000 to 192000 Hz are")]
    UnsupportedRate {
        /// The rate found or declared.
        rate_hz: u32,
    },
    /// More than two channels and none chosen.
    #[error(
        "the recording has {num_channels} channels: choose one or two of them with `channels` in the call's metadata, for example [0, 1]"
    )]
    ChannelsRequired {
        /// Channels in the recording.
        num_channels: u16,
    },
    /// A chosen channel that the recording does not have, or that is chosen twice.
    #[error(
        "channel {channel} cannot be chosen: the recording has {num_channels}, counted from 0, each chosen once"
    )]
    NoSuchChannel {
        /// The channel chosen.
        channel: ChannelIndex,
        /// Channels in the recording.
        num_channels: u16,
    },
    /// More channels chosen than a call has speakers' lines.
    #[error("{num_selected} channels are chosen: a call has one or two")]
    TooManyChannels {
        /// Channels chosen.
        num_selected: usize,
    },
    /// Headerless audio of which only some facts are declared.
    #[error(
        "the audio declaration lacks {missing}: codec, rate and channels are declared together or not at all"
    )]
    IncompleteDeclaration {
        /// What is missing.
        missing: &'static str,
    },
    /// A rate or a number of channels that the declared codec does not have.
    #[error("headerless {codec} has {}one channel: declare that, or neither rate nor channels", rate(*.rate_hz))]
    ImpossibleLayout {
        /// The codec declared.
        codec: &'static str,
        /// The only rate that it has, when there is only one.
        rate_hz: Option<u32>,
    },
    /// A chosen audio track that the recording does not have.
    #[error("audio track {track} cannot be chosen: the {container} file has {}", tracks(*.num_tracks))]
    NoSuchTrack {
        /// The track chosen.
        track: u32,
        /// Audio tracks in the recording.
        num_tracks: usize,
        /// The container as recognised.
        container: &'static str,
    },
    /// Declared as headerless, but it has a header.
    #[error(
        "the audio is declared as headerless {declared}, but it is a {found} file: send it without a declared codec"
    )]
    WrongDeclaration {
        /// The codec declared.
        declared: &'static str,
        /// What the bytes are.
        found: &'static str,
    },
    /// Longer than allowed.
    #[error("the recording is longer than the limit of {limit}: split it, or raise `audio.max_duration`")]
    TooLong {
        /// The limit.
        limit: Millis,
    },
}

fn rate(rate_hz: Option<u32>) -> String {
    rate_hz.map_or_else(String::new, |rate_hz| format!("{rate_hz} Hz and "))
}

fn tracks(num_tracks: usize) -> String {
    match num_tracks {
        0 => "none".to_owned(),
        1 => "only track 0".to_owned(),
        more => format!("tracks 0 to {}", more - 1),
    }
}

/// What turns a recording of this codec into one that is read.
fn way_out(codec: &str) -> &'static str {
    match codec {
        "silk" => {
            "ffmpeg does not read it either: export it as WAV or MP3 from the program that made it, or decode it with the SILK SDK"
        }
        "encrypted" => "export it without protection from the program that made it",
        _ => "convert it first, for example with `ffmpeg -i IN -c:a flac OUT.flac`",
    }
}

impl Classify for AudioError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Io(_) => ErrorCode::Internal,
            Self::ChannelsRequired { .. }
            | Self::NoSuchChannel { .. }
            | Self::TooManyChannels { .. }
            | Self::IncompleteDeclaration { .. }
            | Self::ImpossibleLayout { .. }
            | Self::NoSuchTrack { .. }
            | Self::WrongDeclaration { .. } => ErrorCode::InvalidInput,
            Self::TooLong { .. } => ErrorCode::LimitExceeded,
            Self::Empty
            | Self::NotAudio
            | Self::Truncated { .. }
            | Self::Undecodable { .. }
            | Self::UnsupportedCodec { .. }
            | Self::UnsupportedContainer { .. }
            | Self::NoAudioTrack { .. }
            | Self::UnsupportedRate { .. } => ErrorCode::UnsupportedMedia,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Io(_) => "audio.unreadable",
            Self::Empty => "audio.empty",
            Self::NotAudio => "audio.not_audio",
            Self::Truncated { .. } => "audio.truncated",
            Self::Undecodable { .. } => "audio.undecodable",
            Self::UnsupportedCodec { .. } => "audio.unsupported_codec",
            Self::UnsupportedContainer { .. } => "audio.unsupported_container",
            Self::NoAudioTrack { .. } => "audio.no_audio_track",
            Self::UnsupportedRate { .. } => "audio.unsupported_rate",
            Self::ChannelsRequired { .. } => "audio.channels_required",
            Self::NoSuchChannel { .. } => "audio.no_such_channel",
            Self::TooManyChannels { .. } => "audio.too_many_channels",
            Self::IncompleteDeclaration { .. } => "audio.incomplete_declaration",
            Self::ImpossibleLayout { .. } => "audio.impossible_layout",
            Self::NoSuchTrack { .. } => "audio.no_such_track",
            Self::WrongDeclaration { .. } => "audio.wrong_declaration",
            Self::TooLong { .. } => "audio.too_long",
        }
    }
}
