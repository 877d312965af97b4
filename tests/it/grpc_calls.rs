//! Everything but uploads: reading, listing, watching and deleting calls.

use diting::proto::v1;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::sandbox::{Client, Sandbox, ended, field, header, reason, recording, upload, upload_done, watch};

async fn list(client: &mut Client, request: v1::ListCallsRequest) -> Result<v1::ListCallsResponse, Status> {
    client.list_calls(request).await.map(tonic::Response::into_inner)
}

async fn ids(client: &mut Client, filter: v1::CallFilter) -> Vec<String> {
    let request = v1::ListCallsRequest { filter: Some(filter), ..Default::default() };
    let page = list(client, request).await.expect("it lists");
    page.calls.into_iter().filter_map(|summary| summary.call).map(|call| call.call_id).collect()
}

fn by_agent(call_id: &str, agent_id: &str) -> v1::UploadCallHeader {
    let metadata = v1::CallMetadata { agent_id: agent_id.to_owned(), ..Default::default() };
    v1::UploadCallHeader { metadata: Some(metadata), ..header(call_id) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_out_with_who_said_what_and_what_it_means() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    upload_done(&mut client, header("call-1"), 1).await;

    let request = v1::GetCallReportRequest { call_id: "call-1".to_owned() };
    let report =
        client.get_call_report(request).await.expect("it is done").into_inner().report.expect("a report");
    let call = report.call.expect("there is a record");
    assert_eq!((call.call_id.as_str(), call.state()), ("call-1", v1::CallState::Done));
    assert_eq!(call.duration.map(|length| length.seconds), Some(15));

    let transcript = report.transcript.expect("there is a transcript");
    assert_eq!(transcript.layout(), v1::ChannelLayout::Stereo);
    let promise = transcript.turns.iter().find(|turn| turn.text.contains("保本保息")).expect("it was said");
    assert_eq!((promise.channel, promise.role()), (0, v1::SpeakerRole::Agent));
    assert_eq!(promise.start.map(|start| start.seconds), Some(8));
    assert_eq!(promise.words.iter().map(|word| word.text.as_str()).collect::<String>(), promise.text);
    assert!(promise.confidence.is_some());

    let hits: Vec<_> =
        report.findings.iter().filter(|finding| finding.verdict() == v1::Verdict::Hit).collect();
    let evidence: Vec<_> = hits.iter().flat_map(|finding| &finding.evidence).collect();
    let said = evidence.iter().find(|evidence| evidence.text.contains("保本")).expect("the promise is found");
    assert_eq!((said.turn, said.role()), (promise.index, v1::SpeakerRole::Agent));
    let score = report.scorecard.expect("there is a score");
    assert!(score.score < score.full);

    let request = v1::GetTranscriptRequest { call_id: "call-1".to_owned() };
    let alone = client.get_transcript(request).await.expect("it is done").into_inner().transcript;
    assert_eq!(alone.expect("there is a transcript"), transcript);

    let request = v1::ListFindingsRequest { call_id: "call-1".to_owned(), ..Default::default() };
    let found = client.list_findings(request).await.expect("it is done").into_inner();
    for (found, hit) in found.findings.iter().zip(&hits) {
        let counting = (v1::Verdict::Hit.into(), v1::ReviewState::None.into());
        assert_eq!((found.final_verdict, found.review), counting, "nobody decided otherwise");
        assert_eq!(v1::Finding { review: 0, ..found.clone() }, **hit);
    }
    assert_eq!((found.findings.len(), found.total_size), (hits.len(), hits.len() as u64));
    assert!(found.next_page_token.is_empty());

    let verdicts = vec![v1::Verdict::Miss.into(), v1::Verdict::NotApplicable.into()];
    let filter = Some(v1::CallFilter { verdicts, ..Default::default() });
    let request = v1::ListFindingsRequest { call_id: "call-1".to_owned(), filter, ..Default::default() };
    let rest = client.list_findings(request).await.expect("it is done").into_inner().findings;
    assert_eq!(rest.len() + hits.len(), report.findings.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_never_was_is_not_found_by_any_request() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let call_id = "nobody".to_owned();
    let one = call_id.clone();
    let findings = v1::ListFindingsRequest { call_id: one.clone(), ..Default::default() };
    let statuses = [
        client.get_call(v1::GetCallRequest { call_id: one.clone() }).await.map(drop),
        client.get_call_report(v1::GetCallReportRequest { call_id: one.clone() }).await.map(drop),
        client.get_transcript(v1::GetTranscriptRequest { call_id: one.clone() }).await.map(drop),
        client.list_findings(findings).await.map(drop),
        client.watch_call(v1::WatchCallRequest { call_id: one.clone() }).await.map(drop),
        client.delete_call(v1::DeleteCallRequest { call_id: one }).await.map(drop),
    ];
    for status in statuses {
        let status = status.expect_err("there is no such call");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "store.not_found"));
        assert!(status.message().contains(&call_id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_with_a_slash_is_refused_by_every_request() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let id = || "../x".to_owned();
    let findings = v1::ListFindingsRequest { call_id: id(), ..Default::default() };
    let statuses = [
        client.get_call(v1::GetCallRequest { call_id: id() }).await.map(drop),
        client.get_call_report(v1::GetCallReportRequest { call_id: id() }).await.map(drop),
        client.get_transcript(v1::GetTranscriptRequest { call_id: id() }).await.map(drop),
        client.list_findings(findings).await.map(drop),
        client.watch_call(v1::WatchCallRequest { call_id: id() }).await.map(drop),
        client.delete_call(v1::DeleteCallRequest { call_id: id() }).await.map(drop),
    ];
    for status in statuses {
        let status = status.expect_err("it is no id");
        assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "call_id"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_refused_until_the_call_is_done() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    sandbox.gate.shut();
    upload(&mut client, header("call-1"), &recording(1)).await.expect("it is taken");
    let call_id = "call-1".to_owned();
    let findings = v1::ListFindingsRequest { call_id: call_id.clone(), ..Default::default() };
    let statuses = [
        client.get_call_report(v1::GetCallReportRequest { call_id: call_id.clone() }).await.map(drop),
        client.get_transcript(v1::GetTranscriptRequest { call_id: call_id.clone() }).await.map(drop),
        client.list_findings(findings).await.map(drop),
    ];
    for status in statuses {
        let status = status.expect_err("it is not done");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "call.not_done"));
        assert!(status.get_details_retry_info().is_some());
    }
    sandbox.gate.open();
    assert_eq!(ended(&mut client, "call-1").await.state(), v1::CallState::Done);
    client.get_transcript(v1::GetTranscriptRequest { call_id }).await.expect("now it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_every_stage_and_ends() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    sandbox.gate.shut();
    upload(&mut client, header("call-1"), &recording(1)).await.expect("it is taken");
    let request = v1::WatchCallRequest { call_id: "call-1".to_owned() };
    let mut updates = client.watch_call(request).await.expect("it is watched").into_inner();
    let mut seen = Vec::new();
    while let Some(update) = updates.message().await.expect("it goes on") {
        if update.state() == v1::CallState::Transcribing {
            sandbox.gate.open();
        }
        seen.push(update);
    }
    let states: Vec<_> = seen.iter().map(v1::WatchCallResponse::state).collect();
    assert!(states.is_sorted(), "{states:?}");
    assert!(states.contains(&v1::CallState::Transcribing));
    let progress: Vec<_> = seen.iter().map(|update| update.progress).collect();
    assert!(progress.is_sorted(), "{progress:?}");
    let last = seen.pop().expect("there is one");
    assert_eq!((last.state(), last.progress, last.failure), (v1::CallState::Done, 1.0, None));

    let afterwards = watch(&mut client, "call-1").await.expect("it is watched");
    assert_eq!(afterwards.len(), 1, "a call that is done has one state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_call_is_gone_with_its_audio_and_its_watchers_are_told() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    upload_done(&mut client, header("kept"), 1).await;
    sandbox.gate.shut();
    upload(&mut client, header("gone"), &recording(2)).await.expect("it is taken");
    let request = v1::WatchCallRequest { call_id: "gone".to_owned() };
    let mut updates = client.watch_call(request).await.expect("it is watched").into_inner();
    updates.message().await.expect("it is watched").expect("there is a state");
    client.delete_call(v1::DeleteCallRequest { call_id: "gone".to_owned() }).await.expect("it is deleted");
    let mut last = None;
    while let Some(update) = updates.message().await.expect("it goes on") {
        last = Some(update);
    }
    let told = last.and_then(|update| update.failure).expect("the watcher is told");
    assert_eq!(told.reason, "pipeline.deleted");
    sandbox.gate.open();
    assert_eq!(ids(&mut client, v1::CallFilter::default()).await, ["kept"]);
    assert_eq!(sandbox.recordings().len(), 1);
    client.delete_call(v1::DeleteCallRequest { call_id: "kept".to_owned() }).await.expect("it is deleted");
    assert!(sandbox.is_empty().await);
    let status =
        client.get_call(v1::GetCallRequest { call_id: "kept".to_owned() }).await.expect_err("it is gone");
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    upload_done(&mut client, by_agent("one", "8021"), 1).await;
    upload_done(&mut client, by_agent("two", "8022"), 2).await;
    let status = upload(&mut client, by_agent("bad", "8021"), b"this is not audio at all").await;
    status.expect("it is taken");
    assert_eq!(ended(&mut client, "bad").await.state(), v1::CallState::Failed);

    let any = v1::CallFilter::default;
    assert_eq!(ids(&mut client, any()).await, ["bad", "two", "one"], "newest first");
    let agent = v1::CallFilter { agent_ids: vec!["8021".to_owned()], ..any() };
    assert_eq!(ids(&mut client, agent).await, ["bad", "one"]);
    let done = v1::CallFilter { states: vec![v1::CallState::Done.into()], ..any() };
    assert_eq!(ids(&mut client, done).await, ["two", "one"]);
    let failed = v1::CallFilter { states: vec![v1::CallState::Failed.into()], ..any() };
    assert_eq!(ids(&mut client, failed).await, ["bad"]);
    let low = v1::CallFilter { max_score: Some(99.0), ..any() };
    assert_eq!(ids(&mut client, low).await, ["two", "one"]);
    let lower = v1::CallFilter { max_score: Some(-1.0), ..any() };
    assert!(ids(&mut client, lower).await.is_empty());

    let page = list(&mut client, v1::ListCallsRequest::default()).await.expect("it lists");
    let summary = page.calls.into_iter().find(|summary| summary.score.is_some()).expect("one has a score");
    let rule_id = summary.hit_rule_ids.first().expect("a rule hit").clone();
    let rule = v1::CallFilter { rule_ids: vec![rule_id], ..any() };
    assert_eq!(ids(&mut client, rule).await, ["two", "one"]);
    let unknown = v1::CallFilter { rule_ids: vec!["NO-SUCH".to_owned()], ..any() };
    assert!(ids(&mut client, unknown).await.is_empty());

    let at = summary.call.and_then(|call| call.received_at).expect("it was received");
    let from = v1::CallFilter { received_from: Some(at), ..any() };
    assert_eq!(ids(&mut client, from).await, ["bad", "two"]);
    let before = v1::CallFilter { received_before: Some(at), ..any() };
    assert_eq!(ids(&mut client, before).await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_call_once() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    for seed in 0..5 {
        upload_done(&mut client, header(&format!("call-{seed}")), seed).await;
    }
    let (mut seen, mut page_token, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let request = v1::ListCallsRequest { page_size: 2, page_token, ..Default::default() };
        let page = list(&mut client, request).await.expect("it lists");
        sizes.push(page.calls.len());
        seen.extend(page.calls.into_iter().filter_map(|summary| summary.call).map(|call| call.call_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["call-4", "call-3", "call-2", "call-1", "call-0"]);
    assert_eq!(sizes, [2, 2, 1]);

    let first = v1::ListFindingsRequest { page_size: 1, ..Default::default() };
    let page = client.list_findings(first.clone()).await.expect("it lists").into_inner();
    assert!(!page.findings.is_empty());
    assert!(page.findings.iter().all(|finding| finding.call_id == "call-4"));
    let second = v1::ListFindingsRequest { page_token: page.next_page_token, ..first };
    let page = client.list_findings(second).await.expect("it lists").into_inner();
    assert!(page.findings.iter().all(|finding| finding.call_id == "call-3"));
    let rest =
        v1::ListFindingsRequest { page_size: 500, page_token: page.next_page_token, ..Default::default() };
    let page = client.list_findings(rest).await.expect("it lists").into_inner();
    let calls: std::collections::BTreeSet<_> = page.findings.iter().map(|one| one.call_id.as_str()).collect();
    assert_eq!(calls.into_iter().collect::<Vec<_>>(), ["call-0", "call-1", "call-2"]);
    assert!(page.next_page_token.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_of_one_rule_are_found_with_every_verdict() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    upload_done(&mut client, header("one"), 1).await;
    let all = [v1::Verdict::Hit, v1::Verdict::Miss, v1::Verdict::NotApplicable].map(i32::from);
    let filter = v1::CallFilter { verdicts: all.to_vec(), ..Default::default() };
    let read_mask = Some(prost_types::FieldMask { paths: vec!["*".to_owned()] });
    let request = v1::ListFindingsRequest {
        filter: Some(filter.clone()),
        page_size: 500,
        read_mask,
        ..Default::default()
    };
    let every = client.list_findings(request.clone()).await.expect("it lists").into_inner();
    assert_eq!(every.total_size, every.findings.len() as u64);
    for verdict in [v1::Verdict::Hit, v1::Verdict::Miss] {
        let one = every.findings.iter().find(|finding| finding.verdict() == verdict).expect("there is one");
        let (rule_ids, verdicts) = (vec![one.rule_id.clone()], vec![verdict.into()]);
        let filter = Some(v1::CallFilter { rule_ids, verdicts, ..filter.clone() });
        let request = v1::ListFindingsRequest { filter, ..request.clone() };
        let found = client.list_findings(request).await.expect("it lists").into_inner().findings;
        assert_eq!(found, std::slice::from_ref(one));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_request_that_makes_no_sense_is_refused() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let filter = |filter| v1::ListCallsRequest { filter: Some(filter), ..Default::default() };
    let cases = [
        (v1::ListCallsRequest { page_size: 501, ..Default::default() }, "page_size"),
        (
            filter(v1::CallFilter { rule_ids: vec!["a/b".to_owned()], ..Default::default() }),
            "filter.rule_ids",
        ),
        (filter(v1::CallFilter { states: vec![99], ..Default::default() }), "filter.states"),
        (filter(v1::CallFilter { max_score: Some(f64::NAN), ..Default::default() }), "filter.max_score"),
    ];
    for (request, expected) in cases {
        let status = list(&mut client, request).await.expect_err("it makes no sense");
        assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, expected));
    }
    let request = v1::ListCallsRequest { page_token: "made up".to_owned(), ..Default::default() };
    let status = list(&mut client, request).await.expect_err("it is no token");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "store.page_token"));
    let filter = Some(v1::CallFilter { verdicts: vec![0], ..Default::default() });
    let request = v1::ListFindingsRequest { filter, ..Default::default() };
    let status = client.list_findings(request).await.expect_err("it is no verdict");
    assert_eq!(field(&status), "filter.verdicts");
}
