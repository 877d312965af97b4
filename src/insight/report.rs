//! Makes the reports on agents and teams.

use jiff::tz::TimeZone;

use super::people::{AgentReport, Member, TeamReport};
use super::Period;
use crate::analysis::RuleSet;
use crate::catalog::Catalog;

/// What reports on people need.
#[derive(Debug, Clone)]
pub struct ReportQuery {
    /// The time.
    pub period: Period,
    /// Where weeks begin.
    pub time_zone: TimeZone,
}

/// The report on an agent, without example moments (see `moments`); `None` when the agent has no judged call in the time.
#[must_use]
pub fn agent_report(
    catalog: &Catalog,
    rules: &RuleSet,
    agent_id: &str,
    query: &ReportQuery,
) -> Option<AgentReport> {
    let _ = (catalog, rules, agent_id, query);
    None
}

/// The report on a team; `None` when it has no judged call in the time.
#[must_use]
pub fn team_report(catalog: &Catalog, team: &str, query: &ReportQuery) -> Option<TeamReport> {
    let _ = (catalog, team, query);
    None
}

/// All agents, by job number.
#[must_use]
pub fn agents(catalog: &Catalog, query: &ReportQuery) -> Vec<Member> {
    let _ = (catalog, query);
    Vec::new()
}
