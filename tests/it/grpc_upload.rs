//! `UploadCall`: idempotency, every refusal, limits, and what is left behind: nothing.

use std::time::Duration;

use diting::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::sandbox::{
    Client, Sandbox, chunk_part, field, header, header_part, parts, reason, recording, upload, upload_done,
};

async fn refused(client: &mut Client, parts: Vec<v1::UploadCallRequest>) -> Status {
    client.upload_call(tokio_stream::iter(parts)).await.expect_err("it is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_acknowledged_with_what_is_stored() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let bytes = recording(1);
    let metadata = v1::CallMetadata { agent_id: "8021".to_owned(), ..Default::default() };
    let header = v1::UploadCallHeader { metadata: Some(metadata), ..header("call-1") };
    let response = upload(&mut client, header, &bytes).await.expect("it is taken");
    assert!(!response.already_present);
    let call = response.call.expect("there is a call");
    assert_eq!(call.call_id, "call-1");
    assert_eq!(call.metadata.expect("there is metadata").agent_id, "8021");
    let stored = call.recording.expect("there is a recording");
    assert_eq!((stored.num_bytes, stored.sha256.len()), (bytes.len() as u64, 64));
    assert!(call.received_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_twice_is_one_call() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    upload_done(&mut client, header("call-1"), 1).await;
    let again = upload(&mut client, header("call-1"), &recording(1)).await.expect("it is known");
    assert!(again.already_present);
    assert_eq!(again.call.map(|call| call.state()), Some(v1::CallState::Done));
    let page = client.list_calls(v1::ListCallsRequest::default()).await.expect("it lists").into_inner();
    assert_eq!(page.calls.len(), 1);
    assert_eq!(sandbox.recordings().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_the_same_id_conflict() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    upload_done(&mut client, header("call-1"), 1).await;
    let status = upload(&mut client, header("call-1"), &recording(2)).await.expect_err("it conflicts");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "ingest.conflict"));
    assert_eq!(sandbox.recordings().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_out_of_order_are_refused() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let none = v1::UploadCallRequest { part: None };
    let cases = [
        (vec![], "upload.header_missing"),
        (vec![chunk_part(b"RIFF")], "upload.header_missing"),
        (vec![header_part(header("a")), header_part(header("a"))], "upload.header_repeated"),
        (
            vec![header_part(header("a")), chunk_part(b"RIFF"), header_part(header("a"))],
            "upload.header_repeated",
        ),
        (vec![none.clone()], "upload.part_missing"),
        (vec![header_part(header("a")), none], "upload.part_missing"),
        (vec![header_part(header("a"))], "ingest.empty"),
        (vec![header_part(header("a")), chunk_part(b"")], "ingest.empty"),
    ];
    for (parts, expected) in cases {
        let status = refused(&mut client, parts).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, expected));
    }
    assert!(sandbox.is_empty().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_makes_no_sense_is_refused_by_field() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let audio = v1::AudioDeclaration { codec: v1::AudioCodec::Alaw.into(), ..Default::default() };
    let metadata = v1::CallMetadata { media: 77, ..Default::default() };
    let cases = [
        (header("a/b"), "call_id"),
        (header("../../etc/passwd"), "call_id"),
        (header(""), "call_id"),
        (header(&"x".repeat(129)), "call_id"),
        (v1::UploadCallHeader { audio: Some(audio), ..header("a") }, "audio.rate_hz"),
        (v1::UploadCallHeader { metadata: Some(metadata), ..header("a") }, "metadata.media"),
    ];
    for (header, expected) in cases {
        let status = refused(&mut client, parts(header, b"RIFF")).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "request.invalid_field")
        );
        assert_eq!(field(&status), expected);
    }
    assert!(sandbox.is_empty().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    for excess in [1, 4 << 20] {
        let chunk = vec![0; (1 << 20) + excess];
        let status = refused(&mut client, vec![header_part(header("a")), chunk_part(&chunk)]).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "upload.chunk_too_large")
        );
    }
    assert!(sandbox.is_empty().await);
    let chunk = vec![0; 1 << 20];
    let messages = tokio_stream::iter([header_part(header("a")), chunk_part(&chunk)]);
    client.upload_call(messages).await.expect("it is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_over_the_limit_is_refused_while_it_comes() {
    let sandbox = Sandbox::start_with(|config| config.ingest.max_recording_bytes = 1 << 20).await;
    let mut client = sandbox.client().await;
    // Far more than the connection buffers: the refusal must come in the middle.
    let endless = futures::stream::iter(
        std::iter::once(header_part(header("a"))).chain((0..3 << 10).map(|_| chunk_part(&[0; 1 << 20]))),
    );
    let status = client.upload_call(endless).await.expect_err("it is refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "ingest.too_large"));
    assert!(sandbox.is_empty().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing() {
    let sandbox = Sandbox::start_with(|config| config.serve.max_uploads = 1).await;
    let (sender, receiver) = mpsc::channel(1);
    let mut client = sandbox.client().await;
    let upload = tokio::spawn(async move { client.upload_call(ReceiverStream::new(receiver)).await });
    sender.send(header_part(header("a"))).await.expect("it is read");
    for _ in 0..8 {
        sender.send(chunk_part(&[0; 1 << 16])).await.expect("it is read");
    }
    // It has its place for certain once bytes of it are there; before, another one could take the place first.
    while sandbox.recordings().is_empty() {
        tokio::task::yield_now().await;
    }
    let mut other = sandbox.client().await;
    while upload_small(&mut other, "b").await.is_ok() {
        tokio::task::yield_now().await;
    }
    upload.abort();
    assert!(upload.await.expect_err("it was aborted").is_cancelled());
    // The one upload that is allowed at a time is free again when the first is gone entirely.
    let mut client = sandbox.client().await;
    while let Err(status) = upload_small(&mut client, "b").await {
        assert_eq!(reason(&status), "upload.too_many");
        tokio::task::yield_now().await;
    }
    let left = sandbox.recordings();
    assert_eq!(left.len(), 1, "{left:?}");
    let status =
        client.get_call(v1::GetCallRequest { call_id: "a".to_owned() }).await.expect_err("it never was");
    assert_eq!(status.code(), Code::NotFound);
    // Dropped earlier, it would end the stream in good order, and the upload would be whole.
    drop(sender);
}

async fn upload_small(client: &mut Client, call_id: &str) -> Result<v1::UploadCallResponse, Status> {
    upload(client, header(call_id), b"not audio, but bytes").await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upload_too_many_is_told_when_to_come_back() {
    let sandbox = Sandbox::start_with(|config| config.serve.max_uploads = 1).await;
    let (sender, receiver) = mpsc::channel(1);
    let mut client = sandbox.client().await;
    let first = tokio::spawn(async move { client.upload_call(ReceiverStream::new(receiver)).await });
    let mut client = sandbox.client().await;
    sender.send(header_part(header("a"))).await.expect("it is read");
    // It has its place for certain once there is a file for it; before, another one could take the place first.
    while sandbox.recordings().is_empty() {
        tokio::task::yield_now().await;
    }
    let status = upload_small(&mut client, "b").await.expect_err("there is one place");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "upload.too_many"));
    let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_secs(1)));
    sender.send(chunk_part(b"bytes")).await.expect("it is read");
    drop(sender);
    first.await.expect("it does not panic").expect("the first is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_stands_still_is_ended() {
    let sandbox = Sandbox::start_with(|config| config.serve.upload_idle_secs = 1).await;
    let mut client = sandbox.client().await;
    let (sender, receiver) = mpsc::channel(1);
    sender.send(header_part(header("a"))).await.expect("there is room");
    let status = client.upload_call(ReceiverStream::new(receiver)).await.expect_err("it is ended");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "upload.stalled"));
    drop(sender);
    assert!(sandbox.is_empty().await);
}
