//! Times that name no zone are the centre's, whatever the clock of the machine at which they are typed; and so are those shown.

use prost_types::Timestamp;

use crate::alert_support::{chat, import};
use crate::command::{diting, stderr, stdout};
use crate::sandbox::{Sandbox, ended};

/// Midnight in the centre before the first of June 2026.
const JUNE: i64 = 1_780_243_200;

/// A chat of a second before June and one of its first second. `diting` runs by a clock that is many hours behind.
async fn fill(sandbox: &Sandbox) {
    let mut client = sandbox.client().await;
    for (call_id, at) in [("may", JUNE - 1), ("june", JUNE)] {
        let mut request = chat(call_id, "你们再不处理我就去银保监投诉你们");
        request.messages[0].text = "这款产品保本保息，您放心".to_owned();
        for (nth, message) in (0..).zip(&mut request.messages) {
            message.time = Some(Timestamp { seconds: at + nth, nanos: 0 });
        }
        import(&mut client, request).await;
        ended(&mut client, call_id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_begins_at_the_midnight_of_the_centre_in_every_command() {
    let sandbox = Sandbox::start().await;
    fill(&sandbox).await;
    let (url, folder) = (sandbox.url(), tempfile::tempdir().expect("a folder"));
    let run = async |args: &[&str]| {
        let output = diting(&url, folder.path(), args).await;
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stdout(&output)
    };
    let june = ["--since", "2026-06-01", "--before", "2026-07-01"];
    let with = |words: &[&'static str]| [words, &june].concat();

    let all = run(&["calls", "list"]).await;
    assert_eq!(all.lines().count(), 2, "{all}");
    let listed = run(&with(&["calls", "list"])).await;
    assert!(
        listed.starts_with("2026-06-01 00:00:00 +08:00\tjune\t") && listed.lines().count() == 1,
        "{listed}"
    );
    let found = run(&with(&["findings", "list", "--rule", "S01"])).await;
    assert!(found.starts_with("june\t") && found.lines().count() == 1, "{found}");
    run(&with(&["report", "export", "calls", "--out", "june.csv"])).await;
    let table = std::fs::read_to_string(folder.path().join("june.csv")).expect("it is written");
    assert!(table.contains("june") && !table.contains("may"), "{table}");
    let drawn = run(&["review", "plans", "add", "all"]).await;
    assert!(drawn.starts_with("all\t"), "{drawn}");
    let drawn = run(&with(&["review", "plans", "run", "all"])).await;
    assert!(drawn.contains("符合条件 1 通"), "{drawn}");
    let queue = run(&["review", "queue", "--plan", "all"]).await;
    assert!(
        queue.contains("june") && queue.contains(" +08:00\t") && queue.contains("共 1 项待复核"),
        "{queue}"
    );
    for (selection, one_call) in [
        (["review", "counts", "--rule", "S01"], "\"checkNumber\":\"1\""),
        (["track", "trend", "--rule", "S01"], "\"total\":{\"numCalls\":\"1\""),
    ] {
        let told = run(&[&with(&selection)[..], &["--format", "json"]].concat()).await;
        assert!(told.contains(one_call), "{told}");
    }
    let diff = run(&with(&["batch", "diff", "--scheme", "bank", "--quiet", "--format", "json"])).await;
    assert!(diff.contains("\"numCalls\":\"1\""), "{diff}");
    // A zone that is named is that of the times beside it: June begins later there, and the call of the first second is May's.
    let elsewhere = run(&with(&["agents", "list", "--time-zone", "+07:00"])).await;
    assert_eq!(elsewhere, "");
    assert!(run(&with(&["agents", "list"])).await.contains("kf_1"));

    let listed = run(&["alerts", "list"]).await;
    assert!(!listed.is_empty() && listed.lines().all(|line| line.contains(" +08:00\t")), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mined_for_june_is_of_the_same_period_as_the_report_of_june() {
    let sandbox = Sandbox::start().await;
    fill(&sandbox).await;
    let (url, folder) = (sandbox.url(), tempfile::tempdir().expect("a folder"));
    let run = async |args: &[&str]| {
        let output = diting(&url, folder.path(), args).await;
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stdout(&output)
    };
    let mined = run(&["topics", "mine", "--since", "2026-06-01", "--before", "2026-07-01"]).await;
    assert!(mined.contains("2026-06-01 00:00:00 +08:00 至 2026-07-01 00:00:00 +08:00"), "{mined}");
    run(&["report", "month", "--date", "2026-06-15", "--formats", "html"]).await;
    let page =
        std::fs::read_dir(folder.path()).expect("a folder").next().expect("a page").expect("it is read");
    let page = std::fs::read_to_string(page.path()).expect("it is read");
    assert!(page.contains("薄弱环节") && !page.contains("与本报告的期间不同"), "the run is of June as well");
}
