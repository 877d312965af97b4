//! The tables of a report as a workbook: one sheet each, typed cells, and a sheet that says what the words mean.
//!
//! **Invariant**: a text stays a text, whatever it begins with; the same report gives the same bytes.

use std::collections::HashSet;

use jiff::civil::Date;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet};

use super::ReportError;
use super::model::{Cell, Column, Kind, Report, Table, Value};

/// Most characters of a cell, by the format.
const MAX_CELL_CHARS: usize = 32_000;
/// Most characters of a name of a sheet, by the format.
const MAX_NAME_CHARS: usize = 31;

/// The workbook.
///
/// # Errors
/// [`ReportError::Workbook`] when a sheet cannot be written.
pub fn workbook(report: &Report) -> Result<Vec<u8>, ReportError> {
    let mut book = new_workbook(&report.title, report.period.first())?;
    let looks = Looks::new();
    overview(&mut book, report, &looks)?;
    let mut names = HashSet::from(["概览".to_owned(), "口径说明".to_owned()]);
    let tables = report.sections.iter().flat_map(|section| &section.tables);
    for table in tables.filter(|table| !table.rows.is_empty()) {
        let sheet = book.add_worksheet();
        sheet.set_name(sheet_name(&table.title, &mut names))?;
        fill(sheet, table, &looks)?;
    }
    notes(&mut book, report, &looks)?;
    Ok(book.save_to_buffer()?)
}

/// A workbook that was made, as it says, on the first day of its period: the clock is in no file.
fn new_workbook(title: &str, day: Date) -> Result<Workbook, ReportError> {
    let mut book = Workbook::new();
    let year = u16::try_from(day.year()).unwrap_or(1970);
    let at = ExcelDateTime::from_ymd(year, day.month().unsigned_abs(), day.day().unsigned_abs())?;
    let properties = DocProperties::new().set_title(title).set_author("diting").set_creation_datetime(&at);
    book.set_properties(&properties);
    Ok(book)
}

/// How cells look.
struct Looks {
    head: Format,
    text: Format,
    long: Format,
    plain: Format,
    count: Format,
    tenths: Format,
    probability: Format,
    share: Format,
    change: Format,
    count_change: Format,
    points_change: Format,
    date: Format,
    title: Format,
}

impl Looks {
    fn new() -> Self {
        let top = || Format::new().set_align(FormatAlign::Top);
        let number = |shape: &str| top().set_num_format(shape);
        Self {
            head: Format::new()
                .set_bold()
                .set_text_wrap()
                .set_background_color("#E8EEF4")
                .set_border_bottom(FormatBorder::Thin)
                .set_align(FormatAlign::VerticalCenter),
            text: top(),
            long: top().set_text_wrap(),
            plain: top(),
            count: number("#,##0"),
            tenths: number("0.0"),
            probability: number("[<0.001]0.0E+00;0.000"),
            share: number("0.00%"),
            change: number("+0.00;-0.00;0.00"),
            count_change: number("+#,##0;-#,##0;0"),
            points_change: number("+0.0;-0.0;0.0"),
            date: number("yyyy-mm-dd"),
            title: Format::new().set_bold().set_font_size(16),
        }
    }
}

fn overview(book: &mut Workbook, report: &Report, looks: &Looks) -> Result<(), ReportError> {
    let sheet = book.add_worksheet();
    sheet.set_name("概览")?;
    sheet
        .set_column_width(0, 26)?
        .set_column_width(1, 22)?
        .set_column_width(2, 40)?
        .set_column_width(3, 60)?;
    sheet.write_string_with_format(0, 0, &report.title, &looks.title)?;
    write_text(sheet, 1, 0, &format!("{} · {}", report.subject, report.period.title()), &looks.text)?;
    let mut row = 2;
    for (label, text) in &report.basis {
        write_text(sheet, row, 0, label, &looks.text)?;
        write_text(sheet, row, 1, text, &looks.text)?;
        row += 1;
    }
    for line in &report.summary {
        row += 1;
        write_text(sheet, row, 0, line, &looks.text)?;
    }
    row += 2;
    for (column, head) in (0_u16..).zip(["指标", "数值", "说明", "打开"]) {
        sheet.write_string_with_format(row, column, head, &looks.head)?;
    }
    for tile in report.sections.iter().flat_map(|section| &section.tiles) {
        row += 1;
        write_text(sheet, row, 0, &tile.label, &looks.text)?;
        write(sheet, row, 1, &tile.cell.value, looks)?;
        write_text(sheet, row, 2, &tile.note, &looks.text)?;
        if let Some(origin) = &tile.cell.origin {
            write_text(sheet, row, 3, &origin.command(), &looks.plain)?;
        }
    }
    Ok(())
}

fn notes(book: &mut Workbook, report: &Report, looks: &Looks) -> Result<(), ReportError> {
    let sheet = book.add_worksheet();
    sheet.set_name("口径说明")?;
    sheet.set_column_width(0, 24)?.set_column_width(1, 110)?;
    sheet.write_string_with_format(0, 0, "词", &looks.head)?;
    sheet.write_string_with_format(0, 1, "含义", &looks.head)?;
    for (row, (term, meaning)) in (1..).zip(&report.definitions) {
        write_text(sheet, row, 0, term, &looks.text)?;
        write_text(sheet, row, 1, meaning, &looks.long)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

/// The columns of a table as they stand on a sheet: an interval takes two, a small chart none, commands one more.
fn fill(sheet: &mut Worksheet, table: &Table, looks: &Looks) -> Result<(), ReportError> {
    let shape: Vec<Spread> = (0..table.columns.len()).map(|index| spread(table, index)).collect();
    let mut column = 0_u16;
    for ((index, head), spread) in table.columns.iter().enumerate().zip(&shape) {
        for title in spread.titles(head) {
            sheet.write_string_with_format(0, column, &title, &looks.head)?;
            let cells = table.rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| width(&cell.value.shown())).fold(0.0, f64::max);
            let most = if head.kind == Kind::Long { 60.0 } else { 40.0 };
            // The arrow of the filter takes two letters.
            let wide = widest.max(width(&title) + 3.0).clamp(8.0, most);
            sheet.set_column_width(column, wide + 1.0)?;
            column += 1;
        }
    }
    let opens = table.rows.iter().flatten().any(|cell| cell.origin.is_some());
    if opens {
        sheet.write_string_with_format(0, column, "打开", &looks.head)?;
        sheet.set_column_width(column, 60)?;
    }
    let mut last = 0;
    for (row, cells) in (1..).zip(&table.rows) {
        let mut at = 0_u16;
        for ((cell, spread), head) in cells.iter().zip(&shape).zip(&table.columns) {
            match spread {
                Spread::None => {}
                Spread::One if head.kind == Kind::Long => {
                    write_long(sheet, row, at, cell, looks)?;
                    at += 1;
                }
                Spread::One => {
                    write(sheet, row, at, &cell.value, looks)?;
                    at += 1;
                }
                Spread::Two => {
                    let (low, high) = ends(&cell.value);
                    write(sheet, row, at, &low, looks)?;
                    write(sheet, row, at + 1, &high, looks)?;
                    at += 2;
                }
            }
        }
        if let Some(origin) = cells.iter().find_map(|cell| cell.origin.as_ref()) {
            write_text(sheet, row, column, &origin.command(), &looks.plain)?;
        }
        last = row;
    }
    let last_column = if opens { column } else { column.saturating_sub(1) };
    sheet.autofilter(0, 0, last, last_column)?;
    sheet.set_freeze_panes(1, 1)?;
    sheet.set_repeat_rows(0, 0)?;
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
    Ok(())
}

/// How many columns of a sheet a column takes.
enum Spread {
    None,
    One,
    Two,
}

impl Spread {
    fn titles(&self, column: &Column) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One => vec![column.title.clone()],
            Self::Two => vec![format!("{} 下限", column.title), format!("{} 上限", column.title)],
        }
    }
}

fn spread(table: &Table, index: usize) -> Spread {
    let is_interval =
        |cell: &Cell| matches!(cell.value, Value::ShareInterval(..) | Value::PointsInterval(..));
    if table.columns.get(index).is_some_and(|column| column.kind == Kind::Spark) {
        Spread::None
    } else if table.rows.iter().filter_map(|row| row.get(index)).any(is_interval) {
        Spread::Two
    } else {
        Spread::One
    }
}

fn ends(value: &Value) -> (Value, Value) {
    if let Value::ShareInterval(low, high) = value {
        (Value::Share(*low), Value::Share(*high))
    } else if let Value::PointsInterval(low, high) = value {
        (Value::Points(*low), Value::Points(*high))
    } else {
        (value.clone(), Value::Nothing)
    }
}

fn write_long(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    looks: &Looks,
) -> Result<(), ReportError> {
    if let Value::Text(text) = &cell.value {
        write_text(sheet, row, column, text, &looks.long)
    } else {
        write(sheet, row, column, &cell.value, looks)
    }
}

/// A value by its type; what is kept in whole units becomes the number that is shown.
fn write(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &Value,
    looks: &Looks,
) -> Result<(), ReportError> {
    // Below 9e15 by the type's makers, so exact.
    let (number, format) = match value {
        Value::Nothing | Value::Spark(_) | Value::Moment { .. } => return Ok(()),
        Value::Text(text) => return write_text(sheet, row, column, text, &looks.text),
        Value::ShareInterval(..) | Value::PointsInterval(..) => {
            return write_text(sheet, row, column, &value.shown(), &looks.text);
        }
        Value::Date(date) => {
            let year = u16::try_from(date.year()).unwrap_or(1970);
            let at = ExcelDateTime::from_ymd(year, date.month().unsigned_abs(), date.day().unsigned_abs())?;
            sheet.write_datetime_with_format(row, column, &at, &looks.date)?;
            return Ok(());
        }
        Value::Count(count) => (*count as f64, &looks.count),
        Value::CountChange(change) => (*change as f64, &looks.count_change),
        Value::Points(tenths) => (*tenths as f64 / 10.0, &looks.tenths),
        Value::PointsChange(tenths) => (*tenths as f64 / 10.0, &looks.points_change),
        Value::Share(share) => (*share as f64 / 10_000.0, &looks.share),
        Value::ShareChange(share) => (*share as f64 / 100.0, &looks.change),
        Value::Probability(value) if value.is_bound() => {
            return write_text(sheet, row, column, &value.to_string(), &looks.text);
        }
        Value::Probability(value) => (value.0, &looks.probability),
    };
    sheet.write_number_with_format(row, column, number, format)?;
    Ok(())
}

/// A text as a text: never a formula or a link, whatever it begins with.
fn write_text(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    format: &Format,
) -> Result<(), ReportError> {
    let text: String = super::model::clean(text).chars().take(MAX_CELL_CHARS).collect();
    sheet.write_string_with_format(row, column, &text, format)?;
    Ok(())
}

/// A name that a sheet may have and no other of the book has.
fn sheet_name(title: &str, taken: &mut HashSet<String>) -> String {
    let plain: String = title
        .chars()
        .map(|one| if "[]:*?/\\'".contains(one) || one.is_control() { ' ' } else { one })
        .collect();
    let plain = plain.trim();
    for number in 1_u32.. {
        let ending = if number == 1 { String::new() } else { format!(" {number}") };
        let room = MAX_NAME_CHARS - ending.chars().count();
        let name: String = plain.chars().take(room).chain(ending.chars()).collect();
        if !name.is_empty() && taken.insert(name.clone()) {
            return name;
        }
    }
    String::new()
}

/// About how wide a text is, in letters of a sheet.
fn width(text: &str) -> f64 {
    text.chars().map(|one| if one.is_ascii() { 1.0 } else { 2.1 }).sum()
}
