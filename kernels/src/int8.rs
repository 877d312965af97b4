//! Matrix products in 8-bit integers, for processors with AVX-512 VNNI.
//!
//! A weight matrix keeps one scale per output, an activation one per row; sums are exact in 32 bits. Weights are
//! stored unsigned (their value plus 128) because `vpdpbusd` multiplies unsigned by signed; 128 times the sum of a row
//! of activations takes that back.

use std::arch::x86_64::{
    __m512i, _mm_storeu_si128, _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_cvtepi32_ps,
    _mm512_cvtps_epi32, _mm512_cvtsepi32_epi8, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_max_ps, _mm512_mul_ps,
    _mm512_reduce_add_epi32, _mm512_reduce_max_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_storeu_ps, _mm512_sub_epi32,
};

use crate::simd::{LANES, gelu};

/// Values that one 32-bit lane takes at once.
const DEPTH: usize = 4;
/// Largest 8-bit value used, on both sides of 0.
const LIMIT: f32 = 127.0;
/// Rows of activations that a tile keeps in registers, with two vectors of outputs: 24 of 32 registers.
const TILE_ROWS: usize = 12;
/// Rows that are multiplied by all weights before the next ones: they and what becomes of them stay in the cache.
const ROWS_AT_ONCE: usize = 4 * TILE_ROWS;
/// Up to so many rows, four vectors of outputs fit beside them.
const WIDE_ROWS: usize = 4;

/// A weight matrix ready for [`multiply`].
#[derive(Debug)]
pub(crate) struct Weights {
    /// Blocks of 16 outputs; in a block, for every four inputs, four values of each of the 16 outputs.
    packed: Vec<u8>,
    /// What an integer of each output stands for; padded to whole blocks.
    scales: Vec<f32>,
    pub(crate) num_inputs: usize,
    pub(crate) num_outputs: usize,
}

impl Weights {
    /// Packs `num_outputs` rows of `num_inputs` weights, which must be a multiple of 4; `row(n, buffer)` writes row `n`.
    pub(crate) fn pack(
        num_inputs: usize,
        num_outputs: usize,
        mut row: impl FnMut(usize, &mut [f32]),
    ) -> Self {
        assert!(num_inputs.is_multiple_of(DEPTH), "inputs come in fours");
        let num_blocks = num_outputs.div_ceil(LANES);
        let mut packed = vec![128_u8; num_blocks * LANES * num_inputs];
        let mut scales = vec![0.0; num_blocks * LANES];
        let mut values = vec![0.0_f32; num_inputs];
        for output in 0..num_outputs {
            row(output, &mut values);
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let to_integer = if largest > 0.0 { LIMIT / largest } else { 0.0 };
            scales[output] = largest / LIMIT;
            let block = &mut packed[output / LANES * LANES * num_inputs..][..LANES * num_inputs];
            for (input, value) in values.iter().enumerate() {
                let integer = (value * to_integer).round() as i32 + 128;
                block[input / DEPTH * LANES * DEPTH + output % LANES * DEPTH + input % DEPTH] = integer as u8;
            }
        }
        Self { packed, scales, num_inputs, num_outputs }
    }
}

/// Rows of activations in 8 bits. Reused: it keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    /// Tiles of [`TILE_ROWS`] rows, the last one as many as are left: in a tile, for every four inputs, four values of
    /// each row. A tile is read from its start to its end.
    values: Vec<i8>,
    scales: Vec<f32>,
    /// Of each row, 128 times the sum of its values.
    corrections: Vec<i32>,
    num_rows: usize,
    num_inputs: usize,
}

impl Activations {
    /// Takes `num_rows` rows of `num_inputs` floats (a multiple of 16), `stride` floats apart.
    ///
    /// # Safety
    /// `rows` must be readable for all of them.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512dq")]
    pub(crate) unsafe fn quantize(
        &mut self,
        rows: *const f32,
        stride: usize,
        num_rows: usize,
        num_inputs: usize,
    ) {
        (self.num_rows, self.num_inputs) = (num_rows, num_inputs);
        self.values.resize(num_rows * num_inputs, 0);
        self.scales.resize(num_rows, 0.0);
        self.corrections.resize(num_rows, 0);
        for row in 0..num_rows {
            // SAFETY: the row is readable by the contract, and `values` holds as many.
            unsafe {
                let from = rows.add(row * stride);
                let mut largest = _mm512_setzero_ps();
                for input in (0..num_inputs).step_by(LANES) {
                    largest = _mm512_max_ps(largest, _mm512_abs_ps(_mm512_loadu_ps(from.add(input))));
                }
                let largest = _mm512_reduce_max_ps(largest);
                let to_integer = _mm512_set1_ps(if largest > 0.0 { LIMIT / largest } else { 0.0 });
                let tile = row / TILE_ROWS * TILE_ROWS;
                let tile_rows = TILE_ROWS.min(num_rows - tile);
                let to = self.values.as_mut_ptr().add(tile * num_inputs).cast::<[i8; DEPTH]>();
                let mut sum = _mm512_setzero_si512();
                for input in (0..num_inputs).step_by(LANES) {
                    let value = _mm512_mul_ps(_mm512_loadu_ps(from.add(input)), to_integer);
                    let integer = _mm512_cvtps_epi32(value);
                    sum = _mm512_add_epi32(sum, integer);
                    let mut bytes = [[0_i8; DEPTH]; LANES / DEPTH];
                    _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm512_cvtsepi32_epi8(integer));
                    for (index, four) in bytes.into_iter().enumerate() {
                        to.add((input / DEPTH + index) * tile_rows + row - tile).write(four);
                    }
                }
                self.scales[row] = largest / LIMIT;
                self.corrections[row] = _mm512_reduce_add_epi32(sum) * 128;
            }
        }
    }
}

/// What is done to a product before it is stored.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Finish {
    /// Added to every row: one value per output.
    pub(crate) bias: Option<*const f32>,
    /// Whether the activation function is applied.
    pub(crate) gelu: bool,
    /// Added at the end: a matrix of the result's shape and its stride. May be the result itself.
    pub(crate) residual: Option<(*const f32, usize)>,
}

/// `result[row][output] = activations[row] · weights[output]`, finished as `finish` says.
///
/// # Safety
/// `result` must be writable for all rows of `num_outputs` floats, `stride` floats apart, and what `finish` names
/// readable alike.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512dq")]
pub(crate) unsafe fn multiply(
    activations: &Activations,
    weights: &Weights,
    finish: &Finish,
    result: *mut f32,
    stride: usize,
) {
    assert_eq!(activations.num_inputs, weights.num_inputs, "the inputs of both sides are the same");
    let num_blocks = weights.num_outputs.div_ceil(LANES);
    // Few rows are bound by the weights that stream in: more outputs at once hide the latency of the sums.
    let wide = if activations.num_rows <= WIDE_ROWS { 4 } else { 2 };
    for start in (0..activations.num_rows).step_by(ROWS_AT_ONCE) {
        let end = activations.num_rows.min(start + ROWS_AT_ONCE);
        let mut block = 0;
        while block < num_blocks {
            let width = if block + wide <= num_blocks { wide } else { 1 };
            for row in (start..end).step_by(TILE_ROWS) {
                let rows = TILE_ROWS.min(end - row);
                // SAFETY: rows and blocks are inside both operands; the result is writable by the contract.
                unsafe { tile_of(rows, width, activations, row, weights, block, finish, result, stride) };
            }
            block += width;
        }
    }
}

/// Chooses the tile whose size is known when it is compiled.
#[inline]
#[expect(clippy::too_many_arguments, reason = "one place that names the whole product")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512dq")]
unsafe fn tile_of(
    rows: usize,
    width: usize,
    activations: &Activations,
    row: usize,
    weights: &Weights,
    block: usize,
    finish: &Finish,
    result: *mut f32,
    stride: usize,
) {
    macro_rules! choose {
        ($(($rows:literal, $width:literal))*) => {
            match (rows, width) {
                // SAFETY: as for this function.
                $(($rows, $width) => unsafe {
                    tile::<$rows, $width>(activations, row, weights, block, finish, result, stride)
                },)*
                _ => unreachable!("tiles have 1 to 12 rows"),
            }
        };
    }
    choose!((1, 4)(2, 4)(3, 4)(4, 4)(1, 2)(2, 2)(3, 2)(4, 2)(5, 2)(6, 2)(7, 2)(8, 2)(9, 2)(10, 2)(11, 2)(
        12, 2
    )(1, 1)(2, 1)(3, 1)(4, 1)(5, 1)(6, 1)(7, 1)(8, 1)(9, 1)(10, 1)(11, 1)(12, 1));
}

/// `ROWS` rows by `WIDTH` blocks of outputs, kept in registers over all inputs.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512dq")]
unsafe fn tile<const ROWS: usize, const WIDTH: usize>(
    activations: &Activations,
    row: usize,
    weights: &Weights,
    block: usize,
    finish: &Finish,
    result: *mut f32,
    stride: usize,
) {
    let inputs = weights.num_inputs;
    let mut sums = [[_mm512_setzero_si512(); WIDTH]; TILE_ROWS];
    let mut finished = sums;
    // SAFETY: `row + ROWS` rows and `block + WIDTH` blocks exist; every access below stays inside them.
    unsafe {
        let from = activations.values.as_ptr().add(row * inputs);
        let packed = weights.packed.as_ptr().add(block * LANES * inputs);
        // Written out row by row: only then do the sums stay in registers.
        macro_rules! rows {
            ($each:ident) => {
                $each!(0);
                $each!(1);
                $each!(2);
                $each!(3);
                $each!(4);
                $each!(5);
                $each!(6);
                $each!(7);
                $each!(8);
                $each!(9);
                $each!(10);
                $each!(11);
            };
        }
        for step in 0..inputs / DEPTH {
            let mut columns = [_mm512_setzero_si512(); WIDTH];
            for (index, column) in columns.iter_mut().enumerate() {
                *column =
                    _mm512_loadu_si512(packed.add(index * LANES * inputs + step * LANES * DEPTH).cast());
            }
            macro_rules! add {
                ($row:literal) => {
                    if $row < ROWS {
                        let four = from.add((step * ROWS + $row) * DEPTH).cast::<i32>().read_unaligned();
                        let four = _mm512_set1_epi32(four);
                        for (sum, column) in sums[$row].iter_mut().zip(columns) {
                            *sum = _mm512_dpbusd_epi32(*sum, column, four);
                        }
                    }
                };
            }
            rows!(add);
        }
        macro_rules! keep {
            ($row:literal) => {
                finished[$row] = sums[$row];
            };
        }
        rows!(keep);
        for (index, sums) in finished.iter().take(ROWS).enumerate() {
            let row = row + index;
            let scale = _mm512_set1_ps(activations.scales[row]);
            let correction = _mm512_set1_epi32(activations.corrections[row]);
            for (index, sum) in sums.iter().enumerate() {
                let output = (block + index) * LANES;
                let to = result.add(row * stride);
                finish_vector(*sum, correction, scale, weights, output, finish, row, to);
            }
        }
    }
}

/// Scales and stores one vector of sums.
#[inline]
#[expect(clippy::too_many_arguments, reason = "inlined into the tile")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512dq")]
unsafe fn finish_vector(
    sum: __m512i,
    correction: __m512i,
    scale: std::arch::x86_64::__m512,
    weights: &Weights,
    output: usize,
    finish: &Finish,
    row: usize,
    result: *mut f32,
) {
    let left = weights.num_outputs - output;
    let mask = if left >= LANES { 0xffff } else { (1_u16 << left) - 1 };
    // SAFETY: scales are padded to whole blocks; masks keep the rest inside what the caller vouches for.
    unsafe {
        let scale = _mm512_mul_ps(scale, _mm512_loadu_ps(weights.scales.as_ptr().add(output)));
        let product = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, correction));
        let mut value = match finish.bias {
            Some(bias) => _mm512_fmadd_ps(product, scale, _mm512_maskz_loadu_ps(mask, bias.add(output))),
            None => _mm512_mul_ps(product, scale),
        };
        if finish.gelu {
            value = gelu(value);
        }
        if let Some((residual, stride)) = finish.residual {
            value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, residual.add(row * stride + output)));
        }
        if mask == 0xffff {
            _mm512_storeu_ps(result.add(output), value);
        } else {
            _mm512_mask_storeu_ps(result.add(output), mask, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(length: usize, seed: u32) -> Vec<f32> {
        let mut state = seed | 1;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as u16) / 32_768.0 - 1.0
        };
        (0..length).map(next).collect()
    }

    /// A row in 8 bits and what one of its integers stands for.
    fn rounded(row: &[f32], round: fn(f32) -> f32) -> (Vec<i32>, f32) {
        let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let to_integer = if largest > 0.0 { LIMIT / largest } else { 0.0 };
        (row.iter().map(|value| round(value * to_integer) as i32).collect(), largest / LIMIT)
    }

    proptest! {
        #[test]
        fn a_product_is_that_of_the_rounded_numbers(
            num_rows in 1usize..30,
            num_outputs in 1usize..100,
            depth in 1usize..5,
            gelu in any::<bool>(),
            seed in any::<u32>(),
        ) {
            if !crate::is_supported() {
                return Ok(());
            }
            let num_inputs = depth * 64;
            let rows = values(num_rows * num_inputs, seed);
            let matrix = values(num_outputs * num_inputs, seed ^ 0x5555);
            let (bias, residual) = (values(num_outputs, seed ^ 7), values(num_rows * num_outputs, seed ^ 9));
            let weights = Weights::pack(num_inputs, num_outputs, |output, to| {
                to.copy_from_slice(&matrix[output * num_inputs..][..num_inputs]);
            });
            let mut activations = Activations::default();
            let mut result = vec![0.0; num_rows * num_outputs];
            let finish =
                Finish { bias: Some(bias.as_ptr()), gelu, residual: Some((residual.as_ptr(), num_outputs)) };
            // SAFETY: all operands have the sizes named.
            unsafe {
                activations.quantize(rows.as_ptr(), num_inputs, num_rows, num_inputs);
                multiply(&activations, &weights, &finish, result.as_mut_ptr(), num_outputs);
            }
            for row in 0..num_rows {
                let (a, a_scale) = rounded(&rows[row * num_inputs..][..num_inputs], f32::round_ties_even);
                for output in 0..num_outputs {
                    let (b, b_scale) = rounded(&matrix[output * num_inputs..][..num_inputs], f32::round);
                    let sum: i32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
                    let mut expected = sum as f32 * (a_scale * b_scale) + bias[output];
                    if gelu {
                        let inner = 0.797_884_6 * (expected + 0.044_715 * expected.powi(3));
                        expected *= 0.5 * (1.0 + inner.tanh());
                    }
                    expected += residual[row * num_outputs + output];
                    let actual = result[row * num_outputs + output];
                    prop_assert!((actual - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{actual} {expected}");
                }
            }
        }
    }
}
