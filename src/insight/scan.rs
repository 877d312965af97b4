//! Goes through the verdicts of a call that count, for the whole call or for agents' parts of it.
//!
//! **Invariant**: a call gives at most one verdict per rule to whoever asks; a person's decision goes before the machine's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Group, Key, Period, Revision, RuleRef};
use crate::analysis::{Level, Verdict};
use crate::catalog::{CallFacts, CallQuery, Catalog, FindingQuery, Judgement, RuleTable, Standing, TableId};
use crate::types::{Direction, RuleId, Score};

/// A verdict that counts, and what the machine had said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counting {
    pub(super) verdict: Verdict,
    pub(super) machine: Verdict,
}

/// Which place of the count each rule of each table goes to.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// What is told apart: one list of keys for each slot.
    pub(super) keys: Vec<Vec<Key>>,
    maps: HashMap<TableId, Vec<Option<usize>>>,
}

impl Slots {
    /// Slots of the rules that `wanted` chooses, told apart by `groups`, of findings only. With none, one slot for all.
    pub(super) fn new(revisions: &Revisions, wanted: &FindingQuery, groups: &[Group]) -> Self {
        let mut slots = Self::default();
        let mut known: HashMap<Vec<Key>, usize> = HashMap::new();
        for table in &revisions.tables {
            let map = table.rules.iter().map(|rule| {
                if !wanted.wants_rule(rule) {
                    return None;
                }
                let keys: Vec<Key> = groups
                    .iter()
                    .map(|group| match group {
                        Group::Rule => Key {
                            group: Group::Rule,
                            value: Some(rule.id.as_str().into()),
                            name: revisions.rule(&rule.id).map(|rule| rule.name.as_str().into()),
                        },
                        Group::Dimension => plain(*group, Some(rule.dimension.as_str().into())),
                        Group::Level => plain(*group, Some(rule.level.name().into())),
                        Group::Agent
                        | Group::Team
                        | Group::SkillGroup
                        | Group::Business
                        | Group::Product
                        | Group::Topic
                        | Group::Demand
                        | Group::Direction => plain(*group, None),
                    })
                    .collect();
                let next = known.len();
                Some(*known.entry(keys).or_insert(next))
            });
            let map = map.collect();
            slots.maps.insert(table.id(), map);
        }
        slots.keys = vec![Vec::new(); known.len()];
        for (keys, slot) in known {
            if let Some(place) = slots.keys.get_mut(slot) {
                *place = keys;
            }
        }
        slots
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tells the slot and the verdict of every rule of one judgement, or of the parts of one side of a call together.
    pub(super) fn visit(
        &self,
        catalog: &Catalog,
        call: &CallFacts,
        part: &Part,
        mut tell: impl FnMut(usize, Counting),
    ) {
        let mut judged = part.judgements(call);
        let (Some(first), second) = (judged.next(), judged.next()) else { return };
        if second.is_none() {
            let (judgement, is_own) = first;
            self.visit_one(catalog, call, judgement, is_own, |slot, _, counting| tell(slot, counting));
            return;
        }
        // Several parts of one side: a rule counts once, by its worst verdict.
        let mut together: BTreeMap<RuleId, (usize, Counting)> = BTreeMap::new();
        for (judgement, is_own) in part.judgements(call) {
            self.visit_one(catalog, call, judgement, is_own, |slot, rule, counting| {
                let entry = together.entry(rule.clone()).or_insert((slot, counting));
                entry.1.verdict = entry.1.verdict.min(counting.verdict);
                entry.1.machine = entry.1.machine.min(counting.machine);
            });
        }
        together.into_values().for_each(|(slot, counting)| tell(slot, counting));
    }

    fn visit_one(
        &self,
        catalog: &Catalog,
        call: &CallFacts,
        judgement: &Judgement,
        is_own: bool,
        mut tell: impl FnMut(usize, &RuleId, Counting),
    ) {
        let (Some(table), Some(map)) = (catalog.table(judgement.table), self.maps.get(&judgement.table))
        else {
            return;
        };
        let finals = call.annotations.review.as_ref().map_or(&[][..], |review| &review.finals);
        for (index, machine) in judgement.verdicts.iter() {
            let (Some(Some(slot)), Some(rule)) = (map.get(index), table.rules.get(index)) else { continue };
            let decided = if finals.is_empty() {
                None
            } else {
                finals.iter().find(|decided| decided.rule_id == rule.id).map(|decided| decided.verdict)
            };
            let verdict = counting(machine, decided, is_own);
            tell(*slot, &rule.id, Counting { verdict, machine });
        }
    }
}

/// The verdict that counts. People decide about whole calls: what they take back is taken back from every agent, what they
/// add cannot be laid on one of several.
fn counting(machine: Verdict, decided: Option<Verdict>, is_own: bool) -> Verdict {
    match decided {
        None => machine,
        Some(decided) if !is_own => decided,
        Some(Verdict::Hit) => machine,
        Some(decided) => {
            if machine == Verdict::Hit {
                decided
            } else {
                machine
            }
        }
    }
}

/// The whole call, or the parts of agents that one figure takes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole.
    Whole,
    /// Agents by position.
    Agents(Vec<usize>),
}

impl Part {
    /// The judgements with what counts of each: of the whole call, or of agents' own parts.
    pub(super) fn standings<'s, 'a: 's>(
        &'s self,
        call: &'a CallFacts,
    ) -> impl Iterator<Item = Standing<'a>> + 's {
        let (agents, is_whole) = match self {
            Self::Whole => (&[][..], true),
            Self::Agents(agents) => (&agents[..], agents.iter().any(|index| call.own(*index).is_none())),
        };
        // An agent without an own part had the whole call; more than once says nothing more.
        let whole = call.whole().filter(|_| is_whole);
        whole.into_iter().chain(agents.iter().filter_map(|index| call.own(*index)))
    }

    /// The judgements, and whether each is of an agent's own part.
    pub(super) fn judgements<'s, 'a: 's>(
        &'s self,
        call: &'a CallFacts,
    ) -> impl Iterator<Item = (&'a Judgement, bool)> + 's {
        self.standings(call).map(|standing| (standing.judgement, standing.is_own))
    }

    /// The mean of the scores that count.
    pub(super) fn score(&self, call: &CallFacts) -> Option<f64> {
        let mut scores = (0, 0.0);
        for score in self.standings(call).filter_map(|standing| standing.score()) {
            scores = (scores.0 + 1, scores.1 + score.as_f64());
        }
        (scores.0 > 0).then(|| scores.1 / f64::from(scores.0))
    }

    /// The points of each dimension of the first judgement that count, where it has a score.
    pub(super) fn dimensions<'a>(&self, call: &'a CallFacts) -> Option<(TableId, &'a [Score])> {
        let first = self.standings(call).next()?;
        first.score().map(|_| (first.judgement.table, first.dimensions()))
    }

    /// Whether a veto counts in one of the judgements.
    pub(super) fn vetoed(&self, call: &CallFacts) -> bool {
        self.standings(call).any(|standing| standing.vetoed())
    }
}

/// Whether the agents of a call are told apart when this question is counted over.
pub(super) fn names_agents(query: &CallQuery) -> bool {
    !(query.agents.is_empty() && query.teams.is_empty() && query.skill_groups.is_empty())
}

/// Positions of the agents of `call` that `query` asks for.
pub(super) fn agents_of(query: &CallQuery, call: &CallFacts) -> Vec<usize> {
    let some = |wanted: &[String], known: &Option<Arc<str>>| {
        wanted.is_empty() || known.as_deref().is_some_and(|known| wanted.iter().any(|one| one == known))
    };
    let chosen = call.agents.iter().enumerate().filter(|(_, agent)| {
        some(&query.agents, &agent.agent_id)
            && some(&query.teams, &agent.team)
            && some(&query.skill_groups, &agent.skill_group)
    });
    chosen.map(|(index, _)| index).collect()
}

/// The tables that judged the calls of a question, by the first of their calls; rules by their last revision.
#[derive(Debug, Default)]
pub(super) struct Revisions {
    pub(super) list: Vec<Revision>,
    tables: Vec<Arc<RuleTable>>,
    rules: BTreeMap<RuleId, RuleRef>,
}

impl Revisions {
    pub(super) fn of(catalog: &Catalog, query: &CallQuery) -> Self {
        let mut seen: HashMap<TableId, Revision> = HashMap::new();
        for call in catalog.chosen(query) {
            let own = call.agents.iter().filter_map(|agent| agent.own.as_ref());
            for (index, judgement) in call.judgement.iter().chain(own).enumerate() {
                let at = call.started_at;
                let one = seen.entry(judgement.table).or_insert_with(|| Revision {
                    table: judgement.table,
                    scheme: String::new(),
                    revision: String::new(),
                    first_call_at: at,
                    last_call_at: at,
                    num_calls: 0,
                });
                one.first_call_at = one.first_call_at.min(at);
                one.last_call_at = one.last_call_at.max(at);
                one.num_calls += u64::from(index == 0);
            }
        }
        let mut list: Vec<Revision> = seen.into_values().collect();
        list.sort_by_key(|one| (one.first_call_at, one.last_call_at, one.table));
        let mut found = Self::default();
        let mut by_last: Vec<(jiff::Timestamp, Arc<RuleTable>)> = Vec::new();
        for mut one in list {
            let Some(table) = catalog.table(one.table) else { continue };
            one.scheme.clone_from(&table.scheme);
            one.revision.clone_from(&table.revision);
            by_last.push((one.last_call_at, Arc::clone(table)));
            found.tables.push(Arc::clone(table));
            found.list.push(one);
        }
        by_last.sort_by_key(|(last, _)| *last);
        for rule in by_last.iter().flat_map(|(_, table)| &table.rules) {
            let one =
                RuleRef { id: rule.id.clone(), name: rule.name.clone(), dimension: rule.dimension.clone() };
            found.rules.insert(rule.id.clone(), one);
        }
        found
    }

    pub(super) fn rule(&self, id: &RuleId) -> Option<&RuleRef> {
        self.rules.get(id)
    }

    /// The rule, or its id where no table of these calls knows it.
    pub(super) fn rule_or_id(&self, id: &RuleId) -> RuleRef {
        let unknown = || RuleRef { id: id.clone(), name: id.as_str().to_owned(), dimension: String::new() };
        self.rule(id).cloned().unwrap_or_else(unknown)
    }

    /// Whether the calls of one time were judged by another revision than some of those of the other.
    pub(super) fn changed(&self, one: Period, other: Period) -> bool {
        let touches = |revision: &Revision, period: Period| {
            revision.first_call_at < period.before && revision.last_call_at >= period.from
        };
        let of = |period: Period| {
            let list = self.list.iter().filter(|revision| touches(revision, period));
            list.map(|revision| revision.revision.as_str()).collect::<BTreeSet<_>>()
        };
        let (one, other) = (of(one), of(other));
        !one.is_empty() && !other.is_empty() && one != other
    }

    /// The rules that `wanted` chooses in any of the tables.
    pub(super) fn rules(&self, wanted: &FindingQuery) -> Vec<RuleRef> {
        let in_any = |id: &RuleId| {
            let infos = self.tables.iter().filter_map(|table| table.rules.get(table.position(id)?));
            infos.into_iter().any(|rule| wanted.wants_rule(rule))
        };
        self.rules.values().filter(|rule| in_any(&rule.id)).cloned().collect()
    }
}

/// What a call is, by a group that does not tell its agents apart: one value, or several, or that it does not say.
pub(super) fn values_of(group: Group, call: &CallFacts) -> Vec<Option<Arc<str>>> {
    let many = |texts: &[Arc<str>]| {
        let mut values: Vec<Option<Arc<str>>> = texts.iter().cloned().map(Some).collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() { vec![None] } else { values }
    };
    match group {
        Group::Business => vec![call.business.clone()],
        Group::Product => vec![call.product.clone()],
        Group::Direction => vec![call.direction.map(|one| direction_name(one).into())],
        Group::Topic => many(&call.annotations.topics),
        Group::Demand => many(&call.annotations.demands),
        Group::Rule | Group::Dimension | Group::Level | Group::Agent | Group::Team | Group::SkillGroup => {
            vec![None]
        }
    }
}

/// What the agent at `index` is, by a group that tells agents apart.
pub(super) fn agent_value(group: Group, call: &CallFacts, index: usize) -> Option<Arc<str>> {
    let agent = call.agents.get(index)?;
    match group {
        Group::Agent => agent.agent_id.clone(),
        Group::Team => agent.team.clone(),
        Group::SkillGroup => agent.skill_group.clone(),
        Group::Rule
        | Group::Dimension
        | Group::Level
        | Group::Business
        | Group::Product
        | Group::Topic
        | Group::Demand
        | Group::Direction => None,
    }
}

/// A key without a name.
pub(super) fn plain(group: Group, value: Option<Arc<str>>) -> Key {
    Key { group, value, name: None }
}

/// `query`, only of what `key` names. What a call does not say cannot be asked for, and changes nothing.
pub(super) fn narrow(query: &mut CallQuery, key: &Key) {
    let Some(value) = &key.value else { return };
    let text = vec![value.to_string()];
    match key.group {
        Group::Rule => query.finding.rules = RuleId::try_new(value.to_string()).into_iter().collect(),
        Group::Dimension => query.finding.dimensions = text,
        Group::Level => {
            query.finding.levels = Level::ALL.into_iter().filter(|level| level.name() == &**value).collect()
        }
        Group::Agent => query.agents = text,
        Group::Team => query.teams = text,
        Group::SkillGroup => query.skill_groups = text,
        Group::Business => query.businesses = text,
        Group::Product => query.products = text,
        Group::Topic => query.topics = text,
        Group::Demand => query.demands = text,
        Group::Direction => query.directions = direction_of(value).into_iter().collect(),
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
    }
}

fn direction_of(name: &str) -> Option<Direction> {
    let all = [Direction::Inbound, Direction::Outbound, Direction::Internal];
    all.into_iter().find(|one| direction_name(*one) == name)
}
