//! Hides personal data in a result before it is stored or shown: in the dialogue, and wherever a finding quotes it.
//!
//! Rules judge what was said; masking comes after them. **Invariant**: no text of a masked result holds a character that
//! its dialogue hides.

use std::path::Path;

use super::PipelineError;
use crate::analysis::{Analysis, Evidence, MatchMode};
use crate::dialogue::{Dialogue, Turn};
use crate::ingest::CallRecord;
use crate::masking::{AccessTokens, HIDDEN, Masker, MaskingConfig, MaskingError, MaskingKey, Originals, Sealed};
use crate::store::{CallResult, Masking};
use crate::types::{CallId, CallMetadata};

/// Name of the key in the data directory when the configuration names none.
const KEY_NAME: &str = "masking.key";

/// How this process masks, keeps originals, and whom it shows them.
#[derive(Debug)]
pub struct Privacy {
    masker: Masker,
    key: MaskingKey,
    keep_original: bool,
    tokens: AccessTokens,
}

impl Privacy {
    /// Reads the key, or makes it in `data_dir`.
    ///
    /// # Errors
    /// [`MaskingError`] when the key cannot be had.
    pub fn open(config: &MaskingConfig, data_dir: &Path) -> Result<Self, MaskingError> {
        let path = config.key_file.clone().unwrap_or_else(|| data_dir.join(KEY_NAME));
        Ok(Self {
            masker: Masker::new(config),
            key: MaskingKey::open(&path)?,
            keep_original: config.keep_original,
            tokens: AccessTokens::new(config),
        })
    }

    /// What hides.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Who may see originals.
    pub(super) fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// Masks the result of `record` and seals what was hidden. A result that is masked already is masked no further.
    ///
    /// # Errors
    /// [`MaskingError::NoRandomness`].
    pub fn mask(&self, result: CallResult, record: &CallRecord) -> Result<CallResult, MaskingError> {
        if result.masking.masked {
            return Ok(result);
        }
        let (mut result, originals) = mask(&self.masker, result, &self.metadata(record)?);
        if self.keep_original && !originals.is_empty() {
            result.masking.sealed = Some(self.key.seal(&originals, &record.id, record.received_at)?);
        }
        Ok(result)
    }

    /// The dialogue of `record` as it was said. That of a result without anything hidden is its own.
    ///
    /// # Errors
    /// [`MaskingError::NotKept`], [`MaskingError::WrongKey`], [`MaskingError::Damaged`].
    pub fn unseal(&self, result: &CallResult, record: &CallRecord) -> Result<Dialogue, MaskingError> {
        let mut dialogue = result.dialogue.clone();
        match &result.masking.sealed {
            Some(sealed) => self.key.unseal(sealed, &record.id, record.received_at)?.put_back(&mut dialogue),
            None if result.masking.spans.is_empty() => {}
            None => return Err(MaskingError::NotKept),
        }
        Ok(dialogue)
    }

    /// What is known about the call, with the customer's name in full where it was given.
    ///
    /// # Errors
    /// [`MaskingError::Damaged`]; without the key the name stays as it is shown.
    pub fn metadata(&self, record: &CallRecord) -> Result<CallMetadata, MaskingError> {
        let mut metadata = record.metadata.clone();
        let Some(sealed) = metadata.customer_name_sealed.take() else { return Ok(metadata) };
        let sealed: Sealed = serde_json::from_str(&sealed).map_err(|_| MaskingError::Damaged)?;
        match self.key.unseal_bytes(&sealed, &record.id, record.received_at) {
            Ok(name) => metadata.customer_name = String::from_utf8(name).ok(),
            // A key that was exchanged on purpose must not keep the call from being judged.
            Err(MaskingError::WrongKey) => {}
            Err(error) => return Err(error),
        }
        Ok(metadata)
    }

    /// `metadata` as it may be stored with call `id`: the customer's name sealed, its family name left.
    ///
    /// # Errors
    /// [`MaskingError::NoRandomness`].
    pub fn seal_name(
        &self,
        mut metadata: CallMetadata,
        id: &CallId,
        received_at: jiff::Timestamp,
    ) -> Result<CallMetadata, MaskingError> {
        metadata.customer_name_sealed = None;
        let Some(name) = metadata.customer_name.clone() else { return Ok(metadata) };
        let shown = self.masker.mask_name(&name);
        if shown != name {
            let sealed = self.key.seal_bytes(name.as_bytes(), id, received_at)?;
            let sealed = serde_json::to_string(&sealed).map_err(|_| MaskingError::Damaged)?;
            (metadata.customer_name, metadata.customer_name_sealed) = (Some(shown), Some(sealed));
        }
        Ok(metadata)
    }
}

impl From<MaskingError> for PipelineError {
    fn from(error: MaskingError) -> Self {
        Self::Masking(error)
    }
}

/// Masks `result`: dialogue, evidence, explanations. Also gives the characters that were hidden.
#[must_use]
pub fn mask(masker: &Masker, result: CallResult, metadata: &CallMetadata) -> (CallResult, Originals) {
    let CallResult { audio, recognition, dialogue, mut analysis, masking: _ } = result;
    let before = dialogue.clone();
    let masked = masker.mask(dialogue, metadata);
    if !masked.spans.is_empty() {
        requote(&mut analysis, &before, &masked.dialogue);
    }
    let masking = Masking { masked: masker.hides(), spans: masked.spans, sealed: None };
    (CallResult { audio, recognition, dialogue: masked.dialogue, analysis, masking }, masked.originals)
}

/// Cuts every quotation anew from the masked dialogue.
fn requote(analysis: &mut Analysis, before: &Dialogue, after: &Dialogue) {
    // Whatever quotes something that is now hidden, longest first, so that no quotation is met inside of another.
    let mut changes: Vec<(String, String)> = Vec::new();
    for evidence in analysis.findings.iter_mut().flat_map(|finding| &mut finding.evidence) {
        let Some(turn) = after.turns.get(evidence.turn as usize) else { continue };
        if evidence.mode == MatchMode::Measured {
            continue;
        }
        let shown = quoted(turn, evidence);
        if shown != evidence.text {
            changes.push((std::mem::replace(&mut evidence.text, shown.clone()), shown));
        }
    }
    // And the hidden stretches themselves, for what quotes more or less than a piece of evidence.
    for (was, is) in before.turns.iter().zip(&after.turns) {
        changes.extend(hidden_stretches(was, is));
    }
    changes.sort_by_key(|(was, _)| std::cmp::Reverse(was.len()));
    changes.dedup();
    let mend = |text: &mut String| {
        for (was, is) in &changes {
            if text.contains(was.as_str()) {
                *text = text.replace(was.as_str(), is);
            }
        }
    };
    for finding in &mut analysis.findings {
        mend(&mut finding.explanation);
        finding.conditions.iter_mut().filter_map(|condition| condition.reason.as_mut()).for_each(mend);
        finding
            .evidence
            .iter_mut()
            .filter(|evidence| evidence.mode == MatchMode::Measured)
            .for_each(|evidence| mend(&mut evidence.text));
    }
}

fn quoted(turn: &Turn, evidence: &Evidence) -> String {
    let (from, to) = (evidence.char_from as usize, evidence.char_to as usize);
    turn.text.chars().skip(from).take(to.saturating_sub(from)).collect()
}

/// Hidden characters in a row with what stands around them up to the next mark, before and after masking. Short ones are
/// left out: a given name of one character would be found in every word.
fn hidden_stretches(was: &Turn, is: &Turn) -> Vec<(String, String)> {
    const MIN_CHARS: usize = 3;
    let mut stretches = Vec::new();
    let (mut before, mut after) = (String::new(), String::new());
    let mut num_hidden = 0;
    for (char, shown) in was.text.chars().zip(is.text.chars()).chain([(' ', ' ')]) {
        if shown == HIDDEN && char != HIDDEN {
            before.push(char);
            after.push(shown);
            num_hidden += 1;
        } else {
            if num_hidden >= MIN_CHARS {
                stretches.push((before.clone(), after.clone()));
            }
            before.clear();
            after.clear();
            num_hidden = 0;
        }
    }
    stretches
}
