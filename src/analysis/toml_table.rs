//! Reads TOML tables field by field and gathers every problem with its line and column.
//!
//! Knows nothing of rules. Invariant: a field that was never asked for is reported as unknown, with the nearest
//! known name.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Diagnostic;

/// Problems of one text, in the order found.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    source_name: &'a str,
    text: &'a str,
    list: Vec<Diagnostic>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(source_name: &'a str, text: &'a str) -> Self {
        Self { source_name, text, list: Vec::new() }
    }

    /// Line and column of a byte offset, both from 1.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        (line, column)
    }

    pub(super) fn add(
        &mut self,
        span: &Range<usize>,
        reason: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (line, column) = self.place(span.start);
        self.list.push(Diagnostic {
            source_name: self.source_name.to_owned(),
            line,
            column,
            reason,
            message: message.into(),
            hint: hint.into(),
        });
    }

    /// A part of the text.
    pub(super) fn slice(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or("")
    }

    pub(super) fn source_name(&self) -> &'a str {
        self.source_name
    }

    /// The problems in the order of the text.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|problem| (problem.line, problem.column));
        self.list
    }
}

/// A value with the bytes it stands at.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// One table under reading.
#[derive(Debug)]
pub(super) struct TableReader<'t> {
    table: &'t DeTable<'t>,
    span: Range<usize>,
    /// What the table is, for messages: `rule`, `condition`.
    what: &'static str,
    asked: Vec<&'static str>,
}

impl<'t> TableReader<'t> {
    pub(super) fn new(table: &'t DeTable<'t>, span: Range<usize>, what: &'static str) -> Self {
        Self { table, span, what, asked: Vec::new() }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Whether the field is there; counts as asked for.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.raw(key).is_some()
    }

    fn raw(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    fn wrong_type(&self, problems: &mut Problems<'_>, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) {
        problems.add(
            &value.span(),
            "rule.wrong_type",
            format!("`{key}` must be {wanted}, this is {}", value.get_ref().type_str()),
            "",
        );
    }

    pub(super) fn string(&mut self, problems: &mut Problems<'_>, key: &'static str) -> Option<At<String>> {
        let value = self.raw(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(At { value: text.to_owned(), span: value.span() }),
            None => {
                self.wrong_type(problems, value, key, "text");
                None
            }
        }
    }

    /// A string that must be there and not be empty.
    pub(super) fn required_string(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
        hint: &str,
    ) -> Option<At<String>> {
        if !self.has(key) {
            problems.add(
                &self.span,
                "rule.missing_field",
                format!("this {} has no `{key}`", self.what),
                hint,
            );
            return None;
        }
        let text = self.string(problems, key)?;
        if text.value.trim().is_empty() {
            problems.add(&text.span, "rule.empty_field", format!("`{key}` is empty"), hint);
            return None;
        }
        Some(text)
    }

    pub(super) fn boolean(&mut self, problems: &mut Problems<'_>, key: &'static str) -> Option<bool> {
        let value = self.raw(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong_type(problems, value, key, "true or false");
        }
        found
    }

    /// A number between `lower` and `upper`.
    pub(super) fn number(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
        lower: f64,
        upper: f64,
    ) -> Option<f64> {
        let value = self.raw(key)?;
        match number_of(value.get_ref()) {
            Some(number) if (lower..=upper).contains(&number) => Some(number),
            Some(number) => {
                problems.add(
                    &value.span(),
                    "rule.out_of_range",
                    format!("`{key}` is {number}, outside {lower} to {upper}"),
                    "",
                );
                None
            }
            None => {
                self.wrong_type(problems, value, key, "a number");
                None
            }
        }
    }

    /// A whole number from 1 to `upper`.
    pub(super) fn count(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
        upper: u32,
    ) -> Option<u32> {
        let span = self.raw(key)?.span();
        let number = self.number(problems, key, 1.0, f64::from(upper))?;
        if number.fract() != 0.0 {
            problems.add(&span, "rule.wrong_type", format!("`{key}` must be a whole number"), "");
            return None;
        }
        // In range by the check above.
        Some(number as u32)
    }

    /// A pair of numbers.
    pub(super) fn pair(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
        lower: f64,
        upper: f64,
    ) -> Option<(At<f64>, At<f64>)> {
        let value = self.raw(key)?;
        let numbers: Option<Vec<At<f64>>> = value.get_ref().as_array().map(|items| {
            let items = items
                .iter()
                .filter_map(|item| Some(At { value: number_of(item.get_ref())?, span: item.span() }));
            items.collect()
        });
        match numbers.map(<[At<f64>; 2]>::try_from) {
            Some(Ok([from, to])) => {
                for one in [&from, &to] {
                    if !(lower..=upper).contains(&one.value) {
                        let message = format!("`{key}` has {}, outside {lower} to {upper}", one.value);
                        problems.add(&one.span, "rule.out_of_range", message, "");
                        return None;
                    }
                }
                Some((from, to))
            }
            Some(Err(_)) | None => {
                self.wrong_type(problems, value, key, "a list of two numbers, from and to");
                None
            }
        }
    }

    /// The span of a field's value.
    pub(super) fn span_of(&mut self, key: &'static str) -> Option<Range<usize>> {
        self.raw(key).map(Spanned::span)
    }

    /// The fields of the table, as written; none of them counts as asked for.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'t str, Range<usize>)> + use<'t> {
        self.table.keys().map(|key| (key.get_ref().as_ref(), key.span()))
    }

    /// A field by a name that is not fixed; counts as asked for.
    pub(super) fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    /// A list of texts; one text stands for a list of one.
    pub(super) fn strings(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Option<Vec<At<String>>> {
        let value = self.raw(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(vec![At { value: text.to_string(), span: value.span() }]),
            DeValue::Array(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items.iter() {
                    match item.get_ref().as_str() {
                        Some(text) => texts.push(At { value: text.to_owned(), span: item.span() }),
                        None => self.wrong_type(problems, item, key, "a list of texts"),
                    }
                }
                Some(texts)
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => {
                self.wrong_type(problems, value, key, "a list of texts");
                None
            }
        }
    }

    pub(super) fn table(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Option<(&'t DeTable<'t>, Range<usize>)> {
        let value = self.raw(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some((table, value.span())),
            None => {
                self.wrong_type(problems, value, key, "a table");
                None
            }
        }
    }

    /// A list of tables; one table stands for a list of one.
    pub(super) fn tables(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Vec<(&'t DeTable<'t>, Range<usize>)> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        if let Some(table) = value.get_ref().as_table() {
            return vec![(table, value.span())];
        }
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(problems, value, key, "a list of tables");
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push((table, item.span())),
                None => self.wrong_type(problems, item, key, "a list of tables"),
            }
        }
        tables
    }

    /// Reads a text that must be one of `choices` (name, value).
    pub(super) fn choice<T: Copy>(
        &mut self,
        problems: &mut Problems<'_>,
        key: &'static str,
        reason: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.string(problems, key)?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text.value) {
            return Some(*value);
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let hint = match nearest(&text.value, &names) {
            Some(name) => format!("did you mean `{name}`? one of: {}", names.join(", ")),
            None => format!("one of: {}", names.join(", ")),
        };
        problems.add(&text.span, reason, format!("unknown {key} `{}`", text.value), hint);
        None
    }

    /// Reports every field that nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref();
            if self.asked.iter().any(|asked| asked == name) {
                continue;
            }
            let mut known = self.asked.clone();
            known.sort_unstable();
            known.dedup();
            let hint = match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a {} knows: {}", self.what, known.join(", ")),
            };
            let message = format!("unknown field `{name}` in this {}", self.what);
            problems.add(&key.span(), "rule.unknown_field", message, hint);
        }
    }
}

/// The value of a number.
pub(super) fn number_of(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(digits) => {
            i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(|whole| whole as f64)
        }
        DeValue::Float(digits) => digits.as_str().parse::<f64>().ok(),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

/// The name that `text` most likely meant.
pub(super) fn nearest<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    let lower = text.to_lowercase();
    let limit = (lower.chars().count() / 3).max(1) + 1;
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.to_lowercase().chars().collect();
        letters.sort_unstable();
        letters
    };
    // Of equally near names, the one with the same letters: fingers swap them.
    let other_letters = |name: &str| letters(name) != letters(&lower);
    names
        .iter()
        .map(|name| (edit_distance(&lower, &name.to_lowercase()), other_letters(name), *name))
        .filter(|(distance, ..)| *distance <= limit)
        .min()
        .map(|(.., name)| name)
}

/// Levenshtein distance in characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&right) {
            let cost = (diagonal + usize::from(from != *to)).min(*cell + 1).min(previous + 1);
            diagonal = *cell;
            *cell = cost;
            previous = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(edit_distance("agnet", "agent"), 2);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(nearest("agnet", &["agent", "customer", "any"]), Some("agent"));
        assert_eq!(nearest("seller", &["agent", "customer", "any"]), None);
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let problems = Problems::new("pack.toml", "a = 1\n名字 = 2\n");
        assert_eq!(problems.place("a = 1\n名字 = ".len()), (2, 6));
    }
}
