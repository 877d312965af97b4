//! Attention: the whole of it over a window at once, and its two products for a few tokens.

use std::arch::x86_64::{
    _mm_storeu_ps, _mm256_loadu_si256, _mm256_maskz_loadu_epi16, _mm512_cvtph_ps, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use half::f16;

use crate::alignment;
use crate::rows::{mask, softmax};
use crate::simd::{LANES, sums};
use crate::tensor::Tensor;

/// Width of a head in every Whisper model.
pub(crate) const HEAD: usize = 64;
/// Vectors of a head.
const HEAD_VECTORS: usize = HEAD / LANES;
/// Queries that are worked on at once.
const QUERIES: usize = 6;

/// Memory of [`attend`], kept between calls.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Keys in blocks of 16, for each of the 64 places the values of 16 keys.
    keys: Vec<f32>,
    /// One row of 64 for each key.
    values: Vec<f32>,
    /// A row of weights for each query at work.
    weights: Vec<f32>,
    /// What is written to the result once keys and queries were read: ggml may have given it their memory.
    result: Vec<f32>,
}

/// Attention without a mask: `result[head][query] = softmax(scale · keys · query) · values`.
///
/// Shapes: `keys` 64 × keys × heads in halves, `queries` 64 × queries × heads, `values` keys × 64 × heads in halves,
/// `result` 64 × queries × heads. The weights are shown to [`alignment`] where `is_shown`.
///
/// # Safety
/// The tensors have these shapes and their data is there.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,f16c")]
pub(crate) unsafe fn attend(
    keys: Tensor<'_>,
    queries: Tensor<'_>,
    values: Tensor<'_>,
    scale: f32,
    result: Tensor<'_>,
    scratch: &mut Scratch,
    is_shown: bool,
) {
    let num_keys = keys.len(1);
    let num_blocks = num_keys.div_ceil(LANES);
    let padded = num_blocks * LANES;
    scratch.keys.clear();
    scratch.keys.resize(padded * HEAD, 0.0);
    scratch.values.clear();
    scratch.values.resize(num_keys * HEAD, 0.0);
    scratch.weights.clear();
    scratch.weights.resize(QUERIES * padded, 0.0);
    let num_queries = queries.len(1);
    scratch.result.resize(num_queries * keys.len(2) * HEAD, 0.0);
    for head in 0..keys.len(2) {
        // SAFETY: offsets are inside the tensors and the scratch rows, by the shapes above.
        unsafe {
            for key in 0..num_keys {
                let row = keys.data().add(head * keys.stride(2) + key * keys.stride(1)).cast::<f16>();
                let block = scratch.keys.as_mut_ptr().add(key / LANES * LANES * HEAD + key % LANES);
                let mut widened = [0.0_f32; HEAD];
                for vector in 0..HEAD_VECTORS {
                    let halves = _mm256_maskz_loadu_epi16(0xffff, row.add(vector * LANES).cast());
                    _mm512_storeu_ps(widened.as_mut_ptr().add(vector * LANES), _mm512_cvtph_ps(halves));
                }
                for (place, value) in widened.into_iter().enumerate() {
                    *block.add(place * LANES) = value;
                }
            }
            let mut widened = [0.0_f32; LANES];
            for place in 0..HEAD {
                let row = values.data().add(head * values.stride(2) + place * values.stride(1)).cast::<f16>();
                for key in (0..num_keys).step_by(LANES) {
                    let halves = _mm256_maskz_loadu_epi16(mask(key, num_keys), row.add(key).cast());
                    _mm512_storeu_ps(widened.as_mut_ptr(), _mm512_cvtph_ps(halves));
                    for (index, value) in widened.into_iter().enumerate().take(num_keys - key) {
                        *scratch.values.as_mut_ptr().add((key + index) * HEAD + place) = value;
                    }
                }
            }
            let mut query = 0;
            while query < num_queries {
                let from = queries.data().add(head * queries.stride(2) + query * queries.stride(1));
                let to = scratch.result.as_mut_ptr().add((head * num_queries + query) * HEAD).cast::<u8>();
                let (from_step, to_step) = (queries.stride(1), HEAD * size_of::<f32>());
                let done = if query + QUERIES <= num_queries {
                    some::<QUERIES>(from, from_step, to, to_step, num_keys, scale, scratch);
                    QUERIES
                } else {
                    some::<1>(from, from_step, to, to_step, num_keys, scale, scratch);
                    1
                };
                if is_shown {
                    for (index, row) in scratch.weights.chunks_exact(padded).take(done).enumerate() {
                        alignment::keep(head, query + index, &row[..num_keys]);
                    }
                }
                query += done;
            }
        }
    }
    // SAFETY: the result of a product has no gaps.
    unsafe {
        std::ptr::copy_nonoverlapping(scratch.result.as_ptr(), result.data().cast(), scratch.result.len())
    };
}

/// `N` queries of one head; steps are bytes.
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn some<const N: usize>(
    queries: *const u8,
    query_step: usize,
    result: *mut u8,
    result_step: usize,
    num_keys: usize,
    scale: f32,
    scratch: &mut Scratch,
) {
    const KEY_VECTORS: usize = 4;
    let num_blocks = num_keys.div_ceil(LANES);
    let padded = num_blocks * LANES;
    let weights = scratch.weights.as_mut_ptr();
    // SAFETY: the scratch rows hold `padded` values each; queries and result by the contract of `attend`.
    unsafe {
        let mut block = 0;
        while block < num_blocks {
            let keys = scratch.keys.as_ptr().add(block * LANES * HEAD);
            if block + KEY_VECTORS <= num_blocks {
                products::<N, KEY_VECTORS>(queries, query_step, keys, weights.add(block * LANES), padded);
                block += KEY_VECTORS;
            } else {
                products::<N, 1>(queries, query_step, keys, weights.add(block * LANES), padded);
                block += 1;
            }
        }
        for index in 0..N {
            let row = weights.add(index * padded);
            softmax(row, row, std::ptr::null(), num_keys, scale);
        }
        let mut out = [[_mm512_setzero_ps(); HEAD_VECTORS]; N];
        for key in 0..num_keys {
            let value = scratch.values.as_ptr().add(key * HEAD);
            let mut columns = [_mm512_setzero_ps(); HEAD_VECTORS];
            for (vector, column) in columns.iter_mut().enumerate() {
                *column = _mm512_loadu_ps(value.add(vector * LANES));
            }
            for (index, out) in out.iter_mut().enumerate() {
                let weight = _mm512_set1_ps(*weights.add(index * padded + key));
                for (out, column) in out.iter_mut().zip(columns) {
                    *out = _mm512_fmadd_ps(weight, column, *out);
                }
            }
        }
        for (index, out) in out.into_iter().enumerate() {
            let to = result.add(index * result_step).cast::<f32>();
            for (vector, out) in out.into_iter().enumerate() {
                _mm512_storeu_ps(to.add(vector * LANES), out);
            }
        }
    }
}

/// `N` queries by `V` blocks of 16 keys.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn products<const N: usize, const V: usize>(
    queries: *const u8,
    query_step: usize,
    keys: *const f32,
    to: *mut f32,
    to_step: usize,
) {
    let mut sums = [[_mm512_setzero_ps(); V]; N];
    // SAFETY: by the contract of `some`.
    unsafe {
        for place in 0..HEAD {
            let mut columns = [_mm512_setzero_ps(); V];
            for (index, column) in columns.iter_mut().enumerate() {
                *column = _mm512_loadu_ps(keys.add((index * HEAD + place) * LANES));
            }
            for (index, sums) in sums.iter_mut().enumerate() {
                let query = _mm512_set1_ps(*queries.add(index * query_step).cast::<f32>().add(place));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_fmadd_ps(query, column, *sum);
                }
            }
        }
        for (index, sums) in sums.into_iter().enumerate() {
            for (vector, sum) in sums.into_iter().enumerate() {
                _mm512_storeu_ps(to.add(index * to_step + vector * LANES), sum);
            }
        }
    }
}

/// `result[i2][m][n] = halves[i2][n] · floats[i2][m]`, for a few rows `m`.
///
/// # Safety
/// Shapes: `halves` K × N × heads, `floats` K × M × heads, `result` N × M × heads; the data is there.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,f16c,avx")]
pub(crate) unsafe fn products_with_halves(halves: Tensor<'_>, floats: Tensor<'_>, result: Tensor<'_>) {
    let (num_columns, num_rows, num_heads) = (halves.len(1), floats.len(1), result.len(2));
    // Keys of all heads lie side by side: going through the keys first reads memory in its order.
    let heads_inside = halves.stride(2) < halves.stride(1);
    let (outer, inner) = if heads_inside {
        (num_columns.div_ceil(4), num_heads)
    } else {
        (num_heads, num_columns.div_ceil(4))
    };
    for i in 0..outer {
        for j in 0..inner {
            let (head, column) = if heads_inside { (j, i * 4) } else { (i, j * 4) };
            // SAFETY: head, row and column are inside the tensors.
            unsafe {
                let columns = halves.data().add(head * halves.stride(2));
                // Fewer than four repeat the last.
                let at = |index: usize| {
                    columns.add((column + index).min(num_columns - 1) * halves.stride(1)).cast_const()
                };
                let four = [at(0), at(1), at(2), at(3)];
                let from = floats.data().add(head * floats.stride(2)).cast_const();
                let to = result.data().add(head * result.stride(2)).cast::<f32>().add(column);
                let steps = (floats.stride(1), result.stride(1) / size_of::<f32>());
                let wanted = num_columns - column;
                let mut row = 0;
                while row < num_rows {
                    let (from, to) = (from.add(row * steps.0), to.add(row * steps.1));
                    let depth = halves.len(0);
                    match num_rows - row {
                        1 => four_products::<1>(four, from, steps, depth, to, wanted),
                        2 => four_products::<2>(four, from, steps, depth, to, wanted),
                        3 => four_products::<3>(four, from, steps, depth, to, wanted),
                        _ => four_products::<4>(four, from, steps, depth, to, wanted),
                    }
                    row += 4;
                }
            }
        }
    }
}

/// The products of `ROWS` rows with four columns, of which the first `wanted` are stored. Columns are widened once for
/// all rows. `steps`: from one row to the next, in bytes, and from one result to the next, in floats.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,f16c,avx")]
unsafe fn four_products<const ROWS: usize>(
    columns: [*const u8; 4],
    rows: *const u8,
    steps: (usize, usize),
    depth: usize,
    to: *mut f32,
    wanted: usize,
) {
    let mut acc = [[_mm512_setzero_ps(); 4]; ROWS];
    // SAFETY: by the contract of the caller; the last load is masked to the row.
    unsafe {
        let whole = depth / LANES * LANES;
        for k in (0..whole).step_by(LANES) {
            let wide = columns.map(|column| _mm512_cvtph_ps(_mm256_loadu_si256(column.add(k * 2).cast())));
            for (row, acc) in acc.iter_mut().enumerate() {
                let x = _mm512_loadu_ps(rows.add(row * steps.0).cast::<f32>().add(k));
                for (acc, column) in acc.iter_mut().zip(wide) {
                    *acc = _mm512_fmadd_ps(x, column, *acc);
                }
            }
        }
        if whole < depth {
            let mask = mask(whole, depth);
            for (row, acc) in acc.iter_mut().enumerate() {
                let x = _mm512_maskz_loadu_ps(mask, rows.add(row * steps.0).cast::<f32>().add(whole));
                for (acc, column) in acc.iter_mut().zip(columns) {
                    let halves = _mm256_maskz_loadu_epi16(mask, column.add(whole * 2).cast());
                    *acc = _mm512_fmadd_ps(x, _mm512_cvtph_ps(halves), *acc);
                }
            }
        }
        for (row, acc) in acc.into_iter().enumerate() {
            let to = to.add(row * steps.1);
            if wanted >= 4 {
                _mm_storeu_ps(to, sums(acc));
            } else {
                let mut rest = [0.0; 4];
                _mm_storeu_ps(rest.as_mut_ptr(), sums(acc));
                std::ptr::copy_nonoverlapping(rest.as_ptr(), to, wanted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::tests::{floats, halves};

    fn values(length: usize, seed: u64) -> Vec<f32> {
        let at = |i: u64| (i.wrapping_mul(0x9e37_79b9).wrapping_add(seed) % 2003) as f32 / 1001.5 - 1.0;
        (0..length as u64).map(at).collect()
    }

    proptest! {
        #[test]
        fn attention_is_that_of_the_definition(
            num_keys in 1usize..90,
            num_queries in 1usize..20,
            num_heads in 1usize..4,
            seed in any::<u64>(),
        ) {
            if !crate::is_supported() {
                return Ok(());
            }
            let half = |values: Vec<f32>| values.into_iter().map(f16::from_f32).collect::<Vec<_>>();
            let width = HEAD * num_heads;
            let mut keys = half(values(num_keys * width, seed));
            let mut queries = values(num_queries * width, seed ^ 1);
            let mut turned = half(values(num_keys * width, seed ^ 2));
            let mut result = vec![0.0; num_queries * width];
            let k = halves(&mut keys, [HEAD, num_keys, num_heads], [1, width, HEAD]);
            let q = floats(&mut queries, [HEAD, num_queries, num_heads], [1, width, HEAD]);
            let v = halves(&mut turned, [num_keys, HEAD, num_heads], [1, num_keys, num_keys * HEAD]);
            let r = floats(&mut result, [HEAD, num_queries, num_heads], [1, HEAD, HEAD * num_queries]);
            let mut products = vec![0.0; num_keys * num_queries * num_heads];
            let p = floats(&mut products, [num_keys, num_queries, num_heads], [1, num_keys, num_keys * num_queries]);
            // SAFETY: the shapes are those asked for.
            unsafe {
                attend(Tensor(&k), Tensor(&q), Tensor(&v), 0.125, Tensor(&r), &mut Scratch::default(), false);
                products_with_halves(Tensor(&k), Tensor(&q), Tensor(&p));
            }
            for head in 0..num_heads {
                for query in 0..num_queries {
                    let product = |key: usize| -> f32 {
                        let (k, q) = (key * width + head * HEAD, query * width + head * HEAD);
                        (0..HEAD).map(|i| keys[k + i].to_f32() * queries[q + i]).sum()
                    };
                    let dots: Vec<f32> = (0..num_keys).map(product).collect();
                    let exps: Vec<f32> = dots.iter().map(|x| (x * 0.125).exp()).collect();
                    let total: f32 = exps.iter().sum();
                    for (key, dot) in dots.iter().enumerate() {
                        let actual = products[(head * num_queries + query) * num_keys + key];
                        prop_assert!((actual - dot).abs() <= 1e-3, "{actual} {dot}");
                    }
                    for place in 0..HEAD {
                        let row = (head * HEAD + place) * num_keys;
                        let expected: f32 =
                            exps.iter().enumerate().map(|(key, e)| e / total * turned[row + key].to_f32()).sum();
                        let actual = result[(head * num_queries + query) * HEAD + place];
                        prop_assert!((actual - expected).abs() <= 1e-3, "{actual} {expected}");
                    }
                }
            }
        }
    }
}
