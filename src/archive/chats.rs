//! Chats of a file, read one after the other by whoever knows their shapes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dialogue::Chat;
use crate::ingest::Failure;
use crate::types::{CallId, CallMetadata};

/// How files of chats are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatReading {
    /// Accounts of agents: names, prefixes as `kf_*`, expressions as `/kf[0-9]+/`.
    pub agents: Vec<String>,
    /// Accounts of robots.
    pub bots: Vec<String>,
    /// Accounts of customers.
    pub customers: Vec<String>,
    /// Two messages of the same people further apart than so many minutes are two chats; the reader's own when absent.
    pub gap_minutes: Option<u64>,
    /// The zone of times that do not say theirs, a name or an offset; the reader's own when absent.
    pub time_zone: Option<String>,
}

/// A chat of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadChat {
    /// Its id.
    pub call_id: CallId,
    /// What the file says about it.
    pub metadata: CallMetadata,
    /// Its messages.
    pub chat: Chat,
}

/// The chats of a file with the numbers of their lines, from 1, and what is wrong with a line.
pub type ReadChats = Box<dyn Iterator<Item = io::Result<(usize, Result<ReadChat, Failure>)>> + Send>;

/// Opens a file of chats in a folder, under which chats without an id are named by their way to it; what is wrong with how it is to be read, otherwise.
pub type OpenChats = dyn Fn(&Path, &Path, &ChatReading) -> io::Result<ReadChats> + Send + Sync;

/// The file that is being read, so that chat after chat does not begin at its start.
pub(super) struct OpenFile {
    path: PathBuf,
    chats: ReadChats,
    /// How many were given.
    num_read: u64,
}

/// Gives chats by file and number, fast where they are asked for in order.
pub(super) struct ChatSource {
    open: Arc<OpenChats>,
    reading: ChatReading,
    /// The folder of the archive.
    base: PathBuf,
    current: Option<OpenFile>,
}

impl ChatSource {
    pub(super) fn new(open: Arc<OpenChats>, reading: ChatReading, base: PathBuf) -> Self {
        Self { open, reading, base, current: None }
    }

    /// Every chat of a file.
    pub(super) fn all(&self, path: &Path) -> io::Result<ReadChats> {
        (self.open)(&self.base, path, &self.reading)
    }

    /// The chat `number` of a file, from 0; nothing when there are fewer.
    pub(super) fn get(&mut self, path: &Path, number: u64) -> io::Result<Option<Result<ReadChat, Failure>>> {
        let mut file = match self.current.take() {
            Some(file) if file.path == path && file.num_read <= number => file,
            Some(_) | None => OpenFile { path: path.to_owned(), chats: self.all(path)?, num_read: 0 },
        };
        while let Some(next) = file.chats.next() {
            let (_, chat) = next?;
            file.num_read += 1;
            if file.num_read > number {
                self.current = Some(file);
                return Ok(Some(chat));
            }
        }
        Ok(None)
    }
}
