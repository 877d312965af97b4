//! Exports: quoting, formulas, more rows than a group, and what another program reads is checked by docs/reports.md.

use super::columns::Field;
use super::*;
use crate::types::CallId;

fn catalog(num_calls: u32) -> Catalog {
    use crate::ingest::{CallRecord, CallState, Origin, Recording};
    use crate::types::{AudioDeclaration, CallMetadata, ContentHash};
    let mut catalog = Catalog::default();
    for number in 0..num_calls {
        let record = CallRecord {
            // Two calls at each moment, the later id first.
            id: CallId::try_new(format!("c{:07}", num_calls - number)).expect("an id"),
            metadata: CallMetadata { team: Some("一组, \"甲\"".to_owned()), ..CallMetadata::default() },
            recording: Recording {
                hash: ContentHash::new([1; 32]),
                num_bytes: 1,
                declaration: AudioDeclaration::default(),
            },
            received_at: jiff::Timestamp::from_second(1_780_000_000 + i64::from(number / 2))
                .expect("in range"),
            state: CallState::Accepted,
            num_attempts: 0,
            duration: None,
            origin: Origin::Upload,
        };
        catalog.put(CallFacts::of(number, &record));
    }
    catalog
}

fn written(catalog: &Catalog, format: ExportFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    let num_rows = export(|| catalog, TableKind::Calls, &CallQuery::default(), format, &mut bytes);
    assert_eq!(num_rows.expect("an export"), catalog.len() as u64);
    bytes
}

#[test]
fn rows_come_by_beginning_and_id_with_quotes() {
    let text = String::from_utf8(written(&catalog(4), ExportFormat::Csv { bom: true })).expect("UTF-8");
    let mut lines = text.split("\r\n");
    assert!(lines.next().is_some_and(|head| head.starts_with("\u{feff}call_id,started_at,")));
    let ids: Vec<&str> =
        lines.clone().filter_map(|line| line.split(',').next()).filter(|id| !id.is_empty()).collect();
    assert_eq!(ids, ["c0000003", "c0000004", "c0000001", "c0000002"]);
    assert!(lines.next().is_some_and(|line| line.contains("\"一组, \"\"甲\"\"\"")), "{text}");
    assert!(text.ends_with("\r\n"));
}

#[test]
fn a_text_is_no_formula() {
    let mut out = Vec::new();
    let mut sink = Box::new(csv::CsvSink::new(&mut out, TableKind::Calls, false).expect("it begins"));
    sink.row(&[Field::Text("=1+1"), Field::Text("@x"), Field::Text("a\nb"), Field::Int(-1), Field::Null])
        .expect("a row");
    sink.finish().expect("it ends");
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!(text.split_once("\r\n").map(|(_, row)| row), Some("\"'=1+1\",\"'@x\",\"a\nb\",-1,\r\n"));
}

#[test]
fn more_rows_than_a_group_are_all_there() {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    let bytes = written(&catalog(70_000), ExportFormat::Parquet);
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("it reads back");
    let metadata = reader.metadata();
    assert_eq!(metadata.file_metadata().num_rows(), 70_000);
    assert_eq!(metadata.num_row_groups(), 3);
    assert_eq!(metadata.file_metadata().schema_descr().num_columns(), TableKind::Calls.columns().len());
    let first = reader.get_row_iter(None).expect("rows").next().expect("a row").expect("it is sound");
    assert_eq!(
        first.get_column_iter().next().map(|(name, value)| (name.as_str(), value.to_string())),
        Some(("call_id", "\"c0069999\"".to_owned()))
    );
}

#[test]
fn a_reader_who_leaves_ends_it() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let catalog = catalog(5000);
    for format in [ExportFormat::Csv { bom: false }, ExportFormat::Parquet] {
        assert!(export(|| &catalog, TableKind::Calls, &CallQuery::default(), format, Gone).is_err());
    }
}

#[test]
fn the_documentation_lists_every_column() {
    let text = include_str!("../../../docs/reports.md");
    for kind in [TableKind::Calls, TableKind::Findings] {
        for column in kind.columns() {
            let row = format!("| `{}` | {} |", column.name, kind_name(column.kind));
            assert!(text.contains(&row), "docs/reports.md has no row {row}");
        }
    }
}

fn kind_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Int => "int64",
        FieldKind::Float => "double",
        FieldKind::Bool => "bool",
        FieldKind::Time => "timestamp(ms, UTC)",
    }
}
