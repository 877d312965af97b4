//! The Silero network (v5, v6; 16 kHz): the probability that somebody speaks, every 32 ms.
//!
//! A frame is 512 samples after the 64 before it. Four windows of a short-time Fourier transform, four convolutions, a
//! recurrent cell that remembers, a sigmoid. Plain loops that the compiler turns into the widest vectors of the
//! processor at hand.

/// Samples that the network judges at once: 32 ms.
pub const FRAME: usize = 512;
/// Samples before the frame that it sees again.
const CONTEXT: usize = 64;
/// Samples of a window of the transform, and from one to the next.
const WINDOW: usize = 256;
const HOP: usize = 128;
/// Frequencies of the transform.
const FREQUENCIES: usize = 129;
/// Width of the recurrent cell.
const CELL: usize = 128;
/// Windows of one frame.
const STEPS: usize = 4;
/// Taps of every convolution.
const TAPS: usize = 3;
/// Channels in and out of each convolution and how many steps it goes at a time.
const CONVOLUTIONS: [(usize, usize, usize); 4] = [(129, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1)];
/// Outputs that are summed at once.
const GROUP: usize = 32;

/// What the network learned, as PyTorch lays it out: outputs, then inputs, then taps.
#[derive(Debug, Clone, Default)]
pub struct SileroWeights {
    /// 258 × 256: cosines, then sines.
    pub transform: Vec<f32>,
    /// Weights (outputs × inputs × 3) and biases of the four convolutions.
    pub convolutions: [(Vec<f32>, Vec<f32>); 4],
    /// 512 × 128, gates in the order input, forget, cell, output.
    pub input: Vec<f32>,
    /// 512 × 128, the same order.
    pub hidden: Vec<f32>,
    /// 512 each.
    pub biases: (Vec<f32>, Vec<f32>),
    /// 128.
    pub output: Vec<f32>,
    /// 1.
    pub output_bias: Vec<f32>,
}

/// A matrix in groups of outputs: in a group, a row of its outputs for every input. Padded to whole groups.
#[derive(Debug, Clone)]
struct Matrix {
    values: Vec<[f32; GROUP]>,
    num_inputs: usize,
    /// A multiple of [`GROUP`].
    num_outputs: usize,
}

impl Matrix {
    /// `at(output, input)` gives each weight.
    fn new(num_inputs: usize, num_outputs: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let num_groups = num_outputs.div_ceil(GROUP);
        let mut values = vec![[0.0; GROUP]; num_inputs * num_groups];
        for (index, row) in values.iter_mut().enumerate() {
            let (group, input) = (index / num_inputs * GROUP, index % num_inputs);
            for (output, value) in row.iter_mut().enumerate().take(num_outputs - group) {
                *value = at(group + output, input);
            }
        }
        Self { values, num_inputs, num_outputs: num_groups * GROUP }
    }
}

/// Weights of one [`SileroWeights`] that do not have the sizes of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the weights of a Silero network for 16 kHz: `{tensor}` has another size")]
pub struct WrongSize {
    /// The first tensor of another size.
    pub tensor: &'static str,
}

/// The network, ready to run; shared by all streams.
#[derive(Debug, Clone)]
pub struct Silero {
    transform: Matrix,
    convolutions: Vec<(Matrix, Vec<f32>)>,
    /// Input and hidden state, one after the other, to the four gates.
    gates: Matrix,
    gate_bias: Vec<f32>,
    output: Vec<f32>,
    output_bias: f32,
    width: Width,
}

/// What one stream of audio has left in the network.
#[derive(Debug, Clone)]
pub struct SileroStream {
    context: [f32; CONTEXT],
    /// Input of the cell, then its hidden state.
    joined: [f32; 2 * CELL],
    cell: [f32; CELL],
}

impl Default for SileroStream {
    fn default() -> Self {
        Self { context: [0.0; CONTEXT], joined: [0.0; 2 * CELL], cell: [0.0; CELL] }
    }
}

impl Silero {
    /// Puts the weights in order.
    ///
    /// # Errors
    /// [`WrongSize`] when a tensor is not as long as the network needs.
    pub fn new(weights: &SileroWeights) -> Result<Self, WrongSize> {
        let expect = |tensor, values: &[f32], length| {
            if values.len() == length { Ok(()) } else { Err(WrongSize { tensor }) }
        };
        expect("transform", &weights.transform, 2 * FREQUENCIES * WINDOW)?;
        let mut convolutions = Vec::new();
        for ((inputs, outputs, _), (kernel, bias)) in CONVOLUTIONS.into_iter().zip(&weights.convolutions) {
            expect("convolution", kernel, outputs * inputs * TAPS)?;
            expect("convolution bias", bias, outputs)?;
            let matrix = Matrix::new(inputs * TAPS, outputs, |output, row| {
                kernel[(output * inputs + row % inputs) * TAPS + row / inputs]
            });
            convolutions.push((matrix, bias.clone()));
        }
        expect("input", &weights.input, 4 * CELL * CELL)?;
        expect("hidden", &weights.hidden, 4 * CELL * CELL)?;
        expect("input bias", &weights.biases.0, 4 * CELL)?;
        expect("hidden bias", &weights.biases.1, 4 * CELL)?;
        expect("output", &weights.output, CELL)?;
        expect("output bias", &weights.output_bias, 1)?;
        let gate_bias = weights.biases.0.iter().zip(&weights.biases.1).map(|(a, b)| a + b).collect();
        let gates = Matrix::new(2 * CELL, 4 * CELL, |gate, row| {
            let side = if row < CELL { &weights.input } else { &weights.hidden };
            side[gate * CELL + row % CELL]
        });
        Ok(Self {
            transform: Matrix::new(WINDOW, 2 * FREQUENCIES, |output, input| {
                weights.transform[output * WINDOW + input]
            }),
            convolutions,
            gates,
            gate_bias,
            output: weights.output.clone(),
            output_bias: weights.output_bias[0],
            width: Width::of_this_processor(),
        })
    }

    /// The probability of speech in `frame`, 0 to 1, after the frames that `stream` has seen.
    pub fn probability(&self, frame: &[f32; FRAME], stream: &mut SileroStream) -> f32 {
        let mut samples = [0.0; CONTEXT + FRAME + CONTEXT];
        samples[..CONTEXT].copy_from_slice(&stream.context);
        samples[CONTEXT..CONTEXT + FRAME].copy_from_slice(frame);
        // The end is mirrored, without the last sample itself.
        for index in 0..CONTEXT {
            samples[CONTEXT + FRAME + index] = samples[CONTEXT + FRAME - 2 - index];
        }
        stream.context.copy_from_slice(&frame[FRAME - CONTEXT..]);

        let windows: [&[f32]; STEPS] = std::array::from_fn(|step| &samples[step * HOP..step * HOP + WINDOW]);
        let mut spectra = [[0.0_f32; 288]; STEPS];
        self.width.products(windows, &self.transform, spectra.each_mut().map(|row| &mut row[..]));
        let mut steps: Vec<Vec<f32>> = spectra
            .iter()
            .map(|spectrum| {
                let (cosines, sines) = spectrum.split_at(FREQUENCIES);
                cosines.iter().zip(sines).map(|(a, b)| (a * a + b * b).sqrt()).collect()
            })
            .collect();
        for ((matrix, bias), (inputs, outputs, stride)) in self.convolutions.iter().zip(CONVOLUTIONS) {
            steps = self.convolve(&steps, matrix, bias, inputs, outputs, stride);
        }
        stream.joined[..CELL].copy_from_slice(&steps[0]);

        let mut gates = [0.0_f32; 4 * CELL];
        self.width.products([&stream.joined[..]], &self.gates, [&mut gates[..]]);
        for (gate, bias) in gates.iter_mut().zip(&self.gate_bias) {
            *gate += bias;
        }
        let mut sum = self.output_bias;
        for index in 0..CELL {
            let [input, forget, cell, output] = std::array::from_fn(|gate| gates[gate * CELL + index]);
            let state = sigmoid(forget) * stream.cell[index] + sigmoid(input) * cell.tanh();
            stream.cell[index] = state;
            let hidden = sigmoid(output) * state.tanh();
            stream.joined[CELL + index] = hidden;
            sum += hidden.max(0.0) * self.output[index];
        }
        sigmoid(sum)
    }

    /// A convolution of three taps with zeros at both ends, and what is below zero cut off.
    fn convolve(
        &self,
        steps: &[Vec<f32>],
        matrix: &Matrix,
        bias: &[f32],
        inputs: usize,
        outputs: usize,
        stride: usize,
    ) -> Vec<Vec<f32>> {
        let patch = |at: usize| -> Vec<f32> {
            let mut patch = vec![0.0; inputs * TAPS];
            for (tap, part) in patch.chunks_exact_mut(inputs).enumerate() {
                // The first tap is the step before.
                if let Some(step) = (at + tap).checked_sub(1).and_then(|index| steps.get(index)) {
                    part.copy_from_slice(step);
                }
            }
            patch
        };
        let patches: Vec<Vec<f32>> = (0..steps.len()).step_by(stride).map(patch).collect();
        let mut results = vec![vec![0.0; matrix.num_outputs]; patches.len()];
        match (&patches[..], &mut results[..]) {
            ([a, b, c, d], [w, x, y, z]) => {
                self.width.products(
                    [a, b, c, d].map(|row| &row[..]),
                    matrix,
                    [w, x, y, z].map(|row| &mut row[..]),
                );
            }
            ([a, b], [y, z]) => {
                self.width.products([a, b].map(|row| &row[..]), matrix, [y, z].map(|row| &mut row[..]));
            }
            _ => {
                for (patch, result) in patches.iter().zip(&mut results) {
                    self.width.products([&patch[..]], matrix, [&mut result[..]]);
                }
            }
        }
        for result in &mut results {
            result.truncate(outputs);
            for (value, bias) in result.iter_mut().zip(bias) {
                *value = (*value + bias).max(0.0);
            }
        }
        results
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// How wide the vectors of the processor are.
#[derive(Debug, Clone, Copy)]
enum Width {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Any,
}

impl Width {
    fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            return Self::Avx512;
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Self::Avx2;
        }
        Self::Any
    }

    /// `results[row] = rows[row] · matrix`.
    fn products<const ROWS: usize>(self, rows: [&[f32]; ROWS], matrix: &Matrix, results: [&mut [f32]; ROWS]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor was asked.
            Self::Avx512 => unsafe { products_avx512(rows, matrix, results) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor was asked.
            Self::Avx2 => unsafe { products_avx2(rows, matrix, results) },
            Self::Any => products::<ROWS, false>(rows, matrix, results),
        }
    }
}

/// With the sums held in registers, which the compiler does not see by itself.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn products_avx512<const ROWS: usize>(
    rows: [&[f32]; ROWS],
    matrix: &Matrix,
    mut results: [&mut [f32]; ROWS],
) {
    use std::arch::x86_64::{
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };
    const VECTOR: usize = GROUP / 2;
    let rows = rows.map(|row| row[..matrix.num_inputs].as_ptr());
    for (group, weights) in matrix.values.chunks_exact(matrix.num_inputs).enumerate() {
        let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
        for (input, weights) in weights.iter().enumerate() {
            // SAFETY: a group is two vectors; every row has `num_inputs` values.
            unsafe {
                let columns =
                    [_mm512_loadu_ps(weights.as_ptr()), _mm512_loadu_ps(weights.as_ptr().add(VECTOR))];
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let value = _mm512_set1_ps(*row.add(input));
                    sums[0] = _mm512_fmadd_ps(value, columns[0], sums[0]);
                    sums[1] = _mm512_fmadd_ps(value, columns[1], sums[1]);
                }
            }
        }
        for (result, sums) in results.iter_mut().zip(sums) {
            let result = &mut result[group * GROUP..][..GROUP];
            // SAFETY: the slice holds two vectors.
            unsafe {
                _mm512_storeu_ps(result.as_mut_ptr(), sums[0]);
                _mm512_storeu_ps(result.as_mut_ptr().add(VECTOR), sums[1]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn products_avx2<const ROWS: usize>(rows: [&[f32]; ROWS], matrix: &Matrix, results: [&mut [f32]; ROWS]) {
    products::<ROWS, true>(rows, matrix, results);
}

/// The loops, for the compiler to make vectors of. `FUSED`: the processor multiplies and adds in one step; elsewhere
/// that is a slow call.
#[inline(always)]
fn products<const ROWS: usize, const FUSED: bool>(
    rows: [&[f32]; ROWS],
    matrix: &Matrix,
    mut results: [&mut [f32]; ROWS],
) {
    let rows = rows.map(|row| &row[..matrix.num_inputs]);
    for (group, weights) in matrix.values.chunks_exact(matrix.num_inputs).enumerate() {
        for (result, row) in results.iter_mut().zip(rows) {
            let mut sums = [0.0_f32; GROUP];
            for (value, weights) in row.iter().zip(weights) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = if FUSED { value.mul_add(*weight, *sum) } else { *value * *weight + *sum };
                }
            }
            result[group * GROUP..][..GROUP].copy_from_slice(&sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_gives_the_same_products() {
        let matrix = Matrix::new(70, 40, |output, input| ((output * 31 + input * 17) % 23) as f32 - 11.0);
        let rows: [Vec<f32>; 2] =
            std::array::from_fn(|row| (0..70).map(|i| ((i * 7 + row) % 13) as f32).collect());
        let run = |width: Width| {
            let mut results = [[0.0_f32; 64]; 2];
            width.products(
                rows.each_ref().map(|row| &row[..]),
                &matrix,
                results.each_mut().map(|row| &mut row[..]),
            );
            results
        };
        let expected = run(Width::Any);
        assert_eq!(
            expected[1][39],
            (0..70).map(|i| rows[1][i] * (((39 * 31 + i * 17) % 23) as f32 - 11.0)).sum()
        );
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            assert_eq!(run(Width::Avx2), expected);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            assert_eq!(run(Width::Avx512), expected);
        }
    }

    #[test]
    fn weights_of_another_size_are_refused() {
        assert_eq!(Silero::new(&SileroWeights::default()).err(), Some(WrongSize { tensor: "transform" }));
    }
}
