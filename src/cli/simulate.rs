//! `diting simulate`: a made-up month in a data directory of its own.

use std::path::PathBuf;

use anyhow::{Context, bail};
use jiff::civil::Date;

use super::settings::StageArgs;
use super::{Exit, output};
use crate::app;
use crate::config::Config;
use crate::simulation::{Simulation, SimulationConfig};

/// Fills a data directory with made-up calls, and says what is planted in them.
///
/// The calls are text with times, judged by the real rules. The same settings give the same calls. Nothing of it is
/// about anybody. Then: diting serve --data DIR, and ask for reports, trends, topics and the like.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  diting simulate --data month --agents 200\n  diting serve --data month")]
pub(super) struct Args {
    /// Data directory to fill; it must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Agents, forty to a team
    #[arg(long, default_value_t = 200)]
    agents: usize,
    /// Days
    #[arg(long, default_value_t = 30)]
    days: usize,
    /// Calls of an agent on an ordinary working day, on average
    #[arg(long, default_value_t = 3.0)]
    calls_a_day: f64,
    /// Other seeds give other months
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first day
    #[arg(long, default_value = "2026-06-01", value_name = "YYYY-MM-DD")]
    first_day: Date,
    /// Plants nothing: a month in which nothing changes but by chance
    #[arg(long)]
    plain: bool,
    /// Configuration file in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if !app::is_empty_dir(&args.data).with_context(|| format!("cannot look into {}", args.data.display()))? {
        bail!(
            "`{}` is not empty: made-up calls never go among real ones; name another folder",
            args.data.display()
        );
    }
    let layers = StageArgs::of(args.config, None).layers().flag("store.data_dir", Some(args.data));
    let config = Config::load(&layers)?;
    let simulation = Simulation::new(SimulationConfig {
        seed: args.seed,
        num_agents: args.agents,
        num_days: args.days,
        calls_a_day: args.calls_a_day,
        first_day: args.first_day,
        is_planted: !args.plain,
    });
    let mut num_calls = 0;
    app::simulate(&config, &simulation, args.days, &mut |day, number| {
        num_calls += number;
        eprintln!("day {} of {}: {num_calls} calls", day + 1, args.days);
    })?;
    output::emit(&(serde_json::to_string_pretty(&simulation.planted())? + "\n"))?;
    Ok(Exit::Success)
}
