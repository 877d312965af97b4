//! What a score rests on, kept beside it, and the score that the same arithmetic gives to what people decided.
//!
//! A stored result scores itself again without the rule pack that judged it, which may be gone by then.
//!
//! **Invariant**: with no decision and no points by hand the score is the machine's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::scheme::{Dimension, Scheme};
use super::scorecard::{self, Ground};
use super::{Analysis, Finding, Level, RuleKind, ScorecardResult, Verdict};
use crate::types::{RuleId, Score};

/// Something that a person scores by hand: no rule can judge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualItem {
    /// Its id, apart from those of rules.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// The dimension it belongs to.
    pub dimension: String,
    /// The most that it takes, when negative, or gives.
    pub points: Score,
}

/// What a rule costs, by its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePrice {
    /// The rule.
    pub id: RuleId,
    /// Points of one hit.
    pub hit: Score,
    /// Points of a miss.
    pub miss: Score,
    /// Whether a hit brings the whole score to the lower bound.
    pub veto: bool,
    /// The group of which only the largest deduction counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Cap and weight of a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DimensionBasis {
    /// Most points that it can lose.
    pub cap: Score,
    /// What a point of it counts in the whole score.
    pub weight: f64,
}

/// What a score rests on, apart from the findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreBasis {
    /// No score is lower.
    pub lower: Score,
    /// No score is higher.
    pub upper: Score,
    /// Share of the rules that must be judged, in percent.
    pub min_judged_percent: u32,
    /// Characters that the agent must say.
    pub min_agent_chars: u32,
    /// Characters that the agent says.
    pub num_agent_chars: u64,
    /// Whether a rule that can move points binds the agent.
    pub binds_agent: bool,
    /// In the scheme's order.
    pub dimensions: Vec<DimensionBasis>,
    /// The rules that can move points.
    pub rules: Vec<RulePrice>,
    /// What hits would cost that another one of their group keeps from costing.
    #[serde(default)]
    pub held_back: Vec<(RuleId, Score)>,
    /// What is scored by hand.
    #[serde(default)]
    pub manual: Vec<ManualItem>,
}

/// What people decided about one call.
#[derive(Debug, Clone, Default)]
pub struct Decided<'a> {
    /// Verdicts that count in the place of the machine's.
    pub verdicts: BTreeMap<&'a RuleId, Verdict>,
    /// Points given by hand.
    pub hands: BTreeMap<&'a RuleId, Score>,
}

/// What a call comes to with what people decided.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The score.
    pub scorecard: ScorecardResult,
    /// What each rule comes to, points given by hand last.
    pub costs: Vec<Cost>,
}

/// What a rule comes to in the score that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The rule, or the item that is scored by hand.
    pub rule_id: RuleId,
    /// Points added or, when negative, taken.
    pub points: Score,
    /// Whether it brings the whole score to its lower bound.
    pub veto: bool,
}

impl Analysis {
    /// The score with what people decided, and what each rule comes to then; `None` when the result does not say what its score rests on, as those of
    /// earlier versions do not. Rules and items that the result does not know change nothing.
    #[must_use]
    pub fn settled_with(&self, decided: &Decided<'_>) -> Option<Settled> {
        let card = &self.scorecard;
        let basis = card.basis.as_deref()?;
        if basis.dimensions.len() != card.dimensions.len() {
            return None;
        }
        let dimensions = card.dimensions.iter().zip(&basis.dimensions).map(|(own, basis)| Dimension {
            name: own.name.clone(),
            full: own.full,
            cap: basis.cap,
            weight: basis.weight,
        });
        let scheme = Scheme {
            name: card.scheme.clone(),
            base: card.full,
            lower: basis.lower,
            upper: basis.upper,
            min_judged_percent: basis.min_judged_percent,
            min_agent_chars: basis.min_agent_chars,
            dimensions: dimensions.collect(),
            ..Scheme::default()
        };
        let prices: HashMap<&RuleId, &RulePrice> =
            basis.rules.iter().map(|price| (&price.id, price)).collect();
        let held_back: HashMap<&RuleId, Score> =
            basis.held_back.iter().map(|(id, points)| (id, *points)).collect();
        let mut findings: Vec<Finding> = self
            .findings
            .iter()
            .map(|finding| {
                let mut own = bare(finding);
                if let Some(points) = held_back.get(&finding.rule_id) {
                    own.score_delta = *points;
                }
                match decided.verdicts.get(&finding.rule_id) {
                    Some(verdict) if *verdict != finding.verdict => {
                        decide(&mut own, *verdict, prices.get(&finding.rule_id).copied());
                    }
                    Some(_) | None => {}
                }
                own
            })
            .collect();
        let groups = prices.values().filter_map(|price| Some((&price.id, price.group.as_deref()?)));
        scorecard::only_the_largest(&groups.collect(), &mut findings);
        let given = |item: &ManualItem| Some((item.clone(), *decided.hands.get(&item.id)?));
        findings.extend(basis.manual.iter().filter_map(given).map(|(item, points)| by_hand(item, points)));
        let movable: HashSet<RuleId> = basis.rules.iter().map(|price| price.id.clone()).collect();
        let ground = Ground {
            movable: &movable,
            binds_agent: basis.binds_agent,
            num_agent_chars: usize::try_from(basis.num_agent_chars).unwrap_or(usize::MAX),
        };
        let scorecard = scorecard::score(&scheme, &card.revision, &findings, &ground);
        let costs = findings.into_iter().map(|finding| Cost {
            rule_id: finding.rule_id,
            points: finding.score_delta,
            veto: finding.veto,
        });
        Some(Settled { scorecard, costs: costs.collect() })
    }

    /// What is scored by hand in this call.
    #[must_use]
    pub fn manual_items(&self) -> &[ManualItem] {
        self.scorecard.basis.as_deref().map_or(&[], |basis| &basis.manual)
    }

    /// Rules of which a hit is worth more points than a miss; none where the result does not say what its score rests on.
    #[must_use]
    pub fn rewarding_rules(&self) -> BTreeSet<RuleId> {
        let prices = self.scorecard.basis.as_deref().map_or(&[][..], |basis| &basis.rules);
        let rewarding = prices.iter().filter(|price| price.hit > price.miss && !price.veto);
        rewarding.map(|price| price.id.clone()).collect()
    }
}

/// A finding with another verdict than the machine's, and what that costs.
fn decide(finding: &mut Finding, verdict: Verdict, price: Option<&RulePrice>) {
    finding.verdict = verdict;
    // What a person says is not applicable had no occasion: it speaks neither for nor against the call.
    finding.not_applicable_reason = (verdict == Verdict::NotApplicable).then(|| "excepted".to_owned());
    let points = |choose: fn(&RulePrice) -> Score| price.map_or(Score::ZERO, choose);
    finding.score_delta = match verdict {
        Verdict::Hit => points(|price| price.hit),
        Verdict::Miss => points(|price| price.miss),
        Verdict::NotApplicable => Score::ZERO,
    };
    finding.veto = verdict == Verdict::Hit && price.is_some_and(|price| price.veto);
}

/// A finding without what the score does not ask for.
fn bare(finding: &Finding) -> Finding {
    Finding {
        rule_id: finding.rule_id.clone(),
        rule_name: String::new(),
        kind: finding.kind,
        level: finding.level,
        dimension: finding.dimension.clone(),
        verdict: finding.verdict,
        score_delta: finding.score_delta,
        veto: finding.veto,
        evidence: Vec::new(),
        explanation: String::new(),
        not_applicable_reason: finding.not_applicable_reason.clone(),
        num_hits: finding.num_hits,
        conditions: Vec::new(),
        agent_id: None,
    }
}

/// Points given by hand, as far as the item goes, as a finding that costs them.
fn by_hand(item: ManualItem, points: Score) -> Finding {
    let points = points.clamp_between(item.points.min(Score::ZERO), item.points.max(Score::ZERO));
    Finding {
        rule_id: item.id,
        rule_name: item.name,
        kind: RuleKind::Process,
        level: Level::S5,
        dimension: item.dimension,
        verdict: if points == Score::ZERO { Verdict::Miss } else { Verdict::Hit },
        score_delta: points,
        veto: false,
        evidence: Vec::new(),
        explanation: String::new(),
        not_applicable_reason: None,
        num_hits: 0,
        conditions: Vec::new(),
        agent_id: None,
    }
}

#[cfg(test)]
#[path = "basis_tests.rs"]
mod tests;
