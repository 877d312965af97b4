//! `diting alerts`: follows what must be known at once, shows it, and says what was done about it.

mod show;
mod watch;

use std::path::PathBuf;

use super::Exit;
use super::client::{AlertClient, ServerArgs, block_on};
use super::clock::{Clock, Moment};
use super::exit::UsageError;
use super::output::{Format, emit, tell_damaged};
use super::table::Table;
use crate::proto::{json, v1};

/// Largest page a server gives.
const MAX_PAGE: u32 = 500;

const EXAMPLES: &str = "Examples:
  diting alerts watch --cursor-file seen.cursor     follows from where it was, through restarts of both sides
  diting alerts list --state open --level s1        what nobody has looked at
  diting alerts show 17
  diting alerts ack 17 --as 王芳
  diting alerts close 17 18 --as 王芳 --reason handled --note 已回访客户
  diting alerts dead-letters && diting alerts retry 3";

/// What was typed after `diting alerts`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print; json is one line per item
    #[arg(long, value_enum, default_value_t, global = true)]
    format: AlertFormat,
}

/// How to print alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum AlertFormat {
    /// For a person
    #[default]
    Text,
    /// One line of proto3 JSON per item
    Json,
}

impl From<AlertFormat> for Format {
    fn from(format: AlertFormat) -> Self {
        match format {
            AlertFormat::Text => Self::Text,
            AlertFormat::Json => Self::Json,
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Follows everything that happens to alerts, and comes back by itself when the server was away
    Watch(WatchArgs),
    /// Lists alerts, newest first
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: usize,
    },
    /// Shows an alert with all that happened to it
    Show {
        /// The alert
        alert_id: u64,
    },
    /// Says that you look at alerts
    Ack {
        /// The alerts
        #[arg(required = true)]
        alert_ids: Vec<u64>,
        #[command(flatten)]
        by: ActorArgs,
        /// For a digest: its alerts too
        #[arg(long)]
        with_members: bool,
    },
    /// Gives alerts to somebody
    Assign {
        /// The alerts
        #[arg(required = true)]
        alert_ids: Vec<u64>,
        /// Who gets them
        #[arg(long, value_name = "NAME")]
        to: String,
        #[command(flatten)]
        by: ActorArgs,
    },
    /// Closes alerts for good
    Close {
        /// The alerts
        #[arg(required = true)]
        alert_ids: Vec<u64>,
        /// Why
        #[arg(long, value_enum)]
        reason: ReasonArg,
        #[command(flatten)]
        by: ActorArgs,
        /// For a digest: its alerts too
        #[arg(long)]
        with_members: bool,
    },
    /// Lists messages that receivers did not take, newest first
    DeadLetters {
        /// Of this receiver; of all when absent
        #[arg(long, value_name = "NAME")]
        receiver: Option<String>,
        /// Also those that were delivered after all
        #[arg(long)]
        all: bool,
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: usize,
    },
    /// Sends dead letters once more
    Retry {
        /// The dead letters
        #[arg(required = true)]
        dead_letter_ids: Vec<u64>,
    },
    /// Sends a message without an alert to a receiver of the server's configuration
    Test {
        /// The receiver
        receiver: String,
    },
}

/// Where to begin to follow.
#[derive(Debug, clap::Args)]
struct WatchArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Begins after this cursor; 0: with the first event ever [default: with what happens from now on]
    #[arg(long, value_name = "CURSOR", conflicts_with = "cursor_file")]
    cursor: Option<u64>,
    /// Keeps the cursor in this file, and begins where it says; with the first event ever when it is not there
    #[arg(long, value_name = "FILE")]
    cursor_file: Option<PathBuf>,
}

/// Who does it.
#[derive(Debug, clap::Args)]
struct ActorArgs {
    /// Who you are; kept in the history
    #[arg(long = "as", env = "DITING_ACTOR", value_name = "NAME")]
    person: String,
    /// Anything to remember
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Which alerts.
#[derive(Debug, Clone, clap::Args)]
struct FilterArgs {
    /// The state; may be repeated
    #[arg(long = "state", value_enum, value_name = "STATE")]
    states: Vec<StateArg>,
    /// The level, s1 to s5; may be repeated
    #[arg(long = "level", value_enum, ignore_case = true, value_name = "LEVEL")]
    levels: Vec<LevelArg>,
    /// The risk model; may be repeated
    #[arg(long = "risk", value_name = "ID")]
    risks: Vec<String>,
    /// The team; may be repeated
    #[arg(long = "team", value_name = "NAME")]
    teams: Vec<String>,
    /// The agent's job number
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// The call
    #[arg(long, value_name = "ID")]
    call: Option<String>,
    /// Raised at or after: 2026-11-23, 2026-11-23T09:00 (by the clock of the centre) or 2026-11-23T09:00:00+08:00
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Raised before
    #[arg(long, value_name = "TIME")]
    before: Option<Moment>,
    /// Leaves out what was held back and is in a digest
    #[arg(long)]
    without_held_back: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StateArg {
    Open,
    Escalated,
    Acknowledged,
    Closed,
    Withdrawn,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LevelArg {
    S1,
    S2,
    S3,
    S4,
    S5,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ReasonArg {
    /// It was as the alert says, and is passed on
    Confirmed,
    /// It was not
    FalseAlarm,
    /// Another alert is about the same
    Duplicate,
    /// It was dealt with
    Handled,
}

impl Command {
    /// Whether times are read by the clock of the centre, or shown.
    fn needs_clock(&self, format: Format) -> bool {
        let is_shown = format == Format::Text;
        match self {
            Self::List { filter, .. } => {
                is_shown || [filter.since, filter.before].into_iter().flatten().any(Moment::needs_clock)
            }
            Self::Show { .. }
            | Self::Ack { .. }
            | Self::Assign { .. }
            | Self::Close { .. }
            | Self::DeadLetters { .. }
            | Self::Retry { .. } => is_shown,
            Self::Watch(_) | Self::Test { .. } => false,
        }
    }
}

impl FilterArgs {
    /// The same on the wire; times without a zone are those of `clock`.
    fn wire(&self, clock: &Clock) -> Result<v1::AlertFilter, UsageError> {
        let args = self;
        clock.in_order(["since", "before"], self.since, self.before)?;
        let state = |state: &StateArg| match state {
            StateArg::Open => v1::AlertState::Open,
            StateArg::Escalated => v1::AlertState::Escalated,
            StateArg::Acknowledged => v1::AlertState::Acknowledged,
            StateArg::Closed => v1::AlertState::Closed,
            StateArg::Withdrawn => v1::AlertState::Withdrawn,
        };
        let level = |level: &LevelArg| match level {
            LevelArg::S1 => v1::Level::S1,
            LevelArg::S2 => v1::Level::S2,
            LevelArg::S3 => v1::Level::S3,
            LevelArg::S4 => v1::Level::S4,
            LevelArg::S5 => v1::Level::S5,
        };
        Ok(v1::AlertFilter {
            states: args.states.iter().map(|one| state(one).into()).collect(),
            levels: args.levels.iter().map(|one| level(one).into()).collect(),
            risk_ids: args.risks.clone(),
            teams: args.teams.clone(),
            agent_id: args.agent.clone().unwrap_or_default(),
            call_id: args.call.clone().unwrap_or_default(),
            since: clock.wire(args.since),
            until: clock.wire(args.before),
            without_held_back: args.without_held_back,
        })
    }
}

impl From<ReasonArg> for v1::CloseReason {
    fn from(reason: ReasonArg) -> Self {
        match reason {
            ReasonArg::Confirmed => Self::Confirmed,
            ReasonArg::FalseAlarm => Self::FalseAlarm,
            ReasonArg::Duplicate => Self::Duplicate,
            ReasonArg::Handled => Self::Handled,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    block_on(run_command(args))
}

async fn run_command(args: Args) -> anyhow::Result<Exit> {
    let mut client = args.server.alert_client()?;
    let (server, format) = (&args.server, Format::from(args.format));
    let explain = |status: tonic::Status| server.explain(&status);
    if let Command::Watch(watch) = &args.command {
        return watch::run(&mut client, server, watch, format).await;
    }
    let clock = &server.clock_if(args.command.needs_clock(format)).await?;
    match &args.command {
        Command::Watch(_) => {}
        Command::List { filter, limit } => list(&mut client, server, (filter, clock), *limit, format).await?,
        Command::Show { alert_id } => {
            let request = v1::GetAlertRequest { alert_id: *alert_id };
            let response = client.get_alert(request).await.map_err(explain)?.into_inner();
            match format {
                Format::Json => emit(&json::to_line(&response))?,
                Format::Text | Format::Srt => emit(show::whole(&response, clock).trim_end())?,
            }
            tell_damaged("步经过", response.num_damaged.into());
        }
        Command::Ack { alert_ids, by, with_members } => {
            return each(alert_ids, async |alert_id| {
                let (actor, note) = (by.person.clone(), by.note.clone());
                let request =
                    v1::AcknowledgeAlertRequest { alert_id, actor, note, with_members: *with_members };
                let response = client.acknowledge_alert(request).await.map_err(explain)?.into_inner();
                show::changed(response.alert, response.num_members, response.num_damaged, clock, format)
            })
            .await;
        }
        Command::Assign { alert_ids, to, by } => {
            return each(alert_ids, async |alert_id| {
                let (actor, note) = (by.person.clone(), by.note.clone());
                let request = v1::AssignAlertRequest { alert_id, actor, assignee: to.clone(), note };
                let response = client.assign_alert(request).await.map_err(explain)?.into_inner();
                show::changed(response.alert, 0, 0, clock, format)
            })
            .await;
        }
        Command::Close { alert_ids, reason, by, with_members } => {
            return each(alert_ids, async |alert_id| {
                let (actor, note) = (by.person.clone(), by.note.clone());
                let reason = v1::CloseReason::from(*reason).into();
                let request =
                    v1::CloseAlertRequest { alert_id, actor, reason, note, with_members: *with_members };
                let response = client.close_alert(request).await.map_err(explain)?.into_inner();
                show::changed(response.alert, response.num_members, response.num_damaged, clock, format)
            })
            .await;
        }
        Command::DeadLetters { receiver, all, limit } => {
            dead_letters(&mut client, server, (receiver.as_deref(), *all), *limit, clock, format).await?;
        }
        Command::Retry { dead_letter_ids } => {
            return each(dead_letter_ids, async |dead_letter_id| {
                let request = v1::RetryDeadLetterRequest { dead_letter_id };
                let response = client.retry_dead_letter(request).await.map_err(explain)?.into_inner();
                let letter = response.dead_letter.unwrap_or_default();
                match format {
                    Format::Json => emit(&json::to_line(&letter))?,
                    Format::Text | Format::Srt => {
                        emit(&show::letter(&letter, clock.full(letter.at.as_ref()), clock).join("\t"))?
                    }
                }
                Ok(())
            })
            .await;
        }
        Command::Test { receiver } => {
            let request = v1::TestReceiverRequest { receiver: receiver.clone() };
            client.test_receiver(request).await.map_err(explain)?;
            eprintln!("{receiver} took the message");
        }
    }
    Ok(Exit::Success)
}

/// Does `work` with each of `numbers`. One that fails is told and keeps no other back.
async fn each(numbers: &[u64], mut work: impl AsyncFnMut(u64) -> anyhow::Result<()>) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    for number in numbers {
        match work(*number).await {
            Err(error) if numbers.len() > 1 => {
                eprintln!("diting: {number}: {error:#}");
                exit = Exit::Failure;
            }
            outcome => outcome?,
        }
    }
    Ok(exit)
}

async fn list(
    client: &mut AlertClient,
    server: &ServerArgs,
    (filter, clock): (&FilterArgs, &Clock),
    limit: usize,
    format: Format,
) -> anyhow::Result<()> {
    if limit == 0 {
        return Err(UsageError("--limit must be at least 1".to_owned()).into());
    }
    let filter = filter.wire(clock)?;
    let raised = format!("提出时间 {}", clock.name());
    let mut table = Table::new(["预警", "级别", "状态", &raised, "策略", "座席", "通话", "原话"]);
    let (mut num_seen, mut page_token) = (0, String::new());
    loop {
        let page_size = u32::try_from(limit - num_seen).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let request = v1::ListAlertsRequest { filter: Some(filter.clone()), page_size, page_token };
        let page = client.list_alerts(request).await.map_err(|status| server.explain(&status))?.into_inner();
        for alert in &page.alerts {
            match format {
                Format::Json => emit(&json::to_line(alert))?,
                Format::Text | Format::Srt => {
                    table.add(show::row(alert, table.time(clock, alert.raised_at.as_ref())));
                }
            }
        }
        num_seen += page.alerts.len();
        page_token = page.next_page_token;
        if page_token.is_empty() || num_seen >= limit {
            table.print()?;
            if format == Format::Text {
                eprintln!("共 {} 条，显示 {num_seen} 条", page.total);
            }
            tell_damaged("条预警", page.num_damaged);
            return Ok(());
        }
    }
}

async fn dead_letters(
    client: &mut AlertClient,
    server: &ServerArgs,
    (receiver, with_delivered): (Option<&str>, bool),
    limit: usize,
    clock: &Clock,
    format: Format,
) -> anyhow::Result<()> {
    let given_up = format!("放弃时间 {}", clock.name());
    let mut table = Table::new(["编号", "接收方", &given_up, "尝试", "结果", "预警"]);
    let (mut num_seen, mut page_token) = (0, String::new());
    while num_seen < limit {
        let page_size = u32::try_from(limit - num_seen).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let receiver = receiver.unwrap_or_default().to_owned();
        let request = v1::ListDeadLettersRequest { receiver, with_delivered, page_size, page_token };
        let page = client.list_dead_letters(request).await;
        let page = page.map_err(|status| server.explain(&status))?.into_inner();
        for letter in &page.dead_letters {
            match format {
                Format::Json => emit(&json::to_line(letter))?,
                Format::Text | Format::Srt => {
                    table.add(show::letter(letter, table.time(clock, letter.at.as_ref()), clock));
                }
            }
        }
        num_seen += page.dead_letters.len();
        page_token = page.next_page_token;
        if page_token.is_empty() || num_seen >= limit {
            table.print()?;
            if num_seen == 0 {
                eprintln!("没有未送达的消息");
            }
            tell_damaged("条未送达消息", page.num_damaged);
            break;
        }
    }
    Ok(())
}
