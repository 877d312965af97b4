//! AMR-NB and AMR-WB as 3GPP TS 26.101/26.201 and RFC 4867 store them: a byte that says what follows, then the bits
//! of 20 ms of speech, of comfort noise or of nothing.

use codec_core::codecs::amr::AmrCodec;
use codec_core::types::{CodecConfig, CodecType, CodedFrame, FrameKind, VariableRateCodec as _};

use super::FrameDecoder;

/// Bytes after the first, by frame type.
const NARROW_LENS: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0];
const WIDE_LENS: [usize; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];

const NO_DATA: u8 = 15;

pub(super) struct Amr {
    codec: Option<AmrCodec>,
    /// The last mode of speech, which a lost frame is made up in.
    mode: u8,
    lens: &'static [usize; 16],
    /// The frame type of comfort noise; those below are speech.
    sid: u8,
    num_samples: usize,
}

impl Amr {
    pub(super) fn narrow() -> Self {
        Self::new(CodecType::AmrNb, &NARROW_LENS, 8, 160)
    }

    pub(super) fn wide() -> Self {
        Self::new(CodecType::AmrWb, &WIDE_LENS, 9, 320)
    }

    fn new(codec: CodecType, lens: &'static [usize; 16], sid: u8, num_samples: usize) -> Self {
        let mut config = CodecConfig::new(codec).with_channels(1);
        config.parameters.amr.octet_align = true;
        Self { codec: AmrCodec::new(&config).ok(), mode: 0, lens, sid, num_samples }
    }

    fn decoded(&mut self, frame: &[u8]) -> Option<Vec<i16>> {
        let (first, data) = frame.split_first()?;
        let frame_type = (first >> 3) & 0x0f;
        let is_whole = data.len() == self.lens.get(usize::from(frame_type)).copied()?;
        let kind = match frame_type {
            speech if speech < self.sid => {
                self.mode = speech;
                FrameKind::Speech
            }
            sid if sid == self.sid => FrameKind::ComfortNoise,
            NO_DATA => FrameKind::NoData,
            // Lost, another system's comfort noise, or reserved.
            _ => FrameKind::Lost,
        };
        let kind = if is_whole { kind } else { FrameKind::Lost };
        let data = if kind == FrameKind::Lost { Vec::new() } else { data.to_vec() };
        let quality_ok = first & 0b100 != 0;
        let coded = CodedFrame { kind, mode: self.mode, quality_ok, data };
        let samples = self.codec.as_mut()?.decode_frame(&coded).ok()?;
        (samples.len() == self.num_samples && kind != FrameKind::Lost).then_some(samples)
    }
}

impl FrameDecoder for Amr {
    fn frame_len(&self, first: u8) -> usize {
        1 + self.lens.get(usize::from((first >> 3) & 0x0f)).copied().unwrap_or(0)
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        let decoded = self.decoded(frame);
        let is_good = decoded.is_some();
        samples.extend(decoded.unwrap_or_else(|| vec![0; self.num_samples]));
        is_good
    }
}

impl std::fmt::Debug for Amr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Amr").field("num_samples", &self.num_samples).finish_non_exhaustive()
    }
}
