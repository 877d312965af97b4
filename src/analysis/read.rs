//! Turns the TOML text of a pack into rules and a scheme, or into every problem it has.
//!
//! Does no I/O and compiles no automaton. Invariant: a pack is returned only when its text has no problem at all.

use std::collections::BTreeMap;
use std::ops::Range as ByteRange;

use toml::de::DeTable;

use super::read_condition::{read_conditions, role_names};
use super::rule::{Dimension, LevelCost, Pack, Quantity, RoleScope, Rule, RuleTest, Scheme};
use super::toml_table::{At, Problems, TableReader};
use super::{Diagnostic, Level, RuleKind, Verdict};
use crate::types::{Millis, RuleId, Score};

/// Version of the rule language that this engine reads.
const LANGUAGE_VERSION: f64 = 1.0;

/// A required rule is not judged on a shorter call unless it says otherwise.
const REQUIRED_MIN_CALL: Millis = Millis(20_000);

/// Heading of watch rules that name no dimension.
const WATCH_HEADING: &str = "风险预警";

const LEVELS: [(&str, Level); 5] =
    [("S1", Level::S1), ("S2", Level::S2), ("S3", Level::S3), ("S4", Level::S4), ("S5", Level::S5)];

const KINDS: [(&str, RuleKind); 5] = [
    ("required", RuleKind::Required),
    ("forbidden", RuleKind::Forbidden),
    ("acoustic", RuleKind::Acoustic),
    ("process", RuleKind::Process),
    ("watch", RuleKind::Watch),
];

/// Reads one text.
pub(super) fn read_pack(source_name: &str, text: &str) -> Result<Pack, Vec<Diagnostic>> {
    let mut problems = Problems::new(source_name, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // A broken syntax makes everything after it guesswork, so only the syntax is reported.
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            problems.add(&span, "rule.syntax", error.message().to_owned(), "");
        }
        return Err(problems.into_list());
    }
    let pack = read_root(&mut problems, root.get_ref());
    let list = problems.into_list();
    if list.is_empty() { Ok(pack) } else { Err(list) }
}

fn read_root(problems: &mut Problems<'_>, root: &DeTable<'_>) -> Pack {
    let mut reader = TableReader::new(root, 0..0, "file");
    let hint = "begin the file with `version = 1`";
    if !reader.has("version") {
        problems.add(&(0..0), "rule.missing_field", "this file has no `version`", hint);
    } else if let Some(version) = reader.number(problems, "version", 0.0, 1e6)
        && version != LANGUAGE_VERSION
    {
        let span = root.get("version").map_or(0..0, |value| value.span());
        problems.add(&span, "rule.unknown_version", format!("unknown version {version}"), hint);
    }
    let mut pack = Pack::default();
    if let Some((table, span)) = reader.table(problems, "pack") {
        let mut reader = TableReader::new(table, span, "pack");
        let hint = "give the pack a `name` and a `revision`";
        pack.name = reader.required_string(problems, "name", hint).map(|at| at.value).unwrap_or_default();
        pack.revision =
            reader.required_string(problems, "revision", hint).map(|at| at.value).unwrap_or_default();
        reader.string(problems, "description");
        let words = reader.strings(problems, "confusable").unwrap_or_default();
        pack.confusable = words.into_iter().map(|at| at.value).collect();
        reader.finish(problems);
    }
    let mut lines: BTreeMap<RuleId, usize> = BTreeMap::new();
    for (table, span) in reader.tables(problems, "rule") {
        if let Some(rule) = read_rule(problems, table, span.clone()) {
            if let Some(line) = lines.insert(rule.id.clone(), rule.line) {
                let message = format!("rule `{}` is there already", rule.id);
                problems.add(&span, "rule.duplicate_id", message, format!("the first one is in line {line}"));
            }
            pack.rules.push(rule);
        }
    }
    if let Some((table, span)) = reader.table(problems, "scheme") {
        pack.scheme = Some(read_scheme(problems, table, span));
    }
    reader.finish(problems);
    pack
}

fn read_rule(problems: &mut Problems<'_>, table: &DeTable<'_>, span: ByteRange<usize>) -> Option<Rule> {
    let mut reader = TableReader::new(table, span.clone(), "rule");
    let id = reader.required_string(problems, "id", "give the rule an `id` such as \"S01\"").and_then(|at| {
        let line = problems.place(at.span.start).0;
        match RuleId::try_new(at.value) {
            Ok(id) => Some((id, line)),
            Err(error) => {
                problems.add(&at.span, "rule.invalid_id", error.to_string(), "");
                None
            }
        }
    });
    let name = reader.required_string(problems, "name", "say in a few words what the rule is about");
    let kind = required_choice(problems, &mut reader, "kind", "rule.unknown_kind", &KINDS);
    let level = required_choice(problems, &mut reader, "level", "rule.unknown_level", &LEVELS);
    let role = reader.choice(problems, "role", "rule.unknown_role", &role_names());
    let role = role.unwrap_or(RoleScope::Any);
    let dimension = reader.string(problems, "dimension").map(|at| at.value);
    if dimension.is_none() && kind.is_some_and(|kind| kind != RuleKind::Watch) {
        let hint = "name a dimension of the scheme, for example 服务规范";
        problems.add(&span, "rule.missing_field", "this rule has no `dimension`", hint);
    }
    let score = reader.number(problems, "score", -100.0, 100.0).and_then(Score::from_f64);
    let veto = reader.boolean(problems, "veto");
    let advice = reader.string(problems, "advice").map(|at| at.value).unwrap_or_default();
    let joins = [("any", Quantity::Any), ("all", Quantity::All)];
    let join = reader.choice(problems, "match", "rule.unknown_match", &joins).unwrap_or(Quantity::Any);
    let kind_or_watch = kind.unwrap_or(RuleKind::Watch);
    let min_call = match reader.number(problems, "min_call_seconds", 0.0, 86_400.0) {
        Some(seconds) => millis(seconds),
        None if kind == Some(RuleKind::Required) => REQUIRED_MIN_CALL,
        None => Millis::ZERO,
    };
    let tables = reader.tables(problems, "condition");
    if tables.is_empty() {
        let hint = "add a [[rule.condition]] with one operator, for example keyword = { any = [\"保本\"] }";
        problems.add(&span, "rule.no_condition", "this rule has no condition", hint);
    }
    let conditions = read_conditions(problems, tables, kind_or_watch, role);
    let tables = reader.tables(problems, "prerequisite");
    let prerequisites = read_conditions(problems, tables, RuleKind::Process, RoleScope::Any);
    let mut tests = read_tests(problems, &mut reader);
    for (key, expect) in [("hits", Verdict::Hit), ("misses", Verdict::Miss)] {
        for turn in reader.strings(problems, key).unwrap_or_default() {
            check_turn(problems, &turn);
            let line = problems.place(turn.span.start).0;
            tests.push(RuleTest {
                line,
                turns: vec![turn.value],
                mono: false,
                expect,
                reason: None,
                text: None,
            });
        }
    }
    let complete = tests.iter().any(|test| test.expect == Verdict::Hit)
        && tests.iter().any(|test| test.expect == Verdict::Miss);
    if !complete {
        let hint = "add `hits` and `misses`, lists of turns, or [[rule.test]] tables with hit = true and hit = false";
        problems.add(&span, "rule.missing_tests", "this rule has no tests both ways", hint);
    }
    reader.finish(problems);
    let (id, line) = id?;
    Some(Rule {
        id,
        name: name?.value,
        kind: kind?,
        role,
        level: level?,
        dimension: dimension.unwrap_or_else(|| WATCH_HEADING.to_owned()),
        score,
        veto,
        advice,
        join,
        conditions,
        prerequisites,
        min_call,
        tests,
        source_name: problems.source_name().to_owned(),
        line,
    })
}

fn required_choice<T: Copy>(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    key: &'static str,
    reason: &'static str,
    choices: &[(&'static str, T)],
) -> Option<T> {
    if reader.has(key) {
        return reader.choice(problems, key, reason, choices);
    }
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let hint = format!("one of: {}", names.join(", "));
    problems.add(&reader.span(), "rule.missing_field", format!("this rule has no `{key}`"), hint);
    None
}

fn read_tests(problems: &mut Problems<'_>, rule: &mut TableReader<'_>) -> Vec<RuleTest> {
    let mut tests = Vec::new();
    for (table, span) in rule.tables(problems, "test") {
        let mut reader = TableReader::new(table, span.clone(), "test");
        let turns = reader.strings(problems, "turns").unwrap_or_default();
        if turns.is_empty() {
            let hint = "turns = [\"客服: 您好\", \"客户: 你好\"]";
            problems.add(&span, "rule.missing_field", "this test has no `turns`", hint);
        }
        for turn in &turns {
            check_turn(problems, turn);
        }
        let hit = reader.boolean(problems, "hit");
        let reason = reader.string(problems, "not_applicable").map(|at| at.value);
        let expect = match (hit, &reason) {
            (Some(true), None) => Verdict::Hit,
            (Some(false), None) => Verdict::Miss,
            (None, Some(_)) => Verdict::NotApplicable,
            (Some(_), Some(_)) | (None, None) => {
                let hint = "hit = true, hit = false, or not_applicable = \"mono\"";
                problems.add(&span, "rule.bad_test", "this test does not say what it expects", hint);
                Verdict::Miss
            }
        };
        let mono = reader.boolean(problems, "mono").unwrap_or(false);
        let text = reader.string(problems, "text").map(|at| at.value);
        let line = problems.place(span.start).0;
        reader.finish(problems);
        let turns = turns.into_iter().map(|at| at.value).collect();
        tests.push(RuleTest { line, turns, mono, expect, reason, text });
    }
    tests
}

fn check_turn(problems: &mut Problems<'_>, turn: &At<String>) {
    if let Err(problem) = super::behaviour::parse_turn(&turn.value) {
        let hint = "客服: …, 客户: … or, with seconds, 客服@1.5-3.2: …";
        problems.add(&turn.span, "rule.bad_turn", problem, hint);
    }
}

fn read_scheme(problems: &mut Problems<'_>, table: &DeTable<'_>, span: ByteRange<usize>) -> Scheme {
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
    let mut dimensions: Vec<Dimension> = Vec::new();
    for (table, span) in reader.tables(problems, "dimension") {
        let mut reader = TableReader::new(table, span.clone(), "dimension");
        let name = reader.required_string(problems, "name", "for example 服务规范");
        let full =
            reader.number(problems, "full", 0.0, 10_000.0).and_then(Score::from_f64).unwrap_or_default();
        let cap = reader.number(problems, "cap", 0.0, 10_000.0).and_then(Score::from_f64).unwrap_or(full);
        reader.finish(problems);
        let Some(name) = name else { continue };
        if dimensions.iter().any(|known| known.name == name.value) {
            let message = format!("dimension `{}` is there already", name.value);
            problems.add(&name.span, "rule.duplicate_id", message, "");
        }
        dimensions.push(Dimension { name: name.value, full, cap });
    }
    if !dimensions.is_empty() {
        scheme.dimensions = dimensions;
    }
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

/// Seconds of a pack in milliseconds; the reader has checked the range.
pub(super) fn millis(seconds: f64) -> Millis {
    Millis((seconds * 1000.0).round() as u64)
}
