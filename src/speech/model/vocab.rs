//! Turns `vocab.json` of a Whisper export into the tokens that a ggml file carries.
//!
//! The file spells bytes as printable characters (byte-level BPE): printable Latin-1 stands for itself, the other 68
//! bytes are the characters from U+0100 on.

use std::collections::HashMap;

use super::fault::Fault;

/// Text tokens of the multilingual models; special tokens follow them and are not stored.
const NUM_TEXT_TOKENS: usize = 50_257;

/// The text tokens as bytes, in order of their numbers.
pub(super) fn text_tokens(vocab_json: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let vocab: HashMap<String, u64> =
        serde_json::from_slice(vocab_json).map_err(|cause| Fault::Json { name: "vocab.json", cause })?;
    let byte_of = bytes_by_character();
    let mut tokens: Vec<Option<Vec<u8>>> = vec![None; NUM_TEXT_TOKENS];
    for (text, number) in vocab {
        let Some(place) = usize::try_from(number).ok().and_then(|number| tokens.get_mut(number)) else {
            // A special token, such as a language.
            continue;
        };
        if place.is_some() {
            return Err(Fault::Vocabulary(format!("token {number} is there twice")));
        }
        let bytes =
            text.chars().map(|character| byte_of.get(&character).copied()).collect::<Option<Vec<_>>>();
        *place =
            Some(bytes.ok_or_else(|| Fault::Vocabulary(format!("token {number} is no byte-level BPE")))?);
    }
    let missing = |number: usize| Fault::Vocabulary(format!("token {number} is missing"));
    tokens.into_iter().enumerate().map(|(number, token)| token.ok_or_else(|| missing(number))).collect()
}

fn bytes_by_character() -> HashMap<char, u8> {
    let stands_for_itself = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (0..=u8::MAX).filter(|&byte| !stands_for_itself(byte)).zip('\u{100}'..);
    let own = (0..=u8::MAX).filter(|&byte| stands_for_itself(byte)).map(|byte| (char::from(byte), byte));
    own.chain(others.map(|(byte, character)| (character, byte))).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A vocabulary of the right size with nonsense in it.
    pub(in super::super) fn vocabulary() -> serde_json::Map<String, serde_json::Value> {
        let character = |i: usize| char::from(u8::try_from(33 + i % 94).expect("it is ASCII"));
        let word = |i: usize| [i, i / 94, i / 94 / 94].map(character).iter().collect::<String>();
        (0..NUM_TEXT_TOKENS).map(|i| (word(i), i.into())).collect()
    }

    #[test]
    fn every_byte_has_one_character() {
        let map = bytes_by_character();
        assert_eq!(map.len(), 256);
        let mut bytes: Vec<_> = map.values().copied().collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=u8::MAX).collect::<Vec<_>>());
    }

    #[test]
    fn characters_become_bytes() {
        let mut vocab = vocabulary();
        for (number, text) in [(0, "Ġhello"), (1, "ä½łå¥½"), (2, "")] {
            vocab.retain(|_, value| *value != number);
            vocab.insert(text.to_owned(), number.into());
        }
        vocab.insert("<|zh|>".to_owned(), 50260.into());
        let tokens = text_tokens(&serde_json::to_vec(&vocab).expect("it is JSON")).expect("it reads");
        assert_eq!(tokens.len(), NUM_TEXT_TOKENS);
        assert_eq!(tokens[0], b" hello");
        assert_eq!(tokens[1], "你好".as_bytes());
        assert!(tokens[2].is_empty());
    }

    #[test]
    fn gaps_and_strange_characters_are_refused() {
        let mut vocab = vocabulary();
        vocab.retain(|_, value| *value != 777);
        let gap = text_tokens(&serde_json::to_vec(&vocab).expect("it is JSON")).expect_err("777 is missing");
        assert!(gap.to_string().contains("777"), "{gap}");
        vocab.insert("汉".to_owned(), 777.into());
        assert!(text_tokens(&serde_json::to_vec(&vocab).expect("it is JSON")).is_err());
        assert!(text_tokens(b"{\"a\": -1}").is_err());
        assert!(text_tokens(b"[").is_err());
    }
}
