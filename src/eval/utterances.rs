//! Measures on single sentences, clean or as they sound after a telephone line.

use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::silence::blocks;
use super::{
    Cost, CostMeter, EditCounts, EvalError, LabelledUtterance, align, characters, through_telephone,
};
use crate::audio::{AudioConfig, AudioStream, SAMPLE_RATE_HZ};
use crate::speech::Transcriber;
use crate::types::{AudioDeclaration, ChannelIndex, Millis};

/// What a recording passes before it is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// Nothing: as recorded.
    #[default]
    Clean,
    /// Sampled down to 8 kHz, coded as A-law, and back.
    Alaw8k,
}

/// What recognising one recording gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Length of the recording.
    pub audio: Millis,
    /// Time it took, decoding included, the telephone line not.
    pub cost: Cost,
    /// Edits.
    pub counts: EditCounts,
    /// What was recognised.
    pub text: String,
}

/// Recognises one sentence and counts the errors.
///
/// # Errors
/// [`EvalError::Audio`] when the recording cannot be decoded, [`EvalError::Speech`].
pub fn evaluate_utterance(
    utterance: &LabelledUtterance,
    through: Through,
    transcriber: &dyn Transcriber,
) -> Result<Measured, EvalError> {
    let decoding = CostMeter::start();
    let mut samples = decode(utterance)?;
    let decoded = decoding.cost();
    if through == Through::Alaw8k {
        samples = through_telephone(&samples);
    }
    let recognising = CostMeter::start();
    let never = AtomicBool::new(false);
    let transcript =
        transcriber.transcribe(&mut blocks(&samples), &[ChannelIndex(0)], &mut |_| {}, &never)?;
    let cost = decoded + recognising.cost();
    let text: String = transcript.segments.iter().map(|segment| segment.text.as_str()).collect();
    Ok(Measured {
        audio: Millis::from_samples(samples.len() as u64, SAMPLE_RATE_HZ),
        cost,
        counts: align(&characters(&utterance.transcript), &characters(&text)).counts,
        text,
    })
}

fn decode(utterance: &LabelledUtterance) -> Result<Vec<f32>, EvalError> {
    let failed = |source| EvalError::Audio { path: utterance.path.clone(), source };
    let declaration = AudioDeclaration::default();
    let stream =
        AudioStream::open(&utterance.path, &declaration, &[ChannelIndex(0)], &AudioConfig::default())
            .map_err(failed)?;
    let mut samples = Vec::new();
    for block in stream {
        samples.extend(block.map_err(failed)?.channels.into_iter().flatten());
    }
    Ok(samples)
}
