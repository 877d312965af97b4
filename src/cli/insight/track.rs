//! `diting track`: trends, hot spots, improvements, and the calls behind a figure.

use super::scope::{GroupArg, StepArg};
use super::{Common, show};
use crate::cli::Exit;
use crate::cli::clock::{Clock, Moment};
use crate::cli::exit::UsageError;
use crate::cli::output::{emit, tell_damaged};
use crate::cli::query_args::FilterArgs;
use crate::proto::{json, v1};

/// What was typed after `diting track`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  diting track trend --by rule --step week --team 理财一组
  diting track hotspots --since 2026-11-23 --before 2026-11-30
  diting track improve --title 开场辅导 --rule B02 --team 理财一组 --action 对练十通 --at 2026-11-12T09:00:00+08:00
  diting track improvements")]
pub(in crate::cli) struct TrackArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Counts hits, checks and rates by groups and time
    Trend {
        #[command(flatten)]
        scope: Box<FilterArgs>,
        /// Told apart by what; at most three
        #[arg(long = "by", value_enum, value_name = "GROUP")]
        by: Vec<GroupArg>,
        /// Told apart in time
        #[arg(long, value_enum)]
        step: Option<StepArg>,
    },
    /// Finds what rose most against its own baseline; the last seven days when no time is given
    Hotspots {
        #[command(flatten)]
        scope: Box<FilterArgs>,
        /// Days before that it is held against
        #[arg(long, default_value_t = 21, value_name = "DAYS")]
        baseline_days: u32,
        /// Of what, besides all calls
        #[arg(long = "by", value_enum, value_name = "GROUP")]
        by: Vec<GroupArg>,
        /// Lists what is not claimed as well
        #[arg(long)]
        all: bool,
        /// At most this many, 1 to 500
        #[arg(long, default_value_t = 20, value_name = "COUNT")]
        limit: u32,
    },
    /// Lists improvements with their effects as of now, newest first
    Improvements,
    /// Shows one improvement
    Improvement {
        /// Its id
        id: String,
    },
    /// Writes down an improvement, or changes one with --id
    Improve(Box<ImproveArgs>),
    /// Removes an improvement
    Forget {
        /// Its id
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct ImproveArgs {
    /// Changes this one; only what is typed is changed
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What it is called
    #[arg(long, required_unless_present = "id", value_name = "TEXT")]
    title: Option<String>,
    /// A rule that it is about; may be repeated
    #[arg(long = "rule", required_unless_present = "id", value_name = "ID")]
    rules: Vec<String>,
    /// Whom it was done for: a job number; may be repeated
    #[arg(long = "agent", value_name = "ID")]
    agents: Vec<String>,
    /// Whom it was done for: a team; may be repeated
    #[arg(long = "team", value_name = "NAME")]
    teams: Vec<String>,
    /// Whom it was done for: a skill group; may be repeated
    #[arg(long = "skill-group", value_name = "NAME")]
    skill_groups: Vec<String>,
    /// What was done
    #[arg(long, required_unless_present = "id", value_name = "TEXT")]
    action: Option<String>,
    /// When: 2026-11-12, 2026-11-12T09:00 (by the clock of the centre) or 2026-11-12T09:00:00+08:00
    #[arg(long, required_unless_present = "id", value_name = "TIME")]
    at: Option<Moment>,
    /// Days before that are compared
    #[arg(long, value_name = "DAYS")]
    before_days: Option<u32>,
    /// Days after that are compared
    #[arg(long, value_name = "DAYS")]
    after_days: Option<u32>,
    /// Who writes it down
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl ImproveArgs {
    fn wire(self, clock: &Clock) -> (v1::Improvement, Vec<String>) {
        let fields = [
            ("title", self.title.is_some()),
            ("rules", !self.rules.is_empty()),
            ("agents", !self.agents.is_empty()),
            ("teams", !self.teams.is_empty()),
            ("skill_groups", !self.skill_groups.is_empty()),
            ("action", self.action.is_some()),
            ("at", self.at.is_some()),
            ("before_days", self.before_days.is_some()),
            ("after_days", self.after_days.is_some()),
            ("created_by", self.by.is_some()),
        ];
        let typed = fields.iter().filter(|(_, is_typed)| *is_typed).map(|(name, _)| (*name).to_owned());
        let typed = typed.collect();
        let improvement = v1::Improvement {
            improvement_id: self.id.unwrap_or_default(),
            title: self.title.unwrap_or_default(),
            rules: self.rules,
            agents: self.agents,
            teams: self.teams,
            skill_groups: self.skill_groups,
            action: self.action.unwrap_or_default(),
            at: clock.wire(self.at),
            before_days: self.before_days.unwrap_or_default(),
            after_days: self.after_days.unwrap_or_default(),
            created_by: self.by.unwrap_or_default(),
            created_at: None,
        };
        (improvement, typed)
    }
}

pub(super) async fn run(args: TrackArgs) -> anyhow::Result<Exit> {
    let TrackArgs { command, common } = args;
    let mut client = common.client()?;
    let explain = |status: tonic::Status| common.server.explain(&status);
    match command {
        Command::Trend { scope, by, step } => {
            let clock = common.clock().await?;
            scope.begun(&clock)?;
            let request = v1::QueryMetricsRequest {
                scope: Some(scope.filter(None, &clock)?),
                group_by: by.into_iter().map(GroupArg::wire).collect(),
                step: step.map(StepArg::wire).unwrap_or_default(),
                time_zone: common.time_zone.clone(),
            };
            let answer = client.query_metrics(request).await.map_err(explain)?.into_inner();
            let text = if common.is_json() { json::to_line(&answer) } else { show::trend(&answer) };
            emit(text.trim_end())?;
        }
        Command::Hotspots { scope, baseline_days, by, all, limit } => {
            let clock = common.clock().await?;
            scope.begun(&clock)?;
            let request = v1::ListHotSpotsRequest {
                scope: Some(scope.filter(None, &clock)?),
                baseline_days,
                by: by.into_iter().map(GroupArg::wire).collect(),
                with_unclaimed: all,
                limit,
                time_zone: common.time_zone.clone(),
                ..Default::default()
            };
            let answer = client.list_hot_spots(request).await.map_err(explain)?.into_inner();
            if common.is_json() {
                for spot in &answer.hot_spots {
                    emit(&json::to_line(spot))?;
                }
            } else {
                emit(show::hot_spots(&answer).trim_end())?;
            }
        }
        Command::Improvements => {
            let mut page_token = String::new();
            loop {
                let request = v1::ListImprovementsRequest { page_size: 100, page_token };
                let answer = client.list_improvements(request).await.map_err(explain)?.into_inner();
                for one in &answer.improvements {
                    improvement(&common, one)?;
                }
                page_token = answer.next_page_token;
                if page_token.is_empty() {
                    tell_damaged("项改进", answer.num_damaged);
                    break;
                }
            }
        }
        Command::Improvement { id } => {
            let request = v1::GetImprovementRequest { improvement_id: id };
            let v1::GetImprovementResponse { improvement: one, effect } =
                client.get_improvement(request).await.map_err(explain)?.into_inner();
            improvement(&common, &v1::ImprovementWithEffect { improvement: one, effect })?;
        }
        Command::Improve(args) => {
            let (wire, typed) = args.wire(&common.clock().await?);
            let told = if wire.improvement_id.is_empty() {
                let request = v1::CreateImprovementRequest { improvement: Some(wire) };
                let answer = client.create_improvement(request).await.map_err(explain)?.into_inner();
                v1::ImprovementWithEffect { improvement: answer.improvement, effect: answer.effect }
            } else {
                if typed.is_empty() {
                    return Err(UsageError("say what is to be changed".to_owned()).into());
                }
                let update_mask = Some(prost_types::FieldMask { paths: typed });
                let request = v1::UpdateImprovementRequest { improvement: Some(wire), update_mask };
                let answer = client.update_improvement(request).await.map_err(explain)?.into_inner();
                v1::ImprovementWithEffect { improvement: answer.improvement, effect: answer.effect }
            };
            improvement(&common, &told)?;
        }
        Command::Forget { id } => {
            let request = v1::DeleteImprovementRequest { improvement_id: id };
            client.delete_improvement(request).await.map_err(explain)?;
        }
    }
    Ok(Exit::Success)
}

fn improvement(common: &Common, one: &v1::ImprovementWithEffect) -> anyhow::Result<()> {
    let text = if common.is_json() { json::to_line(one) } else { show::improvement(one) };
    emit(text.trim_end())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        track: TrackArgs,
    }

    #[test]
    fn an_improvement_may_be_of_a_plain_day() {
        let clock = Clock::new(crate::types::time_zone("+08:00").expect("a zone"));
        for (at, exact) in
            [("2026-11-12", "2026-11-11T16:00:00Z"), ("2026-11-12T09:00:00+08:00", "2026-11-12T01:00:00Z")]
        {
            let typed = Typed::try_parse_from(["diting", "improve", "--id", "imp-1", "--at", at]);
            let Command::Improve(args) = typed.unwrap_or_else(|error| panic!("{at}: {error}")).track.command
            else {
                panic!("{at} is of an improvement");
            };
            let same: Moment = exact.parse().expect("a time");
            assert_eq!(args.wire(&clock).0.at, clock.wire(Some(same)));
        }
    }
}
