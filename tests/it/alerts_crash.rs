//! Kills a server between scoring and delivery, again and again: every alert is stored once, and told at least once.
//!
//! The process is this test binary, asked for [`serves_until_killed`] with a data directory and the address of a
//! receiver in the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use diting::alert::{Hidden, ReceiverKind};
use diting::app::Service;
use diting::config::{Config, Layers};
use diting::proto::v1;
use diting::proto::v1::alert_service_client::AlertServiceClient;
use diting::proto::v1::call_service_client::CallServiceClient;
use diting::speech::ScriptedTranscriber;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::alert_support::{
    AlertClient, HttpReceiver, Message, all_alerts, chat, import, judge_by_pack, next, watch,
};
use crate::sandbox::Client;

const DATA_DIR: &str = "DITING_TEST_ALERT_DATA_DIR";
const RECEIVER: &str = "DITING_TEST_ALERT_RECEIVER";
const NUM_ROUNDS: usize = 15;

/// A server in a process of its own.
struct Server {
    child: Child,
    calls: Client,
    alerts: AlertClient,
}

impl Server {
    async fn start(dir: &Path, receiver: &HttpReceiver) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["alerts_crash::serves_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(DATA_DIR, dir)
            .env(RECEIVER, receiver.url().reveal())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| line.unwrap().strip_prefix("listening ").map(str::to_owned));
        let url = format!("http://{}", line.expect("it listens"));
        let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
        Self {
            child,
            calls: CallServiceClient::new(channel.clone()),
            alerts: AlertServiceClient::new(channel),
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_stores_every_alert_once_and_tells_it() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = HttpReceiver::start();
    let (mut planted, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut cursor = 0;
    for round in 0..NUM_ROUNDS {
        let mut server = Server::start(dir.path(), &receiver).await;
        // Held back: killed while a message is on its way, and while it is answered.
        receiver.hold(round % 3 == 2);
        let before = receiver.num_arrived();
        for number in 0..4 + round % 3 {
            let call_id = format!("r{round}-{number}");
            import(&mut server.calls, chat(&call_id, "我要投诉")).await;
            planted.insert(call_id);
            import(&mut server.calls, chat(&format!("r{round}-{number}-calm"), "谢谢")).await;
        }
        match round % 3 {
            // With calls that are taken in, some scored and some not.
            0 => {}
            // As soon as the subscriber has some of them.
            1 => {
                let mut stream = watch(&mut server.alerts, cursor).await;
                for _ in 0..1 + round % 4 {
                    let (event, alert) = next(&mut stream).await;
                    cursor = event.cursor;
                    seen.insert(alert.call_id);
                }
            }
            // While the receiver has a message and did not answer.
            _ => {
                receiver.wait_for_arrival(before);
            }
        }
        server.kill();
        receiver.hold(false);
    }

    let mut server = Server::start(dir.path(), &receiver).await;
    // The subscriber goes on where it was until it has seen all.
    let mut stream = watch(&mut server.alerts, cursor).await;
    while seen.len() < planted.len() {
        let (event, alert) = next(&mut stream).await;
        assert!(event.cursor > cursor, "in order");
        cursor = event.cursor;
        seen.insert(alert.call_id);
    }
    assert_eq!(seen, planted);
    let stored = all_alerts(&mut server.alerts).await;
    let stored: Vec<&str> = stored.iter().map(|alert| alert.call_id.as_str()).collect();
    assert_eq!(stored.len(), planted.len(), "each is stored once");
    assert_eq!(stored.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), planted);
    // The stream from its beginning has no gap and no double.
    let mut stream = watch(&mut server.alerts, 0).await;
    for number in 1..=planted.len() as u64 {
        let (event, alert) = next(&mut stream).await;
        assert_eq!((event.cursor, event.alert_id, alert.alert_id), (number, number, number));
    }
    let told = |got: &[Message]| {
        let taken = got.iter().filter(|message| message.status == 200);
        taken.flat_map(Message::events).map(|(alert, _)| alert).collect::<BTreeSet<u64>>()
    };
    let got = receiver.wait(|got| told(got).len() == planted.len());
    // What came twice came under the same id, so that the receiver can tell.
    let mut deliveries: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for message in &got {
        for (alert, _) in message.events() {
            deliveries.entry(alert).or_default().insert(message.header("x-diting-delivery"));
        }
    }
    assert!(deliveries.values().all(|ids| ids.len() == 1), "{deliveries:?}");
    let request = v1::ListDeadLettersRequest { with_delivered: true, ..Default::default() };
    assert!(server.alerts.list_dead_letters(request).await.unwrap().into_inner().dead_letters.is_empty());
    server.kill();
}

/// Not a test but the process that [`a_server_that_is_killed_stores_every_alert_once_and_tells_it`] kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs until it is killed"]
async fn serves_until_killed() {
    let dir = env::var(DATA_DIR).expect("the test that kills it says where");
    let mut config = Config::load(&Layers::default()).unwrap();
    config.serve.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.store.data_dir = Path::new(&dir).join("data");
    config.pipeline.max_attempts = 1_000;
    judge_by_pack(&mut config, Path::new(&dir));
    config.alerts.storm_max = 1_000;
    let receiver = diting::alert::ReceiverConfig {
        name: "bus".to_owned(),
        url: Hidden::new(env::var(RECEIVER).unwrap()),
        kind: ReceiverKind::Json,
        ..Default::default()
    };
    config.alerts.receiver = vec![receiver];
    let service = Service::start_with(&config, |_| Ok(Arc::new(ScriptedTranscriber::new(Vec::new()))));
    let service = service.await.unwrap();
    println!("listening {}", service.address());
    service.run(CancellationToken::new()).await.unwrap();
}
