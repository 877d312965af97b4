//! Makes of a judged call the alerts that it gives: which risk models it fulfils, whose part of the call that was, and
//! the words to show.
//!
//! **Invariant**: pure; only masked text, as it is stored, comes into an alert.

use jiff::Timestamp;

use super::model::{Alert, AlertCall, AlertRule, AlertState, Sample};
use crate::analysis::{Alert as Fulfilled, Analysis, Evidence, Finding, Verdict};
use crate::catalog::{AgentFacts, CallFacts};
use crate::dialogue::Dialogue;

/// Most samples of an alert.
const MAX_SAMPLES: usize = 5;
/// Most rules of an alert.
const MAX_RULES: usize = 30;
/// Characters of what was said that are shown on each side of the words that count.
const CHARS_AROUND: usize = 24;
/// Most characters of the words that count.
const MAX_WORDS: usize = 80;
/// Most characters of a name, or of another short text.
const MAX_NAME: usize = 96;

/// The alert that `fulfilled` is, without a number.
pub(super) fn alert(
    fulfilled: &Fulfilled,
    analysis: &Analysis,
    dialogue: &Dialogue,
    facts: &CallFacts,
    customer_ref: Option<&str>,
    now: Timestamp,
) -> Alert {
    let findings: Vec<&Finding> = fulfilled
        .rules
        .iter()
        .filter_map(|rule| analysis.findings.iter().find(|one| one.rule_id == *rule))
        .filter(|finding| finding.verdict == Verdict::Hit)
        .collect();
    let rules = findings
        .iter()
        .take(MAX_RULES)
        .map(|finding| AlertRule { id: finding.rule_id.clone(), name: cut(&finding.rule_name, MAX_NAME) });
    Alert {
        number: 0,
        call: Some(call(facts, agent(facts, &findings), customer_ref)),
        risk_id: fulfilled.risk_id.clone(),
        risk_name: cut(&fulfilled.name, MAX_NAME),
        level: fulfilled.level,
        at: fulfilled.at,
        rules: rules.collect(),
        samples: samples(&findings, dialogue),
        raised_at: now,
        open_since: now,
        held_back: fulfilled.held_back.map(Into::into),
        digest: None,
        state: AlertState::Open,
        assignee: None,
        closed: None,
        events: Vec::new(),
    }
}

/// The agent in whose part of the call the first of the findings is; the first of all where nobody says.
fn agent<'a>(facts: &'a CallFacts, findings: &[&Finding]) -> Option<&'a AgentFacts> {
    let id = findings.iter().find_map(|finding| finding.agent_id.as_deref());
    let named = id.and_then(|id| facts.agents.iter().find(|agent| agent.agent_id.as_deref() == Some(id)));
    named.or_else(|| facts.agents.first())
}

fn call(facts: &CallFacts, agent: Option<&AgentFacts>, customer_ref: Option<&str>) -> AlertCall {
    let of = |choose: fn(&AgentFacts) -> &Option<std::sync::Arc<str>>| {
        agent.and_then(|agent| choose(agent).as_deref()).map(str::to_owned)
    };
    AlertCall {
        id: facts.id.clone(),
        number: facts.number,
        received_at: facts.received_at,
        started_at: facts.started_at,
        agent_id: of(|agent| &agent.agent_id),
        agent_name: of(|agent| &agent.agent_name),
        team: of(|agent| &agent.team),
        skill_group: of(|agent| &agent.skill_group),
        business: facts.business.as_deref().map(str::to_owned),
        customer_ref: customer_ref.map(|customer| cut(customer, MAX_NAME)),
        customer_key: customer_ref.filter(|customer| is_cut(customer)).map(customer_key),
        result: facts.result,
    }
}

fn is_cut(text: &str) -> bool {
    text.chars().count() > MAX_NAME
}

/// What tells a customer from others: the reference that the sender gave, or a digest of one that is too long to keep.
pub(super) fn customer_key(customer: &str) -> String {
    if is_cut(customer) { super::sign::hex_digest(customer) } else { customer.to_owned() }
}

/// The first place of each rule, then the others, in the order of the call within each.
fn samples(findings: &[&Finding], dialogue: &Dialogue) -> Vec<Sample> {
    let firsts = findings.iter().filter_map(|finding| Some((*finding, finding.evidence.first()?)));
    let others =
        findings.iter().flat_map(|finding| finding.evidence.iter().skip(1).map(|one| (*finding, one)));
    let places = firsts.chain(others).take(MAX_SAMPLES);
    places
        .map(|(finding, evidence)| Sample {
            rule_id: finding.rule_id.clone(),
            role: evidence.role,
            turn: evidence.turn,
            at: evidence.span.map(|span| span.start),
            text: cut(&evidence.text, MAX_WORDS),
            quote: quote(evidence, dialogue),
        })
        .collect()
}

/// What was said around the words of `evidence`, which stand in 【】.
fn quote(evidence: &Evidence, dialogue: &Dialogue) -> String {
    let words = cut(&evidence.text, MAX_WORDS);
    let turn = dialogue.turns.get(evidence.turn as usize);
    let Some(turn) = turn.filter(|_| evidence.char_from < evidence.char_to) else { return words };
    let (from, to) = (evidence.char_from as usize, evidence.char_to as usize);
    let skipped = from.saturating_sub(CHARS_AROUND);
    let before: String = turn.text.chars().skip(skipped).take(from - skipped).collect();
    let mut rest = turn.text.chars().skip(to);
    let after: String = rest.by_ref().take(CHARS_AROUND).collect();
    let (head, tail) = (if skipped > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
    format!("{head}{before}【{words}】{after}{tail}")
}

/// The first characters of `text`, and `…` when there are more.
fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{RuleSet, dialogue_of};
    use crate::types::CallMetadata;

    #[test]
    fn the_words_stand_in_what_was_said_around_them() {
        let turns = [
            "客服@0-2: 您好",
            "客户@3-20: 你们这个事情从上个月开始一直拖到现在都没有人给我一个说法，再不解决我就打12378投诉你们，听见没有，我说到做到，别以为我不敢，我已经录音了",
        ];
        let dialogue = dialogue_of(&turns, false).expect("the turns are well formed");
        let analysis = RuleSet::bank().evaluate(&dialogue, &CallMetadata::default());
        let found = analysis.findings.iter().find(|one| one.rule_id.as_str() == "W01").expect("it is a rule");
        let samples = samples(&[found], &dialogue);
        assert_eq!(samples[0].text, "12378");
        assert!(samples[0].quote.contains("我就打【12378】投诉你们"), "{}", samples[0].quote);
        assert!(samples[0].quote.starts_with('…') && samples[0].quote.ends_with('…'));
        assert!(samples[0].at.is_some());
    }
}
