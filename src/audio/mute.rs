//! Silences stretches of a recording on their way to the recogniser: hold music has nothing to say.
//!
//! **Invariant**: as many samples leave as come, so every time stays the recording's.

use super::{AudioError, Block, SAMPLE_RATE_HZ};
use crate::types::TimeSpan;

/// Passes blocks on with the samples of some spans set to zero.
pub struct Muted<'a> {
    blocks: &'a mut dyn Iterator<Item = Result<Block, AudioError>>,
    /// First sample and first sample after of each stretch.
    stretches: Vec<(u64, u64)>,
}

impl<'a> Muted<'a> {
    /// Silences `spans` of `blocks`.
    pub fn new(blocks: &'a mut dyn Iterator<Item = Result<Block, AudioError>>, spans: &[TimeSpan]) -> Self {
        let sample = |millis: u64| millis.saturating_mul(u64::from(SAMPLE_RATE_HZ)) / 1_000;
        let stretches = spans.iter().map(|span| (sample(span.start.0), sample(span.end.0))).collect();
        Self { blocks, stretches }
    }
}

impl Iterator for Muted<'_> {
    type Item = Result<Block, AudioError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut next = self.blocks.next();
        if let Some(Ok(block)) = &mut next {
            for channel in &mut block.channels {
                let index = |sample: u64| {
                    usize::try_from(sample.saturating_sub(block.start))
                        .unwrap_or(usize::MAX)
                        .min(channel.len())
                };
                let ranges: Vec<_> =
                    self.stretches.iter().map(|(from, to)| index(*from)..index(*to)).collect();
                for range in ranges {
                    if let Some(samples) = channel.get_mut(range) {
                        samples.fill(0.0);
                    }
                }
            }
        }
        next
    }
}

impl std::fmt::Debug for Muted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Muted").field("stretches", &self.stretches).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Millis;

    #[test]
    fn only_the_spans_are_silent_and_every_sample_keeps_its_place() {
        let block = |start: u64| Ok(Block { start, channels: vec![vec![0.5; 1_600]; 2] });
        let mut blocks = (0..4).map(|index| block(index * 1_600));
        let spans = [TimeSpan::new(Millis(50), Millis(150)), TimeSpan::new(Millis(350), Millis(9_000))];
        let muted: Vec<Block> =
            Muted::new(&mut blocks, &spans).map(|block| block.expect("no error")).collect();
        for channel in 0..2 {
            let samples: Vec<f32> =
                muted.iter().flat_map(|block| block.channels[channel].iter().copied()).collect();
            assert_eq!(samples.len(), 6_400);
            for (index, sample) in samples.iter().enumerate() {
                let silent = (800..2_400).contains(&index) || index >= 5_600;
                assert_eq!(*sample == 0.0, silent, "sample {index}");
            }
        }
    }
}
