//! The calls in a manifest: a table with a header (CSV, TSV), or one JSON object a line.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::fields::{Draft, Field};
use super::folder::short;
use super::ids::call_id_of;
use super::item::{self, Entry, ItemSource, Listing, Origin};
use super::table_cells::Cells;
use super::table_text::{Line, Lines, MAX_LINE_BYTES};
use super::{ArchiveItem, ItemError, ListingError, ListingOptions, ListingProblem, json_row, legs};
use crate::types::{CallId, SpeakerRole};

/// Largest manifest: several million rows.
const MAX_BYTES: u64 = 2 << 30;

/// Parts the cells of a row that is kept; no text has it.
const CELL_END: char = '\u{1f}';

/// What is known of a manifest besides its rows.
#[derive(Debug, Clone)]
pub(super) struct Table {
    path: PathBuf,
    options: ListingOptions,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    /// Cells under these columns.
    Cells(Vec<Column>),
    /// A JSON object.
    Json,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// Nothing for a column without a name.
    field: Option<Field>,
}

/// The calls in the manifest at `path`, in the order of its rows.
///
/// A file that ends in `.jsonl`, `.ndjson` or `.json`, or begins with `{`, has one JSON object a line; any other is a
/// table whose first row names the columns, parted by tabs, commas or semicolons. Text is UTF-8, UTF-16 with its mark, or
/// GBK. A column that is no field is kept as an attribute. Paths start at the manifest's folder. The `metadata` of a row
/// of JSON is in [`ArchiveItem::beside`].
///
/// # Errors
/// [`ListingError`] when the manifest cannot be read, is no text or names no recordings. A row that cannot be taken is a
/// problem of the listing, with its line.
pub fn read_manifest(path: &Path, options: &ListingOptions) -> Result<Listing, ListingError> {
    let unreadable = |source| ListingError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(ListingError::ManifestTooLarge { path: path.to_owned(), limit: MAX_BYTES });
    }
    let lines = Lines::open(file).map_err(unreadable)?;
    let mut lines = lines.ok_or_else(|| ListingError::NotText { path: path.to_owned() })?;
    let mut reading =
        Reading::new(Table { path: path.to_owned(), options: options.clone(), form: Form::Json });
    let Some(first) = lines.next().map_err(unreadable)? else {
        return Err(reading.header("is missing: name the columns there, `path` among them"));
    };
    let is_json = path.extension().is_some_and(|extension| {
        ["jsonl", "ndjson", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    if is_json || first.text.as_ref().is_some_and(|text| text.trim_start().starts_with('{')) {
        reading.read_json(first, &mut lines).map_err(unreadable)?;
    } else {
        let cells = reading.read_header(first)?;
        reading.read_cells(cells, &mut lines).map_err(unreadable)?;
    }
    Ok(Listing {
        origin: Origin::Manifest(Box::new(reading.table)),
        entries: reading.entries,
        problems: reading.problems,
        num_ignored: 0,
    })
}

/// A manifest that is being read.
struct Reading {
    table: Table,
    entries: Vec<Entry>,
    problems: Vec<ListingProblem>,
    /// Lines of the calls so far, by their ids.
    lines: HashMap<u128, u64>,
}

impl Reading {
    fn new(table: Table) -> Self {
        Self { table, entries: Vec::new(), problems: Vec::new(), lines: HashMap::new() }
    }

    fn problem(&mut self, line: u64, cause: ItemError) {
        self.problems.push(ListingProblem::row(&self.table.path, line, cause));
    }

    /// Takes one row.
    fn take(&mut self, line: u64, text: String) {
        if text.contains('\u{fffd}') {
            let problem = "it has characters that are neither UTF-8 nor GBK".to_owned();
            return self.problem(line, ItemError::Row { problem });
        }
        let item = match self.table.item(&text) {
            Ok(item) => item,
            Err(cause) => return self.problem(line, cause),
        };
        let missing = item.source.paths().find(|path| !path.is_file()).map(Path::to_owned);
        if let Some(path) = missing {
            return self.problem(line, ItemError::FileMissing { path });
        }
        let first = *self.lines.entry(short(&item.call_id)).or_insert(line);
        if first != line {
            let cause = ItemError::DuplicateCallId {
                call_id: item.call_id.to_string(),
                first: format!("line {first}"),
            };
            return self.problem(line, cause);
        }
        self.entries.push(Entry::Row(text.into()));
    }

    fn read_json(&mut self, first: Line, lines: &mut Lines) -> std::io::Result<()> {
        let mut next = Some(first);
        while let Some(line) = next {
            match line.text {
                Some(text) => self.take(line.number, text.trim().to_owned()),
                None => self.too_long(line.number),
            }
            next = lines.next()?;
        }
        Ok(())
    }

    fn too_long(&mut self, line: u64) {
        let problem = format!("it has more than {MAX_LINE_BYTES} bytes, or a quote in it is never closed");
        self.problem(line, ItemError::Row { problem });
    }

    /// Takes the names of the columns; gives what parts rows into cells.
    fn read_header(&mut self, first: Line) -> Result<Cells, ListingError> {
        let text = first.text.ok_or_else(|| self.header("is too long: it names the columns"))?;
        let tabs = self.table.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
        let delimiter = if tabs { b'\t' } else { delimiter(text.as_bytes()) };
        let mut cells = Cells::new(delimiter);
        self.table.form = Form::Cells(self.columns(&cells.split(&text))?);
        Ok(cells)
    }

    fn read_cells(&mut self, mut cells: Cells, lines: &mut Lines) -> std::io::Result<()> {
        while let Some(row) = lines.next_row(cells.delimiter())? {
            match row.text {
                None => self.too_long(row.number),
                Some(text) => self.take_cells(row.number, &cells.split(&text)),
            }
        }
        Ok(())
    }

    fn take_cells(&mut self, line: u64, row: &[&str]) {
        let num_columns = match &self.table.form {
            Form::Cells(columns) => columns.len(),
            Form::Json => 0,
        };
        if row.iter().skip(num_columns).any(|cell| !cell.trim().is_empty()) {
            let problem = format!(
                "it has {} cells and the first row {num_columns}: quote a cell in which the separator stands",
                row.len()
            );
            return self.problem(line, ItemError::Row { problem });
        }
        if row.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        let cells: Vec<_> = row.iter().map(|cell| cell.replace(CELL_END, " ")).collect();
        self.take(line, cells.join(CELL_END.encode_utf8(&mut [0; 4])));
    }

    fn header(&self, problem: impl Into<String>) -> ListingError {
        ListingError::Header { path: self.table.path.clone(), problem: problem.into() }
    }

    fn columns(&self, row: &[&str]) -> Result<Vec<Column>, ListingError> {
        let mut columns: Vec<Column> = Vec::new();
        for name in row {
            let name = name.trim().trim_start_matches('\u{feff}').to_owned();
            let field = (!name.is_empty()).then(|| Field::named(&name));
            if let Some(other) = columns.iter().find(|other| field.is_some() && other.field == field) {
                let problem = format!("has two columns for the same: `{}` and `{name}`", other.name);
                return Err(self.header(problem));
            }
            columns.push(Column { name, field });
        }
        if !columns.iter().any(|column| column.field.as_ref().is_some_and(Field::is_path)) {
            let names: Vec<_> = columns.iter().map(|column| format!("`{}`", column.name)).collect();
            let names: String = names.join(", ").chars().take(300).collect();
            let problem =
                format!("has no column `path` (or `file`, `文件`) with the recordings; it has {names}");
            return Err(self.header(problem));
        }
        Ok(columns)
    }
}

/// What parts the cells of `head`: the one of three that stands there most often.
fn delimiter(head: &[u8]) -> u8 {
    let number = |delimiter: u8| head.iter().filter(|byte| **byte == delimiter).count();
    [b';', b',', b'\t'].into_iter().max_by_key(|delimiter| number(*delimiter)).unwrap_or(b',')
}

impl Table {
    /// The item that a row is.
    pub(super) fn item(&self, text: &str) -> Result<ArchiveItem, ItemError> {
        let (mut draft, mut beside) = (Draft::default(), None);
        let zone = &self.options.time_zone;
        let mut set = |name: &str, field: &Field, value: &str| {
            draft
                .set(field, value, zone)
                .map_err(|problem| ItemError::Field { field: name.to_owned(), problem })
        };
        match &self.form {
            Form::Json => beside = json_row::read(text, &mut set)?,
            Form::Cells(columns) => {
                for (column, cell) in columns.iter().zip(text.split(CELL_END)) {
                    if let Some(field) = &column.field {
                        set(&column.name, field, plain(cell))?;
                    }
                }
            }
        }
        draft.beside = beside;
        self.finish(draft)
    }

    fn finish(&self, mut draft: Draft) -> Result<ArchiveItem, ItemError> {
        draft
            .check_declaration()
            .map_err(|(field, problem)| ItemError::Field { field: field.to_owned(), problem })?;
        let paths = std::mem::take(&mut draft.paths);
        let by_side = paths.incoming.zip(paths.outgoing);
        let by_role = paths.agent.zip(paths.customer);
        let name = paths.whole.as_ref().or(by_side.as_ref().or(by_role.as_ref()).map(|(first, _)| first));
        let mut name = name.ok_or(ItemError::NoPath)?.replace('\\', "/");
        if paths.whole.is_none() {
            name = legs::call_name(&self.options.leg_suffixes, &name);
        }
        if let Some(Ok(read)) = self
            .options
            .name_pattern
            .as_ref()
            .and_then(|pattern| pattern.read(&name, &self.options.time_zone))
        {
            draft.complete(read);
        }
        let source = match (&paths.whole, &by_side, &by_role) {
            (Some(whole), _, _) => ItemSource::file(self.resolve(whole)),
            (None, Some((first, second)), _) => {
                item::set_leg_roles(&mut draft, self.options.leg_roles);
                ItemSource::Legs { first: self.resolve(first), second: self.resolve(second) }
            }
            (None, None, Some((first, second))) => {
                item::set_roles(&mut draft, SpeakerRole::Agent, SpeakerRole::Customer);
                ItemSource::Legs { first: self.resolve(first), second: self.resolve(second) }
            }
            (None, None, None) => return Err(ItemError::NoPath),
        };
        let call_id = draft.call_id.take().or_else(|| derived_id(&name)).ok_or(ItemError::NoPath)?;
        Ok(item::finish(draft, call_id, source))
    }

    /// Where a path of the manifest leads. Tables made on Windows part folders by `\`.
    fn resolve(&self, path: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let as_written = folder.join(path);
        if path.contains('\\') && !as_written.exists() {
            folder.join(path.replace('\\', "/"))
        } else {
            as_written
        }
    }
}

/// The id of a call without one: as if its folder were listed.
fn derived_id(name: &str) -> Option<CallId> {
    let name = name.trim_start_matches("./").trim_start_matches('/');
    let stem = Path::new(name).with_extension("");
    call_id_of(stem.to_str()?)
}

/// A cell without what spreadsheets put around numbers to keep them as they are.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(cell)
}
