//! Reads the conditions of a rule: one operator each, with its range, exclusion and guards.

use std::collections::BTreeMap;
use std::ops::Range as ByteRange;

use regex::{Regex, RegexBuilder};
use toml::de::{DeTable, DeValue};

use super::RuleKind;
use super::read::millis;
use super::rule::{
    Condition, Guards, Keyword, Operator, Overlap, Pace, Quantity, Range, RoleScope, Scope, Silence,
    Tolerance,
};
use super::toml_table::{At, Problems, TableReader};
use crate::types::Millis;

type Tables<'t> = Vec<(&'t DeTable<'t>, ByteRange<usize>)>;

/// Longest keyword, in characters: longer ones are sentences, which expressions serve better.
const MAX_KEYWORD_CHARS: usize = 64;

const SCOPES: [(&str, Scope); 3] =
    [("sentence", Scope::Sentence), ("turn", Scope::Turn), ("call", Scope::Call)];

const TOLERANCES: [(&str, Tolerance); 4] = [
    ("exact", Tolerance::Exact),
    ("tone", Tolerance::Tone),
    ("syllable", Tolerance::Syllable),
    ("folded", Tolerance::Folded),
];

/// The roles as authors write them.
pub(super) fn role_names() -> [(&'static str, RoleScope); 4] {
    [
        ("agent", RoleScope::Agent),
        ("customer", RoleScope::Customer),
        ("bot", RoleScope::Bot),
        ("any", RoleScope::Any),
    ]
}

/// Reads a list of conditions of a rule of `kind`, whose own role is `role`.
pub(super) fn read_conditions(
    problems: &mut Problems<'_>,
    tables: Tables<'_>,
    kind: RuleKind,
    role: RoleScope,
) -> Vec<Condition> {
    let mut conditions = Vec::with_capacity(tables.len());
    for (table, span) in tables {
        conditions.extend(read_condition(problems, table, span, kind, role));
    }
    conditions
}

fn read_condition(
    problems: &mut Problems<'_>,
    table: &DeTable<'_>,
    span: ByteRange<usize>,
    kind: RuleKind,
    role: RoleScope,
) -> Option<Condition> {
    let mut reader = TableReader::new(table, span.clone(), "condition");
    let role = reader.choice(problems, "role", "rule.unknown_role", &role_names()).unwrap_or(role);
    let range = Range {
        first_sentences: reader.count(problems, "first_sentences", 100_000),
        last_sentences: reader.count(problems, "last_sentences", 100_000),
        first: reader.number(problems, "first_seconds", 0.0, 86_400.0).map(millis),
        last: reader.number(problems, "last_seconds", 0.0, 86_400.0).map(millis),
    };
    let exclude = reader.string(problems, "exclude").and_then(|at| compile(problems, &at));
    let exclude_in =
        reader.choice(problems, "exclude_in", "rule.unknown_scope", &SCOPES).unwrap_or(Scope::Sentence);
    let guards = read_guards(problems, &mut reader, kind);
    let operators: Vec<Option<Operator>> = [
        read_keyword(problems, &mut reader, kind),
        read_regex(problems, &mut reader),
        read_silence(problems, &mut reader),
        read_silence_share(problems, &mut reader),
        read_pace(problems, &mut reader),
        read_overlap(problems, &mut reader),
        read_first_response(problems, &mut reader),
    ]
    .into_iter()
    .flatten()
    .collect();
    reader.finish(problems);
    let names = "keyword, regex, silence, silence_share, pace, overlap, first_response";
    if operators.len() != 1 {
        let message = format!("a condition has exactly one operator, this one has {}", operators.len());
        problems.add(&span, "rule.operator_count", message, format!("one of: {names}"));
        return None;
    }
    let operator = operators.into_iter().next().flatten()?;
    let or_unknown = kind == RuleKind::Watch;
    Some(Condition { role, or_unknown, range, operator, exclude, exclude_in, guards })
}

fn read_guards(problems: &mut Problems<'_>, reader: &mut TableReader<'_>, kind: RuleKind) -> Guards {
    let Some(names) = reader.strings(problems, "guards") else {
        return match kind {
            RuleKind::Forbidden => {
                Guards { negation: true, question: true, quote: true, near_negation: false }
            }
            RuleKind::Watch => Guards { near_negation: true, ..Guards::default() },
            RuleKind::Required | RuleKind::Acoustic | RuleKind::Process => Guards::default(),
        };
    };
    let mut guards = Guards::default();
    for name in names {
        match name.value.as_str() {
            "negation" => guards.negation = true,
            "near_negation" => guards.near_negation = true,
            "question" => guards.question = true,
            "quote" => guards.quote = true,
            _ => problems.add(
                &name.span,
                "rule.unknown_guard",
                format!("unknown guard `{}`", name.value),
                "one of: negation, near_negation, question, quote; [] for none",
            ),
        }
    }
    guards
}

/// Compiles an expression; a broken one is reported at its place with the engine's own words.
fn compile(problems: &mut Problems<'_>, pattern: &At<String>) -> Option<Regex> {
    match RegexBuilder::new(&pattern.value).case_insensitive(true).size_limit(1 << 22).build() {
        Ok(regex) if regex.is_match("") => {
            let message = "this expression matches the empty text, so it would always hit";
            problems.add(&pattern.span, "rule.bad_regex", message, "replace an outer `*` or `?` by `+`");
            None
        }
        Ok(regex) => Some(regex),
        Err(error) => {
            let text = error.to_string();
            let cause = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let hint = if cause.contains("look-around") {
                "look-around is not there: use `exclude` or `guards`"
            } else {
                "write it as a literal string in single quotes, so that backslashes stay"
            };
            let message = format!("`{}` is not a regular expression: {cause}", pattern.value);
            problems.add(&pattern.span, "rule.bad_regex", message, hint);
            None
        }
    }
}

// Each reader below answers None when its operator is not there, Some(None) when it is there and wrong.

fn read_regex(problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> Option<Option<Operator>> {
    if !reader.has("regex") {
        return None;
    }
    let pattern = reader.string(problems, "regex");
    Some(pattern.and_then(|at| compile(problems, &at)).map(Operator::Regex))
}

fn read_keyword(
    problems: &mut Problems<'_>,
    parent: &mut TableReader<'_>,
    kind: RuleKind,
) -> Option<Option<Operator>> {
    if !parent.has("keyword") {
        return None;
    }
    let Some((table, span)) = parent.table(problems, "keyword") else { return Some(None) };
    let mut reader = TableReader::new(table, span.clone(), "keyword");
    let mut lists: Vec<(Quantity, Vec<At<String>>)> = Vec::new();
    for (key, quantity) in [("any", Quantity::Any), ("all", Quantity::All), ("none", Quantity::None)] {
        if let Some(words) = reader.strings(problems, key) {
            lists.push((quantity, words));
        }
    }
    let at_least = reader.count(problems, "at_least", 10_000);
    if let Some(words) = reader.strings(problems, "of") {
        lists.push((Quantity::AtLeast(at_least.unwrap_or(1)), words));
    }
    let within = reader.choice(problems, "within", "rule.unknown_scope", &SCOPES).unwrap_or(Scope::Call);
    let default = match kind {
        RuleKind::Required => Tolerance::Folded,
        RuleKind::Forbidden | RuleKind::Watch | RuleKind::Acoustic | RuleKind::Process => Tolerance::Syllable,
    };
    let tolerance = reader.choice(problems, "homophone", "rule.unknown_homophone", &TOLERANCES);
    let token_boundary = reader.boolean(problems, "token_boundary");
    let synonyms = read_synonyms(problems, &mut reader);
    reader.finish(problems);
    let hint = "any = […], all = […], none = […], or at_least = 2 with of = […]";
    if lists.len() != 1 {
        problems.add(&span, "rule.keyword_list", "a keyword has exactly one list of words", hint);
        return Some(None);
    }
    let (quantity, words) = lists.remove(0);
    if words.is_empty() {
        problems.add(&span, "rule.empty_field", "the list of words is empty", hint);
    }
    if let Quantity::AtLeast(wanted) = quantity
        && words.len() < wanted as usize
    {
        let message = format!("at least {wanted} of {} words can never be met", words.len());
        problems.add(&span, "rule.out_of_range", message, "");
    }
    for word in words.iter().chain(synonyms.values().flatten()) {
        check_word(problems, word);
    }
    for word in synonyms.keys() {
        if !words.iter().any(|known| known.value == *word) {
            let message = format!("synonyms are given for `{word}`, which is not in the list");
            problems.add(&span, "rule.unknown_word", message, "");
        }
    }
    Some(Some(Operator::Keyword(Keyword {
        quantity,
        words: words.into_iter().map(|at| at.value).collect(),
        synonyms: synonyms
            .into_iter()
            .map(|(word, others)| (word, others.into_iter().map(|at| at.value).collect()))
            .collect(),
        within,
        tolerance: tolerance.unwrap_or(default),
        token_boundary,
    })))
}

fn check_word(problems: &mut Problems<'_>, word: &At<String>) {
    let num_chars = super::normalize::bare(&word.value).len();
    if num_chars == 0 {
        let message = format!("nothing is left of keyword `{}` without punctuation and fillers", word.value);
        problems.add(&word.span, "rule.empty_field", message, "use a regex for punctuation");
    } else if num_chars > MAX_KEYWORD_CHARS {
        let message =
            format!("a keyword has at most {MAX_KEYWORD_CHARS} characters, this one has {num_chars}");
        problems.add(&word.span, "rule.out_of_range", message, "use a regex");
    }
}

fn read_synonyms(
    problems: &mut Problems<'_>,
    parent: &mut TableReader<'_>,
) -> BTreeMap<String, Vec<At<String>>> {
    let mut synonyms = BTreeMap::new();
    let Some((table, _)) = parent.table(problems, "synonyms") else { return synonyms };
    for (word, others) in table {
        let mut list = Vec::new();
        for other in others.get_ref().as_array().into_iter().flat_map(|items| items.iter()) {
            if let DeValue::String(text) = other.get_ref() {
                list.push(At { value: text.to_string(), span: other.span() });
            }
        }
        if list.is_empty() {
            let hint = "synonyms = { \"保本\" = [\"本金不会少\"] }";
            problems.add(&others.span(), "rule.wrong_type", "synonyms are a list of texts by word", hint);
        }
        synonyms.insert(word.get_ref().to_string(), list);
    }
    synonyms
}

fn read_silence(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Option<Operator>> {
    if !parent.has("silence") {
        return None;
    }
    let Some((table, span)) = parent.table(problems, "silence") else { return Some(None) };
    let mut reader = TableReader::new(table, span, "silence");
    let min = reader.number(problems, "min_seconds", 1.0, 86_400.0);
    if min.is_none() {
        let hint = "min_seconds = 10; silences of less than one second are not recorded";
        problems.add(&reader.span(), "rule.missing_field", "this silence has no `min_seconds`", hint);
    }
    let excuses = reader.string(problems, "excuses").and_then(|at| compile(problems, &at));
    let excuse_turns = reader.count(problems, "excuse_turns", 100).unwrap_or(2);
    let count = reader.count(problems, "count", 10_000).unwrap_or(1);
    reader.finish(problems);
    Some(min.map(|min| Operator::Silence(Silence { min: millis(min), excuses, excuse_turns, count })))
}

fn read_silence_share(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Option<Operator>> {
    if !parent.has("silence_share") {
        return None;
    }
    let Some((table, span)) = parent.table(problems, "silence_share") else { return Some(None) };
    let mut reader = TableReader::new(table, span, "silence_share");
    let over = reader.number(problems, "over_percent", 0.0, 100.0);
    if over.is_none() {
        problems.add(&reader.span(), "rule.missing_field", "this silence_share has no `over_percent`", "");
    }
    let min_call = reader.number(problems, "min_call_seconds", 0.0, 86_400.0).map_or(Millis::ZERO, millis);
    let excuses = reader.string(problems, "excuses").and_then(|at| compile(problems, &at));
    let excuse_turns = reader.count(problems, "excuse_turns", 100).unwrap_or(2);
    reader.finish(problems);
    let over = over.map(|over| over as f32);
    Some(over.map(|over_percent| Operator::SilenceShare { over_percent, min_call, excuses, excuse_turns }))
}

fn read_pace(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Option<Operator>> {
    if !parent.has("pace") {
        return None;
    }
    let Some((table, span)) = parent.table(problems, "pace") else { return Some(None) };
    let mut reader = TableReader::new(table, span, "pace");
    let faster_than = reader.number(problems, "faster_than", 1.0, 10_000.0).map(|pace| pace as f32);
    let slower_than = reader.number(problems, "slower_than", 1.0, 10_000.0).map(|pace| pace as f32);
    if faster_than.is_some() == slower_than.is_some() {
        let hint = "faster_than = 300 or slower_than = 120, in characters per minute";
        problems.add(&reader.span(), "rule.missing_field", "a pace has exactly one limit", hint);
    }
    let average = reader.boolean(problems, "average").unwrap_or(false);
    let min_chars = reader.count(problems, "min_chars", 100_000).unwrap_or(10);
    let count = reader.count(problems, "count", 10_000).unwrap_or(1);
    reader.finish(problems);
    Some(Some(Operator::Pace(Pace { faster_than, slower_than, average, min_chars, count })))
}

fn read_overlap(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Option<Operator>> {
    if !parent.has("overlap") {
        return None;
    }
    let Some((table, span)) = parent.table(problems, "overlap") else { return Some(None) };
    let mut reader = TableReader::new(table, span, "overlap");
    let overlap = Overlap {
        min: reader.number(problems, "min_seconds", 0.0, 3_600.0).map_or(Millis(2_000), millis),
        min_chars: reader.count(problems, "min_chars", 1_000).unwrap_or(4),
        spoken_before: reader
            .number(problems, "spoken_before_seconds", 0.0, 3_600.0)
            .map_or(Millis(1_000), millis),
        count: reader.count(problems, "count", 10_000).unwrap_or(1),
    };
    reader.finish(problems);
    Some(Some(Operator::Overlap(overlap)))
}

fn read_first_response(
    problems: &mut Problems<'_>,
    parent: &mut TableReader<'_>,
) -> Option<Option<Operator>> {
    if !parent.has("first_response") {
        return None;
    }
    let Some((table, span)) = parent.table(problems, "first_response") else { return Some(None) };
    let mut reader = TableReader::new(table, span, "first_response");
    let over = reader.number(problems, "over_seconds", 0.0, 3_600.0);
    if over.is_none() {
        problems.add(&reader.span(), "rule.missing_field", "this first_response has no `over_seconds`", "");
    }
    reader.finish(problems);
    Some(over.map(|over| Operator::FirstResponse { over: millis(over) }))
}
