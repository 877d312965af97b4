//! The rows of the catalog on the disk, and the order in which calls changed.
//!
//! A row goes into the same batch as what it was made of, so it is never behind. Whoever follows the calls (the index of
//! their words, the alerts) asks for what changed after the last change that it has dealt with, and finds every call at
//! most once, as it is now.
//!
//! **Invariant**: the rows are a function of records, results and annotations: [`Store::reindex`] makes the same again.

use std::sync::{Condvar, Mutex, PoisonError, RwLockReadGuard};
use std::time::{Duration, Instant};

use sled::Batch;

use super::record::StoredCall;
use super::{AgentPart, Store, StoreError, codec, keys};
use crate::analysis::Analysis;
use crate::catalog::{Annotations, CallFacts, Catalog, Judgement, RuleTable};
use crate::ingest::CallRecord;
use crate::types::CallId;

/// Most characters of a text that a row keeps.
const MAX_TEXT_CHARS: usize = 96;
/// Most agents of one call that a row keeps.
const MAX_AGENTS: usize = 16;

/// A call that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Grows from change to change.
    pub change: u64,
    /// The number of the call in the catalog.
    pub number: u32,
    /// The call; absent when it was deleted.
    pub id: Option<CallId>,
}

/// What a rebuilding of all rows came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reindexed {
    /// Calls that were looked at.
    pub num_calls: u64,
    /// Rows that were missing, or not as they had to be.
    pub num_mended: u64,
    /// Rows of calls that are no more.
    pub num_removed: u64,
    /// Calls whose record or result cannot be read; the log names them.
    pub num_damaged: u64,
}

/// Gives numbers, and wakes those who wait for a change.
#[derive(Debug, Default)]
pub(super) struct Feed {
    next: Mutex<Next>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Next {
    change: u64,
    number: u32,
}

/// What a judgement left, as far as rows are made of it.
pub(super) type Judged<'a> = Option<(&'a Analysis, &'a [AgentPart])>;

impl Store {
    /// The facts of all calls. Writers wait while it is held: hold it for a question, not for a conversation.
    pub fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        // OK after a panic elsewhere: every change of a row is one step.
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The facts of one call; `None` when there is no such call.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn facts(&self, id: &CallId) -> Result<Option<CallFacts>, StoreError> {
        Ok(self.row(id)?.and_then(|row| self.catalog().call(row.number).cloned()))
    }

    /// Calls that changed after the change `after`, in the order of their last change, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the index is damaged; anything the disk fails with.
    pub fn changes(&self, after: u64, limit: usize) -> Result<Vec<Change>, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "index" };
        let end = keys::after(keys::CHANGE).ok_or_else(corrupt)?;
        // A change that is being written stands in the index before the catalog has its row: whoever asked for the row then
        // would get the one before, and never come back.
        let last = self.last_change();
        let mut changes = Vec::new();
        for entry in self.index.range(keys::change(after.saturating_add(1))..end).take(limit) {
            let (key, value) = entry?;
            let change = keys::number_of(keys::CHANGE, &key).ok_or_else(corrupt)?;
            if change > last {
                break;
            }
            let (number, id) = value.split_first_chunk().ok_or_else(corrupt)?;
            let id =
                (!id.is_empty()).then(|| str::from_utf8(id).ok().and_then(|id| CallId::try_new(id).ok()));
            let id = id.map(|id| id.ok_or_else(corrupt)).transpose()?;
            changes.push(Change { change, number: u32::from_be_bytes(*number), id });
        }
        Ok(changes)
    }

    /// The number of the last change of all.
    #[must_use]
    pub fn last_change(&self) -> u64 {
        self.feed.next.lock().unwrap_or_else(PoisonError::into_inner).change
    }

    /// Waits until there is a change after `after`, for at most `limit`. Says whether there is one.
    #[must_use]
    pub fn wait_for_change(&self, after: u64, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut next = self.feed.next.lock().unwrap_or_else(PoisonError::into_inner);
        while next.change <= after {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.feed.changed.wait_timeout(next, left);
            next = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// What was said about a call after it was judged.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; anything the disk fails with.
    pub fn annotations(&self, id: &CallId) -> Result<Annotations, StoreError> {
        let value = self.index.get(keys::annotations(id))?;
        Ok(value.map(|value| codec::decode(&value, "annotations")).transpose()?.unwrap_or_default())
    }

    /// The first row of a call, under a new number; and the batch that keeps it.
    pub(super) fn new_row(&self, record: &CallRecord) -> CallFacts {
        let mut next = self.feed.next.lock().unwrap_or_else(PoisonError::into_inner);
        let number = next.number;
        next.number += 1;
        self.bounded(CallFacts::of(number, record))
    }

    /// What a row says of a call by itself, under the number of `old` if there is one.
    fn fresh_row(&self, old: Option<&CallFacts>, stored: &StoredCall) -> CallFacts {
        let row = match old {
            Some(old) => self.bounded(CallFacts::of(old.number, &stored.record)),
            None => self.new_row(&stored.record),
        };
        CallFacts { result: stored.result(), ..row }
    }

    /// The row that follows `old` when the record of its call changes and its result does not.
    pub(super) fn moved_row(&self, old: Option<&CallFacts>, stored: &StoredCall) -> CallFacts {
        let mut row = self.fresh_row(old, stored);
        let Some(old) = old else { return row };
        row.judgement.clone_from(&old.judgement);
        row.annotations.clone_from(&old.annotations);
        if row.agents.len() == old.agents.len() {
            for (agent, before) in row.agents.iter_mut().zip(&old.agents) {
                agent.own.clone_from(&before.own);
            }
        }
        row
    }

    /// The row that follows `old` when its call was judged, and the tables that it names.
    pub(super) fn judged_row(
        &self,
        old: Option<&CallFacts>,
        stored: &StoredCall,
        annotations: Annotations,
        judged: Judged<'_>,
    ) -> (CallFacts, Vec<RuleTable>) {
        let mut row = self.fresh_row(old, stored);
        row.annotations = annotations;
        let mut tables = Vec::new();
        // What people decided stands, whatever the machine says now; the score follows both.
        if let Some(review) = row.annotations.review.as_mut() {
            review.score = judged.and_then(|(analysis, _)| review.score_of(analysis));
        }
        if let Some((analysis, parts)) = judged {
            let (judgement, table) = Judgement::of(analysis);
            row.judgement = Some(judgement);
            tables.push(table);
            if parts.len() == row.agents.len() && parts.len() > 1 {
                for (agent, part) in row.agents.iter_mut().zip(parts) {
                    let (own, table) = Judgement::of(&part.analysis);
                    agent.own = Some(own);
                    tables.push(table);
                }
            }
        }
        (row, tables)
    }

    /// A row that is no larger than rows may be.
    fn bounded(&self, mut row: CallFacts) -> CallFacts {
        row.agents.truncate(MAX_AGENTS);
        let texts = row.agents.iter_mut().flat_map(|agent| {
            [&mut agent.agent_id, &mut agent.agent_name, &mut agent.team, &mut agent.skill_group]
        });
        for text in texts.chain([&mut row.business, &mut row.product]).flatten() {
            if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
                *text = text.get(..end).unwrap_or_default().into();
            }
        }
        row
    }

    /// The row of a call as it lies on the disk.
    pub(super) fn row(&self, id: &CallId) -> Result<Option<CallFacts>, StoreError> {
        let value = self.index.get(keys::facts(id))?;
        Ok(value.and_then(|value| codec::decode_row(&value)))
    }

    /// Makes `tables` readable for every later start; before a row names one.
    pub(super) fn keep_tables(&self, tables: Vec<RuleTable>) -> Result<(), StoreError> {
        for table in tables {
            if self.catalog().table(table.id()).is_none() {
                self.results.write_table(&table)?;
                self.catalog.write().unwrap_or_else(PoisonError::into_inner).add_table(table);
            }
        }
        Ok(())
    }

    /// Applies `batch` together with the change from the row `old` to the row `new`.
    pub(super) fn apply_with(
        &self,
        mut batch: Batch,
        old: Option<&CallFacts>,
        new: CallFacts,
    ) -> Result<(), StoreError> {
        let mut next = self.feed.next.lock().unwrap_or_else(PoisonError::into_inner);
        let row = CallFacts { change: next.change + 1, ..new };
        if let Some(old) = old {
            batch.remove(keys::change(old.change));
        }
        batch.insert(keys::facts(&row.id), codec::encode_row(&row));
        let entry = keys::concat(&[&row.number.to_be_bytes(), row.id.as_str().as_bytes()]);
        batch.insert(keys::change(row.change), entry);
        batch.insert(keys::NEXT_NUMBER, &next.number.to_be_bytes());
        self.apply(batch)?;
        next.change = row.change;
        self.catalog.write().unwrap_or_else(PoisonError::into_inner).put(row);
        self.feed.changed.notify_all();
        Ok(())
    }

    /// Applies `batch` together with the removal of a row. What remains of the call is a number.
    pub(super) fn apply_removal(&self, mut batch: Batch, old: Option<&CallFacts>) -> Result<(), StoreError> {
        let mut next = self.feed.next.lock().unwrap_or_else(PoisonError::into_inner);
        let change = next.change + 1;
        if let Some(old) = old {
            batch.remove(keys::change(old.change));
            batch.remove(keys::facts(&old.id));
            batch.insert(keys::change(change), &old.number.to_be_bytes());
        }
        self.apply(batch)?;
        if let Some(old) = old {
            next.change = change;
            self.catalog.write().unwrap_or_else(PoisonError::into_inner).remove(old.number);
            self.feed.changed.notify_all();
        }
        Ok(())
    }

    /// Reads tables and rows. Says whether all could be read and there is one for every call of an up-to-date store.
    pub(super) fn load_catalog(&self) -> Result<bool, StoreError> {
        let mut catalog = Catalog::default();
        for table in self.results.read_tables()? {
            catalog.add_table(table);
        }
        let (mut is_whole, mut next, mut rows) = (true, Next::default(), Vec::new());
        for entry in self.index.scan_prefix(keys::FACTS) {
            let (_, value) = entry?;
            match codec::decode_row(&value) {
                Some(row) => {
                    next.number = next.number.max(row.number.saturating_add(1));
                    let named =
                        row.agents.iter().filter_map(|agent| agent.own.as_ref()).chain(&row.judgement);
                    is_whole &= named.into_iter().all(|one| catalog.table(one.table).is_some());
                    rows.push(row);
                }
                None => is_whole = false,
            }
        }
        // Bitmaps grow at their end fastest.
        rows.sort_unstable_by_key(|row: &CallFacts| row.number);
        rows.into_iter().for_each(|row| catalog.put(row));
        if let Some(number) =
            self.index.get(keys::NEXT_NUMBER)?.and_then(|value| value.as_ref().try_into().ok())
        {
            next.number = next.number.max(u32::from_be_bytes(number));
        }
        if let Some(entry) = self.index.scan_prefix(keys::CHANGE).next_back() {
            let (key, _) = entry?;
            next.change = keys::number_of(keys::CHANGE, &key).ok_or(StoreError::Corrupt { what: "index" })?;
        }
        *self.feed.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
        Ok(is_whole)
    }

    /// Makes every row anew of records, results and annotations; durable when it returns. Calls that change meanwhile
    /// are as right as ever.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn reindex(&self) -> Result<Reindexed, StoreError> {
        let mut report = Reindexed::default();
        let mut known = roaring::RoaringBitmap::new();
        for entry in self.index.scan_prefix(keys::CALL) {
            let (key, _) = entry?;
            let id = key.get(keys::CALL.len()..).and_then(|id| str::from_utf8(id).ok());
            let Some(id) = id.and_then(|id| CallId::try_new(id).ok()) else { continue };
            report.num_calls += 1;
            match self.mend_row(&id) {
                Ok(Some((number, mended))) => {
                    known.insert(number);
                    report.num_mended += u64::from(mended);
                }
                Ok(None) => {}
                Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                    tracing::error!(call = %id, %error, "a call is passed over");
                    report.num_damaged += 1;
                }
                Err(error) => return Err(error),
            }
        }
        report.num_removed = self.remove_rows_of_none(&known)?;
        self.commit()?;
        Ok(report)
    }

    /// Writes the row of a call if it is not as it has to be; gives its number and whether it was not.
    fn mend_row(&self, id: &CallId) -> Result<Option<(u32, bool)>, StoreError> {
        let _guard = self.guard(id);
        let Some(stored) = self.stored(id)? else { return Ok(None) };
        let old = self.row(id)?;
        let (mut row, tables) = self.row_of(old.as_ref(), &stored)?;
        self.keep_tables(tables)?;
        row.change = old.as_ref().map_or(0, |old| old.change);
        let number = row.number;
        if old.as_ref() == Some(&row) && self.catalog().call(number) == Some(&row) {
            return Ok(Some((number, false)));
        }
        self.apply_with(Batch::default(), old.as_ref(), row)?;
        Ok(Some((number, true)))
    }

    fn row_of(
        &self,
        old: Option<&CallFacts>,
        stored: &StoredCall,
    ) -> Result<(CallFacts, Vec<RuleTable>), StoreError> {
        let annotations = self.annotations(&stored.record.id)?;
        if !stored.has_result {
            return Ok(self.judged_row(old, stored, annotations, None));
        }
        let result = self.results.read(&stored.result_name())?;
        Ok(self.judged_row(old, stored, annotations, Some((&result.analysis, &result.parts))))
    }

    fn remove_rows_of_none(&self, known: &roaring::RoaringBitmap) -> Result<u64, StoreError> {
        let mut num_removed = 0;
        for entry in self.index.scan_prefix(keys::FACTS) {
            let (key, value) = entry?;
            let row = codec::decode_row(&value);
            if row.as_ref().is_some_and(|row| known.contains(row.number)) {
                continue;
            }
            let id = key.get(keys::FACTS.len()..).and_then(|id| str::from_utf8(id).ok());
            let Some(id) = id.and_then(|id| CallId::try_new(id).ok()) else { continue };
            let _guard = self.guard(&id);
            if self.index.contains_key(keys::call(&id))? {
                // Came in meanwhile, or is damaged and was told.
                continue;
            }
            let mut batch = Batch::default();
            batch.remove(&*key);
            self.apply_removal(batch, row.as_ref())?;
            num_removed += 1;
        }
        Ok(num_removed)
    }
}
