//! Lines over the same places, and small ones for cells.

use super::axis::{Scale, stride};
use super::svg::{Anchor, COLOURS, DASHES, GRID, INK, LABEL, Svg, WIDTH, cut, width};
use super::{Series, Unit};

const HEIGHT: f64 = 230.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 28.0;
const RIGHT: f64 = 16.0;

/// Dashes of a line to a place that is cut.
pub(super) const CUT_DASHES: &str = "1.5 4";

pub(super) fn draw(unit: Unit, labels: &[String], series: &[Series], partial: &[bool]) -> Svg {
    let is_cut = |index: usize| partial.get(index).copied().unwrap_or_default();
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let numbers = series.iter().flat_map(|series| series.values.iter().flatten().copied());
    // A score that moves between 88 and 92 is a flat line from zero.
    let scale = unit.scale(numbers, unit != Unit::Points);
    let left = scale.ticks().map(|tick| width(&unit.tick(tick))).fold(0.0, f64::max) + 14.0;
    let (low, high) = (HEIGHT - BOTTOM, TOP);
    for tick in scale.ticks() {
        let y = low - scale.place(tick) * (low - high);
        svg.line((left, y), (WIDTH - RIGHT, y), GRID, 1.0);
        svg.text((left - 6.0, y + 4.0), Anchor::End, INK, &unit.tick(tick));
    }
    let room = WIDTH - RIGHT - left;
    let x = |index: usize| {
        // Counts of places: far below 2^53.
        let share = (index as f64 + 0.5) / labels.len().max(1) as f64;
        left + share * room
    };
    let widest = labels.iter().map(|label| width(label)).fold(0.0, f64::max).min(LABEL);
    let stride = stride(labels.len(), widest, room);
    for (index, label) in labels.iter().enumerate().step_by(stride) {
        svg.line((x(index), low), (x(index), low + 4.0), INK, 1.0);
        svg.text((x(index), low + 18.0), Anchor::Middle, INK, &cut(label, LABEL));
    }
    svg.line((left, low), (WIDTH - RIGHT, low), INK, 1.0);
    let each = room / series.len().max(1) as f64;
    let mut legend = left;
    for (form, ((series, colour), dashes)) in series.iter().zip(COLOURS).zip(DASHES).enumerate() {
        legend_entry(&mut svg, &mut legend, series, form, (colour, dashes), each);
        let mut run: Vec<(usize, (f64, f64))> = Vec::new();
        let points: Vec<Option<(f64, f64)>> = series
            .values
            .iter()
            .enumerate()
            .map(|(index, value)| value.map(|value| (x(index), low - scale.place(value) * (low - high))))
            .collect();
        for (index, point) in points.iter().chain([&None]).enumerate() {
            match point {
                Some(point) => run.push((index, *point)),
                None => {
                    path(&mut svg, &run, colour, dashes, is_cut);
                    run.clear();
                }
            }
        }
        for (index, point) in points.iter().enumerate() {
            let (Some(point), Some(Some(value))) = (point, series.values.get(index)) else { continue };
            let label = labels.get(index).map_or("", String::as_str);
            let cut = if is_cut(index) { "（不完整）" } else { "" };
            let title = format!("{label}{cut} {}：{}", series.name, unit.shown(*value));
            if is_cut(index) {
                svg.hollow_mark(*point, form, 3.4, colour, &title);
            } else {
                svg.mark(*point, form, 2.8, colour, &title);
            }
        }
    }
    svg
}

/// A line through neighbouring places; the way to a place that is cut, and from it, is dotted.
fn path(
    svg: &mut Svg,
    run: &[(usize, (f64, f64))],
    colour: &str,
    dashes: &str,
    is_cut: impl Fn(usize) -> bool,
) {
    let whole: Vec<(f64, f64)> =
        run.iter().filter(|(index, _)| !is_cut(*index)).map(|(_, point)| *point).collect();
    let num_cut = run.len() - whole.len();
    // Places that are cut lie at the ends of a period, so that the whole ones are neighbours.
    if whole.len() > 1 {
        svg.path(&whole, colour, 2.0, dashes);
    }
    if num_cut > 0 {
        for pair in run.windows(2) {
            if let [(from, one), (to, other)] = pair
                && (is_cut(*from) || is_cut(*to))
            {
                svg.path(&[*one, *other], colour, 1.4, CUT_DASHES);
            }
        }
    }
}

fn legend_entry(
    svg: &mut Svg,
    x: &mut f64,
    series: &Series,
    form: usize,
    (colour, dashes): (&str, &str),
    room: f64,
) {
    let name = cut(&series.name, (room - 44.0).max(40.0));
    svg.path(&[(*x, 14.0), (*x + 26.0, 14.0)], colour, 2.0, dashes);
    svg.mark((*x + 13.0, 14.0), form, 2.8, colour, &series.name);
    svg.text((*x + 32.0, 18.0), Anchor::Start, INK, &name);
    *x += 32.0 + width(&name) + 18.0;
}

pub(super) fn spark(values: &[Option<i64>]) -> String {
    const SIZE: (f64, f64) = (96.0, 22.0);
    if values.iter().flatten().count() < 2 {
        return String::new();
    }
    let scale = Scale::of(values.iter().flatten().copied(), true, 4);
    let mut svg = Svg::new(SIZE.0, SIZE.1);
    let x = |index: usize| 3.0 + index as f64 / (values.len() - 1).max(1) as f64 * (SIZE.0 - 6.0);
    let y = |value: i64| SIZE.1 - 3.0 - scale.place(value) * (SIZE.1 - 6.0);
    // Over days without a number it goes straight on: pieces of a line this small say nothing.
    let known = values.iter().enumerate().filter_map(|(index, value)| Some((x(index), y((*value)?))));
    svg.path(&known.collect::<Vec<_>>(), COLOURS[0], 1.4, "none");
    if let Some((index, value)) =
        values.iter().enumerate().rev().find_map(|(index, value)| value.map(|value| (index, value)))
    {
        svg.mark((x(index), y(value)), 0, 2.2, COLOURS[1], "最近");
    }
    svg.finish("走势", "各日的走势")
}
