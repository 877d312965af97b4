//! Finds the two voices of a channel, says how likely each moment is either's, and how sure the whole is.
//!
//! **Invariant**: the same voice and the same speech give the same answer.

use super::evidence::{Evidence, SpeechFrame, pitch_departure};
use super::follow::{Followed, follow};
use super::frames::{FRAME_MS, Frame, Voice};
use super::mixture::{MAX_SOUNDS, Mixture, Reading, Vector};
use super::split::{self, Split};
use crate::types::{Millis, TimeSpan};

/// Speech is looked for this far around words: their times are off by as much.
const AROUND_WORDS: Millis = Millis(200);
/// Frames this far below the loud ones are no speech.
const SPEECH_RANGE_DB: f32 = 35.0;
/// Less speech than this holds no two voices that could be told apart, in frames: 3 s.
const LEAST_SPEECH: usize = 150;
/// Longest piece of a first split, in frames.
const LONGEST_PIECE: usize = 100;
/// A piece ends at a pause of so many frames.
const PIECE_PAUSE: u32 = 6;
/// Sounds of the mixture.
const NUM_SOUNDS: usize = 8;
/// First splits that are followed through the call.
const NUM_TRIED: usize = 3;
/// First splits that are as good as this are the same.
const SAME_SPLIT: f32 = 0.5;

/// Two voices told apart on one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Voices {
    /// Positions of the frames of speech, in order; never empty.
    at: Vec<u32>,
    /// How likely the first voice speaks, for each of them.
    first: Vec<f32>,
    /// How far the scores of the two voices lie apart, in standard deviations of a frame.
    distinctness: f32,
    /// How much likelier each second of speech is with two voices than with one, as a logarithm.
    gain: f32,
    /// How sure frames are of their voice, on average, 0 to 1.
    certainty: f32,
}

impl Voices {
    /// Voices that take turns as told, for tests of what is made of them: a frame each 20 ms from the start.
    #[cfg(test)]
    pub(crate) fn scripted(first: Vec<f32>, sure: bool) -> Self {
        let at = (0..u32::try_from(first.len()).expect("tests are short")).collect();
        let (distinctness, gain) = if sure { (2.0, 2.0) } else { (1.0, 0.0) };
        Self { at, first, distinctness, gain, certainty: 1.0 }
    }

    /// How likely the first of the two voices speaks in `span`, 0 to 1. Where no speech was heard, the nearest counts.
    #[must_use]
    pub fn first_share(&self, span: TimeSpan) -> f32 {
        let frame = |time: Millis| u32::try_from(time.0 / FRAME_MS).unwrap_or(u32::MAX);
        let (start, end) = (frame(span.start), frame(span.end).max(frame(span.start).saturating_add(1)));
        let (from, to) = (self.at.partition_point(|at| *at < start), self.at.partition_point(|at| *at < end));
        if let Some(shares) = self.first.get(from..to).filter(|shares| !shares.is_empty()) {
            return shares.iter().sum::<f32>() / shares.len() as f32;
        }
        let before =
            from.checked_sub(1).and_then(|index| Some((start - self.at.get(index)?, self.first.get(index)?)));
        let after =
            self.at.get(from).zip(self.first.get(from)).map(|(at, first)| (at.saturating_sub(start), first));
        before.into_iter().chain(after).min_by_key(|(away, _)| *away).map_or(0.5, |(_, first)| *first)
    }

    /// How sure it is that there are two voices and that they were told apart, 0 to 1.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        // Each of these alone is reason enough to doubt. The middles and widths lie between calls of two people and
        // calls of one, cut in two all the same (docs/adr/004-mono-speakers.md).
        gate(self.gain, 0.2, 0.06)
            * gate(self.distinctness, 1.15, 0.06)
            * gate(self.certainty, 0.88, 0.01)
            * gate(self.least_secs(), 3.0, 0.5)
    }

    /// Speech of the voice that is heard less, in seconds.
    fn least_secs(&self) -> f32 {
        let first: f32 = self.first.iter().sum();
        first.min(self.first.len() as f32 - first) * FRAME_MS as f32 / 1000.0
    }
}

/// Rises from 0 to 1 around `middle`.
fn gate(value: f32, middle: f32, width: f32) -> f32 {
    1.0 / (1.0 + (-(value - middle) / width).exp())
}

/// Tells two voices apart in `voice`. `speech` is where words were heard, ordered by start. `None` where that is too
/// little.
#[must_use]
pub fn separate(voice: &Voice, speech: &[TimeSpan]) -> Option<Voices> {
    let at = speech_frames(voice, speech);
    if at.len() < LEAST_SPEECH {
        return None;
    }
    let heard: Vec<&Frame> = at.iter().filter_map(|at| voice.frames.get(*at as usize)).collect();
    let vectors: Vec<Vector> = heard.iter().map(|frame| frame.cepstra.map(f32::from)).collect();
    let mixture = Mixture::learn(&vectors, NUM_SOUNDS);
    let frames = ready(&mixture, &heard, &vectors);
    let pieces = pieces(&mixture, &frames, &at);
    let mut tried: Vec<Split> = Vec::new();
    for split in split::split(&pieces) {
        let known = tried.iter().any(|other| (other.gain - split.gain).abs() < SAME_SPLIT);
        if !known && tried.len() < NUM_TRIED {
            tried.push(split);
        }
    }
    let followed =
        tried.iter().map(|split| follow(&mixture, &frames, &at, split::speakers(&pieces, &split.first)));
    let best = followed.max_by(|a, b| a.likelihood.total_cmp(&b.likelihood))?;
    let (distinctness, certainty) = (distinctness(&best), certainty(&best));
    let secs = (at.len() as u64 * FRAME_MS) as f32 / 1000.0;
    let gain = (best.likelihood - split::alone(&pieces)) / secs;
    Some(Voices { at, first: best.first, distinctness, gain, certainty })
}

/// Positions of frames that are near words and not much quieter than the loudest speech.
fn speech_frames(voice: &Voice, speech: &[TimeSpan]) -> Vec<u32> {
    let mut near = vec![false; voice.frames.len()];
    for span in speech {
        let from = span.start.saturating_sub(AROUND_WORDS).0 / FRAME_MS;
        let to = (span.end + AROUND_WORDS).0.div_ceil(FRAME_MS);
        let index = |frame: u64| usize::try_from(frame).unwrap_or(usize::MAX).min(near.len());
        let (from, to) = (index(from), index(to));
        near.get_mut(from..to).unwrap_or_default().fill(true);
    }
    let near =
        || voice.frames.iter().enumerate().zip(&near).filter(|(_, near)| **near).map(|(frame, _)| frame);
    let mut levels: Vec<f32> = near().map(|(_, frame)| frame.level.to_f32()).collect();
    levels.sort_by(f32::total_cmp);
    let Some(loud) = levels.get(levels.len() * 9 / 10) else { return Vec::new() };
    let spoken = near().filter(|(_, frame)| frame.level.to_f32() >= loud - SPEECH_RANGE_DB);
    spoken.map(|(index, _)| u32::try_from(index).unwrap_or(u32::MAX)).collect()
}

/// Frames with what they may be.
fn ready(mixture: &Mixture, heard: &[&Frame], vectors: &[Vector]) -> Vec<SpeechFrame> {
    let pitches: Vec<Option<f32>> =
        heard.iter().map(|frame| Some(frame.pitch.to_f32()).filter(|pitch| *pitch >= 0.0)).collect();
    let num_voiced = pitches.iter().flatten().count().max(1);
    let mean = pitches.iter().flatten().sum::<f32>() / num_voiced as f32;
    let mut likeliest = Vec::new();
    let frame = |(vector, pitch): (&Vector, &Option<f32>)| {
        mixture.read(vector, &mut likeliest);
        let mut readings = [Reading { sound: 0, share: 0.0 }; MAX_SOUNDS];
        for (reading, likely) in readings.iter_mut().zip(&likeliest) {
            *reading = *likely;
        }
        SpeechFrame { vector: *vector, pitch: pitch.map(|pitch| pitch_departure(pitch, mean)), readings }
    };
    vectors.iter().zip(&pitches).map(frame).collect()
}

/// Speech between pauses, cut into pieces of a breath.
fn pieces(mixture: &Mixture, frames: &[SpeechFrame], at: &[u32]) -> Vec<Evidence> {
    let mut pieces: Vec<Evidence> = Vec::new();
    let (mut length, mut before) = (0, None);
    for (frame, now) in frames.iter().zip(at) {
        let paused = before.is_none_or(|before: u32| now.saturating_sub(before) > PIECE_PAUSE);
        if paused || length >= LONGEST_PIECE {
            pieces.push(Evidence::new(mixture.len()));
            length = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.add_frame(mixture, frame, 1.0);
        }
        length += 1;
        before = Some(*now);
    }
    pieces
}

/// How far apart the scores of frames of the two voices lie, in standard deviations within a voice.
fn distinctness(followed: &Followed) -> f32 {
    let mut sums = [(0.0_f32, 0.0_f32, 0.0_f32); 2];
    for (first, lean) in followed.first.iter().zip(&followed.lean) {
        let [one, two] = &mut sums;
        let (count, sum, square) = if *first >= 0.5 { one } else { two };
        *count += 1.0;
        *sum += lean;
        *square += lean * lean;
    }
    let [(one, ..), (two, ..)] = sums;
    if one < 1.0 || two < 1.0 {
        return 0.0;
    }
    let mean = |(count, sum, _): (f32, f32, f32)| sum / count;
    let spread = |(count, sum, square): (f32, f32, f32)| square - sum * sum / count;
    let variance = sums.into_iter().map(spread).sum::<f32>() / (one + two);
    let [first, second] = sums.map(mean);
    (first - second) / variance.max(f32::MIN_POSITIVE).sqrt()
}

fn certainty(followed: &Followed) -> f32 {
    let sure: f32 = followed.first.iter().map(|first| (2.0 * first - 1.0).abs()).sum();
    sure / followed.first.len().max(1) as f32
}
