//! Asks for figures and writes a report of them.
//!
//! **Invariant**: the catalog of the store is held while calls are copied out of it, never while figures are counted or a
//! call is read; all figures of a report are of the same calls.

mod alerts;
mod centre;
mod coverage;
mod pass;
#[cfg(test)]
mod pass_tests;
mod people;
mod person;
mod review;
mod rule;
mod rules;
mod topics;
mod weak_spots;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::ReportError;
use super::model::{Report, Scope, Section};
use super::moment;
use super::period::{Period, Unit};
use crate::analysis::{RuleSet, Verdict};
use crate::catalog::{
    CallFacts, CallQuery, Catalog, FindingQuery, Judgement, RuleInfo, RuleTable, TableId, TimeRange,
};
use crate::insight::{self, AgentReport, TeamReport};
use crate::store::Store;
use crate::types::RuleId;
use pass::Pass;

/// What every part of a report is made from.
struct Ground<'a> {
    catalog: &'a Catalog,
    rules: &'a RuleSet,
    /// Every rule as it was last.
    infos: BTreeMap<RuleId, RuleInfo>,
    scope: &'a Scope,
    period: &'a Period,
    previous: Period,
    now: Pass,
    before: Pass,
}

impl Ground<'_> {
    /// The calls of the scope in a range.
    fn calls(&self, started: TimeRange) -> CallQuery {
        calls(self.scope, started)
    }

    /// The calls of the scope in the period.
    fn current(&self) -> CallQuery {
        self.calls(self.period.range())
    }

    /// The calls of the scope in the period before.
    fn past(&self) -> CallQuery {
        self.calls(self.previous.range())
    }

    fn zone(&self) -> TimeZone {
        self.period.zone().clone()
    }

    /// The period as figures have it; `None` at the ends of the calendar.
    fn window(&self) -> Option<insight::Period> {
        window(self.period.range())
    }

    /// What rates of the period are held against: the four days or weeks before, or the month.
    fn baseline(&self) -> Option<insight::Period> {
        window(TimeRange { from: baseline_start(self.period), before: self.period.range().from })
    }
}

fn window(range: TimeRange) -> Option<insight::Period> {
    Some(insight::Period { from: range.from?, before: range.before? })
}

fn baseline_start(period: &Period) -> Option<jiff::Timestamp> {
    let num_periods = match period.unit() {
        Unit::Day => 14,
        Unit::Week => 4,
        Unit::Month => 1,
    };
    let first = (0..num_periods).fold(period.clone(), |period, _| period.previous());
    first.range().from
}

/// When the calls began whose facts the fingerprint of a report is of.
fn facts_range(period: &Period) -> TimeRange {
    TimeRange { from: baseline_start(period), before: period.range().before }
}

/// Rules of agents, whatever they came to.
fn of_agents() -> FindingQuery {
    insight::rules_of_agents()
}

fn calls(scope: &Scope, started: TimeRange) -> CallQuery {
    let mut query = CallQuery { started, ..CallQuery::default() };
    match scope {
        Scope::Centre => {}
        Scope::Team(team) => query.teams.push(team.clone()),
        Scope::Agent(agent) => query.agents.push(agent.clone()),
        Scope::Rule(rule) => {
            query.finding.rules.push(rule.clone());
            query.finding.verdicts = vec![Verdict::Hit, Verdict::Miss, Verdict::NotApplicable];
        }
    }
    query
}

/// A report whose figures are counted and whose examples are not fetched yet.
struct Draft {
    report: Report,
    agent: Option<AgentReport>,
    team: Option<TeamReport>,
}

/// Makes a report of the calls that `store` has.
///
/// # Errors
/// [`ReportError::Unknown`] when no call ever had this team, agent or rule; [`ReportError::Store`].
pub fn make(store: &Store, rules: &RuleSet, scope: &Scope, period: &Period) -> Result<Report, ReportError> {
    let snapshot = Snapshot::of(store, scope, period)?;
    let mut draft = draft(&snapshot, rules, scope, period);
    coverage::add_reasons(store, &snapshot.catalog, &mut draft.report)?;
    let weak_spots = weak_spots::section(store, &snapshot.catalog, scope, period)?;
    drop(snapshot);
    if let Some(agent) = &mut draft.agent {
        insight::add_moments(store, agent)?;
        person::add_weak(&mut draft.report, &agent.weak, agent.too_few);
    }
    if let Some(team) = &mut draft.team {
        insight::add_team_moments(store, team)?;
        person::add_weak(&mut draft.report, &team.weak, team.too_few);
    }
    moment::fill(store, &mut draft.report)?;
    for section in weak_spots.into_iter().chain(alerts::section(store, scope, period)?) {
        let at = draft.report.sections.len().saturating_sub(1);
        // Before what could not be judged, which ends every report.
        draft.report.sections.insert(at, section);
    }
    Ok(draft.report)
}

/// What both give, each worked out on a core of its own where there is one.
fn beside<T: Send, U>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> U) -> (T, U) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The calls that a report looks at, apart from the store: counting takes seconds, and writers of the store do not wait
/// for it. About half a kilobyte for each.
struct Snapshot {
    catalog: Catalog,
    /// The last time at which any call of the store came in or began.
    newest: Option<jiff::Timestamp>,
}

impl Snapshot {
    /// The calls of the period and of all times that it is held against.
    fn of(store: &Store, scope: &Scope, period: &Period) -> Result<Self, ReportError> {
        let whole = store.catalog();
        let known = calls(scope, TimeRange::default());
        if *scope != Scope::Centre && whole.chosen(&known).next().is_none() {
            return Err(ReportError::Unknown { kind: scope.kind(), id: scope.id().to_owned() });
        }
        let range = period.range();
        let as_long_before = window(range).and_then(|window| {
            let length = window.before.duration_since(window.from);
            window.from.checked_sub(length).ok()
        });
        let starts = [baseline_start(period), period.previous().range().from, as_long_before];
        let started = TimeRange { from: starts.into_iter().flatten().min(), before: range.before };
        let mut catalog = Catalog::default();
        let query = CallQuery { started, ..CallQuery::default() };
        let copied: Vec<CallFacts> = whole.chosen(&query).cloned().collect();
        // Only those that judged one of these calls: a rule that is renamed later keeps its name here.
        let tables: BTreeSet<TableId> =
            copied.iter().flat_map(judgements).map(|judgement| judgement.table).collect();
        for table in tables.iter().filter_map(|id| whole.table(*id)) {
            catalog.add_table(RuleTable::clone(table));
        }
        let newest = whole.calls().map(|call| call.started_at).max();
        // Filing them in the indexes takes longer than copying.
        drop(whole);
        copied.into_iter().for_each(|call| catalog.put(call));
        Ok(Self { catalog, newest })
    }
}

/// Everything that a call was judged as: the whole, and the own parts of its agents.
fn judgements(call: &CallFacts) -> impl Iterator<Item = &Judgement> {
    call.judgement.iter().chain(call.agents.iter().filter_map(|agent| agent.own.as_ref()))
}

/// Every rule as the table has it that judged the last of the calls that it is in.
fn infos(catalog: &Catalog) -> BTreeMap<RuleId, RuleInfo> {
    let mut last: BTreeMap<TableId, jiff::Timestamp> = BTreeMap::new();
    for call in catalog.calls() {
        for judgement in judgements(call) {
            let at = last.entry(judgement.table).or_insert(call.started_at);
            *at = (*at).max(call.started_at);
        }
    }
    let mut tables: Vec<(jiff::Timestamp, TableId)> = last.into_iter().map(|(id, at)| (at, id)).collect();
    tables.sort_unstable();
    let rules = tables.iter().filter_map(|(_, id)| catalog.table(*id)).flat_map(|table| &table.rules);
    rules.map(|rule| (rule.id.clone(), rule.clone())).collect()
}

fn draft(snapshot: &Snapshot, rules: &RuleSet, scope: &Scope, period: &Period) -> Draft {
    let Snapshot { catalog, newest } = snapshot;
    let previous = period.previous();
    let (now, before) =
        beside(|| pass::over(catalog, scope, period), || pass::over(catalog, scope, &previous));
    let ground = Ground { catalog, rules, infos: infos(catalog), scope, period, previous, now, before };
    let (mut agent, mut team) = (None, None);
    let sections = || match scope {
        Scope::Centre => centre::sections(&ground),
        Scope::Team(name) => {
            let (parts, made) = people::team(&ground, name);
            team = made;
            parts
        }
        Scope::Agent(id) => {
            let (parts, made) = people::agent(&ground, id);
            agent = made;
            parts
        }
        Scope::Rule(id) => rule::sections(&ground, id),
    };
    let (basis, (subject, summary, sections)) = beside(|| pass::basis(&ground, *newest), sections);
    let report = Report {
        title: format!("{}质检{}", title(scope), period.report_name()),
        subject,
        scope: scope.clone(),
        period: period.clone(),
        num_calls: ground.now.num_calls,
        basis,
        summary,
        sections,
        definitions: words::definitions(period),
    };
    Draft { report, agent, team }
}

fn title(scope: &Scope) -> &'static str {
    match scope {
        Scope::Centre => "中心",
        Scope::Team(_) => "班组",
        Scope::Agent(_) => "座席",
        Scope::Rule(_) => "规则",
    }
}

/// What a report says: its subject, its summary and its sections.
type Parts = (String, Vec<String>, Vec<Section>);
