//! Makes the reports on agents and teams.
//!
//! **Invariant**: weak rules and labels are tested for every agent of the centre, whoever the report is on, so that two
//! thousand reports together claim no more by chance than one.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::centre::{Centre, MIN_CALLS, MIN_DIFFERENCE, MIN_RATIO, Scores, Test, mean, parts_by};
use super::cube::Subject;
use super::improvement::Sample;
use super::people::{
    AgentReport, Hint, Label, Member, ReviewOutcomes, RuleLine, ScoreLine, TeamReport, TrendPoint,
};
use super::scan::{Part, Revisions, Slots};
use super::stats::{Two, newcombe};
use super::tally::{Step, TallyQuery, local_day, tally};
use super::{Comparison, Counts, Evidence, Figure, Group, Period, RuleRef, rules_of_agents};
use crate::analysis::{RuleSet, Verdict};
use crate::catalog::{CallQuery, Catalog, FindingQuery, ReviewState};

/// What reports on people need.
#[derive(Debug, Clone)]
pub struct ReportQuery {
    /// The time.
    pub period: Period,
    /// The time before that is held against it.
    pub past: Period,
    /// Where days and weeks begin.
    pub time_zone: TimeZone,
}

impl ReportQuery {
    /// Against the time before: of whole months as many months, else as long a time.
    #[must_use]
    pub fn new(period: Period, time_zone: TimeZone) -> Self {
        let past = months_before(period, &time_zone).unwrap_or_else(|| {
            let earlier =
                period.from.as_second().saturating_sub(period.before.duration_since(period.from).as_secs());
            let from = Timestamp::from_second(earlier).unwrap_or(Timestamp::MIN);
            Period { from, before: period.from }
        });
        Self { period, past, time_zone }
    }

    /// From the first to the last moment that is looked at.
    #[must_use]
    pub fn span(&self) -> Period {
        let (one, other) = (self.period, self.past);
        Period { from: one.from.min(other.from), before: one.before.max(other.before) }
    }
}

/// As many months before as `period` is whole ones of; `None` when it is not.
fn months_before(period: Period, zone: &TimeZone) -> Option<Period> {
    let first_of_month = |at: Timestamp| {
        let local = at.to_zoned(zone.clone());
        (local.day() == 1 && local.start_of_day().ok()?.timestamp() == at).then_some(local)
    };
    let (from, before) = (first_of_month(period.from)?, first_of_month(period.before)?);
    let months = |at: &jiff::Zoned| i64::from(at.year()) * 12 + i64::from(at.month());
    let num = months(&before) - months(&from);
    let day = from.date().checked_sub(jiff::Span::new().try_months(num).ok()?).ok()?;
    let earlier = day.to_zoned(zone.clone()).ok()?.timestamp();
    (num > 0).then_some(Period { from: earlier, before: period.from })
}

const AGENT_STATISTIC: &str = "弱项与强项：Fisher 精确检验（单侧，本人对本班组其他人），计数先除以离散系数（各座席单双日之差的 Pearson χ² 均值），Benjamini–Hochberg 按全中心所有座席×规则控制错误发现率 5%，且相差至少 3 个百分点、1.3 倍；区间为 Newcombe 95%；得分比较为 Welch t 区间 95%（逐通）";
const TEAM_STATISTIC: &str = "弱项与强项：Fisher 精确检验与按座席聚类的稳健 t 检验取较大 p 值（本班组对中心其他人），Benjamini–Hochberg 按全中心所有班组×规则控制错误发现率 5%，且相差至少 3 个百分点、1.3 倍；区间为 Newcombe 95%；得分比较为 Welch t 区间 95%（逐通）";

/// Most weak rules, and strengths, that a report tells.
const MAX_LINES: usize = 10;

/// The report on an agent, without example moments (see `moments`); `None` when the agent has no judged call in the time.
#[must_use]
pub fn agent_report(
    catalog: &Catalog,
    rules: &RuleSet,
    agent_id: &str,
    query: &ReportQuery,
) -> Option<AgentReport> {
    let centre = Centre::of(catalog, query.period, &query.time_zone);
    let (id, own) = centre.agents.get_key_value(agent_id)?;
    let id = Arc::clone(id);
    let team = centre.team_of.get(&id).cloned();
    let subject: Subject = Some((Group::Agent, Arc::clone(&id)));
    let mut report = Report::new(catalog, &centre, query, subject.clone());
    let too_few = own.counts.num_calls < MIN_CALLS;
    let (mut weak, mut strengths, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    if !too_few {
        weak = report.lines(false);
        strengths = report.lines(true);
        labels = report.labels(rules);
    }
    let hints = hints(rules, &weak, &labels);
    let mut within = centre.calls.clone();
    within.teams.extend(team.iter().map(ToString::to_string));
    Some(AgentReport {
        agent_name: centre.cube.name(&id).cloned(),
        period: query.period,
        time_zone: query.time_zone.clone(),
        calls: report.whole(own),
        too_few,
        scores: report.scores(own, &centre.others(&subject)),
        rank: centre.rank(&id),
        weak,
        strengths,
        labels,
        hints,
        reviews: report.reviews(),
        trend: report.trend(within, Group::Agent, &id),
        against_past: report.against_past(),
        statistic: AGENT_STATISTIC,
        agent_id: id,
        team,
    })
}

/// The report on a team; `None` when it has no judged call in the time.
#[must_use]
pub fn team_report(catalog: &Catalog, team: &str, query: &ReportQuery) -> Option<TeamReport> {
    let centre = Centre::of(catalog, query.period, &query.time_zone);
    let (team, own) = centre.teams.get_key_value(team)?;
    let team = Arc::clone(team);
    let subject: Subject = Some((Group::Team, Arc::clone(&team)));
    let mut report = Report::new(catalog, &centre, query, subject.clone());
    let too_few = own.counts.num_calls < MIN_CALLS;
    let (weak, strengths) =
        if too_few { (Vec::new(), Vec::new()) } else { (report.lines(false), report.lines(true)) };
    Some(TeamReport {
        period: query.period,
        time_zone: query.time_zone.clone(),
        calls: report.whole(own),
        too_few,
        scores: report.scores(own, &centre.others(&subject)),
        weak,
        strengths,
        reviews: report.reviews(),
        trend: report.trend(centre.calls.clone(), Group::Team, &team),
        members: centre.members(Some(&team)),
        statistic: TEAM_STATISTIC,
        team,
    })
}

/// All agents, by job number.
#[must_use]
pub fn agents(catalog: &Catalog, query: &ReportQuery) -> Vec<Member> {
    Centre::of(catalog, query.period, &query.time_zone).members(None)
}

/// A report in the making.
struct Report<'a> {
    catalog: &'a Catalog,
    centre: &'a Centre,
    query: &'a ReportQuery,
    subject: Subject,
    /// Scores and counts of the time before.
    past: Scores,
    sample: Sample,
    /// Chooses the subject's calls.
    own_calls: CallQuery,
}

impl<'a> Report<'a> {
    fn new(catalog: &'a Catalog, centre: &'a Centre, query: &'a ReportQuery, subject: Subject) -> Self {
        let mut own_calls = centre.calls.clone();
        match &subject {
            Some((Group::Team, team)) => own_calls.teams = vec![team.to_string()],
            Some((_, agent)) => own_calls.agents = vec![agent.to_string()],
            None => {}
        }
        let mut report = Self {
            catalog,
            centre,
            query,
            subject,
            past: Scores::default(),
            sample: Sample::default(),
            own_calls,
        };
        report.look_back();
        report
    }

    fn look_back(&mut self) {
        let calls = CallQuery { started: self.query.span().range(), ..self.own_calls.clone() };
        let revisions = Revisions::of(self.catalog, &calls);
        let slots = Slots::new(&revisions, &rules_of_agents(), &[]);
        for call in self.catalog.chosen(&calls).filter(|call| call.judgement.is_some()) {
            let is_past = self.query.past.contains(call.started_at);
            if !is_past && !self.query.period.contains(call.started_at) {
                continue;
            }
            let Some(part) = self.part(call) else { continue };
            let counts = Counts::of_call(|count| {
                slots.visit(self.catalog, call, &part, |_, counting| count(counting))
            });
            if is_past {
                self.past.add(self.catalog, &slots, call, &part);
            }
            let agent = call.agents.first().and_then(|agent| agent.agent_id.clone());
            let day = local_day(call.started_at, &self.query.time_zone);
            self.sample.add(agent, day, !is_past, &counts);
        }
    }

    /// The subject's part of a call.
    fn part(&self, call: &crate::catalog::CallFacts) -> Option<Part> {
        let (group, wanted) = self.subject.as_ref()?;
        let value = |index: usize| super::scan::agent_value(*group, call, index);
        parts_by(call, value).find(|(value, _)| value == wanted).map(|(_, part)| part)
    }

    fn whole(&self, own: &Scores) -> Figure {
        Figure::of(own.counts, self.own_calls.clone(), &rules_of_agents())
    }

    fn scores(&self, own: &Scores, others: &Scores) -> Vec<ScoreLine> {
        let line = |dimension: Option<&String>| {
            let of = |scores: &Scores| match dimension {
                None => scores.whole,
                Some(name) => scores.dimensions.get(name).map(|one| one.1).unwrap_or_default(),
            };
            let full = match dimension {
                None => own.dimensions.values().map(|one| one.0).sum(),
                Some(name) => own.dimensions.get(name).map_or(0.0, |one| one.0),
            };
            let (own, others, past) = (of(own), of(others), of(&self.past));
            ScoreLine {
                dimension: dimension.cloned(),
                full,
                own: mean(&own),
                others: mean(&others),
                past: mean(&past),
                against_others: own.against(&others),
                against_past: own.against(&past),
            }
        };
        std::iter::once(line(None)).chain(own.dimensions.keys().map(|name| line(Some(name)))).collect()
    }

    /// Rules in which the subject differs from the peers, strongest first.
    fn lines(&mut self, fewer: bool) -> Vec<RuleLine> {
        let group = self.subject.as_ref().map_or(Group::Agent, |subject| subject.0);
        let lists: Vec<Vec<usize>> = (0..self.centre.cube.rules.len()).map(|rule| vec![rule]).collect();
        let (tests, _) = self.centre.tests(group, &lists, fewer);
        let matters = |test: &Test| {
            let (own, others) = (test.own.rate(), test.others.rate());
            let (high, low) = if fewer { (others, own) } else { (own, others) };
            high - low >= MIN_DIFFERENCE && high >= MIN_RATIO * low && test.q_value <= 0.05
        };
        let mut own: Vec<Test> =
            tests.into_iter().filter(|test| test.subject == self.subject && matters(test)).collect();
        own.sort_by(|left, right| left.p_value.total_cmp(&right.p_value).then(left.list.cmp(&right.list)));
        own.truncate(MAX_LINES);
        own.into_iter().filter_map(|test| self.line(&test)).collect()
    }

    fn line(&self, test: &Test) -> Option<RuleLine> {
        let rule = self.centre.cube.rules.get(test.list)?.clone();
        Some(RuleLine {
            own: Figure::of_rule(test.own, self.calls_of(true), &rule.id),
            others: Figure::of_rule(test.others, self.calls_of(false), &rule.id),
            difference: test.own.rate() - test.others.rate(),
            interval: newcombe(test.own.effective(test.spread), test.others.effective(test.spread)),
            p_value: test.p_value,
            q_value: test.q_value,
            moments: Vec::new(),
            rule,
        })
    }

    /// The calls behind a figure; those of the others are their team's, the subject's among them, because no question lists
    /// all but some, nor the calls of whoever is in a team mostly.
    fn calls_of(&self, is_own: bool) -> CallQuery {
        let mut calls = if is_own { self.own_calls.clone() } else { self.centre.calls.clone() };
        if !is_own && let Some((Group::Team, team)) = self.centre.peers(&self.subject) {
            calls.teams = vec![team.to_string()];
        }
        calls
    }

    /// What some rules together came to, checked and hit as often as was tested. One call may have several of their hits,
    /// so that calls are looked at once more.
    fn together(&self, rules: &[RuleRef], tested: Two, is_own: bool) -> Figure {
        // What peers did for other teams was tested as well.
        let calls = if is_own { &self.own_calls } else { &self.centre.calls };
        let wanted = rules.iter().map(|rule| rule.id.clone()).collect();
        let wanted = FindingQuery { rules: wanted, ..rules_of_agents() };
        let slots = Slots::new(&Revisions::of(self.catalog, calls), &wanted, &[]);
        let peers = self.centre.peers(&self.subject);
        let is_other = |id: &Arc<str>| {
            let is_own = matches!(&self.subject, Some((Group::Agent, own)) if own == id);
            let team = peers.as_ref().map(|(_, team)| team);
            !is_own && (team.is_none() || self.centre.team_of.get(id) == team)
        };
        let mut counts = Counts { num_checked: tested.n, num_hits: tested.h, ..Counts::default() };
        for call in self.catalog.chosen(calls).filter(|call| call.judgement.is_some()) {
            let mut one = Counts::default();
            let mut count =
                |part: &Part| slots.visit(self.catalog, call, part, |_, counting| one.count(counting));
            if is_own {
                self.part(call).iter().for_each(count);
            } else {
                let parts = parts_by(call, |index| super::scan::agent_value(Group::Agent, call, index));
                parts.filter(|(id, _)| is_other(id)).for_each(|(_, part)| count(&part));
            }
            counts.num_calls += u64::from(one.num_checked > 0);
            counts.num_calls_hit += u64::from(one.num_hits > 0);
        }
        Figure::of_checked(counts, self.calls_of(is_own), &wanted)
    }

    fn labels(&self, rules: &RuleSet) -> Vec<Label> {
        let cube = &self.centre.cube;
        let lists: Vec<Vec<usize>> = rules
            .profiles()
            .iter()
            .map(|profile| {
                let all = cube.rules.iter().enumerate();
                all.filter(|(_, rule)| profile.rules.contains(&rule.id)).map(|(index, _)| index).collect()
            })
            .collect();
        let (tests, _) = self.centre.tests(Group::Agent, &lists, false);
        let mut labels = Vec::new();
        for test in tests.into_iter().filter(|test| test.subject == self.subject) {
            let (Some(profile), Some(list)) = (rules.profiles().get(test.list), lists.get(test.list)) else {
                continue;
            };
            let (own, others) = (test.own.rate(), test.others.rate());
            let is_given = test.q_value <= 0.05
                && test.own.n >= u64::from(profile.min_checked)
                && own - others >= profile.min_rise
                && own >= profile.min_ratio * others;
            if !is_given {
                continue;
            }
            let refs: Vec<RuleRef> =
                list.iter().filter_map(|index| cube.rules.get(*index).cloned()).collect();
            labels.push(Label {
                label: profile.label.clone(),
                own: self.together(&refs, test.own, true),
                others: self.together(&refs, test.others, false),
                rules: refs,
                ratio: (others > 0.0).then(|| own / others),
                p_value: test.p_value,
                evidence: Evidence::Clear,
            });
        }
        labels
            .sort_by(|left, right| left.p_value.total_cmp(&right.p_value).then(left.label.cmp(&right.label)));
        labels
    }

    fn reviews(&self) -> ReviewOutcomes {
        let mut outcomes = ReviewOutcomes::default();
        for call in self.catalog.chosen(&self.own_calls) {
            let (Some(review), Some(part)) = (&call.annotations.review, self.part(call)) else { continue };
            outcomes.num_reviewed +=
                u64::from(matches!(review.state, ReviewState::Reviewed | ReviewState::Closed));
            outcomes.num_appealed += u64::from(review.state == ReviewState::Appealed);
            let Some((judgement, is_own)) = part.judgements(call).next() else { continue };
            let Some(table) = self.catalog.table(judgement.table) else { continue };
            for decided in &review.finals {
                let machine =
                    table.position(&decided.rule_id).and_then(|index| judgement.verdicts.get(index));
                match (machine == Some(Verdict::Hit), decided.verdict == Verdict::Hit) {
                    (true, true) => outcomes.num_confirmed += 1,
                    (true, false) => outcomes.num_rejected += 1,
                    // Of several agents nobody knows whose it is.
                    (false, true) => outcomes.num_added += u64::from(!is_own),
                    (false, false) => {}
                }
            }
        }
        outcomes
    }

    /// By week, within the calls of `calls`.
    fn trend(&self, calls: CallQuery, group: Group, own: &str) -> Vec<TrendPoint> {
        let query = TallyQuery {
            calls,
            rules: rules_of_agents(),
            group_by: vec![group],
            step: Some(Step::Week),
            time_zone: self.query.time_zone.clone(),
        };
        let Ok(tally) = tally(self.catalog, &query) else { return Vec::new() };
        let is_own = |cell: &super::Cell| cell.keys.first().and_then(|key| key.value.as_deref()) == Some(own);
        let cells = tally.cells.into_iter().filter(is_own);
        cells
            .filter_map(|cell| {
                Some(TrendPoint {
                    bucket: cell.bucket?,
                    counts: cell.counts,
                    mean_score: cell.mean_score,
                    others_mean_score: cell.others_mean_score,
                    others: cell.others,
                })
            })
            .collect()
    }

    fn against_past(&self) -> Comparison {
        self.sample.compare(self.own_calls.clone(), &rules_of_agents(), self.query.past, self.query.period).0
    }
}

/// Training for weak rules and for the rules of labels.
fn hints(rules: &RuleSet, weak: &[RuleLine], labels: &[Label]) -> Vec<Hint> {
    let mut wanted: Vec<&RuleRef> = weak.iter().map(|line| &line.rule).collect();
    if wanted.is_empty() {
        wanted = labels.iter().flat_map(|label| &label.rules).collect();
    }
    let mut hints = Vec::new();
    for training in rules.training() {
        let mut own: Vec<RuleRef> = wanted
            .iter()
            .filter(|rule| training.rules.contains(&rule.id))
            .map(|rule| (*rule).clone())
            .collect();
        own.dedup_by(|left, right| left.id == right.id);
        if !own.is_empty() {
            hints.push(Hint {
                title: training.title.clone(),
                material: training.material.clone(),
                text: training.text.clone(),
                rules: own,
            });
        }
    }
    hints
}
