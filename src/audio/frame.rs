//! Codecs of telephone systems that have no container: frames of bytes in a row, one channel. The same decoders serve
//! headerless files, WAV files and MP4 tracks.
//!
//! **Invariant**: any bytes are decoded or replaced by silence of a frame's length; none panics.

mod amr;
mod g722;
mod g726;
mod g729;
mod gsm;
mod ops;
mod vox;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufReader, Read};

use super::AudioError;
use super::decode::Frames;
use super::region::Region;
use crate::types::{BitOrder, G726Rate};

/// Turns frames into samples, one frame at a time.
pub(super) trait FrameDecoder: Send + Sync + fmt::Debug {
    /// Bytes of the frame that begins with `first`, at least one.
    fn frame_len(&self, first: u8) -> usize;

    /// Appends the samples of a frame of [`Self::frame_len`] bytes; `false` when the frame is damaged and silence
    /// stands in its place. A shorter frame at the end of a file is decoded as far as its codec can.
    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool;
}

/// A codec made of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameCodec {
    /// Dialogic (OKI) ADPCM, 4 bits a sample.
    Vox,
    /// GSM 06.10 full rate, 33 bytes a frame.
    Gsm,
    /// The same as Microsoft packs it: two frames in 65 bytes.
    GsmWav49,
    /// G.722 at 64 kbit/s.
    G722,
    G726(G726Rate, BitOrder),
    /// G.729 with Annexes A and B, 10 bytes a frame.
    G729,
    AmrNb,
    AmrWb,
}

impl FrameCodec {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Vox => "adpcm_ima_oki",
            Self::Gsm | Self::GsmWav49 => "gsm",
            Self::G722 => "g722",
            Self::G726(_, _) => "g726",
            Self::G729 => "g729",
            Self::AmrNb => "amr_nb",
            Self::AmrWb => "amr_wb",
        }
    }

    /// The only rate that the codec has, in Hz; `None` when it is up to the file.
    pub(super) fn fixed_rate_hz(self) -> Option<u32> {
        match self {
            Self::Vox | Self::G726(_, _) => None,
            Self::Gsm | Self::GsmWav49 | Self::G729 | Self::AmrNb => Some(8000),
            Self::G722 | Self::AmrWb => Some(16_000),
        }
    }

    /// Samples in `num_bytes`, when every frame has the same length.
    pub(super) fn num_samples(self, num_bytes: u64) -> Option<u64> {
        match self {
            Self::Vox | Self::G722 => Some(num_bytes.saturating_mul(2)),
            Self::Gsm => Some(num_bytes / 33 * 160),
            Self::GsmWav49 => Some(num_bytes / 65 * 320),
            Self::G726(rate, _) => Some(num_bytes.saturating_mul(8) / u64::from(rate.bits())),
            Self::G729 => Some(num_bytes / 10 * 80),
            Self::AmrNb | Self::AmrWb => None,
        }
    }

    pub(super) fn decoder(self) -> Box<dyn FrameDecoder> {
        match self {
            Self::Vox => Box::new(vox::Vox::default()),
            Self::Gsm => Box::new(gsm::Gsm::default()),
            Self::GsmWav49 => Box::new(gsm::GsmWav49::default()),
            Self::G722 => Box::new(g722::G722::new()),
            Self::G726(rate, order) => Box::new(g726::G726::new(rate, order)),
            Self::G729 => Box::new(g729::G729::new()),
            Self::AmrNb => Box::new(amr::Amr::narrow()),
            Self::AmrWb => Box::new(amr::Amr::wide()),
        }
    }
}

/// Samples decoded at a time: a quarter of a second at 16 kHz.
const SAMPLES_PER_READ: usize = 4096;

/// To a multiple of so many bytes the containers pad what they hold.
const PADDING: usize = 8;

/// Frames from a stretch of a file.
#[derive(Debug)]
pub(super) struct FrameReader {
    source: BufReader<Region>,
    decoder: Box<dyn FrameDecoder>,
    frame: Vec<u8>,
    samples: Vec<i16>,
    /// Samples still to come before the recording ends, when its header says so.
    left: Option<u64>,
    any_good: bool,
    warnings: BTreeSet<&'static str>,
}

impl FrameReader {
    /// `num_samples` is where the recording ends within its last frame.
    pub(super) fn new(source: Region, codec: FrameCodec, num_samples: Option<u64>) -> Self {
        Self {
            source: BufReader::new(source),
            decoder: codec.decoder(),
            frame: Vec::new(),
            samples: Vec::new(),
            left: num_samples,
            any_good: false,
            warnings: BTreeSet::new(),
        }
    }

    pub(super) fn warnings(&self) -> &BTreeSet<&'static str> {
        &self.warnings
    }

    /// Whether at least one frame was sound.
    pub(super) fn any_good(&self) -> bool {
        self.any_good
    }

    /// Appends the next frames; `false` at the end.
    pub(super) fn read(&mut self, frames: &mut Frames) -> Result<bool, AudioError> {
        self.samples.clear();
        while self.samples.len() < SAMPLES_PER_READ && self.next_frame()? {
            if self.decoder.decode(&self.frame, &mut self.samples) {
                self.any_good = true;
            } else {
                self.warnings.insert("audio.corrupt_packets");
            }
        }
        if let Some(left) = &mut self.left {
            // No more than a read's samples, so it fits.
            let now = (*left).min(self.samples.len() as u64);
            self.samples.truncate(now as usize);
            *left -= now;
        }
        if let Some(channel) = frames.channels.first_mut() {
            channel.extend(self.samples.iter().map(|sample| f32::from(*sample) / 32_768.0));
        }
        Ok(!self.samples.is_empty())
    }

    /// Reads a frame, shorter at the end of the file; `false` when there is none.
    fn next_frame(&mut self) -> Result<bool, AudioError> {
        self.frame.clear();
        (&mut self.source).take(1).read_to_end(&mut self.frame)?;
        let Some(first) = self.frame.first() else { return Ok(false) };
        let len = self.decoder.frame_len(*first);
        // A frame has at most 65 bytes.
        (&mut self.source).take(len as u64 - 1).read_to_end(&mut self.frame)?;
        if self.frame.len() < len {
            // Chunks are padded to as many bytes.
            if self.frame.len() < PADDING && self.frame.iter().all(|byte| *byte == 0) {
                return Ok(false);
            }
            self.warnings.insert("audio.truncated");
        }
        Ok(true)
    }
}

/// Decodes the frames that a container put into one packet; how many of them are damaged.
pub(super) fn decode_packet(
    decoder: &mut dyn FrameDecoder,
    mut bytes: &[u8],
    samples: &mut Vec<i16>,
) -> usize {
    let mut num_bad = 0;
    while let Some(first) = bytes.first() {
        let (frame, rest) = bytes.split_at(decoder.frame_len(*first).clamp(1, bytes.len()));
        num_bad += usize::from(!decoder.decode(frame, samples));
        bytes = rest;
    }
    num_bad
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) const CODECS: [FrameCodec; 15] = [
        FrameCodec::Vox,
        FrameCodec::Gsm,
        FrameCodec::GsmWav49,
        FrameCodec::G722,
        FrameCodec::G726(G726Rate::Kbit16, BitOrder::LeastFirst),
        FrameCodec::G726(G726Rate::Kbit24, BitOrder::LeastFirst),
        FrameCodec::G726(G726Rate::Kbit32, BitOrder::LeastFirst),
        FrameCodec::G726(G726Rate::Kbit40, BitOrder::LeastFirst),
        FrameCodec::G726(G726Rate::Kbit16, BitOrder::MostFirst),
        FrameCodec::G726(G726Rate::Kbit24, BitOrder::MostFirst),
        FrameCodec::G726(G726Rate::Kbit32, BitOrder::MostFirst),
        FrameCodec::G726(G726Rate::Kbit40, BitOrder::MostFirst),
        FrameCodec::G729,
        FrameCodec::AmrNb,
        FrameCodec::AmrWb,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_samples_or_silence(
            bytes in proptest::collection::vec(any::<u8>(), 0..700),
            first: u8,
            runs in 1usize..4,
        ) {
            for codec in CODECS {
                let mut decoder = codec.decoder();
                let mut samples = Vec::new();
                for _ in 0..runs {
                    let whole = [&[first], bytes.as_slice()].concat();
                    decode_packet(&mut *decoder, &whole, &mut samples);
                }
                if let Some(expected) = codec.num_samples(bytes.len() as u64 + 1) {
                    prop_assert!(samples.len() as u64 >= expected * runs as u64, "{codec:?}");
                }
            }
        }
    }
}
