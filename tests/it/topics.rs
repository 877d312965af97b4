//! Mining over a real server: chats come in, topics, bursts, demands and weak spots come out, the same each time.

use std::collections::BTreeMap;

use diting::mining::{MiningRuns, RunState};
use diting::proto::v1;
use diting::proto::v1::topic_service_client::TopicServiceClient;
use diting::store::Store;
use prost_types::Timestamp;
use tonic::Code;
use tonic::transport::Channel;

use crate::sandbox::{Client, Sandbox, ended, field, reason};

/// 2026-10-01 09:00 in Shanghai.
const START: i64 = 1_790_816_400;
const DAY: i64 = 86_400;

/// What every day is about.
const USUAL: [[&str; 3]; 4] = [
    ["信用卡年费怎么收的", "我的信用卡账单多了一笔年费", "账单上的年费能退吗，信用卡的"],
    ["房贷利率现在多少", "我想提前还房贷，利率多少", "房贷提前还款有违约金吗，利率能降吗"],
    ["理财产品净值跌了", "理财净值怎么看，产品到期没有", "理财产品到期净值多少"],
    ["手机银行转账失败", "转账限额怎么改，手机银行上", "手机银行转账限额太低"],
];
const NEW: [&str; 3] = ["数币红包没到账", "扫码领取的数币红包过期了吗", "那个数币红包怎么领取，扫码没反应"];

fn said(sender: &str, at: i64, text: &str) -> v1::ChatMessage {
    v1::ChatMessage {
        message_id: format!("m{at}"),
        sender: sender.to_owned(),
        text: text.to_owned(),
        time: Some(Timestamp { seconds: at, nanos: 0 }),
        ..Default::default()
    }
}

/// Ten chats a day for thirty days; on days 15 to 17 six more on something new.
async fn fill(client: &mut Client) -> usize {
    let mut ids = Vec::new();
    for day in 0..30_i64 {
        let num_new = if (14..17).contains(&day) { 6 } else { 0 };
        for at in 0..10 + num_new {
            let texts = if at < 10 { &USUAL[usize::try_from(at % 4).unwrap()] } else { &NEW };
            let pick = |nth: i64| texts[usize::try_from((day + at + nth) % 3).unwrap()];
            let start = START + day * DAY + at * 60;
            let messages = vec![
                said("kf_1", start, "您好，请问有什么可以帮您？"),
                said("wm1", start + 5, pick(0)),
                said("kf_1", start + 10, "请问您的手机号是多少？"),
                said("wm1", start + 15, "13812345678"),
                said("wm1", start + 16, pick(1)),
                said("kf_1", start + 20, "感谢您的咨询，再见"),
            ];
            let accounts = v1::ChatAccounts { agents: vec!["kf_*".to_owned()], ..Default::default() };
            let call_id = format!("c-{day}-{at}");
            let request = v1::ImportChatRequest {
                call_id: call_id.clone(),
                messages,
                accounts: Some(accounts),
                ..Default::default()
            };
            client.import_chat(request).await.unwrap();
            ids.push(call_id);
        }
    }
    for id in &ids {
        assert_eq!(ended(client, id).await.state(), v1::CallState::Done);
    }
    ids.len()
}

async fn topics(sandbox: &Sandbox) -> TopicServiceClient<Channel> {
    TopicServiceClient::new(sandbox.channel().await)
}

async fn mine(client: &mut TopicServiceClient<Channel>) -> v1::MiningRun {
    let request = v1::MineTopicsRequest {
        from: Some(Timestamp { seconds: START, nanos: 0 }),
        before: Some(Timestamp { seconds: START + 31 * DAY, nanos: 0 }),
        min_topic_calls: 15,
        ..Default::default()
    };
    let mut run = client.mine_topics(request).await.unwrap().into_inner().run.unwrap();
    while run.state() == v1::MiningState::Running {
        let request = v1::GetMiningRunRequest { run: run.run };
        run = client.get_mining_run(request).await.unwrap().into_inner().run.unwrap();
    }
    assert_eq!(run.state(), v1::MiningState::Done, "{run:?}");
    run
}

async fn list(client: &mut TopicServiceClient<Channel>) -> v1::ListTopicsResponse {
    client.list_topics(v1::ListTopicsRequest::default()).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_mined_and_its_calls_say_what_they_are_about() {
    let mut sandbox = Sandbox::start().await;
    let num_calls = fill(&mut sandbox.client().await).await;
    let mut client = topics(&sandbox).await;
    let status = client.list_topics(v1::ListTopicsRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "mining.no_run"));
    let status = client.mine_topics(v1::MineTopicsRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "from"));

    let run = mine(&mut client).await;
    assert_eq!((run.run, run.num_read), (1, 2 * num_calls as u64));
    let found = list(&mut client).await;
    assert_eq!((found.num_calls as usize, found.num_left_out), (num_calls, 0));
    let words: Vec<_> = found.topics.iter().map(|topic| topic.key_words.join("、")).collect();
    assert!((4..=6).contains(&found.topics.len()), "{words:?}");
    let in_topics: u32 = found.topics.iter().map(|topic| topic.num_calls).sum();
    assert_eq!(in_topics + found.num_unclassified, found.num_calls);
    let new = found.topics.iter().find(|topic| topic.key_words.contains(&"数币红包".to_owned())).unwrap();
    assert_eq!((new.num_calls, new.representatives.len()), (18, 3));
    assert!(new.representatives.iter().all(|example| example.text.contains("数币红包")));
    for topic in &found.topics {
        let request = v1::ListCallsRequest { filter: topic.calls.clone(), ..Default::default() };
        let opened = sandbox.client().await.list_calls(request).await.unwrap().into_inner();
        assert_eq!(opened.total_size, u64::from(topic.num_calls), "{}", topic.name);
    }

    let bursts = client.list_bursts(v1::ListBurstsRequest::default()).await.unwrap().into_inner().bursts;
    assert_eq!((bursts[0].kind(), &bursts[0].name), (v1::BurstKind::Topic, &new.name));
    assert_eq!((bursts[0].first_day.as_str(), bursts[0].last_day.as_str()), ("2026-10-15", "2026-10-17"));
    assert!(bursts.iter().all(|burst| burst.first_day == "2026-10-15"), "{bursts:?}");
    let words = client.list_new_words(v1::ListNewWordsRequest::default()).await.unwrap().into_inner();
    assert!(words.new_words.iter().any(|word| word.word == "数币红包"), "{:?}", words.new_words);
    assert!(words.words.iter().all(|word| !word.word.contains(['1', '*'])), "masked numbers are no words");
    let demands = client.list_demands(v1::ListDemandsRequest::default()).await.unwrap().into_inner().demands;
    let asks = demands.iter().find(|demand| demand.demand == "咨询查询").unwrap();
    assert!(asks.num_calls > 200, "{asks:?}");
    let spots = client.list_weak_spots(v1::ListWeakSpotsRequest::default()).await.unwrap().into_inner();
    assert_eq!(spots.stages.len(), 5);
    assert!(spots.silences.is_empty(), "nobody is silent in a chat");
    client.list_key_phrases(v1::ListKeyPhrasesRequest::default()).await.unwrap();

    let request = v1::RenameTopicRequest { topic: new.name.clone(), name: "数币活动".to_owned() };
    client.rename_topic(request).await.unwrap();
    let request =
        v1::RenameTopicRequest { topic: "无此话题".to_owned(), name: "其他名称".to_owned() };
    assert_eq!(reason(&client.rename_topic(request).await.unwrap_err()), "mining.no_topic");
    let other = found.topics.iter().find(|topic| topic.name != new.name).unwrap();
    let request = v1::RenameTopicRequest { topic: other.name.clone(), name: "数币活动".to_owned() };
    assert_eq!(reason(&client.rename_topic(request).await.unwrap_err()), "mining.name_taken");
    let renamed = list(&mut client).await;

    sandbox.restart().await;
    let mut client = topics(&sandbox).await;
    assert_eq!(list(&mut client).await, renamed, "it is on the disk");
    let again = mine(&mut client).await;
    assert_eq!(again.run, 2);
    let v1::ListTopicsResponse { topics: named, .. } = list(&mut client).await;
    assert_eq!(named, renamed.topics, "the same calls give the same topics, with the name that was given");

    sandbox.stop().await;
    let store = Store::open(&sandbox.config.store).unwrap();
    let mut about: BTreeMap<String, u32> = BTreeMap::new();
    for call in store.catalog().calls() {
        assert!(call.annotations.topics.len() <= 1 && !call.annotations.demands.is_empty());
        for topic in &call.annotations.topics {
            *about.entry(topic.to_string()).or_default() += 1;
        }
    }
    let told: BTreeMap<String, u32> =
        named.iter().map(|topic| (topic.name.clone(), topic.num_calls)).collect();
    assert_eq!(about, told, "what is counted opens into the calls");
    let before = store.last_change();
    let store = std::sync::Arc::new(store);
    let runs = MiningRuns::start(std::sync::Arc::clone(&store), 480).unwrap();
    let (run, _) = runs.found(None).unwrap();
    runs.mine(diting::mining::MiningRequest {
        period: run.period,
        min_topic_calls: Some(15),
        min_word_calls: None,
    })
    .unwrap();
    while runs.get(None).unwrap().state == RunState::Running {
        std::thread::yield_now();
    }
    assert_eq!(runs.get(None).unwrap().state, RunState::Done);
    assert_eq!(store.last_change(), before, "a run that finds the same is no change of any call");
}
