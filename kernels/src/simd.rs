//! Vector arithmetic of 16 floats that several kernels share. All of it needs AVX-512 F.

use std::arch::x86_64::{
    __m128, _mm_add_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps,
};
use std::arch::x86_64::{
    __m512, _mm256_add_ps, _mm512_add_ps, _mm512_castps512_ps256, _mm512_div_ps, _mm512_extractf32x8_ps,
    _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_roundscale_ps,
    _mm512_scalef_ps, _mm512_set1_ps,
};

/// Floats in a vector.
pub(crate) const LANES: usize = 16;

/// `exp`, with a relative error below 2e-7; 0 below −87, and no larger than at 88.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) fn exp(x: __m512) -> __m512 {
    let x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-104.0)), _mm512_set1_ps(88.0));
    let n = _mm512_roundscale_ps::<0x08>(_mm512_mul_ps(x, _mm512_set1_ps(std::f32::consts::LOG2_E)));
    // ln 2 in two parts keeps the remainder exact.
    let r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693_359_4), x);
    let r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.121_944_4e-4), r);
    let mut p = _mm512_set1_ps(1.987_569_1e-4);
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
    }
    let p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0)));
    _mm512_scalef_ps(p, n)
}

/// The GELU of ggml: the approximation by `tanh`, written with one exponential.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) fn gelu(x: __m512) -> __m512 {
    let cubic = _mm512_fmadd_ps(
        _mm512_mul_ps(x, x),
        _mm512_set1_ps(-2.0 * 0.797_884_6 * 0.044_715),
        _mm512_set1_ps(-2.0 * 0.797_884_6),
    );
    let e = exp(_mm512_mul_ps(x, cubic));
    _mm512_div_ps(x, _mm512_add_ps(e, _mm512_set1_ps(1.0)))
}

/// The sums of four vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx")]
pub(crate) fn sums(v: [__m512; 4]) -> __m128 {
    let half = |v: __m512| -> __m128 {
        let eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v));
        _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight))
    };
    let [a, b, c, d] = v.map(half);
    let ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
    let cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
    _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab))
}
