//! Signs messages: each kind of receiver in its own way.
//!
//! **Invariant**: a secret goes into digests only.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What programs check: HMAC-SHA256 of the time in seconds, a full stop and the body, in hexadecimal digits.
pub(super) fn of_body(secret: &str, seconds: i64, body: &[u8]) -> String {
    let digest = hmac(secret.as_bytes(), &[seconds.to_string().as_bytes(), b".", body]);
    format!("t={seconds},v1={}", hex::encode(digest))
}

/// What 钉钉 checks: HMAC-SHA256 of the time in milliseconds, a line end and the secret, under the secret.
pub(super) fn dingtalk(secret: &str, millis: i64) -> String {
    base64(&hmac(secret.as_bytes(), &[format!("{millis}\n{secret}").as_bytes()]))
}

/// What 飞书 checks: HMAC-SHA256 of nothing, under the time in seconds, a line end and the secret.
pub(super) fn feishu(secret: &str, seconds: i64) -> String {
    base64(&hmac(format!("{seconds}\n{secret}").as_bytes(), &[]))
}

/// A text that is too long to be kept, as something short that no other text is.
pub(super) fn hex_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Base64 as RFC 4648 has it, with padding.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let sign = SIGNS.get((bits >> (18 - 6 * index) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if index <= chunk.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

/// A text as a value in the query of an address.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let of = |text: &str| base64(text.as_bytes());
        assert_eq!([of(""), of("f"), of("fo"), of("foo")], ["", "Zg==", "Zm8=", "Zm9v"]);
        assert_eq!([of("foob"), of("fooba"), of("foobar")], ["Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
        assert_eq!(base64(&[0xfb, 0xef, 0xff]), "++//");
        assert_eq!(percent_encoded("a+/="), "a%2B%2F%3D");
    }

    #[test]
    fn hmac_is_that_of_the_rfc() {
        // RFC 4231, test case 2.
        let digest = hex::encode(hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]));
        assert_eq!(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn each_receiver_gets_the_signature_that_it_checks() {
        // What Python's hmac and base64 make of the same.
        let secret = "SECtest";
        assert_eq!(dingtalk(secret, 1_700_000_000_000), "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g=");
        assert_eq!(feishu(secret, 1_700_000_000), "G7XpBpG8NgG02fJOAhX6FRAObIljmFoxVReo8I62pEk=");
        assert_eq!(
            of_body(secret, 1_700_000_000, br#"{"a":1}"#),
            "t=1700000000,v1=fcb51ec4942f871bf6bb7039d37a5ac7dd46311afc0620d07c5c84f8958cb4d1"
        );
    }
}
