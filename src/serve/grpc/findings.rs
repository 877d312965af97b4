//! Lists of findings, of one call or across calls: what a request asks for, checked, and a page of the answer.
//!
//! Across calls a finding is told by the catalog alone; its evidence and explanation lie in the result of its call and are
//! read where the mask asks for them.

use super::query::Asked;
use crate::analysis::{Analysis, Finding, Verdict};
use crate::catalog::{CallFacts, Catalog, FindingQuery, ReviewFacts, ReviewState, RuleInfo, RuleTable};
use crate::proto::convert;
use crate::proto::{ReadMask, v1};
use crate::review::{Review, Reviews};
use crate::search::TextIndex;
use crate::serve::error::RequestError;
use crate::store::{Store, readable};
use crate::types::CallId;

/// Fields that the catalog knows; what is given across calls when none is asked for.
const OF_CATALOG: [&str; 9] =
    ["call_id", "rule_id", "rule_name", "kind", "level", "dimension", "verdict", "final_verdict", "review"];
/// Fields that need the result, or what was said in the review.
const OF_RESULT: [&str; 13] = [
    "score_delta",
    "veto",
    "evidence",
    "explanation",
    "not_applicable_reason",
    "num_hits",
    "conditions",
    "agent_id",
    "decision_by",
    "decision_comment",
    "final_score_delta",
    "final_veto",
    "decision_turn",
];

/// A page of findings across calls, asked for.
#[derive(Debug)]
pub(super) struct FindingsAsked {
    asked: Asked,
    mask: ReadMask,
}

impl TryFrom<v1::ListFindingsRequest> for FindingsAsked {
    type Error = RequestError;

    fn try_from(request: v1::ListFindingsRequest) -> Result<Self, RequestError> {
        let mask = ReadMask::of::<v1::Finding>(request.read_mask, &OF_CATALOG)?;
        let mut asked =
            Asked::new(request.filter, &request.order_by, request.page_size, &request.page_token)?;
        asked.query.finding = or_hits(asked.query.finding);
        Ok(Self { asked, mask })
    }
}

/// Findings of one call, and which of them it has.
type OfCall = (CallFacts, Vec<v1::Finding>);

impl FindingsAsked {
    /// The page. It ends with the end of a call, because a page token names a call.
    pub(super) fn page(
        &self,
        store: &Store,
        search: &TextIndex,
        reviews: &Reviews,
    ) -> Result<v1::ListFindingsResponse, RequestError> {
        let asked = &self.asked;
        let spoken = asked.spoken(store, search)?;
        let (calls, total_size, next) = {
            let catalog = store.catalog();
            let set = asked.set(&catalog, &spoken);
            // Every call of the set has a finding that is chosen, so there are as many calls as findings at most.
            let numbers = catalog.page(&set, asked.order, asked.after, asked.page_size + 1);
            let (mut calls, mut num_findings, mut last): (Vec<OfCall>, _, _) = (Vec::new(), 0, None);
            let mut has_more = false;
            for number in numbers {
                if num_findings >= asked.page_size {
                    has_more = true;
                    break;
                }
                last = Some(catalog.position(number, asked.order));
                let Some(call) = catalog.call(number) else { continue };
                let findings = of_row(&catalog, call, &asked.query.finding);
                num_findings += findings.len();
                calls.push((call.clone(), findings));
            }
            let total_size = catalog.count_findings(&asked.query.finding, &set);
            (calls, total_size, last.filter(|_| has_more))
        };
        let mut findings = Vec::new();
        for (row, of_call) in calls {
            findings.extend(self.completed(store, reviews, &row, of_call)?);
        }
        Ok(v1::ListFindingsResponse {
            findings,
            next_page_token: asked.token(next),
            total_size,
            text_current_to: spoken.current_to,
            last_change: spoken.last_change,
            text_num_indexed: spoken.num_indexed,
            text_num_calls: spoken.num_calls,
        })
    }

    /// Findings with what only the result and the review of their call know, if the mask asks for that.
    fn completed(
        &self,
        store: &Store,
        reviews: &Reviews,
        row: &CallFacts,
        mut findings: Vec<v1::Finding>,
    ) -> Result<Vec<v1::Finding>, RequestError> {
        if OF_RESULT.iter().any(|field| self.mask.wants(field)) {
            // OK without: one damaged call must not hide the findings of all others, nor its own.
            let analysis = readable(&row.id, store.analysis(&row.id))?.flatten();
            for known in &mut findings {
                let of_rule = |finding: &&Finding| finding.rule_id.as_str() == known.rule_id;
                if let Some(finding) = analysis.as_ref().and_then(|all| all.findings.iter().find(of_rule)) {
                    *known = v1::Finding {
                        final_verdict: known.final_verdict,
                        review: known.review,
                        ..convert::finding(&row.id, finding)
                    };
                }
            }
            if let Some((facts, review)) = &reviews.decided(&row.id)? {
                let settled = analysis.as_ref().and_then(|analysis| facts.settled(analysis));
                convert::decided(&mut findings, facts, review, settled.as_ref());
            }
        }
        Ok(findings.into_iter().map(|finding| self.mask.cut(finding)).collect())
    }
}

/// Findings of one call, asked for.
#[derive(Debug)]
pub(super) struct OneCall {
    query: FindingQuery,
    mask: ReadMask,
}

impl TryFrom<v1::ListFindingsRequest> for OneCall {
    type Error = RequestError;

    fn try_from(request: v1::ListFindingsRequest) -> Result<Self, RequestError> {
        let mask = ReadMask::of::<v1::Finding>(request.read_mask, &["*"])?;
        let choice = convert::call_choice(request.filter.unwrap_or_default())?;
        Ok(Self { query: or_hits(choice.query.finding), mask })
    }
}

impl OneCall {
    /// All findings of the call that are chosen, as its analysis orders them.
    pub(super) fn answer(
        &self,
        call_id: &str,
        analysis: &Analysis,
        decided: Option<&(ReviewFacts, Review)>,
    ) -> Result<v1::ListFindingsResponse, RequestError> {
        let id: CallId = convert::call_id(call_id)?;
        let mut shown: Vec<v1::Finding> =
            analysis.findings.iter().map(|finding| convert::finding(&id, finding)).collect();
        let finals = decided.map_or(&[][..], |(facts, _)| &facts.finals);
        match decided {
            Some((facts, review)) => {
                convert::decided(&mut shown, facts, review, facts.settled(analysis).as_ref());
            }
            None => {
                let state = convert::review_to_wire(ReviewState::None).into();
                shown.iter_mut().for_each(|finding| finding.review = state);
            }
        }
        let chosen = analysis.findings.iter().zip(shown).filter_map(|(finding, shown)| {
            let told = finals.iter().find(|told| told.rule_id == finding.rule_id);
            let counting = told.map_or(finding.verdict, |told| told.verdict);
            let is_chosen =
                self.query.wants_rule(&info(finding)) && self.query.wants_verdict(counting, finding.verdict);
            is_chosen.then(|| self.mask.cut(shown))
        });
        let findings: Vec<v1::Finding> = chosen.collect();
        let total_size = u64::try_from(findings.len()).unwrap_or(u64::MAX);
        Ok(v1::ListFindingsResponse { findings, total_size, ..Default::default() })
    }
}

/// Hits, when nothing else is asked for.
fn or_hits(mut query: FindingQuery) -> FindingQuery {
    if query.verdicts.is_empty() && query.machine_verdicts.is_empty() {
        query.verdicts = vec![Verdict::Hit];
    }
    query
}

fn info(finding: &Finding) -> RuleInfo {
    RuleInfo {
        id: finding.rule_id.clone(),
        name: finding.rule_name.clone(),
        kind: finding.kind,
        level: finding.level,
        dimension: finding.dimension.clone(),
    }
}

/// The findings of `call` that are chosen: hits first, most severe first, then by rule.
fn of_row(catalog: &Catalog, call: &CallFacts, query: &FindingQuery) -> Vec<v1::Finding> {
    let Some(table) = catalog.table_of(call) else { return Vec::new() };
    let table: &RuleTable = table;
    let mut chosen: Vec<_> = query
        .positions(call, table)
        .filter_map(|index| {
            let rule = table.rules.get(index)?;
            let machine = call.judgement.as_ref()?.verdicts.get(index)?;
            Some((call.final_verdict(table, index)?, rule.level, index, machine, rule))
        })
        .collect();
    chosen.sort_unstable_by_key(|(counting, level, index, ..)| (*counting, *level, *index));
    chosen
        .into_iter()
        .map(|(counting, _, _, machine, rule)| convert::finding_of_row(call, rule, machine, counting))
        .collect()
}
