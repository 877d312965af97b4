//! ITU-T G.729 with Annex A, and Annex B's silence descriptions: 10 bytes for 80 samples at 8 kHz. Streams of the
//! full-complexity coder are the same bits and decode too.

use codec_core::codecs::g729::G729Codec;
use codec_core::types::{AudioCodecExt as _, CodecConfig, CodecType};

use super::FrameDecoder;

const FRAME_LEN: usize = 10;
const SID_LEN: usize = 2;

pub(super) struct G729(Option<G729Codec>);

impl G729 {
    pub(super) fn new() -> Self {
        let config = CodecConfig::new(CodecType::G729BA).with_channels(1);
        Self(G729Codec::new(config).ok())
    }
}

impl FrameDecoder for G729 {
    fn frame_len(&self, _first: u8) -> usize {
        FRAME_LEN
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        let mut decoded = [0; G729Codec::FRAME_SAMPLES];
        // Files have whole frames; a packet of a container may end with a silence description.
        let is_whole = [FRAME_LEN, SID_LEN].contains(&frame.len());
        let is_done = is_whole
            && self.0.as_mut().is_some_and(|codec| codec.decode_to_buffer(frame, &mut decoded).is_ok());
        samples.extend(decoded);
        is_done
    }
}

impl std::fmt::Debug for G729 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("G729").finish_non_exhaustive()
    }
}
