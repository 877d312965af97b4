//! Which calls and findings, in which order: from the wire.
//!
//! **Invariant**: whatever cannot be taken is refused by the name of its field; nothing is left out silently.

use super::call::{direction_to_wire, media_to_wire};
use super::finding::{kind_from_wire, level_from_wire, verdict_in};
use super::{ConvertError, duration, known, optional_text, timestamp, timestamp_from_wire};
use crate::catalog::{
    CallOrder, CallQuery, FindingQuery, OrderKey, ReviewState, ScoreRange, Stage, TimeRange,
};
use crate::proto::v1;
use crate::report::Origin;
use crate::types::{Direction, Media, Millis, RuleId, Score};

/// Most values of one field.
const MAX_VALUES: usize = 100;

/// What a filter on the wire asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallChoice {
    /// What is asked of the facts of calls.
    pub query: CallQuery,
    /// What is to have been said; a question of `search::TextQuery`.
    pub text: Option<String>,
}

/// The calls that `wire` asks for, in field `filter`.
///
/// # Errors
/// [`ConvertError`] for the first field that cannot be taken.
pub fn call_choice(wire: v1::CallFilter) -> Result<CallChoice, ConvertError> {
    let time = |field: &str, at: Option<_>| at.map(|at| timestamp_from_wire(field, at)).transpose();
    let rules = texts("filter.rule_ids", wire.rule_ids)?.into_iter().map(|text| {
        RuleId::try_new(text).map_err(|error| ConvertError::new("filter.rule_ids", error.to_string()))
    });
    let finding = FindingQuery {
        rules: rules.collect::<Result<_, _>>()?,
        dimensions: texts("filter.dimensions", wire.dimensions)?,
        levels: values("filter.levels", &wire.levels, level_from_wire)?,
        kinds: values("filter.kinds", &wire.kinds, kind_from_wire)?,
        verdicts: values("filter.verdicts", &wire.verdicts, verdict_in)?,
        machine_verdicts: values("filter.machine_verdicts", &wire.machine_verdicts, verdict_in)?,
    };
    let query = CallQuery {
        started: TimeRange {
            from: time("filter.started_from", wire.started_from)?,
            before: time("filter.started_before", wire.started_before)?,
        },
        received: TimeRange {
            from: time("filter.received_from", wire.received_from)?,
            before: time("filter.received_before", wire.received_before)?,
        },
        agents: texts("filter.agent_ids", wire.agent_ids)?,
        teams: texts("filter.teams", wire.teams)?,
        skill_groups: texts("filter.skill_groups", wire.skill_groups)?,
        businesses: texts("filter.businesses", wire.businesses)?,
        products: texts("filter.products", wire.products)?,
        directions: values("filter.directions", &wire.directions, direction)?,
        media: values("filter.media", &wire.media, media)?,
        stages: values("filter.states", &wire.states, stage)?,
        score: ScoreRange {
            min: score("filter.min_score", wire.min_score)?,
            max: score("filter.max_score", wire.max_score)?,
        },
        vetoed: wire.vetoed,
        min_duration: length("filter.min_duration", wire.min_duration, false)?,
        max_duration: length("filter.max_duration", wire.max_duration, true)?,
        finding,
        reviews: values("filter.reviews", &wire.reviews, review_from_wire)?,
        topics: texts("filter.topics", wire.topics)?,
        demands: texts("filter.demands", wire.demands)?,
    };
    Ok(CallChoice { query, text: optional_text("filter.text", wire.text)? })
}

/// What asks for the calls of `query`: the same as [`call_choice`], the other way. So a number opens into its calls.
#[must_use]
pub fn filter_to_wire(query: &CallQuery) -> v1::CallFilter {
    let FindingQuery { rules, dimensions, levels, kinds, verdicts, machine_verdicts } = &query.finding;
    let length = |length: Millis| duration(length);
    v1::CallFilter {
        received_from: query.received.from.map(timestamp),
        received_before: query.received.before.map(timestamp),
        started_from: query.started.from.map(timestamp),
        started_before: query.started.before.map(timestamp),
        agent_ids: query.agents.clone(),
        teams: query.teams.clone(),
        skill_groups: query.skill_groups.clone(),
        businesses: query.businesses.clone(),
        products: query.products.clone(),
        directions: query.directions.iter().map(|one| direction_to_wire(Some(*one)).into()).collect(),
        media: query.media.iter().map(|one| media_to_wire(*one).into()).collect(),
        states: query.stages.iter().map(|one| stage_to_wire(*one).into()).collect(),
        min_score: query.score.min.map(Score::as_f64),
        max_score: query.score.max.map(Score::as_f64),
        vetoed: query.vetoed,
        min_duration: query.min_duration.map(length),
        max_duration: query.max_duration.map(length),
        rule_ids: rules.iter().map(ToString::to_string).collect(),
        dimensions: dimensions.clone(),
        levels: levels.iter().map(|one| super::finding::level(*one).into()).collect(),
        kinds: kinds.iter().map(|one| super::finding::kind(*one).into()).collect(),
        verdicts: verdicts.iter().map(|one| super::finding::verdict(*one).into()).collect(),
        machine_verdicts: machine_verdicts.iter().map(|one| super::finding::verdict(*one).into()).collect(),
        reviews: query.reviews.iter().map(|one| review_to_wire(*one).into()).collect(),
        topics: query.topics.clone(),
        demands: query.demands.clone(),
        text: String::new(),
    }
}

/// The command that lists the calls of a filter; `None` when it is no filter.
#[must_use]
pub fn calls_command(wire: v1::CallFilter) -> Option<String> {
    let CallChoice { query, text } = call_choice(wire).ok()?;
    Some(Origin { query, said: text.unwrap_or_default() }.command())
}

/// The command that lists the findings of a filter; `None` when it is no filter.
#[must_use]
pub fn findings_command(wire: v1::CallFilter) -> Option<String> {
    let CallChoice { query, text } = call_choice(wire).ok()?;
    Some(Origin { query, said: text.unwrap_or_default() }.findings_command())
}

fn stage_to_wire(stage: Stage) -> v1::CallState {
    match stage {
        Stage::Accepted => v1::CallState::Accepted,
        Stage::Decoding => v1::CallState::Decoding,
        Stage::Transcribing => v1::CallState::Transcribing,
        Stage::Scoring => v1::CallState::Scoring,
        Stage::Done => v1::CallState::Done,
        Stage::Failed => v1::CallState::Failed,
    }
}

/// The order that field `order_by` asks for.
///
/// # Errors
/// [`ConvertError`] when there is none of this name.
pub fn call_order(text: &str) -> Result<CallOrder, ConvertError> {
    let mut words = text.split_whitespace();
    let key = match words.next() {
        None => return Ok(CallOrder::default()),
        Some("started") => Some(OrderKey::Started),
        Some("received") => Some(OrderKey::Received),
        Some("score") => Some(OrderKey::Score),
        Some("duration") => Some(OrderKey::Duration),
        Some(_) => None,
    };
    let descending = match (words.next(), words.next()) {
        (None, _) | (Some("asc"), None) => Some(false),
        (Some("desc"), None) => Some(true),
        (Some(_), _) => None,
    };
    key.zip(descending).map(|(key, descending)| CallOrder { key, descending }).ok_or_else(|| {
        let known =
            "write started, received, score or duration, with ` desc` behind it for the highest first";
        ConvertError::new("order_by", format!("there is no order `{text}`: {known}"))
    })
}

/// How a review stands, on the wire.
#[must_use]
pub fn review_to_wire(review: ReviewState) -> v1::ReviewState {
    match review {
        ReviewState::None => v1::ReviewState::None,
        ReviewState::Queued => v1::ReviewState::Queued,
        ReviewState::Reviewed => v1::ReviewState::Reviewed,
        ReviewState::Appealed => v1::ReviewState::Appealed,
        ReviewState::Closed => v1::ReviewState::Closed,
    }
}

fn review_from_wire(field: &str, value: i32) -> Result<ReviewState, ConvertError> {
    Ok(match known(field, value)? {
        v1::ReviewState::Unspecified => return Err(unspecified(field)),
        v1::ReviewState::None => ReviewState::None,
        v1::ReviewState::Queued => ReviewState::Queued,
        v1::ReviewState::Reviewed => ReviewState::Reviewed,
        v1::ReviewState::Appealed => ReviewState::Appealed,
        v1::ReviewState::Closed => ReviewState::Closed,
    })
}

fn stage(field: &str, value: i32) -> Result<Stage, ConvertError> {
    Ok(match known(field, value)? {
        v1::CallState::Unspecified => return Err(unspecified(field)),
        v1::CallState::Accepted => Stage::Accepted,
        v1::CallState::Decoding => Stage::Decoding,
        v1::CallState::Transcribing => Stage::Transcribing,
        v1::CallState::Scoring => Stage::Scoring,
        v1::CallState::Done => Stage::Done,
        v1::CallState::Failed => Stage::Failed,
    })
}

fn direction(field: &str, value: i32) -> Result<Direction, ConvertError> {
    Ok(match known(field, value)? {
        v1::Direction::Unspecified => return Err(unspecified(field)),
        v1::Direction::Inbound => Direction::Inbound,
        v1::Direction::Outbound => Direction::Outbound,
        v1::Direction::Internal => Direction::Internal,
    })
}

fn media(field: &str, value: i32) -> Result<Media, ConvertError> {
    Ok(match known(field, value)? {
        v1::Media::Unspecified => return Err(unspecified(field)),
        v1::Media::Voice => Media::Voice,
        v1::Media::Chat => Media::Chat,
        v1::Media::Video => Media::Video,
    })
}

pub(super) fn unspecified(field: &str) -> ConvertError {
    ConvertError::new(field, "say which value is asked for")
}

fn values<T>(
    field: &str,
    wire: &[i32],
    one: fn(&str, i32) -> Result<T, ConvertError>,
) -> Result<Vec<T>, ConvertError> {
    within_limit(field, wire.len())?;
    wire.iter().map(|value| one(field, *value)).collect()
}

fn texts(field: &str, wire: Vec<String>) -> Result<Vec<String>, ConvertError> {
    within_limit(field, wire.len())?;
    let texts = wire.into_iter().map(|text| {
        optional_text(field, text)?.ok_or_else(|| ConvertError::new(field, "an empty text is no value"))
    });
    texts.collect()
}

fn within_limit(field: &str, number: usize) -> Result<(), ConvertError> {
    if number > MAX_VALUES {
        let problem = format!("at most {MAX_VALUES} values are allowed, these are {number}");
        return Err(ConvertError::new(field, problem));
    }
    Ok(())
}

fn score(field: &str, points: Option<f64>) -> Result<Option<Score>, ConvertError> {
    let score = |points| Score::from_f64(points).ok_or_else(|| ConvertError::new(field, "is no score"));
    points.map(score).transpose()
}

/// A length in whole milliseconds, rounded so that it chooses the same calls: down for a highest, up for a lowest.
fn length(
    field: &str,
    wire: Option<prost_types::Duration>,
    is_highest: bool,
) -> Result<Option<Millis>, ConvertError> {
    let millis = |wire: prost_types::Duration| {
        let nanos = i128::from(wire.seconds) * 1_000_000_000 + i128::from(wire.nanos);
        let millis = if is_highest { nanos / 1_000_000 } else { (nanos + 999_999) / 1_000_000 };
        let millis = u64::try_from(millis).ok().filter(|_| nanos >= 0);
        millis.map(Millis).ok_or_else(|| ConvertError::new(field, "a length is not below 0"))
    };
    wire.map(millis).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_documented() {
        let order = |text: &str| call_order(text).map(|order| (order.key, order.descending));
        assert_eq!(order(""), Ok((OrderKey::Started, true)));
        assert_eq!(order("score"), Ok((OrderKey::Score, false)));
        assert_eq!(order(" duration  desc "), Ok((OrderKey::Duration, true)));
        assert_eq!(order("received asc"), Ok((OrderKey::Received, false)));
        for wrong in ["name", "score down", "score desc,started", "score desc desc"] {
            assert_eq!(order(wrong).expect_err("there is no such order").field, "order_by");
        }
    }

    #[test]
    fn what_a_filter_cannot_mean_is_refused_by_field() {
        let refused = |wire: v1::CallFilter| call_choice(wire).expect_err("it is wrong").field;
        let any = v1::CallFilter::default;
        let length = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        assert_eq!(refused(v1::CallFilter { levels: vec![0], ..any() }), "filter.levels");
        assert_eq!(refused(v1::CallFilter { reviews: vec![9], ..any() }), "filter.reviews");
        assert_eq!(refused(v1::CallFilter { teams: vec![String::new()], ..any() }), "filter.teams");
        assert_eq!(refused(v1::CallFilter { topics: vec!["x".to_owned(); 101], ..any() }), "filter.topics");
        assert_eq!(refused(v1::CallFilter { min_duration: length(-1), ..any() }), "filter.min_duration");
        assert_eq!(refused(v1::CallFilter { min_score: Some(f64::NAN), ..any() }), "filter.min_score");
        assert_eq!(refused(v1::CallFilter { rule_ids: vec!["a/b".to_owned()], ..any() }), "filter.rule_ids");
        assert_eq!(call_choice(any()), Ok(CallChoice::default()));
    }

    #[test]
    fn lengths_are_rounded_so_that_they_choose_the_same_calls() {
        let wire = || Some(prost_types::Duration { seconds: 1, nanos: 1 });
        assert_eq!(length("f", wire(), false), Ok(Some(Millis(1001))));
        assert_eq!(length("f", wire(), true), Ok(Some(Millis(1000))));
    }
}
