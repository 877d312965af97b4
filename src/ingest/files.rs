//! Files that survive a power cut: written aside, synced, renamed, and the directory synced.
//!
//! **Invariant**: a file under its final name is whole, whenever the machine stops.

use std::io::{self, Write};
use std::path::Path;

use fs_err as fs;
use tempfile::NamedTempFile;

/// Creates `path` and its missing parents, and makes each new name durable.
pub(crate) fn create_dir_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_dir_durably(parent)?;
    match fs::create_dir(path) {
        Ok(()) => {}
        // OK because another thread made it; its name is synced below all the same.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    sync_dir(parent)
}

/// Makes the names in `path` durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Gives the finished, synced file `from` its final name and makes the name durable.
pub(crate) fn place(from: NamedTempFile, to: &Path) -> io::Result<()> {
    let dir = to.parent().unwrap_or(Path::new("."));
    create_dir_durably(dir)?;
    from.persist(to).map_err(|failed| failed.error)?;
    sync_dir(dir)
}

/// Writes `bytes` as `to`, passing through the directory `staging` on the same file system.
pub(crate) fn write_durably(staging: &Path, to: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(staging)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    place(file, to)
}

/// Waits until everything written to the file system of `dir` is on the disk.
pub(crate) fn sync_file_system(dir: &Path) -> io::Result<()> {
    let dir = fs::File::open(dir)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&dir)?;
    #[cfg(not(target_os = "linux"))]
    {
        drop(dir);
        rustix::fs::sync();
    }
    Ok(())
}

/// Removes a file, if it is there, and makes that durable.
pub(crate) fn remove_durably(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_dir(path.parent().unwrap_or(Path::new("."))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes a lock that belongs to this process until the file is dropped; `None` when another process has it.
pub(crate) fn lock(path: &Path) -> io::Result<Option<std::fs::File>> {
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    let (file, _) = file.into_parts();
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}
