//! Kills a process that takes in calls, again and again: what it acknowledged is there, once, and the store opens.
//!
//! The process is this test binary, asked for [`takes_in_calls_until_killed`] with a data directory in the environment.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::{env, thread};

use diting::analysis::RuleSet;
use diting::ingest::CallState;
use diting::pipeline::{Calls, PipelineConfig};
use diting::store::{CallFilter, PageToken, Store};
use fs_err as fs;
use sha2::{Digest, Sha256};

use crate::support::{
    SteeredTranscriber, end_of, failure_of, id, open_blobs, open_store, start_with, upload, wav,
};

const DATA_DIR: &str = "DITING_TEST_CRASH_DATA_DIR";
const ROUND: &str = "DITING_TEST_CRASH_ROUND";
const NUM_ROUNDS: usize = 20;
/// No call is given up, however often it is the one that is killed.
const MANY_ATTEMPTS: u32 = 1_000;

/// What the killed process said before it died.
#[derive(Debug, Default)]
struct Said {
    kept: BTreeSet<String>,
    gone: BTreeSet<String>,
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut said = Said::default();
    for round in 0..NUM_ROUNDS {
        // From a kill before the first call to one among many.
        run_and_kill(dir.path(), round, (round * 7) % 23, &mut said);
        let store = open_store(dir.path());
        check(dir.path(), &store, &said);
    }
    assert!(said.kept.len() > NUM_ROUNDS, "calls were taken in: {}", said.kept.len());
    assert!(said.gone.len() > 5, "calls were deleted: {}", said.gone.len());

    // Whatever waits is done after one more start, and no file is left that belongs to no call.
    let calls = start_with(dir.path(), &Arc::default(), MANY_ATTEMPTS);
    let listed = list(calls.store());
    for name in &listed {
        assert_eq!(end_of(&calls, name).state, CallState::Done, "{name}");
    }
    drop(calls);
    assert_eq!(num_files(&dir.path().join("blobs")), listed.len());
    assert_eq!(num_files(&dir.path().join("results")), listed.len());
    assert_eq!(num_files(&dir.path().join("staging")), 0);
}

fn run_and_kill(dir: &Path, round: usize, num_lines: usize, said: &mut Said) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["crash::takes_in_calls_until_killed", "--exact", "--ignored", "--nocapture"])
        .env(DATA_DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut num_heard = 0;
    let mut going = BTreeSet::new();
    for line in lines {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["ready"] => {}
            ["kept", name] => {
                said.kept.insert((*name).to_owned());
            }
            // From here until "gone" the call may be there or not.
            ["going", name] => {
                said.kept.remove(*name);
                going.insert((*name).to_owned());
            }
            ["gone", name] => {
                assert!(going.remove(*name));
                said.gone.insert((*name).to_owned());
            }
            _ => continue,
        }
        if num_heard == num_lines {
            // What it says before it dies is still read.
            child.kill().unwrap();
        }
        num_heard += 1;
    }
    assert!(num_heard > num_lines, "it was killed, it did not end by itself");
    child.wait().unwrap();
}

fn check(dir: &Path, store: &Store, said: &Said) {
    let listed = list(store);
    let names: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(names.len(), listed.len(), "no call is listed twice");
    assert!(said.gone.is_disjoint(&names), "a deleted call stays deleted");
    let blobs = open_blobs(dir);
    for name in &said.kept {
        assert!(names.contains(name), "call {name} was acknowledged and is lost");
        let record = store.call(&id(name)).unwrap().unwrap();
        let bytes = fs::read(blobs.path(&record.recording.hash)).unwrap();
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(digest, *record.recording.hash.as_bytes());
        assert_eq!(store.result(&record.id).unwrap().is_some(), record.state == CallState::Done);
    }
}

fn list(store: &Store) -> Vec<String> {
    let mut names = Vec::new();
    let mut token: Option<PageToken> = None;
    loop {
        let page = store.list_calls(&CallFilter::default(), 100, token.as_ref()).unwrap();
        names.extend(page.items.into_iter().map(|summary| summary.record.id.to_string()));
        token = page.next;
        if token.is_none() {
            return names;
        }
    }
}

fn num_files(dir: &Path) -> usize {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { num_files(&path) } else { 1 }).sum()
}

/// Not a test but the process that [`nothing_acknowledged_is_lost_or_doubled_by_a_kill`] kills.
#[test]
#[ignore = "runs until it is killed"]
fn takes_in_calls_until_killed() {
    let dir = env::var_os(DATA_DIR).expect("started by the test that kills it");
    let round = env::var(ROUND).unwrap();
    let calls = start_with(Path::new(&dir), &Arc::default(), MANY_ATTEMPTS);
    println!("ready");
    thread::scope(|scope| {
        for sender in 0..4_u32 {
            let (calls, round) = (&calls, &round);
            scope.spawn(move || {
                for number in 0_u32.. {
                    let name = format!("r{round}s{sender}n{number}");
                    let mut bytes = wav(&[440.0]);
                    // Behind the samples: every call has audio of its own.
                    bytes.extend_from_slice(name.as_bytes());
                    let accepted = upload(calls, &name, &bytes).unwrap();
                    assert!(!accepted.already_present);
                    println!("kept {name}");
                    match number % 4 {
                        1 => assert!(upload(calls, &name, &bytes).unwrap().already_present),
                        3 => {
                            println!("going {name}");
                            calls.delete(&id(&name)).unwrap();
                            println!("gone {name}");
                        }
                        _ => {}
                    }
                }
            });
        }
    });
}

const HOLDS: &str = "DITING_TEST_CRASH_HOLDS";

#[test]
fn three_kills_with_calls_under_way_lose_none_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["c1", "c2", "c3"];
    for round in 0..3 {
        // All at once at first; then each alone, for any of them may be what ended the process.
        let num_running = if round == 0 { names.len() } else { 1 };
        hold_and_kill(dir.path(), &names, num_running);
    }
    let calls = start_with(dir.path(), &Arc::default(), 3);
    for name in names {
        assert_eq!(end_of(&calls, name).state, CallState::Done, "{name}");
    }
}

#[test]
fn a_call_that_dies_alone_three_times_is_given_up_until_it_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..4 {
        hold_and_kill(dir.path(), &["poison"], 1);
    }
    let calls = start_with(dir.path(), &Arc::default(), 3);
    assert_eq!(failure_of(&calls, "poison"), "pipeline.gave_up");
    assert!(upload(&calls, "poison", &wav(&[440.0])).unwrap().already_present);
    assert_eq!(end_of(&calls, "poison").state, CallState::Done);
}

/// Kills a process while exactly `num_running` of the calls `names` run in it.
fn hold_and_kill(dir: &Path, names: &[&str], num_running: usize) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["crash::holds_calls_until_killed", "--exact", "--ignored", "--nocapture"])
        .env(DATA_DIR, dir)
        .env(HOLDS, format!("{num_running} {}", names.join(" ")))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "running"), "it ended before so many ran");
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = open_store(dir).begun_calls().unwrap();
    assert_eq!(begun.len(), num_running, "{begun:?}");
}

/// Not a test but the process that [`hold_and_kill`] kills.
#[test]
#[ignore = "runs until it is killed"]
fn holds_calls_until_killed() {
    let dir = env::var_os(DATA_DIR).expect("started by the test that kills it");
    let holds = env::var(HOLDS).unwrap();
    let mut words = holds.split(' ');
    let num_running = words.next().unwrap().parse().unwrap();
    let names: Vec<&str> = words.collect();
    let transcriber = Arc::new(SteeredTranscriber::default());
    transcriber.shut();
    let config = PipelineConfig { num_workers: names.len(), ..PipelineConfig::default() };
    let dir = Path::new(&dir);
    let rules = Arc::new(RuleSet::bank());
    let calls = Calls::start(config, open_store(dir), open_blobs(dir), transcriber.clone(), rules).unwrap();
    for name in names {
        upload(&calls, name, &wav(&[440.0])).unwrap();
    }
    transcriber.await_arrivals(num_running);
    println!("running");
    loop {
        thread::park();
    }
}
