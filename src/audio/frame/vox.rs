//! Dialogic ADPCM ("VOX", also OKI): 4 bits a sample, the first in the high half of a byte. By the Dialogic
//! application note 00-1366-001.

use super::FrameDecoder;

const STEPS: [i32; 49] = [
    16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143, 157,
    173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060,
    1166, 1282, 1411, 1552,
];

/// How far each magnitude moves in the table of steps.
const MOVES: [isize; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];

#[derive(Debug, Default)]
pub(super) struct Vox {
    /// The last sample, 12 bits.
    sample: i32,
    step_index: usize,
}

impl Vox {
    fn next(&mut self, code: u8) -> i16 {
        let step = STEPS.get(self.step_index).copied().unwrap_or(1552);
        // Rounded once: no step of the decoder leaks, so that every other rounding would add up.
        let difference = ((i32::from(code & 7) * 2 + 1) * step) >> 3;
        let signed = if code & 8 == 0 { difference } else { -difference };
        self.sample = (self.sample + signed).clamp(-2048, 2047);
        let moved = MOVES.get(usize::from(code & 7)).copied().unwrap_or(0);
        self.step_index = self.step_index.saturating_add_signed(moved).min(STEPS.len() - 1);
        // 12 bits in the top of 16.
        (self.sample << 4) as i16
    }
}

impl FrameDecoder for Vox {
    fn frame_len(&self, _first: u8) -> usize {
        1
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        for byte in frame {
            samples.push(self.next(byte >> 4));
            samples.push(self.next(byte & 0x0f));
        }
        true
    }
}
