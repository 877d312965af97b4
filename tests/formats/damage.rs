//! Cut and damaged copies of every format: audio or an error, never a panic, never much memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diting::audio::{AudioConfig, Selection, survey};
use diting::types::Millis;

use super::cases;

/// Peak memory of this process, in MB, where the system tells.
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

#[test]
fn damaged_copies_end_in_audio_or_in_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (mut num_decoded, mut num_refused) = (0, 0);
    // Long enough for every path, and it keeps each copy short.
    let config = AudioConfig { max_duration: Millis(60_000) };
    for case in cases::all() {
        let (file, _) = case.write(dir.path());
        let mut original = std::fs::read(&file).unwrap();
        // The first second or so of what is not compressed.
        original.truncate(60_000);
        let mut state = original.len() as u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        for copy in 0..6 {
            let mut bytes = original.clone();
            match copy {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes.truncate(64),
                2 => bytes.truncate(1 + next() % 1000),
                _ => {
                    // Half of the damage goes to the headers.
                    for change in 0..1 + next() % 24 {
                        let reach = if change % 2 == 0 { bytes.len().min(400) } else { bytes.len() };
                        let position = next() % reach;
                        bytes[position] = next() as u8;
                    }
                    if copy % 3 == 0 {
                        bytes.truncate(1 + next() % bytes.len());
                    }
                }
            }
            let path = dir.path().join(format!("damaged_{}", case.file));
            std::fs::write(&path, &bytes).unwrap();
            let run = || survey(&path, &case.declaration(), Selection::default(), &config).is_ok();
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(true) => num_decoded += 1,
                Ok(false) => num_refused += 1,
                Err(_) => panic!("copy {copy} of {} panics", case.file),
            }
        }
    }
    println!("{num_decoded} damaged copies decode, {num_refused} are refused, peak {:?} MB", peak_mb());
    assert!(num_decoded > 0 && num_refused > 0);
    assert!(peak_mb().is_none_or(|peak| peak < 400), "{:?} MB", peak_mb());
}
