//! Many calls that are done already, put into the store with two syncs for all of them: how a store is filled.
//!
//! What they leave is what [`Store::insert_call`] and [`Store::finish`] leave, call by call.
//!
//! **Invariant**: a record never names a result file that is not whole on the disk.

use std::borrow::Borrow;
use std::collections::HashSet;

use sled::Batch;

use super::calls::{index_keys, within_limits};
use super::record::{StoredCall, hit_rule_ids};
use super::{CallResult, Store, StoreError, keys};
use crate::catalog::Annotations;
use crate::ingest::{CallRecord, CallState};

/// A call whose result lies in its place.
struct Placed {
    record: CallRecord,
    new: StoredCall,
    value: Vec<u8>,
}

impl Store {
    /// Inserts calls together with their results; durable when it returns. Their state becomes [`CallState::Done`],
    /// whatever it says. Gives how many were new: a call that is there already, with the same bytes, stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an id belongs to other bytes and [`StoreError::MetadataTooLarge`], both before
    /// anything is written; [`StoreError::Unstorable`] when a result would not read back; anything the disk fails
    /// with. Then some of the calls are there, each as a whole.
    pub fn insert_finished(
        &self,
        calls: &[(CallRecord, impl Borrow<CallResult>)],
    ) -> Result<usize, StoreError> {
        self.check()?;
        let (mut fresh, mut seen) = (Vec::new(), HashSet::new());
        for (record, result) in calls {
            let result: &CallResult = result.borrow();
            within_limits(record)?;
            match self.stored(&record.id)? {
                Some(stored) => same_bytes(&stored.record, record)?,
                None if seen.insert(&record.id) => fresh.push((record, result)),
                None => {}
            }
        }
        let mut staged = Vec::new();
        for (record, result) in fresh {
            staged.push((record, result, self.results.stage(result)?));
        }
        let mut placed = Vec::new();
        for (record, result, file) in staged {
            let done = CallRecord {
                state: CallState::Done,
                duration: result.audio.as_ref().map(|audio| audio.duration).or(record.duration),
                ..record.clone()
            };
            let (new, value) = StoredCall::judged(done, result, 1)?;
            let _guard = self.guard(&record.id);
            if self.stored(&record.id)?.is_none() {
                self.results.place(file, &new.result_name())?;
                placed.push((Placed { record: record.clone(), new, value }, result));
            }
        }
        self.results.sync()?;
        let mut num_new = 0;
        for (call, result) in placed {
            let _guard = self.guard(&call.record.id);
            if let Some(stored) = self.stored(&call.record.id)? {
                // Came in by another way meanwhile.
                same_bytes(&stored.record, &call.record)?;
                continue;
            }
            self.insert_placed(call, result)?;
            num_new += 1;
        }
        self.commit()?;
        Ok(num_new)
    }

    fn insert_placed(&self, call: Placed, result: &CallResult) -> Result<(), StoreError> {
        let Placed { record: _, new, value } = call;
        let mut batch = Batch::default();
        batch.insert(keys::call(&new.record.id), value);
        for key in index_keys(&new) {
            batch.insert(key, &[]);
        }
        for rule in hit_rule_ids(&result.analysis) {
            let entry = keys::indexed(&keys::rule(&rule), new.record.received_at, &new.record.id);
            batch.insert(entry, &[]);
        }
        let (row, tables) =
            self.judged_row(None, &new, Annotations::default(), Some((&result.analysis, &result.parts)));
        self.keep_tables(tables)?;
        self.apply_with(batch, None, row)
    }
}

fn same_bytes(stored: &CallRecord, offered: &CallRecord) -> Result<(), StoreError> {
    let (stored, hash) = (stored.recording.hash, offered.recording.hash);
    if stored == hash {
        Ok(())
    } else {
        Err(StoreError::Conflict { id: offered.id.clone(), stored, offered: hash })
    }
}
