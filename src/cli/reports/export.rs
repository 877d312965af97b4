//! `diting report export`: writes all facts of many calls to a file.

use std::path::PathBuf;

use super::file::Waiting;
use crate::cli::Exit;
use crate::cli::client::ServerArgs;
use crate::cli::exit::UsageError;
use crate::cli::output::emit;
use crate::cli::query_args::FilterArgs;
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
    #[command(flatten)]
    filter: FilterArgs,
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
    let request = v1::ExportTableRequest {
        table: match args.table {
            Table::Calls => v1::ExportedTable::Calls.into(),
            Table::Findings => v1::ExportedTable::Findings.into(),
        },
        filter: Some(args.filter.filter(None, &server.clock_if(args.filter.needs_clock()).await?)?),
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
