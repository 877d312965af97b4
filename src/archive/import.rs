//! Takes in the recordings of an archive, a few at a time.
//!
//! What there is to import is listed once and kept item by item. An item is noted as accepted after its call is durable;
//! a crash in between shows when the item is taken in again, because the call then bears the job's name already.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fs_err as fs;

use super::chats::ChatSource;
use super::control::{Run, Wanted};
use super::{
    ArchiveConfig, ArchiveError, ImportSpec, ItemOutcome, JobCounts, JobItem, JobState, ReadChat,
    ReadSidecar, Tools,
};
use crate::audio::AudioConfig;
use crate::error::{Chain, Classify};
use crate::ingest::{CallState, Failure, Origin};
use crate::listing::{
    self, ArchiveItem, ItemSource, JoinError, LegSuffixes, ListingOptions, ListingProblem, NamePattern,
};
use crate::pipeline::{Accepted, PipelineError, Upload};
use crate::types::{AudioDeclaration, CallMetadata};

/// Items read or written at once.
const PAGE_SIZE: usize = 500;
/// Bytes copied at once.
const BLOCK_BYTES: usize = 256 << 10;
/// Most bytes of what a listing says about one call.
const MAX_ITEM_BYTES: usize = 5 << 10;
/// How long to wait when the disk or the store refuses.
const PAUSE: Duration = Duration::from_secs(30);

/// What did not come of one item.
enum Trouble {
    /// Not taken in, for good.
    Refused(Failure),
    /// Not now.
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

/// How names and rows are read.
///
/// # Errors
/// [`ArchiveError::Listing`] when a pattern, a time zone or an ending is wrong.
pub(super) fn options(spec: &ImportSpec) -> Result<ListingOptions, ArchiveError> {
    let mut options = ListingOptions { leg_roles: spec.leg_roles, ..ListingOptions::default() };
    if let Some(pattern) = &spec.name_pattern {
        options.name_pattern = Some(NamePattern::compile(pattern)?);
    }
    if let Some(zone) = &spec.time_zone {
        options.time_zone = jiff::tz::TimeZone::get(zone)
            .map_err(|_| ArchiveError::UnknownTimeZone { name: zone.clone() })?;
    }
    if let Some(suffixes) = &spec.leg_suffixes {
        let pairs = suffixes.iter().map(|pair| {
            pair.parse::<LegSuffixes>().map_err(|problem| ArchiveError::LegSuffixes {
                text: pair.clone(),
                problem: problem.to_string(),
            })
        });
        options.leg_suffixes = pairs.collect::<Result<_, _>>()?;
    }
    Ok(options)
}

/// Runs an import from where it is. Gives the state it ends in; `None` when the process ends.
pub(super) fn run(
    run: &mut Run,
    spec: &ImportSpec,
    config: &ArchiveConfig,
    tools: &Tools,
) -> Result<Option<JobState>, ArchiveError> {
    let chats = ChatSource::new(Arc::clone(&tools.open_chats), spec.chats.clone());
    if run.job.state == JobState::Listing {
        list(run, spec, &chats)?;
    }
    let mut import = Import::begin(run, chats, Arc::clone(&tools.read_sidecar))?;
    import.run.start_clock();
    loop {
        import.settle()?;
        import.run.publish()?;
        match import.run.control.wanted() {
            Wanted::Run => {}
            Wanted::Stop => return Ok(None),
            wanted @ (Wanted::Pause | Wanted::Cancel) => {
                if import.under_way.is_empty() {
                    let is_pause = wanted == Wanted::Pause;
                    return Ok(Some(if is_pause { JobState::Paused } else { JobState::Cancelled }));
                }
                import.run.wait(None);
                continue;
            }
        }
        if import.under_way.len() >= config.max_waiting.max(1) {
            import.run.wait(None);
            continue;
        }
        match import.next()? {
            Some((number, item)) => match import.take_in(number, item)? {
                Ok(()) => {}
                Err(PipelineError::ShuttingDown) => return Ok(None),
                Err(error) => {
                    let id = &import.run.job.id;
                    tracing::warn!(job = %id, error = %Chain(&error), "the job waits: the machine refuses a call");
                    import.run.wait(Some(PAUSE));
                }
            },
            None if import.under_way.is_empty() => return Ok(Some(JobState::Done)),
            None => import.run.wait(None),
        }
    }
}

/// Finds out what there is to import and keeps it, item by item.
fn list(run: &mut Run, spec: &ImportSpec, chats: &ChatSource) -> Result<(), ArchiveError> {
    let options = options(spec)?;
    // What a crash left of an earlier listing: the archive may have changed since.
    run.calls.store().remove_items(&run.job.id)?;
    let base =
        if spec.path.is_dir() { spec.path.as_path() } else { spec.path.parent().unwrap_or(&spec.path) };
    let mut sheet = Sheet { run, page: Vec::new(), first: 0 };
    if is_chats(&spec.path, chats) {
        sheet.add_chats(&relative(base, &spec.path), &spec.path, chats)?;
        return sheet.finish();
    }
    let listing = if spec.path.is_dir() {
        listing::list_folder(&spec.path, &options)?
    } else {
        listing::read_manifest(&spec.path, &options)?
    };
    for problem in &listing.problems {
        sheet.add(refused(base, problem))?;
    }
    for item in listing.iter() {
        match &item.source {
            ItemSource::ChatFile(path) => sheet.add_chats(&relative(base, path), path, chats)?,
            ItemSource::File(_) | ItemSource::Legs { .. } => sheet.add(waiting(base, item))?,
        }
    }
    sheet.finish()
}

/// Whether a file holds chats and is no list of recordings.
fn is_chats(path: &Path, chats: &ChatSource) -> bool {
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
    let first = if path.is_file() && is_json { chats.all(path).ok() } else { None };
    matches!(first.and_then(|mut chats| chats.next()), Some(Ok((_, Ok(_)))))
}

/// The items of a job as they are written down, many at once.
struct Sheet<'a> {
    run: &'a mut Run,
    page: Vec<JobItem>,
    /// The number of the first item on the page.
    first: u64,
}

impl Sheet<'_> {
    fn add(&mut self, item: JobItem) -> Result<(), ArchiveError> {
        self.page.push(item);
        if self.page.len() >= PAGE_SIZE { self.turn() } else { Ok(()) }
    }

    fn turn(&mut self) -> Result<(), ArchiveError> {
        self.run.calls.store().put_items(&self.run.job.id, self.first, &self.page)?;
        self.first += self.page.len() as u64;
        self.page.clear();
        Ok(())
    }

    /// Every chat of a file is a call.
    fn add_chats(&mut self, name: &str, path: &Path, chats: &ChatSource) -> Result<(), ArchiveError> {
        let all = match chats.all(path) {
            Ok(all) => all,
            Err(error) => return self.add(refused_for(name.to_owned(), unreadable(&error))),
        };
        for (number, next) in (0..).zip(all) {
            let (line, chat) = match next {
                Ok(next) => next,
                Err(error) => return self.add(refused_for(name.to_owned(), unreadable(&error))),
            };
            let name = format!("{name}:{line}");
            let item = match chat {
                Ok(ReadChat { call_id, metadata: _, chat: _ }) => JobItem {
                    name,
                    item: Some(ArchiveItem {
                        call_id,
                        source: ItemSource::ChatFile(path.to_owned()),
                        // Read again with the chat, and never kept with the job: it may name the customer.
                        metadata: CallMetadata::default(),
                        declaration: AudioDeclaration::default(),
                        beside: None,
                    }),
                    chat: Some(number),
                    outcome: ItemOutcome::Waiting,
                },
                Err(failure) => refused_for(name, failure),
            };
            self.add(checked(item))?;
        }
        Ok(())
    }

    /// The job begins.
    fn finish(mut self) -> Result<(), ArchiveError> {
        self.turn()?;
        self.run.job.counts.total = self.first;
        self.run.job.state = JobState::Running;
        self.run.save()
    }
}

fn waiting(base: &Path, item: ArchiveItem) -> JobItem {
    let name = item.source.paths().map(|path| relative(base, path)).collect::<Vec<_>>().join(" + ");
    checked(JobItem { name, item: Some(item), chat: None, outcome: ItemOutcome::Waiting })
}

/// The item, refused when it says more than is kept of one call.
fn checked(item: JobItem) -> JobItem {
    // OK to be refused when it cannot be written: it could not be kept then.
    let num_bytes = serde_json::to_vec(&item).map_or(usize::MAX, |bytes| bytes.len());
    if num_bytes <= MAX_ITEM_BYTES {
        return item;
    }
    let message = format!(
        "what the archive says about this call takes {num_bytes} bytes, more than {MAX_ITEM_BYTES}: shorten it"
    );
    refused_for(item.name, Failure { reason: "ingest.metadata_too_large".to_owned(), message })
}

fn refused_for(name: String, failure: Failure) -> JobItem {
    JobItem { name, item: None, chat: None, outcome: ItemOutcome::Refused(failure) }
}

fn unreadable(error: &io::Error) -> Failure {
    let message = format!("the file cannot be read: {error}");
    Failure { reason: "archive.unreadable".to_owned(), message }
}

fn refused(base: &Path, problem: &ListingProblem) -> JobItem {
    let path = relative(base, &problem.path);
    let name = match problem.line {
        Some(line) => format!("{path}:{line}"),
        None => path,
    };
    let failure = Failure { reason: problem.reason().to_owned(), message: problem.message() };
    refused_for(name, failure)
}

fn relative(base: &Path, path: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

/// An import under way.
struct Import<'a> {
    run: &'a mut Run,
    /// Accepted and not done yet.
    under_way: Vec<(u64, JobItem)>,
    /// Read and not begun.
    waiting: VecDeque<(u64, JobItem)>,
    /// The first item that was not read.
    unread: u64,
    chats: ChatSource,
    read_sidecar: Arc<ReadSidecar>,
}

impl<'a> Import<'a> {
    /// Counts what was done before.
    fn begin(
        run: &'a mut Run,
        chats: ChatSource,
        read_sidecar: Arc<ReadSidecar>,
    ) -> Result<Self, ArchiveError> {
        let mut import =
            Self { run, under_way: Vec::new(), waiting: VecDeque::new(), unread: 0, chats, read_sidecar };
        let total = import.run.job.counts.total;
        import.run.job.counts = JobCounts { total, ..JobCounts::default() };
        // Items are begun in order, so the first that waits is followed by none that was begun.
        while import.waiting.is_empty() && import.read()? {
            while let Some((number, item)) = import.waiting.front() {
                if item.outcome == ItemOutcome::Waiting {
                    break;
                }
                import.run.job.counts.add(&item.outcome);
                if item.outcome == ItemOutcome::Accepted {
                    import.under_way.push((*number, item.clone()));
                }
                import.waiting.pop_front();
            }
        }
        Ok(import)
    }

    /// Reads more items; false at the end.
    fn read(&mut self) -> Result<bool, ArchiveError> {
        let items: Vec<(u64, JobItem)> =
            self.run.calls.store().items(&self.run.job.id, self.unread, PAGE_SIZE)?;
        let Some((last, _)) = items.last() else { return Ok(false) };
        self.unread = last + 1;
        self.waiting.extend(items);
        Ok(true)
    }

    fn next(&mut self) -> Result<Option<(u64, JobItem)>, ArchiveError> {
        if self.waiting.is_empty() {
            self.read()?;
        }
        Ok(self.waiting.pop_front())
    }

    /// Takes in one item. The inner error passes; then the item is the next again.
    fn take_in(&mut self, number: u64, mut item: JobItem) -> Result<Result<(), PipelineError>, ArchiveError> {
        let outcome = match &item.item {
            // Refused when it was listed.
            None => {
                self.run.job.counts.add(&item.outcome);
                return Ok(Ok(()));
            }
            Some(wanted) => self.upload(wanted, item.chat),
        };
        item.outcome = match outcome {
            Ok(accepted) if accepted.already_present && !self.is_own(&accepted) => {
                ItemOutcome::AlreadyPresent
            }
            Ok(_) => ItemOutcome::Accepted,
            Err(Trouble::Refused(failure)) => ItemOutcome::Refused(failure),
            Err(Trouble::Passing(error)) => {
                self.waiting.push_front((number, item));
                return Ok(Err(error));
            }
        };
        self.note(number, item)?;
        Ok(Ok(()))
    }

    fn is_own(&self, accepted: &Accepted) -> bool {
        accepted.record.origin == Origin::Job(self.run.job.id.clone())
    }

    fn upload(&mut self, item: &ArchiveItem, chat: Option<u64>) -> Result<Accepted, Trouble> {
        let calls = Arc::clone(&self.run.calls);
        let origin = Origin::Job(self.run.job.id.clone());
        if let ItemSource::ChatFile(path) = &item.source {
            let read = self.chats.get(path, chat.unwrap_or_default());
            let read = read.map_err(|error| Trouble::Refused(unreadable(&error)))?;
            let read = read.ok_or_else(changed)?.map_err(Trouble::Refused)?;
            if read.call_id != item.call_id {
                return Err(changed());
            }
            return Ok(calls.accept_chat(read.call_id, read.metadata, &read.chat, origin)?);
        }
        // Read only now, and never kept with the job: it may name the customer.
        let mut metadata = item.metadata.clone();
        for path in item.source.paths() {
            metadata = (self.read_sidecar)(path, &metadata)
                .map_err(|problem| Trouble::Refused(ArchiveError::Sidecar { problem }.failure()))?;
        }
        let mut upload =
            calls.begin_upload(item.call_id.clone(), metadata, item.declaration.clone(), origin)?;
        match &item.source {
            ItemSource::File(path) => copy(path, &mut upload)?,
            ItemSource::Legs { first, second } => join(item, first, second, calls.audio(), &mut upload)?,
            ItemSource::ChatFile(_) => {}
        }
        Ok(calls.accept(upload)?)
    }

    /// Keeps what became of an item.
    fn note(&mut self, number: u64, item: JobItem) -> Result<(), ArchiveError> {
        self.run.calls.store().put_items(&self.run.job.id, number, std::slice::from_ref(&item))?;
        self.run.job.counts.add(&item.outcome);
        if item.outcome == ItemOutcome::Accepted {
            self.under_way.push((number, item));
        }
        Ok(())
    }

    /// Looks which of the calls under way have ended.
    fn settle(&mut self) -> Result<(), ArchiveError> {
        for (number, mut item) in std::mem::take(&mut self.under_way) {
            let Some(wanted) = &item.item else { continue };
            let outcome = match self.run.calls.store().call(&wanted.call_id)?.map(|record| record.state) {
                Some(CallState::Done) => ItemOutcome::Done,
                Some(CallState::Failed(failure)) => ItemOutcome::Failed(failure),
                Some(
                    CallState::Accepted | CallState::Decoding | CallState::Transcribing | CallState::Scoring,
                ) => {
                    self.under_way.push((number, item));
                    continue;
                }
                None => ItemOutcome::Failed(PipelineError::Deleted.failure()),
            };
            self.run.job.counts.running -= 1;
            item.outcome = outcome;
            self.note(number, item)?;
        }
        Ok(())
    }
}

impl JobCounts {
    fn add(&mut self, outcome: &ItemOutcome) {
        match outcome {
            ItemOutcome::Waiting => {}
            ItemOutcome::Accepted => self.running += 1,
            ItemOutcome::Done => self.done += 1,
            ItemOutcome::AlreadyPresent => self.unchanged += 1,
            ItemOutcome::Failed(_) => self.failed += 1,
            ItemOutcome::Refused(_) => self.refused += 1,
        }
    }
}

fn copy(path: &Path, upload: &mut Upload) -> Result<(), Trouble> {
    let mut file = fs::File::open(path).map_err(|error| Trouble::Refused(unreadable(&error)))?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let num_bytes = match file.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(num_bytes) => num_bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::Refused(unreadable(&error))),
        };
        upload.write(block.get(..num_bytes).unwrap_or_default())?;
    }
}

/// The file of a chat is no longer what it was when it was listed.
fn changed() -> Trouble {
    Trouble::Refused(ArchiveError::Changed.failure())
}

fn join(
    item: &ArchiveItem,
    first: &Path,
    second: &Path,
    audio: &AudioConfig,
    upload: &mut Upload,
) -> Result<(), Trouble> {
    let mut writer = UploadWriter { upload, error: None };
    let outcome = listing::join_legs(first, second, &item.declaration, audio, &mut writer);
    match (writer.error, outcome) {
        (Some(error), _) => Err(error.into()),
        (None, Ok(_)) => Ok(()),
        (None, Err(error)) => Err(Trouble::Refused(join_failure(&error))),
    }
}

fn join_failure(error: &JoinError) -> Failure {
    Failure { reason: error.reason().to_owned(), message: error.to_string() }
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
