//! What a run of mining found, as plain data for whoever shows it: lists, reports, the wire.
//!
//! **Invariant**: every number says of how many, and every find names calls in which it can be looked up.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::demand::Demand;
use super::stage::Stage;
use crate::types::{CallId, Millis, RuleId};

/// From when to when was mined, and against what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Period {
    /// Calls that began at or after.
    pub from: Timestamp,
    /// Calls that began before.
    pub before: Timestamp,
    /// The background of key phrases: calls that began at or after this and before `from`.
    pub background_from: Timestamp,
}

/// A place in a call, to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Example {
    /// The call.
    pub call_id: CallId,
    /// The turn in it, from 0.
    pub turn: u32,
    /// What is said there, masked, at most 80 characters.
    pub text: String,
}

/// How often something came up on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount {
    /// The day, in the time zone of the run.
    pub day: Date,
    /// Calls with it.
    pub num_calls: u32,
    /// Calls of that day.
    pub of_calls: u32,
}

/// Where a share goes over the days of the period: Cochran–Armitage, widened by what days differ among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Neither can be shown.
    #[default]
    Steady,
    /// The share rises.
    Rising,
    /// The share falls.
    Falling,
}

/// The trend of a share of calls over the period.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trend {
    /// Day by day; days without any call are left out.
    pub days: Vec<DayCount>,
    /// Where it goes.
    pub direction: Direction,
    /// Probability of a trend as strong by chance, two-sided, corrected (Bonferroni) for all trends of the run.
    pub p_value: f64,
}

/// A word of customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordCount {
    /// The word.
    pub word: String,
    /// Calls in which a customer says it.
    pub num_calls: u32,
}

/// A word that no dictionary has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewWord {
    /// The word.
    pub word: String,
    /// Calls in which a customer says it.
    pub num_calls: u32,
    /// How often it is said.
    pub count: u32,
    /// How much more often its parts stand together than apart: the least pointwise mutual information over all ways to
    /// part it, in bits.
    pub pmi: f64,
    /// How freely what stands before it changes, in bits.
    pub left_entropy: f64,
    /// How freely what stands after it changes, in bits.
    pub right_entropy: f64,
    /// Calls with it.
    pub examples: Vec<Example>,
}

/// A word or phrase that marks the period against its background.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyPhrase {
    /// The words, as they are said.
    pub phrase: String,
    /// Calls of the period with it.
    pub num_calls: u32,
    /// Calls of the background with it.
    pub num_background: u32,
    /// Log-odds against the background with an informative Dirichlet prior, in standard deviations.
    pub z_score: f64,
    /// Dunning's log-likelihood ratio (G²).
    pub g2: f64,
    /// Probability of a G² as large by chance, corrected (Bonferroni) for all phrases compared.
    pub p_value: f64,
}

/// What a burst is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurstKind {
    /// A topic.
    Topic,
    /// A word of the dictionary.
    Word,
    /// A new word.
    NewWord,
}

/// Days on which something came up far more often than on the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// What of.
    pub kind: BurstKind,
    /// The topic or word.
    pub name: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Calls with it on these days.
    pub num_calls: u32,
    /// Calls with it that the other days let expect, the weekday considered.
    pub expected: f64,
    /// `num_calls` over `expected`.
    pub lift: f64,
    /// Probability of such days by chance, corrected (Bonferroni) for all windows of days and everything tested.
    pub p_value: f64,
    /// Calls with it on these days.
    pub examples: Vec<Example>,
}

/// What many calls are about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Topic {
    /// Its name, unique in the run: a person's where one was given, else its first key words. What the calls' topics say.
    pub name: String,
    /// The name by its key words alone.
    pub automatic_name: String,
    /// Whether a person named it.
    pub is_named: bool,
    /// Its words, the most telling first.
    pub key_words: Vec<String>,
    /// Calls about it.
    pub num_calls: u32,
    /// Calls that are closest to its centre, the closest first; the turn that holds most of its words.
    pub representatives: Vec<Example>,
    /// Its trend.
    pub trend: Trend,
}

/// What customers want, by class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemandCount {
    /// The class.
    pub demand: Demand,
    /// Calls in which a customer wants it. A call may have several.
    pub num_calls: u32,
    /// Its trend.
    pub trend: Trend,
    /// Turns that show it.
    pub examples: Vec<Example>,
}

/// What goes wrong in one stage of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSpot {
    /// The stage.
    pub stage: Stage,
    /// Turns of this stage in all calls.
    pub num_turns: u64,
    /// Hits with a place in this stage.
    pub num_hits: u64,
    /// Hits per thousand turns.
    pub hits_per_thousand: f64,
    /// That over the same figure of all stages.
    pub lift: f64,
    /// The rules that hit most there.
    pub rules: Vec<RuleSpot>,
}

/// A rule and a stage in which it hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleSpot {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name.
    pub rule_name: String,
    /// Calls in which it hits in this stage.
    pub num_calls: u32,
    /// Where.
    pub examples: Vec<Example>,
}

/// What followed a question or a phrase too often.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PhraseSpot {
    /// The question or phrase, in the words of its most frequent or first form.
    pub phrase: String,
    /// How often it was said where something could follow.
    pub num_said: u32,
    /// How often it was followed by what is looked for.
    pub num_followed: u32,
    /// The share of all other questions or phrases that was followed by it.
    pub base_rate: f64,
    /// Probability of as many by chance: binomial against the base rate, corrected (Bonferroni) for all that was tested.
    pub p_value: f64,
    /// Mean length of the silence, for silences.
    pub mean_silence: Option<Millis>,
    /// Where.
    pub examples: Vec<Example>,
}

/// Where scripts and processes are weak.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WeakSpots {
    /// Where in the flow calls go wrong.
    pub stages: Vec<StageSpot>,
    /// Hits without a place in the call: what was not said anywhere.
    pub num_hits_nowhere: u64,
    /// Questions of agents after which it is silent for long.
    pub silences: Vec<PhraseSpot>,
    /// Phrases of agents after which the customer's next turn is worse than the one before.
    pub turns_for_the_worse: Vec<PhraseSpot>,
    /// Questions of agents to which customers say 不清楚.
    pub unclear_to_customers: Vec<PhraseSpot>,
    /// Questions of customers to which agents say 不清楚.
    pub unclear_to_agents: Vec<PhraseSpot>,
}

/// What one run found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Of when.
    pub period: Period,
    /// Calls of the period.
    pub num_calls: u32,
    /// Calls of the background.
    pub num_background: u32,
    /// Calls of either that could not be read, were not masked, or have no turn of a customer.
    pub num_left_out: u32,
    /// Words and phrases in no more calls than this may be missing, because rare ones are dropped where there are too
    /// many. Every count that is given is exact.
    pub rare_limit: u32,
    /// The most frequent words, the most frequent first.
    pub words: Vec<WordCount>,
    /// New words, the most frequent first.
    pub new_words: Vec<NewWord>,
    /// Key phrases, the most telling first.
    pub key_phrases: Vec<KeyPhrase>,
    /// Bursts, topics first, then the surest first.
    pub bursts: Vec<Burst>,
    /// Topics, the most frequent first.
    pub topics: Vec<Topic>,
    /// Calls of the period that are about none of the topics.
    pub num_unclassified: u32,
    /// Demands, in the order of the classes.
    pub demands: Vec<DemandCount>,
    /// Weak spots.
    pub weak_spots: WeakSpots,
}

impl Outcome {
    /// Every list of examples in it.
    pub(super) fn examples(&mut self) -> impl Iterator<Item = &mut Vec<Example>> {
        let WeakSpots {
            stages,
            silences,
            turns_for_the_worse,
            unclear_to_customers,
            unclear_to_agents,
            num_hits_nowhere: _,
        } = &mut self.weak_spots;
        let phrases = silences
            .iter_mut()
            .chain(turns_for_the_worse)
            .chain(unclear_to_customers)
            .chain(unclear_to_agents);
        let rules = stages.iter_mut().flat_map(|stage| &mut stage.rules);
        let words = self.new_words.iter_mut().map(|word| &mut word.examples);
        words
            .chain(self.bursts.iter_mut().map(|burst| &mut burst.examples))
            .chain(self.topics.iter_mut().map(|topic| &mut topic.representatives))
            .chain(self.demands.iter_mut().map(|demand| &mut demand.examples))
            .chain(rules.map(|rule| &mut rule.examples))
            .chain(phrases.map(|phrase| &mut phrase.examples))
    }
}
