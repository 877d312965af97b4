//! Turns segments into utterances: one channel's words, cut wherever it pauses for `pause_limit` or more.
//!
//! Segment borders do not matter: they are where the recogniser's windows happened to end.
//!
//! **Invariant**: per channel, utterances are disjoint and in order, and their words, joined, are the segments' words.

use std::collections::BTreeMap;

use crate::speech::{Segment, Transcript, Word};
use crate::types::{ChannelIndex, Millis, TimeSpan};

use super::voice::{Party, Voice};

/// An utterance before it belongs to a turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretch {
    /// Where it was heard.
    pub(super) channel: ChannelIndex,
    /// Whose voice of that channel, and how sure; see [`super::voice`].
    pub(super) voice: Voice,
    /// From its first to its last word.
    pub(super) span: TimeSpan,
    /// Its words; never empty.
    pub(super) words: Vec<Word>,
    /// Whether a machine says it: a voice menu or an announcement.
    pub(super) automatic: bool,
    /// Whether it lies before the declared end of the voice menu.
    pub(super) early: bool,
}

impl Stretch {
    /// Who says it.
    pub(super) fn party(&self) -> Party {
        Party { channel: self.channel, speaker: self.voice.speaker }
    }

    /// The same utterance with nothing said.
    pub(super) fn without_words(&self) -> Self {
        Self { words: Vec::new(), ..*self }
    }

    /// What is said.
    pub(super) fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect()
    }
}

/// Cuts each channel's words into utterances, ordered by start.
pub(super) fn collect(transcript: &Transcript, duration: Millis, pause_limit: Millis) -> Vec<Stretch> {
    let mut by_channel: BTreeMap<ChannelIndex, Vec<&Segment>> = BTreeMap::new();
    for segment in &transcript.segments {
        by_channel.entry(segment.channel).or_default().push(segment);
    }
    let mut stretches = Vec::new();
    for (channel, mut segments) in by_channel {
        segments.sort_by_key(|segment| segment.span.start);
        cut(channel, words_of(&segments, duration), pause_limit, &mut stretches);
    }
    // Stable, so that a channel's order survives equal times.
    stretches.sort_by_key(|stretch| (stretch.span.start, stretch.channel));
    stretches
}

pub(super) fn cut(
    channel: ChannelIndex,
    words: Vec<Word>,
    pause_limit: Millis,
    stretches: &mut Vec<Stretch>,
) {
    let mut open: Option<Stretch> = None;
    for word in words {
        match &mut open {
            Some(stretch) if word.span.start - stretch.span.end < pause_limit => {
                stretch.span.end = word.span.end;
                stretch.words.push(word);
            }
            Some(_) | None => {
                let (span, voice) = (word.span, Voice::default());
                let next =
                    Stretch { channel, voice, span, words: vec![word], automatic: false, early: false };
                stretches.extend(open.replace(next));
            }
        }
    }
    stretches.extend(open);
}

/// One channel's words with times that stay inside the recording and never run backwards.
fn words_of(segments: &[&Segment], duration: Millis) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for segment in segments {
        let before = words.len();
        if segment.words.is_empty() {
            words.extend(spread(segment));
        } else {
            words.extend(segment.words.iter().filter(|word| !word.text.is_empty()).cloned());
        }
        separate_latin(&mut words, before);
    }
    let mut earliest = Millis::ZERO;
    for word in &mut words {
        let start = word.span.start.clamp(earliest, duration.max(earliest));
        word.span = TimeSpan::new(start, word.span.end.min(duration));
        earliest = start;
    }
    // A word ends no later than the next begins: windows of one channel may overlap by their padding.
    let mut next_start = duration;
    for word in words.iter_mut().rev() {
        word.span = TimeSpan::new(word.span.start, word.span.end.min(next_start));
        next_start = word.span.start;
    }
    words
}

/// Keeps Latin words or numbers apart when two segments meet without a space.
fn separate_latin(words: &mut [Word], border: usize) {
    let Some((before, after)) = words.split_at_mut_checked(border) else { return };
    let (Some(last), Some(first)) = (before.last_mut(), after.first()) else { return };
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if joins(last.text.chars().next_back()) && joins(first.text.chars().next()) {
        last.text.push(' ');
    }
}

/// Words for a segment that has only text: its characters, evenly over its time.
fn spread(segment: &Segment) -> Vec<Word> {
    let units = units(&segment.text);
    let num_units = units.len() as u64;
    let length = segment.span.duration().0;
    let time = |index: usize| segment.span.start + Millis(length * index as u64 / num_units.max(1));
    let word = |(index, text): (usize, String)| Word {
        text,
        span: TimeSpan::new(time(index), time(index + 1)),
        confidence: segment.confidence,
    };
    units.into_iter().enumerate().map(word).collect()
}

/// Cuts text as the recogniser does: a Chinese character or a run of Latin letters or digits, each with what follows.
fn units(text: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut in_latin = false;
    for c in text.chars() {
        let latin = c.is_ascii_alphanumeric();
        let begins = c.is_alphanumeric() && !(latin && in_latin);
        match units.last_mut() {
            Some(unit) if !begins => unit.push(c),
            Some(_) | None => units.push(c.to_string()),
        }
        in_latin = latin;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::tests::{segment, segment_of, transcript, word};

    #[test]
    fn a_pause_of_the_limit_cuts_and_a_shorter_one_does_not() {
        let words = vec![word("您", 0, 200), word("好", 899, 1_000), word("请", 1_700, 1_900)];
        let stretches = collect(&transcript(vec![segment_of(0, words)]), Millis(5_000), Millis(700));
        let texts: Vec<String> = stretches.iter().map(Stretch::text).collect();
        assert_eq!(texts, ["您好", "请"]);
    }

    #[test]
    fn segment_borders_do_not_cut() {
        let segments = vec![segment(0, 0, 1_000, "这款产品保本"), segment(0, 1_100, 2_000, "保息的")];
        let stretches = collect(&transcript(segments), Millis(5_000), Millis(700));
        assert_eq!(stretches.iter().map(Stretch::text).collect::<Vec<_>>(), ["这款产品保本保息的"]);
    }

    #[test]
    fn overlapping_windows_and_wild_times_stay_in_order_and_inside() {
        let first = vec![word("一", 0, 900), word("二", 800, 90_000)];
        let second = vec![word("三", 700, 600), word("四", 99_000, 99_500)];
        let segments = vec![segment_of(0, first), segment_of(0, second)];
        let stretches = collect(&transcript(segments), Millis(5_000), Millis(700));
        let words: Vec<&Word> = stretches.iter().flat_map(|stretch| &stretch.words).collect();
        assert_eq!(words.iter().map(|word| word.text.as_str()).collect::<String>(), "一二三四");
        assert!(words.is_sorted_by_key(|word| (word.span.start, word.span.end)));
        assert!(words.iter().all(|word| word.span.end <= Millis(5_000)));
    }

    #[test]
    fn text_without_words_is_spread_over_its_time() {
        assert_eq!(units("您好，APP 2024年。"), ["您", "好，", "APP ", "2024", "年。"]);
        let stretches = collect(&transcript(vec![segment(0, 0, 400, "您好")]), Millis(400), Millis(700));
        assert_eq!(stretches[0].words[1].span, TimeSpan::new(Millis(200), Millis(400)));
    }

    #[test]
    fn latin_words_of_two_segments_stay_apart() {
        let segments = vec![segment(0, 0, 500, "wechat"), segment(0, 500, 900, "pay")];
        let stretches = collect(&transcript(segments), Millis(900), Millis(700));
        assert_eq!(stretches[0].text(), "wechat pay");
    }
}
