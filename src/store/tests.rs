//! The store with real sled and real files: lists against a naive search, states, races; `damage` has the rest.

mod bulk;
mod damage;
mod facts;
mod records;
mod reindex;
mod row;

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use fs_err as fs;

use super::*;
use crate::analysis::{Analysis, Finding, Level, RuleKind, ScorecardResult, Verdict};
use crate::dialogue::{Dialogue, Turn};
use crate::ingest::{CallRecord, CallState, Failure, Origin, Recording};
use crate::speech::Word;
use crate::types::{
    AudioDeclaration, CallMetadata, ChannelIndex, ContentHash, Millis, RuleId, Score, SpeakerRole, TimeSpan,
};

fn open(dir: &Path) -> Store {
    Store::open(&StoreConfig { data_dir: dir.to_owned(), ..StoreConfig::default() }).expect("the store opens")
}

fn id(text: &str) -> CallId {
    CallId::try_new(text).expect("a valid id")
}

fn rule(text: &str) -> RuleId {
    RuleId::try_new(text).expect("a valid id")
}

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).expect("within range")
}

fn record(name: &str, agent: Option<&str>, second: i64) -> CallRecord {
    CallRecord {
        id: id(name),
        metadata: CallMetadata { agent_id: agent.map(str::to_owned), ..CallMetadata::default() },
        recording: Recording {
            hash: ContentHash::new([7; 32]),
            num_bytes: 100,
            declaration: AudioDeclaration::default(),
        },
        received_at: at(second),
        state: CallState::Accepted,
        num_attempts: 0,
        duration: None,
        origin: Origin::Upload,
    }
}

fn finding(rule_id: &str, verdict: Verdict) -> Finding {
    Finding {
        rule_id: rule(rule_id),
        rule_name: "承诺保本".to_owned(),
        kind: RuleKind::Forbidden,
        level: Level::S1,
        dimension: "销售合规".to_owned(),
        verdict,
        score_delta: Score::from_points(-10),
        veto: false,
        evidence: Vec::new(),
        explanation: "说了保本保息".to_owned(),
        not_applicable_reason: None,
        num_hits: 0,
        conditions: Vec::new(),
        agent_id: None,
    }
}

fn result(hits: &[&str], points: i32) -> CallResult {
    let mut findings: Vec<_> = hits.iter().map(|rule_id| finding(rule_id, Verdict::Hit)).collect();
    findings.push(finding("MISSED", Verdict::Miss));
    let scorecard = ScorecardResult {
        scheme: "bank".to_owned(),
        revision: "1".to_owned(),
        score: Score::from_points(points),
        scored: true,
        unscored_reason: None,
        full: Score::from_points(100),
        vetoed: false,
        dimensions: Vec::new(),
        basis: None,
    };
    CallResult {
        masking: Masking::default(),
        audio: None,
        recognition: None,
        dialogue: Dialogue::default(),
        analysis: Analysis { findings, scorecard, engine_version: "1".to_owned() },
        parts: Vec::new(),
    }
}

fn ids(page: &Page<CallSummary>) -> Vec<String> {
    page.items.iter().map(|summary| summary.record.id.to_string()).collect()
}

fn all(store: &Store, filter: &CallFilter, page_size: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut token: Option<PageToken> = None;
    loop {
        let page = store.list_calls(filter, page_size, token.as_ref()).expect("lists");
        assert!(page.items.len() <= page_size);
        found.extend(ids(&page));
        // Through its text, as over the wire.
        token = page.next.map(|token| token.to_string().parse().expect("a token parses"));
        if token.is_none() {
            return found;
        }
    }
}

#[test]
fn lists_agree_with_a_naive_search_for_every_filter_and_page_size() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let mut known: Vec<(CallRecord, Option<i32>, Vec<&str>)> = Vec::new();
    for index in 0..60_i64 {
        let agent = [None, Some("007"), Some("工号 8"), Some("")][index as usize % 4];
        // Three calls share each second, and ids do not sort by time.
        let call = record(&format!("c{}", (index * 37) % 101), agent, 1_000 + index / 3);
        store.insert_call(&call).expect("inserts");
        let (score, hits) = match index % 5 {
            0 => (None, vec![]),
            1 => {
                let failure = Failure { reason: "audio.empty".to_owned(), message: "m".to_owned() };
                store.fail(&call, failure).expect("fails");
                (None, vec![])
            }
            other => {
                let hits: Vec<&str> = ["S1", "S10", "X"].into_iter().take(other as usize - 1).collect();
                let points = 60 + index as i32 % 40;
                store.finish(&call, &result(&hits, points)).expect("finishes");
                (Some(points), hits)
            }
        };
        let stored = store.call(&call.id).expect("reads").expect("is there");
        known.push((stored, score, hits));
    }
    known.sort_by(|(left, ..), (right, ..)| {
        right.received_at.cmp(&left.received_at).then(left.id.cmp(&right.id))
    });

    let times =
        [(None, None), (Some(at(1_005)), None), (None, Some(at(1_012))), (Some(at(1_004)), Some(at(1_009)))];
    let agents = [None, Some("007"), Some("工号 8"), Some(""), Some("nobody")];
    let rules = [None, Some("S1"), Some("S10"), Some("S")];
    let failed = CallState::Failed(Failure { reason: String::new(), message: String::new() });
    let states = [None, Some(CallState::Accepted), Some(CallState::Done), Some(failed)];
    let mut num_found = 0;
    for (from, before) in times {
        for agent in agents {
            for rule_id in rules {
                for state in &states {
                    for max in [None, Some(75)] {
                        let filter = CallFilter {
                            received_from: from,
                            received_before: before,
                            agent_id: agent.map(str::to_owned),
                            customer_ref: None,
                            rule_id: rule_id.map(rule),
                            state: state.clone(),
                            max_score: max.map(Score::from_points),
                        };
                        let expected: Vec<String> = known
                            .iter()
                            .filter(|(call, score, hits)| {
                                from.is_none_or(|from| call.received_at >= from)
                                    && before.is_none_or(|before| call.received_at < before)
                                    && agent
                                        .is_none_or(|agent| call.metadata.agent_id.as_deref() == Some(agent))
                                    && rule_id.is_none_or(|rule_id| hits.contains(&rule_id))
                                    && state.as_ref().is_none_or(|state| {
                                        std::mem::discriminant(state) == std::mem::discriminant(&call.state)
                                    })
                                    && max.is_none_or(|max| score.is_some_and(|score| score <= max))
                            })
                            .map(|(call, ..)| call.id.to_string())
                            .collect();
                        num_found += expected.len();
                        for page_size in [1, 7, 500] {
                            assert_eq!(all(&store, &filter, page_size), expected, "{filter:?}");
                        }
                    }
                }
            }
        }
    }
    assert!(num_found > 500, "the filters find something: {num_found}");
}

#[test]
fn the_calls_of_one_customer_are_found_and_no_others() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    for (index, customer) in [Some("c1"), None, Some("c2"), Some("c1")].into_iter().enumerate() {
        let mut call = record(&format!("call{index}"), Some("007"), index as i64);
        call.metadata.customer_ref = customer.map(str::to_owned);
        store.insert_call(&call).expect("inserts");
    }
    let of = |customer: &str| CallFilter { customer_ref: Some(customer.to_owned()), ..CallFilter::default() };
    assert_eq!(ids(&store.list_calls(&of("c1"), 10, None).expect("lists")), ["call3", "call0"]);
    store.delete_call(&id("call3")).expect("deletes");
    assert_eq!(ids(&store.list_calls(&of("c1"), 10, None).expect("lists")), ["call0"]);
    assert!(store.list_calls(&of("c3"), 10, None).expect("lists").items.is_empty());
}

#[test]
fn a_token_of_another_filter_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    for index in 0..3 {
        store.insert_call(&record(&format!("c{index}"), Some("007"), index)).expect("inserts");
    }
    let page = store.list_calls(&CallFilter::default(), 1, None).expect("lists");
    let other = CallFilter { agent_id: Some("007".to_owned()), ..CallFilter::default() };
    assert!(matches!(store.list_calls(&other, 1, page.next.as_ref()), Err(StoreError::PageToken)));
}

#[test]
fn a_list_goes_on_where_it_stopped_while_calls_come_and_go() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    for index in 0..6 {
        store.insert_call(&record(&format!("c{index}"), None, index)).expect("inserts");
    }
    let first = store.list_calls(&CallFilter::default(), 2, None).expect("lists");
    assert_eq!(ids(&first), ["c5", "c4"]);
    store.insert_call(&record("c9", None, 9)).expect("inserts");
    store.delete_call(&id("c4")).expect("deletes");
    store.delete_call(&id("c3")).expect("deletes");
    let second = store.list_calls(&CallFilter::default(), 2, first.next.as_ref()).expect("lists");
    assert_eq!(ids(&second), ["c2", "c1"]);
}

#[test]
fn the_same_bytes_are_the_same_call_and_others_a_conflict() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", Some("007"), 5);
    assert_eq!(store.insert_call(&call).expect("inserts"), Inserted::New);
    let again = CallRecord { received_at: at(9), ..call.clone() };
    assert_eq!(store.insert_call(&again).expect("inserts"), Inserted::Same(Box::new(call.clone())));
    let mut other = call.clone();
    other.recording.hash = ContentHash::new([8; 32]);
    let error = store.insert_call(&other).expect_err("other bytes");
    assert_eq!(crate::error::Classify::reason(&error), "ingest.conflict");
    assert!(store.is_blob_used(&call.recording.hash).expect("reads"));
    assert!(!store.is_blob_used(&other.recording.hash).expect("reads"));
}

#[test]
fn many_at_once_make_one_call() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let outcomes: Vec<Inserted> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|index| {
                let call = record("same", None, index);
                scope.spawn(|| {
                    let call = call;
                    store.insert_call(&call).expect("inserts")
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Inserted::New).count(), 1);
    assert_eq!(all(&store, &CallFilter::default(), 10), ["same"]);
    assert_eq!(store.unfinished_calls(10, |_| false).expect("reads").len(), 1);
}

#[test]
fn a_call_goes_through_its_states_and_leaves_no_trace_when_deleted() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", Some("007"), 5);
    store.insert_call(&call).expect("inserts");
    let begun = store.begin(&call).expect("begins");
    assert_eq!((begun.num_attempts, &begun.state), (1, &CallState::Decoding));
    store.set_state(&call, CallState::Transcribing, Some(Millis(42))).expect("moves");
    assert_eq!(store.begun_calls().expect("reads").len(), 1);
    let done = result(&["S1", "S2"], 80);
    store.finish(&call, &done).expect("finishes");
    assert_eq!(store.result(&call.id).expect("reads"), Some(done.clone()));
    assert_eq!(store.analysis(&call.id).expect("reads"), Some(done.analysis));
    assert_eq!(store.call(&call.id).expect("reads").and_then(|call| call.duration), Some(Millis(42)));
    assert!(store.begun_calls().expect("reads").is_empty());
    assert!(store.unfinished_calls(10, |_| false).expect("reads").is_empty());

    store.delete_call(&call.id).expect("deletes");
    assert!(matches!(store.delete_call(&call.id), Err(StoreError::NotFound { .. })));
    assert_eq!(store.result(&call.id).expect("reads"), None);
    assert_eq!(damage::num_left(&store), 0, "nothing of a call is left but a number");
    assert_eq!(num_result_files(dir.path()), 0);
}

#[test]
fn a_call_that_was_deleted_and_sent_again_is_another_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let old = record("c1", None, 5);
    store.insert_call(&old).expect("inserts");
    store.delete_call(&old.id).expect("deletes");
    store.insert_call(&record("c1", None, 6)).expect("inserts");
    assert!(matches!(store.finish(&old, &result(&["S1"], 80)), Err(StoreError::NotFound { .. })));
    assert_eq!(store.result(&old.id).expect("reads"), None);
}

#[test]
fn judging_again_replaces_the_rules_of_a_call() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", None, 5);
    store.insert_call(&call).expect("inserts");
    store.finish(&call, &result(&["S1", "S2"], 80)).expect("finishes");
    store.finish(&call, &result(&["S2", "S3"], 90)).expect("finishes");
    let hit_by = |rule_id| CallFilter { rule_id: Some(rule(rule_id)), ..CallFilter::default() };
    assert!(all(&store, &hit_by("S1"), 10).is_empty());
    assert_eq!(all(&store, &hit_by("S2"), 10), ["c1"]);
    assert_eq!(all(&store, &hit_by("S3"), 10), ["c1"]);
}

#[test]
fn more_rules_than_a_record_holds_are_read_from_the_result() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", None, 5);
    store.insert_call(&call).expect("inserts");
    // Digests do not compress.
    let names: Vec<String> = (0..1_000)
        .map(|index: u32| format!("R{:08x}{index}", crc32c::crc32c(&index.to_be_bytes())))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    store.finish(&call, &result(&names, 0)).expect("finishes");
    let stored = store.stored(&call.id).expect("reads").expect("is there");
    assert!(stored.hit_rule_ids.is_none(), "they do not fit");
    let page = store.list_calls(&CallFilter::default(), 10, None).expect("lists");
    assert_eq!(page.items[0].hit_rule_ids.len(), names.len());
    store.delete_call(&call.id).expect("deletes");
    assert_eq!(damage::num_left(&store), 0, "nothing of a call is left but a number");
}

#[test]
fn a_long_call_is_stored_whole_and_small() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", None, 5);
    store.insert_call(&call).expect("inserts");
    let mut long = result(&["S1"], 80);
    for turn in 0..1_500_u64 {
        let words: Vec<Word> = (0..20)
            .map(|word| {
                let start = Millis((turn * 20 + word) * 240);
                Word {
                    text: char::from_u32(0x4e00 + (turn * 31 + word * 7) as u32 % 5_000)
                        .expect("a Chinese character")
                        .to_string(),
                    span: TimeSpan::new(start, start + Millis(200)),
                    confidence: (word as f32 * 0.123 + turn as f32 * 0.017) % 1.0,
                }
            })
            .collect();
        long.dialogue.turns.push(Turn {
            index: turn as u32,
            channel: ChannelIndex(0),
            speaker: None,
            speaker_confidence: None,
            role: SpeakerRole::Agent,
            span: None,
            text: words.iter().map(|word| word.text.as_str()).collect(),
            words,
            utterances: Vec::new(),
            confidence: Some(0.9),
            chars_per_min: Some(250.5),
            loudness_dbfs: None,
            kind: crate::dialogue::MessageKind::Text,
            sender: None,
            told_role: None,
        });
    }
    store.finish(&call, &long).expect("finishes");
    assert_eq!(store.result(&call.id).expect("reads"), Some(long));
    assert!(
        store.index.iter().all(|entry| entry.expect("reads").1.len() < 6 << 10),
        "nothing large lies in sled"
    );
}

#[test]
fn what_would_not_read_back_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let call = record("c1", None, 5);
    store.insert_call(&call).expect("inserts");
    let mut odd = result(&[], 80);
    odd.dialogue.role_confidence = f32::NAN;
    assert!(matches!(store.finish(&call, &odd), Err(StoreError::Unstorable { .. })));
    assert_eq!(num_result_files(dir.path()), 0);
}

#[test]
fn too_much_metadata_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let mut call = record("c1", None, 5);
    for index in 0..1_000_u32 {
        let digest = crc32c::crc32c(&index.to_be_bytes());
        call.metadata.attributes.insert(index.to_string(), format!("{digest:x}"));
    }
    assert!(matches!(store.insert_call(&call), Err(StoreError::MetadataTooLarge { .. })));
    // It compresses to next to nothing, and would still fill a list.
    call.metadata.attributes = BTreeMap::from([("note".to_owned(), "啊".repeat(20_000))]);
    assert!(matches!(store.insert_call(&call), Err(StoreError::MetadataTooLarge { .. })));
    assert_eq!(store.call(&call.id).expect("reads"), None);
}

fn result_files(data_dir: &Path) -> Vec<std::path::PathBuf> {
    let (mut found, mut dirs) = (Vec::new(), vec![data_dir.join("results")]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("reads") {
            let path = entry.expect("reads").path();
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| !path.parent().is_some_and(|dir| dir.ends_with("tables")));
    found
}

fn num_result_files(data_dir: &Path) -> usize {
    result_files(data_dir).len()
}
