//! Makes what a store keeps beside its calls anew: their facts, and the index of their words.

use std::sync::Arc;
use std::time::Duration;

use super::AppError;
use crate::config::Config;
use crate::search::TextIndex;
use crate::store::Store;

/// How long to wait for the text index before saying how far it is.
const STEP: Duration = Duration::from_secs(10);

/// What making everything anew came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reindex {
    /// Calls that were looked at.
    pub num_calls: u64,
    /// Calls whose facts were missing, or not as they had to be.
    pub num_mended: u64,
    /// Facts of calls that are no more.
    pub num_removed: u64,
    /// Calls whose record or result cannot be read; the log names them.
    pub num_damaged: u64,
    /// Calls that are found by what was said.
    pub num_texts: u64,
}

/// Opens the store, which nobody else may have open, and makes the facts of all calls and the text index anew.
///
/// # Errors
/// [`AppError::Store`] when it does not open or its disk fails; [`AppError::Search`] when the text index cannot be made.
pub fn reindex(config: &Config) -> Result<Reindex, AppError> {
    let store = Arc::new(Store::open(&config.store)?);
    let rows = store.reindex()?;
    let search = TextIndex::start(Arc::clone(&store))?;
    search.begin_anew();
    let last = store.last_change();
    while !search.wait_for(last, STEP) {
        tracing::info!(current_to = search.current_to(), last, "the text index is being made");
    }
    let num_texts = search.num_texts();
    search.stop();
    Ok(Reindex {
        num_calls: rows.num_calls,
        num_mended: rows.num_mended,
        num_removed: rows.num_removed,
        num_damaged: rows.num_damaged,
        num_texts,
    })
}
