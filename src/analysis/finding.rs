//! What judging yields: a verdict per rule with its evidence, and the scorecard's result.

use serde::{Deserialize, Serialize};

use super::ScoreBasis;
use crate::types::{ChannelIndex, RuleId, Score, SpeakerRole, TimeSpan};

/// A rule's verdict on one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The rule is broken (or, for a watch rule, what it watches for happened).
    Hit,
    /// The rule was checked and kept.
    Miss,
    /// It could not be judged; the finding says why and the rule leaves the denominator.
    NotApplicable,
}

/// How much a rule matters. The most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Veto and alert at once.
    S1,
    /// Serious.
    S2,
    /// Ordinary.
    S3,
    /// Slight.
    S4,
    /// A note without points.
    S5,
}

impl Level {
    /// All of them, the most severe first.
    pub const ALL: [Self; 5] = [Self::S1, Self::S2, Self::S3, Self::S4, Self::S5];

    /// Its name, as packs, commands and tables have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::S4 => "S4",
            Self::S5 => "S5",
        }
    }
}

/// What a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// Must be said (必说).
    Required,
    /// Must not be said (禁说).
    Forbidden,
    /// How it sounds: silence, pace, overlap (声学).
    Acoustic,
    /// How the call ran (流程).
    Process,
    /// What the customer says that someone must know (预警).
    Watch,
}

/// Which tolerance let a piece of text match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchMode {
    /// The very characters of the keyword.
    Exact,
    /// A listed synonym.
    Synonym,
    /// Other characters that sound the same: the recogniser's spelling, 保正 for 保证.
    Homophone,
    /// A regular expression.
    Regex,
    /// A measured value (silence, pace, overlap), not text.
    Measured,
    /// A sentence like a sample; the evidence says how like.
    Similar,
    /// What it is by its form: a number, a card, an amount, a date.
    Entity,
}

/// One place in the call that made a rule hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The turn.
    pub turn: u32,
    /// Where it was heard.
    pub channel: ChannelIndex,
    /// Who said it.
    pub role: SpeakerRole,
    /// First character in the turn's text. Equal to `char_to` for measured evidence.
    pub char_from: u32,
    /// First character after.
    pub char_to: u32,
    /// When; absent in a chat without times.
    pub span: Option<TimeSpan>,
    /// The text that matched, as it stands in the turn.
    pub text: String,
    /// What it matched: the keyword or expression as the author wrote it, or the limit that was passed.
    pub pattern: String,
    /// Which tolerance fired.
    pub mode: MatchMode,
    /// Confidence of the recogniser over these words, 0 to 1; absent without audio.
    pub confidence: Option<f32>,
    /// The value measured, in the unit that `pattern` names; absent for text.
    pub measured: Option<f64>,
    /// The condition that found it, by its name in the rule.
    #[serde(default)]
    pub condition: String,
    /// What it took to match beyond the very words: `同音`, `声调`, `n/l`, `in/ing`, `同义词`. Empty for the very words.
    #[serde(default)]
    pub tolerances: Vec<String>,
    /// How like a sample it is, 0 to 1; absent where nothing was compared.
    #[serde(default)]
    pub similarity: Option<f32>,
}

/// What a condition came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionState {
    /// It is met.
    Met,
    /// It is not met.
    NotMet,
    /// It could not be judged.
    NotApplicable,
}

/// A condition as it stood when the rule hit, so that a finding explains itself after the rule has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionResult {
    /// Its name in the rule.
    pub id: String,
    /// The condition as its author wrote it, on one line.
    pub source: String,
    /// What it came to.
    pub state: ConditionState,
    /// Why it could not be judged.
    pub reason: Option<String>,
}

/// A rule's verdict on one call, with everything needed to understand it later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name at the time.
    pub rule_name: String,
    /// What it is for.
    pub kind: RuleKind,
    /// How much it matters.
    pub level: Level,
    /// The dimension of the scorecard it belongs to.
    pub dimension: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Points added or, when negative, taken by this finding alone.
    pub score_delta: Score,
    /// Whether this finding brings the whole score to its lower bound.
    pub veto: bool,
    /// Where. Empty for something that should have been said and was not.
    pub evidence: Vec<Evidence>,
    /// Why, in one sentence for a person; for N/A the reason.
    pub explanation: String,
    /// Stable name of the reason for N/A, for example `mono`, `role_unknown`; docs/rules.md lists all.
    pub not_applicable_reason: Option<String>,
    /// How often it hit, before evidence was cut to what is shown.
    #[serde(default)]
    pub num_hits: u32,
    /// Its conditions at the time; only for hits.
    #[serde(default)]
    pub conditions: Vec<ConditionResult>,
    /// The job number of the agent in whose part of the call it first hit; absent where the sender told no parts.
    #[serde(default)]
    pub agent_id: Option<String>,
}

/// One dimension of a scorecard's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DimensionScore {
    /// Its name, for example 销售合规.
    pub name: String,
    /// Points it starts with.
    pub full: Score,
    /// Points left.
    pub score: Score,
    /// Rules checked in it (hit or miss).
    pub num_checked: u32,
    /// Rules hit in it.
    pub num_hit: u32,
    /// Rules that could not be judged.
    pub num_not_applicable: u32,
}

/// The score of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScorecardResult {
    /// Name of the scheme.
    pub scheme: String,
    /// Revision of the scheme: its version and a digest of its text.
    pub revision: String,
    /// The final score; zero and without meaning when not `scored`.
    pub score: Score,
    /// Whether enough of the call could be judged for a score to mean something. A veto always scores.
    #[serde(default = "yes")]
    pub scored: bool,
    /// Stable name of the reason why not, for example `role_unknown`; docs/rules.md lists all.
    #[serde(default)]
    pub unscored_reason: Option<String>,
    /// What a call without a finding gets.
    pub full: Score,
    /// Whether a veto brought it to the lower bound.
    pub vetoed: bool,
    /// By dimension, in the scheme's order.
    pub dimensions: Vec<DimensionScore>,
    /// What it rests on, so that it can be made again of what people decide; absent in results of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Box<ScoreBasis>>,
}

impl ScorecardResult {
    /// The score, when there is one.
    #[must_use]
    pub fn final_score(&self) -> Option<Score> {
        self.scored.then_some(self.score)
    }
}

/// Results stored before `scored` was written all have a score.
fn yes() -> bool {
    true
}

/// Everything that judging a call yields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// One finding per rule of the pack: hits by severity first, then N/A, then misses.
    pub findings: Vec<Finding>,
    /// The score.
    pub scorecard: ScorecardResult,
    /// Version of the engine that judged.
    pub engine_version: String,
}
