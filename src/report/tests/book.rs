//! Reads a workbook back, far enough to compare it with the page.

use std::collections::HashSet;
use std::io::{Cursor, Read};

use regex::Regex;

use crate::report::model::{Report, Value};
use crate::report::{page, workbook};

/// The texts of every part of a workbook.
fn parts(book: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(book)).expect("an archive");
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("a part");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("text");
        parts.push((file.name().expect("a name").into_owned(), text));
    }
    parts
}

/// No cell of any sheet is a formula or a link.
pub(super) fn assert_no_formulas(book: &[u8]) {
    for (name, text) in parts(book) {
        assert!(!text.contains("<f>") && !text.contains("<f ") && !text.contains("<hyperlink"), "{name}");
        assert!(!name.contains("externalLink"), "{name}");
    }
}

/// Numbers as every sheet has them, and all texts.
fn cells(book: &[u8]) -> (HashSet<String>, HashSet<String>) {
    let number = Regex::new(r#"<c r="[A-Z]+\d+"(?: s="\d+")?><v>([^<]+)</v>"#).expect("it is sound");
    let text = Regex::new(r"<t(?: [^>]*)?>([^<]*)</t>").expect("it is sound");
    let (mut numbers, mut texts) = (HashSet::new(), HashSet::new());
    for (name, part) in parts(book) {
        if name.starts_with("xl/worksheets") {
            numbers.extend(number.captures_iter(&part).map(|found| found[1].to_owned()));
        } else if name.ends_with("sharedStrings.xml") {
            let plain = |text: &str| {
                text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
            };
            texts.extend(text.captures_iter(&part).map(|found| plain(&found[1])));
        }
    }
    (numbers, texts)
}

/// Every value of the document stands on the page as it is shown and in the workbook as a number of its type.
pub(super) fn compare(report: &Report) {
    let html = page(report);
    let (numbers, texts) = cells(&workbook(report).expect("a workbook"));
    let sections = || report.sections.iter();
    let shown = sections().flat_map(|section| &section.tables).filter(|table| table.is_shown);
    let tiles = sections().flat_map(|section| &section.tiles).map(|tile| &tile.cell);
    for cell in shown.flat_map(|table| table.rows.iter().flatten()).chain(tiles) {
        let written = match &cell.value {
            Value::Nothing | Value::Spark(_) => continue,
            Value::Moment { .. } => panic!("a moment was not fetched"),
            Value::Text(text) => {
                assert!(texts.contains(text.trim()) || texts.contains(text), "{text}");
                continue;
            }
            Value::ShareInterval(low, high) => vec![*low as f64 / 10_000.0, *high as f64 / 10_000.0],
            Value::PointsInterval(low, high) => vec![*low as f64 / 10.0, *high as f64 / 10.0],
            Value::Count(count) => vec![*count as f64],
            Value::CountChange(change) => vec![*change as f64],
            Value::Points(tenths) | Value::PointsChange(tenths) => vec![*tenths as f64 / 10.0],
            Value::Share(share) => vec![*share as f64 / 10_000.0],
            Value::ShareChange(share) => vec![*share as f64 / 100.0],
            Value::Probability(value) if value.is_bound() => Vec::new(),
            Value::Probability(value) => vec![value.0],
            Value::Date(_) => Vec::new(),
        };
        for number in written {
            assert!(numbers.contains(&number.to_string()), "{number} of {:?} is on no sheet", cell.value);
        }
        assert!(html.contains(&cell.value.shown()), "{:?} is not on the page", cell.value);
    }
}
