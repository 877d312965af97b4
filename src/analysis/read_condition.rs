//! Reads the conditions of a rule: one operator each, with its place, exclusion and guards.

use std::ops::Range as ByteRange;

use regex::Regex;
use toml::de::{DeTable, DeValue};

use super::RuleKind;
use super::operator::{Operator, ResponseTime, StandardAnswer};
use super::read::millis;
use super::read_measure::read_measure;
use super::read_words::{compile, read_words};
use super::rule::{Anchor, AnchorHit, Condition, Guards, Range, RoleScope, Scope, Side};
use super::toml_table::{At, Problems, TableReader, nearest};

pub(super) const SCOPES: [(&str, Scope); 3] =
    [("sentence", Scope::Sentence), ("turn", Scope::Turn), ("call", Scope::Call)];

/// Every operator as a pack names it.
pub(super) const OPERATORS: [&str; 24] = [
    "keyword",
    "regex",
    "similar",
    "repeat",
    "entity",
    "silence",
    "silence_share",
    "pace",
    "overlap",
    "first_response",
    "response_time",
    "loudness",
    "sentiment",
    "hang_up",
    "duration",
    "sentence_count",
    "talk_share",
    "filler_density",
    "polite_share",
    "flow_broken",
    "wrong_answer",
    "past_calls",
    "metadata",
    "rule",
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

/// What a condition takes from its rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConditionReader<'a> {
    /// The names of all conditions of the rule.
    pub(super) names: &'a [String],
    /// Which of them this is.
    pub(super) index: usize,
    pub(super) kind: RuleKind,
    pub(super) role: RoleScope,
}

impl ConditionReader<'_> {
    /// Reads one condition.
    pub(super) fn read(
        &self,
        problems: &mut Problems<'_>,
        table: &DeTable<'_>,
        span: ByteRange<usize>,
        id: String,
        source: String,
    ) -> Option<Condition> {
        let mut reader = TableReader::new(table, span.clone(), "condition");
        if let Some(at) = reader.string(problems, "id")
            && (at.value.is_empty() || !at.value.chars().all(super::expression::is_name))
        {
            let message = format!("`{}` cannot be the name of a condition", at.value);
            problems.add(
                &at.span,
                "rule.invalid_id",
                message,
                "letters, digits, Chinese characters, _ and -",
            );
        }
        let own = reader.choice(problems, "role", "rule.unknown_role", &role_names());
        let role = own.unwrap_or(self.role);
        let range = read_range(problems, &mut reader);
        let anchor = self.read_anchor(problems, &mut reader);
        let count = reader.count(problems, "count", 10_000).unwrap_or(1);
        let every_sentence = reader.boolean(problems, "every_sentence").unwrap_or(false);
        let exclude = reader.string(problems, "exclude").and_then(|at| compile(problems, &at));
        let exclude_in =
            reader.choice(problems, "exclude_in", "rule.unknown_scope", &SCOPES).unwrap_or(Scope::Sentence);
        let left_guard = reader.string(problems, "left_guard").and_then(|at| {
            let anchored = At { value: format!("(?:{})$", at.value), span: at.span.clone() };
            compile(problems, &at).and_then(|_| Regex::new(&format!("(?i){}", anchored.value)).ok())
        });
        let guards = self.read_guards(problems, &mut reader);
        let named: Vec<&str> = OPERATORS.into_iter().filter(|name| reader.has(name)).collect();
        let operator = match named.as_slice() {
            [name] => self.read_operator(problems, &mut reader, name),
            _ => None,
        };
        reader.finish(problems);
        if named.len() != 1 {
            let message = format!("a condition has exactly one operator, this one has {}", named.len());
            let hint = match named.is_empty() {
                true => format!("one of: {}", OPERATORS.join(", ")),
                false => "make a [[rule.condition]] of each and join them in `when`".to_owned(),
            };
            problems.add(&span, "rule.operator_count", message, hint);
            return None;
        }
        let operator = operator?;
        let condition = Condition {
            id,
            role,
            or_unknown: self.kind == RuleKind::Watch,
            range,
            anchor,
            count,
            every_sentence,
            exclude,
            exclude_in,
            left_guard,
            guards,
            source,
            operator,
        };
        check_place(problems, &span, &condition, table);
        Some(condition)
    }

    fn read_guards(&self, problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> Guards {
        let Some(names) = reader.strings(problems, "guards") else {
            return match self.kind {
                RuleKind::Forbidden => {
                    Guards { negation: true, question: true, quote: true, near_negation: false }
                }
                RuleKind::Watch => Guards { near_negation: true, ..Guards::default() },
                RuleKind::Required | RuleKind::Acoustic | RuleKind::Process => Guards::default(),
            };
        };
        let mut guards = Guards::default();
        let known = ["negation", "near_negation", "question", "quote"];
        for name in names {
            match name.value.as_str() {
                "negation" => guards.negation = true,
                "near_negation" => guards.near_negation = true,
                "question" => guards.question = true,
                "quote" => guards.quote = true,
                other => {
                    let near = nearest(other, &known).map(|near| format!("did you mean `{near}`? "));
                    let hint =
                        format!("{}one of: {}; [] for none", near.unwrap_or_default(), known.join(", "));
                    problems.add(&name.span, "rule.unknown_guard", format!("unknown guard `{other}`"), hint);
                }
            }
        }
        guards
    }

    fn read_anchor(&self, problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> Option<Anchor> {
        let sides = [("before", Side::Before), ("around", Side::Around), ("after", Side::After)];
        let there: Vec<(&str, Side)> = sides.into_iter().filter(|(key, _)| reader.has(key)).collect();
        if there.len() > 1 {
            let message = "a condition stands before, around or after one other condition, not several";
            problems.add(&reader.span(), "rule.anchor_count", message, "keep one of them");
        }
        let (key, side) = *there.first()?;
        // The same name with the lifetime that the reader asks for.
        let key = sides.iter().find(|(known, _)| *known == key).map(|(known, _)| *known)?;
        let (table, span) = reader.table(problems, key)?;
        let mut inner = TableReader::new(table, span.clone(), "anchor");
        let hint = "after = { condition = \"ask\", sentences = 2 }";
        let name = inner.required_string(problems, "condition", hint);
        let hit = read_hit(problems, &mut inner);
        let sentences = inner.number(problems, "sentences", 0.0, 100_000.0).map(|number| number as u32);
        let within = inner.number(problems, "seconds", 0.0, 86_400.0).map(millis);
        inner.finish(problems);
        let condition = self.condition(problems, &name?)?;
        Some(Anchor { side, condition, hit, sentences, within })
    }

    /// The index of the condition called so, another one than this.
    fn condition(&self, problems: &mut Problems<'_>, name: &At<String>) -> Option<usize> {
        let found = self.names.iter().position(|known| *known == name.value);
        if found == Some(self.index) {
            let message = format!("condition `{}` refers to itself", name.value);
            problems.add(&name.span, "rule.circle", message, "name another condition of this rule");
            return None;
        }
        if found.is_none() {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let near = nearest(&name.value, &known).map(|near| format!("did you mean `{near}`? "));
            let hint = format!("{}conditions of this rule: {}", near.unwrap_or_default(), known.join(", "));
            let message = format!("no condition is called `{}`", name.value);
            problems.add(&name.span, "rule.unknown_condition", message, hint);
        }
        found
    }

    fn read_operator(
        &self,
        problems: &mut Problems<'_>,
        reader: &mut TableReader<'_>,
        name: &str,
    ) -> Option<Operator> {
        match name {
            "keyword" | "regex" | "similar" | "repeat" | "entity" => {
                read_words(problems, reader, name, self.kind)
            }
            "flow_broken" => self.read_flow(problems, reader),
            "wrong_answer" => read_wrong_answer(problems, reader),
            _ => read_measure(problems, reader, name),
        }
    }

    fn read_flow(&self, problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Operator> {
        let (table, span) = parent.table(problems, "flow_broken")?;
        let mut reader = TableReader::new(table, span.clone(), "flow_broken");
        let names = reader.strings(problems, "steps").unwrap_or_default();
        if names.len() < 2 {
            let hint = "steps = [\"verify\", \"tell\"], names of conditions of this rule in the right order";
            problems.add(&span, "rule.missing_field", "a flow has at least two `steps`", hint);
        }
        let steps: Vec<usize> = names.iter().filter_map(|name| self.condition(problems, name)).collect();
        let (mut order, mut missing) = (false, false);
        match reader.strings(problems, "by") {
            None => order = true,
            Some(names) => {
                for name in names {
                    match name.value.as_str() {
                        "order" => order = true,
                        "missing" => missing = true,
                        other => {
                            let message = format!("a flow is not broken by `{other}`");
                            problems.add(&name.span, "rule.unknown_value", message, "one of: order, missing");
                        }
                    }
                }
            }
        }
        reader.finish(problems);
        Some(Operator::FlowBroken(super::operator::Flow { steps, order, missing }))
    }
}

fn read_hit(problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> AnchorHit {
    let names = [("any", AnchorHit::Any), ("every", AnchorHit::Every), ("last", AnchorHit::Last)];
    match reader.value("hit").map(toml::Spanned::get_ref) {
        None => AnchorHit::Any,
        Some(DeValue::Integer(_)) => {
            reader.count(problems, "hit", 10_000).map_or(AnchorHit::Any, AnchorHit::Nth)
        }
        Some(_) => reader.choice(problems, "hit", "rule.unknown_value", &names).unwrap_or(AnchorHit::Any),
    }
}

fn read_range(problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> Range {
    let mut range = Range {
        first_sentences: reader.count(problems, "first_sentences", 100_000),
        last_sentences: reader.count(problems, "last_sentences", 100_000),
        first: reader.number(problems, "first_seconds", 0.0, 86_400.0).map(millis),
        last: reader.number(problems, "last_seconds", 0.0, 86_400.0).map(millis),
        ..Range::default()
    };
    let backwards = |problems: &mut Problems<'_>, span: &ByteRange<usize>, key: &str| {
        let message = format!("`{key}` ends before it begins");
        problems.add(span, "rule.out_of_range", message, "write the earlier one first");
    };
    if let Some((from, to)) = reader.pair(problems, "sentences", -100_000.0, 100_000.0) {
        let (first, last) = (from.value as i64, to.value as i64);
        if first == 0 || last == 0 {
            let message = "sentences are counted from 1, or from -1 at the end; there is no 0";
            problems.add(&from.span, "rule.out_of_range", message, "sentences = [2, -2]");
        } else if first.signum() == last.signum() && first > last {
            backwards(problems, &from.span, "sentences");
        }
        range.sentences = Some((first, last));
    }
    if let Some((from, to)) = reader.pair(problems, "seconds", 0.0, 86_400.0) {
        if from.value >= to.value {
            backwards(problems, &from.span, "seconds");
        }
        range.time = Some((millis(from.value), millis(to.value)));
    }
    if let Some((from, to)) = reader.pair(problems, "percent", 0.0, 100.0) {
        if from.value >= to.value {
            backwards(problems, &from.span, "percent");
        }
        range.percent = Some((from.value, to.value));
    }
    let of = [("role", false), ("all", true)];
    range.of_all = reader.choice(problems, "sentences_of", "rule.unknown_value", &of).unwrap_or(false);
    range
}

/// Refuses a place, a count or guards where the operator has no use for them.
fn check_place(
    problems: &mut Problems<'_>,
    span: &ByteRange<usize>,
    condition: &Condition,
    table: &DeTable<'_>,
) {
    let operator = &condition.operator;
    let name = operator.name();
    let has_place = operator.is_textual()
        || matches!(
            operator,
            Operator::Silence(_)
                | Operator::Overlap(_)
                | Operator::Loudness(_)
                | Operator::SentenceCount(..)
                | Operator::Density(_)
                | Operator::PoliteShare(..)
                | Operator::Sentiment(_)
        )
        || matches!(operator, Operator::Pace(pace) if !pace.average);
    let place = [
        "first_sentences",
        "last_sentences",
        "first_seconds",
        "last_seconds",
        "sentences",
        "seconds",
        "percent",
        "sentences_of",
        "before",
        "around",
        "after",
    ];
    let words = ["exclude", "exclude_in", "left_guard", "guards", "every_sentence"];
    let counts = operator.is_textual()
        || matches!(
            operator,
            Operator::Silence(_)
                | Operator::Overlap(_)
                | Operator::Loudness(_)
                | Operator::Pace(_)
                | Operator::ResponseTime(ResponseTime::Each(_))
        );
    for key in table.keys() {
        let field = key.get_ref().as_ref();
        let useless = (place.contains(&field) && !has_place)
            || (words.contains(&field) && !operator.is_textual())
            || (field == "count" && !counts);
        if useless {
            let message = format!("`{field}` means nothing for `{name}`");
            let hint = match place.contains(&field) {
                true => format!("`{name}` looks at the whole call: take `{field}` out"),
                false => format!("take `{field}` out"),
            };
            problems.add(&key.span(), "rule.useless_field", message, hint);
        }
    }
    if condition.every_sentence
        && matches!(operator, Operator::Keyword(keyword) if keyword.quantity == super::rule::Quantity::None)
    {
        let message = "`every_sentence` and `none` contradict each other";
        problems.add(span, "rule.useless_field", message, "negate the condition in `when` instead");
    }
}

fn read_wrong_answer(problems: &mut Problems<'_>, parent: &mut TableReader<'_>) -> Option<Operator> {
    let (table, span) = parent.table(problems, "wrong_answer")?;
    let mut reader = TableReader::new(table, span.clone(), "wrong_answer");
    let question_score = reader.number(problems, "question_score", 0.1, 1.0).unwrap_or(0.6);
    let answer_score = reader.number(problems, "answer_score", 0.1, 1.0).unwrap_or(0.5);
    let sentences = reader.count(problems, "sentences", 1_000).unwrap_or(4);
    let mut items = Vec::new();
    for (table, span) in reader.tables(problems, "item") {
        let mut inner = TableReader::new(table, span.clone(), "item");
        let mut list = |problems: &mut Problems<'_>, key| -> Vec<String> {
            let texts = inner.strings(problems, key).unwrap_or_default();
            if texts.is_empty() {
                let hint = "item = [{ questions = [\"…\"], answers = [\"…\"] }]";
                problems.add(&span, "rule.missing_field", format!("this item has no `{key}`"), hint);
            }
            texts.into_iter().map(|at| at.value).collect()
        };
        let (questions, answers) = (list(problems, "questions"), list(problems, "answers"));
        inner.finish(problems);
        items.push(StandardAnswer { questions, answers });
    }
    if items.is_empty() {
        let hint = "item = [{ questions = [\"年费多少\"], answers = [\"首年免年费\"] }]";
        problems.add(&span, "rule.missing_field", "a wrong_answer has at least one `item`", hint);
    }
    reader.finish(problems);
    let check = super::operator::WrongAnswer { items, question_score, answer_score, sentences };
    Some(Operator::WrongAnswer(check))
}
