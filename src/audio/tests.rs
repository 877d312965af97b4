//! Recordings written here go through both passes: what comes out, what is refused and how, and that no damage to the
//! bytes ends in a panic or in memory that grows with the file.

use std::path::Path;

use fs_err as fs;
use proptest::prelude::*;

use super::raw::tests::{linear_to_alaw, linear_to_ulaw};
use super::*;
use crate::error::Classify;
use crate::types::{AudioDeclaration, ChannelIndex, DeclaredCodec, Millis};

fn tone(frequency_hz: f64, rate_hz: u32, num_frames: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * frequency_hz / f64::from(rate_hz);
    (0..num_frames).map(|index| (8000.0 * (step * index as f64).sin()) as i16).collect()
}

fn write_wav(path: &Path, rate_hz: u32, channels: &[Vec<i16>]) {
    let spec = hound::WavSpec {
        channels: channels.len() as u16,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("a temporary file can be made");
    for index in 0..channels[0].len() {
        for channel in channels {
            writer.write_sample(channel[index]).expect("a temporary file can be written");
        }
    }
    writer.finalize().expect("a temporary file can be written");
}

/// A stereo A-law WAV file, written byte by byte.
fn alaw_wav(left: &[i16], right: &[i16], rate_hz: u32) -> Vec<u8> {
    let samples: Vec<u8> =
        left.iter().zip(right).flat_map(|(a, b)| [linear_to_alaw(*a), linear_to_alaw(*b)]).collect();
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0\x06\0\x02\0".to_vec();
    bytes.extend(rate_hz.to_le_bytes());
    bytes.extend((rate_hz * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x08\0\0\0data");
    bytes.extend((samples.len() as u32).to_le_bytes());
    bytes.extend(samples);
    bytes
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("a temporary file can be written");
        path
    }
}

fn surveyed(path: &Path) -> Result<AudioProfile, AudioError> {
    survey(path, &AudioDeclaration::default(), &[], &AudioConfig::default())
}

fn streamed(
    path: &Path,
    declaration: &AudioDeclaration,
    chosen: &[u16],
) -> Result<Vec<Vec<f32>>, AudioError> {
    let chosen: Vec<ChannelIndex> = chosen.iter().copied().map(ChannelIndex).collect();
    let mut all = Vec::new();
    for block in AudioStream::open(path, declaration, &chosen, &AudioConfig::default())? {
        let block = block?;
        assert!(block.channels.iter().all(|channel| channel.len() <= BLOCK_LEN), "blocks are bounded");
        all.resize(block.channels.len(), Vec::new());
        assert_eq!(block.start, all[0].len() as u64, "blocks follow each other");
        for (to, from) in all.iter_mut().zip(block.channels) {
            to.extend(from);
        }
    }
    Ok(all)
}

fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let product =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

fn at_16_khz(frequency_hz: f64, num_frames: usize) -> Vec<f32> {
    tone(frequency_hz, SAMPLE_RATE_HZ, num_frames)
        .iter()
        .map(|sample| f32::from(*sample) / 32_768.0)
        .collect()
}

#[test]
fn a_stereo_alaw_call_comes_out_in_step_and_in_place() {
    let folder = Folder::new();
    let (left, right) = (tone(440.0, 8000, 20_000), tone(700.0, 8000, 20_000));
    let path = folder.file("call.wav", &alaw_wav(&left, &right, 8000));
    let profile = surveyed(&path).expect("it is a WAV file");
    assert_eq!((profile.container.as_str(), profile.codec.as_str()), ("wav", "pcm_alaw"));
    assert_eq!((profile.rate_hz, profile.num_channels, profile.duration), (8000, 2, Millis(2500)));
    assert_eq!(profile.layout, ChannelLayout::Stereo);
    assert!(profile.warnings.is_empty());
    assert_eq!(profile.channels[0].envelope_dbfs, vec![-15; 25]);
    let samples = streamed(&path, &AudioDeclaration::default(), &[]).expect("it is a WAV file");
    assert_eq!(samples.iter().map(Vec::len).collect::<Vec<_>>(), vec![40_000, 40_000]);
    assert!(correlation(&samples[0], &at_16_khz(440.0, 40_000)) > 0.999);
    assert!(correlation(&samples[1], &at_16_khz(700.0, 40_000)) > 0.999);
}

#[test]
fn headerless_audio_is_what_it_is_declared_to_be() {
    let folder = Folder::new();
    let samples = tone(440.0, 8000, 8000);
    let alaw: Vec<u8> = samples.iter().map(|sample| linear_to_alaw(*sample)).collect();
    let ulaw: Vec<u8> = samples.iter().map(|sample| linear_to_ulaw(*sample)).collect();
    let pcm: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    for (codec, bytes) in
        [(DeclaredCodec::Alaw, alaw), (DeclaredCodec::Ulaw, ulaw), (DeclaredCodec::PcmS16Le, pcm)]
    {
        let path = folder.file("call.raw", &bytes);
        let declaration = AudioDeclaration {
            codec: Some(codec),
            rate_hz: Some(8000),
            num_channels: Some(1),
            ..AudioDeclaration::default()
        };
        let decoded = streamed(&path, &declaration, &[]).expect("it is declared");
        assert!(correlation(&decoded[0], &at_16_khz(440.0, 16_000)) > 0.999, "{codec:?}");
        let half = AudioDeclaration { rate_hz: None, ..declaration };
        let error = streamed(&path, &half, &[]).expect_err("the rate is missing");
        assert_eq!(error.reason(), "audio.incomplete_declaration");
        assert_eq!(surveyed(&path).expect_err("nothing is declared").reason(), "audio.not_audio");
    }
    let wav = folder.file("call.wav", &alaw_wav(&samples, &samples, 8000));
    let wrong = AudioDeclaration {
        codec: Some(DeclaredCodec::Alaw),
        rate_hz: Some(8000),
        num_channels: Some(2),
        ..AudioDeclaration::default()
    };
    assert_eq!(streamed(&wav, &wrong, &[]).expect_err("it has a header").reason(), "audio.wrong_declaration");
}

#[test]
fn more_than_two_channels_have_to_be_chosen() {
    let folder = Folder::new();
    let path = folder.0.path().join("six.wav");
    let channels: Vec<Vec<i16>> =
        (1..=6).map(|index| tone(200.0 * f64::from(index), 16_000, 16_000)).collect();
    write_wav(&path, 16_000, &channels);
    let error = surveyed(&path).expect_err("none is chosen");
    assert_eq!(error.reason(), "audio.channels_required");
    assert!(error.to_string().contains("`channels`"), "the message says how");
    let chosen = streamed(&path, &AudioDeclaration::default(), &[4, 1]).expect("both are there");
    assert!(correlation(&chosen[0], &at_16_khz(1000.0, 16_000)) > 0.999);
    assert!(correlation(&chosen[1], &at_16_khz(400.0, 16_000)) > 0.999);
}

#[test]
fn one_mix_on_two_channels_and_a_silent_channel_are_reported() {
    let folder = Folder::new();
    let path = folder.0.path().join("stereo.wav");
    let voice = tone(440.0, 8000, 16_000);
    write_wav(&path, 8000, &[voice.clone(), voice.clone()]);
    assert_eq!(surveyed(&path).expect("it is a WAV file").layout, ChannelLayout::DualMono);
    write_wav(&path, 8000, &[voice, vec![0; 16_000]]);
    let profile = surveyed(&path).expect("it is a WAV file");
    assert_eq!(profile.layout, ChannelLayout::Stereo);
    assert_eq!((profile.channels[0].silent, profile.channels[1].silent), (false, true));
}

#[test]
fn bad_bytes_are_refused_by_name() {
    let folder = Folder::new();
    let reason =
        |bytes: &[u8]| surveyed(&folder.file("call.wav", bytes)).expect_err("it is refused").reason();
    assert_eq!(reason(b""), "audio.empty");
    assert_eq!(reason(&[0; 100_000]), "audio.not_audio");
    assert_eq!(reason(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f"), "audio.truncated");
    assert_eq!(reason(b"#!AMR\n\x3c\x08\x7d"), "audio.undecodable");
    assert_eq!(reason(b"#!AMR\n"), "audio.empty");
    assert_eq!(reason(b"#!SILK_V3\x01"), "audio.unsupported_codec");
    let mut other = alaw_wav(&[0; 500], &[0; 500], 8000);
    other[20] = 0x22;
    let error = surveyed(&folder.file("call.wav", &other)).expect_err("there is no TrueSpeech decoder");
    assert!(error.to_string().contains("`truespeech`") && error.to_string().contains("ffmpeg"), "{error}");
    other[20] = 0x31;
    let error = surveyed(&folder.file("call.wav", &other)).expect_err("GSM has one channel");
    assert!(matches!(error, AudioError::UnsupportedCodec { codec } if codec == "gsm with 2 channels"));
    let missing = surveyed(&folder.0.path().join("missing.wav")).expect_err("there is no such file");
    assert_eq!(missing.reason(), "audio.unreadable");
}

#[test]
fn three_gigabytes_of_zeros_are_not_audio() {
    let folder = Folder::new();
    let path = folder.file("zeros", b"");
    let file = fs::OpenOptions::new().write(true).open(&path).expect("it was just made");
    file.set_len(3 << 30).expect("a sparse file takes no room");
    assert_eq!(surveyed(&path).expect_err("zeros are not audio").reason(), "audio.not_audio");
}

#[test]
fn a_cut_file_gives_what_it_has_and_says_so() {
    let folder = Folder::new();
    let mut bytes = alaw_wav(&tone(440.0, 8000, 16_000), &tone(300.0, 8000, 16_000), 8000);
    bytes.truncate(46 + 16_000);
    let profile = surveyed(&folder.file("call.wav", &bytes)).expect("half of it is there");
    assert_eq!(profile.duration, Millis(1000));
    assert_eq!(profile.warnings, vec!["audio.truncated"]);
}

#[test]
fn a_recording_over_the_limit_is_refused_before_it_is_decoded() {
    let folder = Folder::new();
    let path = folder.file("call.wav", &alaw_wav(&[0; 8001], &[0; 8001], 8000));
    let config = AudioConfig { max_duration: Millis(1000) };
    let error =
        survey(&path, &AudioDeclaration::default(), &[], &config).expect_err("it is a sample too long");
    assert_eq!(error.reason(), "audio.too_long");
}

#[test]
fn clipping_is_reported() {
    let folder = Folder::new();
    let path = folder.0.path().join("loud.wav");
    let loud: Vec<i16> = tone(440.0, 8000, 8000).iter().map(|sample| sample.saturating_mul(8)).collect();
    write_wav(&path, 8000, &[loud]);
    assert_eq!(surveyed(&path).expect("it is a WAV file").warnings, vec!["audio.clipping"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damaged_files_never_panic(
        changes in proptest::collection::vec((0usize..3000, any::<u8>()), 0..8),
        kind in 0usize..5,
        cut in 0usize..4000,
    ) {
        let folder = Folder::new();
        let heads: [&[u8]; 4] = [
            b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0",
            b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0\x02\0moov\0\0\x01\0trak\0\0\0\x80mdia",
            b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x90",
            b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0a\xc4\x42\xf0\0\0\0\0",
        ];
        let samples = tone(440.0, 8000, 1500);
        let mut bytes = match heads.get(kind) {
            Some(head) => [head, alaw_wav(&samples, &samples, 8000).as_slice()].concat(),
            None => alaw_wav(&samples, &samples, 8000),
        };
        let last = bytes.len() - 1;
        for (position, value) in changes {
            bytes[position.min(last)] = value;
        }
        bytes.truncate(cut);
        let path = folder.file("call", &bytes);
        if let Ok(profile) = surveyed(&path) {
            let decoded = streamed(&path, &AudioDeclaration::default(), &[]);
            let num_samples = decoded.expect("both passes see the same").first().map_or(0, Vec::len) as u64;
            prop_assert_eq!(profile.duration, Millis::from_samples(num_samples, SAMPLE_RATE_HZ));
        }
    }
}
