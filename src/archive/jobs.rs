//! All jobs of one data directory and the threads that run them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::watch;

use super::control::{Control, Run, Wanted};
use super::{
    ArchiveConfig, ArchiveError, ImportSpec, Job, JobCounts, JobItem, JobProblem, JobSpec, JobState,
    JobStatus, OpenChats, RescoreSpec, RetranscribeSpec, Selection, import, packs, rescore, retranscribe,
};
use crate::analysis::RuleSet;
use crate::error::Chain;
use crate::pipeline::{Calls, PipelineError};
use crate::speech::Transcriber;
use crate::types::{CallMetadata, JobId, zone_name};

/// Loads a speech model by its name; what is wrong otherwise, for a person.
pub type LoadTranscriber = dyn Fn(&str) -> Result<Arc<dyn Transcriber>, String> + Send + Sync;

/// What is known of a recording, with what lies beside it; what is wrong with that otherwise, for a person.
pub type ReadSidecar = dyn Fn(&Path, &CallMetadata) -> Result<CallMetadata, String> + Send + Sync;

/// What is known, with metadata as proto3 JSON; what is wrong with that otherwise, for a person.
pub type ReadBeside = dyn Fn(&str, &CallMetadata) -> Result<CallMetadata, String> + Send + Sync;

/// What jobs need of the parts that they do not know.
#[derive(Clone)]
pub struct Tools {
    /// Loads speech models.
    pub load_transcriber: Arc<LoadTranscriber>,
    /// Reads files of chats.
    pub open_chats: Arc<OpenChats>,
    /// Reads the metadata that lies beside a recording, over what is known of it.
    pub read_sidecar: Arc<ReadSidecar>,
    /// Reads metadata as proto3 JSON, over what is known.
    pub read_beside: Arc<ReadBeside>,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}

/// Items looked at for one page of problems.
const MAX_EXAMINED: usize = 20_000;

/// All jobs of one data directory. All methods block, apart from [`watch`](Self::watch).
pub struct Jobs {
    calls: Arc<Calls>,
    config: ArchiveConfig,
    /// Whether the server listens on this machine alone.
    is_local: bool,
    tools: Tools,
    entries: Mutex<BTreeMap<JobId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    status: watch::Sender<JobStatus>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    control: Arc<Control>,
    thread: JoinHandle<()>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Jobs {
    /// Reads the jobs of the store and goes on with those that were running. `is_local`: no other machine can ask.
    ///
    /// # Errors
    /// [`ArchiveError::Pipeline`] when the disk fails; [`ArchiveError::Threads`].
    pub fn start(
        calls: Arc<Calls>,
        config: ArchiveConfig,
        is_local: bool,
        tools: Tools,
    ) -> Result<Self, ArchiveError> {
        let stored: Vec<Job> = calls.store().jobs()?;
        let jobs = Self { calls, config, is_local, tools, entries: Mutex::default() };
        for job in stored {
            let goes_on = matches!(job.state, JobState::Listing | JobState::Running);
            let (id, mut entry) = (job.id.clone(), Entry::new(job));
            if goes_on {
                tracing::info!(job = %id, "job resumed");
                jobs.spawn(&id, &mut entry)?;
            }
            jobs.entries().insert(id, entry);
        }
        Ok(jobs)
    }

    /// Begins an import.
    ///
    /// # Errors
    /// [`ArchiveError::NotAllowed`], [`ArchiveError::Unreadable`], [`ArchiveError::Listing`] when the server cannot
    /// import that; anything the disk fails with.
    pub fn import(&self, mut spec: ImportSpec) -> Result<JobStatus, ArchiveError> {
        if spec.time_zone.is_none() {
            // Kept with the job, so that it reads all files alike whatever rules are published meanwhile.
            spec.time_zone = Some(zone_name(&self.calls().rules().scheme().time_zone()));
        }
        spec.chats.time_zone.clone_from(&spec.time_zone);
        let path = self.allowed(&spec.path)?;
        // Wrong options are told to whoever gives them, not to whoever looks at the job later.
        import::options(&spec)?;
        self.begin("import", JobSpec::Import(ImportSpec { path, ..spec }))
    }

    /// Begins to judge stored calls again: by the pack whose files are given, else by the server's own.
    ///
    /// # Errors
    /// [`ArchiveError::Rules`] when the pack is wrong; anything the disk fails with.
    pub fn rescore(
        &self,
        selection: Selection,
        pack: &[(String, String)],
    ) -> Result<JobStatus, ArchiveError> {
        let (pack, revision) = if pack.is_empty() {
            (None, self.calls.rules().revision().to_owned())
        } else {
            let rules = RuleSet::compile_all(pack)?;
            let digest = packs::keep(self.calls.store().data_dir(), pack, &rules)?;
            (Some(digest), rules.revision().to_owned())
        };
        self.begin("rescore", JobSpec::Rescore(RescoreSpec { selection, pack, revision }))
    }

    /// Begins to transcribe stored calls again with another speech model.
    ///
    /// # Errors
    /// Anything the disk fails with. A model that cannot be loaded fails the job.
    pub fn retranscribe(&self, selection: Selection, model: String) -> Result<JobStatus, ArchiveError> {
        self.begin("retranscribe", JobSpec::Retranscribe(RetranscribeSpec { selection, model }))
    }

    /// All jobs, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<JobStatus> {
        let mut jobs: Vec<_> = self.entries().values().map(|entry| entry.status.borrow().clone()).collect();
        jobs.sort_by(|one, other| {
            other.job.created_at.cmp(&one.job.created_at).then(other.job.id.cmp(&one.job.id))
        });
        jobs
    }

    /// Follows a job: how far it is now, then every change. A receiver whose sender goes before the job ended means that
    /// the server shuts down.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`].
    pub fn watch(&self, id: &JobId) -> Result<watch::Receiver<JobStatus>, ArchiveError> {
        let entries = self.entries();
        let entry = entries.get(id).ok_or_else(|| ArchiveError::NotFound { id: id.clone() })?;
        Ok(entry.status.subscribe())
    }

    /// Lets a job wait: nothing more begins, and what it has under way in the pipeline ends.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`]; [`ArchiveError::WrongState`] when it has ended.
    pub fn pause(&self, id: &JobId) -> Result<JobStatus, ArchiveError> {
        self.tell(id, Wanted::Pause, "paused")
    }

    /// Ends a job before its time. What it did stays.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`]; [`ArchiveError::WrongState`] when it has ended.
    pub fn cancel(&self, id: &JobId) -> Result<JobStatus, ArchiveError> {
        self.tell(id, Wanted::Cancel, "cancelled")
    }

    /// Goes on with a job that was paused, or that could not go on.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`]; [`ArchiveError::WrongState`] when it runs or ended for good.
    pub fn resume(&self, id: &JobId) -> Result<JobStatus, ArchiveError> {
        let mut entries = self.entries();
        let entry = entries.get_mut(id).ok_or_else(|| ArchiveError::NotFound { id: id.clone() })?;
        if let Some(running) = &entry.running
            && running.control.wanted() == Wanted::Pause
            && running.control.want(Wanted::Run)
        {
            // It was told to pause and still waits for what is under way.
            return Ok(entry.status());
        }
        entry.join_if_over();
        let mut job = entry.status().job;
        if !matches!(job.state, JobState::Paused | JobState::Failed(_)) {
            return Err(ArchiveError::WrongState { id: id.clone(), is: name(&job.state), wanted: "resumed" });
        }
        // Whether it had been listed does not matter: both begin with what is not there yet.
        job.state = if job.counts.total == 0 { JobState::Listing } else { JobState::Running };
        job.ended_at = None;
        self.calls.store().put_job(id, &job)?;
        entry.status.send_modify(|status| status.job = job);
        self.spawn(id, entry)?;
        Ok(entry.status())
    }

    /// What went wrong in a job, from item number `first` on, at most `limit`; and the number to go on with.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`]; anything the disk fails with.
    pub fn problems(
        &self,
        id: &JobId,
        first: u64,
        limit: usize,
    ) -> Result<(Vec<JobProblem>, Option<u64>), ArchiveError> {
        self.status(id)?;
        let (mut problems, mut next) = (Vec::new(), first);
        while next - first < MAX_EXAMINED as u64 {
            let items: Vec<(u64, JobItem)> = self.calls.store().items(id, next, 500)?;
            if items.is_empty() {
                return Ok((problems, None));
            }
            for (number, item) in items {
                if problems.len() == limit {
                    return Ok((problems, Some(number)));
                }
                problems.extend(item.problem());
                next = number + 1;
            }
        }
        Ok((problems, Some(next)))
    }

    /// The calls that jobs work on.
    #[must_use]
    pub fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    /// Lets every job end where it is; they go on at the next start.
    pub fn shutdown(&self) {
        let mut threads = Vec::new();
        for entry in self.entries().values_mut() {
            if let Some(Running { control, thread }) = entry.running.take() {
                control.want(Wanted::Stop);
                threads.push(thread);
            }
        }
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("the thread of a job ended with a panic");
            }
        }
        self.entries().clear();
    }

    fn begin(&self, kind: &str, spec: JobSpec) -> Result<JobStatus, ArchiveError> {
        if self.calls.is_stopping() {
            return Err(PipelineError::ShuttingDown.into());
        }
        let created_at = jiff::Timestamp::from_microsecond(jiff::Timestamp::now().as_microsecond())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let mut entries = self.entries();
        let id = unused_id(kind, created_at, &entries);
        let job = Job {
            id: id.clone(),
            spec,
            created_at,
            ended_at: None,
            state: JobState::Listing,
            counts: JobCounts::default(),
            position: None,
        };
        self.calls.store().put_job(&id, &job)?;
        tracing::info!(job = %id, "job accepted");
        let mut entry = Entry::new(job);
        self.spawn(&id, &mut entry)?;
        let status = entry.status();
        entries.insert(id, entry);
        Ok(status)
    }

    fn status(&self, id: &JobId) -> Result<JobStatus, ArchiveError> {
        let entries = self.entries();
        let entry = entries.get(id).ok_or_else(|| ArchiveError::NotFound { id: id.clone() })?;
        Ok(entry.status.borrow().clone())
    }

    fn tell(&self, id: &JobId, wanted: Wanted, what: &'static str) -> Result<JobStatus, ArchiveError> {
        let mut entries = self.entries();
        let entry = entries.get_mut(id).ok_or_else(|| ArchiveError::NotFound { id: id.clone() })?;
        if let Some(running) = &entry.running
            && running.control.want(wanted)
        {
            return Ok(entry.status());
        }
        // Nothing runs it, or nothing will in a moment.
        entry.join_if_over();
        let mut job = entry.status().job;
        if job.state.has_ended() || (job.state == JobState::Paused && wanted == Wanted::Pause) {
            return Err(ArchiveError::WrongState { id: id.clone(), is: name(&job.state), wanted: what });
        }
        job.state = if wanted == Wanted::Pause { JobState::Paused } else { JobState::Cancelled };
        job.ended_at = job.state.has_ended().then(jiff::Timestamp::now);
        self.calls.store().put_job(id, &job)?;
        entry.status.send_modify(|status| status.job = job);
        Ok(entry.status())
    }

    /// Runs a job on a thread of its own.
    fn spawn(&self, id: &JobId, entry: &mut Entry) -> Result<(), ArchiveError> {
        let (wake, woken) = sync_channel(1);
        self.calls.add_listener(wake.clone());
        let control = Arc::new(Control::new(wake));
        let job = entry.status().job;
        let run = Run::new(Arc::clone(&self.calls), job, Arc::clone(&control), woken, entry.status.clone());
        let (config, tools) = (self.config.clone(), self.tools.clone());
        let thread = thread::Builder::new()
            .name(format!("job-{id}"))
            .spawn(move || live(run, &config, &tools))
            .map_err(|source| ArchiveError::Threads { source })?;
        entry.running = Some(Running { control, thread });
        Ok(())
    }

    /// The real path, if the server may import from it.
    fn allowed(&self, path: &Path) -> Result<std::path::PathBuf, ArchiveError> {
        let unreadable = |source| ArchiveError::Unreadable { path: path.to_owned(), source };
        if self.config.roots.is_empty() && !self.is_local {
            return Err(ArchiveError::NotAllowed { path: path.to_owned() });
        }
        let real = path.canonicalize().map_err(unreadable)?;
        let is_below =
            |root: &std::path::PathBuf| root.canonicalize().is_ok_and(|root| real.starts_with(root));
        if self.config.roots.is_empty() || self.config.roots.iter().any(is_below) {
            return Ok(real);
        }
        Err(ArchiveError::NotAllowed { path: path.to_owned() })
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<JobId, Entry>> {
        // OK after a panic elsewhere: every change is a single insertion or replacement.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Entry {
    fn new(job: Job) -> Self {
        Self { status: watch::Sender::new(JobStatus { job, rate: 0.0, remaining: None }), running: None }
    }

    fn status(&self) -> JobStatus {
        self.status.borrow().clone()
    }

    /// Waits for a thread that takes no more wishes. It needs nothing of the entries to end.
    fn join_if_over(&mut self) {
        if let Some(Running { control, .. }) = &self.running
            && !control.is_over()
        {
            return;
        }
        if let Some(Running { thread, .. }) = self.running.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a job ended with a panic");
        }
    }
}

/// The life of a job's thread.
fn live(mut run: Run, config: &ArchiveConfig, tools: &Tools) {
    let id = run.job.id.clone();
    let state = loop {
        let work = || match run.job.spec.clone() {
            JobSpec::Import(spec) => import::run(&mut run, &spec, config, tools),
            JobSpec::Rescore(spec) => rescore::run(&mut run, &spec),
            JobSpec::Retranscribe(spec) => {
                retranscribe::run(&mut run, &spec, tools.load_transcriber.as_ref())
            }
        };
        let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(PipelineError::Panicked.into()));
        let state = match outcome {
            Ok(Some(state)) => state,
            // The process ends; the job goes on at the next start.
            Ok(None) | Err(ArchiveError::Pipeline(PipelineError::ShuttingDown)) => return,
            Err(error) => {
                tracing::error!(job = %id, error = %Chain(&error), "the job cannot go on");
                JobState::Failed(error.failure())
            }
        };
        if let Some(state) = run.control.last_word(state) {
            break state;
        }
    };
    run.job.ended_at = state.has_ended().then(jiff::Timestamp::now);
    run.job.state = state;
    tracing::info!(job = %id, state = name(&run.job.state), "job ended or paused");
    if let Err(error) = run.save() {
        tracing::error!(job = %id, error = %Chain(&error), "the end of the job was not noted");
    }
}

/// What a person calls a state.
fn name(state: &JobState) -> &'static str {
    match state {
        JobState::Listing | JobState::Running => "is running",
        JobState::Paused => "is paused",
        JobState::Done => "is done",
        JobState::Cancelled => "was cancelled",
        JobState::Failed(_) => "has failed",
    }
}

/// An id that says what the job is and when it was asked for.
fn unused_id(kind: &str, created_at: jiff::Timestamp, taken: &BTreeMap<JobId, Entry>) -> JobId {
    let stem = format!("{kind}-{}", created_at.strftime("%Y%m%d-%H%M%S"));
    let names = std::iter::once(stem.clone()).chain((2..).map(|number| format!("{stem}-{number}")));
    names
        .filter_map(|name| JobId::try_new(name).ok())
        .find(|id| !taken.contains_key(id))
        .expect("the numbers do not end")
}
