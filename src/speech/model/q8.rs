//! Quantises blocks of 32 values as ggml's q8_0 does: one f16 scale, then 32 signed bytes.

use half::f16;

/// Appends one block to `out`; `None` when its scale is not finite.
pub(super) fn quantise(block: &[f32; 32], out: &mut Vec<u8>) -> Option<()> {
    let mut largest = 0.0_f32;
    for value in block {
        if !value.is_finite() {
            return None;
        }
        largest = largest.max(value.abs());
    }
    let scale = largest / 127.0;
    let stored = f16::from_f32(scale);
    if !stored.is_finite() {
        return None;
    }
    // The inverse is that of the exact scale, not of the stored one: so ggml does it, and files must agree with its own.
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    out.extend_from_slice(&stored.to_le_bytes());
    for value in block {
        #[expect(clippy::cast_possible_truncation, reason = "the scale keeps it within ±127")]
        let quantised = (value * inverse).round() as i8;
        out.push(quantised.cast_unsigned());
    }
    Some(())
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
        let mut bytes = Vec::new();
        quantise(&[0.0; 32], &mut bytes).expect("zero is finite");
        assert_eq!(bytes, [0; 34]);
    }

    #[test]
    fn halves_round_away_from_zero_as_in_ggml() {
        let mut block = [0.0; 32];
        block[0] = 127.0;
        block[1] = 2.5;
        block[2] = -2.5;
        let mut bytes = Vec::new();
        quantise(&block, &mut bytes).expect("finite");
        assert_eq!(bytes[..6], [0x00, 0x3c, 127, 3, 253, 0]);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let mut block = [0.5; 32];
            block[7] = bad;
            assert_eq!(quantise(&block, &mut Vec::new()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_error_stays_within_half_a_step(values in proptest::array::uniform32(-100.0_f32..100.0)) {
            let mut bytes = Vec::new();
            quantise(&values, &mut bytes).expect("finite");
            prop_assert_eq!(bytes.len(), 34);
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            // Half a step, and the rounding of the scale to f16 (2^-11 of the value, or the smallest subnormal).
            let bound = largest / 127.0 * 0.501 + largest / 2048.0 + 127.0 * 3.0e-8;
            for (value, restored) in values.iter().zip(restore(&bytes)) {
                prop_assert!((value - restored).abs() <= bound, "{} became {}", value, restored);
            }
        }
    }
}
