//! Plays sounds without words to a transcriber and counts the text it invents.

use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::{EvalError, Signal, characters, through_telephone};
use crate::audio::{Block, SAMPLE_RATE_HZ};
use crate::speech::Transcriber;
use crate::types::{ChannelIndex, Millis};

/// Samples per block: a second.
const BLOCK_SAMPLES: usize = SAMPLE_RATE_HZ as usize;

/// What was invented on one signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invented {
    /// The sound.
    pub signal: Signal,
    /// How long it was played.
    pub played: Millis,
    /// How much of it the voice-activity detector took for speech.
    pub taken_for_speech: Millis,
    /// Characters of text; anything but 0 is wrong.
    pub num_characters: usize,
    /// The text.
    pub text: String,
}

/// Plays `length` of `signal`, as it sounds after a telephone line.
///
/// # Errors
/// [`EvalError::Speech`].
pub fn listen_to(
    signal: Signal,
    length: Millis,
    transcriber: &dyn Transcriber,
) -> Result<Invented, EvalError> {
    let num_samples = usize::try_from(length.0 * u64::from(SAMPLE_RATE_HZ) / 1000).unwrap_or(usize::MAX);
    let samples = through_telephone(&signal.samples(num_samples));
    let channel = ChannelIndex(0);
    let never = AtomicBool::new(false);
    let transcript = transcriber.transcribe(&mut blocks(&samples), &[channel], &mut |_| {}, &never)?;
    let text: String = transcript.segments.iter().map(|segment| segment.text.as_str()).collect();
    Ok(Invented {
        signal,
        played: length,
        taken_for_speech: transcript.summary.speech,
        num_characters: characters(&text).len(),
        text,
    })
}

/// One channel of samples as decoding would hand them over.
pub(super) fn blocks(samples: &[f32]) -> impl Iterator<Item = Result<Block, crate::audio::AudioError>> {
    samples.chunks(BLOCK_SAMPLES).enumerate().map(|(index, chunk)| {
        Ok(Block { start: (index * BLOCK_SAMPLES) as u64, channels: vec![chunk.to_vec()] })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::{ScriptedTranscriber, Segment};
    use crate::types::TimeSpan;

    #[test]
    fn invented_characters_are_counted() {
        let phantom = Segment {
            channel: ChannelIndex(0),
            span: TimeSpan::new(Millis(0), Millis(900)),
            text: "谢谢观看！".to_owned(),
            words: Vec::new(),
            confidence: 0.4,
        };
        let invented =
            listen_to(Signal::Busy, Millis(1500), &ScriptedTranscriber::new(vec![phantom])).unwrap();
        assert_eq!(invented.num_characters, 4);
        assert_eq!(invented.played, Millis(1500));
    }

    #[test]
    fn blocks_cover_every_sample_once() {
        let samples = Signal::WhiteNoise.samples(40_001);
        let joined: Vec<f32> = blocks(&samples).flat_map(|block| block.unwrap().channels.remove(0)).collect();
        assert_eq!(joined, samples);
    }
}
