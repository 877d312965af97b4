//! Opens sled safely: lock first, sweep what kills its open, retry without snapshots, catch what it panics with.
//!
//! A kill while sled writes a snapshot leaves `snap.*.generating`, which sorts last and is then read as the snapshot:
//! open fails for ever. Snapshots only save time, the log holds everything, so both cures lose nothing.
//!
//! **Invariant**: no data is ever removed here; an index that cannot be opened stays where it is.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use fs_err as fs;

use super::durability::Durability;
use super::results::ResultFiles;
use super::{StoreConfig, StoreError, keys};
use crate::ingest::files;

const LOCK_NAME: &str = "store.lock";
const INDEX_DIR: &str = "index";
/// The file that sled appends to.
const LOG_NAME: &str = "db";
/// The layout of keys that this program writes and reads.
const LAYOUT_VERSION: &[u8] = &[2];
/// The layout that had no facts of calls.
const LAYOUT_WITHOUT_FACTS: &[u8] = &[1];
/// How often sled writes out by itself what nobody waits for.
const FLUSH_EVERY_MS: u64 = 200;
/// How long sled's own threads may hold its file after the store was dropped in this process.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Parts {
    pub(super) index: sled::Db,
    pub(super) durability: Durability,
    pub(super) results: ResultFiles,
    pub(super) lock: File,
    /// Whether there is a row of facts for every call.
    pub(super) has_rows: bool,
}

pub(super) fn open(config: &StoreConfig) -> Result<Parts, StoreError> {
    let dir = &config.data_dir;
    files::create_dir_durably(dir)?;
    // Before anything is swept: the files may belong to a process that runs.
    let lock =
        files::lock(&dir.join(LOCK_NAME))?.ok_or_else(|| StoreError::Locked { path: dir.to_owned() })?;
    let path = dir.join(INDEX_DIR);
    files::create_dir_durably(&path)?;
    remove_snapshots(&path, |name| name.ends_with(".generating"))?;

    let index = match open_sled(&path, config.cache_bytes) {
        Err(error) if may_be_the_snapshot(&error) => {
            tracing::warn!(error = %crate::error::Chain(&error), "the index opens anew, without its snapshots");
            remove_snapshots(&path, |_| true)?;
            open_sled(&path, config.cache_bytes).map_err(|error| {
                if may_be_the_snapshot(&error) {
                    StoreError::Broken { path: path.clone(), source: Box::new(error) }
                } else {
                    error
                }
            })?
        }
        outcome => outcome?,
    };
    let (log, _) = fs::File::open(path.join(LOG_NAME))?.into_parts();
    let durability = Durability::new(log);
    let has_rows = check_layout(&index, &durability)?;
    files::sync_dir(&path)?;
    Ok(Parts { index, durability, results: ResultFiles::open(dir)?, lock, has_rows })
}

fn open_sled(path: &Path, cache_bytes: u64) -> Result<sled::Db, StoreError> {
    let started = Instant::now();
    loop {
        let config =
            sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(Some(FLUSH_EVERY_MS));
        let outcome = catch_unwind(AssertUnwindSafe(|| config.open()));
        match outcome {
            Ok(Ok(index)) => return Ok(index),
            // OK to wait because `store.lock` proves that no other process has it: threads of a store that was just
            // dropped here still do.
            Ok(Err(sled::Error::Io(error))) if is_lock(&error) => {
                if started.elapsed() > RELEASE_LIMIT {
                    return Err(StoreError::Locked { path: path.to_owned() });
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(StoreError::Corrupt { what: "index" }),
        }
    }
}

/// Whether opening without snapshots can help. A full disk or a file in use is not their fault.
fn may_be_the_snapshot(error: &StoreError) -> bool {
    !matches!(error, StoreError::Locked { .. } | StoreError::DiskFull { .. })
}

fn is_lock(error: &std::io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn remove_snapshots(index: &Path, chosen: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    for entry in fs::read_dir(index)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("snap.") && chosen(name) {
            tracing::warn!(name, "removing a snapshot of the index");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether the layout is that of today; it has rows then.
fn check_layout(index: &sled::Db, durability: &Durability) -> Result<bool, StoreError> {
    match index.get(keys::LAYOUT)?.as_deref() {
        Some(LAYOUT_VERSION) => Ok(true),
        Some(LAYOUT_WITHOUT_FACTS) => Ok(false),
        Some([version]) => Err(StoreError::UnknownVersion { what: "index", version: *version }),
        Some(_) => Err(StoreError::Corrupt { what: "index" }),
        None => {
            note_layout(index, durability)?;
            Ok(true)
        }
    }
}

/// Notes that the layout is that of today.
pub(super) fn note_layout(index: &sled::Db, durability: &Durability) -> Result<(), StoreError> {
    index.insert(keys::LAYOUT, LAYOUT_VERSION)?;
    durability.commit(index)
}
