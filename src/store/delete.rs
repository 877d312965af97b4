//! Takes a call out of the store with all its traces, also when its record or result can no longer be read.
//!
//! A record names all traces of its call. Without it they are searched in the whole index, which takes seconds with
//! millions of calls and is the only way left to obey a deletion.
//!
//! **Invariant**: a deletion that was acknowledged leaves neither entry nor result file, even after a kill in its middle.

use sled::Batch;

use super::calls::index_keys;
use super::record::StoredCall;
use super::results::ResultFiles;
use super::{Family, Store, StoreError, keys};
use crate::types::{CallId, ContentHash};

/// What is to go with a call.
struct Traces {
    keys: Vec<Vec<u8>>,
    /// Name of the result file, whether or not there is one: a kill may have left one that the record does not know.
    result: String,
    /// Its audio, which stays until no call has it.
    audio: ContentHash,
}

impl Store {
    /// Removes a call, its result and its place in every index; durable when it returns. A damaged call goes as well.
    /// Its audio, whose hash is returned, stays: see [`Store::is_blob_used`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such call; anything the disk fails with.
    pub fn delete_call(&self, id: &CallId) -> Result<ContentHash, StoreError> {
        self.check()?;
        let _guard = self.guard(id);
        let mut traces = self.traces(id)?;
        traces.keys.push(keys::annotations(id));
        let of_call = keys::concat(&[id.as_str().as_bytes(), &[0]]);
        for family in Family::of_calls() {
            for entry in self.index.scan_prefix(keys::document(family.byte(), &of_call)) {
                traces.keys.push(entry?.0.to_vec());
            }
        }
        let mut batch = Batch::default();
        for key in traces.keys {
            batch.remove(key);
        }
        batch.insert(keys::gone(&traces.result), &[]);
        self.apply_removal(batch, id)?;
        self.commit()?;
        self.finish_deletion(&traces.result)?;
        Ok(traces.audio)
    }

    /// The audio of a call, also of a damaged one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such call; anything the disk fails with.
    pub fn audio_of(&self, id: &CallId) -> Result<ContentHash, StoreError> {
        let _guard = self.guard(id);
        Ok(self.traces(id)?.audio)
    }

    /// Whether any call carries the audio `hash`.
    ///
    /// # Errors
    /// Anything the disk fails with.
    pub fn is_blob_used(&self, hash: &ContentHash) -> Result<bool, StoreError> {
        Ok(self.index.scan_prefix(keys::blob(hash)).next().transpose()?.is_some())
    }

    fn traces(&self, id: &CallId) -> Result<Traces, StoreError> {
        let named = match self.stored(id) {
            Ok(Some(stored)) => self.named_traces(&stored),
            Ok(None) => Err(StoreError::NotFound { id: id.clone() }),
            Err(error) => Err(error),
        };
        match named {
            Err(StoreError::Corrupt { .. }) => self.search_traces(id),
            outcome => outcome,
        }
    }

    fn named_traces(&self, stored: &StoredCall) -> Result<Traces, StoreError> {
        let (id, received_at) = (&stored.record.id, stored.record.received_at);
        let mut keys = index_keys(stored);
        keys.push(keys::call(id));
        for rule in self.hits(stored)? {
            keys.push(keys::indexed(&keys::rule(&rule), received_at, id));
        }
        let (result, audio) = (ResultFiles::name(id, received_at), stored.record.recording.hash);
        Ok(Traces { keys, result, audio })
    }

    fn search_traces(&self, id: &CallId) -> Result<Traces, StoreError> {
        let (mut keys, mut received_at, mut audio) = (Vec::new(), None, None);
        for entry in self.index.iter() {
            let (key, _) = entry?;
            if keys::owner(&key) == Some(id.as_str().as_bytes()) {
                received_at = received_at.or(keys::received_at(&key));
                audio = audio.or(keys::audio(&key));
                keys.push(key.to_vec());
            }
        }
        let (Some(received_at), Some(audio)) = (received_at, audio) else {
            return Err(StoreError::Corrupt { what: "index" });
        };
        Ok(Traces { keys, result: ResultFiles::name(id, received_at), audio })
    }

    /// Removes result files whose calls are gone: what a kill in the middle of a deletion left.
    pub(super) fn finish_deletions(&self) -> Result<(), StoreError> {
        let mut names = Vec::new();
        for entry in self.index.scan_prefix(keys::GONE) {
            let (key, _) = entry?;
            let name = key.strip_prefix(keys::GONE).and_then(|name| str::from_utf8(name).ok());
            names.push(name.ok_or(StoreError::Corrupt { what: "index" })?.to_owned());
        }
        for name in names {
            self.finish_deletion(&name)?;
        }
        Ok(())
    }

    fn finish_deletion(&self, name: &str) -> Result<(), StoreError> {
        self.results.remove(name)?;
        self.index.remove(keys::gone(name))?;
        Ok(())
    }
}
