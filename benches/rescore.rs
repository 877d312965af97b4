//! Judging stored calls again: calls a second with and without storing what comes out, and of comparing two revisions.
//!
//! Run with `cargo bench --bench rescore`. Every call is five minutes of a service dialogue with some sentences of its own,
//! under the bank pack. Storing is as fast as the disk.

#![allow(missing_docs, reason = "the macros of criterion make functions without")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on should say so at once")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use diting::analysis::{RuleSet, dialogue_of};
use diting::app::job_tools;
use diting::archive::{ArchiveConfig, Jobs, RevisionDiff, Selection};
use diting::config::Config;
use diting::ingest::{BlobStore, CallRecord, CallState, IngestConfig, Origin, Recording};
use diting::masking::MaskingConfig;
use diting::pipeline::{CallResult, Calls, Masking, PipelineConfig, Privacy};
use diting::speech::ScriptedTranscriber;
use diting::store::{Store, StoreConfig};
use diting::types::{AudioDeclaration, CallId, CallMetadata, ContentHash};

const NUM_CALLS: u32 = 4_000;
const NUM_TURNS: u32 = 60;

/// What is said, half of it by the agent; `{}` is another number in every call.
const SENTENCES: [(&str, &str); 12] = [
    ("客服", "您好，这里是银行客户服务中心，工号{}，请问有什么可以帮您？"),
    ("客户", "你好，我想查一下上个月的信用卡账单，好像多扣了{}元。"),
    ("客服", "好的，请您稍等，我为您核实一下身份信息，请问证件号后四位是多少？"),
    ("客户", "三五二八，你快一点，我的手机是一三九{}五六七八，上次打电话也没有解决。"),
    ("客服", "非常抱歉给您带来不便，这一笔是年费，我们会在三个工作日内给您答复。"),
    ("客户", "年费不是说刷满六次就免了吗，我去年刷了{}次了。"),
    ("客服", "我看一下您的消费记录，系统显示您去年的有效消费是四次，还差两次。"),
    ("客户", "那我能不能补刷，或者你们帮我申请减免一下，我是老客户了。"),
    ("客服", "我可以为您提交减免申请，大概三到五个工作日会有短信通知您结果。"),
    ("客户", "好吧，另外我还想了解一下你们最近的那个理财产品，收益怎么样？"),
    ("客服", "理财产品有风险，投资需谨慎，您可以先做一个风险测评，再看适合您的产品。"),
    ("客户", "行，那我等你们的电话，谢谢，没有别的事情了。"),
];

fn fill(store: &Store, rules: &RuleSet) {
    let privacy = Privacy::open(&MaskingConfig::default(), store.data_dir()).unwrap();
    for number in 0..NUM_CALLS {
        let turns: Vec<String> = (0..NUM_TURNS)
            .zip(SENTENCES.iter().cycle())
            .map(|(index, (role, text))| {
                let text = text.replace("{}", &(1000 + (number * 7 + index) % 9000).to_string());
                format!("{role}@{}-{}: {text}", index * 5, index * 5 + 4)
            })
            .collect();
        let dialogue = dialogue_of(&turns, false).unwrap();
        let metadata = CallMetadata::default();
        let record = CallRecord {
            id: CallId::try_new(format!("call-{number:06}")).unwrap(),
            metadata: metadata.clone(),
            recording: Recording {
                hash: ContentHash::new([(number % 251) as u8; 32]),
                num_bytes: 1,
                declaration: AudioDeclaration::default(),
            },
            received_at: jiff::Timestamp::from_second(1_780_000_000 + i64::from(number)).unwrap(),
            state: CallState::Accepted,
            num_attempts: 0,
            duration: None,
            origin: Origin::Upload,
        };
        store.insert_call(&record).unwrap();
        let analysis = rules.evaluate(&dialogue, &metadata);
        let (parts, masking) = (Vec::new(), Masking::default());
        let result = CallResult { audio: None, recognition: None, dialogue, analysis, parts, masking };
        store.finish(&record, &privacy.mask(result, &record).unwrap()).unwrap();
    }
}

fn rescore(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let rules = Arc::new(RuleSet::bank());
    let store =
        Store::open(&StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() }).unwrap();
    fill(&store, &rules);
    let blobs = BlobStore::open(dir.path(), &IngestConfig::default()).unwrap();
    let (store, transcriber) = (Arc::new(store), Arc::new(ScriptedTranscriber::new(Vec::new())));
    let calls =
        Calls::start(PipelineConfig::default(), store, blobs, transcriber, Arc::clone(&rules)).unwrap();
    let tools = job_tools(&Config::default());
    let jobs = Jobs::start(Arc::new(calls), ArchiveConfig::default(), true, tools).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    let mut group = criterion.benchmark_group("rescore");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(NUM_CALLS)));
    group.bench_function("compared with what is stored", |bencher| {
        bencher.iter(|| {
            let diff =
                RevisionDiff { selection: Selection::default(), before: None, after: Arc::clone(&rules) };
            jobs.diff(&diff, |event| {
                black_box(event);
                true
            })
            .unwrap();
        });
    });
    group.bench_function("stored", |bencher| {
        bencher.iter(|| {
            let id = jobs.rescore(Selection::default(), &[]).unwrap().job.id;
            let mut status = jobs.watch(&id).unwrap();
            let job = runtime.block_on(status.wait_for(|status| status.job.state.has_ended())).unwrap();
            assert_eq!(job.job.counts.done, u64::from(NUM_CALLS));
        });
    });
    group.finish();
}

criterion_group!(benches, rescore);
criterion_main!(benches);
