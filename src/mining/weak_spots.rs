//! Where scripts and processes are weak: stages in which rules hit, questions after which it is silent or nobody knows,
//! phrases after which customers feel worse.
//!
//! - A silence is long from [`LONG_SILENCE`] on, between an agent's question and whatever comes next.
//! - A customer's turn is for the worse when its mood is negative by the lexicon of `analysis`, or when it complains,
//!   and the customer's turn before was neither. Clauses of the agent between the two precede it.
//! - 不清楚 is an answer of at most twenty characters that says so, or begins with it.
//!
//! A call counts each clause once. **Invariant**: see `clauses` for what stands out.

use std::collections::{BTreeMap, BTreeSet};

use super::clauses::Clauses;
use super::demand::Demand;
use super::input::MinedTurn;
use super::mine::example;
use super::outcome::{Example, RuleSpot, StageSpot, WeakSpots};
use super::reading::Heard;
use super::stage::{self, STAGES, Stage};
use crate::types::{Millis, RuleId, SpeakerRole};

/// The shortest silence that is long.
pub(super) const LONG_SILENCE: Millis = Millis(5_000);
const UNCLEAR: [&str; 14] = [
    "不清楚",
    "不知道",
    "不太清楚",
    "不晓得",
    "不记得",
    "记不清",
    "忘了",
    "说不清",
    "不确定",
    "没听说",
    "不懂",
    "没听懂",
    "什么意思",
    "不了解",
];
const ASKS: [&str; 22] = [
    "？",
    "吗",
    "呢",
    "什么",
    "多少",
    "哪",
    "怎么",
    "几点",
    "几号",
    "几天",
    "谁",
    "是否",
    "是不是",
    "有没有",
    "能不能",
    "请提供",
    "报一下",
    "请说",
    "为什么",
    "多久",
    "贵姓",
    "如何",
];
const MAX_UNCLEAR_CHARS: usize = 20;
/// Shorter clauses are fillers; longer ones nobody says twice.
const CLAUSE_CHARS: std::ops::RangeInclusive<usize> = 4..=24;
const NUM_RULES: usize = 10;
const NUM_EXAMPLES: usize = 3;
/// Rules that are counted; no pack has as many.
const MAX_RULES: usize = 5_000;

#[derive(Debug, Default)]
struct AtRule {
    name: String,
    num_calls: u32,
    examples: Vec<Example>,
}

#[derive(Debug, Default)]
struct AtStage {
    num_turns: u64,
    num_hits: u64,
    rules: BTreeMap<RuleId, AtRule>,
}

#[derive(Debug)]
pub(super) struct WeakSpotCounts {
    stages: BTreeMap<Stage, AtStage>,
    num_hits_nowhere: u64,
    silences: Clauses,
    worse: Clauses,
    unclear_to_customers: Clauses,
    unclear_to_agents: Clauses,
}

impl WeakSpotCounts {
    pub(super) fn new() -> Self {
        Self {
            stages: STAGES.into_iter().map(|stage| (stage, AtStage::default())).collect(),
            num_hits_nowhere: 0,
            silences: Clauses::alike(),
            worse: Clauses::verbatim(),
            unclear_to_customers: Clauses::alike(),
            unclear_to_agents: Clauses::alike(),
        }
    }

    pub(super) fn see(&mut self, heard: &Heard) {
        self.see_hits(heard);
        self.see_questions(heard);
        self.see_moods(heard);
    }

    fn see_hits(&mut self, Heard { call, turns }: &Heard) {
        let demands: Vec<Option<Demand>> = turns.iter().map(|turn| turn.demand).collect();
        let stages = stage::of(&call.turns, &demands);
        for stage in &stages {
            self.stages.entry(*stage).or_default().num_turns += 1;
        }
        let mut seen = BTreeSet::new();
        for hit in &call.hits {
            let turn = hit.turn.and_then(|index| call.turns.iter().position(|turn| turn.index == index));
            let Some((turn, stage)) =
                turn.and_then(|at| Some((call.turns.get(at)?, stages.get(at).copied()?)))
            else {
                self.num_hits_nowhere += 1;
                continue;
            };
            let at_stage = self.stages.entry(stage).or_default();
            at_stage.num_hits += 1;
            if !seen.insert((stage, &hit.rule_id))
                || (at_stage.rules.len() >= MAX_RULES && !at_stage.rules.contains_key(&hit.rule_id))
            {
                continue;
            }
            let rule = at_stage.rules.entry(hit.rule_id.clone()).or_default();
            rule.name.clone_from(&hit.rule_name);
            rule.num_calls += 1;
            if rule.examples.len() < NUM_EXAMPLES {
                rule.examples.push(example(call, turn));
            }
        }
    }

    fn see_questions(&mut self, Heard { call, turns }: &Heard) {
        let (mut silent, mut asked) = (BTreeSet::new(), BTreeSet::new());
        let pairs = call.turns.iter().zip(turns.iter().map(|turn| turn.plain.as_str()));
        for ((turn, said), next) in pairs.clone().zip(pairs.skip(1).map(Some).chain([None])) {
            let Some(question) = question(said) else { continue };
            let here = || example(call, turn);
            if turn.role == SpeakerRole::Agent
                && let Some(silence) = turn.silence_after
                && silent.insert(question)
            {
                let followed = (silence >= LONG_SILENCE).then(|| (Some(silence), here()));
                self.silences.say(question, followed);
            }
            let Some((answer, answered)) = next else { continue };
            let clauses = match (turn.role, answer.role) {
                (SpeakerRole::Agent, SpeakerRole::Customer) => &mut self.unclear_to_customers,
                (SpeakerRole::Customer, SpeakerRole::Agent) => &mut self.unclear_to_agents,
                _ => continue,
            };
            if asked.insert((turn.role == SpeakerRole::Agent, question)) {
                clauses.say(question, is_unclear(answered).then(|| (None, here())));
            }
        }
    }

    fn see_moods(&mut self, Heard { call, turns }: &Heard) {
        let mut before: Option<bool> = None;
        let mut said: Vec<(&str, &MinedTurn)> = Vec::new();
        let mut seen = BTreeSet::new();
        for (turn, heard) in call.turns.iter().zip(turns) {
            match turn.role {
                SpeakerRole::Agent => said.extend(clauses(&heard.plain).map(|clause| (clause, turn))),
                SpeakerRole::Customer => {
                    let is_bad = heard.is_bad;
                    let was_good = before == Some(false);
                    for (clause, at) in said.drain(..) {
                        if was_good && seen.insert(clause) {
                            self.worse.say(clause, is_bad.then(|| (None, example(call, at))));
                        }
                    }
                    before = Some(is_bad);
                }
                SpeakerRole::Bot | SpeakerRole::Unknown => {}
            }
        }
    }

    pub(super) fn spots(self) -> WeakSpots {
        let (turns, hits) =
            self.stages.values().fold((0, 0), |(turns, hits), at| (turns + at.num_turns, hits + at.num_hits));
        let per_thousand =
            |hits: u64, turns: u64| if turns == 0 { 0.0 } else { hits as f64 * 1000.0 / turns as f64 };
        let usual = per_thousand(hits, turns);
        let stages = self.stages.into_iter().map(|(stage, at)| {
            let rate = per_thousand(at.num_hits, at.num_turns);
            let mut rules: Vec<RuleSpot> = at
                .rules
                .into_iter()
                .map(|(rule_id, rule)| RuleSpot {
                    rule_id,
                    rule_name: rule.name,
                    num_calls: rule.num_calls,
                    examples: rule.examples,
                })
                .collect();
            rules.sort_by(|one, other| {
                other.num_calls.cmp(&one.num_calls).then_with(|| one.rule_id.cmp(&other.rule_id))
            });
            rules.truncate(NUM_RULES);
            let lift = if usual > 0.0 { rate / usual } else { 0.0 };
            StageSpot {
                stage,
                num_turns: at.num_turns,
                num_hits: at.num_hits,
                hits_per_thousand: rate,
                lift,
                rules,
            }
        });
        WeakSpots {
            stages: stages.collect(),
            num_hits_nowhere: self.num_hits_nowhere,
            silences: self.silences.spots(true),
            turns_for_the_worse: self.worse.spots(false),
            unclear_to_customers: self.unclear_to_customers.spots(false),
            unclear_to_agents: self.unclear_to_agents.spots(false),
        }
    }
}

/// The clauses of plain text that are neither masked nor too short or long.
fn clauses(plain: &str) -> impl Iterator<Item = &str> {
    plain
        .split(['，', '。', '？', '！'])
        .filter(|clause| CLAUSE_CHARS.contains(&clause.chars().count()) && !clause.contains('*'))
}

/// The last clause of a turn that asks, without its mark.
fn question(plain: &str) -> Option<&str> {
    let sentences: Vec<&str> = plain.split_inclusive(['，', '。', '？', '！']).collect();
    let asks = |clause: &&&str| ASKS.iter().any(|cue| clause.contains(cue));
    let clause = sentences.iter().rev().find(asks)?;
    let clause = clause.trim_end_matches(['，', '。', '？', '！']);
    let is_fit = clause.chars().nth(2).is_some() && !clause.contains('*');
    is_fit.then_some(clause)
}

fn is_unclear(plain: &str) -> bool {
    let is_short = plain.chars().count() <= MAX_UNCLEAR_CHARS;
    UNCLEAR.iter().any(|cue| plain.starts_with(cue) || (is_short && plain.contains(cue)))
}
