//! What recognition yields: segments and words on the recording's own timeline.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::{ChannelIndex, Millis, TimeSpan};

/// The recogniser's smallest timed unit: a Chinese character, a digit or a run of letters, with the punctuation that
/// follows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Its text, punctuation after it included.
    pub text: String,
    /// When it is said.
    pub span: TimeSpan,
    /// How sure the recogniser is, 0 to 1.
    pub confidence: f32,
}

/// One stretch of speech on one channel, without a long pause inside.
///
/// The texts of `words`, joined, are `text`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Where it was heard.
    pub channel: ChannelIndex,
    /// When it was said.
    pub span: TimeSpan,
    /// Simplified Chinese with punctuation.
    pub text: String,
    /// The words in order.
    pub words: Vec<Word>,
    /// Mean confidence of its words, 0 to 1.
    pub confidence: f32,
}

/// How a recording was recognised, apart from its text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecognitionSummary {
    /// Name of the speech model, for example `small`.
    pub model: String,
    /// Language, for example `zh`.
    pub language: String,
    /// Length of what the voice-activity detector called speech, all channels together.
    pub speech: Millis,
    /// Windows that were decoded again, by reason (`speech.loop`, `speech.low_confidence`, …).
    pub redecoded: BTreeMap<String, u32>,
    /// Windows whose text was dropped, by reason (`speech.phantom_phrase`, …).
    pub dropped: BTreeMap<String, u32>,
}

/// Speech that could not be made out: what the recogniser wrote for it was not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unheard {
    /// Where somebody spoke.
    pub channel: ChannelIndex,
    /// When.
    pub span: TimeSpan,
    /// Why the text was dropped, for example `speech.loop`.
    pub reason: String,
}

/// Everything that was recognised in one recording.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// Ordered by start; two channels may overlap.
    pub segments: Vec<Segment>,
    /// Speech without words, ordered by start: neither silence nor something that was not said.
    #[serde(default)]
    pub unheard: Vec<Unheard>,
    /// How it was recognised.
    pub summary: RecognitionSummary,
}

impl Transcript {
    /// When something was said, on whatever channel, ordered by start: the times of words, or of segments without words.
    #[must_use]
    pub fn spoken(&self) -> Vec<TimeSpan> {
        let mut spoken: Vec<TimeSpan> = Vec::new();
        for segment in &self.segments {
            match segment.words.as_slice() {
                [] => spoken.push(segment.span),
                words => spoken.extend(words.iter().map(|word| word.span)),
            }
        }
        spoken.sort_unstable();
        spoken
    }
}
