//! Makes up a month of a call centre, at the level of text: who called, what was said, and what is true about it.
//!
//! For measuring with a known truth, for filling a store as large as one likes, and for looking at reports without a
//! customer's words. Four things are planted: a team that gets worse at one rule, an agent who is coached and gets better,
//! a topic that breaks out, and a rule that is wrong more often than right. Nothing else changes over the month but chance,
//! so whoever claims anything else claims too much.
//!
//! **Invariant**: a call depends on the seed, its agent, its day and its number alone: the same settings give the same
//! calls, in whatever order they are asked for.

mod people;
mod phrases;
mod plan;
mod talk;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use sha2::{Digest, Sha256};

pub use plan::{Burst, Coaching, Planted, Worsening, WrongRule};

use crate::analysis::WrittenTurn;
use crate::types::{CallId, CallMetadata, Direction, RuleId};
use people::{Agent, Slip};
use phrases::{BURST, SCENARIOS, Scenario};

/// What to make up.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationConfig {
    /// Other seeds give other months.
    pub seed: u64,
    /// Agents, forty to a team.
    pub num_agents: usize,
    /// Days.
    pub num_days: usize,
    /// Calls of an agent on an ordinary working day, on average.
    pub calls_a_day: f64,
    /// The first day.
    pub first_day: Date,
    /// Whether the four things are planted. Without them nothing changes but by chance.
    pub is_planted: bool,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            num_agents: 2_000,
            num_days: 30,
            calls_a_day: 3.0,
            first_day: jiff::civil::date(2026, 6, 1),
            is_planted: true,
        }
    }
}

/// A call that never was.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedCall {
    /// Its name.
    pub id: CallId,
    /// What the telephone system would say about it.
    pub metadata: CallMetadata,
    /// What is said.
    pub turns: Vec<WrittenTurn>,
    /// Rules that are truly broken in it, of those that the simulation breaks on purpose.
    pub broken: Vec<RuleId>,
    /// Rules that hit although nothing is wrong, where the rule is to blame.
    pub wrongly_hit: Vec<RuleId>,
    /// What it is about.
    pub topic: &'static str,
    /// What the customer wants.
    pub demand: &'static str,
}

/// A made-up call centre.
#[derive(Debug, Clone)]
pub struct Simulation {
    config: SimulationConfig,
    agents: Vec<Agent>,
    planted: Option<Planted>,
}

/// A generator for one purpose, which the numbers name.
fn rng(seed: u64, purpose: &[u64]) -> ChaCha8Rng {
    let mut digest = Sha256::new();
    digest.update(seed.to_be_bytes());
    for number in purpose {
        digest.update(number.to_be_bytes());
    }
    ChaCha8Rng::from_seed(digest.finalize().into())
}

/// The hours of a day, by how many call then.
const BY_HOUR: [(i8, f64); 13] = [
    (8, 4.0),
    (9, 10.0),
    (10, 12.0),
    (11, 9.0),
    (12, 5.0),
    (13, 6.0),
    (14, 10.0),
    (15, 11.0),
    (16, 10.0),
    (17, 8.0),
    (18, 6.0),
    (19, 5.0),
    (20, 4.0),
];
/// The days of a week from Monday, against an ordinary working day.
const BY_WEEKDAY: [f64; 7] = [1.15, 1.05, 1.0, 1.0, 0.95, 0.5, 0.4];

impl Simulation {
    /// A call centre by these settings.
    #[must_use]
    pub fn new(config: SimulationConfig) -> Self {
        let agents = people::agents(config.seed, config.num_agents.max(1));
        let planted = config.is_planted.then(|| Planted::among(&agents, config.num_days, config.first_day));
        Self { config, agents, planted }
    }

    /// What is planted.
    #[must_use]
    pub fn planted(&self) -> Option<&Planted> {
        self.planted.as_ref()
    }

    /// How many agents there are.
    #[must_use]
    pub fn num_agents(&self) -> usize {
        self.agents.len()
    }

    /// All calls of a day, counted from 0, by the time they begin.
    #[must_use]
    pub fn day(&self, day: usize) -> Vec<SimulatedCall> {
        let mut calls: Vec<SimulatedCall> =
            (0..self.agents.len()).flat_map(|agent| self.calls_of(agent, day)).collect();
        calls.sort_by(|left, right| {
            let key = |call: &SimulatedCall| (call.metadata.started_at, call.id.clone());
            key(left).cmp(&key(right))
        });
        calls
    }

    fn calls_of(&self, agent: usize, day: usize) -> Vec<SimulatedCall> {
        let Some(known) = self.agents.get(agent) else { return Vec::new() };
        let Ok(date) = self.config.first_day.checked_add(i64::try_from(day).unwrap_or(0).days()) else {
            return Vec::new();
        };
        let mut rng = rng(self.config.seed, &[2, agent as u64, day as u64]);
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
        let mean = self.config.calls_a_day * BY_WEEKDAY.get(weekday).copied().unwrap_or(1.0);
        let number = count(&mut rng, mean);
        (0..number).filter_map(|index| self.call(&mut rng, known, date, day, index)).collect()
    }

    fn call(
        &self,
        rng: &mut ChaCha8Rng,
        agent: &Agent,
        date: Date,
        day: usize,
        index: usize,
    ) -> Option<SimulatedCall> {
        let scenario = self.scenario(rng, day);
        let mut slips = Vec::new();
        for slip in Slip::ALL {
            let possible = match slip {
                Slip::Identity => scenario.needs_identity,
                Slip::HarmlessPromise => scenario.direction == Direction::Inbound,
                Slip::Recording
                | Slip::More
                | Slip::Ending
                | Slip::Impatience
                | Slip::Buck
                | Slip::Silence => true,
            };
            let rate =
                self.planted.as_ref().map_or(agent.rate(slip), |planted| planted.rate(agent, slip, day));
            // Asked in any case, so that what is planted changes nothing else.
            let falls = rng.random_bool(rate.clamp(0.0, 1.0));
            if possible && falls {
                slips.push(slip);
            }
        }
        let month = u32::try_from(date.month()).unwrap_or(1);
        let turns = talk::converse(rng, agent, scenario, month, &slips);
        let hour = pick_weighted(rng, &BY_HOUR)?;
        let time = date.at(hour, rng.random_range(0..60), rng.random_range(0..60), 0);
        let started_at: Timestamp = time.to_zoned(TimeZone::get("Asia/Shanghai").ok()?).ok()?.timestamp();
        let broken = slips.iter().filter_map(|slip| plan::broken_rule(*slip)).collect();
        let is_wrong = slips.contains(&Slip::HarmlessPromise);
        Some(SimulatedCall {
            id: CallId::try_new(format!("sim-{date}-{}-{index}", agent.id)).ok()?,
            metadata: CallMetadata {
                started_at: Some(started_at),
                direction: Some(scenario.direction),
                agent_id: Some(agent.id.clone()),
                agent_name: Some(agent.name.clone()),
                team: Some(agent.team.clone()),
                skill_group: Some(agent.skill_group.to_owned()),
                business: Some(scenario.business.to_owned()),
                product: Some(scenario.product.to_owned()),
                ..CallMetadata::default()
            },
            turns,
            broken,
            wrongly_hit: is_wrong.then(plan::wrong_rule).into_iter().collect(),
            topic: scenario.name,
            demand: scenario.demand,
        })
    }

    fn scenario(&self, rng: &mut ChaCha8Rng, day: usize) -> &'static Scenario {
        let draw = rng.random_range(0.0..1.0);
        let share = self.planted.as_ref().map_or(0.0, |planted| planted.burst_share(day));
        let weights: Vec<(&'static Scenario, f64)> = SCENARIOS.iter().map(|one| (one, one.weight)).collect();
        let ordinary = pick_weighted(rng, &weights).unwrap_or(&BURST);
        if draw < share { &BURST } else { ordinary }
    }
}

/// How many, with `mean` on average: Poisson, by counting arrivals.
fn count(rng: &mut ChaCha8Rng, mean: f64) -> usize {
    let (mut product, mut number) = (1.0_f64, 0);
    let limit = (-mean.clamp(0.0, 50.0)).exp();
    loop {
        product *= rng.random_range(0.0..1.0_f64);
        if product <= limit {
            return number;
        }
        number += 1;
    }
}

fn pick_weighted<T: Copy>(rng: &mut ChaCha8Rng, choices: &[(T, f64)]) -> Option<T> {
    let total: f64 = choices.iter().map(|(_, weight)| weight).sum();
    let mut draw = rng.random_range(0.0..1.0) * total;
    for (choice, weight) in choices {
        draw -= weight;
        if draw < 0.0 {
            return Some(*choice);
        }
    }
    choices.last().map(|(choice, _)| *choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(is_planted: bool) -> Simulation {
        Simulation::new(SimulationConfig { num_agents: 80, is_planted, ..SimulationConfig::default() })
    }

    #[test]
    fn the_same_settings_give_the_same_calls() {
        let (one, other) = (small(true), small(true));
        assert_eq!(one.day(3), other.day(3));
        assert_ne!(one.day(3), one.day(4));
        assert!(one.day(3).len() > 100);
    }

    #[test]
    fn what_is_planted_changes_nothing_else() {
        let (planted, plain) = (small(true), small(false));
        // Before anything begins, the month is the same but for the agent who is to be coached.
        let coached = planted.planted().expect("planted").coaching.agent_id.clone();
        let of_others = |simulation: &Simulation| {
            let calls = simulation.day(2).into_iter();
            calls.filter(|call| call.metadata.agent_id.as_deref() != Some(&coached)).collect::<Vec<_>>()
        };
        assert_eq!(of_others(&planted), of_others(&plain));
    }

    #[test]
    fn what_is_planted_is_there() {
        let simulation = Simulation::new(SimulationConfig { num_agents: 400, ..SimulationConfig::default() });
        let planted = simulation.planted().expect("planted");
        let calls: Vec<(usize, SimulatedCall)> =
            (0..30).flat_map(|day| simulation.day(day).into_iter().map(move |call| (day, call))).collect();
        let rate = |rule: &str, days: std::ops::Range<usize>, of: &dyn Fn(&CallMetadata) -> bool| {
            let chosen = calls.iter().filter(|(day, call)| days.contains(day) && of(&call.metadata));
            let hits: Vec<bool> =
                chosen.map(|(_, call)| call.broken.iter().any(|broken| broken.as_str() == rule)).collect();
            hits.iter().filter(|hit| **hit).count() as f64 / hits.len() as f64
        };
        let worse = &planted.worsening;
        let of_team = |metadata: &CallMetadata| metadata.team.as_deref() == Some(&worse.team);
        let (before, after) = (rate("B04", 0..14, &of_team), rate("B04", 14..30, &of_team));
        assert!(after > 2.0 * before, "{before} {after}");
        let of_agent =
            |metadata: &CallMetadata| metadata.agent_id.as_deref() == Some(&planted.coaching.agent_id);
        let (before, after) = (rate("L02", 0..11, &of_agent), rate("L02", 11..30, &of_agent));
        assert!(before > 0.25 && after < 0.15, "{before} {after}");
        let burst = calls.iter().filter(|(_, call)| call.topic == planted.burst.topic);
        assert!(burst.clone().all(|(day, _)| (20..24).contains(day)));
        assert!(burst.count() > 100);
    }
}
