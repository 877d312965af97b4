//! Measures who is said to have spoken, on calls of two people on one channel.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::calls::{self, TrueUtterance};
use super::diarization::{SpeakerErrors, SpokenBy, compare_speakers};
use super::{Cost, CostMeter, EvalError};
use crate::audio::{AudioConfig, AudioStream, survey};
use crate::dialogue::{self, Dialogue, DialogueConfig};
use crate::speaker::{self, Overheard};
use crate::speech::Transcriber;
use crate::types::{AudioDeclaration, CallMetadata, ChannelIndex, Millis, TimeSpan};

/// Errors this near to where somebody begins or ends are forgiven in the second count.
const COLLAR: Millis = Millis(250);

/// A recording of two people on one channel, and who speaks when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MixedCall {
    /// The recording.
    pub path: PathBuf,
    /// `NAME.truth.json` or `NAME.rttm`.
    pub truth: PathBuf,
    /// Name of the call.
    pub name: String,
}

/// What was measured on one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeakerReport {
    /// Name of the call.
    pub name: String,
    /// Length of the recording.
    pub audio_ms: Millis,
    /// How sure the separation was of itself; absent when nobody tried, or of another's answer.
    pub confidence: Option<f32>,
    /// Whether the speakers were told apart.
    pub separated: bool,
    /// Errors, every moment counted.
    pub errors: SpeakerErrors,
    /// Errors further than a quarter of a second from where anybody begins or ends.
    pub collared: SpeakerErrors,
    /// Characters recognised within the truth's utterances.
    pub num_chars: u64,
    /// Those given to the wrong speaker.
    pub wrong_chars: u64,
    /// Those given to nobody.
    pub unknown_chars: u64,
    /// What listening and telling apart cost, decoding counted and recognition not.
    pub cost: Cost,
}

/// Finds mono recordings with a truth in `folder`, sorted by name: `NAME.mono.wav` beside `NAME.truth.json`, or
/// `NAME.wav` beside `NAME.rttm`.
///
/// # Errors
/// [`EvalError::Read`], [`EvalError::Empty`].
pub fn find_mixed(folder: &Path) -> Result<Vec<MixedCall>, EvalError> {
    let unreadable = |source| EvalError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(stem) = file_name.strip_suffix(".wav") else { continue };
        let beside = match stem.strip_suffix(".mono") {
            Some(name) => (name, folder.join(format!("{name}.truth.json"))),
            None => (stem, folder.join(format!("{stem}.rttm"))),
        };
        if beside.1.is_file() {
            found.push(MixedCall { name: beside.0.to_owned(), truth: beside.1, path });
        }
    }
    if found.is_empty() {
        let expected = "NAME.mono.wav beside NAME.truth.json, or NAME.wav beside NAME.rttm";
        return Err(EvalError::Empty { path: folder.to_owned(), expected });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Recognises `call`, tells its speakers apart whatever the confidence, and compares.
///
/// # Errors
/// [`EvalError::Truth`], [`EvalError::Audio`], [`EvalError::Speech`].
pub fn evaluate_speakers(
    call: &MixedCall,
    transcriber: &dyn Transcriber,
    config: &DialogueConfig,
    progress: &mut dyn FnMut(Millis),
) -> Result<SpeakerReport, EvalError> {
    let truth = read_truth(&call.truth)?;
    let failed = |source| EvalError::Audio { path: call.path.clone(), source };
    let (declaration, audio) = (AudioDeclaration::default(), AudioConfig::default());
    let profile = survey(&call.path, &declaration, &[], &audio).map_err(failed)?;
    let channels = [profile.channels.first().map_or(ChannelIndex(0), |profile| profile.channel)];
    let open = || AudioStream::open(&call.path, &declaration, &channels, &audio).map_err(failed);
    // Listened to on its own, so that what it costs can be told from recognition; decoding is counted with it.
    let meter = CostMeter::start();
    let mut blocks = open()?;
    let mut overheard = Overheard::new(&mut blocks, true);
    overheard.by_ref().try_for_each(|block| block.map(drop)).map_err(failed)?;
    let voice = overheard.finish();
    let listened = meter.cost();
    let transcript = transcriber.transcribe(&mut open()?, &channels, progress, &AtomicBool::new(false))?;
    let meter = CostMeter::start();
    let voices = voice.and_then(|voice| speaker::separate(&voice, &transcript.spoken()));
    let dialogue = dialogue::build(&transcript, voices.as_ref(), &profile, &CallMetadata::default(), config);
    let cost = listened + meter.cost();
    let given = said_in(&dialogue);
    let (num_chars, wrong_chars, unknown_chars) = attribution(&truth, &dialogue);
    Ok(SpeakerReport {
        name: call.name.clone(),
        audio_ms: profile.duration,
        confidence: dialogue.separation.as_ref().map(|separation| separation.confidence),
        separated: dialogue.separation.as_ref().is_some_and(|separation| separation.separated),
        errors: compare_speakers(&truth, &given, Millis::ZERO),
        collared: compare_speakers(&truth, &given, COLLAR),
        num_chars,
        wrong_chars,
        unknown_chars,
        cost,
    })
}

/// Compares the answer of another program, `NAME.rttm` in `folder`, with the truth of `call`.
///
/// # Errors
/// [`EvalError::Read`], [`EvalError::Truth`].
pub fn evaluate_rttm(call: &MixedCall, folder: &Path) -> Result<SpeakerReport, EvalError> {
    let truth = read_truth(&call.truth)?;
    let given = read_truth(&folder.join(format!("{}.rttm", call.name)))?;
    Ok(SpeakerReport {
        name: call.name.clone(),
        audio_ms: truth.iter().map(|said| said.span.end).max().unwrap_or_default(),
        confidence: None,
        separated: true,
        errors: compare_speakers(&truth, &given, Millis::ZERO),
        collared: compare_speakers(&truth, &given, COLLAR),
        num_chars: 0,
        wrong_chars: 0,
        unknown_chars: 0,
        cost: Cost::default(),
    })
}

/// Utterances with their speakers; those whose speaker is not known have one of their own.
fn said_in(dialogue: &Dialogue) -> Vec<SpokenBy> {
    let of_turn = |turn: &dialogue::Turn| -> Vec<SpokenBy> {
        let speaker = turn.speaker.unwrap_or(u16::MAX);
        turn.utterances.iter().map(|utterance| SpokenBy { speaker, span: utterance.span }).collect()
    };
    dialogue.turns.iter().flat_map(of_turn).collect()
}

/// Characters that lie in the utterance of one speaker; of those the wrongly given, with the better of both namings; and
/// those given to nobody.
fn attribution(truth: &[SpokenBy], dialogue: &Dialogue) -> (u64, u64, u64) {
    let (mut num_chars, mut unknown, mut shared) = (0, 0, [[0_u64; 2]; 2]);
    let first = truth.iter().map(|said| said.speaker).min().unwrap_or_default();
    for turn in &dialogue.turns {
        for word in &turn.words {
            let Some(true_speaker) = speaker_of(truth, word.span) else { continue };
            let chars = word.text.chars().filter(|c| c.is_alphanumeric()).count() as u64;
            num_chars += chars;
            match turn.speaker {
                Some(speaker) => {
                    shared[usize::from(true_speaker != first)][usize::from(speaker != 0)] += chars;
                }
                None => unknown += chars,
            }
        }
    }
    let [[a, b], [c, d]] = shared;
    (num_chars, (b + c).min(a + d), unknown)
}

/// Who says the word: whose speech it shares most time with; `None` when it lies in nobody's, or in both alike.
fn speaker_of(truth: &[SpokenBy], word: TimeSpan) -> Option<u16> {
    let mut shares = std::collections::BTreeMap::<u16, u64>::new();
    for said in truth {
        *shares.entry(said.speaker).or_default() += said.span.overlap(word).0;
    }
    let (speaker, most) = shares.iter().max_by_key(|(_, share)| **share)?;
    let tied = shares.iter().any(|(other, share)| other != speaker && share == most);
    (*most > 0 && !tied).then_some(*speaker)
}

fn read_truth(path: &Path) -> Result<Vec<SpokenBy>, EvalError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| EvalError::Read { path: path.to_owned(), source })?;
    if path.extension().is_some_and(|extension| extension == "rttm") {
        return rttm(&text).ok_or_else(|| EvalError::Rttm { path: path.to_owned() });
    }
    let said = |one: &TrueUtterance| SpokenBy { speaker: one.channel, span: one.span() };
    Ok(calls::parse_truth(path, &text)?.iter().map(said).collect())
}

/// Speech in NIST's format: `SPEAKER file 1 start length <NA> <NA> name …`, times in seconds.
fn rttm(text: &str) -> Option<Vec<SpokenBy>> {
    let mut names: Vec<&str> = Vec::new();
    let mut said = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("SPEAKER")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (start, length) = (fields.get(3)?.parse::<f64>().ok()?, fields.get(4)?.parse::<f64>().ok()?);
        let name = *fields.get(7)?;
        let known = names.iter().position(|known| *known == name);
        let index = known.unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        let span = TimeSpan::new(calls::millis(start), calls::millis(start + length));
        said.push(SpokenBy { speaker: u16::try_from(index).ok()?, span });
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Turn;
    use crate::speech::Word;

    #[test]
    fn rttm_names_become_numbers_and_lengths_become_ends() {
        let text = "SPKR-INFO x\nSPEAKER f 1 0.5 1.25 <NA> <NA> ann <NA> <NA>\nSPEAKER f 1 2 1 <NA> <NA> bob <NA> <NA>\n";
        let said = rttm(text).expect("it is well formed");
        assert_eq!(said[0], SpokenBy { speaker: 0, span: TimeSpan::new(Millis(500), Millis(1_750)) });
        assert_eq!(said[1].speaker, 1);
        assert_eq!(rttm("SPEAKER f 1 x 1 <NA> <NA> ann"), None);
    }

    #[test]
    fn only_a_mix_with_a_truth_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(find_mixed(folder.path()), Err(EvalError::Empty { .. })));
        for name in ["a.wav", "a.truth.json", "a.mono.wav", "b.wav", "b.rttm", "c.mono.wav"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = find_mixed(folder.path()).unwrap().into_iter().map(|call| call.name).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn characters_count_by_whoever_really_said_them() {
        let span = |start, end| TimeSpan::new(Millis(start), Millis(end));
        let truth = [
            SpokenBy { speaker: 3, span: span(0, 1_000) },
            SpokenBy { speaker: 5, span: span(1_000, 2_000) },
        ];
        let turn = |speaker, words: &[(&str, u64)]| {
            let word = |(text, start): &(&str, u64)| Word {
                text: (*text).to_owned(),
                span: span(*start, start + 100),
                confidence: 1.0,
            };
            let words = words.iter().map(word).collect();
            Turn { speaker, words, ..Turn::default() }
        };
        let turns = vec![
            turn(Some(1), &[("您", 0), ("好，", 300)]),
            turn(Some(0), &[("我", 900), ("要", 1_100), ("查", 1_300)]),
            turn(None, &[("嗯", 1_500), ("外", 5_000)]),
        ];
        assert_eq!(attribution(&truth, &Dialogue { turns, ..Dialogue::default() }), (6, 1, 1));
    }
}
