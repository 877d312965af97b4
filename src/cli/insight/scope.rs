//! What can be typed about calls, times and groups.

use jiff::Timestamp;

use crate::proto::convert::timestamp;
use crate::proto::v1;

/// A time.
#[derive(Debug, clap::Args)]
pub(super) struct TimeArgs {
    /// Calls begun at or after, for example 2026-11-01T00:00:00+08:00; 30 days before the end when absent
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Calls begun before; now when absent
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

impl TimeArgs {
    pub(super) fn from(&self) -> Option<prost_types::Timestamp> {
        self.from.map(timestamp)
    }

    pub(super) fn before(&self) -> Option<prost_types::Timestamp> {
        self.to.map(timestamp)
    }
}

/// Which calls and rules. Each may be repeated.
#[derive(Debug, clap::Args)]
pub(super) struct ScopeArgs {
    #[command(flatten)]
    time: TimeArgs,
    /// Of this agent, by job number
    #[arg(long = "agent", value_name = "ID")]
    agents: Vec<String>,
    /// Of this team
    #[arg(long = "team", value_name = "NAME")]
    teams: Vec<String>,
    /// Of this skill group
    #[arg(long = "skill-group", value_name = "NAME")]
    skill_groups: Vec<String>,
    /// Of this line of business
    #[arg(long = "business", value_name = "NAME")]
    businesses: Vec<String>,
    /// Of this product
    #[arg(long = "product", value_name = "NAME")]
    products: Vec<String>,
    /// About this topic
    #[arg(long = "topic", value_name = "NAME")]
    topics: Vec<String>,
    /// With this demand of the customer
    #[arg(long = "demand", value_name = "NAME")]
    demands: Vec<String>,
    /// Only this rule
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// Only rules of this dimension
    #[arg(long = "dimension", value_name = "NAME")]
    dimensions: Vec<String>,
    /// Only rules of this level, S1 to S5
    #[arg(long = "level", value_name = "LEVEL")]
    levels: Vec<String>,
}

impl From<ScopeArgs> for v1::InsightScope {
    fn from(args: ScopeArgs) -> Self {
        Self {
            from: args.time.from(),
            before: args.time.before(),
            agents: args.agents,
            teams: args.teams,
            skill_groups: args.skill_groups,
            businesses: args.businesses,
            products: args.products,
            directions: Vec::new(),
            topics: args.topics,
            demands: args.demands,
            rules: args.rules,
            dimensions: args.dimensions,
            levels: args.levels,
            hits_only: false,
        }
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
