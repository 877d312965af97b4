//! `diting review plans`: which calls are drawn for review.

use super::super::client::{ReviewClient, ServerArgs};
use super::super::clock::{Clock, Moment};
use super::super::exit::UsageError;
use super::super::output::{Format, emit, tell_damaged};
use super::super::query_args::FilterArgs;
use super::super::table::Table;
use crate::proto::{json, v1};

/// What was typed after `diting review plans`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Lists plans, by name; the same as no command
    List,
    /// Makes a plan
    Add(PlanArgs),
    /// Replaces a plan; what it drew stays in the queue
    Set(PlanArgs),
    /// Removes a plan; what it drew stays in the queue
    Remove {
        /// The plan
        plan: String,
    },
    /// Draws from calls of a period; drawn again, the same calls come out, and only new ones are queued
    Run {
        /// The plan
        plan: String,
        /// Calls that began at or after: 2026-11-23, 2026-11-23T09:00 (by the clock of the centre) or 2026-11-23T09:00:00+08:00
        #[arg(long, value_name = "TIME")]
        since: Option<Moment>,
        /// Calls that began before
        #[arg(long, value_name = "TIME")]
        before: Option<Moment>,
    },
}

#[derive(Debug, clap::Args)]
struct PlanArgs {
    /// Its name
    plan: String,
    /// What it is for
    #[arg(long, default_value = "", value_name = "TEXT")]
    title: String,
    #[command(flatten)]
    selection: FilterArgs,
    #[command(flatten)]
    draw: DrawArgs,
    /// Over which time numbers are drawn
    #[arg(long, value_enum, default_value_t, value_name = "TIME")]
    window: WindowArg,
    /// Makes other draws of the same calls
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    seed: u64,
    /// Share of the drawn calls, 0 to 1, that two people look at without knowing of each other
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    double: f64,
    /// Higher goes first among calls of one level
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    priority: u32,
    /// Draws by itself as calls come in; numbers when their window has ended
    #[arg(long)]
    continuous: bool,
    /// Switches it off
    #[arg(long)]
    paused: bool,
}

/// Which of the chosen calls; all when nothing is said.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct DrawArgs {
    /// This share of the calls, 0 to 1
    #[arg(long, value_name = "SHARE")]
    proportion: Option<f64>,
    /// So many of each agent
    #[arg(long, value_name = "COUNT")]
    per_agent: Option<u32>,
    /// So many of each team
    #[arg(long, value_name = "COUNT")]
    per_team: Option<u32>,
    /// So many in all
    #[arg(long, value_name = "COUNT")]
    number: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum WindowArg {
    #[default]
    Day,
    Week,
    Month,
}

impl PlanArgs {
    fn plan(&self, clock: &Clock) -> Result<v1::ReviewPlan, UsageError> {
        let DrawArgs { proportion, per_agent, per_team, number } = &self.draw;
        let (mode, number) = match (proportion, per_agent, per_team, number) {
            (Some(_), _, _, _) => (v1::SamplingMode::Proportion, 0),
            (None, Some(number), _, _) => (v1::SamplingMode::PerAgent, *number),
            (None, None, Some(number), _) => (v1::SamplingMode::PerTeam, *number),
            (None, None, None, Some(number)) => (v1::SamplingMode::Number, *number),
            (None, None, None, None) => (v1::SamplingMode::All, 0),
        };
        let window = match self.window {
            WindowArg::Day => v1::SamplingWindow::Day,
            WindowArg::Week => v1::SamplingWindow::Week,
            WindowArg::Month => v1::SamplingWindow::Month,
        };
        Ok(v1::ReviewPlan {
            plan_id: self.plan.clone(),
            title: self.title.clone(),
            selection: Some(self.selection.filter(None, clock)?),
            mode: mode.into(),
            proportion: proportion.unwrap_or_default(),
            number,
            window: window.into(),
            seed: self.seed,
            double_share: self.double,
            priority: self.priority,
            continuous: self.continuous,
            paused: self.paused,
            created_at: None,
        })
    }
}

impl Args {
    /// Whether a time that was typed is one of the clock of the centre.
    pub(super) fn needs_clock(&self) -> bool {
        match &self.command {
            None | Some(Command::List | Command::Remove { .. }) => false,
            Some(Command::Add(plan) | Command::Set(plan)) => plan.selection.needs_clock(),
            Some(Command::Run { since, before, .. }) => {
                [*since, *before].into_iter().flatten().any(Moment::needs_clock)
            }
        }
    }
}

/// Runs the command.
pub(super) async fn run(
    args: &Args,
    client: &mut ReviewClient,
    server: &ServerArgs,
    clock: &Clock,
    format: Format,
) -> anyhow::Result<()> {
    let explain = |status: tonic::Status| server.explain(&status);
    match args.command.as_ref().unwrap_or(&Command::List) {
        Command::List => {
            let request = v1::ListReviewPlansRequest {};
            let answer = client.list_review_plans(request).await.map_err(explain)?.into_inner();
            let mut table = plan_table();
            answer.plans.iter().try_for_each(|plan| show(plan, &mut table, format))?;
            table.print()?;
            tell_damaged("个抽检计划", answer.num_damaged);
        }
        Command::Add(plan) => {
            let request = v1::CreateReviewPlanRequest { plan: Some(plan.plan(clock)?) };
            let answer = client.create_review_plan(request).await.map_err(explain)?.into_inner();
            let mut table = plan_table();
            show(&answer.plan.unwrap_or_default(), &mut table, format)?;
            table.print()?;
        }
        Command::Set(plan) => {
            let request = v1::UpdateReviewPlanRequest { plan: Some(plan.plan(clock)?) };
            let answer = client.update_review_plan(request).await.map_err(explain)?.into_inner();
            let mut table = plan_table();
            show(&answer.plan.unwrap_or_default(), &mut table, format)?;
            table.print()?;
        }
        Command::Remove { plan } => {
            let request = v1::DeleteReviewPlanRequest { plan_id: plan.clone() };
            client.delete_review_plan(request).await.map_err(explain)?;
            emit(&format!("removed\t{plan}"))?;
        }
        Command::Run { plan, since, before } => {
            clock.in_order(["since", "before"], *since, *before)?;
            let request = v1::RunReviewPlanRequest {
                plan_id: plan.clone(),
                started_from: clock.wire(*since),
                started_before: clock.wire(*before),
            };
            let run = client.run_review_plan(request).await.map_err(explain)?.into_inner();
            match format {
                Format::Json => emit(&json::to_line(&run))?,
                Format::Text | Format::Srt => emit(&format!(
                    "{plan}：符合条件 {} 通，已在队列或已复核 {} 通，新入队列 {} 通",
                    run.num_chosen, run.num_known, run.num_queued
                ))?,
            }
        }
    }
    Ok(())
}

fn plan_table() -> Table {
    Table::new(["计划", "状态", "范围", "抽取", "双人", "说明"])
}

fn show(plan: &v1::ReviewPlan, table: &mut Table, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(emit(&json::to_line(plan))?);
    }
    let window = match plan.window() {
        v1::SamplingWindow::Unspecified | v1::SamplingWindow::Day => "每日",
        v1::SamplingWindow::Week => "每周",
        v1::SamplingWindow::Month => "每月",
    };
    let draw = match plan.mode() {
        v1::SamplingMode::Unspecified | v1::SamplingMode::All => "全部".to_owned(),
        v1::SamplingMode::Proportion => format!("随机 {:.1}%", plan.proportion * 100.0),
        v1::SamplingMode::PerAgent => format!("每位座席{window} {} 通", plan.number),
        v1::SamplingMode::PerTeam => format!("每个班组{window} {} 通", plan.number),
        v1::SamplingMode::Number => format!("{window} {} 通", plan.number),
    };
    let selection = plan.selection.clone().unwrap_or_default();
    let levels = selection.levels().map(|level| level.as_str_name().trim_start_matches("LEVEL_").to_owned());
    let wanted: Vec<String> = levels
        .chain(selection.rule_ids.iter().cloned())
        .chain(selection.teams.iter().cloned())
        .chain(selection.agent_ids.iter().cloned())
        .chain(selection.businesses.iter().cloned())
        .collect();
    let wanted = if wanted.is_empty() { "所有通话".to_owned() } else { wanted.join("、") };
    let how = if plan.continuous { "持续" } else { "按需" };
    let state = if plan.paused { "已停用" } else { how };
    let double = match plan.double_share {
        share if share > 0.0 => format!("双人 {:.0}%", share * 100.0),
        _ => "-".to_owned(),
    };
    let title = if plan.title.is_empty() { "-".to_owned() } else { plan.title.clone() };
    table.add(vec![plan.plan_id.clone(), state.to_owned(), wanted, draw, double, title]);
    Ok(())
}
