//! Compares two rule sets: what was written, and what a call comes to under each.
//!
//! Pure. Invariant: two sets with the same digest differ in nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Analysis, Finding, RuleSet, Verdict};
use crate::types::{RuleId, Score};

/// A field that is written differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// What it was; empty when it was not there.
    pub before: String,
    /// What it is; empty when it is gone.
    pub after: String,
}

/// A rule, risk model or scheme that is written differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartChange {
    /// Its id.
    pub id: String,
    /// Its name now.
    pub name: String,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
}

/// What differs between two rule sets. Tests and comments do not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackDiff {
    /// Rules and risk models that are new, with their names.
    pub added: Vec<(String, String)>,
    /// Those that are gone.
    pub removed: Vec<(String, String)>,
    /// Those that are written differently.
    pub changed: Vec<PartChange>,
    /// The scheme, when it is written differently.
    pub scheme: Option<PartChange>,
}

/// A rule that a call comes to another verdict or other points under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallChange {
    /// The rule.
    pub rule_id: RuleId,
    /// Its verdict and points before; `None` when there was no such rule.
    pub before: Option<(Verdict, Score)>,
    /// The same after.
    pub after: Option<(Verdict, Score)>,
}

/// What changes for one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDiff {
    /// Rules with another verdict or other points, by id.
    pub changes: Vec<CallChange>,
    /// The score before, when there was one.
    pub score_before: Option<Score>,
    /// The score after.
    pub score_after: Option<Score>,
}

impl CallDiff {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.score_before == self.score_after
    }
}

/// What changes for many calls together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiffTotals {
    /// Calls compared.
    pub num_calls: u64,
    /// Calls for which anything changes.
    pub num_changed: u64,
    /// Calls that a rule hits, before and after, by the rule's id.
    pub hits: BTreeMap<RuleId, (u64, u64)>,
    /// Calls with any hit that costs points, before and after.
    pub num_broken: (u64, u64),
    /// Calls with a score, before and after.
    pub num_scored: (u64, u64),
    /// Sum of the scores, before and after.
    pub sum_of_scores: (Score, Score),
}

impl DiffTotals {
    /// Counts one more call; gives what changes for it.
    pub fn add(&mut self, before: &Analysis, after: &Analysis) -> CallDiff {
        for (is_before, analysis) in [(true, before), (false, after)] {
            let side =
                |pair: &mut (u64, u64), number| if is_before { pair.0 += number } else { pair.1 += number };
            let mut hits = BTreeSet::new();
            let mut costs = false;
            for finding in analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Hit) {
                costs |= finding.score_delta < Score::ZERO || finding.veto;
                hits.insert(&finding.rule_id);
            }
            for rule_id in hits {
                side(self.hits.entry(rule_id.clone()).or_default(), 1);
            }
            side(&mut self.num_broken, u64::from(costs));
            if let Some(score) = analysis.scorecard.final_score() {
                side(&mut self.num_scored, 1);
                let sum = if is_before { &mut self.sum_of_scores.0 } else { &mut self.sum_of_scores.1 };
                *sum = [*sum, score].into_iter().sum();
            }
        }
        let diff = diff_analyses(before, after);
        self.num_calls += 1;
        self.num_changed += u64::from(!diff.is_empty());
        diff
    }
}

/// Compares what is written in two rule sets.
#[must_use]
pub fn diff_packs(before: &RuleSet, after: &RuleSet) -> PackDiff {
    let parts = |set: &RuleSet| -> BTreeMap<String, (String, String)> {
        let rules =
            set.rules().map(|rule| (rule.id.to_string(), (rule.name.clone(), rule.canonical.clone())));
        let risks =
            set.risks.iter().map(|risk| (risk.id.clone(), (risk.name.clone(), risk.canonical.clone())));
        rules.chain(risks).collect()
    };
    let (old, new) = (parts(before), parts(after));
    let mut diff = PackDiff::default();
    for (id, (name, canonical)) in &new {
        match old.get(id) {
            None => diff.added.push((id.clone(), name.clone())),
            Some((_, known)) if known != canonical => {
                let fields = diff_fields(known, canonical);
                diff.changed.push(PartChange { id: id.clone(), name: name.clone(), fields });
            }
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|(id, _)| !new.contains_key(*id));
    diff.removed = gone.map(|(id, (name, _))| (id.clone(), name.clone())).collect();
    let (old, new) = (&before.scheme, &after.scheme);
    if old.canonical != new.canonical {
        let fields = diff_fields(&old.canonical, &new.canonical);
        diff.scheme = Some(PartChange { id: new.name.clone(), name: new.version.clone(), fields });
    }
    diff
}

/// The fields in which two inline tables differ.
fn diff_fields(before: &str, after: &str) -> Vec<FieldChange> {
    let fields = |text: &str| -> BTreeMap<String, String> {
        let table: toml::Table = toml::from_str(&format!("part = {text}")).unwrap_or_default();
        let part = table.get("part").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        part.into_iter().map(|(key, value)| (key, value.to_string())).collect()
    };
    let (old, new) = (fields(before), fields(after));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let value = |side: &BTreeMap<String, String>, name: &String| side.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| FieldChange { field: name.clone(), before: value(&old, name), after: value(&new, name) })
        .filter(|change| change.before != change.after)
        .collect()
}

/// Compares what one call comes to.
#[must_use]
pub fn diff_analyses(before: &Analysis, after: &Analysis) -> CallDiff {
    let verdicts = |analysis: &Analysis| -> BTreeMap<RuleId, (Verdict, Score)> {
        let of = |finding: &Finding| (finding.rule_id.clone(), (finding.verdict, finding.score_delta));
        analysis.findings.iter().map(of).collect()
    };
    let (old, new) = (verdicts(before), verdicts(after));
    let mut ids: Vec<&RuleId> = old.keys().chain(new.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    let changes = ids
        .into_iter()
        .map(|id| CallChange {
            rule_id: id.clone(),
            before: old.get(id).copied(),
            after: new.get(id).copied(),
        })
        .filter(|change| change.before != change.after)
        // A rule that is new or gone and does not hit changes nothing for the call.
        .filter(|change| {
            let hits = |side: Option<(Verdict, Score)>| {
                side.is_some_and(|(verdict, points)| verdict == Verdict::Hit || points != Score::ZERO)
            };
            (change.before.is_some() && change.after.is_some()) || hits(change.before) || hits(change.after)
        })
        .collect();
    CallDiff {
        changes,
        score_before: before.scorecard.final_score(),
        score_after: after.scorecard.final_score(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::dialogue_of;
    use crate::types::CallMetadata;

    fn pack(rules: &str) -> RuleSet {
        let text = format!("version = 2\n[pack]\nname = \"p\"\nrevision = \"1\"\n{rules}");
        RuleSet::compile("pack.toml", &text).expect("the pack is well formed")
    }

    fn rule(id: &str, level: &str, words: &str) -> String {
        format!(
            "[[rule]]\nid = \"{id}\"\nname = \"n\"\nkind = \"forbidden\"\nlevel = \"{level}\"\ndimension = \"服务规范\"\n\
             hits = [\"客服: {words}\"]\nmisses = [\"客服: 好\"]\n[[rule.condition]]\nkeyword = {{ any = [\"{words}\"] }}\n"
        )
    }

    #[test]
    fn what_is_written_is_compared_by_field_and_tests_do_not_count() {
        let before = pack(&(rule("A", "S3", "保本") + &rule("B", "S3", "保息")));
        let mut text = rule("A", "S2", "保本") + &rule("C", "S3", "收益");
        text = text.replace("misses = [\"客服: 好\"]", "misses = [\"客服: 您好\"]  # other tests");
        let diff = diff_packs(&before, &pack(&text));
        assert_eq!(diff.added, [("C".to_owned(), "n".to_owned())]);
        assert_eq!(diff.removed, [("B".to_owned(), "n".to_owned())]);
        let fields: Vec<&str> = diff.changed[0].fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!((diff.changed.len(), fields), (1, vec!["level"]));
        assert_eq!(diff_packs(&before, &before), PackDiff::default());
    }

    #[test]
    fn what_a_call_comes_to_is_compared() {
        let (before, after) = (pack(&rule("A", "S3", "保本")), pack(&rule("A", "S2", "保本")));
        let turns = ["客服: 这款产品保本，您放心买，我们这里都是这样介绍的"];
        let dialogue = dialogue_of(&turns, false).expect("the turn is well formed");
        let judge = |set: &RuleSet| set.evaluate(&dialogue, &CallMetadata::default());
        let diff = diff_analyses(&judge(&before), &judge(&after));
        assert_eq!(diff.changes.len(), 1);
        assert_eq!(
            (diff.score_before, diff.score_after),
            (Some(Score::from_points(90)), Some(Score::from_points(80)))
        );
        assert!(diff_analyses(&judge(&before), &judge(&before)).is_empty());
    }
}
