//! How long it takes from the end of scoring to the subscriber of alerts, over the real service.
//!
//! Run with `cargo bench --bench alerts`. Prints the median, the 99th percentile and the most of some hundred chats, each of
//! which raises an alert by the bank pack.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on should say so at once")]
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use diting::app::Service;
use diting::catalog::Stage;
use diting::config::{Config, Layers};
use diting::proto::v1;
use diting::proto::v1::alert_service_client::AlertServiceClient;
use diting::proto::v1::call_service_client::CallServiceClient;
use diting::speech::ScriptedTranscriber;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

const NUM_CALLS: usize = 400;

/// When each call was first seen done, in the store that scoring writes.
type Done = Arc<Mutex<HashMap<String, Instant>>>;

fn chat(number: usize) -> v1::ImportChatRequest {
    let said = |sender: &str, text: &str| v1::ChatMessage {
        message_id: format!("{sender}-{number}"),
        sender: sender.to_owned(),
        text: text.to_owned(),
        ..v1::ChatMessage::default()
    };
    v1::ImportChatRequest {
        call_id: format!("c{number}"),
        messages: vec![said("kf_1", "您好，请讲"), said("wm1", "不解决我就到银保监会投诉你们")],
        accounts: Some(v1::ChatAccounts { agents: vec!["kf_*".to_owned()], ..v1::ChatAccounts::default() }),
        ..v1::ImportChatRequest::default()
    }
}

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::load(&Layers::default()).unwrap();
    config.serve.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.store.data_dir = dir.path().to_owned();
    // Nothing is to be damped: each call is to be told.
    config.alerts.storm_max = 10_000;
    let service =
        Service::start_with(&config, |_| Ok(Arc::new(ScriptedTranscriber::new(Vec::new())))).await.unwrap();
    let (calls, url) = (Arc::clone(service.calls()), format!("http://{}", service.address()));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(service.run(stop.clone()));
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();

    let done: Done = Arc::default();
    let noted = Arc::clone(&done);
    let noting = thread::spawn(move || {
        let (store, mut seen) = (calls.store(), 0);
        while noted.lock().unwrap().len() < NUM_CALLS {
            if !store.wait_for_change(seen, Duration::from_secs(1)) {
                continue;
            }
            let at = Instant::now();
            for change in store.changes(seen, 1_000).unwrap() {
                seen = change.change;
                let Some(id) = change.id else { continue };
                if store.facts(&id).unwrap().is_some_and(|facts| facts.stage == Stage::Done) {
                    noted.lock().unwrap().entry(id.to_string()).or_insert(at);
                }
            }
        }
    });
    let mut watcher = AlertServiceClient::new(channel.clone());
    let mut stream = watcher.watch_alerts(v1::WatchAlertsRequest::default()).await.unwrap().into_inner();
    let sending = tokio::spawn(async move {
        let mut client = CallServiceClient::new(channel);
        for number in 0..NUM_CALLS {
            client.import_chat(chat(number)).await.unwrap();
        }
    });
    // A call may raise several alerts: the last of them counts.
    let mut told: HashMap<String, Instant> = HashMap::new();
    while told.len() < NUM_CALLS {
        let message = stream.message().await.unwrap().unwrap();
        if let Some(alert) = message.alert {
            told.insert(alert.call_id, Instant::now());
        }
    }
    sending.await.unwrap();
    tokio::task::spawn_blocking(move || noting.join().unwrap()).await.unwrap();
    let done = done.lock().unwrap().clone();
    let mut millis: Vec<f64> =
        told.iter().map(|(call, at)| at.saturating_duration_since(done[call]).as_secs_f64() * 1e3).collect();
    millis.sort_by(f64::total_cmp);
    let at = |share: usize| millis[(millis.len() - 1) * share / 100];
    println!("{NUM_CALLS} calls: median {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(50), at(99), at(100));
    stop.cancel();
    serving.await.unwrap().unwrap();
}
