//! What authors write, as data: rules, conditions, places in the call, and the tests that rules carry.
//!
//! Nothing here is compiled or judged; every value has passed the reader's checks.

use regex::Regex;

use super::expression::Expr;
use super::fact::Fact;
use super::operator::{Operator, PastCalls};
use super::written::WrittenCall;
use super::{Level, RuleKind, Verdict};
use crate::types::{Millis, RuleId, Score, SpeakerRole};

/// Whose words a rule or condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoleScope {
    /// The agent (座席).
    Agent,
    /// The customer (客户).
    Customer,
    /// The voice menu (机器人).
    Bot,
    /// Everybody, unknown speakers included.
    Any,
}

impl RoleScope {
    /// Whether words of `role` are in scope.
    #[must_use]
    pub fn includes(self, role: SpeakerRole) -> bool {
        match self {
            Self::Agent => role == SpeakerRole::Agent,
            Self::Customer => role == SpeakerRole::Customer,
            Self::Bot => role == SpeakerRole::Bot,
            Self::Any => true,
        }
    }

    /// The role in Chinese, as explanations name it.
    #[must_use]
    pub fn chinese(self) -> &'static str {
        match self {
            Self::Agent => "座席",
            Self::Customer => "客户",
            Self::Bot => "语音菜单",
            Self::Any => "双方",
        }
    }
}

/// How conditions, or the words of a keyword operator, add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// One is enough.
    Any,
    /// Every one.
    All,
    /// At least this many different ones.
    AtLeast(u32),
    /// Not a single one.
    None,
}

/// How far apart things that belong together may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Between two sentence marks (。？！).
    Sentence,
    /// In one turn.
    Turn,
    /// Anywhere in the call.
    Call,
}

/// What makes a match not count although its words are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Guards {
    /// A negation up to six characters before it, in the same clause (不保本).
    pub negation: bool,
    /// A negation directly before it (不投诉); for watch rules, where a miss costs more than a false alarm.
    pub near_negation: bool,
    /// It is asked, not said (是保本的吗).
    pub question: bool,
    /// It is quoted or warned of (您说的保本, 凡是承诺保本的都是诈骗).
    pub quote: bool,
}

/// Where in the call a condition looks. Limits given together are alternatives; none given: everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// The first sentences.
    pub first_sentences: Option<u32>,
    /// The last sentences.
    pub last_sentences: Option<u32>,
    /// The first part of the call.
    pub first: Option<Millis>,
    /// The last part of the call.
    pub last: Option<Millis>,
    /// From one sentence to another, from 1; negative numbers count from the end, −1 is the last.
    pub sentences: Option<(i64, i64)>,
    /// From one time to another.
    pub time: Option<(Millis, Millis)>,
    /// From one part of the call to another, in percent of its length, or of its sentences where there are no times.
    pub percent: Option<(f64, f64)>,
    /// Whether sentences are counted over all speakers instead of the condition's role.
    pub of_all: bool,
}

impl Range {
    /// Whether it limits nothing.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        Self { of_all: false, ..*self } == Self::default()
    }

    /// Whether it needs the end of the call.
    #[must_use]
    pub fn needs_end(&self) -> bool {
        let from_end = self.sentences.is_some_and(|(from, to)| from < 0 || to < 0);
        self.last_sentences.is_some() || self.last.is_some() || self.percent.is_some() || from_end
    }
}

/// On which side of another condition's hit something must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Earlier.
    Before,
    /// Earlier, later, or in the same sentence.
    Around,
    /// Later.
    After,
}

/// Which hits of the other condition count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnchorHit {
    /// Whichever.
    Any,
    /// Each of them must have its own.
    Every,
    /// The Nth, from 1.
    Nth(u32),
    /// The last.
    Last,
}

/// A place given by another condition's hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// On which side.
    pub side: Side,
    /// Index of the other condition in [`Rule::conditions`].
    pub condition: usize,
    /// Which of its hits.
    pub hit: AnchorHit,
    /// At most so many sentences of the condition's role away; 0: in the same sentence.
    pub sentences: Option<u32>,
    /// At most so long away.
    pub within: Option<Millis>,
}

/// An operator with its place and exceptions.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Its name in the rule.
    pub id: String,
    /// Whose words.
    pub role: RoleScope,
    /// Whether words of unknown speakers count as well: in watch rules, which cost nobody anything.
    pub or_unknown: bool,
    /// Where in the call.
    pub range: Range,
    /// Where as seen from another condition.
    pub anchor: Option<Anchor>,
    /// What is tested.
    pub operator: Operator,
    /// How many hits it takes.
    pub count: u32,
    /// Whether every sentence in scope must have a hit.
    pub every_sentence: bool,
    /// A match does not count when this is found in the same `exclude_in`.
    pub exclude: Option<Regex>,
    /// Where `exclude` looks.
    pub exclude_in: Scope,
    /// A match does not count when this is found directly before it in its sentence.
    pub left_guard: Option<Regex>,
    /// What else makes a match not count.
    pub guards: Guards,
    /// The condition as its author wrote it, on one line.
    pub source: String,
}

impl Condition {
    /// Whether words of `role` count.
    #[must_use]
    pub fn hears(&self, role: SpeakerRole) -> bool {
        self.role.includes(role) || (self.or_unknown && role == SpeakerRole::Unknown)
    }

    /// The conditions that must be judged before this one, as indexes.
    #[must_use]
    pub fn needs(&self) -> Vec<usize> {
        let mut needed: Vec<usize> = self.anchor.iter().map(|anchor| anchor.condition).collect();
        if let Operator::FlowBroken(flow) = &self.operator {
            needed.extend(&flow.steps);
        }
        needed
    }
}

/// What a rule's own test expects.
#[derive(Debug, Clone)]
pub struct RuleTest {
    /// Line of the test in its file, from 1.
    pub line: usize,
    /// The call.
    pub call: WrittenCall,
    /// The verdict expected.
    pub expect: Verdict,
    /// The reason expected with N/A.
    pub reason: Option<String>,
    /// A piece of evidence expected, as it stands in the turn.
    pub text: Option<String>,
}

/// When hits of a rule cost or earn points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreOn {
    /// When it hits.
    Hit,
    /// When it is kept.
    Miss,
}

/// What a rule does to the score, beyond what its level says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scoring {
    /// Points instead of those of its level; negative takes, positive gives.
    pub points: Option<Score>,
    /// Veto instead of what its level says.
    pub veto: Option<bool>,
    /// When.
    pub on: ScoreOn,
    /// Whether each hit counts instead of the rule once.
    pub per_hit: bool,
    /// Most points that it takes or gives over all hits, without sign.
    pub cap: Option<Score>,
    /// Of the rules of one group only the one with the largest deduction counts.
    pub group: Option<String>,
}

/// A rule as its author wrote it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: RuleKind,
    /// Whose words.
    pub role: RoleScope,
    /// How much it matters.
    pub level: Level,
    /// The dimension of the scheme; for watch rules a heading only.
    pub dimension: String,
    /// What it does to the score.
    pub scoring: Scoring,
    /// What to do about it, for the agent; may be empty.
    pub advice: String,
    /// Its conditions, at least one, then its prerequisites, then its exceptions.
    pub conditions: Vec<Condition>,
    /// Which of them are conditions proper, prerequisites and exceptions: where the second and third begin.
    pub parts: (usize, usize),
    /// How its conditions add up.
    pub when: Expr,
    /// The rule is judged only when this holds. `None`: always.
    pub only_if: Option<Expr>,
    /// A hit does not count when this holds.
    pub unless: Option<Expr>,
    /// The calls it is for: all facts must hold. Empty: every call.
    pub applies: Vec<Fact>,
    /// In force for calls that begin at this date and time or later.
    pub effective_from: Option<jiff::civil::DateTime>,
    /// In force for calls that begin before this date and time.
    pub effective_until: Option<jiff::civil::DateTime>,
    /// Whether it is also judged while the call runs.
    pub live: bool,
    /// Shorter calls are not judged (for required rules 20 s unless said otherwise).
    pub min_call: Millis,
    /// Its own tests.
    pub tests: Vec<RuleTest>,
    /// Its text, without its tests, in one form whatever the layout.
    pub canonical: String,
    /// The text it stands in.
    pub source_name: String,
    /// The line of its id, from 1.
    pub line: usize,
}

impl Rule {
    /// The rules whose verdicts this one needs.
    #[must_use]
    pub fn needs(&self) -> Vec<&RuleId> {
        self.conditions
            .iter()
            .filter_map(|condition| match &condition.operator {
                Operator::Rule(id) | Operator::PastCalls(PastCalls { rule: Some(id), .. }) => Some(id),
                Operator::Keyword(_)
                | Operator::Regex(_)
                | Operator::Similar(_)
                | Operator::Repeat(_)
                | Operator::Entity(_)
                | Operator::Silence(_)
                | Operator::SilenceShare(_)
                | Operator::Pace(_)
                | Operator::Overlap(_)
                | Operator::FirstResponse { .. }
                | Operator::ResponseTime(_)
                | Operator::Loudness(_)
                | Operator::Sentiment(_)
                | Operator::HangUp(_)
                | Operator::Duration(_)
                | Operator::SentenceCount(..)
                | Operator::TalkShare(_)
                | Operator::Density(_)
                | Operator::PoliteShare(..)
                | Operator::FlowBroken(_)
                | Operator::WrongAnswer(_)
                | Operator::PastCalls(_)
                | Operator::Metadata(_) => None,
            })
            .collect()
    }
}
