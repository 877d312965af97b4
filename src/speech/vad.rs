//! Finds speech: the Silero network, frame by frame, and the pieces of audio that hold speech.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use diting_kernels::{SILERO_FRAME as FRAME, Silero, SileroStream};

use super::model::read_detector;
use super::{SpeechError, VadConfig};
use crate::audio::SAMPLE_RATE_HZ;
use crate::types::Millis;

/// A stretch of one channel that holds speech, padding included.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// Index of its first sample in the recording.
    pub(super) start: u64,
    /// Its audio at 16 kHz.
    pub(super) samples: Vec<f32>,
    /// Samples of padding at its start and its end: audio around the speech.
    pub(super) padding: (usize, usize),
}

/// The loaded network; shared by all channels of all calls.
#[derive(Debug, Clone)]
pub(super) struct VoiceDetector(Arc<Silero>);

impl VoiceDetector {
    pub(super) fn load(model: &Path) -> Result<Self, SpeechError> {
        let silero = read_detector(model).map_err(|source| SpeechError::LoadDetector {
            path: model.to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self(Arc::new(silero)))
    }
}

/// Cuts one channel into pieces of speech as its audio arrives.
///
/// Holds at most one piece of `max_piece` in memory.
#[derive(Debug)]
pub(super) struct Segmenter {
    config: VadConfig,
    detector: VoiceDetector,
    /// What the network remembers of this channel.
    stream: SileroStream,
    /// Audio not yet given away; `origin` is the index of its first sample.
    audio: VecDeque<f32>,
    origin: u64,
    /// One past the last sample given away, so that the padding of two neighbours never overlaps.
    given_until: u64,
    /// Frames judged so far, counted from the start of the recording.
    judged: u64,
    cutter: Cutter,
}

impl Segmenter {
    /// `max_piece` bounds a piece's length; longer speech is cut where it is least speech-like.
    pub(super) fn new(config: VadConfig, max_piece: Millis, detector: VoiceDetector) -> Self {
        let max_frames = frames(max_piece).saturating_sub(2 * frames(config.padding)).max(16);
        let cutter = Cutter::new(&config, max_frames);
        let (stream, audio) = (SileroStream::default(), VecDeque::new());
        Self { config, detector, stream, audio, origin: 0, given_until: 0, judged: 0, cutter }
    }

    /// Takes the next samples of the channel and gives the pieces that are complete.
    pub(super) fn push(&mut self, samples: &[f32]) -> Vec<Piece> {
        self.audio.extend(samples);
        let mut pieces = Vec::new();
        while self.num_unjudged() >= FRAME {
            pieces.extend(self.judge());
        }
        self.forget();
        pieces
    }

    /// Ends the channel and gives the last pieces.
    pub(super) fn finish(mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let rest = self.num_unjudged();
        if rest > 0 {
            // Whole frames only: the last one is filled up with silence, which is never given away.
            let end = self.audio.len();
            self.audio.extend(std::iter::repeat_n(0.0, FRAME - rest));
            pieces.extend(self.judge());
            self.audio.truncate(end);
        }
        if let Some(range) = self.cutter.finish() {
            pieces.extend(self.take(range));
        }
        for piece in &mut pieces {
            let end = self.origin + self.audio.len() as u64;
            piece.samples.truncate((end.saturating_sub(piece.start)) as usize);
        }
        pieces
    }

    fn num_unjudged(&self) -> usize {
        (self.origin + self.audio.len() as u64 - self.judged * FRAME as u64) as usize
    }

    /// Judges the next frame, which is there.
    fn judge(&mut self) -> Option<Piece> {
        let from = (self.judged * FRAME as u64 - self.origin) as usize;
        let mut frame = [0.0; FRAME];
        for (sample, heard) in frame.iter_mut().zip(self.audio.range(from..)) {
            *sample = *heard;
        }
        self.judged += 1;
        let probability = self.detector.0.probability(&frame, &mut self.stream);
        let range = self.cutter.push(probability)?;
        self.take(range)
    }

    /// The audio of a range of frames with its padding.
    fn take(&mut self, range: FrameRange) -> Option<Piece> {
        let padding = samples(self.config.padding);
        let end = self.origin + self.audio.len() as u64;
        let lead = if range.continues { 0 } else { padding };
        let tail = if range.is_cut { 0 } else { padding };
        let start = (range.from * FRAME as u64).saturating_sub(lead).max(self.given_until).max(self.origin);
        let until = (range.to * FRAME as u64 + tail).min(end);
        self.given_until = until.max(self.given_until);
        let (from, to) = ((start - self.origin) as usize, (until.max(start) - self.origin) as usize);
        let padding = (
            (range.from * FRAME as u64).saturating_sub(start) as usize,
            until.saturating_sub(range.to * FRAME as u64) as usize,
        );
        (to > from).then(|| Piece { start, samples: self.audio.range(from..to).copied().collect(), padding })
    }

    /// Drops audio that no piece can need: of one under way, or of one that begins with the next frame.
    fn forget(&mut self) {
        let padding_frames = frames(self.config.padding) as u64 + 1;
        let needed = self.cutter.open_from().unwrap_or(self.judged);
        let keep_from = needed.saturating_sub(padding_frames) * FRAME as u64;
        let num_dropped = keep_from.saturating_sub(self.origin) as usize;
        self.audio.drain(..num_dropped.min(self.audio.len()));
        self.origin += num_dropped as u64;
    }
}

fn samples(length: Millis) -> u64 {
    length.0 * u64::from(SAMPLE_RATE_HZ) / 1000
}

fn frames(length: Millis) -> usize {
    (samples(length) as usize).div_ceil(FRAME)
}

/// A stretch of frames that holds speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameRange {
    from: u64,
    to: u64,
    /// Begins where a stretch that was too long was cut.
    continues: bool,
    /// Ends at such a cut.
    is_cut: bool,
}

/// Turns probabilities into stretches with hysteresis.
#[derive(Debug)]
struct Cutter {
    threshold: f32,
    release_threshold: f32,
    min_silence: u64,
    min_speech: u64,
    max_frames: usize,
    position: u64,
    /// First frame of the stretch under way, and whether it continues one that was cut.
    open: Option<(u64, bool)>,
    /// One past the last frame that was speech.
    last_speech: u64,
    /// Probabilities of the stretch under way.
    inside: Vec<f32>,
}

impl Cutter {
    fn new(config: &VadConfig, max_frames: usize) -> Self {
        Self {
            threshold: config.threshold,
            release_threshold: config.release_threshold,
            min_silence: frames(config.min_silence) as u64,
            min_speech: frames(config.min_speech) as u64,
            max_frames,
            position: 0,
            open: None,
            last_speech: 0,
            inside: Vec::new(),
        }
    }

    fn open_from(&self) -> Option<u64> {
        self.open.map(|(from, _)| from)
    }

    fn push(&mut self, probability: f32) -> Option<FrameRange> {
        let position = self.position;
        self.position += 1;
        let Some((from, continues)) = self.open else {
            if probability >= self.threshold {
                self.open = Some((position, false));
                self.last_speech = position + 1;
                self.inside = vec![probability];
            }
            return None;
        };
        self.inside.push(probability);
        if probability >= self.release_threshold {
            self.last_speech = position + 1;
        }
        if position + 1 - self.last_speech >= self.min_silence {
            return self.finish();
        }
        if self.inside.len() < self.max_frames {
            return None;
        }
        // Too long: cut in the second half where it sounds least like speech.
        let half = self.inside.len() / 2;
        let (offset, _) = self.inside.iter().enumerate().skip(half).min_by(|a, b| a.1.total_cmp(b.1))?;
        let cut = from + offset as u64;
        self.open = Some((cut, true));
        self.inside.drain(..offset);
        Some(FrameRange { from, to: cut, continues, is_cut: true })
    }

    /// Ends the stretch under way.
    fn finish(&mut self) -> Option<FrameRange> {
        let (from, continues) = self.open.take()?;
        self.inside.clear();
        let to = self.last_speech;
        let long_enough = continues || to - from >= self.min_speech;
        (long_enough && to > from).then_some(FrameRange { from, to, continues, is_cut: false })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(probabilities: &[f32], max_frames: usize) -> Vec<FrameRange> {
        let mut cutter = Cutter::new(&VadConfig::default(), max_frames);
        let mut found: Vec<_> = probabilities.iter().filter_map(|p| cutter.push(*p)).collect();
        found.extend(cutter.finish());
        found
    }

    #[test]
    fn a_pause_of_the_limit_ends_a_stretch_and_a_shorter_one_does_not() {
        let pause = frames(VadConfig::default().min_silence);
        let speech = vec![0.9; 20];
        let with_pause = |n: usize| [speech.clone(), vec![0.0; n], speech.clone()].concat();
        assert_eq!(ranges(&with_pause(pause - 1), 1000).len(), 1);
        let two = ranges(&with_pause(pause), 1000);
        assert_eq!(two.len(), 2);
        assert_eq!((two[0].from, two[0].to), (0, 20));
    }

    #[test]
    fn a_click_is_no_speech() {
        assert_eq!(ranges(&[0.0, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 1000), []);
    }

    #[test]
    fn speech_that_is_too_long_is_cut_where_it_is_least_speech_like() {
        let mut probabilities = vec![0.9; 150];
        probabilities[80] = 0.4;
        let found = ranges(&probabilities, 100);
        assert_eq!((found[0].from, found[0].to, found[0].is_cut), (0, 80, true));
        assert_eq!((found[1].from, found[1].continues), (80, true));
    }

    proptest! {
        #[test]
        fn stretches_are_ordered_disjoint_and_bounded(
            probabilities in prop::collection::vec(0f32..1.0, 0..600),
            max_frames in 16usize..200,
        ) {
            let found = ranges(&probabilities, max_frames);
            for range in &found {
                prop_assert!(range.from < range.to && range.to <= probabilities.len() as u64);
                prop_assert!(range.to - range.from <= max_frames as u64);
            }
            for pair in found.windows(2) {
                prop_assert!(pair[0].to <= pair[1].from);
            }
        }
    }
}
