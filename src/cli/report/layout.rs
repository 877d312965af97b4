//! Lays out text in terminal columns: colour, padding, wrapping for text in which a character takes two columns.

use owo_colors::{OwoColorize, Style as Paint};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Style;
use super::chat::Times;

/// What a piece of text means; its colour follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// Beside the point: times, ids.
    Faint,
    /// What an agent says.
    Agent,
    /// What a customer says.
    Customer,
    /// Good.
    Good,
    /// Worth a look.
    Notice,
    /// A fault.
    Bad,
}

impl Tone {
    fn paint(self) -> Paint {
        let paint = Paint::new();
        match self {
            Self::Plain => paint,
            Self::Strong => paint.bold(),
            Self::Faint => paint.dimmed(),
            Self::Agent => paint.cyan(),
            Self::Customer => paint.green(),
            Self::Good => paint.green().bold(),
            Self::Notice => paint.yellow(),
            Self::Bad => paint.red().bold(),
        }
    }
}

/// Text in one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The text, free of control characters.
    text: String,
    tone: Tone,
}

/// A piece of `text`, cleaned.
pub(super) fn piece(text: impl AsRef<str>, tone: Tone) -> Piece {
    Piece { text: clean(text.as_ref()), tone }
}

/// `text` without anything that moves the cursor, changes colours or reverses the writing direction.
pub(in crate::cli) fn clean(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// `text` filled up with spaces to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// `text` behind spaces, `columns` wide.
pub(super) fn pad_left(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{}{text}", " ".repeat(missing))
}

/// A report as it grows.
#[derive(Debug)]
pub(super) struct Page<'a> {
    style: &'a Style,
    times: Times,
    out: String,
    /// Spaces that are written only when something follows them on the line.
    held_spaces: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(style: &'a Style, times: Times) -> Self {
        Self { style, times, out: String::new(), held_spaces: 0 }
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    /// How times are shown.
    pub(super) fn times(&self) -> &Times {
        &self.times
    }

    pub(super) fn style(&self) -> &Style {
        self.style
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A heading under a blank line.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        self.line(&[piece(format!("── {text} "), Tone::Strong)], 0);
    }

    /// Pieces in one paragraph; lines after the first begin at column `indent`.
    pub(super) fn line(&mut self, pieces: &[Piece], indent: usize) {
        let mut column = 0;
        for piece in pieces {
            // Units of one line are painted together, so that a colour is switched once.
            let mut run = String::new();
            for unit in units(&piece.text) {
                let width = unit.width();
                if column + width > self.style.width && column > indent {
                    self.paint(&run, piece.tone);
                    run.clear();
                    self.end_line();
                    self.held_spaces = indent;
                    column = indent;
                    if unit.trim().is_empty() {
                        continue;
                    }
                }
                column += width;
                run.push_str(&unit);
            }
            self.paint(&run, piece.tone);
        }
        self.end_line();
    }

    /// Writes `run`, its last spaces held back: lines end without blanks, coloured or not.
    fn paint(&mut self, run: &str, tone: Tone) {
        let visible = run.trim_end_matches(' ');
        let num_spaces = run.len() - visible.len();
        if visible.is_empty() {
            self.held_spaces += num_spaces;
            return;
        }
        let spaces = " ".repeat(self.held_spaces);
        self.held_spaces = num_spaces;
        if self.style.colour && tone != Tone::Plain {
            self.out.push_str(&format!("{spaces}{}", visible.style(tone.paint())));
        } else {
            self.out.push_str(&spaces);
            self.out.push_str(visible);
        }
    }

    fn end_line(&mut self) {
        self.held_spaces = 0;
        self.out.push('\n');
    }
}

/// Cuts text where a line may break: anywhere between Chinese characters, but not inside a Latin word or a number, not
/// before closing punctuation and not after an opening bracket.
fn units(text: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for c in text.chars() {
        let sticks = last.is_some_and(|last| {
            let joined = is_narrow(last) && is_narrow(c);
            joined || "，。、；：？！）》】〕”’…,.;:?!)]}".contains(c) || "（《【〔“‘([{".contains(last)
        });
        match units.last_mut() {
            // A run without an end must still be broken somewhere.
            Some(unit) if sticks && unit.chars().count() < 40 => unit.push(c),
            Some(_) | None => units.push(c.to_string()),
        }
        last = Some(c);
    }
    units
}

fn is_narrow(c: char) -> bool {
    c != ' ' && c.width() == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn wrapped(text: &str, width: usize, indent: usize) -> String {
        let style = Style { colour: false, width, time_zone: TimeZone::UTC };
        let mut page = Page::new(&style, Times::default());
        page.line(&[piece(text, Tone::Plain)], indent);
        page.into_text()
    }

    #[test]
    fn chinese_characters_take_two_columns() {
        assert_eq!(pad("得分", 6), "得分  ");
        assert_eq!(pad_left("得分", 3), "得分");
        assert_eq!(wrapped("您好请问有什么可以帮您", 10, 2), "您好请问有\n  什么可以\n  帮您\n");
    }

    #[test]
    fn lines_do_not_break_words_or_begin_with_a_comma() {
        assert_eq!(wrapped("请打开WeChat", 8, 0), "请打开\nWeChat\n");
        assert_eq!(wrapped("您好您好，再见", 8, 0), "您好您\n好，再见\n");
    }

    #[test]
    fn nothing_of_a_call_controls_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}"), "a\u{fffd}[31mb c\u{fffd}");
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        let style = Style { colour: true, width: 80, time_zone: TimeZone::UTC };
        let mut page = Page::new(&style, Times::default());
        page.line(&[piece("坏", Tone::Bad), piece("好", Tone::Plain)], 0);
        let text = page.into_text();
        assert!(text.contains("\u{1b}[") && text.ends_with("好\n"), "{text:?}");
        assert!(!wrapped("坏", 80, 0).contains('\u{1b}'));
    }
}
