//! Which rules are everybody's problem, and which are that of a few.

use jiff::tz::TimeZone;

use super::cube::{Cube, Days, Source, rule_slots};
use super::hot_spot::Since;
use super::scan::Revisions;
use super::search::since;
use super::stats::{Draw, Two, chi_square_above, gini, homogeneity, top_tenth};
use super::tally::{Clock, Step};
use super::{Figure, Group, Period, RuleRef, rules_of_agents};
use crate::catalog::{CallQuery, Catalog, FindingQuery, Stage};

/// Where to look.
#[derive(Debug, Clone)]
pub struct ProblemQuery {
    /// Over which calls; its time is not looked at.
    pub calls: CallQuery,
    /// Of which rules; its verdicts are not looked at. Without rules and kinds: all but those that only watch.
    pub rules: FindingQuery,
    /// The time.
    pub period: Period,
    /// Where days begin.
    pub time_zone: TimeZone,
    /// Most problems that are told.
    pub max_problems: usize,
}

/// Whose problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// A few agents have most of it: 个别座席.
    Few,
    /// Most have it, about equally: 普遍（先查流程、话术、规则）.
    Many,
    /// Neither.
    Mixed,
    /// Too few hits to say.
    TooFew,
}

impl Spread {
    /// The word for readers.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Few => "集中于个别座席",
            Self::Many => "普遍存在（先查流程、话术与规则）",
            Self::Mixed => "介于两者之间",
            Self::TooFew => "样本不足",
        }
    }
}

/// A rule that many, or a few, break.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The rule.
    pub rule: RuleRef,
    /// Over all agents.
    pub figure: Figure,
    /// Agents with at least one hit.
    pub num_agents_hit: u64,
    /// Agents that were checked.
    pub num_agents_checked: u64,
    /// Share of the hits that the tenth of the agents with most hits has, 0 to 1.
    pub top_share: f64,
    /// The same if every agent had the common rate (mean of simulated draws): chance alone gives that much.
    pub top_share_by_chance: f64,
    /// Gini coefficient of hits over checked agents, 0 (all equal) to 1.
    pub gini: f64,
    /// The same by chance.
    pub gini_by_chance: f64,
    /// p value of Pearson's χ² test that all agents have one rate.
    pub p_value: f64,
    /// Whose problem it is.
    pub spread: Spread,
    /// Since when the rate is as high as it is, with Bonferroni's p value over the rules told; `None` where no rise shows.
    pub since: Option<Since>,
}

/// Fewest hits of which it is said how they are spread.
const MIN_HITS: u64 = 30;
/// Fewest agents of whom it is said.
const MIN_AGENTS: usize = 10;
/// How often equal agents are drawn.
const NUM_DRAWS: u32 = 9;

/// Common problems, by number of agents with a hit.
#[must_use]
pub fn common_problems(catalog: &Catalog, query: &ProblemQuery) -> Vec<Problem> {
    let mut calls = query.calls.clone();
    calls.started = query.period.range();
    calls.stages = vec![Stage::Done];
    let revisions = Revisions::of(catalog, &calls);
    let mut wanted = query.rules.clone();
    if wanted.kinds.is_empty() && wanted.rules.is_empty() {
        // What only watches tells of customers, and is nobody's problem.
        wanted.kinds = rules_of_agents().kinds;
    }
    let (slots, rules) = rule_slots(&revisions, &wanted);
    let mut cube = Cube::new(rules.clone(), 1);
    cube.fill(catalog, &calls, &slots, &[Group::Agent], |_| 1, |_| Some(0));
    let agents = cube.of_group(Group::Agent);
    let mut problems = Vec::new();
    for (index, rule) in cube.rules.iter().enumerate() {
        let cells: Vec<Two> =
            agents.iter().map(|agent| cube.get(agent, index, 0)).filter(|two| two.n > 0).collect();
        let whole = cube.get(&None, index, 0);
        if whole.h == 0 || cells.is_empty() {
            continue;
        }
        problems.push((index, problem(rule, whole, &cells, &calls)));
    }
    problems.sort_by(|(_, left), (_, right)| {
        let key = |one: &Problem| (one.num_agents_hit, one.figure.counts.num_hits);
        key(right).cmp(&key(left)).then_with(|| left.rule.id.cmp(&right.rule.id))
    });
    problems.truncate(query.max_problems);
    // Days only of those that are told.
    let clock = Clock::new(Some(Step::Day), query.time_zone.clone(), calls.started);
    let source = Source { catalog, calls: &calls, slots: &slots };
    let days = Days::of(source, rules, &[], |_| 1, clock, |_| true);
    let num_told = problems.len().max(1) as f64;
    problems
        .into_iter()
        .map(|(index, mut problem)| {
            let since = since(&days.cube.places(&None, index), &days.starts);
            // Bonferroni over the rules that are told.
            problem.since = since
                .map(|since| Since { p_value: (since.p_value * num_told).min(1.0), ..since })
                .filter(Since::is_rise);
            problem
        })
        .collect()
}

fn problem(rule: &RuleRef, whole: Two, cells: &[Two], calls: &CallQuery) -> Problem {
    let sum = cells.iter().fold(Two::default(), |sum, cell| sum.plus(*cell));
    let mut hits: Vec<u64> = cells.iter().map(|cell| cell.h).collect();
    let own_gini = gini(&mut hits);
    let top_share = top_tenth(&hits);
    let mut draw = Draw::new(0xd171_0000 ^ sum.n);
    let (mut gini_sum, mut top_sum) = (0.0, 0.0);
    for _ in 0..NUM_DRAWS {
        let mut drawn: Vec<u64> = cells.iter().map(|cell| draw.binomial(cell.n, sum.rate())).collect();
        gini_sum += gini(&mut drawn);
        top_sum += top_tenth(&drawn);
    }
    let draws = f64::from(NUM_DRAWS);
    let (gini_by_chance, top_by_chance) = (gini_sum / draws, top_sum / draws);
    let p_value = homogeneity(cells).map_or(1.0, |(square, df)| chi_square_above(square, df));
    let num_agents_hit = cells.iter().filter(|cell| cell.h > 0).count();
    let spread = if sum.h < MIN_HITS || cells.len() < MIN_AGENTS {
        Spread::TooFew
    } else if p_value < 0.001 && top_share - top_by_chance >= 0.15 {
        Spread::Few
    } else if 2 * num_agents_hit >= cells.len() && top_share - top_by_chance < 0.08 {
        Spread::Many
    } else {
        Spread::Mixed
    };
    Problem {
        rule: rule.clone(),
        figure: Figure::of_rule(whole, calls.clone(), &rule.id),
        num_agents_hit: num_agents_hit as u64,
        num_agents_checked: cells.len() as u64,
        top_share,
        top_share_by_chance: top_by_chance,
        gini: own_gini,
        gini_by_chance,
        p_value,
        spread,
        since: None,
    }
}
