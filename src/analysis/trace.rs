//! Tells why a rule came to its verdict, condition by condition: for `diting rules explain` and, in short, in a finding.

use super::evidence::{of_measured, of_said};
use super::found::Found;
use super::judge::{Judge, Outcome};
use super::rule::Rule;
use super::scene::Judged;
use super::{ConditionResult, ConditionState, Evidence, RuleKind, Verdict};
use crate::types::RuleId;

/// Hits of one condition that are told.
const MAX_HITS: usize = 5;

/// Matches that did not count that are told.
const MAX_NOTES: usize = 5;

/// What a condition is in its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A condition proper.
    Condition,
    /// Without it the rule has no occasion.
    Prerequisite,
    /// With it a hit does not count.
    Exception,
}

/// What one condition came to.
#[derive(Debug, Clone)]
pub struct ConditionTrace {
    /// Its name in the rule.
    pub id: String,
    /// What it is there.
    pub part: Part,
    /// The condition as written, on one line.
    pub source: String,
    /// What it came to.
    pub state: ConditionState,
    /// Why it could not be judged.
    pub reason: Option<String>,
    /// Its first hits.
    pub hits: Vec<Evidence>,
    /// What else is worth knowing: matches that did not count and why, values below the limit.
    pub notes: Vec<String>,
}

impl ConditionTrace {
    /// What a finding keeps of it.
    #[must_use]
    pub(super) fn snapshot(&self) -> ConditionResult {
        ConditionResult {
            id: self.id.clone(),
            source: self.source.clone(),
            state: self.state,
            reason: self.reason.clone(),
        }
    }
}

/// Why a rule came to its verdict.
#[derive(Debug, Clone)]
pub struct RuleTrace {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name.
    pub rule_name: String,
    /// What it is for.
    pub kind: RuleKind,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why it could not be judged.
    pub reason: Option<String>,
    /// How its conditions add up, in its own names.
    pub when: String,
    /// When it is judged at all; empty: always.
    pub only_if: String,
    /// When a hit does not count; empty: never.
    pub unless: String,
    /// Its conditions. Empty when nothing was asked.
    pub conditions: Vec<ConditionTrace>,
    /// The verdict in one sentence.
    pub explanation: String,
}

impl RuleTrace {
    pub(super) fn new(
        rule: &Rule,
        judged: &Judged,
        explanation: &str,
        conditions: Vec<ConditionTrace>,
    ) -> Self {
        let name =
            |index: usize| rule.conditions.get(index).map_or(String::new(), |condition| condition.id.clone());
        let show = |expr: &super::expression::Expr| expr.show(&name);
        let told = !conditions.is_empty();
        Self {
            rule_id: rule.id.clone(),
            rule_name: rule.name.clone(),
            kind: rule.kind,
            verdict: judged.verdict,
            reason: judged.reason.map(str::to_owned),
            when: if told { show(&rule.when) } else { String::new() },
            only_if: rule.only_if.as_ref().filter(|_| told).map(show).unwrap_or_default(),
            unless: rule.unless.as_ref().filter(|_| told).map(show).unwrap_or_default(),
            conditions,
            explanation: explanation.to_owned(),
        }
    }
}

/// What every condition came to; with hits and notes when `full`.
pub(super) fn trace(judge: &Judge<'_>, full: bool) -> Vec<ConditionTrace> {
    let rule = &judge.compiled.rule;
    let traced = rule.conditions.iter().zip(&judge.outcomes).enumerate();
    traced
        .map(|(index, (condition, outcome))| {
            let notes = judge.notes.get(index).map(Vec::as_slice).unwrap_or_default();
            let (state, reason) = match outcome {
                Outcome::Met(_) => (ConditionState::Met, None),
                Outcome::NotMet { .. } => (ConditionState::NotMet, None),
                Outcome::Unjudged(reason) => (ConditionState::NotApplicable, Some((*reason).to_owned())),
            };
            let hits = match outcome {
                Outcome::Met(found) if full => evidence(judge, found),
                Outcome::Met(_) | Outcome::NotMet { .. } | Outcome::Unjudged(_) => Vec::new(),
            };
            let mut told: Vec<String> = notes.iter().take(MAX_NOTES).cloned().collect();
            if notes.len() > MAX_NOTES {
                told.push(format!("另有 {} 处不算", notes.len() - MAX_NOTES));
            }
            ConditionTrace {
                id: condition.id.clone(),
                part: match index {
                    index if index < rule.parts.0 => Part::Condition,
                    index if index < rule.parts.1 => Part::Prerequisite,
                    _ => Part::Exception,
                },
                source: condition.source.clone(),
                state,
                reason,
                hits,
                notes: if full { told } else { Vec::new() },
            }
        })
        .collect()
}

fn evidence(judge: &Judge<'_>, found: &[Found]) -> Vec<Evidence> {
    let scene = judge.scene;
    let pieces = found.iter().take(MAX_HITS).flat_map(|found| match found {
        Found::Said(said) => of_said(scene.dialogue, &scene.script, said),
        Found::Measured(measured) => vec![of_measured(scene.dialogue, measured)],
    });
    pieces.collect()
}
