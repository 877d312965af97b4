//! What several system tests need: recordings, a transcriber that can be steered, an opened data directory.

use std::f32::consts::TAU;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use diting::analysis::RuleSet;
use diting::app::job_tools;
use diting::archive::Tools;
use diting::audio::{AudioError, Block};
use diting::config::Config;
use diting::ingest::{BlobStore, CallState, IngestConfig, Origin};
use diting::pipeline::{Accepted, CallProgress, Calls, PipelineConfig, PipelineError};
use diting::speech::{RecognitionSummary, Segment, SpeechError, Transcriber, Transcript, Word};
use diting::store::{Store, StoreConfig};
use diting::types::{AudioDeclaration, CallId, CallMetadata, ChannelIndex, Millis, SpeakerRole, TimeSpan};

/// A WAV of one second at 8 kHz, one tone per channel; 0 Hz is silence.
pub(crate) fn wav(tones_hz: &[f32]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: tones_hz.len() as u16,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for index in 0..8_000 {
        for tone in tones_hz {
            let sample = (TAU * tone * index as f32 / 8_000.0).sin() * 8_000.0;
            writer.write_sample(sample as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// What the agent says on channel 0 in every test call.
pub(crate) fn forbidden_promise() -> Segment {
    let words: Vec<Word> = "这个产品保本保息。"
        .char_indices()
        .map(|(index, character)| Word {
            text: character.to_string(),
            span: TimeSpan::new(Millis(100 + index as u64 * 10), Millis(120 + index as u64 * 10)),
            confidence: 0.9,
        })
        .collect();
    Segment {
        channel: ChannelIndex(0),
        span: TimeSpan::new(Millis(100), Millis(400)),
        text: words.iter().map(|word| word.text.as_str()).collect(),
        words,
        confidence: 0.9,
    }
}

/// Metadata of a call between an agent on channel 0 and a customer on channel 1.
pub(crate) fn metadata() -> CallMetadata {
    CallMetadata {
        agent_id: Some("007".to_owned()),
        channel_roles: [(ChannelIndex(0), SpeakerRole::Agent), (ChannelIndex(1), SpeakerRole::Customer)]
            .into(),
        ..CallMetadata::default()
    }
}

/// Notes which channels it is given, and on demand waits at a gate or panics.
#[derive(Debug, Default)]
pub(crate) struct SteeredTranscriber {
    pub(crate) seen: Mutex<Vec<Vec<ChannelIndex>>>,
    pub(crate) panics: AtomicBool,
    gate: Mutex<Gate>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    is_shut: bool,
    num_waiting: usize,
}

impl SteeredTranscriber {
    pub(crate) fn shut(&self) {
        self.gate.lock().unwrap().is_shut = true;
    }

    pub(crate) fn open(&self) {
        self.gate.lock().unwrap().is_shut = false;
        self.moved.notify_all();
    }

    /// Returns when a call waits at the gate.
    pub(crate) fn await_arrival(&self) {
        self.await_arrivals(1);
    }

    /// Returns when so many calls wait at the gate.
    pub(crate) fn await_arrivals(&self, num_calls: usize) {
        let gate = self.gate.lock().unwrap();
        drop(self.moved.wait_while(gate, |gate| gate.num_waiting < num_calls).unwrap());
    }
}

impl Transcriber for SteeredTranscriber {
    fn transcribe(
        &self,
        blocks: &mut dyn Iterator<Item = Result<Block, AudioError>>,
        channels: &[ChannelIndex],
        progress: &mut dyn FnMut(Millis),
        cancel: &AtomicBool,
    ) -> Result<Transcript, SpeechError> {
        self.seen.lock().unwrap().push(channels.to_vec());
        assert!(!self.panics.load(Ordering::Relaxed), "told to panic");
        for block in blocks {
            let block = block?;
            assert_eq!(block.channels.len(), channels.len());
        }
        progress(Millis(500));
        let mut gate = self.gate.lock().unwrap();
        gate.num_waiting += 1;
        self.moved.notify_all();
        while gate.is_shut && !cancel.load(Ordering::Relaxed) {
            // Looks at `cancel` now and then, as a recogniser does between windows.
            gate = self.moved.wait_timeout(gate, std::time::Duration::from_millis(5)).unwrap().0;
        }
        gate.num_waiting -= 1;
        if cancel.load(Ordering::Relaxed) {
            return Err(SpeechError::Cancelled);
        }
        let summary = RecognitionSummary { model: "steered".to_owned(), ..RecognitionSummary::default() };
        Ok(Transcript { segments: vec![forbidden_promise()], summary, ..Transcript::default() })
    }

    fn model(&self) -> &str {
        "steered"
    }
}

pub(crate) fn open_store(dir: &Path) -> Arc<Store> {
    Arc::new(Store::open(&StoreConfig { data_dir: dir.to_owned(), ..StoreConfig::default() }).unwrap())
}

pub(crate) fn open_blobs(dir: &Path) -> BlobStore {
    BlobStore::open(dir, &IngestConfig::default()).unwrap()
}

/// Starts the pipeline over `dir` with one worker, so that calls run in order, and no grace at the end.
pub(crate) fn start(dir: &Path, transcriber: &Arc<SteeredTranscriber>) -> Calls {
    start_with(dir, transcriber, PipelineConfig::default().max_attempts)
}

/// As [`start`], with another number of attempts.
pub(crate) fn start_with(dir: &Path, transcriber: &Arc<SteeredTranscriber>, max_attempts: u32) -> Calls {
    let config = PipelineConfig {
        num_workers: 1,
        max_attempts,
        shutdown_grace: Millis(0),
        ..PipelineConfig::default()
    };
    let rules = Arc::new(RuleSet::bank());
    Calls::start(config, open_store(dir), open_blobs(dir), transcriber.clone(), rules).unwrap()
}

pub(crate) fn id(text: &str) -> CallId {
    CallId::try_new(text).unwrap()
}

pub(crate) fn upload(calls: &Calls, name: &str, bytes: &[u8]) -> Result<Accepted, PipelineError> {
    let mut upload = calls.begin_upload(id(name), metadata(), AudioDeclaration::default(), Origin::Upload)?;
    for chunk in bytes.chunks(1_000) {
        upload.write(chunk)?;
    }
    calls.accept(upload)
}

/// Waits for the end of a call.
pub(crate) fn end_of(calls: &Calls, name: &str) -> CallProgress {
    let mut progress = calls.watch(&id(name)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let last = runtime
        .block_on(progress.wait_for(|now| matches!(now.state, CallState::Done | CallState::Failed(_))))
        .unwrap();
    last.clone()
}

/// The reason with which a call failed.
pub(crate) fn failure_of(calls: &Calls, name: &str) -> String {
    let state = end_of(calls, name).state;
    let CallState::Failed(failure) = state else { panic!("{name} ended as {state:?}") };
    failure.reason
}

/// What jobs need, without any other speech model.
pub(crate) fn tools() -> Tools {
    Tools {
        load_transcriber: Arc::new(|model: &str| Err(format!("there is no model `{model}`"))),
        ..job_tools(&Config::default())
    }
}
