//! Measures on whole calls whose utterances and times are known.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;

use super::timing::{Spoken, compare};
use super::utterances::Measured;
use super::{CostMeter, EditCounts, EvalError, TimeErrors};
use crate::audio::{AudioConfig, AudioStream, SAMPLE_RATE_HZ};
use crate::speech::{Transcriber, Transcript, Word};
use crate::types::{AudioDeclaration, ChannelIndex, Millis, TimeSpan};

const MONO_SUFFIX: &str = ".mono";

/// A recording of a call and the file that says what is said in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledCall {
    /// The recording.
    pub path: PathBuf,
    /// What is said in it.
    pub truth: PathBuf,
    /// Whether both speakers are mixed into one channel.
    pub mono: bool,
}

#[derive(Deserialize)]
struct Truth {
    utterances: Vec<TrueUtterance>,
}

#[derive(Deserialize)]
pub(super) struct TrueUtterance {
    pub(super) channel: u16,
    start: f64,
    end: f64,
    text: String,
}

impl TrueUtterance {
    pub(super) fn span(&self) -> TimeSpan {
        TimeSpan::new(millis(self.start), millis(self.end))
    }
}

/// Finds `NAME.wav` and `NAME.mono.wav` beside `NAME.truth.json` in `folder`, sorted by name.
///
/// # Errors
/// [`EvalError::Read`], [`EvalError::Empty`].
pub fn find_calls(folder: &Path) -> Result<Vec<LabelledCall>, EvalError> {
    let unreadable = |source| EvalError::Read { path: folder.to_owned(), source };
    let mut calls = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|extension| extension != "wav") {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let (name, mono) = stem.strip_suffix(MONO_SUFFIX).map_or((&*stem, false), |name| (name, true));
        let truth = folder.join(format!("{name}.truth.json"));
        if truth.is_file() {
            calls.push(LabelledCall { path, truth, mono });
        }
    }
    if calls.is_empty() {
        return Err(EvalError::Empty {
            path: folder.to_owned(),
            expected: "NAME.wav beside NAME.truth.json",
        });
    }
    calls.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(calls)
}

/// Recognises one call and compares words and times, channel by channel.
///
/// # Errors
/// [`EvalError::Truth`], [`EvalError::Audio`], [`EvalError::Speech`].
pub fn evaluate_call(
    call: &LabelledCall,
    transcriber: &dyn Transcriber,
    progress: &mut dyn FnMut(Millis),
) -> Result<(Measured, TimeErrors), EvalError> {
    let spoken = read_truth(call)?;
    let channels: Vec<ChannelIndex> = spoken.iter().map(|(channel, _)| *channel).collect();
    let failed = |source| EvalError::Audio { path: call.path.clone(), source };
    let meter = CostMeter::start();
    let mut num_samples = 0;
    let mut blocks =
        AudioStream::open(&call.path, &AudioDeclaration::default(), &channels, &AudioConfig::default())
            .map_err(failed)?
            .inspect(|block| {
                num_samples +=
                    block.as_ref().ok().and_then(|block| block.channels.first()).map_or(0, Vec::len);
            });
    let transcript = transcriber.transcribe(&mut blocks, &channels, progress, &AtomicBool::new(false))?;
    let audio = Millis::from_samples(num_samples as u64, SAMPLE_RATE_HZ);
    let cost = meter.cost();
    let mut counts = EditCounts::default();
    let mut times = TimeErrors::default();
    for (channel, utterances) in &spoken {
        let (alignment, errors) = compare(utterances, &words_on(*channel, &transcript));
        counts += alignment.counts;
        times.extend(errors);
    }
    let text = transcript.segments.iter().map(|segment| segment.text.as_str()).collect();
    Ok((Measured { audio, cost, counts, text }, times))
}

fn words_on(channel: ChannelIndex, transcript: &Transcript) -> Vec<&Word> {
    let segments = transcript.segments.iter().filter(|segment| segment.channel == channel);
    segments.flat_map(|segment| &segment.words).collect()
}

/// What is said on each channel, in order; all on channel 0 when the call is mono.
pub(super) fn read_truth(call: &LabelledCall) -> Result<Vec<(ChannelIndex, Vec<Spoken>)>, EvalError> {
    let text = std::fs::read_to_string(&call.truth)
        .map_err(|source| EvalError::Read { path: call.truth.clone(), source })?;
    let mut utterances = parse_truth(&call.truth, &text)?;
    utterances.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut channels = std::collections::BTreeMap::<ChannelIndex, Vec<Spoken>>::new();
    for utterance in utterances {
        let channel = ChannelIndex(if call.mono { 0 } else { utterance.channel });
        let span = utterance.span();
        channels.entry(channel).or_default().push(Spoken { span, text: utterance.text });
    }
    Ok(channels.into_iter().collect())
}

/// The utterances of a `.truth.json`, as they stand in it.
pub(super) fn parse_truth(path: &Path, text: &str) -> Result<Vec<TrueUtterance>, EvalError> {
    let truth: Truth =
        serde_json::from_str(text).map_err(|source| EvalError::Truth { path: path.to_owned(), source })?;
    Ok(truth.utterances)
}

/// Seconds as the truth writes them; the cast saturates, so a negative time is the start.
pub(super) fn millis(seconds: f64) -> Millis {
    Millis((seconds * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: &str = r#"{"name": "x", "utterances": [
        {"channel": 1, "start": 2.5, "end": 3.0, "text": "在"},
        {"channel": 0, "start": 0.5, "end": 2.25, "text": "您好"}]}"#;

    fn call(mono: bool) -> (tempfile::TempDir, LabelledCall) {
        let folder = tempfile::tempdir().unwrap();
        let truth = folder.path().join("x.truth.json");
        std::fs::write(&truth, TRUTH).unwrap();
        (folder, LabelledCall { path: truth.with_file_name("x.wav"), truth, mono })
    }

    #[test]
    fn truth_is_split_by_channel_unless_mono() {
        let (_folder, stereo) = call(false);
        let read = read_truth(&stereo).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].1[0].span, TimeSpan::new(Millis(500), Millis(2250)));
        let (_folder, mono) = call(true);
        let read = read_truth(&mono).unwrap();
        assert_eq!(read.iter().map(|(_, said)| said.len()).collect::<Vec<_>>(), [2]);
        assert_eq!(read[0].1[0].text, "您好");
    }

    #[test]
    fn only_recordings_with_truth_are_found() {
        let (folder, _) = call(false);
        assert!(matches!(find_calls(folder.path()), Err(EvalError::Empty { .. })));
        for name in ["x.wav", "x.mono.wav", "other.wav", "x.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found: Vec<_> = find_calls(folder.path())
            .unwrap()
            .into_iter()
            .map(|call| (call.path.file_name().unwrap().to_owned(), call.mono))
            .collect();
        assert_eq!(found, [("x.mono.wav".into(), true), ("x.wav".into(), false)]);
    }

    #[test]
    fn broken_truth_is_named() {
        let (_folder, call) = call(false);
        std::fs::write(&call.truth, "{\"utterances\": [{}]}").unwrap();
        assert!(matches!(read_truth(&call), Err(EvalError::Truth { .. })));
    }
}
