//! Kills a process that imports an archive, again and again: in the end there is what an undisturbed import leaves.
//!
//! The process is this test binary, asked for [`imports_until_killed`] with its folders in the environment.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use diting::archive::{ArchiveConfig, Job, JobState, Jobs, Selection};
use diting::store::{CallFilter, CallResult};
use fs_err as fs;

use crate::job_support::import_of;
use crate::support::{SteeredTranscriber, start_with, tools, wav};

const DATA_DIR: &str = "DITING_TEST_JOB_DATA_DIR";
const ARCHIVE: &str = "DITING_TEST_JOB_ARCHIVE";
const NUM_CALLS: usize = 40;
const NUM_KILLS: usize = 12;
const MANY_ATTEMPTS: u32 = 1_000;

/// What an import leaves: each call's state, attempts apart, and its result; the job's numbers; its problems.
type Left = (BTreeMap<String, (String, Option<CallResult>)>, Job, Vec<String>);

#[test]
fn an_import_that_is_killed_ends_as_one_that_is_not() {
    let archive = mixed_archive();
    let (disturbed, undisturbed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut num_killed = 0;
    for round in 0..NUM_KILLS {
        // Now while it lists, now among the calls.
        num_killed += usize::from(run_and_kill(disturbed.path(), archive.path(), round * 5 % 13));
    }
    assert!(num_killed > NUM_KILLS / 2, "it was killed {num_killed} times");
    let (calls, job, problems) = left_in(disturbed.path(), archive.path());
    let (expected_calls, expected_job, expected_problems) = left_in(undisturbed.path(), archive.path());
    assert_eq!(expected_job.state, JobState::Done);
    assert_eq!(expected_job.counts.done + expected_job.counts.failed, NUM_CALLS as u64 + 1);
    assert_eq!(expected_job.counts.refused, 1);
    assert_eq!((job.state, job.counts), (expected_job.state, expected_job.counts));
    assert_eq!(problems, expected_problems);
    assert_eq!(calls, expected_calls);
}

/// Good recordings, broken ones, two legs, and a leg alone.
fn mixed_archive() -> tempfile::TempDir {
    let archive = tempfile::tempdir().unwrap();
    for number in 0..NUM_CALLS {
        let mut bytes = wav(&[200.0 + number as f32, 330.0]);
        match number % 5 {
            3 => bytes.truncate(bytes.len() / 2),
            4 => bytes.truncate(20),
            _ => {}
        }
        fs::write(archive.path().join(format!("call-{number:02}.wav")), bytes).unwrap();
    }
    for name in ["pair-in.wav", "pair-out.wav", "alone-in.wav"] {
        fs::write(archive.path().join(name), wav(&[440.0])).unwrap();
    }
    archive
}

/// Whether it was killed; else it had ended before.
fn run_and_kill(dir: &Path, archive: &Path, num_lines: usize) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["jobs_crash::imports_until_killed", "--exact", "--ignored", "--nocapture"])
        .env(DATA_DIR, dir)
        .env(ARCHIVE, archive)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut num_heard = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        num_heard += usize::from(line.unwrap().starts_with("moved"));
        if num_heard > num_lines {
            child.kill().unwrap();
            break;
        }
    }
    !child.wait().unwrap().success()
}

fn jobs_over(dir: &Path) -> Jobs {
    let calls = Arc::new(start_with(dir, &Arc::<SteeredTranscriber>::default(), MANY_ATTEMPTS));
    Jobs::start(calls, ArchiveConfig::default(), true, tools()).unwrap()
}

/// Goes on with the import of `archive`, or begins it, and tells every step.
fn import(jobs: &Jobs, archive: &Path, mut tell: impl FnMut()) -> Job {
    let status = match jobs.list().pop() {
        Some(status) => status,
        None => jobs.import(import_of(archive)).unwrap(),
    };
    let mut watched = jobs.watch(&status.job.id).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    loop {
        let job = watched.borrow_and_update().job.clone();
        tell();
        if job.state.has_ended() {
            return job;
        }
        runtime.block_on(watched.changed()).unwrap();
    }
}

fn left_in(dir: &Path, archive: &Path) -> Left {
    let jobs = jobs_over(dir);
    let job = import(&jobs, archive, || {});
    let store = jobs.calls().store();
    let page = store.list_calls(&CallFilter::default(), 500, None).unwrap();
    let calls = page.items.into_iter().map(|summary| {
        let id = summary.record.id;
        let result = store.result(&id).unwrap();
        (id.to_string(), (format!("{:?} {:?}", summary.record.state, summary.hit_rule_ids), result))
    });
    let calls = calls.collect();
    let (problems, _) = jobs.problems(&job.id, 0, 500).unwrap();
    let problems = problems.into_iter().map(|problem| format!("{} {:?}", problem.name, problem.failure));
    let problems = problems.collect();
    // What is left is whole: every call can be judged again.
    let again = jobs.rescore(Selection::default(), &[]).unwrap().job.id;
    let mut watched = jobs.watch(&again).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let counts =
        runtime.block_on(watched.wait_for(|status| status.job.state.has_ended())).unwrap().job.counts;
    assert_eq!((counts.done, counts.changed, counts.failed), (job.counts.done, 0, 0));
    (calls, job, problems)
}

/// Not a test but the process that [`an_import_that_is_killed_ends_as_one_that_is_not`] kills.
#[test]
#[ignore = "runs until it is killed"]
fn imports_until_killed() {
    let dir = env::var(DATA_DIR).expect("the test that kills it says where");
    let archive = env::var(ARCHIVE).expect("the test that kills it says what");
    import(&jobs_over(Path::new(&dir)), Path::new(&archive), || println!("moved"));
}
