//! Facts that the sender declared about a call (随录参数), and whether they hold.
//!
//! Three answers: a fact that nobody declared neither holds nor fails. Pure; local time is UTC moved by a fixed offset,
//! because a time-zone database would be I/O.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::types::{CallMetadata, Direction, HangUpSide, Media};

/// Which fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// `voice`, `chat`, `video`.
    Media,
    /// `inbound`, `outbound`, `internal`.
    Direction,
    /// The agent's job number.
    AgentId,
    /// The team.
    Team,
    /// The skill group.
    SkillGroup,
    /// The line of business.
    Business,
    /// The product.
    Product,
    /// `agent`, `customer`, `system`.
    HangUpSide,
    /// Anything else that was sent along.
    Attribute(String),
    /// Local time of day at which the call began.
    TimeOfDay,
    /// Local day of the week, Monday is 1.
    Weekday,
}

/// What must be true of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Demand {
    /// It is one of these; `*` at either end stands for anything.
    AnyOf(Vec<String>),
    /// It is none of these. What nobody declared is none of them.
    NoneOf(Vec<String>),
    /// It is a number within these bounds.
    Between(Option<f64>, Option<f64>),
    /// Minutes of the day, from inclusive to exclusive; over midnight when `from` is later.
    TimeBetween(u32, u32),
    /// Days of the week, Monday is 1.
    Days(Vec<i8>),
}

/// One fact that must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Which.
    pub field: Field,
    /// What must be true of it.
    pub demand: Demand,
}

/// The local date and time at which a call began.
#[must_use]
pub(super) fn local_start(metadata: &CallMetadata, utc_offset_minutes: i32) -> Option<DateTime> {
    let offset = Offset::from_seconds(utc_offset_minutes.saturating_mul(60)).unwrap_or(Offset::UTC);
    metadata.started_at.map(|at| at.to_zoned(TimeZone::fixed(offset)).datetime())
}

/// Whether `fact` holds; `None` when nobody declared it.
#[must_use]
pub(super) fn holds(fact: &Fact, metadata: &CallMetadata, local: Option<DateTime>) -> Option<bool> {
    match &fact.demand {
        Demand::TimeBetween(from, until) => {
            let now = local.map(|local| minutes(local.hour()) * 60 + minutes(local.minute()))?;
            let inside =
                if from <= until { (*from..*until).contains(&now) } else { now >= *from || now < *until };
            Some(inside)
        }
        Demand::Days(days) => local.map(|local| days.contains(&local.weekday().to_monday_one_offset())),
        Demand::NoneOf(values) => {
            let declared = declared(&fact.field, metadata);
            Some(!declared.is_some_and(|declared| values.iter().any(|value| fits(value, declared))))
        }
        Demand::AnyOf(values) => {
            let declared = declared(&fact.field, metadata)?;
            Some(values.iter().any(|value| fits(value, declared)))
        }
        Demand::Between(lower, upper) => {
            let number: f64 = declared(&fact.field, metadata)?.trim().parse().ok()?;
            Some(lower.is_none_or(|lower| number >= lower) && upper.is_none_or(|upper| number <= upper))
        }
    }
}

/// Whether all facts hold: `Some(false)` when one fails, `None` when none fails and one is not declared.
#[must_use]
pub(super) fn all_hold(facts: &[Fact], metadata: &CallMetadata, local: Option<DateTime>) -> Option<bool> {
    let answers: Vec<Option<bool>> = facts.iter().map(|fact| holds(fact, metadata, local)).collect();
    if answers.contains(&Some(false)) {
        return Some(false);
    }
    if answers.contains(&None) { None } else { Some(true) }
}

fn minutes(part: i8) -> u32 {
    u32::try_from(part).unwrap_or(0)
}

fn declared<'m>(field: &Field, metadata: &'m CallMetadata) -> Option<&'m str> {
    let text = match field {
        Field::Media => Some(match metadata.media {
            Media::Voice => "voice",
            Media::Chat => "chat",
            Media::Video => "video",
        }),
        Field::Direction => metadata.direction.map(|direction| match direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Internal => "internal",
        }),
        Field::HangUpSide => metadata.hang_up_side.map(|side| match side {
            HangUpSide::Agent => "agent",
            HangUpSide::Customer => "customer",
            HangUpSide::System => "system",
        }),
        Field::AgentId => metadata.agent_id.as_deref(),
        Field::Team => metadata.team.as_deref(),
        Field::SkillGroup => metadata.skill_group.as_deref(),
        Field::Business => metadata.business.as_deref(),
        Field::Product => metadata.product.as_deref(),
        Field::Attribute(name) => metadata.attributes.get(name).map(String::as_str),
        Field::TimeOfDay | Field::Weekday => None,
    };
    text.filter(|text| !text.is_empty())
}

/// Whether `value` is what `pattern` says: the same but for case, with `*` for anything at either end.
fn fits(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.to_lowercase(), value.to_lowercase());
    let middle = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => value.contains(middle),
        (true, false) => value.ends_with(middle),
        (false, true) => value.starts_with(middle),
        (false, false) => value == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night() -> CallMetadata {
        CallMetadata {
            started_at: "2026-03-01T14:30:00Z".parse().ok(),
            product: Some("大额存单一号".to_owned()),
            attributes: [("amount".to_owned(), "50000".to_owned())].into(),
            ..CallMetadata::default()
        }
    }

    fn answer(field: Field, demand: Demand) -> Option<bool> {
        let metadata = night();
        let local = local_start(&metadata, 480);
        holds(&Fact { field, demand }, &metadata, local)
    }

    #[test]
    fn a_window_may_go_over_midnight_and_is_local() {
        assert_eq!(answer(Field::TimeOfDay, Demand::TimeBetween(22 * 60, 8 * 60)), Some(true));
        assert_eq!(answer(Field::TimeOfDay, Demand::TimeBetween(8 * 60, 22 * 60)), Some(false));
        assert_eq!(answer(Field::Weekday, Demand::Days(vec![7])), Some(true), "it was a Sunday");
    }

    #[test]
    fn what_nobody_declared_is_unknown_but_certainly_not_excluded() {
        let team = |values: &str| vec![values.to_owned()];
        assert_eq!(answer(Field::Team, Demand::AnyOf(team("a"))), None);
        assert_eq!(answer(Field::Team, Demand::NoneOf(team("a"))), Some(true));
        assert_eq!(answer(Field::Product, Demand::NoneOf(team("*存单*"))), Some(false));
        let facts = [
            Fact { field: Field::Team, demand: Demand::AnyOf(team("a")) },
            Fact { field: Field::Product, demand: Demand::AnyOf(team("基金")) },
        ];
        assert_eq!(all_hold(&facts, &night(), None), Some(false), "one that fails decides");
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let amount = || Field::Attribute("amount".to_owned());
        assert_eq!(answer(amount(), Demand::Between(Some(50_000.0), None)), Some(true));
        assert_eq!(answer(amount(), Demand::Between(None, Some(9.0))), Some(false));
        assert_eq!(answer(Field::Product, Demand::Between(None, Some(9.0))), None);
    }
}
