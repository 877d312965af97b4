//! Judges a dialogue: the whole call, and each agent's own part of it. Pure.

use crate::analysis::{Analysis, CallInput, History, RuleSet, Verdict};
use crate::dialogue::{self, Dialogue, DialogueConfig};
use crate::store::AgentPart;
use crate::types::{AgentSegment, CallMetadata, TimeSpan};

/// What judging a call came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The whole call.
    pub analysis: Analysis,
    /// Each agent's part, in order; empty for a call with one agent.
    pub parts: Vec<AgentPart>,
}

/// Judges `dialogue` by `rules`, and where the sender told of more than one agent, the part of each as a call of its own.
#[must_use]
pub fn judge(
    dialogue: &Dialogue,
    metadata: &CallMetadata,
    history: Option<&History>,
    rules: &RuleSet,
    config: &DialogueConfig,
) -> Judgement {
    let mut analysis = rules.evaluate_call(&CallInput { dialogue, metadata, history, live: false });
    let spans = metadata.segment_spans(dialogue.timing.end());
    let mut own: Vec<(&AgentSegment, TimeSpan)> = metadata.segments.iter().zip(spans).collect();
    attribute(&mut analysis, &own);
    // Without times nobody can tell whose part a turn is in.
    if own.len() < 2 || dialogue.turns.iter().any(|turn| turn.span.is_none()) {
        own.clear();
    }
    let last = own.len().saturating_sub(1);
    let judge_part = |(index, (segment, span)): (usize, &(&AgentSegment, TimeSpan))| {
        let goes_on = index < last;
        let part = Dialogue { goes_on, ..dialogue::excerpt(dialogue, *span, config) };
        let metadata = of_part(metadata, segment, *span, goes_on);
        let input = CallInput { dialogue: &part, metadata: &metadata, history, live: false };
        AgentPart {
            agent_id: segment.agent_id.clone(),
            agent_name: segment.agent_name.clone(),
            team: segment.team.clone(),
            span: *span,
            analysis: rules.evaluate_call(&input),
        }
    };
    let parts = own.iter().enumerate().map(judge_part).collect();
    Judgement { analysis, parts }
}

/// Names the agent in whose part each hit first shows.
fn attribute(analysis: &mut Analysis, parts: &[(&AgentSegment, TimeSpan)]) {
    for finding in analysis.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Hit) {
        let Some(at) = finding.evidence.first().and_then(|evidence| evidence.span) else { continue };
        let own = parts.iter().find(|(_, span)| span.start <= at.start && at.start < span.end);
        finding.agent_id = own.and_then(|(segment, _)| segment.agent_id.clone());
    }
}

/// What the sender said, as it holds for one agent's part.
fn of_part(metadata: &CallMetadata, segment: &AgentSegment, span: TimeSpan, goes_on: bool) -> CallMetadata {
    let or_of_call = |own: &Option<String>, of_call: &Option<String>| own.clone().or_else(|| of_call.clone());
    let began = metadata.started_at.and_then(|at| {
        let offset = i64::try_from(span.start.0).ok()?;
        at.checked_add(jiff::SignedDuration::from_millis(offset)).ok()
    });
    CallMetadata {
        started_at: began,
        agent_id: segment.agent_id.clone(),
        agent_name: segment.agent_name.clone(),
        team: or_of_call(&segment.team, &metadata.team),
        skill_group: or_of_call(&segment.skill_group, &metadata.skill_group),
        hang_up_side: metadata.hang_up_side.filter(|_| !goes_on),
        segments: Vec::new(),
        ..metadata.clone()
    }
}
