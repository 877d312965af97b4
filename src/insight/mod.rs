//! Turns the facts of many calls into figures that people act on: rates and trends, hot spots, effects of improvements,
//! reports on agents and teams, common problems. docs/tracking.md names every statistic.
//!
//! **Invariant**: pure functions of the catalog, the question and the time given; the same give the same. What could not
//! be judged is in no denominator, and what chance may explain is not claimed.

mod centre;
mod change;
#[cfg(test)]
mod change_tests;
mod cube;
mod figure;
mod hot_spot;
#[cfg(test)]
mod hot_spot_tests;
mod improvement;
#[cfg(test)]
mod made;
mod moments;
mod people;
#[cfg(test)]
mod people_tests;
mod problem;
mod report;
mod scan;
mod search;
mod snapshot;
mod spread;
mod stats;
mod tally;

pub use change::{ChangeQuery, RateChange, rate_changes};
pub use cube::{CountedCall, counted_call};
pub use figure::{Counts, Evidence, Figure, Group, Key, Period, RuleRef, rules_of_agents};
pub use hot_spot::{HotSpot, HotSpotQuery, HotSpots, Limits, Since};
pub use improvement::{Caution, Comparison, Effect, Improvement, Outcome, effect};
pub use moments::{add_moments, add_team_moments};
pub use people::{
    AgentReport, Hint, Label, Mean, Member, Moment, Rank, ReviewOutcomes, RuleLine, ScoreLine, TeamReport,
    TrendPoint,
};
pub use problem::{Problem, ProblemQuery, Spread, common_problems};
pub use report::{ReportQuery, agent_report, agents, team_report};
pub use search::hot_spots;
pub use snapshot::snapshot;
pub use stats::Interval;
pub use tally::{Bucket, Cell, MAX_CELLS, MAX_GROUPS, Revision, Step, Tally, TallyError, TallyQuery, tally};
