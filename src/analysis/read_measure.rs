//! Reads the operators on measures, on metadata, on the archive and on other rules.

use std::ops::Range as ByteRange;

use regex::Regex;

use super::operator::{
    Density, HangUp, Limits, LoudnessTest, Operator, Overlap, Pace, PastCalls, ResponseTime, Sentiment,
    SentimentTest, Silence, SilenceShare, Since,
};
use super::read::millis;
use super::read_condition::role_names;
use super::read_fact::{DIRECTIONS, SIDES, read_facts};
use super::read_words::compile;
use super::rule::RoleScope;
use super::toml_table::{Problems, TableReader};
use crate::types::{Millis, RuleId};

/// Reads one operator's table.
type Read = fn(&mut Measure<'_, '_, '_>) -> Option<Operator>;

/// Reads the operator `name`.
pub(super) fn read_measure(
    problems: &mut Problems<'_>,
    parent: &mut TableReader<'_>,
    name: &str,
) -> Option<Operator> {
    match name {
        "metadata" => return read_facts(problems, parent, "metadata").map(Operator::Metadata),
        "rule" => {
            let id = parent.string(problems, "rule")?;
            return RuleId::try_new(id.value)
                .map_err(|error| problems.add(&id.span, "rule.invalid_id", error.to_string(), ""))
                .ok()
                .map(Operator::Rule);
        }
        _ => {}
    }
    let readers: [(&'static str, Read); 15] = [
        ("silence", silence),
        ("silence_share", silence_share),
        ("pace", pace),
        ("overlap", overlap),
        ("first_response", first_response),
        ("response_time", response_time),
        ("loudness", loudness),
        ("sentiment", sentiment),
        ("hang_up", hang_up),
        ("duration", duration),
        ("sentence_count", sentence_count),
        ("talk_share", talk_share),
        ("filler_density", filler_density),
        ("polite_share", polite_share),
        ("past_calls", past_calls),
    ];
    let (key, read) = *readers.iter().find(|(key, _)| *key == name)?;
    let (table, span) = parent.table(problems, key)?;
    let mut measure =
        Measure { reader: TableReader::new(table, span.clone(), key), problems, span, name: key };
    let operator = read(&mut measure);
    measure.reader.finish(measure.problems);
    operator
}

/// One operator's table under reading.
struct Measure<'m, 't, 'p> {
    reader: TableReader<'t>,
    problems: &'m mut Problems<'p>,
    span: ByteRange<usize>,
    name: &'static str,
}

impl Measure<'_, '_, '_> {
    fn number(&mut self, key: &'static str, upper: f64) -> Option<f64> {
        self.reader.number(self.problems, key, 0.0, upper)
    }

    fn seconds(&mut self, key: &'static str) -> Option<Millis> {
        self.number(key, 86_400.0).map(millis)
    }

    fn count(&mut self, key: &'static str) -> Option<u32> {
        self.reader.count(self.problems, key, 1_000_000)
    }

    /// A whole number that may be 0.
    fn whole(&mut self, key: &'static str) -> Option<u32> {
        self.number(key, 1_000_000.0).map(|number| number as u32)
    }

    fn expression(&mut self, key: &'static str) -> Option<Regex> {
        self.reader.string(self.problems, key).and_then(|at| compile(self.problems, &at))
    }

    fn role(&mut self, key: &'static str) -> Option<RoleScope> {
        self.reader.choice(self.problems, key, "rule.unknown_role", &role_names())
    }

    fn limits(&mut self, over: &'static str, under: &'static str, upper: f64) -> Option<Limits> {
        let limits = Limits { over: self.number(over, upper), under: self.number(under, upper) };
        if limits == Limits::default() {
            self.missing(&format!("has neither `{over}` nor `{under}`"), &format!("{over} = 30"));
            return None;
        }
        Some(limits)
    }

    fn missing(&mut self, what: &str, hint: &str) {
        let message = format!("this {} {what}", self.name);
        self.problems.add(&self.span, "rule.missing_field", message, hint);
    }

    /// Exactly one of the tests that are there.
    fn one_of<T>(&mut self, tests: Vec<Option<T>>, hint: &str) -> Option<T> {
        let mut there: Vec<T> = tests.into_iter().flatten().collect();
        if there.len() != 1 {
            self.missing("has exactly one limit", hint);
            return None;
        }
        there.pop()
    }
}

fn silence(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let (min, max) = (
        measure.reader.number(measure.problems, "min_seconds", 1.0, 86_400.0).map(millis),
        measure.seconds("max_seconds"),
    );
    if min.is_some() == max.is_some() {
        let hint = "min_seconds = 10, or max_seconds = 0.2 for instant replies";
        measure.missing("has exactly one of `min_seconds` and `max_seconds`", hint);
        return None;
    }
    Some(Operator::Silence(Silence {
        min,
        max,
        before: measure.role("speaker_before").unwrap_or(RoleScope::Any),
        after: measure.role("speaker_after").unwrap_or(RoleScope::Any),
        excuses: measure.expression("excuses"),
        excuse_turns: measure.count("excuse_turns").unwrap_or(2),
    }))
}

fn silence_share(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let over = measure.number("over_percent", 100.0);
    let share = SilenceShare {
        over_percent: over.unwrap_or_default() as f32,
        min_call: measure.seconds("min_call_seconds").unwrap_or(Millis::ZERO),
        excuses: measure.expression("excuses"),
        excuse_turns: measure.count("excuse_turns").unwrap_or(2),
    };
    if over.is_none() {
        measure.missing("has no `over_percent`", "over_percent = 30");
        return None;
    }
    Some(Operator::SilenceShare(share))
}

fn pace(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let limit =
        |measure: &mut Measure<'_, '_, '_>, key| measure.number(key, 10_000.0).map(|limit| limit as f32);
    let (faster_than, slower_than) = (limit(measure, "faster_than"), limit(measure, "slower_than"));
    if faster_than.is_some() == slower_than.is_some() {
        let hint = "faster_than = 300 or slower_than = 120, in characters per minute";
        measure.missing("has exactly one limit", hint);
    }
    let average = measure.reader.boolean(measure.problems, "average").unwrap_or(false);
    let min_chars = measure.count("min_chars").unwrap_or(10);
    Some(Operator::Pace(Pace { faster_than, slower_than, average, min_chars }))
}

fn overlap(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    Some(Operator::Overlap(Overlap {
        min: measure.seconds("min_seconds").unwrap_or(Millis(2_000)),
        min_chars: measure.count("min_chars").unwrap_or(4),
        spoken_before: measure.seconds("spoken_before_seconds").unwrap_or(Millis(1_000)),
    }))
}

fn first_response(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let over = measure.seconds("over_seconds");
    if over.is_none() {
        measure.missing("has no `over_seconds`", "over_seconds = 5");
    }
    over.map(|over| Operator::FirstResponse { over })
}

fn response_time(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let tests = vec![
        measure.seconds("first_over_seconds").map(ResponseTime::First),
        measure.seconds("average_over_seconds").map(ResponseTime::Average),
        measure.seconds("over_seconds").map(ResponseTime::Each),
    ];
    let hint = "first_over_seconds = 30, average_over_seconds = 60 or over_seconds = 120";
    measure.one_of(tests, hint).map(Operator::ResponseTime)
}

fn loudness(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let level = |measure: &mut Measure<'_, '_, '_>, key| {
        measure.reader.number(measure.problems, key, 1.0, 10.0).map(|level| level as i32)
    };
    let (least, most) = (level(measure, "at_least_level"), level(measure, "at_most_level"));
    let share = measure.number("share_percent", 100.0);
    if share.is_some() && most.is_none() {
        measure.missing(
            "has a `share_percent` without `at_most_level`",
            "at_most_level = 2, share_percent = 30",
        );
    }
    let (rise, span) = (level(measure, "rise"), level(measure, "span"));
    let tests = vec![
        least.map(LoudnessTest::AtLeast),
        most.map(|most| LoudnessTest::AtMost(most, share.unwrap_or(0.0))),
        rise.map(LoudnessTest::Rise),
        span.map(LoudnessTest::Span),
    ];
    let hint = "at_least_level = 8, at_most_level = 2, rise = 2 or span = 3";
    measure.one_of(tests, hint).map(Operator::Loudness)
}

fn sentiment(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let tests = vec![
        measure.number("worse_by", 100.0).map(SentimentTest::WorseBy),
        measure.number("better_by", 100.0).map(SentimentTest::BetterBy),
        measure.number("negative_over", 100.0).map(SentimentTest::NegativeOver),
        measure.number("positive_over", 100.0).map(SentimentTest::PositiveOver),
    ];
    let part_percent = measure.reader.number(measure.problems, "part_percent", 1.0, 50.0).unwrap_or(25.0);
    let min_sentences = measure.count("min_sentences").unwrap_or(2);
    let hint = "worse_by = 30, better_by = 30, negative_over = 50 or positive_over = 50";
    let test = measure.one_of(tests, hint)?;
    Some(Operator::Sentiment(Sentiment { test, part_percent, min_sentences }))
}

fn hang_up(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let hang_up = HangUp {
        over: measure.seconds("over_seconds"),
        side: measure.reader.choice(measure.problems, "side", "rule.unknown_value", &SIDES),
        last_speaker: measure.role("last_speaker"),
    };
    if hang_up.over.is_none() && hang_up.side.is_none() {
        measure.missing("has neither `over_seconds` nor `side`", "over_seconds = 5, or side = \"agent\"");
        return None;
    }
    Some(Operator::HangUp(hang_up))
}

fn duration(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    measure.limits("over_seconds", "under_seconds", 86_400.0).map(Operator::Duration)
}

fn sentence_count(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let (least, most) = (measure.whole("at_least"), measure.whole("at_most"));
    if least.is_none() && most.is_none() {
        measure.missing("has neither `at_least` nor `at_most`", "at_most = 0");
        return None;
    }
    Some(Operator::SentenceCount(least, most))
}

fn talk_share(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    measure.limits("over_percent", "under_percent", 100.0).map(Operator::TalkShare)
}

fn filler_density(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let words = measure.reader.strings(measure.problems, "words").unwrap_or_default();
    if words.is_empty() {
        measure.missing("has no `words`", "words = [\"那个\", \"然后\", \"就是说\", \"嗯\"]");
    }
    let over = measure.number("over_per_1000", 1_000.0);
    if over.is_none() {
        measure.missing("has no `over_per_1000`", "over_per_1000 = 15");
    }
    let min_chars = measure.count("min_chars").unwrap_or(100);
    let normal = |text: String| {
        super::normalize::normalize(&text).into_iter().map(|normal| normal.char).collect::<String>()
    };
    let words: Vec<String> = words.into_iter().map(|at| normal(at.value)).collect();
    Some(Operator::Density(Density { words, over_per_1000: over?, min_chars }))
}

fn polite_share(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let limits = measure.limits("over_percent", "under_percent", 100.0);
    let min_uses = measure.count("min_uses").unwrap_or(3);
    limits.map(|limits| Operator::PoliteShare(limits, min_uses))
}

fn past_calls(measure: &mut Measure<'_, '_, '_>) -> Option<Operator> {
    let at_least = measure.count("at_least");
    let today = measure.reader.boolean(measure.problems, "today").unwrap_or(false);
    let hours = measure.number("within_hours", 24.0 * 3_660.0);
    let days = measure.number("within_days", 3_660.0);
    let since = match (today, hours, days) {
        (true, None, None) => Some(Since::Today),
        (false, Some(hours), None) => Some(Since::Within(millis(hours * 3_600.0))),
        (false, None, Some(days)) => Some(Since::Within(millis(days * 86_400.0))),
        (_, _, _) => None,
    };
    let direction = measure.reader.choice(measure.problems, "direction", "rule.unknown_value", &DIRECTIONS);
    let rule = measure.reader.string(measure.problems, "rule");
    let rule = rule.and_then(|at| {
        let id = RuleId::try_new(at.value);
        id.map_err(|error| measure.problems.add(&at.span, "rule.invalid_id", error.to_string(), "")).ok()
    });
    if at_least.is_none() {
        measure.missing("has no `at_least`", "at_least = 3: this call is the third or a later one");
    }
    if since.is_none() {
        measure
            .missing("does not say how far back", "one of today = true, within_hours = 24, within_days = 7");
    }
    Some(Operator::PastCalls(PastCalls { at_least: at_least?, since: since?, direction, rule }))
}
