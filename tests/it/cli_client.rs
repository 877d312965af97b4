//! `diting push`, `diting calls` and `diting config`, as processes.

use std::process::Output;

use serde_json::Value;

use crate::command::{diting, stderr, stdout};
use crate::sandbox::{Sandbox, recording};

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("it was killed: {}", stderr(output)))
}

fn json_lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// A folder with two recordings, the second with metadata beside it.
fn inbox() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("it is written");
    write("one.wav", &recording(1));
    write("two.wav", &recording(2));
    write(
        "two.wav.json",
        r#"{"agentId": "8022", "channelRoles": [{"channel": 0, "role": "SPEAKER_ROLE_AGENT"}]}"#.as_bytes(),
    );
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_pushed_listed_shown_and_deleted() {
    let sandbox = Sandbox::start().await;
    let (server, inbox) = (sandbox.url(), inbox());
    let run = |args: &'static [&'static str]| diting(&server, inbox.path(), args);

    let pushed = run(&["push", ".", "--wait"]).await;
    assert_eq!(code(&pushed), 0, "{}", stderr(&pushed));
    let lines = stdout(&pushed);
    assert!(lines.contains("accepted\tone\t") && lines.contains("accepted\ttwo\t"), "{lines}");
    assert!(lines.contains("done\tone") && lines.contains("done\ttwo"), "{lines}");
    assert!(stderr(&pushed).is_empty(), "{}", stderr(&pushed));

    let again = run(&["push", "one.wav"]).await;
    assert_eq!((code(&again), stdout(&again).starts_with("present\tone")), (0, true));

    let list = run(&["calls", "list", "--format", "json"]).await;
    let calls = json_lines(&list);
    let ids: Vec<_> = calls.iter().map(|call| call["call"]["callId"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["two", "one"]);
    assert_eq!(calls[0]["call"]["metadata"]["agentId"], "8022");
    assert!(calls[0]["score"].is_number());
    let by_agent = run(&["calls", "list", "--agent", "8022"]).await;
    assert_eq!(stdout(&by_agent).lines().count(), 1);

    let shown = run(&["calls", "show", "two", "--format", "json"]).await;
    let report = json_lines(&shown).pop().expect("one line");
    let turn = &report["transcript"]["turns"][0];
    assert_eq!((&turn["channel"], &turn["role"]), (&Value::from(0), &Value::from("SPEAKER_ROLE_AGENT")));
    assert_eq!(turn["start"], "0.200s");
    assert!(turn["words"][0]["confidence"].is_number());
    let text = run(&["calls", "show", "two"]).await;
    assert!(stdout(&text).contains("保本保息"), "{}", stdout(&text));
    let srt = run(&["calls", "show", "two", "--format", "srt"]).await;
    assert!(stdout(&srt).contains("00:00:00,200 --> "), "{}", stdout(&srt));

    let findings = run(&["findings", "list", "--agent", "8022", "--format", "json"]).await;
    let findings = json_lines(&findings);
    assert!(!findings.is_empty());
    assert!(findings.iter().all(|one| one["callId"] == "two" && one["verdict"] == "VERDICT_HIT"));
    let one = run(&["calls", "findings", "one", "--limit", "1"]).await;
    assert_eq!(stdout(&one).lines().count(), 1);

    let watched = run(&["calls", "watch", "two"]).await;
    assert_eq!((code(&watched), stdout(&watched).as_str()), (0, "done\t100 %\n"));
    let deleted = run(&["calls", "delete", "one", "nobody", "two"]).await;
    assert_eq!(code(&deleted), 2, "one of them is not there");
    assert_eq!(stdout(&deleted), "deleted\tone\ndeleted\ttwo\n");
    assert!(stderr(&deleted).contains("nobody") && stderr(&deleted).contains("store.not_found"));
    assert!(sandbox.is_empty().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_recording_does_not_keep_the_others_back() {
    let sandbox = Sandbox::start().await;
    let (server, inbox) = (sandbox.url(), inbox());
    std::fs::write(inbox.path().join("bad.wav"), b"this is no audio").expect("it is written");
    let pushed = diting(&server, inbox.path(), &["push", "bad.wav", "gone.wav", "one.wav", "--wait"]).await;
    assert_eq!(code(&pushed), 2);
    let lines = stdout(&pushed);
    assert!(lines.contains("failed\tbad\taudio.") && lines.contains("done\tone"), "{lines}");
    assert!(stderr(&pushed).contains("gone.wav"), "{}", stderr(&pushed));

    let shown = diting(&server, inbox.path(), &["calls", "show", "bad"]).await;
    assert_eq!(code(&shown), 2);
    assert!(stdout(&shown).contains("bad") && stdout(&shown).contains("处理失败"), "{}", stdout(&shown));
    let record = diting(&server, inbox.path(), &["calls", "show", "bad", "--format", "json"]).await;
    assert_eq!(json_lines(&record)[0]["state"], "CALL_STATE_FAILED");
    let list = diting(&server, inbox.path(), &["calls", "list", "--state", "failed"]).await;
    assert!(stdout(&list).contains("\tfailed\t-\t-\taudio."), "{}", stdout(&list));

    let conflict = diting(&server, inbox.path(), &["push", "two.wav", "--call-id", "one"]).await;
    assert_eq!(code(&conflict), 2);
    assert!(stderr(&conflict).contains("ingest.conflict"), "{}", stderr(&conflict));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_message_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nothing listens on a port that was just given back.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let server = format!("http://127.0.0.1:{port}");
    let output = diting(&server, folder.path(), &["calls", "list"]).await;
    assert_eq!((code(&output), stdout(&output).as_str()), (2, ""));
    assert!(stderr(&output).contains("diting serve"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_and_configuration_that_make_no_sense_end_with_64() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("bad.toml"), "[serve]\nmax_uploads = 0\n").expect("it is written");
    std::fs::write(folder.path().join("rule.toml"), "this is not TOML").expect("it is written");
    std::fs::write(folder.path().join("call.json"), r#"{"agent": 7}"#).expect("it is written");
    std::fs::write(folder.path().join("call.wav"), b"").expect("it is written");
    std::fs::write(folder.path().join("vad.toml"), "[speech.vad]\nthreshold = 7.0\n").expect("it is written");
    let cases: [&[&str]; 14] = [
        &["config", "check", "--model", "nope"],
        &["config", "check", "--scheme", "rule.toml"],
        &["config", "check", "--config", "vad.toml"],
        &["push", "call.wav", "--metadata", "call.json"],
        &["rules", "check", "rule.toml"],
        &["rules", "check", "nowhere.toml"],
        &["analyze", "call.wav", "call.wav", "--format", "srt"],
        &["calls", "list", "--format", "srt"],
        &["serve", "--listen", "everywhere"],
        &["config", "check", "--config", "bad.toml"],
        &["config", "show", "--config", "nowhere.toml"],
        &["serve", "--listen", "127.0.0.1:0", "--scheme", "rule.toml"],
        &["analyze", "call.wav", "--scheme", "nowhere.toml"],
        &["push", "call.wav", "--codec", "alaw"],
    ];
    for args in cases {
        let output = diting("http://127.0.0.1:9", folder.path(), args).await;
        assert_eq!(code(&output), 64, "{args:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty());
        assert!(!stderr(&output).is_empty());
    }
    let vad = diting("http://127.0.0.1:9", folder.path(), &["config", "check", "--config", "vad.toml"]).await;
    assert!(stderr(&vad).contains("(speech.config)"), "{}", stderr(&vad));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shown_configuration_is_one_that_can_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let shown = diting("http://127.0.0.1:9", folder.path(), &["config", "show", "--model", "base"]).await;
    assert_eq!(code(&shown), 0, "{}", stderr(&shown));
    std::fs::write(folder.path().join("diting.toml"), stdout(&shown)).expect("it is written");
    let again =
        diting("http://127.0.0.1:9", folder.path(), &["config", "show", "--config", "diting.toml"]).await;
    assert_eq!(stdout(&again), stdout(&shown));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chats_of_a_file_are_pushed_each_and_bad_lines_are_told() {
    let sandbox = Sandbox::start().await;
    let (server, folder) = (sandbox.url(), tempfile::tempdir().expect("a folder"));
    let lines = [
        r#"{"id": "own", "messages": [{"sender": "wm1", "text": "在吗", "time": "2026-03-02T09:00:00+08:00"}, {"sender": "kf_1", "text": "这款产品保本保息", "time": "2026-03-02T09:00:30+08:00"}]}"#,
        r#"{"tid": "ticket-1", "dialogue": [{"role": "客服", "identity": "kf_2", "words": "您好", "begin": 0}, {"role": "客户", "words": "你好", "begin": 900}]}"#,
        r#"{"msgid":"x1","action":"send","from":"kf_1","tolist":["wm1"],"msgtime":1772413200000,"msgtype":"text","text":{"content":"您好"}}"#,
        r#"{"id": "call", "turns": [{"role": "agent", "text": "您好"}]}"#,
        r#"{"id": "typed", "metadata": {"media": "MEDIA_CHAT"}, "turns": [{"role": "agent", "text": "您好"}]}"#,
        "{",
    ];
    std::fs::write(folder.path().join("chats.jsonl"), lines.join("\n")).expect("it is written");
    let run = |args: &'static [&'static str]| diting(&server, folder.path(), args);

    let pushed = run(&["push", "chats.jsonl", "--agent-account", "kf_*", "--wait"]).await;
    assert_eq!(code(&pushed), 2, "two lines are no chats");
    let (out, problems) = (stdout(&pushed), stderr(&pushed));
    assert_eq!(out.matches("accepted\t").count(), 4, "{out}");
    assert_eq!(out.matches("done\t").count(), 4, "{out}");
    assert!(out.contains("accepted\town\tchats.jsonl:1") && out.contains("\twecom-"), "{out}");
    assert!(problems.contains("line 4: this is a call as text and no chat"), "{problems}");
    assert!(problems.contains("line 6: ") && problems.contains("call.bad_line"), "{problems}");
    let again = run(&["push", "chats.jsonl", "--agent-account", "kf_*"]).await;
    assert_eq!(stdout(&again).matches("present\t").count(), 4, "{}", stdout(&again));

    // A server judges a chat as `analyze` does.
    let shown = run(&["calls", "show", "own", "--format", "json"]).await;
    let stored = json_lines(&shown).pop().expect("one line");
    let here = run(&["analyze", "chats.jsonl", "--agent-account", "kf_*", "--format", "json"]).await;
    let local =
        json_lines(&here).into_iter().find(|one| one["call"]["callId"] == "own").expect("it is judged");
    assert_eq!(stored["findings"], local["findings"]);
    assert_eq!(stored["transcript"], local["transcript"]);
    assert_eq!(stored["call"]["metadata"], local["call"]["metadata"]);
    let named = run(&["push", "chats.jsonl", "--call-id", "x"]).await;
    assert_eq!(code(&named), 64, "{}", stderr(&named));
}
