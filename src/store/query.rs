//! Lists of calls: which index serves a filter, how far a request looks, and where the next page begins.
//!
//! **Invariant**: one request looks at no more than [`MAX_EXAMINED`] calls. A page may therefore be short, even empty,
//! while there is a next one.

use std::mem;

use super::calls::is_finished;
use super::record::StoredCall;
use super::{PageToken, Store, StoreError, codec, keys};
use crate::ingest::{CallRecord, CallState};
use crate::types::{CallId, RuleId, Score};

/// Most calls on a page.
const MAX_PAGE_SIZE: usize = 500;
/// Most calls looked at for one page.
const MAX_EXAMINED: usize = 20_000;

/// Chooses calls. Every field that is set must match.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallFilter {
    /// Received at or after.
    pub received_from: Option<jiff::Timestamp>,
    /// Received before.
    pub received_before: Option<jiff::Timestamp>,
    /// The agent's job number.
    pub agent_id: Option<String>,
    /// The customer, as the sender refers to them. Calls that were stored before this was indexed are not found.
    pub customer_ref: Option<String>,
    /// A rule that hit.
    pub rule_id: Option<RuleId>,
    /// The state; the failure inside [`CallState::Failed`] does not matter.
    pub state: Option<CallState>,
    /// Scored at most this. A call without a score does not match.
    pub max_score: Option<Score>,
}

/// A call in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSummary {
    /// The record.
    pub record: CallRecord,
    /// The score, once done; `None` also for a call that could not be scored.
    pub score: Option<Score>,
    /// Rules that hit, most severe first.
    pub hit_rule_ids: Vec<RuleId>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries. May be few, even none, while there is a next page.
    pub items: Vec<T>,
    /// Asks for the next page; absent at the end.
    pub next: Option<PageToken>,
}

impl Store {
    /// Calls that match `filter`, newest first, at most `page_size` (1 to 500) of them.
    ///
    /// `from` is the token of the page before, made with the same filter. A call that comes in meanwhile neither
    /// repeats nor hides another. A damaged record is logged and left out.
    ///
    /// # Errors
    /// [`StoreError::PageToken`] when the token is of another filter; anything the disk fails with.
    pub fn list_calls(
        &self,
        filter: &CallFilter,
        page_size: usize,
        from: Option<&PageToken>,
    ) -> Result<Page<CallSummary>, StoreError> {
        let page_size = page_size.clamp(1, MAX_PAGE_SIZE);
        let digest = filter.digest();
        let prefix = filter.index();
        let mut page = Page { items: Vec::new(), next: None };
        let Some((start, end)) = filter.range(from)? else { return Ok(page) };

        let mut position: Vec<u8> = Vec::new();
        for (num_examined, entry) in self.index.range(start..end).enumerate() {
            // The first error ends the list: sled would repeat it for ever.
            let (key, _) = entry?;
            if page.items.len() == page_size || num_examined == MAX_EXAMINED {
                page.next = Some(PageToken { filter: digest, position });
                break;
            }
            position = key.get(prefix.len()..).unwrap_or_default().to_vec();
            let id = position.get(keys::TIME_BYTES..).unwrap_or_default();
            let Some(value) = self.index.get(keys::concat(&[keys::CALL, id]))? else {
                // Deleted between the two reads.
                continue;
            };
            let name = String::from_utf8_lossy(id);
            let Some(mut stored) = readable(&name, codec::decode::<StoredCall>(&value, "call"))? else {
                continue;
            };
            // Compared with the entry: deleted and sent again between the two reads, it is another call.
            let suffix = keys::suffix(stored.record.received_at, &stored.record.id);
            if suffix != position || !filter.matches(&stored) || !self.has_hit(filter, &position)? {
                continue;
            }
            let hit_rule_ids = match mem::take(&mut stored.hit_rule_ids) {
                Some(ids) => ids,
                // OK without: only the result file is damaged, and the call should still be seen.
                None => readable(&name, self.hits(&stored))?.unwrap_or_default(),
            };
            page.items.push(CallSummary { record: stored.record, score: stored.score, hit_rule_ids });
        }
        Ok(page)
    }

    /// Whether the call at `position` was hit by the rule that `filter` asks for, if it asks for one.
    fn has_hit(&self, filter: &CallFilter, position: &[u8]) -> Result<bool, StoreError> {
        match &filter.rule_id {
            Some(rule_id) => Ok(self.index.contains_key(keys::concat(&[&keys::rule(rule_id), position]))?),
            None => Ok(true),
        }
    }

    /// How many entries a list with this filter looks at; calls that its other fields leave out are counted too.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn num_listed(&self, filter: &CallFilter) -> Result<u64, StoreError> {
        let Some((start, end)) = filter.range(None)? else { return Ok(0) };
        let mut number = 0;
        for entry in self.index.range(start..end) {
            entry?;
            number += 1;
        }
        Ok(number)
    }

    /// Unfinished calls, at most `limit`, those that `skip` names left out: first what was sent, then what jobs brought,
    /// each oldest first. A damaged record is logged and passed over, so that it holds up no other call.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn unfinished_calls(
        &self,
        limit: usize,
        skip: impl Fn(&CallId) -> bool,
    ) -> Result<Vec<CallRecord>, StoreError> {
        let mut records = Vec::new();
        let queues = [keys::QUEUE, keys::QUEUE_OF_ARCHIVES];
        for entry in queues.into_iter().flat_map(|queue| self.index.scan_prefix(queue)) {
            let (key, _) = entry?;
            if records.len() == limit {
                break;
            }
            let id = key.get(keys::QUEUE.len() + keys::TIME_BYTES..).unwrap_or_default();
            let id = str::from_utf8(id).ok().and_then(|id| CallId::try_new(id).ok());
            let Some(id) = id else { continue };
            if skip(&id) {
                continue;
            }
            let record = readable(&id, self.call(&id))?.flatten();
            records.extend(record.filter(|record| !is_finished(&record.state)));
        }
        Ok(records)
    }

    /// Calls that were begun and neither finished nor given back: what a crash left. Never more than were run at once.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn begun_calls(&self) -> Result<Vec<CallRecord>, StoreError> {
        let mut records = Vec::new();
        for state in [CallState::Decoding, CallState::Transcribing, CallState::Scoring] {
            let filter = CallFilter { state: Some(state), ..CallFilter::default() };
            let mut token = None;
            loop {
                let page = self.list_calls(&filter, MAX_PAGE_SIZE, token.as_ref())?;
                records.extend(page.items.into_iter().map(|summary| summary.record));
                token = page.next;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(records)
    }
}

/// What was read of call `id`; nothing when that is damaged, which is logged and holds up no other call.
///
/// # Errors
/// Any other error of the reading.
pub fn readable<T>(id: impl std::fmt::Display, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
            tracing::error!(call = %id, %error, "a call is passed over");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// First key of a list, and the first after its last.
type KeyRange = (Vec<u8>, Vec<u8>);

impl CallFilter {
    /// The index that leaves the fewest calls to look at, by how many calls share an entry as a rule.
    fn index(&self) -> Vec<u8> {
        if let Some(customer_ref) = &self.customer_ref {
            return keys::customer(customer_ref);
        }
        if let Some(agent_id) = &self.agent_id {
            return keys::agent(agent_id);
        }
        if let Some(rule_id) = &self.rule_id {
            return keys::rule(rule_id);
        }
        match &self.state {
            Some(state) => keys::state(state),
            None => keys::TIME.to_vec(),
        }
    }

    fn digest(&self) -> u32 {
        crc32c::crc32c(format!("{self:?}").as_bytes())
    }

    /// The token of a page that begins behind this call.
    #[must_use]
    pub fn after(&self, received_at: jiff::Timestamp, id: &CallId) -> PageToken {
        PageToken { filter: self.digest(), position: keys::suffix(received_at, id) }
    }

    /// First and last key of the list; `None` when it is empty.
    fn range(&self, from: Option<&PageToken>) -> Result<Option<KeyRange>, StoreError> {
        let prefix = self.index();
        let start = match from {
            Some(token) if token.filter != self.digest() || token.position.len() <= keys::TIME_BYTES => {
                return Err(StoreError::PageToken);
            }
            // The first key after that position.
            Some(token) => keys::concat(&[&prefix, &token.position, &[0]]),
            None => match self.received_before {
                Some(before) => keys::concat(&[&prefix, &keys::newest_first(before).to_be_bytes()]),
                None => prefix.clone(),
            },
        };
        let last = match self.received_from {
            Some(first) => keys::concat(&[&prefix, &keys::newest_first(first).to_be_bytes()]),
            None => prefix,
        };
        let end = keys::after(&last).ok_or(StoreError::Corrupt { what: "index" })?;
        Ok((start < end).then_some((start, end)))
    }

    /// Whether a call matches in all but the rule, which only the index knows.
    fn matches(&self, stored: &StoredCall) -> bool {
        let record = &stored.record;
        self.received_from.is_none_or(|from| record.received_at >= from)
            && self.received_before.is_none_or(|before| record.received_at < before)
            && self.agent_id.as_ref().is_none_or(|agent| record.metadata.agent_ids().any(|id| id == agent))
            && self
                .customer_ref
                .as_ref()
                .is_none_or(|customer| record.metadata.customer_ref.as_ref() == Some(customer))
            && self
                .state
                .as_ref()
                .is_none_or(|state| mem::discriminant(state) == mem::discriminant(&record.state))
            && self.max_score.is_none_or(|max| stored.score.is_some_and(|score| score <= max))
    }
}
