//! Runs what packs say of themselves: the tests of each rule, and cases (turns in, findings out) over all rules.
//!
//! Pure; a failure is told as a sentence.

use std::collections::BTreeMap;

use super::rule::RuleTest;
use super::scene::CallInput;
use super::written::WrittenCall;
use super::{Analysis, RuleSet, Verdict};
use crate::types::{RuleId, Score};

/// What a case expects of the findings of all rules.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Rules that hit.
    pub hit: Vec<RuleId>,
    /// Rules that were judged and did not hit.
    pub miss: Vec<RuleId>,
    /// Whether no other rule hits.
    pub only: bool,
    /// Rules that could not be judged, with the reason.
    pub not_applicable: BTreeMap<RuleId, String>,
    /// Pieces of evidence, by rule, as they stand in the turns.
    pub evidence: BTreeMap<RuleId, Vec<String>>,
    /// The score.
    pub score: Option<Score>,
    /// Why there is no score.
    pub unscored: Option<String>,
    /// The risk models that are fulfilled, in order; `None`: whichever.
    pub alerts: Option<Vec<String>>,
}

/// A call with what is expected of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The text it stands in.
    pub source_name: String,
    /// Its line there, from 1.
    pub line: usize,
    /// The call.
    pub call: WrittenCall,
    /// What is expected.
    pub expected: Expected,
}

/// How one of a rule's own tests ended.
#[derive(Debug, Clone)]
pub struct TestOutcome {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name.
    pub rule_name: String,
    /// The text the test stands in.
    pub source_name: String,
    /// The test's line there, from 1.
    pub line: usize,
    /// The verdict that was expected.
    pub expected: Verdict,
    /// What is wrong, as a sentence; `None` when the test passed.
    pub failure: Option<String>,
}

/// How a case ended.
#[derive(Debug, Clone)]
pub struct CaseOutcome {
    /// What it shows.
    pub name: String,
    /// The text it stands in.
    pub source_name: String,
    /// Its line there, from 1.
    pub line: usize,
    /// Everything that is wrong, as sentences; empty when the case passed.
    pub failures: Vec<String>,
}

impl RuleSet {
    /// Runs the tests that the rules carry, in the order of the rules.
    #[must_use]
    pub fn run_tests(&self) -> Vec<TestOutcome> {
        let mut outcomes = Vec::new();
        for rule in self.rules() {
            for test in &rule.tests {
                outcomes.push(TestOutcome {
                    rule_id: rule.id.clone(),
                    rule_name: rule.name.clone(),
                    source_name: rule.source_name.clone(),
                    line: test.line,
                    expected: test.expect,
                    failure: self.run_test(&rule.id, test),
                });
            }
        }
        outcomes
    }

    /// Runs the cases of the packs, in the order of their texts.
    #[must_use]
    pub fn run_cases(&self) -> Vec<CaseOutcome> {
        let outcomes = self.cases.iter().map(|case| CaseOutcome {
            name: case.name.clone(),
            source_name: case.source_name.clone(),
            line: case.line,
            failures: self.run_case(case),
        });
        outcomes.collect()
    }

    fn judge_written(&self, call: &WrittenCall) -> Result<Analysis, String> {
        let dialogue = call.dialogue()?;
        let history = call.history.as_ref();
        let input = CallInput { dialogue: &dialogue, metadata: &call.metadata, history, live: false };
        Ok(self.evaluate_call(&input))
    }

    fn run_test(&self, id: &RuleId, test: &RuleTest) -> Option<String> {
        let analysis = match self.judge_written(&test.call) {
            Ok(analysis) => analysis,
            Err(problem) => return Some(problem),
        };
        let finding = analysis.findings.iter().find(|finding| finding.rule_id == *id)?;
        let turns = test.call.turns.join(" / ");
        if finding.verdict != test.expect {
            let (wanted, found) = (name(test.expect), name(finding.verdict));
            return Some(format!("expected {wanted}, found {found}: {turns} ({})", finding.explanation));
        }
        if let Some(reason) = &test.reason
            && finding.not_applicable_reason.as_ref() != Some(reason)
        {
            let found = finding.not_applicable_reason.as_deref().unwrap_or("none");
            return Some(format!("expected the reason `{reason}`, found `{found}`: {turns}"));
        }
        if let Some(text) = &test.text
            && !finding.evidence.iter().any(|evidence| evidence.text == *text)
        {
            let found: Vec<_> = finding.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
            return Some(format!("expected `{text}` as evidence, found `{}`: {turns}", found.join("`, `")));
        }
        None
    }

    fn run_case(&self, case: &Case) -> Vec<String> {
        let analysis = match self.judge_written(&case.call) {
            Ok(analysis) => analysis,
            Err(problem) => return vec![problem],
        };
        let mut failures = Vec::new();
        let expected = &case.expected;
        let mut verdict = |id: &RuleId, wanted: Verdict, reason: Option<&String>| {
            let Some(finding) = analysis.findings.iter().find(|finding| finding.rule_id == *id) else {
                failures.push(format!("there is no rule `{id}`"));
                return;
            };
            if finding.verdict != wanted {
                let (wanted, found) = (name(wanted), name(finding.verdict));
                failures.push(format!("{id}: expected {wanted}, found {found} ({})", finding.explanation));
            } else if reason.is_some() && finding.not_applicable_reason.as_ref() != reason {
                let found = finding.not_applicable_reason.as_deref().unwrap_or("none");
                let reason = reason.map_or("", String::as_str);
                failures.push(format!("{id}: expected the reason `{reason}`, found `{found}`"));
            }
        };
        expected.hit.iter().for_each(|id| verdict(id, Verdict::Hit, None));
        expected.miss.iter().for_each(|id| verdict(id, Verdict::Miss, None));
        for (id, reason) in &expected.not_applicable {
            verdict(id, Verdict::NotApplicable, Some(reason));
        }
        let hits = analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Hit);
        for finding in hits.filter(|finding| expected.only && !expected.hit.contains(&finding.rule_id)) {
            failures
                .push(format!("{}: expected no hit, found one ({})", finding.rule_id, finding.explanation));
        }
        for (id, texts) in &expected.evidence {
            let finding = analysis.findings.iter().find(|finding| finding.rule_id == *id);
            let found: Vec<&str> = finding
                .into_iter()
                .flat_map(|finding| &finding.evidence)
                .map(|evidence| evidence.text.as_str())
                .collect();
            for text in texts.iter().filter(|text| !found.contains(&text.as_str())) {
                failures.push(format!("{id}: expected `{text}` as evidence, found `{}`", found.join("`, `")));
            }
        }
        let scorecard = &analysis.scorecard;
        if let Some(score) = expected.score
            && scorecard.final_score() != Some(score)
        {
            let found = scorecard.final_score().map_or("none".to_owned(), |score| score.to_string());
            failures.push(format!("expected the score {score}, found {found}"));
        }
        if expected.unscored.is_some() && scorecard.unscored_reason != expected.unscored {
            let (wanted, found) = (expected.unscored.as_deref(), scorecard.unscored_reason.as_deref());
            let (wanted, found) = (wanted.unwrap_or("none"), found.unwrap_or("none"));
            failures.push(format!("expected no score for `{wanted}`, found `{found}`"));
        }
        if let Some(wanted) = &expected.alerts {
            let alerts = self.alerts(&analysis, case.call.metadata.started_at, &[]);
            let found: Vec<&str> = alerts.iter().map(|alert| alert.risk_id.as_str()).collect();
            if found != wanted.iter().map(String::as_str).collect::<Vec<_>>() {
                failures.push(format!(
                    "expected the alerts `{}`, found `{}`",
                    wanted.join("`, `"),
                    found.join("`, `")
                ));
            }
        }
        failures
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Hit => "hit",
        Verdict::Miss => "no hit",
        Verdict::NotApplicable => "not applicable",
    }
}
