//! `diting review`: the work of inspectors, agents and those who lead them, asked of a server.

mod args;
mod export;
mod figures;
mod plans;
mod show;
mod steps;

use super::Exit;
use super::client::{ReviewClient, ServerArgs, block_on};
use super::clock::Clock;
use super::exit::UsageError;
use super::output::{Format, emit, tell_damaged};
use super::query_args::FilterArgs;
use crate::eval::RuleExample;
use crate::proto::{json, v1};
use args::SlotArg;

/// Appeals and examples asked for at once.
const PAGE_SIZE: u32 = 200;
/// Largest page a server gives.
const MAX_PAGE: u32 = 500;

/// What was typed after `diting review`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  diting review plans add s1 --level S1 --continuous         every call with an S1 hit, as it comes in
  diting review plans add week --per-agent 5 --window week   five calls of each agent a week
  diting review next --as 王芳                               takes the next call and shows what is to be decided
  diting review submit C1 --as 王芳 --confirm S01 --reject L02 '客户先说的'
  diting review appeal C1 --as 8021 --rule S01 '我说的是不保本'
  diting review handle C1 1 --as 李敏 --accept '录音确为不保本' --final
  diting review handle C1 1,2 --as 李敏 --reject '录音清楚' --final     one answer to both
  diting review counts --since 2026-11-01                     how right each rule is
  diting review export > labels.jsonl && diting eval rules labels.jsonl --scheme my-rules/")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
    /// Who you are: an inspector's name, or an agent's job number
    #[arg(long = "as", env = "DITING_REVIEWER", value_name = "NAME", global = true)]
    person: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Lists, makes, changes, removes and runs sampling plans
    Plans(plans::Args),
    /// Lists what waits, those that go first before the others, and how much each person has
    Queue {
        #[command(flatten)]
        selection: FilterArgs,
        /// Of this plan
        #[arg(long, value_name = "PLAN")]
        plan: Option<String>,
        /// That this person has or was told to take
        #[arg(long, value_name = "NAME")]
        reviewer: Option<String>,
        /// To be looked at as this
        #[arg(long, value_enum)]
        slot: Option<SlotArg>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: usize,
    },
    /// Brings calls into the queue without a plan
    Add {
        /// The calls
        #[arg(required = true)]
        call_ids: Vec<String>,
        /// Two people look at each, without knowing of each other
        #[arg(long)]
        twice: bool,
    },
    /// Takes the next call, or the one that you have, and shows its findings with the turns around them
    Next {
        #[command(flatten)]
        selection: FilterArgs,
        /// Of this plan
        #[arg(long, value_name = "PLAN")]
        plan: Option<String>,
        /// To be looked at as this
        #[arg(long, value_enum)]
        slot: Option<SlotArg>,
    },
    /// Gives a call back to the queue
    Return {
        /// The call
        call_id: String,
        /// Why
        comment: Option<String>,
    },
    /// Tells a person to take a call; anybody when no person is named
    Assign {
        /// The call
        call_id: String,
        /// Who
        #[arg(long, value_name = "NAME")]
        to: Option<String>,
        /// As what it is to be looked at
        #[arg(long, value_enum, default_value_t = SlotArg::First)]
        slot: SlotArg,
    },
    /// Shows how the review of a call stands, with everything that happened
    Show {
        /// The call
        call_id: String,
    },
    /// Says what is right and what is wrong about a call; what is not named stays as it is
    Submit(steps::SubmitArgs),
    /// Appeals against a verdict or points by hand, as the agent
    Appeal(steps::AppealArgs),
    /// Takes an appeal back
    Withdraw {
        /// The call
        call_id: String,
        /// Its number in the call
        number: u32,
        /// Why
        comment: Option<String>,
    },
    /// Lists open appeals
    Appeals {
        #[command(flatten)]
        selection: FilterArgs,
        /// Also those that were handled or taken back
        #[arg(long)]
        all: bool,
    },
    /// Decides about one or more appeals of a call
    Handle(steps::HandleArgs),
    /// How often rules hit and how right they are, by what people decided
    Counts {
        #[command(flatten)]
        selection: FilterArgs,
        /// Only rules with a reviewed hit
        #[arg(long)]
        reviewed: bool,
    },
    /// How far reviewers agree, and what each of them does
    Agreement {
        #[command(flatten)]
        selection: FilterArgs,
    },
    /// Writes reviewed calls as labelled examples, one JSON object a line, for `diting eval rules`
    Export {
        #[command(flatten)]
        selection: FilterArgs,
    },
}

impl Command {
    /// Whether times are read by the clock of the centre, or shown.
    fn needs_clock(&self, format: Format) -> bool {
        let is_shown = format == Format::Text;
        match self {
            Self::Plans(plans) => plans.needs_clock(),
            Self::Queue { selection, .. }
            | Self::Next { selection, .. }
            | Self::Appeals { selection, .. } => is_shown || selection.needs_clock(),
            Self::Return { .. } | Self::Assign { .. } | Self::Show { .. } => is_shown,
            Self::Add { .. }
            | Self::Submit(_)
            | Self::Appeal(_)
            | Self::Withdraw { .. }
            | Self::Handle(_) => false,
            Self::Counts { selection, .. } | Self::Agreement { selection } | Self::Export { selection } => {
                selection.needs_clock()
            }
        }
    }
}

impl Args {
    /// Who acts.
    fn person(&self) -> Result<String, UsageError> {
        let missing = || UsageError("say who you are: --as NAME, or DITING_REVIEWER".to_owned());
        self.person.clone().filter(|person| !person.is_empty()).ok_or_else(missing)
    }
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if args.format == Format::Srt {
        return Err(UsageError("--format srt is only for `calls show`".to_owned()).into());
    }
    block_on(async { ask(&args).await })
}

async fn ask(args: &Args) -> anyhow::Result<Exit> {
    let mut client = args.server.review_client()?;
    let explain = |status: tonic::Status| args.server.explain(&status);
    let format = args.format;
    let clock = &args.server.clock_if(args.command.needs_clock(format)).await?;
    match &args.command {
        Command::Plans(plans) => plans::run(plans, &mut client, &args.server, clock, format).await?,
        Command::Queue { selection, plan, reviewer, slot, limit } => {
            let request = v1::ListReviewTasksRequest {
                selection: Some(selection.filter(None, clock)?),
                plan_id: plan.clone().unwrap_or_default(),
                reviewer: reviewer.clone().unwrap_or_default(),
                slot: args::slot(*slot).into(),
                ..v1::ListReviewTasksRequest::default()
            };
            let answer = queue(&mut client, &args.server, request, *limit).await?;
            show::queue(&answer, clock, format)?;
        }
        Command::Add { call_ids, twice } => {
            let num_asked = call_ids.len();
            let (call_ids, actor) = (call_ids.clone(), args.person()?);
            let request = v1::QueueForReviewRequest { call_ids, actor, twice: *twice };
            let answer = client.queue_for_review(request).await.map_err(explain)?.into_inner();
            match format {
                Format::Json => emit(&json::to_line(&answer))?,
                Format::Text | Format::Srt => {
                    answer.queued_call_ids.iter().try_for_each(|id| emit(&format!("queued\t{id}")))?;
                    let num_others = num_asked.saturating_sub(answer.queued_call_ids.len());
                    if num_others > 0 {
                        eprintln!("其余 {num_others} 通未入队列：已在队列、已复核，或尚未质检完");
                    }
                }
            }
        }
        Command::Next { selection, plan, slot } => {
            let request = v1::LeaseReviewTaskRequest {
                reviewer: args.person()?,
                selection: Some(selection.filter(None, clock)?),
                plan_id: plan.clone().unwrap_or_default(),
                slot: args::slot(*slot).into(),
            };
            let answer = client.lease_review_task(request).await.map_err(explain)?.into_inner();
            return next(args, &mut client, answer, clock).await;
        }
        Command::Return { call_id, comment } => {
            let request = v1::ReturnReviewTaskRequest {
                call_id: call_id.clone(),
                reviewer: args.person()?,
                comment: comment.clone().unwrap_or_default(),
            };
            let answer = client.return_review_task(request).await.map_err(explain)?.into_inner();
            show::task(&answer.task.unwrap_or_default(), clock, format)?;
        }
        Command::Assign { call_id, to, slot } => {
            let request = v1::AssignReviewTaskRequest {
                call_id: call_id.clone(),
                slot: args::slot(Some(*slot)).into(),
                reviewer: to.clone().unwrap_or_default(),
                actor: args.person()?,
            };
            let answer = client.assign_review_task(request).await.map_err(explain)?.into_inner();
            show::task(&answer.task.unwrap_or_default(), clock, format)?;
        }
        Command::Show { call_id } => {
            let viewer = args.person.clone().unwrap_or_default();
            let request = v1::GetReviewRequest { call_id: call_id.clone(), viewer };
            let answer = client.get_review(request).await.map_err(explain)?.into_inner();
            show::review(&answer.review.unwrap_or_default(), clock, format)?;
        }
        Command::Submit(submit) => {
            let review = steps::submit(submit, args.person()?, &mut client, &args.server).await?;
            show::standing(&review, format)?;
        }
        Command::Appeal(appeal) => {
            let request = appeal.request(args.person()?);
            let answer = client.submit_appeal(request).await.map_err(explain)?.into_inner();
            show::standing(&answer.review.unwrap_or_default(), format)?;
        }
        Command::Withdraw { call_id, number, comment } => {
            let request = v1::WithdrawAppealRequest {
                call_id: call_id.clone(),
                number: *number,
                agent_id: args.person()?,
                comment: comment.clone().unwrap_or_default(),
            };
            let answer = client.withdraw_appeal(request).await.map_err(explain)?.into_inner();
            show::standing(&answer.review.unwrap_or_default(), format)?;
        }
        Command::Appeals { selection, all } => {
            let mut request = v1::ListAppealsRequest {
                selection: Some(selection.filter(None, clock)?),
                all: *all,
                page_size: PAGE_SIZE,
                page_token: String::new(),
            };
            let (mut num_damaged, mut table) = (0, show::appeal_table(clock));
            loop {
                let page = client.list_appeals(request.clone()).await.map_err(explain)?.into_inner();
                page.appeals.iter().try_for_each(|appeal| show::appeal(appeal, &mut table, clock, format))?;
                num_damaged += page.num_damaged;
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    break;
                }
            }
            table.print()?;
            tell_damaged("通通话的申诉", num_damaged);
        }
        Command::Handle(handle) => {
            let request = handle.request(args.person()?);
            let answer = client.handle_appeal(request).await.map_err(explain)?.into_inner();
            show::standing(&answer.review.unwrap_or_default(), format)?;
        }
        Command::Counts { selection, reviewed } => {
            let request = v1::GetRuleCountsRequest { selection: Some(selection.filter(None, clock)?) };
            let mut answer = client.get_rule_counts(request).await.map_err(explain)?.into_inner();
            answer.rules.retain(|rule| !reviewed || rule.review_number > 0);
            figures::counts(&answer.rules, format)?;
        }
        Command::Agreement { selection } => {
            let request = v1::GetReviewerAgreementRequest {
                selection: Some(selection.filter(None, clock)?),
                ..v1::GetReviewerAgreementRequest::default()
            };
            let answer = client.get_reviewer_agreement(request).await.map_err(explain)?.into_inner();
            figures::agreement(&answer, format)?;
        }
        Command::Export { selection } => export(args, &mut client, selection, clock).await?,
    }
    Ok(Exit::Success)
}

/// The first tasks that wait, at most `limit`, as one answer.
async fn queue(
    client: &mut ReviewClient,
    server: &ServerArgs,
    mut request: v1::ListReviewTasksRequest,
    limit: usize,
) -> anyhow::Result<v1::ListReviewTasksResponse> {
    if limit == 0 {
        return Err(UsageError("--limit must be at least 1".to_owned()).into());
    }
    let mut tasks: Vec<v1::ReviewTask> = Vec::new();
    loop {
        request.page_size = u32::try_from(limit - tasks.len()).unwrap_or(u32::MAX).min(MAX_PAGE);
        let page = client.list_review_tasks(request.clone()).await;
        let page = page.map_err(|status| server.explain(&status))?.into_inner();
        tasks.extend_from_slice(&page.tasks);
        request.page_token.clone_from(&page.next_page_token);
        if request.page_token.is_empty() || tasks.len() >= limit {
            return Ok(v1::ListReviewTasksResponse { tasks, ..page });
        }
    }
}

/// Shows the call that was taken.
async fn next(
    args: &Args,
    client: &mut ReviewClient,
    answer: v1::LeaseReviewTaskResponse,
    clock: &Clock,
) -> anyhow::Result<Exit> {
    if args.format == Format::Json {
        emit(&json::to_line(&answer))?;
        return Ok(Exit::Success);
    }
    let Some(task) = answer.task else {
        eprintln!("没有待您复核的通话");
        return Ok(Exit::Success);
    };
    let explain = |status: tonic::Status| args.server.explain(&status);
    let request = v1::GetReviewRequest { call_id: task.call_id.clone(), viewer: args.person()? };
    let review = client.get_review(request).await.map_err(explain)?.into_inner().review;
    let request = v1::GetCallReportRequest { call_id: task.call_id.clone() };
    let report = args.server.client()?.get_call_report(request).await.map_err(explain)?.into_inner().report;
    show::work(&task, &review.unwrap_or_default(), &report.unwrap_or_default(), clock)?;
    Ok(Exit::Success)
}

async fn export(
    args: &Args,
    client: &mut ReviewClient,
    selection: &FilterArgs,
    clock: &Clock,
) -> anyhow::Result<()> {
    each_labelled(client, &args.server, selection.filter(None, clock)?, |call| {
        let line = match args.format {
            Format::Json => json::to_line(&call),
            Format::Text | Format::Srt => serde_json::to_string(&export::example(call)?)?,
        };
        Ok(emit(&line)?)
    })
    .await
}

/// All reviewed calls of a server as examples.
pub(super) async fn labelled(server: &ServerArgs) -> anyhow::Result<Vec<RuleExample>> {
    let mut examples = Vec::new();
    let mut client = server.review_client()?;
    each_labelled(&mut client, server, v1::CallFilter::default(), |call| {
        examples.push(export::example(call)?);
        Ok(())
    })
    .await?;
    Ok(examples)
}

async fn each_labelled(
    client: &mut ReviewClient,
    server: &ServerArgs,
    selection: v1::CallFilter,
    mut take: impl FnMut(v1::LabelledCall) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut request = v1::ExportLabelsRequest {
        selection: Some(selection),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let mut num_damaged = 0;
    loop {
        let page = client.export_labels(request.clone()).await;
        let page = page.map_err(|status| server.explain(&status))?.into_inner();
        page.calls.into_iter().try_for_each(&mut take)?;
        num_damaged += page.num_damaged;
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            tell_damaged("通复核过的通话", num_damaged);
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_clock_is_asked_only_where_times_are_read_or_shown() {
        let needs = |line: &str| {
            let typed = Typed::try_parse_from(["t"].into_iter().chain(line.split(' '))).expect("it is sound");
            typed.args.command.needs_clock(typed.args.format)
        };
        for line in ["queue", "show c1", "appeals", "counts --since 2026-06-01", "export --before 2026-06-01"]
        {
            assert!(needs(line), "{line}");
        }
        for line in ["queue --format json --since 2026-06-01", "plans run p --since 2026-06-01"] {
            assert!(needs(line), "{line}");
        }
        for line in
            ["queue --format json", "show c1 --format json", "plans", "plans run p", "counts", "agreement"]
        {
            assert!(!needs(line), "{line}");
        }
        for line in ["handle c1 1,2 why --reject", "submit c1 why", "export --since 2026-06-01T00:00:00Z"] {
            assert!(!needs(line), "{line}");
        }
    }
}
