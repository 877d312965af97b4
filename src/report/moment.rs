//! Fetches what was said when a rule hit, for the examples of a report: the only file here that reads calls.
//!
//! **Invariant**: what a report quotes is masked, as the store keeps it; a call that is gone leaves a gap, not an error.

use super::model::{Report, Value, clean};
use crate::analysis::{Finding, Verdict};
use crate::store::{Store, StoreError};
use crate::types::{CallId, RuleId, SpeakerRole};

/// Most characters of a quotation.
const MAX_CHARS: usize = 60;

/// Puts words in the place of every moment of `report`. Hold no guard of the catalog.
///
/// # Errors
/// Anything the disk fails with.
pub(super) fn fill(store: &Store, report: &mut Report) -> Result<(), StoreError> {
    let tables = report.sections.iter_mut().flat_map(|section| &mut section.tables);
    for cell in tables.flat_map(|table| &mut table.rows).flatten() {
        if let Value::Moment { call, rule, agent } = &cell.value {
            let text = words(store, call, rule, agent.as_deref())?;
            cell.value = text.map_or(Value::Nothing, Value::Text);
        }
    }
    Ok(())
}

fn words(
    store: &Store,
    call: &CallId,
    rule: &RuleId,
    agent: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let analysis = match store.analysis(call) {
        Ok(analysis) => analysis,
        Err(StoreError::Corrupt { .. } | StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(analysis) = analysis else { return Ok(None) };
    let of_rule = || {
        let findings = analysis.findings.iter();
        findings.filter(|one| one.rule_id == *rule && one.verdict == Verdict::Hit)
    };
    let own = of_rule().find(|one| agent.is_some() && one.agent_id.as_deref() == agent);
    Ok(own.or_else(|| of_rule().next()).map(quoted))
}

/// The first place of a finding, or why there is none.
fn quoted(finding: &Finding) -> String {
    let Some(evidence) = finding.evidence.first() else { return cut(&finding.explanation) };
    let at = evidence.span.map(|span| format!("{} ", span.start)).unwrap_or_default();
    let who = match evidence.role {
        SpeakerRole::Agent => "座席",
        SpeakerRole::Customer => "客户",
        SpeakerRole::Bot => "机器人",
        SpeakerRole::Unknown => "不明",
    };
    if evidence.text.is_empty() {
        return format!("{at}{}", cut(&finding.explanation));
    }
    format!("{at}{who}：“{}”", cut(&evidence.text))
}

/// A text that is no longer than a quotation.
pub(super) fn cut(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
