//! Page tokens of lists of alerts and reviews: of no other question, and of no other list.

use diting::proto::v1;
use diting::proto::v1::review_service_client::ReviewServiceClient;
use tonic::{Code, Status};

use crate::alert_support::{alert_client, chat, import, next, sandbox, watch};
use crate::sandbox::reason;

/// What every such list says to a token that is not its own.
fn assert_refused<T: std::fmt::Debug>(what: &str, answer: Result<T, Status>) {
    let status = answer.expect_err(what);
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "store.page_token"),
        "{what}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_is_of_its_question_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), |_| {}).await;
    let mut alerts = alert_client(&sandbox).await;
    let mut stream = watch(&mut alerts, 0).await;
    let mut calls = sandbox.client().await;
    let ids: Vec<String> = (1..=3).map(|number| format!("c{number}")).collect();
    for id in &ids {
        import(&mut calls, chat(id, "我要投诉")).await;
        next(&mut stream).await;
    }
    let mut reviews = ReviewServiceClient::new(sandbox.channel().await);
    let request = v1::QueueForReviewRequest { call_ids: ids, actor: "组长".to_owned(), twice: false };
    reviews.queue_for_review(request).await.unwrap();

    // All alerts, one a page, while another comes in.
    let one = |page_token| v1::ListAlertsRequest { page_size: 1, page_token, ..Default::default() };
    let page = alerts.list_alerts(one(String::new())).await.unwrap().into_inner();
    assert_eq!(page.alerts[0].alert_id, 3);
    let of_alerts = page.next_page_token;
    import(&mut calls, chat("c4", "我要投诉")).await;
    next(&mut stream).await;
    let page = alerts.list_alerts(one(of_alerts.clone())).await.unwrap().into_inner();
    assert_eq!((page.alerts[0].alert_id, page.total), (2, 4));
    let other = v1::AlertFilter { levels: vec![v1::Level::S1.into()], ..Default::default() };
    let other = v1::ListAlertsRequest { filter: Some(other), ..one(of_alerts.clone()) };
    assert_refused("another filter", alerts.list_alerts(other).await);

    let tasks = |page_token, plan_id: &str| v1::ListReviewTasksRequest {
        page_size: 2,
        page_token,
        plan_id: plan_id.to_owned(),
        ..Default::default()
    };
    let page = reviews.list_review_tasks(tasks(String::new(), "")).await.unwrap().into_inner();
    let of_tasks = page.next_page_token;
    assert_eq!((page.tasks.len(), page.num_tasks, of_tasks.is_empty()), (2, 3, false));
    let mut larger = tasks(of_tasks.clone(), "");
    larger.page_size = 50;
    let page = reviews.list_review_tasks(larger).await.unwrap().into_inner();
    assert_eq!((page.tasks[0].call_id.as_str(), page.tasks.len()), ("c3", 1), "pages may grow");
    assert_refused("another plan", reviews.list_review_tasks(tasks(of_tasks.clone(), "s1")).await);

    let damaged = of_tasks.replace('0', "1");
    for token in [of_alerts.as_str(), damaged.as_str(), "2", "no token"] {
        assert_refused(token, reviews.list_review_tasks(tasks(token.to_owned(), "")).await);
    }
    for token in [of_tasks.as_str(), damaged.as_str(), "2", "no token"] {
        let page_token = || token.to_owned();
        assert_refused(token, alerts.list_alerts(one(page_token())).await);
        let letters = v1::ListDeadLettersRequest { page_token: page_token(), ..Default::default() };
        assert_refused(token, alerts.list_dead_letters(letters).await);
        let appeals = v1::ListAppealsRequest { page_token: page_token(), ..Default::default() };
        assert_refused(token, reviews.list_appeals(appeals).await);
        let labels = v1::ExportLabelsRequest { page_token: page_token(), ..Default::default() };
        assert_refused(token, reviews.export_labels(labels).await);
    }
}
