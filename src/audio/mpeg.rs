//! Finds MPEG audio (MP1/2/3) and ADTS (AAC) frames, which have no signature but a chain of headers that fit.
//!
//! **Invariant**: three headers in a row have to agree, so that random bytes and other codecs' frames do not pass.

/// What a chain of frames is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// MPEG audio, layers 1 to 3.
    Mpeg,
    /// AAC in ADTS frames.
    Adts,
}

/// Headers that have to follow each other.
const MIN_CHAIN: usize = 3;

/// One header: what must stay the same from frame to frame, and the length of this frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    kind: FrameKind,
    /// Version, layer and sample rate.
    same: u32,
    len: usize,
}

/// Bit rates in kbit/s, by index, for MPEG-1 layers 1 to 3 and MPEG-2 layers 1, then 2 and 3.
const BIT_RATES: [[u32; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

fn header(bytes: &[u8]) -> Option<Header> {
    let word = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    if word >> 21 != 0x7ff {
        return None;
    }
    if (word >> 17) & 0b11 == 0 {
        return adts_header(bytes, word);
    }
    let (version, layer) = ((word >> 19) & 0b11, (word >> 17) & 0b11);
    let (bit_rate_index, rate_index) = ((word >> 12) & 0xf, (word >> 10) & 0b11);
    if version == 1 || !(1..15).contains(&bit_rate_index) || rate_index == 3 {
        return None;
    }
    let is_version_1 = version == 3;
    let table = match (is_version_1, layer) {
        (true, 3) => 0,
        (true, 2) => 1,
        (true, _) => 2,
        (false, 3) => 3,
        (false, _) => 4,
    };
    let bit_rate = BIT_RATES[table][bit_rate_index as usize] * 1000;
    let base_rate = [44_100, 48_000, 32_000][rate_index as usize];
    let rate = match version {
        3 => base_rate,
        2 => base_rate / 2,
        _ => base_rate / 4,
    };
    let padding = (word >> 9) & 1;
    let len = match (layer, is_version_1) {
        (3, _) => (12 * bit_rate / rate + padding) * 4,
        (1, false) => 72 * bit_rate / rate + padding,
        _ => 144 * bit_rate / rate + padding,
    };
    Some(Header { kind: FrameKind::Mpeg, same: word & 0x001e_0c00, len: len as usize })
}

fn adts_header(bytes: &[u8], word: u32) -> Option<Header> {
    let rate_index = (word >> 10) & 0xf;
    // The twelfth sync bit; layer is 0 already.
    if (word >> 20) & 1 == 0 || rate_index > 12 {
        return None;
    }
    let [b3, b4, b5] = *bytes.get(3..6)? else { return None };
    let len = (usize::from(b3 & 0b11) << 11) | (usize::from(b4) << 3) | usize::from(b5 >> 5);
    (len > 7).then_some(Header { kind: FrameKind::Adts, same: word & 0x001e_fc00, len })
}

/// Where the first chain of frames in `bytes` begins. `at_end` says that the file ends where `bytes` end: then fewer
/// frames are enough, when they end exactly there.
pub(super) fn find_chain(bytes: &[u8], at_end: bool) -> Option<(usize, FrameKind)> {
    for start in 0..bytes.len().saturating_sub(4) {
        if bytes[start] != 0xff {
            continue;
        }
        let Some(first) = bytes.get(start..).and_then(header) else { continue };
        let mut at = start + first.len;
        let mut num_frames = 1;
        while num_frames < MIN_CHAIN {
            match bytes.get(at..).and_then(header) {
                Some(next) if (next.kind, next.same) == (first.kind, first.same) => at += next.len,
                _ => break,
            }
            num_frames += 1;
        }
        let ends_with_file = at_end && at == bytes.len() && num_frames == 2;
        if num_frames == MIN_CHAIN || ends_with_file {
            return Some((start, first.kind));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An MPEG-2 layer 3 frame of 64 kbit/s at 16 kHz: 288 bytes.
    fn frame() -> Vec<u8> {
        let mut frame = vec![0xff, 0xf3, 0x88, 0xc4];
        frame.resize(288, 0x55);
        frame
    }

    #[test]
    fn three_frames_after_junk_are_found() {
        let mut bytes = vec![0xff, 0xfb, 0x90, 0x00, 1, 2, 3];
        let start = bytes.len();
        bytes.extend([frame(), frame(), frame()].concat());
        assert_eq!(find_chain(&bytes, false), Some((start, FrameKind::Mpeg)));
        assert_eq!(find_chain(&bytes[..start + 288 * 2], false), None);
        assert_eq!(find_chain(&bytes[..start + 288 * 2], true), Some((start, FrameKind::Mpeg)));
        assert_eq!(find_chain(&bytes[..start + 288], true), None);
    }

    #[test]
    fn adts_frames_are_told_from_mpeg_frames() {
        // 16 kHz, mono, 20 bytes a frame.
        let mut frame = vec![0xff, 0xf1, 0x60, 0x40, 0x02, 0x9f, 0xfc];
        frame.resize(20, 0);
        assert_eq!(find_chain(&frame.repeat(4), false), Some((0, FrameKind::Adts)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn random_bytes_hold_no_chain(seed: [u8; 32]) {
            let mut bytes = Vec::new();
            let mut state = u64::from_le_bytes(seed[..8].try_into().expect("eight bytes")) | 1;
            for _ in 0..20_000 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                bytes.push((state >> 32) as u8);
            }
            prop_assert_eq!(find_chain(&bytes, true), None);
        }
    }
}
