//! What happens between a look and what follows it.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Typed {
    /// What `--watch` excludes.
    #[arg(long)]
    call_id: Option<String>,
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    args: WatchArgs,
    #[command(flatten)]
    recording: RecordingArgs,
    #[command(flatten)]
    server: ServerArgs,
}

fn typed(args: &[&str]) -> Typed {
    Typed::parse_from(["push", "--watch"].iter().chain(args))
}

fn watch<'a>(typed: &'a Typed, root: &'a Path, state: &Path) -> Watch<'a> {
    Watch {
        root,
        args: &typed.args,
        options: typed.args.names.listing_options(&jiff::tz::TimeZone::UTC),
        excluded: None,
        settling: Settling::new(Duration::ZERO),
        journal: Journal::open(state).expect("a journal"),
        sender: Sender::new(&typed.server, &typed.recording, None, state, false).expect("it connects later"),
        not_before: HashMap::new(),
        problems: BTreeMap::new(),
        first_seen: None,
        has_told_of_chats: false,
    }
}

fn write(root: &Path, name: &str, text: &str) {
    std::fs::write(root.join(name), text).expect("it is written");
}

#[tokio::test]
async fn what_was_written_while_a_file_was_sent_stays_and_is_sent_again() {
    for then in ["delete", "move=MOVED", "rename=.done"] {
        let (root, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let then = then.replace("MOVED", state.path().join("moved").to_str().expect("it is text"));
        let typed = typed(&["--then", &then]);
        let mut watch = watch(&typed, root.path(), state.path());
        for name in ["1-in.wav", "1-out.wav", "2.wav"] {
            write(root.path(), name, "sent");
            write(root.path(), &format!("{name}.json"), "{}");
        }
        let mut look = watch.look(Instant::now()).expect("it looks");
        let listing = list_files(root.path(), std::mem::take(&mut look.ready), &watch.options);
        let items: Vec<_> = listing.iter().collect();
        assert_eq!(items.len(), 2, "{:?}", listing.problems);
        let beside: Vec<_> = items.iter().map(|item| watch.beside(item)).collect();
        write(root.path(), "1-out.wav", "and never sent");
        write(root.path(), "2.wav.json", "{\"team\": \"x\"}");
        for (item, beside) in items.iter().zip(&beside) {
            watch.accepted(item, &look, beside, false).expect("it is kept");
        }
        for name in ["1-in.wav", "1-out.wav", "1-in.wav.json", "1-out.wav.json", "2.wav.json"] {
            assert!(root.path().join(name).exists(), "{then}: {name}");
        }
        assert!(!root.path().join("2.wav").exists(), "{then}: it did not change");
        assert!(watch.problems.get("1-out.wav").is_some_and(|text| text.contains("sent again")), "{then}");
        assert!(watch.problems.contains_key("2.wav.json"), "{then}");
        let again = watch.look(Instant::now()).expect("it looks");
        let again: Vec<_> = again.ready.iter().map(|way| &**way).collect();
        assert_eq!(again, ["1-in.wav", "1-out.wav"], "{then}: both sides, though one did not change");
    }
}

#[tokio::test]
async fn both_sides_take_along_what_lies_beside_them() {
    let (root, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let typed = typed(&["--then", "delete"]);
    let mut watch = watch(&typed, root.path(), state.path());
    for name in ["1-in.wav", "1-out.wav", "1-out.wav.json"] {
        write(root.path(), name, "{\"team\": \"三组\"}");
    }
    let mut look = watch.look(Instant::now()).expect("it looks");
    let listing = list_files(root.path(), std::mem::take(&mut look.ready), &watch.options);
    let item = listing.get(0).expect("a call");
    let said = typed.recording.metadata(None, item.source.paths(), &item.metadata).expect("metadata");
    assert_eq!(said.team, "三组", "the second side's is read");
    let beside = watch.beside(&item);
    watch.accepted(&item, &look, &beside, false).expect("it is kept");
    assert_eq!(std::fs::read_dir(root.path()).expect("it is there").count(), 0);
}

#[tokio::test]
async fn one_side_alone_is_told_also_where_markers_say_what_is_complete() {
    let (root, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let typed = typed(&["--done-suffix", ".ok"]);
    let mut watch = watch(&typed, root.path(), state.path());
    write(root.path(), "1-in.wav", "sent");
    write(root.path(), "1-in.wav.ok", "");
    let stop = Stop::on_signals().expect("signals");
    let start = Instant::now();
    for (after, is_told) in [(Duration::ZERO, false), (LEG_WAIT, true)] {
        let look = watch.look(start + after).expect("it looks");
        watch.send_all(look, &stop, start + after).await.expect("nothing is sent");
        assert_eq!(watch.problems.contains_key("1-in.wav"), is_told, "{after:?}");
    }
}
