//! GSM 06.10 full rate (ETSI EN 300 961), decoder: 260 bits for 160 samples at 8 kHz. Names in the code are the
//! standard's where it has any; sections are given.

use super::FrameDecoder;
use super::ops::{Bits, add, mult_r, sub};

/// Bits of each coded log area ratio (section 3.1).
const LAR_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];

/// Offset `B`, smallest code `MIC` and `INVA` of each log area ratio (table 5.1 and 5.2).
const LAR_CODES: [(i16, i16, i16); 8] = [
    (0, -32, 13_107),
    (0, -32, 13_107),
    (2048, -16, 13_107),
    (-2560, -16, 13_107),
    (94, -8, 19_223),
    (-1792, -8, 17_476),
    (-341, -4, 31_454),
    (-1144, -4, 29_708),
];

/// Gains of the long-term predictor (table 5.3b).
const QLB: [i16; 4] = [3277, 11_469, 21_299, 32_767];

/// Normalised direct mantissas of the block maximum (table 5.6).
const FAC: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

const SUB_LEN: usize = 40;
const NUM_PULSES: usize = 13;

/// Longest reach of the long-term predictor.
const MAX_LAG: usize = 120;

const FRAME_SAMPLES: usize = 160;

/// The codes of a quarter of a frame.
#[derive(Debug, Default, Clone, Copy)]
struct SubFrame {
    lag: i16,
    gain: i16,
    grid: i16,
    maximum: i16,
    pulses: [i16; NUM_PULSES],
}

#[derive(Debug)]
struct Synthesis {
    /// The last of the reconstructed long-term residual.
    residual: [i16; MAX_LAG],
    lag: usize,
    log_area_ratios: [i16; 8],
    /// State of the lattice filter.
    v: [i16; 9],
    /// State of the de-emphasis filter.
    msr: i16,
}

impl Default for Synthesis {
    fn default() -> Self {
        Self { residual: [0; MAX_LAG], lag: SUB_LEN, log_area_ratios: [0; 8], v: [0; 9], msr: 0 }
    }
}

/// Log area ratios from their codes (5.2.8).
fn log_area_ratios(codes: [i16; 8]) -> [i16; 8] {
    let mut ratios = [0; 8];
    for ((ratio, code), (b, mic, inva)) in ratios.iter_mut().zip(codes).zip(LAR_CODES) {
        let scaled = sub((code + mic) << 10, b << 1);
        let product = mult_r(inva, scaled);
        *ratio = add(product, product);
    }
    ratios
}

/// Reflection coefficients from log area ratios (5.2.9.2).
fn reflection(ratios: [i16; 8]) -> [i16; 8] {
    ratios.map(|ratio| {
        let size = ratio.saturating_abs();
        let size = match size {
            ..11_059 => size << 1,
            11_059..20_070 => size + 11_059,
            _ => add(size >> 2, 26_112),
        };
        if ratio < 0 { -size } else { size }
    })
}

/// The pulses of a quarter of a frame on their grid (5.2.15 to 5.2.17).
fn excitation(sub_frame: &SubFrame) -> [i16; SUB_LEN] {
    let mut exponent = if sub_frame.maximum > 15 { (sub_frame.maximum >> 3) - 1 } else { 0 };
    let mut mantissa = sub_frame.maximum - (exponent << 3);
    if mantissa == 0 {
        (exponent, mantissa) = (-4, 7);
    } else {
        while mantissa <= 7 {
            mantissa = (mantissa << 1) | 1;
            exponent -= 1;
        }
        mantissa -= 8;
    }
    // The mantissa is 0 to 7 and the exponent -4 to 6 now.
    let factor = FAC.get(usize::try_from(mantissa).unwrap_or(0)).copied().unwrap_or(0);
    let shift = 6 - exponent;
    let half = if shift > 0 { 1 << (shift - 1) } else { 0 };
    let mut samples = [0; SUB_LEN];
    let grid = usize::try_from(sub_frame.grid).unwrap_or(0);
    for (sample, pulse) in samples.iter_mut().skip(grid).step_by(3).zip(sub_frame.pulses) {
        *sample = add(mult_r(factor, ((pulse << 1) - 7) << 12), half) >> shift;
    }
    samples
}

impl Synthesis {
    fn frame(&mut self, bits: &mut Bits<'_>, samples: &mut Vec<i16>) {
        let ratios = log_area_ratios(LAR_BITS.map(|count| bits.take(count)));
        let mut residual = [0; FRAME_SAMPLES];
        for part in residual.chunks_exact_mut(SUB_LEN) {
            let mut sub_frame = SubFrame { lag: bits.take(7), ..SubFrame::default() };
            (sub_frame.gain, sub_frame.grid, sub_frame.maximum) = (bits.take(2), bits.take(2), bits.take(6));
            sub_frame.pulses.fill_with(|| bits.take(3));
            self.long_term(&sub_frame, part);
        }
        let mean = |new: usize, old: usize| {
            let mut mixed = [0; 8];
            for ((mixed, before), after) in mixed.iter_mut().zip(self.log_area_ratios).zip(ratios) {
                // In quarters; only the parts that the standard shifts are lost (5.2.9.1).
                let part = |ratio: i16, quarters: usize| match quarters {
                    1 => ratio >> 2,
                    2 => ratio >> 1,
                    3 => add(ratio >> 2, ratio >> 1),
                    _ => ratio,
                };
                *mixed = add(part(before, old), part(after, new));
            }
            mixed
        };
        let segments = [(13, mean(1, 3)), (14, mean(2, 2)), (13, mean(3, 1)), (120, ratios)];
        let mut rest = residual.as_slice();
        for (len, ratios) in segments {
            let (part, after) = rest.split_at(len.min(rest.len()));
            self.short_term(reflection(ratios), part, samples);
            rest = after;
        }
        self.log_area_ratios = ratios;
    }

    /// Adds the long-term prediction (5.3.2).
    fn long_term(&mut self, sub_frame: &SubFrame, part: &mut [i16]) {
        if (40..=120).contains(&sub_frame.lag) {
            self.lag = usize::try_from(sub_frame.lag).unwrap_or(SUB_LEN);
        }
        let gain = QLB.get(usize::try_from(sub_frame.gain).unwrap_or(0)).copied().unwrap_or(0);
        // The lag is at least a part's length, so that no sample depends on one of its own part.
        let past = self.residual.iter().skip(MAX_LAG - self.lag);
        for ((sample, pulse), past) in part.iter_mut().zip(excitation(sub_frame)).zip(past) {
            *sample = add(pulse, mult_r(gain, *past));
        }
        self.residual.rotate_left(SUB_LEN);
        for (kept, sample) in self.residual.iter_mut().skip(MAX_LAG - SUB_LEN).zip(part) {
            *kept = *sample;
        }
    }

    /// The lattice filter (5.3.3), the de-emphasis and the rounding to 13 bits (5.3.4).
    fn short_term(&mut self, reflection: [i16; 8], part: &[i16], samples: &mut Vec<i16>) {
        for residual in part {
            let mut sample = *residual;
            let [first, rest @ ..] = &mut self.v;
            // From the last stage to the first; `after` is the state that a stage writes.
            let mut stages: [(i16, i16); 8] = [(0, 0); 8];
            let states = std::iter::once(*first).chain(rest.iter().copied());
            for ((stage, factor), state) in stages.iter_mut().zip(reflection).zip(states) {
                *stage = (factor, state);
            }
            for ((factor, state), after) in stages.iter().rev().zip(rest.iter_mut().rev()) {
                sample = sub(sample, mult_r(*factor, *state));
                *after = add(*state, mult_r(*factor, sample));
            }
            *first = sample;
            self.msr = add(sample, mult_r(self.msr, 28_180));
            samples.push(add(self.msr, self.msr) & !7);
        }
    }
}

/// Frames of 33 bytes: four bits that are always 0xD, then the codes, highest bit first.
#[derive(Debug, Default)]
pub(super) struct Gsm(Synthesis);

impl FrameDecoder for Gsm {
    fn frame_len(&self, _first: u8) -> usize {
        33
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        let mut bits = Bits::most_first(frame);
        if bits.take(4) != 0xd || frame.len() < 33 {
            samples.extend([0; FRAME_SAMPLES]);
            return false;
        }
        self.0.frame(&mut bits, samples);
        true
    }
}

/// Blocks of 65 bytes with two frames, lowest bit first, as WAV files have them.
#[derive(Debug, Default)]
pub(super) struct GsmWav49(Synthesis);

impl FrameDecoder for GsmWav49 {
    fn frame_len(&self, _first: u8) -> usize {
        65
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        let mut bits = Bits::least_first(frame);
        if frame.len() < 33 {
            return false;
        }
        self.0.frame(&mut bits, samples);
        // A block that is cut off still has its first half.
        if frame.len() == 65 {
            self.0.frame(&mut bits, samples);
        }
        frame.len() == 65
    }
}
