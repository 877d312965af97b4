//! Identifiers as newtypes, validated once at construction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An identifier that breaks the rules for its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is empty.
    #[error("an identifier must not be empty")]
    Empty,
    /// The text is longer than allowed.
    #[error("an identifier has at most {limit} characters, this one has {actual}")]
    TooLong {
        /// Most characters allowed.
        limit: usize,
        /// Characters found.
        actual: usize,
    },
    /// A character outside the allowed set.
    #[error(
        "character {character:?} is not allowed in an identifier: use letters, digits, `.`, `_`, `-`, `:` or `@`, and begin with a letter or digit"
    )]
    Character {
        /// The offending character.
        character: char,
    },
    /// Not 64 hexadecimal digits.
    #[error("a content hash has 64 hexadecimal digits")]
    Hash,
}

const MAX_ID_CHARS: usize = 128;

fn check(text: &str) -> Result<(), InvalidId> {
    let first = text.chars().next().ok_or(InvalidId::Empty)?;
    let num_chars = text.chars().count();
    if num_chars > MAX_ID_CHARS {
        return Err(InvalidId::TooLong { limit: MAX_ID_CHARS, actual: num_chars });
    }
    if !first.is_ascii_alphanumeric() {
        return Err(InvalidId::Character { character: first });
    }
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-:@".contains(*c)) {
        Some(character) => Err(InvalidId::Character { character }),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Validates `text` as an identifier.
            ///
            /// # Errors
            /// [`InvalidId`] when the text is empty, too long or holds a character that is not allowed.
            pub fn try_new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::try_new(text)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A call, named by whoever sends it; the idempotency key of an upload. At most 128 characters of
    /// `A-Z a-z 0-9 . _ - : @`, the first a letter or digit.
    CallId
}
text_id! {
    /// A job over many calls, named by the server. Same characters as [`CallId`].
    JobId
}
text_id! {
    /// A rule inside a rule pack, for example `S01`. Same characters as [`CallId`].
    RuleId
}

/// SHA-256 of a recording's bytes as they were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Wraps a finished digest.
    #[must_use]
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ContentHash {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| InvalidId::Hash)?;
        Ok(Self(digest))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_refuses_what_could_leave_its_directory() {
        assert_eq!(CallId::try_new("a/b"), Err(InvalidId::Character { character: '/' }));
        assert_eq!(CallId::try_new(".."), Err(InvalidId::Character { character: '.' }));
        assert_eq!(CallId::try_new(""), Err(InvalidId::Empty));
        assert!(CallId::try_new("2026-11-23T09:00:00_agent-7@gz.wav").is_ok());
        assert!(matches!(CallId::try_new("x".repeat(129)), Err(InvalidId::TooLong { .. })));
    }

    #[test]
    fn a_content_hash_survives_its_text_form() {
        let hash = ContentHash::new([0xab; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!("ab".parse::<ContentHash>(), Err(InvalidId::Hash));
    }
}
