//! Page tokens: where a list stopped, bound to the filter it was made with.
//!
//! Opaque to everyone else. A token is a hint about a position, not a capability: whoever may list may also forge one,
//! and gets no more than another position.

use std::fmt;
use std::str::FromStr;

use super::StoreError;

const VERSION: u8 = 1;
const CRC_BYTES: usize = 4;

/// Where the next page of a list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// Which filter the list had.
    pub(super) filter: u32,
    /// The end of the last key that was looked at, or whatever else the list goes by.
    pub(super) position: Vec<u8>,
}

impl PageToken {
    /// A token of the list whose question has the digest `filter`.
    #[must_use]
    pub fn new(filter: u32, position: Vec<u8>) -> Self {
        Self { filter, position }
    }

    /// The position.
    ///
    /// # Errors
    /// [`StoreError::PageToken`] when it is of another question.
    pub fn position_in(self, filter: u32) -> Result<Vec<u8>, StoreError> {
        if self.filter == filter { Ok(self.position) } else { Err(StoreError::PageToken) }
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.filter.to_be_bytes());
        bytes.extend_from_slice(&self.position);
        let crc = crc32c::crc32c(&bytes).to_be_bytes();
        bytes.extend_from_slice(&crc);
        f.write_str(&hex::encode(bytes))
    }
}

impl FromStr for PageToken {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let bytes = hex::decode(text).map_err(|_| StoreError::PageToken)?;
        let (bytes, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(StoreError::PageToken)?;
        if crc32c::crc32c(bytes).to_be_bytes() != *crc {
            return Err(StoreError::PageToken);
        }
        let (filter, position) = match bytes {
            [VERSION, rest @ ..] => rest.split_first_chunk().ok_or(StoreError::PageToken)?,
            _ => return Err(StoreError::PageToken),
        };
        Ok(Self { filter: u32::from_be_bytes(*filter), position: position.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_survives_its_text(filter: u32, position: Vec<u8>) {
            let token = PageToken { filter, position };
            prop_assert_eq!(token.to_string().parse::<PageToken>().expect("parses"), token);
        }

        #[test]
        fn any_other_text_is_refused(text: String) {
            prop_assert!(matches!(text.parse::<PageToken>(), Err(StoreError::PageToken)));
        }
    }
}
