//! Computes the mel filters that a Whisper file carries: triangles on Slaney's mel scale, each of area one.

use super::ggml::MEL_FREQUENCIES;

/// Whisper's sample rate.
const SAMPLE_RATE_HZ: f64 = 16_000.0;
/// Slaney's scale is linear below this frequency and logarithmic above.
const BREAK_HZ: f64 = 1000.0;
/// Width of one mel in the linear part.
const HZ_PER_MEL: f64 = 200.0 / 3.0;
/// The mel at the break.
const BREAK_MEL: f64 = 15.0;

/// Natural logarithm of the factor by which one mel grows above the break.
fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn to_mel(hz: f64) -> f64 {
    if hz >= BREAK_HZ { BREAK_MEL + (hz / BREAK_HZ).ln() / log_step() } else { hz * 3.0 / 200.0 }
}

fn to_hz(mel: f64) -> f64 {
    if mel >= BREAK_MEL { BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp() } else { mel * HZ_PER_MEL }
}

/// `num_mels` rows of 201 weights, one per frequency of a 400-sample spectrum.
#[expect(clippy::cast_possible_truncation, reason = "single precision is what the file holds")]
pub(super) fn filters(num_mels: u16) -> Vec<f32> {
    let num_bins = u16::try_from(MEL_FREQUENCIES).expect("201 fits");
    let top = to_mel(SAMPLE_RATE_HZ / 2.0);
    let step = top / f64::from(num_mels + 1);
    let corner = |i: u16| to_hz(if i == num_mels + 1 { top } else { f64::from(i) * step });
    let mut weights = Vec::with_capacity(usize::from(num_mels) * usize::from(num_bins));
    for mel in 0..num_mels {
        let (low, peak, high) = (corner(mel), corner(mel + 1), corner(mel + 2));
        for bin in 0..num_bins {
            let hz = f64::from(bin) * (SAMPLE_RATE_HZ / 2.0) / f64::from(num_bins - 1);
            let rising = (hz - low) / (peak - low);
            let falling = (high - hz) / (high - peak);
            weights.push((rising.min(falling).max(0.0) * (2.0 / (high - low))) as f32);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_filters_of_the_published_models() {
        let weights = filters(80);
        assert_eq!(weights.len(), 80 * 201);
        // As in librosa.filters.mel(sr=16000, n_fft=400, n_mels=80), from which OpenAI made its file.
        for (row, bin, expected) in
            [(0, 1, 0.024_862_595), (1, 1, 0.001_990_821), (1, 2, 0.022_871_774), (79, 199, 0.000_448_759_03)]
        {
            let actual = weights[row * 201 + bin];
            assert!((actual - expected).abs() < 1e-8, "row {row}, bin {bin}: {actual}");
        }
        assert!(weights[0].abs() < f32::EPSILON, "no filter takes the constant part");
    }

    #[test]
    fn every_filter_has_one_peak() {
        for num_mels in [80, 128] {
            for row in filters(num_mels).chunks(201) {
                let peak = row.iter().copied().fold(0.0, f32::max);
                let at = row.iter().position(|&weight| weight >= peak).expect("there is a maximum");
                assert!(peak > 0.0);
                assert!(row[..at].is_sorted() && row[at..].iter().rev().is_sorted());
            }
        }
    }
}
