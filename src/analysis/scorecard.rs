//! Adds findings up to a score: dimensions with caps, bounds, veto.
//!
//! Invariant: the score lies between the scheme's bounds, no dimension loses more than its cap, and only hits cost.

use super::rule::Scheme;
use super::{DimensionScore, Finding, RuleKind, ScorecardResult, Verdict};
use crate::types::Score;

/// The score of one call.
pub(super) fn score(scheme: &Scheme, revision: &str, findings: &[Finding]) -> ScorecardResult {
    let scored: Vec<&Finding> = findings.iter().filter(|finding| finding.kind != RuleKind::Watch).collect();
    let mut dimensions = Vec::with_capacity(scheme.dimensions.len());
    let mut change = Score::ZERO;
    for dimension in &scheme.dimensions {
        let own = scored.iter().filter(|finding| finding.dimension == dimension.name);
        let count = |verdict| {
            let number = own.clone().filter(|finding| finding.verdict == verdict).count();
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        let (num_hit, num_miss) = (count(Verdict::Hit), count(Verdict::Miss));
        let floor = Score::ZERO - dimension.cap;
        let sum: Score = own.clone().map(|finding| finding.score_delta).sum();
        let delta = sum.max(floor);
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
    ScorecardResult {
        scheme: scheme.name.clone(),
        revision: revision.to_owned(),
        score: if vetoed { scheme.lower } else { total },
        full: scheme.base,
        vetoed,
        dimensions,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::Level;
    use crate::types::RuleId;

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
        }
    }

    #[test]
    fn a_dimension_loses_no_more_than_its_cap() {
        let findings = [finding(0, -20, false), finding(0, -20, false), finding(1, -5, false)];
        let result = score(&Scheme::default(), "1", &findings);
        assert_eq!(result.score, Score::from_points(65));
        assert_eq!(result.dimensions[0].score, Score::ZERO);
        assert_eq!(result.dimensions[1].score, Score::from_points(25));
    }

    #[test]
    fn a_veto_brings_the_score_to_the_lower_bound() {
        let result = score(&Scheme::default(), "1", &[finding(1, -30, true)]);
        assert_eq!(result.score, Score::ZERO);
        assert!(result.vetoed);
    }

    #[test]
    fn a_call_without_findings_gets_the_base() {
        let result = score(&Scheme::default(), "1", &[]);
        assert_eq!(result.score, result.full);
    }

    proptest! {
        #[test]
        fn the_score_stays_within_its_bounds(
            costs in proptest::collection::vec((0_usize..4, -100_i32..100, proptest::bool::weighted(0.1)), 0..30),
        ) {
            let scheme = Scheme::default();
            let findings: Vec<_> = costs.iter().map(|(own, points, veto)| finding(*own, *points, *veto)).collect();
            let result = score(&scheme, "1", &findings);
            prop_assert!(result.score >= scheme.lower && result.score <= scheme.upper);
            prop_assert_eq!(result.vetoed, costs.iter().any(|cost| cost.2));
            for (own, dimension) in result.dimensions.iter().zip(&scheme.dimensions) {
                prop_assert!(own.score >= dimension.full - dimension.cap || own.score == Score::ZERO);
            }
        }
    }
}
