//! Stored calls judged or transcribed again, revisions compared, and late metadata.

use std::path::Path;
use std::sync::Arc;

use diting::analysis::RuleSet;
use diting::archive::{ArchiveError, DiffEvent, ImportSpec, JobState, Jobs, RevisionDiff, Selection};
use diting::error::Classify;
use diting::ingest::CallState;
use diting::pipeline::PipelineError;
use diting::store::CallFilter;
use diting::types::{CallMetadata, ChannelIndex, RuleId};
use fs_err as fs;

use crate::job_support::{archive, end, hits, import_of, jobs_over};
use crate::support::{SteeredTranscriber, end_of, id, upload, wav};

/// Hits what is said in every test call, and nothing else.
const OTHER_PACK: &str = r#"
version = 2

[scheme]
name = "other"
version = "1"
base = 100

[[rule]]
id = "X01"
name = "产品"
dimension = "销售合规"
kind = "forbidden"
level = "S3"
hits = ["客服：这个产品很好。"]
misses = ["客服：您好。"]

[[rule.condition]]
keyword = { any = ["这个产品"] }
"#;

fn hit_by(jobs: &Jobs, rule: &str) -> Vec<String> {
    let filter = CallFilter { rule_id: Some(RuleId::try_new(rule).unwrap()), ..CallFilter::default() };
    let page = jobs.calls().store().list_calls(&filter, 500, None).unwrap();
    page.items.into_iter().map(|call| call.record.id.as_str().to_owned()).collect()
}

#[test]
fn another_pack_changes_findings_and_indexes_without_listening_again() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(7));
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    end(&jobs, &jobs.import(import_of(archive.path())).unwrap().job.id);
    let before = hits(&jobs, "call-03");
    assert!(!before.is_empty() && !before.contains(&"X01".to_owned()));
    let dialogue = jobs.calls().store().result(&id("call-03")).unwrap().unwrap().dialogue;

    let pack = [("other.toml".to_owned(), OTHER_PACK.to_owned())];
    let rules = Arc::new(RuleSet::compile_all(&pack).unwrap());
    let mut events = Vec::new();
    let diff = RevisionDiff { selection: Selection::default(), before: None, after: rules };
    jobs.diff(&diff, |event| {
        events.push(event);
        true
    })
    .unwrap();
    let Some(DiffEvent::Totals(totals)) = events.pop() else { panic!("the totals come last") };
    assert_eq!((totals.num_calls, totals.num_changed), (7, 7));
    assert_eq!(totals.hits[&RuleId::try_new("X01").unwrap()], (0, 7));
    let changed = events.iter().filter(|event| matches!(event, DiffEvent::Call(..)));
    assert_eq!(changed.count(), 7);
    assert_eq!(hits(&jobs, "call-03"), before, "nothing is stored");

    let job = end(&jobs, &jobs.rescore(Selection::default(), &pack).unwrap().job.id);
    assert_eq!(job.state, JobState::Done);
    assert_eq!((job.counts.total, job.counts.done, job.counts.changed), (7, 7, 7));
    assert_eq!(hits(&jobs, "call-03"), ["X01"]);
    assert_eq!(hit_by(&jobs, "X01").len(), 7);
    for rule in before {
        assert_eq!(hit_by(&jobs, &rule), Vec::<String>::new(), "{rule}");
    }
    assert_eq!(jobs.calls().store().result(&id("call-03")).unwrap().unwrap().dialogue, dialogue);
    assert_eq!(transcriber.seen.lock().unwrap().len(), 7, "nothing is heard again");

    let again = end(&jobs, &jobs.rescore(Selection::default(), &pack).unwrap().job.id);
    assert_eq!((again.counts.done, again.counts.changed), (7, 0));
    drop(jobs);
    // Read back from the disk.
    let jobs = jobs_over(dir.path(), &transcriber);
    assert_eq!(hits(&jobs, "call-06"), ["X01"]);
    assert_eq!(jobs.list().len(), 3);
}

#[test]
fn only_chosen_calls_are_judged_again() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["20261101-a.wav", "20261115-b.wav", "20261120-c.wav"] {
        fs::write(archive.path().join(name), wav(&[440.0, 330.0])).unwrap();
    }
    let jobs = jobs_over(dir.path(), &Arc::default());
    let pattern = Some("{time:%Y%m%d}-{call_id}".to_owned());
    let spec = ImportSpec { name_pattern: pattern, ..import_of(archive.path()) };
    end(&jobs, &jobs.import(spec).unwrap().job.id);
    let since = Some("2026-11-10T00:00:00Z".parse().unwrap());
    let until = Some("2026-11-18T00:00:00Z".parse().unwrap());
    let pack = [("other.toml".to_owned(), OTHER_PACK.to_owned())];
    let selection = Selection { since, until, ..Selection::default() };
    let job = end(&jobs, &jobs.rescore(selection, &pack).unwrap().job.id);
    assert_eq!((job.counts.total, job.counts.done, job.counts.unchanged), (3, 1, 2));
    assert_eq!(hit_by(&jobs, "X01"), ["b"]);
}

#[test]
fn a_wrong_pack_is_refused_before_there_is_a_job() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs_over(dir.path(), &Arc::default());
    let pack = [("bad.toml".to_owned(), "version = 2\n[[rule]]\nid = 3".to_owned())];
    let refused = jobs.rescore(Selection::default(), &pack);
    assert!(matches!(refused, Err(ArchiveError::Rules(_))));
    assert!(jobs.list().is_empty());
}

#[test]
fn a_better_model_replaces_a_transcript_only_when_it_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    for name in ["call-00", "call-01", "call-02"] {
        upload(jobs.calls(), name, &wav(&[440.0, 330.0])).unwrap();
        end_of(jobs.calls(), name);
    }
    let text = |name: &str| {
        let result = jobs.calls().store().result(&id(name)).unwrap().unwrap();
        let turn = result.dialogue.turns.first().expect("something was said").text.clone();
        (result.recognition.expect("it was heard").model, turn)
    };
    let old = text("call-00");
    assert_eq!(old.0, "steered");
    let old_hits = hits(&jobs, "call-00");

    let job = end(&jobs, &jobs.retranscribe(Selection::default(), "better".to_owned()).unwrap().job.id);
    assert_eq!((job.state.clone(), job.counts.done, job.counts.failed), (JobState::Done, 3, 0));
    let new = text("call-00");
    assert_eq!(new.0, "better");
    assert!(new.1.chars().count() < old.1.chars().count(), "{old:?} {new:?}");
    assert_ne!(hits(&jobs, "call-00"), old_hits, "it is judged by what was heard now");

    let again = end(&jobs, &jobs.retranscribe(Selection::default(), "better".to_owned()).unwrap().job.id);
    assert_eq!((again.counts.done, again.counts.unchanged), (0, 3));
    let wrong = end(&jobs, &jobs.retranscribe(Selection::default(), "none".to_owned()).unwrap().job.id);
    let JobState::Failed(failure) = wrong.state else { panic!("{:?}", wrong.state) };
    assert_eq!(failure.reason, "archive.model");
}

#[test]
fn late_metadata_moves_a_call_and_judges_it_anew() {
    let dir = tempfile::tempdir().unwrap();
    let transcriber = Arc::<SteeredTranscriber>::default();
    let jobs = jobs_over(dir.path(), &transcriber);
    let calls = jobs.calls();
    upload(calls, "c1", &wav(&[440.0, 330.0])).unwrap();
    end_of(calls, "c1");
    assert!(!hits(&jobs, "c1").is_empty());
    let by = |agent: &str| {
        let filter = CallFilter { agent_id: Some(agent.to_owned()), ..CallFilter::default() };
        calls.store().list_calls(&filter, 10, None).unwrap().items.len()
    };
    assert_eq!((by("007"), by("008")), (1, 0));

    // It was the other channel that the agent spoke on.
    let change = |old: &CallMetadata| {
        let roles = old.channel_roles.iter().map(|(channel, role)| (ChannelIndex(1 - channel.0), *role));
        Ok::<_, PipelineError>(CallMetadata {
            agent_id: Some("008".to_owned()),
            channel_roles: roles.collect(),
            ..old.clone()
        })
    };
    let record = calls.update_metadata(&id("c1"), change).unwrap();
    assert_eq!(record.metadata.agent_id.as_deref(), Some("008"));
    assert_eq!((by("007"), by("008")), (0, 1));
    assert!(!hits(&jobs, "c1").iter().any(|rule| rule.starts_with('B')), "the customer may say it");
    assert_eq!(transcriber.seen.lock().unwrap().len(), 1, "nothing is heard again");

    // While it runs, the end of its run takes the change up.
    transcriber.shut();
    upload(calls, "c2", &wav(&[440.0, 330.0])).unwrap();
    transcriber.await_arrival();
    calls.update_metadata(&id("c2"), change).unwrap();
    transcriber.open();
    assert_eq!(end_of(calls, "c2").state, CallState::Done);
    assert_eq!((by("007"), by("008")), (0, 2));
    assert_eq!(hits(&jobs, "c2"), hits(&jobs, "c1"));
    assert_eq!(
        calls.update_metadata(&id("none"), change).map_err(|error| error.reason()),
        Err("store.not_found")
    );
}

#[test]
fn a_damaged_result_is_told_and_the_others_are_judged() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), archive(3));
    let jobs = jobs_over(dir.path(), &Arc::default());
    end(&jobs, &jobs.import(import_of(archive.path())).unwrap().job.id);
    let mut files: Vec<_> = walk(&dir.path().join("results"));
    files.sort();
    let mut bytes = fs::read(&files[1]).unwrap();
    let middle = bytes.len() - 10;
    bytes[middle] ^= 0xFF;
    fs::write(&files[1], bytes).unwrap();
    let job = end(&jobs, &jobs.rescore(Selection::default(), &[]).unwrap().job.id);
    assert_eq!((job.state.clone(), job.counts.done, job.counts.failed), (JobState::Done, 2, 1));
    let (problems, _) = jobs.problems(&job.id, 0, 10).unwrap();
    assert_eq!(problems[0].failure.reason, "store.corrupt");
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
