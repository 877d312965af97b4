//! How a turn is said: pace in characters per minute and loudness over its time.
//!
//! Pace counts syllables as a Chinese ear does, so that one limit fits mixed text: a Chinese character is one, a digit
//! is one (digits are mostly read one by one), a Latin abbreviation in capitals (ATM, APP) is one per letter, any other
//! Latin word one per group of vowels. Punctuation and spaces are nothing.

use std::collections::BTreeMap;

use crate::audio::AudioProfile;
use crate::types::{ChannelIndex, Millis, TimeSpan};

use super::turn::OpenTurn;
use super::{DialogueConfig, Turn};

/// Length of one step of [`crate::audio::ChannelProfile::envelope_dbfs`].
const ENVELOPE_STEP: Millis = Millis(100);

/// Capitals up to this many letters are spelt out; longer ones are a shouted word.
const MAX_SPELT_LETTERS: usize = 5;

/// Characters of `text` that count for pace: punctuation and spaces do not, Latin words by syllable.
#[must_use]
pub fn num_spoken_chars(text: &str) -> u32 {
    let mut num_chars = 0;
    let mut latin = String::new();
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            latin.push(c);
            continue;
        }
        num_chars += num_latin_syllables(&latin);
        latin.clear();
        // What is hidden was spoken too.
        num_chars += u32::from(c.is_alphanumeric() || c == '*');
    }
    num_chars + num_latin_syllables(&latin)
}

fn num_latin_syllables(word: &str) -> u32 {
    let num_letters = word.chars().count();
    if num_letters <= MAX_SPELT_LETTERS && word.chars().all(|c| c.is_ascii_uppercase()) {
        return u32::try_from(num_letters).unwrap_or(u32::MAX);
    }
    let (mut num_groups, mut in_vowels) = (0, false);
    for c in word.chars() {
        let vowel = "aeiouy".contains(c.to_ascii_lowercase());
        num_groups += u32::from(vowel && !in_vowels);
        in_vowels = vowel;
    }
    num_groups.max(1)
}

/// Pace over `speech`, absent when there is too little of it.
pub(super) fn chars_per_min(num_chars: u32, speech: Millis, config: &DialogueConfig) -> Option<f32> {
    let enough =
        num_chars >= config.min_pace_chars && speech >= config.min_pace_speech && speech > Millis::ZERO;
    enough.then(|| (f64::from(num_chars) * 60.0 / speech.as_secs_f64()) as f32)
}

/// Loudness of every channel over time: as measured, or as an earlier dialogue of the call kept it.
#[derive(Debug)]
pub(super) enum Loudness<'a> {
    /// By channel, in steps of [`ENVELOPE_STEP`].
    Measured(BTreeMap<ChannelIndex, &'a [i8]>),
    /// What each utterance had.
    Kept(Vec<(ChannelIndex, TimeSpan, f32)>),
}

impl<'a> Loudness<'a> {
    pub(super) fn new(audio: &'a AudioProfile) -> Self {
        let envelopes =
            audio.channels.iter().map(|profile| (profile.channel, profile.envelope_dbfs.as_slice()));
        Self::Measured(envelopes.collect())
    }

    pub(super) fn kept(turns: &[Turn]) -> Self {
        let mut kept = Vec::new();
        for turn in turns {
            for utterance in &turn.utterances {
                kept.extend(utterance.loudness_dbfs.map(|level| (turn.channel, utterance.span, level)));
            }
        }
        Self::Kept(kept)
    }

    /// Mean energy over `spans`, in dB relative to full scale; absent where nothing was measured.
    fn over(&self, channel: ChannelIndex, spans: impl Iterator<Item = TimeSpan>) -> Option<f32> {
        let (mut energy, mut weight) = (0.0_f64, 0.0_f64);
        let mut add = |level: f64, shared: f64| {
            energy += shared * 10.0_f64.powf(level / 10.0);
            weight += shared;
        };
        for span in spans {
            match self {
                Self::Measured(envelopes) => {
                    let first = span.start.0 / ENVELOPE_STEP.0;
                    let after = span.end.0.div_ceil(ENVELOPE_STEP.0);
                    let levels = envelopes.get(&channel)?.iter().skip(usize::try_from(first).ok()?);
                    for (step, level) in (first..after).zip(levels) {
                        let start = Millis(step * ENVELOPE_STEP.0);
                        let shared = TimeSpan::new(start, start + ENVELOPE_STEP).overlap(span);
                        add(f64::from(*level), shared.as_secs_f64());
                    }
                }
                Self::Kept(kept) => {
                    for (_, own, level) in kept.iter().filter(|(own, _, _)| *own == channel) {
                        add(f64::from(*level), own.overlap(span).as_secs_f64());
                    }
                }
            }
        }
        (weight > 0.0).then(|| (10.0 * (energy / weight).log10()) as f32)
    }
}

/// Fills in pace and loudness of a turn and of its utterances.
pub(super) fn measure(open: &mut OpenTurn, loudness: &Loudness<'_>, config: &DialogueConfig) {
    let turn = &mut open.turn;
    let (mut num_chars, mut speech) = (0, Millis::ZERO);
    for utterance in &mut turn.utterances {
        let range = utterance.word_from as usize..utterance.word_to as usize;
        let said: String =
            turn.words.get(range).unwrap_or_default().iter().map(|word| word.text.as_str()).collect();
        let num_said = num_spoken_chars(&said);
        utterance.chars_per_min = chars_per_min(num_said, utterance.span.duration(), config);
        utterance.loudness_dbfs = loudness.over(turn.channel, std::iter::once(utterance.span));
        num_chars += num_said;
        speech = speech + utterance.span.duration();
    }
    turn.chars_per_min = chars_per_min(num_chars, speech, config);
    turn.loudness_dbfs = loudness.over(turn.channel, turn.utterances.iter().map(|utterance| utterance.span));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::tests::profile;

    #[test]
    fn only_what_is_spoken_counts() {
        assert_eq!(num_spoken_chars("您好，请问有什么可以帮您？"), 11);
        assert_eq!(num_spoken_chars("尾号 8023 的卡。"), 2 + 4 + 2);
        assert_eq!(num_spoken_chars("在ATM上，用WeChat，OK！"), 2 + 3 + 1 + 2 + 2);
        assert_eq!(num_spoken_chars("……，。 \n"), 0);
    }

    #[test]
    fn too_little_speech_has_no_pace() {
        let config = DialogueConfig::default();
        assert_eq!(chars_per_min(9, Millis(3_000), &config), None);
        assert_eq!(chars_per_min(20, Millis(900), &config), None);
        assert_eq!(chars_per_min(20, Millis(4_000), &config), Some(300.0));
        assert_eq!(
            chars_per_min(20, Millis(0), &DialogueConfig { min_pace_speech: Millis(0), ..config }),
            None
        );
    }

    #[test]
    fn loudness_is_the_mean_energy_not_the_mean_of_decibels() {
        let mut audio = profile(&[0], Millis(400));
        audio.channels[0].envelope_dbfs = vec![-20, -120, -20, -20];
        let loudness = Loudness::new(&audio);
        let over = |start, end| {
            loudness.over(ChannelIndex(0), std::iter::once(TimeSpan::new(Millis(start), Millis(end))))
        };
        assert!((over(0, 200).expect("measured") - -23.01).abs() < 0.01);
        assert!((over(250, 400).expect("measured") - -20.0).abs() < 0.01);
        assert_eq!(over(400, 500), None, "past the end");
        assert_eq!(over(100, 100), None, "no time");
    }
}
