//! The stages for one recording, without a store: used by the workers and by `diting analyze`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{CallProgress, Judgement, PipelineConfig, PipelineError, judge};
use crate::analysis::{History, RuleSet};
use crate::audio::{self, AudioProfile, AudioStream, ChannelLayout, Muted, Selection};
use crate::dialogue::{self, Chat};
use crate::ingest::CallState;
use crate::speaker::{self, Overheard};
use crate::speech::{RecognitionSummary, Transcriber, Transcript};
use crate::store::{CallResult, Masking};
use crate::types::{AudioDeclaration, CallMetadata, ChannelIndex, Millis};

/// Runs the recording at `path` through all stages.
///
/// `progress` is told of every stage before it begins, and of every block that is recognised. Setting `cancel` ends the
/// work between two blocks.
///
/// # Errors
/// [`PipelineError::Audio`], [`PipelineError::Speech`], or [`PipelineError::Cancelled`].
#[allow(
    clippy::too_many_arguments,
    reason = "each is a thing of its own, and a struct for two callers hides that"
)]
pub fn process(
    path: &Path,
    declaration: &AudioDeclaration,
    metadata: &CallMetadata,
    transcriber: &dyn Transcriber,
    rules: &RuleSet,
    history: Option<&History>,
    config: &PipelineConfig,
    progress: &mut dyn FnMut(CallProgress),
    cancel: &AtomicBool,
) -> Result<CallResult, PipelineError> {
    let going_on = || if cancel.load(Ordering::Relaxed) { Err(PipelineError::Cancelled) } else { Ok(()) };
    let at = |state, processed, duration| CallProgress { state, processed, duration };

    progress(at(CallState::Decoding, Millis::ZERO, Millis::ZERO));
    let chosen = |channels| Selection { track: metadata.audio_track, channels };
    let profile = audio::survey(path, declaration, chosen(&metadata.channels), &config.audio)?;
    going_on()?;

    let duration = profile.duration;
    progress(at(CallState::Transcribing, Millis::ZERO, duration));
    let channels = channels_to_transcribe(&profile);
    let mut voice = None;
    let transcript = if channels.is_empty() {
        let summary =
            RecognitionSummary { model: transcriber.model().to_owned(), ..RecognitionSummary::default() };
        Transcript { summary, ..Transcript::default() }
    } else {
        let mut blocks = AudioStream::open(path, declaration, chosen(&channels), &config.audio)?;
        let mut heard = |processed: Millis| {
            progress(at(CallState::Transcribing, processed.min(duration), duration));
        };
        let mut heard_blocks = Muted::new(&mut blocks, &metadata.holds);
        let listens = dialogue::needs_voices(&profile, metadata);
        let mut overheard = Overheard::new(&mut heard_blocks, listens);
        let transcript = transcriber.transcribe(&mut overheard, &channels, &mut heard, cancel)?;
        voice = overheard.finish();
        transcript
    };
    going_on()?;

    progress(at(CallState::Scoring, duration, duration));
    let voices = voice.and_then(|voice| speaker::separate(&voice, &transcript.spoken()));
    let dialogue = dialogue::build(&transcript, voices.as_ref(), &profile, metadata, &config.dialogue);
    let Judgement { analysis, parts } = judge(&dialogue, metadata, history, rules, &config.dialogue);
    going_on()?;
    Ok(CallResult {
        audio: Some(profile),
        recognition: Some(transcript.summary),
        dialogue,
        analysis,
        parts,
        masking: Masking::default(),
    })
}

/// Makes turns of a chat and judges them; there is nothing to hear in it.
#[must_use]
pub fn process_chat(
    chat: &Chat,
    metadata: &CallMetadata,
    rules: &RuleSet,
    history: Option<&History>,
    config: &PipelineConfig,
    progress: &mut dyn FnMut(CallProgress),
) -> CallResult {
    let dialogue = dialogue::of_chat(chat, metadata);
    let duration = dialogue.timing.duration;
    progress(CallProgress { state: CallState::Scoring, processed: duration, duration });
    let Judgement { analysis, parts } = judge(&dialogue, metadata, history, rules, &config.dialogue);
    let masking = Masking::default();
    CallResult { audio: None, recognition: None, dialogue, analysis, parts, masking }
}

/// Channels worth recognising: not the silent ones, and one of two that carry the same.
fn channels_to_transcribe(profile: &AudioProfile) -> Vec<ChannelIndex> {
    let audible = profile.channels.iter().filter(|channel| !channel.silent).map(|channel| channel.channel);
    match profile.layout {
        ChannelLayout::DualMono => audible.take(1).collect(),
        ChannelLayout::Mono | ChannelLayout::Stereo => audible.collect(),
    }
}
