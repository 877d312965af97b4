//! `diting report`: asks a server for reports and exports, and writes them to files.
//!
//! **Invariant**: a file is there whole or not at all, and none is written over without `--force`.

mod export;
mod file;

use std::path::PathBuf;

use jiff::civil::Date;

use super::Exit;
use super::client::{ServerArgs, block_on};
use super::exit::UsageError;
use super::output::emit;
use crate::proto::{json, v1};
use file::Waiting;

/// What was typed after `diting report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  diting report month --date 2026-03-02
  diting report week --of team 理财销售组 --out reports/
  diting report day --date 2026-03-02 --of agent 8103 --formats html
  diting report month --of rule S02 --force
  diting report export findings --file-format parquet --out findings.parquet --since 2026-03-01 --before 2026-04-01")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
    /// How to tell what was written
    #[arg(long, value_enum, default_value_t, global = true)]
    format: ListFormat,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// A report of a day
    Day(ReportArgs),
    /// A report of a week, from Monday to Sunday
    Week(ReportArgs),
    /// A report of a month
    Month(ReportArgs),
    /// All facts of many calls as a table for other programs
    Export(Box<export::ExportArgs>),
}

/// How to print what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum ListFormat {
    /// Paths, one a line
    #[default]
    Text,
    /// One line of proto3 JSON per file
    Json,
}

/// Which report.
#[derive(Debug, clap::Args)]
struct ReportArgs {
    /// About what: centre, team NAME, agent NUMBER or rule ID
    #[arg(long, num_args = 1..=2, value_names = ["KIND", "ID"], default_value = "centre")]
    of: Vec<String>,
    /// Any day of the period, for example 2026-03-02; the last period that is over when absent
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Where days begin, for example Asia/Shanghai or +08:00; as the server's scheme has it when absent
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// What to write
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [FileFormat::Html, FileFormat::Xlsx])]
    formats: Vec<FileFormat>,
    /// The folder to write to; made when missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Writes over files that are there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FileFormat {
    Html,
    Xlsx,
}

/// Runs the command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { command, server, format } = args;
    block_on(async move {
        match command {
            Command::Day(args) => create(&server, v1::ReportUnit::Day, args, format).await,
            Command::Week(args) => create(&server, v1::ReportUnit::Week, args, format).await,
            Command::Month(args) => create(&server, v1::ReportUnit::Month, args, format).await,
            Command::Export(args) => export::run(&server, *args, format == ListFormat::Json).await,
        }
    })
}

async fn create(
    server: &ServerArgs,
    unit: v1::ReportUnit,
    args: ReportArgs,
    format: ListFormat,
) -> anyhow::Result<Exit> {
    let (scope, id) = scope(&args.of)?;
    let request = v1::CreateReportRequest {
        scope: scope.into(),
        id,
        unit: unit.into(),
        date: args.date.map(|date| date.to_string()).unwrap_or_default(),
        time_zone: args.time_zone.unwrap_or_default(),
        formats: args
            .formats
            .iter()
            .map(|format| match format {
                FileFormat::Html => v1::ReportFormat::Html.into(),
                FileFormat::Xlsx => v1::ReportFormat::Xlsx.into(),
            })
            .collect(),
    };
    let mut client = server.report_client()?;
    let mut parts =
        client.create_report(request).await.map_err(|status| server.explain(&status))?.into_inner();
    fs_err::create_dir_all(&args.out)?;
    let mut under_way: Option<(v1::ReportFile, Waiting)> = None;
    let mut written = Vec::new();
    while let Some(part) = parts.message().await.map_err(|status| server.explain(&status))? {
        match part.part {
            Some(v1::create_report_response::Part::File(file)) => {
                written.extend(under_way.take());
                let waiting = Waiting::begin(&args.out.join(file::plain_name(&file.name)?), args.force)?;
                under_way = Some((file, waiting));
            }
            Some(v1::create_report_response::Part::Chunk(chunk)) => match &mut under_way {
                Some((_, waiting)) => waiting.write(&chunk)?,
                None => anyhow::bail!("the server sent bytes of no file: is it of the same version?"),
            },
            None => {}
        }
    }
    written.extend(under_way);
    if let Some((file, _)) = written.iter().find(|(file, _)| file.num_calls == Some(0)) {
        eprintln!("diting: no calls in the period of {}: the report is empty; mind --date", file.name);
    }
    // None has its name before all are there, so that a page never lies beside the workbook of another day.
    for (head, waiting) in written {
        let path = waiting.finish(head.num_bytes)?;
        match format {
            ListFormat::Text => emit(&path.display().to_string())?,
            ListFormat::Json => emit(&json::to_line(&head))?,
        }
    }
    Ok(Exit::Success)
}

fn scope(of: &[String]) -> anyhow::Result<(v1::ReportScope, String)> {
    let (kind, id) = (of.first().map_or("centre", String::as_str), of.get(1));
    let scope = match kind {
        "centre" | "center" => v1::ReportScope::Centre,
        "team" => v1::ReportScope::Team,
        "agent" => v1::ReportScope::Agent,
        "rule" => v1::ReportScope::Rule,
        other => {
            return Err(UsageError(format!(
                "--of {other}: it is centre, team NAME, agent NUMBER or rule ID"
            ))
            .into());
        }
    };
    match (scope, id) {
        (v1::ReportScope::Centre, Some(_)) => Err(UsageError("--of centre has no ID".to_owned()).into()),
        (v1::ReportScope::Centre, None) => Ok((scope, String::new())),
        (_, Some(id)) => Ok((scope, id.clone())),
        (_, None) => Err(UsageError(format!("--of {kind} needs an ID behind it")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_an_id_unless_it_is_everything() {
        let of = |words: &[&str]| scope(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["centre"]).expect("it is sound"), (v1::ReportScope::Centre, String::new()));
        assert_eq!(of(&["team", "一组"]).expect("it is sound"), (v1::ReportScope::Team, "一组".to_owned()));
        assert!(of(&["team"]).is_err() && of(&["centre", "x"]).is_err() && of(&["city"]).is_err());
    }
}
