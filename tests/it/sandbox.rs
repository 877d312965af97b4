//! The whole service in this process: port 0, a data directory of its own, a transcriber that says what it is told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use diting::app::{AppError, Service};
use diting::audio::{AudioError, Block};
use diting::config::{Config, Layers};
use diting::pipeline::Calls;
use diting::proto::v1;
use diting::proto::v1::call_service_client::CallServiceClient;
use diting::proto::v1::upload_call_request::Part;
use diting::speech::{ScriptedTranscriber, Segment, SpeechError, Transcriber, Transcript, Word};
use diting::store::{Family, Store, Writes};
use diting::types::{ChannelIndex, Millis, TimeSpan};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt;

pub type Client = CallServiceClient<Channel>;

/// A running service and its data directory.
pub struct Sandbox {
    pub config: Config,
    pub gate: Arc<Gate>,
    data: tempfile::TempDir,
    script: Vec<Segment>,
    running: Option<Running>,
}

struct Running {
    address: SocketAddr,
    calls: Arc<Calls>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), AppError>>,
}

impl Sandbox {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_saying(conversation(), change).await
    }

    /// Starts with another call than [`conversation`].
    pub async fn start_saying(script: Vec<Segment>, change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("a data directory");
        let mut config = Config::load(&Layers::default()).expect("defaults are sound");
        config.serve.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.serve.shutdown_grace_secs = 5;
        config.store.data_dir = data.path().to_owned();
        change(&mut config);
        let mut sandbox = Self { config, gate: Arc::default(), data, script, running: None };
        sandbox.open().await;
        sandbox
    }

    async fn open(&mut self) {
        let (gate, script) = (Arc::clone(&self.gate), self.script.clone());
        let service = Service::start_with(&self.config, move |_| {
            Ok(Arc::new(GatedTranscriber { script: ScriptedTranscriber::new(script), gate }))
        })
        .await
        .expect("the service starts");
        let (address, stop) = (service.address(), CancellationToken::new());
        let calls = Arc::clone(service.calls());
        let task = tokio::spawn(service.run(stop.clone()));
        self.running = Some(Running { address, calls, stop, task });
    }

    /// Ends the service and waits until it has ended.
    pub async fn stop(&mut self) {
        let running = self.running.take().expect("it runs");
        running.stop.cancel();
        running.task.await.expect("it does not panic").expect("it ends well");
    }

    /// Tells the service to end, without waiting.
    pub fn begin_stop(&self) {
        self.running.as_ref().expect("it runs").stop.cancel();
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.open().await;
    }

    /// Starts it again after [`Self::stop`].
    pub async fn resume(&mut self) {
        self.open().await;
    }

    /// The store of the running service.
    pub fn store(&self) -> &Store {
        self.running.as_ref().expect("it runs").calls.store()
    }

    /// Puts something under a key of the running service's store that is no document of its family.
    pub fn damage(&self, family: Family, key: &[u8]) {
        let mut writes = Writes::default();
        writes.put(family, key, &7_u8).expect("it is small");
        self.store().write(writes).expect("it is written");
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.running.as_ref().expect("it runs").address)
    }

    pub async fn channel(&self) -> Channel {
        Channel::from_shared(self.url()).expect("a URL").connect().await.expect("the service answers")
    }

    pub async fn client(&self) -> Client {
        CallServiceClient::new(self.channel().await)
    }

    /// Files of recordings, finished or not, relative to the data directory.
    pub fn recordings(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in ["blobs", "staging"] {
            files_under(&self.data.path().join(folder), &mut found);
        }
        let relative = found.iter().filter_map(|path| path.strip_prefix(self.data.path()).ok());
        relative.map(Path::to_owned).collect()
    }

    /// Whether no call is stored and no byte of a recording is left.
    pub async fn is_empty(&self) -> bool {
        let page = self.client().await.list_calls(v1::ListCallsRequest::default()).await.expect("it lists");
        page.into_inner().calls.is_empty() && self.recordings().is_empty()
    }
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Holds recognition back while it is shut.
#[derive(Debug, Default)]
pub struct Gate {
    is_shut: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub fn shut(&self) {
        *self.is_shut.lock().expect("no one panicked") = true;
    }

    pub fn open(&self) {
        *self.is_shut.lock().expect("no one panicked") = false;
        self.changed.notify_all();
    }

    fn pass(&self, cancel: &AtomicBool) {
        let mut is_shut = self.is_shut.lock().expect("no one panicked");
        while *is_shut && !cancel.load(Ordering::Relaxed) {
            // Looks at `cancel` now and then: nothing wakes this when it is set.
            let pause = std::time::Duration::from_millis(5);
            is_shut = self.changed.wait_timeout(is_shut, pause).expect("no one panicked").0;
        }
    }
}

/// Waits at the gate, then follows its script.
#[derive(Debug)]
struct GatedTranscriber {
    script: ScriptedTranscriber,
    gate: Arc<Gate>,
}

impl Transcriber for GatedTranscriber {
    fn transcribe(
        &self,
        blocks: &mut dyn Iterator<Item = Result<Block, AudioError>>,
        channels: &[ChannelIndex],
        progress: &mut dyn FnMut(Millis),
        cancel: &AtomicBool,
    ) -> Result<Transcript, SpeechError> {
        self.gate.pass(cancel);
        self.script.transcribe(blocks, channels, progress, cancel)
    }

    fn model(&self) -> &str {
        self.script.model()
    }
}

/// A call in which the agent promises what no bank may promise, and the customer threatens the regulator.
fn conversation() -> Vec<Segment> {
    vec![
        segment(0, 200, "您好，这里是江城银行，工号八零二一，请问有什么可以帮您？"),
        segment(1, 6_000, "我想问一下理财。"),
        segment(0, 8_000, "这款产品保本保息，您放心买。"),
        segment(1, 11_500, "不对吧，我要到银保监会投诉你们。"),
    ]
}

/// A segment of one word for each character, 200 ms each.
pub fn segment(channel: u16, start: u64, text: &str) -> Segment {
    let mut words: Vec<Word> = Vec::new();
    let mut at = start;
    for character in text.chars() {
        if let ('，' | '。' | '？', Some(word)) = (character, words.last_mut()) {
            word.text.push(character);
            continue;
        }
        let span = TimeSpan::new(Millis(at), Millis(at + 200));
        words.push(Word { text: character.to_string(), span, confidence: 0.9 });
        at += 200;
    }
    let span = TimeSpan::new(Millis(start), Millis(at));
    Segment { channel: ChannelIndex(channel), span, text: text.to_owned(), words, confidence: 0.9 }
}

/// A stereo recording of 15 s with a different tone on each channel. `seed` makes the bytes differ.
pub fn recording(seed: u32) -> Vec<u8> {
    tones(15, [300.0 + f64::from(seed), 440.0])
}

/// A stereo recording of so many seconds with a loud tone on each channel, in Hz.
pub fn tones(seconds: u32, hertz: [f64; 2]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("it begins");
    for index in 0..8000 * seconds {
        for hertz in hertz {
            let phase = f64::from(index) / 8000.0 * hertz * std::f64::consts::TAU;
            writer.write_sample((phase.sin() * 6000.0) as i16).expect("it is written");
        }
    }
    writer.finalize().expect("it ends");
    bytes.into_inner()
}

pub fn header(call_id: &str) -> v1::UploadCallHeader {
    v1::UploadCallHeader { call_id: call_id.to_owned(), ..Default::default() }
}

pub fn header_part(header: v1::UploadCallHeader) -> v1::UploadCallRequest {
    v1::UploadCallRequest { part: Some(Part::Header(header)) }
}

pub fn chunk_part(bytes: &[u8]) -> v1::UploadCallRequest {
    v1::UploadCallRequest { part: Some(Part::Chunk(bytes::Bytes::copy_from_slice(bytes))) }
}

/// The messages of an upload, in chunks of 64 KiB.
pub fn parts(header: v1::UploadCallHeader, bytes: &[u8]) -> Vec<v1::UploadCallRequest> {
    let mut parts = vec![header_part(header)];
    parts.extend(bytes.chunks(1 << 16).map(chunk_part));
    parts
}

pub async fn upload(
    client: &mut Client,
    header: v1::UploadCallHeader,
    bytes: &[u8],
) -> Result<v1::UploadCallResponse, Status> {
    let messages = tokio_stream::iter(parts(header, bytes));
    client.upload_call(messages).await.map(tonic::Response::into_inner)
}

/// Every update of a call, until the stream ends.
pub async fn watch(client: &mut Client, call_id: &str) -> Result<Vec<v1::WatchCallResponse>, Status> {
    let request = v1::WatchCallRequest { call_id: call_id.to_owned() };
    let mut updates = client.watch_call(request).await?.into_inner();
    let mut seen = Vec::new();
    while let Some(update) = updates.message().await? {
        seen.push(update);
    }
    Ok(seen)
}

/// Waits for the call's end and gives its last update.
pub async fn ended(client: &mut Client, call_id: &str) -> v1::WatchCallResponse {
    watch(client, call_id).await.expect("it can be watched").pop().expect("there is a state")
}

/// Uploads a sound recording and waits until it is done.
pub async fn upload_done(client: &mut Client, header: v1::UploadCallHeader, seed: u32) {
    let call_id = header.call_id.clone();
    upload(client, header, &recording(seed)).await.expect("it is taken");
    assert_eq!(ended(client, &call_id).await.state(), v1::CallState::Done);
}

pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The first field that a status finds wrong.
pub fn field(status: &Status) -> String {
    let violations =
        status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
    violations.into_iter().next().map(|violation| violation.field).unwrap_or_default()
}
