//! What is stored about a call: its record with what lists show, and its result.

use serde::{Deserialize, Serialize};

use super::calls::MAX_VALUE_BYTES;
use super::results::ResultFiles;
use super::{StoreError, codec};
use crate::analysis::{Analysis, Verdict};
use crate::audio::AudioProfile;
use crate::dialogue::Dialogue;
use crate::ingest::CallRecord;
use crate::masking::{MaskedSpan, Sealed};
use crate::speech::RecognitionSummary;
use crate::types::{RuleId, Score, TimeSpan};

/// Everything learnt about one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallResult {
    /// What the recording is; absent for a chat.
    pub audio: Option<AudioProfile>,
    /// How it was recognised; absent for a chat.
    pub recognition: Option<RecognitionSummary>,
    /// Who said what when.
    pub dialogue: Dialogue,
    /// Findings and score.
    pub analysis: Analysis,
    /// What each agent's own part of the call came to. Empty for a call with one agent.
    #[serde(default)]
    pub parts: Vec<AgentPart>,
    /// What was hidden in it.
    #[serde(default)]
    pub masking: Masking,
}

/// One agent's part of a call, judged as a call of its own. Turns and times are those of the whole call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentPart {
    /// The agent's job number.
    pub agent_id: Option<String>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// The agent's team.
    pub team: Option<String>,
    /// From where to where in the call.
    pub span: TimeSpan,
    /// Findings and score.
    pub analysis: Analysis,
}

/// What of a result is hidden, and what keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Masking {
    /// Whether a masker saw it; not so for results from before there was one.
    pub masked: bool,
    /// What is hidden.
    pub spans: Vec<MaskedSpan>,
    /// The hidden characters, which only the key opens; absent when nothing was hidden, or nothing kept.
    pub sealed: Option<Sealed>,
}

/// A call in the index: its record, and of its result what lists show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredCall {
    pub(super) record: CallRecord,
    #[serde(default)]
    pub(super) score: Option<Score>,
    /// Rules that hit, most severe first. Absent when they are too many: then the result file has them.
    #[serde(default)]
    pub(super) hit_rule_ids: Option<Vec<RuleId>>,
    /// Whether there is a result file.
    #[serde(default)]
    pub(super) has_result: bool,
    /// Times its result was written: tells a result that was read from one that took its place.
    #[serde(default)]
    pub(super) num_results: u32,
}

impl StoredCall {
    pub(super) fn new(record: CallRecord) -> Self {
        Self { record, score: None, hit_rule_ids: None, has_result: false, num_results: 0 }
    }

    /// What is stored of a call that came to `result`, and the same encoded.
    pub(super) fn judged(
        record: CallRecord,
        result: &CallResult,
        num_results: u32,
    ) -> Result<(Self, Vec<u8>), StoreError> {
        let analysis = &result.analysis;
        let mut new = Self {
            record,
            score: analysis.scorecard.final_score(),
            hit_rule_ids: Some(hit_rule_ids(analysis)),
            has_result: true,
            num_results,
        };
        let mut value = codec::encode(&new, "call")?;
        if value.len() > MAX_VALUE_BYTES {
            // Then the result file has them.
            new.hit_rule_ids = None;
            value = codec::encode(&new, "call")?;
        }
        Ok((new, value))
    }

    /// Which of its results it has; 0 for none. Results from before they were counted are the first.
    pub(super) fn result(&self) -> u32 {
        if self.has_result { self.num_results.max(1) } else { 0 }
    }

    /// The name of its result file, whether there is one or not.
    pub(super) fn result_name(&self) -> String {
        ResultFiles::name(&self.record.id, self.record.received_at)
    }
}

/// Everything of a result but the analysis.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DialoguePart {
    audio: Option<AudioProfile>,
    recognition: Option<RecognitionSummary>,
    pub(super) dialogue: Dialogue,
    #[serde(default)]
    parts: Vec<AgentPart>,
    #[serde(default)]
    masked: bool,
    #[serde(default)]
    masked_spans: Vec<MaskedSpan>,
}

impl DialoguePart {
    pub(super) fn of(result: &CallResult) -> Self {
        let CallResult { audio, recognition, dialogue, parts, analysis: _, masking } = result.clone();
        let Masking { masked, spans: masked_spans, sealed: _ } = masking;
        Self { audio, recognition, dialogue, parts, masked, masked_spans }
    }

    pub(super) fn with(self, analysis: Analysis, sealed: Option<Sealed>) -> CallResult {
        let Self { audio, recognition, dialogue, parts, masked, masked_spans } = self;
        let masking = Masking { masked, spans: masked_spans, sealed };
        CallResult { audio, recognition, dialogue, analysis, parts, masking }
    }
}

/// The rules that hit, most severe first, each once.
pub(super) fn hit_rule_ids(analysis: &Analysis) -> Vec<RuleId> {
    let mut ids: Vec<RuleId> = Vec::new();
    for finding in &analysis.findings {
        if finding.verdict == Verdict::Hit && !ids.contains(&finding.rule_id) {
            ids.push(finding.rule_id.clone());
        }
    }
    ids
}
