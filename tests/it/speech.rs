//! Recognition with the real `base` weights on the project's own sample calls.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use diting::audio::{AudioConfig, AudioStream};
use diting::speech::model::ModelStore;
use diting::speech::{SpeechConfig, SpeechError, Transcriber, Transcript, WhisperTranscriber};
use diting::types::{AudioDeclaration, ChannelIndex, Millis};
use whisper_rs::{WhisperContext, WhisperContextParameters};

use crate::weights;

const STEREO: [ChannelIndex; 2] = [ChannelIndex(0), ChannelIndex(1)];

fn base(num_recognizers: usize) -> SpeechConfig {
    SpeechConfig { model: "base".to_owned(), num_recognizers, ..SpeechConfig::default() }
}

fn load(num_recognizers: usize) -> WhisperTranscriber {
    weights::load(&base(num_recognizers))
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/calls").join(name)
}

fn transcribe(
    transcriber: &WhisperTranscriber,
    progress: &mut dyn FnMut(Millis),
    cancel: &AtomicBool,
) -> Result<Transcript, SpeechError> {
    let declaration = AudioDeclaration::default();
    let mut stream =
        AudioStream::open(&sample("mis-selling.wav"), &declaration, &STEREO, &AudioConfig::default())?;
    transcriber.transcribe(&mut stream, &STEREO, progress, cancel)
}

#[test]
fn a_call_becomes_timed_words_on_both_channels() {
    let mut told = Vec::new();
    let transcript = transcribe(&load(2), &mut |time| told.push(time), &AtomicBool::new(false)).unwrap();
    assert!(told.is_sorted() && told.len() > 1, "progress goes forward: {told:?}");
    for channel in STEREO {
        let on_channel: Vec<_> = transcript.segments.iter().filter(|s| s.channel == channel).collect();
        let num_words: usize = on_channel.iter().map(|segment| segment.words.len()).sum();
        assert!(num_words > 20, "{num_words} words on channel {channel}");
        let words = on_channel.iter().flat_map(|segment| &segment.words);
        assert!(words.clone().is_sorted_by_key(|word| word.span.start));
        assert!(words.clone().all(|word| word.span.duration() <= Millis(800)));
        assert!(words.clone().all(|word| (0.0..=1.0).contains(&word.confidence)));
    }
    for segment in &transcript.segments {
        let joined: String = segment.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(joined, segment.text);
    }
    // The agent speaks first, whether `base` makes out the synthetic voice or not.
    let heard = transcript.segments.iter().map(|segment| (segment.span.start, segment.channel));
    let unheard = transcript.unheard.iter().map(|unheard| (unheard.span.start, unheard.channel));
    assert_eq!(heard.chain(unheard).min().unwrap().1, ChannelIndex(0));
}

#[test]
fn the_text_does_not_depend_on_how_many_recognizers_work_or_what_they_did_before() {
    let (one, two) = (load(1), load(2));
    let never = AtomicBool::new(false);
    let first = transcribe(&two, &mut |_| {}, &never).unwrap();
    assert_eq!(first, transcribe(&two, &mut |_| {}, &never).unwrap());
    assert_eq!(first, transcribe(&one, &mut |_| {}, &never).unwrap());
}

/// Four seconds of a sample call as one channel of telephone sound, in which `base` makes out nothing.
fn unclear(folder: &Path) -> PathBuf {
    let config = AudioConfig::default();
    let declaration = AudioDeclaration::default();
    let stream = AudioStream::open(&sample("fraud-warning.opus"), &declaration, &STEREO, &config).unwrap();
    let mixed: Vec<f32> = stream
        .flat_map(|block| {
            let channels = block.unwrap().channels;
            channels[0].iter().zip(&channels[1]).map(|(one, other)| (one + other) / 2.0).collect::<Vec<_>>()
        })
        .collect();
    let path = folder.join("unclear.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for pair in mixed[3 * 16_000..7 * 16_000].chunks(2) {
        writer.write_sample(((pair[0] + pair[1]) / 2.0 * 32_767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    path
}

#[test]
fn a_doubtful_window_leaves_nothing_behind_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (path, one) = (unclear(folder.path()), load(1));
    let mono = [ChannelIndex(0)];
    let never = AtomicBool::new(false);
    let hear = || {
        let config = AudioConfig::default();
        let mut stream = AudioStream::open(&path, &AudioDeclaration::default(), &mono, &config).unwrap();
        one.transcribe(&mut stream, &mono, &mut |_| {}, &never).unwrap()
    };
    let first = hear();
    assert!(!first.summary.redecoded.is_empty(), "it is doubtful, or this test shows nothing: {first:?}");
    assert_eq!(hear(), first);
    assert_eq!(hear(), first);
}

#[test]
fn our_kernels_compute_what_those_of_ggml_compute() {
    let model = ModelStore::open(None).unwrap().path("base").unwrap();
    let mut parameters = WhisperContextParameters::new();
    parameters.use_gpu(false);
    parameters.flash_attn(false);
    let context = WhisperContext::new_with_params(&model, parameters).unwrap();
    let chinese = context.token_lang(whisper_rs::get_lang_id("zh").unwrap());
    let task = [context.token_sot(), chinese, context.token_transcribe(), context.token_not()];
    let mut stream = AudioStream::open(
        &sample("mis-selling.wav"),
        &AudioDeclaration::default(),
        &STEREO,
        &AudioConfig::default(),
    )
    .unwrap();
    let audio: Vec<f32> =
        stream.by_ref().take(20).flat_map(|block| block.unwrap().channels[0].clone()).collect();
    let logits = |kernels: bool| {
        diting_kernels::use_on_this_thread(kernels);
        let mut state = context.create_state().unwrap();
        state.pcm_to_mel(&audio, 1).unwrap();
        state.encode(0, 1).unwrap();
        let mut rows = Vec::new();
        for (index, token) in task.iter().enumerate() {
            state.decode(&[*token], index, 1).unwrap();
            rows.push(state.get_logits().unwrap().to_vec());
        }
        rows
    };
    for (ours, theirs) in logits(true).iter().zip(logits(false)) {
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let likeness = dot(ours, &theirs) / (dot(ours, ours) * dot(&theirs, &theirs)).sqrt();
        assert!(likeness > 0.99, "the cosine between both is {likeness}");
        let differ = ours != &theirs;
        assert_eq!(differ, diting_kernels::is_supported(), "our kernels run where they can");
    }
}

#[test]
fn a_cancelled_call_ends_early() {
    let cancel = AtomicBool::new(false);
    let ended = transcribe(&load(1), &mut |_| cancel.store(true, Ordering::Relaxed), &cancel);
    assert!(matches!(ended, Err(SpeechError::Cancelled)));
}

#[test]
fn settings_and_files_that_cannot_work_are_refused() {
    let models = ModelStore::open(None).unwrap();
    let (base, vad) = (models.path("base").unwrap(), models.path("vad").unwrap());
    let load =
        |config: &SpeechConfig, whisper: &Path| WhisperTranscriber::load(config, whisper, &vad).map(drop);
    let long = SpeechConfig { max_window: Millis(40_000), ..SpeechConfig::default() };
    assert!(matches!(load(&long, &base), Err(SpeechError::Config { setting: "max_window", .. })));
    let klingon = SpeechConfig { language: "tlh".to_owned(), ..SpeechConfig::default() };
    assert!(matches!(load(&klingon, &base), Err(SpeechError::Config { setting: "language", .. })));
    let missing = Path::new("no/such/model.bin");
    assert!(matches!(load(&SpeechConfig::default(), missing), Err(SpeechError::LoadModel { .. })));
}
