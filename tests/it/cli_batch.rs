//! `diting batch`, as a process against a real server, and without one.

use serde_json::Value;

use crate::command::{diting, stderr, stdout};
use crate::sandbox::{Sandbox, recording};

fn archive() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("it is written");
    write("20261101_8021_one.wav", &recording(1));
    write("20261102_8022_two.wav", &recording(2));
    write("20261103_8022_three.wav", b"no recording");
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_imported_rescored_and_compared() {
    let sandbox = Sandbox::start().await;
    let (server, archive) = (sandbox.url(), archive());
    let run = async |args: &[&str]| diting(&server, archive.path(), args).await;

    let imported = run(&["batch", "import", ".", "--names", "{time:%Y%m%d}_{agent}_{call_id}"]).await;
    assert_eq!(imported.status.code(), Some(2), "one failed: {}", stderr(&imported));
    let text = stdout(&imported);
    assert!(text.contains("of 3 calls: 2 done, 1 failed"), "{text}");
    assert!(text.contains("20261103_8022_three.wav\taudio.not_audio\t"), "{text}");
    let job_id = text.split(':').next().expect("its name").to_owned();

    let status = run(&["batch", "status", &job_id, "--format", "json"]).await;
    let job: Value = serde_json::from_str(&stdout(&status)).expect("JSON");
    assert_eq!((job["state"].as_str(), job["counts"]["done"].as_str()), (Some("JOB_STATE_DONE"), Some("2")));
    let listed = stdout(&run(&["batch", "list"]).await);
    assert!(listed.contains(&format!("{job_id}\tdone\t3 of 3\timport of ")), "{listed}");

    // The pack without the promise rules: the diff says what changes, the rescoring does it.
    let pack = archive.path().join("pack.toml");
    std::fs::write(&pack, "version = 2\n[scheme]\nname = \"empty\"\nversion = \"1\"\nbase = 100\n").unwrap();
    let diff = run(&["batch", "diff", "--scheme", "pack.toml"]).await;
    let text = stdout(&diff);
    assert_eq!(diff.status.code(), Some(0), "{}", stderr(&diff));
    assert!(text.contains("通话 one") && text.contains("通话：2 通，有变化 2 通"), "{text}");
    assert!(text.contains("无此规则"), "{text}");
    let same = stdout(&run(&["batch", "diff", "--scheme", "pack.toml", "--against", "pack.toml"]).await);
    assert!(same.contains("通话：2 通，有变化 0 通"), "{same}");
    let rescored = run(&["batch", "rescore", "--scheme", "pack.toml", "--agent", "8021"]).await;
    assert_eq!(rescored.status.code(), Some(0), "{}", stderr(&rescored));
    assert!(stdout(&rescored).contains("of 1 calls: 1 done, 1 came out otherwise"), "{}", stdout(&rescored));
    let left = stdout(&run(&["calls", "findings", "one"]).await);
    assert!(left.is_empty(), "{left}");
    let left = stdout(&run(&["calls", "findings", "two"]).await);
    assert!(!left.is_empty(), "the other agent's call keeps its findings");

    // Late metadata.
    let updated = run(&["calls", "update", "two", "--set", "agent_id=8099", "--set", "team=north"]).await;
    assert_eq!(updated.status.code(), Some(0), "{}", stderr(&updated));
    let listed = stdout(&run(&["calls", "list", "--agent", "8099"]).await);
    assert!(listed.contains("\ttwo\t"), "{listed}");
    let wrong = run(&["calls", "update", "two", "--set", "agent=8099"]).await;
    assert_eq!(wrong.status.code(), Some(64), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("agentId"), "{}", stderr(&wrong));

    let unknown = run(&["batch", "status", "import-0"]).await;
    assert_ne!(unknown.status.code(), Some(0));
    assert!(stderr(&unknown).contains("archive.no_job"), "{}", stderr(&unknown));
}
