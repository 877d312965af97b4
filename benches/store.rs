//! What the store costs: the wait for an acknowledgement, alone and shared by many senders, and a page of a list.
//!
//! Run with `cargo bench --bench store`. The acknowledgement is as fast as the disk syncs.

#![allow(missing_docs, reason = "the macros of criterion make functions without")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on should say so at once")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use diting::ingest::{CallRecord, CallState, Origin, Recording};
use diting::store::{CallFilter, Store, StoreConfig};
use diting::types::{AudioDeclaration, CallId, CallMetadata, ContentHash};

const NUM_CALLS: u64 = 10_000;
const NUM_AGENTS: u64 = 100;

fn record(number: u64) -> CallRecord {
    CallRecord {
        id: CallId::try_new(format!("call-{number:08}")).unwrap(),
        metadata: CallMetadata {
            agent_id: Some(format!("{:04}", number % NUM_AGENTS)),
            business: Some("wealth".to_owned()),
            ..CallMetadata::default()
        },
        recording: Recording {
            hash: ContentHash::new([(number % 251) as u8; 32]),
            num_bytes: 2_000_000,
            declaration: AudioDeclaration::default(),
        },
        received_at: jiff::Timestamp::from_millisecond(1_780_000_000_000 + number as i64 * 250).unwrap(),
        state: CallState::Accepted,
        num_attempts: 0,
        duration: None,
        origin: Origin::Upload,
    }
}

/// Inserts `num_calls` calls from `num_senders` threads.
fn insert(store: &Store, next: &AtomicU64, num_calls: u64, num_senders: u64) {
    thread::scope(|scope| {
        for sender in 0..num_senders {
            let share = num_calls / num_senders + u64::from(sender < num_calls % num_senders);
            scope.spawn(move || {
                for _ in 0..share {
                    store.insert_call(&record(next.fetch_add(1, Ordering::Relaxed))).unwrap();
                }
            });
        }
    });
}

fn store(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let store =
        Store::open(&StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() }).unwrap();
    let next = AtomicU64::new(0);
    insert(&store, &next, NUM_CALLS, 64);

    let mut group = criterion.benchmark_group("acknowledge");
    group.sample_size(10);
    for num_senders in [1, 16] {
        group.bench_function(BenchmarkId::new("senders", num_senders), |bencher| {
            bencher.iter_custom(|num_calls| {
                let started = Instant::now();
                insert(&store, &next, num_calls, num_senders);
                started.elapsed()
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("list");
    let of_agent = CallFilter { agent_id: Some("0042".to_owned()), ..CallFilter::default() };
    for (name, filter) in [("newest", CallFilter::default()), ("agent", of_agent)] {
        group.bench_function(BenchmarkId::new("page_of_50", name), |bencher| {
            bencher.iter(|| assert_eq!(store.list_calls(&filter, 50, None).unwrap().items.len(), 50));
        });
    }
    group.bench_function("record", |bencher| {
        let id = record(5_000).id;
        bencher.iter(|| assert!(store.call(&id).unwrap().is_some()));
    });
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
