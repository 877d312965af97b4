//! The facts of one call as rows.

use super::columns::Field;
use super::{Sink, Tables};
use crate::analysis::Verdict;
use crate::catalog::{CallFacts, Judgement, RuleTable};
use crate::report::ReportError;
use crate::report::origin;

pub(super) fn call(call: &CallFacts, tables: &Tables, sink: &mut dyn Sink) -> Result<u64, ReportError> {
    let first = call.agents.first();
    let table = tables.first().and_then(Option::as_deref);
    let judgement = call.judgement.as_ref();
    let (mut num_checked, mut num_hits, mut num_not_applicable) = (0, 0, 0);
    let mut hits = Vec::new();
    for (index, rule) in table.iter().flat_map(|table| table.rules.iter().enumerate()) {
        match table.and_then(|table| call.final_verdict(table, index)) {
            Some(Verdict::Hit) => {
                num_checked += 1;
                num_hits += 1;
                hits.push(rule.id.as_str());
            }
            Some(Verdict::Miss) => num_checked += 1,
            Some(Verdict::NotApplicable) => num_not_applicable += 1,
            None => {}
        }
    }
    let agent_ids: Vec<&str> = call.agents.iter().filter_map(|agent| agent.agent_id.as_deref()).collect();
    let (agent_ids, hits) = (agent_ids.join(";"), hits.join(";"));
    let dimensions = call.whole().zip(table).map(|(whole, table)| {
        let pairs = table.dimensions.iter().zip(whole.dimensions());
        let pairs = pairs.map(|(info, score)| (info.name.clone(), serde_json::Value::from(score.as_f64())));
        serde_json::Value::Object(pairs.collect()).to_string()
    });
    let said = &call.annotations;
    let topics = (!said.topics.is_empty() || !said.demands.is_empty()).then(|| {
        let texts =
            |texts: &[std::sync::Arc<str>]| texts.iter().map(|one| one.to_string()).collect::<Vec<_>>();
        serde_json::json!({ "topics": texts(&said.topics), "demands": texts(&said.demands) }).to_string()
    });
    let judged = |count| if judgement.is_some() { Field::Int(count) } else { Field::Null };
    let duration = call.duration.map(|length| i64::try_from(length.0).unwrap_or(i64::MAX));
    sink.row(&[
        Field::Text(call.id.as_str()),
        Field::Time(call.started_at),
        Field::Time(call.received_at),
        Field::Text(origin::stage(call.stage)),
        Field::Text(origin::media(call.media)),
        Field::text(call.direction.map(origin::direction)),
        Field::text(call.business.as_deref()),
        Field::text(call.product.as_deref()),
        duration.map_or(Field::Null, Field::Int),
        Field::count(call.agents.len()),
        Field::text(first.and_then(|agent| agent.agent_id.as_deref())),
        Field::text(first.and_then(|agent| agent.agent_name.as_deref())),
        Field::text(first.and_then(|agent| agent.team.as_deref())),
        Field::text(first.and_then(|agent| agent.skill_group.as_deref())),
        if agent_ids.is_empty() { Field::Null } else { Field::Text(&agent_ids) },
        Field::text(table.map(|table| table.scheme.as_str())),
        Field::text(table.map(|table| table.revision.as_str())),
        call.final_score().map_or(Field::Null, |score| Field::Float(score.as_f64())),
        judgement.and_then(|one| one.score).map_or(Field::Null, |score| Field::Float(score.as_f64())),
        table.map_or(Field::Null, |table| Field::Float(table.full.as_f64())),
        call.whole().map_or(Field::Null, |whole| Field::Bool(whole.vetoed())),
        Field::text(dimensions.as_deref()),
        judged(num_checked),
        judged(num_hits),
        judged(num_not_applicable),
        if judgement.is_some() { Field::Text(&hits) } else { Field::Null },
        Field::Text(origin::review(call.review_state())),
        Field::text(topics.as_deref()),
    ])?;
    Ok(1)
}

pub(super) fn findings(call: &CallFacts, tables: &Tables, sink: &mut dyn Sink) -> Result<u64, ReportError> {
    let mut num_rows = 0;
    let mut tables = tables.iter().map(Option::as_deref);
    if let (Some(judgement), Some(Some(table))) = (&call.judgement, tables.next()) {
        num_rows += part(call, 0, judgement, table, sink)?;
    }
    for ((index, agent), table) in (1..).zip(&call.agents).zip(tables) {
        if let (Some(judgement), Some(table)) = (&agent.own, table) {
            num_rows += part(call, index, judgement, table, sink)?;
        }
    }
    Ok(num_rows)
}

fn part(
    call: &CallFacts,
    part: usize,
    judgement: &Judgement,
    table: &RuleTable,
    sink: &mut dyn Sink,
) -> Result<u64, ReportError> {
    let agent = call.agents.get(part.saturating_sub(1));
    let review = call.annotations.review.as_ref();
    let mut num_rows = 0;
    for (index, machine) in judgement.verdicts.iter() {
        let Some(rule) = table.rules.get(index) else { continue };
        let decided = review.and_then(|review| review.finals.iter().find(|one| one.rule_id == rule.id));
        sink.row(&[
            Field::Text(call.id.as_str()),
            Field::Time(call.started_at),
            Field::count(part),
            Field::Text(rule.id.as_str()),
            Field::Text(&rule.name),
            Field::Text(origin::kind(rule.kind)),
            Field::Text(rule.level.name()),
            Field::Text(&rule.dimension),
            Field::Text(origin::verdict(machine)),
            Field::Text(origin::verdict(decided.map_or(machine, |one| one.verdict))),
            Field::Bool(decided.is_some()),
            Field::count(call.agents.len()),
            Field::text(agent.and_then(|agent| agent.agent_id.as_deref())),
            Field::text(agent.and_then(|agent| agent.agent_name.as_deref())),
            Field::text(agent.and_then(|agent| agent.team.as_deref())),
            Field::text(agent.and_then(|agent| agent.skill_group.as_deref())),
            Field::text(call.business.as_deref()),
            Field::text(call.product.as_deref()),
            Field::text(call.direction.map(origin::direction)),
            Field::Text(origin::media(call.media)),
            Field::Text(&table.scheme),
            Field::Text(&table.revision),
        ])?;
        num_rows += 1;
    }
    Ok(num_rows)
}
