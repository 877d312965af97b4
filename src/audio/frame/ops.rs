//! The saturating 16-bit operations in which the standards for speech codecs are written.

pub(super) fn saturate(value: i32) -> i16 {
    // Fits, because it is clamped.
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

pub(super) fn add(a: i16, b: i16) -> i16 {
    a.saturating_add(b)
}

pub(super) fn sub(a: i16, b: i16) -> i16 {
    a.saturating_sub(b)
}

/// The rounded product of two fractions of 15 bits.
pub(super) fn mult_r(a: i16, b: i16) -> i16 {
    saturate((i32::from(a) * i32::from(b) + 16_384) >> 15)
}

/// Reads fields of a few bits.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    least_first: bool,
}

impl<'a> Bits<'a> {
    /// The first bit is the highest of the first byte.
    pub(super) fn most_first(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, least_first: false }
    }

    /// The first bit is the lowest of the first byte, and the lowest of its field.
    pub(super) fn least_first(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, least_first: true }
    }

    /// The next `count` bits; zeros after the end.
    pub(super) fn take(&mut self, count: u32) -> i16 {
        let mut value = 0i16;
        for index in 0..count {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            let place = self.at % 8;
            let bit = i16::from((byte >> if self.least_first { place } else { 7 - place }) & 1);
            value = if self.least_first { value | (bit << index) } else { (value << 1) | bit };
            self.at += 1;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_round_and_saturate() {
        assert_eq!(mult_r(i16::MIN, i16::MIN), i16::MAX);
        assert_eq!(mult_r(16_384, 3), 2);
        assert_eq!(mult_r(-16_384, 3), -1);
    }

    #[test]
    fn bits_come_in_both_orders() {
        let mut most = Bits::most_first(&[0b1010_0110, 0xff]);
        assert_eq!(
            [most.take(3), most.take(5), most.take(4), most.take(9)],
            [0b101, 0b00110, 15, 0b1_1110_0000]
        );
        let mut least = Bits::least_first(&[0b1010_0110, 0x01]);
        assert_eq!([least.take(3), least.take(6)], [0b110, 0b11_0100]);
    }
}
