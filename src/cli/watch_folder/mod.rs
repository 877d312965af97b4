//! `diting push --watch`: sends what recorders write into a folder, each file once, through restarts of both sides.
//!
//! `settle` tells complete files, `upload` sends them, `journal` remembers it, `then` clears up behind it.

mod args;
mod journal;
mod settle;
mod stop;
#[cfg(test)]
mod tests;
mod then;
mod upload;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

pub(super) use args::WatchArgs;

use self::journal::{Journal, Outcome};
use self::settle::{Settling, Stamp};
use self::stop::Stop;
use self::then::Then;
use self::upload::{Sender, Sent};
use super::client::ServerArgs;
use super::clock::Clock;
use super::exit::{Exit, UsageError, describe};
use super::output::emit;
use super::progress;
use super::recording::RecordingArgs;
use crate::app::sidecar_of;
use crate::error::{Classify, ErrorCode};
use crate::listing::{ArchiveItem, ItemError, ListingOptions, ListingProblem, list_files, walk};

/// How long one side of a call waits for the other before it is told.
const LEG_WAIT: Duration = Duration::from_secs(10 * 60);

/// How long a file waits that could not be sent for a reason that may pass.
const LATER: Duration = Duration::from_secs(60);

/// What the watch needs besides its own arguments.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    pub(super) args: &'a WatchArgs,
    pub(super) paths: &'a [PathBuf],
    pub(super) metadata: Option<&'a Path>,
    pub(super) recording: &'a RecordingArgs,
    pub(super) server: &'a ServerArgs,
}

/// Watches the folder until a signal, or handles it once.
pub(super) async fn run(settings: Settings<'_>) -> anyhow::Result<Exit> {
    let [root] = settings.paths else {
        return Err(UsageError("--watch takes one folder".to_owned()).into());
    };
    if !root.is_dir() {
        return Err(UsageError(format!("`{}` is not a folder: --watch takes one", root.display())).into());
    }
    let stop = Stop::on_signals()?;
    let state = settings.args.state.clone().unwrap_or_else(|| root.join(".diting-push"));
    let journal = Journal::open(&state)?;
    let sender = Sender::new(
        settings.server,
        settings.recording,
        settings.metadata,
        journal.folder(),
        settings.args.once,
    )?;
    let zone = if settings.args.names.needs_clock() {
        let Some(clock) = clock(&settings, &stop).await? else { return Ok(Exit::Success) };
        clock.zone().clone()
    } else {
        TimeZone::UTC
    };
    let mut watch = Watch {
        root,
        args: settings.args,
        options: settings.args.names.listing_options(&zone),
        excluded: excluded(root, &settings.args.then)?,
        settling: Settling::new(settings.args.settle),
        journal,
        sender,
        not_before: HashMap::new(),
        problems: BTreeMap::new(),
        first_seen: None,
        has_told_of_chats: false,
    };
    watch.run(&stop).await
}

/// The clock by which names are read, as soon as the server tells it; nothing when the end is asked for before.
async fn clock(settings: &Settings<'_>, stop: &Stop) -> anyhow::Result<Option<Clock>> {
    let mut has_told = false;
    loop {
        let status = match settings.server.try_clock().await? {
            Ok(clock) => return Ok(Some(clock)),
            Err(status) => status,
        };
        if settings.args.once || status.code() != tonic::Code::Unavailable {
            return Err(settings.server.explain(&status));
        }
        if !has_told {
            eprintln!("diting: {:#}; it goes on when the server is there", settings.server.explain(&status));
        }
        has_told = true;
        tokio::select! {
            () = tokio::time::sleep(settings.args.interval) => {}
            () = stop.asked() => return Ok(None),
        }
    }
}

/// What leads to the folder that sent files are moved to, when that lies in the watched one.
fn excluded(root: &Path, then: &Then) -> anyhow::Result<Option<String>> {
    let Then::Move(folder) = then else { return Ok(None) };
    fs_err::create_dir_all(folder)?;
    let (root, folder) = (fs_err::canonicalize(root)?, fs_err::canonicalize(folder)?);
    match folder.strip_prefix(&root) {
        Err(_) => Ok(None),
        Ok(way) if way.as_os_str().is_empty() => {
            Err(UsageError("--then move=FOLDER must not be the watched folder".to_owned()).into())
        }
        Ok(way) => Ok(Some(format!("{}/", way.to_string_lossy()))),
    }
}

/// A watched folder.
struct Watch<'a> {
    root: &'a Path,
    args: &'a WatchArgs,
    options: ListingOptions,
    excluded: Option<String>,
    settling: Settling,
    journal: Journal,
    sender: Sender<'a>,
    /// Files that are not tried again before.
    not_before: HashMap<String, Instant>,
    /// What is wrong with files of which the journal says nothing.
    problems: BTreeMap<String, String>,
    /// With `--once`: what there was to do.
    first_seen: Option<HashSet<Box<str>>>,
    /// Whether somebody was told that chats are not watched.
    has_told_of_chats: bool,
}

fn is_chats(way: &str) -> bool {
    Path::new(way).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"))
}

/// What one look at the folder found.
#[derive(Default)]
struct Look {
    /// Files that are complete and neither sent nor refused.
    ready: Vec<Box<str>>,
    stamps: HashMap<Box<str>, Stamp>,
    /// Files that are not complete yet.
    pending: HashSet<Box<str>>,
    /// Files that were sent before something came between.
    unfinished: Vec<(Box<str>, Stamp, String)>,
}

impl Watch<'_> {
    async fn run(&mut self, stop: &Stop) -> anyhow::Result<Exit> {
        let spinner = progress::spinner("waiting for recordings");
        loop {
            let look = self.look(Instant::now())?;
            let num_pending = look.pending.len();
            for (way, stamp, call_id) in &look.unfinished {
                if self.finish(&[(way.to_string(), *stamp)], None) {
                    emit(&format!("present\t{call_id}\t{}", self.root.join(&**way).display()))?;
                }
            }
            if !look.ready.is_empty() {
                spinner.set_message(format!("{} recordings to send", look.ready.len()));
            }
            let is_away = !self.send_all(look, stop, Instant::now()).await?;
            let num_failed = match self.journal.tell_failed(&self.problems) {
                Ok(num_failed) => num_failed,
                Err(error) => {
                    self.problem("", &describe(&error));
                    self.problems.len()
                }
            };
            if stop.is_asked() {
                spinner.finish_and_clear();
                let failed = self.args.once && num_failed > 0;
                return Ok(if failed { Exit::Failure } else { Exit::Success });
            }
            if self.args.once && (is_away || num_pending == 0) {
                spinner.finish_and_clear();
                return Ok(if is_away || num_failed > 0 { Exit::Failure } else { Exit::Success });
            }
            spinner.set_message(format!("{num_pending} recordings not complete, {num_failed} failed"));
            tokio::select! {
                () = tokio::time::sleep(self.args.interval) => {}
                () = stop.asked() => {}
            }
        }
    }

    /// Looks at every file once, at `now`.
    fn look(&mut self, now: Instant) -> anyhow::Result<Look> {
        let mut walked = match walk(self.root, &self.options.extensions) {
            Ok(walked) => walked,
            Err(error) if self.args.once => return Err(error.into()),
            // A share may come back.
            Err(error) => {
                self.problem("", &describe(&error.into()));
                return Ok(Look::default());
            }
        };
        if let Some(excluded) = &self.excluded {
            walked.ways.retain(|way| !way.starts_with(excluded.as_str()));
        }
        // Chats are no recordings: `UploadCall` does not take them.
        let (chats, recordings) = walked.ways.into_iter().partition::<Vec<_>, _>(|way| is_chats(way));
        walked.ways = recordings;
        if let Some(chats) = chats.first().filter(|_| !self.has_told_of_chats) {
            self.has_told_of_chats = true;
            let chats = self.root.join(&**chats);
            let chats = chats.display();
            eprintln!(
                "diting: {chats}: files of chats are not watched; `diting push {chats}` or `diting batch import` takes them"
            );
        }
        let first_seen = self.args.once.then(|| walked.ways.iter().cloned().collect());
        if self.first_seen.is_none() {
            self.first_seen = first_seen;
        }
        let (mut look, mut present) = (Look::default(), HashSet::new());
        let (mut known, mut changed_calls) = (Vec::new(), HashSet::new());
        for way in walked.ways {
            let path = self.root.join(&*way);
            let stamp = match path.metadata() {
                Ok(metadata) => Stamp::of(&metadata),
                Err(error) => {
                    if error.kind() != ErrorKind::NotFound {
                        self.problem(&way, &error.to_string());
                    }
                    continue;
                }
            };
            present.insert(way.clone());
            match self.journal.get(&way) {
                Some(outcome) if outcome.stamp == stamp => {
                    known.push((way, stamp));
                    continue;
                }
                Some(outcome) => {
                    changed_calls.insert(outcome.call_id.clone());
                }
                None => {}
            }
            // Also with markers: it tells how long one side of a call waits for the other.
            let has_settled = self.settling.is_complete(&way, stamp, now);
            let is_complete = match &self.args.done_suffix {
                Some(suffix) => self.root.join(format!("{way}{suffix}")).exists(),
                // A recorder may make its file when the call begins, and write it when the call ends.
                None => (stamp.size > 0 || self.args.once) && has_settled,
            };
            if self.first_seen.as_ref().is_some_and(|seen| !seen.contains(&way)) {
                continue;
            }
            if !is_complete {
                if self.args.done_suffix.is_none() {
                    look.pending.insert(way);
                }
            } else if !self.must_wait(&way, now) {
                look.stamps.insert(way.clone(), stamp);
                look.ready.push(way);
            }
        }
        self.settling.end_round();
        for (way, stamp) in known {
            let outcome = self.journal.get(&way).filter(|_| !self.must_wait(&way, now));
            let Some(outcome) = outcome else { continue };
            if changed_calls.contains(&outcome.call_id) {
                // The other side of a call is sent again, and it goes with it.
                look.stamps.insert(way.clone(), stamp);
                look.ready.push(way);
            } else if outcome.refused.is_none() && self.args.then != Then::Keep {
                look.unfinished.push((way, stamp, outcome.call_id.clone()));
            }
        }
        look.ready.sort_unstable();
        // What cannot be seen for a while, or a share that is not mounted, is not gone.
        let is_seen = |problem: &ListingProblem| problem.cause.code() != ErrorCode::Unavailable;
        if walked.problems.iter().all(is_seen) && !present.is_empty() {
            self.journal.retain(|way| present.contains(way))?;
        }
        self.not_before.retain(|way, _| present.contains(way.as_str()));
        let unreadable: Vec<_> = walked
            .problems
            .iter()
            .map(|problem| {
                (self.way_of(&problem.path), format!("{} ({})", problem.message(), problem.reason()))
            })
            .collect();
        self.problems.retain(|way, _| {
            present.contains(way.as_str()) || unreadable.iter().any(|(other, _)| other == way)
        });
        for (way, problem) in unreadable {
            self.problem(&way, &problem);
        }
        Ok(look)
    }

    fn must_wait(&self, way: &str, now: Instant) -> bool {
        self.not_before.get(way).is_some_and(|until| *until > now)
    }

    /// Notes what is wrong with a file, and says it unless it was said before.
    fn problem(&mut self, way: &str, problem: &str) {
        if self.problems.get(way).is_none_or(|known| known != problem) {
            eprintln!("diting: {}: {problem}", self.root.join(way).display());
            self.problems.insert(way.to_owned(), problem.to_owned());
        }
    }

    /// Sends what is ready; whether a server was there.
    async fn send_all(&mut self, mut look: Look, stop: &Stop, now: Instant) -> anyhow::Result<bool> {
        let listing = list_files(self.root, std::mem::take(&mut look.ready), &self.options);
        for problem in &listing.problems {
            let way = self.way_of(&problem.path);
            if let ItemError::LegAlone { partner } = &problem.cause {
                let folder = way.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
                let partner = format!("{folder}{partner}");
                let may_come = !self.args.once && self.settling.age(&way, now) < LEG_WAIT;
                if may_come || look.pending.iter().any(|other| other.eq_ignore_ascii_case(&partner)) {
                    continue;
                }
            }
            self.problem(&way, &format!("{} ({})", problem.message(), problem.reason()));
        }
        for item in listing.iter() {
            if stop.is_asked() {
                break;
            }
            if !self.is_unchanged(&item, &look) {
                continue;
            }
            let beside = self.beside(&item);
            match self.sender.send(&item, stop).await {
                Sent::Accepted { is_present } => self.accepted(&item, &look, &beside, is_present)?,
                Sent::Refused(why) => {
                    eprintln!("diting: {}: {why}", self.name(&item));
                    self.keep(&item, &look, Some(why))?;
                }
                Sent::Later(why) => {
                    for way in self.ways(&item) {
                        self.problem(&way, &why);
                        self.not_before.insert(way, Instant::now() + LATER);
                    }
                }
                Sent::Away(why) => {
                    eprintln!("diting: {why}");
                    return Ok(false);
                }
                Sent::Stopped => break,
            }
        }
        Ok(true)
    }

    fn accepted(
        &mut self,
        item: &ArchiveItem,
        look: &Look,
        beside: &HashMap<String, Stamp>,
        is_present: bool,
    ) -> anyhow::Result<()> {
        self.keep(item, look, None)?;
        let stamped = |way: String| look.stamps.get(way.as_str()).map(|stamp| (way, *stamp));
        let sent: Vec<_> = self.ways(item).into_iter().filter_map(stamped).collect();
        for (way, _) in &sent {
            self.problems.remove(way);
            self.not_before.remove(way);
        }
        self.finish(&sent, Some(beside));
        let word = if is_present { "present" } else { "accepted" };
        emit(&format!("{word}\t{}\t{}", item.call_id, self.name(item)))?;
        Ok(())
    }

    /// Does with the files of a call that was sent, as they were then, what is to be done; whether it worked. `beside`
    /// is the metadata that was sent with it, where that is known.
    fn finish(&mut self, sent: &[(String, Stamp)], beside: Option<&HashMap<String, Stamp>>) -> bool {
        if self.args.then == Then::Keep {
            return true;
        }
        // All before the first: one side of a call that goes alone leaves the other alone.
        sent.iter().all(|(way, stamp)| self.is_as_sent(way, *stamp))
            && sent.iter().all(|(way, stamp)| self.finish_one(way, *stamp, beside))
    }

    /// Whether a file still is what was sent, or is gone; says so when it is not.
    fn is_as_sent(&mut self, way: &str, stamp: Stamp) -> bool {
        let is_same = match self.root.join(way).metadata() {
            Ok(metadata) => Stamp::of(&metadata) == stamp,
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        if !is_same {
            let problem = "it changed while it was sent: it stays, and is sent again when it is complete";
            self.problem(way, problem);
        }
        is_same
    }

    fn finish_one(&mut self, way: &str, stamp: Stamp, beside: Option<&HashMap<String, Stamp>>) -> bool {
        let mut companions = Vec::new();
        if let Some(sidecar) = sidecar_of(&self.root.join(way)) {
            let name = self.way_of(&sidecar);
            let now = sidecar.metadata().map(|metadata| Stamp::of(&metadata)).ok();
            if beside.is_none_or(|beside| beside.get(&name) == now.as_ref()) {
                companions.push(name);
            } else {
                let problem =
                    "it was written while its recording was sent: it stays; `diting calls update` says it";
                self.problem(&name, problem);
            }
        }
        companions.extend(self.args.done_suffix.as_ref().map(|suffix| format!("{way}{suffix}")));
        if !self.is_as_sent(way, stamp) {
            return false;
        }
        // The recording last: as long as it is there, this is done again after a crash.
        for companion in companions.into_iter().chain([way.to_owned()]) {
            if let Err(error) = self.args.then.finish(self.root, &companion) {
                self.problem(&companion, &format!("it was sent, but then: {error}"));
                self.not_before.insert(way.to_owned(), Instant::now() + LATER);
                return false;
            }
        }
        true
    }

    /// The metadata files beside the files of `item`.
    fn beside(&self, item: &ArchiveItem) -> HashMap<String, Stamp> {
        let stamped = |file: PathBuf| {
            let stamp = Stamp::of(&file.metadata().ok()?);
            Some((self.way_of(&file), stamp))
        };
        item.source.paths().filter_map(sidecar_of).filter_map(stamped).collect()
    }

    fn keep(&mut self, item: &ArchiveItem, look: &Look, refused: Option<String>) -> anyhow::Result<()> {
        let outcome = |way: String| {
            let stamp = *look.stamps.get(way.as_str())?;
            let call_id = item.call_id.to_string();
            Some((way, Outcome { stamp, call_id, refused: refused.clone() }))
        };
        self.journal.keep(self.ways(item).into_iter().filter_map(outcome).collect())
    }

    /// Whether the files of `item` are as they were when they were looked at.
    fn is_unchanged(&self, item: &ArchiveItem, look: &Look) -> bool {
        self.ways(item).iter().all(|way| {
            let now = self.root.join(way).metadata().map(|metadata| Stamp::of(&metadata));
            now.is_ok_and(|now| look.stamps.get(way.as_str()) == Some(&now))
        })
    }

    fn ways(&self, item: &ArchiveItem) -> Vec<String> {
        item.source.paths().map(|path| self.way_of(path)).collect()
    }

    /// What leads from the watched folder to `path`.
    fn way_of(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn name(&self, item: &ArchiveItem) -> String {
        item.source.paths().next().map(|path| path.display().to_string()).unwrap_or_default()
    }
}
