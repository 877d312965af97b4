//! Alerts from the chat to the subscriber: what they say, what people do with them, what is damped and what is late.

use std::collections::BTreeSet;

use diting::alert::ReceiverKind;
use diting::analysis::Level;
use diting::proto::v1;
use diting::proto::v1::reprocess_service_client::ReprocessServiceClient;
use tonic::Code;
use v1::AlertEventKind as Kind;

use crate::alert_support::{
    AlertClient, HttpReceiver, alert_client, all_alerts, chat, chat_of, import, next, packs, sandbox, watch,
};
use crate::sandbox::{ended, field, reason};

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_reaches_the_subscriber_with_the_words_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), |_| {}).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    import(&mut calls, chat("calm", "谢谢，再见")).await;
    let said = "拖了一个月了，我的电话是13812345678，再不处理我就投诉你们";
    import(&mut calls, chat_of("c1", said, "cust-1", 0)).await;
    let (event, alert) = next(&mut stream).await;
    assert_eq!((event.kind(), event.cursor, event.alert_id), (Kind::Raised, 1, 1));
    assert_eq!((alert.risk_id.as_str(), alert.risk_name.as_str()), ("R1", "投诉升级"));
    assert_eq!((alert.level(), alert.state()), (v1::Level::S1, v1::AlertState::Open));
    assert_eq!((alert.call_id.as_str(), alert.customer_ref.as_str()), ("c1", "cust-1"));
    let agent = (alert.agent_id.as_str(), alert.agent_name.as_str(), alert.team.as_str());
    assert_eq!(agent, ("kf_1", "张敏", "理财一组"));
    assert_eq!(alert.at.unwrap().seconds, 20);
    assert_eq!((alert.rules[0].rule_id.as_str(), alert.rules[0].rule_name.as_str()), ("W1", "监管投诉"));
    let sample = &alert.samples[0];
    assert_eq!((sample.role(), sample.text.as_str()), (v1::SpeakerRole::Customer, "投诉"));
    assert!(sample.quote.contains("再不处理我就【投诉】你们"), "{}", sample.quote);
    assert!(!sample.quote.contains("13812345678"), "it is masked: {}", sample.quote);

    // A chat that fulfils two models raises two alerts, and one of each kind is found by each filter.
    import(&mut calls, chat("c2", "我要投诉，还要曝光你们")).await;
    let mut models = [next(&mut stream).await.1.risk_id, next(&mut stream).await.1.risk_id];
    models.sort();
    assert_eq!(models, ["R1", "R2"]);
    let filters = [
        (v1::AlertFilter { risk_ids: vec!["R2".to_owned()], ..Default::default() }, 1),
        (v1::AlertFilter { levels: vec![v1::Level::S1.into()], ..Default::default() }, 2),
        (v1::AlertFilter { call_id: "c2".to_owned(), ..Default::default() }, 2),
        (v1::AlertFilter { agent_id: "kf_2".to_owned(), ..Default::default() }, 0),
        (v1::AlertFilter { teams: vec!["理财一组".to_owned()], ..Default::default() }, 3),
        (v1::AlertFilter { states: vec![v1::AlertState::Closed.into()], ..Default::default() }, 0),
        (v1::AlertFilter { until: alert.raised_at, ..Default::default() }, 0),
        (v1::AlertFilter { since: alert.raised_at, ..Default::default() }, 3),
    ];
    for (filter, expected) in filters {
        let request =
            v1::ListAlertsRequest { filter: Some(filter.clone()), page_size: 1, ..Default::default() };
        let page = alerts.list_alerts(request).await.unwrap().into_inner();
        assert_eq!((page.total, page.alerts.len()), (expected, expected.min(1) as usize), "{filter:?}");
    }
    let numbers: Vec<u64> = all_alerts(&mut alerts).await.iter().map(|alert| alert.alert_id).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let status = alerts.get_alert(v1::GetAlertRequest { alert_id: 9 }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "alert.not_found"));
    let ahead = v1::WatchAlertsRequest { cursor: 99, ..Default::default() };
    assert_eq!(reason(&alerts.watch_alerts(ahead).await.unwrap_err()), "alert.cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_comes_back_misses_nothing_and_sees_it_in_order() {
    const NUM_CALLS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = sandbox(folder.path(), |config| config.alerts.storm_max = 1_000).await;
    let (mut cursor, mut cursors, mut seen) = (0, Vec::new(), Vec::new());
    for round in 0..4 {
        let mut calls = sandbox.client().await;
        for number in 0..NUM_CALLS / 4 {
            import(&mut calls, chat(&format!("c{round}-{number}"), "我要投诉")).await;
        }
        // Comes, takes a few, goes away without a word, and comes back; the last time of all it takes the rest.
        let mut alerts = alert_client(&sandbox).await;
        let until = if round == 3 { NUM_CALLS } else { round * 10 + 7 };
        while cursors.len() < until {
            let mut stream = watch(&mut alerts, cursor).await;
            for _ in 0..(until - cursors.len()).min(3) {
                let (event, alert) = next(&mut stream).await;
                cursor = event.cursor;
                cursors.push(event.cursor);
                seen.push(alert.call_id);
            }
        }
        if round % 2 == 1 {
            sandbox.restart().await;
        }
    }
    assert_eq!(cursors, (1..=NUM_CALLS as u64).collect::<Vec<_>>());
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), NUM_CALLS, "every call once");
    // Whoever begins now is told where that is, and sees only what comes.
    let mut alerts = alert_client(&sandbox).await;
    let request = v1::WatchAlertsRequest { from_now: true, ..Default::default() };
    let mut stream = alerts.watch_alerts(request).await.unwrap().into_inner();
    let greeting = stream.message().await.unwrap().unwrap();
    assert_eq!((greeting.cursor, greeting.event), (NUM_CALLS as u64, None));
    import(&mut sandbox.client().await, chat("late", "我要投诉")).await;
    assert_eq!(next(&mut stream).await.1.call_id, "late");
}

async fn close(client: &mut AlertClient, alert_id: u64, actor: &str) -> Result<v1::Alert, tonic::Status> {
    let request = v1::CloseAlertRequest {
        alert_id,
        actor: actor.to_owned(),
        reason: v1::CloseReason::Handled.into(),
        note: "已回访".to_owned(),
        with_members: false,
    };
    Ok(client.close_alert(request).await?.into_inner().alert.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_is_kept_told_and_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = sandbox(folder.path(), |_| {}).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    import(&mut sandbox.client().await, chat("c1", "我要投诉")).await;
    next(&mut stream).await;

    let ack = |actor: &str| v1::AcknowledgeAlertRequest {
        alert_id: 1,
        actor: actor.to_owned(),
        ..Default::default()
    };
    assert_eq!(field(&alerts.acknowledge_alert(ack(" ")).await.unwrap_err()), "actor");
    alerts.acknowledge_alert(ack("王芳")).await.unwrap();
    let status = alerts.acknowledge_alert(ack("李雷")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "alert.wrong_state"));
    let assign = v1::AssignAlertRequest {
        alert_id: 1,
        actor: "王芳".to_owned(),
        assignee: "韩梅".to_owned(),
        note: "请回访".to_owned(),
    };
    alerts.assign_alert(assign).await.unwrap();
    // Many close it at once: one did, and the others are told so.
    let closers: Vec<_> = (0..8)
        .map(|number| {
            let mut alerts = alerts.clone();
            tokio::spawn(async move { close(&mut alerts, 1, &format!("p{number}")).await })
        })
        .collect();
    let mut num_closed = 0;
    for closer in closers {
        match closer.await.unwrap() {
            Ok(alert) => {
                num_closed += 1;
                assert_eq!(
                    (alert.close_reason(), alert.close_note.as_str()),
                    (v1::CloseReason::Handled, "已回访")
                );
            }
            Err(status) => assert_eq!(reason(&status), "alert.wrong_state"),
        }
    }
    assert_eq!(num_closed, 1);
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(next(&mut stream).await.0);
    }
    let kinds: Vec<Kind> = told.iter().map(|event| event.kind()).collect();
    assert_eq!(kinds, [Kind::Acknowledged, Kind::Assigned, Kind::Closed]);
    assert_eq!(
        (told[1].actor.as_str(), told[1].assignee.as_str(), told[1].note.as_str()),
        ("王芳", "韩梅", "请回访")
    );
    sandbox.restart().await;
    let mut alerts = alert_client(&sandbox).await;
    let kept = alerts.get_alert(v1::GetAlertRequest { alert_id: 1 }).await.unwrap().into_inner();
    assert_eq!(kept.history[1..], told[..], "the history is what was told");
    assert_eq!(kept.alert.unwrap().state(), v1::AlertState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_one_customer_are_damped_as_the_model_says() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), |config| config.alerts.digest_seconds = 1).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    // Longer than what is shown of them, and the same as far as that.
    let (a, b) = (format!("{}a", "c".repeat(120)), format!("{}b", "c".repeat(120)));
    let (a, b) = (a.as_str(), b.as_str());
    let expected = [
        ("first", a, 0, v1::HeldBack::Unspecified),
        ("soon", a, 30, v1::HeldBack::Quiet),
        ("other", b, 31, v1::HeldBack::Unspecified),
        ("later", a, 90, v1::HeldBack::Unspecified),
        ("third", a, 200, v1::HeldBack::TooMany),
        ("next-day", a, 1_600, v1::HeldBack::Unspecified),
    ];
    let mut held = BTreeSet::new();
    let mut digested = BTreeSet::new();
    for (call_id, customer, minutes, why) in expected {
        import(&mut calls, chat_of(call_id, "我要曝光", customer, minutes)).await;
        let alert = loop {
            let (_, alert) = next(&mut stream).await;
            match &alert.digest {
                Some(digest) => digested.extend(digest.alert_ids.clone()),
                None => break alert,
            }
        };
        assert_eq!((alert.call_id.as_str(), alert.held_back()), (call_id, why));
        if why != v1::HeldBack::Unspecified {
            held.insert(alert.alert_id);
        }
    }
    while digested != held {
        let digest = next(&mut stream).await.1.digest.expect("only digests are still to come");
        digested.extend(digest.alert_ids);
    }
    let member = *held.first().unwrap();
    let alert = alerts.get_alert(v1::GetAlertRequest { alert_id: member }).await.unwrap().into_inner().alert;
    let digest_id = alert.unwrap().digest_id;
    let request = v1::CloseAlertRequest {
        alert_id: digest_id,
        actor: "王芳".to_owned(),
        reason: v1::CloseReason::Duplicate.into(),
        with_members: true,
        ..Default::default()
    };
    let response = alerts.close_alert(request).await.unwrap().into_inner();
    assert_eq!(response.num_members as usize, response.alert.unwrap().digest.unwrap().alert_ids.len());
    let alert = alerts.get_alert(v1::GetAlertRequest { alert_id: member }).await.unwrap().into_inner().alert;
    assert_eq!(alert.unwrap().state(), v1::AlertState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_damped_and_loses_no_alert() {
    const NUM_CALLS: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let receiver = HttpReceiver::start();
    let config = receiver.config("risk", ReceiverKind::Json);
    let mut sandbox = sandbox(folder.path(), |settings| {
        settings.alerts.storm_max = 5;
        settings.alerts.storm_seconds = 3_600;
        settings.alerts.digest_seconds = 1;
        settings.alerts.receiver = vec![config];
    })
    .await;
    let mut calls = sandbox.client().await;
    for number in 0..NUM_CALLS {
        import(&mut calls, chat(&format!("c{number:03}"), "我要投诉")).await;
        if number == NUM_CALLS / 2 {
            // What waits for its digest waits through the end of the server.
            sandbox.restart().await;
            calls = sandbox.client().await;
        }
    }
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let (mut single, mut held, mut digested) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut called = BTreeSet::new();
    while single.len() + digested.len() < NUM_CALLS {
        let (event, alert) = next(&mut stream).await;
        match (event.kind(), alert.digest) {
            (Kind::Raised, Some(digest)) => {
                assert_eq!(digest.num_storm as usize, digest.alert_ids.len());
                for id in digest.alert_ids {
                    assert!(digested.insert(id), "{id} is in two digests");
                }
            }
            (Kind::Raised, None) => assert!(single.insert(alert.alert_id) && called.insert(alert.call_id)),
            (Kind::HeldBack, None) => assert!(held.insert(alert.alert_id) && called.insert(alert.call_id)),
            (kind, _) => panic!("{kind:?}"),
        }
    }
    assert_eq!((single.len(), called.len()), (5, NUM_CALLS));
    assert_eq!(held, digested, "what did not go out is in a digest, once");
    // The receiver has far fewer messages, and in them every alert.
    let got = receiver.wait(|got| {
        let told: BTreeSet<u64> = got.iter().flat_map(told_alerts).collect();
        single.union(&digested).all(|id| told.contains(id))
    });
    assert!(got.len() < 60, "{} messages", got.len());
}

/// The alerts that a message tells of, one by one or in a digest.
fn told_alerts(message: &crate::alert_support::Message) -> Vec<u64> {
    let mut told = Vec::new();
    for event in message.json()["events"].as_array().unwrap() {
        told.extend(event["alert"]["id"].as_u64());
        let members = event["alert"]["digest"]["alerts"].as_array();
        told.extend(members.into_iter().flatten().filter_map(serde_json::Value::as_u64));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_acknowledges_in_time_is_escalated() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = HttpReceiver::start();
    let mut config = receiver.config("boss", ReceiverKind::Json);
    (config.alerts, config.escalations) = (false, true);
    let sandbox = sandbox(folder.path(), |settings| {
        settings.alerts.escalate_seconds = [(Level::S1, 1)].into();
        settings.alerts.receiver = vec![config];
    })
    .await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    // S2 has no deadline, and what is closed at once needs none.
    import(&mut calls, chat("no-deadline", "我要曝光")).await;
    next(&mut stream).await;
    import(&mut calls, chat("closed", "我要投诉")).await;
    let closed = next(&mut stream).await.1.alert_id;
    close(&mut alerts, closed, "王芳").await.unwrap();
    import(&mut calls, chat("late", "我要投诉")).await;
    let late = loop {
        let (event, alert) = next(&mut stream).await;
        assert_ne!((event.kind(), event.alert_id), (Kind::Escalated, closed));
        if event.kind() == Kind::Escalated {
            assert_eq!((alert.call_id.as_str(), alert.state()), ("late", v1::AlertState::Escalated));
            break alert;
        }
    };
    let got = receiver.wait(|got| !got.is_empty());
    assert_eq!(got[0].events(), [(late.alert_id, "escalated".to_owned())]);
    // It can still be dealt with, and does not escalate twice.
    close(&mut alerts, late.alert_id, "王芳").await.unwrap();
    assert_eq!(next(&mut stream).await.0.kind(), Kind::Closed);
}

async fn rescore(sandbox: &crate::sandbox::Sandbox, pack: &str) {
    let mut jobs = ReprocessServiceClient::new(sandbox.channel().await);
    let file = v1::PackFile { name: "pack.toml".to_owned(), text: pack.to_owned() };
    let pack = Some(v1::RulePack { files: vec![file] });
    let job =
        jobs.start_rescore(v1::StartRescoreRequest { selection: None, pack }).await.unwrap().into_inner().job;
    let request = v1::WatchJobRequest { job_id: job.unwrap().job_id };
    let mut updates = jobs.watch_job(request).await.unwrap().into_inner();
    while updates.message().await.unwrap().is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn judged_again_an_alert_is_withdrawn_and_comes_back_but_is_never_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), |_| {}).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    import(&mut calls, chat("c1", "我要投诉")).await;
    import(&mut calls, chat("c2", "我要投诉，我要举报")).await;
    next(&mut stream).await;
    next(&mut stream).await;
    let (pack, other) = packs();
    rescore(&sandbox, &other).await;
    let (event, alert) = next(&mut stream).await;
    assert_eq!((event.kind(), alert.call_id.as_str()), (Kind::Withdrawn, "c1"));
    rescore(&sandbox, &pack).await;
    let (event, alert) = next(&mut stream).await;
    assert_eq!((event.kind(), alert.call_id.as_str()), (Kind::Reinstated, "c1"));
    assert_eq!(alert.state(), v1::AlertState::Open);
    assert_eq!(all_alerts(&mut alerts).await.len(), 2);

    // With the call goes what was said in it; that there was an alert stays.
    calls.delete_call(v1::DeleteCallRequest { call_id: "c1".to_owned() }).await.unwrap();
    let (event, alert) = next(&mut stream).await;
    assert_eq!((event.kind(), alert.state()), (Kind::Erased, v1::AlertState::Withdrawn));
    assert!(alert.samples.is_empty());
    // The same name again is another call, and alerts again.
    import(&mut calls, chat("c1", "我要投诉")).await;
    let (event, alert) = next(&mut stream).await;
    assert_eq!((event.kind(), alert.alert_id, alert.call_id.as_str()), (Kind::Raised, 3, "c1"));
    assert_eq!(ended(&mut calls, "c1").await.state(), v1::CallState::Done);
}
