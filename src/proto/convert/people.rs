//! Reports on agents and teams, and improvements, on the wire.

use super::insight::{comparison, figure, interval, key, moment, rule, trend, whole};
use super::{ConvertError, optional_text, timestamp, timestamp_from_wire};
use crate::insight::{
    AgentReport, Effect, Group, Hint, Improvement, Key, Label, Mean, Member, Outcome, Rank, ReviewOutcomes,
    RuleLine, ScoreLine, TeamReport,
};
use crate::proto::v1;
use crate::types::{RuleId, zone_name};

/// Most rules, and names of a kind, of one improvement.
const MAX_ENTRIES: usize = 50;
/// Longest window.
const MAX_DAYS: u32 = 366;
/// Days of a window that is not said.
const DEFAULT_DAYS: u32 = 14;

impl From<&Improvement> for v1::Improvement {
    fn from(one: &Improvement) -> Self {
        Self {
            improvement_id: one.id.clone(),
            title: one.title.clone(),
            rules: one.rules.iter().map(ToString::to_string).collect(),
            agents: one.agents.clone(),
            teams: one.teams.clone(),
            skill_groups: one.skill_groups.clone(),
            action: one.action.clone(),
            at: Some(timestamp(one.at)),
            before_days: one.before_days,
            after_days: one.after_days,
            created_by: one.created_by.clone(),
            created_at: Some(timestamp(one.created_at)),
        }
    }
}

/// An improvement as somebody wrote it down, with the id and the time that the server gives it.
///
/// # Errors
/// [`ConvertError`] that names the field.
pub fn improvement_from_wire(
    wire: v1::Improvement,
    id: String,
    created_at: jiff::Timestamp,
) -> Result<Improvement, ConvertError> {
    let missing = |field: &str, what: &str| ConvertError::new(&format!("improvement.{field}"), what);
    let text = |field: &str, text: String| optional_text(&format!("improvement.{field}"), text);
    for (field, list) in [
        ("rules", &wire.rules),
        ("agents", &wire.agents),
        ("teams", &wire.teams),
        ("skill_groups", &wire.skill_groups),
    ] {
        if list.len() > MAX_ENTRIES || list.iter().any(|one| one.is_empty() || one.chars().count() > 96) {
            let problem = format!("at most {MAX_ENTRIES} entries of 1 to 96 characters");
            return Err(missing(field, &problem));
        }
    }
    let rules = wire
        .rules
        .into_iter()
        .map(|id| RuleId::try_new(id).map_err(|error| missing("rules", &error.to_string())));
    let rules: Vec<RuleId> = rules.collect::<Result<_, _>>()?;
    if rules.is_empty() {
        return Err(missing("rules", "name at least one rule"));
    }
    let days = |field: &str, days: u32| match days {
        0 => Ok(DEFAULT_DAYS),
        1..=MAX_DAYS => Ok(days),
        _too_many => Err(missing(field, "at most 366 days")),
    };
    Ok(Improvement {
        id,
        title: text("title", wire.title)?.ok_or_else(|| missing("title", "say in a few words what it is"))?,
        rules,
        agents: wire.agents,
        teams: wire.teams,
        skill_groups: wire.skill_groups,
        action: text("action", wire.action)?.ok_or_else(|| missing("action", "say what was done"))?,
        at: timestamp_from_wire("improvement.at", wire.at.ok_or_else(|| missing("at", "say when"))?)?,
        before_days: days("before_days", wire.before_days)?,
        after_days: days("after_days", wire.after_days)?,
        created_by: text("created_by", wire.created_by)?.unwrap_or_default(),
        created_at,
    })
}

impl From<&Effect> for v1::ImprovementEffect {
    fn from(effect: &Effect) -> Self {
        let outcome = match effect.outcome {
            Outcome::Improved => v1::ImprovementOutcome::Improved,
            Outcome::NoEvidence => v1::ImprovementOutcome::NoEvidence,
            Outcome::Worse => v1::ImprovementOutcome::Worse,
            Outcome::TooFew => v1::ImprovementOutcome::TooFew,
        };
        Self {
            rules: effect.rules.iter().map(rule).collect(),
            treated: Some(comparison(&effect.treated)),
            others: effect.others.as_ref().map(comparison),
            difference_in_differences: effect.difference_in_differences,
            difference_in_differences_interval: effect.did_interval.map(interval),
            outcome: outcome.into(),
            words: effect.outcome.code().to_owned(),
            cautions: effect.cautions.iter().map(|one| one.label().to_owned()).collect(),
            is_over: effect.is_over,
            // The service knows it.
            time_zone: String::new(),
        }
    }
}

fn mean(mean: &Mean) -> v1::InsightMean {
    v1::InsightMean { num_calls: mean.num_calls, mean: mean.mean, interval: mean.interval.map(interval) }
}

fn score_line(line: &ScoreLine) -> v1::ScoreLine {
    v1::ScoreLine {
        dimension: line.dimension.clone().unwrap_or_default(),
        full: line.full,
        own: Some(mean(&line.own)),
        others: Some(mean(&line.others)),
        past: Some(mean(&line.past)),
        against_others: line.against_others.map(|one| one.0),
        against_others_interval: line.against_others.map(|one| interval(one.1)),
        against_past: line.against_past.map(|one| one.0),
        against_past_interval: line.against_past.map(|one| interval(one.1)),
    }
}

fn rule_line(line: &RuleLine) -> v1::RuleLine {
    v1::RuleLine {
        rule: Some(rule(&line.rule)),
        own: Some(figure(&line.own)),
        others: Some(figure(&line.others)),
        difference: line.difference,
        interval: Some(interval(line.interval)),
        p_value: line.p_value,
        q_value: line.q_value,
        moments: line.moments.iter().map(moment).collect(),
    }
}

fn rank(rank: &Rank) -> v1::Rank {
    v1::Rank { place: rank.place, best: rank.best, worst: rank.worst, of: rank.of }
}

fn label(label: &Label) -> v1::ProfileLabel {
    v1::ProfileLabel {
        label: label.label.clone(),
        rules: label.rules.iter().map(rule).collect(),
        own: Some(figure(&label.own)),
        others: Some(figure(&label.others)),
        ratio: label.ratio,
        p_value: label.p_value,
    }
}

fn hint(hint: &Hint) -> v1::TrainingHint {
    v1::TrainingHint {
        title: hint.title.clone(),
        material: hint.material.clone(),
        text: hint.text.clone(),
        rules: hint.rules.iter().map(rule).collect(),
    }
}

fn reviews(reviews: &ReviewOutcomes) -> v1::ReviewOutcomes {
    v1::ReviewOutcomes {
        num_reviewed: reviews.num_reviewed,
        num_confirmed: reviews.num_confirmed,
        num_rejected: reviews.num_rejected,
        num_added: reviews.num_added,
        num_appealed: reviews.num_appealed,
    }
}

impl From<&Member> for v1::AgentLine {
    fn from(member: &Member) -> Self {
        Self {
            agent_id: member.agent_id.to_string(),
            agent_name: member.agent_name.as_deref().unwrap_or_default().to_owned(),
            team: member.team.as_deref().unwrap_or_default().to_owned(),
            calls: Some(whole(&member.calls)),
            score: Some(mean(&member.score)),
            rank: member.rank.as_ref().map(rank),
        }
    }
}

impl From<&AgentReport> for v1::PeopleReport {
    fn from(report: &AgentReport) -> Self {
        let subject = Key {
            group: Group::Agent,
            value: Some(report.agent_id.clone()),
            name: report.agent_name.clone(),
        };
        Self {
            subject: Some(key(&subject)),
            team: report.team.as_deref().unwrap_or_default().to_owned(),
            from: Some(timestamp(report.period.from)),
            before: Some(timestamp(report.period.before)),
            calls: Some(whole(&report.calls)),
            too_few: report.too_few,
            scores: report.scores.iter().map(score_line).collect(),
            rank: report.rank.as_ref().map(rank),
            weak: report.weak.iter().map(rule_line).collect(),
            strengths: report.strengths.iter().map(rule_line).collect(),
            labels: report.labels.iter().map(label).collect(),
            hints: report.hints.iter().map(hint).collect(),
            reviews: Some(reviews(&report.reviews)),
            trend: report.trend.iter().map(|point| trend(point, &report.calls.calls)).collect(),
            against_past: Some(comparison(&report.against_past)),
            members: Vec::new(),
            statistic: report.statistic.to_owned(),
            time_zone: zone_name(&report.time_zone),
        }
    }
}

impl From<&TeamReport> for v1::PeopleReport {
    fn from(report: &TeamReport) -> Self {
        let subject = Key { group: Group::Team, value: Some(report.team.clone()), name: None };
        Self {
            subject: Some(key(&subject)),
            team: report.team.to_string(),
            from: Some(timestamp(report.period.from)),
            before: Some(timestamp(report.period.before)),
            calls: Some(whole(&report.calls)),
            too_few: report.too_few,
            scores: report.scores.iter().map(score_line).collect(),
            weak: report.weak.iter().map(rule_line).collect(),
            strengths: report.strengths.iter().map(rule_line).collect(),
            reviews: Some(reviews(&report.reviews)),
            trend: report.trend.iter().map(|point| trend(point, &report.calls.calls)).collect(),
            members: report.members.iter().map(Into::into).collect(),
            statistic: report.statistic.to_owned(),
            time_zone: zone_name(&report.time_zone),
            ..Self::default()
        }
    }
}
