//! Reads schemes, risk models and published revisions.

use std::ops::Range as ByteRange;

use toml::de::DeTable;

use super::ManualItem;
use super::expression::Expr;
use super::read::{LEVELS, millis, required_choice, table_at};
use super::scheme::{Dimension, LevelCost, Published, RiskModel, Scheme, Signal};
use super::toml_table::{At, Problems, TableReader, nearest};
use crate::types::{Millis, RuleId, Score, time_zone};

/// Reads a scheme.
pub(super) fn read_scheme(
    problems: &mut Problems<'_>,
    table: &DeTable<'_>,
    span: ByteRange<usize>,
) -> Scheme {
    let mut scheme = Scheme::default();
    let mut reader = TableReader::new(table, span.clone(), "scheme");
    let hint = "give the scheme a `name` and a `version`";
    scheme.name = reader.required_string(problems, "name", hint).map(|at| at.value).unwrap_or_default();
    scheme.version = reader.required_string(problems, "version", hint).map(|at| at.value).unwrap_or_default();
    for (key, field) in
        [("base", &mut scheme.base), ("lower", &mut scheme.lower), ("upper", &mut scheme.upper)]
    {
        if let Some(points) = reader.number(problems, key, -10_000.0, 10_000.0).and_then(Score::from_f64) {
            *field = points;
        }
    }
    if scheme.lower > scheme.upper || scheme.base < scheme.lower || scheme.base > scheme.upper {
        let message = format!(
            "lower {}, base {} and upper {} are not in order",
            scheme.lower, scheme.base, scheme.upper
        );
        problems.add(&span, "rule.out_of_range", message, "lower <= base <= upper");
    }
    if let Some(weight) = reader.number(problems, "homophone_weight", 0.0, 1.0) {
        scheme.homophone_weight = weight;
    }
    if let Some(percent) = reader.number(problems, "min_judged_percent", 0.0, 100.0) {
        scheme.min_judged_percent = percent as u32;
    }
    if let Some(chars) = reader.count(problems, "min_agent_chars", 100_000) {
        scheme.min_agent_chars = chars;
    }
    if let Some(limit) = reader.number(problems, "min_confidence", 0.0, 1.0) {
        scheme.min_confidence = limit as f32;
    }
    if let Some(offset) = reader.string(problems, "utc_offset") {
        match read_offset(&offset.value) {
            Some(minutes) => scheme.utc_offset_minutes = minutes,
            None => {
                let message = format!("`{}` is no offset from UTC", offset.value);
                problems.add(&offset.span, "rule.wrong_type", message, "write \"+08:00\", at most 14 hours");
            }
        }
    }
    let mut dimensions: Vec<Dimension> = Vec::new();
    for (table, span) in reader.tables(problems, "dimension") {
        let mut reader = TableReader::new(table, span.clone(), "dimension");
        let name = reader.required_string(problems, "name", "for example 服务规范");
        let full =
            reader.number(problems, "full", 0.0, 10_000.0).and_then(Score::from_f64).unwrap_or_default();
        let cap = reader.number(problems, "cap", 0.0, 10_000.0).and_then(Score::from_f64).unwrap_or(full);
        let weight = reader.number(problems, "weight", 0.0, 100.0).unwrap_or(1.0);
        reader.finish(problems);
        let Some(name) = name else { continue };
        if dimensions.iter().any(|known| known.name == name.value) {
            let message = format!("dimension `{}` is there already", name.value);
            problems.add(&name.span, "rule.duplicate_id", message, "");
        }
        dimensions.push(Dimension { name: name.value, full, cap, weight });
    }
    if !dimensions.is_empty() {
        scheme.dimensions = dimensions;
    }
    scheme.manual = read_manual(problems, &mut reader, &scheme.dimensions);
    if let Some((table, span)) = reader.table(problems, "level") {
        let mut reader = TableReader::new(table, span, "level table");
        for (name, level) in LEVELS {
            let Some((table, span)) = reader.table(problems, name) else { continue };
            let mut cost = TableReader::new(table, span, "level");
            let points = cost.number(problems, "points", -10_000.0, 10_000.0).and_then(Score::from_f64);
            let veto = cost.boolean(problems, "veto").unwrap_or(false);
            cost.finish(problems);
            scheme.levels.insert(level, LevelCost { points: points.unwrap_or_default(), veto });
        }
        reader.finish(problems);
    }
    reader.finish(problems);
    scheme
}

/// What is scored by hand.
fn read_manual(
    problems: &mut Problems<'_>,
    scheme: &mut TableReader<'_>,
    dimensions: &[Dimension],
) -> Vec<ManualItem> {
    let mut items: Vec<ManualItem> = Vec::new();
    for (table, span) in scheme.tables(problems, "manual") {
        let mut reader = TableReader::new(table, span.clone(), "manual item");
        let hint = "id = \"H01\", name = \"服务主动性\", dimension = \"服务规范\", points = -10";
        let id = reader.required_string(problems, "id", hint);
        let name = reader.required_string(problems, "name", hint).map(|at| at.value).unwrap_or_default();
        let dimension = reader.required_string(problems, "dimension", hint);
        let points = reader.number(problems, "points", -10_000.0, 10_000.0).and_then(Score::from_f64);
        reader.finish(problems);
        let (Some(id), Some(dimension)) = (id, dimension) else { continue };
        let points = points.unwrap_or_default();
        if points == Score::ZERO {
            problems.add(&span, "rule.out_of_range", "this item moves no points", hint);
        }
        if !dimensions.iter().any(|known| known.name == dimension.value) {
            let names: Vec<_> = dimensions.iter().map(|known| known.name.as_str()).collect();
            let message = format!("the scheme has no dimension `{}`", dimension.value);
            problems.add(&dimension.span, "rule.unknown_dimension", message, names.join(", "));
        }
        match RuleId::try_new(id.value) {
            Ok(id) if items.iter().all(|known| known.id != id) => {
                items.push(ManualItem { id, name, dimension: dimension.value, points });
            }
            Ok(known) => {
                let message = format!("item `{known}` is there already");
                problems.add(&id.span, "rule.duplicate_id", message, "");
            }
            Err(error) => problems.add(&id.span, "rule.invalid_id", error.to_string(), ""),
        }
    }
    items
}

/// Minutes of `+08:00`, as every zone is read; no name, whose offset may be another one each half year.
fn read_offset(text: &str) -> Option<i32> {
    let zone = time_zone(text).filter(|_| text.starts_with(['+', '-']))?;
    zone.to_fixed_offset().ok().map(|offset| offset.seconds() / 60)
}

/// Reads the risk models of a file.
pub(super) fn read_risks(
    problems: &mut Problems<'_>,
    root: &mut TableReader<'_>,
    plain: &toml::Table,
) -> Vec<RiskModel> {
    let mut risks: Vec<RiskModel> = Vec::new();
    for (index, (table, span)) in root.tables(problems, "risk").into_iter().enumerate() {
        let mut reader = TableReader::new(table, span.clone(), "risk");
        let id = reader.required_string(problems, "id", "give the risk an `id` such as \"R1\"");
        let name = reader.required_string(problems, "name", "say in a few words what the risk is");
        let level = required_choice(problems, &mut reader, "level", "rule.unknown_level", &LEVELS);
        let quiet = reader.number(problems, "quiet_minutes", 0.0, 100_000.0).unwrap_or(0.0);
        let max_a_day = reader.count(problems, "max_a_day", 100_000);
        let signals: Vec<Signal> = reader
            .tables(problems, "signal")
            .into_iter()
            .enumerate()
            .map(|(index, (table, span))| read_signal(problems, table, span, index))
            .collect();
        if signals.is_empty() {
            let hint = "add [[risk.signal]] with rules = [\"W01\"]";
            problems.add(&span, "rule.no_condition", "this risk has no signal", hint);
        }
        let names: Vec<&str> = signals.iter().map(|signal| signal.id.as_str()).collect();
        let when = match reader.string(problems, "when") {
            None => Some(Expr::any_of(0..signals.len())),
            Some(text) => {
                let parsed = Expr::parse(&text.value, &|name| names.iter().position(|known| *known == name));
                parsed
                    .map_err(|error| {
                        let near = error.unknown.as_deref().and_then(|name| nearest(name, &names));
                        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                        let hint = format!("{near}signals of this risk: {}", names.join(", "));
                        problems.add(&text.span, "rule.bad_expression", error.message, hint);
                    })
                    .ok()
            }
        };
        reader.finish(problems);
        let (Some(id), Some(name), Some(level), Some(when)) = (id, name, level, when) else { continue };
        if risks.iter().any(|known| known.id == id.value) {
            let message = format!("risk `{}` is there already", id.value);
            problems.add(&id.span, "rule.duplicate_id", message, "");
        }
        risks.push(RiskModel {
            id: id.value,
            name: name.value,
            level,
            when,
            signals,
            quiet: millis(quiet * 60.0),
            max_a_day,
            canonical: table_at(plain, "risk", index).map(ToString::to_string).unwrap_or_default(),
            source_name: problems.source_name().to_owned(),
            line: problems.place(id.span.start).0,
        });
    }
    risks
}

fn read_signal(
    problems: &mut Problems<'_>,
    table: &DeTable<'_>,
    span: ByteRange<usize>,
    index: usize,
) -> Signal {
    let mut reader = TableReader::new(table, span.clone(), "signal");
    let id = reader.string(problems, "id").map_or_else(|| format!("s{}", index + 1), |at| at.value);
    let names = reader.strings(problems, "rules").unwrap_or_default();
    if names.is_empty() {
        problems.add(&span, "rule.missing_field", "this signal has no `rules`", "rules = [\"W01\", \"W02\"]");
    }
    let mut rule = |at: At<String>| {
        RuleId::try_new(at.value)
            .map_err(|error| problems.add(&at.span, "rule.invalid_id", error.to_string(), ""))
            .ok()
    };
    let rules = names.into_iter().filter_map(&mut rule).collect();
    let hits = reader.count(problems, "hits", 10_000).unwrap_or(1);
    let within: Option<Millis> = reader.number(problems, "within_seconds", 0.0, 86_400.0).map(millis);
    reader.finish(problems);
    Signal { id, rules, hits, within }
}

/// Reads the revisions that a file knows to be published.
pub(super) fn read_published(problems: &mut Problems<'_>, root: &mut TableReader<'_>) -> Vec<Published> {
    let mut list = Vec::new();
    for (table, span) in root.tables(problems, "published") {
        let mut reader = TableReader::new(table, span.clone(), "published revision");
        let hint = "`diting rules publish` writes these";
        let scheme = reader.required_string(problems, "scheme", hint);
        let version = reader.required_string(problems, "version", hint);
        let digest = reader.required_string(problems, "digest", hint);
        reader.finish(problems);
        if let (Some(scheme), Some(version), Some(digest)) = (scheme, version, digest) {
            list.push(Published {
                scheme: scheme.value,
                version: version.value,
                digest: digest.value,
                source_name: problems.source_name().to_owned(),
                line: problems.place(span.start).0,
            });
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};

    use super::*;
    use crate::types::zone_name;

    #[test]
    fn an_offset_of_a_scheme_is_one_that_every_command_reads() {
        for (text, minutes) in
            [("+08:00", 480), ("+0800", 480), ("-05:30", -330), ("+14:00", 840), ("+00:00", 0)]
        {
            assert_eq!(read_offset(text), Some(minutes), "{text}");
            let zone = TimeZone::fixed(Offset::from_seconds(minutes * 60).expect("a small number"));
            let told = time_zone(&zone_name(&zone)).map(|zone| zone.to_fixed_offset().expect("it is fixed"));
            assert_eq!(told.map(|offset| offset.seconds()), Some(minutes * 60), "{text}");
        }
        for wrong in ["+14:30", "-14:01", "+8:60", "08:00", "", "UTC", "Asia/Shanghai"] {
            assert_eq!(read_offset(wrong), None, "{wrong}");
        }
    }
}
