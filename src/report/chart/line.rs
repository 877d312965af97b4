//! Lines over the same places, and small ones for cells.

use super::axis::{Scale, stride};
use super::svg::{Anchor, COLOURS, DASHES, GRID, INK, LABEL, Svg, WIDTH, cut, width};
use super::{Series, Unit};

const HEIGHT: f64 = 230.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 28.0;
const RIGHT: f64 = 16.0;

pub(super) fn draw(unit: Unit, labels: &[String], series: &[Series]) -> Svg {
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
        let mut run: Vec<(f64, f64)> = Vec::new();
        let points: Vec<Option<(f64, f64)>> = series
            .values
            .iter()
            .enumerate()
            .map(|(index, value)| value.map(|value| (x(index), low - scale.place(value) * (low - high))))
            .collect();
        for point in points.iter().chain([&None]) {
            match point {
                Some(point) => run.push(*point),
                None => {
                    if run.len() > 1 {
                        svg.path(&run, colour, 2.0, dashes);
                    }
                    run.clear();
                }
            }
        }
        for (index, point) in points.iter().enumerate() {
            let (Some(point), Some(Some(value))) = (point, series.values.get(index)) else { continue };
            let label = labels.get(index).map_or("", String::as_str);
            let title = format!("{label} {}：{}", series.name, unit.shown(*value));
            svg.mark(*point, form, 2.8, colour, &title);
        }
    }
    svg
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
