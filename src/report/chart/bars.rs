//! Bars: side by side, below each other, of parts, and points with intervals.

use super::axis::{Scale, stride};
use super::svg::{Anchor, COLOURS, GRID, INK, LABEL, Svg, WIDTH, cut, width};
use super::{Interval, Unit};

const ROW: f64 = 24.0;
const LABELS: f64 = 200.0;
const TOP: f64 = 10.0;
const AXIS: f64 = 26.0;
const RIGHT: f64 = 20.0;
/// What is looked at, and what is only there.
const MARKED: &str = "#d55e00";

pub(super) fn histogram(unit: Unit, bars: &[(String, i64)], axis: &str) -> Svg {
    const HEIGHT: f64 = 220.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let scale = unit.scale(bars.iter().map(|(_, number)| *number), true);
    let left = scale.ticks().map(|tick| width(&unit.tick(tick))).fold(0.0, f64::max) + 14.0;
    let (low, high) = (HEIGHT - 42.0, 22.0);
    for tick in scale.ticks() {
        let y = low - scale.place(tick) * (low - high);
        svg.line((left, y), (WIDTH - RIGHT, y), GRID, 1.0);
        svg.text((left - 6.0, y + 4.0), Anchor::End, INK, &unit.tick(tick));
    }
    // Counts of bars: far below 2^53.
    let each = (WIDTH - RIGHT - left) / bars.len().max(1) as f64;
    let widest = bars.iter().map(|(label, _)| width(label)).fold(0.0, f64::max).min(LABEL);
    let stride = stride(bars.len(), widest, WIDTH - RIGHT - left);
    for (index, (label, number)) in bars.iter().enumerate() {
        let x = left + each * index as f64;
        let height = scale.place(*number) * (low - high);
        let shown = unit.shown(*number);
        svg.bar((x + 2.0, low - height), (each - 4.0, height), COLOURS[0], &format!("{label}：{shown}"));
        if *number > 0 && width(&shown) < each {
            svg.text((x + each / 2.0, low - height - 4.0), Anchor::Middle, INK, &shown);
        }
        if index % stride == 0 {
            svg.text((x + each / 2.0, low + 16.0), Anchor::Middle, INK, &cut(label, LABEL));
        }
    }
    svg.line((left, low), (WIDTH - RIGHT, low), INK, 1.0);
    svg.text(((left + WIDTH) / 2.0, HEIGHT - 8.0), Anchor::Middle, INK, axis);
    svg
}

pub(super) fn bars(unit: Unit, bars: &[(String, i64)]) -> Svg {
    let scale = unit.scale(bars.iter().map(|(_, number)| *number), true);
    let mut svg = rows(bars.len(), 0.0);
    let room = 80.0;
    let x = |number: i64| LABELS + scale.place(number) * (WIDTH - LABELS - RIGHT - room);
    for (index, (name, number)) in bars.iter().enumerate() {
        let y = row(index, 0.0);
        name_of_row(&mut svg, name, y);
        let shown = unit.shown(*number);
        svg.bar((LABELS, y + 4.0), (x(*number) - LABELS, ROW - 8.0), COLOURS[0], &format!("{name}：{shown}"));
        svg.text((x(*number) + 6.0, y + 16.0), Anchor::Start, INK, &shown);
    }
    svg.line((LABELS, TOP), (LABELS, row(bars.len(), 0.0)), INK, 1.0);
    svg
}

pub(super) fn intervals(
    unit: Unit,
    entries: &[Interval],
    reference: Option<&(i64, String)>,
    marked: &str,
) -> Svg {
    let numbers = entries.iter().flat_map(|one| [one.low, one.value, one.high]);
    let scale = unit.scale(numbers.chain(reference.map(|(at, _)| *at)), unit != Unit::Points);
    let legend = 22.0;
    let head = legend + if reference.is_some() { 20.0 } else { 0.0 };
    let mut svg = rows(entries.len(), head + AXIS);
    let mut at = LABELS + 6.0;
    let meanings = [("数值与 95% 区间", false), (marked, true)];
    for (meaning, is_marked) in meanings.into_iter().filter(|(meaning, _)| !meaning.is_empty()) {
        let meaning = cut(meaning, WIDTH - RIGHT - at - 18.0);
        let colour = colour(is_marked);
        svg.line((at - 6.0, TOP + 6.0), (at + 20.0, TOP + 6.0), colour, thickness(is_marked));
        svg.mark((at + 7.0, TOP + 6.0), form(is_marked), 4.2, colour, &meaning);
        svg.text((at + 26.0, TOP + 10.0), Anchor::Start, INK, &meaning);
        at += 26.0 + width(&meaning) + 28.0;
    }
    // The value stands right of everything, so that no whisker crosses it.
    let room = entries.iter().map(|one| width(&unit.shown(one.value))).fold(0.0, f64::max) + 10.0;
    let right = WIDTH - RIGHT - room;
    let bottom = row(entries.len(), head);
    let x = |number: i64| LABELS + scale.place(number) * (right - LABELS);
    axis_below(&mut svg, unit, scale, &x, (TOP + head, bottom));
    if let Some((at, name)) = reference {
        svg.dashed((x(*at), TOP + head - 4.0), (x(*at), bottom), INK);
        let text = format!("{name} {}", unit.shown(*at));
        let half = width(&text) / 2.0;
        let place = x(*at).clamp(LABELS + half, WIDTH - RIGHT - half);
        svg.text((place, TOP + legend + 10.0), Anchor::Middle, INK, &text);
    }
    for (index, one) in entries.iter().enumerate() {
        let y = row(index, head);
        let middle = y + ROW / 2.0;
        let colour = colour(one.is_marked);
        name_of_row(&mut svg, &one.name, y);
        svg.line((x(one.low), middle), (x(one.high), middle), colour, thickness(one.is_marked));
        for end in [one.low, one.high] {
            svg.line((x(end), middle - 4.0), (x(end), middle + 4.0), colour, 1.6);
        }
        let title = format!(
            "{}：{}（{}–{}）",
            one.name,
            unit.shown(one.value),
            unit.shown(one.low),
            unit.shown(one.high)
        );
        svg.mark((x(one.value), middle), form(one.is_marked), 4.2, colour, &title);
        svg.text((WIDTH - RIGHT, middle + 4.0), Anchor::End, colour, &unit.shown(one.value));
    }
    svg.line((LABELS, TOP + head), (LABELS, bottom), INK, 1.0);
    svg
}

fn colour(is_marked: bool) -> &'static str {
    if is_marked { MARKED } else { COLOURS[0] }
}

fn thickness(is_marked: bool) -> f64 {
    if is_marked { 2.4 } else { 1.6 }
}

/// The form of a mark: a diamond for what is looked at, else a circle.
fn form(is_marked: bool) -> usize {
    if is_marked { 3 } else { 0 }
}

pub(super) fn stacked(unit: Unit, parts: &[String], bars: &[(String, Vec<i64>)]) -> Svg {
    let sum = |numbers: &[i64]| numbers.iter().fold(0_i64, |sum, one| sum.saturating_add(*one));
    let scale = unit.scale(bars.iter().map(|(_, numbers)| sum(numbers)), true);
    let head = 24.0;
    let mut svg = rows(bars.len(), head + AXIS);
    svg.define(PATTERNS);
    let bottom = row(bars.len(), head);
    let right = WIDTH - RIGHT - 16.0;
    let x = |number: i64| LABELS + scale.place(number) * (right - LABELS);
    axis_below(&mut svg, unit, scale, &x, (TOP + head, bottom));
    let mut legend = LABELS;
    for (name, fill) in parts.iter().zip(FILLS) {
        let name = cut(name, 130.0);
        svg.framed((legend, TOP), (14.0, 12.0), fill, &name);
        svg.text((legend + 19.0, TOP + 11.0), Anchor::Start, INK, &name);
        legend += 19.0 + width(&name) + 18.0;
    }
    for (index, (name, numbers)) in bars.iter().enumerate() {
        let y = row(index, head);
        name_of_row(&mut svg, name, y);
        let mut from = 0_i64;
        for ((part, number), fill) in parts.iter().zip(numbers).zip(FILLS) {
            let to = from.saturating_add(*number);
            if *number > 0 {
                let title = format!("{name} {part}：{}", unit.shown(*number));
                svg.framed((x(from), y + 4.0), (x(to) - x(from), ROW - 8.0), fill, &title);
            }
            from = to;
        }
    }
    svg.line((LABELS, TOP + head), (LABELS, bottom), INK, 1.0);
    svg
}

/// Fills that differ in lightness and hatching; the ids are the same in every chart, and so are the patterns.
const FILLS: [&str; 4] = ["#0b5a8f", "url(#hatch)", "#f0e442", "#ffffff"];
const PATTERNS: &str = "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#fbe0cc\"/><rect width=\"2.4\" height=\"6\" fill=\"#d55e00\"/></pattern></defs>";

fn rows(num_rows: usize, extra: f64) -> Svg {
    Svg::new(WIDTH, row(num_rows, extra) + 6.0)
}

/// The upper end of a row; counts of rows are far below 2^53.
fn row(index: usize, head: f64) -> f64 {
    TOP + head + ROW * index as f64
}

fn name_of_row(svg: &mut Svg, name: &str, y: f64) {
    svg.text((LABELS - 8.0, y + ROW / 2.0 + 4.0), Anchor::End, INK, &cut(name, LABELS - 16.0));
}

fn axis_below(svg: &mut Svg, unit: Unit, scale: Scale, x: &dyn Fn(i64) -> f64, (top, bottom): (f64, f64)) {
    for tick in scale.ticks() {
        svg.line((x(tick), top), (x(tick), bottom), GRID, 1.0);
        svg.text((x(tick), bottom + 16.0), Anchor::Middle, INK, &unit.tick(tick));
    }
}
