//! What the reports on people need of all calls of a time: rules by agent and team, scores, who is in which team.
//!
//! **Invariant**: one pass; an agent's figures are of the own parts of calls.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::cube::{Cube, Subject, rule_slots};
use super::people::{Mean, Member, Rank};
use super::scan::{Part, Revisions, Slots};
use super::stats::{Interval, Moments, Two, clustered, dispersion, ln_fisher};
use super::tally::local_day;
use super::{Counts, Figure, Group, Period, rules_of_agents};
use crate::analysis::Verdict;
use crate::catalog::{CallFacts, CallQuery, Catalog, Stage};

/// Fewest judged calls with which something is said of an agent or a team.
pub(super) const MIN_CALLS: u64 = 20;
/// Fewest checks of a rule, of those reported on and of those they are held against.
const MIN_CHECKED: (u64, u64) = (20, 50);
/// Fewest calls with which an agent or a team is counted rule by rule.
const MIN_CELLS: u64 = 5;
/// Fewest agents of a team, to tell the team from its agents.
const MIN_AGENTS: usize = 3;
/// A weakness is at least this much higher, and this many times as high; a strength the other way round.
pub(super) const MIN_DIFFERENCE: f64 = 0.03;
pub(super) const MIN_RATIO: f64 = 1.3;

/// Scores, whole and by dimension.
#[derive(Debug, Clone, Default)]
pub(super) struct Scores {
    pub(super) whole: Moments,
    /// By name: points at the start, points left.
    pub(super) dimensions: BTreeMap<String, (f64, Moments)>,
    pub(super) counts: Counts,
}

impl Scores {
    pub(super) fn add(&mut self, catalog: &Catalog, slots: &Slots, call: &CallFacts, part: &Part) {
        let one = Counts::of_call(|count| slots.visit(catalog, call, part, |_, counting| count(counting)));
        self.counts.add(&one);
        let Some(score) = part.score(call) else { return };
        self.whole.add(score);
        let Some((table, points)) = part.dimensions(call) else { return };
        let Some(table) = catalog.table(table) else { return };
        for (dimension, points) in table.dimensions.iter().zip(points) {
            let entry = self.dimensions.entry(dimension.name.clone()).or_default();
            entry.0 = dimension.full.as_f64();
            entry.1.add(points.as_f64());
        }
    }

    /// Both together.
    pub(super) fn plus(mut self, other: &Self) -> Self {
        self.whole = self.whole.plus(&other.whole);
        self.counts.add(&other.counts);
        for (name, (full, points)) in &other.dimensions {
            let own = self.dimensions.entry(name.clone()).or_default();
            *own = (*full, own.1.plus(points));
        }
        self
    }
}

/// A mean for readers.
pub(super) fn mean(moments: &Moments) -> Mean {
    Mean { num_calls: moments.num, mean: moments.mean(), interval: moments.interval() }
}

/// Everything of one time.
#[derive(Debug)]
pub(super) struct Centre {
    pub(super) cube: Cube,
    pub(super) agents: BTreeMap<Arc<str>, Scores>,
    pub(super) teams: BTreeMap<Arc<str>, Scores>,
    /// The team of most of an agent's calls.
    pub(super) team_of: BTreeMap<Arc<str>, Arc<str>>,
    pub(super) calls: CallQuery,
    /// By rule, the counts of those who are held against each other, added up.
    pools: HashMap<Pool, Vec<Two>>,
}

/// Those who are held against each other. Everybody's counts are added as their own reports tell them, so that taking
/// one's own out leaves exactly the others', also where agents served two teams or passed calls on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Pool {
    /// The agents whose team it is.
    Team(Arc<str>),
    /// All agents.
    Agents,
    /// All teams, and the agents that have none.
    Teams,
}

impl Centre {
    pub(super) fn of(catalog: &Catalog, period: Period, zone: &TimeZone) -> Self {
        let calls = CallQuery { started: period.range(), stages: vec![Stage::Done], ..CallQuery::default() };
        let revisions = Revisions::of(catalog, &calls);
        let (slots, rules) = rule_slots(&revisions, &rules_of_agents());
        let mut cube = Cube::new(rules, 2);
        // Every other day: two halves that know the same of everybody, to see how much counts vary.
        cube.fill(
            catalog,
            &calls,
            &slots,
            &[Group::Agent, Group::Team],
            |_| MIN_CELLS,
            |call| Some(usize::from(local_day(call.started_at, zone) % 2 != 0)),
        );
        let mut centre = Self {
            cube,
            agents: BTreeMap::new(),
            teams: BTreeMap::new(),
            team_of: BTreeMap::new(),
            calls: calls.clone(),
            pools: HashMap::new(),
        };
        let mut served: HashMap<Arc<str>, BTreeMap<Arc<str>, u64>> = HashMap::new();
        for call in catalog.chosen(&calls).filter(|call| call.judgement.is_some()) {
            for (id, part) in parts_by(call, |index| call.agents.get(index)?.agent_id.clone()) {
                centre.agents.entry(id).or_default().add(catalog, &slots, call, &part);
            }
            for (team, part) in parts_by(call, |index| call.agents.get(index)?.team.clone()) {
                centre.teams.entry(team).or_default().add(catalog, &slots, call, &part);
            }
            for agent in &call.agents {
                if let (Some(id), Some(team)) = (&agent.agent_id, &agent.team) {
                    *served.entry(Arc::clone(id)).or_default().entry(Arc::clone(team)).or_default() += 1;
                }
            }
        }
        for (id, teams) in served {
            // Of equal ones the first by name.
            let most = teams.into_iter().rev().max_by_key(|(_, num)| *num);
            if let Some((team, _)) = most {
                centre.team_of.insert(id, team);
            }
        }
        centre.pool(catalog, &slots);
        centre
    }

    /// Adds up the counts of peers.
    fn pool(&mut self, catalog: &Catalog, slots: &Slots) {
        let mut pools: HashMap<Pool, Vec<Two>> = HashMap::new();
        for call in catalog.chosen(&self.calls).filter(|call| call.judgement.is_some()) {
            let mut add = |pool: Pool, part: &Part| {
                let counts = pools.entry(pool).or_insert_with(|| vec![Two::default(); slots.len()]);
                slots.visit(catalog, call, part, |slot, counting| {
                    if let Some(two) = counts.get_mut(slot)
                        && counting.verdict != Verdict::NotApplicable
                    {
                        two.n += 1;
                        two.h += u64::from(counting.verdict == Verdict::Hit);
                    }
                });
            };
            for (id, part) in parts_by(call, |index| call.agents.get(index)?.agent_id.clone()) {
                add(Pool::Agents, &part);
                match self.team_of.get(&id) {
                    Some(team) => add(Pool::Team(Arc::clone(team)), &part),
                    None => add(Pool::Teams, &part),
                }
            }
            for (_, part) in parts_by(call, |index| call.agents.get(index)?.team.clone()) {
                add(Pool::Teams, &part);
            }
        }
        self.pools = pools;
    }

    /// Scores of those whom a subject is held against, without it: as `pools`.
    pub(super) fn others(&self, subject: &Subject) -> Scores {
        let sum = |scores: &mut dyn Iterator<Item = &Scores>| scores.fold(Scores::default(), Scores::plus);
        match subject {
            Some((Group::Agent, id)) => {
                let team = self.team_of.get(id);
                let is_peer =
                    |other: &Arc<str>| other != id && (team.is_none() || self.team_of.get(other) == team);
                let peers = self.agents.iter().filter(|(other, _)| is_peer(other));
                sum(&mut peers.map(|(_, scores)| scores))
            }
            Some((_, team)) => {
                let teams = self.teams.iter().filter(|(other, _)| *other != team);
                let alone = self.agents.iter().filter(|(id, _)| !self.team_of.contains_key(*id));
                sum(&mut teams.chain(alone).map(|(_, scores)| scores))
            }
            None => Scores::default(),
        }
    }

    /// Whom a subject is held against: of an agent with a team the team, else everybody.
    pub(super) fn peers(&self, subject: &Subject) -> Subject {
        match subject {
            Some((Group::Agent, id)) => self.team_of.get(id).map(|team| (Group::Team, Arc::clone(team))),
            _everybody => None,
        }
    }

    /// Own counts of some rules together, and those of the peers without them, each on even days and on odd ones.
    fn counts(&self, subject: &Subject, rules: &[usize]) -> (Two, Two, (Two, Two)) {
        let sum = |place: usize| {
            let counts = rules.iter().map(|rule| self.cube.get(subject, *rule, place));
            counts.fold(Two::default(), Two::plus)
        };
        let halves = (sum(0), sum(1));
        let own = halves.0.plus(halves.1);
        let pool = match (subject, self.peers(subject)) {
            (_, Some((_, team))) => Pool::Team(team),
            (Some((Group::Agent, _)), None) => Pool::Agents,
            (_, None) => Pool::Teams,
        };
        let pool = self.pools.get(&pool);
        let pooled = rules.iter().filter_map(|rule| pool?.get(*rule).copied());
        let others = pooled.fold(Two::default(), Two::plus).minus(own);
        (own, others, halves)
    }

    /// Tests of all subjects of a group, for each list of rules: which have more hits (or fewer) than their peers.
    pub(super) fn tests(&self, group: Group, lists: &[Vec<usize>], fewer: bool) -> (Vec<Test>, u64) {
        let subjects = self.cube.of_group(group);
        let mut members: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for team in self.team_of.values() {
            *members.entry(team).or_default() += 1;
        }
        let (mut tests, mut num_tested) = (Vec::new(), 0);
        for (list, rules) in lists.iter().enumerate() {
            let agents = self.cube.of_group(Group::Agent);
            let spread = dispersion(agents.iter().map(|agent| self.counts(agent, rules).2));
            for subject in &subjects {
                let (own, others, _) = self.counts(subject, rules);
                if own.n < MIN_CHECKED.0 || others.n < MIN_CHECKED.1 || own.h + others.h == 0 {
                    continue;
                }
                num_tested += 1;
                let differs = if fewer { own.rate() < others.rate() } else { own.rate() > others.rate() };
                let p = (own.h + others.h) as f64 / (own.n + others.n) as f64;
                let error = (p * (1.0 - p) * (1.0 / own.n as f64 + 1.0 / others.n as f64) * spread).sqrt();
                // What is nearer is never claimed; the test is counted.
                if !differs || (own.rate() - others.rate()).abs() < 1.5 * error {
                    continue;
                }
                let (one, other) = (own.effective(spread), others.effective(spread));
                let (up, down) = (|two: Two| two, |two: Two| Two { n: two.n, h: two.n - two.h });
                let turn = if fewer { down } else { up };
                let mut p_value = ln_fisher(turn(one), turn(other)).exp();
                if let Some((Group::Team, team)) = subject {
                    let num = members.get(team).copied().unwrap_or_default();
                    p_value = p_value.max(self.clustered_p(team, rules, num, fewer));
                }
                tests.push(Test {
                    subject: (*subject).clone(),
                    list,
                    own,
                    others,
                    spread,
                    p_value,
                    q_value: 1.0,
                });
            }
        }
        let p_values: Vec<f64> = tests.iter().map(|test| test.p_value).collect();
        let q_values = super::stats::benjamini_hochberg(&p_values, num_tested);
        for (test, q) in tests.iter_mut().zip(q_values) {
            test.q_value = q;
        }
        (tests, num_tested)
    }

    /// The p value of a team's difference where agents, not calls, are what varies; 1 with too few agents.
    fn clustered_p(&self, team: &Arc<str>, rules: &[usize], num_agents: usize, fewer: bool) -> f64 {
        if num_agents < MIN_AGENTS {
            return 1.0;
        }
        let clusters: Vec<(Two, Two)> = self
            .cube
            .of_group(Group::Agent)
            .into_iter()
            .map(|subject| {
                let (own, ..) = self.counts(subject, rules);
                let is_own = matches!(subject, Some((_, id)) if self.team_of.get(id) == Some(team));
                if is_own { (Two::default(), own) } else { (own, Two::default()) }
            })
            .collect();
        let Some((difference, error, _)) = clustered(&clusters) else { return 1.0 };
        if error <= 0.0 {
            return if difference == 0.0 { 1.0 } else { 0.0 };
        }
        let t = if fewer { -difference / error } else { difference / error };
        super::stats::t_above(t, (num_agents - 1) as f64)
    }

    /// The agents of a team, or all, by job number, with their places in their teams.
    pub(super) fn members(&self, team: Option<&str>) -> Vec<Member> {
        let in_team = |id: &Arc<str>, team: Option<&str>| {
            team.is_none_or(|team| self.team_of.get(id).is_some_and(|own| **own == *team))
        };
        let agents = self.agents.iter().filter(|(id, _)| in_team(id, team));
        agents
            .map(|(id, scores)| {
                let mut calls = self.calls.clone();
                calls.agents = vec![id.to_string()];
                Member {
                    agent_id: Arc::clone(id),
                    agent_name: self.cube.name(id).cloned(),
                    team: self.team_of.get(id).cloned(),
                    calls: Figure::of(scores.counts, calls, &rules_of_agents()),
                    score: mean(&scores.whole),
                    rank: self.rank(id),
                }
            })
            .collect()
    }

    /// The place of an agent among those of the team with enough calls, by mean score.
    pub(super) fn rank(&self, agent_id: &Arc<str>) -> Option<Rank> {
        let team = self.team_of.get(agent_id)?;
        let enough = |scores: &&Scores| scores.whole.num >= MIN_CALLS;
        let figures = |scores: &Scores| Some((scores.whole.mean()?, scores.whole.interval()?));
        let (own, own_interval) = self.agents.get(agent_id).filter(enough).and_then(figures)?;
        let (mut place, mut best, mut not_worse, mut of) = (1, 1, 0, 1);
        for (id, other_team) in &self.team_of {
            if other_team != team || id == agent_id {
                continue;
            }
            let Some((mean, interval)) = self.agents.get(id).filter(enough).and_then(figures) else {
                continue;
            };
            of += 1;
            place += u32::from(mean > own);
            let is_apart = |low: &Interval, high: &Interval| low.upper < high.lower;
            best += u32::from(is_apart(&own_interval, &interval));
            not_worse += u32::from(is_apart(&interval, &own_interval));
        }
        Some(Rank { place, best, worst: of - not_worse, of })
    }
}

/// A difference from peers that was tested.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) subject: Subject,
    /// Which list of rules.
    pub(super) list: usize,
    pub(super) own: Two,
    pub(super) others: Two,
    /// How many times as much as independent calls counts vary.
    pub(super) spread: f64,
    pub(super) p_value: f64,
    pub(super) q_value: f64,
}

/// The parts of a call by a value of its agents: agents of one value together.
pub(super) fn parts_by(
    call: &CallFacts,
    value: impl Fn(usize) -> Option<Arc<str>>,
) -> impl Iterator<Item = (Arc<str>, Part)> {
    let mut parts: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for index in 0..call.agents.len() {
        if let Some(value) = value(index) {
            parts.entry(value).or_default().push(index);
        }
    }
    parts.into_iter().map(|(value, agents)| (value, Part::Agents(agents)))
}
