//! Rows as CSV after RFC 4180: CRLF, quotes where needed, doubled inside.
//!
//! **Invariant**: no field is taken for a formula: a text that begins like one gets an apostrophe before it.

use std::io::{BufWriter, Write};

use super::columns::Field;
use super::{Sink, TableKind};
use crate::report::ReportError;

/// Writes lines.
pub(super) struct CsvSink<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write> CsvSink<W> {
    pub(super) fn new(out: W, kind: TableKind, bom: bool) -> Result<Self, ReportError> {
        let mut out = BufWriter::new(out);
        if bom {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let names: Vec<&str> = kind.columns().iter().map(|column| column.name).collect();
        write!(out, "{}\r\n", names.join(","))?;
        Ok(Self { out })
    }
}

impl<W: Write> Sink for CsvSink<W> {
    fn row(&mut self, fields: &[Field<'_>]) -> Result<(), ReportError> {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.out.write_all(b",")?;
            }
            match field {
                Field::Null => {}
                Field::Text(text) => write_text(&mut self.out, text)?,
                Field::Int(number) => write!(self.out, "{number}")?,
                Field::Float(number) => write!(self.out, "{number}")?,
                Field::Bool(is) => write!(self.out, "{is}")?,
                Field::Time(at) => write!(self.out, "{at:.3}")?,
            }
        }
        self.out.write_all(b"\r\n")?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ReportError> {
        Ok(self.out.flush()?)
    }
}

fn write_text(out: &mut impl Write, text: &str) -> std::io::Result<()> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains(['"', ',', '\r', '\n']) {
        return out.write_all(text.as_bytes());
    }
    let apostrophe = if is_formula { "'" } else { "" };
    write!(out, "\"{apostrophe}{}\"", text.replace('"', "\"\""))
}
