//! Where in the audio each token was heard: attention that is looked at while it is computed, and the cheapest path
//! through it.
//!
//! Some heads of Whisper's decoder look at the audio of the token they are about to write. The text is given to the
//! decoder once more, all at once, while [`record`] is on; [`Attention::begins`] finds the path (dynamic time warping)
//! as OpenAI's `timing.py` does: weights standardised over the tokens, smoothed by a median over time, averaged over
//! heads.

use std::cell::RefCell;

/// Positions that the median is taken over.
const MEDIAN: usize = 7;

thread_local! {
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// A head of the decoder: its layer and its number there, from 0.
pub type AlignmentHead = (usize, usize);

#[derive(Debug)]
struct Recorder {
    heads: Vec<AlignmentHead>,
    num_outputs: usize,
    /// Layers seen so far.
    num_layers: usize,
    attention: Attention,
}

/// What the alignment heads looked at, token by token.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    num_heads: usize,
    num_positions: usize,
    /// For each token, for each head, one weight per position of 20 ms.
    rows: Vec<f32>,
}

/// Keeps, on this thread, what `heads` look at in the one run of the decoder that follows. Its results, `num_outputs`
/// for each token, are not computed: nobody asks for them.
pub fn record(heads: &[AlignmentHead], num_outputs: usize) {
    let attention = Attention { num_heads: heads.len(), ..Attention::default() };
    let recorder = Recorder { heads: heads.to_vec(), num_outputs, num_layers: 0, attention };
    RECORDER.with_borrow_mut(|current| *current = Some(recorder));
}

/// Ends the recording of this thread and gives what was kept.
#[must_use]
pub fn take() -> Option<Attention> {
    RECORDER.take().map(|recorder| recorder.attention)
}

/// Whether a product of so many outputs is one that nobody asks for.
pub(crate) fn is_unwanted(num_outputs: usize) -> bool {
    RECORDER
        .with_borrow(|current| current.as_ref().is_some_and(|recorder| recorder.num_outputs == num_outputs))
}

/// Notes that the attention of the next layer to the audio is computed.
pub(crate) fn begin_layer(num_positions: usize, num_tokens: usize) {
    RECORDER.with_borrow_mut(|current| {
        let Some(recorder) = current else { return };
        recorder.num_layers += 1;
        let attention = &mut recorder.attention;
        if attention.rows.is_empty() {
            attention.num_positions = num_positions;
            attention.rows = vec![0.0; num_tokens * attention.num_heads * num_positions];
        }
    });
}

/// Keeps the weights of one token, if its head is one of those.
pub(crate) fn keep(head: usize, token: usize, weights: &[f32]) {
    RECORDER.with_borrow_mut(|current| {
        let Some(recorder) = current else { return };
        let this = (recorder.num_layers.saturating_sub(1), head);
        let Some(index) = recorder.heads.iter().position(|head| *head == this) else { return };
        let attention = &mut recorder.attention;
        let start = (token * attention.num_heads + index) * attention.num_positions;
        let length = attention.num_positions.min(weights.len());
        if let (Some(to), Some(from)) = (attention.rows.get_mut(start..start + length), weights.get(..length))
        {
            to.copy_from_slice(from);
        }
    });
}

impl Attention {
    fn num_rows(&self) -> usize {
        self.rows.len() / (self.num_heads * self.num_positions).max(1)
    }

    /// The position (20 ms each) at which the path enters the row of each token but the first `num_skipped`: where
    /// what is written *after* that token begins. Only the first `num_positions` hold audio.
    #[must_use]
    pub fn begins(&self, num_skipped: usize, num_positions: usize) -> Vec<usize> {
        let num_positions = num_positions.min(self.num_positions);
        if num_positions == 0 || self.num_rows() <= num_skipped {
            return Vec::new();
        }
        path(&self.costs(num_positions, num_skipped), num_positions)
    }

    /// Costs of the rows after the first `skipped`: the less, the more is looked at.
    fn costs(&self, num_positions: usize, skipped: usize) -> Vec<f32> {
        let num_rows = self.num_rows();
        let mut costs = vec![0.0; (num_rows - skipped) * num_positions];
        let (mut mean, mut scale) = (vec![0.0; num_positions], vec![0.0; num_positions]);
        let mut padded = vec![0.0; num_positions + MEDIAN - 1];
        for head in 0..self.num_heads {
            let row = |index: usize| {
                let start = (index * self.num_heads + head) * self.num_positions;
                &self.rows[start..start + num_positions]
            };
            mean.fill(0.0);
            scale.fill(0.0);
            for index in 0..num_rows {
                for (sum, value) in mean.iter_mut().zip(row(index)) {
                    *sum += value / num_rows as f32;
                }
            }
            for index in 0..num_rows {
                for ((sum, value), mean) in scale.iter_mut().zip(row(index)).zip(&mean) {
                    *sum += (value - mean) * (value - mean) / num_rows as f32;
                }
            }
            for scale in &mut scale {
                *scale = 1.0 / (*scale + 1e-9).sqrt();
            }
            for (index, cost) in costs.chunks_exact_mut(num_positions).enumerate() {
                let row = row(index + skipped);
                let edge = MEDIAN / 2;
                for (place, value) in padded.iter_mut().enumerate() {
                    // The ends are mirrored.
                    let at = place.abs_diff(edge);
                    let at = if at < num_positions { at } else { (2 * num_positions).saturating_sub(at + 2) };
                    let at = at.min(num_positions - 1);
                    *value = (row[at] - mean[at]) * scale[at];
                }
                add_medians(&padded, cost);
            }
        }
        costs
    }
}

/// Subtracts from each cost the median of the seven values that begin at its place.
fn add_medians(values: &[f32], costs: &mut [f32]) {
    let length = costs.len();
    let shifted: [&[f32]; MEDIAN] = std::array::from_fn(|shift| &values[shift..shift + length]);
    for (place, cost) in costs.iter_mut().enumerate() {
        *cost -= median(shifted.map(|values| values[place]));
    }
}

/// The middle of seven, by exchanges.
fn median(mut v: [f32; MEDIAN]) -> f32 {
    const EXCHANGES: [(usize, usize); 13] = [
        (0, 5),
        (0, 3),
        (1, 6),
        (2, 4),
        (0, 1),
        (3, 5),
        (2, 6),
        (2, 3),
        (3, 6),
        (4, 5),
        (1, 4),
        (1, 3),
        (3, 4),
    ];
    for (a, b) in EXCHANGES {
        let (low, high) = if v[a] < v[b] { (v[a], v[b]) } else { (v[b], v[a]) };
        (v[a], v[b]) = (low, high);
    }
    v[MEDIAN / 2]
}

/// The positions at which the cheapest path enters each row; it goes on by one row, one position, or both.
fn path(costs: &[f32], num_positions: usize) -> Vec<usize> {
    const DIAGONAL: u8 = 0;
    const NEXT_ROW: u8 = 1;
    const NEXT_POSITION: u8 = 2;
    let num_rows = costs.len() / num_positions;
    let mut from = vec![DIAGONAL; costs.len()];
    let mut above = vec![f32::INFINITY; num_positions + 1];
    above[0] = 0.0;
    for row in 0..num_rows {
        let mut this = vec![f32::INFINITY; num_positions + 1];
        for position in 0..num_positions {
            let ways = [above[position], above[position + 1], this[position]];
            let way = if ways[0] <= ways[1] && ways[0] <= ways[2] {
                DIAGONAL
            } else if ways[1] <= ways[2] {
                NEXT_ROW
            } else {
                NEXT_POSITION
            };
            from[row * num_positions + position] = way;
            this[position + 1] = costs[row * num_positions + position] + ways[usize::from(way)];
        }
        above = this;
    }
    let mut begins = vec![0; num_rows];
    let (mut row, mut position) = (num_rows - 1, num_positions - 1);
    loop {
        begins[row] = position;
        match from[row * num_positions + position] {
            NEXT_POSITION if position > 0 => position -= 1,
            NEXT_ROW if row > 0 => row -= 1,
            _ if row > 0 && position > 0 => (row, position) = (row - 1, position - 1),
            _ if row > 0 => row -= 1,
            _ if position > 0 => position -= 1,
            _ => return begins,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two heads that look at `at` for each row after two rows of the prompt.
    fn attention(at: &[usize], num_positions: usize) -> Attention {
        let mut rows = Vec::new();
        for index in 0..at.len() + 2 {
            for _ in 0..2 {
                let center = index.checked_sub(2).map_or(num_positions - 1, |index| at[index]);
                let weights = (0..num_positions).map(|p| (-(p.abs_diff(center) as f32) / 3.0).exp());
                rows.extend(weights);
            }
        }
        Attention { num_heads: 2, num_positions, rows }
    }

    #[test]
    fn tokens_begin_where_the_heads_look() {
        let begins = attention(&[10, 40, 70, 100], 120).begins(2, 120);
        assert_eq!(begins.len(), 4);
        for (begin, at) in begins.iter().zip([10_usize, 40, 70, 100]).skip(1) {
            assert!(begin.abs_diff(at) <= 16 && *begin <= at, "{begins:?}");
        }
    }

    proptest! {
        #[test]
        fn the_median_is_the_middle(values in prop::array::uniform7(-1e3f32..1e3)) {
            let mut sorted = values;
            sorted.sort_by(f32::total_cmp);
            prop_assert_eq!(median(values), sorted[3]);
        }

        #[test]
        fn begins_never_go_back(weights in prop::collection::vec(0f32..1.0, 8 * 20), used in 1usize..=20) {
            let attention = Attention { num_heads: 1, num_positions: 20, rows: weights };
            let begins = attention.begins(2, used);
            prop_assert_eq!(begins.len(), 6);
            prop_assert!(begins.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(begins.iter().all(|begin| *begin < used));
        }
    }
}
