//! Measures rules on labelled calls: which hits are right, and which violations are found.
//!
//! Examples are calls as the tests of rule packs write them, with what is true of each rule; reviews give them.
//!
//! **Invariant**: a rule is measured on what somebody said about it alone; what was not labelled counts for nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::EvalError;
use crate::analysis::{RuleSet, Verdict, WrittenCall};
use crate::types::{CallMetadata, Direction, HangUpSide, Media, Millis, RuleId, Share};

/// A labelled call: one line of a file of examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleExample {
    /// The call, or any name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call_id: String,
    /// Its turns: `客服: 您好`, or with seconds and loudness `客服@1.5-3.2 -20dB: 您好`.
    pub turns: Vec<String>,
    /// Whether both speak on one channel.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mono: bool,
    /// Its length, when it is longer than its last turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_seconds: Option<f64>,
    /// What the sender said.
    #[serde(default, skip_serializing_if = "ExampleFacts::is_empty")]
    pub metadata: ExampleFacts,
    /// What is true, by rule: `hit`, `miss` or `not_applicable`.
    pub expect: BTreeMap<RuleId, Verdict>,
}

/// What rules ask of what the sender said, as far as it goes along.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExampleFacts {
    /// The medium; a telephone recording when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// When the call began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<jiff::Timestamp>,
    /// Who called whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Who ended the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang_up_side: Option<HangUpSide>,
    /// The line of business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business: Option<String>,
    /// The product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The skill group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill_group: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl ExampleFacts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn metadata(&self) -> CallMetadata {
        CallMetadata {
            media: self.media.unwrap_or_default(),
            started_at: self.started_at,
            direction: self.direction,
            hang_up_side: self.hang_up_side,
            business: self.business.clone(),
            product: self.product.clone(),
            team: self.team.clone(),
            skill_group: self.skill_group.clone(),
            ..CallMetadata::default()
        }
    }
}

impl From<&CallMetadata> for ExampleFacts {
    fn from(metadata: &CallMetadata) -> Self {
        Self {
            media: (metadata.media != Media::default()).then_some(metadata.media),
            started_at: metadata.started_at,
            direction: metadata.direction,
            hang_up_side: metadata.hang_up_side,
            business: metadata.business.clone(),
            product: metadata.product.clone(),
            team: metadata.team.clone(),
            skill_group: metadata.skill_group.clone(),
        }
    }
}

/// How right one rule is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleScore {
    /// The rule.
    pub rule_id: RuleId,
    /// Hits that are right.
    pub true_hits: u64,
    /// Hits that are wrong.
    pub false_hits: u64,
    /// Violations that it does not hit.
    pub missed: u64,
    /// Labelled calls that it rightly does not hit.
    pub true_misses: u64,
}

impl RuleScore {
    /// Right hits of all hits.
    #[must_use]
    pub fn precision(&self) -> Share {
        Share { num: self.true_hits, of: self.true_hits + self.false_hits }
    }

    /// Violations that are hit of all violations.
    #[must_use]
    pub fn recall(&self) -> Share {
        Share { num: self.true_hits, of: self.true_hits + self.missed }
    }

    /// The harmonic mean of both; `None` where either says nothing or both are nothing.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let (precision, recall) = (self.precision().rate()?, self.recall().rate()?);
        (precision + recall > 0.0).then(|| 2.0 * precision * recall / (precision + recall))
    }
}

/// A label that the rules do not come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleMistake {
    /// The example.
    pub call_id: String,
    /// The rule.
    pub rule_id: RuleId,
    /// What is true.
    pub expected: Verdict,
    /// What the rule says.
    pub found: Verdict,
    /// Why it says so.
    pub explanation: String,
}

/// How right a pack is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleReport {
    /// The revision of the pack.
    pub revision: String,
    /// Examples.
    pub num_examples: u64,
    /// By rule.
    pub rules: Vec<RuleScore>,
    /// What is wrong, in the order of the examples.
    pub mistakes: Vec<RuleMistake>,
    /// Labelled rules that the pack does not have.
    pub unknown: Vec<RuleId>,
}

/// Reads a file of examples, one JSON object a line; empty lines are passed over.
///
/// # Errors
/// [`EvalError::Example`] with the first line that is none.
pub fn read_examples(name: &str, text: &str) -> Result<Vec<RuleExample>, EvalError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line): (usize, &str)| {
        let wrong = |problem: String| EvalError::Example { name: name.to_owned(), line: index + 1, problem };
        let example: RuleExample = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        example.call().dialogue().map_err(wrong)?;
        Ok(example)
    };
    lines.map(read).collect()
}

impl RuleExample {
    fn call(&self) -> WrittenCall {
        let length = self.call_seconds.filter(|seconds| (0.0..=86_400.0).contains(seconds));
        WrittenCall {
            turns: self.turns.clone(),
            mono: self.mono,
            // In range by the check, so the cast cannot truncate.
            length: length.map(|seconds| Millis((seconds * 1000.0).round() as u64)),
            metadata: self.metadata.metadata(),
            history: None,
        }
    }
}

/// Judges `examples` by `rules`. Examples that cannot be read as calls are passed over: [`read_examples`] tells them.
#[must_use]
pub fn evaluate_rules(examples: &[RuleExample], rules: &RuleSet) -> RuleReport {
    let mut scores: BTreeMap<RuleId, RuleScore> = BTreeMap::new();
    let mut report = RuleReport {
        revision: rules.revision().to_owned(),
        num_examples: 0,
        rules: Vec::new(),
        mistakes: Vec::new(),
        unknown: Vec::new(),
    };
    for example in examples {
        let call = example.call();
        let Ok(dialogue) = call.dialogue() else { continue };
        report.num_examples += 1;
        let analysis = rules.evaluate(&dialogue, &call.metadata);
        for (rule_id, expected) in &example.expect {
            let Some(finding) = analysis.findings.iter().find(|one| one.rule_id == *rule_id) else {
                if !report.unknown.contains(rule_id) {
                    report.unknown.push(rule_id.clone());
                }
                continue;
            };
            let score = scores.entry(rule_id.clone()).or_insert_with(|| RuleScore {
                rule_id: rule_id.clone(),
                true_hits: 0,
                false_hits: 0,
                missed: 0,
                true_misses: 0,
            });
            let count = match (*expected == Verdict::Hit, finding.verdict == Verdict::Hit) {
                (true, true) => &mut score.true_hits,
                (true, false) => &mut score.missed,
                (false, true) => &mut score.false_hits,
                (false, false) => &mut score.true_misses,
            };
            *count += 1;
            if (*expected == Verdict::Hit) != (finding.verdict == Verdict::Hit) {
                report.mistakes.push(RuleMistake {
                    call_id: example.call_id.clone(),
                    rule_id: rule_id.clone(),
                    expected: *expected,
                    found: finding.verdict,
                    explanation: finding.explanation.clone(),
                });
            }
        }
    }
    report.unknown.sort();
    report.rules = scores.into_values().collect();
    report
}

impl fmt::Display for RuleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} labelled calls, revision {}", self.num_examples, self.revision)?;
        writeln!(
            f,
            "{:<8} {:>6} {:>6} {:>6} {:>6} {:>10} {:>15} {:>8} {:>15} {:>6}",
            "rule", "right", "wrong", "missed", "not", "precision", "95 %", "recall", "95 %", "F1"
        )?;
        let percent =
            |share: Share| share.rate().map_or("–".to_owned(), |rate| format!("{:.1} %", 100.0 * rate));
        let range = |share: Share| {
            let range = share.wilson();
            range.map_or("–".to_owned(), |(low, high)| format!("{:.1}–{:.1} %", 100.0 * low, 100.0 * high))
        };
        for rule in &self.rules {
            writeln!(
                f,
                "{:<8} {:>6} {:>6} {:>6} {:>6} {:>10} {:>15} {:>8} {:>15} {:>6}",
                rule.rule_id.as_str(),
                rule.true_hits,
                rule.false_hits,
                rule.missed,
                rule.true_misses,
                percent(rule.precision()),
                range(rule.precision()),
                percent(rule.recall()),
                range(rule.recall()),
                rule.f1().map_or("–".to_owned(), |f1| format!("{f1:.3}")),
            )?;
        }
        for mistake in &self.mistakes {
            let word = |verdict| match verdict {
                Verdict::Hit => "命中",
                Verdict::Miss => "未命中",
                Verdict::NotApplicable => "不适用",
            };
            let (expected, found) = (word(mistake.expected), word(mistake.found));
            let RuleMistake { call_id, rule_id, explanation, .. } = mistake;
            writeln!(f, "{call_id} {rule_id}: 应为{expected}，判为{found}：{explanation}")?;
        }
        if !self.unknown.is_empty() {
            let names: Vec<_> = self.unknown.iter().map(RuleId::as_str).collect();
            writeln!(f, "not in this pack: {}", names.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
