//! Why there is no report.

use crate::error::{Classify, ErrorCode, Retry};
use crate::store::StoreError;

/// Why there is no report or export.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// This machine does not know the time zone.
    #[error(
        "`{zone}` is no time zone that this machine knows: name one such as Asia/Shanghai, or an offset such as +08:00"
    )]
    Zone {
        /// What was asked for.
        zone: String,
    },
    /// The day is outside of all calendars.
    #[error("{date} is no day that can be reported on: the years 1970 to 9000 are")]
    Date {
        /// What was asked for.
        date: String,
    },
    /// No call ever had this team, agent or rule.
    #[error(
        "no call in the store has {kind} `{id}`: check the spelling, or list what there is with `diting calls list`"
    )]
    Unknown {
        /// `team`, `agent` or `rule`.
        kind: &'static str,
        /// What was asked for.
        id: String,
    },
    /// The workbook could not be written.
    #[error("the workbook could not be written")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// The columnar file could not be written.
    #[error("the parquet file could not be written")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written could not be taken.
    #[error("what was exported could not be written")]
    Io(#[from] std::io::Error),
}

impl Classify for ReportError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Zone { .. } | Self::Date { .. } => ErrorCode::InvalidInput,
            Self::Unknown { .. } => ErrorCode::NotFound,
            Self::Store(error) => error.code(),
            Self::Io(_) => ErrorCode::Cancelled,
            Self::Workbook(_) | Self::Parquet(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Zone { .. } => "report.zone",
            Self::Date { .. } => "report.date",
            Self::Unknown { .. } => "report.unknown",
            Self::Workbook(_) => "report.workbook",
            Self::Parquet(_) => "report.parquet",
            Self::Store(error) => error.reason(),
            Self::Io(_) => "report.io",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Io(_) => Retry::Later,
            Self::Zone { .. }
            | Self::Date { .. }
            | Self::Unknown { .. }
            | Self::Workbook(_)
            | Self::Parquet(_) => Retry::Never,
        }
    }
}
