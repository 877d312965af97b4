//! Subtitles (SubRip) of a call: one cue per utterance, long ones cut at words.
//!
//! **Invariant**: cues are ordered by start and none is empty. A chat has no cues.

use crate::proto::v1;

use super::label;
use super::layout::clean;

/// Most characters of a cue, the speaker not counted.
const MAX_CHARS: usize = 40;

/// Longest time of a cue.
const MAX_MS: u64 = 20_000;

/// A cue is cut after a punctuation mark once it has this many characters.
const MIN_CHARS_AT_MARK: usize = 24;

#[derive(Debug)]
struct Cue {
    start: u64,
    end: u64,
    speaker: String,
    text: String,
}

/// Renders a report as subtitles.
#[must_use]
pub fn render_srt(report: &v1::CallReport) -> String {
    let spoken = report.transcript.as_ref().filter(|transcript| transcript.chat.is_none());
    let turns = spoken.map_or(&[][..], |transcript| &transcript.turns);
    let mut cues: Vec<Cue> = turns.iter().flat_map(cues).filter(|cue| !cue.text.trim().is_empty()).collect();
    cues.sort_by_key(|cue| (cue.start, cue.end));
    let mut out = String::new();
    for (number, cue) in cues.iter().enumerate() {
        let (start, end) = (stamp(cue.start), stamp(cue.end.max(cue.start.saturating_add(1))));
        let text = clean(cue.text.trim());
        let speaker = &cue.speaker;
        out.push_str(&format!("{}\n{start} --> {end}\n{speaker}：{text}\n\n", number + 1));
    }
    out
}

fn cues(turn: &v1::Turn) -> Vec<Cue> {
    if turn.words.is_empty() {
        return without_words(turn);
    }
    let borders: Vec<usize> = turn.utterances.iter().map(|utterance| utterance.char_from as usize).collect();
    let mut cues: Vec<Cue> = Vec::new();
    let mut num_chars = 0;
    for word in &turn.words {
        let (start, end) = (label::millis(word.start.as_ref()), label::millis(word.end.as_ref()));
        let fits = |cue: &&mut Cue| {
            !borders.contains(&num_chars)
                && !is_full(&cue.text, &word.text)
                && end.saturating_sub(cue.start) <= MAX_MS
        };
        match cues.last_mut().filter(fits) {
            Some(cue) => {
                cue.text.push_str(&word.text);
                cue.end = end.max(cue.end);
            }
            None => cues.push(Cue { start, end, speaker: label::speaker(turn), text: word.text.clone() }),
        }
        num_chars += word.text.chars().count();
    }
    cues
}

/// Whether `next` must not join `text` in one cue.
fn is_full(text: &str, next: &str) -> bool {
    let num_chars = text.chars().count();
    num_chars + next.chars().count() > MAX_CHARS
        || (num_chars >= MIN_CHARS_AT_MARK
            && text.trim_end().ends_with(['，', '。', '？', '！', '；', ',', '.', '?', '!']))
}

/// The text of a turn whose words were not kept, in lines over its time.
fn without_words(turn: &v1::Turn) -> Vec<Cue> {
    let (Some(start), Some(end)) = (&turn.start, &turn.end) else { return Vec::new() };
    let (start, end) = (label::millis(Some(start)), label::millis(Some(end)));
    let chars: Vec<char> = turn.text.chars().collect();
    let (num_chars, length) = (chars.len().max(1) as u64, end.saturating_sub(start));
    // Multiplied first, so that the last line ends with the turn; a length from the wire may be any number.
    let time = |index: usize| start.saturating_add(length.saturating_mul(index as u64) / num_chars);
    let line = |(number, line): (usize, &[char])| Cue {
        start: time(number * MAX_CHARS),
        end: time(number * MAX_CHARS + line.len()),
        speaker: label::speaker(turn),
        text: line.iter().collect(),
    };
    chars.chunks(MAX_CHARS).enumerate().map(line).collect()
}

fn stamp(millis: u64) -> String {
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("{:02}:{:02}:{:02},{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Duration;

    fn at(millis: u64) -> Option<Duration> {
        let seconds = i64::try_from(millis / 1000).expect("short");
        Some(Duration { seconds, nanos: i32::try_from(millis % 1000).expect("short") * 1_000_000 })
    }

    fn render(turn: v1::Turn) -> String {
        let transcript = v1::Transcript { turns: vec![turn], ..v1::Transcript::default() };
        render_srt(&v1::CallReport { transcript: Some(transcript), ..v1::CallReport::default() })
    }

    fn words(num_words: u64, millis_each: u64) -> Vec<v1::Word> {
        let word = |index: u64| v1::Word {
            text: "好".to_owned(),
            start: at(index * millis_each),
            end: at((index + 1) * millis_each),
            confidence: 0.9,
        };
        (0..num_words).map(word).collect()
    }

    #[test]
    fn long_speech_is_cut_by_characters_and_by_time() {
        let spoken = |words: Vec<v1::Word>| {
            let text = words.iter().map(|word| word.text.as_str()).collect();
            render(v1::Turn { text, words, ..v1::Turn::default() })
        };
        assert_eq!(spoken(words(90, 100)).matches(" --> ").count(), 3, "40 characters a cue");
        assert_eq!(spoken(words(30, 2_000)).matches(" --> ").count(), 3, "20 seconds a cue");
        assert_eq!(spoken(words(90, 100)).matches('好').count(), 90);
    }

    #[test]
    fn text_without_words_keeps_its_time_and_text_without_times_has_none() {
        let turn =
            v1::Turn { text: "您\n好".to_owned(), start: at(500), end: at(1_500), ..v1::Turn::default() };
        assert_eq!(render(turn), "1\n00:00:00,500 --> 00:00:01,500\n未知：您 好\n\n");
        assert_eq!(render(v1::Turn { text: "您好".to_owned(), ..v1::Turn::default() }), "");
    }
}
