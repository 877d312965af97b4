//! Calls with what people decided about them, as examples that rules can be measured by.
//!
//! **Invariant**: the text is the masked one; nothing that names a person goes along.

use std::collections::BTreeMap;

use super::counts::{of_any_finding, wanted_rules};
use super::reviews::or_passed_over;
use super::{ReviewError, Reviews};
use crate::analysis::Verdict;
use crate::catalog::CallQuery;
use crate::dialogue::{MessageKind, Turn};
use crate::store::CallResult;
use crate::types::{CallId, CallMetadata, Media, Millis, RuleId, SpeakerRole};

/// What is true of one rule in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The rule.
    pub rule_id: RuleId,
    /// What a person said.
    pub verdict: Verdict,
    /// What the machine said at that time.
    pub machine: Verdict,
    /// The revision that it judged by.
    pub revision: String,
}

/// A call as the tests of rule packs write calls, and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledCall {
    /// The call.
    pub call_id: CallId,
    /// Its turns: `客服@1.5-3.2 -20dB: 您好`.
    pub turns: Vec<String>,
    /// Whether both speak on one channel.
    pub is_mono: bool,
    /// Length of the call.
    pub length: Millis,
    /// What the sender said that rules ask for, without what names people.
    pub metadata: CallMetadata,
    /// What people decided, by rule.
    pub labels: Vec<Label>,
}

/// A page of labelled calls, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LabelPage {
    /// The calls.
    pub calls: Vec<LabelledCall>,
    /// The next page is behind this call; nothing at the end.
    pub next: Option<CallId>,
    /// How many calls between the first and the last of the page are left out because they, or their histories, cannot
    /// be read.
    pub num_damaged: u64,
}

impl Reviews {
    /// Labelled calls that `query` chooses, by id, those after `after` only, at most `limit`. A finding in the question
    /// chooses rules, not calls.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn labels(
        &self,
        query: &CallQuery,
        after: Option<&CallId>,
        limit: usize,
    ) -> Result<LabelPage, ReviewError> {
        let wanted = wanted_rules(&self.store.catalog(), &query.finding);
        let is_wanted = |rule_id: &RuleId| wanted.as_ref().is_none_or(|wanted| wanted.contains(rule_id));
        let mut page = LabelPage::default();
        let reviewed = self.reviewed(&of_any_finding(query));
        for id in reviewed.into_iter().filter(|id| after.is_none_or(|after| id > after)) {
            let Some(review) = self.read_of_many(&id)? else {
                page.num_damaged += 1;
                continue;
            };
            if !review.decisions.keys().any(is_wanted) {
                continue;
            }
            if page.calls.len() == limit {
                page.next = page.calls.last().map(|last| last.call_id.clone());
                break;
            }
            let read = || Ok::<_, ReviewError>((self.store.result(&id)?, self.store.call(&id)?));
            let (result, record) = match or_passed_over(&id, read())? {
                Some((Some(result), Some(record))) => (result, record),
                // Deleted meanwhile, or being judged again.
                Some((_, _)) => continue,
                None => {
                    page.num_damaged += 1;
                    continue;
                }
            };
            let decided = review.decisions.into_iter().filter(|(rule_id, _)| is_wanted(rule_id));
            let labels = decided.map(|(rule_id, one)| Label {
                rule_id,
                verdict: one.verdict,
                machine: one.machine,
                revision: one.revision,
            });
            page.calls.push(of_call(id, &result, &record.metadata, labels.collect()));
        }
        Ok(page)
    }
}

fn of_call(
    call_id: CallId,
    result: &CallResult,
    metadata: &CallMetadata,
    labels: Vec<Label>,
) -> LabelledCall {
    let dialogue = &result.dialogue;
    let said = dialogue.turns.iter().filter(|turn| turn.kind == MessageKind::Text);
    LabelledCall {
        call_id,
        turns: said.map(|turn| written(turn, metadata.media)).collect(),
        is_mono: dialogue.layout.is_some_and(|layout| layout != crate::audio::ChannelLayout::Stereo),
        length: dialogue.timing.duration,
        metadata: CallMetadata {
            started_at: metadata.started_at,
            direction: metadata.direction,
            media: metadata.media,
            business: metadata.business.clone(),
            product: metadata.product.clone(),
            hang_up_side: metadata.hang_up_side,
            team: metadata.team.clone(),
            skill_group: metadata.skill_group.clone(),
            attributes: BTreeMap::new(),
            ..CallMetadata::default()
        },
        labels,
    }
}

/// A turn as the tests of rule packs write it.
fn written(turn: &Turn, media: Media) -> String {
    let role = match turn.role {
        SpeakerRole::Agent => "客服",
        SpeakerRole::Customer => "客户",
        SpeakerRole::Bot => "机器人",
        SpeakerRole::Unknown => "未知",
    };
    let seconds = |at: Millis| format!("{}.{:03}", at.0 / 1000, at.0 % 1000);
    // A message is sent at one moment, and a span has a length.
    let end = |start: Millis, end: Millis| if media == Media::Chat { Millis(start.0 + 1) } else { end };
    let times = turn
        .span
        .map(|span| (span.start, end(span.start, span.end)))
        .filter(|(start, end)| end > start)
        .map_or_else(String::new, |(start, end)| format!("@{}-{}", seconds(start), seconds(end)));
    let loud = turn.loudness_dbfs.filter(|level| (-120.0..=0.0).contains(level) && !times.is_empty());
    let loud = loud.map_or_else(String::new, |level| format!(" {level:.1}dB"));
    let text: String = turn.text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    format!("{role}{times}{loud}: {text}")
}
