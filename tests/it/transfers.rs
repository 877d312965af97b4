//! Calls with several agents, a voice menu and hold music.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use diting::analysis::RuleSet;
use diting::pipeline::{self, PipelineConfig};
use diting::proto::v1;
use diting::speech::SpeechConfig;
use diting::types::{AudioDeclaration, CallMetadata, Millis, TimeSpan};
use prost_types::Duration;
use tonic::Code;

use crate::sandbox::{Client, Sandbox, field, header, upload, upload_done};
use crate::weights;

fn at(millis: i64) -> Option<Duration> {
    Some(Duration { seconds: millis / 1_000, nanos: (millis % 1_000) as i32 * 1_000_000 })
}

fn agent(agent_id: &str, start: i64) -> v1::AgentSegment {
    v1::AgentSegment { agent_id: agent_id.to_owned(), start: at(start), ..Default::default() }
}

fn with(call_id: &str, metadata: v1::CallMetadata) -> v1::UploadCallHeader {
    v1::UploadCallHeader { metadata: Some(metadata), ..header(call_id) }
}

async fn report(client: &mut Client, call_id: &str) -> v1::CallReport {
    let request = v1::GetCallReportRequest { call_id: call_id.to_owned() };
    client.get_call_report(request).await.unwrap().into_inner().report.unwrap()
}

fn hits(findings: &[v1::Finding]) -> Vec<&str> {
    let hits = findings.iter().filter(|finding| finding.verdict() == v1::Verdict::Hit);
    hits.map(|finding| finding.rule_id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_agent_answers_for_their_own_part() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let metadata = v1::CallMetadata {
        agent_id: "8021".to_owned(),
        segments: vec![agent("8021", 0), agent("8044", 7_500)],
        ..Default::default()
    };
    upload_done(&mut client, with("moved", metadata), 1).await;
    upload_done(&mut client, header("other"), 2).await;

    let report = report(&mut client, "moved").await;
    let [first, second] = &report.agent_parts[..] else { panic!("two agents: {:?}", report.agent_parts) };
    assert_eq!((first.agent_id.as_str(), second.agent_id.as_str()), ("8021", "8044"));
    assert_eq!(second.span.as_ref().unwrap().end, at(15_000), "the last one stays to the end");
    assert!(!hits(&first.findings).contains(&"S01") && hits(&second.findings).contains(&"S01"));
    let (own, other) = (first.scorecard.as_ref().unwrap(), second.scorecard.as_ref().unwrap());
    assert!(own.score > other.score, "{own:?} {other:?}");
    // Only the last agent owes a farewell; both owe a greeting.
    let reason = |part: &v1::AgentPart, rule: &str| {
        let finding = part.findings.iter().find(|finding| finding.rule_id == rule).unwrap();
        finding.not_applicable_reason.clone()
    };
    let ends: Vec<&str> = first
        .findings
        .iter()
        .filter(|finding| finding.not_applicable_reason == "transferred")
        .map(|finding| finding.rule_id.as_str())
        .collect();
    assert!(!ends.is_empty() && ends.iter().all(|rule| reason(second, rule) != "transferred"), "{ends:?}");

    // What is found names its agent, and its place in the whole call.
    let turns = &report.transcript.as_ref().unwrap().turns;
    let whole = report.findings.iter().find(|finding| finding.rule_id == "S01").unwrap();
    let part = second.findings.iter().find(|finding| finding.rule_id == "S01").unwrap();
    assert_eq!(whole.agent_id, "8044");
    assert_eq!(whole.evidence, part.evidence);
    assert_eq!(whole.explanation, part.explanation);
    let said = &part.evidence[0];
    let text: String = turns[said.turn as usize]
        .text
        .chars()
        .skip(said.char_from as usize)
        .take((said.char_to - said.char_from) as usize)
        .collect();
    assert_eq!(text, said.text);

    for agent_id in ["8021", "8044"] {
        let filter = v1::CallFilter { agent_ids: vec![agent_id.to_owned()], ..Default::default() };
        let request = v1::ListCallsRequest { filter: Some(filter), ..Default::default() };
        let calls = client.list_calls(request).await.unwrap().into_inner().calls;
        let ids: Vec<_> = calls.into_iter().map(|summary| summary.call.unwrap().call_id).collect();
        assert_eq!(ids, ["moved"], "{agent_id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_menu_or_a_hold_says_is_nobodys() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    // The promise at 8 s is said before a person takes the call.
    let menu = v1::CallMetadata { ivr_end: at(11_200), ..Default::default() };
    upload_done(&mut client, with("menu", menu), 1).await;
    let menu = report(&mut client, "menu").await;
    assert!(!hits(&menu.findings).contains(&"S01"), "{:?}", hits(&menu.findings));
    let roles: Vec<_> = menu.transcript.as_ref().unwrap().turns.iter().map(v1::Turn::role).collect();
    assert!(!roles.contains(&v1::SpeakerRole::Agent) && roles.contains(&v1::SpeakerRole::Bot), "{roles:?}");

    let hold = v1::TimeSpan { start: at(7_800), end: at(11_300) };
    let held = v1::CallMetadata { holds: vec![hold], ..Default::default() };
    upload_done(&mut client, with("held", held), 2).await;
    let held = report(&mut client, "held").await;
    assert!(!hits(&held.findings).contains(&"S01"));
    let transcript = held.transcript.unwrap();
    assert!(!transcript.turns.iter().any(|turn| turn.text.contains("保本")));
    let timing = transcript.timing.unwrap();
    assert_eq!((timing.holds, timing.hold), (vec![hold], at(3_500)));

    let wrong =
        v1::CallMetadata { segments: vec![agent("1", 5_000), agent("2", 4_000)], ..Default::default() };
    let status = upload(&mut client, with("wrong", wrong), b"bytes").await.unwrap_err();
    assert_eq!(
        (status.code(), field(&status).as_str()),
        (Code::InvalidArgument, "metadata.segments[1].start")
    );
}

#[test]
fn a_recogniser_never_hears_a_hold() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/calls/mis-selling.wav");
    let transcriber = weights::load(&SpeechConfig {
        model: "base".to_owned(),
        num_recognizers: 2,
        ..SpeechConfig::default()
    });
    let judged = |metadata: &CallMetadata| {
        let (rules, config) = (RuleSet::bank(), PipelineConfig::default());
        let (declaration, cancel) = (AudioDeclaration::default(), AtomicBool::new(false));
        let mut progress = |_| {};
        pipeline::process(
            &path,
            &declaration,
            metadata,
            &transcriber,
            &rules,
            None,
            &config,
            &mut progress,
            &cancel,
        )
        .unwrap()
    };
    let whole = judged(&CallMetadata::default());
    let hold = TimeSpan::new(Millis(10_000), Millis(30_000));
    let held = judged(&CallMetadata { holds: vec![hold], ..CallMetadata::default() });
    let speech = |result: &pipeline::CallResult| result.recognition.as_ref().unwrap().speech;
    assert!(speech(&held) < speech(&whole), "{} of {}", speech(&held), speech(&whole));
    let during = |result: &pipeline::CallResult| {
        let words = result.dialogue.turns.iter().flat_map(|turn| &turn.words);
        words.filter(|word| word.span.overlap(hold) > Millis::ZERO).count()
    };
    assert!(during(&whole) > 10, "somebody speaks there");
    assert_eq!(during(&held), 0);
    // What is said afterwards keeps its time.
    let after = |result: &pipeline::CallResult| {
        let mut words = result.dialogue.turns.iter().flat_map(|turn| &turn.words);
        words.find(|word| word.span.start >= Millis(31_000)).map(|word| word.span.start).unwrap()
    };
    let distance = after(&whole).0.abs_diff(after(&held).0);
    assert!(distance < 1_500, "{} and {}", after(&whole), after(&held));
}
