//! Recognises one window: decode, judge, decode again on evidence, drop what stays unbelievable.

use std::collections::BTreeMap;

use super::SpeechError;
use super::decode::{Attempt, Decoded, Decoder};
use super::gate::{self, Doubt};
use super::hot_words::HotWords;
use super::segment::{Segment, Unheard};
use super::window::{Placement, Window};
use super::words;
use crate::types::Millis;

/// Above this probability of no speech a doubtful text was invented.
const NO_SPEECH: f32 = 0.5;

/// Why a piece is recognised alone although its window was believed. Public, as the reasons of [`Doubt`].
const SKIPPED: &str = "speech.skipped";
/// Shorter pieces may hold a breath or a single sound.
const MIN_PASSED_OVER: Millis = Millis(600);
/// Nobody who speaks without a pause speaks slower; people read telephone digits at two a second.
const MIN_CHARS_PER_SEC: f64 = 1.0;

/// What is known of the text beforehand.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectation {
    /// What the recogniser is shown, and must not say back.
    pub(super) prompt: String,
    /// Words to be put where their sounds are.
    pub(super) hot_words: HotWords,
}

/// What one window gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Recognized {
    pub(super) segments: Vec<Segment>,
    pub(super) unheard: Vec<Unheard>,
    pub(super) redecoded: BTreeMap<&'static str, u32>,
    pub(super) dropped: BTreeMap<&'static str, u32>,
}

/// Recognises `window`. A doubtful text is decoded again piece by piece and without the prompt, so that what confused
/// the recogniser in one piece cannot reach the others; a piece that stays doubtful is dropped and counted.
pub(super) fn recognize(
    decoder: &mut Decoder,
    window: &Window,
    expected: &Expectation,
) -> Result<Recognized, SpeechError> {
    let decoded = decoder.decode(&window.samples, Attempt::FIRST)?;
    let mut recognized = Recognized::default();
    let Some(doubt) = gate::doubt(&decoded, window.speech(), &expected.prompt) else {
        let mut said = words::segments(window, &decoded.tokens, &expected.hot_words);
        listen_again(decoder, window, expected, &mut said, &mut recognized)?;
        recognized.segments = said.into_iter().flatten().collect();
        return Ok(recognized);
    };
    *recognized.redecoded.entry(doubt.reason()).or_default() += 1;
    for piece in window.split() {
        let again = decoder.decode(&piece.samples, Attempt::AGAIN)?;
        match still_doubtful(decoder, &piece, &again, expected)? {
            Some(doubt) => {
                *recognized.dropped.entry(doubt.reason()).or_default() += 1;
                recognized.unheard.extend(unheard(&piece, doubt));
            }
            None => recognized
                .segments
                .extend(words::segments(&piece, &again.tokens, &expected.hot_words).into_iter().flatten()),
        }
    }
    Ok(recognized)
}

/// Recognises alone each piece that was passed over: Whisper sometimes writes one sentence and skips the next, and the
/// alignment shows it by a piece with hardly a word. What is heard then counts if it is more and is believed.
fn listen_again(
    decoder: &mut Decoder,
    window: &Window,
    expected: &Expectation,
    said: &mut [Option<Segment>],
    recognized: &mut Recognized,
) -> Result<(), SpeechError> {
    if window.pieces.len() < 2 {
        return Ok(());
    }
    for ((piece, placement), said) in window.split().iter().zip(&window.pieces).zip(said) {
        let num_chars = said.as_ref().map_or(0, |segment| gate::bare(&segment.text).chars().count());
        if !is_passed_over(placement.speech().duration(), num_chars) {
            continue;
        }
        *recognized.redecoded.entry(SKIPPED).or_default() += 1;
        let again = decoder.decode(&piece.samples, Attempt::AGAIN)?;
        let heard = gate::bare(&words::text(&again.tokens)).chars().count();
        let doubt = match gate::doubt(&again, piece.speech(), &expected.prompt) {
            Some(_) => still_doubtful(decoder, piece, &again, expected)?,
            None => None,
        };
        if heard > num_chars && doubt.is_none() {
            *said = words::segments(piece, &again.tokens, &expected.hot_words).into_iter().flatten().next();
        }
        if said.is_none() {
            // Somebody spoke there: that is neither silence nor something left out.
            let reason = doubt.map_or(SKIPPED, Doubt::reason).to_owned();
            recognized.unheard.push(Unheard { channel: window.channel, span: placement.speech(), reason });
        }
    }
    Ok(())
}

/// Whether `speech` must hold more than `num_chars` characters.
fn is_passed_over(speech: Millis, num_chars: usize) -> bool {
    speech >= MIN_PASSED_OVER && (num_chars as f64) < MIN_CHARS_PER_SEC * speech.as_secs_f64()
}

/// Judges a second decoding. The bar is lower for quiet or unclear speech, which is kept with its low confidence, and
/// higher for audio that Whisper itself calls no speech.
fn still_doubtful(
    decoder: &mut Decoder,
    piece: &Window,
    decoded: &Decoded,
    expected: &Expectation,
) -> Result<Option<Doubt>, SpeechError> {
    if decoder.no_speech_probability(&piece.samples)? > NO_SPEECH {
        return Ok(Some(Doubt::NoSpeech));
    }
    Ok(gate::doubt(decoded, piece.speech(), &expected.prompt).filter(|doubt| *doubt != Doubt::LowConfidence))
}

/// The speech of a dropped piece: the detector heard somebody, and nobody knows what was said. That Whisper calls it no
/// speech does not settle it: it says so of garbled speech, too.
fn unheard(window: &Window, doubt: Doubt) -> impl Iterator<Item = Unheard> {
    let spans: Vec<_> = window.pieces.iter().map(Placement::speech).collect();
    let channel = window.channel;
    spans.into_iter().map(move |span| Unheard { channel, span, reason: doubt.reason().to_owned() })
}
