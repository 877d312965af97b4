//! Any bytes as a recording: both passes end, agree on the length, and never panic.
#![no_main]

use diting::audio::{AudioConfig, AudioStream, SAMPLE_RATE_HZ, survey};
use diting::types::{AudioDeclaration, Millis};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::io::Write::write_all(&mut file, bytes).expect("a temporary file can be written");
    let declaration = AudioDeclaration::default();
    // A minute is enough to meet every path, and keeps each run short.
    let config = AudioConfig { max_duration: Millis(60_000) };
    let Ok(profile) = survey(file.path(), &declaration, &[], &config) else { return };
    let stream = AudioStream::open(file.path(), &declaration, &[], &config).expect("the survey opened it");
    let num_samples: usize =
        stream.map(|block| block.expect("the survey decoded it").channels[0].len()).sum();
    assert_eq!(Millis::from_samples(num_samples as u64, SAMPLE_RATE_HZ), profile.duration);
});
