//! What lies in a folder and in all folders under it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ItemError, ListingError, ListingProblem};

/// What lies in a folder.
#[derive(Debug, Default)]
pub struct Walked {
    /// Ways from the root to files that end like a recording, parted by `/`, in order.
    pub ways: Vec<Box<str>>,
    /// What cannot be read.
    pub problems: Vec<ListingProblem>,
    /// Files that do not end like a recording.
    pub num_ignored: u64,
}

/// Walks the folder `root`; takes files that end in one of `extensions`.
///
/// # Errors
/// [`ListingError`] when `root` itself cannot be read.
pub fn walk(root: &Path, extensions: &[String]) -> Result<Walked, ListingError> {
    let mut walked = Walked::default();
    let entries =
        fs::read_dir(root).map_err(|source| ListingError::Unreadable { path: root.to_owned(), source })?;
    let mut folders = Vec::new();
    walked.take(root, "", entries, extensions, &mut folders);
    while let Some(way) = folders.pop() {
        let path = root.join(&way);
        match fs::read_dir(&path) {
            Ok(entries) => walked.take(root, &format!("{way}/"), entries, extensions, &mut folders),
            Err(error) => walked.problem(path, unreadable(&error)),
        }
    }
    walked.ways.sort_unstable();
    walked.problems.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(walked)
}

fn unreadable(error: &std::io::Error) -> ItemError {
    ItemError::Unreadable { problem: error.to_string() }
}

impl Walked {
    fn problem(&mut self, path: PathBuf, cause: ItemError) {
        self.problems.push(ListingProblem::file(path, cause));
    }

    /// Takes what lies in one folder; `before` leads to it.
    fn take(
        &mut self,
        root: &Path,
        before: &str,
        entries: fs::ReadDir,
        extensions: &[String],
        folders: &mut Vec<String>,
    ) {
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.problem(root.join(before), unreadable(&error));
                    continue;
                }
            };
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                // Only what looks like a recording is worth a word.
                let lossy = name.to_string_lossy().into_owned();
                if has_extension(&lossy, extensions) || entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    self.problem(entry.path(), ItemError::NameNotUtf8);
                } else {
                    self.num_ignored += 1;
                }
                continue;
            };
            if name.starts_with(['.', '~']) {
                continue;
            }
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) => {
                    self.problem(entry.path(), unreadable(&error));
                    continue;
                }
            };
            if kind.is_dir() {
                folders.push(format!("{before}{name}"));
            } else if kind.is_symlink() && entry.path().is_dir() {
                self.problem(entry.path(), ItemError::LinkedFolder);
            } else if !has_extension(name, extensions) {
                // What lies beside a recording is read with it.
                let is_beside = name.strip_suffix(".json").is_some_and(|of| has_extension(of, extensions));
                self.num_ignored += u64::from(!is_beside);
            } else if kind.is_file() {
                self.ways.push(format!("{before}{name}").into());
            } else {
                // A link may lead to a file; opening a pipe would wait for whoever writes into it.
                match entry.path().metadata() {
                    Ok(metadata) if metadata.is_file() => {
                        self.ways.push(format!("{before}{name}").into());
                    }
                    Ok(_) => self.problem(entry.path(), ItemError::NotAFile),
                    Err(error) => self.problem(entry.path(), unreadable(&error)),
                }
            }
        }
    }
}

fn has_extension(name: &str, extensions: &[String]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}
