//! Reads the calls that packs carry as tests: of one rule, and cases over all rules.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::Verdict;
use super::behaviour::{Case, Expected};
use super::read::millis;
use super::read_fact::{read_history, read_metadata};
use super::rule::RuleTest;
use super::toml_table::{At, Problems, TableReader};
use super::written::WrittenCall;
use crate::types::{CallMetadata, RuleId, Score};

/// Reads the tests of a rule: `hits`, `misses` and `[[rule.test]]`.
pub(super) fn read_tests(problems: &mut Problems<'_>, rule: &mut TableReader<'_>) -> Vec<RuleTest> {
    let mut tests = Vec::new();
    for (table, span) in rule.tables(problems, "test") {
        let mut reader = TableReader::new(table, span.clone(), "test");
        let call = read_call(problems, &mut reader, "test");
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
        let text = reader.string(problems, "text").map(|at| at.value);
        let line = problems.place(span.start).0;
        reader.finish(problems);
        tests.push(RuleTest { line, call, expect, reason, text });
    }
    for (key, expect) in [("hits", Verdict::Hit), ("misses", Verdict::Miss)] {
        for turn in rule.strings(problems, key).unwrap_or_default() {
            check_turn(problems, &turn);
            let line = problems.place(turn.span.start).0;
            let call = WrittenCall { turns: vec![turn.value], ..WrittenCall::default() };
            tests.push(RuleTest { line, call, expect, reason: None, text: None });
        }
    }
    tests
}

/// The call of a test.
fn read_call(problems: &mut Problems<'_>, reader: &mut TableReader<'_>, what: &str) -> WrittenCall {
    let turns = reader.strings(problems, "turns");
    if turns.is_none() {
        let hint = "turns = [\"客服: 您好\", \"客户: 你好\"]; an empty list for a call without a word";
        problems.add(&reader.span(), "rule.missing_field", format!("this {what} has no `turns`"), hint);
    }
    let turns = turns.unwrap_or_default();
    for turn in &turns {
        check_turn(problems, turn);
    }
    let mono = reader.boolean(problems, "mono").unwrap_or(false);
    let length = reader.number(problems, "call_seconds", 0.0, 86_400.0).map(millis);
    let metadata: CallMetadata = read_metadata(problems, reader);
    let history = read_history(problems, reader);
    WrittenCall { turns: turns.into_iter().map(|at| at.value).collect(), mono, length, metadata, history }
}

fn check_turn(problems: &mut Problems<'_>, turn: &At<String>) {
    if let Err(problem) = super::written::parse_turn(&turn.value) {
        let hint = "客服: …, 客户: … or, with seconds and loudness, 客服@1.5-3.2 -20dB: …";
        problems.add(&turn.span, "rule.bad_turn", problem, hint);
    }
}

/// Reads the cases of a file.
pub(super) fn read_cases(problems: &mut Problems<'_>, root: &mut TableReader<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (table, span) in root.tables(problems, "case") {
        let mut reader = TableReader::new(table, span.clone(), "case");
        let name = reader.required_string(problems, "name", "say in a few words what the case shows");
        let call = read_call(problems, &mut reader, "case");
        let expected = match reader.table(problems, "expect") {
            Some((table, _)) => read_expected(problems, table, &span),
            None => {
                let hint = "expect = { hit = [\"S01\"], miss = [\"S02\"], not_applicable = { A05 = \"mono\" }, score = 95 }";
                problems.add(&span, "rule.bad_test", "this case does not say what it expects", hint);
                Expected::default()
            }
        };
        reader.finish(problems);
        let Some(name) = name else { continue };
        cases.push(Case {
            name: name.value,
            source_name: problems.source_name().to_owned(),
            line: problems.place(span.start).0,
            call,
            expected,
        });
    }
    cases
}

fn read_expected(
    problems: &mut Problems<'_>,
    table: &DeTable<'_>,
    span: &std::ops::Range<usize>,
) -> Expected {
    let mut reader = TableReader::new(table, span.clone(), "expectation");
    let ids = |problems: &mut Problems<'_>, reader: &mut TableReader<'_>, key| -> Vec<RuleId> {
        let names = reader.strings(problems, key).unwrap_or_default();
        names.into_iter().filter_map(|at| rule_id(problems, at)).collect()
    };
    let hit = ids(problems, &mut reader, "hit");
    let miss = ids(problems, &mut reader, "miss");
    let only = reader.boolean(problems, "only").unwrap_or(false);
    let mut not_applicable = BTreeMap::new();
    let mut evidence = BTreeMap::new();
    if let Some((table, span)) = reader.table(problems, "not_applicable") {
        for (id, mut reasons) in texts_by_rule(problems, table, span) {
            not_applicable.extend(reasons.pop().map(|reason| (id, reason)));
        }
    }
    if let Some((table, span)) = reader.table(problems, "evidence") {
        evidence = texts_by_rule(problems, table, span);
    }
    let score = reader.number(problems, "score", -10_000.0, 10_000.0).and_then(Score::from_f64);
    let unscored = reader.string(problems, "unscored").map(|at| at.value);
    let alerts = reader.strings(problems, "alerts").map(|list| list.into_iter().map(|at| at.value).collect());
    reader.finish(problems);
    Expected { hit, miss, only, not_applicable, evidence, score, unscored, alerts }
}

fn rule_id(problems: &mut Problems<'_>, at: At<String>) -> Option<RuleId> {
    let id = RuleId::try_new(at.value);
    id.map_err(|error| problems.add(&at.span, "rule.invalid_id", error.to_string(), "")).ok()
}

/// Texts by rule: `{ S01 = "保本" }` or `{ S01 = ["保本", "保息"] }`.
fn texts_by_rule(
    problems: &mut Problems<'_>,
    table: &DeTable<'_>,
    span: std::ops::Range<usize>,
) -> BTreeMap<RuleId, Vec<String>> {
    let inner = TableReader::new(table, span, "list by rule");
    let mut texts = BTreeMap::new();
    for (name, span) in inner.keys() {
        let list = match inner.value(name).map(toml::Spanned::get_ref) {
            Some(DeValue::String(text)) => vec![text.to_string()],
            Some(DeValue::Array(items)) => {
                items.iter().filter_map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        if list.is_empty() {
            problems.add(&span, "rule.wrong_type", format!("`{name}` must be text or a list of texts"), "");
        }
        if let Some(id) = rule_id(problems, At { value: name.to_owned(), span }) {
            texts.insert(id, list);
        }
    }
    texts
}
