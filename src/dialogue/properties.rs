//! What holds for every dialogue, whatever the recogniser and the profile say.

use proptest::prelude::*;

use super::tests::{profile, segment_of, transcript};
use super::*;
use crate::speech::Word;
use crate::types::{Millis, TimeSpan};

const DURATION: Millis = Millis(40_000);

fn words() -> impl Strategy<Value = Vec<Word>> {
    let text = prop::sample::select(vec![
        "嗯",
        "好的，",
        "对。",
        "您好",
        "请按1",
        "请按2，",
        "APP",
        "8023",
        "吗？",
        "保本",
        "…",
    ]);
    let word = (text, 0..1_500_u64, 0..900_u64, 0.0..=1.0_f32);
    prop::collection::vec(word, 0..12).prop_map(|words| {
        let mut at = 0;
        let timed = words.into_iter().map(|(text, pause, length, confidence)| {
            let start = at + pause;
            at = start + length;
            Word { text: text.to_owned(), span: TimeSpan::new(Millis(start), Millis(at)), confidence }
        });
        timed.collect()
    })
}

/// Segments that may overlap on one channel and run past the end.
pub(super) fn transcripts() -> impl Strategy<Value = Transcript> {
    let segment = (0..2_u16, 0..42_000_u64, words()).prop_map(|(channel, offset, mut words)| {
        for word in &mut words {
            word.span = TimeSpan::new(word.span.start + Millis(offset), word.span.end + Millis(offset));
        }
        segment_of(channel, words)
    });
    prop::collection::vec(segment, 0..8).prop_map(transcript)
}

fn dialogue_of(transcript: &Transcript, layout: ChannelLayout) -> Dialogue {
    let audio = AudioProfile { layout, ..profile(&[0, 1], DURATION) };
    build(transcript, None, &audio, &CallMetadata::default(), &DialogueConfig::default())
}

/// What `channel` says, by segment start as the recogniser's windows follow each other.
fn said(transcript: &Transcript, channel: ChannelIndex) -> String {
    let mut segments: Vec<_> =
        transcript.segments.iter().filter(|segment| segment.channel == channel).collect();
    segments.sort_by_key(|segment| segment.span.start);
    squeezed(&segments.iter().map(|segment| segment.text.as_str()).collect::<String>())
}

/// Without the space that keeps Latin words of two segments apart.
fn squeezed(text: &str) -> String {
    text.replace(' ', "")
}

fn layouts() -> impl Strategy<Value = ChannelLayout> {
    prop::sample::select(vec![ChannelLayout::Stereo, ChannelLayout::Mono, ChannelLayout::DualMono])
}

proptest! {
    #[test]
    fn turns_are_ordered_and_those_of_one_speaker_never_overlap(
        transcript in transcripts(), layout in layouts(),
    ) {
        let dialogue = dialogue_of(&transcript, layout);
        for (position, turn) in dialogue.turns.iter().enumerate() {
            prop_assert_eq!(turn.index as usize, position);
            let span = turn.span.expect("audio has times");
            prop_assert!(span.end <= DURATION);
            for later in dialogue.turns.iter().skip(position + 1) {
                let other = later.span.expect("audio has times");
                prop_assert!(span.start <= other.start);
                if turn.channel == later.channel {
                    prop_assert!(span.end <= other.start, "{:?} and {:?}", turn, later);
                }
            }
        }
    }

    #[test]
    fn every_word_is_kept_once_in_its_channels_order(transcript in transcripts(), layout in layouts()) {
        let dialogue = dialogue_of(&transcript, layout);
        for channel in [ChannelIndex(0), ChannelIndex(1)] {
            let turns = dialogue.turns.iter().filter(|turn| turn.channel == channel);
            let text: String = turns.map(|turn| turn.text.as_str()).collect();
            prop_assert_eq!(squeezed(&text), said(&transcript, channel));
        }
    }

    #[test]
    fn utterances_cover_their_turn(transcript in transcripts(), layout in layouts()) {
        for turn in dialogue_of(&transcript, layout).turns {
            let chars: Vec<char> = turn.text.chars().collect();
            let (mut char_at, mut word_at, mut time_at) = (0, 0, Millis::ZERO);
            for utterance in &turn.utterances {
                prop_assert_eq!((utterance.char_from, utterance.word_from), (char_at, word_at));
                let words = &turn.words[utterance.word_from as usize..utterance.word_to as usize];
                let text: String = words.iter().map(|word| word.text.as_str()).collect();
                let by_offset: String =
                    chars[utterance.char_from as usize..utterance.char_to as usize].iter().collect();
                prop_assert_eq!(text, by_offset);
                let spans = words.iter().map(|word| word.span).reduce(TimeSpan::union);
                prop_assert_eq!(spans, Some(utterance.span));
                prop_assert!(utterance.span.start >= time_at);
                (char_at, word_at, time_at) = (utterance.char_to, utterance.word_to, utterance.span.end);
            }
            prop_assert_eq!(char_at as usize, chars.len());
            prop_assert_eq!(word_at as usize, turn.words.len());
        }
    }

    #[test]
    fn speech_and_silence_make_up_the_call(transcript in transcripts(), layout in layouts()) {
        let dialogue = dialogue_of(&transcript, layout);
        let mut speaks = vec![false; usize::try_from(DURATION.0).expect("fits")];
        for utterance in dialogue.turns.iter().flat_map(|turn| &turn.utterances) {
            speaks[utterance.span.start.0 as usize..utterance.span.end.0 as usize].fill(true);
        }
        let quiet = speaks.iter().filter(|speaks| !**speaks).count() as u64;
        prop_assert_eq!(dialogue.timing.silence, Millis(quiet));
        for gap in &dialogue.timing.gaps {
            prop_assert!(gap.span.duration() >= Millis(1_000));
            prop_assert!(!speaks[gap.span.start.0 as usize..gap.span.end.0 as usize].contains(&true));
        }
        // A word of no length makes no speech but still parts two silences.
        let mut borders: Vec<usize> = vec![0, speaks.len()];
        for utterance in dialogue.turns.iter().flat_map(|turn| &turn.utterances) {
            borders.extend([utterance.span.start.0 as usize, utterance.span.end.0 as usize]);
        }
        borders.sort_unstable();
        let long_silence = |pair: &&[usize]| pair[1] - pair[0] >= 1_000 && !speaks[pair[0]];
        prop_assert_eq!(dialogue.timing.gaps.len(), borders.windows(2).filter(long_silence).count());
    }

    #[test]
    fn overlaps_are_where_both_channels_speak(transcript in transcripts()) {
        let dialogue = dialogue_of(&transcript, ChannelLayout::Stereo);
        let speech_of = |channel: u16| {
            let turns = dialogue.turns.iter().filter(move |turn| turn.channel == ChannelIndex(channel));
            turns.flat_map(|turn| &turn.utterances).map(|utterance| utterance.span)
        };
        let shared: u64 = speech_of(0).flat_map(|a| speech_of(1).map(move |b| a.overlap(b).0)).sum();
        let listed: u64 = dialogue.timing.overlaps.iter().map(|overlap| overlap.span.duration().0).sum();
        prop_assert_eq!(listed, shared);
    }

    #[test]
    fn voices_keep_every_word_and_their_turns_never_overlap(
        transcript in transcripts(), shares in prop::collection::vec(0.0..=1.0_f32, 1..2_200),
    ) {
        let audio = AudioProfile { layout: ChannelLayout::DualMono, ..profile(&[0, 1], DURATION) };
        let voices = crate::speaker::Voices::scripted(shares, true);
        let config = DialogueConfig { min_separation_confidence: 0.0, ..DialogueConfig::default() };
        let dialogue = build(&transcript, Some(&voices), &audio, &CallMetadata::default(), &config);
        let count = |text: &str| text.chars().filter(|c| *c != ' ').count();
        let kept: usize = dialogue.turns.iter().map(|turn| count(&turn.text)).sum();
        prop_assert_eq!(kept, transcript.segments.iter().map(|segment| count(&segment.text)).sum::<usize>());
        prop_assert!(dialogue.timing.overlaps.is_empty());
        for (position, turn) in dialogue.turns.iter().enumerate() {
            prop_assert!(turn.speaker_confidence.is_some_and(|confidence| (0.0..=1.0).contains(&confidence)));
            for later in dialogue.turns.iter().skip(position + 1) {
                if (turn.channel, turn.speaker) == (later.channel, later.speaker) {
                    let (span, other) = (turn.span.expect("audio"), later.span.expect("audio"));
                    prop_assert!(span.end <= other.start);
                }
            }
        }
    }
}
