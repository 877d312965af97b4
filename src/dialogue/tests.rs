//! The dialogue as a whole: named failures and properties.

use crate::audio::{AudioProfile, ChannelLayout, ChannelProfile};
use crate::speech::{RecognitionSummary, Segment, Transcript, Word};
use crate::types::{CallMetadata, ChannelIndex, Millis, RoleSource, SpeakerRole, TimeSpan};

use super::*;

pub(super) fn word(text: &str, start: u64, end: u64) -> Word {
    Word { text: text.to_owned(), span: TimeSpan { start: Millis(start), end: Millis(end) }, confidence: 0.9 }
}

pub(super) fn segment_of(channel: u16, words: Vec<Word>) -> Segment {
    let span = words.iter().map(|word| word.span).reduce(TimeSpan::union).unwrap_or_default();
    let text = words.iter().map(|word| word.text.as_str()).collect();
    Segment { channel: ChannelIndex(channel), span, text, words, confidence: 0.9 }
}

pub(super) fn segment(channel: u16, start: u64, end: u64, text: &str) -> Segment {
    let span = TimeSpan::new(Millis(start), Millis(end));
    Segment {
        channel: ChannelIndex(channel),
        span,
        text: text.to_owned(),
        words: Vec::new(),
        confidence: 0.9,
    }
}

pub(super) fn transcript(segments: Vec<Segment>) -> Transcript {
    Transcript { segments, summary: RecognitionSummary::default() }
}

pub(super) fn profile(channels: &[u16], duration: Millis) -> AudioProfile {
    let channel = |index: &u16| ChannelProfile {
        channel: ChannelIndex(*index),
        rms_dbfs: -25.0,
        peak_dbfs: -3.0,
        clipped: 0.0,
        silent: false,
        envelope_dbfs: vec![-25; usize::try_from(duration.0 / 100).unwrap_or(0)],
    };
    AudioProfile {
        container: "wav".to_owned(),
        codec: "pcm_alaw".to_owned(),
        rate_hz: 8_000,
        num_channels: u16::try_from(channels.len()).unwrap_or(u16::MAX),
        duration,
        layout: if channels.len() == 2 { ChannelLayout::Stereo } else { ChannelLayout::Mono },
        channels: channels.iter().map(channel).collect(),
        warnings: Vec::new(),
    }
}

/// A call of two separated channels, one segment each `(channel, start, end, text)`.
fn call(said: &[(u16, u64, u64, &str)], metadata: &CallMetadata) -> Dialogue {
    let segments = said.iter().map(|(channel, start, end, text)| segment(*channel, *start, *end, text));
    let audio = profile(&[0, 1], Millis(60_000));
    build(&transcript(segments.collect()), &audio, metadata, &DialogueConfig::default())
}

fn roles(dialogue: &Dialogue) -> Vec<SpeakerRole> {
    dialogue.turns.iter().map(|turn| turn.role).collect()
}

const GREETING: &str = "您好，工号8023很高兴为您服务，请问有什么可以帮您？";

#[test]
fn an_opening_phrase_tells_who_the_agent_is() {
    let said = [(1, 0, 4_000, GREETING), (0, 4_500, 7_000, "我想查一下我的信用卡账单")];
    let dialogue = call(&said, &CallMetadata::default());
    assert_eq!(roles(&dialogue), [SpeakerRole::Agent, SpeakerRole::Customer]);
    assert_eq!(dialogue.role_source, RoleSource::Evidence);
    assert!(dialogue.role_confidence > 0.9, "{}", dialogue.role_confidence);
}
