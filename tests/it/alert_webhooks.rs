//! Receivers over HTTP: signed, tried again, given up, sent after all, and none waits for another.

use std::collections::BTreeSet;

use diting::alert::{Hidden, ReceiverConfig, ReceiverKind};
use diting::proto::v1;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::alert_support::{
    AlertClient, HttpReceiver, Message, alert_client, all_alerts, chat, chat_of, import, next, sandbox, watch,
};
use crate::command;
use crate::sandbox::reason;

fn signed(config: ReceiverConfig, secret: &str) -> ReceiverConfig {
    ReceiverConfig { secret: Some(Hidden::new(secret)), ..config }
}

/// Whether a receiver that knows `secret` believes the message.
fn is_believed(message: &Message, secret: &str) -> bool {
    let header = message.header("X-Diting-Signature");
    let Some((time, signature)) = header.split_once(",v1=") else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(time.strip_prefix("t=").unwrap().as_bytes());
    mac.update(b".");
    mac.update(&message.body);
    mac.verify_slice(&hex::decode(signature).unwrap()).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_signed_and_tried_again_under_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = HttpReceiver::start();
    let config = signed(receiver.config("bus", ReceiverKind::Json), "s3cret");
    receiver.answer(&[
        "500 Oops\r\n\r\n",
        "302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n",
        "429 Busy\r\nretry-after: 0\r\n\r\n",
    ]);
    let sandbox = sandbox(folder.path(), |settings| settings.alerts.receiver = vec![config]).await;
    let mut calls = sandbox.client().await;
    import(&mut calls, chat_of("c1", "我要投诉", "cust-1", 0)).await;
    let got = receiver.wait(|got| got.iter().any(|message| message.status == 200));
    assert_eq!(got.iter().map(|message| message.status).collect::<Vec<_>>(), [500, 302, 429, 200]);
    let ids: BTreeSet<&str> = got.iter().map(|message| message.header("X-Diting-Delivery")).collect();
    assert_eq!(ids.len(), 1, "one message, however often it is tried");
    for message in &got {
        assert!(is_believed(message, "s3cret"));
        assert!(!is_believed(message, "another"));
    }
    let json = got[3].json();
    assert_eq!(
        (&json["version"], &json["receiver"], &json["test"]),
        (&1.into(), &"bus".into(), &false.into())
    );
    let event = &json["events"][0];
    assert_eq!((&event["cursor"], &event["kind"]), (&1.into(), &"raised".into()));
    let alert = &event["alert"];
    assert_eq!((&alert["call_id"], &alert["level"]), (&"c1".into(), &"S1".into()));
    assert_eq!((&alert["customer_ref"], &alert["state"]), (&"cust-1".into(), &"open".into()));
    assert_eq!(alert["samples"][0]["quote"], "我要【投诉】");
}

async fn dead_letters(client: &mut AlertClient, with_delivered: bool) -> Vec<v1::DeadLetter> {
    let request = v1::ListDeadLettersRequest { with_delivered, ..Default::default() };
    client.list_dead_letters(request).await.unwrap().into_inner().dead_letters
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_keeps_no_other_waiting_and_its_letters_wait_for_it() {
    const NUM_CALLS: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let (broken, sound) = (HttpReceiver::start(), HttpReceiver::start());
    // A robot that answers 200 and says no in the answer.
    broken.always_answer(Some("200 OK\r\n\r\n{\"errcode\":310000,\"errmsg\":\"sign not match\"}"));
    let configs = vec![
        ReceiverConfig {
            max_per_minute: Some(10_000),
            ..signed(broken.config("group", ReceiverKind::Dingtalk), "SEC1")
        },
        sound.config("bus", ReceiverKind::Json),
    ];
    let mut sandbox = sandbox(folder.path(), |settings| {
        settings.alerts.receiver = configs;
        settings.alerts.retry.max_tries = 3;
        settings.alerts.storm_max = 1_000;
    })
    .await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    for number in 0..NUM_CALLS {
        import(&mut calls, chat(&format!("c{number}"), "我要投诉")).await;
        next(&mut stream).await;
    }
    let got = sound.wait(|got| got.iter().flat_map(Message::events).count() as u64 >= NUM_CALLS);
    let told: Vec<u64> = got.iter().flat_map(Message::events).map(|(alert, _)| alert).collect();
    assert_eq!(told, (1..=NUM_CALLS).collect::<Vec<_>>(), "in order, each once");

    // Every letter was tried three times, and together they hold every alert.
    let every: BTreeSet<u64> = (1..=NUM_CALLS).collect();
    let letters = loop {
        let letters = dead_letters(&mut alerts, false).await;
        let held: BTreeSet<u64> = letters.iter().flat_map(|letter| letter.alert_ids.clone()).collect();
        if held == every {
            break letters;
        }
        // A letter is kept after its last try arrived, so there is nothing at the receiver to wait for.
        tokio::task::yield_now().await;
    };
    for letter in &letters {
        assert_eq!((letter.receiver.as_str(), letter.num_tries), ("group", 3));
        assert_eq!(letter.problem, "the robot answered with code 310000");
    }
    let got = broken.wait(|got| got.len() >= letters.len() * 3);
    assert!(
        got[0].target.contains("?key=k3y&timestamp=") && got[0].target.contains("&sign="),
        "{}",
        got[0].target
    );

    // Nothing of the address or the secret is in what is told.
    let first = letters.last().unwrap();
    let retry = v1::RetryDeadLetterRequest { dead_letter_id: first.dead_letter_id };
    let status = alerts.retry_dead_letter(retry).await.unwrap_err();
    assert_eq!(reason(&status), "alert.not_taken");
    assert!(!format!("{status:?}{letters:?}").contains("k3y"));
    sandbox.restart().await;
    broken.always_answer(None);
    let mut alerts = alert_client(&sandbox).await;
    let letter = alerts.retry_dead_letter(retry).await.unwrap().into_inner().dead_letter.unwrap();
    assert_eq!((letter.num_tries, letter.delivered_at.is_some()), (5, true));
    assert_eq!(reason(&alerts.retry_dead_letter(retry).await.unwrap_err()), "alert.delivered");
    assert_eq!(dead_letters(&mut alerts, false).await.len(), letters.len() - 1);
    assert_eq!(dead_letters(&mut alerts, true).await.len(), letters.len());
    // And what is new goes out.
    let seen = broken.wait(|_| true).len();
    import(&mut sandbox.client().await, chat("new", "我要投诉")).await;
    let got = broken.wait(|got| got.len() > seen);
    assert!(got[seen].json()["markdown"]["text"].as_str().unwrap().contains("new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_gets_few_messages_with_many_alerts() {
    const NUM_CALLS: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let receiver = HttpReceiver::start();
    receiver.hold(true);
    let config = ReceiverConfig { max_per_minute: Some(10), ..receiver.config("group", ReceiverKind::Wecom) };
    let sandbox = sandbox(folder.path(), |settings| {
        settings.alerts.receiver = vec![config];
        settings.alerts.storm_max = 1_000;
    })
    .await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    for number in 0..NUM_CALLS {
        import(&mut calls, chat(&format!("call-{number:02}."), "我要投诉")).await;
        next(&mut stream).await;
    }
    receiver.hold(false);
    let contents = |got: &[Message]| -> Vec<String> {
        got.iter().map(|one| one.json()["markdown"]["content"].as_str().unwrap().to_owned()).collect()
    };
    let is_told = |got: &[Message], number: usize| {
        contents(got).iter().any(|content| content.contains(&format!("call-{number:02}.")))
    };
    let got = receiver.wait(|got| (0..NUM_CALLS).all(|number| is_told(got, number)));
    assert!(got.len() <= 10, "as many as the group allows: {}", got.len());
    assert!(contents(&got).iter().all(|content| content.len() <= 4_096));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_gets_what_it_asks_for_and_can_be_tested() {
    let folder = tempfile::tempdir().unwrap();
    let (media, people, team) = (HttpReceiver::start(), HttpReceiver::start(), HttpReceiver::start());
    let configs = vec![
        ReceiverConfig { risks: vec!["R2".to_owned()], ..media.config("media", ReceiverKind::Json) },
        ReceiverConfig { changes: true, alerts: false, ..people.config("people", ReceiverKind::Json) },
        ReceiverConfig {
            teams: vec!["理财一组".to_owned()], ..team.config("team", ReceiverKind::Feishu)
        },
    ];
    let sandbox = sandbox(folder.path(), |settings| settings.alerts.receiver = configs).await;
    let mut calls = sandbox.client().await;
    import(&mut calls, chat("c1", "我要投诉")).await;
    let mut other = chat("c2", "我要曝光");
    other.metadata.as_mut().unwrap().team = "信用卡组".to_owned();
    import(&mut calls, other).await;
    let got = media.wait(|got| !got.is_empty());
    assert_eq!(got[0].json()["events"][0]["alert"]["call_id"], "c2");
    let got = team.wait(|got| !got.is_empty());
    assert_eq!(got[0].json()["card"]["header"]["title"]["content"], "【S1 预警】投诉升级");
    let mut alerts = alert_client(&sandbox).await;
    let ack = v1::AcknowledgeAlertRequest { alert_id: 1, actor: "王芳".to_owned(), ..Default::default() };
    alerts.acknowledge_alert(ack).await.unwrap();
    let got = people.wait(|got| !got.is_empty());
    assert_eq!(got[0].events(), [(1, "acknowledged".to_owned())]);
    assert_eq!(got[0].json()["events"][0]["actor"], "王芳");

    let test = |receiver: &str| v1::TestReceiverRequest { receiver: receiver.to_owned() };
    alerts.test_receiver(test("media")).await.unwrap();
    let got = media.wait(|got| got.len() > 1);
    assert_eq!((&got[1].json()["test"], got[1].events().len()), (&true.into(), 0));
    assert_eq!(reason(&alerts.test_receiver(test("nobody")).await.unwrap_err()), "alert.no_receiver");
    media.always_answer(Some("503 Away\r\n\r\n"));
    let status = alerts.test_receiver(test("media")).await.unwrap_err();
    assert_eq!(reason(&status), "alert.not_taken");
    assert_eq!(all_alerts(&mut alerts).await.len(), 2);
    assert_eq!(team.wait(|_| true).len(), 1, "alerts of other teams are not for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_alerts_and_deals_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = HttpReceiver::start();
    receiver.always_answer(Some("500 Oops\r\n\r\n"));
    let config = receiver.config("bus", ReceiverKind::Json);
    let sandbox = sandbox(folder.path(), |settings| {
        settings.alerts.receiver = vec![config];
        settings.alerts.retry.max_tries = 1;
    })
    .await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    import(&mut sandbox.client().await, chat("c1", "我要投诉")).await;
    next(&mut stream).await;
    let url = sandbox.url();
    let run = async |args: &[&str]| command::diting(&url, folder.path(), args).await;
    let listed = run(&["alerts", "list", "--level", "S1", "--since", "2020-01-01"]).await;
    let line = command::stdout(&listed);
    assert!(line.starts_with("#1\tS1\t待确认\t") && line.contains("客户 0:20.0：我要【投诉】"), "{line}");
    assert!(command::stderr(&listed).contains("共 1 条"));
    let acked = run(&["alerts", "ack", "1", "--as", "王芳"]).await;
    assert!(command::stdout(&acked).contains("处理中"), "{}", command::stderr(&acked));
    run(&["alerts", "assign", "1", "--to", "韩梅", "--as", "王芳"]).await;
    let twice = run(&["alerts", "ack", "1", "--as", "李雷"]).await;
    assert_eq!(twice.status.code(), Some(2));
    let told = command::stderr(&twice);
    assert!(
        told.contains("acknowledged by 王芳 since 20") && told.contains(" +08:00: it cannot be"),
        "{told}"
    );
    assert!(told.contains("alert.wrong_state"), "{told}");
    let closed =
        run(&["alerts", "close", "1", "9", "--as", "韩梅", "--reason", "false-alarm", "--note", "玩笑"])
            .await;
    assert_eq!(closed.status.code(), Some(2), "the one that is not there is told");
    assert!(command::stderr(&closed).contains("9: there is no alert 9"));
    let shown = command::stdout(&run(&["alerts", "show", "1"]).await);
    for part in [
        "已关闭",
        "已分派 · 王芳，分派给 韩梅",
        "已关闭 · 韩梅，误报，玩笑",
        "W1 监管投诉",
        "张敏（kf_1） 理财一组",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let json = command::stdout(&run(&["alerts", "show", "1", "--format", "json"]).await);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["history"].as_array().unwrap().len(), 4);

    // The letter is dead after one try; when the receiver is back, it is sent.
    while dead_letters(&mut alerts, false).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let letters = command::stdout(&run(&["alerts", "dead-letters"]).await);
    assert!(
        letters.starts_with("1\tbus\t") && letters.contains("1 次\tit answered with status 500\t#1"),
        "{letters}"
    );
    assert_eq!(run(&["alerts", "retry", "1"]).await.status.code(), Some(2));
    receiver.always_answer(None);
    let sent = command::stdout(&run(&["alerts", "retry", "1"]).await);
    assert!(sent.contains("已补发"), "{sent}");
    assert_eq!(run(&["alerts", "test", "bus"]).await.status.code(), Some(0));
}
