//! Rule packs that were sent with jobs, kept in the data directory by their digest.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;

use super::ArchiveError;
use crate::analysis::RuleSet;
use crate::ingest::files;

/// Keeps the texts of `rules` durably; gives their digest.
pub(super) fn keep(
    data_dir: &Path,
    sources: &[(String, String)],
    rules: &RuleSet,
) -> Result<String, ArchiveError> {
    let digest = rules.digest().to_string();
    let path = path(data_dir, &digest);
    let write = || -> io::Result<()> {
        let staging = data_dir.join("packs");
        files::create_dir_durably(&staging)?;
        files::write_durably(&staging, &path, &serde_json::to_vec(sources)?)
    };
    write().map_err(crate::store::StoreError::from)?;
    Ok(digest)
}

/// Compiles a pack that was kept.
pub(super) fn load(data_dir: &Path, digest: &str) -> Result<Arc<RuleSet>, ArchiveError> {
    let read = || -> io::Result<Vec<(String, String)>> {
        Ok(serde_json::from_slice(&fs::read(path(data_dir, digest))?)?)
    };
    let sources = read().map_err(|source| ArchiveError::PackMissing { source })?;
    Ok(Arc::new(RuleSet::compile_all(&sources)?))
}

fn path(data_dir: &Path, digest: &str) -> PathBuf {
    data_dir.join("packs").join(format!("{digest}.json"))
}
