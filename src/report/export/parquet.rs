//! Rows as Parquet: typed columns, zstd, one group of rows in memory at a time.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::columns::Field;
use super::{ColumnSpec, FieldKind, Sink, TableKind};
use crate::report::ReportError;

/// Rows of a group: what is in memory at once.
const GROUP_ROWS: usize = 32_768;

/// Holds back a group of rows by column.
pub(super) struct ParquetSink<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Held>,
    num_rows: usize,
}

/// The values of one column, without the nulls, and where there are values.
struct Held {
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Text(Vec<ByteArray>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
}

impl Held {
    fn of(kind: FieldKind) -> Self {
        let values = match kind {
            FieldKind::Text => Values::Text(Vec::new()),
            FieldKind::Int | FieldKind::Time => Values::Int(Vec::new()),
            FieldKind::Float => Values::Float(Vec::new()),
            FieldKind::Bool => Values::Bool(Vec::new()),
        };
        Self { levels: Vec::new(), values }
    }

    fn push(&mut self, field: &Field<'_>) {
        let is_kept = match (&mut self.values, field) {
            (Values::Text(values), Field::Text(text)) => {
                values.push(ByteArray::from(*text));
                true
            }
            (Values::Int(values), Field::Int(number)) => {
                values.push(*number);
                true
            }
            (Values::Int(values), Field::Time(at)) => {
                values.push(at.as_millisecond());
                true
            }
            (Values::Float(values), Field::Float(number)) => {
                values.push(*number);
                true
            }
            (Values::Bool(values), Field::Bool(is)) => {
                values.push(*is);
                true
            }
            (Values::Text(_) | Values::Int(_) | Values::Float(_) | Values::Bool(_), _) => false,
        };
        self.levels.push(i16::from(is_kept));
    }

    fn clear(&mut self) {
        self.levels.clear();
        match &mut self.values {
            Values::Text(values) => values.clear(),
            Values::Int(values) => values.clear(),
            Values::Float(values) => values.clear(),
            Values::Bool(values) => values.clear(),
        }
    }
}

impl<W: Write + Send> ParquetSink<W> {
    pub(super) fn new(out: W, kind: TableKind) -> Result<Self, ReportError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            // The version of a library would change the bytes of the same calls.
            .set_created_by("diting".to_owned())
            .build();
        let file = SerializedFileWriter::new(out, schema(kind)?, Arc::new(properties))?;
        let columns = kind.columns().iter().map(|column| Held::of(column.kind)).collect();
        Ok(Self { file, columns, num_rows: 0 })
    }

    fn write_group(&mut self) -> Result<(), ReportError> {
        let mut group = self.file.next_row_group()?;
        for held in &mut self.columns {
            // The writer has a column for each of the schema, which has as many.
            let Some(mut column) = group.next_column()? else { break };
            let levels = Some(held.levels.as_slice());
            match &held.values {
                Values::Text(values) => column.typed::<ByteArrayType>().write_batch(values, levels, None)?,
                Values::Int(values) => column.typed::<Int64Type>().write_batch(values, levels, None)?,
                Values::Float(values) => column.typed::<DoubleType>().write_batch(values, levels, None)?,
                Values::Bool(values) => column.typed::<BoolType>().write_batch(values, levels, None)?,
            };
            column.close()?;
            held.clear();
        }
        group.close()?;
        self.num_rows = 0;
        Ok(())
    }
}

impl<W: Write + Send> Sink for ParquetSink<W> {
    fn row(&mut self, fields: &[Field<'_>]) -> Result<(), ReportError> {
        for (held, field) in self.columns.iter_mut().zip(fields) {
            held.push(field);
        }
        self.num_rows += 1;
        if self.num_rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), ReportError> {
        if self.num_rows > 0 {
            self.write_group()?;
        }
        self.file.close()?;
        Ok(())
    }
}

fn schema(kind: TableKind) -> Result<TypePtr, ReportError> {
    let fields: Result<Vec<TypePtr>, ReportError> =
        kind.columns().iter().map(|column| Ok(Arc::new(field(column)?))).collect();
    Ok(Arc::new(Type::group_type_builder(kind.name()).with_fields(fields?).build()?))
}

fn field(column: &ColumnSpec) -> Result<Type, ReportError> {
    let (physical, logical) = match column.kind {
        FieldKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        FieldKind::Int => (Physical::INT64, None),
        FieldKind::Float => (Physical::DOUBLE, None),
        FieldKind::Bool => (Physical::BOOLEAN, None),
        FieldKind::Time => (Physical::INT64, Some(timestamp())),
    };
    let builder = Type::primitive_type_builder(column.name, physical);
    Ok(builder.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build()?)
}

fn timestamp() -> LogicalType {
    LogicalType::timestamp(true, TimeUnit::MILLIS)
}
