//! All facts of many calls as one table for other programs: a row per call, or per call and rule.
//!
//! Rows come in the order of their beginning. The catalog is read in small portions, so that writers hardly wait and
//! memory does not grow with the calls, apart from 16 bytes for each; a call that changes meanwhile is as it was when its
//! portion was read, and one that comes in meanwhile may be missing.
//!
//! **Invariant**: the same calls give the same bytes, in whatever order they came in.

mod columns;
mod csv;
mod parquet;
mod rows;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::ops::Deref;

pub use columns::{ColumnSpec, FieldKind, TableKind};

use super::ReportError;
use crate::catalog::{CallFacts, CallQuery, Catalog, RuleTable};
use columns::Field;

/// Calls that are read at once.
const PORTION: usize = 2048;

/// The file format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// RFC 4180, with the names of the columns in the first line.
    Csv {
        /// Whether it begins with the mark of UTF-8, which Excel needs.
        bom: bool,
    },
    /// Apache Parquet, compressed with zstd.
    Parquet,
}

/// Takes rows in some format.
trait Sink {
    /// Takes a row, which has a field for each column.
    fn row(&mut self, fields: &[Field<'_>]) -> Result<(), ReportError>;
    /// Writes what is still held back.
    fn finish(self: Box<Self>) -> Result<(), ReportError>;
}

/// Writes the calls that `query` chooses to `out`; gives how many rows there were. `lock` holds the catalog while a
/// portion is read, and never while anything is written.
///
/// # Errors
/// [`ReportError::Io`] when `out` takes no more; [`ReportError::Parquet`].
pub fn export<'a, G: Deref<Target = Catalog>>(
    lock: impl Fn() -> G,
    kind: TableKind,
    query: &CallQuery,
    format: ExportFormat,
    out: impl Write + Send + 'a,
) -> Result<u64, ReportError> {
    let mut sink: Box<dyn Sink + 'a> = match format {
        ExportFormat::Csv { bom } => Box::new(csv::CsvSink::new(out, kind, bom)?),
        ExportFormat::Parquet => Box::new(parquet::ParquetSink::new(out, kind)?),
    };
    let order = order(&lock(), query);
    let mut num_rows = 0;
    for portion in order.chunks(PORTION) {
        let calls = read(&lock(), portion, query);
        for (call, tables) in &calls {
            num_rows += match kind {
                TableKind::Calls => rows::call(call, tables, sink.as_mut())?,
                TableKind::Findings => rows::findings(call, tables, sink.as_mut())?,
            };
        }
    }
    sink.finish()?;
    Ok(num_rows)
}

/// The tables that the judgements of a call name: of the call, then of its agents.
type Tables = Vec<Option<std::sync::Arc<RuleTable>>>;

fn read(catalog: &Catalog, numbers: &[u32], query: &CallQuery) -> Vec<(CallFacts, Tables)> {
    let known = numbers.iter().filter_map(|number| catalog.call(*number));
    // What changed since the numbers were listed may be chosen no more.
    let still = known.filter(|call| query.matches(call, catalog.table_of(call).map(AsRef::as_ref)));
    let with_tables = still.map(|call| {
        let judgements =
            std::iter::once(call.judgement.as_ref()).chain(call.agents.iter().map(|one| one.own.as_ref()));
        let tables = judgements.map(|one| catalog.table(one?.table).cloned()).collect();
        (call.clone(), tables)
    });
    with_tables.collect()
}

/// The numbers of the calls, by beginning and then by id.
fn order(catalog: &Catalog, query: &CallQuery) -> Vec<u32> {
    let mut starts: Vec<(jiff::Timestamp, u32)> =
        catalog.chosen(query).map(|call| (call.started_at, call.number)).collect();
    starts.sort_unstable();
    for same in starts.chunk_by_mut(|left, right| left.0 == right.0).filter(|same| same.len() > 1) {
        same.sort_by_cached_key(|(_, number)| catalog.call(*number).map(|call| call.id.clone()));
    }
    starts.into_iter().map(|(_, number)| number).collect()
}
