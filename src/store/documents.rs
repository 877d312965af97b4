//! What people and the program decide beside the calls: reviews, alerts, improvements and the like.
//!
//! The store does not know what they are. A document has a family and a key; keys sort as their bytes do. Several
//! documents, and what they say about a call's row, are written in one step.
//!
//! **Invariant**: what is written together is there together or not at all.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::Batch;

use super::calls::MAX_VALUE_BYTES;
use super::record::StoredCall;
use super::{Store, StoreError, codec, keys, row};
use crate::catalog::Annotations;
use crate::types::CallId;

/// What documents of a kind are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Alerts, by their number.
    Alert,
    /// What was done about alerts.
    AlertEvent,
    /// Where alerts are sent, and how far each receiver is.
    AlertReceiver,
    /// What could not be delivered.
    DeadLetter,
    /// The review of a call, by the call. Goes with the call.
    Review,
    /// What is still to be reviewed, and who has it, by the call. Goes with the call.
    ReviewTask,
    /// Sampling plans.
    ReviewPlan,
    /// Improvements.
    Improvement,
    /// What mining over all calls found.
    Mining,
    /// What a model says about a call, by the call. Goes with the call.
    Opinion,
    /// How far a follower of the changes is.
    Cursor,
}

impl Family {
    /// Whether documents of it are of one call, whose id their keys begin with, and go with it.
    fn is_of_call(self) -> bool {
        match self {
            Self::Review | Self::ReviewTask | Self::Opinion => true,
            Self::Alert
            | Self::AlertEvent
            | Self::AlertReceiver
            | Self::DeadLetter
            | Self::ReviewPlan
            | Self::Improvement
            | Self::Mining
            | Self::Cursor => false,
        }
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Alert => b'a',
            Self::AlertEvent => b'e',
            Self::AlertReceiver => b'w',
            Self::DeadLetter => b'd',
            Self::Review => b'r',
            Self::ReviewTask => b't',
            Self::ReviewPlan => b'p',
            Self::Improvement => b'i',
            Self::Mining => b'm',
            Self::Opinion => b'o',
            Self::Cursor => b'c',
        }
    }

    /// Families whose documents go with their call.
    pub(super) fn of_calls() -> impl Iterator<Item = Self> {
        [Self::Review, Self::ReviewTask, Self::Opinion].into_iter().filter(|family| family.is_of_call())
    }
}

/// Documents that can be read, and which cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable<T> {
    /// Keys and documents, in the order of their keys.
    pub documents: Vec<(Vec<u8>, T)>,
    /// Keys of those that are damaged, in order. Nothing else is known of them, and what is written under such a key
    /// is written over them.
    pub damaged: Vec<Vec<u8>>,
}

/// Documents to be written, or removed, in one step.
#[derive(Debug, Default)]
pub struct Writes {
    batch: Batch,
}

impl Writes {
    /// Writes a document, over the one before.
    ///
    /// # Errors
    /// [`StoreError::ValueTooLarge`] above 6 KiB compressed; [`StoreError::Unstorable`].
    pub fn put<T: Serialize>(&mut self, family: Family, key: &[u8], document: &T) -> Result<(), StoreError> {
        let value = codec::encode(document, "document")?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(StoreError::ValueTooLarge { limit: MAX_VALUE_BYTES, actual: value.len() });
        }
        self.batch.insert(keys::document(family.byte(), key), value);
        Ok(())
    }

    /// Removes a document.
    pub fn remove(&mut self, family: Family, key: &[u8]) {
        self.batch.remove(keys::document(family.byte(), key));
    }
}

impl Store {
    /// Writes documents in one step; durable when it returns.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn write(&self, writes: Writes) -> Result<(), StoreError> {
        self.check()?;
        self.apply(writes.batch)?;
        self.commit()
    }

    /// Changes what is said about a call, and writes documents, in one step; durable when it returns. `change` may be
    /// asked only once; whatever it returns is written.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such call; the error of `change`; [`StoreError::ValueTooLarge`] when more
    /// than about 4 KiB would be said about the call; anything the disk fails with.
    pub fn annotate<T, E: From<StoreError>>(
        &self,
        id: &CallId,
        change: impl FnOnce(&mut Annotations, &mut Writes) -> Result<T, E>,
    ) -> Result<T, E> {
        self.check()?;
        let outcome = {
            let _guard = self.guard(id);
            let stored = self.stored(id)?.ok_or_else(|| StoreError::NotFound { id: id.clone() })?;
            let old = self.row(id)?;
            let mut annotations = self.annotations(id)?;
            let mut writes = Writes::default();
            let outcome = change(&mut annotations, &mut writes)?;
            self.score_again(&mut annotations, &stored)?;
            if annotations.is_empty() {
                writes.batch.remove(keys::annotations(id));
            } else {
                writes.batch.insert(keys::annotations(id), row::encode_annotations(&annotations)?);
            }
            let mut row = self.moved_row(old.as_ref(), &stored);
            row.annotations = annotations;
            self.apply_with(writes.batch, old.as_ref(), row)?;
            outcome
        };
        self.commit()?;
        Ok(outcome)
    }

    /// Makes what counts of the score anew, of what is decided now.
    fn score_again(&self, annotations: &mut Annotations, stored: &StoredCall) -> Result<(), StoreError> {
        let Some(review) = annotations.review.as_mut() else { return Ok(()) };
        review.unsettle();
        if !stored.has_result || (review.finals.is_empty() && review.hands.is_empty()) {
            return Ok(());
        }
        if stored.record.metadata.segments.len() > 1 {
            let result = self.results.read(&stored.result_name())?;
            let parts = row::own_parts(stored, &result.parts);
            review.settle(&result.analysis, parts.iter().map(|part| &part.analysis));
        } else {
            review.settle(&self.results.read_analysis(&stored.result_name())?, []);
        }
        Ok(())
    }

    /// Changes what is said about many calls, each in one step, with one sync for all; durable when it returns. `change`
    /// is told the place of the call in `ids`. Calls that are no more, or about which too much would be said, are passed over, and a call about which nothing else
    /// is said then is not a change. Gives how many were changed.
    ///
    /// # Errors
    /// Anything the disk fails with; the calls before are changed then.
    pub fn annotate_many(
        &self,
        ids: &[CallId],
        mut change: impl FnMut(usize, &mut Annotations),
    ) -> Result<usize, StoreError> {
        self.check()?;
        let mut num_changed = 0;
        for (at, id) in ids.iter().enumerate() {
            let _guard = self.guard(id);
            let Some(stored) = self.stored(id)? else { continue };
            let before = self.annotations(id)?;
            let mut annotations = before.clone();
            change(at, &mut annotations);
            if annotations == before {
                continue;
            }
            match self.score_again(&mut annotations, &stored) {
                Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                    tracing::error!(call = %id, %error, "a call is passed over");
                    continue;
                }
                outcome => outcome?,
            }
            let old = self.row(id)?;
            let mut batch = Batch::default();
            if annotations.is_empty() {
                batch.remove(keys::annotations(id));
            } else {
                match row::encode_annotations(&annotations) {
                    Ok(value) => batch.insert(keys::annotations(id), value),
                    Err(error @ StoreError::ValueTooLarge { .. }) => {
                        tracing::error!(call = %id, %error, "a call is passed over");
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            let mut row = self.moved_row(old.as_ref(), &stored);
            row.annotations = annotations;
            self.apply_with(batch, old.as_ref(), row)?;
            num_changed += 1;
        }
        if num_changed > 0 {
            self.commit()?;
        }
        Ok(num_changed)
    }

    /// A document; `None` when there is none of this key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; anything the disk fails with.
    pub fn document<T: DeserializeOwned>(&self, family: Family, key: &[u8]) -> Result<Option<T>, StoreError> {
        let value = self.index.get(keys::document(family.byte(), key))?;
        value.map(|value| codec::decode(&value, "document")).transpose()
    }

    /// Documents whose keys begin with `prefix`, in the order of their keys, those after the key `after` only, at most
    /// `limit` of them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one is damaged; anything the disk fails with.
    pub fn documents<T: DeserializeOwned>(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let mut documents = Vec::new();
        for entry in self.entries(family, prefix, after)?.take(limit) {
            let (key, value) = entry?;
            documents.push((key, codec::decode(&value, "document")?));
        }
        Ok(documents)
    }

    /// As [`documents`](Self::documents), but damaged ones are passed over and told of: for whoever must go on without them.
    /// They do not count towards `limit`, so fewer documents than `limit` are all that are left.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn documents_readable<T: DeserializeOwned>(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Readable<T>, StoreError> {
        let mut found = Readable { documents: Vec::new(), damaged: Vec::new() };
        for entry in self.entries(family, prefix, after)? {
            if found.documents.len() >= limit {
                break;
            }
            let (key, value) = entry?;
            match codec::decode(&value, "document") {
                Ok(document) => found.documents.push((key, document)),
                Err(StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. }) => {
                    found.damaged.push(key)
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(first) = found.damaged.first() {
            let (num_damaged, first) = (found.damaged.len(), first.escape_ascii());
            tracing::warn!(?family, num_damaged, %first, "damaged documents are passed over");
        }
        Ok(found)
    }

    /// Keys and frames of the documents of a list.
    fn entries(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<impl Iterator<Item = Result<(Vec<u8>, sled::IVec), StoreError>>, StoreError> {
        let head = keys::document(family.byte(), &[]);
        let first = keys::concat(&[&head, prefix]);
        let end = keys::after(&first).ok_or(StoreError::Corrupt { what: "index" })?;
        let start = after.map_or(first, |after| keys::concat(&[&head, after, &[0]]));
        // An empty range, where `after` lies behind all of them.
        let start = start.min(end.clone());
        Ok(self.index.range(start..end).map(move |entry| {
            let (key, value) = entry?;
            Ok((key.get(head.len()..).unwrap_or_default().to_vec(), value))
        }))
    }
}
