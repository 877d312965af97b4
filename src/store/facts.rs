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
use super::{Store, StoreError, codec, keys, row};
use crate::catalog::{Annotations, CallFacts, Catalog, RuleTable};
use crate::types::CallId;

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
    pub(super) next: Mutex<Next>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Next {
    change: u64,
    pub(super) number: u32,
}

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
        let end = keys::after(keys::CHANGE).ok_or(StoreError::Corrupt { what: "index" })?;
        // A change that is being written stands in the index before the catalog has its row: whoever asked for the row then
        // would get the one before, and never come back.
        let last = self.last_change();
        let mut changes = Vec::new();
        for entry in self.index.range(keys::change(after.saturating_add(1))..end).take(limit) {
            let (key, value) = entry?;
            let change = change_of(&key, &value)?;
            if change.change > last {
                break;
            }
            changes.push(change);
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

    /// The row of a call as it lies on the disk.
    pub(super) fn row(&self, id: &CallId) -> Result<Option<CallFacts>, StoreError> {
        let value = self.index.get(keys::facts(id))?;
        // Of another call, it is damage like any other.
        Ok(value.and_then(|value| codec::decode_row(&value)).filter(|row| row.id == *id))
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
        let row = CallFacts { change: next.change + 1, ..row::within_bytes(new) };
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

    /// Applies `batch` together with the removal of the row of a call. What remains of the call is a number. To be called
    /// under the call's guard.
    pub(super) fn apply_removal(&self, mut batch: Batch, id: &CallId) -> Result<(), StoreError> {
        let known = match self.row(id)? {
            Some(row) => vec![Change { change: row.change, number: row.number, id: None }],
            // Its row does not tell under which numbers it is known: the order of changes does.
            None => self.changes_of(id)?,
        };
        let mut next = self.feed.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut change = next.change;
        batch.remove(keys::facts(id));
        let mut gone = Vec::new();
        for Change { change, number, .. } in known {
            batch.remove(keys::change(change));
            // A number that a damaged row claims may be another call's.
            if !gone.contains(&number) && self.catalog().call(number).is_none_or(|row| row.id == *id) {
                gone.push(number);
            }
        }
        for number in &gone {
            change += 1;
            batch.insert(keys::change(change), &number.to_be_bytes());
        }
        self.apply(batch)?;
        next.change = change;
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        gone.into_iter().for_each(|number| catalog.remove(number));
        self.feed.changed.notify_all();
        Ok(())
    }

    /// Every entry of a call in the order of changes. Reads the whole order.
    fn changes_of(&self, id: &CallId) -> Result<Vec<Change>, StoreError> {
        let mut found = Vec::new();
        for entry in self.index.scan_prefix(keys::CHANGE) {
            let (key, value) = entry?;
            let change = change_of(&key, &value)?;
            if change.id.as_ref() == Some(id) {
                found.push(change);
            }
        }
        Ok(found)
    }

    /// Takes out of the order of changes what belongs to no row, and tells that numbers without a row are gone. Entries are
    /// left when a row was made anew under another number, because the one before could not be read.
    fn sweep_changes(&self) -> Result<(), StoreError> {
        let last = self.last_change();
        for entry in self.index.scan_prefix(keys::CHANGE) {
            let (key, value) = entry?;
            let entry = change_of(&key, &value)?;
            if entry.change > last {
                // From now on all is right.
                break;
            }
            let is_right = |row: Option<&CallFacts>| row.is_some_and(|row| row.change == entry.change);
            if entry.id.is_none() || is_right(self.catalog().call(entry.number)) {
                continue;
            }
            let mut next = self.feed.next.lock().unwrap_or_else(PoisonError::into_inner);
            let (is_right, is_known) = {
                let catalog = self.catalog();
                let row = catalog.call(entry.number);
                (is_right(row), row.is_some())
            };
            if is_right || !self.index.contains_key(&key)? {
                // Changed meanwhile.
                continue;
            }
            let mut batch = Batch::default();
            batch.remove(&*key);
            let change = next.change + 1;
            if !is_known {
                batch.insert(keys::change(change), &entry.number.to_be_bytes());
            }
            self.apply(batch)?;
            if !is_known {
                next.change = change;
                self.feed.changed.notify_all();
            }
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
            let (key, value) = entry?;
            match codec::decode_row(&value)
                .filter(|row| key.get(keys::FACTS.len()..) == Some(row.id.as_str().as_bytes()))
            {
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
        for entry in self.index.scan_prefix(keys::CALL) {
            let (key, _) = entry?;
            let id = key.get(keys::CALL.len()..).and_then(|id| str::from_utf8(id).ok());
            let Some(id) = id.and_then(|id| CallId::try_new(id).ok()) else { continue };
            report.num_calls += 1;
            match self.mend_row(&id) {
                Ok(is_mended) => report.num_mended += u64::from(is_mended),
                Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                    tracing::error!(call = %id, %error, "a call is passed over");
                    report.num_damaged += 1;
                }
                Err(error) => return Err(error),
            }
        }
        report.num_removed = self.remove_rows_of_none()?;
        self.sweep_changes()?;
        self.commit()?;
        Ok(report)
    }

    /// Writes the row of a call if it is not as it has to be; gives whether it was not.
    fn mend_row(&self, id: &CallId) -> Result<bool, StoreError> {
        let _guard = self.guard(id);
        let Some(stored) = self.stored(id)? else { return Ok(false) };
        let old = self.row(id)?;
        let (mut row, tables) = self.row_of(old.as_ref(), &stored)?;
        self.keep_tables(tables)?;
        row = row::within_bytes(row);
        row.change = old.as_ref().map_or(0, |old| old.change);
        if old.as_ref() == Some(&row) && self.catalog().call(row.number) == Some(&row) {
            return Ok(false);
        }
        self.apply_with(Batch::default(), old.as_ref(), row)?;
        Ok(true)
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

    fn remove_rows_of_none(&self) -> Result<u64, StoreError> {
        let mut num_removed = 0;
        for key in self.index.scan_prefix(keys::FACTS).keys() {
            let key = key?;
            let id = key.get(keys::FACTS.len()..).and_then(|id| str::from_utf8(id).ok());
            let Some(id) = id.and_then(|id| CallId::try_new(id).ok()) else { continue };
            let _guard = self.guard(&id);
            if self.index.contains_key(keys::call(&id))? {
                // Also when it is damaged: that was told.
                continue;
            }
            self.apply_removal(Batch::default(), &id)?;
            num_removed += 1;
        }
        Ok(num_removed)
    }
}

/// An entry of the order of changes.
fn change_of(key: &[u8], value: &[u8]) -> Result<Change, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "index" };
    let change = keys::number_of(keys::CHANGE, key).ok_or_else(corrupt)?;
    let (number, id) = value.split_first_chunk().ok_or_else(corrupt)?;
    let id = (!id.is_empty()).then(|| str::from_utf8(id).ok().and_then(|id| CallId::try_new(id).ok()));
    let id = id.map(|id| id.ok_or_else(corrupt)).transpose()?;
    Ok(Change { change, number: u32::from_be_bytes(*number), id })
}
