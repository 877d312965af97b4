//! Page tokens of lists: where a page ended, bound to what was asked for.
//!
//! Opaque to everyone else. A token says where in the order the last thing of its page stood, so that what comes in or
//! goes meanwhile neither repeats nor hides others. It is written as every [`PageToken`] is.

use prost::Message;

use crate::catalog::Position;
use crate::proto::v1;
use crate::store::{PageToken, StoreError};

/// What a token is bound to: a digest of the list and of what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question(u32);

impl Question {
    /// What `asked` asks of the list of this name: a request without its page.
    pub(super) fn new(list: &str, asked: &impl Message) -> Self {
        Self(crc32c::crc32c_append(crc32c::crc32c(&asked.encode_to_vec()), list.as_bytes()))
    }

    /// A question about calls, or what of them, in an order.
    pub(super) fn of_calls(filter: Option<&v1::CallFilter>, order_by: &str) -> Self {
        let order = order_by.split_whitespace().collect::<Vec<_>>().join(" ");
        Self::new(&order, &filter.cloned().unwrap_or_default())
    }

    /// The token of the page behind `position`; empty where there is none.
    pub(super) fn token(self, position: Option<Vec<u8>>) -> String {
        position.map(|position| PageToken::new(self.0, position).to_string()).unwrap_or_default()
    }

    /// Where the page that `token` names begins; nothing for the first page.
    pub(super) fn position(self, token: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if token.is_empty() {
            return Ok(None);
        }
        token.parse::<PageToken>()?.position_in(self.0).map(Some)
    }

    /// The same where things stand by their number.
    pub(super) fn number(self, token: &str) -> Result<Option<u64>, StoreError> {
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes);
        self.position(token)?.map(number).transpose().map_err(|_| StoreError::PageToken)
    }

    /// The same where calls stand in an order.
    pub(super) fn call(self, token: &str) -> Result<Option<Position>, StoreError> {
        self.position(token)?.map(|bytes| call(&bytes).ok_or(StoreError::PageToken)).transpose()
    }
}

/// The position of a numbered thing.
pub(super) fn of_number(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The position of a call in an order.
pub(super) fn of_call(position: Position) -> Vec<u8> {
    let mut bytes = position.number.to_be_bytes().to_vec();
    bytes.push(u8::from(position.key.is_some()));
    bytes.extend_from_slice(&position.key.unwrap_or_default().to_be_bytes());
    bytes
}

fn call(bytes: &[u8]) -> Option<Position> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (has_key, key) = rest.split_first()?;
    let key = i64::from_be_bytes(key.try_into().ok()?);
    Some(Position { key: (*has_key == 1).then_some(key), number: u32::from_be_bytes(*number) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_survives_its_text_and_no_other_question(asked: u32, key: Option<i64>, number: u32, text: String) {
            let position = Position { key, number };
            let token = Question(asked).token(Some(of_call(position)));
            prop_assert_eq!(Question(asked).call(&token).expect("reads"), Some(position));
            prop_assert!(Question(asked ^ 1).call(&token).is_err());
            prop_assert!(Question(asked).number(&token).is_err(), "of another list");
            prop_assert!(text.is_empty() || Question(asked).position(&text).is_err());
            let token = Question(asked).token(Some(of_number(number.into())));
            prop_assert_eq!(Question(asked).number(&token).expect("reads"), Some(number.into()));
        }
    }

    #[test]
    fn an_order_is_the_same_however_it_is_spaced_and_lists_are_told_apart() {
        let default = v1::CallFilter::default();
        assert_eq!(
            Question::of_calls(None, "score desc"),
            Question::of_calls(Some(&default), " score  desc")
        );
        assert_ne!(Question::of_calls(None, "score desc"), Question::of_calls(None, "score"));
        assert_ne!(Question::new("tasks", &default), Question::new("appeals", &default));
    }
}
