//! Charts as SVG that stands inside of a page: lines, bars, intervals, shares of a whole, and heat maps.
//!
//! Told apart without colour: lines by their dashes and marks, parts by their hatching, all by words beside them. The
//! colours are those of Okabe and Ito, which colour-blind people tell apart.
//!
//! **Invariant**: the same chart gives the same bytes; no two labels of an axis overlap.

mod axis;
mod bars;
mod heat;
mod line;
mod svg;
#[cfg(test)]
mod tests;

/// What the numbers of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Whole numbers.
    Count,
    /// Tenths of points.
    Points,
    /// Hundredths of a percent.
    Share,
}

impl Unit {
    /// A number as the tables show it.
    #[must_use]
    pub fn shown(self, number: i64) -> String {
        use super::model::Value;
        match self {
            Self::Count => Value::Count(u64::try_from(number).unwrap_or_default()).shown(),
            Self::Points => Value::Points(number).shown(),
            Self::Share => Value::Share(number).shown(),
        }
    }

    /// How many of its steps make one.
    fn per_one(self) -> i64 {
        match self {
            Self::Count => 1,
            Self::Points => 10,
            Self::Share => 100,
        }
    }

    /// What stands at a tick of an axis.
    fn tick(self, number: i64) -> String {
        let one = self.per_one();
        let whole = number.rem_euclid(one) == 0;
        match self {
            Self::Points if whole => (number / one).to_string(),
            Self::Share if whole => format!("{}%", number / one),
            Self::Share if number % 10 == 0 => format!("{}%", super::model::fixed(number / 10, 1)),
            Self::Count | Self::Points | Self::Share => self.shown(number),
        }
    }
}

/// A chart: its title and its drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The title.
    pub title: String,
    /// What it shows, in a sentence, for those who do not see it.
    pub description: String,
    /// What the numbers are.
    pub unit: Unit,
    /// The drawing.
    pub plot: Plot,
}

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub enum Plot {
    /// Series over the same places.
    Line {
        /// What stands under the axis, from left to right.
        labels: Vec<String>,
        /// The series, five at most.
        series: Vec<Series>,
        /// Which places are cut by the period, so that they hold less than the others; none when empty.
        partial: Vec<bool>,
    },
    /// A bar for each of a few ranges, side by side.
    Histogram {
        /// The ranges and their numbers.
        bars: Vec<(String, i64)>,
        /// What stands under the axis.
        axis: String,
    },
    /// Bars below each other.
    Bars {
        /// Name and number, from top to bottom.
        bars: Vec<(String, i64)>,
    },
    /// Values with their intervals below each other.
    Intervals {
        /// From top to bottom.
        rows: Vec<Interval>,
        /// A line to compare with, and its name.
        reference: Option<(i64, String)>,
        /// What the mark of a row means; empty where no row can have one.
        marked: String,
    },
    /// Bars below each other, each of parts.
    Stacked {
        /// The names of the parts, four at most.
        parts: Vec<String>,
        /// Name and parts, from top to bottom.
        bars: Vec<(String, Vec<i64>)>,
    },
    /// A number in each square of a grid; the larger, the darker.
    Heat {
        /// Names of the columns.
        columns: Vec<String>,
        /// Names of the rows and their numbers.
        rows: Vec<(String, Vec<Option<i64>>)>,
    },
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// A number for each place, or none.
    pub values: Vec<Option<i64>>,
}

/// A value and where it may as well lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// Its name.
    pub name: String,
    /// From.
    pub low: i64,
    /// The value.
    pub value: i64,
    /// To.
    pub high: i64,
    /// Whether to draw attention to it.
    pub is_marked: bool,
}

impl Chart {
    /// The chart as an `svg` element.
    #[must_use]
    pub fn svg(&self) -> String {
        let drawn = match &self.plot {
            Plot::Line { labels, series, partial } => line::draw(self.unit, labels, series, partial),
            Plot::Histogram { bars, axis } => bars::histogram(self.unit, bars, axis),
            Plot::Bars { bars } => bars::bars(self.unit, bars),
            Plot::Intervals { rows, reference, marked } => {
                bars::intervals(self.unit, rows, reference.as_ref(), marked)
            }
            Plot::Stacked { parts, bars } => bars::stacked(self.unit, parts, bars),
            Plot::Heat { columns, rows } => heat::draw(self.unit, columns, rows),
        };
        drawn.finish(&self.title, &self.description)
    }

    /// Whether there is anything to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.plot {
            Plot::Line { series, .. } => {
                series.iter().all(|series| series.values.iter().flatten().next().is_none())
            }
            Plot::Histogram { bars, .. } | Plot::Bars { bars } => bars.iter().all(|(_, number)| *number == 0),
            Plot::Intervals { rows, .. } => rows.is_empty(),
            Plot::Stacked { bars, .. } => bars.is_empty(),
            Plot::Heat { rows, .. } => {
                rows.iter().all(|(_, numbers)| numbers.iter().flatten().next().is_none())
            }
        }
    }
}

/// A small line for a cell of a table; empty for fewer than two numbers.
#[must_use]
pub(super) fn spark(values: &[Option<i64>]) -> String {
    line::spark(values)
}
