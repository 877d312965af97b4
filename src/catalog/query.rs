//! Which calls: any mix of what is known of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::facts::kept;
use super::{AgentFacts, CallFacts, ReviewState, RuleInfo, RuleTable, Stage};
use crate::analysis::{Level, RuleKind, Verdict};
use crate::types::{Direction, Media, Millis, RuleId, Score};

/// From a time until before another; each end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeRange {
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub before: Option<Timestamp>,
}

impl TimeRange {
    /// Whether `time` lies in it.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.before.is_none_or(|before| time < before)
    }
}

/// From points to points, both included; each end may be open. A call without a score lies in no range but the open one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoreRange {
    /// At least.
    pub min: Option<Score>,
    /// At most.
    pub max: Option<Score>,
}

impl ScoreRange {
    /// Whether `score` lies in it.
    #[must_use]
    pub fn contains(&self, score: Option<Score>) -> bool {
        let open = self.min.is_none() && self.max.is_none();
        score.map_or(open, |score| {
            self.min.is_none_or(|min| score >= min) && self.max.is_none_or(|max| score <= max)
        })
    }
}

/// Which findings. All that is set must hold of the same finding; an empty list sets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingQuery {
    /// Of one of these rules.
    pub rules: Vec<RuleId>,
    /// In one of these dimensions.
    pub dimensions: Vec<String>,
    /// Of one of these levels.
    pub levels: Vec<Level>,
    /// Of rules of one of these kinds.
    pub kinds: Vec<RuleKind>,
    /// With one of these verdicts, a person's where there is one. Empty: hits, when anything else is set.
    pub verdicts: Vec<Verdict>,
    /// Where the machine said one of these.
    pub machine_verdicts: Vec<Verdict>,
}

impl FindingQuery {
    /// Whether it chooses at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a rule is one of those asked for.
    #[must_use]
    pub fn wants_rule(&self, rule: &RuleInfo) -> bool {
        any(&self.rules, &rule.id)
            && any(&self.dimensions, &rule.dimension)
            && any(&self.levels, &rule.level)
            && any(&self.kinds, &rule.kind)
    }

    /// Whether a verdict is one of those asked for.
    #[must_use]
    pub fn wants_verdict(&self, counting: Verdict, machine: Verdict) -> bool {
        let by_default = self.verdicts.is_empty() && self.machine_verdicts.is_empty();
        let counts = if by_default { counting == Verdict::Hit } else { any(&self.verdicts, &counting) };
        counts && any(&self.machine_verdicts, &machine)
    }

    /// Positions in the table of the rules of `call` whose findings it chooses.
    pub fn positions<'a>(
        &'a self,
        call: &'a CallFacts,
        table: &'a RuleTable,
    ) -> impl Iterator<Item = usize> + 'a {
        table.rules.iter().enumerate().filter_map(move |(index, rule)| {
            let machine = call.judgement.as_ref()?.verdicts.get(index)?;
            let counting = call.final_verdict(table, index)?;
            (self.wants_rule(rule) && self.wants_verdict(counting, machine)).then_some(index)
        })
    }
}

/// Which calls. Everything that is set must hold; an empty list sets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CallQuery {
    /// When the call began.
    pub started: TimeRange,
    /// When it was acknowledged.
    pub received: TimeRange,
    /// Job numbers of agents. An agent, a team and a skill group that are asked for must be those of the same agent.
    pub agents: Vec<String>,
    /// Teams.
    pub teams: Vec<String>,
    /// Skill groups.
    pub skill_groups: Vec<String>,
    /// Lines of business.
    pub businesses: Vec<String>,
    /// Products.
    pub products: Vec<String>,
    /// Who called whom.
    pub directions: Vec<Direction>,
    /// Media.
    pub media: Vec<Media>,
    /// How far.
    pub stages: Vec<Stage>,
    /// The score that counts.
    pub score: ScoreRange,
    /// Only where a veto counts; for agents that are asked for, in their own part.
    pub vetoed: bool,
    /// At least this long.
    pub min_duration: Option<Millis>,
    /// At most this long.
    pub max_duration: Option<Millis>,
    /// With at least one finding like this.
    pub finding: FindingQuery,
    /// How the review stands.
    pub reviews: Vec<ReviewState>,
    /// What it is about.
    pub topics: Vec<String>,
    /// What the customer wanted.
    pub demands: Vec<String>,
}

impl CallQuery {
    /// Whether it chooses `call`, which was judged by `table`. What the index answers faster.
    #[must_use]
    pub fn matches(&self, call: &CallFacts, table: Option<&RuleTable>) -> bool {
        let among = |wanted: &[String], known: &[std::sync::Arc<str>]| {
            wanted.is_empty() || known.iter().any(|known| wanted.iter().any(|one| **one == **known))
        };
        let served = self.served(call);
        let found = self.finding.is_empty()
            || table.is_some_and(|table| self.finding.positions(call, table).next().is_some());
        served
            && found
            && self.started.contains(call.started_at)
            && self.received.contains(call.received_at)
            && some(&self.businesses, call.business.as_deref())
            && some(&self.products, call.product.as_deref())
            && (self.directions.is_empty()
                || call.direction.is_some_and(|one| self.directions.contains(&one)))
            && any(&self.media, &call.media)
            && any(&self.stages, &call.stage)
            && self.score.contains(call.final_score())
            && (!self.vetoed || self.vetoes(call))
            && self.min_duration.is_none_or(|min| call.duration.is_some_and(|duration| duration >= min))
            && self.max_duration.is_none_or(|max| call.duration.is_some_and(|duration| duration <= max))
            && any(&self.reviews, &call.review_state())
            && among(&self.topics, &call.annotations.topics)
            && among(&self.demands, &call.annotations.demands)
    }

    /// Whether one of the call's agents is of those asked for.
    pub(super) fn served(&self, call: &CallFacts) -> bool {
        call.agents.iter().any(|agent| self.is_of(agent))
    }

    /// Whether a veto counts in what is asked for of `call`: the whole, or the part of an agent.
    pub(super) fn vetoes(&self, call: &CallFacts) -> bool {
        let is_whole = self.agents.is_empty() && self.teams.is_empty() && self.skill_groups.is_empty();
        if is_whole {
            return call.whole().is_some_and(|whole| whole.vetoed());
        }
        let agents = call.agents.iter().enumerate();
        agents.filter(|(_, agent)| self.is_of(agent)).any(|(index, _)| call.vetoed_for(index))
    }

    fn is_of(&self, agent: &AgentFacts) -> bool {
        some(&self.agents, agent.agent_id.as_deref())
            && some(&self.teams, agent.team.as_deref())
            && some(&self.skill_groups, agent.skill_group.as_deref())
    }
}

fn some(wanted: &[String], known: Option<&str>) -> bool {
    wanted.is_empty() || known.is_some_and(|known| wanted.iter().any(|one| kept(one) == known))
}

fn any<T: PartialEq>(wanted: &[T], known: &T) -> bool {
    wanted.is_empty() || wanted.contains(known)
}
