//! What was said in a call and where rules hit, for whoever reads all calls: without the times of words, conditions,
//! explanations and parts, it reads in a fraction of the time of a whole result.
//!
//! **Invariant**: what it tells is what [`Store::result`] tells.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Store, StoreError};
use crate::analysis::{RuleKind, Verdict};
use crate::dialogue::{Gap, MessageKind};
use crate::types::{CallId, RuleId, SpeakerRole};

/// What was said in a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Whether personal data is masked in it.
    pub masked: bool,
    /// Whether it was heard: not in a chat.
    pub has_sound: bool,
    /// Its turns in order.
    pub turns: Vec<SaidTurn>,
    /// Silences of at least one second, in order.
    pub gaps: Vec<Gap>,
    /// The rules that hit; empty where they were not asked for.
    pub hits: Vec<SaidHit>,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SaidTurn {
    /// Its position in the dialogue, from 0.
    pub index: u32,
    /// Who speaks.
    pub role: SpeakerRole,
    /// What is said.
    pub text: String,
    /// What it is.
    #[serde(default)]
    pub kind: MessageKind,
}

/// A rule that hit.
#[derive(Debug, Clone, PartialEq)]
pub struct SaidHit {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name at the time.
    pub rule_name: String,
    /// What it is for.
    pub kind: RuleKind,
    /// The turn of its first evidence; absent where it has none.
    pub turn: Option<u32>,
}

/// The frame of the findings, what is needed of it.
#[derive(Debug, Deserialize)]
pub(super) struct Findings {
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    rule_id: RuleId,
    rule_name: String,
    kind: RuleKind,
    verdict: Verdict,
    evidence: Vec<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    turn: u32,
}

/// The frame of the dialogue, what is needed of it.
#[derive(Debug, Deserialize)]
pub(super) struct Talk {
    audio: Option<IgnoredAny>,
    dialogue: Turns,
    #[serde(default)]
    masked: bool,
}

#[derive(Debug, Deserialize)]
struct Turns {
    turns: Vec<SaidTurn>,
    timing: Gaps,
}

#[derive(Debug, Deserialize)]
struct Gaps {
    gaps: Vec<Gap>,
}

impl Said {
    pub(super) fn of(findings: Option<Findings>, talk: Talk) -> Self {
        let findings = findings.into_iter().flat_map(|all| all.findings);
        let hits = findings.filter(|one| one.verdict == Verdict::Hit).map(|one| {
            let Finding { rule_id, rule_name, kind, verdict: _, evidence } = one;
            SaidHit { rule_id, rule_name, kind, turn: evidence.first().map(|place| place.turn) }
        });
        let Talk { audio, dialogue: Turns { turns, timing }, masked } = talk;
        Self { masked, has_sound: audio.is_some(), turns, gaps: timing.gaps, hits: hits.collect() }
    }
}

impl Store {
    /// What was said in a call, and where rules hit when `with_hits`; `None` when there is no such call or it is not done.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what is needed of it is damaged; anything the disk fails with.
    pub fn said(&self, id: &CallId, with_hits: bool) -> Result<Option<Said>, StoreError> {
        self.read_result(id, |name| self.results.read_said(name, with_hits))
    }
}
