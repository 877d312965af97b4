//! The tools of rule authors as processes: calls as text, and `diting rules` check, test, explain, diff, publish.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const PACK: &str = r#"
version = 2

[pack]
name = "test"
revision = "1"

[scheme]
name = "test"
version = "7"

[[rule]]
id = "T01"
name = "承诺保本"
kind = "forbidden"
role = "agent"
level = "S1"
dimension = "销售合规"
hits = ["客服: 这款产品保本"]
misses = ["客服: 这款产品不保本"]

[[rule.condition]]
exclude = '大额存单'
keyword = { any = ["保本"] }
"#;

const CALLS: &str = r#"{"id": "good", "turns": [{"role": "left", "text": "您好，这款产品不保本，您要了解风险以后再决定"}]}
{"id": "broken", "turns": [{"role": "nobody", "text": "保本"}]}

no json
{"id": "bad", "turns": [{"role": "left", "text": "您好，这款产品保本，您放心买，很多老客户都买了不少", "begin_ms": 0, "end_ms": 3000}]}
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("pack.toml", PACK), ("calls.jsonl", CALLS)] {
        std::fs::write(folder.path().join(name), text).expect("it is written");
    }
    folder
}

fn diting(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diting"))
        .args(args)
        .current_dir(folder)
        .env_remove("DITING_CONFIG")
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

#[test]
fn calls_as_text_are_judged_line_by_line_and_a_bad_line_stops_nothing() {
    let folder = folder();
    let args =
        ["analyze", "calls.jsonl", "--scheme", "pack.toml", "--role", "left=agent", "--format", "json"];
    let output = diting(folder.path(), &args);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let messages = text(&output.stderr);
    assert!(messages.contains("calls.jsonl: line 2: turn 1: unknown role `nobody`"), "{messages}");
    assert!(messages.contains("calls.jsonl: line 4: this is no JSON"), "{messages}");
    let reports: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0]["findings"][0]["verdict"], "VERDICT_MISS");
    let hit = &reports[1]["findings"][0];
    assert_eq!((&hit["verdict"], &hit["evidence"][0]["text"]), (&"VERDICT_HIT".into(), &"保本".into()));
    assert_eq!(hit["evidence"][0]["end"], "3s");
    assert_eq!(hit["conditions"][0]["state"], "CONDITION_STATE_MET");
    assert!(hit["conditions"][0]["source"].as_str().is_some_and(|source| source.contains("大额存单")));
    assert_eq!(reports[1]["scorecard"]["vetoed"], true);
}

#[test]
fn a_report_is_judged_again_as_it_was() {
    let folder = folder();
    let args =
        ["analyze", "calls.jsonl", "--scheme", "pack.toml", "--role", "left=agent", "--format", "json"];
    let first = text(&diting(folder.path(), &args).stdout);
    std::fs::write(folder.path().join("reports.jsonl"), &first).expect("it is written");
    let args = ["analyze", "reports.jsonl", "--scheme", "pack.toml", "--format", "json"];
    let output = diting(folder.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), first);
}

#[test]
fn explain_tells_what_counted_and_what_did_not() {
    let folder = folder();
    let explain = |id: &str| {
        let args =
            ["rules", "explain", "pack.toml", "--call", "calls.jsonl", "--role", "left=agent", "--id", id];
        let output = diting(folder.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let good = explain("good");
    assert!(good.contains("未命中 T01 承诺保本"), "{good}");
    assert!(good.contains("“保本”不算：被守卫 negation 排除"), "{good}");
    let bad = explain("bad");
    assert!(bad.contains("命中 T01 承诺保本") && bad.contains("条件 c1 成立"), "{bad}");
    assert!(bad.contains("· 第 1 轮 0:00.000 “保本”"), "{bad}");
}

#[test]
fn diff_tells_what_is_written_and_what_changes_call_by_call() {
    let folder = folder();
    let changed =
        PACK.replace("level = \"S1\"", "level = \"S3\"").replace("[\"保本\"]", "[\"保本\", \"放心买\"]");
    std::fs::write(folder.path().join("new.toml"), changed).expect("it is written");
    let args = ["rules", "diff", "pack.toml", "new.toml", "--calls", "calls.jsonl", "--role", "left=agent"];
    let output = diting(folder.path(), &args);
    assert_eq!(output.status.code(), Some(2), "bad lines are told: {}", text(&output.stderr));
    let told = text(&output.stdout);
    for wanted in [
        "~ T01 承诺保本",
        "level: \"S1\"",
        "→ \"S3\"",
        "改动 1",
        "通话 bad：0 → 90",
        "通话：2 通，有变化 1 通",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn a_published_version_never_changes_again() {
    let folder = folder();
    let publish = ["rules", "publish", "pack.toml", "--into", "published.toml"];
    assert_eq!(diting(folder.path(), &publish).status.code(), Some(0));
    let again = diting(folder.path(), &publish);
    assert!(text(&again.stdout).contains("was published before"), "{}", text(&again.stdout));
    let check = |pack: &str| {
        std::fs::write(folder.path().join("pack.toml"), pack).expect("it is written");
        let output = diting(folder.path(), &["rules", "check", "pack.toml", "published.toml"]);
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(check(&format!("# a comment\n{PACK}")).0, Some(0), "a comment judges nothing");
    let changed = PACK.replace("[\"保本\"]", "[\"保本\", \"保息\"]");
    let (code, message) = check(&changed);
    assert_eq!(code, Some(64));
    assert!(
        message
            .contains("published.toml:4:1: revision `7` of scheme `test` was published with other content"),
        "{message}"
    );
    assert_eq!(check(&changed.replace("version = \"7\"", "version = \"8\"")).0, Some(0));
}

#[test]
fn check_tells_every_problem_with_place_and_hint() {
    let folder = folder();
    let broken = PACK
        .replace("role = \"agent\"", "role = \"agnet\"\nwhen = \"c1 & c2\"")
        .replace("keyword = { any", "keywrod = { any");
    std::fs::write(folder.path().join("broken.toml"), broken).expect("it is written");
    let output = diting(folder.path(), &["rules", "check", "broken.toml"]);
    assert_eq!(output.status.code(), Some(64));
    let told = text(&output.stderr);
    assert!(told.contains("broken.toml:16:8: unknown role `agnet`\n  hint: did you mean `agent`?"), "{told}");
    assert!(
        told.contains("unknown field `keywrod` in this condition\n  hint: did you mean `keyword`?"),
        "{told}"
    );
}
