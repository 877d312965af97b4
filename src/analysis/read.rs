//! Turns the TOML text of a pack into rules, a scheme, risk models and cases, or into every problem it has.
//!
//! Does no I/O and compiles no automaton. Invariant: a pack is returned only when its text has no problem at all.

use std::collections::BTreeMap;
use std::ops::Range as ByteRange;

use toml::de::DeTable;

use super::check::order;
use super::coaching::read_coaching;
use super::expression::Expr;
use super::operator::Operator;
use super::read_condition::{ConditionReader, role_names};
use super::read_fact::{read_datetime, read_facts};
use super::read_scheme::{read_published, read_risks, read_scheme};
use super::read_test::{read_cases, read_tests};
use super::rule::{Condition, RoleScope, Rule, ScoreOn, Scoring};
use super::scheme::{Pack, Scheme};
use super::toml_table::{At, Problems, TableReader, nearest};
use super::{Diagnostic, Level, RuleKind, Verdict};
use crate::types::{Millis, RuleId, Score};

/// Version of the rule language that this engine reads.
const LANGUAGE_VERSION: f64 = 2.0;

/// A required rule is not judged on a shorter call unless it says otherwise.
const REQUIRED_MIN_CALL: Millis = Millis(20_000);

/// Heading of watch rules that name no dimension.
const WATCH_HEADING: &str = "风险预警";

/// What of a rule does not change how it judges.
const TEST_FIELDS: [&str; 3] = ["hits", "misses", "test"];

pub(super) const LEVELS: [(&str, Level); 5] = [
    (Level::S1.name(), Level::S1),
    (Level::S2.name(), Level::S2),
    (Level::S3.name(), Level::S3),
    (Level::S4.name(), Level::S4),
    (Level::S5.name(), Level::S5),
];

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
    let plain: toml::Table = toml::from_str(text).unwrap_or_default();
    let pack = read_root(&mut problems, root.get_ref(), plain);
    let list = problems.into_list();
    if list.is_empty() { Ok(pack) } else { Err(list) }
}

fn read_root(problems: &mut Problems<'_>, root: &DeTable<'_>, mut plain: toml::Table) -> Pack {
    let mut reader = TableReader::new(root, 0..0, "file");
    let hint = "begin the file with `version = 2`";
    if !reader.has("version") {
        problems.add(&(0..0), "rule.missing_field", "this file has no `version`", hint);
    } else if let Some(version) = reader.number(problems, "version", 0.0, 1e9)
        && version != LANGUAGE_VERSION
    {
        let span = root.get("version").map_or(0..0, |value| value.span());
        let hint = if version == 1.0 {
            "write 2; in version 2 `count` belongs to the condition and `match` became `when`: see docs/rules.md"
        } else {
            hint
        };
        problems.add(&span, "rule.unknown_version", format!("unknown version {version}"), hint);
    }
    let mut pack = Pack::default();
    if let Some((table, span)) = reader.table(problems, "pack") {
        let mut reader = TableReader::new(table, span, "pack");
        let hint = "give the pack a `name` and a `revision`";
        reader.required_string(problems, "name", hint);
        reader.required_string(problems, "revision", hint);
        reader.string(problems, "description");
        let words = reader.strings(problems, "confusable").unwrap_or_default();
        pack.confusable = words.into_iter().map(|at| at.value).collect();
        reader.finish(problems);
    }
    let mut lines: BTreeMap<RuleId, usize> = BTreeMap::new();
    for (index, (table, span)) in reader.tables(problems, "rule").into_iter().enumerate() {
        let own = table_at(&plain, "rule", index);
        if let Some(rule) = read_rule(problems, table, span.clone(), own) {
            if let Some(line) = lines.insert(rule.id.clone(), rule.line) {
                let message = format!("rule `{}` is there already", rule.id);
                problems.add(&span, "rule.duplicate_id", message, format!("the first one is in line {line}"));
            }
            pack.rules.push(rule);
        }
    }
    if let Some((table, span)) = reader.table(problems, "scheme") {
        let canonical = plain.get("scheme").map(ToString::to_string).unwrap_or_default();
        pack.scheme = Some(Scheme { canonical, ..read_scheme(problems, table, span) });
    }
    pack.risks = read_risks(problems, &mut reader, &plain);
    pack.coaching = read_coaching(problems, &mut reader);
    pack.cases = read_cases(problems, &mut reader);
    pack.published = read_published(problems, &mut reader);
    reader.finish(problems);
    pack.canonical = canonical(&mut plain);
    pack
}

/// The `index`th table of the list `key`, or the only one.
pub(super) fn table_at<'t>(plain: &'t toml::Table, key: &str, index: usize) -> Option<&'t toml::Table> {
    match plain.get(key)? {
        toml::Value::Array(items) => items.get(index)?.as_table(),
        toml::Value::Table(only) if index == 0 => Some(only),
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => None,
    }
}

/// Everything that judges, sorted and without layout; empty when nothing does.
fn canonical(plain: &mut toml::Table) -> String {
    for key in ["version", "case", "published", "profile", "training"] {
        plain.remove(key);
    }
    if let Some(toml::Value::Table(pack)) = plain.get_mut("pack") {
        // What a pack is called says nothing about how it judges; what its recogniser confuses does.
        pack.retain(|key, _| key == "confusable");
    }
    plain.retain(|key, value| key != "pack" || value.as_table().is_some_and(|pack| !pack.is_empty()));
    if let Some(toml::Value::Array(rules)) = plain.get_mut("rule") {
        for rule in rules.iter_mut().filter_map(toml::Value::as_table_mut) {
            rule.retain(|key, _| !TEST_FIELDS.contains(&key));
        }
    }
    if plain.is_empty() { String::new() } else { toml::Value::Table(plain.clone()).to_string() }
}

fn read_rule(
    problems: &mut Problems<'_>,
    table: &DeTable<'_>,
    span: ByteRange<usize>,
    plain: Option<&toml::Table>,
) -> Option<Rule> {
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
    let scoring = read_scoring(problems, &mut reader);
    let advice = reader.string(problems, "advice").map(|at| at.value).unwrap_or_default();
    let kind_or_watch = kind.unwrap_or(RuleKind::Watch);
    let min_call = match reader.number(problems, "min_call_seconds", 0.0, 86_400.0) {
        Some(seconds) => millis(seconds),
        None if kind == Some(RuleKind::Required) => REQUIRED_MIN_CALL,
        None => Millis::ZERO,
    };
    let applies = read_facts(problems, &mut reader, "applies").unwrap_or_default();
    let effective_from = read_datetime(problems, &mut reader, "effective_from");
    let effective_until = read_datetime(problems, &mut reader, "effective_until");
    let live = reader.boolean(problems, "live").unwrap_or(false);
    let (conditions, parts, readable) =
        read_all_conditions(problems, &mut reader, kind_or_watch, role, plain);
    // With one that cannot be read, what refers to it would be told as wrong as well.
    if parts.0 == 0 && readable {
        let hint = "add a [[rule.condition]] with one operator, for example keyword = { any = [\"保本\"] }";
        problems.add(&span, "rule.no_condition", "this rule has no condition", hint);
    }
    let when = read_expression(problems, &mut reader, "when", &conditions, 0..parts.0);
    let only_if = read_expression(problems, &mut reader, "only_if", &conditions, parts.0..parts.1);
    let unless = read_expression(problems, &mut reader, "unless", &conditions, parts.1..conditions.len());
    if readable {
        check_used(problems, &span, &conditions, [&when, &only_if, &unless]);
    }
    check_live(problems, &span, live, kind_or_watch, &conditions);
    let needs = |index: usize| conditions.get(index).map(Condition::needs).unwrap_or_default();
    if let Err(circle) = order(conditions.len(), needs) {
        let names: Vec<&str> =
            circle.iter().filter_map(|index| conditions.get(*index)).map(|one| one.id.as_str()).collect();
        let message = format!("these conditions need each other: {}", names.join(" → "));
        problems.add(&span, "rule.circle", message, "one of them must stand without the others");
    }
    let tests = read_tests(problems, &mut reader);
    let complete = tests.iter().any(|test| test.expect == Verdict::Hit)
        && tests.iter().any(|test| test.expect == Verdict::Miss);
    if !complete {
        let hint = "add `hits` and `misses`, lists of turns, or [[rule.test]] tables with hit = true and hit = false";
        problems.add(&span, "rule.missing_tests", "this rule has no tests both ways", hint);
    }
    reader.finish(problems);
    let (id, line) = id?;
    let judging = |plain: &toml::Table| {
        let mut own = plain.clone();
        own.retain(|key, _| !TEST_FIELDS.contains(&key));
        toml::Value::Table(own).to_string()
    };
    Some(Rule {
        id,
        name: name?.value,
        kind: kind?,
        role,
        level: level?,
        dimension: dimension.unwrap_or_else(|| WATCH_HEADING.to_owned()),
        scoring,
        advice,
        parts,
        conditions,
        when: when?,
        only_if,
        unless,
        applies,
        effective_from,
        effective_until,
        live,
        min_call,
        tests,
        canonical: plain.map(judging).unwrap_or_default(),
        source_name: problems.source_name().to_owned(),
        line,
    })
}

fn read_scoring(problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> Scoring {
    let points = reader.number(problems, "score", -100.0, 100.0).and_then(Score::from_f64);
    let veto = reader.boolean(problems, "veto");
    let on = [("hit", ScoreOn::Hit), ("miss", ScoreOn::Miss)];
    let on = reader.choice(problems, "score_on", "rule.unknown_score_on", &on).unwrap_or(ScoreOn::Hit);
    if on == ScoreOn::Miss && points.is_none() {
        let hint = "score = 2 gives two points when the rule is kept";
        problems.add(&reader.span(), "rule.missing_field", "`score_on = \"miss\"` needs a `score`", hint);
    }
    let per = [("rule", false), ("hit", true)];
    let per_hit = reader.choice(problems, "score_per", "rule.unknown_score_per", &per).unwrap_or(false);
    let cap = reader.number(problems, "score_cap", 0.0, 1_000.0).and_then(Score::from_f64);
    let group = reader.string(problems, "score_group").map(|at| at.value);
    Scoring { points, veto, on, per_hit, cap, group }
}

/// The conditions, prerequisites and exceptions of a rule in one list, where the second and third begin, and whether all
/// could be read.
fn read_all_conditions(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    kind: RuleKind,
    role: RoleScope,
    plain: Option<&toml::Table>,
) -> (Vec<Condition>, (usize, usize), bool) {
    let mut tables = Vec::new();
    let mut sizes = Vec::new();
    for (key, letter, kind, role) in [
        ("condition", 'c', kind, role),
        ("prerequisite", 'p', RuleKind::Process, RoleScope::Any),
        ("exception", 'e', RuleKind::Process, RoleScope::Any),
    ] {
        let own = reader.tables(problems, key);
        sizes.push(own.len());
        for (index, (table, span)) in own.into_iter().enumerate() {
            let default = format!("{letter}{}", index + 1);
            let id = table.get("id").and_then(|id| id.get_ref().as_str()).map_or(default, str::to_owned);
            let source = plain.and_then(|plain| table_at(plain, key, index)).map(|table| {
                let mut shown = table.clone();
                shown.remove("id");
                toml::Value::Table(shown).to_string()
            });
            tables.push((id, table, span, kind, role, source.unwrap_or_default()));
        }
    }
    let names: Vec<String> = tables.iter().map(|(id, ..)| id.clone()).collect();
    let mut conditions = Vec::with_capacity(tables.len());
    let (mut counts, mut place) = ([0, 0, 0], 0);
    let mut begins = 0;
    for (index, (id, table, span, kind, role, source)) in tables.into_iter().enumerate() {
        while place < 2 && index >= begins + sizes.get(place).copied().unwrap_or(0) {
            begins += sizes.get(place).copied().unwrap_or(0);
            place += 1;
        }
        if names.iter().take(index).any(|earlier| *earlier == id) {
            let message = format!("two conditions of this rule are called `{id}`");
            problems.add(&span, "rule.duplicate_id", message, "give each its own `id`");
        }
        let own = ConditionReader { names: &names, index, kind, role };
        if let Some(condition) = own.read(problems, table, span, id, source) {
            conditions.push(condition);
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
    }
    let [proper, prerequisites, _] = counts;
    // With one left out the numbers would not fit, but then there is a problem and the pack is refused.
    let readable = conditions.len() == names.len();
    (conditions, (proper, proper + prerequisites), readable)
}

/// The expression `key`, or any of the conditions of `own` that only serve no other one of them.
fn read_expression(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    key: &'static str,
    conditions: &[Condition],
    own: ByteRange<usize>,
) -> Option<Expr> {
    let names: Vec<&str> = conditions.iter().map(|condition| condition.id.as_str()).collect();
    if let Some(text) = reader.string(problems, key) {
        if own.is_empty() && conditions.is_empty() {
            return None;
        }
        let index_of = |name: &str| names.iter().position(|known| *known == name);
        return match Expr::parse(&text.value, &index_of) {
            Ok(expr) => Some(expr),
            Err(error) => {
                let near = error.unknown.as_deref().and_then(|name| nearest(name, &names));
                let hint = match near {
                    Some(near) => {
                        format!("did you mean `{near}`? conditions of this rule: {}", names.join(", "))
                    }
                    None => format!(
                        "write for example a && !b || c; conditions of this rule: {}",
                        names.join(", ")
                    ),
                };
                let at = inside(problems, &text, error.at);
                problems.add(&at, "rule.bad_expression", error.message, hint);
                None
            }
        };
    }
    if own.is_empty() {
        return None;
    }
    let serve = |index: usize| {
        let others = conditions.get(own.clone()).unwrap_or_default();
        others.iter().any(|condition| condition.needs().contains(&index))
    };
    let alone: Vec<usize> = own.clone().filter(|index| !serve(*index)).collect();
    Some(Expr::any_of(if alone.is_empty() { own.collect() } else { alone }))
}

/// The place of the `at`th character of a text that stands on one line without escapes; else the text's own place.
fn inside(problems: &Problems<'_>, text: &At<String>, at: usize) -> ByteRange<usize> {
    let start = text.span.start + 1;
    let written = problems.slice(start..text.span.end.saturating_sub(1));
    if written != text.value {
        return text.span.clone();
    }
    let bytes = written.char_indices().nth(at).map_or(written.len(), |(byte, _)| byte);
    start + bytes..text.span.end
}

/// A condition that nothing asks for is a mistake.
fn check_used(
    problems: &mut Problems<'_>,
    span: &ByteRange<usize>,
    conditions: &[Condition],
    expressions: [&Option<Expr>; 3],
) {
    if expressions.iter().all(|expr| expr.is_none()) {
        return;
    }
    let mut used: Vec<usize> = expressions.into_iter().flatten().flat_map(Expr::leaves).collect();
    used.extend(conditions.iter().flat_map(Condition::needs));
    for (index, condition) in conditions.iter().enumerate() {
        if !used.contains(&index) {
            let message = format!("condition `{}` is never used", condition.id);
            let hint = "name it in `when`, `only_if` or `unless`, or take it out";
            problems.add(span, "rule.unused_condition", message, hint);
        }
    }
}

/// What cannot be known before the call ends cannot be live.
fn check_live(
    problems: &mut Problems<'_>,
    span: &ByteRange<usize>,
    live: bool,
    kind: RuleKind,
    conditions: &[Condition],
) {
    if !live {
        return;
    }
    let hint = "take `live` out: the rule is then judged when the call has ended";
    if kind == RuleKind::Required {
        let message = "a required rule cannot be live: what was not said yet may still be said";
        problems.add(span, "rule.not_live", message, hint);
    }
    for condition in conditions {
        let whole = matches!(condition.operator, Operator::Rule(_));
        if !whole
            && (!condition.operator.is_live() || condition.range.needs_end() || condition.every_sentence)
        {
            let message = format!(
                "condition `{}` ({}) cannot be live: it needs the whole call",
                condition.id,
                condition.operator.name()
            );
            problems.add(span, "rule.not_live", message, hint);
        }
    }
}

pub(super) fn required_choice<T: Copy>(
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

/// Seconds of a pack in milliseconds; the reader has checked the range.
pub(super) fn millis(seconds: f64) -> Millis {
    Millis((seconds * 1000.0).round() as u64)
}
