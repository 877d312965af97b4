//! Findings, scores and whole reports to the wire.

use super::filter::{review_to_wire, unspecified};
use super::transcript::span_to_wire;
use super::{ConvertError, duration, known, transcript};
use crate::analysis::{
    ConditionResult, ConditionState, Evidence, Finding, Level, MatchMode, RuleKind, ScorecardResult, Verdict,
};
use crate::catalog::{CallFacts, RuleInfo};
use crate::ingest::CallRecord;
use crate::pipeline::{AgentPart, CallResult};
use crate::proto::v1;
use crate::types::CallId;

/// A call and everything learnt about it: what becomes a [`v1::CallReport`].
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The record.
    pub record: &'a CallRecord,
    /// What was learnt.
    pub result: &'a CallResult,
}

impl From<Report<'_>> for v1::CallReport {
    fn from(Report { record, result }: Report<'_>) -> Self {
        Self {
            call: Some(record.into()),
            transcript: Some(transcript(result)),
            findings: result.analysis.findings.iter().map(|one| finding(&record.id, one)).collect(),
            scorecard: Some((&result.analysis.scorecard).into()),
            agent_parts: result.parts.iter().map(|part| agent_part(&record.id, part)).collect(),
            masked: result.masking.masked,
            final_scorecard: None,
        }
    }
}

/// One agent's part of `call`.
fn agent_part(call: &CallId, part: &AgentPart) -> v1::AgentPart {
    v1::AgentPart {
        agent_id: part.agent_id.clone().unwrap_or_default(),
        agent_name: part.agent_name.clone().unwrap_or_default(),
        team: part.team.clone().unwrap_or_default(),
        span: Some(span_to_wire(part.span)),
        findings: part.analysis.findings.iter().map(|one| finding(call, one)).collect(),
        scorecard: Some((&part.analysis.scorecard).into()),
        final_scorecard: None,
    }
}

/// A finding of `call`.
#[must_use]
pub fn finding(call: &CallId, finding: &Finding) -> v1::Finding {
    v1::Finding {
        call_id: call.to_string(),
        rule_id: finding.rule_id.to_string(),
        rule_name: finding.rule_name.clone(),
        kind: kind(finding.kind).into(),
        level: level(finding.level).into(),
        dimension: finding.dimension.clone(),
        verdict: verdict(finding.verdict).into(),
        score_delta: finding.score_delta.as_f64(),
        veto: finding.veto,
        evidence: finding.evidence.iter().map(Into::into).collect(),
        explanation: finding.explanation.clone(),
        not_applicable_reason: finding.not_applicable_reason.clone().unwrap_or_default(),
        num_hits: finding.num_hits,
        conditions: finding.conditions.iter().map(Into::into).collect(),
        agent_id: finding.agent_id.clone().unwrap_or_default(),
        // Until a person says otherwise.
        final_verdict: verdict(finding.verdict).into(),
        ..v1::Finding::default()
    }
}

impl From<&ConditionResult> for v1::ConditionResult {
    fn from(condition: &ConditionResult) -> Self {
        let state = match condition.state {
            ConditionState::Met => v1::ConditionState::Met,
            ConditionState::NotMet => v1::ConditionState::NotMet,
            ConditionState::NotApplicable => v1::ConditionState::NotApplicable,
        };
        Self {
            id: condition.id.clone(),
            source: condition.source.clone(),
            state: state.into(),
            reason: condition.reason.clone().unwrap_or_default(),
        }
    }
}

impl From<&Evidence> for v1::Evidence {
    fn from(evidence: &Evidence) -> Self {
        Self {
            turn: evidence.turn,
            channel: evidence.channel.0.into(),
            role: v1::SpeakerRole::from(evidence.role).into(),
            char_from: evidence.char_from,
            char_to: evidence.char_to,
            start: evidence.span.map(|span| duration(span.start)),
            end: evidence.span.map(|span| duration(span.end)),
            text: evidence.text.clone(),
            pattern: evidence.pattern.clone(),
            mode: mode(evidence.mode).into(),
            confidence: evidence.confidence,
            measured: evidence.measured,
            condition: evidence.condition.clone(),
            tolerances: evidence.tolerances.clone(),
            similarity: evidence.similarity,
        }
    }
}

impl From<&ScorecardResult> for v1::ScorecardResult {
    fn from(result: &ScorecardResult) -> Self {
        let dimensions = result.dimensions.iter().map(|dimension| v1::DimensionScore {
            name: dimension.name.clone(),
            full: dimension.full.as_f64(),
            score: dimension.score.as_f64(),
            num_checked: dimension.num_checked,
            num_hit: dimension.num_hit,
            num_not_applicable: dimension.num_not_applicable,
        });
        Self {
            scheme: result.scheme.clone(),
            revision: result.revision.clone(),
            score: result.score.as_f64(),
            full: result.full.as_f64(),
            vetoed: result.vetoed,
            scored: result.scored,
            unscored_reason: result.unscored_reason.clone().unwrap_or_default(),
            dimensions: dimensions.collect(),
        }
    }
}

/// What the facts of a call say of its finding of `rule`: the machine's verdict and the one that counts.
#[must_use]
pub fn finding_of_row(call: &CallFacts, rule: &RuleInfo, machine: Verdict, counting: Verdict) -> v1::Finding {
    v1::Finding {
        call_id: call.id.to_string(),
        rule_id: rule.id.to_string(),
        rule_name: rule.name.clone(),
        kind: kind(rule.kind).into(),
        level: level(rule.level).into(),
        dimension: rule.dimension.clone(),
        verdict: verdict(machine).into(),
        final_verdict: verdict(counting).into(),
        review: review_to_wire(call.review_state()).into(),
        ..v1::Finding::default()
    }
}

/// A verdict that is asked for in `field`.
pub(super) fn verdict_in(field: &str, value: i32) -> Result<Verdict, ConvertError> {
    Ok(match known(field, value)? {
        v1::Verdict::Unspecified => return Err(unspecified(field)),
        v1::Verdict::Hit => Verdict::Hit,
        v1::Verdict::Miss => Verdict::Miss,
        v1::Verdict::NotApplicable => Verdict::NotApplicable,
    })
}

/// A level that is asked for in `field`.
pub(super) fn level_from_wire(field: &str, value: i32) -> Result<Level, ConvertError> {
    Ok(match known(field, value)? {
        v1::Level::Unspecified => return Err(unspecified(field)),
        v1::Level::S1 => Level::S1,
        v1::Level::S2 => Level::S2,
        v1::Level::S3 => Level::S3,
        v1::Level::S4 => Level::S4,
        v1::Level::S5 => Level::S5,
    })
}

/// A kind of rule that is asked for in `field`.
pub(super) fn kind_from_wire(field: &str, value: i32) -> Result<RuleKind, ConvertError> {
    Ok(match known(field, value)? {
        v1::RuleKind::Unspecified => return Err(unspecified(field)),
        v1::RuleKind::Required => RuleKind::Required,
        v1::RuleKind::Forbidden => RuleKind::Forbidden,
        v1::RuleKind::Acoustic => RuleKind::Acoustic,
        v1::RuleKind::Process => RuleKind::Process,
        v1::RuleKind::Watch => RuleKind::Watch,
    })
}

pub(super) fn verdict(verdict: Verdict) -> v1::Verdict {
    match verdict {
        Verdict::Hit => v1::Verdict::Hit,
        Verdict::Miss => v1::Verdict::Miss,
        Verdict::NotApplicable => v1::Verdict::NotApplicable,
    }
}

pub(super) fn kind(kind: RuleKind) -> v1::RuleKind {
    match kind {
        RuleKind::Required => v1::RuleKind::Required,
        RuleKind::Forbidden => v1::RuleKind::Forbidden,
        RuleKind::Acoustic => v1::RuleKind::Acoustic,
        RuleKind::Process => v1::RuleKind::Process,
        RuleKind::Watch => v1::RuleKind::Watch,
    }
}

pub(super) fn level(level: Level) -> v1::Level {
    match level {
        Level::S1 => v1::Level::S1,
        Level::S2 => v1::Level::S2,
        Level::S3 => v1::Level::S3,
        Level::S4 => v1::Level::S4,
        Level::S5 => v1::Level::S5,
    }
}

fn mode(mode: MatchMode) -> v1::MatchMode {
    match mode {
        MatchMode::Exact => v1::MatchMode::Exact,
        MatchMode::Synonym => v1::MatchMode::Synonym,
        MatchMode::Homophone => v1::MatchMode::Homophone,
        MatchMode::Regex => v1::MatchMode::Regex,
        MatchMode::Measured => v1::MatchMode::Measured,
        MatchMode::Similar => v1::MatchMode::Similar,
        MatchMode::Entity => v1::MatchMode::Entity,
    }
}
