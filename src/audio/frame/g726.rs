//! ITU-T G.726 at 16, 24, 32 and 40 kbit/s, decoder with linear output: 2 to 5 bits a sample. Function names are the
//! standard's blocks.

use super::FrameDecoder;
use super::ops::Bits;
use crate::types::{BitOrder, G726Rate};

/// `DQLN` (table 7), `W(I)` times 32 (table 10) and `F(I)` times 512 (table 11) of each code without its sign.
type Row = (i32, i32, i32);

const ROWS_16: [Row; 2] = [(116, -704, 0), (365, 14_048, 0xe00)];

const ROWS_24: [Row; 4] = [(-2048, -128, 0), (135, 960, 0x200), (273, 4384, 0x400), (373, 18_624, 0xe00)];

const ROWS_32: [Row; 8] = [
    (-2048, -384, 0),
    (4, 576, 0),
    (135, 1312, 0),
    (213, 2048, 0x200),
    (273, 3584, 0x200),
    (323, 6336, 0x200),
    (373, 11_360, 0x600),
    (425, 35_904, 0xe00),
];

const ROWS_40: [Row; 16] = [
    (-2048, 448, 0),
    (-66, 448, 0),
    (28, 768, 0),
    (104, 1248, 0),
    (169, 1280, 0),
    (224, 1312, 0x200),
    (274, 1856, 0x200),
    (318, 3200, 0x200),
    (358, 4512, 0x200),
    (395, 5728, 0x200),
    (429, 7008, 0x400),
    (459, 8960, 0x600),
    (488, 11_456, 0x800),
    (514, 14_080, 0xa00),
    (539, 16_928, 0xc00),
    (566, 22_272, 0xc00),
];

/// A number as the predictor keeps it: sign, 4 bits of exponent, 6 bits of mantissa.
#[derive(Debug, Clone, Copy)]
struct Short {
    negative: bool,
    exponent: i32,
    mantissa: i32,
}

impl Short {
    const ZERO: Self = Self { negative: false, exponent: 0, mantissa: 32 };

    fn new(negative: bool, magnitude: i32) -> Self {
        let exponent = num_bits(magnitude);
        let mantissa = if magnitude == 0 { 32 } else { (magnitude << 6) >> exponent };
        Self { negative, exponent, mantissa }
    }
}

fn num_bits(magnitude: i32) -> i32 {
    // At most 32.
    (i32::BITS - magnitude.max(0).leading_zeros()) as i32
}

/// `FMULT`: a coefficient times a kept number.
fn fmult(coefficient: i32, number: Short) -> i32 {
    let an = coefficient >> 2;
    let magnitude = if an > 0 { an } else { -an & 0x1fff };
    let exponent = num_bits(magnitude) - 6;
    let mantissa = match (magnitude, exponent) {
        (0, _) => 32,
        (_, 0..) => magnitude >> exponent,
        _ => magnitude << -exponent,
    };
    let exponent = exponent + number.exponent - 13;
    let product = (mantissa * number.mantissa + 0x30) >> 4;
    let product = if exponent >= 0 { (product << exponent) & 0x7fff } else { product >> (-exponent).min(31) };
    if (an < 0) == number.negative { product } else { -product }
}

#[derive(Debug, Clone)]
pub(super) struct G726 {
    rate: G726Rate,
    order: BitOrder,
    rows: &'static [Row],
    /// Locked and unlocked scale factors.
    yl: i32,
    yu: i32,
    /// Short and long averages of `F(I)`.
    dms: i32,
    dml: i32,
    ap: i32,
    a: [i32; 2],
    b: [i32; 6],
    dq: [Short; 6],
    sr: [Short; 2],
    /// Signs of the last partial signals.
    pk: [bool; 2],
    td: bool,
}

impl G726 {
    pub(super) fn new(rate: G726Rate, order: BitOrder) -> Self {
        let rows: &[Row] = match rate {
            G726Rate::Kbit16 => &ROWS_16,
            G726Rate::Kbit24 => &ROWS_24,
            G726Rate::Kbit32 => &ROWS_32,
            G726Rate::Kbit40 => &ROWS_40,
        };
        Self {
            rate,
            order,
            rows,
            yl: 34_816,
            yu: 544,
            dms: 0,
            dml: 0,
            ap: 0,
            a: [0; 2],
            b: [0; 6],
            dq: [Short::ZERO; 6],
            sr: [Short::ZERO; 2],
            pk: [false; 2],
            td: false,
        }
    }

    /// `MIX`: the quantiser's scale factor.
    fn scale(&self) -> i32 {
        if self.ap >= 256 {
            return self.yu;
        }
        let y = self.yl >> 6;
        let (difference, speed) = (self.yu - y, self.ap >> 2);
        match difference {
            1.. => y + ((difference * speed) >> 6),
            0 => y,
            _ => y + ((difference * speed + 0x3f) >> 6),
        }
    }

    fn next(&mut self, code: i32) -> i16 {
        let bits = self.rate.bits();
        let negative = (code >> (bits - 1)) & 1 == 1;
        // Codes of negative differences count from the largest down.
        let mask = (1 << (bits - 1)) - 1;
        let index = (if negative { !code } else { code }) & mask;
        let row = self.rows.get(usize::try_from(index).unwrap_or(0)).copied().unwrap_or((-2048, 0, 0));
        let zeros: i32 = self.b.iter().zip(self.dq).map(|(b, dq)| fmult(*b, dq)).sum();
        let poles: i32 = self.a.iter().zip(self.sr).map(|(a, sr)| fmult(*a, sr)).sum();
        let (sez, se) = (zeros >> 1, (zeros + poles) >> 1);
        let y = self.scale();
        // `ADDA`, `ANTILOG`: the difference.
        let dql = row.0 + (y >> 2);
        let dq = if dql < 0 { 0 } else { ((128 + (dql & 127)) << 7) >> (14 - ((dql >> 7) & 15)) };
        let sr = if negative { se - dq } else { se + dq };
        self.update(y, row, negative, dq, sr, sr - se + sez);
        super::ops::saturate(sr << 2)
    }

    fn update(&mut self, y: i32, (_, wi, fi): Row, negative: bool, dq: i32, sr: i32, dqsez: i32) {
        // `TRANS`: a tone that is over.
        let (whole, part) = (self.yl >> 15, (self.yl >> 10) & 0x1f);
        let threshold = if whole > 9 { 31 << 10 } else { (32 + part) << whole };
        let is_transition = self.td && dq > (threshold + (threshold >> 1)) >> 1;
        self.yu = (y + ((wi - y) >> 5)).clamp(544, 5120);
        self.yl += self.yu + (-self.yl >> 6);
        let pk0 = dqsez < 0;
        if is_transition {
            (self.a, self.b) = ([0; 2], [0; 6]);
        } else {
            self.update_poles(pk0, dqsez);
            // ffmpeg leaks alike at all rates; equipment by the standard does not.
            let leak = if self.rate == G726Rate::Kbit40 { 9 } else { 8 };
            for (b, old) in self.b.iter_mut().zip(self.dq) {
                *b -= *b >> leak;
                if dq != 0 {
                    *b += if negative == old.negative { 128 } else { -128 };
                }
            }
        }
        self.dq.rotate_right(1);
        self.dq[0] = Short::new(negative, dq);
        self.sr = [Short::new(sr < 0, sr.abs().min(0x7fff)), self.sr[0]];
        self.pk = [pk0, self.pk[0]];
        self.td = !is_transition && self.a[1] < -11_776;
        self.dms += (fi - self.dms) >> 5;
        self.dml += ((fi << 2) - self.dml) >> 7;
        let is_fast = y < 1536 || self.td || ((self.dms << 2) - self.dml).abs() >= self.dml >> 3;
        self.ap = match (is_transition, is_fast) {
            (true, _) => 256,
            (false, true) => self.ap + ((0x200 - self.ap) >> 4),
            (false, false) => self.ap + (-self.ap >> 4),
        };
    }

    /// `UPA1`, `UPA2`, `LIMC`, `LIMD`.
    fn update_poles(&mut self, pk0: bool, dqsez: i32) {
        let differs = pk0 != self.pk[0];
        let mut a2 = self.a[1] - (self.a[1] >> 7);
        if dqsez != 0 {
            let fa1 = if differs { self.a[0] } else { -self.a[0] };
            a2 += match fa1 {
                ..-8191 => -0x100,
                8192.. => 0xff,
                _ => fa1 >> 5,
            };
            a2 += if pk0 == self.pk[1] { 0x80 } else { -0x80 };
            a2 = a2.clamp(-12_288, 12_288);
        }
        let mut a1 = self.a[0] - (self.a[0] >> 8);
        if dqsez != 0 {
            a1 += if differs { -192 } else { 192 };
        }
        let limit = 15_360 - a2;
        self.a = [a1.clamp(-limit, limit), a2];
    }
}

impl FrameDecoder for G726 {
    fn frame_len(&self, _first: u8) -> usize {
        match self.rate {
            G726Rate::Kbit16 | G726Rate::Kbit32 => 1,
            G726Rate::Kbit24 => 3,
            G726Rate::Kbit40 => 5,
        }
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        let mut bits = match self.order {
            BitOrder::MostFirst => Bits::most_first(frame),
            BitOrder::LeastFirst => Bits::least_first(frame),
        };
        let width = self.rate.bits();
        for _ in 0..frame.len() * 8 / width as usize {
            let code = i32::from(bits.take(width));
            samples.push(self.next(code));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// Codes each sample by trying all codes on copies of the decoder: slow, and independent of any encoder.
    fn coded(rate: G726Rate, source: &[i16]) -> (Vec<i32>, Vec<i16>) {
        let mut decoder = G726::new(rate, BitOrder::LeastFirst);
        let (mut codes, mut decoded) = (Vec::new(), Vec::new());
        for sample in source {
            let error = |code: &i32| (i32::from(decoder.clone().next(*code)) - i32::from(*sample)).abs();
            let code = (0..1 << rate.bits()).min_by_key(error).expect("there are codes");
            codes.push(code);
            decoded.push(decoder.next(code));
        }
        (codes, decoded)
    }

    #[test]
    fn every_rate_follows_a_voice_and_more_bits_follow_it_closer() {
        let source: Vec<i16> = (0..4000u32)
            .map(|index| {
                let seconds = f64::from(index) / 8000.0;
                let voice: f64 =
                    (1..8).map(|k| (seconds * 150.0 * f64::from(k) * TAU).sin() / f64::from(k)).sum();
                (voice * 5000.0) as i16
            })
            .collect();
        let rates = [G726Rate::Kbit16, G726Rate::Kbit24, G726Rate::Kbit32, G726Rate::Kbit40];
        let noise = rates.map(|rate| {
            let (codes, decoded) = coded(rate, &source);
            let mut again = G726::new(rate, BitOrder::LeastFirst);
            assert!(codes.iter().zip(&decoded).all(|(code, sample)| again.next(*code) == *sample));
            let power = |difference: i32| f64::from(difference).powi(2);
            let pairs = source.iter().zip(&decoded).skip(400);
            let (noise, signal) = pairs.fold((0.0, 0.0), |(noise, signal), (a, b)| {
                (noise + power(i32::from(*a) - i32::from(*b)), signal + power(i32::from(*a)))
            });
            10.0 * (noise / signal).log10()
        });
        assert!(noise[0] < -10.0 && noise[3] < -30.0, "{noise:?}");
        assert!(noise.windows(2).all(|pair| pair[1] < pair[0]), "{noise:?}");
    }

    #[test]
    #[allow(clippy::unusual_byte_groupings, reason = "grouped as the codes lie in the bytes")]
    fn both_orders_hold_the_same_codes() {
        let decoded = |order, bytes: [u8; 3]| {
            let mut samples = Vec::new();
            G726::new(G726Rate::Kbit24, order).decode(&bytes, &mut samples);
            samples
        };
        // The codes 1 to 7 and 0, packed from either end.
        let least = decoded(BitOrder::LeastFirst, [0b1101_0001, 0b0101_1000, 0b0001_1111]);
        let most = decoded(BitOrder::MostFirst, [0b0010_1001, 0b1100_1011, 0b1011_1000]);
        assert_eq!((least.len(), &least), (8, &most));
    }
}
