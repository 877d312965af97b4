//! Figures over many calls on the wire.

use std::sync::Arc;

use super::{CallChoice, ConvertError, call_choice, duration, filter_to_wire, known, timestamp};
use crate::catalog::{CallQuery, FindingQuery};
use crate::insight::{
    Bucket, Cell, Comparison, Counts, Figure, Group, HotSpot, Interval, Key, Moment, Problem, RuleRef, Since,
    Spread, Step, Tally, TrendPoint,
};
use crate::proto::v1;

/// The calls of a filter, and the rules that are counted in them: those that it names do not choose calls, unless it asks
/// for verdicts.
///
/// # Errors
/// [`ConvertError`] that names the field.
pub fn scope_from_wire(wire: v1::CallFilter) -> Result<(CallQuery, FindingQuery), ConvertError> {
    let CallChoice { query: mut calls, text } = call_choice(wire)?;
    if text.is_some() {
        return Err(ConvertError::new("scope.text", "figures are not counted by what was said"));
    }
    let rules = FindingQuery { verdicts: Vec::new(), machine_verdicts: Vec::new(), ..calls.finding.clone() };
    if calls.finding.verdicts.is_empty() && calls.finding.machine_verdicts.is_empty() {
        calls.finding = FindingQuery::default();
    }
    Ok((calls, rules))
}

/// The groups in field `field`.
///
/// # Errors
/// [`ConvertError`] for one that is not known.
pub fn groups_from_wire(field: &str, wire: &[i32]) -> Result<Vec<Group>, ConvertError> {
    let group = |value: &i32| match known(field, *value)? {
        v1::InsightGroup::Unspecified => Err(ConvertError::new(field, "say by what")),
        v1::InsightGroup::Rule => Ok(Group::Rule),
        v1::InsightGroup::Dimension => Ok(Group::Dimension),
        v1::InsightGroup::Level => Ok(Group::Level),
        v1::InsightGroup::Agent => Ok(Group::Agent),
        v1::InsightGroup::Team => Ok(Group::Team),
        v1::InsightGroup::SkillGroup => Ok(Group::SkillGroup),
        v1::InsightGroup::Business => Ok(Group::Business),
        v1::InsightGroup::Product => Ok(Group::Product),
        v1::InsightGroup::Topic => Ok(Group::Topic),
        v1::InsightGroup::Demand => Ok(Group::Demand),
        v1::InsightGroup::Direction => Ok(Group::Direction),
    };
    wire.iter().map(group).collect()
}

fn group(group: Group) -> v1::InsightGroup {
    match group {
        Group::Rule => v1::InsightGroup::Rule,
        Group::Dimension => v1::InsightGroup::Dimension,
        Group::Level => v1::InsightGroup::Level,
        Group::Agent => v1::InsightGroup::Agent,
        Group::Team => v1::InsightGroup::Team,
        Group::SkillGroup => v1::InsightGroup::SkillGroup,
        Group::Business => v1::InsightGroup::Business,
        Group::Product => v1::InsightGroup::Product,
        Group::Topic => v1::InsightGroup::Topic,
        Group::Demand => v1::InsightGroup::Demand,
        Group::Direction => v1::InsightGroup::Direction,
    }
}

/// The step in field `step`.
///
/// # Errors
/// [`ConvertError`] for one that is not known.
pub fn step_from_wire(wire: i32) -> Result<Option<Step>, ConvertError> {
    Ok(match known("step", wire)? {
        v1::InsightStep::Unspecified => None,
        v1::InsightStep::Hour => Some(Step::Hour),
        v1::InsightStep::Day => Some(Step::Day),
        v1::InsightStep::Week => Some(Step::Week),
        v1::InsightStep::Month => Some(Step::Month),
    })
}

/// A number with its calls, of which only what was checked is counted: the machine's own verdicts are not told.
#[must_use]
pub(super) fn figure(figure: &Figure) -> v1::InsightFigure {
    v1::InsightFigure { machine_checked: None, machine_hits: None, ..whole(figure) }
}

/// A number over all verdicts with its calls.
#[must_use]
pub(super) fn whole(figure: &Figure) -> v1::InsightFigure {
    counts(&figure.counts, &figure.calls)
}

fn counts(counts: &Counts, calls: &CallQuery) -> v1::InsightFigure {
    v1::InsightFigure {
        num_calls: counts.num_calls,
        num_calls_hit: counts.num_calls_hit,
        num_checked: counts.num_checked,
        num_hits: counts.num_hits,
        num_not_applicable: counts.num_not_applicable,
        machine_checked: Some(counts.machine_checked),
        machine_hits: Some(counts.machine_hits),
        rate: counts.rate(),
        interval: counts.interval().map(interval),
        calls: Some(filter_to_wire(calls)),
    }
}

/// From a value to a value.
#[must_use]
pub(super) fn interval(interval: Interval) -> v1::InsightInterval {
    v1::InsightInterval { lower: interval.lower, upper: interval.upper }
}

/// One of what a group tells apart.
#[must_use]
pub(super) fn key(key: &Key) -> v1::InsightKey {
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    v1::InsightKey { group: group(key.group).into(), value: text(&key.value), name: text(&key.name) }
}

/// A rule.
#[must_use]
pub(super) fn rule(rule: &RuleRef) -> v1::InsightRule {
    v1::InsightRule {
        rule_id: rule.id.as_str().to_owned(),
        name: rule.name.clone(),
        dimension: rule.dimension.clone(),
    }
}

/// Two rates and what lies between them.
#[must_use]
pub(super) fn comparison(comparison: &Comparison) -> v1::RateComparison {
    v1::RateComparison {
        before: Some(figure(&comparison.before)),
        after: Some(figure(&comparison.after)),
        difference: comparison.difference,
        interval: comparison.interval.map(interval),
        method: comparison.method.to_owned(),
    }
}

fn since(since: &Since) -> v1::InsightSince {
    v1::InsightSince {
        day: Some(timestamp(since.day)),
        earliest: Some(timestamp(since.earliest)),
        latest: Some(timestamp(since.latest)),
        p_value: since.p_value,
        before: since.before,
        after: since.after,
    }
}

/// A tally.
#[must_use]
pub fn tally(tally: &Tally) -> v1::QueryMetricsResponse {
    let revisions = tally.revisions.iter().map(|one| v1::InsightRevision {
        scheme: one.scheme.clone(),
        revision: one.revision.clone(),
        first_call_at: Some(timestamp(one.first_call_at)),
        last_call_at: Some(timestamp(one.last_call_at)),
        num_calls: one.num_calls,
    });
    v1::QueryMetricsResponse {
        cells: tally.cells.iter().map(cell).collect(),
        total: Some(counts(&tally.total, &tally.calls)),
        revisions: revisions.collect(),
        // The service knows it.
        time_zone: String::new(),
    }
}

fn cell(cell: &Cell) -> v1::InsightCell {
    v1::InsightCell {
        keys: cell.keys.iter().map(key).collect(),
        figure: Some(counts(&cell.counts, &cell.calls)),
        num_calls_hit: cell.counts.num_calls_hit,
        num_scored: cell.num_scored,
        mean_score: cell.mean_score,
        others_rate: cell.others.rate(),
        others_mean_score: cell.others_mean_score,
        ..bucket(cell.bucket)
    }
}

fn bucket(bucket: Option<Bucket>) -> v1::InsightCell {
    v1::InsightCell {
        start: bucket.map(|bucket| timestamp(bucket.start)),
        end: bucket.map(|bucket| timestamp(bucket.end)),
        is_partial: bucket.is_some_and(|bucket| bucket.is_partial),
        ..v1::InsightCell::default()
    }
}

/// A week of a report on somebody, whose calls `own` chooses.
#[must_use]
pub(super) fn trend(point: &TrendPoint, own: &CallQuery) -> v1::InsightCell {
    let mut calls = own.clone();
    let (start, end) = (point.bucket.start, point.bucket.end);
    calls.started.from = Some(calls.started.from.map_or(start, |from| from.max(start)));
    calls.started.before = Some(calls.started.before.map_or(end, |before| before.min(end)));
    if point.counts.num_hits == 0 {
        calls.finding = FindingQuery::default();
    }
    v1::InsightCell {
        figure: Some(counts(&point.counts, &calls)),
        num_calls_hit: point.counts.num_calls_hit,
        mean_score: point.mean_score,
        others_rate: point.others.rate(),
        others_mean_score: point.others_mean_score,
        ..bucket(Some(point.bucket))
    }
}

impl From<&HotSpot> for v1::HotSpot {
    fn from(spot: &HotSpot) -> Self {
        Self {
            rule: Some(rule(&spot.rule)),
            subject: spot.subject.as_ref().map(key),
            window: Some(figure(&spot.window)),
            baseline: Some(figure(&spot.baseline)),
            rise: spot.rise,
            rise_interval: Some(interval(spot.rise_interval)),
            ratio: spot.ratio,
            dispersion: spot.dispersion,
            p_value: spot.p_value,
            q_value: spot.q_value,
            is_claimed: spot.is_claimed,
            part_of: spot.part_of.and_then(|place| u32::try_from(place).ok()),
            since: spot.since.as_ref().map(since),
            parts: Vec::new(),
        }
    }
}

impl From<&Problem> for v1::CommonProblem {
    fn from(problem: &Problem) -> Self {
        let spread = match problem.spread {
            Spread::Few => v1::ProblemSpread::Few,
            Spread::Many => v1::ProblemSpread::Many,
            Spread::Mixed => v1::ProblemSpread::Mixed,
            Spread::TooFew => v1::ProblemSpread::TooFew,
        };
        Self {
            rule: Some(rule(&problem.rule)),
            figure: Some(figure(&problem.figure)),
            num_agents_hit: problem.num_agents_hit,
            num_agents_checked: problem.num_agents_checked,
            top_share: problem.top_share,
            top_share_by_chance: problem.top_share_by_chance,
            gini: problem.gini,
            gini_by_chance: problem.gini_by_chance,
            p_value: problem.p_value,
            spread: spread.into(),
            since: problem.since.as_ref().map(since),
        }
    }
}

/// A moment to listen to.
#[must_use]
pub(super) fn moment(moment: &Moment) -> v1::InsightMoment {
    v1::InsightMoment {
        call_id: moment.call_id.as_str().to_owned(),
        started_at: Some(timestamp(moment.started_at)),
        turn: moment.turn,
        at: moment.at.map(duration),
        text: moment.text.clone(),
        explanation: moment.explanation.clone(),
    }
}
