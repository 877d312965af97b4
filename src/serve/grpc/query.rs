//! Lists of calls: what a request asks for, checked, and a page of the answer.
//!
//! Which calls, how many and in which order is told by the catalog and the text index; only what is shown of the calls of
//! one page is read from the disk, and only where it is asked for.

use roaring::RoaringBitmap;

use super::page::{self, Question};
use crate::analysis::Verdict;
use crate::catalog::{CallFacts, CallOrder, CallQuery, Catalog, Position, Stage};
use crate::proto::convert::{self, ConvertError};
use crate::proto::{ReadMask, v1};
use crate::search::{SearchError, TextIndex, TextQuery};
use crate::serve::error::RequestError;
use crate::serve::limits::page_size;
use crate::store::{Store, readable};
use crate::types::Score;

/// Fields of a call in a list when none is asked for: all but those that need its text.
const DEFAULT_FIELDS: [&str; 7] =
    ["call", "score", "hit_rule_ids", "machine_score", "review", "topics", "demands"];

/// A page of something of calls in an order, asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) query: CallQuery,
    pub(super) text: Option<TextQuery>,
    pub(super) order: CallOrder,
    pub(super) page_size: usize,
    pub(super) after: Option<Position>,
    question: Question,
}

/// What the text index adds to an answer.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// Calls in which the words occur; absent when none were asked for.
    calls: Option<RoaringBitmap>,
    pub(super) current_to: u64,
    pub(super) last_change: u64,
    /// How many calls the index has.
    pub(super) num_indexed: u64,
    /// How many it is to have.
    pub(super) num_calls: u64,
}

impl Asked {
    pub(super) fn new(
        filter: Option<v1::CallFilter>,
        order_by: &str,
        size: u32,
        page_token: &str,
    ) -> Result<Self, RequestError> {
        let question = Question::of_calls(filter.as_ref(), order_by);
        let choice = convert::call_choice(filter.unwrap_or_default())?;
        Ok(Self {
            query: choice.query,
            text: choice.text.map(|text| text_query(&text)).transpose()?,
            order: convert::call_order(order_by)?,
            page_size: page_size(size)?,
            after: question.call(page_token)?,
            question,
        })
    }

    /// Asks the text index. Before the catalog, which nobody should hold for long.
    pub(super) fn spoken(&self, store: &Store, search: &TextIndex) -> Result<Spoken, RequestError> {
        let Some(text) = &self.text else { return Ok(Spoken::default()) };
        let last_change = store.last_change();
        let found = search.find(text)?;
        let current_to = found.current_to.min(last_change);
        let done = CallQuery { stages: vec![Stage::Done], ..CallQuery::default() };
        let num_calls = store.catalog().select(&done).len();
        let num_indexed = search.num_texts();
        Ok(Spoken { calls: Some(found.calls), current_to, last_change, num_indexed, num_calls })
    }

    /// All calls that are chosen.
    pub(super) fn set(&self, catalog: &Catalog, spoken: &Spoken) -> RoaringBitmap {
        let mut set = catalog.select(&self.query);
        if let Some(calls) = &spoken.calls {
            set &= calls;
        }
        set
    }

    /// The token of the page behind `last`, when there is one.
    pub(super) fn token(&self, last: Option<Position>) -> String {
        self.question.token(last.map(page::of_call))
    }
}

fn text_query(text: &str) -> Result<TextQuery, RequestError> {
    TextQuery::parse(text).map_err(|error| match error {
        SearchError::Query { problem } => ConvertError::new("filter.text", problem).into(),
        other @ (SearchError::Engine(_) | SearchError::Thread(_)) => other.into(),
    })
}

/// A page of calls, asked for.
#[derive(Debug)]
pub(super) struct CallsAsked {
    asked: Asked,
    mask: ReadMask,
}

impl TryFrom<v1::ListCallsRequest> for CallsAsked {
    type Error = RequestError;

    fn try_from(request: v1::ListCallsRequest) -> Result<Self, RequestError> {
        let v1::ListCallsRequest { filter, page_size, page_token, order_by, read_mask } = request;
        let mask = ReadMask::of::<v1::CallSummary>(read_mask, &DEFAULT_FIELDS)?;
        Ok(Self { asked: Asked::new(filter, &order_by, page_size, &page_token)?, mask })
    }
}

impl CallsAsked {
    /// The page.
    pub(super) fn page(
        &self,
        store: &Store,
        search: &TextIndex,
    ) -> Result<v1::ListCallsResponse, RequestError> {
        let asked = &self.asked;
        let spoken = asked.spoken(store, search)?;
        let (mut rows, total_size, next) = {
            let catalog = store.catalog();
            let set = asked.set(&catalog, &spoken);
            let mut numbers = catalog.page(&set, asked.order, asked.after, asked.page_size + 1);
            let has_more = numbers.len() > asked.page_size;
            numbers.truncate(asked.page_size);
            let last = numbers.last().map(|number| catalog.position(*number, asked.order));
            let rows = numbers.iter().filter_map(|number| {
                let call = catalog.call(*number)?;
                Some((call.clone(), hit_rule_ids(&catalog, call)))
            });
            (rows.collect::<Vec<_>>(), set.len(), last.filter(|_| has_more))
        };
        let mut calls = Vec::with_capacity(rows.len());
        for (row, hits) in rows.drain(..) {
            calls.extend(self.summary(store, &row, hits)?);
        }
        Ok(v1::ListCallsResponse {
            calls,
            next_page_token: asked.token(next),
            total_size,
            text_current_to: spoken.current_to,
            last_change: spoken.last_change,
            text_num_indexed: spoken.num_indexed,
            text_num_calls: spoken.num_calls,
        })
    }

    /// A call as it is shown; nothing when it was deleted meanwhile, or is damaged, which is logged.
    fn summary(
        &self,
        store: &Store,
        row: &CallFacts,
        hit_rule_ids: Vec<String>,
    ) -> Result<Option<v1::CallSummary>, RequestError> {
        let mut summary = v1::CallSummary {
            call: None,
            score: row.final_score().map(Score::as_f64),
            hit_rule_ids,
            vetoed: row.whole().is_some_and(|whole| whole.vetoed()),
            machine_score: row.judgement.as_ref().and_then(|own| own.score).map(Score::as_f64),
            review: convert::review_to_wire(row.review_state()).into(),
            topics: row.annotations.topics.iter().map(ToString::to_string).collect(),
            demands: row.annotations.demands.iter().map(ToString::to_string).collect(),
            matches: Vec::new(),
        };
        if self.mask.wants("call") {
            let Some(record) = readable(&row.id, store.call(&row.id))?.flatten() else { return Ok(None) };
            summary.call = Some((&record).into());
        }
        if let Some(text) = self.asked.text.as_ref().filter(|_| self.mask.wants("matches"))
            && let Some(dialogue) = readable(&row.id, store.dialogue(&row.id))?.flatten()
        {
            let places = text.places(&dialogue);
            let matches = places.iter().filter_map(|found| {
                Some(convert::text_match(dialogue.turns.get(found.turn)?, &found.ranges))
            });
            summary.matches = matches.collect();
        }
        Ok(Some(self.mask.cut(summary)))
    }
}

/// The rules of `call` whose hit counts, most severe first.
fn hit_rule_ids(catalog: &Catalog, call: &CallFacts) -> Vec<String> {
    let Some(table) = catalog.table_of(call) else { return Vec::new() };
    let mut hits: Vec<_> = table
        .rules
        .iter()
        .enumerate()
        .filter(|(index, _)| call.final_verdict(table, *index) == Some(Verdict::Hit))
        .map(|(_, rule)| (rule.level, &rule.id))
        .collect();
    hits.sort_unstable();
    hits.into_iter().map(|(_, id)| id.to_string()).collect()
}
