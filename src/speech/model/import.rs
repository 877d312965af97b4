//! Turns whatever holds weights into a checked ggml file of the wanted form. Always the same bytes for the same input.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::archive::{self, Contents};
use super::error::ModelError;
use super::fault::Fault;
use super::ggml::{self, GgmlFile};
use super::ggml_write::{HashingWriter, write_vad, write_whisper};
use super::layout::Format;
use super::manifest::ModelKind;
use super::silero::SileroWeights;
use super::step::{Report, Step};
use super::whisper::WhisperWeights;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) kind: ModelKind,
    pub(super) format: Format,
    pub(super) sha256: String,
    pub(super) size_bytes: u64,
}

/// Makes the file `output` of what `input` holds, in `format` or else in the form in which its kind is kept.
pub(super) fn convert(
    input: &Path,
    format: Option<Format>,
    output: &Path,
    report: &mut Report<'_>,
) -> Result<Product, ModelError> {
    let contents = archive::open(input)?;
    let mut out = HashingWriter::new(BufWriter::with_capacity(1 << 20, fs::File::create(output)?));
    let mut progress = |done, total| report(Step::Converting { done, total });
    let wanted = format.unwrap_or(Format::Q8_0);
    let (kind, format) = match contents {
        Contents::Whisper(export) => {
            let weights = WhisperWeights::read(&export).map_err(ModelError::invalid(input))?;
            // The bytes live on in the weights; this handle would only look like a second copy.
            drop(export);
            write_whisper(&mut out, &weights.head, wanted, &mut |spec| weights.values(spec), &mut progress)
                .map_err(ModelError::invalid(input))?;
            (ModelKind::Whisper, wanted)
        }
        Contents::Silero(bytes) => {
            let weights = SileroWeights::read(&bytes).map_err(ModelError::invalid(input))?;
            write_vad(&mut out, &mut |spec| weights.values(spec)).map_err(ModelError::invalid(input))?;
            (ModelKind::Vad, Format::F16)
        }
        Contents::Ggml(path) => {
            let mut file = GgmlFile::open(&path)?;
            let kind = file.kind();
            let wanted = if kind == ModelKind::Vad { Format::F16 } else { wanted };
            if file.format == wanted {
                copy(&path, &mut out, &mut progress)?;
            } else {
                requantise(&mut file, wanted, &mut out, &mut progress).map_err(ModelError::invalid(input))?;
            }
            (kind, wanted)
        }
    };
    let (mut writer, sha256, size_bytes) = out.finish();
    writer.flush()?;
    writer.get_ref().sync_all()?;
    // OK to read back: it is cheap, and what is kept has then passed the check that every use makes.
    let found = ggml::inspect(output)?;
    debug_assert_eq!(found, (kind, format), "the writer wrote what it said");
    Ok(Product { kind, format, sha256, size_bytes })
}

fn requantise(
    file: &mut GgmlFile,
    wanted: Format,
    out: &mut impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Fault> {
    let cannot = Fault::Requantise { stored: file.format.name(), wanted: wanted.name() };
    let (Some(head), Format::F16) = (file.head.clone(), file.format) else { return Err(cannot) };
    write_whisper(out, &head, wanted, &mut |spec| file.values(spec), progress)
}

fn copy(path: &Path, out: &mut impl Write, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ModelError> {
    let mut file = fs::File::open(path)?;
    let total = file.metadata()?.len();
    let mut done = 0;
    each_chunk(&mut file, |chunk| {
        out.write_all(chunk)?;
        done += chunk.len() as u64;
        progress(done, total);
        Ok(())
    })?;
    Ok(())
}

/// The digest of a file, in hex.
pub(super) fn digest(path: &Path) -> Result<String, ModelError> {
    let mut hash = Sha256::new();
    each_chunk(&mut fs::File::open(path)?, |chunk| {
        hash.update(chunk);
        Ok(())
    })?;
    Ok(hex::encode(hash.finalize()))
}

/// Calls `visit` with all bytes of `reader` in turn.
pub(super) fn each_chunk(
    reader: &mut impl io::Read,
    mut visit: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        visit(buffer.get(..length).unwrap_or_default())?;
    }
}
