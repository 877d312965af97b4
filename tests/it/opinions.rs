//! Opinions over a real server, against an endpoint that answers over real sockets as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use diting::opinion::Question;
use diting::proto::v1;
use diting::proto::v1::opinion_service_client::OpinionServiceClient;
use prost_types::Timestamp;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use crate::sandbox::{Sandbox, ended, reason};

/// What the endpoint does with a question.
#[derive(Debug, Clone)]
enum Act {
    /// Answers with this content.
    Say(String),
    /// Answers with this status and body.
    Raw(u16, String),
    /// Says nothing until the test is over.
    Hang,
}

/// A language model's server, played.
#[derive(Debug)]
struct Endpoint {
    address: SocketAddr,
    act: Arc<Mutex<Act>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    over: Arc<(Mutex<bool>, Condvar)>,
}

impl Endpoint {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Self {
            address: listener.local_addr().unwrap(),
            act: Arc::new(Mutex::new(Act::Hang)),
            asked: Arc::default(),
            over: Arc::default(),
        };
        let (act, asked, over) =
            (Arc::clone(&endpoint.act), Arc::clone(&endpoint.asked), Arc::clone(&endpoint.over));
        // Ends with the process: it waits for connections that no longer come.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (act, asked, over) = (act.lock().unwrap().clone(), Arc::clone(&asked), Arc::clone(&over));
                thread::spawn(move || serve(stream.unwrap(), &act, &asked, &over));
            }
        });
        endpoint
    }

    fn will(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }

    fn num_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        *self.over.0.lock().unwrap() = true;
        self.over.1.notify_all();
    }
}

fn serve(
    mut stream: TcpStream,
    act: &Act,
    asked: &Mutex<Vec<(String, Value)>>,
    over: &(Mutex<bool>, Condvar),
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    asked.lock().unwrap().push((head, serde_json::from_slice(&body).unwrap()));
    let (status, body) = match act {
        Act::Say(content) => {
            let answer = json!({
                "choices": [{ "message": { "role": "assistant", "content": content } }],
                "usage": { "total_tokens": 321 },
            });
            (200, answer.to_string())
        }
        Act::Raw(status, body) => (*status, body.clone()),
        Act::Hang => {
            let guard = over.0.lock().unwrap();
            drop(over.1.wait_while(guard, |over| !*over).unwrap());
            return;
        }
    };
    let location = if status == 307 { "Location: http://192.0.2.1/v1/chat/completions\r\n" } else { "" };
    let length = body.len();
    // OK when it fails: whoever asked may have had enough.
    write!(
        stream,
        "HTTP/1.1 {status} X\r\n{location}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok();
}

async fn sandbox(endpoint: &Endpoint, change: impl FnOnce(&mut diting::config::Config)) -> Sandbox {
    let url = format!("http://{}/v1/", endpoint.address);
    let sandbox = Sandbox::start_with(|config| {
        config.opinion.enabled = true;
        config.opinion.url = url;
        config.opinion.model = "bank-llm".to_owned();
        change(config);
    })
    .await;
    let mut client = sandbox.client().await;
    let said = |sender: &str, at: i64, text: &str| v1::ChatMessage {
        message_id: format!("m{at}"),
        sender: sender.to_owned(),
        text: text.to_owned(),
        time: Some(Timestamp { seconds: 1_790_816_400 + at, nanos: 0 }),
        ..Default::default()
    };
    let accounts = v1::ChatAccounts { agents: vec!["kf_*".to_owned()], ..Default::default() };
    let request = v1::ImportChatRequest {
        call_id: "c1".to_owned(),
        messages: vec![
            said("kf_1", 0, "您好，请问您的手机号是多少？"),
            said("wm1", 5, "13812345678"),
            said("wm1", 6, "我的年费为什么没退"),
            said("kf_1", 9, "马上为您处理，再见"),
        ],
        accounts: Some(accounts),
        ..Default::default()
    };
    client.import_chat(request).await.unwrap();
    assert_eq!(ended(&mut client, "c1").await.state(), v1::CallState::Done);
    sandbox
}

async fn opinions(sandbox: &Sandbox) -> OpinionServiceClient<Channel> {
    OpinionServiceClient::new(sandbox.channel().await)
}

async fn summary(
    client: &mut OpinionServiceClient<Channel>,
    anew: bool,
) -> Result<v1::ModelOpinion, tonic::Status> {
    let request = v1::SummarizeCallRequest { call_id: "c1".to_owned(), anew };
    client.summarize_call(request).await.map(|answer| answer.into_inner().opinion.unwrap())
}

fn statements(said: &[(&str, u32, &str)]) -> Act {
    let all: Vec<Value> = said
        .iter()
        .map(|(text, turn, quote)| json!({ "text": text, "quotes": [{ "turn": turn, "text": quote }] }))
        .collect();
    Act::Say(json!({ "statements": all }).to_string())
}

/// The turn of the customer's question.
async fn turn_of(sandbox: &Sandbox, text: &str) -> u32 {
    let request = v1::GetTranscriptRequest { call_id: "c1".to_owned() };
    let transcript = sandbox.client().await.get_transcript(request).await.unwrap().into_inner().transcript;
    transcript.unwrap().turns.into_iter().find(|turn| turn.text.contains(text)).unwrap().index
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_says_only_what_the_transcript_says_and_only_masked_text_leaves() {
    let endpoint = Endpoint::start();
    let mut sandbox = sandbox(&endpoint, |_| {}).await;
    let turn = turn_of(&sandbox, "年费").await;
    let mut client = opinions(&sandbox).await;
    let invented = ("客户要求赔偿五万元", turn, "赔我五万元");
    endpoint.will(statements(&[("客户问年费为什么没有退", turn, "年费为什么没退"), invented]));
    let opinion = summary(&mut client, false).await.unwrap();
    assert!(opinion.is_model_opinion && !opinion.is_kept);
    assert_eq!((opinion.model.as_str(), opinion.num_unfounded, opinion.num_tokens), ("bank-llm", 1, 321));
    assert_eq!(opinion.prompt_digest.len(), 64);
    let [statement] = &opinion.statements[..] else { panic!("one is founded: {opinion:?}") };
    assert_eq!((statement.quotes[0].turn, statement.quotes[0].text.as_str()), (turn, "年费为什么没退"));

    let (head, asked) = endpoint.asked.lock().unwrap()[0].clone();
    assert!(head.starts_with("POST /v1/chat/completions "), "{head}");
    let sent = asked.to_string();
    assert!(sent.contains("年费为什么没退") && !sent.contains("13812345678"), "{sent}");

    // It is kept, on the disk, until somebody asks anew, and goes with its call.
    let kept = summary(&mut client, false).await.unwrap();
    assert!(kept.is_kept && kept.statements == opinion.statements);
    sandbox.restart().await;
    let mut client = opinions(&sandbox).await;
    assert!(summary(&mut client, false).await.unwrap().is_kept);
    assert_eq!(endpoint.num_asked(), 1);
    assert!(!summary(&mut client, true).await.unwrap().is_kept);
    assert_eq!(endpoint.num_asked(), 2);
    sandbox.client().await.delete_call(v1::DeleteCallRequest { call_id: "c1".to_owned() }).await.unwrap();
    assert_eq!(summary(&mut client, false).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_beside_the_score() {
    let endpoint = Endpoint::start();
    let question = Question { id: "Q1".to_owned(), text: "座席是否说明了退费时间？".to_owned() };
    let sandbox = sandbox(&endpoint, |config| config.opinion.question = vec![question]).await;
    let turn = turn_of(&sandbox, "处理").await;
    let request = || v1::GetCallReportRequest { call_id: "c1".to_owned() };
    let before = sandbox.client().await.get_call_report(request()).await.unwrap().into_inner();
    let quotes = json!([{ "turn": turn, "text": "马上为您处理" }]);
    let answer = json!({ "id": "Q1", "answer": "no", "text": "没有说明时间", "quotes": quotes });
    let other = json!({ "id": "Q9", "answer": "no", "text": "没有问过", "quotes": quotes });
    endpoint.will(Act::Say(json!({ "statements": [answer, other] }).to_string()));
    let mut client = opinions(&sandbox).await;
    let request_judge = v1::JudgeCallRequest { call_id: "c1".to_owned(), anew: false };
    let opinion = client.judge_call(request_judge).await.unwrap().into_inner().opinion.unwrap();
    let [statement] = &opinion.statements[..] else { panic!("{opinion:?}") };
    assert_eq!((statement.question_id.as_str(), statement.answer.as_str()), ("Q1", "no"));
    assert_eq!(opinion.num_unfounded, 1);
    assert!(endpoint.asked.lock().unwrap()[0].1.to_string().contains("退费时间"));
    let after = sandbox.client().await.get_call_report(request()).await.unwrap().into_inner();
    assert_eq!(before, after, "an opinion is no finding and counts nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_an_error_and_never_an_opinion() {
    let endpoint = Endpoint::start();
    let sandbox = sandbox(&endpoint, |config| config.opinion.timeout_secs = 1).await;
    let mut client = opinions(&sandbox).await;
    let huge = "年".repeat(1 << 20);
    let cases = [
        (Act::Say("我觉得这通电话还不错".to_owned()), "opinion.bad_answer"),
        (Act::Say("{\"statements\": [".to_owned()), "opinion.bad_answer"),
        (Act::Raw(200, "<html>".to_owned()), "opinion.bad_answer"),
        (Act::Raw(200, huge), "opinion.too_large"),
        (Act::Raw(500, "{}".to_owned()), "opinion.status"),
        (Act::Raw(307, String::new()), "opinion.status"),
        (Act::Hang, "opinion.timeout"),
    ];
    for (act, expected) in cases {
        endpoint.will(act.clone());
        let status = summary(&mut client, false).await.unwrap_err();
        assert_eq!(reason(&status), expected, "{status:?}");
        assert!(!status.message().contains("电话还不错"), "an answer may quote a call: {status:?}");
    }
    let request = v1::JudgeCallRequest { call_id: "c1".to_owned(), anew: false };
    assert_eq!(reason(&client.judge_call(request).await.unwrap_err()), "opinion.no_question");
    let request = v1::SummarizeTopicRequest { topic: "x".to_owned() };
    assert_eq!(reason(&client.summarize_topic(request).await.unwrap_err()), "mining.no_run");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_a_day_holds_over_a_restart() {
    let endpoint = Endpoint::start();
    let mut sandbox = sandbox(&endpoint, |config| config.opinion.max_calls_a_day = 2).await;
    endpoint.will(statements(&[]));
    let mut client = opinions(&sandbox).await;
    let empty = summary(&mut client, true).await.unwrap();
    assert!(empty.statements.is_empty());
    sandbox.restart().await;
    let mut client = opinions(&sandbox).await;
    endpoint.will(Act::Raw(500, String::new()));
    assert_eq!(reason(&summary(&mut client, true).await.unwrap_err()), "opinion.status");
    // What failed was asked all the same, and may have cost.
    assert_eq!(reason(&summary(&mut client, true).await.unwrap_err()), "opinion.budget");
    assert_eq!(endpoint.num_asked(), 2);

    sandbox.stop().await;
    (sandbox.config.opinion.max_calls_a_day, sandbox.config.opinion.max_tokens_a_day) = (100, 2_000);
    sandbox.resume().await;
    let mut client = opinions(&sandbox).await;
    assert_eq!(reason(&summary(&mut client, true).await.unwrap_err()), "opinion.budget");
    assert_eq!(endpoint.num_asked(), 2, "nothing leaves that the budget does not cover");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_unless_opinions_are_on() {
    let endpoint = Endpoint::start();
    let sandbox = sandbox(&endpoint, |config| config.opinion.enabled = false).await;
    let mut client = opinions(&sandbox).await;
    let status = summary(&mut client, false).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "opinion.off"));
    assert_eq!(endpoint.num_asked(), 0);
}
