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
    self, AccessTokens, HIDDEN, MaskedSpan, Masker, MaskingConfig, MaskingError, MaskingKey, Originals,
    Sealed,
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
        self.mask_anew(result, record, &[], self.keep_original)
    }

    /// Masks a result that shows everything. Where it does not show what is `gone`, that stays silent.
    fn mask_anew(
        &self,
        result: CallResult,
        record: &CallRecord,
        gone: &[MaskedSpan],
        keep: bool,
    ) -> Result<CallResult, MaskingError> {
        let (mut result, originals) = mask(&self.masker, result, &self.metadata(record)?);
        if result.masking.masked {
            result.masking.spans = masking::join(std::mem::take(&mut result.masking.spans), gone.to_vec());
        }
        if keep && !(originals.is_empty() && result.masking.spans.is_empty()) {
            result.masking.sealed = Some(self.key.seal(&originals, &record.id, record.received_at)?);
        }
        Ok(result)
    }

    /// A stored result as it is with what is known of the call now: `relabel` says who is who, `judge` what the rules say.
    ///
    /// Where the original cannot be had, what is hidden stays so, and what is sealed stays sealed: a dialogue into which it
    /// could not be put back any more keeps its turns, and is judged anew as it is.
    ///
    /// # Errors
    /// [`MaskingError::NoRandomness`], [`MaskingError::Damaged`].
    pub fn tell(
        &self,
        result: CallResult,
        record: &CallRecord,
        relabel: impl FnOnce(&Dialogue, &CallMetadata) -> Dialogue,
        judge: impl FnOnce(&Dialogue, &CallMetadata) -> Judgement,
    ) -> Result<CallResult, MaskingError> {
        let metadata = self.metadata(record)?;
        let Masking { masked: _, spans, sealed } = result.masking.clone();
        let said = match self.unseal(&result, record) {
            Ok(said) => said,
            Err(MaskingError::NotKept | MaskingError::WrongKey) => {
                return Ok(self.tell_masked(result, &metadata, relabel, judge));
            }
            Err(error) => return Err(error),
        };
        let dialogue = relabel(&said, &metadata);
        let gone = masking::carry(&spans, &result.dialogue, &dialogue);
        let gone: Vec<MaskedSpan> = gone.into_iter().filter(MaskedSpan::is_heard_only).collect();
        let Judgement { analysis, parts } = judge(&dialogue, &metadata);
        let masking = Masking::default();
        let result = CallResult { dialogue, analysis, parts, masking, ..result };
        self.mask_anew(result, record, &gone, self.keep_original || sealed.is_some())
    }

    /// [`tell`](Self::tell) over what is shown.
    fn tell_masked(
        &self,
        result: CallResult,
        metadata: &CallMetadata,
        relabel: impl FnOnce(&Dialogue, &CallMetadata) -> Dialogue,
        judge: impl FnOnce(&Dialogue, &CallMetadata) -> Judgement,
    ) -> CallResult {
        let Masking { masked: _, spans, sealed } = result.masking;
        let told = relabel(&result.dialogue, metadata);
        let texts = |dialogue: &Dialogue| -> Vec<(u32, String)> {
            dialogue.turns.iter().map(|turn| (turn.index, turn.text.clone())).collect()
        };
        let fits = sealed.is_none() || texts(&told) == texts(&result.dialogue);
        let dialogue = if fits { told } else { result.dialogue.clone() };
        let known = masking::carry(&spans, &result.dialogue, &dialogue);
        let Judgement { analysis, parts } = judge(&dialogue, metadata);
        let masking = Masking::default();
        // A name that is known only now is hidden as well; it cannot be sealed with the rest.
        let (shown, _) =
            mask(&self.masker, CallResult { dialogue, analysis, parts, masking, ..result }, metadata);
        let spans = masking::join(known, shown.masking.spans);
        CallResult { masking: Masking { masked: true, spans, sealed }, ..shown }
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
    pub(super) fn seal_content(&self, bytes: &[u8]) -> Result<Vec<u8>, MaskingError> {
        self.key.seal_content(bytes)
    }

    /// What [`seal_content`](Self::seal_content) sealed.
    ///
    /// # Errors
    /// [`MaskingError::WrongKey`]; [`MaskingError::Damaged`].
    pub(super) fn open_content(&self, bytes: &[u8]) -> Result<Vec<u8>, MaskingError> {
        self.key.unseal_content(bytes)
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

/// Hidden characters in a row, before and after masking. A few of them, such as a given name, with their neighbour: alone
/// they would be found in other words.
fn hidden_stretches(was: &Turn, is: &Turn) -> Vec<(String, String)> {
    /// So many tell for themselves.
    const MIN_CHARS: usize = 3;
    let pairs: Vec<(char, char)> = was.text.chars().zip(is.text.chars()).collect();
    let is_hidden = |(said, shown): &(char, char)| *shown == HIDDEN && *said != HIDDEN;
    let is_neighbour = |at: usize| pairs.get(at).is_some_and(|(said, _)| said.is_alphanumeric());
    let mut stretches = Vec::new();
    let mut end = 0;
    for run in pairs.chunk_by(|one, other| is_hidden(one) == is_hidden(other)) {
        let from = end;
        end += run.len();
        if !run.first().is_some_and(is_hidden) {
            continue;
        }
        let before = from.checked_sub(1).filter(|at| is_neighbour(*at));
        let stretch = match (run.len(), before) {
            (MIN_CHARS.., _) => from..end,
            (_, Some(before)) => before..end,
            (1, None) => continue,
            (_, None) if is_neighbour(end) => from..end + 1,
            (_, None) => from..end,
        };
        let stretch = pairs.get(stretch).unwrap_or_default();
        stretches.push(stretch.iter().copied().unzip());
    }
    stretches
}

#[cfg(test)]
mod tests;
