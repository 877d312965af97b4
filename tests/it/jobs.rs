//! Imports: what an archive becomes, where the job was ended, paused or refused.

use std::sync::Arc;

use diting::archive::{ArchiveConfig, ArchiveError, ImportSpec, JobItem, JobState, Jobs};
use diting::error::Classify;
use diting::ingest::Origin;
use diting::store::CallFilter;
use diting::types::Media;
use fs_err as fs;

use crate::job_support::{archive, end, hits, import_of, jobs_over, until};
use crate::support::{SteeredTranscriber, end_of, id, start, tools, upload, wav};

#[test]
fn a_folder_is_taken_in_with_what_its_names_say() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let jobs = jobs_over(dir.path(), &Arc::default());
    for name in ["20261101_A7_in1.wav", "20261102_A8_in2.wav", "note.wav"] {
        fs::write(archive.path().join(name), wav(&[440.0, 330.0])).unwrap();
    }
    let beside = r#"{"team": "north", "agentName": "王"}"#;
    fs::write(archive.path().join("20261101_A7_in1.wav.json"), beside).unwrap();
    fs::write(archive.path().join("20261102_A8_in2.wav.json"), r#"{"team": 7}"#).unwrap();
    fs::write(archive.path().join("20261103_A9_in3.wav"), b"RIFF and then nothing").unwrap();
    let spec = ImportSpec {
        name_pattern: Some("{time:%Y%m%d}_{agent}_{call_id}".to_owned()),
        time_zone: Some("Asia/Shanghai".to_owned()),
        ..import_of(archive.path())
    };
    let job = end(&jobs, &jobs.import(spec).unwrap().job.id);

    assert_eq!(job.state, JobState::Done);
    let counts = job.counts;
    assert_eq!((counts.total, counts.done, counts.failed, counts.refused), (4, 1, 1, 2));
    let record = jobs.calls().store().call(&id("in1")).unwrap().expect("it is there");
    assert_eq!(record.metadata.agent_id.as_deref(), Some("A7"));
    assert_eq!(record.metadata.started_at, Some("2026-11-01T00:00:00+08:00".parse().unwrap()));
    assert_eq!(record.metadata.team.as_deref(), Some("north"), "what lies beside is taken over");
    assert_eq!(record.origin, Origin::Job(job.id.clone()));

    let (problems, next) = jobs.problems(&job.id, 0, 10).unwrap();
    let told: Vec<_> =
        problems.iter().map(|problem| (problem.name.as_str(), problem.failure.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            ("note.wav", "archive.name_mismatch"),
            ("20261102_A8_in2.wav", "archive.bad_metadata"),
            ("20261103_A9_in3.wav", "audio.not_audio"),
        ]
    );
    assert_eq!(next, None);
    let (problems, next) = jobs.problems(&job.id, 0, 1).unwrap();
    assert_eq!((problems.len(), next.is_some()), (1, true));
}

#[test]
fn the_same_archive_again_is_nothing_to_do() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(3));
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    let first = end(&jobs, &jobs.import(import_of(archive.path())).unwrap().job.id);
    let again = end(&jobs, &jobs.import(import_of(archive.path())).unwrap().job.id);
    assert_ne!(first.id, again.id);
    assert_eq!((first.counts.done, first.counts.unchanged), (3, 0));
    assert_eq!((again.counts.done, again.counts.unchanged), (0, 3));
    assert_eq!(transcriber.seen.lock().unwrap().len(), 3);
}

#[test]
fn two_legs_become_one_call() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(archive.path().join("c1-in.wav"), wav(&[440.0])).unwrap();
    fs::write(archive.path().join("c1-out.wav"), wav(&[330.0])).unwrap();
    let jobs = jobs_over(dir.path(), &Arc::default());
    let job = end(&jobs, &jobs.import(import_of(archive.path())).unwrap().job.id);
    assert_eq!((job.counts.total, job.counts.done), (1, 1));
    let result = jobs.calls().store().result(&id("c1")).unwrap().expect("it is done");
    assert_eq!(result.audio.expect("it has audio").channels.len(), 2);
}

#[test]
fn every_chat_of_a_file_becomes_a_call() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let line = |id: &str, said: &str| {
        format!(
            r#"{{"id":"{id}","metadata":{{"media":"MEDIA_CHAT","agentId":"A7"}},"turns":[{{"role":"agent","text":"{said}"}}]}}"#
        )
    };
    let lines = [line("k1", "这个产品保本保息。"), "{broken".to_owned(), line("k2", "您好。")].join("\n");
    fs::write(archive.path().join("chats.jsonl"), &lines).unwrap();
    let jobs = jobs_over(dir.path(), &Arc::default());
    for path in [archive.path().to_owned(), archive.path().join("chats.jsonl")] {
        let job = end(&jobs, &jobs.import(import_of(&path)).unwrap().job.id);
        assert_eq!((job.counts.total, job.counts.done + job.counts.unchanged, job.counts.refused), (3, 2, 1));
        let (problems, _) = jobs.problems(&job.id, 0, 10).unwrap();
        assert_eq!(problems[0].name, "chats.jsonl:2");
    }
    assert!(!hits(&jobs, "k1").is_empty());
    let record = jobs.calls().store().call(&id("k2")).unwrap().expect("it is there");
    assert_eq!((record.metadata.media, record.metadata.agent_id.as_deref()), (Media::Chat, Some("A7")));
}

#[test]
fn a_job_goes_on_where_the_process_ended() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(20));
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    let job_id = jobs.import(import_of(archive.path())).unwrap().job.id;
    until(&jobs, &job_id, |status| status.job.counts.done >= 5);
    transcriber.shut();
    transcriber.await_arrival();
    jobs.shutdown();
    drop(jobs);

    transcriber.open();
    let jobs = jobs_over(dir.path(), &transcriber);
    let job = end(&jobs, &job_id);
    assert_eq!((job.counts.total, job.counts.done, job.counts.unchanged), (20, 20, 0));
    // One was interrupted and begun again.
    assert_eq!(transcriber.seen.lock().unwrap().len(), 21);
}

#[test]
fn what_is_sent_goes_before_what_a_job_brought() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(6));
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    transcriber.shut();
    let job_id = jobs.import(import_of(archive.path())).unwrap().job.id;
    transcriber.await_arrival();
    until(&jobs, &job_id, |status| status.job.counts.running == 6);
    upload(jobs.calls(), "urgent", &wav(&[440.0])).unwrap();
    transcriber.open();
    end(&jobs, &job_id);
    // The one that was sent has one channel.
    let channels: Vec<_> = transcriber.seen.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(channels, [2, 1, 2, 2, 2, 2, 2]);
}

#[test]
fn a_job_waits_when_told_and_ends_when_told() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(30));
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    transcriber.shut();
    let job_id = jobs.import(import_of(archive.path())).unwrap().job.id;
    transcriber.await_arrival();
    jobs.pause(&job_id).unwrap();
    transcriber.open();
    let paused = end(&jobs, &job_id);
    assert_eq!(paused.state, JobState::Paused);
    let window = ArchiveConfig::default().max_waiting as u64;
    assert!((1..=window).contains(&paused.counts.done), "{:?}", paused.counts);
    assert_eq!(jobs.pause(&job_id).map_err(|error| error.reason()), Err("archive.wrong_state"));

    transcriber.shut();
    jobs.resume(&job_id).unwrap();
    transcriber.await_arrival();
    jobs.cancel(&job_id).unwrap();
    transcriber.open();
    let cancelled = end(&jobs, &job_id);
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert!(cancelled.counts.done > paused.counts.done && cancelled.counts.done < 30);
    for outcome in [jobs.pause(&job_id), jobs.resume(&job_id), jobs.cancel(&job_id)] {
        assert_eq!(outcome.map_err(|error| error.reason()), Err("archive.wrong_state"));
    }
}

#[test]
fn only_allowed_folders_are_read() {
    let (dir, archive, other) = (tempfile::tempdir().unwrap(), archive(1), archive_of_nothing());
    let calls = Arc::new(start(dir.path(), &Arc::default()));
    let roots = vec![archive.path().to_owned()];
    let config = ArchiveConfig { roots, ..ArchiveConfig::default() };
    let jobs = Jobs::start(Arc::clone(&calls), config, true, tools()).unwrap();
    let outside = |spec| jobs.import(spec).map(|_| ()).map_err(|error| error.reason());
    assert_eq!(outside(import_of(other.path())), Err("archive.not_allowed"));
    assert_eq!(outside(import_of(&archive.path().join(".."))), Err("archive.not_allowed"));
    assert_eq!(outside(import_of(&archive.path().join("gone"))), Err("archive.unreadable"));
    assert_eq!(outside(import_of(archive.path())), Ok(()));
    drop(jobs);
    // Other machines may ask, and nobody said what they may read.
    let jobs = Jobs::start(calls, ArchiveConfig::default(), false, tools()).unwrap();
    let refused = jobs.import(import_of(archive.path()));
    assert!(matches!(refused, Err(ArchiveError::NotAllowed { .. })));
}

#[test]
fn a_manifest_leads_nowhere_that_is_not_allowed() {
    let (dir, archive, other) = (tempfile::tempdir().unwrap(), archive(1), archive(1));
    let outside = other.path().join("call-00.wav");
    std::os::unix::fs::symlink(&outside, archive.path().join("link.wav")).unwrap();
    let rows = format!("path,call_id\ncall-00.wav,own\n{},foreign\nlink.wav,linked\n", outside.display());
    fs::write(archive.path().join("list.csv"), rows).unwrap();
    let calls = Arc::new(start(dir.path(), &Arc::default()));
    let roots = vec![archive.path().to_owned()];
    let config = ArchiveConfig { roots, ..ArchiveConfig::default() };
    let jobs = Jobs::start(calls, config, true, tools()).unwrap();
    let job = end(&jobs, &jobs.import(import_of(&archive.path().join("list.csv"))).unwrap().job.id);
    assert_eq!((job.counts.total, job.counts.done, job.counts.refused), (3, 1, 2));
    let (problems, _) = jobs.problems(&job.id, 0, 10).unwrap();
    assert!(problems.iter().all(|problem| problem.failure.reason == "archive.not_allowed"), "{problems:?}");
}

#[test]
fn a_call_that_conflicts_or_says_too_much_holds_up_no_other() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(4));
    let jobs = jobs_over(dir.path(), &Arc::default());
    upload(jobs.calls(), "call-01", &wav(&[500.0])).unwrap();
    end_of(jobs.calls(), "call-01");
    let words = (0..20).map(|number| format!("\"k{number}\": \"{}\"", random_text(number, 1000)));
    let beside = format!("{{\"attributes\": {{{}}}}}", words.collect::<Vec<_>>().join(", "));
    fs::write(archive.path().join("call-02.wav.json"), beside).unwrap();
    let job = end(&jobs, &jobs.import(import_of(archive.path())).unwrap().job.id);
    assert_eq!((job.counts.done, job.counts.refused), (2, 2));
    let (problems, _) = jobs.problems(&job.id, 0, 10).unwrap();
    let reasons: Vec<_> = problems.iter().map(|problem| problem.failure.reason.as_str()).collect();
    assert_eq!(reasons, ["ingest.conflict", "ingest.metadata_too_large"]);
}

#[test]
fn what_a_manifest_says_of_the_customer_is_used_and_kept_sealed() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(2));
    let rows = [
        r#"{"path": "call-00.wav", "call_id": "c0", "metadata": {"customerName": "陈大文", "team": "north"}}"#,
        r#"{"path": "call-01.wav", "call_id": "c1", "customer_name": "陈大文"}"#,
    ];
    fs::write(archive.path().join("list.jsonl"), rows.join("\n")).unwrap();
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    transcriber.shut();
    let job_id = jobs.import(import_of(&archive.path().join("list.jsonl"))).unwrap().job.id;
    transcriber.await_arrival();
    transcriber.open();
    let job = end(&jobs, &job_id);
    assert_eq!((job.counts.total, job.counts.done), (2, 2), "{:?}", jobs.problems(&job_id, 0, 9));
    for name in ["c0", "c1"] {
        let metadata = jobs.calls().store().call(&id(name)).unwrap().unwrap().metadata;
        assert_eq!(metadata.customer_name.as_deref(), Some("陈**"), "{name}");
        assert!(metadata.customer_name_sealed.is_some() && metadata.attributes.is_empty());
    }
    let items: Vec<(u64, JobItem)> = jobs.calls().store().items(&job_id, 0, 10).unwrap();
    assert_eq!(items.len(), 2);
    for (_, item) in items {
        assert!(item.private.is_some());
        assert!(!serde_json::to_string(&item).unwrap().contains("大文"));
    }
}

#[test]
fn a_customers_name_in_the_name_of_a_file_is_hidden_there_too() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(archive.path().join("8021_张三.wav"), wav(&[440.0, 330.0])).unwrap();
    let jobs = jobs_over(dir.path(), &Arc::default());
    let names = Some("{agent_id}_{customer_name}".to_owned());
    let spec = ImportSpec { name_pattern: names, ..import_of(archive.path()) };
    let job = end(&jobs, &jobs.import(spec).unwrap().job.id);
    assert_eq!(job.counts.done, 1);
    let page = jobs.calls().store().list_calls(&CallFilter::default(), 1, None).unwrap();
    let record = &page.items[0].record;
    assert_eq!(record.metadata.customer_name.as_deref(), Some("张*"));
    assert_eq!(record.recording.declaration.file_name.as_deref(), Some("8021_张*.wav"));
}

#[test]
fn what_failed_before_fails_again_in_the_same_import_again() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(1));
    fs::write(archive.path().join("broken.wav"), b"no recording").unwrap();
    let jobs = jobs_over(dir.path(), &Arc::default());
    for done in [1, 0] {
        let job = end(&jobs, &jobs.import(import_of(archive.path())).unwrap().job.id);
        assert_eq!((job.counts.done, job.counts.unchanged, job.counts.failed), (done, 1 - done, 1));
    }
}

/// Text that does not compress.
fn random_text(seed: u64, num_chars: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..num_chars).map(|_| next()).collect()
}

fn archive_of_nothing() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
