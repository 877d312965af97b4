//! What can be wrong with an archive, as a whole, in one of its items, or in the pattern that reads its names.

use std::io;
use std::path::PathBuf;

use crate::audio::AudioError;
use crate::error::{Classify, ErrorCode};

/// An archive that cannot be listed at all.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The folder or the manifest cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest is larger than is sensible.
    #[error("`{}` has more than {limit} bytes: split it", path.display())]
    ManifestTooLarge {
        /// The manifest.
        path: PathBuf,
        /// Most bytes.
        limit: u64,
    },
    /// The manifest is not text.
    #[error("`{}` is not text: save the table as CSV, TSV or JSONL", path.display())]
    NotText {
        /// The manifest.
        path: PathBuf,
    },
    /// The first row does not say where the recordings are, or says something twice.
    #[error("the first row of `{}` {problem}", path.display())]
    Header {
        /// The manifest.
        path: PathBuf,
        /// What is wrong and what to write.
        problem: String,
    },
}

impl Classify for ListingError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorCode::NotFound
            }
            Self::Unreadable { .. } => ErrorCode::Unavailable,
            Self::ManifestTooLarge { .. } => ErrorCode::LimitExceeded,
            Self::NotText { .. } | Self::Header { .. } => ErrorCode::InvalidInput,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "archive.unreadable",
            Self::ManifestTooLarge { .. } => "archive.manifest_too_large",
            Self::NotText { .. } => "archive.manifest_not_text",
            Self::Header { .. } => "archive.manifest_header",
        }
    }
}

/// A name pattern that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name pattern is wrong at character {position}: {problem}")]
pub struct PatternError {
    /// Where, counted in characters from 1.
    pub position: usize,
    /// What is wrong and what may stand there.
    pub problem: String,
}

impl Classify for PatternError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn reason(&self) -> &'static str {
        "archive.bad_pattern"
    }
}

/// One thing in an archive that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {cause}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ListingProblem {
    /// The file, or the manifest.
    pub path: PathBuf,
    /// The line of the manifest, from 1.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub cause: ItemError,
}

impl ListingProblem {
    pub(super) fn file(path: impl Into<PathBuf>, cause: ItemError) -> Self {
        Self { path: path.into(), line: None, cause }
    }

    pub(super) fn row(manifest: impl Into<PathBuf>, line: u64, cause: ItemError) -> Self {
        Self { path: manifest.into(), line: Some(line), cause }
    }

    /// The stable name of what is wrong.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.cause.reason()
    }

    /// What is wrong and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        self.cause.to_string()
    }
}

/// What is wrong with one file or row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// The pattern does not fit the name.
    #[error("the name does not fit the pattern `{pattern}`")]
    NameMismatch {
        /// The pattern.
        pattern: String,
    },
    /// A name with bytes that are no characters.
    #[error("the name is not UTF-8: rename the file, for example with `convmv`")]
    NameNotUtf8,
    /// A value that its field cannot take.
    #[error("{field}: {problem}")]
    Field {
        /// The field, as it is named in the manifest or pattern.
        field: String,
        /// What is wrong and what can be written.
        problem: String,
    },
    /// A row without a recording.
    #[error("the row names no recording: fill `path`, or both `path_in` and `path_out`")]
    NoPath,
    /// A row that is neither a row of the table nor a JSON object.
    #[error("the row cannot be read: {problem}")]
    Row {
        /// What is wrong.
        problem: String,
    },
    /// A file that is not there.
    #[error("`{}` is not there", path.display())]
    FileMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// An id that was given before.
    #[error("the call id `{call_id}` is that of {first} too: ids must differ")]
    DuplicateCallId {
        /// The id.
        call_id: String,
        /// What has it first.
        first: String,
    },
    /// One side of a call without the other.
    #[error(
        "this is one side of a call, and its other side `{partner}` is not there; where such names are whole calls, list without leg suffixes"
    )]
    LegAlone {
        /// The file name that was looked for.
        partner: String,
    },
    /// A link to a folder.
    #[error("a link to a folder is not followed: list that folder itself")]
    LinkedFolder,
    /// A pipe, a device or the like under the name of a recording.
    #[error("it is no regular file: only files are taken from a folder")]
    NotAFile,
    /// A folder or file that cannot be read.
    #[error("it cannot be read: {problem}")]
    Unreadable {
        /// What the system said.
        problem: String,
    },
}

impl Classify for ItemError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NameMismatch { .. }
            | Self::NameNotUtf8
            | Self::Field { .. }
            | Self::NoPath
            | Self::Row { .. }
            | Self::LinkedFolder
            | Self::NotAFile
            | Self::LegAlone { .. } => ErrorCode::InvalidInput,
            Self::DuplicateCallId { .. } => ErrorCode::Conflict,
            Self::FileMissing { .. } => ErrorCode::NotFound,
            Self::Unreadable { .. } => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NameMismatch { .. } => "archive.name_mismatch",
            Self::NameNotUtf8 => "archive.name_not_utf8",
            Self::Field { .. } => "archive.bad_field",
            Self::NoPath => "archive.no_path",
            Self::Row { .. } => "archive.bad_row",
            Self::FileMissing { .. } => "archive.file_missing",
            Self::DuplicateCallId { .. } => "archive.duplicate_call_id",
            Self::LegAlone { .. } => "archive.leg_alone",
            Self::LinkedFolder => "archive.linked_folder",
            Self::NotAFile => "archive.not_a_file",
            Self::Unreadable { .. } => "archive.unreadable",
        }
    }
}

/// Two legs that could not be made one recording.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// A leg cannot be decoded.
    #[error("the leg `{}` cannot be decoded", path.display())]
    Leg {
        /// The leg.
        path: PathBuf,
        /// Why.
        source: AudioError,
    },
    /// A leg with more than one channel.
    #[error("the leg `{}` has {num_channels} channels: a leg is one side of a call and has one", path.display())]
    NotMono {
        /// The leg.
        path: PathBuf,
        /// Its channels.
        num_channels: usize,
    },
    /// A WAV file holds no more.
    #[error("the legs together are longer than a WAV file can be: 18 hours")]
    TooLong,
    /// The joined recording could not be written.
    #[error("the joined recording could not be written")]
    Write {
        /// What the system said.
        source: io::Error,
    },
}

impl Classify for JoinError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Leg { source, .. } => source.code(),
            Self::NotMono { .. } => ErrorCode::UnsupportedMedia,
            Self::TooLong => ErrorCode::LimitExceeded,
            Self::Write { .. } => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Leg { source, .. } => source.reason(),
            Self::NotMono { .. } => "archive.leg_not_mono",
            Self::TooLong => "archive.legs_too_long",
            Self::Write { .. } => "archive.join_write",
        }
    }
}
