//! ITU-T G.722 at 64 kbit/s: 8 bits for two samples at 16 kHz.

use audio_codec::Decoder as _;
use audio_codec::g722::G722Decoder;

use super::FrameDecoder;

pub(super) struct G722(G722Decoder);

impl G722 {
    pub(super) fn new() -> Self {
        Self(G722Decoder::new())
    }
}

impl FrameDecoder for G722 {
    fn frame_len(&self, _first: u8) -> usize {
        1
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        for byte in frame {
            let mut pair = [0; 2];
            // Room for both samples of a byte is all it asks for.
            let is_done = self.0.decode_into(&[*byte], &mut pair).is_ok();
            samples.extend(pair);
            if !is_done {
                return false;
            }
        }
        true
    }
}

impl std::fmt::Debug for G722 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("G722").finish_non_exhaustive()
    }
}
