//! `ReportService` and `diting report` against a running service.

use std::io::Read;

use diting::proto::v1;
use diting::proto::v1::create_report_response::Part;
use diting::proto::v1::report_service_client::ReportServiceClient;
use tonic::Code;

use crate::command::{diting, stderr, stdout};
use crate::sandbox::{Sandbox, field, header, reason, upload_done};

/// A service with three calls of two agents on the second of March of 2026.
async fn service() -> Sandbox {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    for (seed, call_id, agent, team) in
        [(1, "c1", "8001", "一组"), (2, "c2", "8001", "一组"), (3, "c3", "8002", "<b>二组</b>")]
    {
        let metadata = v1::CallMetadata {
            // 10:00 in China.
            started_at: Some(prost_types::Timestamp { seconds: 1_772_416_800 + i64::from(seed), nanos: 0 }),
            agent_id: agent.to_owned(),
            team: team.to_owned(),
            channel_roles: vec![
                v1::ChannelRole { channel: 0, role: v1::SpeakerRole::Agent.into() },
                v1::ChannelRole { channel: 1, role: v1::SpeakerRole::Customer.into() },
            ],
            ..Default::default()
        };
        upload_done(&mut client, v1::UploadCallHeader { metadata: Some(metadata), ..header(call_id) }, seed)
            .await;
    }
    sandbox
}

fn request(scope: v1::ReportScope, id: &str) -> v1::CreateReportRequest {
    v1::CreateReportRequest {
        scope: scope.into(),
        id: id.to_owned(),
        unit: v1::ReportUnit::Day.into(),
        date: "2026-03-02".to_owned(),
        ..Default::default()
    }
}

type Files = Vec<(v1::ReportFile, Vec<u8>)>;

async fn files(sandbox: &Sandbox, request: v1::CreateReportRequest) -> Result<Files, tonic::Status> {
    let mut client = ReportServiceClient::new(sandbox.channel().await);
    let mut parts = client.create_report(request).await?.into_inner();
    let mut files = Files::new();
    while let Some(part) = parts.message().await? {
        match part.part.expect("a part") {
            Part::File(file) => files.push((file, Vec::new())),
            Part::Chunk(chunk) => files.last_mut().expect("a file began").1.extend_from_slice(&chunk),
        }
    }
    Ok(files)
}

async fn exported(
    sandbox: &Sandbox,
    request: v1::ExportTableRequest,
) -> Result<(Vec<u8>, Option<u64>), tonic::Status> {
    let mut client = ReportServiceClient::new(sandbox.channel().await);
    let mut parts = client.export_table(request).await?.into_inner();
    let (mut bytes, mut num_rows) = (Vec::new(), None);
    while let Some(part) = parts.message().await? {
        bytes.extend_from_slice(&part.chunk);
        num_rows = part.num_rows;
    }
    Ok((bytes, num_rows))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_comes_as_two_files_and_is_the_same_again() {
    let mut sandbox = service().await;
    for (scope, id) in [
        (v1::ReportScope::Centre, ""),
        (v1::ReportScope::Team, "<b>二组</b>"),
        (v1::ReportScope::Agent, "8001"),
        (v1::ReportScope::Rule, "S01"),
    ] {
        let made = files(&sandbox, request(scope, id)).await;
        let made = made.unwrap_or_else(|status| panic!("{scope:?}: {status}"));
        assert_eq!(made.len(), 2);
        for (file, bytes) in &made {
            assert_eq!(file.num_bytes, bytes.len() as u64);
            assert!(!file.name.contains(['/', '<']), "{}", file.name);
        }
        let page = str::from_utf8(&made[0].1).expect("UTF-8");
        assert!(page.contains("2026年3月2日") && !page.contains("<b>"), "{page:.300}");
        let mut book = zip::ZipArchive::new(std::io::Cursor::new(&made[1].1)).expect("a workbook");
        let mut sheets = String::new();
        book.by_name("xl/workbook.xml").expect("a list").read_to_string(&mut sheets).expect("text");
        assert!(sheets.contains("口径说明"), "{sheets}");
        assert_eq!(files(&sandbox, request(scope, id)).await.expect("the same"), made);
    }
    let before = files(&sandbox, request(v1::ReportScope::Centre, "")).await.expect("a report");
    sandbox.restart().await;
    assert_eq!(files(&sandbox, request(v1::ReportScope::Centre, "")).await.expect("a report"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reported_is_refused_by_name() {
    let sandbox = service().await;
    let refused = async |wire| files(&sandbox, wire).await.expect_err("it is refused");
    let unknown = refused(request(v1::ReportScope::Team, "三组")).await;
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "report.unknown"));
    let zone = v1::CreateReportRequest {
        time_zone: "Nowhere/Else".to_owned(),
        ..request(v1::ReportScope::Centre, "")
    };
    assert_eq!(reason(&refused(zone).await), "report.zone");
    let date =
        v1::CreateReportRequest { date: "0001-01-01".to_owned(), ..request(v1::ReportScope::Centre, "") };
    assert_eq!(reason(&refused(date).await), "report.date");
    let unit = v1::CreateReportRequest { unit: 0, ..request(v1::ReportScope::Centre, "") };
    assert_eq!(field(&refused(unit).await), "unit");
    let table = exported(&sandbox, v1::ExportTableRequest::default()).await.expect_err("it is refused");
    assert_eq!(field(&table), "table");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_hold_the_chosen_calls() {
    let sandbox = service().await;
    let request =
        |table: v1::ExportedTable, format: v1::ExportFormat, teams: &[&str]| v1::ExportTableRequest {
            table: table.into(),
            format: format.into(),
            filter: Some(v1::CallFilter {
                teams: teams.iter().map(|team| (*team).to_owned()).collect(),
                ..Default::default()
            }),
            csv_bom: false,
        };
    let all = request(v1::ExportedTable::Calls, v1::ExportFormat::Csv, &[]);
    let (bytes, num_rows) = exported(&sandbox, all.clone()).await.expect("an export");
    let text = String::from_utf8(bytes.clone()).expect("UTF-8");
    assert_eq!((num_rows, text.lines().count()), (Some(3), 4));
    assert!(
        text.lines().nth(1).is_some_and(|line| line.starts_with("c1,2026-03-02T02:00:01.000Z,")),
        "{text}"
    );
    assert_eq!(exported(&sandbox, all).await.expect("again").0, bytes);
    let one = request(v1::ExportedTable::Calls, v1::ExportFormat::Csv, &["<b>二组</b>"]);
    assert_eq!(exported(&sandbox, one).await.expect("an export").1, Some(1));
    let findings = request(v1::ExportedTable::Findings, v1::ExportFormat::Parquet, &[]);
    let (bytes, num_rows) = exported(&sandbox, findings).await.expect("an export");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    // A row for each of the bank's rules and each call.
    let num_rules = diting::analysis::RuleSet::bank().rules().count() as u64;
    assert_eq!(num_rows, Some(3 * num_rules));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_writes_files_and_writes_none_over() {
    let sandbox = service().await;
    let (server, folder) = (sandbox.url(), tempfile::tempdir().expect("a folder"));
    let run = |args: &'static [&'static str]| diting(&server, folder.path(), args);
    let report = &["report", "day", "--date", "2026-03-02", "--of", "agent", "8001", "--out", "reports"];
    let made = run(report).await;
    assert!(made.status.success(), "{}", stderr(&made));
    let paths = stdout(&made);
    assert_eq!(
        paths.lines().collect::<Vec<_>>(),
        ["reports/report-agent-8001-2026-03-02.html", "reports/report-agent-8001-2026-03-02.xlsx"]
    );
    let read = |path: &str| std::fs::read(folder.path().join(path)).expect("it is there");
    let first: Vec<Vec<u8>> = paths.lines().map(read).collect();
    let again = run(report).await;
    assert!(!again.status.success() && stderr(&again).contains("--force"), "{}", stderr(&again));
    let forced = run(&[
        "report",
        "day",
        "--date",
        "2026-03-02",
        "--of",
        "agent",
        "8001",
        "--out",
        "reports",
        "--force",
    ])
    .await;
    assert!(forced.status.success(), "{}", stderr(&forced));
    assert_eq!(paths.lines().map(read).collect::<Vec<_>>(), first);

    // Every number of the page lists as many calls as it says.
    let page = String::from_utf8(first[0].clone()).expect("UTF-8");
    let opened = regex::Regex::new(r##"title="打开：([^"]*)">([\d,]+)</a>"##).expect("it is sound");
    let mut seen = std::collections::BTreeSet::new();
    for found in opened.captures_iter(&page).filter(|found| seen.insert(found[0].to_owned())).take(12) {
        let plain = found[1].replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&");
        let words: Vec<&str> = plain.split(' ').skip(1).collect();
        let listed = diting(&server, folder.path(), &words).await;
        assert!(listed.status.success(), "{plain}: {}", stderr(&listed));
        assert_eq!(stdout(&listed).lines().count().to_string(), found[2], "{plain}");
    }
    assert!(seen.len() >= 5, "{seen:?}");

    let unknown =
        run(&["report", "month", "--date", "2026-03-02", "--of", "team", "三组", "--out", "none"]).await;
    assert!(!unknown.status.success() && stderr(&unknown).contains("report.unknown"), "{}", stderr(&unknown));

    let empty =
        run(&["report", "month", "--date", "2030-01-02", "--out", "empty", "--formats", "html"]).await;
    assert!(empty.status.success(), "{}", stderr(&empty));
    let why = "no calls in the period of report-centre-2030-01.html";
    assert!(stderr(&empty).contains(why) && stdout(&empty).lines().count() == 1, "{}", stderr(&empty));
    std::fs::remove_dir_all(folder.path().join("empty")).expect("it was written");

    let export = run(&[
        "report",
        "export",
        "findings",
        "--out",
        "f.csv",
        "--since",
        "2026-03-02",
        "--before",
        "2026-03-03",
        "--agent",
        "8002",
        "--bom",
        "--format",
        "json",
    ])
    .await;
    assert!(export.status.success(), "{}", stderr(&export));
    let line: serde_json::Value = serde_json::from_str(stdout(&export).trim()).expect("JSON");
    let text = String::from_utf8(read("f.csv")).expect("UTF-8");
    assert!(text.starts_with("\u{feff}call_id,") && text.contains("\r\nc3,"));
    assert_eq!(line["numRows"], (text.lines().count() - 1).to_string());
    let nothing_left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(nothing_left.len(), 3, "{nothing_left:?}");
}
