//! Reads what must be true of the metadata of a call, and the metadata and history of calls in tests.

use std::ops::Range as ByteRange;

use jiff::civil::{Date, DateTime};
use toml::de::DeValue;

use super::fact::{Demand, Fact, Field};
use super::history::{History, PastCall};
use super::toml_table::{At, Problems, TableReader, number_of};
use crate::types::{CallMetadata, Direction, HangUpSide, Media, RuleId};

pub(super) const DIRECTIONS: [(&str, Direction); 3] =
    [("inbound", Direction::Inbound), ("outbound", Direction::Outbound), ("internal", Direction::Internal)];

pub(super) const SIDES: [(&str, HangUpSide); 3] =
    [("agent", HangUpSide::Agent), ("customer", HangUpSide::Customer), ("system", HangUpSide::System)];

const MEDIA: [(&str, Media); 3] = [("voice", Media::Voice), ("chat", Media::Chat), ("video", Media::Video)];

const DAYS: [(&str, i8); 7] =
    [("mon", 1), ("tue", 2), ("wed", 3), ("thu", 4), ("fri", 5), ("sat", 6), ("sun", 7)];

/// Facts with their names in a pack, and the values that some have only.
fn fields() -> [(&'static str, Field, &'static [&'static str]); 8] {
    [
        ("media", Field::Media, &["voice", "chat", "video"]),
        ("direction", Field::Direction, &["inbound", "outbound", "internal"]),
        ("hang_up_side", Field::HangUpSide, &["agent", "customer", "system"]),
        ("agent_id", Field::AgentId, &[]),
        ("team", Field::Team, &[]),
        ("skill_group", Field::SkillGroup, &[]),
        ("business", Field::Business, &[]),
        ("product", Field::Product, &[]),
    ]
}

/// Reads the table `key` of facts, all of which must hold; `None` when it is not there.
pub(super) fn read_facts(
    problems: &mut Problems<'_>,
    parent: &mut TableReader<'_>,
    key: &'static str,
) -> Option<Vec<Fact>> {
    if !parent.has(key) {
        return None;
    }
    let Some((table, span)) = parent.table(problems, key) else { return Some(Vec::new()) };
    let mut reader = TableReader::new(table, span.clone(), "list of facts");
    let mut facts = Vec::new();
    for (name, field, values) in fields() {
        if reader.has(name) {
            facts.extend(
                read_demand(problems, &mut reader, name, values).map(|demand| Fact { field, demand }),
            );
        }
    }
    if let Some(window) = reader.string(problems, "time_of_day") {
        match read_window(&window.value) {
            Some((from, until)) => {
                facts.push(Fact { field: Field::TimeOfDay, demand: Demand::TimeBetween(from, until) });
            }
            None => {
                let message = format!("`{}` is no time of day", window.value);
                problems.add(&window.span, "rule.wrong_type", message, "write \"22:00-08:00\", local time");
            }
        }
    }
    if let Some(names) = reader.strings(problems, "weekday") {
        let mut days = Vec::new();
        for name in names {
            match DAYS.iter().find(|(known, _)| *known == name.value) {
                Some((_, day)) => days.push(*day),
                None => {
                    let message = format!("unknown day `{}`", name.value);
                    problems.add(
                        &name.span,
                        "rule.unknown_value",
                        message,
                        "mon, tue, wed, thu, fri, sat, sun",
                    );
                }
            }
        }
        facts.push(Fact { field: Field::Weekday, demand: Demand::Days(days) });
    }
    if let Some((attributes, span)) = reader.table(problems, "attribute") {
        let inner = TableReader::new(attributes, span, "list of attributes");
        for (name, span) in inner.keys() {
            let Some(value) = inner.value(name) else { continue };
            let demand = demand_of(problems, name, value.get_ref(), &span);
            facts.extend(demand.map(|demand| Fact { field: Field::Attribute(name.to_owned()), demand }));
        }
    }
    reader.finish(problems);
    if facts.is_empty() {
        let message = format!("`{key}` demands nothing");
        problems.add(&span, "rule.empty_field", message, "for example { direction = \"outbound\" }");
    }
    Some(facts)
}

fn read_demand(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    name: &'static str,
    known: &[&str],
) -> Option<Demand> {
    let span = reader.span_of(name)?;
    let value = reader.value(name)?;
    let demand = demand_of(problems, name, value.get_ref(), &span)?;
    if let Demand::AnyOf(values) | Demand::NoneOf(values) = &demand {
        for value in values.iter().filter(|value| !known.is_empty() && !known.contains(&value.as_str())) {
            let near = super::toml_table::nearest(value, known);
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let hint = format!("{near}one of: {}", known.join(", "));
            problems.add(&span, "rule.unknown_value", format!("unknown {name} `{value}`"), hint);
        }
    }
    Some(demand)
}

/// A text, a list of texts, `{ not = … }`, or `{ at_least = 1, at_most = 2 }`.
fn demand_of(
    problems: &mut Problems<'_>,
    name: &str,
    value: &DeValue<'_>,
    span: &ByteRange<usize>,
) -> Option<Demand> {
    let texts = |value: &DeValue<'_>| -> Option<Vec<String>> {
        match value {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(items) => {
                items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => None,
        }
    };
    let demand = match value {
        DeValue::Table(table) => {
            let part = |key: &str| table.get(key).map(toml::Spanned::get_ref);
            let known = ["not", "at_least", "at_most"];
            let only_known = table.keys().all(|key| known.contains(&key.get_ref().as_ref()));
            match (part("not"), part("at_least"), part("at_most")) {
                _ if !only_known => None,
                (Some(values), None, None) => texts(values).map(Demand::NoneOf),
                (None, None, None) => None,
                (None, lower, upper) => {
                    let (low, high) = (lower.map(number_of), upper.map(number_of));
                    match (low, high) {
                        (Some(None), _) | (_, Some(None)) => None,
                        (low, high) => Some(Demand::Between(low.flatten(), high.flatten())),
                    }
                }
                (Some(_), _, _) => None,
            }
        }
        other @ (DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)) => texts(other).map(Demand::AnyOf),
    };
    if demand.is_none() {
        let message = format!("`{name}` does not say what it must be");
        let hint = "a text, a list of texts, { not = [\"…\"] } or { at_least = 1, at_most = 9 }";
        problems.add(span, "rule.wrong_type", message, hint);
    }
    demand
}

/// Minutes of `22:00-08:00`.
fn read_window(text: &str) -> Option<(u32, u32)> {
    let minutes = |text: &str| {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
        (hours <= 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    let (from, until) = text.split_once('-')?;
    Some((minutes(from)?, minutes(until)?))
}

/// A date, or a date with a time, in the scheme's local time.
pub(super) fn read_datetime(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    key: &'static str,
) -> Option<DateTime> {
    let span = reader.span_of(key)?;
    let written = match reader.value(key)?.get_ref() {
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => String::new(),
    };
    let parsed = written.parse::<DateTime>().ok();
    let parsed = parsed
        .or_else(|| written.parse::<Date>().ok().map(|date| date.to_datetime(jiff::civil::Time::midnight())));
    if parsed.is_none() {
        let message = format!("`{key}` is no date");
        problems.add(
            &span,
            "rule.wrong_type",
            message,
            "write 2026-03-01 or 2026-03-01T08:00:00, local time",
        );
    }
    parsed
}

/// What a test says of its call.
pub(super) fn read_metadata(problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> CallMetadata {
    let mut metadata = CallMetadata::default();
    let Some((table, span)) = reader.table(problems, "metadata") else { return metadata };
    let mut reader = TableReader::new(table, span, "metadata table");
    let text = |at: Option<At<String>>| at.map(|at| at.value);
    if let Some(media) = reader.choice(problems, "media", "rule.unknown_value", &MEDIA) {
        metadata.media = media;
    }
    metadata.direction = reader.choice(problems, "direction", "rule.unknown_value", &DIRECTIONS);
    metadata.hang_up_side = reader.choice(problems, "hang_up_side", "rule.unknown_value", &SIDES);
    metadata.agent_id = text(reader.string(problems, "agent_id"));
    metadata.team = text(reader.string(problems, "team"));
    metadata.skill_group = text(reader.string(problems, "skill_group"));
    metadata.business = text(reader.string(problems, "business"));
    metadata.product = text(reader.string(problems, "product"));
    metadata.customer_ref = text(reader.string(problems, "customer_ref"));
    metadata.started_at = read_timestamp(problems, &mut reader, "started_at");
    if let Some((attributes, span)) = reader.table(problems, "attribute") {
        let inner = TableReader::new(attributes, span, "list of attributes");
        for (name, span) in inner.keys() {
            match inner.value(name).and_then(|value| value.get_ref().as_str()) {
                Some(value) => {
                    metadata.attributes.insert(name.to_owned(), value.to_owned());
                }
                None => problems.add(&span, "rule.wrong_type", format!("`{name}` must be text"), ""),
            }
        }
    }
    reader.finish(problems);
    metadata
}

fn read_timestamp(
    problems: &mut Problems<'_>,
    reader: &mut TableReader<'_>,
    key: &'static str,
) -> Option<jiff::Timestamp> {
    let span = reader.span_of(key)?;
    let written = match reader.value(key)?.get_ref() {
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => String::new(),
    };
    let parsed = written.parse().ok();
    if parsed.is_none() {
        let hint = "write \"2026-03-01T22:30:00+08:00\", with the offset";
        problems.add(&span, "rule.wrong_type", format!("`{key}` is no point in time"), hint);
    }
    parsed
}

/// Earlier calls of a test.
pub(super) fn read_history(problems: &mut Problems<'_>, reader: &mut TableReader<'_>) -> Option<History> {
    reader.has("history").then_some(())?;
    let mut history = History::default();
    for (table, span) in reader.tables(problems, "history") {
        let mut reader = TableReader::new(table, span.clone(), "earlier call");
        let started_at = read_timestamp(problems, &mut reader, "started_at");
        let direction = reader.choice(problems, "direction", "rule.unknown_value", &DIRECTIONS);
        let names = reader.strings(problems, "hits").unwrap_or_default();
        let hits = names.into_iter().filter_map(|name| RuleId::try_new(name.value).ok()).collect();
        reader.finish(problems);
        match started_at {
            Some(started_at) => history.calls.push(PastCall { started_at, direction, hits }),
            None => problems.add(&span, "rule.missing_field", "this earlier call has no `started_at`", ""),
        }
    }
    Some(history)
}
