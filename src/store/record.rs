//! What is stored about a call: its record with what lists show, and its result.

use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, Verdict};
use crate::audio::AudioProfile;
use crate::dialogue::Dialogue;
use crate::ingest::CallRecord;
use crate::masking::{MaskedSpan, Sealed};
use crate::speech::RecognitionSummary;
use crate::types::{RuleId, Score};

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
    /// What was hidden in it.
    #[serde(default)]
    pub masking: Masking,
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
}

impl StoredCall {
    pub(super) fn new(record: CallRecord) -> Self {
        Self { record, score: None, hit_rule_ids: None, has_result: false }
    }
}

/// Everything of a result but the analysis.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DialoguePart {
    audio: Option<AudioProfile>,
    recognition: Option<RecognitionSummary>,
    dialogue: Dialogue,
    #[serde(default)]
    masked: bool,
    #[serde(default)]
    masked_spans: Vec<MaskedSpan>,
}

impl DialoguePart {
    pub(super) fn of(result: &CallResult) -> Self {
        let CallResult { audio, recognition, dialogue, analysis: _, masking } = result.clone();
        Self { audio, recognition, dialogue, masked: masking.masked, masked_spans: masking.spans }
    }

    pub(super) fn with(self, analysis: Analysis, sealed: Option<Sealed>) -> CallResult {
        let Self { audio, recognition, dialogue, masked, masked_spans } = self;
        let masking = Masking { masked, spans: masked_spans, sealed };
        CallResult { audio, recognition, dialogue, analysis, masking }
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
