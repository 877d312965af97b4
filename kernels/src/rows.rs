//! Everything that works row by row: norms, sums, copies, softmax.

use std::arch::x86_64::{
    _MM_FROUND_TO_NEAREST_INT, _mm256_storeu_si256, _mm512_add_ps, _mm512_cvtps_ph, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_mask_max_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_maskz_mov_ps,
    _mm512_mul_ps, _mm512_reduce_add_ps, _mm512_reduce_max_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps, _mm512_sub_ps,
};

use half::f16;

use crate::simd::{LANES, exp, gelu};
use crate::tensor::Tensor;

/// Side of the squares in which a matrix is turned.
const SQUARE: usize = 16;

/// The lanes of a vector at `index` of a row of `length`.
#[inline]
pub(crate) fn mask(index: usize, length: usize) -> u16 {
    let left = length - index;
    if left >= LANES { 0xffff } else { (1 << left) - 1 }
}

/// Applies `kernel(destination, first source, second source, length)` to every row of `tensor`.
///
/// # Safety
/// The data of `tensor` and its sources must be there; the first source has the shape of `tensor`.
pub(crate) unsafe fn each_row(
    tensor: Tensor<'_>,
    first: Tensor<'_>,
    second: Option<Tensor<'_>>,
    mut kernel: impl FnMut(*mut f32, *const f32, *const f32, usize),
) {
    let at = |t: Tensor<'_>, place: [usize; 3]| {
        let offset: usize = (0..3).map(|i| place[i] % t.len(i + 1).max(1) * t.stride(i + 1)).sum();
        // SAFETY: the place is inside the tensor: a shorter dimension repeats.
        unsafe { t.data().add(offset) }
    };
    for i3 in 0..tensor.len(3) {
        for i2 in 0..tensor.len(2) {
            for i1 in 0..tensor.len(1) {
                let place = [i1, i2, i3];
                let second = second.map_or(std::ptr::null(), |second| at(second, place).cast_const().cast());
                kernel(at(tensor, place).cast(), at(first, place).cast_const().cast(), second, tensor.len(0));
            }
        }
    }
}

/// `to = a + b`, `a * b`, `scale * a`, GELU: element by element.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Simple {
    Add,
    /// The second operand has one value per row.
    AddScalar,
    Multiply,
    Scale {
        factor: f32,
        offset: f32,
    },
    Gelu,
}

/// # Safety
/// The pointers must be good for `length` floats (`b` as `what` says); `to` may be `a`.
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) unsafe fn simple(what: Simple, to: *mut f32, a: *const f32, b: *const f32, length: usize) {
    for index in (0..length).step_by(LANES) {
        let mask = mask(index, length);
        // SAFETY: masked to the row.
        unsafe {
            let x = _mm512_maskz_loadu_ps(mask, a.add(index));
            let y = match what {
                Simple::Add => _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, b.add(index))),
                Simple::AddScalar => _mm512_add_ps(x, _mm512_set1_ps(*b)),
                Simple::Multiply => _mm512_mul_ps(x, _mm512_maskz_loadu_ps(mask, b.add(index))),
                Simple::Scale { factor, offset } => {
                    _mm512_fmadd_ps(x, _mm512_set1_ps(factor), _mm512_set1_ps(offset))
                }
                Simple::Gelu => gelu(x),
            };
            _mm512_mask_storeu_ps(to.add(index), mask, y);
        }
    }
}

/// Layer normalisation of a row, then times `gain` plus `shift` where given.
///
/// # Safety
/// The pointers must be good for `length` floats, a multiple of 16.
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) unsafe fn norm(
    to: *mut f32,
    from: *const f32,
    length: usize,
    epsilon: f32,
    affine: Option<(*const f32, *const f32)>,
) {
    // SAFETY: by the contract.
    unsafe {
        let mut sum = _mm512_setzero_ps();
        for index in (0..length).step_by(LANES) {
            sum = _mm512_add_ps(sum, _mm512_loadu_ps(from.add(index)));
        }
        let mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / length as f32);
        let mut squares = _mm512_setzero_ps();
        for index in (0..length).step_by(LANES) {
            let x = _mm512_sub_ps(_mm512_loadu_ps(from.add(index)), mean);
            squares = _mm512_fmadd_ps(x, x, squares);
        }
        let variance = _mm512_reduce_add_ps(squares) / length as f32;
        let scale = _mm512_set1_ps(1.0 / (variance + epsilon).sqrt());
        for index in (0..length).step_by(LANES) {
            let mut x = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(from.add(index)), mean), scale);
            if let Some((gain, shift)) = affine {
                x = _mm512_fmadd_ps(x, _mm512_loadu_ps(gain.add(index)), _mm512_loadu_ps(shift.add(index)));
            }
            _mm512_storeu_ps(to.add(index), x);
        }
    }
}

/// Softmax of `scale * from + bias`.
///
/// # Safety
/// The pointers must be good for `length` floats; `bias` may be null.
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) unsafe fn softmax(to: *mut f32, from: *const f32, bias: *const f32, length: usize, scale: f32) {
    let factor = _mm512_set1_ps(scale);
    let mut largest = _mm512_set1_ps(f32::NEG_INFINITY);
    // SAFETY: by the contract; masked to the row.
    unsafe {
        for index in (0..length).step_by(LANES) {
            let mask = mask(index, length);
            let mut x = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from.add(index)), factor);
            if !bias.is_null() {
                x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, bias.add(index)));
            }
            largest = _mm512_mask_max_ps(largest, mask, largest, x);
            _mm512_mask_storeu_ps(to.add(index), mask, x);
        }
        let largest = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
        let mut sum = _mm512_setzero_ps();
        for index in (0..length).step_by(LANES) {
            let mask = mask(index, length);
            let x = exp(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, to.add(index)), largest));
            sum = _mm512_add_ps(sum, _mm512_maskz_mov_ps(mask, x));
            _mm512_mask_storeu_ps(to.add(index), mask, x);
        }
        let total = _mm512_set1_ps(1.0 / _mm512_reduce_add_ps(sum));
        for index in (0..length).step_by(LANES) {
            let mask = mask(index, length);
            let x = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, to.add(index)), total);
            _mm512_mask_storeu_ps(to.add(index), mask, x);
        }
    }
}

/// Whether [`copy`] can write `from` into `to`.
pub(crate) fn can_copy(from: Tensor<'_>, to: Tensor<'_>) -> bool {
    from.is_f32()
        && (to.is_f32() || to.is_f16())
        && from.num_elements() == to.num_elements()
        && (to.is_contiguous() || from.has_shape_of(to))
}

/// Copies `from` (floats) into `to` (floats or halves), in the order of the elements.
///
/// # Safety
/// [`can_copy`] holds, and the data of both must be there.
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) unsafe fn copy(from: Tensor<'_>, to: Tensor<'_>) {
    let size = to.element_bytes();
    let same_shape = from.has_shape_of(to);
    let (rows, columns) = (from.len(1), from.len(0));
    for i3 in 0..from.len(3) {
        for i2 in 0..from.len(2) {
            let plane = i2 * from.stride(2) + i3 * from.stride(3);
            // Where the plane goes, and the distance of its rows and of the elements in a row.
            let (start, row_step, step) = if same_shape {
                (i2 * to.stride(2) + i3 * to.stride(3), to.stride(1), to.stride(0))
            } else {
                ((i3 * from.len(2) + i2) * rows * columns * size, columns * size, size)
            };
            // SAFETY: all offsets are inside the two tensors.
            unsafe {
                let (source, target) = (from.data().add(plane), to.data().add(start));
                if from.stride(0) == 4 && step == size {
                    for row in 0..rows {
                        let source = source.add(row * from.stride(1)).cast::<f32>();
                        let target = target.add(row * row_step);
                        if size == 2 {
                            narrow(source, target, columns)
                        } else {
                            std::ptr::copy_nonoverlapping(source, target.cast(), columns)
                        }
                    }
                    continue;
                }
                for row0 in (0..rows).step_by(SQUARE) {
                    for column0 in (0..columns).step_by(SQUARE) {
                        for row in row0..(row0 + SQUARE).min(rows) {
                            for column in column0..(column0 + SQUARE).min(columns) {
                                let value =
                                    *source.add(row * from.stride(1) + column * from.stride(0)).cast::<f32>();
                                let target = target.add(row * row_step + column * step);
                                if size == 2 {
                                    *target.cast() = f16::from_f32(value);
                                } else {
                                    *target.cast() = value;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Rounds `length` floats to halves.
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn narrow(from: *const f32, to: *mut u8, length: usize) {
    let whole = length / LANES * LANES;
    // SAFETY: by the contract of `copy`.
    unsafe {
        for index in (0..whole).step_by(LANES) {
            let halves = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm512_loadu_ps(from.add(index)));
            _mm256_storeu_si256(to.add(index * 2).cast(), halves);
        }
        for index in whole..length {
            to.cast::<f16>().add(index).write_unaligned(f16::from_f32(*from.add(index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::tests::{floats, halves};

    fn close(actual: &[f32], expected: &[f32], tolerance: f32) -> Result<(), TestCaseError> {
        for (actual, expected) in actual.iter().zip(expected) {
            prop_assert!(
                (actual - expected).abs() <= tolerance * expected.abs().max(1.0),
                "{actual} {expected}"
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_norm_has_mean_and_variance_of_its_gain_and_shift(
            row in prop::collection::vec(-50f32..50.0, 64),
            affine in any::<bool>(),
        ) {
            if !crate::is_supported() {
                return Ok(());
            }
            let (gain, shift) = (vec![2.0; 64], vec![0.5; 64]);
            let mut actual = vec![0.0; 64];
            let by = affine.then_some((gain.as_ptr(), shift.as_ptr()));
            // SAFETY: all rows have 64 values.
            unsafe { norm(actual.as_mut_ptr(), row.as_ptr(), 64, 1e-5, by) };
            let mean = row.iter().sum::<f32>() / 64.0;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 64.0;
            let expected: Vec<f32> = row
                .iter()
                .map(|x| (x - mean) / (variance + 1e-5).sqrt())
                .map(|x| if affine { 2.0 * x + 0.5 } else { x })
                .collect();
            close(&actual, &expected, 1e-3)?;
        }

        #[test]
        fn a_softmax_is_that_of_the_definition(
            row in prop::collection::vec(-30f32..30.0, 1..70),
            scale in 0.1f32..2.0,
            masked in any::<bool>(),
        ) {
            if !crate::is_supported() {
                return Ok(());
            }
            let bias: Vec<f32> =
                (0..row.len()).map(|i| if i % 3 == 1 { f32::NEG_INFINITY } else { 0.25 }).collect();
            let mut actual = vec![0.0; row.len()];
            let by = if masked { bias.as_ptr() } else { std::ptr::null() };
            // SAFETY: all rows have the same length.
            unsafe { softmax(actual.as_mut_ptr(), row.as_ptr(), by, row.len(), scale) };
            let exps: Vec<f64> = row
                .iter()
                .zip(&bias)
                .map(|(x, b)| f64::from(x * scale + if masked { *b } else { 0.0 }).exp())
                .collect();
            let total: f64 = exps.iter().sum();
            let expected: Vec<f32> = exps.iter().map(|x| (x / total) as f32).collect();
            close(&actual, &expected, 1e-5)?;
        }

        #[test]
        fn elementwise_work_is_that_of_each_element(row in prop::collection::vec(-8f32..8.0, 1..70)) {
            if !crate::is_supported() {
                return Ok(());
            }
            let mut actual = vec![0.0; row.len()];
            let mut run = |what, b: *const f32| {
                // SAFETY: all rows have the same length.
                unsafe { simple(what, actual.as_mut_ptr(), row.as_ptr(), b, row.len()) };
                actual.clone()
            };
            let map = |f: &dyn Fn(f32) -> f32| row.iter().map(|x| f(*x)).collect::<Vec<_>>();
            close(&run(Simple::Add, row.as_ptr()), &map(&|x| x + x), 1e-6)?;
            close(&run(Simple::AddScalar, row.as_ptr()), &map(&|x| x + row[0]), 1e-6)?;
            close(&run(Simple::Multiply, row.as_ptr()), &map(&|x| x * x), 1e-6)?;
            let scaled = run(Simple::Scale { factor: 3.0, offset: 1.0 }, std::ptr::null());
            close(&scaled, &map(&|x| 3.0 * x + 1.0), 1e-6)?;
            let gelu = |x: f32| 0.5 * x * (1.0 + (0.797_884_6 * (x + 0.044_715 * x.powi(3))).tanh());
            close(&run(Simple::Gelu, std::ptr::null()), &map(&gelu), 1e-5)?;
        }

        #[test]
        fn a_copy_keeps_the_order_of_the_elements(
            ne in prop::array::uniform3(1usize..40),
            turned in any::<bool>(),
            to_halves in any::<bool>(),
        ) {
            if !crate::is_supported() {
                return Ok(());
            }
            let length = ne.iter().product::<usize>();
            let mut from: Vec<f32> = (0..length).map(|i| i as f32 % 1000.0).collect();
            // Turned: the source lies with its second dimension innermost.
            let strides = if turned { [ne[1], 1, ne[0] * ne[1]] } else { [1, ne[0], ne[0] * ne[1]] };
            let source = floats(&mut from, ne, strides);
            let plain = [1, ne[0], ne[0] * ne[1]];
            let (mut wide, mut narrow) = (vec![0.0; length], vec![f16::ZERO; length]);
            let target = if to_halves { halves(&mut narrow, ne, plain) } else { floats(&mut wide, ne, plain) };
            prop_assert!(can_copy(Tensor(&source), Tensor(&target)));
            // SAFETY: both have their memory.
            unsafe { copy(Tensor(&source), Tensor(&target)) };
            for i2 in 0..ne[2] {
                for i1 in 0..ne[1] {
                    for i0 in 0..ne[0] {
                        let expected = from[i0 * strides[0] + i1 * strides[1] + i2 * strides[2]];
                        let at = i0 + i1 * plain[1] + i2 * plain[2];
                        let actual = if to_halves { narrow[at].to_f32() } else { wide[at] };
                        prop_assert_eq!(actual, expected);
                    }
                }
            }
        }
    }
}
