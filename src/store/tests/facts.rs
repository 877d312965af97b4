//! Rows of the catalog: always what the store says, and the same when they are made again.

use super::*;
use crate::catalog::{CallQuery, FinalVerdict, FindingQuery, ReviewFacts, ReviewState};
use crate::store::{Family, Writes};

fn rows(store: &Store) -> Vec<crate::catalog::CallFacts> {
    store.catalog().calls().cloned().collect()
}

/// Some calls in every state, one of them reviewed, one deleted.
fn fill(store: &Store) {
    for index in 0..6 {
        let call = record(&format!("c{index}"), Some("007"), index);
        store.insert_call(&call).expect("inserts");
        if index % 2 == 0 {
            store.finish(&call, &result(&["S1", "S2"], 80)).expect("finishes");
        }
    }
    let reviewed = CallId::try_new("c2").expect("valid");
    let outcome: Result<(), StoreError> = store.annotate(&reviewed, |annotations, writes| {
        let finals = vec![FinalVerdict {
            rule_id: RuleId::try_new("S1").expect("valid"),
            verdict: crate::analysis::Verdict::Miss,
        }];
        let review = ReviewFacts { state: ReviewState::Reviewed, finals, ..ReviewFacts::default() };
        annotations.review = Some(Box::new(review));
        writes.put(Family::Review, b"c2\0x", &"kept")
    });
    outcome.expect("annotates");
    store.delete_call(&CallId::try_new("c4").expect("valid")).expect("deletes");
}

fn with_hit(rule: &str) -> CallQuery {
    let rules = vec![RuleId::try_new(rule).expect("valid")];
    CallQuery { finding: FindingQuery { rules, ..FindingQuery::default() }, ..CallQuery::default() }
}

#[test]
fn rows_are_the_same_after_a_start_and_made_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    fill(&store);
    let kept = rows(&store);
    assert_eq!(kept.len(), 5);
    let found: Vec<String> =
        store.catalog().chosen(&with_hit("S1")).map(|call| call.id.to_string()).collect();
    assert_eq!(found, ["c0"], "what a person took back is no hit");

    let report = store.reindex().expect("reindexes");
    assert_eq!((report.num_calls, report.num_mended, report.num_removed), (5, 0, 0));
    assert_eq!(rows(&store), kept);
    drop(store);

    let store = open(dir.path());
    assert_eq!(rows(&store), kept);
    for row in &kept {
        store.index.remove(keys::facts(&row.id)).expect("removes");
    }
    drop(store);
    let store = open(dir.path());
    assert_eq!(rows(&store), []);
    let report = store.reindex().expect("reindexes");
    assert_eq!(report.num_mended, 5);
    let anew = rows(&store);
    let without_numbers = |rows: Vec<crate::catalog::CallFacts>| {
        let mut rows: Vec<_> =
            rows.into_iter().map(|row| crate::catalog::CallFacts { number: 0, change: 0, ..row }).collect();
        rows.sort_by(|left, right| left.id.cmp(&right.id));
        rows
    };
    assert_eq!(without_numbers(anew), without_numbers(kept));
}

#[test]
fn a_store_from_before_there_were_rows_gets_them() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    fill(&store);
    let kept = rows(&store).len();
    for entry in store.index.scan_prefix(keys::FACTS).chain(store.index.scan_prefix(keys::CHANGE)) {
        store.index.remove(entry.expect("reads").0).expect("removes");
    }
    store.index.insert(keys::LAYOUT, &[1]).expect("writes");
    drop(store);

    let store = open(dir.path());
    assert_eq!(rows(&store).len(), kept);
    let called = store.facts(&CallId::try_new("c2").expect("valid")).expect("reads").expect("is there");
    assert_eq!(called.review_state(), ReviewState::Reviewed);
}

#[test]
fn changes_name_every_call_once_and_in_order() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    fill(&store);
    let changes = store.changes(0, 100).expect("reads");
    let names: Vec<Option<String>> =
        changes.iter().map(|change| change.id.as_ref().map(ToString::to_string)).collect();
    let expected = ["c0", "c1", "c3", "c5", "c2"].map(|id| Some(id.to_owned()));
    assert_eq!(names, [&expected[..], &[None]].concat());
    assert!(changes.is_sorted_by_key(|change| change.change));
    assert_eq!(changes.last().map(|last| last.change), Some(store.last_change()));
    let after = changes[2].change;
    assert_eq!(store.changes(after, 2).expect("reads"), changes[3..5]);
    assert!(store.wait_for_change(after, std::time::Duration::ZERO));
    assert!(!store.wait_for_change(store.last_change(), std::time::Duration::ZERO));
    let last = store.last_change();
    drop(store);
    assert_eq!(open(dir.path()).last_change(), last);
}

#[test]
fn documents_go_together_and_with_their_call() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    fill(&store);
    assert_eq!(store.document::<String>(Family::Review, b"c2\0x").expect("reads").as_deref(), Some("kept"));
    let mut writes = Writes::default();
    for key in ["a1", "a2", "b1"] {
        writes.put(Family::Improvement, key.as_bytes(), &key).expect("small enough");
    }
    let text: String =
        (0..40_000_u32).map(|index| format!("{:x}", crc32c::crc32c(&index.to_be_bytes()))).collect();
    let large = writes.put(Family::Improvement, b"large", &text);
    assert!(matches!(large, Err(StoreError::ValueTooLarge { .. })));
    store.write(writes).expect("writes");
    let keys_of = |prefix: &str, after: Option<&[u8]>| {
        let found = store.documents::<String>(Family::Improvement, prefix.as_bytes(), after, 10);
        found.expect("reads").into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(keys_of("a", None), ["a1", "a2"]);
    assert_eq!(keys_of("", Some(b"a1")), ["a2", "b1"]);
    store.delete_call(&CallId::try_new("c2").expect("valid")).expect("deletes");
    assert_eq!(store.document::<String>(Family::Review, b"c2\0x").expect("reads"), None);
}

#[test]
fn a_damaged_document_stops_only_who_must_not_do_without() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let mut writes = Writes::default();
    for key in ["a1", "a2", "a3", "b1"] {
        writes.put(Family::Alert, key.as_bytes(), &key).expect("small enough");
    }
    store.write(writes).expect("writes");
    for (key, value) in [("a1", &b"\x01rubbish"[..]), ("a2", b"\x09of a later version")] {
        store.index.insert(keys::document(Family::Alert.byte(), key.as_bytes()), value).expect("writes");
    }
    let strict = store.documents::<String>(Family::Alert, b"a", None, 10);
    assert!(matches!(strict, Err(StoreError::Corrupt { what: "document" })));
    let readable = |prefix: &[u8], after, limit| {
        let found = store.documents_readable::<String>(Family::Alert, prefix, after, limit).expect("reads");
        let text = |key| String::from_utf8(key).expect("text");
        let damaged: Vec<String> = found.damaged.into_iter().map(text).collect();
        (found.documents.into_iter().map(|(key, own)| (text(key), own)).collect::<Vec<_>>(), damaged)
    };
    let expected = |names: &[&str], damaged: &[&str]| {
        let named = names.iter().map(|name| ((*name).to_owned(), (*name).to_owned()));
        (named.collect::<Vec<_>>(), damaged.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(readable(b"a", None, 10), expected(&["a3"], &["a1", "a2"]));
    assert_eq!(
        readable(b"", None, 1),
        expected(&["a3"], &["a1", "a2"]),
        "what is passed over does not count"
    );
    assert_eq!(readable(b"", Some(b"a3"), 10), expected(&["b1"], &[]));
    assert_eq!(readable(b"a", Some(b"b1"), 10), expected(&[], &[]));
}

#[test]
fn a_row_tells_which_result_it_is_of() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", Some("007"), 1);
    let which = || store.facts(&call.id).expect("reads").expect("is there").result;
    store.insert_call(&call).expect("inserts");
    assert_eq!(which(), 0);
    store.finish(&call, &result(&["S1"], 80)).expect("finishes");
    assert_eq!(which(), 1);
    let said: Result<(), StoreError> = store.annotate(&call.id, |annotations, _| {
        annotations.topics = vec!["还款".into()];
        Ok(())
    });
    said.expect("annotates");
    assert_eq!(which(), 1, "what is said about a call is no result");
    let old = store.finished_call(&call.id).expect("reads").expect("is there");
    store.replace_findings(&[(old, result(&[], 90))]).expect("replaces");
    assert_eq!(which(), 2);
    assert_eq!(store.reindex().expect("reindexes").num_mended, 0);
    store.insert_finished(&[(record("c2", None, 2), result(&[], 90))]).expect("inserts");
    assert_eq!(store.facts(&id("c2")).expect("reads").map(|row| row.result), Some(1));
}
