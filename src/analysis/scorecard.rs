//! Adds findings up to a score: dimensions with caps, bounds, veto. What could hardly be judged gets none.
//!
//! Invariant: the score lies between the scheme's bounds, no dimension loses more than its cap, and only hits cost. A call
//! with a veto always has a score.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::scheme::Scheme;
use super::{DimensionScore, Finding, RuleKind, ScorecardResult, Verdict};
use crate::types::{RuleId, Score};

/// What a score of a call rests on.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    /// The rules that can move points.
    pub(super) movable: &'a HashSet<RuleId>,
    /// Whether one of them binds the agent.
    pub(super) binds_agent: bool,
    /// Characters that the agent says, without punctuation and fillers.
    pub(super) num_agent_chars: usize,
}

/// The score of one call.
pub(super) fn score(
    scheme: &Scheme,
    revision: &str,
    findings: &[Finding],
    ground: &Ground<'_>,
) -> ScorecardResult {
    let scored: Vec<&Finding> = findings.iter().filter(|finding| finding.kind != RuleKind::Watch).collect();
    let mut by_dimension: HashMap<&str, Vec<&Finding>> = HashMap::new();
    for finding in &scored {
        by_dimension.entry(finding.dimension.as_str()).or_default().push(finding);
    }
    let mut dimensions = Vec::with_capacity(scheme.dimensions.len());
    let mut change = Score::ZERO;
    for dimension in &scheme.dimensions {
        let own = by_dimension.get(dimension.name.as_str()).into_iter().flatten();
        let count = |verdict| {
            let number = own.clone().filter(|finding| finding.verdict == verdict).count();
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        let (num_hit, num_miss) = (count(Verdict::Hit), count(Verdict::Miss));
        let floor = Score::ZERO - dimension.cap;
        let sum: Score = own.clone().map(|finding| finding.score_delta).sum();
        let weighted = Score::from_f64(sum.as_f64() * dimension.weight).unwrap_or(sum);
        let delta = weighted.max(floor);
        change = change + delta;
        dimensions.push(DimensionScore {
            name: dimension.name.clone(),
            full: dimension.full,
            score: (dimension.full + delta).max(Score::ZERO),
            num_checked: num_hit + num_miss,
            num_hit,
            num_not_applicable: count(Verdict::NotApplicable),
        });
    }
    let vetoed = scored.iter().any(|finding| finding.veto);
    let total = (scheme.base + change).clamp_between(scheme.lower, scheme.upper);
    let unscored_reason = if vetoed { None } else { unscored(scheme, findings, ground) };
    let score = match (vetoed, unscored_reason) {
        (true, _) => scheme.lower,
        (false, None) => total,
        (false, Some(_)) => Score::ZERO,
    };
    ScorecardResult {
        scheme: scheme.name.clone(),
        revision: revision.to_owned(),
        score,
        scored: unscored_reason.is_none(),
        unscored_reason: unscored_reason.map(str::to_owned),
        full: scheme.base,
        vetoed,
        dimensions,
        basis: None,
    }
}

/// Whether a rule is N/A because there was nothing to judge, rather than because it could not be judged.
pub(super) fn is_no_occasion(reason: &str) -> bool {
    ["prerequisite_absent", "anchor_absent", "not_in_scope", "not_in_force", "excepted"].contains(&reason)
}

/// Of the hits of one group only the one that takes most keeps its points.
pub(super) fn only_the_largest(groups: &HashMap<&RuleId, &str>, findings: &mut [Finding]) {
    if groups.is_empty() {
        return;
    }
    let mut largest: BTreeMap<&str, (usize, Score)> = BTreeMap::new();
    let mut grouped = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let Some(name) = groups.get(&finding.rule_id).filter(|_| finding.score_delta < Score::ZERO) else {
            continue;
        };
        grouped.push((index, *name));
        let known = largest.entry(name).or_insert((index, finding.score_delta));
        if finding.score_delta < known.1 {
            *known = (index, finding.score_delta);
        }
    }
    for (index, name) in grouped {
        let keeps = largest.get(name).is_some_and(|(winner, _)| *winner == index);
        if let Some(finding) = findings.get_mut(index).filter(|_| !keeps) {
            finding.score_delta = Score::ZERO;
            finding.explanation.push_str(&format!("同组“{name}”只扣最大的一项，这里不再扣分。"));
        }
    }
}

/// Why a score would say nothing about the call; `None` when it says something.
fn unscored(scheme: &Scheme, findings: &[Finding], ground: &Ground<'_>) -> Option<&'static str> {
    let (mut num_judged, mut num_unjudged) = (0_usize, 0_usize);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| ground.movable.contains(&finding.rule_id)) {
        match finding.not_applicable_reason.as_deref() {
            None => num_judged += 1,
            Some(reason) if is_no_occasion(reason) => {}
            Some(reason) => {
                num_unjudged += 1;
                *reasons.entry(reason).or_default() += 1;
            }
        }
    }
    let num_rules = num_judged + num_unjudged;
    if num_judged == 0 || num_judged * 100 < num_rules * scheme.min_judged_percent as usize {
        let most = reasons.into_iter().max_by_key(|(_, count)| *count).map(|(reason, _)| reason);
        return Some(match most {
            Some("role_unknown") => "role_unknown",
            Some("role_disputed") => "role_disputed",
            Some(_) | None => "too_little_judged",
        });
    }
    let silent = ground.binds_agent && ground.num_agent_chars < scheme.min_agent_chars as usize;
    silent.then_some("too_little_speech")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::Level;

    fn finding(dimension: usize, points: i32, veto: bool) -> Finding {
        let scheme = Scheme::default();
        Finding {
            rule_id: RuleId::try_new("R1").expect("it is well formed"),
            rule_name: String::new(),
            kind: RuleKind::Forbidden,
            level: Level::S3,
            dimension: scheme.dimensions[dimension % scheme.dimensions.len()].name.clone(),
            verdict: Verdict::Hit,
            score_delta: Score::from_points(points),
            veto,
            evidence: Vec::new(),
            explanation: String::new(),
            not_applicable_reason: None,
            num_hits: 1,
            conditions: Vec::new(),
            agent_id: None,
        }
    }

    fn scored(scheme: &Scheme, findings: &[Finding]) -> ScorecardResult {
        let movable = findings.iter().map(|finding| finding.rule_id.clone()).collect();
        score(scheme, "1", findings, &Ground { movable: &movable, binds_agent: true, num_agent_chars: 100 })
    }

    fn unjudged(reason: &str) -> Finding {
        Finding {
            verdict: Verdict::NotApplicable,
            not_applicable_reason: Some(reason.to_owned()),
            ..finding(0, 0, false)
        }
    }

    #[test]
    fn a_dimension_loses_no_more_than_its_cap() {
        let findings = [finding(0, -20, false), finding(0, -20, false), finding(1, -5, false)];
        let result = scored(&Scheme::default(), &findings);
        assert_eq!(result.score, Score::from_points(65));
        assert_eq!(result.dimensions[0].score, Score::ZERO);
        assert_eq!(result.dimensions[1].score, Score::from_points(25));
    }

    #[test]
    fn a_veto_brings_the_score_to_the_lower_bound() {
        let result = scored(&Scheme::default(), &[finding(1, -30, true)]);
        assert_eq!(result.score, Score::ZERO);
        assert!(result.vetoed);
    }

    #[test]
    fn a_call_without_a_hit_gets_the_base() {
        let kept = Finding { verdict: Verdict::Miss, ..finding(0, 0, false) };
        let result = scored(&Scheme::default(), &[kept]);
        assert_eq!(result.score, result.full);
        assert_eq!(result.final_score(), Some(result.full));
    }

    #[test]
    fn what_could_hardly_be_judged_has_no_score() {
        let scheme = Scheme::default();
        let reason = |findings: &[Finding]| scored(&scheme, findings).unscored_reason;
        assert_eq!(reason(&[]).as_deref(), Some("too_little_judged"));
        let kept = Finding { verdict: Verdict::Miss, ..finding(0, 0, false) };
        let mut findings = vec![kept, unjudged("role_unknown")];
        assert_eq!(reason(&findings), None, "half is judged");
        findings.extend([unjudged("prerequisite_absent"), unjudged("prerequisite_absent")]);
        assert_eq!(reason(&findings), None, "what had no occasion does not count");
        findings.push(unjudged("role_unknown"));
        assert_eq!(reason(&findings).as_deref(), Some("role_unknown"));
        assert_eq!(scored(&scheme, &findings).final_score(), None);
        findings.push(finding(1, -30, true));
        findings.push(unjudged("role_unknown"));
        findings.push(unjudged("role_unknown"));
        assert_eq!(scored(&scheme, &findings).final_score(), Some(scheme.lower), "a veto always scores");
    }

    #[test]
    fn an_agent_who_hardly_speaks_has_no_score() {
        let kept = Finding { verdict: Verdict::Miss, ..finding(0, 0, false) };
        let findings = [kept];
        let movable: HashSet<RuleId> = findings.iter().map(|finding| finding.rule_id.clone()).collect();
        let of = |num_agent_chars, binds_agent| {
            let ground = Ground { movable: &movable, binds_agent, num_agent_chars };
            score(&Scheme::default(), "1", &findings, &ground).unscored_reason
        };
        assert_eq!(of(19, true).as_deref(), Some("too_little_speech"));
        assert_eq!((of(20, true), of(0, false)), (None, None));
    }

    proptest! {
        #[test]
        fn the_score_stays_within_its_bounds(
            costs in proptest::collection::vec((0_usize..4, -100_i32..100, proptest::bool::weighted(0.1)), 0..30),
        ) {
            let scheme = Scheme::default();
            let findings: Vec<_> = costs.iter().map(|(own, points, veto)| finding(*own, *points, *veto)).collect();
            let result = scored(&scheme, &findings);
            prop_assert!(result.score >= scheme.lower && result.score <= scheme.upper);
            prop_assert_eq!(result.vetoed, costs.iter().any(|cost| cost.2));
            for (own, dimension) in result.dimensions.iter().zip(&scheme.dimensions) {
                prop_assert!(own.score >= dimension.full - dimension.cap || own.score == Score::ZERO);
            }
        }
    }
}
