//! Finds out what a path holds and takes the needed parts out: a ggml file, an ONNX file, a folder or a package.
//!
//! Packages are read as streams; nothing is unpacked to disk, so no name in them can lead anywhere.

use std::borrow::Cow;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;
use fs_err as fs;

use super::error::ModelError;
use super::fault::Fault;
use super::ggml::MAGIC;
use super::whisper::WhisperExport;

/// Longest ONNX file; the decoder of whisper-medium has 0.5 GB.
const MAX_ONNX_BYTES: u64 = 2 << 30;
/// Longest ONNX file of the voice-activity detector, which has 2 MB.
const MAX_DETECTOR_BYTES: u64 = 64 << 20;
/// Longest configuration file; the vocabulary has 1 MB.
const MAX_JSON_BYTES: u64 = 16 << 20;
/// Entries of a package; those in use have about 20.
const MAX_ENTRIES: usize = 10_000;
/// How deep an export may lie in a folder.
const MAX_DEPTH: usize = 6;

const CONFIG: &str = "config.json";
const VOCAB: &str = "vocab.json";
const ENCODER: &str = "onnx/encoder_model_quantized.onnx";
const DECODER: &str = "onnx/decoder_model_merged_quantized.onnx";

/// What a path holds.
#[derive(Debug)]
pub(super) enum Contents {
    /// A ggml file.
    Ggml(PathBuf),
    /// The files of a Whisper export.
    Whisper(Box<WhisperExport>),
    /// The ONNX file of the voice-activity detector.
    Silero(Bytes),
}

/// Looks into `path`.
pub(super) fn open(path: &Path) -> Result<Contents, ModelError> {
    if fs::metadata(path)?.is_dir() {
        let export = find_export(path, 0)?.ok_or(Fault::UnknownKind);
        let export = export.and_then(|dir| read_export(&dir)).map_err(ModelError::invalid(path))?;
        return Ok(Contents::Whisper(Box::new(export)));
    }
    let mut file = fs::File::open(path)?;
    let mut magic = [0; 4];
    let is_long_enough = match file.read_exact(&mut magic) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error.into()),
    };
    drop(file);
    let contents = match magic {
        _ if !is_long_enough => Err(Fault::Truncated),
        magic if u32::from_le_bytes(magic) == MAGIC => return Ok(Contents::Ggml(path.to_path_buf())),
        [0x1f, 0x8b, ..] => read_tgz(path).map(|export| Contents::Whisper(Box::new(export))),
        [b'P', b'K', 3, 4] => read_wheel(path).map(Contents::Silero),
        // ONNX has no magic: its first field is the version, or whatever the exporter wrote first.
        _ => read_limited(fs::File::open(path)?, MAX_DETECTOR_BYTES).map(Contents::Silero),
    };
    contents.map_err(ModelError::invalid(path))
}

/// The folder at or below `dir` that an export lies in.
fn find_export(dir: &Path, depth: usize) -> Result<Option<PathBuf>, io::Error> {
    if dir.join(CONFIG).is_file() && dir.join(ENCODER).is_file() {
        return Ok(Some(dir.to_path_buf()));
    }
    if depth == MAX_DEPTH {
        return Ok(None);
    }
    let mut inner = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            inner.push(entry.path());
        }
    }
    inner.sort();
    for dir in inner {
        if let Some(found) = find_export(&dir, depth + 1)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn read_export(dir: &Path) -> Result<WhisperExport, Fault> {
    let part = |name: &'static str, limit: u64| {
        let path = dir.join(name);
        if !path.is_file() {
            return Err(Fault::MissingPart { name });
        }
        read_limited(fs::File::open(path)?, limit)
    };
    Ok(WhisperExport {
        config: part(CONFIG, MAX_JSON_BYTES)?,
        vocab: part(VOCAB, MAX_JSON_BYTES)?,
        encoder: part(ENCODER, MAX_ONNX_BYTES)?,
        decoder: part(DECODER, MAX_ONNX_BYTES)?,
    })
}

fn read_tgz(path: &Path) -> Result<WhisperExport, Fault> {
    let file = BufReader::with_capacity(1 << 18, fs::File::open(path)?);
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let mut export = WhisperExport::default();
    for (i, entry) in archive.entries().map_err(Fault::Archive)?.enumerate() {
        if i == MAX_ENTRIES {
            let limit = MAX_ENTRIES as u64;
            return Err(Fault::TooBig { what: "the number of files", limit, actual: limit + 1 });
        }
        let entry = entry.map_err(Fault::Archive)?;
        let name = entry.path().map_err(Fault::Archive)?.into_owned();
        let (part, limit) = if name.ends_with(CONFIG) {
            (&mut export.config, MAX_JSON_BYTES)
        } else if name.ends_with(VOCAB) {
            (&mut export.vocab, MAX_JSON_BYTES)
        } else if name.ends_with(ENCODER) {
            (&mut export.encoder, MAX_ONNX_BYTES)
        } else if name.ends_with(DECODER) {
            (&mut export.decoder, MAX_ONNX_BYTES)
        } else {
            continue;
        };
        *part = read_limited(entry, limit).map_err(as_archive)?;
    }
    let parts = [
        (CONFIG, &export.config),
        (VOCAB, &export.vocab),
        (ENCODER, &export.encoder),
        (DECODER, &export.decoder),
    ];
    let missing = parts.into_iter().find(|(_, bytes)| bytes.is_empty()).map(|(name, _)| name);
    match missing {
        Some(name) => Err(Fault::MissingPart { name }),
        None => Ok(export),
    }
}

fn read_wheel(path: &Path) -> Result<Bytes, Fault> {
    let damaged = |error: zip::result::ZipError| Fault::Archive(io::Error::other(error));
    let mut archive = zip::ZipArchive::new(BufReader::new(fs::File::open(path)?)).map_err(damaged)?;
    let is_detector = |name: &String| name.contains("silero_vad") && name.ends_with(".onnx");
    // Names that are not text are of no interest, nor is the whole package refused for one.
    let names = archive.file_names().filter_map(|name| name.ok().map(Cow::into_owned));
    let name = names.filter(is_detector).max();
    let name = name.ok_or(Fault::MissingPart { name: "silero_vad_v6.onnx" })?;
    let entry = archive.by_name(&name).map_err(damaged)?;
    read_limited(entry, MAX_DETECTOR_BYTES).map_err(as_archive)
}

/// What fails while an archive is read is the archive's fault.
fn as_archive(fault: Fault) -> Fault {
    if let Fault::Io(error) = fault { Fault::Archive(error) } else { fault }
}

/// Reads to the end, which must come before `limit`.
fn read_limited(reader: impl Read, limit: u64) -> Result<Bytes, Fault> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Fault::TooBig { what: "its length", limit, actual: bytes.len() as u64 });
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive =
            tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, *bytes).expect("it is appended");
        }
        archive.into_inner().and_then(flate2::write::GzEncoder::finish).expect("it is finished")
    }

    fn open_bytes(bytes: &[u8]) -> Result<Contents, ModelError> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("it is written");
        open(file.path())
    }

    const PARTS: [(&str, &[u8]); 4] = [
        ("package/models/x/config.json", b"c"),
        ("package/models/x/vocab.json", b"v"),
        ("package/models/x/onnx/encoder_model_quantized.onnx", b"e"),
        ("package/models/x/onnx/decoder_model_merged_quantized.onnx", b"d"),
    ];

    #[test]
    fn a_package_gives_its_four_parts() {
        let Contents::Whisper(export) = open_bytes(&tgz(&PARTS)).expect("it opens") else {
            panic!("not an export")
        };
        assert_eq!(
            [&export.config[..], &export.vocab, &export.encoder, &export.decoder],
            [b"c", b"v", b"e", b"d"]
        );
        let error = open_bytes(&tgz(&PARTS[..3])).expect_err("the decoder is missing");
        assert!(crate::error::Chain(&error).to_string().contains("decoder_model_merged"), "{error}");
        let whole = tgz(&PARTS);
        assert!(open_bytes(&whole[..whole.len() / 2]).is_err());
    }

    #[test]
    fn a_folder_is_searched_for_an_export() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert!(open(dir.path()).is_err(), "an empty folder");
        for (name, bytes) in PARTS {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("it is made");
            fs::write(path, bytes).expect("it is written");
        }
        assert!(matches!(open(dir.path()), Ok(Contents::Whisper(_))));
        fs::remove_file(dir.path().join(PARTS[1].0)).expect("it is removed");
        assert!(open(dir.path()).is_err(), "no vocabulary");
    }

    #[test]
    fn a_wheel_gives_its_detector() {
        let mut wheel = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, bytes) in [("p/__init__.py", &b""[..]), ("p/assets/silero_vad_v6.onnx", b"onnx")] {
            wheel.start_file(name, zip::write::SimpleFileOptions::default()).expect("it starts");
            wheel.write_all(bytes).expect("it is written");
        }
        let bytes = wheel.finish().expect("it is finished").into_inner();
        let Contents::Silero(onnx) = open_bytes(&bytes).expect("it opens") else { panic!("not a detector") };
        assert_eq!(&onnx[..], b"onnx");
        assert!(open_bytes(&bytes[..40]).is_err());
    }

    #[test]
    fn ggml_is_known_by_its_magic() {
        assert!(matches!(open_bytes(b"lmgg...."), Ok(Contents::Ggml(_))));
        assert!(open_bytes(b"lm").is_err());
    }
}
