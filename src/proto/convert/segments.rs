//! Agents of a call, holds and the end of the voice menu: to the wire, and back with every span checked.

use super::transcript::span_to_wire;
use super::{ConvertError, duration, optional_text};
use crate::proto::v1;
use crate::types::{AgentSegment, Millis, TimeSpan};

/// Most agents or holds of one call.
const MAX_SPANS: usize = 256;
/// The latest time in a call: a week.
const MAX_MILLIS: u64 = 7 * 86_400_000;

impl From<&AgentSegment> for v1::AgentSegment {
    fn from(segment: &AgentSegment) -> Self {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            agent_id: text(&segment.agent_id),
            agent_name: text(&segment.agent_name),
            team: text(&segment.team),
            skill_group: text(&segment.skill_group),
            start: Some(duration(segment.start)),
            end: segment.end.map(duration),
        }
    }
}

/// Holds on the wire.
pub(super) fn holds_to_wire(holds: &[TimeSpan]) -> Vec<v1::TimeSpan> {
    holds.iter().map(|hold| span_to_wire(*hold)).collect()
}

/// The agents of a call.
pub(super) fn segments(wire: Vec<v1::AgentSegment>) -> Result<Vec<AgentSegment>, ConvertError> {
    const FIELD: &str = "metadata.segments";
    limit(FIELD, wire.len())?;
    let mut segments: Vec<AgentSegment> = Vec::with_capacity(wire.len());
    for (index, one) in wire.into_iter().enumerate() {
        let at = |name: &str| format!("{FIELD}[{index}].{name}");
        let start = match one.start {
            Some(start) => time(&at("start"), start)?,
            None if index == 0 => Millis::ZERO,
            None => return Err(ConvertError::new(&at("start"), "say when this agent took the call")),
        };
        let end = one.end.map(|end| time(&at("end"), end)).transpose()?;
        if end.is_some_and(|end| end <= start) {
            return Err(ConvertError::new(&at("end"), "an agent leaves a call after taking it"));
        }
        if let Some(before) = segments.last() {
            let free_from = before.end.unwrap_or(before.start + Millis(1));
            if start < free_from {
                return Err(ConvertError::new(
                    &at("start"),
                    format!(
                        "it begins at {start}, before the agent ahead of it leaves ({free_from}): list agents in order, \
                         one at a time"
                    ),
                ));
            }
        }
        segments.push(AgentSegment {
            agent_id: optional_text(&at("agent_id"), one.agent_id)?,
            agent_name: optional_text(&at("agent_name"), one.agent_name)?,
            team: optional_text(&at("team"), one.team)?,
            skill_group: optional_text(&at("skill_group"), one.skill_group)?,
            start,
            end,
        });
    }
    Ok(segments)
}

/// When the customer was on hold.
pub(super) fn holds(wire: Vec<v1::TimeSpan>) -> Result<Vec<TimeSpan>, ConvertError> {
    const FIELD: &str = "metadata.holds";
    limit(FIELD, wire.len())?;
    let mut holds: Vec<TimeSpan> = Vec::with_capacity(wire.len());
    for (index, one) in wire.into_iter().enumerate() {
        let at = |name: &str| format!("{FIELD}[{index}].{name}");
        let bound = |name: &str, wire: Option<prost_types::Duration>| match wire {
            Some(wire) => time(&at(name), wire),
            None => Err(ConvertError::new(&at(name), "a hold has a start and an end")),
        };
        let (start, end) = (bound("start", one.start)?, bound("end", one.end)?);
        if end <= start {
            return Err(ConvertError::new(&at("end"), "a hold ends after it begins"));
        }
        if let Some(before) = holds.last().filter(|before| start < before.end) {
            return Err(ConvertError::new(
                &at("start"),
                format!(
                    "it begins at {start}, before the hold ahead of it ends ({}): list holds in order",
                    before.end
                ),
            ));
        }
        holds.push(TimeSpan::new(start, end));
    }
    Ok(holds)
}

/// When the voice menu ends.
pub(super) fn ivr_end(wire: Option<prost_types::Duration>) -> Result<Option<Millis>, ConvertError> {
    wire.map(|wire| time("metadata.ivr_end", wire)).transpose()
}

fn limit(field: &str, number: usize) -> Result<(), ConvertError> {
    if number > MAX_SPANS {
        return Err(ConvertError::new(field, format!("at most {MAX_SPANS} are allowed, these are {number}")));
    }
    Ok(())
}

/// A time from the start of the call.
fn time(field: &str, wire: prost_types::Duration) -> Result<Millis, ConvertError> {
    let millis = u64::try_from(wire.seconds)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000))
        .zip(u64::try_from(wire.nanos).ok())
        .and_then(|(millis, nanos)| millis.checked_add(nanos / 1_000_000));
    millis.filter(|millis| *millis <= MAX_MILLIS).map(Millis).ok_or_else(|| {
        ConvertError::new(field, "a time counts from the start of the call, from zero to a week")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<prost_types::Duration> {
        Some(prost_types::Duration { seconds, nanos: 0 })
    }

    fn agent(id: &str, start: i64, end: Option<i64>) -> v1::AgentSegment {
        v1::AgentSegment {
            agent_id: id.to_owned(),
            start: at(start),
            end: end.and_then(at),
            ..v1::AgentSegment::default()
        }
    }

    #[test]
    fn agents_and_holds_survive_the_wire() {
        let wire = vec![agent("8021", 0, Some(60)), agent("8044", 75, None)];
        let own = segments(wire.clone()).expect("they are in order");
        assert_eq!(own.iter().map(v1::AgentSegment::from).collect::<Vec<_>>(), wire);
        let wire =
            vec![v1::TimeSpan { start: at(5), end: at(9) }, v1::TimeSpan { start: at(9), end: at(12) }];
        assert_eq!(holds_to_wire(&holds(wire.clone()).expect("they are in order")), wire);
    }

    #[test]
    fn what_overlaps_or_runs_backwards_is_refused_by_place() {
        let refused = |wire| segments(wire).expect_err("it is wrong").field;
        assert_eq!(
            refused(vec![agent("a", 0, Some(60)), agent("b", 50, None)]),
            "metadata.segments[1].start"
        );
        assert_eq!(refused(vec![agent("a", 9, None), agent("b", 9, None)]), "metadata.segments[1].start");
        assert_eq!(refused(vec![agent("a", 9, Some(9))]), "metadata.segments[0].end");
        assert_eq!(refused(vec![agent("a", -1, None)]), "metadata.segments[0].start");
        let refused = |wire| holds(wire).expect_err("it is wrong").field;
        assert_eq!(refused(vec![v1::TimeSpan { start: at(5), end: None }]), "metadata.holds[0].end");
        let hold = |from, to| v1::TimeSpan { start: at(from), end: at(to) };
        assert_eq!(refused(vec![hold(5, 9), hold(8, 10)]), "metadata.holds[1].start");
        assert_eq!(refused(vec![hold(5, 5)]), "metadata.holds[0].end");
        assert_eq!(refused(vec![hold(5, i64::MAX)]), "metadata.holds[0].end");
    }
}
