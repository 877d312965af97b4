//! Takes in what one item of an import names: a recording, two legs or a chat.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::chats::ChatSource;
use super::control::Run;
use super::import::unreadable;
use super::{ArchiveConfig, ArchiveError, ImportSpec, ReadBeside, ReadSidecar, Tools};
use crate::error::Classify;
use crate::ingest::{Failure, Origin};
use crate::listing::{self, ArchiveItem, ItemSource};
use crate::pipeline::{Accepted, Calls, PipelineError, Upload};

/// Bytes copied at once.
const BLOCK_BYTES: usize = 256 << 10;

/// What did not come of one item.
pub(super) enum Trouble {
    /// Not taken in, for good.
    Refused(Failure),
    /// Its archive cannot be read at the moment.
    Away(Failure),
    /// The machine refuses at the moment.
    Passing(PipelineError),
}

impl From<PipelineError> for Trouble {
    fn from(error: PipelineError) -> Self {
        if error.is_passing() || matches!(error, PipelineError::ShuttingDown) {
            return Self::Passing(error);
        }
        Self::Refused(Failure { reason: error.reason().to_owned(), message: error.to_string() })
    }
}

impl From<ArchiveError> for Trouble {
    fn from(error: ArchiveError) -> Self {
        Self::Refused(error.failure())
    }
}

/// What an archive says about a call that may name the customer: sealed while it waits with the job.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Private {
    pub(super) customer_name: Option<String>,
    /// Metadata as proto3 JSON.
    pub(super) beside: Option<String>,
}

impl Private {
    /// As it may be stored; nothing when there is nothing.
    pub(super) fn seal(&self, calls: &Calls) -> Result<Option<String>, ArchiveError> {
        if *self == Self::default() {
            return Ok(None);
        }
        // Two texts, always of a JSON form.
        let text = serde_json::to_vec(self).unwrap_or_default();
        Ok(Some(hex::encode(calls.seal(&text)?)))
    }

    fn open(sealed: Option<&str>, calls: &Calls) -> Result<Self, ArchiveError> {
        let Some(sealed) = sealed else { return Ok(Self::default()) };
        let bytes = hex::decode(sealed).unwrap_or_default();
        Ok(serde_json::from_slice(&calls.unseal(&bytes)?).unwrap_or_default())
    }
}

/// Takes in items of one job.
pub(super) struct Intake {
    calls: Arc<Calls>,
    origin: Origin,
    /// The archive: while it cannot be read, nothing of it is refused.
    root: PathBuf,
    /// Where the server may read; anywhere when there are none.
    roots: Vec<PathBuf>,
    chats: ChatSource,
    read_sidecar: Arc<ReadSidecar>,
    read_beside: Arc<ReadBeside>,
}

impl Intake {
    pub(super) fn new(run: &Run, spec: &ImportSpec, config: &ArchiveConfig, tools: &Tools) -> Self {
        let path = spec.path.as_path();
        let base = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        Self {
            calls: Arc::clone(&run.calls),
            origin: Origin::Job(run.job.id.clone()),
            root: spec.path.clone(),
            roots: config.roots.clone(),
            chats: ChatSource::new(Arc::clone(&tools.open_chats), spec.chats.clone(), base.to_owned()),
            read_sidecar: Arc::clone(&tools.read_sidecar),
            read_beside: Arc::clone(&tools.read_beside),
        }
    }

    pub(super) fn chats(&self) -> &ChatSource {
        &self.chats
    }

    /// Makes a call of `item`, of chat number `chat` of its file; durable when it returns.
    pub(super) fn take_in(
        &mut self,
        item: &ArchiveItem,
        private: Option<&str>,
        chat: Option<u64>,
    ) -> Result<Accepted, Trouble> {
        // Legs are decoded here, and a defect that one file meets must not end the job.
        let work = || self.take_in_unguarded(item, private, chat);
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(PipelineError::Panicked.into()))
    }

    fn take_in_unguarded(
        &mut self,
        item: &ArchiveItem,
        private: Option<&str>,
        chat: Option<u64>,
    ) -> Result<Accepted, Trouble> {
        for path in item.source.paths() {
            self.check(path)?;
        }
        let origin = self.origin.clone();
        if let ItemSource::ChatFile(path) = &item.source {
            let read = self.chats.get(path, chat.unwrap_or_default());
            let read = read.map_err(|error| self.io_trouble(&error))?;
            let read = read.ok_or(ArchiveError::Changed)?.map_err(Trouble::Refused)?;
            if read.call_id != item.call_id {
                return Err(ArchiveError::Changed.into());
            }
            return Ok(self.calls.accept_chat(read.call_id, read.metadata, &read.chat, origin)?);
        }
        // Read only now, and never kept with the job: it may name the customer.
        let mut metadata = item.metadata.clone();
        let private = Private::open(private, &self.calls)?;
        metadata.customer_name = private.customer_name.or(metadata.customer_name);
        if let Some(beside) = private.beside {
            metadata = (self.read_beside)(&beside, &metadata)
                .map_err(|problem| ArchiveError::Sidecar { problem })?;
        }
        for path in item.source.paths() {
            metadata =
                (self.read_sidecar)(path, &metadata).map_err(|problem| ArchiveError::Sidecar { problem })?;
        }
        let mut upload =
            self.calls.begin_upload(item.call_id.clone(), metadata, item.declaration.clone(), origin)?;
        match &item.source {
            ItemSource::File(path) => self.copy(path, &mut upload)?,
            ItemSource::Legs { first, second } => self.join(item, first, second, &mut upload)?,
            ItemSource::ChatFile(_) => {}
        }
        Ok(self.calls.accept(upload)?)
    }

    /// Whether the server may read there: a row of a manifest or a link may lead anywhere.
    fn check(&self, path: &Path) -> Result<(), Trouble> {
        let real = path.canonicalize().map_err(|error| self.io_trouble(&error))?;
        if !real.is_file() {
            return Err(Trouble::Refused(unreadable(&io::Error::other("it is no file"))));
        }
        let is_below = |root: &PathBuf| root.canonicalize().is_ok_and(|root| real.starts_with(root));
        if self.roots.is_empty() || self.roots.iter().any(is_below) {
            return Ok(());
        }
        Err(ArchiveError::NotAllowed { path: path.to_owned() }.into())
    }

    /// Whether a file alone cannot be read, or the whole archive, as when a share went away.
    fn io_trouble(&self, error: &io::Error) -> Trouble {
        let failure = unreadable(error);
        let is_of_file = matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidData
        );
        if is_of_file && self.root.exists() { Trouble::Refused(failure) } else { Trouble::Away(failure) }
    }

    fn copy(&self, path: &Path, upload: &mut Upload) -> Result<(), Trouble> {
        let mut file = fs::File::open(path).map_err(|error| self.io_trouble(&error))?;
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let num_bytes = match file.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(num_bytes) => num_bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.io_trouble(&error)),
            };
            if self.calls.is_stopping() {
                return Err(PipelineError::ShuttingDown.into());
            }
            upload.write(block.get(..num_bytes).unwrap_or_default())?;
        }
    }

    fn join(
        &self,
        item: &ArchiveItem,
        first: &Path,
        second: &Path,
        upload: &mut Upload,
    ) -> Result<(), Trouble> {
        let mut writer = UploadWriter { upload, error: None };
        let audio = self.calls.audio();
        let outcome = listing::join_legs(first, second, &item.declaration, audio, &mut writer);
        match (writer.error, outcome) {
            (Some(error), _) => Err(error.into()),
            (None, Ok(_)) => Ok(()),
            (None, Err(error)) => {
                let failure = Failure { reason: error.reason().to_owned(), message: error.to_string() };
                Err(Trouble::Refused(failure))
            }
        }
    }
}

/// Writes into an upload, and keeps what that refuses.
struct UploadWriter<'a> {
    upload: &'a mut Upload,
    error: Option<PipelineError>,
}

impl Write for UploadWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.upload.write(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.error = Some(error);
                Err(io::Error::other("the upload refuses"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
