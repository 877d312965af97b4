//! Recognises one window: decode, judge, decode again on evidence, drop what stays unbelievable.

use std::collections::BTreeMap;

use super::SpeechError;
use super::decode::{Attempt, Decoded, Decoder};
use super::gate::{self, Doubt};
use super::segment::{Segment, Unheard};
use super::window::{Placement, Window};
use super::words;

/// Above this probability of no speech a doubtful text was invented.
const NO_SPEECH: f32 = 0.5;

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
    prompt: &str,
) -> Result<Recognized, SpeechError> {
    let decoded = decoder.decode(&window.samples, Attempt::FIRST)?;
    let mut recognized = Recognized::default();
    let Some(doubt) = gate::doubt(&decoded, window.speech(), prompt) else {
        recognized.segments = words::segments(window, &decoded.tokens);
        return Ok(recognized);
    };
    *recognized.redecoded.entry(doubt.reason()).or_default() += 1;
    for piece in window.split() {
        let again = decoder.decode(&piece.samples, Attempt::AGAIN)?;
        match still_doubtful(decoder, &piece, &again, prompt)? {
            Some(doubt) => {
                *recognized.dropped.entry(doubt.reason()).or_default() += 1;
                recognized.unheard.extend(unheard(&piece, doubt));
            }
            None => recognized.segments.extend(words::segments(&piece, &again.tokens)),
        }
    }
    Ok(recognized)
}

/// Judges a second decoding. The bar is lower for quiet or unclear speech, which is kept with its low confidence, and
/// higher for audio that Whisper itself calls no speech.
fn still_doubtful(
    decoder: &mut Decoder,
    piece: &Window,
    decoded: &Decoded,
    prompt: &str,
) -> Result<Option<Doubt>, SpeechError> {
    if decoder.no_speech_probability(&piece.samples)? > NO_SPEECH {
        return Ok(Some(Doubt::NoSpeech));
    }
    Ok(gate::doubt(decoded, piece.speech(), prompt).filter(|doubt| *doubt != Doubt::LowConfidence))
}

/// The speech of a dropped piece: the detector heard somebody, and nobody knows what was said. That Whisper calls it no
/// speech does not settle it: it says so of garbled speech, too.
fn unheard(window: &Window, doubt: Doubt) -> impl Iterator<Item = Unheard> {
    let spans: Vec<_> = window.pieces.iter().map(Placement::speech).collect();
    let channel = window.channel;
    spans.into_iter().map(move |span| Unheard { channel, span, reason: doubt.reason().to_owned() })
}
