//! Tools, a source to encode, and how two decodings are compared.

use std::path::Path;
use std::process::Command;

use diting::audio::{AudioConfig, AudioError, AudioProfile, AudioStream, SAMPLE_RATE_HZ, Selection, survey};
use diting::types::AudioDeclaration;

/// Length of the source.
const SECONDS: f64 = 2.9;

/// Decodes everything; checks what must hold for any file.
pub(crate) fn decode(
    path: &Path,
    declaration: &AudioDeclaration,
    selection: Selection<'_>,
) -> Result<(AudioProfile, Vec<Vec<f32>>), AudioError> {
    let config = AudioConfig::default();
    let profile = survey(path, declaration, selection, &config)?;
    let mut samples = vec![Vec::new(); profile.channels.len()];
    for block in AudioStream::open(path, declaration, selection, &config)? {
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

/// Decodes a file that must be good, without a declaration.
pub(crate) fn decoded(path: &Path) -> Vec<Vec<f32>> {
    let open =
        AudioStream::open(path, &AudioDeclaration::default(), Selection::default(), &AudioConfig::default());
    let blocks = open.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut samples: Vec<Vec<f32>> = Vec::new();
    for block in blocks {
        let block = block.unwrap();
        samples.resize(block.channels.len(), Vec::new());
        samples.iter_mut().zip(block.channels).for_each(|(all, part)| all.extend(part));
    }
    samples
}

fn run(tool: &str, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(tool).args(arguments).output().unwrap_or_else(|error| {
        panic!("{tool} must be installed for this test ({error}): run scripts/setup.sh")
    });
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{tool} {arguments:?} fails: {said}");
    done.stdout
}

pub(crate) fn ffmpeg(arguments: &[&str]) {
    run(
        "ffmpeg",
        &[&["-hide_banner", "-loglevel", "error", "-y", "-nostdin", "-bitexact"], arguments].concat(),
    );
}

/// When the first picture of a video is shown, in seconds.
pub(crate) fn start_of_picture(video: &Path) -> f64 {
    let entries = ["-select_streams", "v:0", "-show_entries", "stream=start_time", "-of", "csv=p=0"];
    let told = run("ffprobe", &[&["-v", "error"], entries.as_slice(), &[video.to_str().unwrap()]].concat());
    String::from_utf8(told).unwrap().trim().parse().unwrap()
}

pub(crate) fn sox(arguments: &[&str]) {
    run("sox", &[&["-V1", "-R"], arguments].concat());
}

/// Something like speech: syllables of changing pitch and colour with hiss, different on each channel.
pub(crate) fn source(rate_hz: u32, num_channels: usize, seconds: f64) -> Vec<Vec<i16>> {
    let num_frames = (f64::from(rate_hz) * seconds) as u32;
    let mut noise = 1u64;
    let mut phases = vec![0.0f64; num_channels];
    let mut channels = vec![Vec::new(); num_channels];
    for index in 0..num_frames {
        let seconds = f64::from(index) / f64::from(rate_hz);
        for (side, (phase, channel)) in phases.iter_mut().zip(&mut channels).enumerate() {
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
            channel.push((sample.clamp(-0.99, 0.99) * 32_767.0) as i16);
        }
    }
    channels
}

/// Writes the source unless it is there.
pub(crate) fn write_source(path: &Path, rate_hz: u32, num_channels: usize) {
    if path.exists() {
        return;
    }
    let spec = hound::WavSpec {
        channels: num_channels as u16,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    let channels = source(rate_hz, num_channels, SECONDS);
    for index in 0..channels[0].len() {
        for channel in &channels {
            writer.write_sample(channel[index]).unwrap();
        }
    }
    writer.finalize().unwrap();
}

/// Correlation at the best delay within 150 ms, and that delay in milliseconds; from the second second to the third.
pub(crate) fn align(reference: &[f32], decoded: &[f32]) -> (f64, f64) {
    let reach = SAMPLE_RATE_HZ as usize * 150 / 1000;
    let (from, len) = (SAMPLE_RATE_HZ as usize * 3 / 2, SAMPLE_RATE_HZ as usize);
    if reference.len() < from + len || decoded.len() < from + len + reach {
        return (0.0, 0.0);
    }
    let part = &reference[from..from + len];
    let energy = |samples: &[f32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let product = |shift: usize, step: usize| {
        let other = &decoded[from + shift - reach..];
        part.iter().zip(other).step_by(step).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    // Coarse first: neighbours correlate.
    let coarse =
        (0..2 * reach).step_by(3).max_by(|a, b| product(*a, 32).total_cmp(&product(*b, 32))).unwrap();
    let near = coarse.saturating_sub(5)..coarse + 5;
    let best = near.max_by(|a, b| product(*a, 1).total_cmp(&product(*b, 1))).unwrap();
    let other = &decoded[from + best - reach..from + best - reach + len];
    let correlation = product(best, 1) / (energy(part) * energy(other)).sqrt().max(1e-9);
    (correlation, (best as f64 - reach as f64) * 1000.0 / f64::from(SAMPLE_RATE_HZ))
}

/// How much longer `decoded` is, in milliseconds.
pub(crate) fn longer_ms(reference: &[f32], decoded: &[f32]) -> f64 {
    (decoded.len() as f64 - reference.len() as f64) * 1000.0 / f64::from(SAMPLE_RATE_HZ)
}
