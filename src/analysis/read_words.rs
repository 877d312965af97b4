//! Reads the operators on words: keywords, expressions, similar sentences, repetitions, entities.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use toml::de::DeValue;

use super::RuleKind;
use super::operator::{Entity, EntityKind, Keyword, Operator, Repeat, Similar, Tolerance};
use super::read_condition::{SCOPES, role_names};
use super::rule::{Quantity, Scope};
use super::toml_table::{At, Problems, TableReader, nearest};

/// Longest keyword, in characters: longer ones are sentences, which `similar` serves better.
const MAX_KEYWORD_CHARS: usize = 64;

/// Shorter samples are like too much.
const MIN_SAMPLE_CHARS: usize = 4;

const TOLERANCES: [(&str, Tolerance); 4] = [
    ("exact", Tolerance::Exact),
    ("tone", Tolerance::Tone),
    ("syllable", Tolerance::Syllable),
    ("folded", Tolerance::Folded),
];

const ENTITIES: [(&str, EntityKind); 6] = [
    ("phone", EntityKind::Phone),
    ("id_card", EntityKind::IdCard),
    ("bank_card", EntityKind::BankCard),
    ("amount", EntityKind::Amount),
    ("date", EntityKind::Date),
    ("percent", EntityKind::Percent),
];

/// Reads the operator `name`.
pub(super) fn read_words(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    name: &str,
    kind: RuleKind,
) -> Option<Operator> {
    match name {
        "keyword" => read_keyword(problems, reader, kind),
        "regex" => {
            let pattern = reader.string(problems, "regex")?;
            compile(problems, &pattern).map(Operator::Regex)
        }
        "similar" => read_similar(problems, reader),
        "repeat" => read_repeat(problems, reader),
        _ => read_entity(problems, reader),
    }
}

/// Compiles an expression; a broken one is reported at its place with the engine's own words.
pub(super) fn compile(problems: &mut Problems<'_>, pattern: &At<String>) -> Option<Regex> {
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
                "look-around is not there: use `exclude`, `left_guard` or `guards`"
            } else {
                "write it as a literal string in single quotes, so that backslashes stay"
            };
            let message = format!("`{}` is not a regular expression: {cause}", pattern.value);
            problems.add(&pattern.span, "rule.bad_regex", message, hint);
            None
        }
    }
}

fn read_keyword(
    problems: &mut Problems<'_>,
    parent: &mut TableReader<'_>,
    kind: RuleKind,
) -> Option<Operator> {
    let (table, span) = parent.table(problems, "keyword")?;
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
        return None;
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
    Some(Operator::Keyword(Keyword {
        quantity,
        words: words.into_iter().map(|at| at.value).collect(),
        synonyms: synonyms
            .into_iter()
            .map(|(word, others)| (word, others.into_iter().map(|at| at.value).collect()))
            .collect(),
        within,
        tolerance: tolerance.unwrap_or(default),
        token_boundary,
    }))
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

fn read_similar(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Operator> {
    let (table, span) = parent.table(problems, "similar")?;
    let mut reader = TableReader::new(table, span.clone(), "similar");
    let samples = reader.strings(problems, "to").unwrap_or_default();
    if samples.is_empty() {
        let hint = "similar = { to = [\"感谢您的来电，祝您生活愉快\"], score = 0.7 }";
        problems.add(&span, "rule.missing_field", "this similar has no `to`", hint);
    }
    for sample in &samples {
        let num_chars = super::normalize::bare(&sample.value).len();
        if num_chars < MIN_SAMPLE_CHARS {
            let message =
                format!("a sample has at least {MIN_SAMPLE_CHARS} characters, this one has {num_chars}");
            problems.add(&sample.span, "rule.out_of_range", message, "use a keyword");
        }
    }
    let score = reader.number(problems, "score", 0.3, 1.0).unwrap_or(0.7);
    reader.finish(problems);
    Some(Operator::Similar(Similar { samples: samples.into_iter().map(|at| at.value).collect(), score }))
}

fn read_repeat(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Operator> {
    let (table, span) = parent.table(problems, "repeat")?;
    let mut reader = TableReader::new(table, span, "repeat");
    let repeat = Repeat {
        score: reader.number(problems, "score", 0.3, 1.0).unwrap_or(0.8),
        min_chars: reader.count(problems, "min_chars", 1_000).unwrap_or(5),
        sentences: reader.count(problems, "sentences", 100_000),
        of: reader.choice(problems, "of", "rule.unknown_role", &role_names()),
    };
    reader.finish(problems);
    Some(Operator::Repeat(repeat))
}

fn read_entity(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Operator> {
    let (table, span) = parent.table(problems, "entity")?;
    let mut reader = TableReader::new(table, span.clone(), "entity");
    let known = ENTITIES.map(|(name, _)| name);
    let mut kinds = Vec::new();
    for name in reader.strings(problems, "kind").unwrap_or_default() {
        match ENTITIES.iter().find(|(known, _)| *known == name.value) {
            Some((_, kind)) => kinds.push(*kind),
            None => {
                let near = nearest(&name.value, &known).map(|near| format!("did you mean `{near}`? "));
                let hint = format!("{}one of: {}", near.unwrap_or_default(), known.join(", "));
                problems.add(
                    &name.span,
                    "rule.unknown_value",
                    format!("unknown kind `{}`", name.value),
                    hint,
                );
            }
        }
    }
    if kinds.is_empty() {
        let hint = format!("kind = [\"phone\"]; one of: {}", known.join(", "));
        problems.add(&span, "rule.missing_field", "this entity has no `kind`", hint);
    }
    let at_least = reader.number(problems, "at_least", 0.0, 1e12);
    let at_most = reader.number(problems, "at_most", 0.0, 1e12);
    let valued = kinds.iter().all(|kind| matches!(kind, EntityKind::Amount | EntityKind::Percent));
    if (at_least.is_some() || at_most.is_some()) && !valued {
        let message = "only an amount and a percentage have a value to compare";
        problems.add(&span, "rule.useless_field", message, "take `at_least` and `at_most` out");
    }
    reader.finish(problems);
    Some(Operator::Entity(Entity { kinds, at_least, at_most }))
}
