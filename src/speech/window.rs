//! Packs pieces of one channel's speech into windows for the recogniser, and maps times in a window back.

use super::vad::Piece;
use crate::audio::SAMPLE_RATE_HZ;
use crate::types::{ChannelIndex, Millis, TimeSpan};

/// Silence between two pieces in a window: 250 ms, enough for the recogniser to hear a pause.
const GAP_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 4;

/// A word that begins less than this before its piece ends belongs to the next: 200 ms, best of 0 to 320 on labelled
/// calls. The detector lets go of speech late, and attention turns to the next piece early.
const LATE_RELEASE: usize = SAMPLE_RATE_HZ as usize / 5;

/// Where a piece lies, in the window and in the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placement {
    /// Index of its first sample in the window.
    pub(super) offset: usize,
    /// Index of its first sample in the recording.
    pub(super) start: u64,
    /// Its samples.
    pub(super) len: usize,
    /// Samples of padding at its start and its end.
    pub(super) padding: (usize, usize),
}

impl Placement {
    /// The span of its speech in the recording, without the padding.
    pub(super) fn speech(&self) -> TimeSpan {
        let end = self.start + (self.len - self.padding.1) as u64;
        TimeSpan::new(time(self.start + self.padding.0 as u64), time(end))
    }

    /// Its span in the recording.
    pub(super) fn span(&self) -> TimeSpan {
        TimeSpan::new(time(self.start), time(self.start + self.len as u64))
    }
}

/// Audio that is recognised at once: pieces of one channel with short gaps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub(super) channel: ChannelIndex,
    pub(super) samples: Vec<f32>,
    pub(super) pieces: Vec<Placement>,
}

impl Window {
    fn new(channel: ChannelIndex) -> Self {
        Self { channel, samples: Vec::new(), pieces: Vec::new() }
    }

    fn push(&mut self, piece: Piece) {
        if let Some(last) = self.pieces.last() {
            let distance = piece.start.saturating_sub(last.start + last.len as u64);
            let gap = GAP_SAMPLES.min(usize::try_from(distance).unwrap_or(GAP_SAMPLES));
            self.samples.resize(self.samples.len() + gap, 0.0);
        }
        let (offset, len) = (self.samples.len(), piece.samples.len());
        let placement = Placement { offset, start: piece.start, len, padding: piece.padding };
        self.pieces.push(placement);
        self.samples.extend(piece.samples);
    }

    /// Length of the speech in it.
    pub(super) fn speech(&self) -> Millis {
        time(self.pieces.iter().map(|piece| piece.len as u64).sum())
    }

    /// The index of the piece in which a word is said that begins at sample `start` of the window: the first one whose
    /// speech is not over by then. The pause after a piece goes to the word before it or the word after it, as the
    /// alignment likes; only a word that begins well inside a piece was begun there.
    pub(super) fn piece_beginning_at(&self, start: usize) -> usize {
        let over = |piece: &Placement| {
            let speech = piece.len - piece.padding.0 - piece.padding.1;
            piece.offset + piece.len - piece.padding.1 <= start + LATE_RELEASE.min(speech / 2)
        };
        self.pieces.partition_point(over).min(self.pieces.len().saturating_sub(1))
    }

    /// The time in the recording of sample `offset` of the window, held inside the speech of piece `index`. Half the
    /// padding counts as speech: the detector hears soft sounds late.
    pub(super) fn time_in(&self, index: usize, offset: usize) -> Millis {
        let Some(piece) = self.pieces.get(index) else { return Millis::ZERO };
        let (earliest, latest) = (piece.padding.0 / 2, piece.len.saturating_sub(piece.padding.1 / 2));
        let inside = offset.saturating_sub(piece.offset).clamp(earliest, latest.max(earliest));
        time(piece.start + inside as u64)
    }

    /// How long nobody speaks between piece `index` and the next in this window.
    pub(super) fn pause_after(&self, index: usize) -> Option<Millis> {
        let (this, next) = (self.pieces.get(index)?, self.pieces.get(index + 1)?);
        Some(next.speech().start.saturating_sub(this.speech().end))
    }

    /// The window's pieces as windows of their own, for decoding again without neighbours.
    pub(super) fn split(&self) -> Vec<Self> {
        let one = |piece: &Placement| {
            let samples =
                self.samples.get(piece.offset..piece.offset + piece.len).unwrap_or_default().to_vec();
            Self { channel: self.channel, samples, pieces: vec![Placement { offset: 0, ..*piece }] }
        };
        self.pieces.iter().map(one).collect()
    }
}

/// Fills windows of one channel.
#[derive(Debug)]
pub(super) struct Packer {
    channel: ChannelIndex,
    max_samples: usize,
    open: Window,
}

impl Packer {
    pub(super) fn new(channel: ChannelIndex, max_window: Millis) -> Self {
        let max_samples = (max_window.0 * u64::from(SAMPLE_RATE_HZ) / 1000) as usize;
        Self { channel, max_samples, open: Window::new(channel) }
    }

    /// Takes the next piece; gives the window that is full when it no longer fits.
    pub(super) fn push(&mut self, piece: Piece) -> Option<Window> {
        let would_be = self.open.samples.len() + GAP_SAMPLES + piece.samples.len();
        let full =
            (!self.open.pieces.is_empty() && would_be > self.max_samples).then(|| self.finish()).flatten();
        self.open.push(piece);
        full
    }

    /// Gives the window under way.
    pub(super) fn finish(&mut self) -> Option<Window> {
        let window = std::mem::replace(&mut self.open, Window::new(self.channel));
        (!window.pieces.is_empty()).then_some(window)
    }
}

fn time(sample: u64) -> Millis {
    Millis::from_samples(sample, SAMPLE_RATE_HZ)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(lengths: &[(u64, usize)]) -> Vec<Piece> {
        let mut start = 0;
        let place = |(pause, len): &(u64, usize)| {
            let piece = Piece { start: start + pause, samples: vec![0.5; *len], padding: (0, 0) };
            start = piece.start + *len as u64;
            piece
        };
        lengths.iter().map(place).collect()
    }

    fn pack(pieces: Vec<Piece>, max_window: Millis) -> Vec<Window> {
        let mut packer = Packer::new(ChannelIndex(1), max_window);
        let mut windows: Vec<_> = pieces.into_iter().filter_map(|piece| packer.push(piece)).collect();
        windows.extend(packer.finish());
        windows
    }

    #[test]
    fn a_word_belongs_to_the_piece_in_which_it_begins() {
        let window = pack(pieces(&[(0, 16_000), (80_000, 16_000)]), Millis(20_000)).remove(0);
        assert_eq!(window.samples.len(), 36_000);
        assert_eq!(window.piece_beginning_at(8_000), 0);
        assert_eq!(window.piece_beginning_at(12_000), 0);
        assert_eq!(window.piece_beginning_at(15_000), 1);
        assert_eq!(window.piece_beginning_at(35_000), 1);
        assert_eq!(window.time_in(1, 20_000), Millis(6_000));
        assert_eq!(window.time_in(0, 19_999), Millis(1_000));
    }

    proptest! {
        #[test]
        fn packing_keeps_every_piece_once_and_in_order(
            lengths in prop::collection::vec((0u64..100_000, 2usize..60_000), 0..30),
        ) {
            let pieces = pieces(&lengths);
            let starts: Vec<_> = pieces.iter().map(|piece| (piece.start, piece.samples.len())).collect();
            let windows = pack(pieces, Millis(10_000));
            let packed: Vec<_> =
                windows.iter().flat_map(|w| w.pieces.iter().map(|p| (p.start, p.len))).collect();
            prop_assert_eq!(packed, starts);
            for window in &windows {
                prop_assert!(window.samples.len() <= 160_000);
                for (index, piece) in window.pieces.iter().enumerate() {
                    prop_assert_eq!(window.piece_beginning_at(piece.offset), index);
                    prop_assert_eq!(window.time_in(index, piece.offset), piece.span().start);
                }
            }
        }
    }
}
