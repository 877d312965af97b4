//! Rows that are made anew are those that grew step by step.

use super::*;
use crate::catalog::{CallFacts, CallQuery, FinalVerdict, FindingQuery, ReviewFacts, ReviewState};

/// What a row says, without the numbers that only one history gives.
fn rows(store: &Store) -> BTreeMap<String, CallFacts> {
    let catalog = store.catalog();
    let rows = catalog.calls().map(|row| CallFacts { number: 0, change: 0, ..row.clone() });
    rows.map(|row| (row.id.to_string(), row)).collect()
}

fn hit_by(store: &Store, rule_id: &str) -> Vec<String> {
    let finding = FindingQuery { rules: vec![rule(rule_id)], ..FindingQuery::default() };
    let query = CallQuery { finding, ..CallQuery::default() };
    let mut names: Vec<_> = store.catalog().chosen(&query).map(|call| call.id.to_string()).collect();
    names.sort();
    names
}

/// Uploads, failures, late metadata, other findings, decisions and deletions.
fn lived(store: &Store) {
    let bulk: Vec<_> = (0..6_i64)
        .map(|index| (record(&format!("bulk{index}"), Some("007"), index), result(&["S1"], 80)))
        .collect();
    store.insert_finished(&bulk).expect("inserts");
    for index in 0..8_i64 {
        let call = record(&format!("step{index}"), Some("008"), 100 + index);
        store.insert_call(&call).expect("inserts");
        let begun = store.begin(&call).expect("begins");
        match index % 4 {
            0 => store
                .fail(&begun, Failure { reason: "audio.empty".to_owned(), message: "m".to_owned() })
                .expect("fails"),
            1 => {}
            _ => store.finish(&begun, &result(&["S1", "X"], 60)).expect("finishes"),
        }
    }
    let late = CallMetadata { team: Some("三组".to_owned()), ..CallMetadata::default() };
    let old = store.finished_call(&id("step2")).expect("reads").expect("is there");
    store.replace_result(&old, &late, &result(&["X"], 90)).expect("replaces");
    let old = store.finished_call(&id("bulk1")).expect("reads").expect("is there");
    store.replace_findings(&[(old, result(&["Y"], 50))]).expect("replaces");
    let waiting = store.call(&id("step1")).expect("reads").expect("is there");
    store.replace_metadata(&waiting, &late).expect("replaces");
    for name in ["bulk2", "step3", "step5"] {
        let said: Result<(), StoreError> = store.annotate(&id(name), |annotations, _| {
            annotations.topics = vec!["还款".into()];
            annotations.review = Some(Box::new(ReviewFacts {
                state: ReviewState::Reviewed,
                finals: vec![FinalVerdict { rule_id: rule("S1"), verdict: Verdict::Miss }],
                ..ReviewFacts::default()
            }));
            Ok(())
        });
        said.expect("annotates");
    }
    store.delete_call(&id("bulk3")).expect("deletes");
    store.delete_call(&id("step6")).expect("deletes");
}

#[test]
fn rows_made_anew_are_those_that_grew() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    lived(&store);
    let (grown, hits) = (rows(&store), ["S1", "X", "Y"].map(|rule_id| hit_by(&store, rule_id)));
    assert_eq!(grown.len(), 12);
    assert_eq!(hits[2], ["bulk1"]);
    assert!(!hits[0].contains(&"bulk2".to_owned()), "a person decided otherwise");
    let report = store.reindex().expect("looks at all");
    assert_eq!(report, Reindexed { num_calls: 12, ..Reindexed::default() });
    drop(store);

    let store = open(dir.path());
    assert_eq!(rows(&store), grown, "as they lie on the disk");
    // As a store from before there were rows.
    for kind in [keys::FACTS, keys::CHANGE, keys::NEXT_NUMBER] {
        for key in store.index.scan_prefix(kind).keys() {
            store.index.remove(key.expect("reads")).expect("removes");
        }
    }
    store.index.insert(keys::LAYOUT, &[1]).expect("writes");
    drop(store);
    fs::remove_dir_all(dir.path().join("tables")).expect("removes");
    let store = open(dir.path());
    assert_eq!(rows(&store), grown, "made of records, results and annotations alone");
    assert_eq!(["S1", "X", "Y"].map(|rule_id| hit_by(&store, rule_id)), hits);
}

/// As a bad disk, or a program with other rows, leaves it.
fn damage_row(store: &Store, name: &str) {
    let mut row = store.index.get(keys::facts(&id(name))).expect("reads").expect("is there").to_vec();
    row.truncate(row.len() - 1);
    store.index.insert(keys::facts(&id(name)), row).expect("writes");
}

fn number_of(store: &Store, name: &str) -> u32 {
    store.facts(&id(name)).expect("reads").expect("is there").number
}

#[test]
fn damaged_and_left_over_rows_are_mended() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    lived(&store);
    let grown = rows(&store);
    let bulk0 = store.facts(&id("bulk0")).expect("reads").expect("is there");
    // The row of another call, and that of a call that is no more.
    let copy = store.index.get(keys::facts(&bulk0.id)).expect("reads").expect("is there");
    store.index.insert(keys::facts(&id("nobody")), copy).expect("writes");
    let ghost = CallFacts { number: 900, change: 0, id: id("ghost"), ..bulk0 };
    store.index.insert(keys::facts(&ghost.id), codec::encode_row(&ghost)).expect("writes");
    damage_row(&store, "bulk4");
    drop(store);
    let store = open(dir.path());
    assert_eq!(rows(&store), grown);
    for name in ["nobody", "ghost"] {
        assert_eq!(store.index.get(keys::facts(&id(name))).expect("reads"), None, "{name}");
    }
    assert_eq!(store.reindex().expect("looks at all"), Reindexed { num_calls: 12, ..Reindexed::default() });
}

#[test]
fn a_row_that_cannot_be_read_leaves_nothing_under_its_number() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    lived(&store);
    let (first, last) = (number_of(&store, "bulk4"), store.last_change());
    damage_row(&store, "bulk4");
    drop(store);
    let store = open(dir.path());
    let second = number_of(&store, "bulk4");
    assert_ne!(first, second);
    let named = |store: &Store| {
        let changes = store.changes(0, 1_000).expect("reads").into_iter();
        changes
            .filter(|change| change.id == Some(id("bulk4")))
            .map(|change| change.number)
            .collect::<Vec<_>>()
    };
    let is_told_gone = |store: &Store, number| {
        let later = store.changes(last, 1_000).expect("reads");
        later.iter().any(|change| change.number == number && change.id.is_none())
    };
    assert_eq!(named(&store), [second]);
    assert!(is_told_gone(&store, first) && !is_told_gone(&store, second));

    damage_row(&store, "bulk4");
    store.delete_call(&id("bulk4")).expect("deletes");
    assert_eq!(named(&store), [0; 0], "its name is nowhere");
    assert!(is_told_gone(&store, second));
    assert!(store.catalog().call(second).is_none());
}

#[test]
fn findings_are_counted_when_only_the_tables_were_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    lived(&store);
    let hits = ["S1", "X", "Y"].map(|rule_id| hit_by(&store, rule_id));
    drop(store);
    fs::remove_dir_all(dir.path().join("tables")).expect("removes");
    let store = open(dir.path());
    assert_eq!(["S1", "X", "Y"].map(|rule_id| hit_by(&store, rule_id)), hits);
}
