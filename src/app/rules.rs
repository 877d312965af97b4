//! Reads rule packs from disk for [`RuleSet`], which reads nothing itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AppError;
use crate::analysis::RuleSet;
use crate::config::Config;

/// Loads the rule pack: the configured file or folder of `.toml` files, else the bank pack that is built in.
///
/// # Errors
/// [`AppError::PackUnreadable`]; [`AppError::Rules`] with file, line and column.
pub fn load_rules(config: &Config) -> Result<Arc<RuleSet>, AppError> {
    let Some(path) = &config.rules.scheme else { return Ok(Arc::new(RuleSet::bank())) };
    Ok(Arc::new(RuleSet::compile_all(&read_pack(path)?)?))
}

/// Names and texts of the files that `path` means: itself, or the `.toml` files of a folder by name.
///
/// # Errors
/// [`AppError::PackUnreadable`], also for a folder without any.
pub fn read_pack(path: &Path) -> Result<Vec<(String, String)>, AppError> {
    read(path).map_err(|source| AppError::PackUnreadable { path: path.to_owned(), source })
}

fn read(path: &Path) -> io::Result<Vec<(String, String)>> {
    let files = if path.is_dir() { toml_files(path)? } else { vec![path.to_owned()] };
    let mut sources = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        sources.push((file.display().to_string(), text));
    }
    Ok(sources)
}

fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    // The order of a folder is the machine's; findings must not depend on it.
    files.sort();
    if files.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it holds no .toml file"));
    }
    Ok(files)
}
