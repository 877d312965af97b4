//! Personal data in chats, and what is told of a call after it was masked, through the whole service.

use diting::proto::v1;
use prost_types::{Duration, FieldMask, Timestamp};

use crate::masking::{TOKEN, bearing, diting, export, log, peak, privacy, started, stored, with_token};
use crate::sandbox::{Sandbox, ended};

/// What was planted in the chat: in its texts, and in the accounts of the customer.
const SECRETS: [&str; 5] = ["大文", "13912345678", "四七二九八一", "文三路", "6222021234567894"];

fn message(id: &str, sender: &str, at: i64, text: &str) -> v1::ChatMessage {
    v1::ChatMessage {
        message_id: id.to_owned(),
        sender: sender.to_owned(),
        text: text.to_owned(),
        time: Some(Timestamp { seconds: 1_772_413_200 + at, nanos: 0 }),
        ..Default::default()
    }
}

/// A customer under two accounts, who takes a message back, and an agent with a name.
fn chat() -> v1::ImportChatRequest {
    let of_kind = |kind: v1::MessageKind, message| v1::ChatMessage { kind: kind.into(), ..message };
    let recall = of_kind(v1::MessageKind::Recall, message("m6", "陈大文", 60, ""));
    let messages = vec![
        of_kind(v1::MessageKind::Event, message("m0", "陈大文", 0, "陈大文加入会话")),
        message("m1", "王客服", 5, "您好，请问您的手机号是多少？"),
        message("m2", "陈大文", 10, "13912345678，我叫陈大文，住在杭州市西湖区文三路三号楼"),
        message("m3", "wx_13912345678", 20, "验证码是四七二九八一"),
        message("m4", "王客服", 30, "陈大文先生，这款产品保本保息，卡号6222021234567894对吗"),
        message("m5", "陈大文", 40, "我的卡号是6222021234567894"),
        v1::ChatMessage { recalls: "m5".to_owned(), ..recall },
    ];
    let accounts = v1::ChatAccounts { agents: vec!["王客服".to_owned()], ..Default::default() };
    let metadata = v1::CallMetadata { customer_name: "陈大文".to_owned(), ..Default::default() };
    v1::ImportChatRequest {
        call_id: "chat-1".to_owned(),
        metadata: Some(metadata),
        messages,
        accounts: Some(accounts),
    }
}

fn assert_clean(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} shows `{secret}`: {text}");
    }
}

async fn tell(sandbox: &Sandbox, call_id: &str, metadata: v1::CallMetadata, paths: &[&str]) {
    let request = v1::UpdateCallRequest {
        call_id: call_id.to_owned(),
        metadata: Some(metadata),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
    };
    sandbox.client().await.update_call(request).await.expect("it is changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_in_a_chat_is_seen_nowhere() {
    let log = log();
    let mut sandbox = Sandbox::start_with(with_token).await;
    let mut client = sandbox.client().await;
    client.import_chat(chat()).await.expect("it is taken");
    assert_eq!(ended(&mut client, "chat-1").await.state(), v1::CallState::Done);
    let call_id = "chat-1".to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let metadata =
        |secs| v1::CallMetadata { ivr_end: Some(Duration { seconds: secs, nanos: 0 }), ..Default::default() };
    for menu_end in [None, Some(35), Some(2)] {
        if let Some(secs) = menu_end {
            tell(&sandbox, "chat-1", metadata(secs), &["ivr_end"]).await;
        }
        let request = v1::GetCallReportRequest { call_id: call_id.clone() };
        let report =
            client.get_call_report(request).await.expect("done").into_inner().report.expect("a report");
        assert!(report.masked);
        assert_clean("the report", &format!("{report:?}"));
        let transcript = report.transcript.as_ref().expect("a transcript");
        let senders: Vec<_> = transcript.turns.iter().map(|turn| turn.sender.as_str()).collect();
        assert_eq!(senders, ["陈**", "王客服", "陈**", "wx_139****5678", "王客服"]);
        let role = if menu_end == Some(35) { v1::SpeakerRole::Bot } else { v1::SpeakerRole::Agent };
        assert_eq!(transcript.turns[1].role(), role, "{menu_end:?}");
        let request = v1::ListFindingsRequest { call_id: call_id.clone(), ..Default::default() };
        assert_clean("the findings", &format!("{:?}", client.list_findings(request).await));
        for args in [&["calls", "show", "chat-1"][..], &["calls", "show", "chat-1", "--format", "json"]] {
            let output = diting(&sandbox, folder.path(), None, args).await;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_clean(&args.join(" "), &String::from_utf8_lossy(&output.stdout));
        }
    }
    assert_clean("the list", &format!("{:?}", client.list_calls(v1::ListCallsRequest::default()).await));

    let request =
        v1::GetUnmaskedTranscriptRequest {
            call_id, reason: "客诉复核".to_owned(), operator: String::new()
        };
    let original = privacy(&sandbox).await.get_unmasked_transcript(bearing(TOKEN, request)).await;
    let original = original.expect("it is given").into_inner().transcript.expect("a transcript");
    let senders: Vec<_> = original.turns.iter().map(|turn| turn.sender.as_str()).collect();
    assert_eq!(senders, ["陈大文", "王客服", "陈大文", "wx_13912345678", "王客服"]);
    assert_eq!(original.turns[3].text, "验证码是四七二九八一");

    drop(client);
    sandbox.stop().await;
    let files = stored(&sandbox.config.store.data_dir);
    assert!(files.iter().any(|(_, text)| text.contains("保本保息")), "the search sees into the files");
    assert!(files.iter().any(|(path, _)| path.components().any(|part| part.as_os_str() == "blobs")));
    for (path, text) in files {
        assert_clean(&path.display().to_string(), &text);
    }
    let logged = log.0.lock().expect("no one panicked").clone();
    assert_clean("the log", &String::from_utf8_lossy(&logged));
}

#[tokio::test(flavor = "multi_thread")]
async fn late_metadata_makes_nothing_heard_where_no_original_is_kept() {
    let sandbox = started(|config| config.masking.keep_original = false).await;
    let mut client = privacy(&sandbox).await;
    let asked = || v1::ExportAudioRequest { call_id: "call-1".to_owned(), ..Default::default() };
    let before = export(&mut client, tonic::Request::new(asked())).await.expect("it is given");
    // The menu ends within the customer's number, and the sides change.
    let metadata = v1::CallMetadata {
        ivr_end: Some(Duration { seconds: 5, nanos: 0 }),
        channel_roles: vec![v1::ChannelRole { channel: 0, role: 2 }, v1::ChannelRole { channel: 1, role: 1 }],
        ..Default::default()
    };
    tell(&sandbox, "call-1", metadata, &["ivr_end", "channel_roles"]).await;
    let request = v1::GetTranscriptRequest { call_id: "call-1".to_owned() };
    let transcript = sandbox.client().await.get_transcript(request).await.expect("it is there").into_inner();
    let transcript = transcript.transcript.expect("a transcript");
    assert_eq!(transcript.turns[0].role(), v1::SpeakerRole::Customer);
    for turn in &transcript.turns {
        let own = transcript.masked_spans.iter().filter(|span| span.turn == turn.index);
        assert_eq!(turn.text.contains('*'), own.count() > 0, "{}", turn.text);
    }
    let after = export(&mut client, tonic::Request::new(asked())).await.expect("it is given");
    assert_eq!(after.0, before.0);
    assert_eq!(peak(&after.0, 4_600, 5_400), 0);
    assert_eq!(peak(&after.0, 15_500, 16_700), 0);
    assert!(peak(&after.0, 4_000, 4_450) > 4_000);
}
