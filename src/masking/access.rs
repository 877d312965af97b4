//! Who may see originals: tokens, known by their digests only.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::MaskingConfig;
use crate::error::{Classify, ErrorCode};

/// The tokens that open originals.
#[derive(Debug, Clone, Default)]
pub struct AccessTokens(Vec<(String, [u8; 32])>);

/// Why somebody may not see an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody may.
    #[error(
        "nobody may see originals on this server: choose a token, write its holder and the output of `printf %s TOKEN | sha256sum` into `masking.access_tokens`, and start it again"
    )]
    NoTokens,
    /// None was sent.
    #[error(
        "an access token is needed: send it as `authorization: Bearer TOKEN`, on the command line as DITING_ACCESS_TOKEN"
    )]
    Missing,
    /// It is nobody's.
    #[error("this access token is not one of `masking.access_tokens`")]
    Wrong,
    /// Why it is needed was not said.
    #[error("say why the original is needed: the reason is kept in the audit record")]
    NoReason,
}

impl Classify for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoTokens | Self::Wrong => ErrorCode::Forbidden,
            Self::Missing => ErrorCode::Unauthenticated,
            Self::NoReason => ErrorCode::InvalidInput,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoTokens => "privacy.no_tokens",
            Self::Missing => "privacy.token_missing",
            Self::Wrong => "privacy.token_wrong",
            Self::NoReason => "privacy.reason_missing",
        }
    }
}

impl AccessTokens {
    /// The tokens of `config`, which was checked; what is no digest opens nothing.
    #[must_use]
    pub fn new(config: &MaskingConfig) -> Self {
        let tokens = config.access_tokens.iter().filter_map(|token| {
            let mut digest = [0; 32];
            hex::decode_to_slice(&token.token_sha256, &mut digest).ok()?;
            Some((token.operator.clone(), digest))
        });
        Self(tokens.collect())
    }

    /// Who holds `token`. Takes as long for a wrong token as for a right one.
    ///
    /// # Errors
    /// [`Refusal`] when it opens nothing.
    pub fn holder(&self, token: Option<&str>) -> Result<&str, Refusal> {
        if self.0.is_empty() {
            return Err(Refusal::NoTokens);
        }
        let token = token.filter(|token| !token.is_empty()).ok_or(Refusal::Missing)?;
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut holder = None;
        for (operator, known) in &self.0 {
            if bool::from(known.ct_eq(&digest)) {
                holder = Some(operator.as_str());
            }
        }
        holder.ok_or(Refusal::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::AccessToken;

    #[test]
    fn only_the_token_itself_opens() {
        assert_eq!(AccessTokens::default().holder(Some("x")), Err(Refusal::NoTokens));
        let digest = hex::encode(Sha256::digest(b"open sesame"));
        let access_tokens = vec![AccessToken { operator: "audit".to_owned(), token_sha256: digest.clone() }];
        let tokens = AccessTokens::new(&MaskingConfig { access_tokens, ..MaskingConfig::default() });
        assert_eq!(tokens.holder(Some("open sesame")), Ok("audit"));
        assert_eq!(tokens.holder(Some("open sesame ")), Err(Refusal::Wrong));
        assert_eq!(tokens.holder(Some(&digest)), Err(Refusal::Wrong));
        assert_eq!(tokens.holder(Some("")), Err(Refusal::Missing));
        assert_eq!(tokens.holder(None), Err(Refusal::Missing));
    }
}
