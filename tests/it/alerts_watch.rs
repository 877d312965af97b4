//! `diting alerts watch` as a process: through the end of the server, and through its own.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::alert_support::{chat, import, sandbox};

/// The process, and what it prints.
struct Watching {
    child: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Watching {
    fn start(server: &str, folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_diting"))
            .args(["alerts", "watch", "--cursor-file", "seen.cursor"])
            .current_dir(folder)
            .env("DITING_SERVER", server)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines: Some(lines) }
    }

    /// Reads lines until one names the call, and gives all.
    async fn until(&mut self, call_id: &'static str) -> Vec<String> {
        let mut lines = self.lines.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || {
            let mut read = Vec::new();
            while !read.last().is_some_and(|line: &String| line.contains(call_id)) {
                read.push(lines.next().expect("it goes on").unwrap());
            }
            (lines, read)
        });
        let (lines, read) = reading.await.unwrap();
        self.lines = Some(lines);
        read
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_goes_on_through_the_end_of_either_side() {
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = sandbox(folder.path(), |_| {}).await;
    let url = sandbox.url();
    // It comes back at the same address.
    sandbox.config.serve.listen = url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut watching = Watching::start(&url, folder.path());
    import(&mut sandbox.client().await, chat("first", "我要投诉")).await;
    let read = watching.until("first").await;
    assert!(read[0].contains("#1 新预警  S1 投诉升级"), "{read:?}");
    sandbox.restart().await;
    import(&mut sandbox.client().await, chat("second", "我要投诉")).await;
    assert_eq!(watching.until("second").await.len(), 1, "nothing twice: the cursor was known");

    watching.kill();
    import(&mut sandbox.client().await, chat("third", "我要投诉")).await;
    let mut watching = Watching::start(&url, folder.path());
    let read = watching.until("third").await;
    // Killed before its cursor was written, the last event comes again.
    assert!(read.len() <= 2 && !read[0].contains("first"), "{read:?}");
    watching.kill();
}
