//! Calls of two people on one channel, mixed from the project's own stereo samples, whose channels are the truth.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use diting::analysis::{RuleSet, Verdict};
use diting::audio::{AudioConfig, AudioStream, ChannelLayout};
use diting::pipeline::{self, PipelineConfig};
use diting::speaker::{Listener, Voices, separate};
use diting::speech::{ScriptedTranscriber, Segment};
use diting::store::CallResult;
use diting::types::{
    AudioDeclaration, CallMetadata, ChannelIndex, Millis, RoleSource, SpeakerRole, TimeSpan,
};

const RATE_HZ: u32 = 16_000;

/// A sample's channels, and what is said on them: channel, when, the Chinese line.
struct Sample {
    channels: [Vec<f32>; 2],
    said: Vec<(usize, TimeSpan, String)>,
}

fn sample(name: &str) -> Sample {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let path = root.join("calls").join(format!("{name}.wav"));
    let both = [ChannelIndex(0), ChannelIndex(1)];
    let mut channels = [Vec::new(), Vec::new()];
    for block in
        AudioStream::open(&path, &AudioDeclaration::default(), &both, &AudioConfig::default()).unwrap()
    {
        for (channel, samples) in channels.iter_mut().zip(block.unwrap().channels) {
            channel.extend(samples);
        }
    }
    let script = std::fs::read_to_string(root.join("scripts").join(format!("{name}.tsv"))).unwrap();
    let mut runs = [runs(&channels[0]), runs(&channels[1])].map(Vec::into_iter);
    let mut said: Vec<_> = Vec::new();
    for line in script.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let channel: usize = fields[0].parse().unwrap();
        said.push((channel, runs[channel].next().expect("every line is heard"), fields[3].to_owned()));
    }
    assert!(runs.iter_mut().all(|runs| runs.next().is_none()), "nothing is heard that no line says");
    Sample { channels, said }
}

/// Stretches of sound with at least 700 ms of silence between them.
fn runs(samples: &[f32]) -> Vec<TimeSpan> {
    let mut runs: Vec<TimeSpan> = Vec::new();
    for (index, frame) in samples.chunks(RATE_HZ as usize / 50).enumerate() {
        if frame.iter().any(|sample| sample.abs() > 0.02) {
            let span = TimeSpan::new(Millis(index as u64 * 20), Millis(index as u64 * 20 + 20));
            match runs.last_mut().filter(|run| span.start - run.end < Millis(700)) {
                Some(run) => run.end = span.end,
                None => runs.push(span),
            }
        }
    }
    runs
}

impl Sample {
    fn mixed(&self) -> Vec<f32> {
        let [one, two] = &self.channels;
        one.iter().zip(two).map(|(a, b)| a + b).collect()
    }

    /// What a recogniser would give, on one channel.
    fn segments(&self) -> Vec<Segment> {
        let segment = |(_, span, text): &(usize, TimeSpan, String)| Segment {
            channel: ChannelIndex(0),
            span: *span,
            text: text.clone(),
            words: Vec::new(),
            confidence: 0.9,
        };
        self.said.iter().map(segment).collect()
    }
}

fn told_apart(samples: &[f32], spoken: &[TimeSpan]) -> Voices {
    let mut listener = Listener::default();
    for block in samples.chunks(RATE_HZ as usize) {
        listener.hear(block);
    }
    separate(&listener.finish(), spoken).expect("there is enough speech")
}

fn mono_wav(samples: &[f32], path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        writer.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

fn process(samples: &[f32], segments: Vec<Segment>, metadata: &CallMetadata) -> CallResult {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("call.wav");
    mono_wav(samples, &path);
    pipeline::process(
        &path,
        &AudioDeclaration::default(),
        metadata,
        &ScriptedTranscriber::new(segments),
        &RuleSet::bank(),
        None,
        &PipelineConfig::default(),
        &mut |_| {},
        &AtomicBool::new(false),
    )
    .unwrap()
}

#[test]
fn the_voices_of_a_mixed_call_are_told_apart_and_one_alone_is_not_split() {
    let config = PipelineConfig::default().dialogue;
    for name in ["mis-selling", "wealth-sale"] {
        let sample = sample(name);
        let spoken: Vec<_> = sample.said.iter().map(|(_, span, _)| *span).collect();
        let voices = told_apart(&sample.mixed(), &spoken);
        assert!(voices.confidence() > 0.9, "{name}: {voices:?}");
        let first = voices.first_share(spoken[0]) > 0.5;
        let mut num_unsure = 0;
        for (channel, span, text) in &sample.said {
            let share = voices.first_share(*span);
            if share.max(1.0 - share) < config.min_speaker_confidence {
                num_unsure += 1;
            } else {
                let expected = first == (*channel == sample.said[0].0);
                assert_eq!(share > 0.5, expected, "{name}: {text} {share}");
            }
        }
        assert!(num_unsure <= 1, "{name}: {num_unsure} lines have no speaker");
        for (channel, samples) in sample.channels.iter().enumerate() {
            let own: Vec<_> =
                sample.said.iter().filter(|(on, ..)| *on == channel).map(|(_, span, _)| *span).collect();
            let alone = told_apart(samples, &own).confidence();
            assert!(alone < config.min_separation_confidence, "{name} {channel}: {alone}");
        }
    }
}

#[test]
fn a_mixed_call_is_judged_by_who_says_what() {
    let sample = sample("mis-selling");
    let result = process(&sample.mixed(), sample.segments(), &CallMetadata::default());
    let dialogue = &result.dialogue;
    assert_eq!((dialogue.layout, dialogue.role_source), (Some(ChannelLayout::Mono), RoleSource::Voices));
    let roles: Vec<_> = dialogue.turns.iter().map(|turn| turn.role).collect();
    assert!(roles.contains(&SpeakerRole::Agent) && roles.contains(&SpeakerRole::Customer), "{roles:?}");
    let finding = |id: &str| {
        result
            .analysis
            .findings
            .iter()
            .find(|finding| finding.rule_id.as_str() == id)
            .expect("the pack has it")
    };
    assert_eq!(finding("S01").verdict, Verdict::Hit, "the agent promises that nothing can be lost");
    assert!(finding("S01").evidence.iter().all(|one| one.role == SpeakerRole::Agent));
    assert_eq!(
        finding("A05").not_applicable_reason.as_deref(),
        Some("mono"),
        "nobody is blamed for interruptions"
    );
    assert!(dialogue.timing.overlaps.is_empty());
}

#[test]
fn what_the_sender_says_about_speakers_is_believed() {
    let sample = sample("mis-selling");
    let alone = CallMetadata { num_speakers: Some(1), ..CallMetadata::default() };
    let result = process(&sample.mixed(), sample.segments(), &alone);
    assert!(result.dialogue.turns.iter().all(|turn| turn.speaker.is_none()));
    assert_eq!(
        result.dialogue.separation.and_then(|separation| separation.reason).as_deref(),
        Some("one_speaker")
    );
    assert!(!result.analysis.scorecard.scored);
}
