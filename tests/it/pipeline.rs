//! Calls from upload to findings: errors, panics, restarts, deletions, races.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use diting::analysis::{RuleSet, Verdict};
use diting::error::Classify;
use diting::ingest::{CallState, Failure, Origin};
use diting::pipeline::{self, CallProgress, Calls, PipelineConfig, PipelineError};
use diting::store::{CallFilter, StoreError};
use diting::types::{AudioDeclaration, CallMetadata, ChannelIndex, Millis, RuleId};
use fs_err as fs;

use crate::support::{
    SteeredTranscriber, end_of, failure_of, id, metadata, open_blobs, open_store, start, upload, wav,
};

#[test]
fn a_call_goes_from_upload_to_findings() {
    let dir = tempfile::tempdir().unwrap();
    let calls = start(dir.path(), &Arc::default());
    let accepted = upload(&calls, "c1", &wav(&[440.0, 220.0])).unwrap();
    assert!(!accepted.already_present);

    let end = end_of(&calls, "c1");
    assert_eq!(
        end,
        CallProgress { state: CallState::Done, processed: Millis(1_000), duration: Millis(1_000) }
    );
    let record = calls.store().call(&id("c1")).unwrap().unwrap();
    assert_eq!(
        (record.state, record.num_attempts, record.duration),
        (CallState::Done, 1, Some(Millis(1_000)))
    );
    let result = calls.store().result(&id("c1")).unwrap().unwrap();
    assert_eq!(result.dialogue.turns[0].text, "这个产品保本保息。");
    let hits: Vec<_> =
        result.analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Hit).collect();
    assert!(hits.iter().any(|finding| finding.rule_id.as_str() == "S01"), "the promise is found: {hits:?}");
    let by_rule = CallFilter { rule_id: Some(RuleId::try_new("S01").unwrap()), ..CallFilter::default() };
    let page = calls.store().list_calls(&by_rule, 10, None).unwrap();
    assert_eq!(page.items[0].record.id, id("c1"));
    assert_eq!(page.items[0].score, Some(result.analysis.scorecard.score));
}

#[test]
fn the_third_call_of_a_customer_is_known_to_be_the_third() {
    const PACK: &str = r#"
        version = 2
        [[rule]]
        id = "THIRD"
        name = "当天第三次"
        kind = "process"
        level = "S5"
        dimension = "服务规范"
        [[rule.condition]]
        past_calls = { at_least = 3, today = true }
        [[rule.test]]
        turns = []
        hit = true
        [[rule.test]]
        turns = []
        hit = false
    "#;
    let dir = tempfile::tempdir().unwrap();
    let rules = Arc::new(RuleSet::compile("pack.toml", PACK).unwrap());
    let config = PipelineConfig { num_workers: 1, shutdown_grace: Millis(0), ..PipelineConfig::default() };
    let transcriber = Arc::new(SteeredTranscriber::default());
    let calls =
        Calls::start(config, open_store(dir.path()), open_blobs(dir.path()), transcriber, rules).unwrap();
    let judged = |name: &str, customer: &str, hour: u32| {
        let metadata = CallMetadata {
            customer_ref: Some(customer.to_owned()),
            started_at: format!("2026-03-02T0{hour}:00:00+08:00").parse().ok(),
            ..metadata()
        };
        let mut upload =
            calls.begin_upload(id(name), metadata, AudioDeclaration::default(), Origin::Upload).unwrap();
        upload.write(&wav(&[440.0, 220.0])).unwrap();
        calls.accept(upload).unwrap();
        end_of(&calls, name);
        calls.store().result(&id(name)).unwrap().unwrap().analysis.findings.remove(0).verdict
    };
    let verdicts = [
        judged("a1", "k1", 1),
        judged("b1", "k2", 2),
        judged("a2", "k1", 3),
        judged("a3", "k1", 4),
        judged("b2", "k2", 5),
    ];
    assert_eq!(verdicts, [Verdict::Miss, Verdict::Miss, Verdict::Miss, Verdict::Hit, Verdict::Miss]);
}

#[test]
fn only_channels_that_say_something_of_their_own_are_recognised() {
    let cases: [(&[f32], &[&[u16]]); 5] = [
        (&[440.0, 220.0], &[&[0, 1]]),
        (&[440.0, 0.0], &[&[0]]),
        (&[0.0, 440.0], &[&[1]]),
        (&[440.0, 440.0], &[&[0]]),
        (&[0.0, 0.0], &[]),
    ];
    for (tones, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("call.wav");
        fs::write(&path, wav(tones)).unwrap();
        let transcriber = SteeredTranscriber::default();
        let mut states = Vec::new();
        let result = pipeline::process(
            &path,
            &AudioDeclaration::default(),
            &metadata(),
            &transcriber,
            &RuleSet::bank(),
            None,
            &PipelineConfig::default(),
            &mut |progress| states.push(progress.state),
            &AtomicBool::new(false),
        )
        .unwrap();
        let expected: Vec<Vec<ChannelIndex>> =
            expected.iter().map(|channels| channels.iter().copied().map(ChannelIndex).collect()).collect();
        assert_eq!(*transcriber.seen.lock().unwrap(), expected, "{tones:?}");
        assert_eq!(result.dialogue.turns.is_empty(), expected.is_empty());
        states.dedup();
        assert_eq!(states, [CallState::Decoding, CallState::Transcribing, CallState::Scoring]);
    }
}

#[test]
fn what_fails_a_call_does_not_fail_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::new(SteeredTranscriber::default());
    let calls = start(dir.path(), &transcriber);
    upload(&calls, "noise", &[0x5a; 5_000]).unwrap();
    assert!(failure_of(&calls, "noise").starts_with("audio."));
    transcriber.panics.store(true, Ordering::Relaxed);
    upload(&calls, "panics", &wav(&[440.0])).unwrap();
    assert_eq!(failure_of(&calls, "panics"), "pipeline.panicked");
    transcriber.panics.store(false, Ordering::Relaxed);
    upload(&calls, "good", &wav(&[440.0])).unwrap();
    assert_eq!(end_of(&calls, "good").state, CallState::Done);
    // A failed call is not tried again.
    drop(calls);
    let calls = start(dir.path(), &transcriber);
    assert_eq!(failure_of(&calls, "panics"), "pipeline.panicked");
}

#[test]
fn an_audio_file_that_is_gone_fails_its_call() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::new(SteeredTranscriber::default());
    transcriber.shut();
    let calls = start(dir.path(), &transcriber);
    upload(&calls, "first", &wav(&[440.0])).unwrap();
    transcriber.await_arrival();
    let lost = upload(&calls, "lost", &wav(&[330.0])).unwrap();
    drop(calls);
    fs::remove_file(open_blobs(dir.path()).path(&lost.record.recording.hash)).unwrap();
    transcriber.open();
    let calls = start(dir.path(), &transcriber);
    assert_eq!(failure_of(&calls, "lost"), "pipeline.recording_missing");
    assert_eq!(end_of(&calls, "first").state, CallState::Done);
}

#[test]
fn a_restart_goes_on_in_every_state() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::new(SteeredTranscriber::default());
    transcriber.shut();
    let calls = start(dir.path(), &transcriber);
    let names = ["accepted", "decoding", "transcribing", "scoring", "done", "failed"];
    for (index, name) in names.iter().enumerate() {
        upload(&calls, name, &wav(&[100.0 + index as f32])).unwrap();
    }
    transcriber.await_arrival();
    drop(calls);

    let store = open_store(dir.path());
    let waiting = store.unfinished_calls(10, |_| false).unwrap();
    assert_eq!(waiting.len(), names.len(), "an interrupted call waits");
    assert!(waiting.iter().all(|call| call.state == CallState::Accepted && call.num_attempts == 0));
    for (call, state) in waiting.iter().zip([
        CallState::Accepted,
        CallState::Decoding,
        CallState::Transcribing,
        CallState::Scoring,
        CallState::Done,
        CallState::Failed(Failure { reason: "test.failed".to_owned(), message: "m".to_owned() }),
    ]) {
        match state {
            CallState::Accepted => {}
            CallState::Failed(failure) => store.fail(call, failure).unwrap(),
            state
            @ (CallState::Decoding | CallState::Transcribing | CallState::Scoring | CallState::Done) => {
                store.begin(call).unwrap();
                store.set_state(call, state, None).unwrap();
            }
        }
    }
    drop(store);

    transcriber.open();
    let calls = start(dir.path(), &transcriber);
    for name in ["accepted", "decoding", "transcribing", "scoring"] {
        assert_eq!(end_of(&calls, name).state, CallState::Done, "{name}");
        let attempts = calls.store().call(&id(name)).unwrap().unwrap().num_attempts;
        assert_eq!(attempts, if name == "accepted" { 1 } else { 2 }, "{name}");
    }
    assert_eq!(failure_of(&calls, "failed"), "test.failed");
    assert!(calls.store().unfinished_calls(1, |_| false).unwrap().is_empty());
}

#[test]
fn a_call_that_ends_the_process_every_time_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::new(SteeredTranscriber::default());
    transcriber.shut();
    let calls = start(dir.path(), &transcriber);
    upload(&calls, "poison", &wav(&[440.0])).unwrap();
    transcriber.await_arrival();
    drop(calls);
    let store = open_store(dir.path());
    let poison = store.call(&id("poison")).unwrap().unwrap();
    // Once beside others for all that is known, then three times alone.
    for _ in 0..4 {
        store.begin(&poison).unwrap();
    }
    drop(store);

    transcriber.open();
    let calls = start(dir.path(), &transcriber);
    assert_eq!(failure_of(&calls, "poison"), "pipeline.gave_up");
}

#[test]
fn a_failed_call_that_is_sent_again_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::new(SteeredTranscriber::default());
    let calls = start(dir.path(), &transcriber);
    transcriber.panics.store(true, Ordering::Relaxed);
    let first = upload(&calls, "c1", &wav(&[440.0])).unwrap().record;
    assert_eq!(failure_of(&calls, "c1"), "pipeline.panicked");
    transcriber.panics.store(false, Ordering::Relaxed);
    assert_eq!(upload(&calls, "c1", &wav(&[330.0])).unwrap_err().reason(), "ingest.conflict");
    assert_eq!(failure_of(&calls, "c1"), "pipeline.panicked");

    let again = upload(&calls, "c1", &wav(&[440.0])).unwrap();
    assert!(again.already_present);
    assert_eq!((again.record.state, again.record.received_at), (CallState::Accepted, first.received_at));
    assert_eq!(end_of(&calls, "c1").state, CallState::Done);
    let done = upload(&calls, "c1", &wav(&[440.0])).unwrap().record;
    assert_eq!(done.state, CallState::Done, "what is done stays done");
}

#[test]
fn a_call_is_deleted_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::new(SteeredTranscriber::default());
    transcriber.shut();
    let calls = start(dir.path(), &transcriber);
    let first = upload(&calls, "c1", &wav(&[440.0])).unwrap();
    let mut progress = calls.watch(&id("c1")).unwrap();
    transcriber.await_arrival();
    calls.delete(&id("c1")).unwrap();
    let told = progress.borrow_and_update().clone();
    assert!(matches!(told.state, CallState::Failed(failure) if failure.reason == "pipeline.deleted"));
    assert!(matches!(calls.watch(&id("c1")), Err(PipelineError::Store(StoreError::NotFound { .. }))));

    // The same id again is a new call, whatever the old job still does.
    transcriber.open();
    upload(&calls, "c1", &wav(&[330.0])).unwrap();
    assert_eq!(end_of(&calls, "c1").state, CallState::Done);
    let record = calls.store().call(&id("c1")).unwrap().unwrap();
    assert_ne!(record.recording.hash, first.record.recording.hash);
    drop(calls);
    assert!(!open_blobs(dir.path()).contains(&first.record.recording.hash), "the audio is gone");
}

#[test]
fn the_same_bytes_are_kept_once_until_nobody_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let calls = start(dir.path(), &Arc::default());
    let bytes = wav(&[440.0]);
    let hash = upload(&calls, "c1", &bytes).unwrap().record.recording.hash;
    assert_eq!(upload(&calls, "c2", &bytes).unwrap().record.recording.hash, hash);
    assert!(upload(&calls, "c1", &bytes).unwrap().already_present);
    end_of(&calls, "c1");
    end_of(&calls, "c2");
    let error = upload(&calls, "c1", &wav(&[330.0])).unwrap_err();
    assert_eq!(error.reason(), "ingest.conflict");

    let stored = || fs_count(&dir.path().join("blobs"));
    assert_eq!(stored(), 1, "the refused bytes are gone");
    calls.delete(&id("c1")).unwrap();
    assert_eq!(stored(), 1);
    calls.delete(&id("c2")).unwrap();
    assert_eq!(stored(), 0);
    assert_eq!(fs_count(&dir.path().join("results")), 0);
    assert_eq!(fs_count(&dir.path().join("staging")), 0);
}

#[test]
fn one_call_sent_by_many_at_once_is_one_call() {
    let dir = tempfile::tempdir().unwrap();
    let calls = start(dir.path(), &Arc::default());
    let bytes = wav(&[440.0]);
    let num_new = thread::scope(|scope| {
        let senders: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| !upload(&calls, "same", &bytes).unwrap().already_present))
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).filter(|is_new| *is_new).count()
    });
    assert_eq!(num_new, 1);
    assert_eq!(calls.store().list_calls(&CallFilter::default(), 10, None).unwrap().items.len(), 1);
    end_of(&calls, "same");
    assert_eq!(fs_count(&dir.path().join("blobs")), 1);
}

#[test]
fn an_upload_that_stops_or_is_empty_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let calls = start(dir.path(), &Arc::default());
    let mut aborted =
        calls.begin_upload(id("c1"), metadata(), AudioDeclaration::default(), Origin::Upload).unwrap();
    aborted.write(&[1; 10_000]).unwrap();
    drop(aborted);
    assert_eq!(upload(&calls, "c1", b"").unwrap_err().reason(), "ingest.empty");
    assert_eq!(calls.store().call(&id("c1")).unwrap(), None);
    assert_eq!(fs_count(&dir.path().join("staging")) + fs_count(&dir.path().join("blobs")), 0);
}

#[test]
fn a_shutdown_lets_the_current_call_end_within_the_grace() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::new(SteeredTranscriber::default());
    transcriber.shut();
    let config =
        PipelineConfig { num_workers: 1, shutdown_grace: Millis(60_000), ..PipelineConfig::default() };
    let calls = pipeline::Calls::start(
        config,
        open_store(dir.path()),
        open_blobs(dir.path()),
        transcriber.clone(),
        Arc::new(RuleSet::bank()),
    )
    .unwrap();
    upload(&calls, "current", &wav(&[440.0])).unwrap();
    upload(&calls, "next", &wav(&[330.0])).unwrap();
    transcriber.await_arrival();
    thread::scope(|scope| {
        let ending = scope.spawn(|| calls.shutdown());
        // The end has begun when no more uploads are taken.
        while calls.begin_upload(id("late"), metadata(), AudioDeclaration::default(), Origin::Upload).is_ok()
        {
            thread::yield_now();
        }
        transcriber.open();
        ending.join().unwrap();
    });
    assert_eq!(calls.store().call(&id("current")).unwrap().unwrap().state, CallState::Done);
    assert_eq!(calls.store().call(&id("next")).unwrap().unwrap().state, CallState::Accepted);
}

/// Files under `dir`, at any depth.
fn fs_count(dir: &std::path::Path) -> usize {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { fs_count(&path) } else { 1 })
        .sum()
}
