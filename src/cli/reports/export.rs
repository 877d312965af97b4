//! `diting report export`: writes all facts of many calls to a file.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;

use super::file::Waiting;
use super::zone;
use crate::cli::Exit;
use crate::cli::client::ServerArgs;
use crate::cli::exit::UsageError;
use crate::cli::output::emit;
use crate::proto::convert::timestamp;
use crate::proto::{json, v1};

/// What to export.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Which table
    #[arg(value_enum)]
    table: Table,
    /// How to write it; by the ending of the file when absent
    #[arg(long, value_enum)]
    file_format: Option<FileFormat>,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Calls that began at or after a day or a time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Calls that began before a day or a time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// The agent's job number; may be repeated
    #[arg(long = "agent", value_name = "ID")]
    agents: Vec<String>,
    /// The team; may be repeated
    #[arg(long = "team", value_name = "NAME")]
    teams: Vec<String>,
    /// A rule that hit; may be repeated
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// The line of business; may be repeated
    #[arg(long = "business", value_name = "NAME")]
    businesses: Vec<String>,
    /// The product; may be repeated
    #[arg(long = "product", value_name = "NAME")]
    products: Vec<String>,
    /// Where days begin
    #[arg(long, value_name = "ZONE", default_value = super::DEFAULT_ZONE)]
    time_zone: String,
    /// Begins CSV with the mark of UTF-8, which Excel needs
    #[arg(long)]
    bom: bool,
    /// Writes over a file that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Table {
    /// A row per call
    Calls,
    /// A row per call and rule
    Findings,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum FileFormat {
    Csv,
    Parquet,
}

/// Runs the command.
pub(super) async fn run(server: &ServerArgs, args: ExportArgs, as_json: bool) -> anyhow::Result<Exit> {
    let format = match args.file_format.or_else(|| by_ending(&args.out)) {
        Some(FileFormat::Csv) => v1::ExportFormat::Csv,
        Some(FileFormat::Parquet) => v1::ExportFormat::Parquet,
        None => {
            return Err(UsageError(
                "name a file that ends in .csv or .parquet, or say --file-format".to_owned(),
            )
            .into());
        }
    };
    let moment = |text: &Option<String>| text.as_deref().map(|text| at(text, &args.time_zone)).transpose();
    let request = v1::ExportTableRequest {
        table: match args.table {
            Table::Calls => v1::ExportedTable::Calls.into(),
            Table::Findings => v1::ExportedTable::Findings.into(),
        },
        filter: Some(v1::ExportFilter {
            since: moment(&args.since)?.map(timestamp),
            before: moment(&args.before)?.map(timestamp),
            agent_ids: args.agents,
            teams: args.teams,
            rule_ids: args.rules,
            businesses: args.businesses,
            products: args.products,
        }),
        format: format.into(),
        csv_bom: args.bom,
    };
    let mut waiting = Waiting::begin(&args.out, args.force)?;
    let mut client = server.report_client()?;
    let mut parts =
        client.export_table(request).await.map_err(|status| server.explain(&status))?.into_inner();
    let mut last = None;
    while let Some(part) = parts.message().await.map_err(|status| server.explain(&status))? {
        waiting.write(&part.chunk)?;
        last = part.num_rows.is_some().then_some(part);
    }
    let Some(last) = last else { anyhow::bail!("the export broke off: try again") };
    let num_bytes = waiting.num_bytes();
    let path = waiting.finish(num_bytes)?;
    if as_json {
        emit(&json::to_line(&last))?;
    } else {
        emit(&format!("{}\t{}", path.display(), last.num_rows.unwrap_or_default()))?;
    }
    Ok(Exit::Success)
}

fn by_ending(path: &std::path::Path) -> Option<FileFormat> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(FileFormat::Csv),
        "parquet" => Some(FileFormat::Parquet),
        _ => None,
    }
}

/// The moment that a time with its offset means, or the beginning of a day.
fn at(text: &str, zone_name: &str) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day: Date = text.parse().map_err(|_| {
        UsageError(format!(
            "`{text}` is neither a day such as 2026-03-02 nor a time such as 2026-03-02T09:00:00+08:00"
        ))
    })?;
    Ok(zone(zone_name)?.to_timestamp(day.at(0, 0, 0, 0))?)
}
