//! A collection of real recordings: each decodes as long as ffmpeg decodes it, or is refused by name.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use diting::audio::{AudioConfig, Selection, survey};
use diting::error::Classify;
use diting::types::{AudioDeclaration, DeclaredCodec, Millis};

use super::support::{align, decode, decoded, ffmpeg};

/// The folder with the recordings and their manifest.tsv; `None` where there is none.
fn collection() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("DITING_FORMATS") {
        return Some(PathBuf::from(dir));
    }
    let beside = PathBuf::from("../shared/formats");
    beside.join("manifest.tsv").is_file().then_some(beside)
}

fn declaration(row: &HashMap<&str, &str>) -> AudioDeclaration {
    let mut declaration =
        AudioDeclaration { file_name: Some(row["path"].to_owned()), ..AudioDeclaration::default() };
    let codec = match row["codec"] {
        "pcm_alaw" => DeclaredCodec::Alaw,
        "pcm_mulaw" => DeclaredCodec::Ulaw,
        "pcm_s16le" => DeclaredCodec::PcmS16Le,
        "pcm_u8" => DeclaredCodec::PcmU8,
        _ => return declaration,
    };
    if row["class"] == "headerless" {
        declaration.codec = Some(codec);
        declaration.rate_hz = row["rate"].parse().ok();
        declaration.num_channels = row["channels"].parse().ok();
    }
    declaration
}

/// Containers and codecs that are promised: a good file with both must decode.
fn is_promised(row: &HashMap<&str, &str>) -> bool {
    let containers =
        ["wav", "w64", "mp3", "aac", "ogg", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "amr"];
    let codecs = [
        "adpcm_ima_wav",
        "adpcm_ima_oki",
        "mp3",
        "aac",
        "vorbis",
        "opus",
        "flac",
        "gsm_ms",
        "amr_nb",
        "amr_wb",
    ];
    let is_codec = codecs.contains(&row["codec"]) || row["codec"].starts_with("pcm_");
    let num_channels: u32 = row["channels"].parse().unwrap_or(0);
    let rate_hz: u32 = row["rate"].parse().unwrap_or(0);
    row["class"] == "good"
        && (!row["path"].ends_with(".mov"))
        && containers.contains(&row["ffprobe_format"])
        && is_codec
        && num_channels <= 2
        && rate_hz >= 4000
}

/// Codecs of telephone systems, whose decoding is held to ffmpeg's sample by sample.
fn is_compared(row: &HashMap<&str, &str>) -> bool {
    let codecs = ["gsm_ms", "adpcm_g722", "amr_nb", "amr_wb", "adpcm_ima_oki", "pcm_alaw", "pcm_mulaw"];
    codecs.contains(&row["codec"]) && row["class"] != "corrupt"
}

/// Correlation of the first channel with ffmpeg's decoding.
fn likeness(file: &Path, row: &HashMap<&str, &str>, ours: &[f32]) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("reference.wav");
    let (file, to) = (file.to_str().unwrap(), wav.to_str().unwrap());
    let flags: Vec<&str> = row["input_flags"].split_whitespace().collect();
    ffmpeg(&[flags.as_slice(), &["-i", file, "-c:a", "pcm_s16le", to]].concat());
    align(&decoded(&wav)[0], ours).0
}

#[test]
fn every_real_file_decodes_or_is_refused_by_name() {
    let Some(dir) = collection() else {
        println!("there is no collection of recordings here");
        return;
    };
    let manifest = std::fs::read_to_string(dir.join("manifest.tsv")).expect("the folder has a manifest.tsv");
    let mut lines = manifest.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let mut failures = Vec::new();
    for line in lines {
        let row: HashMap<&str, &str> = columns.iter().copied().zip(line.split('\t')).collect();
        let seconds = |name: &str| row[name].parse::<f64>().unwrap_or(0.0);
        let (declared, decoded) = (seconds("ffprobe_seconds"), seconds("decoded_seconds"));
        let (verdict, text) = match decode(&dir.join(row["path"]), &declaration(&row), Selection::default()) {
            Ok((profile, samples)) => {
                let actual = profile.duration.as_secs_f64();
                let lowest = if decoded > 0.0 { declared.min(decoded) } else { 0.0 };
                let lowest = if declared > 0.0 { lowest } else { decoded };
                let tolerance = 0.15 + 0.02 * decoded;
                let is_length = actual >= lowest - tolerance && actual <= declared.max(decoded) + tolerance;
                // In a damaged file ffmpeg may see another codec than there is.
                let is_mistaken = row["class"] == "corrupt" && row["codec"] != profile.codec;
                // Files shorter than what is compared have 0.
                let likeness =
                    if is_compared(&row) { likeness(&dir.join(row["path"]), &row, &samples[0]) } else { 0.0 };
                let fits = (is_length || is_mistaken) && (likeness == 0.0 || likeness >= 0.99);
                let text = format!(
                    "{actual:.2} s {} {} {} Hz {} ch {:?} likeness {likeness:.4} {}",
                    profile.container,
                    profile.codec,
                    profile.rate_hz,
                    profile.num_channels,
                    profile.layout,
                    profile.warnings.join(" ")
                );
                (fits, text)
            }
            Err(error) => {
                let named = matches!(
                    error.reason(),
                    "audio.unsupported_codec" | "audio.unsupported_container" | "audio.channels_required"
                );
                let excused = row["class"] != "good" && error.code() != diting::error::ErrorCode::Internal;
                let out_of_range = error.reason() == "audio.unsupported_rate";
                let fits = !is_promised(&row) && (named || excused || out_of_range);
                (fits, format!("{}: {error}", error.reason()))
            }
        };
        let mark = if verdict { "ok  " } else { "FAIL" };
        let line = format!(
            "{mark} {:<48} {:<11} {:<14} {decoded:>7.2} s -> {text}",
            row["path"], row["class"], row["codec"]
        );
        println!("{line}");
        if !verdict {
            failures.push(line);
        }
    }
    assert!(failures.is_empty(), "{} files fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn damaged_copies_of_real_files_end_in_audio_or_in_an_error() {
    let Some(dir) = collection() else {
        println!("there is no collection of recordings here");
        return;
    };
    // More by hand: each copy is another.
    let num_copies = std::env::var("DITING_DAMAGED_COPIES").map_or(3, |number| number.parse().unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let config = AudioConfig { max_duration: Millis(30_000) };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let mut original = std::fs::read(&file).unwrap();
        original.truncate(80_000);
        for copy in 0..num_copies {
            let mut state: u64 = copy * 0x9e37_79b9 + original.len() as u64;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize
            };
            let mut bytes = original.clone();
            for change in 0..1 + next() % 24 {
                // Half of the damage goes to the headers.
                let reach = if change % 2 == 0 { bytes.len().min(400) } else { bytes.len() };
                if reach > 0 {
                    let position = next() % reach;
                    bytes[position] = next() as u8;
                }
            }
            let path = scratch.path().join(file.file_name().unwrap());
            std::fs::write(&path, &bytes).unwrap();
            let declaration = AudioDeclaration::default();
            let run = || survey(&path, &declaration, Selection::default(), &config).is_ok();
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                panic!("copy {copy} of {} panics", file.display());
            }
        }
    }
}
