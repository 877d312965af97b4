//! The front of the pipeline: takes calls in, runs them on worker threads, tells how far they are, deletes them.
//!
//! The queue is the store's index of unfinished calls, so it holds as many calls as the disk and survives every kind of
//! end; nothing is refused because much is waiting.
//!
//! **Invariant**: [`Calls::accept`] returns when the call is durable, and not before.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

use super::board::Board;
use super::upload::{Accepted, Upload};
use super::worker::Shared;
use super::{CallProgress, PipelineConfig, PipelineError, Privacy};
use crate::analysis::RuleSet;
use crate::audio::AudioConfig;
use crate::dialogue::Chat;
use crate::ingest::{BlobStore, CallRecord, CallState, Origin, Recording};
use crate::masking::MaskingConfig;
use crate::speech::Transcriber;
use crate::store::{Inserted, Store};
use crate::types::{AudioDeclaration, CallId, CallMetadata};

/// All calls of one data directory and the threads that run them. All methods block.
#[derive(Debug)]
pub struct Calls {
    pub(super) shared: Arc<Shared>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl Calls {
    /// Mends what a crash left between store and recordings, and starts the workers, which go on with every call that
    /// is not finished.
    ///
    /// # Errors
    /// [`PipelineError::Store`] or [`PipelineError::Ingest`] when the disk fails; [`PipelineError::Masking`] when the key
    /// cannot be had; [`PipelineError::Threads`].
    pub fn start(
        config: PipelineConfig,
        store: Arc<Store>,
        blobs: BlobStore,
        transcriber: Arc<dyn Transcriber>,
        rules: Arc<RuleSet>,
    ) -> Result<Self, PipelineError> {
        let privacy = Privacy::open(&MaskingConfig::default(), store.data_dir())?;
        Self::start_with(config, store, blobs, transcriber, rules, privacy)
    }

    /// Like [`start`](Self::start), masking as `privacy` says instead of everything under a key in the data directory.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        config: PipelineConfig,
        store: Arc<Store>,
        blobs: BlobStore,
        transcriber: Arc<dyn Transcriber>,
        rules: Arc<RuleSet>,
        privacy: Privacy,
    ) -> Result<Self, PipelineError> {
        blobs.recover(|hash| store.is_blob_used(hash).map_err(PipelineError::from))?;
        // Their attempts stay counted: one of these calls may be what ended the process, so each runs alone now.
        for record in store.begun_calls()? {
            tracing::info!(call = %record.id, num_attempts = record.num_attempts, "call resumed");
            store.set_state(&record, CallState::Accepted, None)?;
        }
        let num_workers = config.num_workers.max(1);
        let board = Board::default();
        let shared =
            Arc::new(Shared { config, store, blobs, transcriber, rules, privacy: Arc::new(privacy), board });
        let calls = Self { shared, workers: Mutex::default() };
        for index in 0..num_workers {
            let shared = calls.shared.clone();
            let worker = thread::Builder::new()
                .name(format!("call-{index}"))
                .spawn(move || shared.work())
                .map_err(|source| PipelineError::Threads { source })?;
            calls.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
        Ok(calls)
    }

    /// Begins to take in a call. Dropping what is returned leaves nothing behind.
    ///
    /// # Errors
    /// [`PipelineError::ShuttingDown`]; [`PipelineError::Ingest`] when the disk refuses.
    pub fn begin_upload(
        &self,
        id: CallId,
        metadata: CallMetadata,
        declaration: AudioDeclaration,
        origin: Origin,
    ) -> Result<Upload, PipelineError> {
        if self.shared.board.is_stopping() {
            return Err(PipelineError::ShuttingDown);
        }
        self.shared.store.check()?;
        Ok(Upload { id, metadata, declaration, origin, blob: self.shared.blobs.stage()? })
    }

    /// Seals bytes that may hold personal data and lie outside of calls; the same bytes give the same.
    ///
    /// # Errors
    /// [`PipelineError::Masking`] for more bytes than can be sealed at once.
    pub fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, PipelineError> {
        Ok(self.shared.privacy.seal_content(bytes)?)
    }

    /// Opens what [`seal`](Self::seal) sealed.
    ///
    /// # Errors
    /// [`PipelineError::Masking`] when another key sealed it, or nobody did.
    pub fn unseal(&self, bytes: &[u8]) -> Result<Vec<u8>, PipelineError> {
        Ok(self.shared.privacy.open_content(bytes)?)
    }

    /// Accepts a chat, sealed, because its text may hold anything; durable when it returns. Otherwise as
    /// [`accept`](Self::accept).
    ///
    /// # Errors
    /// Those of [`begin_upload`](Self::begin_upload) and [`accept`](Self::accept); [`PipelineError::Chat`] when the chat
    /// is too large; [`PipelineError::Masking`].
    pub fn accept_chat(
        &self,
        id: CallId,
        metadata: CallMetadata,
        chat: &Chat,
        origin: Origin,
    ) -> Result<Accepted, PipelineError> {
        let mut upload = self.begin_upload(id, metadata, AudioDeclaration::default(), origin)?;
        upload.write(&self.shared.privacy.seal_content(&chat.to_json()?)?)?;
        self.accept(upload)
    }

    /// Accepts a call whose bytes have all arrived; durable when it returns. The same id with the same bytes is the
    /// same call, whatever is said about it the second time; if it had failed, it waits again.
    ///
    /// # Errors
    /// [`PipelineError::Ingest`] when it is empty or the disk refuses; [`PipelineError::Store`] when the id belongs to
    /// other bytes (`ingest.conflict`), the metadata is too large, or the disk refuses.
    pub fn accept(&self, upload: Upload) -> Result<Accepted, PipelineError> {
        let Upload { id, metadata, declaration, origin, blob } = upload;
        let blob = blob.seal()?;
        let hash = blob.hash();
        let received_at = jiff::Timestamp::from_microsecond(jiff::Timestamp::now().as_microsecond())
            .expect("a time of this clock is a valid time");
        // The name of the file may hold that of the customer.
        let name = metadata.customer_name.clone();
        let metadata = self.shared.privacy.seal_name(metadata, &id, received_at)?;
        let mut declaration = declaration;
        if let (Some(name), Some(shown), Some(file)) =
            (name.filter(|name| !name.is_empty()), &metadata.customer_name, &mut declaration.file_name)
        {
            *file = file.replace(&name, shown);
        }
        let record = CallRecord {
            id,
            metadata,
            recording: Recording { hash, num_bytes: blob.num_bytes(), declaration },
            received_at,
            state: CallState::Accepted,
            num_attempts: 0,
            duration: None,
            origin,
        };
        let store = &self.shared.store;
        let inserted = self.shared.blobs.place(
            blob,
            || store.insert_call(&record).map_err(PipelineError::from),
            || Ok(store.is_blob_used(&hash)?),
        )?;
        match inserted {
            Inserted::New => {
                tracing::info!(call = %record.id, num_bytes = record.recording.num_bytes, "call accepted");
                self.shared.board.notify();
                Ok(Accepted { record, already_present: false })
            }
            Inserted::Same(stored) => {
                // It may have failed before and wait again now.
                self.shared.board.notify();
                Ok(Accepted { record: *stored, already_present: true })
            }
        }
    }

    /// Follows a call: its state now, then every change; the last value is done or failed. A receiver whose sender goes
    /// without such a value means that the server shuts down.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](crate::store::StoreError::NotFound) when there is no such call; anything the disk fails with.
    pub fn watch(&self, id: &CallId) -> Result<watch::Receiver<CallProgress>, PipelineError> {
        self.shared.board.watch(&self.shared.store, id)
    }

    /// Sends to `listener` whenever calls ended or were deleted since it last received, until it is dropped.
    pub fn add_listener(&self, listener: SyncSender<()>) {
        self.shared.board.add_listener(listener);
    }

    /// Whether the pipeline takes no more calls because the process is ending.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.shared.board.is_stopping()
    }

    /// How recordings are read.
    #[must_use]
    pub fn audio(&self) -> &AudioConfig {
        &self.shared.config.audio
    }

    /// Worker threads.
    #[must_use]
    pub fn num_workers(&self) -> usize {
        self.shared.config.num_workers.max(1)
    }

    /// The rules that calls are judged by.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.shared.rules
    }

    /// Deletes a call with its result and, when no other call has it, its audio; interrupts it when it is under way.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](crate::store::StoreError::NotFound) when there is no such call; anything the disk fails with.
    pub fn delete(&self, id: &CallId) -> Result<(), PipelineError> {
        let Shared { store, blobs, board, .. } = self.shared.as_ref();
        let hash = store.audio_of(id)?;
        let actual = blobs.release(
            &hash,
            || store.delete_call(id).map_err(PipelineError::from),
            || Ok(store.is_blob_used(&hash)?),
        )?;
        board.deleted(id);
        if actual != hash {
            // Deleted and sent again with other bytes between the first look and the deletion.
            blobs.release::<(), PipelineError>(&actual, || Ok(()), || Ok(store.is_blob_used(&actual)?))?;
        }
        Ok(())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The store, for questions.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Takes no more calls, lets those under way end for up to the configured grace, interrupts the rest and waits for
    /// the workers. Interrupted calls wait in the store for the next start.
    pub fn shutdown(&self) {
        self.stop(Duration::from_millis(self.shared.config.shutdown_grace.0));
    }

    fn stop(&self, grace: Duration) {
        self.shared.board.stop(grace);
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            if worker.join().is_err() {
                tracing::error!("a worker ended with a panic");
            }
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}
