//! What a crash, a foreign hand or a bad disk may leave, and how the store meets it.

use super::*;

/// Entries but the version of the layout, the next number, and what tells that a call changed or went.
pub(super) fn num_left(store: &Store) -> usize {
    let keys = store.index.iter().keys().map(|key| key.expect("reads"));
    let of_none = [keys::LAYOUT, keys::NEXT_NUMBER, keys::CHANGE];
    keys.filter(|key| !of_none.iter().any(|kind| key.starts_with(kind))).count()
}

#[test]
fn a_second_opener_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _store = open(dir.path());
    let second = Store::open(&StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() });
    assert!(matches!(second, Err(StoreError::Locked { .. })));
}

#[test]
fn an_index_of_a_later_layout_is_not_touched() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    store.index.insert(keys::LAYOUT, &[9]).expect("writes");
    drop(store);
    let error = Store::open(&StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() });
    assert!(matches!(error, Err(StoreError::UnknownVersion { version: 9, .. })));
}

#[test]
fn leftover_and_damaged_snapshots_cost_nothing() {
    for garbage in [&b""[..], b"half a snapsh", &[0xff; 4096]] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Three openings, so that sled writes real snapshots.
        for round in 0..3 {
            let store = open(dir.path());
            for index in 0..200 {
                store.index.insert(format!("filler{round}.{index}"), vec![round; 500]).expect("writes");
            }
            store.insert_call(&record(&format!("c{round}"), None, i64::from(round))).expect("inserts");
        }
        let snapshots: Vec<_> = fs::read_dir(dir.path().join("index"))
            .expect("reads")
            .map(|entry| entry.expect("reads").path())
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")))
            .collect();
        assert!(!snapshots.is_empty(), "sled wrote a snapshot");
        for snapshot in &snapshots {
            fs::write(snapshot, garbage).expect("writes");
        }
        fs::write(dir.path().join("index/snap.FFFFFFFFFFFFFFFF.generating"), garbage).expect("writes");

        let store = open(dir.path());
        assert_eq!(all(&store, &CallFilter::default(), 10), ["c2", "c1", "c0"]);
    }
}

#[test]
fn an_index_that_cannot_be_opened_is_reported_and_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    for index in 0..300 {
        store.insert_call(&record(&format!("c{index}"), Some("007"), index)).expect("inserts");
    }
    drop(store);
    let log = dir.path().join("index/conf");
    fs::write(&log, b"segment_size: none of your business").expect("writes");
    let error = Store::open(&StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() });
    assert!(matches!(error, Err(StoreError::Broken { .. })), "{error:?}");
    assert!(dir.path().join("index/db").is_file());
}

#[test]
fn a_damaged_value_is_noticed_and_holds_up_nothing_else() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    for index in 0..3 {
        store.insert_call(&record(&format!("c{index}"), None, index)).expect("inserts");
    }
    let key = keys::call(&id("c0"));
    let mut value = store.index.get(&key).expect("reads").expect("is there").to_vec();
    *value.last_mut().expect("not empty") ^= 1;
    store.index.insert(key, value).expect("writes");
    assert!(matches!(store.call(&id("c0")), Err(StoreError::Corrupt { what: "call" })));
    let waiting = store.unfinished_calls(10, |_| false).expect("reads");
    assert_eq!(waiting.iter().map(|call| call.id.to_string()).collect::<Vec<_>>(), ["c1", "c2"]);
    assert_eq!(all(&store, &CallFilter::default(), 10), ["c2", "c1"]);
}

#[test]
fn a_damaged_call_can_be_deleted_without_a_trace() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", Some("007"), 5);
    // Its id begins with the other's: the search must tell them apart.
    let mut other = record("c10", Some("007"), 5);
    other.recording.hash = ContentHash::new([8; 32]);
    for call in [&call, &other] {
        store.insert_call(call).expect("inserts");
        store.finish(call, &result(&["S1"], 80)).expect("finishes");
    }
    store.index.insert(keys::call(&call.id), b"\x01rubbish").expect("writes");
    assert_eq!(store.audio_of(&call.id).expect("is found"), call.recording.hash);
    assert_eq!(store.delete_call(&call.id).expect("deletes"), call.recording.hash);
    assert!(!store.is_blob_used(&call.recording.hash).expect("reads"));
    assert_eq!(all(&store, &CallFilter::default(), 10), ["c10"]);
    assert_eq!(num_result_files(dir.path()), 1);
    store.delete_call(&other.id).expect("deletes");
    assert_eq!(num_left(&store), 0, "nothing of a call is left but a number");
}

#[test]
fn a_missing_result_file_is_damage_that_neither_a_list_nor_a_deletion_minds() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", None, 5);
    store.insert_call(&call).expect("inserts");
    let names: Vec<String> =
        (0..1_000_u32).map(|index| format!("R{:08x}", crc32c::crc32c(&index.to_be_bytes()))).collect();
    store.finish(&call, &result(&names.iter().map(String::as_str).collect::<Vec<_>>(), 0)).expect("finishes");
    fs::remove_file(result_files(dir.path()).pop().expect("a file")).expect("removes");
    assert!(matches!(store.result(&call.id), Err(StoreError::Corrupt { what: "result" })));
    assert_eq!(all(&store, &CallFilter::default(), 10), ["c1"]);
    store.delete_call(&call.id).expect("deletes");
    assert_eq!(num_left(&store), 0, "nothing of a call is left but a number");
}

#[test]
fn a_damaged_result_file_is_noticed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", None, 5);
    store.insert_call(&call).expect("inserts");
    store.finish(&call, &result(&["S1"], 80)).expect("finishes");
    let path = result_files(dir.path()).pop().expect("a file");
    let mut bytes = fs::read(&path).expect("reads");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(&path, bytes).expect("writes");
    assert!(matches!(store.result(&call.id), Err(StoreError::Corrupt { what: "dialogue" })));
    assert!(store.analysis(&call.id).expect("the findings are whole").is_some());
}
