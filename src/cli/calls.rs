//! `diting calls`: asks a server about its calls.

use std::io::IsTerminal;

use super::Exit;
use super::client::{Client, ServerArgs, block_on, reason};
use super::exit::{UsageError, describe};
use super::originals::{self, AccessArgs, AudioArgs, TokenArgs};
use super::output::{self, Format, emit};
use super::topics::{CallOpinion, about_call};
use super::{late, watch};
use crate::proto::convert::timestamp;
use crate::proto::{json, v1};

/// Largest page a server gives.
const MAX_PAGE: u32 = 500;

/// What was typed after `diting calls`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print; srt only with `show`
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Lists calls, newest first
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: usize,
    },
    /// Shows everything about one call
    Show {
        /// The call
        call_id: String,
    },
    /// Lists findings of one call, or of all calls, newest call first
    Findings {
        /// The call; all calls when absent
        call_id: Option<String>,
        #[command(flatten)]
        filter: FilterArgs,
        /// Verdicts to list; may be repeated
        #[arg(long = "verdict", value_enum, value_name = "VERDICT", default_values_t = [VerdictArg::Hit])]
        verdicts: Vec<VerdictArg>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: usize,
    },
    /// Follows a call until it is done or failed
    Watch {
        /// The call
        call_id: String,
    },
    /// Tells what is known later about a call, and judges it anew
    Update(late::Args),
    /// Writes the recording as WAV, with personal data silenced
    Audio(AudioArgs),
    /// Shows the transcript as it was said; needs an access token and leaves an audit entry
    Unmask {
        /// The call
        call_id: String,
        #[command(flatten)]
        access: AccessArgs,
    },
    /// Lists who asked for originals, newest first; needs an access token
    Access {
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: usize,
        #[command(flatten)]
        token: TokenArgs,
    },
    /// Lets the bank's own model summarise a call; an opinion, not a finding
    Summarize(CallOpinion),
    /// Asks the bank's own model the configured questions about a call; opinions, not findings
    Judge(CallOpinion),
    /// Deletes calls with their results and audio
    Delete {
        /// The calls
        #[arg(required = true)]
        call_ids: Vec<String>,
    },
}

/// Which calls.
#[derive(Debug, clap::Args)]
struct FilterArgs {
    /// Received at or after, for example 2026-11-23T00:00:00+08:00
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// Received before
    #[arg(long, value_name = "TIME")]
    to: Option<jiff::Timestamp>,
    /// The agent's job number
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// A rule that hit
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// The state
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Scored at most this
    #[arg(long, value_name = "POINTS")]
    max_score: Option<f64>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StateArg {
    Accepted,
    Decoding,
    Transcribing,
    Scoring,
    Done,
    Failed,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum VerdictArg {
    Hit,
    Miss,
    Na,
}

impl From<&FilterArgs> for v1::CallFilter {
    fn from(args: &FilterArgs) -> Self {
        let state = match args.state {
            None => v1::CallState::Unspecified,
            Some(StateArg::Accepted) => v1::CallState::Accepted,
            Some(StateArg::Decoding) => v1::CallState::Decoding,
            Some(StateArg::Transcribing) => v1::CallState::Transcribing,
            Some(StateArg::Scoring) => v1::CallState::Scoring,
            Some(StateArg::Done) => v1::CallState::Done,
            Some(StateArg::Failed) => v1::CallState::Failed,
        };
        Self {
            received_from: args.from.map(timestamp),
            received_before: args.to.map(timestamp),
            agent_id: args.agent.clone().unwrap_or_default(),
            rule_id: args.rule.clone().unwrap_or_default(),
            state: state.into(),
            max_score: args.max_score,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if args.format == Format::Srt && !matches!(args.command, Command::Show { .. } | Command::Unmask { .. }) {
        return Err(UsageError("only `calls show` and `calls unmask` have --format srt".to_owned()).into());
    }
    block_on(async {
        let mut client = args.server.client()?;
        match &args.command {
            Command::List { filter, limit } => list(&args, &mut client, filter.into(), *limit).await,
            Command::Show { call_id } => show(&args, &mut client, call_id).await,
            Command::Findings { call_id, filter, verdicts, limit } => {
                let request = v1::ListFindingsRequest {
                    call_id: call_id.clone().unwrap_or_default(),
                    filter: Some(filter.into()),
                    verdicts: verdicts.iter().map(|verdict| verdict_to_wire(*verdict).into()).collect(),
                    ..Default::default()
                };
                findings(&args, &mut client, request, *limit).await
            }
            Command::Watch { call_id } => watch(&args, &mut client, call_id).await,
            Command::Update(late) => {
                late::update(late, &mut client, &args.server, args.format).await?;
                Ok(Exit::Success)
            }
            Command::Audio(audio) => originals::audio(&args.server, audio).await,
            Command::Unmask { call_id, access } => {
                originals::unmask(&args.server, call_id, access, args.format).await
            }
            Command::Access { limit, token } => {
                originals::access(&args.server, token, *limit, args.format).await
            }
            Command::Summarize(about) => about_call(&args.server, about, false, args.format).await,
            Command::Judge(about) => about_call(&args.server, about, true, args.format).await,
            Command::Delete { call_ids } => delete(&args, &mut client, call_ids).await,
        }
    })
}

fn verdict_to_wire(verdict: VerdictArg) -> v1::Verdict {
    match verdict {
        VerdictArg::Hit => v1::Verdict::Hit,
        VerdictArg::Miss => v1::Verdict::Miss,
        VerdictArg::Na => v1::Verdict::NotApplicable,
    }
}

/// What of `limit` is still wanted, as the size of a page.
fn page_size(limit: usize, num_seen: usize) -> u32 {
    u32::try_from(limit - num_seen).unwrap_or(MAX_PAGE).min(MAX_PAGE)
}

async fn list(
    args: &Args,
    client: &mut Client,
    filter: v1::CallFilter,
    limit: usize,
) -> anyhow::Result<Exit> {
    let (mut num_seen, mut page_token) = (0, String::new());
    if args.format == Format::Text && std::io::stdout().is_terminal() {
        emit(output::SUMMARY_HEADER)?;
    }
    while num_seen < limit {
        let request = v1::ListCallsRequest {
            filter: Some(filter.clone()),
            page_size: page_size(limit, num_seen),
            page_token,
        };
        let page =
            client.list_calls(request).await.map_err(|status| args.server.explain(&status))?.into_inner();
        for summary in &page.calls {
            match args.format {
                Format::Json => emit(&json::to_line(summary))?,
                Format::Text | Format::Srt => emit(&output::summary_line(summary))?,
            }
        }
        num_seen += page.calls.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if !page_token.is_empty() && args.format == Format::Text {
        eprintln!("diting: there are more; --limit {} shows twice as many", limit.saturating_mul(2));
    }
    Ok(Exit::Success)
}

async fn show(args: &Args, client: &mut Client, call_id: &str) -> anyhow::Result<Exit> {
    let request = v1::GetCallReportRequest { call_id: call_id.to_owned() };
    let response = match client.get_call_report(request).await {
        Ok(response) => response,
        Err(status) if reason(&status).as_deref() == Some("call.failed") => {
            return show_failed(args, client, call_id).await;
        }
        Err(status) => return Err(args.server.explain(&status)),
    };
    output::print_report(&response.into_inner().report.unwrap_or_default(), args.format)?;
    Ok(Exit::Success)
}

/// A call that failed has no report; its record says why.
async fn show_failed(args: &Args, client: &mut Client, call_id: &str) -> anyhow::Result<Exit> {
    let request = v1::GetCallRequest { call_id: call_id.to_owned() };
    let response = client.get_call(request).await.map_err(|status| args.server.explain(&status))?;
    let call = response.into_inner().call.unwrap_or_default();
    let failure = call.failure.clone().unwrap_or_default();
    match args.format {
        Format::Json => emit(&json::to_line(&call))?,
        Format::Text => {
            let report = v1::CallReport { call: Some(call), ..v1::CallReport::default() };
            output::print_report(&report, args.format)?;
        }
        Format::Srt => {}
    }
    eprintln!("diting: {call_id}: {} ({})", failure.message, failure.reason);
    Ok(Exit::Failure)
}

async fn findings(
    args: &Args,
    client: &mut Client,
    mut request: v1::ListFindingsRequest,
    limit: usize,
) -> anyhow::Result<Exit> {
    let mut num_seen = 0;
    while num_seen < limit {
        request.page_size = page_size(limit, num_seen);
        let page = client
            .list_findings(request.clone())
            .await
            .map_err(|status| args.server.explain(&status))?
            .into_inner();
        // A page ends with the end of a call and may hold more than was asked for.
        for finding in page.findings.iter().take(limit - num_seen) {
            match args.format {
                Format::Json => emit(&json::to_line(finding))?,
                Format::Text | Format::Srt => emit(&output::finding_line(finding))?,
            }
        }
        num_seen += page.findings.len();
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    Ok(Exit::Success)
}

async fn watch(args: &Args, client: &mut Client, call_id: &str) -> anyhow::Result<Exit> {
    let last = watch::each(client, &args.server, call_id, |update| {
        let line = match args.format {
            Format::Json => json::to_line(update),
            Format::Text | Format::Srt => {
                let percent = f64::from(update.progress) * 100.0;
                format!("{}\t{percent:.0} %", watch::state_name(update.state()))
            }
        };
        Ok(emit(&line)?)
    })
    .await?;
    let Some(failure) = last.failure else { return Ok(Exit::Success) };
    eprintln!("diting: {call_id}: {} ({})", failure.message, failure.reason);
    Ok(Exit::Failure)
}

async fn delete(args: &Args, client: &mut Client, call_ids: &[String]) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    for call_id in call_ids {
        match client.delete_call(v1::DeleteCallRequest { call_id: call_id.clone() }).await {
            Ok(_) => emit(&format!("deleted\t{call_id}"))?,
            Err(status) => {
                eprintln!("diting: {call_id}: {}", describe(&args.server.explain(&status)));
                exit = Exit::Failure;
            }
        }
    }
    Ok(exit)
}
