//! Reads ggml files of Whisper and of the voice-activity detector, and checks them before whisper.cpp sees them.
//!
//! whisper.cpp sizes its buffers by what the file says and aborts the process on a surprise. So nothing is handed out
//! before every header field, token and tensor was found to be exactly what such a model has.

use std::collections::HashMap;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use fs_err as fs;
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::error::ModelError;
use super::fault::Fault;
use super::layout::{
    Format, Storage, TensorSpec, VAD_CONVOLUTIONS, VAD_HIDDEN, VAD_KERNEL, WhisperShape, vad_tensors,
};
use super::manifest::ModelKind;

/// The first four bytes, read as a little-endian number.
pub(super) const MAGIC: u32 = 0x6767_6d6c;
/// ggml's numbers for the types of tensors.
pub(super) const TYPE_F32: i32 = 0;
pub(super) const TYPE_F16: i32 = 1;
pub(super) const TYPE_Q8_0: i32 = 8;
/// ggml's numbers for how most of a file is stored; quantised files add the version in thousands.
pub(super) const FTYPE_F16: i32 = 1;
pub(super) const FTYPE_Q8_0: i32 = 7;
pub(super) const QUANTISATION_VERSION_FACTOR: i32 = 1000;
/// Values of one q8_0 block, and its bytes: an f16 scale and the values.
pub(super) const BLOCK_VALUES: u64 = 32;
pub(super) const BLOCK_BYTES: u64 = 34;
/// Frequencies of a spectrum column: half of 400 samples and one.
pub(super) const MEL_FREQUENCIES: u64 = 201;
/// What the file of the detector calls itself.
pub(super) const VAD_NAME: &[u8] = b"silero-16k";
/// Samples of one window of the detector, and of the stretch before it that it sees again.
pub(super) const VAD_WINDOW: [i32; 2] = [512, 64];

/// Longest token of a vocabulary; the longest real one has 128 bytes.
const MAX_TOKEN_BYTES: u32 = 256;

/// What precedes the tensors of a Whisper file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WhisperHead {
    pub(super) shape: WhisperShape,
    /// `num_mels` rows of 201.
    pub(super) mel_filters: Vec<f32>,
    /// The text tokens, in order.
    pub(super) tokens: Vec<Vec<u8>>,
}

/// A checked file, open for reading its tensors.
#[derive(Debug)]
pub(super) struct GgmlFile {
    reader: BufReader<fs::File>,
    tensors: HashMap<String, (u64, i32)>,
    pub(super) format: Format,
    pub(super) head: Option<WhisperHead>,
}

impl GgmlFile {
    pub(super) fn kind(&self) -> ModelKind {
        if self.head.is_some() { ModelKind::Whisper } else { ModelKind::Vad }
    }

    /// Opens `path` and checks all of its structure.
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
        let file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        Self::read(BufReader::with_capacity(1 << 16, file), length).map_err(ModelError::invalid(path))
    }

    fn read(mut reader: BufReader<fs::File>, length: u64) -> Result<Self, Fault> {
        let magic = read_u32(&mut reader)?;
        if magic != MAGIC {
            return Err(Fault::UnknownKind);
        }
        let first = read_i32(&mut reader)?;
        if usize::try_from(first) == Ok(VAD_NAME.len()) {
            read_vad_head(&mut reader)?;
            let tensors = read_tensors(&mut reader, length, vad_tensors(), Format::F16)?;
            return Ok(Self { reader, tensors, format: Format::F16, head: None });
        }
        let (head, format) = read_whisper_head(&mut reader, first)?;
        let tensors = read_tensors(&mut reader, length, head.shape.tensors(), format)?;
        Ok(Self { reader, tensors, format, head: Some(head) })
    }

    /// The values of a tensor that is not quantised.
    pub(super) fn values(&mut self, spec: &TensorSpec) -> Result<Vec<f32>, Fault> {
        let missing = || Fault::MissingTensor { name: spec.name.clone() };
        let &(offset, kind) = self.tensors.get(&spec.name).ok_or_else(missing)?;
        self.reader.seek(SeekFrom::Start(offset))?;
        let num_values = usize::try_from(spec.num_values()).map_err(|_| Fault::Truncated)?;
        match kind {
            TYPE_F32 => {
                let bytes = read_bytes(&mut self.reader, num_values * 4)?;
                let (quads, _) = bytes.as_chunks::<4>();
                Ok(quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect())
            }
            TYPE_F16 => {
                let bytes = read_bytes(&mut self.reader, num_values * 2)?;
                let (pairs, _) = bytes.as_chunks::<2>();
                let halves: Vec<f16> = pairs.iter().map(|pair| f16::from_le_bytes(*pair)).collect();
                let mut values = vec![0.0; num_values];
                halves.convert_to_f32_slice(&mut values);
                Ok(values)
            }
            kind => Err(Fault::ElementType { name: spec.name.clone(), kind }),
        }
    }
}

/// Checks the structure of the file at `path`; cheap, because it skips the weights themselves.
pub(super) fn inspect(path: &Path) -> Result<(ModelKind, Format), ModelError> {
    GgmlFile::open(path).map(|file| (file.kind(), file.format))
}

fn read_whisper_head(reader: &mut impl Read, num_tokens: i32) -> Result<(WhisperHead, Format), Fault> {
    let mut field = |field: &'static str, allowed: &dyn Fn(i32) -> bool| {
        let value = read_i32(reader)?;
        if allowed(value) { Ok(value) } else { Err(Fault::Header { field, value: value.into() }) }
    };
    // The range holds English-only, multilingual, and large-v3.
    if !(51864..=51866).contains(&num_tokens) {
        return Err(Fault::Header { field: "n_vocab", value: num_tokens.into() });
    }
    // Every published Whisper model has heads 64 wide, and only these depths; whisper.cpp aborts on others.
    let is_state = |value: i32| value > 0 && value <= 1280 && value % 64 == 0;
    let audio_ctx = field("n_audio_ctx", &|value| value == 1500)?;
    let state = field("n_audio_state", &is_state)?;
    let audio_heads = field("n_audio_head", &|value| value == state / 64)?;
    let audio_layers = field("n_audio_layer", &|value| [4, 6, 12, 24, 32].contains(&value))?;
    let text_ctx = field("n_text_ctx", &|value| value == 448)?;
    field("n_text_state", &|value| value == state)?;
    let text_heads = field("n_text_head", &|value| value == state / 64)?;
    let text_layers = field("n_text_layer", &|value| (1..=32).contains(&value))?;
    let num_mels = field("n_mels", &|value| value == 80 || value == 128)?;
    let is_ftype = |value: i32| [FTYPE_F16, FTYPE_Q8_0].contains(&(value % QUANTISATION_VERSION_FACTOR));
    let ftype = field("ftype", &|value| value > 0 && is_ftype(value))?;
    field("filters.n_mel", &|value| value == num_mels)?;
    field("filters.n_fft", &|value| i64::from(value) == MEL_FREQUENCIES as i64)?;
    let format = if ftype % QUANTISATION_VERSION_FACTOR == FTYPE_F16 { Format::F16 } else { Format::Q8_0 };

    let shape = WhisperShape {
        num_tokens: num_tokens.unsigned_abs().into(),
        audio_ctx: audio_ctx.unsigned_abs().into(),
        state: state.unsigned_abs().into(),
        audio_heads: audio_heads.unsigned_abs().into(),
        audio_layers: audio_layers.unsigned_abs().into(),
        text_ctx: text_ctx.unsigned_abs().into(),
        text_heads: text_heads.unsigned_abs().into(),
        text_layers: text_layers.unsigned_abs().into(),
        num_mels: num_mels.unsigned_abs().into(),
    };
    let mut mel_filters = Vec::new();
    for _ in 0..shape.num_mels * MEL_FREQUENCIES {
        mel_filters.push(f32::from_le_bytes(read_array(reader)?));
    }
    if !mel_filters.iter().all(|value| value.is_finite()) {
        return Err(Fault::NotFinite { name: "mel filters".to_owned() });
    }
    let count = read_i32(reader)?;
    if !(50256..=50257).contains(&count) {
        return Err(Fault::Header { field: "vocabulary size", value: count.into() });
    }
    let mut tokens = Vec::new();
    for _ in 0..count {
        let length = read_u32(reader)?;
        if length > MAX_TOKEN_BYTES {
            return Err(Fault::TooBig {
                what: "the length of a token",
                limit: MAX_TOKEN_BYTES.into(),
                actual: length.into(),
            });
        }
        tokens.push(read_bytes(reader, length as usize)?);
    }
    Ok((WhisperHead { shape, mel_filters, tokens }, format))
}

fn read_vad_head(reader: &mut impl Read) -> Result<(), Fault> {
    if read_bytes(reader, VAD_NAME.len())? != VAD_NAME {
        return Err(Fault::UnknownKind);
    }
    for _version_part in 0..3 {
        read_i32(reader)?;
    }
    let convolutions = VAD_CONVOLUTIONS.iter().flat_map(|&(from, to)| [from, to, VAD_KERNEL]);
    let expected = VAD_WINDOW.map(i64::from).into_iter().chain([VAD_CONVOLUTIONS.len() as i64]);
    let expected = expected.chain(convolutions.map(|value| value as i64));
    let expected = expected.chain([VAD_HIDDEN as i64, VAD_HIDDEN as i64, VAD_HIDDEN as i64, 1]);
    for wanted in expected {
        let value = read_i32(reader)?;
        if i64::from(value) != wanted {
            return Err(Fault::Header { field: "of the voice-activity detector", value: value.into() });
        }
    }
    Ok(())
}

/// Walks over all tensors; gives offset and type of each.
fn read_tensors(
    reader: &mut BufReader<fs::File>,
    length: u64,
    specs: Vec<TensorSpec>,
    format: Format,
) -> Result<HashMap<String, (u64, i32)>, Fault> {
    let mut wanted: HashMap<String, TensorSpec> =
        specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
    let mut found = HashMap::new();
    let mut position = reader.stream_position()?;
    while position < length {
        let num_dims = read_u32(reader)?;
        let name_length = read_u32(reader)?;
        let kind = read_i32(reader)?;
        if num_dims > 4 || name_length > 128 {
            return Err(Fault::Header { field: "of a tensor", value: num_dims.max(name_length).into() });
        }
        let mut dims = Vec::new();
        for _ in 0..num_dims {
            dims.push(u64::from(read_u32(reader)?));
        }
        let name = String::from_utf8_lossy(&read_bytes(reader, name_length as usize)?).into_owned();
        let Some(spec) = wanted.remove(&name) else { return Err(Fault::UnexpectedTensor { name }) };
        // Dimensions of 1 at the end say nothing; converters differ in them.
        let essential = |dims: &[u64]| {
            let len = dims.iter().rposition(|&dim| dim != 1).map_or(0, |last| last + 1);
            dims.iter().take(len).copied().collect::<Vec<_>>()
        };
        if essential(&dims) != essential(&spec.dims) {
            return Err(Fault::Shape { name, expected: spec.dims, actual: dims });
        }
        if kind != type_of(spec.storage, format) {
            return Err(Fault::ElementType { name, kind });
        }
        let offset = position + 12 + 4 * u64::from(num_dims) + u64::from(name_length);
        let size = tensor_bytes(&spec, format);
        position = offset.checked_add(size).filter(|&end| end <= length).ok_or(Fault::Truncated)?;
        reader.seek_relative(i64::try_from(size).map_err(|_| Fault::Truncated)?)?;
        found.insert(name, (offset, kind));
    }
    match wanted.into_keys().min() {
        Some(name) => Err(Fault::MissingTensor { name }),
        None => Ok(found),
    }
}

/// ggml's number for the type in which a tensor is stored.
pub(super) fn type_of(storage: Storage, format: Format) -> i32 {
    match (storage, format) {
        (Storage::Full, _) => TYPE_F32,
        (Storage::Half, _) | (Storage::Matrix, Format::F16) => TYPE_F16,
        (Storage::Matrix, Format::Q8_0) => TYPE_Q8_0,
    }
}

/// Length of the values of a tensor in the file.
pub(super) fn tensor_bytes(spec: &TensorSpec, format: Format) -> u64 {
    match type_of(spec.storage, format) {
        TYPE_F32 => spec.num_values() * 4,
        TYPE_F16 => spec.num_values() * 2,
        _ => spec.num_values() / BLOCK_VALUES * BLOCK_BYTES,
    }
}

fn read_array<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(early_end)?;
    Ok(bytes)
}

fn read_u32(reader: &mut impl Read) -> Result<u32, Fault> {
    Ok(u32::from_le_bytes(read_array(reader)?))
}

fn read_i32(reader: &mut impl Read) -> Result<i32, Fault> {
    Ok(i32::from_le_bytes(read_array(reader)?))
}

fn read_bytes(reader: &mut impl Read, length: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).map_err(early_end)?;
    Ok(bytes)
}

fn early_end(error: std::io::Error) -> Fault {
    if error.kind() == std::io::ErrorKind::UnexpectedEof { Fault::Truncated } else { Fault::Io(error) }
}
