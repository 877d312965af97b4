//! The command line: what can be typed, and which command runs.
//!
//! Data goes to standard output, everything else to standard error; colour and progress only on a terminal.

#![allow(
    clippy::print_stderr,
    reason = "printing is this module's job; standard output goes through `output::emit`"
)]

mod alerts;
mod analyze;
mod batch;
mod calls;
mod chats;
mod client;
mod clock;
mod config;
mod eval;
mod exit;
mod findings;
mod insight;
mod late;
mod lists;
mod logging;
mod models;
mod name_args;
mod originals;
mod output;
mod progress;
mod push;
mod query_args;
mod recording;
pub mod report;
mod reports;
mod review;
mod rules;
mod serve;
mod settings;
mod simulate;
mod store;
mod table;
mod text_calls;
mod topics;
mod unknown;
mod watch;
mod watch_folder;

use clap::{Parser, Subcommand};

pub use exit::{Exit, report_failure};

/// Listens to every call: transcribes, separates the speakers, judges by rules and scores, on this machine.
#[derive(Debug, Parser)]
#[command(name = "diting", version, propagate_version = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service: gRPC with reflection and health, one data directory
    Serve(serve::Args),
    /// Analyzes recordings without a server and prints the report
    Analyze(analyze::Args),
    /// Sends recordings to a server as a recorder would
    Push(Box<push::Args>),
    /// Asks a server about its calls
    Calls(calls::Args),
    /// Asks a server about findings across calls
    Findings(findings::Args),
    /// Follows, lists and deals with alerts, and what could not be delivered
    Alerts(alerts::Args),
    /// Takes in archives, judges or transcribes stored calls again, compares rule revisions
    Batch(batch::Args),
    /// Follows hits and rates, finds hot spots, says whether improvements helped
    Track(insight::TrackArgs),
    /// Reports on agents
    Agents(insight::AgentsArgs),
    /// Reports on teams
    Teams(insight::TeamsArgs),
    /// Lists common problems: which rules, how many agents, how concentrated, since when
    Problems(Box<insight::ProblemsArgs>),
    /// Samples, reviews and appeals: what people make of findings, and how right rules are
    Review(Box<review::Args>),
    /// What many calls are about: topics, new words, bursts
    Topics(topics::Args),
    /// What customers want, by class
    Demands(topics::ListArgs),
    /// Where scripts and processes are weak
    WeakSpots(topics::ListArgs),
    /// Makes reports of a day, a week or a month, and exports for other programs
    Report(reports::Args),
    /// Checks and tests rule packs
    Rules(rules::Args),
    /// Lists, fetches, imports and verifies speech models
    Models(models::Args),
    /// Fills a data directory with a made-up month, for a look at reports and for measuring
    Simulate(simulate::Args),
    /// Checks or shows the configuration
    Config(config::Args),
    /// Looks after a data directory that no server has open
    Store(store::Args),
    /// Measures recognition against labelled recordings, and rules against labelled calls
    Eval(eval::Args),
}

/// Runs the command that was typed.
///
/// # Errors
/// Whatever the command fails with; [`report_failure`] shows it.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Serve(args) => serve::run(args),
        Command::Analyze(args) => analyze::run(args),
        Command::Push(args) => push::run(*args),
        Command::Calls(args) => calls::run(args),
        Command::Findings(args) => findings::run(args),
        Command::Alerts(args) => alerts::run(args),
        Command::Batch(args) => batch::run(args),
        Command::Track(args) => insight::track(args),
        Command::Agents(args) => insight::agents(args),
        Command::Teams(args) => insight::teams(args),
        Command::Problems(args) => insight::problems(*args),
        Command::Review(args) => review::run(*args),
        Command::Topics(args) => topics::run(args),
        Command::Demands(args) => topics::demands(args),
        Command::WeakSpots(args) => topics::weak_spots(args),
        Command::Report(args) => reports::run(args),
        Command::Rules(args) => rules::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Models(args) => models::run(args),
        Command::Config(args) => config::run(args),
        Command::Store(args) => store::run(args),
        Command::Eval(args) => eval::run(args),
    }
}
