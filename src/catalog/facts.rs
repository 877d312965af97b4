//! The facts of one call.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RuleTable, TableId, Verdicts};
use crate::analysis::{Analysis, Decided, ScorecardResult, Settled, Verdict};
use crate::ingest::{CallRecord, CallState};
use crate::types::{CallId, Direction, Media, Millis, RuleId, Score};

/// Most characters of a text that a row keeps.
const MAX_TEXT_CHARS: usize = 96;

/// How far a call is, without why it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// Stored and waiting.
    Accepted,
    /// The audio is being read.
    Decoding,
    /// Speech is being recognised.
    Transcribing,
    /// Rules are being judged.
    Scoring,
    /// Findings and score are stored.
    Done,
    /// It failed.
    Failed,
}

impl From<&CallState> for Stage {
    fn from(state: &CallState) -> Self {
        match state {
            CallState::Accepted => Self::Accepted,
            CallState::Decoding => Self::Decoding,
            CallState::Transcribing => Self::Transcribing,
            CallState::Scoring => Self::Scoring,
            CallState::Done => Self::Done,
            CallState::Failed(_) => Self::Failed,
        }
    }
}

/// What one judgement, of a call or of one agent's part of it, came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The rules and the scheme it was judged by.
    pub table: TableId,
    /// The verdict of each rule, in the order of the table.
    pub verdicts: Verdicts,
    /// The score; absent when too little could be judged.
    pub score: Option<Score>,
    /// Whether a veto brought it to the lower bound.
    pub vetoed: bool,
    /// Points of each dimension, in the order of the table.
    pub dimensions: Box<[Score]>,
}

impl Judgement {
    /// The facts of `analysis`, and the table that they refer to.
    #[must_use]
    pub fn of(analysis: &Analysis) -> (Self, RuleTable) {
        let table = RuleTable::of(analysis);
        let verdicts = table.rules.iter().map(|rule| {
            let finding = analysis.findings.iter().find(|finding| finding.rule_id == rule.id);
            finding.map(|finding| finding.verdict)
        });
        let scorecard = &analysis.scorecard;
        let judgement = Self {
            table: table.id(),
            verdicts: verdicts.collect(),
            score: scorecard.final_score(),
            vetoed: scorecard.vetoed,
            dimensions: scorecard.dimensions.iter().map(|dimension| dimension.score).collect(),
        };
        (judgement, table)
    }
}

/// One agent of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// The job number.
    pub agent_id: Option<Arc<str>>,
    /// The name.
    pub agent_name: Option<Arc<str>>,
    /// The team.
    pub team: Option<Arc<str>>,
    /// The skill group.
    pub skill_group: Option<Arc<str>>,
    /// What the agent's own part came to; absent when the agent had the whole call.
    pub own: Option<Judgement>,
}

/// What a person made of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Nobody looked at it, and nobody is to.
    #[default]
    None,
    /// It waits for a reviewer, or one has it.
    Queued,
    /// A reviewer decided about it.
    Reviewed,
    /// The agent appealed, and nobody decided yet.
    Appealed,
    /// The final judgement: nothing more can be said against it.
    Closed,
}

/// What a person decided about one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalVerdict {
    /// The rule.
    pub rule_id: RuleId,
    /// The verdict that counts, whatever the machine said.
    pub verdict: Verdict,
}

/// Points that a person gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandScore {
    /// The item of the scheme.
    pub item_id: RuleId,
    /// The points; negative takes.
    pub points: Score,
}

/// What a call comes to with what people decided: of one calculation, so that its figures never contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalCard {
    /// The score; absent when too little is judged.
    pub score: Option<Score>,
    /// Whether a veto counts.
    pub vetoed: bool,
    /// Points of each dimension, in the order of the table of the call's judgement.
    pub dimensions: Box<[Score]>,
}

impl From<&ScorecardResult> for FinalCard {
    fn from(scorecard: &ScorecardResult) -> Self {
        Self {
            score: scorecard.final_score(),
            vetoed: scorecard.vetoed,
            dimensions: scorecard.dimensions.iter().map(|dimension| dimension.score).collect(),
        }
    }
}

/// What the own part of an agent comes to with what people decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartCard {
    /// The place of the agent in the call, from 0.
    pub agent: u16,
    /// What it comes to.
    pub card: FinalCard,
}

/// A judgement of a call or of an agent's own part, and what counts of it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// What the machine says.
    pub judgement: &'a Judgement,
    /// Whether it is of an agent's own part.
    pub is_own: bool,
    card: Option<&'a FinalCard>,
}

impl<'a> Standing<'a> {
    /// The score that counts: with what people decided, or the machine's.
    #[must_use]
    pub fn score(&self) -> Option<Score> {
        self.card.map_or(self.judgement.score, |card| card.score)
    }

    /// Whether a veto counts.
    #[must_use]
    pub fn vetoed(&self) -> bool {
        self.card.map_or(self.judgement.vetoed, |card| card.vetoed)
    }

    /// The points of each dimension that count, in the order of the table of the judgement.
    #[must_use]
    pub fn dimensions(&self) -> &'a [Score] {
        self.card.map_or(&self.judgement.dimensions, |card| &card.dimensions)
    }
}

/// What people decided about a call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewFacts {
    /// How far.
    pub state: ReviewState,
    /// Decisions, one for each rule that was decided about; the machine's verdict stands where there is none.
    pub finals: Vec<FinalVerdict>,
    /// Points given by hand, one for each item that was scored.
    pub hands: Vec<HandScore>,
    /// What counts then; absent while nothing was decided, or when it cannot be told. The store makes it of the rest and
    /// of what the machine found, whenever one of both changes.
    pub card: Option<FinalCard>,
    /// Likewise of the own parts of agents, where what was decided changes them.
    pub part_cards: Vec<PartCard>,
}

impl ReviewFacts {
    /// What `analysis` comes to with what was decided; `None` when nothing was, or when it cannot be told.
    #[must_use]
    pub fn settled(&self, analysis: &Analysis) -> Option<Settled> {
        if self.finals.is_empty() && self.hands.is_empty() {
            return None;
        }
        let decided = Decided {
            verdicts: self.finals.iter().map(|one| (&one.rule_id, one.verdict)).collect(),
            hands: self.hands.iter().map(|one| (&one.item_id, one.points)).collect(),
        };
        analysis.settled_with(&decided)
    }

    /// What of it is about the own part of one of several agents, judged as `part`: what is taken back is taken back from
    /// every agent; what is added, and points by hand, cannot be laid on one of them.
    #[must_use]
    pub fn of_part(&self, part: &Analysis) -> Self {
        let is_hit = |rule_id: &RuleId| {
            part.findings.iter().any(|one| one.rule_id == *rule_id && one.verdict == Verdict::Hit)
        };
        let taken_back = |one: &&FinalVerdict| one.verdict != Verdict::Hit && is_hit(&one.rule_id);
        Self {
            state: self.state,
            finals: self.finals.iter().filter(taken_back).cloned().collect(),
            ..Self::default()
        }
    }

    /// Makes the cards of what is decided: of the whole call, and of the own parts of its agents, in their order.
    pub fn settle<'a>(&mut self, whole: &Analysis, parts: impl IntoIterator<Item = &'a Analysis>) {
        let card = |settled: Settled| FinalCard::from(&settled.scorecard);
        self.card = self.settled(whole).map(card);
        let parts = (0_u16..).zip(parts);
        let cards = parts.filter_map(|(agent, part)| {
            let card = card(self.of_part(part).settled(part)?);
            Some(PartCard { agent, card })
        });
        self.part_cards = cards.collect();
    }

    /// Forgets what counts, as for a call that has no result.
    pub fn unsettle(&mut self) {
        self.card = None;
        self.part_cards.clear();
    }
}

/// What was decided about a call, or found out about it together with others, after it was judged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// What people decided.
    pub review: Option<Box<ReviewFacts>>,
    /// What it is about, by the last run that looked for topics.
    pub topics: Vec<Arc<str>>,
    /// What the customer wanted.
    pub demands: Vec<Arc<str>>,
}

impl Annotations {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is known of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallFacts {
    /// Its number, which no other call ever had or will have; the order says nothing.
    pub number: u32,
    /// The number of its last change: grows over all calls.
    pub change: u64,
    /// The sender's name for it.
    pub id: CallId,
    /// When it was acknowledged.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub received_at: Timestamp,
    /// When it began; when it was acknowledged, where the sender does not say.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub started_at: Timestamp,
    /// Length of the audio, once known.
    pub duration: Option<Millis>,
    /// How far it is.
    pub stage: Stage,
    /// The medium.
    pub media: Media,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The line of business.
    pub business: Option<Arc<str>>,
    /// The product.
    pub product: Option<Arc<str>>,
    /// Who served, in order: at least one entry, more after a transfer.
    pub agents: Vec<AgentFacts>,
    /// Which of its results this is: grows whenever its dialogue and findings are written, 0 while it has none.
    pub result: u32,
    /// What the whole call came to, once done.
    pub judgement: Option<Judgement>,
    /// What was said about it later.
    pub annotations: Annotations,
}

impl CallFacts {
    /// The facts of a call that is not judged, under a number. The change is not known yet.
    #[must_use]
    pub fn of(number: u32, record: &CallRecord) -> Self {
        let metadata = &record.metadata;
        let text = |text: &Option<String>| text.as_deref().map(kept).map(Arc::from);
        let mut agents: Vec<AgentFacts> = metadata
            .segments
            .iter()
            .map(|segment| AgentFacts {
                agent_id: text(&segment.agent_id),
                agent_name: text(&segment.agent_name),
                team: text(&segment.team),
                skill_group: text(&segment.skill_group),
                own: None,
            })
            .collect();
        if agents.len() < 2 {
            let only = agents.pop();
            let or = |own: &Option<String>, part: Option<Arc<str>>| text(own).or(part);
            let part = |choose: fn(&AgentFacts) -> &Option<Arc<str>>| {
                only.as_ref().and_then(|one| choose(one).clone())
            };
            agents.push(AgentFacts {
                agent_id: or(&metadata.agent_id, part(|one| &one.agent_id)),
                agent_name: or(&metadata.agent_name, part(|one| &one.agent_name)),
                team: or(&metadata.team, part(|one| &one.team)),
                skill_group: or(&metadata.skill_group, part(|one| &one.skill_group)),
                own: None,
            });
        }
        Self {
            number,
            change: 0,
            id: record.id.clone(),
            received_at: whole_micros(record.received_at),
            started_at: whole_micros(metadata.started_at.unwrap_or(record.received_at)),
            duration: record.duration,
            stage: Stage::from(&record.state),
            media: metadata.media,
            direction: metadata.direction,
            business: text(&metadata.business),
            product: text(&metadata.product),
            agents,
            result: 0,
            judgement: None,
            annotations: Annotations::default(),
        }
    }

    /// The verdict that counts of the rule at `index` of the table of the call's judgement; `None` when it was not judged.
    #[must_use]
    pub fn final_verdict(&self, table: &RuleTable, index: usize) -> Option<Verdict> {
        let machine = self.judgement.as_ref()?.verdicts.get(index)?;
        let decided = self.annotations.review.as_ref().and_then(|review| {
            let rule = table.rules.get(index)?;
            review.finals.iter().find(|decided| decided.rule_id == rule.id)
        });
        Some(decided.map_or(machine, |decided| decided.verdict))
    }

    /// The judgement of the whole call with what people decided; `None` while there is none.
    #[must_use]
    pub fn whole(&self) -> Option<Standing<'_>> {
        let card = self.annotations.review.as_ref().and_then(|review| review.card.as_ref());
        Some(Standing { judgement: self.judgement.as_ref()?, is_own: false, card })
    }

    /// The own part of the agent at `index` with what people took back; `None` for an agent who had the whole call.
    #[must_use]
    pub fn own(&self, index: usize) -> Option<Standing<'_>> {
        let judgement = self.agents.get(index)?.own.as_ref()?;
        let cards = self.annotations.review.as_ref().map_or(&[][..], |review| &review.part_cards);
        let card = cards.iter().find(|one| usize::from(one.agent) == index).map(|one| &one.card);
        Some(Standing { judgement, is_own: true, card })
    }

    /// The score that counts: with what people decided, or the machine's.
    #[must_use]
    pub fn final_score(&self) -> Option<Score> {
        self.whole()?.score()
    }

    /// Whether a veto counts for the agent at `index`: in the own part, or in the whole where there are no parts.
    #[must_use]
    pub fn vetoed_for(&self, index: usize) -> bool {
        self.own(index).or_else(|| self.whole()).is_some_and(|standing| standing.vetoed())
    }

    /// How the review stands.
    #[must_use]
    pub fn review_state(&self) -> ReviewState {
        self.annotations.review.as_ref().map_or(ReviewState::None, |review| review.state)
    }

    /// What counts for the agent at `index`: the own part, or the whole call where there is none.
    #[must_use]
    pub fn judgement_of(&self, index: usize) -> Option<&Judgement> {
        self.agents.get(index).and_then(|agent| agent.own.as_ref()).or(self.judgement.as_ref())
    }
}

/// What rows keep of a text about an agent or a call, and so what calls are found by.
pub(super) fn kept(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_TEXT_CHARS).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

/// As a row keeps it: what is read back is what was there before.
fn whole_micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("less precision leaves no time out of range")
}
