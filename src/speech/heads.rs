//! The heads of Whisper's decoder that look at the audio of the word they are about to write, by model. OpenAI found them
//! (`_ALIGNMENT_HEADS` of its package, decoded) by trying all heads on speech with known times.

use diting_kernels::alignment::AlignmentHead;

const TINY: &[AlignmentHead] = &[(2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)];
const BASE: &[AlignmentHead] = &[(3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)];
const SMALL: &[AlignmentHead] =
    &[(5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5)];
const MEDIUM: &[AlignmentHead] = &[(13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4)];

/// Layers whose heads are all taken where the right ones are not known.
pub(super) const TOP_LAYERS: usize = 2;

/// The known heads of `model`, whose name begins with its size: `base`, `small-f16`.
pub(super) fn known(model: &str) -> Option<&'static [AlignmentHead]> {
    match model.split(['-', '.']).next().unwrap_or(model) {
        "tiny" => Some(TINY),
        "base" => Some(BASE),
        "small" => Some(SMALL),
        "medium" => Some(MEDIUM),
        _ => None,
    }
}

/// The known heads of `model`, or all of the topmost layers of a decoder with `num_layers` of `num_heads` each.
pub(super) fn of(model: &str, num_layers: usize, num_heads: usize) -> Vec<AlignmentHead> {
    let top = num_layers.saturating_sub(TOP_LAYERS)..num_layers;
    let all_on_top = || top.flat_map(|layer| (0..num_heads).map(move |head| (layer, head))).collect();
    known(model).map_or_else(all_on_top, <[_]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_in_the_name_decides() {
        assert_eq!(of("base-q8_0", 6, 8), BASE);
        assert_eq!(of("small", 12, 12), SMALL);
        assert_eq!(of("bank-2026", 4, 2), [(2, 0), (2, 1), (3, 0), (3, 1)]);
    }
}
