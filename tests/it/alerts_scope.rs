//! Which calls raise alerts, and whose they are: not those of archives, not those from before, and the agent of the part.

use std::sync::Arc;

use diting::alert::{AlertFilter, Alerts, AlertsConfig, switch_on};
use diting::ingest::CallState;
use diting::proto::v1;
use diting::proto::v1::review_service_client::ReviewServiceClient;
use fs_err as fs;
use prost_types::Duration;

use crate::alert_support::{alert_client, all_alerts, chat, import, next, sandbox, watch};
use crate::command::{diting, stderr};
use crate::support::{end_of, start, upload, wav};

#[tokio::test(flavor = "multi_thread")]
async fn archives_raise_alerts_only_where_they_shall() {
    for for_archives in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let line = r#"{"id": "old", "metadata": {"media": "MEDIA_CHAT"}, "turns": [{"role": "agent", "text": "您好"}, {"role": "customer", "text": "我要投诉"}]}"#;
        fs::create_dir(folder.path().join("archive")).unwrap();
        fs::write(folder.path().join("archive/chats.jsonl"), line).unwrap();
        let sandbox = sandbox(folder.path(), |config| config.alerts.for_archives = for_archives).await;
        let imported = diting(&sandbox.url(), folder.path(), &["batch", "import", "archive"]).await;
        assert_eq!(imported.status.code(), Some(0), "{}", stderr(&imported));
        // What is sent afterwards comes afterwards.
        import(&mut sandbox.client().await, chat("new", "我要投诉")).await;
        let mut alerts = alert_client(&sandbox).await;
        let mut stream = watch(&mut alerts, 0).await;
        while next(&mut stream).await.1.call_id != "new" {}
        let raised: Vec<String> =
            all_alerts(&mut alerts).await.into_iter().map(|alert| alert.call_id).collect();
        assert_eq!(raised, if for_archives { vec!["old", "new"] } else { vec!["new"] });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_of_the_agent_in_whose_part_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), |_| {}).await;
    let segment = |agent: &str, team: &str, start: i64| v1::AgentSegment {
        agent_id: agent.to_owned(),
        team: team.to_owned(),
        start: Some(Duration { seconds: start, nanos: 0 }),
        ..Default::default()
    };
    let mut request = chat("c1", "我要投诉");
    let metadata = request.metadata.as_mut().unwrap();
    *metadata = v1::CallMetadata {
        segments: vec![segment("kf_1", "前台", 0), segment("kf_2", "专席", 10)],
        ..Default::default()
    };
    let mut answer = request.messages[0].clone();
    (answer.message_id, answer.sender) = ("c1-3".to_owned(), "kf_2".to_owned());
    answer.time.as_mut().unwrap().seconds += 40;
    request.messages.push(answer);
    import(&mut sandbox.client().await, request).await;
    let (_, alert) = next(&mut watch(&mut alert_client(&sandbox).await, 0).await).await;
    assert_eq!((alert.agent_id.as_str(), alert.team.as_str()), ("kf_2", "专席"));
}

#[test]
fn calls_from_before_alerts_raise_none_and_those_after_do() {
    let dir = tempfile::tempdir().unwrap();
    let calls = Arc::new(start(dir.path(), &Arc::default()));
    upload(&calls, "before", &wav(&[440.0, 330.0])).unwrap();
    assert_eq!(end_of(&calls, "before").state, CallState::Done);
    switch_on(calls.store()).unwrap();
    upload(&calls, "between", &wav(&[441.0, 330.0])).unwrap();
    assert_eq!(end_of(&calls, "between").state, CallState::Done);

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let called = |alerts: &Alerts, num_events: u64| {
        runtime.block_on(alerts.subscribe().wait_for(|last| *last >= num_events)).unwrap();
        let (events, _) = alerts.events(0, &AlertFilter::default(), 100).unwrap();
        let calls = events.into_iter().map(|(_, view)| view.alert.call.unwrap().id.to_string());
        calls.collect::<Vec<_>>()
    };
    let config = AlertsConfig::default();
    let alerts = Alerts::start(Arc::clone(&calls), &config).unwrap();
    assert_eq!(called(&alerts, 1), ["between"]);
    drop(alerts);
    // While nobody follows, nothing is lost.
    upload(&calls, "away", &wav(&[442.0, 330.0])).unwrap();
    assert_eq!(end_of(&calls, "away").state, CallState::Done);
    let alerts = Alerts::start(Arc::clone(&calls), &config).unwrap();
    assert_eq!(called(&alerts, 2), ["between", "away"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_about_a_call_later_judges_it_by_no_new_pack() {
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = sandbox(folder.path(), |_| {}).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    import(&mut calls, chat("c1", "我要投诉")).await;
    import(&mut calls, chat("c2", "我要曝光")).await;
    let (mut cursor, mut models) = (0, Vec::new());
    for _ in 0..2 {
        let (event, alert) = next(&mut stream).await;
        cursor = event.cursor;
        models.push((alert.call_id, alert.risk_id));
    }
    // Two calls at once are scored in any order.
    models.sort();
    assert_eq!(models, [("c1".to_owned(), "R1".to_owned()), ("c2".to_owned(), "R2".to_owned())]);
    // From now on the two models are about each other's words.
    let path = folder.path().join("pack.toml");
    let pack = fs::read_to_string(&path).unwrap();
    let pack =
        pack.replace("rules = [\"W1\"]", "rules = [\"W\"]").replace("rules = [\"W2\"]", "rules = [\"W1\"]");
    fs::write(&path, pack.replace("rules = [\"W\"]", "rules = [\"W2\"]")).unwrap();
    sandbox.restart().await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, cursor).await;
    let mut reviews = ReviewServiceClient::new(sandbox.channel().await);
    let call_ids = vec!["c1".to_owned(), "c2".to_owned()];
    let request = v1::QueueForReviewRequest { call_ids, actor: "组长".to_owned(), twice: false };
    let queued = reviews.queue_for_review(request).await.unwrap().into_inner();
    assert_eq!(queued.queued_call_ids, ["c1", "c2"]);
    import(&mut sandbox.client().await, chat("c3", "我要投诉")).await;
    let (event, alert) = next(&mut stream).await;
    let told = (event.kind(), alert.call_id.as_str(), alert.risk_id.as_str());
    assert_eq!(told, (v1::AlertEventKind::Raised, "c3", "R2"), "and nothing about the two before");
}
