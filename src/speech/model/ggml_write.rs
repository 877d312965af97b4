//! Writes ggml files of Whisper and of the voice-activity detector.
//!
//! The same values and form always give the same bytes. Values pass through f16 on the way to q8_0, so that it makes no
//! difference whether a q8_0 file is made from an export or from a finished f16 file.

use std::io::{self, Write};

use half::f16;
use half::slice::HalfFloatSliceExt;
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::ggml::{
    BLOCK_VALUES, FTYPE_F16, FTYPE_Q8_0, MAGIC, MEL_FREQUENCIES, QUANTISATION_VERSION_FACTOR, TYPE_F16,
    TYPE_F32, VAD_NAME, VAD_WINDOW, WhisperHead, tensor_bytes, type_of,
};
use super::layout::{Format, TensorSpec, VAD_CONVOLUTIONS, VAD_HIDDEN, VAD_KERNEL, vad_tensors};
use super::q8;

/// ggml's version of its quantised types.
const QUANTISATION_VERSION: i32 = 2;
/// Version of the detector that goes into its file.
const VAD_VERSION: [i32; 3] = [6, 0, 0];
/// Values converted at a time; a multiple of a q8_0 block.
const CHUNK_VALUES: usize = 1 << 15;

/// Gives the values of a tensor, in ggml's order.
pub(super) type ReadTensor<'a> = dyn FnMut(&TensorSpec) -> Result<Vec<f32>, Fault> + 'a;

/// Writes a Whisper file; `progress` is told bytes of weights written and to write.
pub(super) fn write_whisper(
    out: &mut impl Write,
    head: &WhisperHead,
    format: Format,
    read: &mut ReadTensor<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Fault> {
    let shape = &head.shape;
    let ftype = match format {
        Format::F16 => FTYPE_F16,
        Format::Q8_0 => QUANTISATION_VERSION * QUANTISATION_VERSION_FACTOR + FTYPE_Q8_0,
    };
    out.write_all(&MAGIC.to_le_bytes())?;
    for value in [
        shape.num_tokens,
        shape.audio_ctx,
        shape.state,
        shape.audio_heads,
        shape.audio_layers,
        shape.text_ctx,
        shape.state,
        shape.text_heads,
        shape.text_layers,
        shape.num_mels,
    ] {
        write_length(out, value)?;
    }
    out.write_all(&ftype.to_le_bytes())?;
    write_length(out, shape.num_mels)?;
    write_length(out, MEL_FREQUENCIES)?;
    for value in &head.mel_filters {
        out.write_all(&value.to_le_bytes())?;
    }
    write_length(out, head.tokens.len() as u64)?;
    for token in &head.tokens {
        write_length(out, token.len() as u64)?;
        out.write_all(token)?;
    }
    write_tensors(out, &shape.tensors(), format, read, progress)
}

/// Writes the file of the voice-activity detector.
pub(super) fn write_vad(out: &mut impl Write, read: &mut ReadTensor<'_>) -> Result<(), Fault> {
    out.write_all(&MAGIC.to_le_bytes())?;
    write_length(out, VAD_NAME.len() as u64)?;
    out.write_all(VAD_NAME)?;
    for value in VAD_VERSION.into_iter().chain(VAD_WINDOW) {
        out.write_all(&value.to_le_bytes())?;
    }
    write_length(out, VAD_CONVOLUTIONS.len() as u64)?;
    let convolutions = VAD_CONVOLUTIONS.iter().flat_map(|&(from, to)| [from, to, VAD_KERNEL]);
    for value in convolutions.chain([VAD_HIDDEN, VAD_HIDDEN, VAD_HIDDEN, 1]) {
        write_length(out, value)?;
    }
    write_tensors(out, &vad_tensors(), Format::F16, read, &mut |_, _| {})
}

fn write_tensors(
    out: &mut impl Write,
    specs: &[TensorSpec],
    format: Format,
    read: &mut ReadTensor<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Fault> {
    let total = specs.iter().map(|spec| tensor_bytes(spec, format)).sum();
    let mut done = 0;
    for spec in specs {
        progress(done, total);
        let values = read(spec)?;
        if values.len() as u64 != spec.num_values() {
            let actual = vec![values.len() as u64];
            return Err(Fault::Shape { name: spec.name.clone(), expected: spec.dims.clone(), actual });
        }
        let kind = type_of(spec.storage, format);
        write_length(out, spec.dims.len() as u64)?;
        write_length(out, spec.name.len() as u64)?;
        out.write_all(&kind.to_le_bytes())?;
        for dim in &spec.dims {
            write_length(out, *dim)?;
        }
        out.write_all(spec.name.as_bytes())?;
        for chunk in values.chunks(CHUNK_VALUES) {
            let bytes = encode(chunk, kind).ok_or_else(|| Fault::NotFinite { name: spec.name.clone() })?;
            out.write_all(&bytes)?;
        }
        done += tensor_bytes(spec, format);
    }
    progress(done, total);
    Ok(())
}

/// The bytes of `values` in ggml's type `kind`; `None` when a value is not finite in it.
fn encode(values: &[f32], kind: i32) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len() * 4);
    if kind == TYPE_F32 {
        for value in values {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        return values.iter().all(|value| value.is_finite()).then_some(bytes);
    }
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(values);
    if kind == TYPE_F16 {
        for half in &halves {
            bytes.extend_from_slice(&half.to_le_bytes());
        }
        return halves.iter().all(|half| half.is_finite()).then_some(bytes);
    }
    let mut rounded = vec![0.0; values.len()];
    halves.convert_to_f32_slice(&mut rounded);
    let (blocks, rest) = rounded.as_chunks::<{ BLOCK_VALUES as usize }>();
    debug_assert!(rest.is_empty(), "every matrix has rows of a multiple of 32");
    for block in blocks {
        q8::quantise(block, &mut bytes)?;
    }
    Some(bytes)
}

fn write_length(out: &mut impl Write, value: u64) -> Result<(), Fault> {
    let too_big = || Fault::TooBig { what: "a length", limit: i32::MAX as u64, actual: value };
    let value = i32::try_from(value).map_err(|_| too_big())?;
    out.write_all(&value.to_le_bytes())?;
    Ok(())
}

/// Passes bytes on and keeps their digest.
#[derive(Debug)]
pub(super) struct HashingWriter<W> {
    inner: W,
    hash: Sha256,
    length: u64,
}

impl<W: Write> HashingWriter<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), length: 0 }
    }

    /// What was written to, the digest in hex, and the length.
    pub(super) fn finish(self) -> (W, String, u64) {
        (self.inner, hex::encode(self.hash.finalize()), self.length)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
