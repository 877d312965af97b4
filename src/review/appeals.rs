//! Appeals of many calls, page by page.
//!
//! **Invariant**: an appeal stands at its place whatever happens to others; one damaged history hides no other.

use super::appeal::{AppealState, OpenAppeal};
use super::counts::{of_any_finding, wanted_rules};
use super::reviews::key;
use super::task::Place;
use super::{ReviewError, Reviews};
use crate::catalog::{CallFacts, CallQuery, ReviewState};
use crate::types::CallId;

/// A page of appeals, by call and number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppealPage {
    /// The appeals.
    pub appeals: Vec<OpenAppeal>,
    /// The next page is behind it; nothing at the end.
    pub next: Option<Place>,
    /// How many calls between the first and the last of the page have a history that cannot be read.
    pub num_damaged: u64,
}

impl OpenAppeal {
    /// Where it stands among all appeals.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::from_bytes(key(&self.call_id, Some(self.appeal.number)))
    }
}

impl Reviews {
    /// Appeals of the calls that `query` chooses, by call and number, only open ones when told so: at most `limit` of
    /// those behind a place, which need not be any appeal's any more. A finding in the question chooses what they are
    /// against.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn appeals(
        &self,
        query: &CallQuery,
        only_open: bool,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<AppealPage, ReviewError> {
        let wanted = |facts: &&CallFacts| match facts.review_state() {
            ReviewState::Appealed => true,
            ReviewState::Queued | ReviewState::Reviewed | ReviewState::Closed | ReviewState::None => {
                !only_open && facts.annotations.review.is_some()
            }
        };
        // All appeals of a call stand before this.
        let end = |id: &CallId| Place::from_bytes(key(id, Some(u32::MAX)));
        let is_behind = |place: &Place| after.is_none_or(|after| place > after);
        let (mut ids, rules): (Vec<CallId>, _) = {
            let catalog = self.store.catalog();
            let calls = catalog.chosen(&of_any_finding(query)).filter(wanted).map(|facts| &facts.id);
            let ids = calls.filter(|id| is_behind(&end(id))).cloned().collect();
            (ids, wanted_rules(&catalog, &query.finding))
        };
        ids.sort();
        let mut page = AppealPage::default();
        for call_id in ids {
            let Some(review) = self.read_of_many(&call_id)? else {
                page.num_damaged += 1;
                continue;
            };
            for appeal in review.appeals {
                let is_wanted = rules.as_ref().is_none_or(|rules| rules.contains(appeal.subject.id()))
                    && (!only_open || appeal.state == AppealState::Open);
                let one = OpenAppeal { call_id: call_id.clone(), appeal };
                if !is_wanted || !is_behind(&one.place()) {
                    continue;
                }
                if page.appeals.len() == limit {
                    page.next = page.appeals.last().map(OpenAppeal::place);
                    return Ok(page);
                }
                page.appeals.push(one);
            }
        }
        Ok(page)
    }
}
