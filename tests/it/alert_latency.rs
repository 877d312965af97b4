//! How long it takes from the end of scoring to the subscriber. Asserts nothing about time: it prints figures.
//!
//! `cargo test --test it -- alert_latency --ignored --nocapture`

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use diting::alert::{Alerts, switch_on};
use diting::analysis::RuleSet;
use diting::archive::{ArchiveConfig, Jobs};
use diting::catalog::Stage;
use diting::config::{Config, Layers};
use diting::proto::v1::alert_service_client::AlertServiceClient;
use diting::proto::v1::call_service_client::CallServiceClient;
use diting::serve::{ServeConfig, Server};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::alert_support::{chat, import, next, watch};
use crate::support::{open_store, start, tools};

const NUM_CALLS: usize = 400;

/// When each call was first seen done, in the store that scoring writes.
type Done = Arc<Mutex<HashMap<String, Instant>>>;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and asserts nothing about time"]
async fn from_the_end_of_scoring_to_the_subscriber() {
    let dir = tempfile::tempdir().unwrap();
    // Before the calls have the store.
    switch_on(&open_store(dir.path())).unwrap();
    let calls = Arc::new(start(dir.path(), &Arc::default()));
    let mut config = Config::load(&Layers::default()).unwrap().alerts;
    config.storm_max = 1_000;
    let jobs = Jobs::start(Arc::clone(&calls), ArchiveConfig::default(), true, tools()).unwrap();
    let alerts = Arc::new(Alerts::start(Arc::clone(&calls), &config).unwrap());
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(ServeConfig { listen, ..ServeConfig::default() }).await.unwrap();
    let (url, stop) = (format!("http://{}", server.address()), CancellationToken::new());
    let serving = tokio::spawn(server.run(Arc::new(jobs), alerts, stop.clone()));
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();

    let done: Done = Arc::default();
    let (noted, source) = (Arc::clone(&done), Arc::clone(&calls));
    let noting = thread::spawn(move || {
        let store = source.store();
        let mut seen = 0;
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
    let mut stream = watch(&mut AlertServiceClient::new(channel.clone()), 0).await;
    let sending = tokio::spawn(async move {
        let mut client = CallServiceClient::new(channel);
        for number in 0..NUM_CALLS {
            import(&mut client, chat(&format!("c{number}"), "不解决我就到银保监会投诉你们")).await;
        }
    });
    // A call may raise several alerts: the last of them counts.
    let mut told: HashMap<String, Instant> = HashMap::new();
    while told.len() < NUM_CALLS {
        let (_, alert) = next(&mut stream).await;
        told.insert(alert.call_id, Instant::now());
    }
    sending.await.unwrap();
    tokio::task::spawn_blocking(move || noting.join().unwrap()).await.unwrap();
    let done = done.lock().unwrap().clone();
    let mut millis: Vec<f64> =
        told.iter().map(|(call, at)| at.saturating_duration_since(done[call]).as_secs_f64() * 1e3).collect();
    millis.sort_by(f64::total_cmp);
    let at = |share: usize| millis[(NUM_CALLS - 1) * share / 100];
    println!("{NUM_CALLS} calls, {} rules of the bank", RuleSet::bank().rules().count());
    println!("median {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(50), at(99), at(100));
    stop.cancel();
    serving.await.unwrap().unwrap();
}
