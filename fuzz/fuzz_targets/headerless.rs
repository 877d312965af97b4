//! Any bytes as headerless audio of every codec, and behind a WAV header of every tag: both passes end, agree on the
//! length, and never panic.
#![no_main]

use diting::audio::{AudioConfig, AudioStream, SAMPLE_RATE_HZ, survey};
use diting::types::{AudioDeclaration, BitOrder, DeclaredCodec, G726Rate, Millis};
use libfuzzer_sys::fuzz_target;

const CODECS: [DeclaredCodec; 14] = [
    DeclaredCodec::Alaw,
    DeclaredCodec::Ulaw,
    DeclaredCodec::PcmS16Le,
    DeclaredCodec::PcmU8,
    DeclaredCodec::PcmS16Be,
    DeclaredCodec::AlawInverted,
    DeclaredCodec::Vox,
    DeclaredCodec::Gsm,
    DeclaredCodec::G722,
    DeclaredCodec::G726(G726Rate::Kbit16, BitOrder::LeastFirst),
    DeclaredCodec::G726(G726Rate::Kbit24, BitOrder::MostFirst),
    DeclaredCodec::G726(G726Rate::Kbit32, BitOrder::LeastFirst),
    DeclaredCodec::G726(G726Rate::Kbit40, BitOrder::MostFirst),
    DeclaredCodec::G729,
];

/// Extensions of headerless audio, and none for what a header says.
const EXTENSIONS: [&str; 6] = ["vox", "gsm", "g722", "g726-40", "sln192", "wav"];

fuzz_target!(|bytes: &[u8]| {
    let [which, bytes @ ..] = bytes else { return };
    let which = usize::from(*which);
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let mut declaration = AudioDeclaration::default();
    let mut head = Vec::new();
    match CODECS.get(which) {
        Some(codec) => {
            declaration.codec = Some(*codec);
            if !codec.has_one_layout() {
                (declaration.rate_hz, declaration.num_channels) = (Some(8000), Some(1));
            }
        }
        None => {
            let extension = EXTENSIONS[which % EXTENSIONS.len()];
            declaration.file_name = Some(format!("call.{extension}"));
            match which % 3 {
                0 => head.extend(b"#!AMR\n"),
                1 => head.extend(b"#!AMR-WB\n"),
                // The tag and all after it are the fuzzer's.
                _ => head.extend(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0"),
            }
        }
    }
    std::io::Write::write_all(&mut file, &head).expect("a temporary file can be written");
    std::io::Write::write_all(&mut file, bytes).expect("a temporary file can be written");
    // A minute is enough to meet every path, and keeps each run short.
    let config = AudioConfig { max_duration: Millis(60_000) };
    let Ok(profile) = survey(file.path(), &declaration, &[], &config) else { return };
    let stream = AudioStream::open(file.path(), &declaration, &[], &config).expect("the survey opened it");
    let num_samples: usize =
        stream.map(|block| block.expect("the survey decoded it").channels[0].len()).sum();
    assert_eq!(Millis::from_samples(num_samples as u64, SAMPLE_RATE_HZ), profile.duration);
});
