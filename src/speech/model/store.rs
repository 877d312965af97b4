//! The folder that keeps weights: which file a name means, whether it is there and sound, how files get in.
//!
//! A file appears in it only whole: written under another name, flushed, renamed. Beside each file lies a record of
//! its digest and origin. Only one process changes the folder at a time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::{env, io};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::error::ModelError;
use super::ggml;
use super::import::Product;
use super::layout::Format;
use super::manifest::{Form, Manifest, ModelKind, is_model_name};

/// Environment variable that moves the cache.
pub const CACHE_VARIABLE: &str = "DITING_MODELS";

/// The cache of weights of one user or one machine.
#[derive(Debug, Clone)]
pub struct ModelStore {
    dir: PathBuf,
    manifest: Manifest,
}

/// What is written down beside a kept file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is for.
    pub kind: ModelKind,
    /// How it is stored.
    pub format: Format,
    /// Length of the file.
    pub size_bytes: u64,
    /// Digest of the file, in hex.
    pub sha256: String,
    /// Where it came from, for a reader.
    pub source: String,
    /// Whether the manifest vouches for it; otherwise the digest is the one found at import.
    pub pinned: bool,
}

impl Record {
    pub(super) fn new(product: &Product, source: &str, pinned: bool) -> Self {
        Self {
            kind: product.kind,
            format: product.format,
            size_bytes: product.size_bytes,
            sha256: product.sha256.clone(),
            source: source.to_owned(),
            pinned,
        }
    }
}

/// One model that is in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name that finds it.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What is known of it; absent when the file was put there by hand.
    pub record: Option<Record>,
}

/// Keeps other processes from changing the folder; released when dropped.
#[derive(Debug)]
pub(super) struct StoreLock(#[expect(dead_code, reason = "held for its lock")] File);

impl ModelStore {
    /// Opens the cache in `dir`, else where `DITING_MODELS` says, else in the user's cache directory.
    ///
    /// # Errors
    /// [`ModelError::NoCacheDirectory`]; a manifest error.
    pub fn open(dir: Option<&Path>) -> Result<Self, ModelError> {
        let from_environment =
            || env::var_os(CACHE_VARIABLE).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let from_user =
            || directories::ProjectDirs::from("", "", "diting").map(|dirs| dirs.cache_dir().join("models"));
        let dir = dir
            .map(Path::to_path_buf)
            .or_else(from_environment)
            .or_else(from_user)
            .ok_or(ModelError::NoCacheDirectory)?;
        Ok(Self { dir, manifest: Manifest::built_in()? })
    }

    /// Opens a cache with another manifest.
    #[cfg(test)]
    pub(super) fn with_manifest(dir: &Path, manifest: Manifest) -> Self {
        Self { dir: dir.to_path_buf(), manifest }
    }

    /// Where the files lie.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What can be fetched.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The file of weights that `name` means, ready to load: its structure is checked, its digest is not.
    ///
    /// A name is one of the manifest (`small`), optionally with a form (`small-f16`), or one given at import.
    ///
    /// # Errors
    /// [`ModelError::Missing`] tells which command fetches it; [`ModelError::Unknown`]; [`ModelError::Invalid`] when the
    /// file is damaged.
    pub fn path(&self, name: &str) -> Result<PathBuf, ModelError> {
        let path = self.location(name)?;
        if !path.is_file() {
            return Err(ModelError::Missing { name: name.to_owned(), dir: self.dir.clone() });
        }
        ggml::inspect(&path)?;
        Ok(path)
    }

    /// The file of a form, if it is there and sound.
    pub(super) fn path_of_form(&self, form: &Form) -> Result<PathBuf, ModelError> {
        let path = self.dir.join(&form.file);
        ggml::inspect(&path)?;
        Ok(path)
    }

    /// Where the file of `name` lies or would lie.
    pub(super) fn location(&self, name: &str) -> Result<PathBuf, ModelError> {
        if let Some((_, form)) = self.manifest.find(name, None) {
            return Ok(self.dir.join(&form.file));
        }
        let own = self.dir.join(format!("{name}.bin"));
        if is_model_name(name) && own.is_file() {
            return Ok(own);
        }
        let mut known = self.manifest.names();
        known.extend(self.kept()?.into_iter().map(|kept| kept.name));
        known.sort();
        known.dedup();
        Err(ModelError::Unknown { name: name.to_owned(), known })
    }

    /// Everything in the cache: forms of the manifest's models first, then own imports, by name.
    ///
    /// # Errors
    /// [`ModelError::Io`] when the folder cannot be read.
    pub fn kept(&self) -> Result<Vec<Kept>, ModelError> {
        let mut all = Vec::new();
        for model in &self.manifest.models {
            for (i, form) in model.forms.iter().enumerate() {
                let path = self.dir.join(&form.file);
                if path.is_file() {
                    let name = if i == 0 {
                        model.name.clone()
                    } else {
                        format!("{}-{}", model.name, form.format.name())
                    };
                    all.push(Kept { name, record: read_record(&path), path });
                }
            }
        }
        let num_listed = all.len();
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let path = entry?.path();
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".bin"));
            let Some(name) = name.filter(|name| is_model_name(name)) else { continue };
            if all.get(..num_listed).is_some_and(|listed| listed.iter().any(|kept| kept.path == path)) {
                continue;
            }
            all.push(Kept { name: name.to_owned(), record: read_record(&path), path });
        }
        if let Some(own) = all.get_mut(num_listed..) {
            own.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(all)
    }

    /// Waits until no other process changes the folder; `on_wait` is called once if it has to wait.
    pub(super) fn lock(&self, on_wait: impl FnOnce()) -> Result<StoreLock, ModelError> {
        fs::create_dir_all(&self.dir)?;
        let path = self.dir.join(".lock");
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path)?.into_parts().0;
        if file.try_lock().is_err() {
            on_wait();
            file.lock()?;
        }
        Ok(StoreLock(file))
    }

    /// The name under which the file `file` is written before it is whole. Needs the lock.
    pub(super) fn unfinished(&self, file: &str) -> PathBuf {
        self.dir.join(format!(".{file}.unfinished"))
    }

    /// Puts a whole file and its record in place. Needs the lock.
    pub(super) fn install(
        &self,
        unfinished: &Path,
        file: &str,
        record: &Record,
    ) -> Result<PathBuf, ModelError> {
        let path = self.dir.join(file);
        let text = serde_json::to_vec_pretty(record).map_err(io::Error::from)?;
        // The record goes first: a file without its record would look like one that was put there by hand.
        fs::write(record_path(&path), text)?;
        fs::rename(unfinished, &path)?;
        // Not every system can flush a folder; where it cannot, the rename is as durable as it gets.
        if let Ok(dir) = fs::File::open(&self.dir) {
            dir.sync_all().ok();
        }
        Ok(path)
    }
}

/// Where the record of a kept file lies.
fn record_path(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// The record beside `path`; a damaged one counts as none.
pub(super) fn read_record(path: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(record_path(path)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_model_names_the_command_that_fetches_it() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = ModelStore::open(Some(&dir.path().join("not-there"))).expect("it opens");
        let error = store.path("base").expect_err("nothing is there");
        assert!(error.to_string().contains("diting models pull base"), "{error}");
        let error = store.path("nonsense").expect_err("no such model");
        assert!(error.to_string().contains("known: base, small, vad"), "{error}");
        assert!(matches!(store.path("../secret"), Err(ModelError::Unknown { .. })));
        assert!(store.kept().expect("an absent folder is empty").is_empty());
    }

    #[test]
    fn a_damaged_file_is_not_handed_out() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = ModelStore::open(Some(dir.path())).expect("it opens");
        fs::write(dir.path().join("ggml-base-q8_0.bin"), b"lmgg and then nothing").expect("it is written");
        assert!(matches!(store.path("base"), Err(ModelError::Invalid { .. })));
    }

    #[test]
    fn installed_files_are_listed_with_their_record() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = ModelStore::open(Some(dir.path())).expect("it opens");
        let _lock = store.lock(|| panic!("nobody else holds it")).expect("it locks");
        let record = Record {
            kind: ModelKind::Whisper,
            format: Format::Q8_0,
            size_bytes: 3,
            sha256: "ab".to_owned(),
            source: "a test".to_owned(),
            pinned: false,
        };
        for file in ["own.bin", "ggml-small-f16.bin"] {
            let unfinished = store.unfinished(file);
            fs::write(&unfinished, b"abc").expect("it is written");
            store.install(&unfinished, file, &record).expect("it is installed");
            assert!(!unfinished.exists());
        }
        let kept = store.kept().expect("it lists");
        let names: Vec<_> = kept.iter().map(|kept| kept.name.as_str()).collect();
        assert_eq!(names, ["small-f16", "own"]);
        assert!(kept.iter().all(|kept| kept.record.as_ref() == Some(&record)));
    }
}
