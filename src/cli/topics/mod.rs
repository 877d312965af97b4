//! `diting topics`, `diting demands` and `diting weak-spots`: what many calls are about, as a server mined it.

mod opinion;
mod show;

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use tonic::transport::Channel;

use super::Exit;
use super::client::{ServerArgs, block_on};
use super::clock::{Clock, Moment};
use super::exit::UsageError;
use super::output::emit;
use super::progress;
use super::report::clean;
use crate::proto::convert::timestamp;
use crate::proto::v1::topic_service_client::TopicServiceClient;
use crate::proto::{json, v1};

pub(super) use opinion::{CallOpinion, about_call};

/// How often a run is asked how far it is.
const ASK_INTERVAL: Duration = Duration::from_millis(300);

pub(super) type TopicClient = TopicServiceClient<Channel>;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For a person
    #[default]
    Text,
    /// The answer as proto3 JSON
    Json,
}

/// What was typed after `diting topics`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    diting topics mine --since 2026-10-01 --before 2026-11-01\n  \
    diting topics list\n  diting topics show 账单、年费、信用卡\n  diting topics rename 账单、年费、信用卡 年费争议\n  \
    diting topics bursts --format json")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, clap::Args)]
struct CommonArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
    /// The run to look at; the last that is done when absent
    #[arg(long, value_name = "NUMBER", global = true)]
    run: Option<u64>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Mines the calls of a period: words, topics, demands, bursts, weak spots
    Mine(MineArgs),
    /// Lists topics, the most frequent first
    List,
    /// Shows one topic with its trend and calls
    Show {
        /// The topic by its name
        topic: String,
    },
    /// Gives a topic a name, which later runs find again
    Rename {
        /// The topic by its present name
        topic: String,
        /// Its new name
        name: String,
    },
    /// Lists new words, and with `--all` the most frequent words
    Words {
        /// Words of the dictionary too
        #[arg(long)]
        all: bool,
    },
    /// Lists words and phrases that mark the period against the one before
    Phrases,
    /// Lists topics and words that came up far more often on some days
    Bursts,
    /// Lists the runs that are kept
    Runs,
    /// Ends the run that is under way
    Cancel,
    /// Lets the bank's own model summarise a topic, each time anew; an opinion, not a finding
    Summarize {
        /// The topic by its name
        topic: String,
    },
}

#[derive(Debug, clap::Args)]
struct MineArgs {
    /// Calls that began at or after: 2026-10-01 (by the clock of the centre) or 2026-10-01T09:00:00+08:00; 30 days before `--before` when absent
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Calls that began before; now when absent
    #[arg(long, value_name = "TIME")]
    before: Option<Moment>,
    /// The background of key phrases begins here; as long before `--since` as the period is long when absent
    #[arg(long, value_name = "TIME")]
    background_since: Option<Moment>,
    /// Fewest calls of a topic
    #[arg(long, default_value_t = 100, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    min_topic_calls: u32,
    /// Fewest calls of a word, a new word or a phrase
    #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    min_word_calls: u32,
    /// Do not wait for the end of the run
    #[arg(long)]
    detach: bool,
}

/// What was typed after `diting demands` or `diting weak-spots`.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    common: CommonArgs,
}

impl Command {
    /// Whether times are read by the clock of the centre, or shown.
    fn needs_clock(&self, format: Format) -> bool {
        match self {
            Self::Mine(MineArgs { since, before, background_since, .. }) => {
                let times = [since, before, background_since];
                format == Format::Text || times.into_iter().flatten().any(|time| time.needs_clock())
            }
            Self::List | Self::Words { .. } | Self::Phrases | Self::Bursts | Self::Runs | Self::Cancel => {
                format == Format::Text
            }
            Self::Show { .. } | Self::Rename { .. } | Self::Summarize { .. } => false,
        }
    }
}

impl CommonArgs {
    fn client(&self) -> anyhow::Result<TopicClient> {
        self.server.topic_client()
    }

    fn run(&self) -> u64 {
        self.run.unwrap_or_default()
    }

    /// Prints an answer.
    fn print<M: json::Named>(&self, answer: &M, text: impl FnOnce(&M) -> String) -> anyhow::Result<Exit> {
        match self.format {
            Format::Json => emit(&json::to_line(answer))?,
            Format::Text => emit(&harmless(text(answer).trim_end()))?,
        }
        Ok(Exit::Success)
    }
}

/// `text` with its lines and tabs, and nothing else that steers a terminal: it quotes what customers wrote.
fn harmless(text: &str) -> String {
    let line = |line: &str| line.split('\t').map(clean).collect::<Vec<_>>().join("\t");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Runs `diting topics`.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    block_on(run_topics(args))
}

async fn run_topics(Args { command, common }: Args) -> anyhow::Result<Exit> {
    let mut client = common.client()?;
    let explain = |status: tonic::Status| common.server.explain(&status);
    let run = common.run();
    let clock = &common.server.clock_if(command.needs_clock(common.format)).await?;
    match command {
        Command::Mine(args) => mine(&common, &mut client, clock, args).await,
        Command::List => {
            let answer = client.list_topics(v1::ListTopicsRequest { run }).await.map_err(explain)?;
            common.print(&answer.into_inner(), |answer| show::topics(answer, clock))
        }
        Command::Show { topic } => {
            let answer = client.list_topics(v1::ListTopicsRequest { run }).await.map_err(explain)?;
            let found = answer.into_inner().topics.into_iter().find(|one| one.name == topic);
            let found = found.ok_or_else(|| {
                UsageError(format!("the run has no topic `{topic}`: `diting topics list` names them"))
            })?;
            common.print(&found, show::topic)
        }
        Command::Rename { topic, name } => {
            let request = v1::RenameTopicRequest { topic, name };
            let answer = client.rename_topic(request).await.map_err(explain)?.into_inner();
            common.print(&answer, |answer| answer.topic.as_ref().map(show::topic).unwrap_or_default())
        }
        Command::Words { all } => {
            let answer = client.list_new_words(v1::ListNewWordsRequest { run }).await.map_err(explain)?;
            common.print(&answer.into_inner(), |answer| show::words(answer, all, clock))
        }
        Command::Phrases => {
            let answer = client.list_key_phrases(v1::ListKeyPhrasesRequest { run }).await.map_err(explain)?;
            common.print(&answer.into_inner(), |answer| show::phrases(answer, clock))
        }
        Command::Bursts => {
            let answer = client.list_bursts(v1::ListBurstsRequest { run }).await.map_err(explain)?;
            common.print(&answer.into_inner(), |answer| show::bursts(answer, clock))
        }
        Command::Runs => {
            let answer = client.list_mining_runs(v1::ListMiningRunsRequest {}).await.map_err(explain)?;
            common.print(&answer.into_inner(), |answer| {
                answer.runs.iter().map(|run| show::run(run, clock)).collect::<Vec<_>>().join("\n")
            })
        }
        Command::Cancel => {
            let answer = client.cancel_mining(v1::CancelMiningRequest {}).await.map_err(explain)?;
            common.print(&answer.into_inner(), |answer| {
                answer.run.as_ref().map(|run| show::run(run, clock)).unwrap_or_default()
            })
        }
        Command::Summarize { topic } => {
            let answer = opinion::of_topic(&common.server, topic).await?;
            common.print(&answer, |answer| opinion::text(answer.opinion.as_ref()))
        }
    }
}

/// Runs `diting demands`.
pub(super) fn demands(ListArgs { common }: ListArgs) -> anyhow::Result<Exit> {
    block_on(async {
        let clock = &common.server.clock_if(common.format == Format::Text).await?;
        let request = v1::ListDemandsRequest { run: common.run() };
        let answer = common.client()?.list_demands(request).await;
        let answer = answer.map_err(|status| common.server.explain(&status))?.into_inner();
        common.print(&answer, |answer| show::demands(answer, clock))
    })
}

/// Runs `diting weak-spots`.
pub(super) fn weak_spots(ListArgs { common }: ListArgs) -> anyhow::Result<Exit> {
    block_on(async {
        let clock = &common.server.clock_if(common.format == Format::Text).await?;
        let request = v1::ListWeakSpotsRequest { run: common.run() };
        let answer = common.client()?.list_weak_spots(request).await;
        let answer = answer.map_err(|status| common.server.explain(&status))?.into_inner();
        common.print(&answer, |answer| show::weak_spots(answer, clock))
    })
}

async fn mine(
    common: &CommonArgs,
    client: &mut TopicClient,
    clock: &Clock,
    args: MineArgs,
) -> anyhow::Result<Exit> {
    clock.begun(args.since, args.before)?;
    let before = args.before.map_or_else(Timestamp::now, |before| clock.at(before));
    let from = match args.since {
        Some(since) => clock.at(since),
        None => before.checked_sub((30 * 24).hours())?,
    };
    let request = v1::MineTopicsRequest {
        from: Some(timestamp(from)),
        before: Some(timestamp(before)),
        background_from: clock.wire(args.background_since),
        min_topic_calls: args.min_topic_calls,
        min_word_calls: args.min_word_calls,
    };
    let explain = |status: tonic::Status| common.server.explain(&status);
    let begun = client.mine_topics(request).await.map_err(explain)?.into_inner();
    let Some(mut run) = begun.run.clone().filter(|_| !args.detach) else {
        return common
            .print(&begun, |begun| begun.run.as_ref().map(|run| show::run(run, clock)).unwrap_or_default());
    };
    let bar = progress::calls(&format!("run {}", run.run));
    while run.state() == v1::MiningState::Running {
        bar.set_length(run.num_to_read / show::PASSES);
        bar.set_position(run.num_read / show::PASSES);
        tokio::time::sleep(ASK_INTERVAL).await;
        let request = v1::GetMiningRunRequest { run: run.run };
        let answer = client.get_mining_run(request).await.map_err(explain)?.into_inner();
        run = answer.run.unwrap_or_default();
    }
    bar.finish_and_clear();
    let is_done = run.state() == v1::MiningState::Done;
    common.print(&v1::GetMiningRunResponse { run: Some(run) }, |answer| {
        answer.run.as_ref().map(|run| show::run(run, clock)).unwrap_or_default()
    })?;
    Ok(if is_done { Exit::Success } else { Exit::Failure })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_steers_no_terminal_and_lines_stay_lines() {
        assert_eq!(harmless("一\t\u{1b}[2J二\n三\u{202e}"), "一\t\u{fffd}[2J二\n三\u{fffd}");
    }
}
