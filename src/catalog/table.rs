//! The rules that a call was judged by, told once for all calls that share them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::analysis::{Analysis, Level, RuleKind};
use crate::types::{RuleId, Score};

/// The name of a table: a digest of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableId(pub u64);

/// A rule as it stood when it judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Its id, which stays over its revisions.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: RuleKind,
    /// How much it matters.
    pub level: Level,
    /// The dimension of the scorecard.
    pub dimension: String,
}

/// A dimension of the scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DimensionInfo {
    /// Its name.
    pub name: String,
    /// Points it starts with.
    pub full: Score,
}

/// All rules and the scheme of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTable {
    /// Name of the scheme.
    pub scheme: String,
    /// Revision of the scheme.
    pub revision: String,
    /// What a call without a finding gets.
    pub full: Score,
    /// The dimensions, in the scheme's order.
    pub dimensions: Vec<DimensionInfo>,
    /// The rules, by id.
    pub rules: Vec<RuleInfo>,
}

impl RuleTable {
    /// The table behind `analysis`.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Self {
        let scorecard = &analysis.scorecard;
        let mut rules: Vec<RuleInfo> = analysis
            .findings
            .iter()
            .map(|finding| RuleInfo {
                id: finding.rule_id.clone(),
                name: finding.rule_name.clone(),
                kind: finding.kind,
                level: finding.level,
                dimension: finding.dimension.clone(),
            })
            .collect();
        rules.sort_by(|left, right| left.id.cmp(&right.id));
        rules.dedup_by(|left, right| left.id == right.id);
        let dimensions = scorecard.dimensions.iter();
        Self {
            scheme: scorecard.scheme.clone(),
            revision: scorecard.revision.clone(),
            full: scorecard.full,
            dimensions: dimensions
                .map(|one| DimensionInfo { name: one.name.clone(), full: one.full })
                .collect(),
            rules,
        }
    }

    /// Its name: the same in every build, because rows in the store have it.
    #[must_use]
    pub fn id(&self) -> TableId {
        let bytes = postcard::to_stdvec(self).expect("a table holds nothing that cannot be written");
        let digest = Sha256::digest(bytes);
        let (bytes, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        TableId(u64::from_be_bytes(*bytes))
    }

    /// Where a rule stands; `None` when it is not in the table.
    #[must_use]
    pub fn position(&self, rule_id: &RuleId) -> Option<usize> {
        self.rules.binary_search_by(|rule| rule.id.cmp(rule_id)).ok()
    }
}
