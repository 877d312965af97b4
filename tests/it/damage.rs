//! Single damaged entries in the store of a running service: what can be read is answered, what cannot is told, and
//! nothing is written over it.

use diting::proto::v1;
use diting::proto::v1::review_service_client::ReviewServiceClient;
use diting::store::Family;

use crate::alert_support::{alert_client, chat, chat_of, import, next, sandbox, watch};
use crate::command::{diting, stderr, stdout};
use crate::sandbox::reason;

fn list() -> v1::ListAlertsRequest {
    v1::ListAlertsRequest { page_size: 2, ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_damaged_alert_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = sandbox(folder.path(), |_| {}).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    for number in 1..=5 {
        import(&mut calls, chat(&format!("c{number}"), "我要投诉")).await;
        assert_eq!(next(&mut stream).await.1.alert_id, number);
    }
    // While it runs: found out by whoever asks. The last of all, so that its number is the next to be given.
    sandbox.damage(Family::Alert, &5_u64.to_be_bytes());
    let page = alerts.list_alerts(list()).await.unwrap().into_inner();
    let told = |page: &v1::ListAlertsResponse| page.alerts.iter().map(|one| one.alert_id).collect::<Vec<_>>();
    assert_eq!((told(&page), page.total, page.num_damaged), (vec![4], 4, 1));
    let page_token = page.next_page_token;
    let page = alerts.list_alerts(v1::ListAlertsRequest { page_token, ..list() }).await.unwrap().into_inner();
    assert_eq!((told(&page), page.total, page.num_damaged), (vec![3, 2], 4, 1));
    let printed = diting(&sandbox.url(), folder.path(), &["alerts", "list"]).await;
    assert_eq!(stdout(&printed).lines().count(), 4, "{}", stdout(&printed));
    assert!(stderr(&printed).contains("1 条预警已损坏"), "{}", stderr(&printed));
    let status = alerts.get_alert(v1::GetAlertRequest { alert_id: 5 }).await.expect_err("it is damaged");
    assert_eq!(reason(&status), "store.corrupt");

    // A step in the history of another one: the rest of it is shown.
    let acknowledge =
        v1::AcknowledgeAlertRequest { alert_id: 2, actor: "王芳".into(), ..Default::default() };
    let (event, _) = {
        alerts.acknowledge_alert(acknowledge).await.unwrap();
        next(&mut stream).await
    };
    sandbox.damage(Family::AlertEvent, &event.cursor.to_be_bytes());
    let one = alerts.get_alert(v1::GetAlertRequest { alert_id: 2 }).await.unwrap().into_inner();
    assert_eq!((one.history.len(), one.num_damaged), (1, 1));

    // Found out at the start; what was given before is not given again, alert, event or dead letter.
    sandbox.damage(Family::DeadLetter, &1_u64.to_be_bytes());
    sandbox.restart().await;
    let mut alerts = alert_client(&sandbox).await;
    let page = alerts.list_alerts(list()).await.unwrap().into_inner();
    assert_eq!((told(&page), page.total, page.num_damaged), (vec![4, 3], 4, 1));
    let letters = alerts.list_dead_letters(v1::ListDeadLettersRequest::default()).await.unwrap().into_inner();
    assert_eq!((letters.dead_letters.len(), letters.num_damaged), (0, 1));
    let mut stream = watch(&mut alerts, event.cursor).await;
    import(&mut sandbox.client().await, chat("c6", "我要投诉")).await;
    let (raised, alert) = next(&mut stream).await;
    assert_eq!((raised.cursor, alert.alert_id), (event.cursor + 1, 6));
    for (family, number) in [(Family::Alert, 5), (Family::AlertEvent, event.cursor), (Family::DeadLetter, 1)]
    {
        let kept = sandbox.store().document::<u8>(family, &u64::to_be_bytes(number)).unwrap();
        assert_eq!(kept, Some(7), "{family:?} {number} is as it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_closed_with_those_of_its_alerts_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), |config| config.alerts.digest_seconds = 1).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    // The first goes out, the others wait: for the same customer, within the quiet interval. All at once into one digest.
    import(&mut calls, chat_of("c0", "我要曝光", "customer", 0)).await;
    assert!(next(&mut stream).await.1.digest.is_none(), "an alert of its own");
    for number in 1..4_i64 {
        import(&mut calls, chat_of(&format!("c{number}"), "我要曝光", "customer", number)).await;
    }
    let mut members = Vec::new();
    let mut digests = Vec::new();
    while members.len() < 3 {
        let (_, alert) = next(&mut stream).await;
        if let Some(digest) = alert.digest {
            members.extend(digest.alert_ids.iter().copied());
            digests.push((alert.alert_id, digest.alert_ids));
        }
    }
    let damaged = members[1];
    sandbox.damage(Family::Alert, &damaged.to_be_bytes());
    let (mut num_members, mut num_damaged) = (0, 0);
    for (alert_id, _) in &digests {
        let request = v1::CloseAlertRequest {
            alert_id: *alert_id,
            actor: "王芳".to_owned(),
            reason: v1::CloseReason::Handled.into(),
            with_members: true,
            ..Default::default()
        };
        let answer = alerts.close_alert(request).await.expect("it is closed").into_inner();
        assert_eq!(answer.alert.unwrap().state(), v1::AlertState::Closed);
        num_members += answer.num_members;
        num_damaged += answer.num_damaged;
    }
    assert_eq!((num_members, num_damaged), (2, 1));
    for member in members.into_iter().filter(|member| *member != damaged) {
        let request = v1::GetAlertRequest { alert_id: member };
        let alert = alerts.get_alert(request).await.unwrap().into_inner().alert.unwrap();
        assert_eq!(alert.state(), v1::AlertState::Closed);
    }
    assert_eq!(sandbox.store().document::<u8>(Family::Alert, &damaged.to_be_bytes()).unwrap(), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_is_shown_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), |_| {}).await;
    let mut calls = sandbox.client().await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    import(&mut calls, chat("c1", "我要投诉")).await;
    // Then it is done.
    next(&mut stream).await;
    let mut reviews = ReviewServiceClient::new(sandbox.channel().await);
    let (call_id, choices) = (
        "c1".to_owned(),
        vec![v1::ReviewChoice {
            rule_id: "W1".to_owned(),
            verb: v1::ReviewVerb::Confirm.into(),
            ..Default::default()
        }],
    );
    let request =
        v1::SubmitReviewRequest { call_id, reviewer: "王芳".into(), choices, ..Default::default() };
    let before = reviews.submit_review(request).await.unwrap().into_inner().review.unwrap();
    assert_eq!((before.events.len(), before.num_damaged), (2, 0));
    sandbox.damage(Family::Review, b"c1\0\0\0\0\0");
    let request = v1::GetReviewRequest { call_id: "c1".to_owned(), ..Default::default() };
    let after = reviews.get_review(request).await.unwrap().into_inner().review.unwrap();
    assert_eq!((after.events.len(), after.num_damaged, after.state()), (1, 1, v1::ReviewState::Reviewed));
    let printed = diting(&sandbox.url(), folder.path(), &["review", "show", "c1"]).await;
    assert!(stdout(&printed).contains("已复核"), "{}", stdout(&printed));
    assert!(stderr(&printed).contains("1 步经过已损坏"), "{}", stderr(&printed));
    let page = reviews.export_labels(v1::ExportLabelsRequest::default()).await.unwrap().into_inner();
    assert_eq!((page.calls.len(), page.num_damaged), (0, 1));
}
