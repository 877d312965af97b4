//! `diting analyze` and `diting serve` as processes, on the real `base` weights.
//!
//! Without the weights these tests fail and the message says which command fetches them.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::sandbox::recording;

/// Judges silence, so that a recording without a word has a hit.
const PACK: &str = r#"
version = 2

[pack]
name = "test"
revision = "1"

[scheme]
name = "test"
version = "1"
base = 100
lower = 0
upper = 100

[[scheme.dimension]]
name = "服务规范"
full = 100

[scheme.level]
S1 = { points = -30, veto = true }
S2 = { points = -20 }
S3 = { points = -10 }
S4 = { points = -5 }
S5 = { points = 0 }

[[rule]]
id = "T01"
name = "没有问候"
kind = "process"
level = "S3"
dimension = "服务规范"

[[rule.condition]]
keyword = { none = ["您好"] }

[[rule.test]]
turns = ["客服: 喂", "客户: 你好"]
hit = true

[[rule.test]]
turns = ["客服: 您好", "客户: 你好"]
hit = false
"#;

fn diting(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diting"))
        .args(args)
        .current_dir(folder)
        .env_remove("DITING_CONFIG")
        .env_remove("DITING_SERVER")
        .output()
        .expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}

fn reports(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("output is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("it is written");
    write("tones.wav", &recording(1));
    // The A-law code of silence, both channels.
    write("hush.al", &[0xd5; 8000 * 2 * 12]);
    write("bad.wav", b"this is no audio");
    write("pack.toml", PACK.as_bytes());
    folder
}

#[test]
fn each_recording_gives_a_line_of_json_and_a_bad_one_is_named() {
    let folder = folder();
    let args = [
        "analyze",
        "--model",
        "base",
        "--format",
        "json",
        "tones.wav",
        "bad.wav",
        "gone.wav",
        "--agent-id",
        "8021",
    ];
    let output = diting(folder.path(), &args);
    let messages = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{messages}");
    let named: Vec<_> = messages.lines().map(|line| line.split(": ").nth(1).unwrap_or_default()).collect();
    assert_eq!(named, ["bad.wav", "gone.wav"], "{messages}");
    let report = reports(&output).pop().expect("the sound recording is printed");
    assert_eq!(report["call"]["callId"], "tones");
    assert_eq!(report["call"]["metadata"]["agentId"], "8021");
    assert_eq!(report["call"]["duration"], "15s");
    assert_eq!(report["transcript"]["turns"], Value::Array(Vec::new()), "tones are no speech");
    assert_eq!(report["transcript"]["model"], "base");
    assert_eq!(report["transcript"]["audio"]["channels"][1]["channel"], 1);
    assert!(report["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
}

#[test]
fn the_same_recording_gives_the_same_report() {
    let folder = folder();
    let args = ["analyze", "--model", "base", "--format", "json", "tones.wav"];
    let once = diting(folder.path(), &args);
    assert_eq!(once.status.code(), Some(0), "{}", stderr(&once));
    assert_eq!(reports(&once), reports(&diting(folder.path(), &args)));
}

#[test]
fn a_declared_headerless_recording_is_judged_and_fail_on_sets_the_exit_code() {
    let folder = folder();
    let exit = |fail_on: &[&str]| {
        let declared = ["--codec", "alaw", "--rate", "8000", "--channels", "2", "--channel-role", "0=agent"];
        let base = ["analyze", "hush.al", "--model", "base", "--format", "json", "--scheme", "pack.toml"];
        let output = diting(folder.path(), &[&base[..], &declared[..], fail_on].concat());
        let report = reports(&output).pop().unwrap_or_else(|| panic!("{}", stderr(&output)));
        assert_eq!(report["call"]["duration"], "12s");
        assert_eq!(report["call"]["recording"]["declaration"]["codec"], "AUDIO_CODEC_ALAW");
        assert_eq!(report["findings"][0]["verdict"], "VERDICT_HIT", "{report}");
        output.status.code()
    };
    assert_eq!(exit(&[]), Some(0));
    assert_eq!(exit(&["--fail-on", "S3"]), Some(1));
    assert_eq!(exit(&["--fail-on", "S2"]), Some(0));
}

/// A `diting serve` that dies with its test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already when the test has ended it.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Server {
    fn start(folder: &Path) -> (Self, String) {
        let args = [
            "serve",
            "--model",
            "base",
            "--listen",
            "127.0.0.1:0",
            "--data",
            "data",
            "--ready-file",
            "ready",
        ];
        let mut child = Command::new(env!("CARGO_BIN_EXE_diting"))
            .args(args)
            .current_dir(folder)
            .env_remove("DITING_CONFIG")
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        // The address stands on standard error as soon as it answers, so reading is waiting.
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().expect("it is piped")));
        let mut said = Vec::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("it ended early: {said:?}") };
            if let Some(address) = line.strip_prefix("listening on ") {
                break address.to_owned();
            }
            said.push(line);
        };
        // Whatever else it says is read, so that it never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        (Self(child), address)
    }

    fn terminate(mut self) -> Option<i32> {
        let killed =
            Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        self.0.wait().expect("it ends").code()
    }
}

#[test]
fn a_server_takes_calls_ends_on_sigterm_and_knows_them_afterwards() {
    let folder = folder();
    let (server, address) = Server::start(folder.path());
    let pushed = diting(folder.path(), &["push", "tones.wav", "--wait", "--server", &address]);
    assert_eq!(pushed.status.code(), Some(0), "{}", stderr(&pushed));
    let show = |address: &str| {
        let shown =
            diting(folder.path(), &["calls", "show", "tones", "--format", "json", "--server", address]);
        assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
        reports(&shown)
    };
    let before = show(&address);
    assert_eq!(before[0]["call"]["state"], "CALL_STATE_DONE");
    let ready = folder.path().join("ready");
    assert_eq!(std::fs::read_to_string(&ready).expect("it is ready"), format!("{address}\n"));
    assert_eq!(server.terminate(), Some(0));
    assert!(!ready.exists(), "a server that has ended is not ready");

    let (server, address) = Server::start(folder.path());
    assert_eq!(show(&address), before);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_written_call_that_was_passed_on_has_a_part_for_each_agent() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = r#"{"id": "moved", "metadata": {"segments": [{"agentId": "8021"}, {"agentId": "8044", "start": "20s"}], "ivrEnd": "3s"},
        "turns": [{"role": "agent", "text": "欢迎致电", "begin_ms": 0, "end_ms": 2000},
        {"role": "agent", "text": "您好，为您转接", "begin_ms": 5000, "end_ms": 8000},
        {"role": "agent", "text": "您好，这款产品保本保息", "begin_ms": 21000, "end_ms": 25000},
        {"role": "customer", "text": "好的", "begin_ms": 26000, "end_ms": 27000}]}"#;
    std::fs::write(folder.path().join("calls.jsonl"), line.replace('\n', " ")).expect("it is written");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_diting"))
        .args(["analyze", "calls.jsonl", "--format", "json"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(report["transcript"]["turns"][0]["role"], "SPEAKER_ROLE_BOT");
    let parts = report["agentParts"].as_array().expect("two parts");
    let hit = |part: &serde_json::Value| {
        let findings = part["findings"].as_array().expect("findings");
        findings.iter().any(|finding| finding["ruleId"] == "S01" && finding["verdict"] == "VERDICT_HIT")
    };
    assert_eq!(parts.iter().map(hit).collect::<Vec<_>>(), [false, true]);
    assert_eq!(parts[1]["span"], serde_json::json!({"start": "20s", "end": "27s"}));
}
