//! `diting batch`: jobs over many calls, run by a server and followed from here.

mod diff;
mod follow;
mod offline;
mod show;

use std::path::{Path, PathBuf};

use super::Exit;
use super::client::{ReprocessClient, ServerArgs, block_on};
use super::clock::Moment;
use super::exit::UsageError;
use super::name_args::NameArgs;
use super::output::{Format, emit};
use super::text_calls::ChatArgs;
use crate::analysis::RuleSet;
use crate::app::read_pack;
use crate::listing::LegRoles;
use crate::proto::v1;
use crate::types::zone_name;
use offline::OfflineArgs;

/// What was typed after `diting batch`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    offline: OfflineArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Takes in every recording and chat of a folder or manifest
    Import(ImportArgs),
    /// Judges stored calls again, by other rules or the same, without listening to them again
    Rescore {
        #[command(flatten)]
        selection: SelectionArgs,
        /// Rule pack, a file or folder; `bank` is the built-in one; the server's own when absent
        #[arg(long, value_name = "PATH")]
        scheme: Option<PathBuf>,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Transcribes stored calls again with another speech model
    Retranscribe {
        #[command(flatten)]
        selection: SelectionArgs,
        /// The speech model
        #[arg(long = "with", value_name = "NAME")]
        model: String,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Shows what a rule revision would change for stored calls, before it is published; stores nothing
    Diff {
        /// Rule pack after the change, a file or folder; `bank` is the built-in one
        #[arg(long, value_name = "PATH")]
        scheme: PathBuf,
        /// Rule pack before, likewise; what is stored about each call when absent
        #[arg(long, value_name = "PATH")]
        against: Option<PathBuf>,
        #[command(flatten)]
        selection: SelectionArgs,
        /// Only the totals
        #[arg(long, short)]
        quiet: bool,
    },
    /// Lists jobs, newest first
    List,
    /// Shows one job
    Status {
        /// The job
        job_id: String,
    },
    /// Follows a job until it ends or is paused
    Watch {
        /// The job
        job_id: String,
    },
    /// Lists the files and calls that a job could not deal with
    Problems {
        /// The job
        job_id: String,
    },
    /// Lets a job wait; what it has in the pipeline ends first
    Pause {
        /// The job
        job_id: String,
    },
    /// Goes on with a job that is paused or has failed, and follows it
    Resume {
        /// The job
        job_id: String,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Ends a job before its time; what it did stays
    Cancel {
        /// The job
        job_id: String,
    },
}

/// What to import.
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// A folder, or a manifest (.csv, .tsv, .jsonl), as the server's machine has it
    path: PathBuf,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    chats: ChatArgs,
    #[command(flatten)]
    follow: FollowArgs,
}

/// Which calls.
#[derive(Debug, clap::Args)]
struct SelectionArgs {
    /// Calls that began at or after: 2026-11-23, 2026-11-23T09:00 (by the clock of the centre) or 2026-11-23T09:00:00+08:00
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Calls that began before
    #[arg(long, alias = "until", value_name = "TIME")]
    before: Option<Moment>,
    /// The agent's job number
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// A rule that hit
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
}

/// Whether to stay until the job ends.
#[derive(Debug, clap::Args)]
struct FollowArgs {
    /// Leaves the job to the server at once; `diting batch watch` follows it
    #[arg(long)]
    detach: bool,
}

impl SelectionArgs {
    /// The same on the wire; times without a zone are those of the server's centre.
    async fn wire(&self, server: &ServerArgs) -> anyhow::Result<v1::CallSelection> {
        let needs_clock = [self.since, self.before].into_iter().flatten().any(Moment::needs_clock);
        let clock = server.clock_if(needs_clock).await?;
        clock.in_order(["since", "before"], self.since, self.before)?;
        Ok(v1::CallSelection {
            since: clock.wire(self.since),
            until: clock.wire(self.before),
            agent_id: self.agent.clone().unwrap_or_default(),
            rule_id: self.rule.clone().unwrap_or_default(),
        })
    }
}

impl ImportArgs {
    fn spec(&self) -> v1::ImportSpec {
        let NameArgs { names, legs, no_legs, in_is, zone } = &self.names;
        let leg_roles = match in_is.unwrap_or_default() {
            LegRoles::ByDirection => v1::LegRoles::Unspecified,
            LegRoles::InIsAgent => v1::LegRoles::InIsAgent,
            LegRoles::InIsCustomer => v1::LegRoles::InIsCustomer,
        };
        // A path that is here is most likely meant from here; the server has another working directory.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        v1::ImportSpec {
            path: path.display().to_string(),
            name_pattern: names.as_ref().map(|names| names.as_str().to_owned()).unwrap_or_default(),
            time_zone: zone.as_ref().map(zone_name).unwrap_or_default(),
            leg_suffixes: legs.iter().map(ToString::to_string).collect(),
            separate_legs: *no_legs,
            leg_roles: leg_roles.into(),
            chat_accounts: Some(self.chats.accounts()),
            chat_gap_minutes: self.chats.gap_minutes,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if args.format == Format::Srt {
        return Err(UsageError("--format srt is only for `calls show`".to_owned()).into());
    }
    block_on(async {
        if args.offline.is_asked_for() {
            return offline::run(&args.offline, async |server| ask(&args, server).await).await;
        }
        ask(&args, &args.server).await
    })
}

async fn ask(args: &Args, server: &ServerArgs) -> anyhow::Result<Exit> {
    let mut client = server.reprocess_client()?;
    let explain = |status: tonic::Status| server.explain(&status);
    let (job, is_followed) = match &args.command {
        Command::Import(import) => {
            let request = v1::StartImportRequest { spec: Some(import.spec()) };
            let response = client.start_import(request).await.map_err(explain)?;
            (response.into_inner().job, !import.follow.detach)
        }
        Command::Rescore { selection, scheme, follow } => {
            let request = v1::StartRescoreRequest {
                selection: Some(selection.wire(server).await?),
                pack: scheme.as_deref().map(pack).transpose()?,
            };
            let response = client.start_rescore(request).await.map_err(explain)?;
            (response.into_inner().job, !follow.detach)
        }
        Command::Retranscribe { selection, model, follow } => {
            let request = v1::StartRetranscribeRequest {
                selection: Some(selection.wire(server).await?),
                model: model.clone(),
            };
            let response = client.start_retranscribe(request).await.map_err(explain)?;
            (response.into_inner().job, !follow.detach)
        }
        Command::Diff { scheme, against, selection, quiet } => {
            let request = v1::DiffRevisionsRequest {
                selection: Some(selection.wire(server).await?),
                after: Some(pack(scheme)?),
                before: against.as_deref().map(pack).transpose()?,
            };
            return diff::run(&mut client, server, request, *quiet, args.format).await;
        }
        Command::List => {
            let response = client.list_jobs(v1::ListJobsRequest {}).await.map_err(explain)?;
            show::list(&response.into_inner().jobs, args.format)?;
            return Ok(Exit::Success);
        }
        Command::Status { job_id } => {
            let request = v1::GetJobRequest { job_id: job_id.clone() };
            (client.get_job(request).await.map_err(explain)?.into_inner().job, false)
        }
        Command::Watch { job_id } => {
            let request = v1::GetJobRequest { job_id: job_id.clone() };
            (client.get_job(request).await.map_err(explain)?.into_inner().job, true)
        }
        Command::Problems { job_id } => {
            show::problems(&mut client, server, job_id, args.format).await?;
            return Ok(Exit::Success);
        }
        Command::Pause { job_id } => {
            let request = v1::PauseJobRequest { job_id: job_id.clone() };
            (client.pause_job(request).await.map_err(explain)?.into_inner().job, false)
        }
        Command::Resume { job_id, follow } => {
            let request = v1::ResumeJobRequest { job_id: job_id.clone() };
            let response = client.resume_job(request).await.map_err(explain)?;
            (response.into_inner().job, !follow.detach)
        }
        Command::Cancel { job_id } => {
            let request = v1::CancelJobRequest { job_id: job_id.clone() };
            (client.cancel_job(request).await.map_err(explain)?.into_inner().job, false)
        }
    };
    let job = job.unwrap_or_default();
    if !is_followed {
        show::job(&job, args.format)?;
        return Ok(Exit::Success);
    }
    finish(args, &mut client, server, job).await
}

/// Follows a job to its end and says what came of it.
async fn finish(
    args: &Args,
    client: &mut ReprocessClient,
    server: &ServerArgs,
    job: v1::Job,
) -> anyhow::Result<Exit> {
    let format = args.format;
    let job = match follow::until_end(client, server, job).await? {
        follow::End::Reached(job) => job,
        follow::End::Left(job) => {
            let id = &job.job_id;
            let next = if args.offline.is_asked_for() {
                format!(
                    "it waits; `diting batch watch {id} --offline`, or a server over the same data, goes on with it"
                )
            } else {
                format!("it goes on without this window; `diting batch watch {id}` follows it")
            };
            emit(&format!("{id}: {next}"))?;
            return Ok(Exit::Success);
        }
    };
    show::job(&job, format)?;
    let counts = job.counts.unwrap_or_default();
    if counts.failed + counts.refused > 0 && format == Format::Text {
        show::problems(client, server, &job.job_id, format).await?;
    }
    let is_well = counts.failed + counts.refused == 0 && job.state() == v1::JobState::Done;
    Ok(if is_well { Exit::Success } else { Exit::Failure })
}

/// The files of a rule pack.
fn pack(path: &Path) -> anyhow::Result<v1::RulePack> {
    let file = |(name, text): (String, String)| v1::PackFile { name, text };
    let files = if path.as_os_str() == "bank" && !path.exists() {
        let sources = RuleSet::bank_sources().iter();
        sources.map(|(name, text)| file(((*name).to_owned(), (*text).to_owned()))).collect()
    } else {
        read_pack(path)?.into_iter().map(file).collect()
    };
    Ok(v1::RulePack { files })
}
