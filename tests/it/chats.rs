//! Text chats: imported, pushed from files, judged without sound.

use diting::proto::v1;
use prost_types::{Duration, Timestamp};
use tonic::{Code, Status};

use crate::sandbox::{Client, Sandbox, ended, field, header, reason, upload};

const START: i64 = 1_772_413_200;

fn message(id: &str, sender: &str, at: i64, text: &str) -> v1::ChatMessage {
    v1::ChatMessage {
        message_id: id.to_owned(),
        sender: sender.to_owned(),
        text: text.to_owned(),
        time: Some(Timestamp { seconds: START + at, nanos: 0 }),
        ..Default::default()
    }
}

fn of_kind(kind: v1::MessageKind, message: v1::ChatMessage) -> v1::ChatMessage {
    v1::ChatMessage { kind: kind.into(), ..message }
}

/// A chat in which a robot, a picture and a message that is taken back promise what no bank may, and the agent does not.
fn conversation() -> Vec<v1::ChatMessage> {
    let recall = of_kind(v1::MessageKind::Recall, message("m8", "kf_1", 150, ""));
    vec![
        message("m1", "robot", 0, "保本保息的产品有三款，正在为您转接"),
        message("m2", "wm1", 5, "在吗"),
        of_kind(v1::MessageKind::Image, message("m3", "kf_1", 95, "保本保息海报")),
        message("m4", "kf_1", 100, "您好，很高兴为您服务，请问有什么可以帮您？"),
        message("m5", "wm1", 110, "理财包本吗"),
        message("m6", "kf_1", 130, "这款产品包本，不过我再确认一下"),
        message("m7", "kf_1", 140, "这款产品保本保息"),
        v1::ChatMessage { recalls: "m7".to_owned(), ..recall },
        message("m9", "wm1", 160, "我要到银保监会投诉你们"),
        message("m10", "kf_1", 200, "抱歉给您带来不便，感谢您的咨询，再见"),
    ]
}

fn request(call_id: &str, messages: Vec<v1::ChatMessage>) -> v1::ImportChatRequest {
    let accounts = v1::ChatAccounts {
        agents: vec!["kf_*".to_owned()],
        bots: vec!["robot".to_owned()],
        ..Default::default()
    };
    let metadata = v1::CallMetadata { agent_id: "kf_1".to_owned(), ..Default::default() };
    v1::ImportChatRequest {
        call_id: call_id.to_owned(),
        metadata: Some(metadata),
        messages,
        accounts: Some(accounts),
    }
}

async fn import(
    client: &mut Client,
    request: v1::ImportChatRequest,
) -> Result<v1::ImportChatResponse, Status> {
    client.import_chat(request).await.map(tonic::Response::into_inner)
}

async fn report(client: &mut Client, call_id: &str) -> v1::CallReport {
    assert_eq!(ended(client, call_id).await.state(), v1::CallState::Done);
    let request = v1::GetCallReportRequest { call_id: call_id.to_owned() };
    client.get_call_report(request).await.unwrap().into_inner().report.unwrap()
}

fn finding<'a>(report: &'a v1::CallReport, rule: &str) -> &'a v1::Finding {
    report.findings.iter().find(|finding| finding.rule_id == rule).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_judged_by_what_people_typed_and_kept() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let accepted = import(&mut client, request("c1", conversation())).await.unwrap();
    assert!(!accepted.already_present);
    let call = accepted.call.unwrap();
    let metadata = call.metadata.unwrap();
    assert_eq!(metadata.media(), v1::Media::Chat);
    assert_eq!(metadata.started_at.unwrap().seconds, START);

    let report = report(&mut client, "c1").await;
    let transcript = report.transcript.as_ref().unwrap();
    let seen: Vec<_> = transcript.turns.iter().map(|turn| (turn.role(), turn.text.as_str())).collect();
    assert_eq!(seen[0].0, v1::SpeakerRole::Bot);
    assert_eq!(seen[2], (v1::SpeakerRole::Agent, "[图片] 保本保息海报"));
    assert!(!seen.contains(&(v1::SpeakerRole::Agent, "这款产品保本保息")), "it was taken back");
    assert!(transcript.audio.is_none() && transcript.model.is_empty());

    // Not the robot's words, not the picture's, not what was taken back, and 包本 is what the agent typed.
    assert_eq!(finding(&report, "S01").verdict(), v1::Verdict::Miss, "{:?}", finding(&report, "S01"));
    let threat = finding(&report, "W01");
    assert_eq!(threat.verdict(), v1::Verdict::Hit);
    assert_eq!(threat.evidence[0].start, Some(Duration { seconds: 160, nanos: 0 }));
    assert!(threat.evidence[0].confidence.is_none());
    // Sound is not there, and what is only asked of calls is not asked.
    assert_eq!(finding(&report, "A03").not_applicable_reason, "no_audio");
    assert_eq!(finding(&report, "B03").not_applicable_reason, "not_in_scope");
    assert_eq!(finding(&report, "B16").verdict(), v1::Verdict::Hit, "90 s till the first answer");
    assert_eq!(finding(&report, "B17").verdict(), v1::Verdict::Miss);
    assert!(report.scorecard.as_ref().unwrap().scored);

    let chat = transcript.chat.as_ref().unwrap();
    let seconds = |wait: &Option<Duration>| wait.as_ref().unwrap().seconds;
    assert_eq!(
        (seconds(&chat.first_response), seconds(&chat.mean_response), seconds(&chat.max_response)),
        (90, 50, 90)
    );
    let [recall] = &chat.recalls[..] else { panic!("one was taken back: {:?}", chat.recalls) };
    assert_eq!((recall.role(), recall.sender.as_str()), (v1::SpeakerRole::Agent, "kf_1"));
    assert_eq!((seconds(&recall.said_at), seconds(&recall.at)), (140, 150));

    let filter = v1::CallFilter { agent_ids: vec!["kf_1".to_owned()], ..Default::default() };
    let request = v1::ListCallsRequest { filter: Some(filter), ..Default::default() };
    let calls = client.list_calls(request).await.unwrap().into_inner().calls;
    assert_eq!(calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_chat_is_one_call_and_another_is_a_conflict() {
    let mut sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    import(&mut client, request("c1", conversation())).await.unwrap();
    let first = report(&mut client, "c1").await;
    // The order in which messages are told says nothing, nor does a message that is told twice.
    let mut shuffled = conversation();
    shuffled.reverse();
    shuffled.push(conversation().remove(0));
    assert!(import(&mut client, request("c1", shuffled)).await.unwrap().already_present);
    let mut other = conversation();
    other.pop();
    let status = import(&mut client, request("c1", other)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "ingest.conflict"));

    sandbox.restart().await;
    let mut client = sandbox.client().await;
    assert_eq!(report(&mut client, "c1").await, first, "it is on the disk");
    client.delete_call(v1::DeleteCallRequest { call_id: "c1".to_owned() }).await.unwrap();
    assert!(sandbox.is_empty().await, "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_chat_is_refused_or_fails_by_name() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let status = import(&mut client, request("c1", Vec::new())).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "messages"));
    let odd = v1::ChatMessage { recalls: String::new(), ..conversation().remove(7) };
    let status = import(&mut client, request("c1", vec![odd])).await.unwrap_err();
    assert_eq!(field(&status), "messages[0].recalls");
    let status = import(&mut client, request("a/b", conversation())).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);

    let metadata = v1::CallMetadata { media: v1::Media::Chat.into(), ..Default::default() };
    let header = v1::UploadCallHeader { metadata: Some(metadata), ..header("sound") };
    upload(&mut client, header, b"RIFF").await.unwrap();
    let end = ended(&mut client, "sound").await;
    assert_eq!(
        (end.state(), end.failure.unwrap().reason.as_str()),
        (v1::CallState::Failed, "chat.unreadable")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_of_a_chat_that_was_passed_on_answer_for_their_own_part() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let segment = |agent: &str, start: i64| v1::AgentSegment {
        agent_id: agent.to_owned(),
        start: Some(Duration { seconds: start, nanos: 0 }),
        ..Default::default()
    };
    let metadata =
        v1::CallMetadata { segments: vec![segment("kf_1", 0), segment("kf_2", 60)], ..Default::default() };
    let messages = vec![
        message("1", "wm1", 0, "在吗"),
        message("2", "kf_1", 20, "您好，我为您转接专员"),
        message("3", "wm1", 62, "你好"),
        message("4", "kf_2", 300, "您好，这款产品保本保息"),
        message("5", "wm1", 310, "好的谢谢"),
    ];
    let request = v1::ImportChatRequest { metadata: Some(metadata), ..request("c1", messages) };
    import(&mut client, request).await.unwrap();
    let report = report(&mut client, "c1").await;
    let hits = |part: &v1::AgentPart| {
        let hits = part.findings.iter().filter(|finding| finding.verdict() == v1::Verdict::Hit);
        hits.map(|finding| finding.rule_id.clone()).collect::<Vec<_>>()
    };
    let [first, second] = &report.agent_parts[..] else { panic!("two agents") };
    for rule in ["S01", "B16", "B17"] {
        assert!(!hits(first).iter().any(|hit| hit == rule), "{rule}: {:?}", hits(first));
        assert!(hits(second).iter().any(|hit| hit == rule), "{rule}: {:?}", hits(second));
    }
    assert_eq!(finding(&report, "S01").agent_id, "kf_2");
}
