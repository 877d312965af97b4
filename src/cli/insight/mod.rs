//! `diting track`, `agents`, `teams` and `problems`: asks a server what many calls come to.

/// Adds a line to a text.
macro_rules! say {
    ($text:expr, $($argument:tt)*) => {{
        $text.push_str(&format!($($argument)*));
        $text.push('\n');
    }};
}

mod opens;
mod people;
mod scope;
mod show;
mod track;

use super::Exit;
use super::client::{InsightClient, ServerArgs, block_on};
use super::clock::Clock;
use super::exit::UsageError;
use super::output::{Format, emit};
use super::query_args::FilterArgs;
use crate::proto::{json, v1};
use crate::types::time_zone;
use scope::TimeArgs;

pub(super) use track::TrackArgs;

/// Which server, and how to print.
#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    server: ServerArgs,
    /// How to print; srt is text here
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
    /// Zone in which days begin and that times without a zone are of, for example Asia/Shanghai; that of the rules' scheme when absent
    #[arg(long, value_name = "ZONE", default_value = "", global = true, hide_default_value = true)]
    time_zone: String,
}

impl Common {
    fn client(&self) -> anyhow::Result<InsightClient> {
        self.server.insight_client()
    }

    /// The clock that times go by: of the zone that was typed, else of the centre.
    async fn clock(&self) -> anyhow::Result<Clock> {
        if self.time_zone.is_empty() {
            return self.server.clock().await;
        }
        let name = &self.time_zone;
        let problem = || UsageError(format!("--time-zone {name}: write Asia/Shanghai or +08:00"));
        Ok(Clock::new(time_zone(name).ok_or_else(problem)?))
    }

    fn is_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// What was typed after `diting agents`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  diting agents list --team 理财一组
  diting agents show 1024 --since 2026-11-01")]
pub(super) struct AgentsArgs {
    #[command(subcommand)]
    command: AgentsCommand,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum AgentsCommand {
    /// Lists agents with their hit rates and scores, by job number
    List {
        /// Only of this team
        #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
        team: String,
        #[command(flatten)]
        time: TimeArgs,
    },
    /// Shows the report on one agent: scores, weak rules with moments, labels, training
    Show {
        /// The job number
        agent_id: String,
        #[command(flatten)]
        time: TimeArgs,
    },
}

/// What was typed after `diting teams`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  diting teams show 理财一组")]
pub(super) struct TeamsArgs {
    #[command(subcommand)]
    command: TeamsCommand,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum TeamsCommand {
    /// Shows the report on one team
    Show {
        /// The team
        team: String,
        #[command(flatten)]
        time: TimeArgs,
    },
}

/// What was typed after `diting problems`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  diting problems --dimension 服务规范 --limit 10")]
pub(super) struct ProblemsArgs {
    #[command(flatten)]
    scope: FilterArgs,
    /// At most this many, 1 to 500
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    limit: u32,
    #[command(flatten)]
    common: Common,
}

/// Runs `diting track`.
pub(super) fn track(args: TrackArgs) -> anyhow::Result<Exit> {
    block_on(track::run(args))
}

/// Runs `diting agents`.
pub(super) fn agents(args: AgentsArgs) -> anyhow::Result<Exit> {
    block_on(async {
        let AgentsArgs { command, common } = args;
        let (AgentsCommand::List { time, .. } | AgentsCommand::Show { time, .. }) = &command;
        let clock = common.clock().await?;
        time.check(&clock)?;
        let mut client = common.client()?;
        match command {
            AgentsCommand::List { team, time } => {
                list_agents(&mut client, &common, team, (time.from(&clock), time.before(&clock))).await?;
            }
            AgentsCommand::Show { agent_id, time } => {
                let request = v1::GetAgentReportRequest {
                    agent_id,
                    from: time.from(&clock),
                    before: time.before(&clock),
                    time_zone: common.time_zone.clone(),
                };
                let answer = client.get_agent_report(request).await;
                let answer = answer.map_err(|status| common.server.explain(&status))?.into_inner();
                report(&common, &answer.report.unwrap_or_default())?;
            }
        }
        Ok(Exit::Success)
    })
}

async fn list_agents(
    client: &mut InsightClient,
    common: &Common,
    team: String,
    (from, before): (Option<prost_types::Timestamp>, Option<prost_types::Timestamp>),
) -> anyhow::Result<()> {
    let mut page_token = String::new();
    let (mut is_first, mut num_shown) = (true, 0);
    loop {
        let request = v1::ListAgentsRequest { from, before, team: team.clone(), page_size: 500, page_token };
        let answer = client.list_agents(request).await;
        let answer = answer.map_err(|status| common.server.explain(&status))?.into_inner();
        if common.is_json() {
            for agent in &answer.agents {
                emit(&json::to_line(agent))?;
            }
        } else if !answer.agents.is_empty() {
            emit(people::agents(&answer.agents, is_first).trim_end())?;
        }
        is_first = false;
        num_shown += answer.agents.len();
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            if num_shown == 0 {
                eprintln!("没有座席：这段时间内没有他们质检过的通话，或班组名写法不同");
            }
            return Ok(());
        }
    }
}

fn report(common: &Common, report: &v1::PeopleReport) -> anyhow::Result<()> {
    if common.is_json() {
        emit(&json::to_line(report))?;
    } else {
        emit(people::report(report).trim_end())?;
    }
    Ok(())
}

/// Runs `diting teams`.
pub(super) fn teams(args: TeamsArgs) -> anyhow::Result<Exit> {
    block_on(async {
        let TeamsArgs { command: TeamsCommand::Show { team, time }, common } = args;
        let clock = common.clock().await?;
        time.check(&clock)?;
        let request = v1::GetTeamReportRequest {
            team,
            from: time.from(&clock),
            before: time.before(&clock),
            time_zone: common.time_zone.clone(),
        };
        let answer = common.client()?.get_team_report(request).await;
        let answer = answer.map_err(|status| common.server.explain(&status))?.into_inner();
        report(&common, &answer.report.unwrap_or_default())?;
        Ok(Exit::Success)
    })
}

/// Runs `diting problems`.
pub(super) fn problems(args: ProblemsArgs) -> anyhow::Result<Exit> {
    block_on(async {
        let ProblemsArgs { scope, limit, common } = args;
        let clock = common.clock().await?;
        scope.begun(&clock)?;
        let (scope, time_zone) = (Some(scope.filter(None, &clock)?), common.time_zone.clone());
        let request = v1::ListCommonProblemsRequest { scope, limit, time_zone };
        let answer = common.client()?.list_common_problems(request).await;
        let answer = answer.map_err(|status| common.server.explain(&status))?.into_inner();
        if answer.problems.is_empty() {
            eprintln!("没有共性问题：这个范围内没有规则命中");
        }
        if common.is_json() {
            for problem in &answer.problems {
                emit(&json::to_line(problem))?;
            }
        } else if !answer.problems.is_empty() {
            emit(show::problems(&answer).trim_end())?;
        }
        Ok(Exit::Success)
    })
}
