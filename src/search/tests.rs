//! The text index over a real store: what is found, by whom, after changes, a restart and damage; and held to a naive
//! search.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use proptest::prelude::*;

use super::engine::{CallText, Engine};
use super::*;
use crate::analysis::{Analysis, ScorecardResult, WrittenTurn, dialogue_from, units};
use crate::dialogue::Dialogue;
use crate::ingest::{CallRecord, CallState, Origin, Recording};
use crate::store::{CallResult, Masking, StoreConfig};
use crate::types::{AudioDeclaration, CallId, CallMetadata, ContentHash, Score, SpeakerRole};

const SOON: Duration = Duration::from_secs(60);

fn open(dir: &Path) -> Arc<Store> {
    let config = StoreConfig { data_dir: dir.to_owned(), ..StoreConfig::default() };
    Arc::new(Store::open(&config).expect("the store opens"))
}

fn id(name: &str) -> CallId {
    CallId::try_new(name).expect("a valid id")
}

fn dialogue(turns: &[(SpeakerRole, &str)]) -> Dialogue {
    let turns = turns.iter().map(|(role, text)| WrittenTurn {
        role: *role,
        span: None,
        loudness_dbfs: None,
        text: (*text).to_owned(),
    });
    dialogue_from(turns.collect(), false, None)
}

fn finished(name: &str, turns: &[(SpeakerRole, &str)]) -> (CallRecord, CallResult) {
    let record = CallRecord {
        id: id(name),
        metadata: CallMetadata::default(),
        recording: Recording {
            hash: ContentHash::new([7; 32]),
            num_bytes: 1,
            declaration: AudioDeclaration::default(),
        },
        received_at: jiff::Timestamp::UNIX_EPOCH,
        state: CallState::Accepted,
        num_attempts: 0,
        duration: None,
        origin: Origin::Upload,
    };
    let full = Score::from_points(100);
    let scorecard = ScorecardResult {
        scheme: "bank".to_owned(),
        revision: "1".to_owned(),
        score: full,
        scored: true,
        unscored_reason: None,
        full,
        vetoed: false,
        dimensions: Vec::new(),
        basis: None,
    };
    let result = CallResult {
        audio: None,
        recognition: None,
        dialogue: dialogue(turns),
        analysis: Analysis { findings: Vec::new(), scorecard, engine_version: "1".to_owned() },
        parts: Vec::new(),
        masking: Masking::default(),
    };
    (record, result)
}

use SpeakerRole::{Agent, Bot, Customer};

fn three_calls() -> Vec<(CallRecord, CallResult)> {
    vec![
        finished("loan", &[(Customer, "我要，提前还款。"), (Agent, "提前还款要违约金"), (Customer, "好的")]),
        finished(
            "sale",
            &[(Agent, "这款产品保本"), (Agent, "息差很高，卡号 ****1237"), (Customer, "我要投诉你")],
        ),
        finished("menu", &[(Bot, "查询请按一，投诉请按二"), (Customer, "辦ETC卡，提前"), (Customer, "还款")]),
    ]
}

/// Names of the calls that a question finds, when the index has caught up.
fn found(index: &TextIndex, store: &Store, question: &str) -> Vec<String> {
    assert!(index.wait_for(store.last_change(), SOON), "the index catches up");
    let found = index.find(&TextQuery::parse(question).expect("it can be read")).expect("it answers");
    assert!(found.current_to >= store.last_change());
    let catalog = store.catalog();
    let mut names: Vec<String> = found
        .calls
        .iter()
        .map(|number| catalog.call(number).map_or_else(|| "gone".to_owned(), |call| call.id.to_string()))
        .collect();
    names.sort();
    names
}

#[test]
fn words_are_found_wherever_they_stand_and_turns_are_not_joined() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    store.insert_finished(&three_calls()).expect("inserts");
    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    let cases: [(&str, &[&str]); 18] = [
        ("提前还款", &["loan"]),
        ("前还", &["loan"]),
        ("提前 还款", &["loan", "menu"]),
        ("\"要 提前\"", &["loan"]),
        ("保本", &["sale"]),
        // 保本 ends one turn and 息差 begins the next.
        ("保本息", &[]),
        ("投诉", &["menu", "sale"]),
        ("客户:投诉", &["sale"]),
        ("客服:投诉", &[]),
        ("-投诉", &["loan"]),
        ("提前 -客服:违约金", &["menu"]),
        ("etc", &["menu"]),
        ("办ETC卡", &["menu"]),
        ("1237", &["sale"]),
        ("123", &[]),
        ("卡", &["menu", "sale"]),
        ("客户:卡", &["menu"]),
        ("从来没有说过", &[]),
    ];
    for (question, expected) in cases {
        assert_eq!(found(&index, &store, question), expected, "{question}");
    }
}

#[test]
fn what_changes_is_followed_and_a_restart_goes_on_where_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    store.insert_finished(&three_calls()).expect("inserts");
    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    assert_eq!(found(&index, &store, "投诉"), ["menu", "sale"]);

    store.delete_call(&id("sale")).expect("deletes");
    let old = store.finished_call(&id("menu")).expect("reads").expect("is there");
    let other = finished("menu", &[(Customer, "我要销户")]).1;
    store.replace_result(&old, &CallMetadata::default(), &other).expect("replaces");
    assert_eq!(found(&index, &store, "投诉"), [""; 0]);
    assert_eq!(found(&index, &store, "销户"), ["menu"]);
    index.stop();

    // Not seen by the index that was stopped.
    store.insert_finished(&[finished("late", &[(Customer, "我要投诉")])]).expect("inserts");
    let before = index.current_to();
    drop(index);
    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    assert_eq!(index.num_texts(), 2, "it goes on where it was");
    assert!(index.wait_for(before, SOON));
    assert_eq!(found(&index, &store, "投诉"), ["late"]);
    assert_eq!(found(&index, &store, "-投诉"), ["loan", "menu"]);
}

#[test]
fn a_damaged_or_older_index_or_one_ahead_of_the_store_is_made_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    store.insert_finished(&three_calls()).expect("inserts");
    let folder = dir.path().join("search");
    let damages: [&dyn Fn(); 5] = [
        &|| fs::write(folder.join("version"), "0").expect("writes"),
        &|| fs::write(folder.join("meta.json"), "rubbish").expect("writes"),
        &|| fs::remove_file(folder.join("meta.json")).expect("removes"),
        &|| {
            for entry in fs::read_dir(&folder).expect("reads") {
                let path = entry.expect("reads").path();
                if path.extension().is_some_and(|kind| kind == "idx") {
                    let mut bytes = fs::read(&path).expect("reads");
                    bytes[0] ^= 0xff;
                    fs::remove_file(&path).expect("removes");
                    fs::write(&path, bytes).expect("writes");
                }
            }
        },
        &|| {
            let meta = fs::read_to_string(folder.join("meta.json")).expect("reads");
            let far = format!("\"payload\":\"{}\"", u64::MAX);
            let meta = regex::Regex::new("\"payload\": ?\"[0-9]+\"").expect("valid").replace(&meta, far);
            fs::remove_file(folder.join("meta.json")).expect("removes");
            fs::write(folder.join("meta.json"), meta.as_ref()).expect("writes");
        },
    ];
    for damage in damages {
        let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
        assert_eq!(found(&index, &store, "提前还款"), ["loan"]);
        drop(index);
        damage();
        let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
        // Until it is made anew, an answer may be an error, but never a wrong one that claims to be current.
        let query = TextQuery::parse("提前还款").expect("valid");
        loop {
            match index.find(&query) {
                Ok(found) if found.current_to >= store.last_change() => {
                    break assert_eq!(found.calls.len(), 1);
                }
                Ok(_) | Err(_) => std::thread::yield_now(),
            }
        }
        index.begin_anew();
        assert_eq!(found(&index, &store, "投诉"), ["menu", "sale"]);
    }
}

#[test]
fn an_index_claims_nothing_before_its_files_are_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    store.insert_finished(&three_calls()).expect("inserts");
    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    assert!(index.wait_for(store.last_change(), SOON));
    drop(index);
    let follower = Follower::open(store).expect("it opens");
    assert_eq!(follower.num_texts(), 3);
    assert_eq!(follower.current_to(), 0);
}

/// The result files that are there, without those of `known`.
fn result_files(dir: &Path, known: &[PathBuf]) -> Vec<PathBuf> {
    let (mut found, mut dirs) = (Vec::new(), vec![dir.join("results")]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("reads") {
            let path = entry.expect("reads").path();
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| !known.contains(path));
    found
}

#[test]
fn what_cannot_be_read_is_waited_for_and_costs_no_other_text() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    store.insert_finished(&three_calls()).expect("inserts");
    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    assert_eq!(found(&index, &store, "提前还款"), ["loan"]);
    index.stop();
    drop(index);

    store.insert_finished(&[finished("early", &[(Customer, "我要销户")])]).expect("inserts");
    let readable = store.last_change();
    let known = result_files(dir.path(), &[]);
    store.insert_finished(&[finished("late", &[(Customer, "我要挂失")])]).expect("inserts");
    // A folder in its place cannot be read, and is no damage of the file.
    let [path] = result_files(dir.path(), &known).try_into().expect("one new file");
    let aside = dir.path().join("aside");
    fs::rename(&path, &aside).expect("moves");
    fs::create_dir(&path).expect("makes");

    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    assert!(index.wait_for(readable, SOON), "what comes before is taken in");
    assert_eq!(index.current_to(), readable);
    assert_eq!(index.num_texts(), 4, "the other texts stay");
    fs::remove_dir(&path).expect("removes");
    fs::rename(&aside, &path).expect("moves");
    assert_eq!(found(&index, &store, "挂失"), ["late"]);
    assert_eq!(found(&index, &store, "提前还款"), ["loan"]);
}

#[test]
fn what_is_said_about_a_call_does_not_make_its_text_be_read_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    store.insert_finished(&three_calls()).expect("inserts");
    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    assert_eq!(found(&index, &store, "提前还款"), ["loan"]);
    for path in result_files(dir.path(), &[]) {
        // Whoever reads it now finds it damaged.
        fs::write(path, b"rubbish").expect("writes");
    }
    let say = |topic: &str| {
        let said: Result<(), crate::store::StoreError> = store.annotate(&id("loan"), |annotations, _| {
            annotations.topics = vec![topic.into()];
            Ok(())
        });
        said.expect("annotates");
    };
    say("还款");
    assert_eq!(found(&index, &store, "提前还款"), ["loan"]);
    drop(index);
    let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
    say("违约");
    assert_eq!(found(&index, &store, "提前还款"), ["loan"], "a restart knows it as well");
    index.begin_anew();
    assert_eq!(found(&index, &store, "提前还款"), [""; 0], "made anew, it lacks what is damaged");
}

/// One call or a few are changed, added or deleted with every commit, and the same words are asked again and again.
#[test]
fn what_was_answered_before_is_right_after_every_change() {
    const WORDS: [&str; 4] = ["投诉", "还款", "征信", "挂失"];
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, mut writer) = Engine::create(&dir.path().join("index")).expect("begins");
    let mut said: BTreeMap<u32, usize> = BTreeMap::new();
    let mut most_segments = 0;
    for step in 0..120_u32 {
        for (call, word) in [(step, step % 4), (step * 7 % 50, step % 3), (step * 5 % 40, 3)] {
            let word = word as usize;
            let said_now = dialogue(&[(Customer, WORDS[word])]);
            writer.put(CallText::of(writer.fields(), call, step, &said_now)).expect("takes it");
            said.insert(call, word);
        }
        writer.remove(step / 2);
        said.remove(&(step / 2));
        writer.commit(u64::from(step)).expect("writes");
        engine.reload().expect("reloads");
        for (index, word) in WORDS.iter().enumerate() {
            let calls = engine.find(&TextQuery::parse(word).expect("valid")).expect("answers");
            let expected: Vec<u32> =
                said.iter().filter(|(_, said)| **said == index).map(|(call, _)| *call).collect();
            assert_eq!(calls.iter().collect::<Vec<_>>(), expected, "{word} after step {step}");
        }
        let all = engine.find(&TextQuery::parse("-没有").expect("valid")).expect("answers");
        assert!(all.iter().eq(said.keys().copied()), "after step {step}");
        let (segments, kept) = engine.num_segments();
        assert!(kept <= 2 * segments + 1, "{kept} are kept of {segments}");
        most_segments = most_segments.max(segments);
    }
    assert!(most_segments > 2, "several segments were asked");
}

fn text() -> impl Strategy<Value = String> {
    "[提前还款保本息投诉嗯，a1 ]{0,14}"
}

fn role() -> impl Strategy<Value = SpeakerRole> {
    prop::sample::select(vec![Agent, Customer, Bot])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn found_are_the_calls_that_a_naive_search_finds(
        calls in prop::collection::vec(prop::collection::vec((role(), text()), 0..4), 1..12),
        words in prop::collection::vec(("(-)?(客户:|客服:)?", "[提前还款保本息投诉a1]{1,4}"), 12),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path());
        let calls: Vec<_> = calls.iter().enumerate().map(|(index, turns)| {
            let turns: Vec<_> = turns.iter().map(|(role, text)| (*role, text.as_str())).collect();
            finished(&format!("c{index:02}"), &turns)
        }).collect();
        store.insert_finished(&calls).expect("inserts");
        let index = TextIndex::start(Arc::clone(&store)).expect("it starts");
        for pair in words.chunks(2) {
            let question: Vec<String> = pair.iter().map(|(prefix, word)| format!("{prefix}{word}")).collect();
            let question = question.join(" ");
            let expected: Vec<String> = calls.iter().filter(|(_, result)| {
                pair.iter().all(|(prefix, word)| {
                    let wanted = units(word);
                    let says = result.dialogue.turns.iter().any(|turn| {
                        let is_speaker = (!prefix.contains("客户") || turn.role == Customer)
                            && (!prefix.contains("客服") || turn.role == Agent);
                        is_speaker && units(&turn.text).windows(wanted.len()).any(|window| {
                            window.iter().map(|unit| &unit.text).eq(wanted.iter().map(|unit| &unit.text))
                        })
                    });
                    says != prefix.starts_with('-')
                })
            }).map(|(record, _)| record.id.to_string()).collect();
            prop_assert_eq!(found(&index, &store, &question), expected.clone(), "{}", question);
            let query = TextQuery::parse(&question).expect("valid");
            let positive = pair.iter().any(|(prefix, _)| !prefix.starts_with('-'));
            for (record, result) in &calls {
                if positive && expected.contains(&record.id.to_string()) {
                    prop_assert!(!query.places(&result.dialogue).is_empty());
                }
            }
        }
    }
}

#[test]
fn an_index_is_well_while_its_thread_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut index = TextIndex::start(open(dir.path())).expect("it starts");
    assert!(index.is_well());
    index.stop();
    assert!(!index.is_well(), "it was stopped");
    let thread = std::thread::spawn(|| panic!("as a defect would"));
    while !thread.is_finished() {
        std::thread::yield_now();
    }
    index.thread = Mutex::new(Some(thread));
    assert!(!index.is_well(), "it panicked");
}
