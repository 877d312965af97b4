//! What tests of alerts need: a pack with two risk models, chats that fulfil them, a receiver over HTTP.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use diting::alert::{Hidden, ReceiverConfig, ReceiverKind};
use diting::config::Config;
use diting::proto::v1;
use diting::proto::v1::alert_service_client::AlertServiceClient;
use prost_types::Timestamp;
use serde_json::Value;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::sandbox::{Client, Sandbox};

pub(crate) type AlertClient = AlertServiceClient<Channel>;

/// When chats begin, if nothing else is said.
pub(crate) const START: i64 = 1_772_413_200;

/// R1 for 投诉, of level S1; R2 for 曝光, of level S2, seldom for one customer.
const PACK: &str = r#"
    version = 2
    [[rule]]
    id = "W1"
    name = "监管投诉"
    kind = "watch"
    role = "customer"
    level = "S1"
    hits = ["客户: 我要投诉"]
    misses = ["客户: 好"]
    [[rule.condition]]
    keyword = { any = ["投诉"] }
    [[rule]]
    id = "W2"
    name = "媒体曝光"
    kind = "watch"
    role = "customer"
    level = "S2"
    hits = ["客户: 我要曝光"]
    misses = ["客户: 好"]
    [[rule.condition]]
    keyword = { any = ["曝光"] }
    [[risk]]
    id = "R1"
    name = "投诉升级"
    level = "S1"
    [[risk.signal]]
    id = "投诉"
    rules = ["W1"]
    [[risk]]
    id = "R2"
    name = "舆情"
    level = "S2"
    quiet_minutes = 60
    max_a_day = 2
    [[risk.signal]]
    id = "曝光"
    rules = ["W2"]
"#;

/// The pack, and another by which `投诉` is not found any more.
pub(crate) fn packs() -> (String, String) {
    (PACK.to_owned(), PACK.replace("我要投诉", "我要举报").replace("any = [\"投诉\"]", "any = [\"举报\"]"))
}

/// Lets a server judge by the pack, which is kept in `folder`.
pub(crate) fn judge_by_pack(config: &mut Config, folder: &Path) {
    let path = folder.join("pack.toml");
    std::fs::write(&path, PACK).unwrap();
    config.rules.scheme = Some(path);
    config.alerts.escalate_seconds.clear();
    config.alerts.retry.base_millis = 1;
    config.alerts.retry.max_millis = 4;
}

pub(crate) async fn sandbox(folder: &Path, change: impl FnOnce(&mut Config)) -> Sandbox {
    Sandbox::start_with(|config| {
        judge_by_pack(config, folder);
        change(config);
    })
    .await
}

pub(crate) async fn alert_client(sandbox: &Sandbox) -> AlertClient {
    AlertServiceClient::new(sandbox.channel().await)
}

/// A chat in which the customer says `text`.
pub(crate) fn chat(call_id: &str, text: &str) -> v1::ImportChatRequest {
    let message = |id: &str, sender: &str, at: i64, text: &str| v1::ChatMessage {
        message_id: id.to_owned(),
        sender: sender.to_owned(),
        text: text.to_owned(),
        time: Some(Timestamp { seconds: START + at, nanos: 0 }),
        ..Default::default()
    };
    let accounts = v1::ChatAccounts { agents: vec!["kf_*".to_owned()], ..Default::default() };
    let metadata = v1::CallMetadata {
        agent_id: "kf_1".to_owned(),
        agent_name: "张敏".to_owned(),
        team: "理财一组".to_owned(),
        ..Default::default()
    };
    v1::ImportChatRequest {
        call_id: call_id.to_owned(),
        metadata: Some(metadata),
        messages: vec![
            message(&format!("{call_id}-1"), "kf_1", 0, "您好，请问有什么可以帮您"),
            message(&format!("{call_id}-2"), "wm1", 20, text),
        ],
        accounts: Some(accounts),
    }
}

/// The same of a customer, begun so many minutes later.
pub(crate) fn chat_of(call_id: &str, text: &str, customer: &str, minutes: i64) -> v1::ImportChatRequest {
    let mut request = chat(call_id, text);
    let later = |at: &mut Timestamp| at.seconds += minutes * 60;
    request.messages.iter_mut().filter_map(|message| message.time.as_mut()).for_each(later);
    if let Some(metadata) = &mut request.metadata {
        metadata.customer_ref = customer.to_owned();
    }
    request
}

pub(crate) async fn import(client: &mut Client, request: v1::ImportChatRequest) {
    client.import_chat(request).await.expect("it is taken");
}

pub(crate) async fn watch(client: &mut AlertClient, cursor: u64) -> Streaming<v1::WatchAlertsResponse> {
    let request = v1::WatchAlertsRequest { cursor, ..Default::default() };
    client.watch_alerts(request).await.expect("it can be watched").into_inner()
}

/// The next event of a stream.
pub(crate) async fn next(stream: &mut Streaming<v1::WatchAlertsResponse>) -> (v1::AlertEvent, v1::Alert) {
    loop {
        let update = stream.message().await.expect("the stream goes on").expect("it does not end");
        if let (Some(event), Some(alert)) = (update.event, update.alert) {
            assert_eq!(event.cursor, update.cursor);
            return (event, alert);
        }
    }
}

/// All alerts, oldest first.
pub(crate) async fn all_alerts(client: &mut AlertClient) -> Vec<v1::Alert> {
    let (mut alerts, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListAlertsRequest { page_size: 7, page_token, ..Default::default() };
        let page = client.list_alerts(request).await.unwrap().into_inner();
        alerts.extend(page.alerts);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(page.total, alerts.len() as u64);
            alerts.reverse();
            return alerts;
        }
    }
}

/// A message that a receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What was answered.
    pub(crate) status: u16,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("it is JSON")
    }

    /// The alerts of its events, with what happened.
    pub(crate) fn events(&self) -> Vec<(u64, String)> {
        let events = self.json()["events"].as_array().cloned().unwrap_or_default();
        let of = |event: &Value| {
            (event["alert"]["id"].as_u64().unwrap(), event["kind"].as_str().unwrap().to_owned())
        };
        events.iter().map(of).collect()
    }
}

#[derive(Debug, Default)]
struct State {
    got: Vec<Message>,
    replies: VecDeque<String>,
    always: Option<String>,
    num_begun: usize,
    is_held: bool,
}

/// A receiver that answers as it is told, `200` and a robot's code 0 otherwise.
#[derive(Debug, Clone)]
pub(crate) struct HttpReceiver {
    address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl HttpReceiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let own = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                thread::spawn(move || own.serve(&stream.unwrap()));
            }
        });
        receiver
    }

    pub(crate) fn config(&self, name: &str, kind: ReceiverKind) -> ReceiverConfig {
        ReceiverConfig { name: name.to_owned(), url: self.url(), kind, ..ReceiverConfig::default() }
    }

    pub(crate) fn url(&self) -> Hidden {
        Hidden::new(format!("http://{}/hook?key=k3y", self.address))
    }

    /// Answers the next messages so: a status line and headers, an empty line, a body.
    pub(crate) fn answer(&self, replies: &[&str]) {
        self.state.0.lock().unwrap().replies.extend(replies.iter().map(|reply| (*reply).to_owned()));
    }

    /// Answers all messages so; `None`: as at first.
    pub(crate) fn always_answer(&self, reply: Option<&str>) {
        self.state.0.lock().unwrap().always = reply.map(str::to_owned);
    }

    /// Holds answers back, or lets them go.
    pub(crate) fn hold(&self, is_held: bool) {
        self.state.0.lock().unwrap().is_held = is_held;
        self.state.1.notify_all();
    }

    /// Waits until `is_enough` of what was got, and gives that.
    pub(crate) fn wait(&self, is_enough: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        let state = self.state.0.lock().unwrap();
        self.state.1.wait_while(state, |state| !is_enough(&state.got)).unwrap().got.clone()
    }

    /// Waits until more than `seen` messages arrived, answered or not; gives how many.
    pub(crate) fn wait_for_arrival(&self, seen: usize) -> usize {
        let state = self.state.0.lock().unwrap();
        self.state.1.wait_while(state, |state| state.num_begun <= seen).unwrap().num_begun
    }

    pub(crate) fn num_arrived(&self) -> usize {
        self.state.0.lock().unwrap().num_begun
    }

    /// All messages of one connection. A sender that is killed ends it anywhere.
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((target, headers, body)) = read_request(&mut reader) {
            let mut state = self.state.0.lock().unwrap();
            state.num_begun += 1;
            self.state.1.notify_all();
            let mut state = self.state.1.wait_while(state, |state| state.is_held).unwrap();
            let reply = state.replies.pop_front().or_else(|| state.always.clone());
            let reply = reply.unwrap_or_else(|| "200 OK\r\n\r\n{\"errcode\":0}".to_owned());
            let (head, text) = reply.split_once("\r\n\r\n").unwrap();
            let status = head.get(..3).unwrap().parse().unwrap();
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{text}", text.len());
            if (&*stream).write_all(answer.as_bytes()).is_err() {
                return;
            }
            state.got.push(Message { target, headers, body, status });
            self.state.1.notify_all();
        }
    }
}

type Request = (String, Vec<(String, String)>, Vec<u8>);

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let length =
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((target, headers, body))
}
