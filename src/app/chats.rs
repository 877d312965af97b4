//! Reads files of chats for jobs, which do not know their shapes.

use std::io::{self, BufReader};
use std::path::Path;

use crate::archive::{ArchiveError, ChatReading, ReadChat, ReadChats};
use crate::error::Classify;
use crate::ingest::Failure;
use crate::proto::{ReadOptions, TextCall, convert, read_text_calls, text_call_id, v1};
use crate::types::Millis;

/// Opens a file of chats.
///
/// # Errors
/// When it cannot be read, or its accounts make no sense.
pub fn open_chats(path: &Path, reading: &ChatReading) -> io::Result<ReadChats> {
    let accounts = v1::ChatAccounts {
        agents: reading.agents.clone(),
        bots: reading.bots.clone(),
        customers: reading.customers.clone(),
    };
    let mut options = ReadOptions {
        accounts: convert::accounts_from_wire(accounts).map_err(io::Error::other)?,
        ..ReadOptions::default()
    };
    if let Some(minutes) = reading.gap_minutes {
        options.gap = Millis(minutes.saturating_mul(60_000));
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let source = BufReader::new(fs_err::File::open(path)?);
    let chats = read_text_calls(source, &options).map(move |next| {
        let (line, call) = next?;
        let chat = call.map_err(|error| failure(&error)).and_then(|call| {
            let call_id = text_call_id(&stem, line, &call);
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
