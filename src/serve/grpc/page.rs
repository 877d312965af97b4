//! Page tokens over the catalog: where a page ended, bound to what was asked for.
//!
//! Opaque to everyone else. A token says where in the order its last call stood, so calls that come in or go meanwhile
//! neither repeat nor hide others.

use prost::Message;

use crate::catalog::Position;
use crate::proto::v1;
use crate::store::StoreError;

const VERSION: u8 = 2;

/// What a token is bound to: a digest of filter and order.
pub(super) fn binding(filter: Option<&v1::CallFilter>, order_by: &str) -> u32 {
    let filter = filter.cloned().unwrap_or_default().encode_to_vec();
    let order = order_by.split_whitespace().collect::<Vec<_>>().join(" ");
    crc32c::crc32c_append(crc32c::crc32c(&filter), order.as_bytes())
}

/// The token of the page behind `position`.
pub(super) fn to_text(binding: u32, position: Position) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&binding.to_be_bytes());
    bytes.extend_from_slice(&position.number.to_be_bytes());
    bytes.push(u8::from(position.key.is_some()));
    bytes.extend_from_slice(&position.key.unwrap_or_default().to_be_bytes());
    let crc = crc32c::crc32c(&bytes).to_be_bytes();
    bytes.extend_from_slice(&crc);
    hex::encode(bytes)
}

/// Where the page that `text` names begins; nothing for the first page.
pub(super) fn from_text(binding: u32, text: &str) -> Result<Option<Position>, StoreError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = hex::decode(text).map_err(|_| StoreError::PageToken)?;
    position(binding, &bytes).map(Some).ok_or(StoreError::PageToken)
}

fn position(binding: u32, bytes: &[u8]) -> Option<Position> {
    let (bytes, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(bytes).to_be_bytes() != *crc {
        return None;
    }
    let (bound, rest) = bytes.strip_prefix(&[VERSION])?.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (has_key, key) = rest.split_first()?;
    let key = i64::from_be_bytes(key.try_into().ok()?);
    let position = Position { key: (*has_key == 1).then_some(key), number: u32::from_be_bytes(*number) };
    (u32::from_be_bytes(*bound) == binding).then_some(position)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_survives_its_text_and_no_other_filter(binding: u32, key: Option<i64>, number: u32, text: String) {
            let position = Position { key, number };
            let token = to_text(binding, position);
            prop_assert_eq!(from_text(binding, &token).expect("reads"), Some(position));
            prop_assert!(from_text(binding ^ 1, &token).is_err());
            prop_assert!(text.is_empty() || from_text(binding, &text).is_err());
        }
    }

    #[test]
    fn an_order_is_the_same_however_it_is_spaced() {
        assert_eq!(binding(None, "score desc"), binding(Some(&v1::CallFilter::default()), " score  desc"));
        assert_ne!(binding(None, "score desc"), binding(None, "score"));
    }
}
