//! What can be typed about calls, times and groups.

use crate::cli::clock::{Clock, Moment};
use crate::cli::exit::UsageError;
use crate::proto::v1;

/// A time.
#[derive(Debug, clap::Args)]
pub(super) struct TimeArgs {
    /// Calls begun at or after, for example 2026-11-01 by the clock of the centre; 30 days before the end when absent
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Calls begun before; now when absent
    #[arg(long, value_name = "TIME")]
    before: Option<Moment>,
}

impl TimeArgs {
    /// Refuses a time that ends before it begins, or did not begin yet.
    pub(super) fn check(&self, clock: &Clock) -> Result<(), UsageError> {
        clock.begun(self.since, self.before)
    }

    pub(super) fn from(&self, clock: &Clock) -> Option<prost_types::Timestamp> {
        clock.wire(self.since)
    }

    pub(super) fn before(&self, clock: &Clock) -> Option<prost_types::Timestamp> {
        clock.wire(self.before)
    }
}

/// By what figures are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum GroupArg {
    Rule,
    Dimension,
    Level,
    Agent,
    Team,
    SkillGroup,
    Business,
    Product,
    Topic,
    Demand,
    Direction,
}

impl GroupArg {
    pub(super) fn wire(self) -> i32 {
        let group = match self {
            Self::Rule => v1::InsightGroup::Rule,
            Self::Dimension => v1::InsightGroup::Dimension,
            Self::Level => v1::InsightGroup::Level,
            Self::Agent => v1::InsightGroup::Agent,
            Self::Team => v1::InsightGroup::Team,
            Self::SkillGroup => v1::InsightGroup::SkillGroup,
            Self::Business => v1::InsightGroup::Business,
            Self::Product => v1::InsightGroup::Product,
            Self::Topic => v1::InsightGroup::Topic,
            Self::Demand => v1::InsightGroup::Demand,
            Self::Direction => v1::InsightGroup::Direction,
        };
        group.into()
    }
}

/// How long a bucket of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum StepArg {
    Hour,
    Day,
    Week,
    Month,
}

impl StepArg {
    pub(super) fn wire(self) -> i32 {
        let step = match self {
            Self::Hour => v1::InsightStep::Hour,
            Self::Day => v1::InsightStep::Day,
            Self::Week => v1::InsightStep::Week,
            Self::Month => v1::InsightStep::Month,
        };
        step.into()
    }
}
