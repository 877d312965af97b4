//! Heat maps: a number in each square; the larger, the darker.

use super::Unit;
use super::svg::{Anchor, INK, Svg, WIDTH, cut, width};

const ROW: f64 = 24.0;
const LABELS: f64 = 170.0;
const HEAD: f64 = 24.0;
/// From nearly white to dark blue, so that a print in grey keeps the order.
const SHADES: [&str; 6] = ["#f7fbff", "#d6e6f4", "#abd0e6", "#6aaed6", "#2f79b5", "#0b4a83"];

pub(super) fn draw(unit: Unit, columns: &[String], rows: &[(String, Vec<Option<i64>>)]) -> Svg {
    // Counts of rows and columns: far below 2^53.
    let mut svg = Svg::new(WIDTH, HEAD + ROW * rows.len() as f64 + 6.0);
    let each = (WIDTH - LABELS - 4.0) / columns.len().max(1) as f64;
    let x = |index: usize| LABELS + each * index as f64;
    for (index, name) in columns.iter().enumerate() {
        svg.text((x(index) + each / 2.0, 16.0), Anchor::Middle, INK, &cut(name, each - 4.0));
    }
    let largest = rows.iter().flat_map(|(_, numbers)| numbers.iter().flatten()).copied().max().unwrap_or(0);
    for (index, (name, numbers)) in rows.iter().enumerate() {
        let y = HEAD + ROW * index as f64;
        svg.text((LABELS - 8.0, y + 16.0), Anchor::End, INK, &cut(name, LABELS - 16.0));
        for (column, number) in numbers.iter().enumerate().take(columns.len()) {
            let place = shade(*number, largest);
            let fill = place.and_then(|place| SHADES.get(place)).copied().unwrap_or("#ffffff");
            let shown = number.map_or_else(|| "—".to_owned(), |number| unit.shown(number));
            let column_name = columns.get(column).map_or("", String::as_str);
            let title = format!("{name} {column_name}：{shown}");
            svg.framed((x(column) + 1.0, y + 1.0), (each - 2.0, ROW - 2.0), fill, &title);
            if width(&shown) <= each - 2.0 {
                let colour = if place.is_some_and(|place| place >= 4) { "#ffffff" } else { INK };
                svg.text((x(column) + each / 2.0, y + 16.0), Anchor::Middle, colour, &shown);
            }
        }
    }
    svg
}

fn shade(number: Option<i64>, largest: i64) -> Option<usize> {
    let number = number?;
    let last = SHADES.len() - 1;
    if largest <= 0 || number <= 0 {
        return Some(0);
    }
    let steps = i128::from(number) * i128::try_from(last).unwrap_or(1) / i128::from(largest);
    Some(usize::try_from(steps).unwrap_or(last).min(last))
}
