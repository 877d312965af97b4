//! A run that cannot be read is one run less, not a server less.

use std::sync::Arc;

use super::outcome::Outcome;
use super::saved::{put_outcome, put_run, runs};
use super::{MiningRuns, Run, RunState};
use crate::store::{Family, Store, StoreConfig, Writes};

fn run(id: u64) -> Run {
    Run {
        id,
        period: super::Period::default(),
        min_topic_calls: 1,
        min_word_calls: 1,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        ended_at: None,
        state: RunState::Done,
        num_read: 0,
        num_to_read: 0,
        num_pieces: 0,
        num_written: 0,
    }
}

#[test]
fn damaged_and_older_documents_do_not_stop_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(
        Store::open(&StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() }).unwrap(),
    );
    put_outcome(&store, &mut run(1), &Outcome { num_calls: 7, ..Outcome::default() }).unwrap();
    // One whose finds are not there, one whose finds are damaged, and a run of a later version.
    put_run(&store, &Run { num_pieces: 1, ..run(2) }).unwrap();
    put_outcome(&store, &mut run(3), &Outcome::default()).unwrap();
    let mut writes = Writes::default();
    writes.put(Family::Mining, format!("found/{:020}/{:010}/{:06}", 3, 1, 0).as_bytes(), &"{\"per").unwrap();
    writes
        .put(Family::Mining, format!("run/{:020}", 4).as_bytes(), &serde_json::json!({ "state": "paused" }))
        .unwrap();
    store.write(writes).unwrap();
    let mining = MiningRuns::start(Arc::clone(&store), 480).unwrap();
    let states: Vec<(u64, bool)> =
        runs(&store).unwrap().iter().map(|run| (run.id, run.state == RunState::Done)).collect();
    assert_eq!(states, [(3, false), (2, false), (1, true)]);
    assert_eq!(mining.found(None).unwrap().1.num_calls, 7);
}

#[test]
fn finds_of_before_a_field_was_there_are_read() {
    let whole = serde_json::to_value(Outcome::default()).unwrap();
    for field in whole.as_object().unwrap().keys() {
        let mut older = whole.clone();
        older.as_object_mut().unwrap().remove(field);
        assert_eq!(serde_json::from_value::<Outcome>(older).unwrap(), Outcome::default(), "{field}");
    }
}
