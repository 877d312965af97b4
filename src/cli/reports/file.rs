//! Files that appear whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::exit::UsageError;

/// A file under way, under another name in the same folder.
pub(super) struct Waiting {
    file: tempfile::NamedTempFile,
    path: PathBuf,
    force: bool,
    num_bytes: u64,
}

impl Waiting {
    /// Begins a file that will be `path`. Refuses when it is there, unless by `force`.
    pub(super) fn begin(path: &Path, force: bool) -> anyhow::Result<Self> {
        if !force && path.exists() {
            return Err(there(path));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::NamedTempFile::new_in(folder)
            .with_context(|| format!("cannot write to {}", folder.display()))?;
        Ok(Self { file, path: path.to_owned(), force, num_bytes: 0 })
    }

    /// Writes more of it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| format!("cannot write {}", self.path.display()))?;
        self.num_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub(super) fn num_bytes(&self) -> u64 {
        self.num_bytes
    }

    /// Gives it its name, once it is on the disk and as long as it has to be.
    pub(super) fn finish(self, num_bytes: u64) -> anyhow::Result<PathBuf> {
        let Self { file, path, force, num_bytes: actual } = self;
        if actual != num_bytes {
            anyhow::bail!("{} broke off after {actual} of {num_bytes} bytes: try again", path.display());
        }
        file.as_file().sync_all().with_context(|| format!("cannot write {}", path.display()))?;
        let permissions = readable();
        file.as_file()
            .set_permissions(permissions)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let kept = if force { file.persist(&path) } else { file.persist_noclobber(&path) };
        match kept {
            Ok(_) => Ok(path),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(there(&path)),
            Err(error) => Err(error.error).with_context(|| format!("cannot write {}", path.display())),
        }
    }
}

/// As other programs make files; a temporary one is for its owner only.
fn readable() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o644)
}

fn there(path: &Path) -> anyhow::Error {
    UsageError(format!("{} is there already: --force writes over it", path.display())).into()
}

/// A name that a server gave, if it is a name and no path.
pub(super) fn plain_name(name: &str) -> anyhow::Result<&str> {
    let is_plain = Path::new(name).file_name().is_some_and(|plain| plain == name) && !name.starts_with('.');
    if is_plain { Ok(name) } else { anyhow::bail!("the server named a file `{name:?}`, which is no name") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over_and_nothing_is_left_half() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.html");
        let mut whole = Waiting::begin(&path, false).expect("it begins");
        whole.write(b"one").expect("it is written");
        assert!(!path.exists());
        whole.finish(3).expect("it ends");
        assert!(Waiting::begin(&path, false).is_err());
        let mut half = Waiting::begin(&path, true).expect("it begins");
        half.write(b"tw").expect("it is written");
        assert!(half.finish(3).is_err());
        assert_eq!(fs_err::read(&path).expect("it is there"), b"one");
        assert_eq!(fs_err::read_dir(dir.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_path_is_no_name() {
        assert!(plain_name("report-team-一组-2026-03.html").is_ok());
        for path in ["../a", "a/b", "/a", "..", "", ".bashrc"] {
            assert!(plain_name(path).is_err(), "{path}");
        }
    }
}
