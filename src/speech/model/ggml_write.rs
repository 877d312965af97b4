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
    BLOCK_BYTES, BLOCK_VALUES, FTYPE_F16, FTYPE_Q8_0, MAGIC, MEL_FREQUENCIES, QUANTISATION_VERSION_FACTOR,
    TYPE_F16, TYPE_F32, VAD_NAME, VAD_WINDOW, WhisperHead, tensor_bytes, type_of,
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
    if kind == TYPE_F32 {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        return values.iter().all(|value| value.is_finite()).then_some(bytes);
    }
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(values);
    if kind == TYPE_F16 {
        return encode_halves(halves.reinterpret_cast());
    }
    let mut rounded = vec![0.0; values.len()];
    halves.convert_to_f32_slice(&mut rounded);
    let (blocks, rest) = rounded.as_chunks::<{ BLOCK_VALUES as usize }>();
    debug_assert!(rest.is_empty(), "every matrix has rows of a multiple of 32");
    let mut bytes = Vec::with_capacity(blocks.len() * BLOCK_BYTES as usize);
    for block in blocks {
        bytes.extend_from_slice(&q8::quantise(block)?);
    }
    Some(bytes)
}

/// The bytes of f16 values, which are given as their bits.
fn encode_halves(halves: &[u16]) -> Option<Vec<u8>> {
    /// All ones here means infinity or not a number.
    const EXPONENT: u16 = 0x7c00;
    let mut bytes = vec![0; halves.len() * 2];
    let (pairs, _) = bytes.as_chunks_mut::<2>();
    let mut is_finite = true;
    for (pair, half) in pairs.iter_mut().zip(halves) {
        is_finite &= half & EXPONENT != EXPONENT;
        *pair = half.to_le_bytes();
    }
    is_finite.then_some(bytes)
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

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::ggml::{GgmlFile, inspect};
    use super::super::layout::WhisperShape;
    use super::super::manifest::ModelKind;
    use super::*;

    /// A detector whose weights are all `value`.
    pub(in super::super) fn vad(value: f32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut read =
            |spec: &TensorSpec| Ok(vec![value; usize::try_from(spec.num_values()).expect("it is small")]);
        write_vad(&mut bytes, &mut read).expect("it is written");
        bytes
    }

    /// The smallest model that whisper.cpp would load, with weights from −1 to 1.
    fn whisper(format: Format) -> Vec<u8> {
        let shape = WhisperShape {
            num_tokens: 51865,
            audio_ctx: 1500,
            state: 64,
            audio_heads: 1,
            audio_layers: 4,
            text_ctx: 448,
            text_heads: 1,
            text_layers: 1,
            num_mels: 80,
        };
        let tokens = (0..50_257_u32).map(|i| i.to_le_bytes().to_vec()).collect();
        let head = WhisperHead { shape, mel_filters: vec![0.5; 80 * 201], tokens };
        let values =
            |spec: &TensorSpec| (0..spec.num_values()).map(|i| ((i % 201) as f32 - 100.0) / 100.0).collect();
        let mut bytes = Vec::new();
        write_whisper(&mut bytes, &head, format, &mut |spec| Ok(values(spec)), &mut |_, _| {})
            .expect("it is written");
        bytes
    }

    fn inspect_bytes(bytes: &[u8]) -> Result<(ModelKind, Format), super::super::ModelError> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("it is written");
        inspect(file.path())
    }

    #[test]
    fn what_is_written_passes_the_check() {
        let bytes = vad(0.25);
        assert_eq!(bytes.len(), 885_098, "as the published file");
        assert_eq!(inspect_bytes(&bytes).expect("it is sound"), (ModelKind::Vad, Format::F16));
        let bytes = whisper(Format::Q8_0);
        assert_eq!(inspect_bytes(&bytes).expect("it is sound"), (ModelKind::Whisper, Format::Q8_0));
        assert_eq!(bytes[44..48], 2007_i32.to_le_bytes(), "as whisper.cpp's own quantize writes it");
    }

    #[test]
    fn an_f16_file_becomes_the_same_q8_0_file_as_its_source_does() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (input, output) = (dir.path().join("f16.bin"), dir.path().join("q8_0.bin"));
        fs_err::write(&input, whisper(Format::F16)).expect("it is written");
        let convert = |input: &Path, format, output: &Path| {
            super::super::import::convert(input, Some(format), output, &mut |_| {})
        };
        let product = convert(&input, Format::Q8_0, &output).expect("it converts");
        let bytes = fs_err::read(&output).expect("it is there");
        assert!(bytes == whisper(Format::Q8_0), "the bytes differ");
        assert_eq!(product.sha256, hex::encode(Sha256::digest(&bytes)));
        assert_eq!(product.size_bytes, bytes.len() as u64);
        let back = convert(&output, Format::F16, &dir.path().join("back.bin"));
        assert!(back.is_err(), "what rounding took cannot be brought back");
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&vad(0.25)).expect("it is written");
        let mut file = GgmlFile::open(file.path()).expect("it is sound");
        for spec in vad_tensors() {
            let values = file.values(&spec).expect("it is there");
            assert!(values.len() as u64 == spec.num_values() && values.iter().all(|&value| value == 0.25));
        }
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        for kind in [TYPE_F32, TYPE_F16, super::super::ggml::TYPE_Q8_0] {
            assert!(encode(&[0.5; 32], kind).is_some());
            let mut values = [0.5; 32];
            values[31] = f32::NAN;
            assert_eq!(encode(&values, kind), None);
        }
        assert_eq!(encode(&[70_000.0], TYPE_F16), None, "f16 ends at 65,504");
    }

    #[test]
    fn a_file_with_something_missing_or_more_is_refused() {
        let bytes = vad(0.0);
        for length in [0, 3, 4, 17, 100, 5000, bytes.len() - 1] {
            assert!(inspect_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
        let more = [&bytes[..], b"x"].concat();
        assert!(inspect_bytes(&more).is_err());
        let twice = [&bytes[..], &bytes[90..]].concat();
        assert!(inspect_bytes(&twice).is_err());
        let whisper = whisper(Format::F16);
        for length in [47, 48, 60, 70_000, 200_000, whisper.len() - 1] {
            assert!(inspect_bytes(&whisper[..length]).is_err(), "{length} bytes");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_damaged_head_never_panics(at in 0_usize..300, to in any::<[u8; 4]>()) {
            let mut bytes = vad(0.0);
            let is_changed = bytes[at..at + 4] != to;
            bytes[at..at + 4].copy_from_slice(&to);
            let result = inspect_bytes(&bytes);
            // The head ends at 106; in it, only the version (18 to 30) may be anything.
            if is_changed && (at < 15 || (30..=102).contains(&at)) {
                prop_assert!(result.is_err());
            }
        }

        #[test]
        fn random_whisper_heads_never_panic(fields in proptest::array::uniform12(any::<i32>())) {
            let mut bytes = MAGIC.to_le_bytes().to_vec();
            bytes.extend(51_865_i32.to_le_bytes());
            bytes.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
            prop_assert!(inspect_bytes(&bytes).is_err());
        }
    }
}
