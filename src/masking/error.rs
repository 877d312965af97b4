//! What can go wrong with the key and with what it keeps.

use std::io;
use std::path::PathBuf;

use crate::error::{Classify, ErrorCode};

/// Originals cannot be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum MaskingError {
    /// The key cannot be read or made.
    #[error("the masking key `{}` cannot be read or made: correct its permissions, or set `masking.key_file`", path.display())]
    KeyUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no key.
    #[error(
        "`{}` holds no masking key, which is 64 hexadecimal digits: restore it from a backup, or move it away to begin a new one, which leaves the originals kept so far unreadable",
        path.display()
    )]
    KeyDamaged {
        /// The file.
        path: PathBuf,
    },
    /// The machine gives no random numbers.
    #[error("the machine gives no random numbers, without which no key is safe")]
    NoRandomness,
    /// It was sealed with another key.
    #[error("what was masked here was sealed with another key: put that key into `masking.key_file`")]
    WrongKey,
    /// It was changed, or belongs to another call.
    #[error("what was masked here is damaged, or belongs to another call: restore it from a backup")]
    Damaged,
    /// Nothing was kept.
    #[error("the original of this call was not kept: `masking.keep_original` was off when it was judged")]
    NotKept,
}

impl Classify for MaskingError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::KeyUnreadable { .. } | Self::NoRandomness => ErrorCode::Unavailable,
            Self::KeyDamaged { .. } => ErrorCode::InvalidInput,
            Self::WrongKey | Self::NotKept => ErrorCode::Conflict,
            Self::Damaged => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::KeyUnreadable { .. } => "masking.key_unreadable",
            Self::KeyDamaged { .. } => "masking.key_damaged",
            Self::NoRandomness => "masking.no_randomness",
            Self::WrongKey => "masking.wrong_key",
            Self::Damaged => "masking.damaged",
            Self::NotKept => "masking.not_kept",
        }
    }
}
