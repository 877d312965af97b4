//! Lists: what a request asks for, checked, and a page of the answer.

use crate::analysis::{Analysis, Verdict};
use crate::catalog::ReviewFacts;
use crate::ingest::CallState;
use crate::proto::convert::{self, ConvertError};
use crate::proto::v1;
use crate::serve::error::RequestError;
use crate::serve::limits::page_size;
use crate::store::{CallFilter, PageToken, Store, StoreError};
use crate::types::{CallId, RuleId, Score};

/// Calls looked at for one page of findings; a page may end empty there and still name a next one.
const MAX_CALLS_PER_PAGE: usize = 1000;

/// A page of calls, asked for.
#[derive(Debug)]
pub(super) struct CallQuery {
    filter: CallFilter,
    page_size: usize,
    page_token: Option<PageToken>,
}

impl TryFrom<v1::ListCallsRequest> for CallQuery {
    type Error = RequestError;

    fn try_from(request: v1::ListCallsRequest) -> Result<Self, RequestError> {
        Ok(Self {
            filter: filter(request.filter.unwrap_or_default())?,
            page_size: page_size(request.page_size)?,
            page_token: page_token(&request.page_token)?,
        })
    }
}

impl CallQuery {
    /// The page.
    pub(super) fn page(&self, store: &Store) -> Result<v1::ListCallsResponse, RequestError> {
        let page = store.list_calls(&self.filter, self.page_size, self.page_token.as_ref())?;
        let calls = page.items.iter().map(|summary| v1::CallSummary {
            call: Some((&summary.record).into()),
            score: summary.score.map(Score::as_f64),
            hit_rule_ids: summary.hit_rule_ids.iter().map(ToString::to_string).collect(),
        });
        Ok(v1::ListCallsResponse { calls: calls.collect(), next_page_token: token_text(page.next) })
    }
}

/// A page of findings across calls, asked for.
#[derive(Debug)]
pub(super) struct FindingQuery {
    calls: CallQuery,
    rule_id: Option<RuleId>,
    verdicts: Vec<Verdict>,
}

impl TryFrom<v1::ListFindingsRequest> for FindingQuery {
    type Error = RequestError;

    fn try_from(request: v1::ListFindingsRequest) -> Result<Self, RequestError> {
        let mut filter = filter(request.filter.unwrap_or_default())?;
        // Other calls have no findings.
        filter.state.get_or_insert(CallState::Done);
        let (rule_id, verdicts) = (filter.rule_id.clone(), verdicts(&request.verdicts)?);
        if verdicts != [Verdict::Hit] {
            // The index knows only whom the rule hit.
            filter.rule_id = None;
        }
        let page_token = page_token(&request.page_token)?;
        let calls = CallQuery { filter, page_size: page_size(request.page_size)?, page_token };
        Ok(Self { calls, rule_id, verdicts })
    }
}

impl FindingQuery {
    /// The page. It ends with the end of a call, because a page token names a call.
    pub(super) fn page(&self, store: &Store) -> Result<v1::ListFindingsResponse, RequestError> {
        let mut findings = Vec::new();
        let mut page_token = self.calls.page_token.clone();
        for _ in 0..MAX_CALLS_PER_PAGE {
            let page = store.list_calls(&self.calls.filter, 1, page_token.as_ref())?;
            for summary in &page.items {
                let id = &summary.record.id;
                let analysis = match store.analysis(id) {
                    // OK to go on, because one damaged call must not hide the findings of all others.
                    Err(error @ StoreError::Corrupt { .. }) => {
                        tracing::error!(call = %id, %error, "a call is passed over");
                        continue;
                    }
                    outcome => outcome?,
                };
                // Absent when the call was deleted meanwhile.
                let Some(analysis) = analysis else { continue };
                let review = store.facts(id)?.and_then(|facts| facts.annotations.review);
                let mut chosen = chosen(id, &analysis, review.as_deref(), &self.verdicts);
                if let Some(rule_id) = &self.rule_id {
                    chosen.retain(|finding| finding.rule_id == rule_id.as_str());
                }
                findings.append(&mut chosen);
            }
            page_token = page.next;
            // A page without a call means that the store has looked as far as it looks at once.
            let is_short = page.items.is_empty();
            if page_token.is_none() || is_short || findings.len() >= self.calls.page_size {
                break;
            }
        }
        Ok(v1::ListFindingsResponse { findings, next_page_token: token_text(page_token) })
    }
}

/// The findings of one call with one of `verdicts`, and what people made of them.
pub(super) fn chosen(
    id: &CallId,
    analysis: &Analysis,
    review: Option<&ReviewFacts>,
    verdicts: &[Verdict],
) -> Vec<v1::Finding> {
    let findings = analysis.findings.iter().filter(|finding| verdicts.contains(&finding.verdict));
    let mut chosen: Vec<_> = findings.map(|finding| convert::finding(id, finding)).collect();
    if let Some(review) = review {
        convert::decided(&mut chosen, review, None);
    }
    chosen
}

/// The verdicts asked for; hits when none is.
pub(super) fn verdicts(asked: &[i32]) -> Result<Vec<Verdict>, RequestError> {
    if asked.is_empty() {
        return Ok(vec![Verdict::Hit]);
    }
    let verdicts: Result<Vec<_>, ConvertError> =
        asked.iter().map(|verdict| convert::verdict_from_wire(*verdict)).collect();
    Ok(verdicts?)
}

fn filter(wire: v1::CallFilter) -> Result<CallFilter, ConvertError> {
    let rule_id = convert::optional_text("filter.rule_id", wire.rule_id)?
        .map(|text| {
            RuleId::try_new(text).map_err(|error| ConvertError::new("filter.rule_id", error.to_string()))
        })
        .transpose()?;
    let max_score = wire
        .max_score
        .map(|points| {
            Score::from_f64(points).ok_or_else(|| ConvertError::new("filter.max_score", "is no score"))
        })
        .transpose()?;
    let time = |field: &str, at: Option<_>| at.map(|at| convert::timestamp_from_wire(field, at)).transpose();
    Ok(CallFilter {
        received_from: time("filter.received_from", wire.received_from)?,
        received_before: time("filter.received_before", wire.received_before)?,
        agent_id: convert::optional_text("filter.agent_id", wire.agent_id)?,
        // Counted over by rules only: a reference to a person is not searched by from outside.
        customer_ref: None,
        rule_id,
        state: convert::state_from_wire("filter.state", wire.state)?,
        max_score,
    })
}

fn page_token(text: &str) -> Result<Option<PageToken>, RequestError> {
    Ok(if text.is_empty() { None } else { Some(text.parse::<PageToken>()?) })
}

fn token_text(token: Option<PageToken>) -> String {
    token.map(|token| token.to_string()).unwrap_or_default()
}
