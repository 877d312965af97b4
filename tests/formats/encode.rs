//! Files that neither ffmpeg nor sox writes: AMR, G.729 and HE-AAC by the encoders beside our decoders, and files with
//! the damage that recorders do.

use std::path::Path;

use codec_core::codecs::amr::AmrCodec;
use codec_core::codecs::g729::G729Codec;
use codec_core::types::{AudioCodec, CodecConfig, CodecType, FrameKind, VariableRateCodec};
use fdk_aac::enc::{AudioObjectType, BitRate, ChannelMode, Encoder, EncoderParams, Transport};

fn samples_of(source: &Path) -> (Vec<i16>, hound::WavSpec) {
    let mut reader = hound::WavReader::open(source).unwrap();
    (reader.samples::<i16>().map(Result::unwrap).collect(), reader.spec())
}

/// A file of AMR-NB at 12.2 kbit/s or AMR-WB at 23.85 kbit/s.
pub(crate) fn amr(source: &Path, to: &Path, wide: bool) {
    let (samples, _) = samples_of(source);
    let kind = if wide { CodecType::AmrWb } else { CodecType::AmrNb };
    let mut codec = AmrCodec::new(&CodecConfig::new(kind).with_channels(1)).unwrap();
    codec.set_mode(if wide { 8 } else { 7 }).unwrap();
    let mut bytes = if wide { b"#!AMR-WB\n".to_vec() } else { b"#!AMR\n".to_vec() };
    for frame in samples.chunks_exact(if wide { 320 } else { 160 }) {
        let coded = codec.encode_frame(frame).unwrap();
        assert_eq!(coded.kind, FrameKind::Speech);
        bytes.push((coded.mode << 3) | 0b100);
        bytes.extend(coded.data);
    }
    std::fs::write(to, bytes).unwrap();
}

pub(crate) fn g729(source: &Path, to: &Path) {
    let (samples, _) = samples_of(source);
    let mut codec = G729Codec::new(CodecConfig::new(CodecType::G729A).with_channels(1)).unwrap();
    let frames = samples.chunks_exact(80).flat_map(|frame| codec.encode(frame).unwrap());
    std::fs::write(to, frames.collect::<Vec<u8>>()).unwrap();
}

/// HE-AAC in ADTS frames; `two` is the second version, with parametric stereo.
pub(crate) fn he_aac(source: &Path, to: &Path, two: bool) {
    let (samples, spec) = samples_of(source);
    let params = EncoderParams {
        bit_rate: BitRate::Cbr(if two { 32_000 } else { 48_000 }),
        sample_rate: spec.sample_rate,
        transport: Transport::Adts,
        channels: if spec.channels == 1 { ChannelMode::Mono } else { ChannelMode::Stereo },
        audio_object_type: if two { AudioObjectType::Mpeg4HeAacV2 } else { AudioObjectType::Mpeg4HeAac },
    };
    let encoder = Encoder::new(params).unwrap();
    let per_frame = encoder.info().unwrap().frameLength as usize * usize::from(spec.channels);
    let (mut bytes, mut frame) = (Vec::new(), vec![0; 20_000]);
    let mut rest = samples.as_slice();
    while !rest.is_empty() {
        let done = encoder.encode(&rest[..per_frame.min(rest.len())], &mut frame).unwrap();
        bytes.extend(&frame[..done.output_size]);
        rest = &rest[done.input_consumed..];
    }
    std::fs::write(to, bytes).unwrap();
}

/// Inverts every bit.
pub(crate) fn invert(from: &Path, to: &Path) {
    let bytes: Vec<u8> = std::fs::read(from).unwrap().iter().map(|byte| !byte).collect();
    std::fs::write(to, bytes).unwrap();
}

/// A WAV file of one channel at 8 kHz around coded bytes.
pub(crate) fn wrap(from: &Path, to: &Path, tag: u16, block_align: u16) {
    let coded = std::fs::read(from).unwrap();
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0".to_vec();
    bytes.extend([tag.to_le_bytes(), [1, 0]].concat());
    bytes.extend([8000u32.to_le_bytes(), 1000u32.to_le_bytes()].concat());
    bytes.extend([block_align.to_le_bytes(), [0, 0], [0, 0]].concat());
    bytes.extend(b"data");
    bytes.extend((coded.len() as u32).to_le_bytes());
    bytes.extend(coded);
    std::fs::write(to, bytes).unwrap();
}

/// Gives the data chunk of a WAV file another size.
pub(crate) fn resize(from: &Path, to: &Path, size: u32) {
    let mut bytes = std::fs::read(from).unwrap();
    let at = bytes.windows(4).position(|name| name == b"data").unwrap() + 4;
    bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    std::fs::write(to, bytes).unwrap();
}
