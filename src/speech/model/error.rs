//! What can go wrong between a name and a file of weights that the recogniser can trust.

use std::fmt;
use std::path::PathBuf;

use super::fault::Fault;
use crate::error::{Classify, ErrorCode};

/// A failure to list, fetch, import, verify or find weights.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Neither the manifest nor an import knows the name.
    #[error("no speech model is named `{name}`; known: {}", .known.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Names that would work.
        known: Vec<String>,
    },
    /// The weights are known but not on this machine.
    #[error(
        "the weights of `{name}` are not in `{}`; fetch them with `diting models pull {name}`",
        .dir.display()
    )]
    Missing {
        /// The name that was asked for.
        name: String,
        /// The model cache.
        dir: PathBuf,
    },
    /// The machine has no home directory to keep weights under.
    #[error("there is no cache directory for this user; set `DITING_MODELS` to a folder for the weights")]
    NoCacheDirectory,
    /// The manifest cannot be read.
    #[error("the model manifest is wrong")]
    Manifest(#[source] Box<toml::de::Error>),
    /// The manifest contradicts itself.
    #[error("the model manifest is wrong: {0}")]
    ManifestContent(String),
    /// A name that cannot be a file name.
    #[error("`{name}` cannot name a model; use lower-case letters, digits, `.`, `_` and `-`")]
    BadName {
        /// What was given.
        name: String,
    },
    /// An import of a shape that no listed model has.
    #[error(
        "`{}` becomes a model of {size_bytes} bytes, which is none of the listed ones; say what to call it with \
         `--name`",
        .path.display()
    )]
    NameNeeded {
        /// What was imported.
        path: PathBuf,
        /// Length of the result.
        size_bytes: u64,
    },
    /// A file or folder could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file is not what it has to be.
    #[error("`{}` is not usable", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: Fault,
    },
    /// The bytes are not those that the manifest or the record names.
    #[error("`{what}` has sha256 {actual}, expected {expected}; delete it and fetch it again")]
    Digest {
        /// The file or package.
        what: String,
        /// As pinned or recorded, in hex.
        expected: String,
        /// As found, in hex.
        actual: String,
    },
    /// The length is not the one that the manifest names.
    #[error("`{what}` has {actual} bytes, expected {expected}")]
    Size {
        /// The file or package.
        what: String,
        /// As pinned.
        expected: u64,
        /// As found.
        actual: u64,
    },
    /// A server answered with something other than the file.
    #[error("`{url}` answered with status {status}")]
    HttpStatus {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A server could not be reached or the transfer broke.
    #[error("`{url}` could not be fetched")]
    Http {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        cause: Box<ureq::Error>,
    },
    /// The transfer broke after it had begun; what arrived is kept.
    #[error("`{url}` broke off after {received} bytes; run the command again to resume")]
    BrokenOff {
        /// What was asked for.
        url: String,
        /// Length of what is kept.
        received: u64,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The client of a package registry is not installed.
    #[error("`{program}` is not installed")]
    NoClient {
        /// For example `npm`.
        program: String,
    },
    /// The client of a package registry failed.
    #[error("`{command}` failed: {message}")]
    Client {
        /// What was run.
        command: String,
        /// The last lines it wrote.
        message: String,
    },
    /// A folder or mirror holds none of the files that would do.
    #[error("`{place}` holds none of {}", .wanted.join(", "))]
    NotThere {
        /// Folder or address.
        place: String,
        /// File names that would do.
        wanted: Vec<String>,
    },
    /// Every source failed.
    #[error("{0}")]
    AllSourcesFailed(Box<FailedPull>),
}

/// A pull that no source could answer.
#[derive(Debug)]
pub struct FailedPull {
    /// The model that was asked for.
    pub name: String,
    /// The file that would have been made.
    pub file: String,
    /// Each source with its own error, in the order tried.
    pub attempts: Vec<(String, ModelError)>,
}

impl fmt::Display for FailedPull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no source gave the weights of `{}`:", self.name)?;
        for (i, (source, error)) in self.attempts.iter().enumerate() {
            writeln!(f, "  {}. {source}: {}", i + 1, crate::error::Chain(error))?;
        }
        write!(
            f,
            "without a network: run `diting models pull {name}` on a machine that has one, copy `{file}` from its \
             model cache (`diting models path {name}`) to this machine, and run `diting models import {file}`; or name \
             a folder or mirror that has it with `--from` or `DITING_MODELS_MIRROR`",
            name = self.name,
            file = self.file,
        )
    }
}

impl ModelError {
    /// Says which file a fault was found in.
    pub(super) fn invalid(path: impl Into<PathBuf>) -> impl FnOnce(Fault) -> Self {
        let path = path.into();
        move |fault| {
            if let Fault::Io(error) = fault { Self::Io(error) } else { Self::Invalid { path, fault } }
        }
    }
}

impl Classify for ModelError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown { .. } | Self::NotThere { .. } => ErrorCode::NotFound,
            Self::Missing { .. }
            | Self::NoCacheDirectory
            | Self::HttpStatus { .. }
            | Self::Http { .. }
            | Self::BrokenOff { .. }
            | Self::NoClient { .. }
            | Self::Client { .. }
            | Self::AllSourcesFailed(_) => ErrorCode::Unavailable,
            Self::BadName { .. }
            | Self::NameNeeded { .. }
            | Self::Invalid { .. }
            | Self::Digest { .. }
            | Self::Size { .. } => ErrorCode::InvalidInput,
            Self::Manifest(_) | Self::ManifestContent(_) | Self::Io(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "model.unknown",
            Self::Missing { .. } => "model.missing",
            Self::NoCacheDirectory => "model.no_cache_directory",
            Self::Manifest(_) | Self::ManifestContent(_) => "model.bad_manifest",
            Self::BadName { .. } => "model.bad_name",
            Self::NameNeeded { .. } => "model.name_needed",
            Self::Io(_) => "model.io",
            Self::Invalid { .. } => "model.invalid_file",
            Self::Digest { .. } => "model.wrong_digest",
            Self::Size { .. } => "model.wrong_size",
            Self::HttpStatus { .. } | Self::Http { .. } | Self::BrokenOff { .. } => "model.download_failed",
            Self::NoClient { .. } | Self::Client { .. } => "model.package_client_failed",
            Self::NotThere { .. } => "model.not_in_mirror",
            Self::AllSourcesFailed(_) => "model.all_sources_failed",
        }
    }
}
