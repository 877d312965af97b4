//! What is masked, and who may see what was.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::MaskKind;

/// What is masked, and who may see what was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskingConfig {
    /// Kinds that are masked in everything that is stored, shown or sent. Empty: nothing is masked.
    pub kinds: Vec<MaskKind>,
    /// Whether the hidden characters are kept, encrypted. Without them nobody can unmask, and a call that is judged again
    /// is judged by its masked text.
    pub keep_original: bool,
    /// The key of what is kept; made at the first start when it is not there. `masking.key` in the data directory when
    /// absent. Whoever loses it loses the originals, and whoever destroys it shreds them.
    pub key_file: Option<PathBuf>,
    /// Who may see originals. Nobody when empty.
    pub access_tokens: Vec<AccessToken>,
}

impl Default for MaskingConfig {
    fn default() -> Self {
        Self { kinds: MaskKind::ALL.to_vec(), keep_original: true, key_file: None, access_tokens: Vec::new() }
    }
}

/// A person or program that may see originals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// Who holds it, as the audit record names them.
    pub operator: String,
    /// SHA-256 of the token, 64 hexadecimal digits. The token itself is written nowhere.
    pub token_sha256: String,
}

impl MaskingConfig {
    /// What is wrong with it, by key.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        const TOKENS: &str = "masking.access_tokens";
        let mut problems = Vec::new();
        for token in &self.access_tokens {
            let digest = &token.token_sha256;
            if token.operator.trim().is_empty() {
                problems.push((TOKENS, "has a token without an `operator`: name who holds it".to_owned()));
            } else if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let operator = &token.operator;
                problems.push((
                    TOKENS,
                    format!(
                        "of `{operator}` is no SHA-256: write the 64 digits that `printf %s TOKEN | sha256sum` prints"
                    ),
                ));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_needs_a_holder_and_a_digest() {
        let config = |operator: &str, digest: &str| MaskingConfig {
            access_tokens: vec![AccessToken {
                operator: operator.to_owned(),
                token_sha256: digest.to_owned(),
            }],
            ..MaskingConfig::default()
        };
        assert!(MaskingConfig::default().problems().is_empty());
        assert!(config("audit", &"0a".repeat(32)).problems().is_empty());
        assert!(!config("", &"0a".repeat(32)).problems().is_empty());
        assert!(!config("audit", "secret").problems().is_empty());
        assert!(!config("audit", &"0g".repeat(32)).problems().is_empty());
    }
}
