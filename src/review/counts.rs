//! How right rules are, counted from what people decided.
//!
//! **Invariant**: a function of the facts of calls; every count is one of calls, each at most once.

use std::collections::{BTreeMap, BTreeSet};

use super::Reviews;
use crate::analysis::{Level, Verdict};
use crate::catalog::{CallQuery, Catalog, FindingQuery, ReviewState};
use crate::types::{RuleId, Share};

/// What is counted of one rule, in calls. Names after `RuleCountInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCounts {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name, of the latest table.
    pub rule_name: String,
    /// Its level, likewise.
    pub level: Level,
    /// Judged: hit or miss.
    pub num_checked: u64,
    /// Hit by the machine.
    pub num_hit: u64,
    /// Of the hits, in calls that wait for a person.
    pub num_pre_review: u64,
    /// Of the hits, decided by a person.
    pub num_reviewed: u64,
    /// Of the reviewed hits, those that a person says are hits.
    pub num_confirmed: u64,
    /// Hits by a person's word, whatever the machine says.
    pub num_real: u64,
    /// Of these, hit by the machine.
    pub num_real_hit: u64,
    /// Hits that count: the machine's, but where a person said otherwise.
    pub num_problem: u64,
}

impl RuleCounts {
    /// Hits of what was checked.
    #[must_use]
    pub fn hit_rate(&self) -> Share {
        Share { num: self.num_hit, of: self.num_checked }
    }

    /// Reviewed hits of all hits.
    #[must_use]
    pub fn review_rate(&self) -> Share {
        Share { num: self.num_reviewed, of: self.num_hit }
    }

    /// Confirmed of reviewed hits: the precision of the rule.
    #[must_use]
    pub fn precision(&self) -> Share {
        Share { num: self.num_confirmed, of: self.num_reviewed }
    }

    /// Of violations that a person saw, those that the machine had seen.
    #[must_use]
    pub fn real_hit_rate(&self) -> Share {
        Share { num: self.num_real_hit, of: self.num_real }
    }
}

impl Reviews {
    /// Counts over the calls that `query` chooses, by rule. A finding in the question chooses rules, not calls: a rule is
    /// also checked where it does not hit.
    #[must_use]
    pub fn rule_counts(&self, query: &CallQuery) -> Vec<RuleCounts> {
        let catalog = self.store.catalog();
        let calls = of_any_finding(query);
        let mut counts: BTreeMap<RuleId, (jiff::Timestamp, RuleCounts)> = BTreeMap::new();
        for call in catalog.chosen(&calls) {
            let (Some(judgement), Some(table)) = (&call.judgement, catalog.table_of(call)) else { continue };
            let waits = matches!(call.review_state(), ReviewState::Queued | ReviewState::Appealed);
            let finals = call.annotations.review.as_ref().map_or(&[][..], |review| &review.finals);
            for (index, rule) in table.rules.iter().enumerate() {
                let Some(machine) = judgement.verdicts.get(index) else { continue };
                if !query.finding.is_empty() && !query.finding.wants_rule(rule) {
                    continue;
                }
                let (named_at, own) = counts
                    .entry(rule.id.clone())
                    .or_insert_with(|| (call.received_at, RuleCounts::new(&rule.id, &rule.name, rule.level)));
                if *named_at <= call.received_at {
                    *named_at = call.received_at;
                    own.rule_name.clone_from(&rule.name);
                    own.level = rule.level;
                }
                let decided = finals.iter().find(|one| one.rule_id == rule.id).map(|one| one.verdict);
                own.count(machine, decided, waits);
            }
        }
        counts.into_values().map(|(_, own)| own).collect()
    }
}

/// The same question without what it says about findings.
pub(super) fn of_any_finding(query: &CallQuery) -> CallQuery {
    CallQuery { finding: FindingQuery::default(), ..query.clone() }
}

/// The rules that a question about findings asks for; `None` for all.
pub(super) fn wanted_rules(catalog: &Catalog, finding: &FindingQuery) -> Option<BTreeSet<RuleId>> {
    let rules = catalog.tables().flat_map(|table| &table.rules);
    let wanted = || rules.filter(|rule| finding.wants_rule(rule)).map(|rule| rule.id.clone()).collect();
    (!finding.is_empty()).then(wanted)
}

impl RuleCounts {
    fn new(rule_id: &RuleId, rule_name: &str, level: Level) -> Self {
        Self {
            rule_id: rule_id.clone(),
            rule_name: rule_name.to_owned(),
            level,
            num_checked: 0,
            num_hit: 0,
            num_pre_review: 0,
            num_reviewed: 0,
            num_confirmed: 0,
            num_real: 0,
            num_real_hit: 0,
            num_problem: 0,
        }
    }

    fn count(&mut self, machine: Verdict, decided: Option<Verdict>, waits: bool) {
        let (is_hit, is_real) = (machine == Verdict::Hit, decided == Some(Verdict::Hit));
        self.num_checked += u64::from(machine != Verdict::NotApplicable);
        self.num_hit += u64::from(is_hit);
        self.num_pre_review += u64::from(is_hit && decided.is_none() && waits);
        self.num_reviewed += u64::from(is_hit && decided.is_some());
        self.num_confirmed += u64::from(is_hit && is_real);
        self.num_real += u64::from(is_real);
        self.num_real_hit += u64::from(is_hit && is_real);
        self.num_problem += u64::from(decided.unwrap_or(machine) == Verdict::Hit);
    }
}
