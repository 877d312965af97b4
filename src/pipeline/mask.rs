//! Hides personal data in a result before it is stored or shown: in the dialogue, and wherever a finding quotes it.
//!
//! Rules judge what was said; masking comes after them. **Invariant**: no text of a masked result holds a character that
//! its dialogue hides.

use std::io::Read;
use std::path::Path;

use super::{Judgement, PipelineError};
use crate::analysis::{Analysis, Evidence, MatchMode};
use crate::dialogue::{Chat, ChatError, Dialogue, Turn};
use crate::ingest::{CallRecord, IngestError};
use crate::masking::{
    AccessTokens, HIDDEN, Masker, MaskingConfig, MaskingError, MaskingKey, Originals, Sealed,
};
use crate::store::{CallResult, Masking};
use crate::types::{CallId, CallMetadata};

/// Name of the key in the data directory when the configuration names none.
const KEY_NAME: &str = "masking.key";
/// Most bytes by which sealing makes a chat longer.
const MAX_SEAL_BYTES: u64 = 1 << 10;

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

    /// Judges a stored result anew by what was said, and hides in the outcome what is hidden in the dialogue, which stays
    /// as it is. Where the original cannot be had, the masked text is judged. A result from before there was masking is
    /// masked.
    ///
    /// # Errors
    /// [`MaskingError::NoRandomness`], [`MaskingError::Damaged`].
    pub fn judge_again(
        &self,
        result: CallResult,
        record: &CallRecord,
        judge: impl FnOnce(&Dialogue, &CallMetadata) -> Judgement,
    ) -> Result<CallResult, MaskingError> {
        let metadata = self.metadata(record)?;
        let said = self.said(&result, record)?;
        let Judgement { mut analysis, mut parts } = judge(&said, &metadata);
        if !result.masking.masked {
            return self.mask(CallResult { analysis, parts, ..result }, record);
        }
        if !result.masking.spans.is_empty() {
            let parts = parts.iter_mut().map(|part| &mut part.analysis);
            requote(std::iter::once(&mut analysis).chain(parts), &said, &result.dialogue);
        }
        Ok(CallResult { analysis, parts, ..result })
    }

    /// The dialogue as it was said, or as far as that is kept and this key opens it.
    ///
    /// # Errors
    /// [`MaskingError::Damaged`].
    pub(super) fn said(&self, result: &CallResult, record: &CallRecord) -> Result<Dialogue, MaskingError> {
        match self.unseal(result, record) {
            Err(MaskingError::NotKept | MaskingError::WrongKey) => Ok(result.dialogue.clone()),
            outcome => outcome,
        }
    }

    /// A chat as it may lie on the disk: the same chat is the same bytes.
    ///
    /// # Errors
    /// [`MaskingError::Damaged`] for a chat that is too large.
    pub(super) fn seal_chat(&self, bytes: &[u8]) -> Result<Vec<u8>, MaskingError> {
        self.key.seal_content(bytes)
    }

    /// The chat whose sealed bytes lie at `path`.
    ///
    /// # Errors
    /// [`PipelineError::Chat`] when it is none; [`PipelineError::Masking`] when another key sealed it;
    /// [`PipelineError::Ingest`] when the disk fails.
    pub(super) fn read_chat(&self, path: &Path) -> Result<Chat, PipelineError> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(Chat::max_bytes()).unwrap_or(u64::MAX).saturating_add(MAX_SEAL_BYTES);
        let file = fs_err::File::open(path).map_err(IngestError::from)?;
        file.take(limit).read_to_end(&mut bytes).map_err(IngestError::from)?;
        match self.key.unseal_content(&bytes) {
            Ok(bytes) => Ok(Chat::from_json(&bytes)?),
            Err(MaskingError::Damaged) => {
                let problem = "they were never sealed, or are damaged".to_owned();
                Err(ChatError::Unreadable { problem }.into())
            }
            Err(error) => Err(error.into()),
        }
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
    let CallResult { audio, recognition, dialogue, mut analysis, mut parts, masking: _ } = result;
    let before = dialogue.clone();
    let masked = masker.mask(dialogue, metadata);
    if !masked.spans.is_empty() {
        let analyses = std::iter::once(&mut analysis).chain(parts.iter_mut().map(|part| &mut part.analysis));
        requote(analyses, &before, &masked.dialogue);
    }
    let masking = Masking { masked: masker.hides(), spans: masked.spans, sealed: None };
    (CallResult { audio, recognition, dialogue: masked.dialogue, analysis, parts, masking }, masked.originals)
}

/// Cuts every quotation of `analyses` anew from the masked dialogue.
fn requote<'a>(analyses: impl Iterator<Item = &'a mut Analysis>, before: &Dialogue, after: &Dialogue) {
    // The hidden stretches themselves, for what quotes more or less than a piece of evidence.
    let turns = || before.turns.iter().zip(&after.turns);
    let hidden: Vec<_> = turns().flat_map(|(was, is)| hidden_stretches(was, is)).collect();
    for analysis in analyses {
        requote_one(analysis, after, &hidden);
    }
}

fn requote_one(analysis: &mut Analysis, after: &Dialogue, hidden: &[(String, String)]) {
    // Whatever quotes something that is now hidden, longest first, so that no quotation is met inside of another.
    let mut changes: Vec<(String, String)> = hidden.to_vec();
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
    if changes.is_empty() {
        return;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{RuleSet, dialogue_of};
    use crate::ingest::{CallState, Origin, Recording};
    use crate::types::{AudioDeclaration, ContentHash};

    fn record(id: &str) -> CallRecord {
        CallRecord {
            id: CallId::try_new(id).expect("a valid id"),
            metadata: CallMetadata { customer_name: Some("陈大文".to_owned()), ..CallMetadata::default() },
            recording: Recording {
                hash: ContentHash::new([0; 32]),
                num_bytes: 0,
                declaration: AudioDeclaration::default(),
            },
            received_at: jiff::Timestamp::UNIX_EPOCH,
            state: CallState::Done,
            num_attempts: 1,
            duration: None,
            origin: Origin::Upload,
        }
    }

    /// A call judged by the bank pack, not masked yet.
    fn judged() -> CallResult {
        let turns =
            ["客服: 陈大文您好，您的手机是13912345678吗，这款产品保本保息", "客户: 对，验证码是472981"];
        let dialogue = dialogue_of(&turns, false).expect("the turns are well formed");
        let analysis = RuleSet::bank().evaluate(&dialogue, &CallMetadata::default());
        let (parts, masking) = (Vec::new(), Masking::default());
        CallResult { audio: None, recognition: None, dialogue, analysis, parts, masking }
    }

    fn privacy(config: &MaskingConfig) -> (tempfile::TempDir, Privacy) {
        let folder = tempfile::tempdir().expect("a folder");
        let privacy = Privacy::open(config, folder.path()).expect("a key is made");
        (folder, privacy)
    }

    #[test]
    fn a_result_is_masked_in_every_text_and_comes_back_whole() {
        let (_folder, privacy) = privacy(&MaskingConfig::default());
        let (before, record) = (judged(), record("c1"));
        assert!(format!("{before:?}").contains("13912345678"));
        let masked = privacy.mask(before.clone(), &record).expect("it is masked");
        let text = serde_json::to_string(&masked).expect("it is JSON");
        for secret in ["91234", "472981", "大文"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(masked.masking.masked && masked.masking.sealed.is_some());
        assert_eq!(privacy.unseal(&masked, &record).expect("it opens"), before.dialogue);
        assert_eq!(privacy.mask(masked.clone(), &record).expect("once is enough"), masked);
    }

    #[test]
    fn judging_again_sees_what_was_said() {
        let (_folder, privacy) = privacy(&MaskingConfig::default());
        let (before, record) = (judged(), record("c1"));
        let masked = privacy.mask(before.clone(), &record).expect("it is masked");
        let again = privacy.judge_again(masked.clone(), &record, |dialogue, _| {
            assert_eq!(*dialogue, before.dialogue);
            let analysis = RuleSet::bank().evaluate(dialogue, &CallMetadata::default());
            Judgement { analysis, parts: Vec::new() }
        });
        let again = again.expect("it is judged");
        assert_eq!((&again.dialogue, &again.analysis), (&masked.dialogue, &masked.analysis));
        assert_eq!(again.masking.spans, masked.masking.spans);
    }

    #[test]
    fn without_the_original_the_masked_text_is_judged() {
        let (_folder, privacy) = privacy(&MaskingConfig { keep_original: false, ..MaskingConfig::default() });
        let record = record("c1");
        let masked = privacy.mask(judged(), &record).expect("it is masked");
        assert!(matches!(privacy.unseal(&masked, &record), Err(MaskingError::NotKept)));
        let again = privacy.judge_again(masked.clone(), &record, |dialogue, _| {
            assert_eq!(*dialogue, masked.dialogue);
            let analysis = RuleSet::bank().evaluate(dialogue, &CallMetadata::default());
            Judgement { analysis, parts: Vec::new() }
        });
        assert_eq!(again.expect("it is judged").masking, masked.masking);
    }

    #[test]
    fn the_customers_name_is_kept_sealed_with_the_record() {
        let (_folder, privacy) = privacy(&MaskingConfig::default());
        let mut record = record("c1");
        let whole = record.metadata.clone();
        record.metadata =
            privacy.seal_name(whole.clone(), &record.id, record.received_at).expect("it is sealed");
        assert_eq!(record.metadata.customer_name.as_deref(), Some("陈**"));
        assert!(!format!("{record:?}").contains("大文"));
        assert_eq!(privacy.metadata(&record).expect("it opens"), whole);
    }
}
