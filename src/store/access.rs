//! The audit record: who asked for originals. Entries outlive the call they are about.
//!
//! **Invariant**: an entry is on the disk before what it tells of is given out, and is never changed or removed.

use serde::{Deserialize, Serialize};

use super::{Page, PageToken, Store, StoreError, codec, keys};
use crate::types::CallId;

/// Most entries on a page.
const MAX_PAGE_SIZE: usize = 500;
/// Most characters of a reason that are kept; with the operator they stay below what a value in sled may have.
const MAX_REASON_CHARS: usize = 500;
/// Most characters of an operator.
const MAX_OPERATOR_CHARS: usize = 128;
/// Entries of the same call in the same microsecond that find a place.
const MAX_SHIFT: i64 = 1000;
/// What marks the page tokens of this list.
const FILTER: u32 = u32::from_be_bytes(*b"audi");

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// The transcript as it was said.
    Transcript,
    /// The whole recording.
    Audio,
    /// The audit record itself.
    List,
}

/// Somebody asked for an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRecord {
    /// When.
    pub at: jiff::Timestamp,
    /// Who holds the token that was sent; absent when it was nobody's.
    pub holder: Option<String>,
    /// For whom it was asked, as the request said.
    pub operator: String,
    /// The call; absent for the audit record itself.
    pub call_id: Option<CallId>,
    /// What was asked for.
    pub kind: AccessKind,
    /// Why, as the request said.
    pub reason: String,
    /// Why it was refused, by its stable name; absent when it was granted.
    pub refused: Option<String>,
}

impl Store {
    /// Adds an entry; durable when it returns.
    ///
    /// # Errors
    /// Anything the disk fails with: then nothing may be given out.
    pub fn record_access(&self, record: &AccessRecord) -> Result<(), StoreError> {
        self.check()?;
        let mut record = record.clone();
        record.reason = record.reason.chars().take(MAX_REASON_CHARS).collect();
        record.operator = record.operator.chars().take(MAX_OPERATOR_CHARS).collect();
        let value = codec::encode(&record, "audit entry")?;
        let id = record.call_id.as_ref().map_or("", CallId::as_str);
        for shift in 0..MAX_SHIFT {
            let at = record.at + jiff::SignedDuration::from_micros(shift);
            let key = keys::access(at, id);
            if self.index.compare_and_swap(&key, None::<&[u8]>, Some(value.as_slice()))?.is_ok() {
                return self.commit();
            }
        }
        Err(StoreError::Stopped)
    }

    /// Entries, newest first, at most `page_size` (1 to 500). A damaged one is logged and left out.
    ///
    /// # Errors
    /// [`StoreError::PageToken`] when the token is of another list; anything the disk fails with.
    pub fn list_access(
        &self,
        page_size: usize,
        from: Option<&PageToken>,
    ) -> Result<Page<AccessRecord>, StoreError> {
        let page_size = page_size.clamp(1, MAX_PAGE_SIZE);
        let start = match from {
            Some(token) if token.filter != FILTER => return Err(StoreError::PageToken),
            // The first key after that position.
            Some(token) => keys::concat(&[keys::ACCESS, &token.position, &[0]]),
            None => keys::ACCESS.to_vec(),
        };
        let end = keys::after(keys::ACCESS).ok_or(StoreError::Corrupt { what: "index" })?;
        let mut page = Page { items: Vec::new(), next: None };
        let mut position = Vec::new();
        for entry in self.index.range(start..end) {
            let (key, value) = entry?;
            if page.items.len() == page_size {
                page.next = Some(PageToken { filter: FILTER, position });
                break;
            }
            position = key.get(keys::ACCESS.len()..).unwrap_or_default().to_vec();
            match codec::decode(&value, "audit entry") {
                Ok(record) => page.items.push(record),
                Err(error @ (StoreError::Corrupt { .. } | StoreError::UnknownVersion { .. })) => {
                    tracing::error!(%error, "an audit entry is passed over");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }
}
