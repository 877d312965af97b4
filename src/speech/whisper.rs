//! The real transcriber: recognisers side by side over one loaded Whisper model.
//!
//! Each recogniser is a thread with a state of its own. Calls share them; a call keeps at most two windows per
//! recogniser in flight, so its audio is read no faster than it is recognised and memory stays bounded.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use whisper_rs::{
    DtwMode, DtwModelPreset, DtwParameters, WhisperContext, WhisperContextParameters, install_logging_hooks,
};

use super::decode::Decoder;
use super::recognize::{Recognized, recognize};
use super::vad::{Segmenter, VoiceDetector};
use super::window::{Packer, Window};
use super::{RecognitionSummary, SpeechConfig, SpeechError, Transcriber, Transcript};
use crate::audio::{AudioError, Block, SAMPLE_RATE_HZ};
use crate::types::{ChannelIndex, Millis};

type Reply = Result<Recognized, SpeechError>;

/// A window and where its result goes.
#[derive(Debug)]
struct Job {
    window: Window,
    reply: Sender<Reply>,
}

/// Recognises calls with Whisper and Silero VAD on this machine.
#[derive(Debug)]
pub struct WhisperTranscriber {
    config: SpeechConfig,
    vad_model: PathBuf,
    /// Detectors that no call uses now; the network is small but loading leaks its path.
    idle_detectors: Mutex<Vec<VoiceDetector>>,
    jobs: Option<SyncSender<Job>>,
    recognizers: Vec<JoinHandle<()>>,
}

impl WhisperTranscriber {
    /// Loads the models once and starts the recognisers.
    ///
    /// `whisper` and `vad` are ggml files as `diting models pull` leaves them.
    ///
    /// # Errors
    /// [`SpeechError::Config`] for settings that cannot work, [`SpeechError::LoadModel`] for files that do not load.
    pub fn load(config: &SpeechConfig, whisper: &Path, vad: &Path) -> Result<Self, SpeechError> {
        config.check()?;
        install_logging_hooks();
        let mut parameters = WhisperContextParameters::new();
        parameters.use_gpu(config.use_gpu);
        // Word times need the attention weights, which flash attention does not keep.
        parameters.flash_attn(false);
        let mode = alignment_heads(&config.model);
        parameters.dtw_parameters(DtwParameters { mode, ..DtwParameters::default() });
        let context = WhisperContext::new_with_params(whisper, parameters)
            .map_err(|_| SpeechError::LoadModel { path: whisper.to_owned() })?;
        let detector = VoiceDetector::load(vad)?;

        let num_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (num_recognizers, num_threads) = config.workers(num_cores);
        let (sender, receiver) = sync_channel(num_recognizers);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut recognizers = Vec::new();
        for index in 0..num_recognizers {
            let decoder = Decoder::new(&context, config, num_threads)?;
            let (receiver, prompt) = (Arc::clone(&receiver), config.prompt.clone());
            let thread = std::thread::Builder::new()
                .name(format!("recognizer-{index}"))
                .spawn(move || work(&receiver, decoder, &prompt))
                .map_err(|source| SpeechError::Thread { source })?;
            recognizers.push(thread);
        }
        Ok(Self {
            config: config.clone(),
            vad_model: vad.to_owned(),
            idle_detectors: Mutex::new(vec![detector]),
            jobs: Some(sender),
            recognizers,
        })
    }

    fn take_detector(&self) -> Result<VoiceDetector, SpeechError> {
        let idle = self.idle_detectors.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| VoiceDetector::load(&self.vad_model), Ok)
    }
}

impl Transcriber for WhisperTranscriber {
    fn transcribe(
        &self,
        blocks: &mut dyn Iterator<Item = Result<Block, AudioError>>,
        channels: &[ChannelIndex],
        progress: &mut dyn FnMut(Millis),
        cancel: &AtomicBool,
    ) -> Result<Transcript, SpeechError> {
        let mut detector = self.take_detector()?;
        let jobs = self.jobs.as_ref().ok_or(SpeechError::Stopped)?;
        let mut call = Call::new(jobs, 2 * self.recognizers.len().max(1), progress, cancel);
        let max_window = self.config.max_window;
        let mut tracks: Vec<Track> =
            channels.iter().map(|channel| Track::new(*channel, &self.config, max_window)).collect();
        for block in blocks {
            let block = block?;
            for (track, samples) in tracks.iter_mut().zip(&block.channels) {
                for piece in track.segmenter.push(samples, &mut detector)? {
                    if let Some(window) = track.packer.push(piece) {
                        call.submit(window)?;
                    }
                }
            }
            let num_samples = block.channels.first().map_or(0, Vec::len) as u64;
            call.read_until(Millis::from_samples(block.start + num_samples, SAMPLE_RATE_HZ))?;
        }
        for mut track in tracks {
            for piece in track.segmenter.finish(&mut detector)? {
                if let Some(window) = track.packer.push(piece) {
                    call.submit(window)?;
                }
            }
            if let Some(window) = track.packer.finish() {
                call.submit(window)?;
            }
        }
        let mut transcript = call.finish()?;
        self.idle_detectors.lock().unwrap_or_else(PoisonError::into_inner).push(detector);
        transcript.summary.model.clone_from(&self.config.model);
        transcript.summary.language.clone_from(&self.config.language);
        Ok(transcript)
    }

    fn model(&self) -> &str {
        &self.config.model
    }
}

impl Drop for WhisperTranscriber {
    fn drop(&mut self) {
        // Closing the queue ends the recognisers once they have done what is in it.
        self.jobs = None;
        for recognizer in self.recognizers.drain(..) {
            if recognizer.join().is_err() {
                tracing::error!("a recognizer had panicked");
            }
        }
    }
}

/// A recogniser's life: windows in, results out, until the queue closes.
fn work(jobs: &Mutex<Receiver<Job>>, mut decoder: Decoder, prompt: &str) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { window, reply }) = job else { return };
        // A defect in one window fails its call, not the recogniser: every window starts from a fresh context.
        let recognized = catch_unwind(AssertUnwindSafe(|| recognize(&mut decoder, &window, prompt)));
        // A call that gave up no longer listens: nothing to tell.
        reply.send(recognized.unwrap_or(Err(SpeechError::Panicked))).ok();
    }
}

/// One channel on its way to windows.
#[derive(Debug)]
struct Track {
    segmenter: Segmenter,
    packer: Packer,
}

impl Track {
    fn new(channel: ChannelIndex, config: &SpeechConfig, max_window: Millis) -> Self {
        Self {
            segmenter: Segmenter::new(config.vad.clone(), max_window),
            packer: Packer::new(channel, max_window),
        }
    }
}

/// The windows of one call: submitted in order, collected in order.
struct Call<'a> {
    jobs: &'a SyncSender<Job>,
    max_in_flight: usize,
    in_flight: VecDeque<(Receiver<Reply>, Millis)>,
    progress: &'a mut dyn FnMut(Millis),
    cancel: &'a AtomicBool,
    transcript: Transcript,
}

impl<'a> Call<'a> {
    fn new(
        jobs: &'a SyncSender<Job>,
        max_in_flight: usize,
        progress: &'a mut dyn FnMut(Millis),
        cancel: &'a AtomicBool,
    ) -> Self {
        let in_flight = VecDeque::with_capacity(max_in_flight);
        Self { jobs, max_in_flight, in_flight, progress, cancel, transcript: Transcript::default() }
    }

    /// Hands a window to the recognisers; waits while too many are under way.
    fn submit(&mut self, window: Window) -> Result<(), SpeechError> {
        while self.in_flight.len() >= self.max_in_flight {
            self.collect()?;
        }
        if self.cancel.load(Ordering::Relaxed) {
            return Err(SpeechError::Cancelled);
        }
        let end = window.pieces.last().map_or(Millis::ZERO, |piece| piece.span().end);
        self.transcript.summary.speech = self.transcript.summary.speech + window.speech();
        let (reply, result) = channel();
        self.jobs.send(Job { window, reply }).map_err(|_| SpeechError::Stopped)?;
        self.in_flight.push_back((result, end));
        Ok(())
    }

    /// Tells progress when nothing is under way, as on a call without speech.
    fn read_until(&mut self, time: Millis) -> Result<(), SpeechError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(SpeechError::Cancelled);
        }
        if self.in_flight.is_empty() {
            (self.progress)(time);
        }
        Ok(())
    }

    /// Takes the result of the oldest window.
    fn collect(&mut self) -> Result<(), SpeechError> {
        let Some((result, end)) = self.in_flight.pop_front() else { return Ok(()) };
        let recognized = result.recv().map_err(|_| SpeechError::Stopped)??;
        self.transcript.segments.extend(recognized.segments);
        self.transcript.unheard.extend(recognized.unheard);
        add(&mut self.transcript.summary.redecoded, recognized.redecoded);
        add(&mut self.transcript.summary.dropped, recognized.dropped);
        (self.progress)(end);
        Ok(())
    }

    fn finish(mut self) -> Result<Transcript, SpeechError> {
        while !self.in_flight.is_empty() {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(SpeechError::Cancelled);
            }
            self.collect()?;
        }
        self.transcript.segments.sort_by_key(|segment| (segment.span.start, segment.channel));
        self.transcript.unheard.sort_by_key(|unheard| (unheard.span.start, unheard.channel));
        let RecognitionSummary { redecoded, dropped, .. } = &self.transcript.summary;
        tracing::debug!(?redecoded, ?dropped, "recognised");
        Ok(self.transcript)
    }
}

fn add(totals: &mut BTreeMap<String, u32>, counts: BTreeMap<&'static str, u32>) {
    for (reason, count) in counts {
        *totals.entry(reason.to_owned()).or_default() += count;
    }
}

/// The attention heads that follow the audio: known for each of OpenAI's models, guessed for others.
fn alignment_heads(model: &str) -> DtwMode<'static> {
    let size = model.split(['-', '.']).next().unwrap_or(model);
    let model_preset = match size {
        "tiny" => DtwModelPreset::Tiny,
        "base" => DtwModelPreset::Base,
        "small" => DtwModelPreset::Small,
        "medium" => DtwModelPreset::Medium,
        _ => return DtwMode::TopMost { n_top: 2 },
    };
    DtwMode::ModelPreset { model_preset }
}
