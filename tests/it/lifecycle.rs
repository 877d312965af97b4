//! Start, stop, restart; health and reflection.

use diting::proto::v1;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::alert_support::{chat, import};
use crate::sandbox::{Sandbox, ended, header, reason, recording, upload, upload_done};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_and_goes_on_with_what_was_begun() {
    let mut sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    upload_done(&mut client, header("done"), 1).await;
    let request = v1::GetCallReportRequest { call_id: "done".to_owned() };
    let before = client.get_call_report(request.clone()).await.expect("it is done").into_inner();
    sandbox.gate.shut();
    upload(&mut client, header("begun"), &recording(2)).await.expect("it is taken");
    sandbox.restart().await;
    sandbox.gate.open();

    let mut client = sandbox.client().await;
    let after = client.get_call_report(request).await.expect("it is done").into_inner();
    assert_eq!(after, before);
    assert_eq!(ended(&mut client, "begun").await.state(), v1::CallState::Done);
    let again = upload(&mut client, header("begun"), &recording(2)).await.expect("it is known");
    assert!(again.already_present);
    assert_eq!(sandbox.recordings().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_watches_and_says_so() {
    let mut sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    sandbox.gate.shut();
    upload(&mut client, header("call-1"), &recording(1)).await.expect("it is taken");
    let request = v1::WatchCallRequest { call_id: "call-1".to_owned() };
    let mut updates = client.watch_call(request).await.expect("it is watched").into_inner();
    updates.message().await.expect("it is watched").expect("there is a state");
    sandbox.begin_stop();
    let status = loop {
        match updates.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch ended as if the call had"),
            Err(status) => break status,
        }
    };
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "serve.shutting_down"));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_when_the_service_drains() {
    let mut sandbox = Sandbox::start().await;
    let mut health = HealthClient::new(sandbox.channel().await);
    for service in ["", "diting.v1.CallService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.expect("it is known").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
    let request = HealthCheckRequest { service: "diting.v1.CallService".to_owned() };
    let mut watched = health.watch(request).await.expect("it is watched").into_inner();
    let now = watched.message().await.expect("it is told").expect("there is a status");
    assert_eq!(now.status(), ServingStatus::Serving);
    sandbox.begin_stop();
    let then = watched.message().await.expect("it is told").expect("there is a status");
    assert_eq!(then.status(), ServingStatus::NotServing);
    drop((watched, health));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_when_the_text_index_fails_and_when_it_is_mended() {
    let sandbox = Sandbox::start().await;
    let mut health = HealthClient::new(sandbox.channel().await);
    let asked = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let mut watched = health.watch(asked("diting.v1.CallService")).await.expect("it is watched").into_inner();
    let mut next = async || watched.message().await.expect("it is told").expect("there is a status").status();
    while next().await != ServingStatus::Serving {}
    // A file where the folder of the index was: it can be neither written nor made anew.
    let folder = sandbox.config.store.data_dir.join("search");
    std::fs::remove_dir_all(&folder).expect("it was there");
    std::fs::write(&folder, "in its place").expect("it is written");
    import(&mut sandbox.client().await, chat("c1", "我要投诉")).await;
    while next().await != ServingStatus::NotServing {}
    for service in ["", "diting.v1.AlertService", "diting.v1.ReviewService"] {
        let answer = health.check(asked(service)).await.expect("it is known").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "`{service}` does not rest on it");
    }
    std::fs::remove_file(&folder).expect("it is removed");
    // It is made anew by itself.
    while next().await != ServingStatus::Serving {}
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_public_services() {
    let sandbox = Sandbox::start().await;
    let mut reflection = ServerReflectionClient::new(sandbox.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = reflection
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .expect("it answers")
        .into_inner();
    let answer = answers.message().await.expect("it answers").expect("there is an answer");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("it answers something else: {answer:?}");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "diting.v1.AlertService",
            "diting.v1.CallService",
            "diting.v1.CentreService",
            "diting.v1.InsightService",
            "diting.v1.OpinionService",
            "diting.v1.PrivacyService",
            "diting.v1.ReportService",
            "diting.v1.ReprocessService",
            "diting.v1.ReviewService",
            "diting.v1.TopicService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_answers_older_clients_too() {
    use tonic_reflection::pb::v1alpha;
    let sandbox = Sandbox::start().await;
    let mut reflection =
        v1alpha::server_reflection_client::ServerReflectionClient::new(sandbox.channel().await);
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            "diting.v1.CallService".to_owned(),
        )),
    };
    let answers = reflection.server_reflection_info(tokio_stream::iter([request])).await.expect("it answers");
    let answer = answers.into_inner().message().await.expect("it answers").expect("there is an answer");
    let Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(found)) =
        answer.message_response
    else {
        panic!("it answers something else: {answer:?}");
    };
    assert!(!found.file_descriptor_proto.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_on_the_same_data_is_refused() {
    let sandbox = Sandbox::start().await;
    let mut config = sandbox.config.clone();
    config.serve.listen = ([127, 0, 0, 1], 0).into();
    let error = diting::app::Service::start_with(&config, |_| unreachable!("the store comes first"))
        .await
        .expect_err("the data directory is taken");
    assert_eq!(diting::error::Classify::reason(&error), "store.locked");
}
