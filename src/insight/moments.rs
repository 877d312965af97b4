//! Fetches example moments of findings from the store: the only file here that reads from the disk.
//!
//! **Invariant**: what is stored is masked, and nothing of it goes to the log; no guard of the catalog is held while a
//! file is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::people::{AgentReport, Moment, RuleLine, TeamReport};
use super::tally::local_day;
use crate::analysis::{Finding, Verdict};
use crate::catalog::{AgentFacts, CallQuery};
use crate::store::{Store, StoreError};
use crate::types::{CallId, RuleId};

/// Moments of one rule.
const MAX_MOMENTS: usize = 3;
/// Calls that are looked at for them.
const MAX_LOOKED_AT: usize = 24;

/// Adds up to three example moments to every weak rule, of different days where there are. Hold no guard of the catalog.
///
/// # Errors
/// Anything the disk fails with.
pub fn add_moments(store: &Store, report: &mut AgentReport) -> Result<(), StoreError> {
    let whose = Whose::Agent(Arc::clone(&report.agent_id));
    let zone = report.time_zone.clone();
    report.weak.iter_mut().try_for_each(|line| add(store, line, &whose, &zone))
}

/// The same for a team.
///
/// # Errors
/// Anything the disk fails with.
pub fn add_team_moments(store: &Store, report: &mut TeamReport) -> Result<(), StoreError> {
    let whose = Whose::Team(Arc::clone(&report.team));
    let zone = report.time_zone.clone();
    report.weak.iter_mut().try_for_each(|line| add(store, line, &whose, &zone))
}

/// Whose part of a call is quoted.
enum Whose {
    Agent(Arc<str>),
    Team(Arc<str>),
}

impl Whose {
    fn is(&self, agent: &AgentFacts) -> bool {
        match self {
            Self::Agent(id) => agent.agent_id.as_ref() == Some(id),
            Self::Team(team) => agent.team.as_ref() == Some(team),
        }
    }
}

fn add(store: &Store, line: &mut RuleLine, whose: &Whose, zone: &TimeZone) -> Result<(), StoreError> {
    for (id, started_at) in spread(store, &line.own.calls, zone) {
        if line.moments.len() >= MAX_MOMENTS {
            break;
        }
        let finding = match finding(store, &id, &line.rule.id, whose) {
            Ok(Some(finding)) => finding,
            // Deleted, or judged otherwise, meanwhile; or a person's hit that the machine knows no place of.
            Ok(None) | Err(StoreError::NotFound { .. }) => continue,
            Err(error) => return Err(error),
        };
        let place = finding.evidence.first();
        line.moments.push(Moment {
            call_id: id,
            started_at,
            turn: place.map(|place| place.turn),
            at: place.and_then(|place| place.span).map(|span| span.start),
            text: place.map(|place| place.text.clone()).unwrap_or_default(),
            explanation: finding.explanation,
        });
    }
    Ok(())
}

/// Calls of a question, newest first, one of each day before a second one of any.
fn spread(store: &Store, calls: &CallQuery, zone: &TimeZone) -> Vec<(CallId, jiff::Timestamp)> {
    let catalog = store.catalog();
    let mut all: Vec<(jiff::Timestamp, CallId)> =
        catalog.chosen(calls).map(|call| (call.started_at, call.id.clone())).collect();
    drop(catalog);
    all.sort_unstable_by(|left, right| right.cmp(left));
    let mut days = BTreeSet::new();
    let (mut first, later): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(at, _)| days.insert(local_day(*at, zone)));
    first.extend(later);
    first.truncate(MAX_LOOKED_AT);
    first.into_iter().map(|(at, id)| (id, at)).collect()
}

/// The hit of a rule in a call: in the own parts of those whose it is where parts were judged.
fn finding(store: &Store, id: &CallId, rule: &RuleId, whose: &Whose) -> Result<Option<Finding>, StoreError> {
    let is_hit = |finding: &Finding| finding.rule_id == *rule && finding.verdict == Verdict::Hit;
    let agents = store.facts(id)?.map(|facts| facts.agents).unwrap_or_default();
    if agents.iter().any(|agent| agent.own.is_some()) {
        let own: Vec<&str> = agents
            .iter()
            .filter(|agent| whose.is(agent))
            .filter_map(|agent| agent.agent_id.as_deref())
            .collect();
        let parts = store.result(id)?.into_iter().flat_map(|result| result.parts);
        let parts = parts.filter(|part| part.agent_id.as_deref().is_some_and(|id| own.contains(&id)));
        return Ok(parts.flat_map(|part| part.analysis.findings).find(is_hit));
    }
    Ok(store.analysis(id)?.into_iter().flat_map(|analysis| analysis.findings).find(is_hit))
}
