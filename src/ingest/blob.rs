//! Turns a stream of bytes into a file named by its own hash, kept once however many calls carry it.
//!
//! Layout under the data directory: `blobs/ab/cd/<sha256>` for whole recordings, `staging/` for what is still arriving
//! and for marks. A mark (`<sha256>.mark`) is set before a blob appears or is to disappear and cleared when the store
//! agrees with the disk; marks found at start name the blobs to check, so that a kill between the two leaves nothing.
//!
//! **Invariant**: a file under `blobs/` is whole and durable. Staging is empty after a start but for marks.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_err as fs;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{IngestConfig, IngestError, files};
use crate::types::ContentHash;

const MARK_SUFFIX: &str = ".mark";
const LOCK_NAME: &str = "staging.lock";
const NUM_LOCKS: usize = 64;

/// The recordings of one data directory. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct BlobStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    blobs: PathBuf,
    staging: PathBuf,
    limits: IngestConfig,
    /// Placing and removing one blob exclude each other; different blobs rarely share a lock.
    locks: [Mutex<()>; NUM_LOCKS],
    _lock: std::fs::File,
}

impl BlobStore {
    /// Opens the recordings under `data_dir`, creating the directories, and clears what unfinished uploads left.
    ///
    /// # Errors
    /// [`IngestError::Locked`] when another process uses the directory; [`IngestError::Io`] when the disk fails.
    pub fn open(data_dir: &Path, limits: &IngestConfig) -> Result<Self, IngestError> {
        let (blobs, staging) = (data_dir.join("blobs"), data_dir.join("staging"));
        files::create_dir_durably(&blobs)?;
        files::create_dir_durably(&staging)?;
        let lock = files::lock(&data_dir.join(LOCK_NAME))?
            .ok_or_else(|| IngestError::Locked { path: data_dir.to_owned() })?;
        for entry in fs::read_dir(&staging)? {
            let entry = entry?;
            if marked_hash(&entry.path()).is_none() {
                fs::remove_file(entry.path())?;
            }
        }
        let locks = std::array::from_fn(|_| Mutex::new(()));
        Ok(Self { inner: Arc::new(Inner { blobs, staging, limits: limits.clone(), locks, _lock: lock }) })
    }

    /// Begins to take in a recording. Dropping what is returned leaves nothing behind.
    ///
    /// # Errors
    /// [`IngestError::Io`] or [`IngestError::DiskFull`] when no file can be created.
    pub fn stage(&self) -> Result<StagedBlob, IngestError> {
        let file = NamedTempFile::new_in(&self.inner.staging)?;
        Ok(StagedBlob {
            file,
            hasher: Sha256::new(),
            num_bytes: 0,
            limit: self.inner.limits.max_recording_bytes,
        })
    }

    /// Where the blob `hash` lies, or would lie.
    #[must_use]
    pub fn path(&self, hash: &ContentHash) -> PathBuf {
        let name = hash.to_string();
        let (first, second) = (name.get(..2).unwrap_or_default(), name.get(2..4).unwrap_or_default());
        self.inner.blobs.join(first).join(second).join(&name)
    }

    /// Whether the blob `hash` is there.
    #[must_use]
    pub fn contains(&self, hash: &ContentHash) -> bool {
        self.path(hash).is_file()
    }

    /// Gives `blob` its final name, unless the same bytes are there, and calls `register`, which tells the store.
    ///
    /// When `register` fails and `is_used` says that nobody else has these bytes, the blob goes again. Placing and
    /// removing the same blob exclude each other, so `register` never refers to bytes that are being removed.
    ///
    /// # Errors
    /// Whatever the disk or `register` fails with.
    pub fn place<T, E: From<IngestError>>(
        &self,
        blob: SealedBlob,
        register: impl FnOnce() -> Result<T, E>,
        is_used: impl FnOnce() -> Result<bool, E>,
    ) -> Result<T, E> {
        let hash = blob.hash;
        let _guard = self.guard(&hash);
        let path = self.path(&hash);
        self.mark(&hash)?;
        // A file of another length was damaged from outside: the fresh bytes replace it.
        let present = fs::metadata(&path).is_ok_and(|found| found.len() == blob.num_bytes);
        if !present {
            files::place(blob.file, &path).map_err(IngestError::from)?;
        }
        let outcome = register();
        if outcome.is_err() && !is_used()? {
            files::remove_durably(&path).map_err(IngestError::from)?;
        }
        self.unmark(&hash)?;
        outcome
    }

    /// Calls `unregister`, which tells the store, then removes the blob `hash` if `is_used` says that no call has it.
    ///
    /// # Errors
    /// Whatever the disk, `unregister` or `is_used` fails with.
    pub fn release<T, E: From<IngestError>>(
        &self,
        hash: &ContentHash,
        unregister: impl FnOnce() -> Result<T, E>,
        is_used: impl FnOnce() -> Result<bool, E>,
    ) -> Result<T, E> {
        let _guard = self.guard(hash);
        self.mark(hash)?;
        // The mark must be durable before the call is gone, or a power cut could keep audio that was deleted.
        files::sync_dir(&self.inner.staging).map_err(IngestError::from)?;
        let outcome = unregister()?;
        if !is_used()? {
            files::remove_durably(&self.path(hash)).map_err(IngestError::from)?;
        }
        self.unmark(hash)?;
        Ok(outcome)
    }

    /// Removes marked blobs that `is_used` knows no call for: what a kill in the middle of an upload or a deletion
    /// left. Called once, before anything is taken in.
    ///
    /// # Errors
    /// Whatever the disk or `is_used` fails with.
    pub fn recover<E: From<IngestError>>(
        &self,
        is_used: impl Fn(&ContentHash) -> Result<bool, E>,
    ) -> Result<(), E> {
        for entry in fs::read_dir(&self.inner.staging).map_err(IngestError::from)? {
            let entry = entry.map_err(IngestError::from)?;
            let Some(hash) = marked_hash(&entry.path()) else { continue };
            if !is_used(&hash)? {
                files::remove_durably(&self.path(&hash)).map_err(IngestError::from)?;
            }
            self.unmark(&hash)?;
        }
        Ok(())
    }

    fn guard(&self, hash: &ContentHash) -> MutexGuard<'_, ()> {
        let [first, ..] = hash.as_bytes();
        // OK after a panic elsewhere: the lock guards no data, only an order.
        self.inner.locks[usize::from(*first) % NUM_LOCKS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark_path(&self, hash: &ContentHash) -> PathBuf {
        self.inner.staging.join(format!("{hash}{MARK_SUFFIX}"))
    }

    fn mark(&self, hash: &ContentHash) -> Result<(), IngestError> {
        fs::File::create(self.mark_path(hash))?;
        Ok(())
    }

    fn unmark(&self, hash: &ContentHash) -> Result<(), IngestError> {
        Ok(fs::remove_file(self.mark_path(hash))?)
    }
}

fn marked_hash(path: &Path) -> Option<ContentHash> {
    path.file_name()?.to_str()?.strip_suffix(MARK_SUFFIX)?.parse().ok()
}

/// A recording that is still arriving: hashed while it is written. Dropping it removes its bytes.
#[derive(Debug)]
pub struct StagedBlob {
    file: NamedTempFile,
    hasher: Sha256,
    num_bytes: u64,
    limit: u64,
}

impl StagedBlob {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`IngestError::TooLarge`] when the recording passes its limit; [`IngestError::DiskFull`] or
    /// [`IngestError::Io`] when the disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), IngestError> {
        let num_bytes = self.num_bytes.saturating_add(bytes.len() as u64);
        if num_bytes > self.limit {
            return Err(IngestError::TooLarge { limit: self.limit });
        }
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.num_bytes = num_bytes;
        Ok(())
    }

    /// Ends the recording: its bytes are durable, but not yet under their final name.
    ///
    /// # Errors
    /// [`IngestError::Empty`] when nothing was written; [`IngestError::Io`] when the disk fails.
    pub fn seal(self) -> Result<SealedBlob, IngestError> {
        if self.num_bytes == 0 {
            return Err(IngestError::Empty);
        }
        self.file.as_file().sync_all()?;
        let hash = ContentHash::new(self.hasher.finalize().into());
        Ok(SealedBlob { file: self.file, hash, num_bytes: self.num_bytes })
    }
}

/// A whole recording that waits for its final name. Dropping it removes its bytes.
#[derive(Debug)]
pub struct SealedBlob {
    file: NamedTempFile,
    hash: ContentHash,
    num_bytes: u64,
}

impl SealedBlob {
    /// SHA-256 of the bytes.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Length in bytes.
    #[must_use]
    pub fn num_bytes(&self) -> u64 {
        self.num_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> BlobStore {
        BlobStore::open(dir, &IngestConfig { max_recording_bytes: 1000 }).expect("the directory is writable")
    }

    fn sealed(blobs: &BlobStore, bytes: &[u8]) -> SealedBlob {
        let mut staged = blobs.stage().expect("the directory is writable");
        staged.write(bytes).expect("the bytes fit");
        staged.seal().expect("there are bytes")
    }

    fn place(blobs: &BlobStore, bytes: &[u8], outcome: Result<(), IngestError>) -> Result<(), IngestError> {
        blobs.place(sealed(blobs, bytes), || outcome, || Ok(false))
    }

    fn num_staged(dir: &Path) -> usize {
        fs::read_dir(dir.join("staging")).expect("staging is there").count()
    }

    #[test]
    fn the_same_bytes_are_kept_once_under_their_hash() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let blobs = open(dir.path());
        let hash = sealed(&blobs, b"hello").hash();
        assert_eq!(hash.to_string(), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        place(&blobs, b"hello", Ok(())).expect("placed");
        place(&blobs, b"hello", Ok(())).expect("placed again");
        assert_eq!(fs::read(blobs.path(&hash)).expect("the blob is there"), b"hello");
        assert_eq!(num_staged(dir.path()), 0);
    }

    #[test]
    fn an_aborted_refused_or_unregistered_upload_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let blobs = open(dir.path());
        let mut aborted = blobs.stage().expect("staged");
        aborted.write(&[7; 600]).expect("the bytes fit");
        assert!(matches!(aborted.write(&[7; 600]), Err(IngestError::TooLarge { limit: 1000 })));
        drop(aborted);
        assert!(matches!(blobs.stage().expect("staged").seal(), Err(IngestError::Empty)));
        let hash = sealed(&blobs, b"refused").hash();
        assert!(place(&blobs, b"refused", Err(IngestError::Empty)).is_err());
        assert!(!blobs.contains(&hash));
        assert_eq!(num_staged(dir.path()), 0);
    }

    #[test]
    fn a_start_clears_staging_and_marked_blobs_that_nobody_has() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let blobs = open(dir.path());
        let (kept, orphan) = (sealed(&blobs, b"kept").hash(), sealed(&blobs, b"orphan").hash());
        place(&blobs, b"kept", Ok(())).expect("placed");
        place(&blobs, b"orphan", Ok(())).expect("placed");
        blobs.mark(&kept).expect("marked");
        blobs.mark(&orphan).expect("marked");
        fs::write(dir.path().join("staging/.tmpabc"), b"half").expect("written");
        drop(blobs);

        let blobs = open(dir.path());
        blobs.recover::<IngestError>(|hash| Ok(*hash == kept)).expect("recovered");
        assert!(blobs.contains(&kept));
        assert!(!blobs.contains(&orphan));
        assert_eq!(num_staged(dir.path()), 0);
    }

    #[test]
    fn release_removes_only_what_nobody_uses() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let blobs = open(dir.path());
        let hash = sealed(&blobs, b"shared").hash();
        place(&blobs, b"shared", Ok(())).expect("placed");
        blobs.release::<_, IngestError>(&hash, || Ok(()), || Ok(true)).expect("released");
        assert!(blobs.contains(&hash));
        blobs.release::<_, IngestError>(&hash, || Ok(()), || Ok(false)).expect("released");
        assert!(!blobs.contains(&hash));
    }

    #[test]
    fn a_second_opener_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let _blobs = open(dir.path());
        let second = BlobStore::open(dir.path(), &IngestConfig::default());
        assert!(matches!(second, Err(IngestError::Locked { .. })));
    }
}
