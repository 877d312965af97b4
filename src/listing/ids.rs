//! Call ids made of file names.

use sha2::{Digest, Sha256};

use crate::types::CallId;

/// Longest id.
const MAX_ID_CHARS: usize = 128;

/// Characters of the digest that stand for what an id cannot hold.
const DIGEST_CHARS: usize = 10;

/// The id of a call known by `name`: a file name without its extension, behind the folders that lead to it, parted by
/// `/`, which become `:`. A name that an id can hold stays as it is, so that `rec/20260301/0001` is
/// `rec:20260301:0001`. Of any other the characters that cannot be held become `_`, and a digest of the whole name
/// follows: 张三 and 李四 are two calls.
#[must_use]
pub fn call_id_of(name: &str) -> Option<CallId> {
    let plain = name.replace('/', ":");
    if let Ok(id) = CallId::try_new(plain.as_str()) {
        return Some(id);
    }
    digested_id_of(name)
}

/// As [`call_id_of`], with the digest always.
pub(super) fn digested_id_of(name: &str) -> Option<CallId> {
    let plain = name.replace('/', ":");
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-:@".contains(c) { c } else { '_' };
    let mut id: String = plain.chars().map(allowed).collect();
    if !id.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        id = format!("call{id}");
    }
    // The end of a name tells more than its beginning; every character is ASCII by now.
    let surplus = id.len().saturating_sub(MAX_ID_CHARS - DIGEST_CHARS - 1);
    let kept = id.get(surplus..).unwrap_or_default().trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    let digest = digest.get(..DIGEST_CHARS).unwrap_or_default();
    let id = if kept.is_empty() { format!("call-{digest}") } else { format!("{kept}-{digest}") };
    CallId::try_new(id).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(name: &str) -> String {
        call_id_of(name).expect("every name gives an id").to_string()
    }

    #[test]
    fn a_name_that_can_be_an_id_stays_as_it_is() {
        assert_eq!(id("2026-11-23_agent@7"), "2026-11-23_agent@7");
        assert_eq!(id("20260301/0001"), "20260301:0001");
    }

    #[test]
    fn names_that_only_differ_in_what_an_id_cannot_hold_differ() {
        assert!(id("张三").starts_with("call__-"));
        assert_ne!(id("张三"), id("李四"));
        assert_ne!(id("a b"), id("a+b"));
        let long = "x".repeat(300);
        assert_ne!(id(&format!("1{long}")), id(&format!("2{long}")));
    }

    proptest! {
        #[test]
        fn every_name_gives_a_valid_id_and_always_the_same(name in "\\PC{0,200}") {
            prop_assert_eq!(id(&name), id(&name));
        }
    }
}
