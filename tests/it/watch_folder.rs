//! `diting push --watch`, as a process beside a running service: what recorders write arrives once and whole.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use diting::proto::v1;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::sandbox::{Client, Sandbox, ended, header, recording, upload};

/// A running watch and the lines it prints.
struct Watch {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Watch {
    /// Starts one in `folder`, which looks often.
    fn start(server: &str, folder: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_diting"))
            .args(["push", "--watch", "in", "--interval", "20ms", "--settle", "0s"])
            .args(args)
            .current_dir(folder)
            .env("DITING_SERVER", server)
            .env_remove("DITING_CONFIG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (sender, lines) = mpsc::unbounded_channel();
        forward(child.stdout.take().expect("a pipe"), sender.clone());
        forward(child.stderr.take().expect("a pipe"), sender);
        Self { child, lines }
    }

    /// The next line, of which all of `parts` are parts.
    async fn expect(&mut self, parts: &[&str]) -> String {
        let line = tokio::time::timeout(Duration::from_secs(120), self.lines.recv()).await;
        let line = line.unwrap_or_else(|_| panic!("no line comes with {parts:?}")).expect("it runs");
        assert!(parts.iter().all(|part| line.contains(part)), "{line} is not {parts:?}");
        line
    }

    /// Asks it to end, as Ctrl-C does.
    fn signal(&self) {
        let kill = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(kill.expect("it is there").success());
    }

    /// Asks it to end, and waits until it has.
    async fn interrupt(self) -> ExitStatus {
        self.signal();
        let (status, rest) = self.end().await;
        assert!(rest.is_empty(), "{rest:?}");
        status
    }

    /// Kills it as a power cut would.
    async fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.end().await;
    }

    /// Waits for its end; gives the lines that were not read.
    async fn end(mut self) -> (ExitStatus, Vec<String>) {
        let mut rest = Vec::new();
        while let Some(line) = self.lines.recv().await {
            rest.push(line);
        }
        (self.child.wait().expect("it ends"), rest)
    }
}

fn forward(pipe: impl Read + Send + 'static, to: mpsc::UnboundedSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            to.send(line.expect("lines are UTF-8")).ok();
        }
    });
}

/// Handles the folder once; gives exit code and lines, sorted.
async fn once(server: &str, folder: &Path, args: &[&str]) -> (i32, Vec<String>) {
    let args = [&["--once"], args].concat();
    let (status, mut lines) = Watch::start(server, folder, &args).end().await;
    lines.sort();
    (status.code().expect("it was not killed"), lines)
}

/// A folder with an empty folder `in`.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("in")).expect("it is made");
    folder
}

/// Writes a file that is there all at once.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("it is made");
    let part = folder.join(format!("{name}.part"));
    std::fs::write(&part, bytes).expect("it is written");
    std::fs::rename(part, &path).expect("it is renamed");
    path
}

async fn call_ids(client: &mut Client) -> Vec<String> {
    let page = client.list_calls(v1::ListCallsRequest::default()).await.expect("it lists").into_inner();
    let mut ids: Vec<_> = page.calls.into_iter().map(|call| call.call.unwrap_or_default().call_id).collect();
    ids.sort();
    ids
}

async fn call(client: &mut Client, call_id: &str) -> v1::Call {
    let request = v1::GetCallRequest { call_id: call_id.to_owned() };
    client.get_call(request).await.expect("it is there").into_inner().call.expect("a call")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_waits_for_its_marker_and_is_moved_with_all_that_belongs_to_it() {
    let (sandbox, place) = (Sandbox::start().await, place());
    let (mut client, folder) = (sandbox.client().await, place.path());
    let pattern = "{team}/{time:%Y%m%d_%H%M%S}_{agent_id}_{direction}_{call_id}";
    let args =
        ["--done-suffix", ".ok", "--then", "move=in/sent", "--names", pattern, "--zone", "Asia/Shanghai"];
    let mut watch = Watch::start(&sandbox.url(), folder, &args);

    let bytes = recording(1);
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    let growing = write(folder, "in/vip/20260301_100000_8022_out_grow.wav", half);
    write(folder, "in/vip/20260301_090503_8021_in_77.wav", &recording(2));
    write(folder, "in/vip/20260301_090503_8021_in_77.wav.json", br#"{"agentId": "8099", "product": "fund"}"#);
    write(folder, "in/vip/20260301_090503_8021_in_77.wav.ok", b"");
    watch.expect(&["accepted\t77\t", "20260301_090503_8021_in_77.wav"]).await;
    assert_eq!(call_ids(&mut client).await, ["77"], "the other is not complete");
    for end in ["", ".json", ".ok"] {
        let name = format!("vip/20260301_090503_8021_in_77.wav{end}");
        assert!(folder.join("in/sent").join(&name).is_file() && !folder.join("in").join(&name).exists());
    }
    let metadata = call(&mut client, "77").await.metadata.expect("metadata");
    assert_eq!((metadata.team.as_str(), metadata.product.as_str()), ("vip", "fund"));
    assert_eq!(metadata.agent_id, "8099", "what lies beside the file says more than its name");
    assert_eq!(metadata.direction(), v1::Direction::Inbound);
    assert_eq!(metadata.started_at.expect("a time").seconds, 1_772_327_103);

    let mut file = std::fs::OpenOptions::new().append(true).open(&growing).expect("it is there");
    std::io::Write::write_all(&mut file, rest).expect("it grows");
    drop(file);
    write(folder, "in/vip/20260301_100000_8022_out_grow.wav.ok", b"");
    watch.expect(&["accepted\tgrow\t"]).await;
    let stored = call(&mut client, "grow").await.recording.expect("a recording");
    assert_eq!(stored.sha256, hex::encode(Sha256::digest(&bytes)), "all of it, and nothing else");
    assert!(!growing.exists());
    assert_eq!(watch.interrupt().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_not_sent_again_after_a_kill() {
    let (sandbox, place) = (Sandbox::start().await, place());
    let (mut client, folder, url) = (sandbox.client().await, place.path(), sandbox.url());
    write(folder, "in/a/1.wav", &recording(1));
    let mut watch = Watch::start(&url, folder, &[]);
    watch.expect(&["accepted\ta:1\t"]).await;
    write(folder, "in/a/2.wav", &recording(2));
    watch.expect(&["accepted\ta:2\t"]).await;
    watch.kill().await;

    assert_eq!(once(&url, folder, &[]).await, (0, Vec::new()), "all of it was sent");
    write(folder, "in/3.wav", &recording(3));
    let (code, lines) = once(&url, folder, &[]).await;
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    assert!(lines[0].starts_with("accepted\t3\t"), "{lines:?}");

    // As if the power had gone between an upload and its note.
    std::fs::remove_file(folder.join("in/.diting-push/journal.jsonl")).expect("it is there");
    let (code, lines) = once(&url, folder, &["--then", "rename=.done"]).await;
    assert_eq!((code, lines.len()), (0, 3), "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("present\t")), "{lines:?}");
    assert_eq!(call_ids(&mut client).await, ["3", "a:1", "a:2"]);
    assert!(folder.join("in/a/1.wav.done").is_file() && !folder.join("in/a/1.wav").exists());
    assert_eq!(once(&url, folder, &[]).await, (0, Vec::new()), "what is done is no recording");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_off_between_the_note_and_the_move_is_made_up_for() {
    let (sandbox, place) = (Sandbox::start().await, place());
    let (folder, url) = (place.path(), sandbox.url());
    write(folder, "in/1.wav", &recording(1));
    let (code, lines) = once(&url, folder, &[]).await;
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    write(folder, "sent/1.wav", b"another file of this name");
    // The journal knows it as sent; only the move is missing.
    let (code, lines) = once(&url, folder, &["--then", "move=sent"]).await;
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    assert!(lines[0].starts_with("present\t1\t"), "{lines:?}");
    assert_eq!(std::fs::read(folder.join("sent/1.2.wav")).expect("it was moved"), recording(1));
    assert_eq!(std::fs::read(folder.join("sent/1.wav")).expect("it stays"), b"another file of this name");
    assert!(!folder.join("in/1.wav").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_still_sends_every_call_once_and_loses_no_file() {
    let (sandbox, place) = (Sandbox::start().await, place());
    let (mut client, folder, url) = (sandbox.client().await, place.path(), sandbox.url());
    let names: Vec<_> = (10..26).map(|number| format!("d{}/{number}", number % 3)).collect();
    for (seed, name) in (0..).zip(&names) {
        write(folder, &format!("in/{name}.wav"), &recording(seed));
    }
    let sent = |name: &String| folder.join(format!("sent/{name}.wav"));
    let mut num_kills = 0;
    while !names.iter().all(|name| sent(name).is_file()) {
        // A line comes after the move; the kill meets the next call wherever it is by then.
        let mut watch = Watch::start(&url, folder, &["--then", "move=sent"]);
        watch.expect(&["\td"]).await;
        watch.kill().await;
        num_kills += 1;
    }
    assert!(num_kills <= names.len(), "each life sends one at least");
    assert_eq!(once(&url, folder, &["--then", "move=sent"]).await.0, 0);
    let mut ids: Vec<_> = names.iter().map(|name| name.replace('/', ":")).collect();
    ids.sort();
    assert_eq!(call_ids(&mut client).await, ids);
    for (seed, name) in (0..).zip(&names) {
        assert_eq!(std::fs::read(sent(name)).expect("it was moved"), recording(seed), "{name}");
        assert!(!folder.join(format!("in/{name}.wav")).exists(), "{name}");
    }
    let moved = names.iter().filter(|name| folder.join(format!("sent/{name}.2.wav")).exists()).count();
    assert_eq!(moved, 0, "none was moved twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for_and_told_once() {
    let (mut sandbox, place) = (Sandbox::start().await, place());
    let (url, folder) = (sandbox.url(), place.path());
    sandbox.config.serve.listen = url.trim_start_matches("http://").parse().expect("an address");
    sandbox.stop().await;
    for number in 1..=3 {
        write(folder, &format!("in/{number}.wav"), &recording(number));
    }
    let mut watch = Watch::start(&url, folder, &["--then", "delete"]);
    watch.expect(&["no server answers", "trying again"]).await;
    sandbox.resume().await;
    watch.expect(&["the server answers again"]).await;
    for number in 1..=3 {
        watch.expect(&[&format!("accepted\t{number}\t")]).await;
    }
    assert_eq!(call_ids(&mut sandbox.client().await).await, ["1", "2", "3"]);
    assert_eq!(watch.interrupt().await.code(), Some(0));
    assert!(!folder.join("in/1.wav").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_signal_lets_an_upload_end_and_a_second_gives_it_up() {
    let place = place();
    // It takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    write(place.path(), "in/1.wav", &recording(1));
    let mut watch = Watch::start(&url, place.path(), &[]);
    let connected = tokio::task::spawn_blocking(move || silent.accept().map(|(stream, _)| (silent, stream)));
    let _held = connected.await.expect("no panic").expect("it connects");
    watch.signal();
    watch.expect(&["a second signal gives up"]).await;
    watch.signal();
    watch.expect(&["gave up"]).await;
    let (status, rest) = watch.end().await;
    assert_eq!((status.code(), rest), (Some(0), Vec::new()));
    let journal = std::fs::read(place.path().join("in/.diting-push/journal.jsonl")).expect("it is there");
    assert!(journal.is_empty(), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_goes_away_is_waited_for_and_its_files_are_not_forgotten() {
    let (sandbox, place) = (Sandbox::start().await, place());
    let (folder, url) = (place.path(), sandbox.url());
    write(folder, "in/1.wav", &recording(1));
    let mut watch = Watch::start(&url, folder, &["--state", "state"]);
    watch.expect(&["accepted\t1\t"]).await;
    std::fs::rename(folder.join("in"), folder.join("away")).expect("it goes");
    watch.expect(&["cannot be read", "archive.unreadable"]).await;
    write(folder, "away/2.wav", &recording(2));
    std::fs::rename(folder.join("away"), folder.join("in")).expect("it comes back");
    watch.expect(&["accepted\t2\t"]).await;
    assert_eq!(watch.interrupt().await.code(), Some(0));
    let journal = std::fs::read_to_string(folder.join("state/journal.jsonl")).expect("it is there");
    assert_eq!(journal.matches("\"1.wav\"").count(), 1, "{journal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_stays_is_listed_and_is_tried_again_when_it_changes() {
    let (sandbox, place) = (Sandbox::start().await, place());
    let (mut client, folder, url) = (sandbox.client().await, place.path(), sandbox.url());
    upload(&mut client, header("one"), &recording(7)).await.expect("it is taken");
    write(folder, "in/one.wav", &recording(1));
    write(folder, "in/two.wav", &recording(2));
    write(folder, "in/bad name.wav", b"");
    let (code, lines) = once(&url, folder, &["--then", "delete"]).await;
    assert_eq!((code, lines.len()), (2, 3), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("ingest.conflict")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("accepted\ttwo\t")), "{lines:?}");
    let table = std::fs::read_to_string(folder.join("in/.diting-push/failed.tsv")).expect("it is there");
    assert!(table.contains("one.wav\tone\t") && table.contains("ingest.conflict"), "{table}");
    assert!(table.contains("bad name.wav\t") && table.contains("ingest.empty"), "{table}");
    assert_eq!(once(&url, folder, &[]).await, (2, Vec::new()), "it is not tried again, and still failed");

    let request = v1::DeleteCallRequest { call_id: "one".to_owned() };
    ended(&mut client, "one").await;
    client.delete_call(request).await.expect("it is deleted");
    let longer = [recording(1), vec![0; 2]].concat();
    write(folder, "in/one.wav", &longer);
    std::fs::remove_file(folder.join("in/bad name.wav")).expect("it is there");
    let (code, lines) = once(&url, folder, &[]).await;
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    let table = std::fs::read_to_string(folder.join("in/.diting-push/failed.tsv")).expect("it is there");
    assert_eq!(table.lines().count(), 1, "{table}");
}

/// One side of a call: a tone of `seconds`.
fn leg(seconds: u32, hertz: f64) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("it begins");
    for index in 0..8000 * seconds {
        let phase = f64::from(index) / 8000.0 * hertz * std::f64::consts::TAU;
        writer.write_sample((phase.sin() * 6000.0) as i16).expect("it is written");
    }
    writer.finalize().expect("it ends");
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sides_become_one_call_and_one_side_waits() {
    let (sandbox, place) = (Sandbox::start().await, place());
    let (mut client, folder, url) = (sandbox.client().await, place.path(), sandbox.url());
    let mut watch = Watch::start(&url, folder, &["--in-is", "customer", "--then", "rename=.done"]);
    write(folder, "in/77-in.wav", &leg(15, 300.0));
    write(folder, "in/whole.wav", &recording(1));
    watch.expect(&["accepted\twhole\t"]).await;
    assert_eq!(call_ids(&mut client).await, ["whole"], "the other side is not there yet");
    write(folder, "in/77-out.wav", &leg(12, 440.0));
    watch.expect(&["accepted\t77\t", "77-in.wav"]).await;
    assert_eq!(watch.interrupt().await.code(), Some(0));
    assert!(folder.join("in/77-in.wav.done").is_file() && folder.join("in/77-out.wav.done").is_file());
    assert_eq!(ended(&mut client, "77").await.state(), v1::CallState::Done);
    let call = call(&mut client, "77").await;
    assert_eq!(call.duration.map(|duration| duration.seconds), Some(15));
    assert_eq!(call.recording.map(|recording| recording.num_bytes), Some(44 + 15 * 16_000 * 4));
    let roles = call.metadata.expect("metadata").channel_roles;
    let mut roles: Vec<_> = roles.iter().map(|role| (role.channel, role.role())).collect();
    roles.sort_by_key(|(channel, _)| *channel);
    assert_eq!(roles, [(0, v1::SpeakerRole::Customer), (1, v1::SpeakerRole::Agent)]);

    write(folder, "in/78-out.wav", &leg(12, 440.0));
    let (code, lines) = once(&url, folder, &[]).await;
    assert_eq!((code, lines.len()), (2, 1), "{lines:?}");
    assert!(lines[0].contains("78-in.wav") && lines[0].contains("archive.leg_alone"), "{lines:?}");
    let (code, lines) = once(&url, folder, &["--no-legs"]).await;
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_are_told_once_and_left_alone() {
    let sandbox = Sandbox::start().await;
    let folder = place();
    write(folder.path(), "in/a.jsonl", b"{}");
    write(folder.path(), "in/b.jsonl", b"{}");
    let (code, lines) = once(&sandbox.url(), folder.path(), &[]).await;
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    assert!(lines[0].contains("a.jsonl: files of chats are not watched"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_makes_no_sense_ends_with_64() {
    let place = place();
    let nowhere = "http://127.0.0.1:9";
    for (args, part) in [
        (&["other"][..], "one folder"),
        (&["--then", "move=in"][..], "must not be the watched folder"),
        (&["--then", "rename=.wav"][..], "sent again"),
        (&["--names", "{agent}{call_id}"][..], "character 8"),
        (&["--zone", "Mars"][..], "Asia/Shanghai"),
        (&["--legs", "-x,-x"][..], "must not end"),
        (&["--wait"][..], "cannot be used with"),
    ] {
        let (status, lines) = Watch::start(nowhere, place.path(), args).end().await;
        assert_eq!(status.code(), Some(64), "{args:?}: {lines:?}");
        assert!(lines.iter().any(|line| line.contains(part)), "{args:?}: {lines:?}");
    }
    let mut watch = Watch::start(nowhere, place.path(), &[]);
    write(place.path(), "in/1.wav", b"x");
    watch.expect(&["no server answers"]).await;
    let (status, lines) = Watch::start(nowhere, place.path(), &[]).end().await;
    assert_eq!(status.code(), Some(64), "{lines:?}");
    assert!(lines[0].contains("--state"), "{lines:?}");
    assert_eq!(watch.interrupt().await.code(), Some(0));
}
