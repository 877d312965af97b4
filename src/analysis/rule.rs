//! What authors write, as data: packs, rules, conditions, operators, schemes and the tests that rules carry.
//!
//! Nothing here is compiled or judged; every value has passed the reader's checks.

use std::collections::BTreeMap;

use regex::Regex;

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

/// How different a text may sound and still count as the keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tolerance {
    /// Not at all: the very characters.
    Exact,
    /// Same syllables with the same tones.
    Tone,
    /// Same syllables, any tone.
    Syllable,
    /// Also the pairs that recognisers confuse: zh/z, ch/c, sh/s, n/l, hu/f, ing/in, eng/en, ang/an.
    Folded,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// The first sentences of the role.
    pub first_sentences: Option<u32>,
    /// The last sentences of the role.
    pub last_sentences: Option<u32>,
    /// The first part of the call.
    pub first: Option<Millis>,
    /// The last part of the call.
    pub last: Option<Millis>,
}

/// Words to find.
#[derive(Debug, Clone)]
pub struct Keyword {
    /// How many of the words it takes.
    pub quantity: Quantity,
    /// The words as written.
    pub words: Vec<String>,
    /// Other ways to say a word, by the word.
    pub synonyms: BTreeMap<String, Vec<String>>,
    /// How close together, for more than one word.
    pub within: Scope,
    /// How different they may sound.
    pub tolerance: Tolerance,
    /// Whether a match must respect word boundaries; `None`: for words of one or two characters.
    pub token_boundary: Option<bool>,
}

/// What measures silence.
#[derive(Debug, Clone)]
pub struct Silence {
    /// A silence counts from this length on.
    pub min: Millis,
    /// What the agent may say shortly before to excuse it: the limit is then doubled.
    pub excuses: Option<Regex>,
    /// How many turns back an excuse may stand.
    pub excuse_turns: u32,
    /// How many such silences it takes.
    pub count: u32,
}

/// What measures pace, in characters per minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Faster than this breaks the rule.
    pub faster_than: Option<f32>,
    /// Slower than this breaks the rule.
    pub slower_than: Option<f32>,
    /// Whether the whole call's mean is measured instead of single sentences.
    pub average: bool,
    /// Shorter sentences do not count.
    pub min_chars: u32,
    /// How many such sentences it takes.
    pub count: u32,
}

/// What measures interruptions (抢话).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// Both speak at least this long.
    pub min: Millis,
    /// The interrupting sentence has at least this many characters (not 嗯, 好的).
    pub min_chars: u32,
    /// The other had been speaking at least this long.
    pub spoken_before: Millis,
    /// How many interruptions it takes.
    pub count: u32,
}

/// One test that a condition makes.
#[derive(Debug, Clone)]
pub enum Operator {
    /// Words.
    Keyword(Keyword),
    /// A regular expression, as written and compiled.
    Regex(Regex),
    /// Silence between two turns (静音).
    Silence(Silence),
    /// Silence as a share of the call, in percent, for calls of at least the given length.
    SilenceShare {
        /// More than this breaks the rule.
        over_percent: f32,
        /// Shorter calls are not judged.
        min_call: Millis,
        /// What the agent may say shortly before a silence so that it does not count.
        excuses: Option<Regex>,
        /// How many turns back an excuse may stand.
        excuse_turns: u32,
    },
    /// How fast the role speaks (语速).
    Pace(Pace),
    /// The role speaks over the other (抢话).
    Overlap(Overlap),
    /// Time from the start of the call until the role first speaks (首响).
    FirstResponse {
        /// Later than this breaks the rule.
        over: Millis,
    },
}

/// An operator with its place and exceptions.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Whose words.
    pub role: RoleScope,
    /// Whether words of unknown speakers count as well: in watch rules, which cost nobody anything.
    pub or_unknown: bool,
    /// Where in the call.
    pub range: Range,
    /// What is tested.
    pub operator: Operator,
    /// A match does not count when this is found in the same `exclude_in`.
    pub exclude: Option<Regex>,
    /// Where `exclude` looks.
    pub exclude_in: Scope,
    /// What else makes a match not count.
    pub guards: Guards,
}

impl Condition {
    /// Whether words of `role` count.
    #[must_use]
    pub fn hears(&self, role: SpeakerRole) -> bool {
        self.role.includes(role) || (self.or_unknown && role == SpeakerRole::Unknown)
    }
}

/// What a rule's own test expects.
#[derive(Debug, Clone)]
pub struct RuleTest {
    /// Line of the test in its file, from 1.
    pub line: usize,
    /// Turns as written: `客服: …`, `客户: …`, with times `客服@1.5-3.2: …`.
    pub turns: Vec<String>,
    /// Whether the call has one channel only.
    pub mono: bool,
    /// The verdict expected.
    pub expect: Verdict,
    /// The reason expected with N/A.
    pub reason: Option<String>,
    /// A piece of evidence expected, as it stands in the turn.
    pub text: Option<String>,
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
    /// Points instead of those of its level.
    pub score: Option<Score>,
    /// Veto instead of what its level says.
    pub veto: Option<bool>,
    /// What to do about it, for the agent; may be empty.
    pub advice: String,
    /// How its conditions add up: any or all.
    pub join: Quantity,
    /// Its conditions, at least one.
    pub conditions: Vec<Condition>,
    /// The rule is judged only when one of these is met. Empty: always.
    pub prerequisites: Vec<Condition>,
    /// Shorter calls are not judged (for required rules 20 s unless said otherwise).
    pub min_call: Millis,
    /// Its own tests.
    pub tests: Vec<RuleTest>,
    /// The text it stands in.
    pub source_name: String,
    /// The line of its id, from 1.
    pub line: usize,
}

/// One dimension of a scheme.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Points it starts with.
    pub full: Score,
    /// Most points it can lose.
    pub cap: Score,
}

/// What a level costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelCost {
    /// Points; negative takes.
    pub points: Score,
    /// Whether it brings the whole score to the lower bound.
    pub veto: bool,
}

/// How findings become a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme {
    /// Its name.
    pub name: String,
    /// Its version as the author counts.
    pub version: String,
    /// What a call without a finding gets.
    pub base: Score,
    /// No score is lower.
    pub lower: Score,
    /// No score is higher.
    pub upper: Score,
    /// A call has no score when fewer of the rules that can move points were judged, in percent. Rules whose
    /// prerequisite is absent had no occasion and count neither way.
    pub min_judged_percent: u32,
    /// A call has no score when the agent says fewer characters, if any rule that can move points binds the agent.
    pub min_agent_chars: u32,
    /// Share of the points that a forbidden phrase costs when only its sound matched, 0 to 1; it never vetoes then.
    pub homophone_weight: f64,
    /// In the order of the report.
    pub dimensions: Vec<Dimension>,
    /// By level.
    pub levels: BTreeMap<Level, LevelCost>,
}

impl Default for Scheme {
    fn default() -> Self {
        let dimension = |name: &str, full| Dimension {
            name: name.to_owned(),
            full: Score::from_points(full),
            cap: Score::from_points(full),
        };
        let cost = |points, veto| LevelCost { points: Score::from_points(points), veto };
        Self {
            name: "default".to_owned(),
            version: "1".to_owned(),
            base: Score::from_points(100),
            lower: Score::ZERO,
            upper: Score::from_points(100),
            min_judged_percent: 40,
            min_agent_chars: 20,
            homophone_weight: 0.5,
            dimensions: vec![
                dimension("服务规范", 30),
                dimension("销售合规", 30),
                dimension("信息安全", 20),
                dimension("业务能力", 20),
            ],
            levels: BTreeMap::from([
                (Level::S1, cost(-30, true)),
                (Level::S2, cost(-20, false)),
                (Level::S3, cost(-10, false)),
                (Level::S4, cost(-5, false)),
                (Level::S5, cost(0, false)),
            ]),
        }
    }
}

/// One text of rules as read.
#[derive(Debug, Clone, Default)]
pub(super) struct Pack {
    /// Its name.
    pub(super) name: String,
    /// Its revision as the author counts.
    pub(super) revision: String,
    /// Words that the recogniser misspells: their homophones are read as them before expressions run.
    pub(super) confusable: Vec<String>,
    /// Its rules.
    pub(super) rules: Vec<Rule>,
    /// Its scheme, when it has one.
    pub(super) scheme: Option<Scheme>,
}
