//! Manifests as banks write them, and as nobody should.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::manifest::*;
use super::table_text::{Line, Lines};
use super::*;
use crate::types::{ChannelIndex, Direction, SpeakerRole};

/// A folder with recordings `a.wav`, `b.wav`, `b-in.wav`, `b-out.wav` and `sub/c.wav`, and a manifest.
fn folder(name: &str, manifest: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("sub")).expect("it is made");
    for name in ["a.wav", "b.wav", "b-in.wav", "b-out.wav", "sub/c.wav"] {
        std::fs::write(folder.path().join(name), b"").expect("it is written");
    }
    let path = folder.path().join(name);
    std::fs::write(&path, manifest).expect("it is written");
    (folder, path)
}

fn options() -> ListingOptions {
    ListingOptions { time_zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(8)), ..ListingOptions::default() }
}

fn list(name: &str, manifest: &[u8]) -> (tempfile::TempDir, Listing) {
    let (folder, path) = folder(name, manifest);
    (folder, read_manifest(&path, &options()).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn problems(listing: &Listing) -> Vec<(u64, &'static str)> {
    listing.problems.iter().map(|one| (one.line.unwrap_or_default(), one.reason())).collect()
}

const ROWS: &str = "文件,流水号,工号,开始时间,呼叫方向,分行,channel_roles\n\
    a.wav,77-1,8021,2026/3/1 9:05,呼入,广州,0=agent;1=customer\n\
    sub\\c.wav,=\"0042\",,,,,\n";

fn check_rows(listing: &Listing) {
    assert!(listing.problems.is_empty(), "{:?}", listing.problems);
    let first = listing.get(0).expect("a call");
    assert_eq!(first.call_id.as_str(), "77-1");
    assert_eq!(first.metadata.agent_id.as_deref(), Some("8021"));
    assert_eq!(first.metadata.direction, Some(Direction::Inbound));
    assert_eq!(first.metadata.started_at, Some("2026-03-01T01:05:00Z".parse().expect("a time")));
    assert_eq!(first.metadata.attributes.get("分行").map(String::as_str), Some("广州"));
    assert_eq!(first.metadata.channel_roles.get(&ChannelIndex(0)), Some(&SpeakerRole::Agent));
    assert_eq!(first.declaration.file_name.as_deref(), Some("a.wav"));
    let second = listing.get(1).expect("a call");
    assert_eq!(second.call_id.as_str(), "0042");
    assert!(second.source.paths().all(Path::is_file));
    assert_eq!(listing.len(), 2);
}

#[test]
fn a_table_reads_the_same_in_every_encoding_and_with_every_separator() {
    let gbk = encoding_rs::GBK.encode(ROWS).0.into_owned();
    let mut utf16 = vec![0xFF, 0xFE];
    utf16.extend(ROWS.encode_utf16().flat_map(u16::to_le_bytes));
    let marked = [b"\xEF\xBB\xBF", ROWS.as_bytes()].concat();
    let roles = ROWS.replace("0=agent;1=customer", "0=agent|1=customer");
    let semicolons = roles.replace(',', ";").into_bytes();
    let tabs = ROWS.replace(',', "\t").replace('\n', "\r\n").into_bytes();
    for (what, bytes) in [
        ("UTF-8", ROWS.into()),
        ("GBK", gbk),
        ("UTF-16", utf16),
        ("mark", marked),
        (";", semicolons),
        ("tab", tabs),
    ] {
        eprintln!("{what}");
        check_rows(&list("calls.csv", &bytes).1);
    }
    check_rows(&list("calls.TSV", &ROWS.replace(',', "\t").into_bytes()).1);
}

#[test]
fn gbk_is_told_from_utf8_wherever_in_a_long_file_it_begins() {
    let row = "b.wav,x,,,,,\n";
    for num_rows in [1, 5_000, 5_461, 5_462, 20_000] {
        let mut text = ROWS.lines().next().expect("a header").replace("文件", "file").replace("流水号", "id");
        text = text.replace(['工', '号', '开', '始', '时', '间', '呼', '叫', '方', '向', '分', '行'], "q");
        text.push('\n');
        text.push_str(&row.repeat(num_rows));
        text.push_str("a.wav,最后,,,,,\n");
        for bytes in [text.clone().into_bytes(), encoding_rs::GBK.encode(&text).0.into_owned()] {
            let (_folder, path) = folder("t.csv", &bytes);
            let mut lines = Lines::open(File::open(path).expect("a file")).expect("it reads").expect("text");
            let mut last = Line { number: 0, text: None };
            while let Some(line) = lines.next().expect("it reads") {
                last = line;
            }
            assert_eq!(last.number, num_rows as u64 + 2);
            let last = last.text.expect("it is short");
            assert_eq!(last.trim(), "a.wav,最后,,,,,");
        }
    }
}

#[test]
fn one_bad_row_keeps_nothing_back_and_is_told_with_its_line() {
    let rows = "path,id,started_at,direction,codec,rate,channels\n\
        a.wav,1,2026-03-01 09:05:03,in,,,\n\
        gone.wav,2,,,,,\n\
        ,3,,,,,\n\
        \n\
        b.wav,1,,,,,\n\
        b.wav,4,soon,,,,\n\
        b.wav,5,,sideways,,,\n\
        b.wav,六,,,,,\n\
        b.wav,7,,,alaw,,\n\
        b.wav,8,,,,,,more\n\
        \"b.wav\n\",9,,,,,\n\
        b.wav,10\n";
    let (_folder, listing) = list("calls.csv", rows.as_bytes());
    let ids: Vec<_> = listing.iter().map(|item| item.call_id.to_string()).collect();
    assert_eq!(ids, ["1", "9", "10"]);
    assert_eq!(
        problems(&listing),
        [
            (3, "archive.file_missing"),
            (4, "archive.no_path"),
            (6, "archive.duplicate_call_id"),
            (7, "archive.bad_field"),
            (8, "archive.bad_field"),
            (9, "archive.bad_field"),
            (10, "archive.bad_field"),
            (11, "archive.bad_row"),
        ]
    );
    let messages: Vec<_> = listing.problems.iter().map(ListingProblem::message).collect();
    assert!(messages.iter().any(|text| text.contains("line 2")), "{messages:?}");
    assert!(messages.iter().any(|text| text.contains("rate_hz")), "{messages:?}");
}

#[test]
fn a_quote_holds_lines_together_and_one_that_is_never_closed_costs_one_row() {
    let rows = "path,id,remark\r\na.wav,1,\"two\r\n\r\nlines, \"\"quoted\"\"\"\r\nb.wav,2,5\" tube\r\nb.wav,3,\"open\r\ngone.wav,4,\r\nsub/c.wav,5,\r\n";
    let (_folder, listing) = list("calls.csv", rows.as_bytes());
    let ids: Vec<_> = listing.iter().map(|item| item.call_id.to_string()).collect();
    assert_eq!(ids, ["1", "2", "5"], "{:?}", listing.problems);
    let remark = listing.get(0).and_then(|item| item.metadata.attributes.get("remark").cloned());
    assert_eq!(remark.as_deref(), Some("two\r\n\r\nlines, \"quoted\""));
    assert_eq!(problems(&listing), [(6, "archive.bad_row"), (7, "archive.file_missing")]);
    let long = format!("path,id\na.wav,{}\nb.wav,2\n", "x".repeat(300_000));
    let (_folder, listing) = list("calls.csv", long.as_bytes());
    assert_eq!((listing.len(), problems(&listing)), (1, vec![(2, "archive.bad_row")]));
}

#[test]
fn lines_of_json_are_read_flat_or_like_an_upload() {
    let rows = r#"{"path": "a.wav", "id": 7, "agentId": "8021", "vip": true, "team": null}

        {"file": "b.wav", "call_id": "b", "metadata": {"direction": "DIRECTION_OUTBOUND", "attributes": {"queue": "x"},
        {"file": "b.wav", "metadata": {"direction": "DIRECTION_OUTBOUND", "attributes": {"queue": "x"}, "channelRoles": [{"role": "SPEAKER_ROLE_AGENT"}, {"channel": 1, "role": "SPEAKER_ROLE_CUSTOMER"}]}}
        {"path": "sub/c.wav", "channel_roles": {"0": "agent"}, "channels": [0, 1], "audio": {"codec": "alaw", "rateHz": 8000, "numChannels": 1}}
        ["a.wav"]
        {"path": ["a.wav"]}"#;
    let (_folder, listing) = list("calls.jsonl", rows.as_bytes());
    let items: Vec<_> = listing.iter().collect();
    let ids: Vec<_> = items.iter().map(|item| item.call_id.as_str()).collect();
    assert_eq!(ids, ["7", "b", "sub:c"], "{:?}", listing.problems);
    assert_eq!(items[0].metadata.attributes.get("vip").map(String::as_str), Some("true"));
    assert_eq!(items[1].metadata.direction, Some(Direction::Outbound));
    let beside: serde_json::Value =
        serde_json::from_str(items[1].beside.as_deref().expect("it has metadata")).expect("it is JSON");
    assert_eq!(
        (&beside["attributes"]["queue"], &beside["channelRoles"][1]["channel"]),
        (&"x".into(), &1.into())
    );
    assert_eq!((items[0].beside.as_deref(), items[1].metadata.attributes.len()), (None, 0));
    assert_eq!((items[2].declaration.rate_hz, items[2].metadata.channels.len()), (Some(8000), 2));
    assert_eq!(
        problems(&listing),
        [(3, "archive.bad_row"), (6, "archive.bad_row"), (7, "archive.bad_field")]
    );
}

#[test]
fn the_customers_name_is_no_attribute_whatever_its_column_is_called() {
    for name in ["customer_name", "CustomerName", "客户姓名", "客户名称"] {
        let (_folder, listing) = list("calls.csv", format!("path,{name}\na.wav,陈大文\n").as_bytes());
        let metadata = listing.get(0).expect("a call").metadata;
        assert_eq!(metadata.customer_name.as_deref(), Some("陈大文"), "{name}");
        assert!(metadata.attributes.is_empty(), "{name}");
    }
    let row = r#"{"path": "a.wav", "attributes": {"客户姓名": "陈大文", "分行": "广州"}}"#;
    let metadata = list("calls.jsonl", row.as_bytes()).1.get(0).expect("a call").metadata;
    assert_eq!((metadata.customer_name.as_deref(), metadata.attributes.len()), (Some("陈大文"), 1));
}

#[test]
fn a_codec_with_one_layout_needs_no_other_column() {
    let rows = "path,id,codec,rate_hz,num_channels\n\
        a.wav,1,gsm,,\na.wav,2,G722,,\na.wav,3,g729,,\na.wav,4,aal2_g726-32,8000,1\na.wav,5,vox,,\na.wav,6,mp3,,\n";
    let (_folder, listing) = list("calls.csv", rows.as_bytes());
    let ids: Vec<_> = listing.iter().map(|item| item.call_id.to_string()).collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);
    let messages: Vec<_> = listing.problems.iter().map(ListingProblem::message).collect();
    assert!(messages[0].contains("rate_hz") && messages[1].contains("aal2-g726-40"), "{messages:?}");
}

#[test]
fn legs_are_named_by_side_or_by_who_speaks() {
    let rows = "path_in,path_out,direction\nb-in.wav,b-out.wav,outbound\n";
    let (folder, listing) = list("legs.csv", rows.as_bytes());
    let item = listing.get(0).expect("a call");
    assert_eq!(item.call_id.as_str(), "b");
    assert_eq!(item.metadata.channel_roles.get(&ChannelIndex(0)), Some(&SpeakerRole::Agent));
    let (first, second) = (folder.path().join("b-in.wav"), folder.path().join("b-out.wav"));
    assert_eq!(item.source, ItemSource::Legs { first, second });
    let rows = "call_id,agent_path,customer_path\nx,b-out.wav,b-in.wav\ny,b-out.wav,\n";
    let (folder, listing) = list("legs.csv", rows.as_bytes());
    let item = listing.get(0).expect("a call");
    assert_eq!(item.metadata.channel_roles.get(&ChannelIndex(1)), Some(&SpeakerRole::Customer));
    assert_eq!(item.source.paths().next(), Some(folder.path().join("b-out.wav").as_path()));
    assert_eq!(problems(&listing), [(3, "archive.no_path")]);
}

#[test]
fn a_pattern_fills_what_columns_leave_open() {
    let (_folder, path) = folder("calls.csv", b"path,agent_id\nsub/c.wav,\na.wav,7\n");
    let pattern = crate::listing::NamePattern::compile("{team}/{agent_id}").expect("a pattern");
    let options = ListingOptions { name_pattern: Some(pattern), ..options() };
    let listing = read_manifest(&path, &options).expect("it reads");
    let agents: Vec<_> = listing.iter().map(|item| (item.metadata.team, item.metadata.agent_id)).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(agents, [(text("sub"), text("c")), (None, text("7"))]);
    assert!(listing.problems.is_empty());
}

#[test]
fn a_manifest_that_is_none_is_refused_with_what_to_do() {
    let refuse = |name: &str, bytes: &[u8]| {
        let (_folder, path) = folder(name, bytes);
        let error = read_manifest(&path, &options()).expect_err(name);
        (crate::error::Classify::reason(&error), error.to_string())
    };
    assert_eq!(refuse("a.csv", b"RIFF\0\0\0\0WAVE").0, "archive.manifest_not_text");
    let (reason, message) = refuse("a.csv", "名称,工号\n".as_bytes());
    assert!(reason == "archive.manifest_header" && message.contains("名称"), "{message}");
    assert_eq!(refuse("a.csv", b"").0, "archive.manifest_header");
    assert_eq!(refuse("a.csv", b"path,id,call_id\n").0, "archive.manifest_header");
    let missing = read_manifest(Path::new("nowhere.csv"), &options()).expect_err("it is not there");
    assert_eq!(crate::error::Classify::code(&missing), crate::error::ErrorCode::NotFound);
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_it(bytes: Vec<u8>, rows in "(path|id|[,\"\t;a.{}:]|\n){0,60}", json: bool) {
        for bytes in [bytes, rows.clone().into_bytes(), format!("path,x\n{rows}").into_bytes()] {
            let (_folder, path) = folder(if json { "x.jsonl" } else { "x.csv" }, &bytes);
            if let Ok(listing) = read_manifest(&path, &options()) {
                proptest::prop_assert_eq!(listing.iter().count(), listing.len());
            }
        }
    }
}
