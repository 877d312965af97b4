//! `diting calls`: asks a server about its calls.

use super::Exit;
use super::client::{Client, ServerArgs, block_on, reason};
use super::clock::Clock;
use super::exit::{UsageError, describe};
use super::originals::{self, AccessArgs, AudioArgs, TokenArgs};
use super::output::{self, Format, emit};
use super::query_args::VerdictArg;
use super::topics::{CallOpinion, about_call};
use super::{late, lists, watch};
use crate::proto::{json, v1};

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
    /// Lists calls by any mix of what is known of them, newest first
    ///
    /// diting calls list --team 三组 --level S1 --since 2026-11-01 --sort score
    /// diting calls list --text '提前还款 客户:投诉' --call-type inbound
    #[command(verbatim_doc_comment)]
    List(Box<lists::CallsArgs>),
    /// Shows in which calls, and where in them, something was said
    ///
    /// diting calls search 提前还款
    /// diting calls search '客服:保本 -客户:不需要' --since 2026-11-01
    #[command(verbatim_doc_comment)]
    Search(Box<lists::SearchArgs>),
    /// Shows everything about one call
    Show {
        /// The call
        call_id: String,
    },
    /// Lists findings of one call; `diting findings list` does so across calls
    Findings {
        /// The call
        call_id: String,
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

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if args.format == Format::Srt && !matches!(args.command, Command::Show { .. } | Command::Unmask { .. }) {
        return Err(UsageError("only `calls show` and `calls unmask` have --format srt".to_owned()).into());
    }
    block_on(async {
        let mut client = args.server.client()?;
        match &args.command {
            Command::List(list) => lists::calls(list, &mut client, &args.server, args.format).await,
            Command::Search(search) => lists::search(search, &mut client, &args.server, args.format).await,
            Command::Show { call_id } => show(&args, &mut client, call_id).await,
            Command::Findings { call_id, verdicts, limit } => {
                let verdicts = verdicts.iter().map(|verdict| verdict.to_wire().into()).collect();
                let filter = v1::CallFilter { verdicts, ..Default::default() };
                let (call_id, filter) = (call_id.clone(), Some(filter));
                let request = v1::ListFindingsRequest { call_id, filter, ..Default::default() };
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

async fn show(args: &Args, client: &mut Client, call_id: &str) -> anyhow::Result<Exit> {
    // Before the call, which is not kept back then because the clock cannot be had.
    let clock = args.server.clock_if(args.format == Format::Text).await?;
    let request = v1::GetCallReportRequest { call_id: call_id.to_owned() };
    let response = match client.get_call_report(request).await {
        Ok(response) => response,
        Err(status) if reason(&status).as_deref() == Some("call.failed") => {
            return show_failed(args, client, call_id, &clock).await;
        }
        Err(status) => return Err(args.server.explain(&status)),
    };
    output::print_report(&response.into_inner().report.unwrap_or_default(), args.format, clock.zone())?;
    Ok(Exit::Success)
}

/// A call that failed has no report; its record says why.
async fn show_failed(args: &Args, client: &mut Client, call_id: &str, clock: &Clock) -> anyhow::Result<Exit> {
    let request = v1::GetCallRequest { call_id: call_id.to_owned() };
    let response = client.get_call(request).await.map_err(|status| args.server.explain(&status))?;
    let call = response.into_inner().call.unwrap_or_default();
    let failure = call.failure.clone().unwrap_or_default();
    match args.format {
        Format::Json => emit(&json::to_line(&call))?,
        Format::Text => {
            let report = v1::CallReport { call: Some(call), ..v1::CallReport::default() };
            output::print_report(&report, args.format, clock.zone())?;
        }
        Format::Srt => {}
    }
    eprintln!("diting: {call_id}: {} ({})", failure.message, failure.reason);
    Ok(Exit::Failure)
}

async fn findings(
    args: &Args,
    client: &mut Client,
    request: v1::ListFindingsRequest,
    limit: usize,
) -> anyhow::Result<Exit> {
    let found =
        client.list_findings(request).await.map_err(|status| args.server.explain(&status))?.into_inner();
    for finding in found.findings.iter().take(limit) {
        match args.format {
            Format::Json => emit(&json::to_line(finding))?,
            Format::Text | Format::Srt => emit(&output::finding_line(finding))?,
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
