//! Personal data through the whole service: hidden in everything that leaves or lies in it, and the way past that.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use diting::config::Config;
use diting::masking::AccessToken;
use diting::proto::v1;
use diting::proto::v1::privacy_service_client::PrivacyServiceClient;
use diting::speech::Segment;
use sha2::{Digest, Sha256};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tracing_subscriber::EnvFilter;

use crate::command::diting_with;
use crate::sandbox::{Sandbox, ended, header, reason, segment, tones, upload};

pub(crate) const TOKEN: &str = "open-sesame-7";

/// What must not be seen anywhere: the hidden part of each number, the given name, the code, the home.
const SECRETS: [&str; 7] =
    ["幺二三四", "九四九幺二三幺", "四七二九八一", "建国", "123456", "文三路", "三号楼"];

fn conversation() -> Vec<Segment> {
    vec![
        segment(0, 200, "您好，请问您的手机号是多少？"),
        segment(1, 4_000, "幺三九幺二三四五六七八。"),
        segment(0, 7_000, "身份证号念一下？"),
        segment(1, 9_000, "幺幺零幺零五幺九四九幺二三幺零零二三。"),
        segment(0, 13_500, "验证码是多少？"),
        segment(1, 15_500, "四七二九八一。"),
        segment(0, 18_000, "好的，王建国先生，这款产品保本保息，您的卡号是6222021234567894对吧？"),
        segment(1, 27_500, "对，我住在杭州市西湖区文三路三号楼。"),
    ]
}

pub(crate) fn with_token(config: &mut Config) {
    let token_sha256 = hex::encode(Sha256::digest(TOKEN));
    config.masking.access_tokens = vec![AccessToken { operator: "auditor".to_owned(), token_sha256 }];
}

pub(crate) async fn started(change: impl FnOnce(&mut Config)) -> Sandbox {
    let sandbox = Sandbox::start_saying(conversation(), change).await;
    let mut client = sandbox.client().await;
    let metadata = v1::CallMetadata {
        customer_name: "王建国".to_owned(),
        agent_id: "8021".to_owned(),
        channel_roles: vec![v1::ChannelRole { channel: 0, role: 1 }, v1::ChannelRole { channel: 1, role: 2 }],
        ..Default::default()
    };
    let header = v1::UploadCallHeader { metadata: Some(metadata), ..header("call-1") };
    upload(&mut client, header, &tones(35, [330.0, 440.0])).await.expect("it is taken");
    let last = ended(&mut client, "call-1").await;
    assert_eq!(last.state(), v1::CallState::Done, "{last:?}");
    sandbox
}

pub(crate) async fn privacy(sandbox: &Sandbox) -> PrivacyServiceClient<Channel> {
    PrivacyServiceClient::new(sandbox.channel().await)
}

pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("plain text"));
    request
}

fn unmask(reason: &str) -> v1::GetUnmaskedTranscriptRequest {
    v1::GetUnmaskedTranscriptRequest {
        call_id: "call-1".to_owned(),
        reason: reason.to_owned(),
        operator: "复核组".to_owned(),
    }
}

/// The entries, oldest first.
async fn entries(sandbox: &Sandbox) -> Vec<v1::AccessRecord> {
    let request = bearing(TOKEN, v1::ListAccessRequest::default());
    let mut records =
        privacy(sandbox).await.list_access(request).await.expect("it lists").into_inner().records;
    records.reverse();
    records
}

fn assert_clean(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} shows `{secret}`: {text}");
    }
}

/// Everything that the process logs, from the first call on.
#[derive(Clone)]
pub(crate) struct Log(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no one panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn log() -> Log {
    static LOG: std::sync::OnceLock<Log> = std::sync::OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log(Arc::default());
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("diting=trace,sled=trace,tonic=debug"))
            .with_writer(move || writer.clone())
            .try_init()
            .expect("no other test of this program logs");
        log
    })
    .clone()
}

/// Every file, with what zstd compressed in it unpacked.
pub(crate) fn stored(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it lists") {
            let path = entry.expect("it lists").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let bytes = std::fs::read(&path).expect("it reads");
                let mut text = String::from_utf8_lossy(&bytes).into_owned();
                for start in
                    bytes.windows(4).enumerate().filter(|(_, window)| *window == [0x28, 0xb5, 0x2f, 0xfd])
                {
                    let mut unpacked = Vec::new();
                    let frame =
                        zstd::stream::Decoder::new(&bytes[start.0..]).expect("it begins").single_frame();
                    // What only looks like a frame is cut short.
                    drop(std::io::copy(&mut { frame }, &mut unpacked));
                    text.push_str(&String::from_utf8_lossy(&unpacked));
                }
                found.push((path, text));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_is_seen_nowhere() {
    let log = log();
    let mut sandbox = started(with_token).await;
    let mut client = sandbox.client().await;
    let call_id = "call-1".to_owned();

    let request = v1::GetCallReportRequest { call_id: call_id.clone() };
    let report = client.get_call_report(request).await.expect("done").into_inner().report.expect("a report");
    assert!(report.masked);
    assert_clean("the report", &format!("{report:?}"));
    let transcript = report.transcript.clone().expect("a transcript");
    let text: Vec<_> = transcript.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert!(text.contains(&"幺三九****五六七八。"), "{text:?}");
    assert!(text.contains(&"******。"), "{text:?}");
    for turn in &transcript.turns {
        assert_eq!(turn.words.iter().map(|word| word.text.as_str()).collect::<String>(), turn.text);
    }
    let kinds: Vec<_> = transcript.masked_spans.iter().map(v1::MaskedSpan::kind).collect();
    for kind in [
        v1::MaskKind::Phone,
        v1::MaskKind::IdCard,
        v1::MaskKind::Code,
        v1::MaskKind::Name,
        v1::MaskKind::BankCard,
        v1::MaskKind::Address,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} in {kinds:?}");
    }
    let at = |time: &Option<prost_types::Duration>| time.map(|time| (time.seconds, time.nanos));
    assert!(
        transcript.masked_spans.iter().all(|span| span.start.is_some() && at(&span.start) < at(&span.end))
    );
    // Rules judge what was said: the promise, and the card that the agent reads out whole.
    let quoted: Vec<_> = report
        .findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .map(|evidence| evidence.text.as_str())
        .collect();
    assert!(quoted.iter().any(|text| text.contains("保本")), "{quoted:?}");
    assert!(quoted.iter().any(|text| text.contains("622202******7894")), "{quoted:?}");

    let request = v1::GetTranscriptRequest { call_id: call_id.clone() };
    assert_clean("the transcript", &format!("{:?}", client.get_transcript(request).await));
    let request = v1::ListFindingsRequest { call_id: call_id.clone(), ..Default::default() };
    assert_clean("the findings", &format!("{:?}", client.list_findings(request).await));
    assert_clean("the list", &format!("{:?}", client.list_calls(v1::ListCallsRequest::default()).await));
    let call = client.get_call(v1::GetCallRequest { call_id }).await.expect("it is there").into_inner().call;
    assert_eq!(call.and_then(|call| call.metadata).expect("metadata").customer_name, "王**");

    let folder = tempfile::tempdir().expect("a folder");
    for args in [
        &["calls", "show", "call-1"][..],
        &["calls", "show", "call-1", "--format", "json"],
        &["calls", "show", "call-1", "--format", "srt"],
        &["findings", "list", "--fields", "*", "--format", "json"],
    ] {
        let output = diting(&sandbox, folder.path(), None, args).await;
        assert!(output.status.success());
        assert_clean(&args.join(" "), &String::from_utf8_lossy(&output.stdout));
    }

    // Original given out: it must not appear in a log either.
    let original = privacy(&sandbox).await.get_unmasked_transcript(bearing(TOKEN, unmask("客诉复核"))).await;
    assert!(format!("{original:?}").contains("四七二九八一") || format!("{original:?}").contains("472981"));
    drop(client);
    sandbox.stop().await;
    let files = stored(&sandbox.config.store.data_dir);
    assert!(files.iter().any(|(_, text)| text.contains("保本保息")), "the search sees into the files");
    for (path, text) in files {
        assert_clean(&path.display().to_string(), &text);
    }
    let logged = log.0.lock().expect("no one panicked").clone();
    let logged = String::from_utf8_lossy(&logged);
    assert!(logged.contains("call done"), "the log is seen");
    assert_clean("the log", &logged);
    assert!(!logged.contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_needs_a_token_and_a_reason_and_leaves_an_entry() {
    let mut sandbox = started(with_token).await;
    let mut client = privacy(&sandbox).await;
    let refused = |status: Status| (status.code(), reason(&status));
    let no_token = client.get_unmasked_transcript(unmask("客诉复核")).await.expect_err("no token");
    assert_eq!(refused(no_token), (Code::Unauthenticated, "privacy.token_missing".to_owned()));
    let wrong =
        client.get_unmasked_transcript(bearing("guess", unmask("客诉复核"))).await.expect_err("wrong");
    assert_eq!(refused(wrong), (Code::PermissionDenied, "privacy.token_wrong".to_owned()));
    let no_reason = client.get_unmasked_transcript(bearing(TOKEN, unmask(" "))).await.expect_err("no reason");
    assert_eq!(refused(no_reason), (Code::InvalidArgument, "privacy.reason_missing".to_owned()));
    let other = v1::GetUnmaskedTranscriptRequest { call_id: "nobody".to_owned(), ..unmask("客诉复核") };
    let unknown = client.get_unmasked_transcript(bearing(TOKEN, other)).await.expect_err("no call");
    assert_eq!(refused(unknown), (Code::NotFound, "store.not_found".to_owned()));

    let given =
        client.get_unmasked_transcript(bearing(TOKEN, unmask("客诉复核"))).await.expect("it is given");
    let transcript = given.into_inner().transcript.expect("a transcript");
    let text: String = transcript.turns.iter().map(|turn| turn.text.as_str()).collect();
    for secret in SECRETS {
        assert!(text.contains(secret), "{text}");
    }
    let words: String =
        transcript.turns.iter().flat_map(|turn| &turn.words).map(|word| word.text.as_str()).collect();
    assert_eq!(words, text);

    // The call goes, its entries stay, also over a restart.
    let request = v1::DeleteCallRequest { call_id: "call-1".to_owned() };
    sandbox.client().await.delete_call(request).await.expect("it goes");
    sandbox.restart().await;
    let seen = entries(&sandbox).await;
    let brief: Vec<_> =
        seen.iter().map(|entry| (entry.kind(), entry.holder.as_str(), entry.refused.as_str())).collect();
    assert_eq!(
        brief,
        [
            (v1::AccessKind::Transcript, "", "privacy.token_missing"),
            (v1::AccessKind::Transcript, "", "privacy.token_wrong"),
            (v1::AccessKind::Transcript, "auditor", "privacy.reason_missing"),
            (v1::AccessKind::Transcript, "auditor", ""),
            (v1::AccessKind::Transcript, "auditor", ""),
            (v1::AccessKind::List, "auditor", ""),
        ]
    );
    let granted = &seen[4];
    assert_eq!(
        (granted.call_id.as_str(), granted.reason.as_str(), granted.operator.as_str()),
        ("call-1", "客诉复核", "复核组")
    );
    let mut client = privacy(&sandbox).await;
    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListAccessRequest { page_size: 2, page_token };
        let page = client.list_access(bearing(TOKEN, request)).await.expect("it lists").into_inner();
        assert!(page.records.len() <= 2);
        paged.extend(page.records);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged.len(), seen.len() + 1);
    assert!(paged.windows(2).all(
        |pair| pair[0].at.map(|at| (at.seconds, at.nanos)) >= pair[1].at.map(|at| (at.seconds, at.nanos))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_nobody_sees_an_original() {
    let sandbox = started(|_| {}).await;
    let mut client = privacy(&sandbox).await;
    let status =
        client.get_unmasked_transcript(bearing(TOKEN, unmask("客诉复核"))).await.expect_err("nobody may");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "privacy.no_tokens"));
    assert!(status.message().contains("masking.access_tokens"), "{}", status.message());
    let listed =
        client.list_access(bearing(TOKEN, v1::ListAccessRequest::default())).await.expect_err("nobody may");
    assert_eq!(listed.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_kept_cannot_be_had() {
    let sandbox = started(|config| {
        with_token(config);
        config.masking.keep_original = false;
    })
    .await;
    let mut client = privacy(&sandbox).await;
    let status =
        client.get_unmasked_transcript(bearing(TOKEN, unmask("客诉复核"))).await.expect_err("it is gone");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "masking.not_kept"));
}

/// The samples of the first channel, and the channels, of an exported file.
pub(crate) async fn export(
    client: &mut PrivacyServiceClient<Channel>,
    request: Request<v1::ExportAudioRequest>,
) -> Result<(Vec<i16>, u16, u32), Status> {
    let mut parts = client.export_audio(request).await?.into_inner();
    let (mut bytes, mut num_silenced) = (Vec::new(), 0);
    while let Some(part) = parts.message().await? {
        assert!(part.chunk.len() <= 1 << 20);
        bytes.extend_from_slice(&part.chunk);
        num_silenced += part.num_silenced;
    }
    let mut reader = hound::WavReader::new(bytes.as_slice()).expect("it is a WAV");
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.bits_per_sample), (16_000, 16));
    let samples: Vec<i16> = reader.samples::<i16>().map(|sample| sample.expect("it reads")).collect();
    let first = samples.iter().step_by(usize::from(spec.channels)).copied().collect();
    Ok((first, spec.channels, num_silenced))
}

/// The loudest sample of `from..to`, in milliseconds.
pub(crate) fn peak(samples: &[i16], from: usize, to: usize) -> u16 {
    samples[from * 16..to * 16].iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_recording_is_silent_where_the_text_is_hidden() {
    let sandbox = started(with_token).await;
    let mut client = privacy(&sandbox).await;
    let asked = |silence_masked, reason: &str| v1::ExportAudioRequest {
        call_id: "call-1".to_owned(),
        silence_masked,
        reason: reason.to_owned(),
        operator: String::new(),
    };
    let (samples, channels, num_silenced) =
        export(&mut client, Request::new(asked(None, ""))).await.expect("it is given");
    assert_eq!((samples.len(), channels), (35 * 16_000, 2));
    assert!(num_silenced >= 6, "{num_silenced}");
    // 幺三九 is heard, 幺二三四 is not, on the agent's channel neither; 五六七八 is again.
    assert!(peak(&samples, 4_000, 4_450) > 4_000);
    assert_eq!(peak(&samples, 4_600, 5_400), 0);
    assert!(peak(&samples, 5_600, 6_000) > 4_000);
    assert_eq!(peak(&samples, 15_500, 16_700), 0);

    let refused = export(&mut client, Request::new(asked(Some(false), "客诉"))).await.expect_err("no token");
    assert_eq!(reason(&refused), "privacy.token_missing");
    let (whole, _, num_silenced) =
        export(&mut client, bearing(TOKEN, asked(Some(false), "客诉"))).await.expect("it is given");
    assert_eq!(num_silenced, 0);
    assert!(peak(&whole, 4_600, 5_400) > 4_000);
    let kinds: Vec<_> = entries(&sandbox).await.iter().map(v1::AccessRecord::kind).collect();
    assert_eq!(kinds, [v1::AccessKind::Audio, v1::AccessKind::Audio, v1::AccessKind::List]);
}

/// Runs `diting` against the service, with a token or without.
pub(crate) async fn diting(sandbox: &Sandbox, folder: &Path, token: Option<&str>, args: &[&str]) -> Output {
    diting_with(&sandbox.url(), folder, token, args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_unmasks_exports_and_lists() {
    let sandbox = started(with_token).await;
    let folder = tempfile::tempdir().expect("a folder");
    let unmask = ["calls", "unmask", "call-1", "--reason", "客诉复核"];
    let refused = diting(&sandbox, folder.path(), None, &unmask).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("privacy.token_missing"));
    let shown = diting(&sandbox, folder.path(), Some(TOKEN), &unmask).await;
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("王建国"));

    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).expect("it is written");
    let args = ["calls", "access", "--token-file", "token", "--format", "json"];
    let listed = diting(&sandbox, folder.path(), None, &args).await;
    let lines = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(lines.lines().count(), 3, "{lines}{}", String::from_utf8_lossy(&listed.stderr));
    assert!(lines.contains("客诉复核") && lines.contains("auditor"));

    let audio = ["calls", "audio", "call-1", "-o", "call.wav"];
    let exported = diting(&sandbox, folder.path(), None, &audio).await;
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let reader = hound::WavReader::open(folder.path().join("call.wav")).expect("it is a WAV");
    assert_eq!(reader.duration(), 35 * 16_000);
    let refused = diting(
        &sandbox,
        folder.path(),
        None,
        &["calls", "audio", "call-1", "-o", "x.wav", "--unmasked", "--reason", "x"],
    )
    .await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(!folder.path().join("x.wav").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn text_calls_are_masked_unless_told_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = r#"{"id": "chat-1", "turns": [{"role": "agent", "text": "请问您的手机号"}, {"role": "customer", "text": "13912345678"}]}"#;
    std::fs::write(folder.path().join("chat.jsonl"), line).expect("it is written");
    let run = |args: &'static [&'static str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diting"));
        command.args(args).current_dir(folder.path()).env_remove("DITING_CONFIG");
        command.output().expect("it runs")
    };
    let masked = run(&["analyze", "chat.jsonl", "--format", "json"]);
    let text = String::from_utf8_lossy(&masked.stdout).into_owned();
    assert!(text.contains("139****5678") && !text.contains("13912345678"), "{text}");
    let whole = run(&["analyze", "chat.jsonl", "--format", "json", "--unmasked"]);
    assert!(String::from_utf8_lossy(&whole.stdout).contains("13912345678"));
    assert!(String::from_utf8_lossy(&whole.stderr).contains("not masked"));
}
