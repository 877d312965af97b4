//! Which calls, and as what somebody looks at them, as flags.

use crate::proto::convert::timestamp;
use crate::proto::v1;

/// Which calls.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SelectionArgs {
    /// Calls that began at or after, for example 2026-11-23T00:00:00+08:00
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// Calls that began before
    #[arg(long, value_name = "TIME")]
    to: Option<jiff::Timestamp>,
    /// An agent's job number; may be repeated
    #[arg(long = "agent", value_name = "ID")]
    agents: Vec<String>,
    /// A team; may be repeated
    #[arg(long = "team", value_name = "NAME")]
    teams: Vec<String>,
    /// A line of business; may be repeated
    #[arg(long = "business", value_name = "NAME")]
    businesses: Vec<String>,
    /// A rule that hit; may be repeated
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// With a hit of this level; may be repeated
    #[arg(long = "level", value_enum, value_name = "LEVEL")]
    levels: Vec<LevelArg>,
    /// Scored at most this
    #[arg(long, value_name = "POINTS")]
    max_score: Option<f64>,
}

/// How much a rule matters.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
enum LevelArg {
    S1,
    S2,
    S3,
    S4,
    S5,
}

/// As what somebody looks at a call.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum SlotArg {
    /// As the first reviewer
    First,
    /// As the second, who does not see what the first one says
    Second,
    /// Deciding where the two differ
    Decider,
    /// Deciding about an appeal
    Appeal,
}

/// A slot on the wire.
pub(super) fn slot(slot: Option<SlotArg>) -> v1::ReviewSlot {
    match slot {
        None => v1::ReviewSlot::Unspecified,
        Some(SlotArg::First) => v1::ReviewSlot::First,
        Some(SlotArg::Second) => v1::ReviewSlot::Second,
        Some(SlotArg::Decider) => v1::ReviewSlot::Decider,
        Some(SlotArg::Appeal) => v1::ReviewSlot::Appeal,
    }
}

impl SelectionArgs {
    /// The same on the wire.
    pub(super) fn to_wire(&self) -> v1::CallFilter {
        let levels = self.levels.iter().map(|level| match level {
            LevelArg::S1 => v1::Level::S1,
            LevelArg::S2 => v1::Level::S2,
            LevelArg::S3 => v1::Level::S3,
            LevelArg::S4 => v1::Level::S4,
            LevelArg::S5 => v1::Level::S5,
        });
        v1::CallFilter {
            max_score: self.max_score,
            levels: levels.map(Into::into).collect(),
            rule_ids: self.rules.clone(),
            teams: self.teams.clone(),
            agent_ids: self.agents.clone(),
            started_from: self.from.map(timestamp),
            started_before: self.to.map(timestamp),
            businesses: self.businesses.clone(),
            ..v1::CallFilter::default()
        }
    }
}
