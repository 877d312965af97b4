//! Turns how agents' rates moved between two times into how much more than independent calls counts vary by nature.
//!
//! **Invariant**: a rise never measures itself: the agents of a subject say nothing about its own dispersion, what all
//! moved by together is taken out, and a rule with few agents is told mostly by the other rules.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Group;
use super::cube::{Cube, Subject};
use super::scan::{agent_value, agents_of};
use super::stats::{Two, homogeneity};
use crate::catalog::{CallQuery, Catalog};

/// As many agents as the other rules together count for.
const PRIOR: f64 = 20.0;
/// Fewest agents of a rule that helps to tell the typical dispersion.
const MIN_AGENTS: usize = 10;
/// Most that one agent says, χ² of one degree of freedom at p = 0.001: a few real changes must not hide others.
const MOST: f64 = 10.83;

/// How an agent's rate of one rule moved.
struct Change {
    agent: Arc<str>,
    /// About the log odds ratio (score statistic over its variance).
    moved: f64,
    /// One over its variance, of independent calls.
    weight: f64,
}

impl Change {
    fn of(agent: &Arc<str>, window: Two, baseline: Two) -> Option<Self> {
        let both = window.plus(baseline);
        if window.n == 0 || baseline.n == 0 || both.h == 0 || both.h == both.n {
            return None;
        }
        let (p, n) = (both.rate(), both.n as f64);
        let variance = p * (1.0 - p);
        // Given the margins, χ² of independent calls is N / (N - 1) in the mean.
        let weight = variance / (1.0 / window.n as f64 + 1.0 / baseline.n as f64) * (n - 1.0) / n;
        Some(Self { agent: Arc::clone(agent), moved: (window.rate() - baseline.rate()) / variance, weight })
    }

    fn square(&self, common: f64) -> f64 {
        (self.weight * (self.moved - common).powi(2)).min(MOST)
    }
}

/// Some agents together: what they moved by in common, and the sum of χ² around it.
#[derive(Clone, Copy)]
struct Around {
    common: f64,
    sum: f64,
    num: usize,
}

impl Around {
    fn of<'a>(changes: impl Iterator<Item = &'a Change> + Clone) -> Self {
        let (weight, moved, num) = changes
            .clone()
            .fold((0.0, 0.0, 0), |sum, one| (sum.0 + one.weight, sum.1 + one.weight * one.moved, sum.2 + 1));
        let common = if weight > 0.0 { moved / weight } else { 0.0 };
        Self { common, sum: changes.map(|one| one.square(common)).sum(), num }
    }

    fn df(self) -> f64 {
        self.num.saturating_sub(1) as f64
    }

    fn shrunk(self, typical: f64) -> f64 {
        ((self.sum + PRIOR * typical) / (self.df() + PRIOR)).max(1.0)
    }
}

/// Dispersions of rules, by subject.
pub(super) struct Spreads {
    changes: Vec<Vec<Change>>,
    /// By rule, of days before the window: of teams, and of all calls.
    days: Vec<(f64, f64)>,
    /// The teams and skill groups of agents.
    homes: HashMap<Arc<str>, BTreeSet<(Group, Arc<str>)>>,
    typical: f64,
    known: HashMap<(usize, Subject), Around>,
}

impl Spreads {
    /// `cube` has window and baseline at its places 0 and 1; `days` has at its first `num_days` places the days before the window.
    pub(super) fn of(
        catalog: &Catalog,
        calls: &CallQuery,
        cube: &Cube,
        days: &Cube,
        num_days: usize,
    ) -> Self {
        let agents = cube.of_group(Group::Agent);
        let mut homes: HashMap<Arc<str>, BTreeSet<(Group, Arc<str>)>> = HashMap::new();
        for call in catalog.chosen(calls) {
            for index in agents_of(calls, call) {
                let Some(id) = agent_value(Group::Agent, call, index) else { continue };
                for group in [Group::Team, Group::SkillGroup] {
                    if let Some(value) = agent_value(group, call, index) {
                        let own = homes.entry(Arc::clone(&id)).or_default();
                        own.insert((group, value));
                    }
                }
            }
        }
        let changes: Vec<Vec<Change>> = (0..cube.rules.len())
            .map(|rule| {
                let of = |agent: &&Subject| {
                    let (_, id) = agent.as_ref()?;
                    Change::of(id, cube.get(agent, rule, 0), cube.get(agent, rule, 1))
                };
                agents.iter().filter_map(of).collect()
            })
            .collect();
        let enough = changes.iter().filter(|agents| agents.len() >= MIN_AGENTS);
        let mut all: Vec<f64> = enough
            .map(|agents| {
                let around = Around::of(agents.iter());
                around.sum / around.df()
            })
            .collect();
        all.sort_by(f64::total_cmp);
        let typical = all.get(all.len() / 2).copied().unwrap_or(1.0).max(1.0);
        let teams = days.of_group(Group::Team);
        let by_day = |subject: &Subject, rule: usize| {
            let mut cells = days.places(subject, rule);
            cells.truncate(num_days);
            homogeneity(&cells)
        };
        let mean = |parts: Vec<(f64, f64)>| {
            let (square, df) = parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
            if df < 6.0 { 1.0 } else { (square / df).max(1.0) }
        };
        let of_days = |rule: usize| {
            let teams = mean(teams.iter().filter_map(|team| by_day(team, rule)).collect());
            (teams, mean(by_day(&None, rule).into_iter().collect()))
        };
        let days = (0..cube.rules.len()).map(of_days).collect();
        Self { changes, days, homes, typical, known: HashMap::new() }
    }

    /// How many times as much as independent calls the counts of a rule vary, for a subject.
    pub(super) fn of_subject(&mut self, rule: usize, subject: &Subject) -> f64 {
        let (teams, all) = self.days.get(rule).copied().unwrap_or((1.0, 1.0));
        match subject {
            Some((Group::Agent, id)) => self.of_agent(rule, id),
            Some((Group::Team | Group::SkillGroup, _)) => {
                self.outside(rule, subject).shrunk(self.typical).max(teams)
            }
            Some(_of_calls) => self.outside(rule, &None).shrunk(self.typical).max(teams),
            None => self.outside(rule, &None).shrunk(self.typical).max(teams).max(all),
        }
    }

    /// Of agents outside the team; of all others where there is none.
    fn of_agent(&mut self, rule: usize, id: &Arc<str>) -> f64 {
        let homes = self.homes.get(id);
        let team = homes.and_then(|homes| homes.iter().find(|home| home.0 == Group::Team)).cloned();
        let mut around = self.outside(rule, &team);
        if team.is_none() {
            let changes = self.changes.get(rule).map_or(&[][..], Vec::as_slice);
            if let Some(own) = changes.iter().find(|change| change.agent == *id) {
                around.sum -= own.square(around.common);
                around.num -= 1;
            }
        }
        around.shrunk(self.typical)
    }

    /// The agents that are not of `home`.
    fn outside(&mut self, rule: usize, home: &Subject) -> Around {
        let key = (rule, home.clone());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let changes = self.changes.get(rule).map_or(&[][..], Vec::as_slice);
        let is_inside = |change: &&Change| {
            let homes = self.homes.get(&change.agent);
            home.as_ref().is_some_and(|home| homes.is_some_and(|homes| homes.contains(home)))
        };
        let found = Around::of(changes.iter().filter(|change| !is_inside(change)));
        self.known.insert(key, found);
        found
    }
}
