//! Recordings that are none: each gives a clear error, the service stays up, nothing is left half-stored.

use diting::proto::v1;
use tonic::Code;

use crate::sandbox::{
    Client, Sandbox, chunk_part, ended, header, header_part, reason, recording, upload, upload_done,
};

/// The reason for which `bytes` fail, after which the call is deleted and nothing of it may be left.
async fn failure(sandbox: &Sandbox, header: v1::UploadCallHeader, bytes: &[u8]) -> v1::Failure {
    let mut client = sandbox.client().await;
    let call_id = header.call_id.clone();
    upload(&mut client, header, bytes).await.expect("bytes are taken as they come");
    let last = ended(&mut client, &call_id).await;
    assert_eq!(last.state(), v1::CallState::Failed, "{call_id}");
    let failure = last.failure.expect("it says why");
    let stored = client.get_call(v1::GetCallRequest { call_id: call_id.clone() }).await.expect("it is known");
    assert_eq!(stored.into_inner().call.expect("there is a call").failure, Some(failure.clone()));
    let report = v1::GetCallReportRequest { call_id: call_id.clone() };
    let status = client.get_call_report(report).await.expect_err("it has no results");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "call.failed"));
    client.delete_call(v1::DeleteCallRequest { call_id }).await.expect("it is deleted");
    assert!(sandbox.is_empty().await);
    failure
}

async fn stays_up(client: &mut Client) {
    upload_done(client, header("sound"), 9).await;
    client.delete_call(v1::DeleteCallRequest { call_id: "sound".to_owned() }).await.expect("it is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_audio_fail_by_name() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    // Not random to the machine, only to a decoder: a failure here can be looked at again.
    let noise: Vec<u8> =
        (0..200_000_u64).map(|i| (i.wrapping_mul(6_364_136_223_846_793_005) >> 33) as u8).collect();
    let sound = recording(1);
    let cases: [(&str, &[u8]); 6] = [
        ("noise", &noise),
        ("text", "这不是录音。".as_bytes()),
        ("zeros", &[0; 1 << 20]),
        ("one-byte", &[0x52]),
        ("header-cut", sound.get(..20).expect("it is long enough")),
        ("only-header", sound.get(..44).expect("it is long enough")),
    ];
    for (call_id, bytes) in cases {
        let failure = failure(&sandbox, header(call_id), bytes).await;
        assert!(failure.reason.starts_with("audio."), "{call_id}: {failure:?}");
        assert!(!failure.message.is_empty());
        stays_up(&mut client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_recording_gives_what_is_there_and_says_so() {
    let sandbox = Sandbox::start().await;
    let mut client = sandbox.client().await;
    let sound = recording(1);
    let half = sound.get(..sound.len() / 2).expect("it is long enough");
    upload(&mut client, header("half"), half).await.expect("it is taken");
    assert_eq!(ended(&mut client, "half").await.state(), v1::CallState::Done);
    let request = v1::GetTranscriptRequest { call_id: "half".to_owned() };
    let transcript = client.get_transcript(request).await.expect("it is done").into_inner().transcript;
    let audio = transcript.and_then(|transcript| transcript.audio).expect("it says what the audio is");
    assert!(audio.warnings.iter().any(|warning| warning == "audio.truncated"), "{:?}", audio.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_declaration_is_refused_by_name() {
    let sandbox = Sandbox::start().await;
    let audio = v1::AudioDeclaration {
        codec: v1::AudioCodec::PcmS16le.into(),
        rate_hz: 8000,
        num_channels: 2,
        ..Default::default()
    };
    // A WAV file is not headerless, whatever is declared.
    let header = v1::UploadCallHeader { audio: Some(audio), ..header("declared") };
    let failure = failure(&sandbox, header, &recording(1)).await;
    assert!(failure.reason.starts_with("audio."), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn zeros_without_end_stop_at_the_limit() {
    let sandbox = Sandbox::start_with(|config| config.ingest.max_recording_bytes = 8 << 20).await;
    let mut client = sandbox.client().await;
    let zeros = (0..3 << 12).map(|_| chunk_part(&[0; 1 << 18]));
    let parts = tokio_stream::iter(std::iter::once(header_part(header("zeros"))).chain(zeros));
    let status = client.upload_call(parts).await.expect_err("it is refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "ingest.too_large"));
    assert!(sandbox.is_empty().await);
    stays_up(&mut sandbox.client().await).await;
}
