//! What can be wrong with labelled data.

use std::path::PathBuf;

use crate::audio::AudioError;
use crate::error::{Classify, ErrorCode};
use crate::speech::SpeechError;

/// A measurement that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file of the data set cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of `manifest.tsv` is not a labelled utterance.
    #[error("`{}` line {line}: expected path, set, speaker and transcript, separated by tabs", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A `.truth.json` is not what it should be.
    #[error("`{}` does not list utterances with channel, start, end and text", path.display())]
    Truth {
        /// The file.
        path: PathBuf,
        /// Where it departs.
        source: serde_json::Error,
    },
    /// An `.rttm` is not what it should be.
    #[error("`{}` does not list speech as `SPEAKER file 1 start length <NA> <NA> name`", path.display())]
    Rttm {
        /// The file.
        path: PathBuf,
    },
    /// A file of recognised text is not what it should be.
    #[error("`{}` does not list calls with a name and channels, each with channel and text", path.display())]
    Hypothesis {
        /// The file.
        path: PathBuf,
        /// Where it departs.
        source: serde_json::Error,
    },
    /// A line of a file of examples is none.
    #[error("`{name}` line {line} is no labelled call: {problem}")]
    Example {
        /// The file.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing to measure on.
    #[error("nothing to measure in `{}`: expected {expected}", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
    /// A recording of the data set is no audio.
    #[error("cannot decode `{}`", path.display())]
    Audio {
        /// The recording.
        path: PathBuf,
        /// Why.
        source: AudioError,
    },
    /// Recognition failed.
    #[error(transparent)]
    Speech(#[from] SpeechError),
}

impl Classify for EvalError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read { .. } | Self::Empty { .. } => ErrorCode::NotFound,
            Self::Manifest { .. }
            | Self::Truth { .. }
            | Self::Rttm { .. }
            | Self::Hypothesis { .. }
            | Self::Example { .. } => ErrorCode::InvalidInput,
            Self::Audio { source, .. } => source.code(),
            Self::Speech(error) => error.code(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "eval.unreadable",
            Self::Manifest { .. } => "eval.bad_manifest",
            Self::Truth { .. } | Self::Rttm { .. } => "eval.bad_truth",
            Self::Hypothesis { .. } => "eval.bad_hypothesis",
            Self::Example { .. } => "eval.bad_example",
            Self::Empty { .. } => "eval.empty",
            Self::Audio { source, .. } => source.reason(),
            Self::Speech(error) => error.reason(),
        }
    }
}
