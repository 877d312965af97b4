//! Months of calls with a known truth, for tests.

use std::sync::Arc;

use jiff::Timestamp;

use super::Period;
use super::stats::Draw;
use crate::analysis::{Level, RuleKind, Verdict};
use crate::catalog::{
    AgentFacts, Annotations, CallFacts, Catalog, DimensionInfo, Judgement, RuleInfo, RuleTable, Stage,
};
use crate::types::{CallId, Media, RuleId, Score};

pub(super) const DAY: i64 = 86_400;
/// 2026-11-02, a Monday.
pub(super) const START: i64 = 1_793_577_600;

/// A month to be made.
#[derive(Debug, Clone)]
pub(super) struct Month {
    pub(super) num_agents: usize,
    pub(super) agents_a_team: usize,
    pub(super) num_rules: usize,
    pub(super) num_days: i64,
    pub(super) calls_a_day: usize,
    pub(super) seed: u64,
    /// How much agents differ: each has the common rate times 1 plus or minus this.
    pub(super) spread: f64,
    /// How much each agent's rate moves from day to day, likewise.
    pub(super) moods: f64,
}

impl Default for Month {
    fn default() -> Self {
        Self {
            num_agents: 40,
            agents_a_team: 10,
            num_rules: 12,
            num_days: 28,
            calls_a_day: 2,
            seed: 1,
            spread: 0.6,
            moods: 0.0,
        }
    }
}

/// Who and when, for what is planted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) rule: usize,
    pub(super) agent: usize,
    pub(super) team: usize,
    pub(super) day: i64,
}

pub(super) fn rule_name(rule: usize) -> String {
    format!("R{rule:02}")
}

pub(super) fn rule_id(rule: usize) -> RuleId {
    RuleId::try_new(rule_name(rule)).unwrap()
}

pub(super) fn at(day: i64) -> Timestamp {
    Timestamp::from_second(START + day * DAY).unwrap()
}

pub(super) fn days(from: i64, before: i64) -> Period {
    Period { from: at(from), before: at(before) }
}

pub(super) fn table(num_rules: usize, revision: &str) -> RuleTable {
    let dimension = |name: &str| DimensionInfo { name: name.to_owned(), full: Score::from_points(50) };
    RuleTable {
        scheme: "made".to_owned(),
        revision: revision.to_owned(),
        full: Score::from_points(100),
        dimensions: vec![dimension("甲"), dimension("乙")],
        rules: (0..num_rules)
            .map(|rule| RuleInfo {
                id: rule_id(rule),
                name: format!("规则{rule}"),
                kind: RuleKind::Required,
                level: if rule % 3 == 0 { Level::S2 } else { Level::S4 },
                dimension: if rule % 2 == 0 { "甲" } else { "乙" }.to_owned(),
            })
            .collect(),
    }
}

/// One judged call of one agent.
pub(super) fn call(
    number: u32,
    table: &RuleTable,
    verdicts: &[Option<Verdict>],
    agent: AgentFacts,
) -> CallFacts {
    let num_hits = verdicts.iter().filter(|verdict| **verdict == Some(Verdict::Hit)).count();
    let lost = i32::try_from(num_hits.min(50)).unwrap();
    CallFacts {
        number,
        change: u64::from(number) + 1,
        id: CallId::try_new(format!("c{number:06}")).unwrap(),
        received_at: at(0),
        started_at: at(0),
        duration: None,
        stage: Stage::Done,
        media: Media::Voice,
        direction: None,
        business: None,
        product: Some(["甲产品", "乙产品", "丙产品"][number as usize % 3].into()),
        agents: vec![agent],
        result: 1,
        judgement: Some(Judgement {
            table: table.id(),
            verdicts: verdicts.iter().copied().collect(),
            score: Some(Score::from_points(100 - lost)),
            vetoed: false,
            dimensions: vec![Score::from_points(50 - lost), Score::from_points(50)].into(),
        }),
        annotations: Annotations::default(),
    }
}

pub(super) fn agent(index: usize, team: usize) -> AgentFacts {
    AgentFacts {
        agent_id: Some(format!("a{index:04}").into()),
        agent_name: Some(format!("座席{index}").into()),
        team: Some(format!("t{team:02}").into()),
        skill_group: Some(Arc::from(if index.is_multiple_of(2) { "偶" } else { "奇" })),
        own: None,
    }
}

impl Month {
    /// Its calls; `rate` gives the chance of a hit where the month's own would be the number given.
    pub(super) fn make(&self, rate: impl Fn(Place, f64) -> f64) -> Catalog {
        let mut draw = Draw::new(self.seed);
        let mut catalog = Catalog::default();
        let table = table(self.num_rules, "1-made");
        catalog.add_table(table.clone());
        let spread = |draw: &mut Draw, by: f64| 1.0 + by * (2.0 * draw.unit() - 1.0);
        let own: Vec<f64> =
            (0..self.num_agents * self.num_rules).map(|_| spread(&mut draw, self.spread)).collect();
        let mut number = 0;
        for index in 0..self.num_agents {
            let team = index / self.agents_a_team;
            for day in 0..self.num_days {
                let mood = spread(&mut draw, self.moods);
                for call_of_day in 0..self.calls_a_day {
                    let verdicts: Vec<Option<Verdict>> = (0..self.num_rules)
                        .map(|rule| {
                            let common = [0.02, 0.05, 0.1, 0.2][rule % 4];
                            let mine = common * own[index * self.num_rules + rule] * mood;
                            let place = Place { rule, agent: index, team, day };
                            let chance = rate(place, mine);
                            // One verdict of five cannot be judged.
                            Some(match draw.unit() {
                                unit if unit < 0.2 => Verdict::NotApplicable,
                                _ if draw.unit() < chance => Verdict::Hit,
                                _ => Verdict::Miss,
                            })
                        })
                        .collect();
                    let mut call = call(number, &table, &verdicts, agent(index, team));
                    let second = 8 * 3600 + i64::try_from(call_of_day).unwrap() * 600;
                    call.started_at = Timestamp::from_second(START + day * DAY + second).unwrap();
                    catalog.put(call);
                    number += 1;
                }
            }
        }
        catalog
    }
}
