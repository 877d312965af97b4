//! Turns the facts of a day, a week or a month into a report: a page to read and print, a workbook with the tables behind
//! it, and exports for other programs.
//!
//! `build` asks `insight` for figures and writes down a plain document (`model`); `html` and `xlsx` show that document and
//! decide nothing, so that they never differ. Only `moment` and `build` know the store.
//!
//! **Invariant**: the same calls and the same period give the same bytes; no clock is asked. Every number that counts
//! calls names the calls.

mod build;
mod chart;
mod error;
mod export;
mod html;
mod model;
mod moment;
mod origin;
mod period;
#[cfg(test)]
mod tests;
mod xlsx;

pub use build::make;
pub use chart::{Chart, Interval, Plot, Series};
pub use error::ReportError;
pub use export::{ColumnSpec, ExportFormat, FieldKind, TableKind, export};
pub use html::page;
pub use model::{Cell, Column, Kind, Origin, Report, Scope, Section, Table, Tile, Value};
pub use period::{Period, Unit};
pub use xlsx::workbook;
