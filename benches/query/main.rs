//! What a question over many calls costs: single filters and mixes, words, every order, first and deep pages, findings;
//! at several numbers of calls, asked of the library and over gRPC; with the memory and the start of such a store.
//!
//! Run with `cargo bench --bench query -- 10000 100000`. Numbers of calls are arguments; a folder in DITING_BENCH_DATA keeps
//! the stores from run to run, and with `--fill` they are only filled, which goes on where it was killed. Prints a table;
//! docs/performance-query.md tells how to read it.
//!
//! **Invariant**: every figure is measured in this process over a store on the disk; nothing is warmed up but by the
//! questions themselves, which are different every time.

#![allow(clippy::wildcard_enum_match_arm, reason = "a kind of question differs from the others in one thing")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_debug_implementations,
    reason = "a bench that cannot go on should say so at once, and printing is its job"
)]

mod fill;
mod questions;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diting::app::Service;
use diting::config::{Config, Layers};
use diting::proto::v1;
use diting::proto::v1::call_service_client::CallServiceClient;
use diting::search::TextIndex;
use diting::speech::ScriptedTranscriber;
use diting::store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use questions::{Kind, Question};

/// Questions of each kind.
const ROUNDS: u64 = 200;

fn main() {
    let sizes: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000] } else { sizes };
    let is_filling = std::env::args().any(|word| word == "--fill");
    let kept = std::env::var_os("DITING_BENCH_DATA").map(PathBuf::from);
    for size in sizes {
        let temporary = tempfile::tempdir().unwrap();
        let dir = kept.as_ref().map_or(temporary.path().to_owned(), |kept| kept.join(size.to_string()));
        run(&dir, size, is_filling);
    }
}

fn run(dir: &Path, size: u32, is_filling: bool) {
    let (before, started) = (resident(), Instant::now());
    let store =
        Arc::new(Store::open(&StoreConfig { data_dir: dir.to_owned(), ..Default::default() }).unwrap());
    let opened = started.elapsed();
    // Texts are taken in while calls are, as by a server.
    let search = TextIndex::start(Arc::clone(&store)).unwrap();
    let added = fill::fill(&store, size);
    println!("\n## {size} calls");
    if added == 0 {
        let grown = resident().saturating_sub(before);
        let per_call = grown / u64::from(size);
        println!(
            "open: {:.2} s; memory grew by {} MB, {per_call} bytes a call",
            opened.as_secs_f64(),
            grown >> 20
        );
    } else {
        println!("filled with {added} calls in {:.0} s", started.elapsed().as_secs_f64());
    }
    println!("bitmaps and columns: {} bytes a call", store.catalog().num_index_bytes() / size as usize);
    let started = Instant::now();
    while !search.wait_for(store.last_change(), Duration::from_secs(60)) {
        println!("text index: change {} of {}", search.current_to(), store.last_change());
    }
    println!(
        "text index: current after {:.1} s, {} bytes a call on the disk",
        started.elapsed().as_secs_f64(),
        search.num_bytes().unwrap() / u64::from(size)
    );
    if is_filling {
        return search.stop();
    }

    println!("\n| question | library p50 | p99 | gRPC p50 | p99 | matches |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut rows: Vec<(Kind, [Duration; 2], u64)> = Vec::new();
    let mut all = Vec::new();
    for kind in Kind::all() {
        let mut times = Vec::new();
        let mut total = 0;
        for round in 0..ROUNDS {
            let question = Question::of(kind, round, size);
            let started = Instant::now();
            total += question.ask_library(&store, &search);
            times.push(started.elapsed());
        }
        all.extend(times.iter().copied());
        rows.push((kind, percentiles(&mut times), total / ROUNDS));
    }
    let library = percentiles(&mut all);
    search.stop();
    drop((search, store));

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = Config::load(&Layers::default()).unwrap();
        config.serve.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.store.data_dir = dir.to_owned();
        let service = Service::start_with(&config, |_| Ok(Arc::new(ScriptedTranscriber::new(Vec::new()))))
            .await
            .unwrap();
        let (address, stop) = (service.address(), CancellationToken::new());
        let task = tokio::spawn(service.run(stop.clone()));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let mut client = CallServiceClient::new(channel);
        let mut all = Vec::new();
        for (kind, library, total) in rows {
            let mut times = Vec::new();
            for round in 0..ROUNDS {
                // Others than the library was asked.
                let question = Question::of(kind, ROUNDS + round, size);
                let (token, page) = (question.is_deep(), question.request());
                times.push(ask(&mut client, page, token).await);
            }
            all.extend(times.iter().copied());
            let grpc = percentiles(&mut times);
            println!(
                "| {kind} | {} | {} | {} | {} | {total} |",
                ms(library[0]),
                ms(library[1]),
                ms(grpc[0]),
                ms(grpc[1])
            );
        }
        let grpc = percentiles(&mut all);
        println!(
            "| **all** | {} | {} | {} | {} | |",
            ms(library[0]),
            ms(library[1]),
            ms(grpc[0]),
            ms(grpc[1])
        );
        stop.cancel();
        task.await.unwrap().unwrap();
    });
}

/// Asks over gRPC; of a deep question, the tenth page.
async fn ask(
    client: &mut CallServiceClient<Channel>,
    request: questions::Request,
    is_deep: bool,
) -> Duration {
    match request {
        questions::Request::Calls(mut request) => {
            if is_deep {
                for _ in 0..9 {
                    let page = client.list_calls(request.clone()).await.unwrap().into_inner();
                    request.page_token = page.next_page_token;
                }
            }
            let started = Instant::now();
            let page: v1::ListCallsResponse = client.list_calls(request).await.unwrap().into_inner();
            let took = started.elapsed();
            assert!(page.calls.len() <= 50);
            took
        }
        questions::Request::Findings(request) => {
            let started = Instant::now();
            client.list_findings(request).await.unwrap();
            started.elapsed()
        }
    }
}

fn percentiles(times: &mut [Duration]) -> [Duration; 2] {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    [at(50), at(99)]
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) << 10
}
