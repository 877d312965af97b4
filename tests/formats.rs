//! Decodes a collection of real recordings and compares with what ffmpeg made of each, then every promised format as
//! ffmpeg writes it.
//!
//! Not part of `make test`, because a stranger's machine has neither the collection nor ffmpeg. Run it with
//!
//! ```text
//! DITING_FORMATS=DIR cargo nextest run --test formats --no-capture
//! ```
//!
//! `DIR/manifest.tsv` has a header line and at least the columns `path`, `class`, `codec`, `rate`, `channels`,
//! `ffprobe_seconds` and `decoded_seconds`. Without the variable, or without ffmpeg, the tests fail and say so.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use diting::audio::{AudioConfig, AudioError, AudioProfile, AudioStream, SAMPLE_RATE_HZ, survey};
use diting::error::Classify;
use diting::types::{AudioDeclaration, ChannelIndex, DeclaredCodec};

fn collection() -> PathBuf {
    let dir = std::env::var_os("DITING_FORMATS")
        .expect("DITING_FORMATS must name the folder with the recordings and their manifest.tsv");
    PathBuf::from(dir)
}

/// Decodes everything; checks what must hold for any file.
fn decode(
    path: &Path,
    declaration: &AudioDeclaration,
    channels: &[ChannelIndex],
) -> Result<(AudioProfile, Vec<Vec<f32>>), AudioError> {
    let config = AudioConfig::default();
    let profile = survey(path, declaration, channels, &config)?;
    let mut samples = vec![Vec::new(); profile.channels.len()];
    for block in AudioStream::open(path, declaration, channels, &config)? {
        let block = block?;
        assert_eq!(block.start, samples[0].len() as u64, "blocks follow each other");
        for (all, part) in samples.iter_mut().zip(block.channels) {
            assert!(part.len() <= SAMPLE_RATE_HZ as usize && part.iter().all(|sample| sample.is_finite()));
            all.extend(part);
        }
    }
    let by_samples = samples[0].len() as u64 * 1000 / u64::from(SAMPLE_RATE_HZ);
    assert_eq!(by_samples, profile.duration.0, "both passes decode the same");
    Ok((profile, samples))
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
    let containers = ["wav", "mp3", "aac", "ogg", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"];
    let codecs = ["adpcm_ima_wav", "mp3", "aac", "vorbis", "opus", "flac"];
    let is_codec = codecs.contains(&row["codec"]) || row["codec"].starts_with("pcm_");
    let num_channels: u32 = row["channels"].parse().unwrap_or(0);
    let rate_hz: u32 = row["rate"].parse().unwrap_or(0);
    row["class"] == "good"
        && !row["path"].ends_with(".mov")
        && containers.contains(&row["ffprobe_format"])
        && is_codec
        && num_channels <= 2
        && rate_hz >= 4000
}

#[test]
fn every_real_file_decodes_or_is_refused_by_name() {
    let dir = collection();
    let manifest = std::fs::read_to_string(dir.join("manifest.tsv")).expect("the folder has a manifest.tsv");
    let mut lines = manifest.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let mut failures = Vec::new();
    for line in lines {
        let row: HashMap<&str, &str> = columns.iter().copied().zip(line.split('\t')).collect();
        let seconds = |name: &str| row[name].parse::<f64>().unwrap_or(0.0);
        let (declared, decoded) = (seconds("ffprobe_seconds"), seconds("decoded_seconds"));
        let (verdict, text) = match decode(&dir.join(row["path"]), &declaration(&row), &[]) {
            Ok((profile, _)) => {
                let actual = profile.duration.as_secs_f64();
                let lowest = if decoded > 0.0 { declared.min(decoded) } else { 0.0 };
                let lowest = if declared > 0.0 { lowest } else { decoded };
                let tolerance = 0.15 + 0.02 * decoded;
                let is_length = actual >= lowest - tolerance && actual <= declared.max(decoded) + tolerance;
                // In a damaged file ffmpeg may see another codec than there is.
                let is_mistaken = row["class"] == "corrupt" && row["codec"] != profile.codec;
                let fits = is_length || is_mistaken;
                let text = format!(
                    "{actual:.2} s {} {} {} Hz {} ch {:?} {}",
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

fn ffmpeg(arguments: &[&str]) {
    let done = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y", "-bitexact"])
        .args(arguments)
        .status()
        .expect("ffmpeg must be installed for this test");
    assert!(done.success(), "ffmpeg {arguments:?} fails");
}

/// Something like speech: syllables of changing pitch and colour with hiss, different on both channels, 6.5 seconds.
fn write_source(path: &Path, rate_hz: u32) {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    let mut noise = 1u64;
    let (mut phases, num_frames) = ([0.0f64; 2], rate_hz * 13 / 2);
    for index in 0..num_frames {
        let seconds = f64::from(index) / f64::from(rate_hz);
        for (side, phase) in phases.iter_mut().enumerate() {
            let side = side as f64;
            let pitch = 130.0 + 60.0 * side + 30.0 * (seconds * (1.7 + side)).sin();
            *phase += pitch / f64::from(rate_hz);
            let syllable = (seconds * (3.1 + side) * std::f64::consts::TAU).sin().max(0.0);
            let voice: f64 = (1..=12)
                .map(|harmonic| {
                    let colour = (seconds * 0.9 * f64::from(harmonic) + side).sin().abs();
                    colour / f64::from(harmonic)
                        * (*phase * f64::from(harmonic) * std::f64::consts::TAU).sin()
                })
                .sum();
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let hiss = (noise >> 40) as f64 / (1u64 << 24) as f64 - 0.5;
            let sample = (0.25 * voice + 0.01 * hiss) * syllable;
            writer.write_sample((sample.clamp(-0.99, 0.99) * 32_767.0) as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
}

/// Correlation at the best delay within 150 ms, and that delay in milliseconds.
fn align(reference: &[f32], decoded: &[f32]) -> (f64, f64) {
    let reach = SAMPLE_RATE_HZ as usize * 150 / 1000;
    let (from, len) = (SAMPLE_RATE_HZ as usize * 2, SAMPLE_RATE_HZ as usize * 2);
    let part = &reference[from..from + len];
    let energy = |samples: &[f32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let product = |shift: usize, step: usize| {
        let other = &decoded[from + shift - reach..];
        part.iter().zip(other).step_by(step).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    // Coarse first: neighbours correlate.
    let coarse = (0..2 * reach).max_by(|a, b| product(*a, 16).total_cmp(&product(*b, 16))).unwrap();
    let near = coarse.saturating_sub(40)..coarse + 40;
    let best = near.max_by(|a, b| product(*a, 1).total_cmp(&product(*b, 1))).unwrap();
    let other = &decoded[from + best - reach..from + best - reach + len];
    let correlation = product(best, 1) / (energy(part) * energy(other)).sqrt().max(1e-9);
    (correlation, (best as f64 - reach as f64) * 1000.0 / f64::from(SAMPLE_RATE_HZ))
}

/// File name, rate of the source, codec as it must be named, arguments for ffmpeg, least correlation, most difference
/// in length in milliseconds.
type Case = (&'static str, u32, &'static str, &'static [&'static str], f64, f64);

const CASES: &[Case] = &[
    ("u8.wav", 8000, "pcm_u8", &["-c:a", "pcm_u8"], 0.99, 1.0),
    ("s16.wav", 44_100, "pcm_s16le", &["-c:a", "pcm_s16le"], 0.999, 1.0),
    ("s24.wav", 48_000, "pcm_s24le", &["-c:a", "pcm_s24le"], 0.999, 1.0),
    ("s32.wav", 16_000, "pcm_s32le", &["-c:a", "pcm_s32le"], 0.999, 1.0),
    ("f32.wav", 16_000, "pcm_f32le", &["-c:a", "pcm_f32le"], 0.999, 1.0),
    ("f64.wav", 22_050, "pcm_f64le", &["-c:a", "pcm_f64le"], 0.999, 1.0),
    ("alaw.wav", 8000, "pcm_alaw", &["-c:a", "pcm_alaw"], 0.99, 1.0),
    ("ulaw.wav", 8000, "pcm_mulaw", &["-c:a", "pcm_mulaw"], 0.99, 1.0),
    ("alaw_16k.wav", 16_000, "pcm_alaw", &["-c:a", "pcm_alaw"], 0.99, 1.0),
    // ffmpeg does not write how much of the last block counts.
    ("ima.wav", 8000, "adpcm_ima_wav", &["-c:a", "adpcm_ima_wav"], 0.97, 256.0),
    ("ms.wav", 8000, "adpcm_ms", &["-c:a", "adpcm_ms"], 0.97, 256.0),
    ("mp3.wav", 16_000, "mp3", &["-c:a", "libmp3lame", "-b:a", "64k"], 0.97, 60.0),
    ("rf64.wav", 8000, "pcm_alaw", &["-c:a", "pcm_alaw", "-rf64", "always"], 0.99, 1.0),
    ("flac.flac", 44_100, "flac", &["-c:a", "flac"], 0.999, 1.0),
    ("flac_8k.flac", 8000, "flac", &["-c:a", "flac"], 0.999, 1.0),
    ("flac.ogg", 16_000, "flac", &["-c:a", "flac"], 0.999, 1.0),
    ("mp3_8k.mp3", 8000, "mp3", &["-c:a", "libmp3lame", "-b:a", "32k"], 0.97, 30.0),
    ("mp3_16k.mp3", 16_000, "mp3", &["-c:a", "libmp3lame", "-b:a", "64k"], 0.97, 30.0),
    ("mp3_44k.mp3", 44_100, "mp3", &["-c:a", "libmp3lame", "-q:a", "4"], 0.97, 30.0),
    ("mp2.mp2", 48_000, "mp2", &["-c:a", "mp2", "-b:a", "192k"], 0.97, 60.0),
    ("aac_8k.m4a", 8000, "aac", &["-c:a", "aac", "-b:a", "32k"], 0.93, 30.0),
    ("aac_16k.m4a", 16_000, "aac", &["-c:a", "aac", "-b:a", "64k"], 0.97, 30.0),
    ("aac_44k.m4a", 44_100, "aac", &["-c:a", "aac", "-b:a", "96k"], 0.97, 30.0),
    ("aac_fast.m4a", 16_000, "aac", &["-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart"], 0.97, 30.0),
    (
        "aac_frag.mp4",
        16_000,
        "aac",
        &["-c:a", "aac", "-b:a", "64k", "-movflags", "frag_keyframe+empty_moov"],
        0.97,
        70.0,
    ),
    // No container says where these end within their last frame.
    ("adts_16k.aac", 16_000, "aac", &["-c:a", "aac", "-b:a", "64k"], 0.97, 64.0),
    ("aac.mkv", 16_000, "aac", &["-c:a", "aac", "-b:a", "64k"], 0.97, 64.0),
    ("vorbis_8k.ogg", 8000, "vorbis", &["-c:a", "libvorbis", "-q:a", "4"], 0.97, 30.0),
    ("vorbis_44k.ogg", 44_100, "vorbis", &["-c:a", "libvorbis", "-q:a", "4"], 0.97, 30.0),
    ("vorbis.webm", 16_000, "vorbis", &["-c:a", "libvorbis", "-q:a", "4"], 0.97, 70.0),
    ("opus_8k.opus", 8000, "opus", &["-c:a", "libopus", "-b:a", "32k"], 0.95, 30.0),
    ("opus_16k.opus", 16_000, "opus", &["-c:a", "libopus", "-b:a", "64k"], 0.95, 30.0),
    (
        "opus_48k.ogg",
        48_000,
        "opus",
        &["-c:a", "libopus", "-b:a", "64k", "-frame_duration", "60"],
        0.95,
        30.0,
    ),
    (
        "opus_2ms.ogg",
        48_000,
        "opus",
        &["-c:a", "libopus", "-b:a", "96k", "-frame_duration", "2.5"],
        0.95,
        30.0,
    ),
    ("opus.webm", 16_000, "opus", &["-c:a", "libopus", "-b:a", "64k"], 0.95, 30.0),
    ("opus.mkv", 8000, "opus", &["-c:a", "libopus", "-b:a", "64k"], 0.95, 30.0),
    ("opus.mp4", 16_000, "opus", &["-c:a", "libopus", "-b:a", "64k"], 0.95, 30.0),
    ("mp3.mkv", 16_000, "mp3", &["-c:a", "libmp3lame", "-b:a", "64k"], 0.97, 150.0),
    ("mp3.mp4", 16_000, "mp3", &["-c:a", "libmp3lame", "-b:a", "64k"], 0.97, 150.0),
    ("pcm.mkv", 8000, "pcm_s16le", &["-c:a", "pcm_s16le"], 0.999, 1.0),
    ("flac.mkv", 16_000, "flac", &["-c:a", "flac"], 0.999, 1.0),
    ("alac.m4a", 44_100, "alac", &["-c:a", "alac"], 0.999, 1.0),
    ("pcm.mov", 8000, "pcm_s16le", &["-c:a", "pcm_s16le"], 0.999, 1.0),
    ("aiff.aiff", 44_100, "pcm_s16be", &["-c:a", "pcm_s16be"], 0.999, 1.0),
    ("caf.caf", 16_000, "pcm_s16le", &["-c:a", "pcm_s16le"], 0.999, 1.0),
];

#[test]
fn every_promised_format_comes_out_where_and_as_it_went_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut failures = Vec::new();
    for (name, rate_hz, codec, arguments, least_correlation, most_difference_ms) in CASES {
        let source = dir.path().join(format!("source_{rate_hz}.wav"));
        if !source.exists() {
            write_source(&source, *rate_hz);
        }
        let file = dir.path().join(name);
        let mut all = vec!["-i", source.to_str().unwrap()];
        all.extend(*arguments);
        all.push(file.to_str().unwrap());
        ffmpeg(&all);
        let none = AudioDeclaration::default();
        let (_, reference) = decode(&source, &none, &[]).unwrap();
        let (profile, samples) = match decode(&file, &none, &[]) {
            Ok(decoded) => decoded,
            Err(error) => {
                println!("FAIL {name:<16} {error}");
                failures.push((*name).to_owned());
                continue;
            }
        };
        let difference_ms =
            (samples[0].len() as f64 - reference[0].len() as f64) * 1000.0 / f64::from(SAMPLE_RATE_HZ);
        let aligned: Vec<(f64, f64)> =
            reference.iter().zip(&samples).map(|(before, after)| align(before, after)).collect();
        let fits = profile.codec == *codec
            && profile.num_channels == 2
            && profile.warnings.is_empty()
            && difference_ms.abs() <= *most_difference_ms
            && aligned.len() == 2
            && aligned
                .iter()
                .all(|(correlation, lag_ms)| *correlation >= *least_correlation && lag_ms.abs() <= 2.0);
        let mark = if fits { "ok  " } else { "FAIL" };
        let line = format!(
            "{mark} {name:<16} {:<9} {:<14} correlation {:.4} lag {:+.2} ms length {difference_ms:+.1} ms {}",
            profile.container,
            profile.codec,
            aligned.iter().map(|(correlation, _)| *correlation).fold(1.0, f64::min),
            aligned.iter().map(|(_, lag)| *lag).fold(0.0, |most, lag| if lag.abs() > f64::abs(most) {
                lag
            } else {
                most
            }),
            profile.warnings.join(" ")
        );
        println!("{line}");
        if !fits {
            failures.push(line);
        }
    }
    assert!(failures.is_empty(), "{} formats fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn damaged_copies_end_in_audio_or_in_an_error() {
    const COPIES_PER_FILE: u64 = 8;
    let scratch = tempfile::tempdir().unwrap();
    let (mut num_decoded, mut num_refused) = (0, 0);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(collection()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let original = std::fs::read(&file).unwrap();
        if original.is_empty() || original.len() > 120_000 {
            continue;
        }
        for copy in 0..COPIES_PER_FILE {
            let mut state = copy * 0x9e37_79b9 + original.len() as u64;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize
            };
            let mut bytes = original.clone();
            // Half of the damage goes to the headers.
            for change in 0..1 + next() % 24 {
                let reach = if change % 2 == 0 { bytes.len().min(400) } else { bytes.len() };
                let position = next() % reach;
                bytes[position] = next() as u8;
            }
            if copy % 3 == 0 {
                bytes.truncate(1 + next() % bytes.len());
            }
            let path = scratch.path().join(file.file_name().unwrap());
            std::fs::write(&path, &bytes).unwrap();
            let result =
                std::panic::catch_unwind(|| decode(&path, &AudioDeclaration::default(), &[]).is_ok());
            match result {
                Ok(true) => num_decoded += 1,
                Ok(false) => num_refused += 1,
                Err(_) => panic!("copy {copy} of {} panics", file.display()),
            }
        }
    }
    println!("{num_decoded} damaged copies decode, {num_refused} are refused");
    assert!(num_decoded > 0 && num_refused > 0);
}
