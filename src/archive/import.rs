//! Takes in the recordings of an archive, a few at a time.
//!
//! What there is to import is listed once and kept item by item. An item is noted as accepted after its call is durable;
//! a crash in between shows when the item is taken in again, because the call then bears the job's name already.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::chats::ChatSource;
use super::control::{Run, Wanted};
use super::intake::{Intake, Private, Trouble};
use super::{
    ArchiveConfig, ArchiveError, ImportSpec, ItemOutcome, JobCounts, JobItem, JobState, ReadChat, Tools,
};
use crate::error::Chain;
use crate::ingest::{CallState, Failure, Origin};
use crate::listing::{
    self, ArchiveItem, ItemSource, LegSuffixes, ListingOptions, ListingProblem, NamePattern,
};
use crate::pipeline::{Accepted, Calls, PipelineError};
use crate::types::{AudioDeclaration, CallMetadata, time_zone};

/// Items read or written at once.
const PAGE_SIZE: usize = 500;
/// Most bytes of what a listing says about one call.
const MAX_ITEM_BYTES: usize = 5 << 10;
/// Lines that tell chats from a manifest.
const NUM_PEEKED: usize = 20;
/// Times that a file is waited for whose archive is away.
const MAX_WAITS: u32 = 20;
/// How long to wait when the disk or the store refuses.
const PAUSE: Duration = Duration::from_secs(30);

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
        options.time_zone =
            time_zone(zone).ok_or_else(|| ArchiveError::UnknownTimeZone { name: zone.clone() })?;
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
    let intake = Intake::new(run, spec, config, tools);
    if run.job.state == JobState::Listing {
        list(run, spec, intake.chats())?;
    }
    let mut import = Import::begin(run, intake)?;
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
                Err(Wait::ForMachine(PipelineError::ShuttingDown)) => return Ok(None),
                Err(wait) => {
                    let id = &import.run.job.id;
                    match wait {
                        Wait::ForMachine(error) => {
                            tracing::warn!(job = %id, error = %Chain(&error), "the job waits: the machine refuses a call");
                        }
                        Wait::ForFile(failure) => {
                            tracing::warn!(job = %id, reason = failure.reason, "the job waits: its archive is away");
                        }
                    }
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
            ItemSource::File(_) | ItemSource::Legs { .. } => {
                let item = waiting(base, item, &sheet.run.calls)?;
                sheet.add(item)?;
            }
        }
    }
    sheet.finish()
}

/// Whether a file holds chats and is no list of recordings.
fn is_chats(path: &Path, chats: &ChatSource) -> bool {
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
    let first = if path.is_file() && is_json { chats.all(path).ok() } else { None };
    // The first lines may be broken.
    first.is_some_and(|chats| chats.take(NUM_PEEKED).any(|next| matches!(next, Ok((_, Ok(_))))))
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
                    private: None,
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

fn waiting(base: &Path, mut item: ArchiveItem, calls: &Calls) -> Result<JobItem, ArchiveError> {
    let name = item.source.paths().map(|path| relative(base, path)).collect::<Vec<_>>().join(" + ");
    let private = Private { customer_name: item.metadata.customer_name.take(), beside: item.beside.take() };
    let private = private.seal(calls)?;
    Ok(checked(JobItem { name, item: Some(item), private, chat: None, outcome: ItemOutcome::Waiting }))
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
    JobItem { name, item: None, private: None, chat: None, outcome: ItemOutcome::Refused(failure) }
}

pub(super) fn unreadable(error: &io::Error) -> Failure {
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

/// Why an item is the next again.
enum Wait {
    /// The disk or the store refuses.
    ForMachine(PipelineError),
    /// The archive cannot be read at the moment.
    ForFile(Failure),
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
    intake: Intake,
    /// Times in a row that an item was waited for.
    num_waits: u32,
}

impl<'a> Import<'a> {
    /// Counts what was done before.
    fn begin(run: &'a mut Run, intake: Intake) -> Result<Self, ArchiveError> {
        let mut import =
            Self { run, under_way: Vec::new(), waiting: VecDeque::new(), unread: 0, intake, num_waits: 0 };
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
    fn take_in(&mut self, number: u64, mut item: JobItem) -> Result<Result<(), Wait>, ArchiveError> {
        let outcome = match &item.item {
            // Refused when it was listed.
            None => {
                self.run.job.counts.add(&item.outcome);
                return Ok(Ok(()));
            }
            Some(wanted) => self.intake.take_in(wanted, item.private.as_deref(), item.chat),
        };
        item.outcome = match outcome {
            // What had failed before waits again, and may fail again.
            Ok(accepted) if accepted.record.state == CallState::Done && !self.is_own(&accepted) => {
                ItemOutcome::AlreadyPresent
            }
            Ok(_) => ItemOutcome::Accepted,
            Err(Trouble::Refused(failure)) => ItemOutcome::Refused(failure),
            // What is away for long is not waited for any longer, or the job would never end.
            Err(Trouble::Away(failure)) if self.num_waits >= MAX_WAITS => ItemOutcome::Refused(failure),
            Err(Trouble::Away(failure)) => {
                self.num_waits += 1;
                self.waiting.push_front((number, item));
                return Ok(Err(Wait::ForFile(failure)));
            }
            Err(Trouble::Passing(error)) => {
                self.waiting.push_front((number, item));
                return Ok(Err(Wait::ForMachine(error)));
            }
        };
        self.num_waits = 0;
        self.note(number, item)?;
        Ok(Ok(()))
    }

    fn is_own(&self, accepted: &Accepted) -> bool {
        accepted.record.origin == Origin::Job(self.run.job.id.clone())
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
