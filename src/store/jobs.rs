//! Jobs over many calls: what was asked, how far it is, and for some of them what is to be done one by one.
//!
//! The store does not know what a job is. It keeps one value for each and numbered values of its items.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::Batch;

use super::{Store, StoreError, codec, keys};
use crate::types::JobId;

/// Items that are removed in one step.
const MAX_REMOVED: usize = 10_000;

impl Store {
    /// Keeps a job, over what was kept under its id; durable when it returns.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn put_job<J: Serialize>(&self, id: &JobId, job: &J) -> Result<(), StoreError> {
        self.check()?;
        let mut batch = Batch::default();
        batch.insert(keys::job(id), codec::encode(job, "job")?);
        self.apply(batch)?;
        self.commit()
    }

    /// All jobs by id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one is damaged; anything the disk fails with.
    pub fn jobs<J: DeserializeOwned>(&self) -> Result<Vec<J>, StoreError> {
        let mut jobs = Vec::new();
        for entry in self.index.scan_prefix(keys::JOB) {
            let (_, value) = entry?;
            jobs.push(codec::decode(&value, "job")?);
        }
        Ok(jobs)
    }

    /// Keeps items of a job under the numbers from `first` on. Not waited for: [`put_job`](Self::put_job) is.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn put_items<I: Serialize>(&self, id: &JobId, first: u64, items: &[I]) -> Result<(), StoreError> {
        self.check()?;
        let mut batch = Batch::default();
        for (number, item) in (first..).zip(items) {
            batch.insert(keys::job_item(id, number), codec::encode(item, "item of a job")?);
        }
        self.apply(batch)
    }

    /// Items of a job with their numbers, from number `first` on, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one is damaged; anything the disk fails with.
    pub fn items<I: DeserializeOwned>(
        &self,
        id: &JobId,
        first: u64,
        limit: usize,
    ) -> Result<Vec<(u64, I)>, StoreError> {
        let prefix = keys::job_items(id);
        let end = keys::after(&prefix).ok_or(StoreError::Corrupt { what: "index" })?;
        let mut items = Vec::new();
        for entry in self.index.range(keys::job_item(id, first)..end).take(limit) {
            let (key, value) = entry?;
            let number = key.get(prefix.len()..).and_then(|number| number.try_into().ok());
            let number = number.ok_or(StoreError::Corrupt { what: "index" })?;
            items.push((u64::from_be_bytes(number), codec::decode(&value, "item of a job")?));
        }
        Ok(items)
    }

    /// Forgets all items of a job.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn remove_items(&self, id: &JobId) -> Result<(), StoreError> {
        self.check()?;
        loop {
            let mut batch = Batch::default();
            let mut number = 0;
            for entry in self.index.scan_prefix(keys::job_items(id)).take(MAX_REMOVED) {
                batch.remove(entry?.0);
                number += 1;
            }
            self.apply(batch)?;
            if number < MAX_REMOVED {
                return Ok(());
            }
        }
    }

    /// Forgets a job and its items; durable when it returns.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn remove_job(&self, id: &JobId) -> Result<(), StoreError> {
        // The items first: a job that is still there is removed again after a crash.
        self.remove_items(id)?;
        let mut batch = Batch::default();
        batch.remove(keys::job(id));
        self.apply(batch)?;
        self.commit()
    }
}
