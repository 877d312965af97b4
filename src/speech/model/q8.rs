//! Quantises blocks of 32 values as ggml's q8_0 does: one f16 scale, then 32 signed bytes.

use half::f16;

/// Quantises one block; `None` when it holds values that are not finite, or none that f16 can scale.
pub(super) fn quantise(block: &[f32; 32]) -> Option<[u8; 34]> {
    let mut largest = 0.0_f32;
    let mut sum = 0.0_f32;
    for &value in block {
        let size = value.abs();
        if size > largest {
            largest = size;
        }
        // Comparisons overlook NaN, sums do not.
        sum += value;
    }
    let scale = largest / 127.0;
    let stored = f16::from_f32(scale);
    if !stored.is_finite() || sum.is_nan() {
        return None;
    }
    // The inverse is that of the exact scale, not of the stored one: so ggml does it, and files must agree with its own.
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    let mut bytes = [0; 34];
    let (head, quantised) = bytes.split_first_chunk_mut::<2>()?;
    *head = stored.to_le_bytes();
    for (byte, value) in quantised.iter_mut().zip(block) {
        #[expect(clippy::cast_possible_truncation, reason = "the scale keeps it within ±127")]
        let integer = (value * inverse).round() as i8;
        *byte = integer.cast_unsigned();
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn restore(bytes: &[u8]) -> Vec<f32> {
        let scale = f16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
        bytes[2..].iter().map(|byte| f32::from(byte.cast_signed()) * scale).collect()
    }

    #[test]
    fn a_block_of_zeros_stays_zero() {
        assert_eq!(quantise(&[0.0; 32]), Some([0; 34]));
    }

    #[test]
    fn halves_round_away_from_zero_as_in_ggml() {
        let mut block = [0.0; 32];
        block[0] = 127.0;
        block[1] = 2.5;
        block[2] = -2.5;
        let bytes = quantise(&block).expect("finite");
        assert_eq!(bytes[..6], [0x00, 0x3c, 127, 3, 253, 0]);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let mut block = [0.5; 32];
            block[7] = bad;
            assert_eq!(quantise(&block), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_error_stays_within_half_a_step(values in proptest::array::uniform32(-100.0_f32..100.0)) {
            let bytes = quantise(&values).expect("finite");
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            // Half a step, and the rounding of the scale to f16 (2^-11 of the value, or the smallest subnormal).
            let bound = largest / 127.0 * 0.501 + largest / 2048.0 + 127.0 * 3.0e-8;
            for (value, restored) in values.iter().zip(restore(&bytes)) {
                prop_assert!((value - restored).abs() <= bound, "{} became {}", value, restored);
            }
        }
    }
}
