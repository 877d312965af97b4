//! Fetches example moments of findings from the store: the only file here that reads from the disk.
//!
//! **Invariant**: what is stored is masked, and nothing of it goes to the log; no guard of the catalog is held while a
//! file is read.

use std::collections::BTreeSet;

use super::people::{AgentReport, Moment, RuleLine, TeamReport};
use crate::analysis::{Finding, Verdict};
use crate::catalog::CallQuery;
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
    let agent = report.agent_id.to_string();
    report.weak.iter_mut().try_for_each(|line| add(store, line, Some(&agent)))
}

/// The same for a team.
///
/// # Errors
/// Anything the disk fails with.
pub fn add_team_moments(store: &Store, report: &mut TeamReport) -> Result<(), StoreError> {
    report.weak.iter_mut().try_for_each(|line| add(store, line, None))
}

fn add(store: &Store, line: &mut RuleLine, agent: Option<&str>) -> Result<(), StoreError> {
    for (id, started_at) in spread(store, &line.own.calls) {
        if line.moments.len() >= MAX_MOMENTS {
            break;
        }
        let finding = match finding(store, &id, &line.rule.id, agent) {
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
fn spread(store: &Store, calls: &CallQuery) -> Vec<(CallId, jiff::Timestamp)> {
    let catalog = store.catalog();
    let mut all: Vec<(jiff::Timestamp, CallId)> =
        catalog.chosen(calls).map(|call| (call.started_at, call.id.clone())).collect();
    drop(catalog);
    all.sort_unstable_by(|left, right| right.cmp(left));
    let mut days = BTreeSet::new();
    let (mut first, later): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(at, _)| days.insert(at.as_second().div_euclid(86_400)));
    first.extend(later);
    first.truncate(MAX_LOOKED_AT);
    first.into_iter().map(|(at, id)| (id, at)).collect()
}

/// The hit of a rule in a call: in the agent's own part where parts were judged.
fn finding(
    store: &Store,
    id: &CallId,
    rule: &RuleId,
    agent: Option<&str>,
) -> Result<Option<Finding>, StoreError> {
    let is_hit = |finding: &Finding| finding.rule_id == *rule && finding.verdict == Verdict::Hit;
    let has_parts =
        store.facts(id)?.is_some_and(|facts| facts.agents.iter().any(|agent| agent.own.is_some()));
    if let Some(agent) = agent.filter(|_| has_parts) {
        let parts = store.result(id)?.into_iter().flat_map(|result| result.parts);
        let own = parts.filter(|part| part.agent_id.as_deref() == Some(agent));
        return Ok(own.flat_map(|part| part.analysis.findings).find(is_hit));
    }
    Ok(store.analysis(id)?.into_iter().flat_map(|analysis| analysis.findings).find(is_hit))
}
