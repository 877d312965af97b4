//! What becomes of a file that was sent.
//!
//! **Invariant**: no file is overwritten, and none is deleted before what takes its place is on disk. Done again after a
//! crash, it ends the same.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::audio::EXTENSIONS;

/// Names that are tried for a file whose own is taken.
const MAX_NAMES: u32 = 10_000;

/// What becomes of a file that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// It stays; the journal knows it.
    Keep,
    /// It goes to another folder, under the same way.
    Move(PathBuf),
    /// It goes.
    Delete,
    /// Its name gets this ending.
    Rename(String),
}

impl FromStr for Then {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_recording = |suffix: &str| {
            let extension = suffix.rsplit('.').next().unwrap_or_default().to_lowercase();
            EXTENSIONS.contains(&extension.as_str())
        };
        match text.split_once('=') {
            None if text == "keep" => Ok(Self::Keep),
            None if text == "delete" => Ok(Self::Delete),
            Some(("move", folder)) if !folder.is_empty() => Ok(Self::Move(folder.into())),
            Some(("rename", suffix)) if is_recording(suffix) => Err(format!(
                "a file that ends in `{suffix}` would be sent again: choose another, for example .done"
            )),
            Some(("rename", suffix))
                if suffix.len() > 1 && suffix.starts_with('.') && !suffix.contains(['/', '\\']) =>
            {
                Ok(Self::Rename(suffix.to_owned()))
            }
            _ => Err(format!("`{text}` is none of keep, delete, move=FOLDER and rename=.done")),
        }
    }
}

impl Then {
    /// Does it to the file `way` in `root`. A file that is gone already is well.
    pub(super) fn finish(&self, root: &Path, way: &str) -> io::Result<()> {
        let path = root.join(way);
        let outcome = match self {
            Self::Keep => Ok(()),
            Self::Delete => fs_err::remove_file(&path),
            Self::Move(folder) => transfer(&path, &folder.join(way)),
            Self::Rename(suffix) => transfer(&path, &root.join(format!("{way}{suffix}"))),
        };
        match outcome {
            Err(error) if error.kind() == ErrorKind::NotFound && !path.exists() => Ok(()),
            other => other,
        }
    }
}

/// Brings the file `from` to `to`, or to a name beside it when that is taken by other bytes.
fn transfer(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs_err::create_dir_all(folder)?;
    }
    for number in 1..=MAX_NAMES {
        let to = numbered(to, number);
        match place(from, &to) {
            Ok(()) => return fs_err::remove_file(from),
            // What an earlier try left is the same file.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if is_same(from, &to)? {
                    return fs_err::remove_file(from);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, format!("every name like `{}` is taken", to.display())))
}

/// `a.wav`, then `a.2.wav`, `a.3.wav`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    path.with_file_name(format!("{stem}.{number}{}", extension.unwrap_or_default()))
}

/// Makes `to` the file `from`, which stays; fails when there is a `to`.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => fs_err::File::open(to.parent().unwrap_or(Path::new(".")))?.sync_all(),
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Err(error),
        // Another disk, or one that knows no links.
        Err(_) => copy(from, to),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".diting-").tempfile_in(folder)?;
    let mut source = fs_err::File::open(from)?;
    let modified = source.metadata()?.modified();
    io::copy(&mut source, &mut file)?;
    if let Ok(modified) = modified {
        file.as_file().set_modified(modified)?;
    }
    file.as_file().sync_all()?;
    file.persist_noclobber(to).map_err(|error| error.error)?;
    fs_err::File::open(folder)?.sync_all()
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (fs_err::File::open(one)?, fs_err::File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let num_read = one.read(&mut left)?;
        if num_read == 0 {
            return Ok(true);
        }
        let (left, right) = (left.get(..num_read), right.get_mut(..num_read));
        let (Some(left), Some(right)) = (left, right) else { return Ok(false) };
        other.read_exact(right)?;
        if left != right {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("it is there");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("it reads").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_can_be_typed_is_read_and_the_rest_refused() {
        assert_eq!("keep".parse(), Ok(Then::Keep));
        assert_eq!("move=a/b".parse(), Ok(Then::Move("a/b".into())));
        assert_eq!("rename=.done".parse(), Ok(Then::Rename(".done".to_owned())));
        for text in ["", "move", "move=", "rename=done", "rename=.", "rename=.wav", "rename=.x/y", "burn"] {
            assert!(text.parse::<Then>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_is_moved_with_its_way_and_never_over_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, done) = (folder.path().join("in"), folder.path().join("done"));
        let then = Then::Move(done.clone());
        for bytes in [&b"one"[..], b"two", b"one", b"two"] {
            std::fs::create_dir_all(root.join("sub")).expect("it is made");
            std::fs::write(root.join("sub/a.wav"), bytes).expect("it is written");
            then.finish(&root, "sub/a.wav").expect("it moves");
            assert!(names(&root.join("sub")).is_empty());
        }
        assert_eq!(names(&done.join("sub")), ["a.2.wav", "a.wav"], "the same bytes need no second name");
        assert_eq!(std::fs::read(done.join("sub/a.2.wav")).expect("it is there"), b"two");
        then.finish(&root, "sub/a.wav").expect("a file that is gone is well");
    }

    #[test]
    fn a_copy_keeps_the_time_and_does_not_go_over_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("a.wav"), folder.path().join("b.wav"));
        std::fs::write(&from, b"one").expect("it is written");
        copy(&from, &to).expect("it copies");
        let time = |path: &Path| path.metadata().expect("it is there").modified().expect("it has a time");
        assert_eq!(time(&from), time(&to));
        assert_eq!(copy(&from, &to).expect_err("it is there").kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(folder.path()), ["a.wav", "b.wav"]);
    }

    #[test]
    fn a_file_is_renamed_or_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.wav", "b.wav"] {
            std::fs::write(folder.path().join(name), name).expect("it is written");
        }
        Then::Rename(".done".to_owned()).finish(folder.path(), "a.wav").expect("it is renamed");
        Then::Delete.finish(folder.path(), "b.wav").expect("it is deleted");
        Then::Delete.finish(folder.path(), "b.wav").expect("it is gone");
        assert_eq!(names(folder.path()), ["a.wav.done"]);
    }
}
