//! Reads files of chats for jobs, which do not know their shapes.

use std::io::{self, BufReader};
use std::path::Path;

use crate::archive::{ArchiveError, ChatReading, ReadChat, ReadChats};
use crate::error::Classify;
use crate::ingest::Failure;
use crate::proto::{ReadOptions, TextCall, convert, read_text_calls, text_call_id, v1};
use crate::types::{Millis, time_zone};

/// What leads from the folder `base` to a file of chats, parted by `/` and without its extension: what chats without an id
/// are named after, so that files of one name in two folders are told apart.
#[must_use]
pub fn chat_way(base: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(base).unwrap_or(path).with_extension("");
    let names: Vec<_> = inside.iter().map(|name| name.to_string_lossy()).collect();
    names.join("/")
}

/// Opens the file of chats at `path`; chats without an id are named after `way`, as of [`chat_way`].
///
/// # Errors
/// When it cannot be read, or its accounts make no sense.
pub fn open_chats(path: &Path, way: &str, reading: &ChatReading) -> io::Result<ReadChats> {
    let accounts = v1::ChatAccounts {
        agents: reading.agents.clone(),
        bots: reading.bots.clone(),
        customers: reading.customers.clone(),
    };
    let mut options = ReadOptions {
        accounts: convert::accounts_from_wire(accounts).map_err(io::Error::other)?,
        ..ReadOptions::default()
    };
    if let Some(zone) = &reading.time_zone {
        options.time_zone =
            time_zone(zone).ok_or_else(|| io::Error::other(format!("there is no zone `{zone}`")))?;
    }
    if let Some(minutes) = reading.gap_minutes {
        options.gap = Millis(minutes.saturating_mul(60_000));
    }
    let way = way.to_owned();
    let source = BufReader::new(fs_err::File::open(path)?);
    let chats = read_text_calls(source, &options).map(move |next| {
        let (line, call) = next?;
        let chat = call.map_err(|error| failure(&error)).and_then(|call| {
            let call_id = text_call_id(&way, line, &call);
            let TextCall { metadata, chat, .. } = call;
            let chat = chat.ok_or_else(|| ArchiveError::NotAChat.failure())?;
            Ok(ReadChat { call_id, metadata, chat })
        });
        Ok((line, chat))
    });
    Ok(Box::new(chats))
}

fn failure<E: Classify + std::error::Error>(error: &E) -> Failure {
    Failure { reason: error.reason().to_owned(), message: error.to_string() }
}
