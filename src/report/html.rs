//! A report as one page that needs nothing from outside: style and charts are in it, and no script is.
//!
//! **Invariant**: whatever a name holds, it is text; the same report gives the same bytes.

use std::collections::HashMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart;
use super::model::{Cell, Column, Kind, Report, Section, Table, Tile, Value};

/// The look, on screens and on A4.
const STYLE: &str = include_str!("style.css");

/// Most rows of a table that is kept on one page of paper.
const MAX_WHOLE: usize = 24;
/// Columns from which on a table is set in small letters on paper, to fit between the margins.
const WIDE: usize = 10;

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut commands = Commands::default();
    let tiles_and_sections: Vec<Markup> =
        report.sections.iter().enumerate().map(|(index, one)| section(index, one, &mut commands)).collect();
    let title = format!("{} · {} · {}", report.title, report.subject, report.period.title());
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Nothing may be fetched, whatever is in the page.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="generator" content="diting";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (report.title) }
                    p.subject { (report.subject) " · " (report.period.title()) }
                    dl.basis {
                        @for (label, text) in &report.basis {
                            div { dt { (label) } dd { (text) } }
                        }
                    }
                }
                @if !report.summary.is_empty() {
                    section.summary {
                        h2 { "要点" }
                        ul { @for line in &report.summary { li { (line) } } }
                    }
                }
                nav {
                    @for (index, one) in report.sections.iter().enumerate() {
                        a href={ "#s" (index + 1) } { (one.title) }
                    }
                    a href="#words" { "口径说明" }
                }
                @for one in &tiles_and_sections { (one) }
                (definitions(report))
                (commands.list())
            }
        }
    }
    .into_string()
}

/// The commands that open numbers, each once, in the order of the page.
#[derive(Default)]
struct Commands {
    numbers: HashMap<String, usize>,
    list: Vec<String>,
    /// The first of each table, for paper.
    examples: Vec<(String, String)>,
}

impl Commands {
    fn number(&mut self, command: &str) -> usize {
        if let Some(number) = self.numbers.get(command) {
            return *number;
        }
        self.list.push(command.to_owned());
        self.numbers.insert(command.to_owned(), self.list.len());
        self.list.len()
    }

    fn list(&self) -> Markup {
        html! {
            section.open {
                h2 id="open" { "如何打开一个数字" }
                p {
                    "带虚线下划线的数字都能打开它背后的通话：把指针停在数字上可看到命令，点击跳到下面的清单；"
                    "工作簿每张表末尾的“打开”列有同样的命令。命令里的时间是 UTC。"
                }
                @if !self.examples.is_empty() {
                    table.commands {
                        thead { tr { th { "表" } th { "例：第一行的命令" } } }
                        tbody {
                            @for (table, command) in &self.examples {
                                tr { td { (table) } td { code { (command) } } }
                            }
                        }
                    }
                }
                @if !self.list.is_empty() {
                    details.screen {
                        summary { "全部命令（" (self.list.len()) " 条）" }
                        ol {
                            @for (index, command) in self.list.iter().enumerate() {
                                li id={ "q" (index + 1) } { code { (command) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn section(index: usize, section: &Section, commands: &mut Commands) -> Markup {
    let tiles: Vec<Markup> = section.tiles.iter().map(|one| tile(one, commands)).collect();
    let tables: Vec<Markup> =
        section.tables.iter().filter(|table| table.is_shown).map(|one| table(one, commands)).collect();
    html! {
        section {
            h2 id={ "s" (index + 1) } { (section.title) }
            @for paragraph in &section.paragraphs { p { (paragraph) } }
            @if !tiles.is_empty() { div.tiles { @for tile in &tiles { (tile) } } }
            @if section.charts.iter().any(|chart| !chart.is_empty()) {
                div.charts {
                    @for chart in section.charts.iter().filter(|chart| !chart.is_empty()) {
                        figure { figcaption { (chart.title) } (PreEscaped(chart.svg())) }
                    }
                }
            }
            @for table in &tables { (table) }
        }
    }
}

fn tile(tile: &Tile, commands: &mut Commands) -> Markup {
    html! {
        div.tile {
            div.label { (tile.label) }
            div.figure { (value(&tile.cell, commands)) }
            @if !tile.note.is_empty() { div.note { (tile.note) } }
        }
    }
}

fn table(table: &Table, commands: &mut Commands) -> Markup {
    let first = table.rows.iter().flatten().find_map(|cell| cell.origin.as_ref());
    if let Some(origin) = first {
        commands.examples.push((table.title.clone(), origin.command()));
    }
    let rows: Vec<Markup> = table.rows.iter().map(|cells| row(&table.columns, cells, commands)).collect();
    let is_short = table.rows.len() <= MAX_WHOLE;
    let is_wide = table.columns.len() >= WIDE;
    html! {
        // With its heading: a heading stays at no page's end, and a short table is not broken.
        div.block[is_short] {
            h3 { (table.title) }
            @if !table.note.is_empty() { p.note { (table.note) } }
            @if table.rows.is_empty() {
                p.empty { "本期没有。" }
            } @else {
                table.wide[is_wide] {
                    thead { tr { @for column in &table.columns { th class=(class(column.kind)) { (column.title) } } } }
                    tbody { @for row in &rows { (row) } }
                }
            }
        }
    }
}

fn row(columns: &[Column], cells: &[Cell], commands: &mut Commands) -> Markup {
    let cells: Vec<(Kind, Markup)> =
        columns.iter().zip(cells).map(|(column, cell)| (column.kind, value(cell, commands))).collect();
    html! { tr { @for (kind, cell) in &cells { td class=(class(*kind)) { (cell) } } } }
}

fn value(cell: &Cell, commands: &mut Commands) -> Markup {
    if let Value::Spark(values) = &cell.value {
        return html! { span.spark { (PreEscaped(chart::spark(values))) } };
    }
    let shown = cell.value.shown();
    let Some(origin) = &cell.origin else { return html! { (shown) } };
    let command = origin.command();
    let number = commands.number(&command);
    html! { a.open href={ "#q" (number) } title={ "打开：" (command) } { (shown) } }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Long => "long",
        Kind::Number => "number",
        Kind::Spark => "spark",
    }
}

fn definitions(report: &Report) -> Markup {
    html! {
        section.definitions {
            h2 id="words" { "口径说明" }
            dl { @for (term, meaning) in &report.definitions { dt { (term) } dd { (meaning) } } }
        }
    }
}
