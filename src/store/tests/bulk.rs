//! Calls that are inserted finished are as if they had been inserted and then finished.

use super::*;

fn finished(name: &str, second: i64, hits: &[&str]) -> (CallRecord, CallResult) {
    let mut call = record(name, Some("007"), second);
    call.metadata.customer_ref = Some("c1".to_owned());
    (call, result(hits, 80))
}

/// Everything in sled but the order of changes and numbers, which the other way gives out more of.
fn entries(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries = store.index.iter().map(|entry| entry.expect("reads"));
    let entries = entries.filter(|(key, _)| {
        ![keys::CHANGE, keys::FACTS, keys::NEXT_NUMBER].iter().any(|kind| key.starts_with(kind))
    });
    entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

#[test]
fn calls_that_come_finished_are_like_those_that_were_finished_here() {
    let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let calls = [finished("c1", 1, &["S1", "X"]), finished("c2", 2, &[]), finished("c3", 2, &["X"])];
    let stepwise = open(one.path());
    for (call, result) in &calls {
        stepwise.insert_call(call).expect("inserts");
        stepwise.finish(call, result).expect("finishes");
    }
    let at_once = open(other.path());
    assert_eq!(at_once.insert_finished(&calls).expect("inserts"), 3);
    assert_eq!(entries(&stepwise), entries(&at_once));
    drop(at_once);

    let at_once = open(other.path());
    for (call, result) in &calls {
        let facts = |store: &Store| {
            let facts = store.facts(&call.id).expect("reads").expect("is there");
            crate::catalog::CallFacts { change: 0, ..facts }
        };
        assert_eq!(facts(&stepwise), facts(&at_once));
        assert_eq!(at_once.result(&call.id).expect("reads").as_ref(), Some(result));
    }
    let report = at_once.reindex().expect("makes rows anew");
    assert_eq!(report, Reindexed { num_calls: 3, ..Reindexed::default() }, "all rows are as they have to be");
    assert_eq!(at_once.changes(0, 10).expect("lists").len(), 3);
}

#[test]
fn what_was_said_is_what_the_result_tells() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let (record, mut result) = finished("c1", 1, &["S1", "X"]);
    result.masking.masked = true;
    let turn = |index: u32, role, kind| crate::dialogue::Turn {
        index,
        channel: crate::types::ChannelIndex(0),
        speaker: None,
        speaker_confidence: None,
        role,
        span: None,
        text: format!("第{index}轮"),
        words: Vec::new(),
        utterances: Vec::new(),
        confidence: None,
        chars_per_min: None,
        loudness_dbfs: None,
        kind,
        sender: None,
        told_role: None,
    };
    result.dialogue.turns = vec![
        turn(0, crate::types::SpeakerRole::Agent, crate::dialogue::MessageKind::Text),
        turn(1, crate::types::SpeakerRole::Customer, crate::dialogue::MessageKind::Image),
    ];
    result.dialogue.timing.gaps = vec![crate::dialogue::Gap {
        span: crate::types::TimeSpan::new(crate::types::Millis(1_000), crate::types::Millis(7_000)),
        turn_before: Some(0),
        turn_after: Some(1),
    }];
    store.insert_finished(&[(record, result.clone())]).expect("inserts");
    let said = store.said(&id("c1"), true).expect("reads").expect("is there");
    let turns = result.dialogue.turns.iter().map(|turn| SaidTurn {
        index: turn.index,
        role: turn.role,
        text: turn.text.clone(),
        kind: turn.kind,
    });
    let hits = result.analysis.findings.iter().filter(|one| one.verdict == crate::analysis::Verdict::Hit);
    let hits = hits.map(|one| SaidHit {
        rule_id: one.rule_id.clone(),
        rule_name: one.rule_name.clone(),
        kind: one.kind,
        turn: one.evidence.first().map(|evidence| evidence.turn),
    });
    let whole = Said {
        masked: true,
        has_sound: result.audio.is_some(),
        turns: turns.collect(),
        gaps: result.dialogue.timing.gaps.clone(),
        hits: hits.collect(),
    };
    assert!(!whole.turns.is_empty() && whole.hits.len() == 2, "{whole:?}");
    assert_eq!(said, whole);
    let without = store.said(&id("c1"), false).expect("reads").expect("is there");
    assert_eq!(without, Said { hits: Vec::new(), ..whole });
    assert_eq!(store.said(&id("none"), true).expect("reads"), None);
}

#[test]
fn a_call_that_is_there_stays_as_it_is_and_other_bytes_are_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let first = finished("c1", 1, &["S1"]);
    assert_eq!(store.insert_finished(std::slice::from_ref(&first)).expect("inserts"), 1);
    let again = (finished("c1", 9, &["X"]).0, result(&["X"], 10));
    let new = finished("c2", 2, &[]);
    assert_eq!(store.insert_finished(&[again, new.clone(), new]).expect("inserts"), 1);
    assert_eq!(store.result(&id("c1")).expect("reads"), Some(first.1));

    let mut foreign = finished("c1", 1, &[]);
    foreign.0.recording.hash = ContentHash::new([9; 32]);
    let outcome = store.insert_finished(&[finished("c3", 3, &[]), foreign]);
    assert!(matches!(outcome, Err(StoreError::Conflict { .. })));
    assert_eq!(all(&store, &CallFilter::default(), 10), ["c2", "c1"]);
    assert_eq!(num_result_files(dir.path()), 2);
}
