//! The real transcriber: recognisers side by side over one loaded Whisper model.
//!
//! Each recogniser is a thread with a state of its own. Calls share them; a call keeps at most two windows per
//! recogniser in flight, so its audio is read no faster than it is recognised and memory stays bounded.
//!
//! **Invariant**: what a call that gave up has queued is skipped, so it waits for no more than the windows that are being
//! recognised; the progress of a call never goes back.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use whisper_rs::whisper_rs_sys::whisper_ahead;
use whisper_rs::{DtwMode, DtwParameters, WhisperContext, WhisperContextParameters, install_logging_hooks};

use super::decode::Decoder;
use super::heads;
use super::hot_words::HotWords;
use super::recognize::{Expectation, Recognized, recognize};
use super::vad::{Piece, Segmenter, VoiceDetector};
use super::window::{Packer, Window};
use super::{RecognitionSummary, SpeechConfig, SpeechError, Transcriber, Transcript};
use crate::audio::{AudioError, Block, SAMPLE_RATE_HZ};
use crate::types::{ChannelIndex, Millis};

/// How often a call that waits for a window looks whether it was cancelled.
const CANCEL_INTERVAL: Duration = Duration::from_millis(50);

type Reply = Result<Recognized, SpeechError>;

/// A window and where its result goes.
#[derive(Debug)]
struct Job {
    window: Window,
    reply: Sender<Reply>,
    /// Nobody waits for the result any more.
    is_abandoned: Arc<AtomicBool>,
}

/// Recognises calls with Whisper and Silero VAD on this machine.
#[derive(Debug)]
pub struct WhisperTranscriber {
    config: SpeechConfig,
    detector: VoiceDetector,
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
        let has_kernels = config.use_kernels && !config.use_gpu && diting_kernels::is_supported();
        let mut parameters = WhisperContextParameters::new();
        parameters.use_gpu(config.use_gpu);
        // Word times need the attention weights, which flash attention does not keep.
        parameters.flash_attn(false);
        // Our kernels show the attention while it is computed; elsewhere the library aligns by itself.
        let library_heads: Vec<whisper_ahead> = heads::known(&config.model)
            .unwrap_or_default()
            .iter()
            .map(|&(layer, head)| whisper_ahead { n_text_layer: layer as c_int, n_head: head as c_int })
            .collect();
        if !has_kernels {
            let mode = if library_heads.is_empty() {
                DtwMode::TopMost { n_top: heads::TOP_LAYERS as c_int }
            } else {
                DtwMode::Custom { aheads: &library_heads }
            };
            parameters.dtw_parameters(DtwParameters { mode, ..DtwParameters::default() });
        }
        let context = WhisperContext::new_with_params(whisper, parameters)
            .map_err(|_| SpeechError::LoadModel { path: whisper.to_owned() })?;
        let detector = VoiceDetector::load(vad)?;

        let num_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let num_recognizers = config.workers(num_cores);
        let (sender, receiver) = sync_channel(num_recognizers);
        let receiver = Arc::new(Mutex::new(receiver));
        let expected =
            Expectation { prompt: config.prompt.clone(), hot_words: HotWords::new(&config.hot_words) };
        let mut recognizers = Vec::new();
        for index in 0..num_recognizers {
            let mut decoder = Decoder::new(&context, config, has_kernels)?;
            let (receiver, expected) = (Arc::clone(&receiver), expected.clone());
            let thread = std::thread::Builder::new()
                .name(format!("recognizer-{index}"))
                .spawn(move || work(&receiver, |window| recognize(&mut decoder, window, &expected)))
                .map_err(|source| SpeechError::Thread { source })?;
            recognizers.push(thread);
        }
        Ok(Self { config: config.clone(), detector, jobs: Some(sender), recognizers })
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
        let jobs = self.jobs.as_ref().ok_or(SpeechError::Stopped)?;
        let mut call = Call::new(jobs, 2 * self.recognizers.len().max(1), progress, cancel);
        let mut tracks: Vec<Track> =
            channels.iter().map(|channel| Track::new(*channel, &self.config, &self.detector)).collect();
        let mut read = Millis::ZERO;
        for block in blocks {
            let block = block?;
            for (track, samples) in tracks.iter_mut().zip(&block.channels) {
                for piece in track.segmenter.push(samples) {
                    if let Some(window) = track.pack(piece) {
                        call.submit(window)?;
                    }
                }
            }
            let num_samples = block.channels.first().map_or(0, Vec::len) as u64;
            read = Millis::from_samples(block.start + num_samples, SAMPLE_RATE_HZ);
            call.read_until(tracks.iter().filter_map(|track| track.pending).fold(read, Millis::min))?;
        }
        for mut track in tracks {
            for piece in track.segmenter.finish() {
                if let Some(window) = track.packer.push(piece) {
                    call.submit(window)?;
                }
            }
            if let Some(window) = track.packer.finish() {
                call.submit(window)?;
            }
        }
        call.read_until(read)?;
        let mut transcript = call.finish()?;
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
        // Closing the queue ends the recognisers. No call is left, so what is still in it was abandoned and is skipped.
        self.jobs = None;
        for recognizer in self.recognizers.drain(..) {
            if recognizer.join().is_err() {
                tracing::error!("a recognizer had panicked");
            }
        }
    }
}

/// A recogniser's life: windows in, results out, until the queue closes. Windows of calls that gave up are skipped.
fn work(jobs: &Mutex<Receiver<Job>>, mut recognize: impl FnMut(&Window) -> Reply) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { window, reply, is_abandoned }) = job else { return };
        if is_abandoned.load(Ordering::Relaxed) {
            continue;
        }
        // A defect in one window fails its call, not the recogniser: every window starts from a fresh context.
        let recognized = catch_unwind(AssertUnwindSafe(|| recognize(&window)));
        // A call that gave up no longer listens: nothing to tell.
        reply.send(recognized.unwrap_or(Err(SpeechError::Panicked))).ok();
    }
}

/// One channel on its way to windows.
#[derive(Debug)]
struct Track {
    segmenter: Segmenter,
    packer: Packer,
    /// Where the speech begins that is packed but not in a window yet.
    pending: Option<Millis>,
}

impl Track {
    fn new(channel: ChannelIndex, config: &SpeechConfig, detector: &VoiceDetector) -> Self {
        Self {
            segmenter: Segmenter::new(config.vad.clone(), config.max_window, detector.clone()),
            packer: Packer::new(channel, config.max_window),
            pending: None,
        }
    }

    /// Packs a piece; gives the window that is full.
    fn pack(&mut self, piece: Piece) -> Option<Window> {
        let start = Millis::from_samples(piece.start, SAMPLE_RATE_HZ);
        let window = self.packer.push(piece);
        // The piece that fills a window is itself the first of the next.
        self.pending = if window.is_some() { Some(start) } else { self.pending.or(Some(start)) };
        window
    }
}

/// The windows of one call: submitted in order, collected in order.
struct Call<'a> {
    jobs: &'a SyncSender<Job>,
    max_in_flight: usize,
    /// Results to come, each with the start of its window.
    in_flight: VecDeque<(Receiver<Reply>, Millis)>,
    is_abandoned: Arc<AtomicBool>,
    /// Everything before is in a window.
    packed: Millis,
    /// What was last told.
    reached: Millis,
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
        Self {
            jobs,
            max_in_flight,
            in_flight,
            is_abandoned: Arc::default(),
            packed: Millis::ZERO,
            reached: Millis::ZERO,
            progress,
            cancel,
            transcript: Transcript::default(),
        }
    }

    /// Hands a window to the recognisers; waits while too many are under way.
    fn submit(&mut self, window: Window) -> Result<(), SpeechError> {
        while self.in_flight.len() >= self.max_in_flight {
            self.collect()?;
        }
        self.go_on()?;
        let start = window.pieces.first().map_or(Millis::ZERO, |piece| piece.span().start);
        self.transcript.summary.speech = self.transcript.summary.speech + window.speech();
        let (reply, result) = channel();
        let is_abandoned = self.is_abandoned.clone();
        self.jobs.send(Job { window, reply, is_abandoned }).map_err(|_| SpeechError::Stopped)?;
        self.in_flight.push_back((result, start));
        Ok(())
    }

    /// Notes that all speech before `time` is in a window.
    fn read_until(&mut self, time: Millis) -> Result<(), SpeechError> {
        self.go_on()?;
        self.packed = time;
        self.tell();
        Ok(())
    }

    /// Tells how much of the recording is done on every channel, if that has grown.
    fn tell(&mut self) {
        let done = self.in_flight.iter().map(|(_, start)| *start).fold(self.packed, Millis::min);
        if done > self.reached {
            self.reached = done;
            (self.progress)(done);
        }
    }

    fn go_on(&self) -> Result<(), SpeechError> {
        if self.cancel.load(Ordering::Relaxed) { Err(SpeechError::Cancelled) } else { Ok(()) }
    }

    /// Takes the result of the oldest window.
    fn collect(&mut self) -> Result<(), SpeechError> {
        let Some((result, _)) = self.in_flight.front() else { return Ok(()) };
        let recognized = loop {
            self.go_on()?;
            match result.recv_timeout(CANCEL_INTERVAL) {
                Ok(recognized) => break recognized?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(SpeechError::Stopped),
            }
        };
        self.in_flight.pop_front();
        self.transcript.segments.extend(recognized.segments);
        self.transcript.unheard.extend(recognized.unheard);
        add(&mut self.transcript.summary.redecoded, recognized.redecoded);
        add(&mut self.transcript.summary.dropped, recognized.dropped);
        self.tell();
        Ok(())
    }

    fn finish(mut self) -> Result<Transcript, SpeechError> {
        while !self.in_flight.is_empty() {
            self.collect()?;
        }
        self.transcript.segments.sort_by_key(|segment| (segment.span.start, segment.channel));
        self.transcript.unheard.sort_by_key(|unheard| (unheard.span.start, unheard.channel));
        let RecognitionSummary { redecoded, dropped, .. } = &self.transcript.summary;
        tracing::debug!(?redecoded, ?dropped, "recognised");
        Ok(std::mem::take(&mut self.transcript))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }
}

fn add(totals: &mut BTreeMap<String, u32>, counts: BTreeMap<&'static str, u32>) {
    for (reason, count) in counts {
        *totals.entry(reason.to_owned()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Windows of one piece each: channel, start and end in seconds.
    fn windows(spans: &[(u16, u64, u64)]) -> Vec<Window> {
        let window = |&(channel, start, end): &(u16, u64, u64)| {
            let rate = u64::from(SAMPLE_RATE_HZ);
            let samples = vec![0.0; ((end - start) * rate) as usize];
            let mut packer = Packer::new(ChannelIndex(channel), Millis(28_000));
            packer.push(Piece { start: start * rate, samples, padding: (0, 0) });
            packer.finish().expect("a piece makes a window")
        };
        spans.iter().map(window).collect()
    }

    #[test]
    fn progress_never_goes_back_and_ends_only_with_the_last_window() {
        let (jobs, receiver) = sync_channel(1);
        let receiver = Mutex::new(receiver);
        let mut told = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| work(&receiver, |_| Ok(Recognized::default())));
            let mut progress = |time: Millis| told.push(time.0);
            let cancel = AtomicBool::new(false);
            let mut call = Call::new(&jobs, 2, &mut progress, &cancel);
            call.read_until(Millis(2_000)).unwrap();
            for window in windows(&[(0, 80, 100), (1, 10, 38), (0, 60, 80), (1, 40, 60)]) {
                call.submit(window).unwrap();
                call.read_until(Millis(10_000)).unwrap();
            }
            call.read_until(Millis(100_000)).unwrap();
            call.finish().unwrap();
            drop(jobs);
        });
        assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
        assert_eq!((told.first(), told.last()), (Some(&2_000), Some(&100_000)));
        assert!(told.iter().rev().skip(1).all(|time| *time <= 60_000), "{told:?}");
    }

    #[test]
    fn a_cancelled_call_neither_waits_for_its_windows_nor_leaves_them_to_be_recognised() {
        let (jobs, receiver) = sync_channel(4);
        let receiver = Mutex::new(receiver);
        let (begun, has_begun) = channel();
        let (release, released) = channel::<()>();
        let cancel = AtomicBool::new(false);
        thread::scope(|scope| {
            let receiver = &receiver;
            scope.spawn(move || {
                work(receiver, |_| {
                    begun.send(()).unwrap();
                    released.recv().unwrap();
                    Ok(Recognized::default())
                });
            });
            let mut progress = |_: Millis| {};
            let mut call = Call::new(&jobs, 4, &mut progress, &cancel);
            for window in windows(&[(0, 0, 10), (0, 10, 20), (0, 20, 30)]) {
                call.submit(window).unwrap();
            }
            has_begun.recv().unwrap();
            scope.spawn(|| cancel.store(true, Ordering::Relaxed));
            // The recogniser is held, so this ends only because it looks at `cancel`.
            assert!(matches!(call.finish(), Err(SpeechError::Cancelled)));
            release.send(()).unwrap();
            drop(jobs);
        });
        assert_eq!(has_begun.iter().count(), 0, "what was queued is skipped");
    }
}
