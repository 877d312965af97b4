//! Decoding and resampling one minute of a stereo A-law call, and surveying it: what stands between the bytes and the
//! recogniser. Other codecs cost more; this is what call recorders write.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use diting::audio::{AudioConfig, AudioStream, survey};
use diting::types::AudioDeclaration;

const RATE_HZ: u32 = 8000;
const SECONDS: u32 = 60;

/// A-law codes that wander like speech: what they sound like does not matter, that they differ does.
fn call() -> Vec<u8> {
    let num_bytes = RATE_HZ * SECONDS * 2;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x06\0\x02\0".to_vec();
    bytes.extend(RATE_HZ.to_le_bytes());
    bytes.extend((RATE_HZ * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x08\0data");
    bytes.extend(num_bytes.to_le_bytes());
    let mut state = 1u32;
    bytes.extend((0..num_bytes).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    bytes
}

fn decode(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let path = dir.path().join("call.wav");
    std::fs::write(&path, call()).expect("a temporary file can be written");
    let (declaration, config) = (AudioDeclaration::default(), AudioConfig::default());
    let mut group = criterion.benchmark_group("audio");
    // Seconds of recording, so that the report reads as a multiple of real time.
    group.throughput(Throughput::Elements(u64::from(SECONDS)));
    group.sample_size(20);
    group.bench_function("survey one minute of stereo alaw", |bencher| {
        bencher.iter(|| survey(black_box(&path), &declaration, &[], &config).expect("it is a WAV file"));
    });
    group.bench_function("stream one minute of stereo alaw", |bencher| {
        bencher.iter(|| {
            let stream =
                AudioStream::open(black_box(&path), &declaration, &[], &config).expect("it is a WAV file");
            stream.map(|block| block.expect("it is a WAV file").channels.len()).sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
