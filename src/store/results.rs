//! One file per finished call: its findings and score first, then its dialogue, then, if something was masked and kept,
//! the sealed originals, each a frame of its own.
//!
//! Outside sled, because a page of sled that passes 128 KiB goes to a file that sled never syncs, because sled never
//! gives space back, and because a deleted call must be gone from the disk. Findings come first so that reading them
//! does not decode the words.
//!
//! **Invariant**: a file is named by one acceptance of one call, so a call deleted and sent again never meets its old
//! result.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::record::{CallResult, DialoguePart};
use super::said::{Findings, Said, Talk};
use super::{StoreError, codec};
use crate::analysis::Analysis;
use crate::catalog::RuleTable;
use crate::dialogue::Dialogue;
use crate::ingest::files;
use crate::types::CallId;

const NAME_BYTES: usize = 16;

#[derive(Debug)]
pub(super) struct ResultFiles {
    dir: PathBuf,
    staging: PathBuf,
    tables: PathBuf,
}

impl ResultFiles {
    pub(super) fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let (dir, staging) = (data_dir.join("results"), data_dir.join("results/staging"));
        files::create_dir_durably(&staging)?;
        for entry in fs::read_dir(&staging)? {
            fs::remove_file(entry?.path())?;
        }
        let tables = data_dir.join("tables");
        files::create_dir_durably(&tables)?;
        Ok(Self { dir, staging, tables })
    }

    /// The name of the result of call `id` as received at `received_at`.
    pub(super) fn name(id: &CallId, received_at: jiff::Timestamp) -> String {
        let mut digest = Sha256::new();
        digest.update(received_at.as_microsecond().to_be_bytes());
        digest.update(id.as_str().as_bytes());
        let digest = digest.finalize();
        let (digest, _) = digest.split_at(NAME_BYTES);
        hex::encode(digest)
    }

    /// Puts a result aside, not yet durable.
    pub(super) fn stage(&self, result: &CallResult) -> Result<NamedTempFile, StoreError> {
        self.stage_bytes(&Self::encode(result)?)
    }

    /// Puts other findings aside with what lies behind the old ones, not yet durable.
    pub(super) fn stage_findings(
        &self,
        analysis: &Analysis,
        rest: &[u8],
    ) -> Result<NamedTempFile, StoreError> {
        let mut bytes = codec::encode(analysis, "findings")?;
        if codec::decode::<Analysis>(&bytes, "findings").is_err() {
            return Err(unstorable());
        }
        bytes.extend_from_slice(rest);
        self.stage_bytes(&bytes)
    }

    fn stage_bytes(&self, bytes: &[u8]) -> Result<NamedTempFile, StoreError> {
        let mut file = NamedTempFile::new_in(&self.staging)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    /// Gives what was put aside, and is durable by now, the name of the result that it replaces.
    pub(super) fn replace(&self, staged: NamedTempFile, name: &str) -> Result<(), StoreError> {
        staged.persist(self.path(name)).map_err(|failed| failed.error)?;
        Ok(())
    }

    /// Gives what was put aside the name of a result that no record names yet; neither it nor its name is durable.
    pub(super) fn place(&self, staged: NamedTempFile, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        staged.persist(path).map_err(|failed| failed.error)?;
        Ok(())
    }

    /// Waits until everything that was written to this file system is on the disk, names included.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        Ok(files::sync_file_system(&self.staging)?)
    }

    /// Writes a result durably, over an earlier one of the same acceptance.
    pub(super) fn write(&self, name: &str, result: &CallResult) -> Result<(), StoreError> {
        Ok(files::write_durably(&self.staging, &self.path(name), &Self::encode(result)?)?)
    }

    fn encode(result: &CallResult) -> Result<Vec<u8>, StoreError> {
        let mut bytes = codec::encode(&result.analysis, "findings")?;
        bytes.extend(codec::encode(&DialoguePart::of(result), "dialogue")?);
        if let Some(sealed) = &result.masking.sealed {
            bytes.extend(codec::encode(sealed, "sealed originals")?);
        }
        if matches!(Self::decode(&bytes), Err(StoreError::Corrupt { .. })) {
            return Err(unstorable());
        }
        Ok(bytes)
    }

    pub(super) fn read(&self, name: &str) -> Result<CallResult, StoreError> {
        Self::decode(&fs::read(self.path(name)).map_err(unreadable)?)
    }

    /// A result, and the frames behind its findings as they lie in the file.
    pub(super) fn read_with_rest(&self, name: &str) -> Result<(CallResult, Vec<u8>), StoreError> {
        let bytes = fs::read(self.path(name)).map_err(unreadable)?;
        let (analysis, rest) = codec::decode_first(&bytes, "findings")?;
        Ok((Self::decode_rest(analysis, rest)?, rest.to_vec()))
    }

    pub(super) fn read_analysis(&self, name: &str) -> Result<Analysis, StoreError> {
        let mut bytes = Vec::new();
        let mut file = fs::File::open(self.path(name)).map_err(unreadable)?;
        // The findings nearly always end within the first block; the rest is read only when they do not.
        Read::by_ref(&mut file).take(32 << 10).read_to_end(&mut bytes)?;
        if let Ok((analysis, _)) = codec::decode_first(&bytes, "findings") {
            return Ok(analysis);
        }
        file.read_to_end(&mut bytes)?;
        Ok(codec::decode_first(&bytes, "findings")?.0)
    }

    /// The dialogue alone, without decoding the findings before it.
    pub(super) fn read_dialogue(&self, name: &str) -> Result<Dialogue, StoreError> {
        let bytes = fs::read(self.path(name)).map_err(unreadable)?;
        let (part, _): (DialoguePart, _) =
            codec::decode_first(codec::after_first(&bytes, "findings")?, "dialogue")?;
        Ok(part.dialogue)
    }

    /// What was said, and where rules hit when `with_hits`; findings are not decoded else.
    pub(super) fn read_said(&self, name: &str, with_hits: bool) -> Result<Said, StoreError> {
        let bytes = fs::read(self.path(name)).map_err(unreadable)?;
        let (findings, rest): (Option<Findings>, _) = if with_hits {
            let (findings, rest) = codec::decode_first(&bytes, "findings")?;
            (Some(findings), rest)
        } else {
            (None, codec::after_first(&bytes, "findings")?)
        };
        let (talk, _): (Talk, _) = codec::decode_first(rest, "dialogue")?;
        Ok(Said::of(findings, talk))
    }

    /// Keeps a table of rules under its id, durably.
    pub(super) fn write_table(&self, table: &RuleTable) -> Result<(), StoreError> {
        let path = self.tables.join(format!("{:016x}", table.id().0));
        Ok(files::write_durably(&self.staging, &path, &codec::encode(table, "table of rules")?)?)
    }

    /// Every table of rules; a damaged one is logged and left out.
    pub(super) fn read_tables(&self) -> Result<Vec<RuleTable>, StoreError> {
        let mut tables = Vec::new();
        for entry in fs::read_dir(&self.tables)? {
            let path = entry?.path();
            match codec::decode(&fs::read(&path)?, "table of rules") {
                Ok(table) => tables.push(table),
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a table of rules is made anew")
                }
            }
        }
        Ok(tables)
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        Ok(files::remove_durably(&self.path(name))?)
    }

    fn decode(bytes: &[u8]) -> Result<CallResult, StoreError> {
        let (analysis, rest) = codec::decode_first(bytes, "findings")?;
        Self::decode_rest(analysis, rest)
    }

    fn decode_rest(analysis: Analysis, rest: &[u8]) -> Result<CallResult, StoreError> {
        let (part, rest): (DialoguePart, _) = codec::decode_first(rest, "dialogue")?;
        let sealed = if rest.is_empty() { None } else { Some(codec::decode(rest, "sealed originals")?) };
        Ok(part.with(analysis, sealed))
    }

    fn path(&self, name: &str) -> PathBuf {
        let (first, second) = (name.get(..2).unwrap_or_default(), name.get(2..4).unwrap_or_default());
        self.dir.join(first).join(second).join(name)
    }
}

fn unstorable() -> StoreError {
    // JSON has no NaN: better refused now than unreadable later.
    let source = serde::de::Error::custom("it does not read back as it was");
    StoreError::Unstorable { what: "result", source }
}

/// A record names this file, so its absence is damage.
fn unreadable(error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::NotFound {
        StoreError::Corrupt { what: "result" }
    } else {
        error.into()
    }
}
