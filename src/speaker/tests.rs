//! Two voices that are made here, told apart. Real ones, and one alone, are in `tests/it/mono.rs`.

use std::f32::consts::PI;

use proptest::prelude::*;

use super::{Listener, Voice, Voices, separate};
use crate::audio::SAMPLE_RATE_HZ;
use crate::types::{Millis, TimeSpan};

/// A voice: pulses of a pitch through three resonances that move from syllable to syllable.
#[derive(Clone, Copy)]
struct Talker {
    pitch_hz: f32,
    /// Length of the vocal tract, as a factor on its resonances.
    size: f32,
}

const LOW: Talker = Talker { pitch_hz: 110.0, size: 1.0 };
const HIGH: Talker = Talker { pitch_hz: 215.0, size: 1.2 };

/// The resonances of five vowels, in Hz.
const VOWELS: [[f32; 3]; 5] = [
    [730.0, 1_090.0, 2_440.0],
    [270.0, 2_290.0, 3_010.0],
    [300.0, 870.0, 2_240.0],
    [530.0, 1_840.0, 2_480.0],
    [570.0, 840.0, 2_410.0],
];

/// Says `num_syllables` of 200 ms each; `seed` chooses where in the vowels it begins.
fn say(talker: Talker, num_syllables: usize, seed: &mut u32, samples: &mut Vec<f32>) {
    let rate = SAMPLE_RATE_HZ as f32;
    let mut next = || {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*seed >> 8) as f32 / (1 << 24) as f32
    };
    let mut state = [[0.0_f32; 2]; 3];
    let mut phase = 0.0_f32;
    let mut vowels = VOWELS.iter().cycle().skip((next() * 5.0) as usize);
    for _ in 0..num_syllables {
        let vowel = vowels.next().expect("a cycle has no end");
        let pitch = talker.pitch_hz * (0.9 + 0.2 * next());
        let vowel = vowel.map(|formant| formant * (0.92 + 0.16 * next()));
        let loud = 0.6 + 0.4 * next();
        let length = SAMPLE_RATE_HZ / 5;
        for at in 0..length {
            phase += pitch / rate;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase -= phase.floor();
            let mut sample = pulse + 0.02 * (next() - 0.5);
            for (formant, [one, two]) in vowel.iter().zip(&mut state) {
                let (angle, radius) = (2.0 * PI * formant * talker.size / rate, (-PI * 90.0 / rate).exp());
                let out = sample + 2.0 * radius * angle.cos() * *one - radius * radius * *two;
                (*two, *one) = (*one, out);
                sample = out * (1.0 - radius) * 2.0;
            }
            let envelope = (PI * at as f32 / length as f32).sin();
            samples.push((8.0 * sample * envelope * loud).clamp(-1.0, 1.0));
        }
    }
}

/// A call in which `turns` follow each other, each a talker with a number of syllables; 300 ms between them.
fn call(turns: &[(Talker, usize)], seed: u32) -> (Vec<f32>, Vec<TimeSpan>) {
    let (mut samples, mut spans, mut seed) = (Vec::new(), Vec::new(), seed);
    for (talker, num_syllables) in turns {
        let silence = SAMPLE_RATE_HZ as usize * 3 / 10;
        samples.resize(samples.len() + silence, 0.0);
        let start = Millis::from_samples(samples.len() as u64, SAMPLE_RATE_HZ);
        say(*talker, *num_syllables, &mut seed, &mut samples);
        spans.push(TimeSpan::new(start, Millis::from_samples(samples.len() as u64, SAMPLE_RATE_HZ)));
    }
    (samples, spans)
}

fn listen(samples: &[f32], block: usize) -> Voice {
    let mut listener = Listener::default();
    for block in samples.chunks(block) {
        listener.hear(block);
    }
    listener.finish()
}

fn told_apart(turns: &[(Talker, usize)], seed: u32) -> (Voices, Vec<TimeSpan>) {
    let (samples, spans) = call(turns, seed);
    (separate(&listen(&samples, 16_000), &spans).expect("there is enough speech"), spans)
}

/// Turns of 1 to 3 s, and now and then 600 ms of the other in between.
fn two_people() -> Vec<(Talker, usize)> {
    [10, 3, 8, 15, 3, 12, 9, 3, 14, 7, 11, 3]
        .iter()
        .enumerate()
        .map(|(i, n)| ([LOW, HIGH][i % 2], *n))
        .collect()
}

#[test]
fn two_voices_are_told_apart_down_to_the_shortest_turn() {
    let (voices, spans) = told_apart(&two_people(), 2);
    let shares: Vec<f32> = spans.iter().map(|span| voices.first_share(*span)).collect();
    let first = shares[0] > 0.5;
    for (index, share) in shares.iter().enumerate() {
        assert_eq!(*share > 0.5, first == (index % 2 == 0), "turn {index}: {shares:?}");
    }
    assert!(voices.confidence() > 0.9, "{}", voices.confidence());
}

#[test]
fn too_little_speech_is_not_judged() {
    let (samples, spans) = call(&[(LOW, 4), (HIGH, 4)], 1);
    assert_eq!(separate(&listen(&samples, 16_000), &spans), None);
    assert_eq!(separate(&listen(&[], 1), &[]), None);
    assert_eq!(separate(&listen(&vec![0.0; 160_000], 16_000), &[]), None);
}

#[test]
fn a_moment_without_speech_takes_the_nearest_voice() {
    let (voices, spans) = told_apart(&two_people(), 1);
    let at = |millis: u64| voices.first_share(TimeSpan::new(Millis(millis), Millis(millis + 10)));
    assert_eq!(at(0) > 0.5, voices.first_share(spans[0]) > 0.5);
    let last = spans[spans.len() - 1];
    assert_eq!(at(last.end.0 + 60_000) > 0.5, voices.first_share(last) > 0.5);
}

#[test]
fn the_same_speech_more_quietly_or_in_other_blocks_is_the_same() {
    let (samples, spans) = call(&two_people(), 3);
    let whole = listen(&samples, samples.len());
    assert_eq!(whole, listen(&samples, 777));
    let length = Millis::from_samples(samples.len() as u64, SAMPLE_RATE_HZ);
    assert!(whole.duration().0.abs_diff(length.0) <= 20, "{} of {length}", whole.duration());
    let quiet: Vec<f32> = samples.iter().map(|sample| sample * 0.5).collect();
    let (loud, quiet) = (separate(&whole, &spans), separate(&listen(&quiet, 16_000), &spans));
    let agree = |span: &TimeSpan| {
        let shares =
            [&loud, &quiet].map(|voices| voices.as_ref().map(|voices| voices.first_share(*span) > 0.5));
        shares[0] == shares[1]
    };
    let num_agreeing = spans.iter().filter(|span| agree(span)).count();
    assert!(num_agreeing == 0 || num_agreeing == spans.len(), "{num_agreeing} of {}", spans.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_that_can_be_heard_breaks_it(
        samples in prop::collection::vec(prop_oneof![Just(0.0_f32), Just(1.0), Just(-1.0), -1.0_f32..1.0], 0..2_000),
        repeats in 1_usize..60,
        spans in prop::collection::vec((0_u64..9_000, 0_u64..9_000), 0..6),
    ) {
        let samples: Vec<f32> = samples.iter().copied().cycle().take(samples.len() * repeats).collect();
        let mut spans: Vec<_> =
            spans.into_iter().map(|(start, length)| TimeSpan::new(Millis(start), Millis(start + length))).collect();
        spans.sort();
        if let Some(voices) = separate(&listen(&samples, 1_000), &spans) {
            prop_assert!((0.0..=1.0).contains(&voices.confidence()));
            for span in spans {
                prop_assert!((0.0..=1.0).contains(&voices.first_share(span)));
            }
        }
    }
}
