//! Reads `manifest.tsv`: which recordings hold which words.

use std::path::{Path, PathBuf};

use super::EvalError;

/// A recording of one sentence and what is said in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledUtterance {
    /// The recording.
    pub path: PathBuf,
    /// The set it is counted in, for example `aishell1`.
    pub set: String,
    /// What is said.
    pub transcript: String,
}

/// Reads `folder/manifest.tsv`: a head line, then path, set, speaker, transcript, separated by tabs; further columns are
/// ignored. Paths are relative to the folder.
///
/// # Errors
/// [`EvalError::Read`], [`EvalError::Manifest`] with the line, [`EvalError::Empty`].
pub fn read_manifest(folder: &Path) -> Result<Vec<LabelledUtterance>, EvalError> {
    let manifest = folder.join("manifest.tsv");
    let text = std::fs::read_to_string(&manifest)
        .map_err(|source| EvalError::Read { path: manifest.clone(), source })?;
    let mut utterances = Vec::new();
    for (index, line) in text.lines().enumerate().skip(1) {
        if line.trim().is_empty() {
            continue;
        }
        let mut columns = line.split('\t');
        let (Some(path), Some(set), Some(_speaker), Some(transcript)) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            return Err(EvalError::Manifest { path: manifest, line: index + 1 });
        };
        utterances.push(LabelledUtterance {
            path: folder.join(path),
            set: set.to_owned(),
            transcript: transcript.to_owned(),
        });
    }
    if utterances.is_empty() {
        return Err(EvalError::Empty { path: folder.to_owned(), expected: "utterances in manifest.tsv" });
    }
    Ok(utterances)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> (tempfile::TempDir, Result<Vec<LabelledUtterance>, EvalError>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("manifest.tsv"), text).unwrap();
        let read = read_manifest(folder.path());
        (folder, read)
    }

    #[test]
    fn columns_past_the_transcript_are_ignored() {
        let (folder, read) =
            manifest("path\tset\tspeaker\ttranscript\tsource\na/1.wav\tnews\ts1\t您好\tsomewhere\n\n");
        let expected = LabelledUtterance {
            path: folder.path().join("a/1.wav"),
            set: "news".to_owned(),
            transcript: "您好".to_owned(),
        };
        assert_eq!(read.unwrap(), [expected]);
    }

    #[test]
    fn a_short_line_is_named() {
        let (_folder, read) = manifest("path\tset\tspeaker\ttranscript\nok.wav\ta\tb\tc\nbad.wav\ta\n");
        assert!(matches!(read, Err(EvalError::Manifest { line: 3, .. })));
    }

    #[test]
    fn nothing_to_measure_is_an_error() {
        assert!(matches!(manifest("path\tset\tspeaker\ttranscript\n").1, Err(EvalError::Empty { .. })));
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_manifest(folder.path()), Err(EvalError::Read { .. })));
    }
}
