//! The text of an SVG: shapes at tenths of a unit, escaped words, and how wide words are.

use std::fmt::Write;

/// Width of every chart, in units of the picture.
pub(super) const WIDTH: f64 = 720.0;
/// Size of letters.
pub(super) const LETTER: f64 = 12.0;

/// Colours that colour-blind people tell apart, the darkest first.
pub(super) const COLOURS: [&str; 5] = ["#0b5a8f", "#d55e00", "#009e73", "#7a4fa3", "#b07d00"];
/// Dashes of lines, in the same order.
pub(super) const DASHES: [&str; 5] = ["none", "7 3", "2 3", "9 3 2 3", "4 2"];
/// The colour of words and axes.
pub(super) const INK: &str = "#333";
/// The colour of lines behind.
pub(super) const GRID: &str = "#ddd";

/// A drawing under way.
#[derive(Debug)]
pub(super) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

/// Most room of a label under an axis.
pub(super) const LABEL: f64 = 90.0;

/// Where a text is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { body: String::new(), width, height }
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        self.push(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width:.1}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// A dashed line.
    pub(super) fn dashed(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        self.push(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"1.2\" stroke-dasharray=\"5 3\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// A line through points.
    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64, dashes: &str) {
        let mut places = String::new();
        for (x, y) in points {
            // Writing into a text cannot fail.
            write!(places, "{}{x:.1},{y:.1}", if places.is_empty() { "" } else { " " }).ok();
        }
        self.push(format_args!(
            "<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\" stroke-dasharray=\"{dashes}\" stroke-linejoin=\"round\"/>"
        ));
    }

    /// A mark whose form says which series it is of; says `title` where the pointer rests.
    pub(super) fn mark(&mut self, at: (f64, f64), form: usize, size: f64, colour: &str, title: &str) {
        self.shape(at, form, size, &format!("fill=\"{colour}\""), title);
    }

    /// The same with nothing in it.
    pub(super) fn hollow_mark(&mut self, at: (f64, f64), form: usize, size: f64, colour: &str, title: &str) {
        let paint = format!("fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"1.4\"");
        self.shape(at, form, size, &paint, title);
    }

    fn shape(&mut self, at: (f64, f64), form: usize, size: f64, paint: &str, title: &str) {
        let (x, y) = at;
        let title = escaped(title);
        let shape = match form % 4 {
            0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size:.1}\""),
            1 => format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"",
                x - size,
                y - size,
                size * 2.0,
                size * 2.0
            ),
            2 => format!(
                "<polygon points=\"{x:.1},{:.1} {:.1},{:.1} {:.1},{:.1}\"",
                y - size * 1.2,
                x + size * 1.2,
                y + size,
                x - size * 1.2,
                y + size
            ),
            _ => format!(
                "<polygon points=\"{x:.1},{:.1} {:.1},{y:.1} {x:.1},{:.1} {:.1},{y:.1}\"",
                y - size * 1.3,
                x + size * 1.3,
                y + size * 1.3,
                x - size * 1.3
            ),
        };
        self.push(format_args!("{shape} {paint}><title>{title}</title></"));
        self.body.push_str(match form % 4 {
            0 => "circle>",
            1 => "rect>",
            _ => "polygon>",
        });
    }

    /// A filled rectangle that says `title` where the pointer rests.
    pub(super) fn bar(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, title: &str) {
        self.push(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"><title>{}</title></rect>",
            at.0,
            at.1,
            size.0.max(0.0),
            size.1.max(0.0),
            escaped(title)
        ));
    }

    /// A rectangle with a thin frame, so that pale parts are seen on paper.
    pub(super) fn framed(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, title: &str) {
        self.push(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\" stroke=\"{INK}\" stroke-width=\"0.6\"><title>{}</title></rect>",
            at.0,
            at.1,
            size.0.max(0.0),
            size.1.max(0.0),
            escaped(title)
        ));
    }

    /// A text.
    pub(super) fn text(&mut self, at: (f64, f64), anchor: Anchor, colour: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>",
            at.0,
            at.1,
            escaped(text)
        ));
    }

    /// Definitions, such as patterns; not escaped.
    pub(super) fn define(&mut self, markup: &str) {
        self.body.push_str(markup);
    }

    fn push(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing into a text cannot fail.
        self.body.write_fmt(markup).ok();
    }

    /// The element.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        let (title, description) = (escaped(title), escaped(description));
        format!(
            "<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{title}\" font-size=\"{LETTER:.0}\"><title>{title}</title><desc>{description}</desc>{}</svg>",
            self.width, self.height, self.body
        )
    }
}

/// About how wide a text is.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(|one| LETTER * if one.is_ascii() { 0.58 } else { 1.0 }).sum()
}

/// As much of a text as fits, with `…` where it was cut.
pub(super) fn cut(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = LETTER;
    for one in text.chars() {
        used += width(one.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        kept.push(one);
    }
    kept.push('…');
    kept
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in crate::report::model::clean(text).chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            one => escaped.push(one),
        }
    }
    escaped
}
