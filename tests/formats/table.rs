//! The README's table of formats, row by row.

use std::collections::{BTreeSet, HashMap};

use diting::audio::{ChannelLayout, Selection};

use super::cases;
use super::support::{align, decode, decoded, longer_ms};

/// The first cells of the table under "## Formats" whose first header is `format`.
fn rows_of_the_readme() -> BTreeSet<String> {
    let readme = include_str!("../../README.md");
    let section = readme.split("\n## Formats\n").nth(1).unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with("| format |")).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').nth(1).unwrap().trim().to_owned())
        .collect()
}

#[test]
fn every_row_of_the_readme_is_tested_and_every_test_has_a_row() {
    let tested: BTreeSet<String> = cases::all().iter().map(|case| case.row.to_owned()).collect();
    assert_eq!(rows_of_the_readme(), tested);
}

#[test]
fn every_promised_format_decodes_as_ffmpeg_decodes_it_and_where_it_went_in() {
    let dir = tempfile::tempdir().unwrap();
    let (mut failures, mut sources) = (Vec::new(), HashMap::new());
    for case in cases::all() {
        let (file, source) = case.write(dir.path());
        let (profile, samples) = match decode(&file, &case.declaration(), Selection::default()) {
            Ok(decoded) => decoded,
            Err(error) => {
                println!("FAIL {:<16} {error}", case.file);
                failures.push(format!("{}: {error}", case.file));
                continue;
            }
        };
        let reference = decoded(&case.reference(dir.path(), &file));
        let source = sources.entry(source.clone()).or_insert_with(|| decoded(&source)).clone();
        let worst = |others: &[Vec<f32>]| {
            // A codec may make two channels of one.
            let pairs = samples.iter().zip(others).map(|(ours, other)| align(other, ours));
            pairs.fold((1.0f64, 0.0f64), |(least, most), (correlation, lag)| {
                (least.min(correlation), if lag.abs() > most.abs() { lag } else { most })
            })
        };
        let (correlation, lag) = worst(&reference);
        let (source_correlation, delay) = worst(&source);
        // A header may say where the last frame ends, which ffmpeg does not always heed.
        let lengths = [longer_ms(&reference[0], &samples[0]), longer_ms(&source[0], &samples[0])];
        let length = lengths.into_iter().min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
        let fits = profile.codec == case.codec
            // HE-AAC of one channel may become two that are alike.
            && (samples.len() == case.num_channels || profile.layout == ChannelLayout::DualMono)
            && profile.warnings.is_empty()
            && correlation >= case.least
            && source_correlation >= case.least_source
            && length.abs() <= case.length_ms
            && delay.abs() <= case.delay_ms;
        let line = format!(
            "{} {:<18} {:<9} {:<14} {} ch, ffmpeg {correlation:.5} lag {lag:+.2} ms length {:+.1} ms, source \
             {source_correlation:.4} delay {delay:+.2} ms length {:+.1} ms {}",
            if fits { "ok  " } else { "FAIL" },
            case.file,
            profile.container,
            profile.codec,
            samples.len(),
            lengths[0],
            lengths[1],
            profile.warnings.join(" ")
        );
        println!("{line}");
        if !fits {
            failures.push(line);
        }
    }
    assert!(failures.is_empty(), "{} formats fail:\n{}", failures.len(), failures.join("\n"));
}
