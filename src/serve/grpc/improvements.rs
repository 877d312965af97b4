//! Improvements as documents of the store, each told with its effect as of now.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::insight::next_token;
use crate::archive::Jobs;
use crate::catalog::{AgentFacts, CallQuery, Catalog};
use crate::insight::{Improvement, Period, effect, snapshot};
use crate::proto::{ConvertError, convert, v1};
use crate::serve::error::RequestError;
use crate::store::{Family, Readable, Store, Writes};
use crate::types::{RuleId, zone_name};

/// Most improvements that are kept.
const MAX_IMPROVEMENTS: usize = 10_000;
/// Names that are told when another one is not known.
const MAX_NAMED: usize = 20;
/// How far ahead of the clock an improvement may lie: clocks and zones differ.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Reading one and writing what it becomes excludes itself. One server, one lock.
static CHANGING: Mutex<()> = Mutex::new(());

type Told = (v1::Improvement, v1::ImprovementEffect);

pub(super) fn create(jobs: &Jobs, wire: v1::Improvement, zone: &TimeZone) -> Result<Told, RequestError> {
    let store = jobs.calls().store();
    // OK after a panic elsewhere: the lock guards no data.
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    if all(store)?.0.len() >= MAX_IMPROVEMENTS {
        let problem = format!("{MAX_IMPROVEMENTS} improvements are kept: delete some");
        return Err(ConvertError::new("improvement", problem).into());
    }
    let now = Timestamp::now();
    let mut number = now.as_microsecond();
    let mut id = format!("imp-{number:x}");
    while store.document::<Improvement>(Family::Improvement, id.as_bytes())?.is_some() {
        number += 1;
        id = format!("imp-{number:x}");
    }
    keep(jobs, convert::improvement_from_wire(wire, id, now)?, None, zone)
}

pub(super) fn get(jobs: &Jobs, id: &str, zone: &TimeZone) -> Result<Told, RequestError> {
    let store = jobs.calls().store();
    let one = find(store, id)?;
    Ok(tell(&snapshot(store, one.span()), &one, zone))
}

pub(super) fn list(
    jobs: &Jobs,
    first: usize,
    size: usize,
    zone: &TimeZone,
) -> Result<v1::ListImprovementsResponse, RequestError> {
    let store = jobs.calls().store();
    let (all, num_damaged) = all(store)?;
    let page = || all.iter().skip(first).take(size);
    // One copy for all of them, so that no writer waits while they are counted.
    let spans = page().map(Improvement::span);
    let whole =
        spans.reduce(|sum, one| Period { from: sum.from.min(one.from), before: sum.before.max(one.before) });
    let rows = whole.map(|whole| snapshot(store, whole)).unwrap_or_default();
    let told = page().map(|one| {
        let (improvement, effect) = tell(&rows, one, zone);
        v1::ImprovementWithEffect { improvement: Some(improvement), effect: Some(effect) }
    });
    Ok(v1::ListImprovementsResponse {
        improvements: told.collect(),
        next_page_token: next_token(first, size, all.len()),
        num_damaged,
    })
}

pub(super) fn update(
    jobs: &Jobs,
    wire: v1::Improvement,
    mask: &[String],
    zone: &TimeZone,
) -> Result<Told, RequestError> {
    let store = jobs.calls().store();
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let old = find(store, &wire.improvement_id)?;
    let mut new = v1::Improvement::from(&old);
    let fields = [
        "title",
        "rules",
        "agents",
        "teams",
        "skill_groups",
        "action",
        "at",
        "before_days",
        "after_days",
        "created_by",
    ];
    let paths: Vec<&str> =
        if mask.is_empty() { fields.to_vec() } else { mask.iter().map(String::as_str).collect() };
    for path in paths {
        match path {
            "title" => new.title.clone_from(&wire.title),
            "rules" => new.rules.clone_from(&wire.rules),
            "agents" => new.agents.clone_from(&wire.agents),
            "teams" => new.teams.clone_from(&wire.teams),
            "skill_groups" => new.skill_groups.clone_from(&wire.skill_groups),
            "action" => new.action.clone_from(&wire.action),
            "at" => new.at = wire.at,
            "before_days" => new.before_days = wire.before_days,
            "after_days" => new.after_days = wire.after_days,
            "created_by" => new.created_by.clone_from(&wire.created_by),
            other => {
                let problem = format!("`{other}` cannot be changed: one of {}", fields.join(", "));
                return Err(ConvertError::new("update_mask", problem).into());
            }
        }
    }
    let new = convert::improvement_from_wire(new, old.id.clone(), old.created_at)?;
    keep(jobs, new, Some(&old), zone)
}

pub(super) fn delete(jobs: &Jobs, id: &str) -> Result<(), RequestError> {
    let store = jobs.calls().store();
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    find(store, id)?;
    let mut writes = Writes::default();
    writes.remove(Family::Improvement, id.as_bytes());
    Ok(store.write(writes)?)
}

fn find(store: &Store, id: &str) -> Result<Improvement, RequestError> {
    let found = store.document(Family::Improvement, id.as_bytes())?;
    found.ok_or_else(|| RequestError::NoImprovement { id: id.to_owned() })
}

/// All of them that can be read, newest first, and how many cannot.
fn all(store: &Store) -> Result<(Vec<Improvement>, u64), RequestError> {
    let found: Readable<Improvement> =
        store.documents_readable(Family::Improvement, &[], None, MAX_IMPROVEMENTS)?;
    let num_damaged = found.damaged.len() as u64;
    let mut all: Vec<Improvement> = found.documents.into_iter().map(|(_, one)| one).collect();
    all.sort_by(|left, right| (right.created_at, &right.id).cmp(&(left.created_at, &left.id)));
    Ok((all, num_damaged))
}

/// Keeps `one`, which becomes of `old`: what that had is not looked at again.
fn keep(
    jobs: &Jobs,
    one: Improvement,
    old: Option<&Improvement>,
    zone: &TimeZone,
) -> Result<Told, RequestError> {
    let (store, rules) = (jobs.calls().store(), jobs.calls().rules());
    {
        let catalog = store.catalog();
        let is_known = |id: &RuleId| {
            rules.rules().any(|rule| rule.id == *id)
                || catalog.tables().any(|table| table.position(id).is_some())
        };
        if let Some(unknown) = one.rules.iter().find(|id| !is_known(id)) {
            let problem = format!("there is no rule `{unknown}`, now or in any revision that judged");
            return Err(ConvertError::new("improvement.rules", problem).into());
        }
        people_are_known(&catalog, &one, old)?;
    }
    let is_ahead = one.at > Timestamp::now().checked_add(MAX_AHEAD).unwrap_or(Timestamp::MAX);
    if is_ahead && old.is_none_or(|old| old.at != one.at) {
        let problem = "it lies ahead: write an improvement down when it has been done";
        return Err(ConvertError::new("improvement.at", problem).into());
    }
    let mut writes = Writes::default();
    writes.put(Family::Improvement, one.id.as_bytes(), &one)?;
    store.write(writes)?;
    Ok(tell(&snapshot(store, one.span()), &one, zone))
}

/// Refuses an agent, a team or a skill group that no call has: everything that is counted of it would be nothing.
fn people_are_known(
    catalog: &Catalog,
    one: &Improvement,
    old: Option<&Improvement>,
) -> Result<(), ConvertError> {
    type Choose = fn(&mut CallQuery, String);
    type Name = fn(&AgentFacts) -> Option<&Arc<str>>;
    type Kind<'a> = (&'a str, &'a str, &'a [String], &'a [String], Choose, Name);
    let nobody: &[String] = &[];
    let kinds: [Kind<'_>; 3] = [
        (
            "agents",
            "agent",
            &one.agents,
            old.map_or(nobody, |old| &old.agents),
            |calls, id| calls.agents.push(id),
            |agent| agent.agent_id.as_ref(),
        ),
        (
            "teams",
            "team",
            &one.teams,
            old.map_or(nobody, |old| &old.teams),
            |calls, id| calls.teams.push(id),
            |agent| agent.team.as_ref(),
        ),
        (
            "skill_groups",
            "skill group",
            &one.skill_groups,
            old.map_or(nobody, |old| &old.skill_groups),
            |calls, id| calls.skill_groups.push(id),
            |agent| agent.skill_group.as_ref(),
        ),
    ];
    for (field, what, wanted, known, choose, name) in kinds {
        for id in wanted.iter().filter(|id| !known.contains(id)) {
            let mut calls = CallQuery::default();
            choose(&mut calls, id.clone());
            if catalog.chosen(&calls).next().is_some() {
                continue;
            }
            let all: BTreeSet<&str> = catalog
                .calls()
                .flat_map(|call| &call.agents)
                .filter_map(|agent| name(agent).map(|id| &**id))
                .collect();
            let more = if all.len() > MAX_NAMED {
                format!(" and {} more", all.len() - MAX_NAMED)
            } else {
                String::new()
            };
            let some: Vec<&str> = all.into_iter().take(MAX_NAMED).collect();
            let there_are = if some.is_empty() { "no call has any".to_owned() } else { some.join(", ") };
            let problem = format!("no call has {what} `{id}`; there are: {there_are}{more}");
            return Err(ConvertError::new(&format!("improvement.{field}"), problem));
        }
    }
    Ok(())
}

fn tell(rows: &Catalog, one: &Improvement, zone: &TimeZone) -> Told {
    let effect = effect(rows, one, zone, Timestamp::now());
    (one.into(), v1::ImprovementEffect { time_zone: zone_name(zone), ..(&effect).into() })
}
