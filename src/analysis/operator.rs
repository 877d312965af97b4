//! The operators of the rule language (算子) as data: what one condition tests.
//!
//! Nothing here is judged. Operators on words say what must be found; operators on measures say which limit must be passed.

use std::collections::BTreeMap;

use regex::Regex;

use super::fact::Fact;
use super::rule::{Quantity, RoleScope, Scope};
use crate::types::{Direction, HangUpSide, Millis, RuleId};

/// How different a text may sound and still count as the keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tolerance {
    /// Not at all: the very characters.
    Exact,
    /// Same syllables with the same tones.
    Tone,
    /// Same syllables, any tone.
    Syllable,
    /// Also the pairs that recognisers confuse: zh/z, ch/c, sh/s, n/l, r/l, hu/f, ing/in, eng/en, ang/an.
    Folded,
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

/// Sentences to find the like of.
#[derive(Debug, Clone)]
pub struct Similar {
    /// The samples.
    pub samples: Vec<String>,
    /// From this similarity on, 0 to 1, it counts.
    pub score: f64,
}

/// What is said again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeat {
    /// From this similarity on, 0 to 1, a sentence repeats an earlier one.
    pub score: f64,
    /// Shorter sentences do not count, in characters without marks and fillers.
    pub min_chars: u32,
    /// How many sentences back, of the one who is repeated; `None`: the whole call.
    pub sentences: Option<u32>,
    /// Who is repeated; `None`: the speaker repeats himself.
    pub of: Option<RoleScope>,
}

/// What kind of thing a piece of text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// A mobile or landline number.
    Phone,
    /// An identity card number of 15 or 18 places; those of 18 with a right check digit.
    IdCard,
    /// A card number of 13 to 19 digits that passes the Luhn check.
    BankCard,
    /// An amount of money.
    Amount,
    /// A day or a time span in days.
    Date,
    /// A percentage.
    Percent,
}

/// Things named in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Any of these.
    pub kinds: Vec<EntityKind>,
    /// Amounts and percentages below do not count.
    pub at_least: Option<f64>,
    /// Amounts and percentages above do not count.
    pub at_most: Option<f64>,
}

/// What measures silence.
#[derive(Debug, Clone)]
pub struct Silence {
    /// A silence counts from this length on.
    pub min: Option<Millis>,
    /// A silence counts up to this length: finds instant replies.
    pub max: Option<Millis>,
    /// Who speaks before it.
    pub before: RoleScope,
    /// Who speaks after it.
    pub after: RoleScope,
    /// What the agent may say shortly before to excuse it: the limit is then doubled.
    pub excuses: Option<Regex>,
    /// How many turns back an excuse may stand.
    pub excuse_turns: u32,
}

/// Silence as a share of the call.
#[derive(Debug, Clone)]
pub struct SilenceShare {
    /// More percent than this breaks the rule.
    pub over_percent: f32,
    /// Shorter calls are not judged.
    pub min_call: Millis,
    /// What the agent may say shortly before a silence so that it does not count.
    pub excuses: Option<Regex>,
    /// How many turns back an excuse may stand.
    pub excuse_turns: u32,
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
}

/// A limit on a number from above, from below, or both.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// More than this passes the limit.
    pub over: Option<f64>,
    /// Less than this passes the limit.
    pub under: Option<f64>,
}

impl Limits {
    /// Whether `value` passes a limit.
    #[must_use]
    pub fn passed_by(&self, value: f64) -> bool {
        self.over.is_some_and(|limit| value > limit) || self.under.is_some_and(|limit| value < limit)
    }
}

/// What about loudness is measured. A level is relative to the channel: 5 is its median, each level 3 dB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LoudnessTest {
    /// Sentences of at least this level.
    AtLeast(i32),
    /// Sentences of at most this level, and which share of the role's speech they must make, in percent.
    AtMost(i32, f64),
    /// A sentence louder than the one before of the same speaker by this many levels.
    Rise(i32),
    /// From the quietest to the loudest sentence at least this many levels.
    Span(i32),
}

/// What about mood is measured, in percent or percentage points of sentences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SentimentTest {
    /// The share of negative sentences is higher in the last part than in the first by this many points.
    WorseBy(f64),
    /// The share of negative sentences is lower in the last part by this many points.
    BetterBy(f64),
    /// More than this share of the sentences in scope is negative.
    NegativeOver(f64),
    /// More than this share of the sentences in scope is positive.
    PositiveOver(f64),
}

/// Mood by a lexicon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sentiment {
    /// What is measured.
    pub test: SentimentTest,
    /// How much of the call is its first and its last part, in percent of the role's sentences.
    pub part_percent: f64,
    /// Fewer sentences (in a part) say nothing.
    pub min_sentences: u32,
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HangUp {
    /// From the last word to the end of the call passes more than this.
    pub over: Option<Millis>,
    /// Who hung up.
    pub side: Option<HangUpSide>,
    /// Who spoke last.
    pub last_speaker: Option<RoleScope>,
}

/// How dense certain words are.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// The words, normalised.
    pub words: Vec<String>,
    /// More than this many in a thousand characters.
    pub over_per_1000: f64,
    /// Who says less is not judged.
    pub min_chars: u32,
}

/// A script in steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Indexes of the conditions that are its steps, in order.
    pub steps: Vec<usize>,
    /// Whether a step before an earlier one breaks it.
    pub order: bool,
    /// Whether a step left out breaks it.
    pub missing: bool,
}

/// One question with its right answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardAnswer {
    /// Ways to ask.
    pub questions: Vec<String>,
    /// Right answers.
    pub answers: Vec<String>,
}

/// A check of answers against a list.
#[derive(Debug, Clone, PartialEq)]
pub struct WrongAnswer {
    /// The list.
    pub items: Vec<StandardAnswer>,
    /// From this similarity on a sentence is the question.
    pub question_score: f64,
    /// From this similarity on a sentence is the answer.
    pub answer_score: f64,
    /// How many sentences after the question the answer may come.
    pub sentences: u32,
}

/// How far back the archive counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The day of the call.
    Today,
    /// So long before the call.
    Within(Millis),
}

/// How many calls of the same customer there were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCalls {
    /// This call is at least the Nth.
    pub at_least: u32,
    /// How far back.
    pub since: Since,
    /// Only calls in this direction.
    pub direction: Option<Direction>,
    /// Only calls in which this rule hit.
    pub rule: Option<RuleId>,
}

/// Which waits of a chat's customer are too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseTime {
    /// The first, when longer than this.
    First(Millis),
    /// All on average, when longer than this.
    Average(Millis),
    /// Each that is longer than this.
    Each(Millis),
}

/// One test that a condition makes.
#[derive(Debug, Clone)]
pub enum Operator {
    /// Words.
    Keyword(Keyword),
    /// A regular expression.
    Regex(Regex),
    /// A sentence like a sample.
    Similar(Similar),
    /// A sentence said again.
    Repeat(Repeat),
    /// A number, a card, an amount, a date.
    Entity(Entity),
    /// Silence between two turns (静音).
    Silence(Silence),
    /// Silence as a share of the call.
    SilenceShare(SilenceShare),
    /// How fast the role speaks (语速).
    Pace(Pace),
    /// The role speaks over the other (抢话).
    Overlap(Overlap),
    /// Time from the start of the call until the role first speaks (首响).
    FirstResponse {
        /// Later than this breaks the rule.
        over: Millis,
    },
    /// How long the customer of a chat waits (响应时长).
    ResponseTime(ResponseTime),
    /// How loud (音量).
    Loudness(LoudnessTest),
    /// How the mood goes (情绪).
    Sentiment(Sentiment),
    /// How the call ends (挂机).
    HangUp(HangUp),
    /// Length of the call in seconds (时长).
    Duration(Limits),
    /// Number of sentences (语句数): at least, at most.
    SentenceCount(Option<u32>, Option<u32>),
    /// The role's share of all talk, in percent (说话占比).
    TalkShare(Limits),
    /// How dense fillers are (口头禅).
    Density(Density),
    /// The share of 您 among 您 and 你, in percent, and how many of both it takes to say so.
    PoliteShare(Limits, u32),
    /// Steps of a script out of order or left out (流程).
    FlowBroken(Flow),
    /// An answer that differs from the standard answers (知识).
    WrongAnswer(WrongAnswer),
    /// How many calls there were before (历史).
    PastCalls(PastCalls),
    /// Facts that the sender declared (随录参数).
    Metadata(Vec<Fact>),
    /// Another rule hit.
    Rule(RuleId),
}

impl Operator {
    /// Its name in a pack.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Keyword(_) => "keyword",
            Self::Regex(_) => "regex",
            Self::Similar(_) => "similar",
            Self::Repeat(_) => "repeat",
            Self::Entity(_) => "entity",
            Self::Silence(_) => "silence",
            Self::SilenceShare(_) => "silence_share",
            Self::Pace(_) => "pace",
            Self::Overlap(_) => "overlap",
            Self::FirstResponse { .. } => "first_response",
            Self::ResponseTime(_) => "response_time",
            Self::Loudness(_) => "loudness",
            Self::Sentiment(_) => "sentiment",
            Self::HangUp(_) => "hang_up",
            Self::Duration(_) => "duration",
            Self::SentenceCount(..) => "sentence_count",
            Self::TalkShare(_) => "talk_share",
            Self::Density(_) => "filler_density",
            Self::PoliteShare(..) => "polite_share",
            Self::FlowBroken(_) => "flow_broken",
            Self::WrongAnswer(_) => "wrong_answer",
            Self::PastCalls(_) => "past_calls",
            Self::Metadata(_) => "metadata",
            Self::Rule(_) => "rule",
        }
    }

    /// Whether it looks for words, so that guards and exclusions have something to look at.
    #[must_use]
    pub fn is_textual(&self) -> bool {
        matches!(
            self,
            Self::Keyword(_) | Self::Regex(_) | Self::Similar(_) | Self::Repeat(_) | Self::Entity(_)
        )
    }

    /// Whether it can be judged while the call still runs: what has been said stays said.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(
            self,
            Self::Keyword(Keyword { quantity: Quantity::Any | Quantity::All | Quantity::AtLeast(_), .. })
                | Self::Regex(_)
                | Self::Similar(_)
                | Self::Repeat(_)
                | Self::Entity(_)
                | Self::Silence(_)
                | Self::Overlap(_)
                | Self::Metadata(_)
                | Self::PastCalls(_)
                | Self::FirstResponse { .. }
        )
    }
}
